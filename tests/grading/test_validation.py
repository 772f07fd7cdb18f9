"""Exercise 5: what the validation loss is, which batches it is measured on, and which decoders get no points."""

import inspect
import itertools
import math
import random
import re
import time

import numpy as np
import pytest

from captioning.datasets.tokens import END, PAD, START
from captioning.grading import batch_checks, validation_checks, yardsticks
from captioning.grading.grader import Grader
from tests.grading import learners, wrong_solutions
from tests.grading.learners import VOCAB, in_one_class, is_named, made_decoder


def batches(fill=VOCAB[PAD], rows_of=lambda rows: rows, finish=lambda batch: batch):
    """A generate_batch.

    Args:
        fill: the index that fills up sentences.
        rows_of: the photos whose captions are taken, of the photos' numbers.
        finish: changes the batch.
    """
    def generate_batch(images_embeddings, indexed_captions, batch_size, max_len=None):
        rows = np.random.permutation(len(images_embeddings))[:batch_size]
        captions = [random.choice(indexed_captions[row]) for row in rows_of(rows)]
        width = min(max(map(len, captions)), max_len)
        return finish({"img_embeds": np.float32(images_embeddings[rows]),
                       "sentences": np.array([(caption + [fill] * width)[:width] for caption in captions])})
    return generate_batch


@pytest.fixture(scope="module")
def photos():
    return np.random.default_rng(2).normal(size=(60, learners.WIDTH)).astype(np.float16)


@pytest.fixture(scope="module")
def decoder():
    """The course's decoder, for tests that do not train it."""
    return made_decoder()


# -------------------------------------------------------------------------------------------------------- the loss

def test_the_validation_loss_is_the_services_mean_over_seeded_batches_to_the_last_digit(
        decoder, photos, indexed, monkeypatch):
    import keras
    import tensorflow as tf

    model = keras.Model([decoder.img_embeds, decoder.sentences], decoder.loss)
    random.seed(300)
    np.random.seed(300)
    some = [batches()(photos, indexed, 32, 20) for _ in range(4)]
    specs = [tf.TensorSpec([None, learners.WIDTH]), tf.TensorSpec([None, None], tf.int32)]
    loss = tf.function(lambda *batch: model(list(batch), training=False), input_signature=specs)
    losses = [float(loss(batch["img_embeds"], tf.constant(batch["sentences"], tf.int32))) for batch in some]
    monkeypatch.setattr("captioning.grading.grader.VAL_BATCHES", 4)
    verdict = Grader().check_validation_loss(decoder, batches(), photos, indexed, n_batches=4)
    assert verdict.answer == repr(sum(losses) / 4)


def test_fewer_batches_give_a_look_but_no_answer(grader, decoder, photos, indexed):
    verdict = grader.check_validation_loss(decoder, batches(), photos, indexed, n_batches=1)
    assert verdict.answer is None and "Mean loss of 1 batches" in verdict.note and "The course asks" not in verdict.note
    assert "Two batches" not in str(verdict)
    of_coco = Grader("coco2014").check_validation_loss(decoder, batches(), photos, indexed, n_batches=4)
    assert of_coco.answer is None and "The course asks for 1,000 batches" in of_coco.note


def test_the_global_generators_are_left_as_they_were_and_what_is_drawn_between_batches_changes_none(photos, indexed):
    random.seed(5)
    np.random.seed(5)
    expected = [(random.random(), np.random.random()) for _ in range(3)]
    whole = list(itertools.islice(batch_checks.service_batches(batches(), photos, indexed), 3))
    random.seed(5)
    np.random.seed(5)
    for batch, drawn, again in zip(whole, expected, batch_checks.service_batches(batches(), photos, indexed)):
        assert (random.random(), np.random.random()) == drawn
        assert all(map(np.array_equal, batch, again))
    assert len(set(map(str, whole))) == 3


@pytest.mark.parametrize("loss, rise, hints", [
    (1.5, 0.3, []), (2.1, 0.3, ["not learnt enough"]), (1.5, 0.1, ["hardly looks"]), (1.5, None, []),
    (2.1, -0.1, ["not learnt enough", "hardly looks"]), (float("nan"), float("nan"), ["diverged"]),
    (3.7, 0.3, ["not learnt yet"]), (5.0, 0.3, ["higher than that of guessing"]), (0.2, 0.3, ["too good to be true"])])
def test_a_loss_is_to_be_below_its_limit_and_higher_with_other_photos(loss, rise, hints):
    found = validation_checks.ValidationLoss(loss, rise, limit=2.0, yardstick="", guess=4.0, floor=0.3)
    problems = list(found.problems())
    assert len(problems) == len(hints) and all(text in problem.hint for text, problem in zip(hints, problems))


def test_the_limit_is_the_courses_for_mscoco_and_else_a_share_of_what_word_pairs_tell(indexed):
    assert yardsticks.bounds(indexed, "coco2014")[0] == 2.8
    for dataset in ("drawn", "folder"):
        assert yardsticks.bounds(indexed, dataset)[0] == 0.8 * yardsticks.word_pair_loss(indexed)


def test_the_table_of_many_photos_is_made_from_about_five_thousand_of_them(indexed):
    many = indexed * 200
    assert yardsticks.bounds(many, "folder")[0] == 0.8 * yardsticks.word_pair_loss(many[::2])


def test_a_table_of_word_pairs_is_measured_on_photos_that_it_was_not_made_from():
    alike = [[[0, 1, 2, 3]] * 5] * 40
    assert yardsticks.word_pair_loss(alike) < 0.1
    rng = np.random.default_rng(0)
    apart = [[[0, *map(int, rng.integers(1, 50, 10))]] * 5 for _ in range(40)]
    for n in (1, 2, 9, 11):
        words = {word for [caption, *_] in apart[:n] for word in caption[1:]}
        assert yardsticks.word_pair_loss(apart[:n]) == pytest.approx(math.log(len(words)))
    follow = [[[0, *((start + np.arange(10)) % 49 + 1).tolist()]] for start in rng.integers(0, 49, 400)]
    assert yardsticks.word_pair_loss(follow) < 1.2 * math.log(49) / 10             # only the first word is open


# ------------------------------------------------------------------------------------------------------ the batches

def seeded_inside(*arguments):
    random.seed(1)
    np.random.seed(1)
    return batches()(*arguments)


def unsolved(*_):
    raise NotImplementedError("Exercise 3 is not solved yet. Write it in this cell.")


def without_end(batch):
    ends = np.argmax(batch["sentences"] == VOCAB[END], axis=1)
    batch["sentences"][np.arange(len(ends)), ends] = VOCAB[PAD]
    return batch


def several_fills(batch):
    rows, columns = np.nonzero(batch["sentences"] == VOCAB[PAD])
    batch["sentences"][rows[-1], columns[-1]] = -1
    return batch


def on_the_left(batch):
    for row, sentence in enumerate(batch["sentences"]):
        batch["sentences"][row] = np.roll(sentence, len(sentence) - 1 - np.argmax(sentence == VOCAB[END]))
    return batch


WRONG_BATCHES = {
    "captions of other photos": (batches(rows_of=lambda rows: np.roll(rows, 1)),
                                 "do not belong together", "32 of 32 captions beside another photo"),
    "rolled photos": (batches(finish=lambda b: b | {"img_embeds": np.roll(b["img_embeds"], 1, axis=0)}),
                      "do not belong together"),
    "filled with END": (batches(VOCAB[END]), "filled up with END", "vocab[PAD]"),
    "filled with START": (batches(VOCAB[START]), "filled up with START"),
    "several fills": (batches(finish=several_fills), "filled up with several indices", "[-1, 1]"),
    "padding on the left": (batches(finish=on_the_left), "PAD stands before the words", "fill up on the right"),
    "END lost": (batches(finish=without_end), "END is lost in the batches", "batch_captions_to_matrix"),
    "seeded inside": (seeded_inside, "the same", "seed no generator"),
    "a tuple": (batches(finish=lambda b: tuple(b.values())), "dictionary"),
    "another key": (batches(finish=lambda b: {"images": 1, "captions": 2}), "dictionary", "['images', 'captions']"),
    "max_len ignored": (batches(finish=lambda b: b | {"sentences": np.zeros((32, 25), "int32")}), "ignores max_len"),
    "half a batch": (batches(finish=lambda b: {k: x[:16] for k, x in b.items()}),
                     "other shapes", "(32, 48)", "(16, 48)"),
    "an exception": (batches(finish=lambda b: b["pictures"]), "KeyError", "pictures"),
    "not solved": (unsolved, "not solved yet"),
}


@pytest.mark.parametrize("mistake", WRONG_BATCHES)
def test_each_wrong_generate_batch_is_named(grader, decoder, photos, indexed, mistake):
    generate_batch, *words = WRONG_BATCHES[mistake]
    assert is_named(grader.check_validation_loss(decoder, generate_batch, photos, indexed, n_batches=1), words)


def test_an_exception_over_all_of_cocos_photos_is_told_without_looking_through_them(grader, decoder):
    photos = np.broadcast_to(np.float16(0), (40_504, 2048))
    captions = [[list(range(12))] * 5] * 40_504
    started = time.process_time()
    verdict = grader.check_validation_loss(decoder, lambda *batch: 1 / 0, photos, captions)
    assert is_named(verdict, ["ZeroDivisionError", "array of shape (40504, 2048)", "[[[0, 1, 2"])
    assert time.process_time() - started < 1


def test_fewer_validation_photos_than_a_batch_are_no_mistake(grader, decoder, photos, indexed):
    verdict = grader.check_validation_loss(decoder, batches(), photos[:8], indexed[:8], n_batches=2)
    assert "Mean loss" in verdict.note and "shapes" not in str(verdict)


def test_without_a_second_photo_there_is_none_to_take_in_its_place(grader, decoder, photos):
    caption = [VOCAB[START], 10, VOCAB[END]]
    verdict = grader.check_validation_loss(decoder, batches(), photos[:1], [[caption]], n_batches=2)
    assert [problem.hint[:30] for problem in verdict.problems] == ["The decoder has not learnt yet"]
    assert "higher" not in verdict.note


def test_fewer_photos_than_lists_of_captions_are_said(grader, decoder, photos, indexed):
    verdict = grader.check_validation_loss(decoder, batches(), photos[:40], indexed, n_batches=2)
    assert is_named(verdict, ["do not belong together", "40 lists", "60 lists"])


def test_training_photos_are_no_validation_photos(grader, decoder, photos, indexed):
    grader.check_indexing(indexed, VOCAB, None)
    some = [[list(caption) for caption in photo] for photo in indexed[10:50]]
    for captions in (indexed, some):
        verdict = grader.check_validation_loss(decoder, batches(), photos[:len(captions)], captions, n_batches=1)
        assert is_named(verdict, ["These are training photos", "val_captions_indexed"])
    others = [photo[::-1] for photo in indexed[10:]]
    verdict = grader.check_validation_loss(decoder, batches(), photos, indexed[:10] + others, n_batches=1)
    assert "training photos" not in str(verdict)        # a few photos may be alike


# ------------------------------------------------------------------------------------------------------ the decoder

@pytest.mark.parametrize("name, mistake", [pytest.param(*key, id=": ".join(key)) for key in wrong_solutions.DISHONEST])
def test_a_decoder_that_predicts_what_it_reads_or_writes_otherwise_gets_no_points(
        grader, photos, indexed, name, mistake):
    decoder = made_decoder(**{name: getattr(wrong_solutions, name)[mistake][0]})
    verdict = grader.check_validation_loss(decoder, batches(), photos, indexed, n_batches=1)
    assert is_named(verdict, wrong_solutions.DISHONEST[name, mistake]) and verdict.points == 0
    assert "Mean loss of 1 batches" in verdict.note


@pytest.mark.parametrize("weights, words", [
    (1e3, ["higher than that of guessing", "belong together", "the training diverged"]),
    (float("nan"), ["Some weights are not numbers", "the training diverged", "learning rate"])])
def test_a_training_that_diverged_is_named(grader, photos, indexed, weights, words):
    decoder = made_decoder()
    decoder.token_logits.kernel.assign(decoder.token_logits.kernel * weights)
    verdict = grader.check_validation_loss(decoder, batches(), photos, indexed, n_batches=1)
    assert is_named(verdict, words) and "train it longer" not in str(verdict)


def test_a_decoder_that_learnt_with_foresight_is_caught_by_the_probe_and_by_the_floor(photos, indexed):
    """It reads the very word that it has to predict, and learns to say it: no honest decoder gets there."""
    decoder = made_decoder(WORDS_IN=wrong_solutions.WORDS_IN["the next word"][0])
    train(decoder, batches()(photos, indexed, 60, 20), steps=60)
    data = itertools.repeat(batches()(photos, indexed, 60, 20), 2)
    pairs = ((batch["img_embeds"], batch["sentences"]) for batch in data)
    found = validation_checks.validation_loss(decoder, pairs, indexed, 2, "drawn")
    assert found.mean < found.floor and "too good to be true" in next(found.problems()).hint
    honesty = validation_checks.honesty_problems(decoder, None, {VOCAB[PAD]}, photos, indexed)
    assert "reads the words that it has to predict" in next(honesty).hint


def test_the_validation_loss_looks_at_the_given_final_model(grader, photos, indexed):
    decoder, final_model = made_decoder(wrong_solutions.FINAL_MODEL["c0 of zeros"][0])
    data = batches(), photos, indexed
    assert "first differ at c0" not in str(grader.check_validation_loss(decoder, *data, n_batches=1))
    verdict = grader.check_validation_loss(decoder, *data, n_batches=1, final_model=final_model)
    assert is_named(verdict, ["first differ at c0", "class final_model"])


def test_the_checks_of_a_decoder_print_no_warnings(grader, photos, indexed, recwarn, caplog, capsys):
    decoder = made_decoder(LOSS=wrong_solutions.LOSS["softmax twice"][0])
    recwarn.clear()                                     # Keras warns in the cell; the checks are to be quiet
    grader.check_decoder_shapes(decoder, VOCAB)
    grader.check_untrained_loss(decoder, VOCAB)
    grader.check_validation_loss(decoder, batches(), photos, indexed, n_batches=2)
    printed = capsys.readouterr()
    assert [str(each.message) for each in recwarn.list] == [] and not caplog.records
    assert not printed.out and "warning" not in printed.err.lower()     # of which only the progress bar is a part


def train(decoder, batch, steps):
    import keras
    import tensorflow as tf

    model = keras.Model([decoder.img_embeds, decoder.sentences], decoder.loss)
    optimizer = keras.optimizers.Adam(0.01)

    @tf.function
    def step():
        with tf.GradientTape() as tape:
            loss = model([batch["img_embeds"], batch["sentences"]], training=True)
        optimizer.apply_gradients(zip(tape.gradient(loss, model.trainable_variables), model.trainable_variables))
    for _ in range(steps):
        step()


def test_a_trained_decoder_passes_with_its_mean_loss(grader, photos, monkeypatch):
    """What a photo's captions say, its embedding tells, and no word tells of the next."""
    assert inspect.signature(grader.check_validation_loss).parameters["n_batches"].default == 1_000
    monkeypatch.setattr("captioning.grading.grader.VAL_BATCHES", 100)
    rng = np.random.default_rng(4)
    captions = [[[VOCAB[START], *map(int, rng.integers(10, 20, 3)), VOCAB[END]]] * 5 for _ in photos]
    decoder = in_one_class()
    untrained = grader.check_validation_loss(decoder, batches(), photos, captions, n_batches=10)
    assert is_named(untrained, ["has not learnt yet", "hardly looks at the photos"])

    train(decoder, batches()(photos, captions, len(photos), 20), steps=40)
    trained = grader.check_validation_loss(decoder, batches(), photos, captions, n_batches=100)
    assert trained.passed and trained.points == 30, trained
    assert repr(float(trained.answer)) == trained.answer
    limit, rise = re.search(r"the limit is ([\d.]+) .* it is ([\d.]+) higher", trained.note).groups()
    assert float(trained.answer) < float(limit) < 2.5 and float(rise) > 0.5


def test_a_decoder_that_does_not_look_at_photos_fails_however_low_its_loss_is(grader, photos):
    """Every caption says the same here, so that a decoder needs no photo."""
    captions = [[[VOCAB[START], *range(10, 14), VOCAB[END]]] * 5 for _ in photos]
    decoder = in_one_class()
    train(decoder, batches()(photos, captions, 32, 20) | {"img_embeds": np.zeros((32, learners.WIDTH))}, steps=30)
    verdict = grader.check_validation_loss(decoder, batches(), photos, captions, n_batches=10)
    assert verdict.problems[-1].hint.startswith("The decoder hardly looks at the photos"), verdict


def test_where_all_photos_are_alike_those_of_others_raise_the_loss_by_nothing(decoder, photos):
    """The photos change places among the captions; no photo itself is changed."""
    captions = [[[VOCAB[START], *range(10, 14), VOCAB[END]]] * 5 for _ in photos]
    alike = np.repeat(100 * photos[:1], len(photos), axis=0)
    found, of_turned = (
        validation_checks.validation_loss(
            decoder, ((batch["img_embeds"], batch["sentences"]) for batch in itertools.starmap(
                batches(), itertools.repeat((images, captions, 32, 20)))), captions, 5, "drawn")
        for images in (alike, np.roll(alike, 1, axis=1)))
    assert found.rise == of_turned.rise == 0
    assert abs(of_turned.mean - found.mean) > 0.01      # so much does the decoder see of what is in a photo
