"""Learners' solutions: the wrong ones are named by their mistake, the right ones pass, each in its own style."""

import copy
import itertools
import re
from collections import Counter

import numpy as np
import pytest

from captioning.datasets.tokens import END, PAD, START, UNK
from captioning.grading import batching_checks, caption_steps, indexing_checks, loss_checks, vocabulary_checks
from captioning.grading.decoder_probe import padded_sentences
from captioning.settings import Settings
from tests.grading import learners, right_solutions, wrong_solutions
from tests.grading.learners import STEPS, VOCAB, defined, in_one_class, is_named, made_decoder, with_keras, with_loss
from tests.helpers import course_cells

BY_TENSORS = {"states": "STATES", "words in": "WORDS_IN", "logits": "LOGITS", "loss": "TARGETS"}


def cases(solutions, *names):
    """(list, name) of each solution in some lists, with readable ids."""
    return [pytest.param(name, each, id=f"{name}: {each}") for name in names for each in getattr(solutions, name)]


def wrong(name, mistake):
    """(code, words of the message) of a wrong solution."""
    code, *words = getattr(wrong_solutions, name)[mistake]
    return code, words


def result(solution, *arguments):
    """What a solution gives for copies of some arguments; None if it fails."""
    try:
        return solution(*copy.deepcopy(arguments))
    except Exception:
        return None


def check_text(grader, name, code, captions):
    """The verdict on a solution of exercise 1, 2 or 3."""
    if name == "VOCABULARY":
        solution = defined(code, "generate_vocabulary", train_captions=captions)
        return grader.check_vocabulary(result(solution, captions), solution, captions)
    if name == "INDEXING":
        vocab = dict(VOCAB)
        solution = defined(code, "caption_tokens_to_indices", vocab=vocab)
        verdict = grader.check_indexing(result(solution, captions, vocab), vocab, solution)
        assert vocab == VOCAB
        return verdict
    given = with_keras() if "keras" in code else {}
    return grader.check_batching(defined(code, "batch_captions_to_matrix", **given))


@pytest.mark.parametrize("name, mistake", cases(wrong_solutions, "VOCABULARY", "INDEXING", "BATCHING"))
def test_a_wrong_solution_with_captions_is_named(grader, captions, name, mistake):
    code, words = wrong(name, mistake)
    assert is_named(check_text(grader, name, code, captions), words)


@pytest.mark.parametrize("name, style", cases(right_solutions, "VOCABULARY", "INDEXING", "BATCHING"))
def test_a_right_solution_with_captions_passes_with_its_points_and_its_answer(grader, captions, name, style):
    verdict = check_text(grader, name, getattr(right_solutions, name)[style], captions)
    assert verdict.passed and verdict.points == 10, verdict
    assert verdict.answer == {"VOCABULARY": "50 50 1", "INDEXING": "1 1 47 49 1 4",
                              "BATCHING": "1 2 3 4 5 -1 1 2 4 5 1 2 3 4 5 -1"}[name]


def test_words_that_are_cut_in_another_way_are_no_matter_of_counting():
    """In the practice captions, no usual mistake of counting finds the words that another split finds."""
    practice = vocabulary_checks.PRACTICE_CAPTIONS
    counts = Counter(word for photo in practice for caption in photo for word in learners.split_sentence(caption))
    assert [counts[word] for word in ("big", "dog", "ball", "kite", "red")] == [8, 7, 5, 4, 5]
    found = {mistake: str(result(defined(code, "generate_vocabulary", train_captions=practice), practice))
             for mistake, (code, *_) in wrong_solutions.VOCABULARY.items()}
    of_splits = {found.pop(mistake) for mistake in ("not split_sentence", *wrong_solutions.OTHER_SPLITS)}
    assert not of_splits & set(found.values())


@pytest.mark.parametrize("frequent_from, counted", [(range(1, 61), 29), ((5, 17, 24), 20)])
def test_the_number_of_photos_that_were_counted_is_told_as_nearly_as_the_words_tell_it(grader, frequent_from, counted):
    """At some photos, a new word becomes frequent. Between two such photos, the roundest number is the likeliest."""
    captions = [[f"u{i} " * 5 if i in frequent_from else "rare"] for i in range(1, 61)]
    generate = defined(right_solutions.VOCABULARY["loops"], "generate_vocabulary")

    def of_some(train_captions):
        return generate(train_captions[:counted])

    verdict = grader.check_vocabulary(of_some(captions), of_some, captions)
    assert is_named(verdict, [f"counts the first {counted} photos only"])


def test_a_vocabulary_or_indices_made_by_an_older_function_are_told_from_a_wrong_function(grader, captions):
    generate, index = (defined(right_solutions.VOCABULARY["loops"], "generate_vocabulary"),
                       defined(right_solutions.INDEXING["loops"], "caption_tokens_to_indices"))
    verdict = grader.check_vocabulary(generate(captions[:5]), generate, captions)
    assert is_named(verdict, ["generate_vocabulary is right", "run the cells"])
    stale = [[caption[1:] for caption in photo] for photo in index(captions, VOCAB)]
    assert is_named(grader.check_indexing(stale, VOCAB, index), ["is right", "run the cell that indexes"])


def test_a_vocabulary_that_indices_can_not_be_made_with_is_traced_back_to_exercise_1(grader, captions):
    index = defined(right_solutions.INDEXING["loops"], "caption_tokens_to_indices")
    without = {token: number for token, number in VOCAB.items() if token != UNK}
    assert is_named(grader.check_indexing([], without, index), ["vocabulary lacks #UNK#"])
    shared = VOCAB | {"w1": VOCAB["w2"]}
    assert is_named(grader.check_indexing([], shared, index), ["share an index", "50 indices", "49 indices"])
    of_numpy = dict(zip(VOCAB, np.arange(len(VOCAB))))
    verdict = grader.check_indexing(index(captions, of_numpy), of_numpy, index)
    assert is_named(verdict, ["NumPy", "vocab holds them already"])
    assert verdict.answer.split()[4] == "0"             # the service counts this as wrong, so it must be said


def test_no_function_of_the_checks_is_a_solution(grader, captions):
    for module in (vocabulary_checks, indexing_checks, batching_checks):
        for function in vars(module).values():
            if callable(function) and getattr(function, "__module__", "") == module.__name__:
                assert not grader.check_vocabulary(VOCAB, function, captions).passed
                assert not grader.check_indexing([], VOCAB, function).passed
                assert not grader.check_batching(function).passed


# ---------------------------------------------------------------------------------------------------- the decoder

@pytest.fixture(scope="module")
def up_to_logits():
    """A decoder that lacks its loss."""
    return made_decoder(upto="logits")


def with_wrong_step(up_to_logits, step, code):
    return with_loss(up_to_logits, code) if step == "loss" else made_decoder(**{STEPS[step]: code})


MISTAKES = [pytest.param(step, mistake, id=f"{step}: {mistake}")
            for step, name in BY_TENSORS.items() for mistake in getattr(wrong_solutions, name)]


@pytest.mark.parametrize("step, mistake", MISTAKES)
def test_a_wrong_tensor_is_named_at_its_step(grader, up_to_logits, step, mistake):
    code, words = wrong(BY_TENSORS[step], mistake)
    verdict = grader.check_step(with_wrong_step(up_to_logits, step, code), VOCAB, step)
    if mistake != "the frozen layer":                   # the loss tells of it
        assert is_named(verdict, words) and len(verdict.problems) == 1


@pytest.mark.parametrize("step, mistake", [*MISTAKES[::12], ("logits", "the frozen layer")])
def test_the_check_of_all_tensors_names_the_first_wrong_one(grader, up_to_logits, step, mistake):
    """It looks at them as the steps do, so some of the mistakes are enough."""
    code, words = wrong(BY_TENSORS[step], mistake)
    verdict = grader.check_decoder_shapes(with_wrong_step(up_to_logits, step, code), VOCAB)
    assert is_named(verdict, words) and verdict.points == 0 and len(verdict.problems) == 1


@pytest.mark.parametrize("mistake", wrong_solutions.LOSS)
def test_a_wrong_loss_is_named_and_its_decoder_keeps_its_points(grader, up_to_logits, mistake):
    code, words = wrong("LOSS", mistake)
    verdict = grader.check_untrained_loss(with_loss(up_to_logits, code), VOCAB)
    assert is_named(verdict, words) and verdict.points == 0
    assert len(verdict.problems) == (2 if mistake in wrong_solutions.TWO_MISTAKES else 1)


def test_a_wrong_loss_is_named_at_its_step_and_for_logits_that_are_probabilities(grader, up_to_logits):
    code, words = wrong("LOSS", "minus")
    assert is_named(grader.check_step(with_loss(up_to_logits, code), VOCAB, "loss"), words)
    decoder = made_decoder(LOGITS=wrong("LOGITS", "softmax")[0])
    assert is_named(grader.check_untrained_loss(decoder, VOCAB), ["softmax is applied before the loss"])


RIGHT_STEPS = [
    {name: getattr(right_solutions, name)[style] for name, style in zip(STEPS.values(), styles) if style}
    for styles in itertools.zip_longest(right_solutions.STATES, right_solutions.WORDS_IN, right_solutions.LOGITS)]


@pytest.mark.parametrize("number", range(len(RIGHT_STEPS)))
def test_right_steps_in_any_style_pass_all_checks(grader, number):
    decoder, final_model = made_decoder(right_solutions.FINAL_MODEL, **RIGHT_STEPS[number])
    verdicts = [grader.check_decoder_shapes(decoder, VOCAB), grader.check_untrained_loss(decoder, VOCAB),
                grader.check_final_model(decoder, final_model, VOCAB),
                *(grader.check_step(decoder, VOCAB, step) for step in STEPS if step != "loss")]
    assert [verdict for verdict in verdicts if not verdict.passed] == []
    assert [verdict.points for verdict in verdicts] == [20, 20, 0, 0, 0, 0]
    assert verdicts[0].answer == "32 300 32 19 100 608 300 608 50 608 608"


@pytest.mark.parametrize("style", right_solutions.LOSS)
def test_a_right_loss_passes_in_any_style(grader, up_to_logits, style):
    decoder = with_loss(up_to_logits, right_solutions.LOSS[style])
    step, loss = grader.check_step(decoder, VOCAB, "loss"), grader.check_untrained_loss(decoder, VOCAB)
    assert step.passed and loss.passed and loss.points == 20, (step, loss)
    assert float(loss.answer) == pytest.approx(np.log(50), abs=0.3) and re.fullmatch(r"\d+\.\d+", loss.answer)


@pytest.mark.parametrize("style", right_solutions.OTHER_LAYERS)
def test_a_decoder_of_other_layers_passes(grader, style):
    decoder = in_one_class(**right_solutions.OTHER_LAYERS[style])
    shapes, loss = grader.check_decoder_shapes(decoder, VOCAB), grader.check_untrained_loss(decoder, VOCAB)
    assert shapes.passed and loss.passed, (shapes, loss)


@pytest.mark.parametrize("lines, words", [
    ({"h0": "L.Dense(300)(L.Dense(64)(img_embeds))"}, ["bottleneck of the image", "48 to 120 to 300"]),
    ({"flat_token_logits": "L.Dense(len(vocab))(flat_hidden_states)"},
     ["bottleneck of the logits", "300 to 120 to 50"])])
def test_a_bottleneck_of_another_size_is_named_where_no_layer_is_given(grader, lines, words):
    assert is_named(grader.check_decoder_shapes(in_one_class(**lines), VOCAB), words)


@pytest.mark.parametrize("other", ["", "dropout = image", "token_logits_bottleneck = 0"],
                         ids=["no such layer", "the name is another thing's", "no bottleneck"])
def test_layers_that_a_decoder_lacks_are_no_mistake(grader, other):
    given = right_solutions.DECODER
    for line in ("image_dropout = L.Dropout(0.5, seed=1)", "dropout = L.Dropout(0.3, seed=1)"):
        assert line in given
        given = given.replace(f"    {line}\n", "")
    given = given.replace("image_dropout(standardize(img_embeds))", "standardize(img_embeds)") + f"    {other}\n"
    logits = right_solutions.LOGITS["the course's"].replace("decoder.dropout(decoder.hidden_states)",
                                                            "decoder.hidden_states")
    if "bottleneck" in other:
        logits = logits.replace("decoder.token_logits_bottleneck(", "L.Dense(120, activation='elu')(")
    verdict = grader.check_decoder_shapes(made_decoder(layers=given, LOGITS=logits), VOCAB)
    assert verdict.passed, verdict


def test_h0_may_serve_as_both_states_and_hides_no_later_mistake(grader):
    decoder = in_one_class(c0="None", hidden_states=right_solutions.ONE_CLASS["hidden_states"].replace("c0", "h0"),
                           word_embeds="L.Embedding(len(vocab), 100)(sentences)")
    assert is_named(grader.check_decoder_shapes(decoder, VOCAB), ["last word is fed as input too"])


def test_the_notebooks_decoder_and_its_steps_pass(grader):
    cells = course_cells.code_cells()
    settings = Settings(dropout=0.3, image_dropout=0.5)
    found = course_cells.define(cells, "decoder", "final_model", vocab=VOCAB, settings=settings, PAD=PAD)
    assert grader.check_decoder_shapes(found.decoder, VOCAB).passed
    assert grader.check_untrained_loss(found.decoder, VOCAB).passed
    assert grader.check_final_model(found.decoder, found.final_model, VOCAB).passed


def test_what_is_no_decoder_is_explained(grader):
    assert is_named(grader.check_decoder_shapes(type("decoder", (), {}), VOCAB), ["img_embeds is missing"])
    assert is_named(grader.check_untrained_loss(None, VOCAB), ["img_embeds is missing"])


@pytest.mark.parametrize("step", STEPS)
def test_a_step_needs_nothing_of_later_steps(grader, step):
    verdict = grader.check_step(made_decoder(upto=step), VOCAB, step)
    assert verdict.passed and "right so far" in str(verdict) and "right so far" in verdict._repr_html_()
    assert "points" not in str(verdict) and "points" not in verdict._repr_html_()
    assert grader.verdicts == {} and grader.table().points == 0


def test_a_step_that_is_missing_is_said(grader):
    decoder = made_decoder(upto="words in")
    assert is_named(grader.check_step(decoder, VOCAB, "logits"), ["flat_hidden_states is missing"])
    with pytest.raises(ValueError, match="expected one of states, words in, logits, loss"):
        grader.check_step(made_decoder(), VOCAB, "lstm")


# ------------------------------------------------------------------------------------------------ captioning time

@pytest.mark.parametrize("mistake", wrong_solutions.FINAL_MODEL)
def test_a_final_model_that_is_another_function_is_named_by_the_tensor_where_they_part(grader, mistake):
    code, words = wrong("FINAL_MODEL", mistake)
    decoder, final_model = made_decoder(code)
    assert is_named(grader.check_final_model(decoder, final_model, VOCAB), words)
    assert grader.verdicts == {}


@pytest.mark.parametrize("style", right_solutions.FINAL_MODELS)
def test_a_right_final_model_passes_in_any_style(grader, style):
    verdict = grader.check_final_model(*made_decoder(right_solutions.FINAL_MODELS[style]), VOCAB)
    assert verdict.passed and "right so far" in str(verdict), verdict


@pytest.mark.parametrize("c0", ["L.Dense(300)(decoder.image)", "None"])
def test_a_right_final_model_passes_with_a_state_of_its_own_for_c0_and_with_one_for_both(grader, c0):
    states = right_solutions.STATES["the course's"] + f"decoder.c0 = {c0}"
    logits, model = right_solutions.LOGITS["the course's"], right_solutions.FINAL_MODEL
    if c0 == "None":
        logits, model = (code.replace("decoder.c0", "decoder.h0") for code in (logits, model))
    decoder, final_model = made_decoder(model, STATES=states, LOGITS=logits)
    assert grader.check_final_model(decoder, final_model, VOCAB).passed
    words, steps = np.arange(4, 50), caption_steps.steps_of_layers(decoder)
    assert not list(caption_steps.same_function_problems(decoder, steps, VOCAB[START], words))


def test_a_layer_more_is_no_mistake_where_captions_are_written_with_it_too(grader):
    normalized = "norm = L.LayerNormalization()\n" + wrong("LOGITS", "LayerNormalization")[0].replace(
        "L.LayerNormalization()(states)", "norm(states)")
    alike = right_solutions.FINAL_MODEL.replace("bottleneck(new_h)", "bottleneck(norm(new_h))")
    for final_model, passed in (right_solutions.FINAL_MODEL, False), (alike, True):
        verdict = grader.check_final_model(*made_decoder(final_model, LOGITS=normalized), VOCAB)
        assert verdict.passed == passed, verdict


# ------------------------------------------------------------------------------------------------- untrained loss

def with_larger_weights(decoder, times):
    decoder.token_logits.bias.assign(np.random.default_rng(0).normal(size=len(VOCAB)) * times)
    return decoder


def test_after_training_the_untrained_loss_keeps_its_points_and_its_answer(grader):
    decoder = made_decoder()
    before = grader.check_untrained_loss(decoder, VOCAB)
    after = grader.check_untrained_loss(with_larger_weights(decoder, 5), VOCAB)
    assert after.passed and after.points == 20 and after.answer == before.answer
    assert "needs fresh weights" in str(after) and grader.table().points == 20


def test_trained_weights_get_no_points_where_fresh_ones_did_not_pass_before(grader):
    trained = with_larger_weights(made_decoder(), 5)
    for _ in range(2):
        verdict = grader.check_untrained_loss(trained, VOCAB)
        assert is_named(verdict, ["has learnt already", "run the decoder's cells again"])


def test_a_wrong_loss_takes_the_points_away_also_after_training(grader):
    assert grader.check_untrained_loss(made_decoder(), VOCAB).passed
    wrong_loss = with_larger_weights(made_decoder(LOSS=wrong("LOSS", "minus")[0]), 5)
    assert is_named(grader.check_untrained_loss(wrong_loss, VOCAB), ["sign is wrong"])


def test_wild_initial_weights_are_told_from_training(grader):
    wild = made_decoder(LOGITS="""
decoder.token_logits = L.Dense(len(vocab), kernel_initializer=keras.initializers.RandomNormal(stddev=9))
""" + right_solutions.LOGITS["the course's"])
    verdict = grader.check_untrained_loss(wild, VOCAB)
    assert is_named(verdict, ["initial weights should be small", "kernel_initializer"])


@pytest.mark.parametrize("size", [50, 8769])
def test_losses_with_a_mistake_are_far_from_the_right_one_and_from_each_other(size):
    """In both batches at once, because a mistake is named if it explains both."""
    vocab = dict(zip([PAD, UNK, START, END, *map(str, range(size - 4))], [1, 3, 2, 0, *range(4, size)]))
    batches = [padded_sentences(vocab, *batch)[:, 1:] for batch in loss_checks.SIZES]
    both = [loss_checks.possible_losses(loss_checks.chosen_logits(words, size).astype("float64"), words, vocab)
            for words in batches]
    (right, *mistakes) = [(one[0], one[1], other[1]) for one, other in zip(*both) if len(one[0]) < 2]
    assert not right[0] and len(mistakes) > 30
    losses = np.array([values for _, *values in mistakes])
    losses = losses[np.isfinite(losses).all(1)]
    assert (abs(losses / right[1:] - 1).max(1) > 3 * loss_checks.RIGHT).all()
    for i, row in enumerate(losses):
        apart = abs(np.delete(losses, i, 0) / row - 1).max(1)
        assert apart.min() > 3 * loss_checks.EXACT, mistakes[i]
