"""The checks of the decoder's loss: untrained, where its value shows a mistake, and on validation batches."""

import itertools
import math
import random
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from tqdm.auto import tqdm

from captioning.datasets.tokens import PAD
from captioning.grading.decoder_checks import (
    BATCH,
    MAX_LEN,
    SEED,
    embedding_width,
    evaluate,
    logit_problems,
    model_of,
    padded_batch,
    random_batch,
)
from captioning.grading.report import Problem, Stopped, call, short

VAL_BATCHES = 1_000                 # batches whose mean loss the service asks for

# The loss of a decoder that trained well enough. On MSCOCO learners reached 2.60 nats after 12 epochs. Elsewhere the
# yardstick is a table of word pairs, which knows nothing of photos: the loss must be below this share of the table's.
COCO_VAL_LOSS = 2.8
SHARE_OF_WORD_PAIRS = 0.8
FOLDS = 10                          # parts of the photos; the table is measured on captions that it was not made from

# A decoder that looks at the photos: with the photos of other captions, its loss must rise by this many nats.
LEAST_RISE = 0.2
SHUFFLED_BATCHES = 100              # batches that measure the rise, which differs little from batch to batch


# ------------------------------------------------------------------------------------------------ untrained loss

def untrained_answer(decoder, vocab) -> str:
    """What the service asks for: the loss of the service's random batch."""
    return str(_random_loss(decoder, vocab))    # str gives float32's digits; NumPy's repr would name the type too


def _random_loss(decoder, vocab) -> np.float32:
    """Loss of the service's random batch."""
    return evaluate(decoder, *random_batch(decoder, vocab), ["loss"])["loss"][()]


def untrained_problems(decoder, vocab) -> Iterator[Problem]:
    """What is wrong with the loss of an untrained decoder.

    Args:
        decoder: a class that holds symbolic Keras tensors.
        vocab: {token: index}.

    Raises:
        Stopped: the tensors can't be computed.
    """
    images, sentences = padded_batch(decoder, vocab)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        values = evaluate(decoder, images, sentences, ["flat_token_logits", "loss"])
    logits, loss = values["flat_token_logits"].astype("float64"), values["loss"]
    words, is_word = sentences[:, 1:], sentences[:, 1:] != vocab[PAD]
    if loss.shape != ():
        yield Problem("The loss should be one number for the whole batch: the mean over its words.", "()",
                      str(loss.shape))
        return
    if logits.shape != (words.size, len(vocab)):
        yield Problem("The logits have the wrong shape: check and mend the decoder's shapes first.",
                      str((words.size, len(vocab))), str(logits.shape))
        return
    problems = list(logit_problems(logits))
    if not problems and any("from_logits=True" in str(warning.message) for warning in caught):
        # Keras removes such a softmax again, so the value does not show it. Other code would not remove it.
        problems = [Problem("softmax is applied before the loss, which applies it again (from_logits=True): give the "
                            "loss the logits.", "logits", "probabilities")]
    yield from problems or _value_problems(logits, loss, words, is_word) or _trained_already(decoder, vocab)


def _value_problems(logits, loss, words, is_word) -> list[Problem]:
    """The mistakes that explain the value of the loss."""
    possible = _possible_losses(logits, words, is_word)
    hints = next((hints for hints, value in possible if math.isclose(value, loss, rel_tol=2e-6)),
                 ["The loss differs from the mean cross-entropy of the words, padding left out."])
    right = possible[0][1]
    return [Problem(hint, f"{right:.6f}", f"{loss:.6f}") for hint in hints]


def _trained_already(decoder, vocab):
    """An untrained decoder finds all words about equally likely, so its loss is about ln V."""
    loss, guess = float(_random_loss(decoder, vocab)), math.log(len(vocab))
    if not abs(loss - guess) < 0.3 + 0.05 * guess:          # not >=, which is never true of nan
        yield Problem("An untrained decoder should find all words about equally likely. If this one was trained "
                      "already, run its cell again before this check; training goes on from its checkpoint.",
                      f"about ln {len(vocab):,} = {guess:.2f}", f"{loss:.2f}")


def _possible_losses(logits, words, is_word):
    """[(hints, loss)] of each combination of mistakes, the fewest mistakes first; the first has none.

    Args:
        logits: (B·(T-1), V) float64.
        words: (B, T-1) indices.
        is_word: (B, T-1) bool, False at padding.
    """
    exponents = np.exp(logits - logits.max(-1, keepdims=True))
    readings = {
        "": logits,
        "softmax is applied before the loss, which applies it again: give the loss the logits.":
            exponents / exponents.sum(-1, keepdims=True),
        "The loss takes the logits for probabilities: pass from_logits=True.":
            np.log(np.clip(logits, 1e-7, 1 - 1e-7)),            # Keras's reading of probabilities
    }
    reductions = {
        "": lambda each: each[is_word].mean(),
        "The mean is taken over padding too: leave PAD out with the mask.": lambda each: each.mean(),
        "The mean is taken over padding too: divide by the number of words, which is the sum of the mask.":
            lambda each: each[is_word].sum() / each.size,
        "The mask is inverted: the loss counts PAD and leaves the words out.": lambda each: each[~is_word].mean(),
        "The losses are added up: take their mean.": lambda each: each[is_word].sum(),
        "The losses are added up, padding too: take the mean over the words.": lambda each: each.sum(),
        "The sum is divided by the number of captions: divide it by the number of words.":
            lambda each: each[is_word].sum() / len(each),
        "The mean is taken for each caption first, so words of short captions weigh more: take it over all at once.":
            lambda each: np.mean([row[kept].mean() for row, kept in zip(each, is_word, strict=True)]),
    }
    losses = []
    for reading, values in readings.items():
        each = _cross_entropy(values, words.ravel()).reshape(words.shape)
        losses += [([hint for hint in (reading, reduction) if hint], float(reduce(each)))
                   for reduction, reduce in reductions.items()]
    return sorted(losses, key=lambda row: len(row[0]))


def _cross_entropy(logits, words):
    """(N,) nats, from logits (N, V) and word indices (N,): -log softmax(logits)[word]."""
    top = logits.max(-1, keepdims=True)
    log_sum = top[:, 0] + np.log(np.exp(logits - top).sum(-1))
    return log_sum - logits[np.arange(len(words)), words]


# ----------------------------------------------------------------------------------------------- validation loss

def batch_problems(generate_batch, images, captions) -> Iterator[Problem]:
    """What is wrong with the first two batches.

    Args:
        generate_batch: the notebook's function.
        images: (N, 2048) embeddings.
        captions: N lists of captions, as lists of indices.

    Raises:
        Stopped: the loss can't be measured with such batches.
    """
    with _seeded_globals():
        embeds, sentences = _take_batch(generate_batch, images, captions)
        again = _take_batch(generate_batch, images, captions)
    if np.array_equal(embeds, again[0]) and np.array_equal(sentences, again[1]) and len(images) > 1:
        yield Problem("Two batches in a row are the same: draw anew each time, and seed no generator in "
                      "generate_batch.")
    strangers = _captions_of_other_photos(embeds, sentences, images, captions)
    if strangers:
        yield Problem("Captions and photos do not belong together: draw the photos' numbers once, and take both the "
                      "embeddings and the captions with them.", "each caption beside its own photo",
                      f"{strangers} of {len(embeds)} captions beside another photo")


@dataclass(frozen=True)
class ValidationLoss:
    """A decoder's loss in nats per word, and what it is judged by."""

    mean: float                     # of the batches' losses
    rise: float | None              # how much higher it is when each caption has another's photo; None for one photo
    limit: float                    # the mean must stay below it
    yardstick: str                  # why

    def __str__(self):
        rise = "" if self.rise is None else f" With the photos of other captions it is {self.rise:.2f} higher."
        return f"{self.mean:.4f} nats a word; the limit is {self.limit:.2f} ({self.yardstick}).{rise}"

    def problems(self) -> Iterator[Problem]:
        """What the loss says against the decoder."""
        if not math.isfinite(self.mean):
            yield Problem("The loss is not a number: the training diverged. Lower the learning rate and train again.",
                          f"below {self.limit:.2f}", repr(self.mean))
            return
        if self.mean >= self.limit:
            yield Problem("The decoder has not learnt enough yet: train it longer, or restore its best checkpoint.",
                          f"below {self.limit:.2f}", f"{self.mean:.2f}")
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
    import tensorflow as tf

    model = model_of(decoder, ["loss"])
    width = embedding_width(decoder)
    batch_of_any_size = [tf.TensorSpec([None, width], tf.float32), tf.TensorSpec([None, None], tf.int32)]

    # One graph serves all lengths, so TensorFlow traces nothing twice. AutoGraph has nothing to convert in a model of
    # Keras layers, and would warn where it misreads the source.
    @tf.function(input_signature=batch_of_any_size, autograph=False)
    def loss(embeds, sentences):
        return model([embeds, sentences], training=False)["loss"]

    total, rises = 0.0, []
    with _seeded_globals():
        for number in tqdm(range(n_batches), desc="Validation loss", unit="batch"):
            embeds, sentences = _take_batch(generate_batch, images, captions)
            embeds, sentences = embeds.astype(np.float32, copy=False), sentences.astype(np.int32, copy=False)
            of_batch = float(loss(embeds, sentences))
            total += of_batch
            if number < SHUFFLED_BATCHES and len(embeds) > 1:
                rises.append(float(loss(np.roll(embeds, 1, axis=0), sentences)) - of_batch)
    rise = round(float(np.mean(rises)), 2) + 0.0 if rises else None     # + 0.0: no -0.00
    return ValidationLoss(total / n_batches, rise, *_limit(captions, dataset))


def _limit(captions, dataset) -> tuple[float, str]:
    """The loss to stay below, and why."""
    if dataset == "coco2014":
        return COCO_VAL_LOSS, "well-trained decoders of this size reach 2.5 to 2.6"
    known = _word_pair_loss(captions)
    share = SHARE_OF_WORD_PAIRS
    return share * known, f"{share:.0%} of {known:.2f}, the loss of a table that only knows which word follows which"


@contextmanager
def _seeded_globals():
    """Seeds the two global generators as the service does, and puts them back afterwards."""
    states = random.getstate(), np.random.get_state()
    random.seed(SEED)
    np.random.seed(SEED)
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])


def _take_batch(generate_batch, images, captions):
    """(images, sentences) of one batch. Raises Stopped if generate_batch returns something else."""
    batch = call(generate_batch, images, captions, BATCH, MAX_LEN)
    try:
        embeds, sentences = np.asarray(batch["img_embeds"]), np.asarray(batch["sentences"])
    except (KeyError, TypeError, IndexError, ValueError):
        raise Stopped(Problem("generate_batch should return a dictionary with the batch's two arrays.",
                              '{"img_embeds": …, "sentences": …}',
                              short(list(batch) if isinstance(batch, dict) else batch))) from None
    rows, width = min(BATCH, len(images)), np.shape(images)[1]
    if embeds.shape != (rows, width) or sentences.ndim != 2 or len(sentences) != rows:
        raise Stopped(Problem("The arrays of generate_batch have other shapes than expected.",
                              f"img_embeds ({rows}, {width}), sentences ({rows}, at most {MAX_LEN})",
                              f"img_embeds {embeds.shape}, sentences {sentences.shape}"))
    if sentences.shape[1] > MAX_LEN:
        raise Stopped(Problem("generate_batch ignores max_len: pass it on to batch_captions_to_matrix.",
                              f"at most {MAX_LEN} columns", f"{sentences.shape[1]} columns"))
    return embeds, sentences


def _captions_of_other_photos(embeds, sentences, images, captions):
    """How many rows of a batch hold a photo of the dataset beside a caption of another photo."""
    first_values = np.asarray(images[:, 0], dtype=embeds.dtype)
    strangers = 0
    for embed, sentence in zip(embeds, sentences, strict=True):
        photos = [row for row in np.flatnonzero(first_values == embed[0])
                  if np.array_equal(np.asarray(images[row], dtype=embeds.dtype), embed)]
        own = [caption[:len(sentence)] for row in photos for caption in captions[row]]
        strangers += bool(photos) and not any(np.array_equal(sentence[:len(caption)], caption) for caption in own)
    return strangers


def _word_pair_loss(captions_of_photos):
    """Cross-entropy, in nats per token, of a table that knows how often each token follows each other one.

    The captions of each tenth of the photos are predicted from those of the others. If these are so few that guessing
    does better, the result is that of guessing. Smoothed after Witten & Bell 1991, method C:
    p(b | a) = (n(a, b) + k(a) p(b)) / (n(a) + k(a)), where k(a) is 1 + the number of different tokens seen after a.
    """
    folds = [
        Counter(itertools.chain.from_iterable(
            itertools.pairwise(caption[:MAX_LEN]) for captions in captions_of_photos[i::FOLDS] for caption in captions))
        for i in range(FOLDS)]
    pairs = sum(folds, Counter())
    tokens, nats = len({token for _, token in pairs}), 0.0
    for held_out in folds:
        known = pairs - held_out
        before, followers, after = Counter(), Counter(), Counter()
        for (first, second), count in known.items():
            before[first] += count
            followers[first] += 1
            after[second] += count
        seen = after.total()
        for (first, second), count in held_out.items():
            share, kinds = (after[second] + 1) / (seen + tokens), followers[first] + 1
            nats -= count * math.log((known[first, second] + kinds * share) / (before[first] + kinds))
    return min(nats / pairs.total(), math.log(tokens))
