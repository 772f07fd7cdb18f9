"""The data of training, and its batches: each is a function of (seed, step), so there is no iterator to save."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

import numpy as np

from captioning.settings import Settings

TRAINING, VALIDATION, SAMPLING, ORDER = 0, 1, 3, 4      # streams of random numbers
MADE_TOGETHER = 4       # batches of training, so that the captions of one can be of nearly one length


@dataclass(frozen=True)
class Data:
    """Embeddings of N photos, (N, 2048), and for each photo its captions as lists of vocabulary indices."""

    img_embeds: np.ndarray
    captions_indexed: list[list[list[int]]]

    def digest(self) -> str:
        """SHA-256 of the captions of each photo, its first twelve hexadecimal digits."""
        numbers = chain.from_iterable(
            (len(of_photo), *chain.from_iterable((len(caption), *caption) for caption in of_photo))
            for of_photo in self.captions_indexed)
        return hashlib.sha256(np.fromiter(numbers, np.int32).tobytes()).hexdigest()[:12]


class Batch(NamedTuple):
    """Photos, each with one of its captions."""

    images: np.ndarray          # (B, D) float32
    sentences: np.ndarray       # (B, T) int32
    share: float = 1.0          # of the batch's loss in a mean over all words: its words by those of the mean batch


class Batches:
    """Makes the batches of a run.

    Args:
        generate_batch: function (img_embeds, captions_indexed, batch_size, max_len, rng) that returns a dict with
            `img_embeds` and `sentences`.
        train: the training photos and captions.
        val: the validation photos and captions.
        pad: index that fills up sentences.
        settings: batch size, greatest length, number of validation batches, seed.
    """

    generate_batch: Callable
    train: Data
    val: Data
    pad: int
    settings: Settings

    def __init__(self, generate_batch, train: Data, val: Data, pad: int, settings: Settings):
        self.generate_batch, self.train, self.val, self.pad, self.settings = generate_batch, train, val, pad, settings
        self._group, self._of_group = None, []      # the batches that were made together last, and their number

    def of_step(self, step: int) -> Batch:
        """The batch of a training step. Batches that are made together are sorted by length."""
        group, place = divmod(step, MADE_TOGETHER)
        if group != self._group:
            batches = [self.as_made(group * MADE_TOGETHER + i) for i in range(MADE_TOGETHER)]
            self._group, self._of_group = group, by_length(batches, self.pad, self._rng(ORDER, group))
        return self._of_group[place]

    def as_made(self, step: int) -> Batch:
        """The batch of a training step before it is sorted with its neighbours."""
        return self._make(self.train, self.settings.batch_size, self._rng(TRAINING, step))

    def of_validation(self) -> Iterator[Batch]:
        """The batches of the validation loss, the same ones each time."""
        for number in range(self.settings.val_batches):
            yield self._make(self.val, self.settings.batch_size, self._rng(VALIDATION, number))

    def _make(self, data, size, rng):
        made = self.generate_batch(data.img_embeds, data.captions_indexed, size, self.settings.max_len, rng)
        return Batch(np.asarray(made["img_embeds"], np.float32), np.asarray(made["sentences"], np.int32))

    def _rng(self, *stream):
        return np.random.default_rng([self.settings.seed, *stream])


def by_length(batches, pad: int, rng) -> list[Batch]:
    """Sorts the captions of some batches into as many new ones, so that each holds captions of similar length.

    The LSTM takes as many steps as a batch's longest sentence has words, so it then takes fewer, over less padding.

    Args:
        batches: of images (B, D) and sentences (B, T); T may differ between batches.
        pad: index that fills up sentences.
        rng: gives the order of the batches.

    Returns:
        As many batches. Their sentences are cut after the last word. The mean of their losses, each multiplied by its
        share, is the mean over all their words.
    """
    images = np.concatenate([batch.images for batch in batches])
    widest = max(batch.sentences.shape[1] for batch in batches)
    sentences = np.concatenate([
        np.pad(batch.sentences, [(0, 0), (0, widest - batch.sentences.shape[1])], constant_values=pad)
        for batch in batches])
    ends = widest - np.argmax(sentences[:, ::-1] != pad, axis=1)
    parts = np.array_split(np.argsort(ends, kind="stable"), len(batches))
    words = np.array([np.count_nonzero(sentences[part, 1:] != pad) for part in parts])
    shares = (words / words.mean()).astype(np.float32)
    return [Batch(images[parts[i]], sentences[parts[i], :ends[parts[i]].max()], shares[i])
            for i in rng.permutation(len(parts))]
