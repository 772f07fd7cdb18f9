"""The check of a trained decoder: its loss on validation batches, and whether it came about honestly."""

import itertools
import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from tqdm.auto import tqdm

from captioning.datasets.tokens import END, PAD, START, UNK
from captioning.grading import caption_steps, loss_checks
from captioning.grading.decoder_probe import model_of, probe
from captioning.grading.report import Problem
from captioning.grading.yardsticks import as_key, bounds

VAL_BATCHES = 1_000                 # batches whose mean loss the service asks for

# A decoder that looks at the photos: with the photos of other captions, its loss must rise by this many nats.
LEAST_RISE = 0.2
SHUFFLED_BATCHES = 25               # batches that measure the rise, which differs little from batch to batch

SAME_PHOTOS = 0.5                   # from this share of shared photos on, the validation photos are training photos


# --------------------------------------------------------------------------------------------------------- honesty

def honesty_problems(decoder, final_model, fills, images, captions) -> Iterator[Problem]:
    """Does the decoder predict from what it may know, and are captions written by the same function?

    Args:
        decoder: the trained decoder.
        final_model: has the models initial_state and one_step; if None, they are made of the given layers.
        fills: the indices that fill up sentences.
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
    problems = list(_foresight_problems(found)) or list(_loss_problems(decoder, fills, captions))
    steps = None if problems else caption_steps.steps_of(decoder, final_model)
    if steps is not None:
        problems = caption_steps.same_function_problems(decoder, steps, captions[0][0][0], words)
    yield from problems


def _foresight_problems(found):
    """Does each prediction depend on the words up to its own place, and on no other caption?"""
    matters = found.words_that_matter("flat_token_logits")
    later = matters & ~np.triu(np.ones_like(matters))
    if found.is_random("flat_token_logits"):
        yield Problem("The logits change from one time to the next, also outside training. Use the given dropout "
                      "layers, which rest then, and leave training=True out.",
                      "the same values twice", "two different values")
    elif found.mixes_captions("flat_token_logits"):
        yield Problem("The logits of a caption depend on the other captions or photos of the batch. Take out what "
                      "mixes them, such as a mean over axis 0, and train again.",
                      "the same values alone as in a batch", "different values")
    elif later.any():
        column, place = np.argwhere(later)[0]
        yield Problem("The decoder reads the words that it has to predict: at each place it may know the words up to "
                      "there only. Feed sentences[:, :-1] to the LSTM, from left to right, and train again.",
                      f"a prediction at place {place + 1} that does not depend on word {column + 1}",
                      f"it changes with word {column + 1}")


def _loss_problems(decoder, fills, captions):
    """Is decoder.loss the mean cross-entropy of the words of a batch?"""
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
        rise = "" if self.rise is None else f" With the photos of other captions it is {_higher(self.rise)}."
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
            yield Problem(f"The loss is higher than that of guessing, ln V = {self.guess:.2f}. Do photos and captions "
                          "belong together, in the same order and indexed with this vocab? If they do, the training "
                          "diverged: lower the learning rate (CAPTION_LEARNING_RATE), run the decoder's cells again "
                          "and train.", below, f"{self.mean:.2f}")
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
                          f"a loss that is {LEAST_RISE} higher or more", _higher(self.rise))


def _higher(rise: float) -> str:
    return f"{rise:.2f} higher" if rise >= 0 else f"{-rise:.2f} lower"


def validation_loss(decoder, batches, captions, n_batches, dataset) -> ValidationLoss:
    """The loss over batches as the service takes them, each as decoder.loss says it.

    Args:
        decoder: the trained decoder.
        batches: iterator of (B, 2048) float32 and (B, T) int32.
        captions: of all photos, a list for each, as lists of indices.
        n_batches: how many batches.
        dataset: decides on the limit.
    """
    compiled = _compiled_loss(decoder)

    def loss(number, batch):
        embeds, sentences = batch
        of_batch, rise = float(compiled(embeds, sentences)), None
        if number < SHUFFLED_BATCHES and len(embeds) > 1:
            rise = float(compiled(np.roll(embeds, 1, axis=0), sentences)) - of_batch
        return of_batch, rise

    results = _two_at_a_time(loss, enumerate(itertools.islice(batches, n_batches)))
    of_batches, rises = zip(*tqdm(results, "Validation loss", n_batches, unit="batch"))
    rises = [rise for rise in rises if rise is not None]
    rise = round(float(np.mean(rises)), 2) + 0.0 if rises else None         # + 0.0: no -0.00
    logits = getattr(decoder, "flat_token_logits", None)
    guess = math.inf if logits is None else math.log(logits.shape[-1])
    limit, yardstick, floor = bounds(captions, dataset)
    return ValidationLoss(sum(of_batches) / n_batches, rise, limit, yardstick, guess, floor)


def _two_at_a_time(function: Callable, items: Iterable[tuple]) -> Iterator:
    """function(*item) of each item, in order. Two threads compute, because one batch does not keep two cores busy."""
    with ThreadPoolExecutor(2) as pool:
        waiting = deque()
        for item in items:
            waiting.append(pool.submit(function, *item))
            if len(waiting) > 4:        # few batches in memory at a time
                yield waiting.popleft().result()
        yield from (each.result() for each in waiting)


def _compiled_loss(decoder):
    """decoder.loss as a function of photos and sentences, one graph for batches of any size."""
    import tensorflow as tf

    model = model_of(decoder, ["loss"])
    any_batch = [tf.TensorSpec(model.inputs[0].shape, tf.float32), tf.TensorSpec([None, None], tf.int32)]
    # AutoGraph has nothing to convert in a model of Keras layers, and would warn where it misreads the source.
    return tf.function(lambda embeds, sentences: model([embeds, sentences], training=False)["loss"],
                       input_signature=any_batch, autograph=False)
