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
