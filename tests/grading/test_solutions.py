"""Learners' solutions: the wrong ones are named by their mistake, the right ones pass, each in its own style."""

import numpy as np
import pytest

from captioning.grading import batching_checks, indexing_checks, vocabulary_checks
from captioning.grading.grader import Grader
from tests.grading import learners, right_solutions, wrong_solutions
from tests.grading.learners import STEPS, VOCAB, defined, made_decoder

BY_TENSORS = {"states": "STATES", "words in": "WORDS_IN", "logits": "LOGITS", "loss": "TARGETS"}


def cases(solutions, *names):
    """(list, name) of each solution in some lists, with readable ids."""
    return [pytest.param(name, each, id=f"{name}: {each}") for name in names for each in getattr(solutions, name)]


def wrong(name, mistake):
    """(code, words of the message) of a wrong solution."""
    code, *words = getattr(wrong_solutions, name)[mistake]
    return code, words


def is_named(verdict, words):
    """The verdict fails, and its first hint or what it shows has all the words."""
    assert not verdict.passed, verdict
    missing = [word for word in words if word.lower() not in str(verdict).lower()]
    assert not missing, f"{missing} not in\n{verdict}"
    return True


@pytest.fixture
def grader():
    return Grader()


@pytest.fixture(scope="module")
def captions():
    """60 photos with 5 captions; 46 words occur often enough, at first few of them."""
    rng = np.random.default_rng(1)
    photos = [[" ".join(rng.choice(learners.WORDS[:8 + number], rng.integers(4, 12))) + "." for _ in range(5)]
              for number in range(60)]
    photos[0][0] = "A rarely SEEN thing"
    return photos


def check_text(grader, name, code, captions):
    """The verdict on a solution of exercise 1, 2 or 3."""
    if name == "VOCABULARY":
        solution = defined(code, "generate_vocabulary", train_captions=captions)
        return grader.check_vocabulary(solution(captions), solution, captions)
    if name == "INDEXING":
        vocab = dict(VOCAB)
        solution = defined(code, "caption_tokens_to_indices", vocab=vocab)
        try:
            return grader.check_indexing(solution(captions, dict(vocab)), vocab, solution)
        finally:
            assert vocab == VOCAB
    import keras

    return grader.check_batching(defined(code, "batch_captions_to_matrix", keras=keras))


@pytest.mark.parametrize("name, mistake", cases(wrong_solutions, "VOCABULARY", "INDEXING", "BATCHING"))
def test_a_wrong_solution_with_captions_is_named(grader, captions, name, mistake):
    code, words = wrong(name, mistake)
    assert is_named(check_text(grader, name, code, captions), words)


@pytest.mark.parametrize("name, style", cases(right_solutions, "VOCABULARY", "INDEXING", "BATCHING"))
def test_a_right_solution_with_captions_passes(grader, captions, name, style):
    verdict = check_text(grader, name, getattr(right_solutions, name)[style], captions)
    assert verdict.passed, verdict


def test_no_function_of_the_checks_is_a_solution(grader, captions):
    for module in (vocabulary_checks, indexing_checks, batching_checks):
        for function in vars(module).values():
            if callable(function) and getattr(function, "__module__", "") == module.__name__:
                assert not grader.check_vocabulary(VOCAB, function, captions).passed
                assert not grader.check_indexing([], VOCAB, function).passed
                assert not grader.check_batching(function).passed


@pytest.mark.parametrize("step, mistake", [
    pytest.param(step, mistake, id=f"{step}: {mistake}")
    for step, name in BY_TENSORS.items() for mistake in getattr(wrong_solutions, name)])
def test_a_wrong_tensor_is_named_at_its_step_and_by_the_check_of_all(grader, step, mistake):
    code, words = wrong(BY_TENSORS[step], mistake)
    decoder = made_decoder(**{STEPS[step]: code})
    all_of_it = grader.check_decoder_shapes(decoder, VOCAB)
    assert is_named(all_of_it, words) and all_of_it.points == 0 and len(all_of_it.problems) == 1
    of_step = grader.check_step(decoder, VOCAB, step)
    if mistake != "the frozen layer":                   # the loss tells of it
        assert is_named(of_step, words)


@pytest.mark.parametrize("mistake", wrong_solutions.LOSS)
def test_a_wrong_loss_is_named_and_its_decoder_keeps_its_points(grader, mistake):
    code, words = wrong("LOSS", mistake)
    decoder = made_decoder(LOSS=code)
    verdict = grader.check_untrained_loss(decoder, VOCAB)
    assert is_named(verdict, words) and len(verdict.problems) == 1
    assert is_named(grader.check_step(decoder, VOCAB, "loss"),
                    words if mistake not in ("not one number", "nan") else [])


@pytest.mark.parametrize("name, style", cases(right_solutions, *STEPS.values()))
def test_a_right_decoder_passes_all_checks_in_any_style(grader, name, style):
    decoder, final_model = made_decoder(right_solutions.FINAL_MODEL, **{name: getattr(right_solutions, name)[style]})
    verdicts = [grader.check_decoder_shapes(decoder, VOCAB), grader.check_untrained_loss(decoder, VOCAB),
                grader.check_final_model(decoder, final_model, VOCAB),
                *(grader.check_step(decoder, VOCAB, step) for step in STEPS if STEPS[step] == name)]
    assert [verdict for verdict in verdicts if not verdict.passed] == []
    assert [verdict.points for verdict in verdicts] == [20, 20, 0, 0]
    assert verdicts[0].answer == "32 300 32 19 100 608 300 608 50 608 608"


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


# ------------------------------------------------------------------------------- captioning time, validation loss

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


def test_a_layer_more_is_no_mistake_where_captions_are_written_with_it_too(grader):
    normalized = "norm = L.LayerNormalization()\n" + wrong("LOGITS", "LayerNormalization")[0].replace(
        "L.LayerNormalization()(states)", "norm(states)")
    alike = right_solutions.FINAL_MODEL.replace("bottleneck(new_h)", "bottleneck(norm(new_h))")
    for final_model, passed in (right_solutions.FINAL_MODEL, False), (alike, True):
        verdict = grader.check_final_model(*made_decoder(final_model, LOGITS=normalized), VOCAB)
        assert verdict.passed == passed, verdict


def generate_batch(images_embeddings, indexed_captions, batch_size, max_len=None, fill=VOCAB[learners.PAD]):
    rows = np.random.choice(len(images_embeddings), batch_size, replace=False)
    captions = [indexed_captions[row][np.random.randint(len(indexed_captions[row]))] for row in rows]
    width = min(max(map(len, captions)), max_len)
    return {"img_embeds": np.float32(images_embeddings[rows]),
            "sentences": np.array([(caption + [fill] * width)[:width] for caption in captions])}


@pytest.fixture(scope="module")
def photos():
    return np.random.default_rng(2).normal(size=(60, learners.WIDTH)).astype(np.float16)


@pytest.fixture(scope="module")
def indexed(captions):
    return [[[VOCAB[learners.START], *(VOCAB.get(word, VOCAB[learners.UNK]) for word in learners.split_sentence(c)),
              VOCAB[learners.END]] for c in photo] for photo in captions]


@pytest.mark.parametrize("name, mistake", [pytest.param(*key, id=": ".join(key)) for key in wrong_solutions.DISHONEST])
def test_a_decoder_that_predicts_what_it_reads_or_writes_otherwise_gets_no_points(
        grader, photos, indexed, name, mistake):
    decoder = made_decoder(**{name: wrong(name, mistake)[0]})
    verdict = grader.check_validation_loss(decoder, generate_batch, photos, indexed, n_batches=3)
    assert is_named(verdict, wrong_solutions.DISHONEST[name, mistake]) and verdict.points == 0
    assert "Mean loss of 3 batches" in verdict.note


def test_the_validation_loss_looks_at_the_given_final_model(grader, photos, indexed):
    decoder, final_model = made_decoder(wrong("FINAL_MODEL", "c0 of zeros")[0])
    batches = generate_batch, photos, indexed
    assert "part at c0" not in str(grader.check_validation_loss(decoder, *batches, n_batches=2))
    verdict = grader.check_validation_loss(decoder, *batches, n_batches=2, final_model=final_model)
    assert is_named(verdict, ["part at c0", "class final_model"])


def other_batches(change):
    return lambda images, captions, size, max_len=None: change(generate_batch(images, captions, size, max_len))


def without_end(batch):
    ends = np.argmax(batch["sentences"] == VOCAB[learners.END], axis=1)
    batch["sentences"][np.arange(len(ends)), ends] = VOCAB[learners.PAD]
    return batch


@pytest.mark.parametrize("batches, words", [
    (lambda *given: generate_batch(*given, fill=VOCAB[learners.END]), ["filled up with END", "vocab[PAD]"]),
    (lambda *given: generate_batch(*given, fill=VOCAB[learners.START]), ["filled up with START"]),
    (other_batches(without_end), ["END is lost in the batches", "batch_captions_to_matrix"]),
    (other_batches(lambda batch: batch | {"img_embeds": np.roll(batch["img_embeds"], 1, axis=0)}),
     ["do not belong together"]),
], ids=["END", "START", "END lost", "rolled photos"])
def test_batches_that_confuse_tokens_or_photos_are_named(grader, photos, indexed, batches, words):
    assert is_named(grader.check_validation_loss(made_decoder(), batches, photos, indexed, n_batches=2), words)


def test_training_photos_are_no_validation_photos(grader, photos, indexed):
    decoder = made_decoder()
    grader.check_indexing(indexed, VOCAB, None)
    some = [[list(caption) for caption in photo] for photo in indexed[10:50]]
    for captions in (indexed, some):
        verdict = grader.check_validation_loss(decoder, generate_batch, photos[:len(captions)], captions, n_batches=2)
        assert is_named(verdict, ["These are training photos", "val_captions_indexed"])
    others = [photo[::-1] for photo in indexed]
    verdict = grader.check_validation_loss(decoder, generate_batch, photos, others, n_batches=2)
    assert "training photos" not in str(verdict)


def test_fewer_photos_than_lists_of_captions_are_said(grader, photos, indexed):
    verdict = grader.check_validation_loss(made_decoder(), generate_batch, photos[:40], indexed, n_batches=2)
    assert is_named(verdict, ["do not belong together", "40 lists", "60 lists"])


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
    assert is_named(grader.check_untrained_loss(wrong_loss, VOCAB), ["minus is forgotten"])


def test_wild_initial_weights_are_told_from_training(grader):
    wild = made_decoder(LOGITS="""
decoder.token_logits = L.Dense(len(vocab), kernel_initializer=keras.initializers.RandomNormal(stddev=9))
""" + right_solutions.LOGITS["the course's"])
    verdict = grader.check_untrained_loss(wild, VOCAB)
    assert is_named(verdict, ["initial weights should be small", "kernel_initializer"])
