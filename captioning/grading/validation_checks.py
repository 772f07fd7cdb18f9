"""The check of a trained decoder: its loss on validation batches, and whether it came about honestly."""

import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
from tqdm.auto import tqdm

from captioning.datasets.tokens import END, PAD, START, UNK
from captioning.grading import batch_checks, caption_steps, loss_checks
from captioning.grading.batch_checks import seeded_globals, take_batch
from captioning.grading.decoder_probe import evaluate, model_of, probe
from captioning.grading.report import Problem
from captioning.grading.yardsticks import as_key, bounds

VAL_BATCHES = 1_000                 # batches whose mean loss the service asks for

# A decoder that looks at the photos: with the photos of other captions, its loss must rise by this many nats.
LEAST_RISE = 0.2
SHUFFLED_BATCHES = 100              # batches that measure the rise, which differs little from batch to batch

SAME_PHOTOS = 0.5                   # from this share of shared photos on, the validation photos are training photos
GROUP, PASS = 512, 128              # captions that wait for each other, and that go through the decoder together


# --------------------------------------------------------------------------------------------------------- honesty

def honesty_problems(decoder, steps, generate_batch, images, captions) -> Iterator[Problem]:
    """Does the decoder predict from what it may know, and are captions written by the same function?

    Args:
        decoder: the trained decoder.
        steps: caption_steps.Steps, or None if they are unknown.
        generate_batch: the notebook's function.
        images: (N, 2048) embeddings.
        captions: N lists of captions, as lists of indices.

    Raises:
        Stopped: a tensor can't be computed.
    """
    words = np.unique([index for photo in captions[:100] for caption in photo for index in caption[1:-1]])
    if len(words) < 2:
        return                          # captions without words show nothing
    found = probe(decoder, words.astype(np.int32), ["flat_token_logits"], images[:2])
    if found.errors:
        raise next(iter(found.errors.values()))
    problems = list(_foresight_problems(found)) or list(_loss_problems(decoder, generate_batch, images, captions))
    if not problems and steps is not None:
        problems = caption_steps.same_function_problems(decoder, steps, captions[0][0][0], words)
    yield from problems


def _foresight_problems(found):
    """Does each prediction depend on the words up to its own place, and on no other caption?"""
    matters = found.words_that_matter("flat_token_logits")
    later = matters & ~np.triu(np.ones_like(matters))
    if found.is_random("flat_token_logits"):
        yield Problem("The logits change from one time to the next: dropout should rest outside training. Leave "
                      "training=True out.", "the same values twice", "two different values")
    elif found.mixes_captions("flat_token_logits"):
        yield Problem("The logits of a caption depend on the other captions or photos of the batch. Alone, as for your "
                      "own photo, it would get others.", "the same values alone as in a batch", "different values")
    elif later.any():
        column, place = np.argwhere(later)[0]
        yield Problem("The decoder reads the words that it has to predict: at each place it may know the words up to "
                      "there only. Feed sentences[:, :-1] to the LSTM, from left to right, and train again.",
                      f"predictions after {place + 1} words that do not depend on word {column + 1}",
                      f"they change with word {column + 1}")


def _loss_problems(decoder, generate_batch, images, captions):
    """Is decoder.loss the mean cross-entropy of the words of a batch?"""
    with seeded_globals():
        fills = batch_checks.fills_of(*take_batch(generate_batch, images, captions), images, captions)
    size = decoder.flat_token_logits.shape[-1]
    special = [*fills, captions[0][0][0], captions[0][0][-1]]
    if len(fills) != 1 or len(set(special)) < 3 or not all(0 <= index < size for index in special):
        return                          # PAD is unknown, or batch_problems says what is wrong
    others = [index for index in range(size) if index not in special]
    vocab = dict(zip((PAD, START, END, UNK, *map(str, others)), (*special, *others)))
    wrong = next(loss_checks.loss_problems(decoder, vocab), None)
    if wrong:
        yield Problem("decoder.loss is not the mean cross-entropy of the words, padding left out. "
                      "grader.check_untrained_loss says what is wrong; mend it and train again.",
                      wrong.expected, wrong.came)


def same_data_problems(captions, train_captions) -> Iterator[Problem]:
    """Is the validation set another one than the training set?

    Args:
        captions: of the validation photos, a list for each.
        train_captions: of the training photos, or None if unknown.
    """
    if train_captions is None or not captions:
        return
    known = {as_key(photo) for photo in train_captions if len(photo) > 1}
    several = [photo for photo in captions if len(photo) > 1]
    shared = sum(as_key(photo) in known for photo in several)
    if captions is train_captions or (several and shared > SAME_PHOTOS * len(captions)):
        yield Problem("These are training photos: the loss of captions that the decoder learnt says nothing. Pass "
                      "val_img_embeds and val_captions_indexed.", "photos that the decoder has not seen",
                      f"{shared:,} of {len(captions):,} photos have the captions of a training photo")


# ------------------------------------------------------------------------------------------------------------ loss

@dataclass(frozen=True)
class ValidationLoss:
    """A decoder's loss in nats per word, and what it is judged by."""

    mean: float                     # of the batches' losses
    rise: float | None              # how much higher it is when each caption has another's photo; None for one photo
    limit: float                    # the mean must stay below it
    yardstick: str                  # why
    guess: float = math.inf         # ln V, the loss of guessing
    floor: float = 0.0              # no honest decoder is below it

    def __str__(self):
        rise = "" if self.rise is None else f" With the photos of other captions it is {self.rise:.2f} higher."
        return f"{self.mean:.4f} nats a word; the limit is {self.limit:.2f} ({self.yardstick}).{rise}"

    def problems(self) -> Iterator[Problem]:
        """What the loss says against the decoder."""
        below = f"below {self.limit:.2f}"
        if not math.isfinite(self.mean):
            yield Problem("The loss is not a number: the training diverged. Lower the learning rate and train again.",
                          below, repr(self.mean))
            return
        if self.mean < self.floor:
            yield Problem("The loss is too good to be true: several sentences fit a photo, and nobody can know which "
                          "one was written. Either the decoder sees the words that it has to predict, or it was "
                          "trained on these very captions.", f"at least {self.floor:.2f}", f"{self.mean:.4f}")
            return
        if self.mean > 1.2 * self.guess:
            yield Problem(f"The loss is higher than that of guessing, ln V = {self.guess:.2f}: the training diverged. "
                          "Lower the learning rate (CAPTION_LEARNING_RATE), run the decoder's cells again and train.",
                          below, f"{self.mean:.2f}")
        elif self.mean > 0.9 * self.guess:
            yield Problem("The decoder has not learnt yet: its loss is about that of guessing, "
                          f"ln V = {self.guess:.2f}. Train it, or restore its best checkpoint.",
                          below, f"{self.mean:.2f}")
        elif self.mean >= self.limit:
            yield Problem("The decoder has not learnt enough yet: train it longer, or restore its best checkpoint.",
                          below, f"{self.mean:.2f}")
        if self.rise is not None and self.rise < LEAST_RISE:
            yield Problem("The decoder hardly looks at the photos: with those of other captions its loss is nearly the "
                          "same. If more training does not change that, look at h0 and c0.",
                          f"a loss that is {LEAST_RISE} higher or more", f"{self.rise:.2f} higher")


def validation_loss(decoder, generate_batch, images, captions, n_batches, dataset) -> ValidationLoss:
    """The loss over batches as the service takes them.

    Args:
        decoder: the trained decoder.
        generate_batch: the notebook's function.
        images: (N, 2048) embeddings.
        captions: N lists of captions, as lists of indices.
        n_batches: how many batches.
        dataset: decides on the limit.

    Raises:
        Stopped: generate_batch does not return a batch.
    """
    losses = _losses_of(decoder, generate_batch, images, captions)
    taken, shuffled = [], []
    with seeded_globals():
        for number in tqdm(range(n_batches), desc="Validation loss", unit="batch"):
            embeds, sentences = take_batch(generate_batch, images, captions)
            taken.append(losses.places(embeds, sentences))
            if number < SHUFFLED_BATCHES and len(embeds) > 1:
                shuffled.append(losses.places(np.roll(embeds, 1, axis=0), sentences))
    of_batches = [losses.mean(places) for places in taken]
    rise = None
    if shuffled:
        rises = [losses.mean(places) - right for places, right in zip(shuffled, of_batches)]
        rise = round(float(np.mean(rises)), 2) + 0.0                        # + 0.0: no -0.00
    limit, yardstick, floor = bounds(captions, dataset)
    return ValidationLoss(sum(of_batches) / n_batches, rise, limit, yardstick, losses.guess, floor)


def _losses_of(decoder, generate_batch, images, captions):
    """What measures batches: caption by caption if that gives the decoder's own loss, else with decoder.loss."""
    with seeded_globals():
        embeds, sentences = take_batch(generate_batch, images, captions)
    pad = max(batch_checks.fills_of(embeds, sentences, images, captions), default=-1)
    if getattr(decoder, "flat_token_logits", None) is None:
        return BatchLosses(decoder)
    whole = float(evaluate(decoder, embeds, sentences, ["loss"])["loss"])
    each = CaptionLosses(decoder, pad)
    alike = math.isclose(each.mean(each.places(embeds, sentences)), whole, rel_tol=1e-5)
    return each if alike else BatchLosses(decoder)


class CaptionLosses:
    """Losses of captions, each computed once however often it comes.

    The loss of a batch is the mean over its words, so it follows from its captions' sums. In the drawn world 32,000
    captions come in 1,000 batches, and only 2,000 of them are different.

    Args:
        decoder: has flat_token_logits.
        pad: the index that fills up sentences.
    """

    def __init__(self, decoder, pad: int):
        self._compute = _compiled(_nats, model_of(decoder, ["flat_token_logits"]))
        self._pad = pad
        self.guess = math.log(decoder.flat_token_logits.shape[-1])
        self._place: dict[bytes, int] = {}
        self._waiting: list[tuple[int, np.ndarray, np.ndarray]] = []        # place, embedding, sentence
        self._sums: list[tuple[float, int]] = []                            # nats and words of each caption

    def places(self, embeds, sentences) -> list[int]:
        """Where the sums of a batch's captions will be. Computes them when enough captions wait."""
        lengths = sentences.shape[1] - np.argmax(sentences[:, ::-1] != self._pad, axis=1)
        found = []
        for embed, sentence, length in zip(embeds, sentences, lengths):
            key = hashlib.blake2b(embed.tobytes() + sentence[:length].tobytes(), digest_size=16).digest()
            if key not in self._place:
                self._place[key] = len(self._place)
                self._waiting.append((self._place[key], embed, sentence[:length]))
            found.append(self._place[key])
        if len(self._waiting) >= GROUP:
            self._compute_waiting()
        return found

    def mean(self, places) -> float:
        """The mean loss over all words of some captions."""
        self._compute_waiting()
        nats, words = np.sum([self._sums[place] for place in places], axis=0)
        return float(nats / words)

    def _compute_waiting(self):
        """Computes what waits, captions of similar length together."""
        self._sums += [(0.0, 0)] * (len(self._place) - len(self._sums))
        waiting, self._waiting = sorted(self._waiting, key=lambda caption: len(caption[2])), []
        for first in range(0, len(waiting), PASS):
            places, embeds, sentences = zip(*waiting[first:first + PASS])
            matrix = np.full((len(places), len(sentences[-1])), self._pad, np.int32)
            for row, sentence in zip(matrix, sentences):
                row[:len(sentence)] = sentence
            nats = self._compute(np.stack(embeds), matrix).numpy()
            for place, row, of_words in zip(places, matrix, nats):
                counted = row[1:] != self._pad
                self._sums[place] = float(of_words[counted].astype("float64").sum()), int(counted.sum())


class BatchLosses:
    """Losses of batches as decoder.loss says them, with the methods of CaptionLosses."""

    def __init__(self, decoder):
        self._loss = _compiled(_loss, model_of(decoder, ["loss"]))
        self.guess = math.inf

    def places(self, embeds, sentences) -> float:
        """The loss of a batch."""
        return float(self._loss(embeds, sentences))

    def mean(self, places) -> float:
        """The same."""
        return places


def _compiled(function, model):
    """One graph of function(model, embeds, sentences) for batches of any size."""
    import tensorflow as tf

    embeds, _ = model.inputs
    any_batch = [tf.TensorSpec(embeds.shape, tf.float32), tf.TensorSpec([None, None], tf.int32)]
    # AutoGraph has nothing to convert in a model of Keras layers, and would warn where it misreads the source.
    # TensorFlow counts the graphs of one function and warns of many, but each partial is another function to it.
    return tf.function(partial(function, model), input_signature=any_batch, autograph=False)


def _loss(model, embeds, sentences):
    """The decoder's loss of a batch, a scalar."""
    return model([embeds, sentences], training=False)["loss"]


def _nats(model, embeds, sentences):
    """The loss of each word, (B, T-1), in nats."""
    import tensorflow as tf

    from captioning.decoder.fast_loss import cross_entropy

    words = tf.maximum(tf.reshape(sentences[:, 1:], [-1]), 0)               # padding may be -1; it does not count
    logits = model([embeds, sentences], training=False)["flat_token_logits"]
    return tf.reshape(cross_entropy(words, logits), tf.shape(sentences[:, 1:]))
