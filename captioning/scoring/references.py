"""References that are counted once and compared with captions again and again."""

import math
from collections.abc import Hashable, Sequence
from functools import lru_cache
from itertools import chain
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array

from captioning.scoring.ngrams import LONGEST, Counts, Numbers, Texts, count_ngrams, starts_of

BLOCK = 4096            # captions to compare at a time


class Counted(NamedTuple):
    """The n-grams of R references of N photos, with CIDEr's weights.

    Attributes:
        counts: their counts.
        squares: for each n the squared weights of the n-grams, (G + 1,) float64; the last one is that of an n-gram
            that no photo has.
        norms: norms of the weighted counts, (LONGEST, R) float64.
    """

    counts: Counts
    squares: list[np.ndarray]
    norms: np.ndarray


class Comparison(NamedTuple):
    """C captions, each paired with all references of its photo: P pairs, sorted by caption.

    Attributes:
        captions: the captions.
        references: all references.
        caption: the caption of each pair, (P,) int64.
        reference: the reference of each pair, (P,) int64.
        first: the first pair of each caption, (C,) int64.
        shared: for each n the n-grams that both have, with the smaller count: (P, columns) int32.
        cosines: similarity of the weighted counts, the mean over n, (P,) float64.
    """

    captions: Texts
    references: Texts
    caption: np.ndarray
    reference: np.ndarray
    first: np.ndarray
    shared: list[csr_array]
    cosines: np.ndarray


class References:
    """The references of N photos.

    Args:
        references: for each photo its captions, each a sequence of words.
        kept: keeps the counts until other references are counted this way.

    Raises:
        ValueError: a photo has no reference.
    """

    numbers: Numbers
    texts: Texts                        # R references, sorted by photo
    starts: np.ndarray                  # (N + 1,): the first reference of each photo
    counted: Counted

    def __init__(self, references: Sequence[Sequence[Sequence[Hashable]]], kept: bool = False):
        without = [row for row, captions in enumerate(references) if not len(captions)]
        if without or not len(references):
            raise ValueError(f"{len(without)} of {len(references)} photos have no captions to compare with, such as "
                             f"those of rows {without[:3]}: leave them out.")
        self.numbers = Numbers()
        self.texts = self.numbers.texts(list(chain.from_iterable(references)))
        self.starts = starts_of(map(len, references))
        count = _count if kept else _count.__wrapped__
        self.counted = count(*(each.tobytes() for each in (*self.texts, self.starts)))

    def measure(self, rows: Sequence[int], captions: Sequence[Sequence[Hashable]], *measures) -> list[np.ndarray]:
        """Measures captions, some at a time.

        Args:
            rows: for each of C captions the row of its photo.
            captions: each a sequence of words.
            *measures: functions Comparison -> an array with a row for each caption.

        Returns:
            For each measure the rows of all captions.
        """
        rows, blocks = np.asarray(rows, np.int64), []
        for start in range(0, max(len(rows), 1), BLOCK):
            compared = self._compare(rows[start:start + BLOCK], captions[start:start + BLOCK])
            blocks.append([measure(compared) for measure in measures])
        return [np.concatenate(of_blocks) for of_blocks in zip(*blocks)]

    def _compare(self, rows: np.ndarray, captions: Sequence[Sequence[Hashable]]) -> Comparison:
        """Pairs each caption with the references of its photo."""
        texts = self.numbers.texts(captions)
        first = starts_of(self.starts[rows + 1] - self.starts[rows])
        caption = np.repeat(np.arange(len(rows)), np.diff(first))
        reference = np.arange(first[-1]) + (self.starts[rows] - first[:-1])[caption]
        counts = count_ngrams(texts, self.counted.counts)
        shared, cosines = [], np.zeros(len(caption))
        for n in range(LONGEST):
            common, cosine = self._match(n, counts.matrices[n], caption, reference)
            shared.append(common)
            cosines += cosine / LONGEST
        return Comparison(texts, self.texts, caption, reference, first[:-1], shared, cosines)

    def _match(self, n: int, counts: csr_array, caption, reference) -> tuple[csr_array, np.ndarray]:
        """Of n-grams of n + 1 words: the smaller counts, and the cosines of the weighted counts."""
        theirs, squares = self.counted.counts.matrices[n][reference], self.counted.squares[n]
        theirs.resize(len(reference), counts.shape[1])
        shared = counts[caption].minimum(theirs)
        scale = np.sqrt(_weighted(counts.multiply(counts), squares))[caption] * self.counted.norms[n][reference]
        return shared, _weighted(shared.multiply(theirs), squares) / np.where(scale, scale, 1)


@lru_cache(maxsize=1)
def _count(words: bytes, text_starts: bytes, photo_starts: bytes) -> Counted:
    """Counts the references that have these numbers: bytes of an array of int32, and of two of int64."""
    text_starts, photo_starts = (np.frombuffer(each, np.int64) for each in (text_starts, photo_starts))
    counts, photos = count_ngrams(Texts(np.frombuffer(words, np.int32), text_starts)), len(photo_starts) - 1
    squares, norms = [], []
    for matrix in counts.matrices:
        of_photos = csr_array((matrix.data, matrix.indices, matrix.indptr[photo_starts]),
                              shape=(photos, matrix.shape[1]), copy=True)
        of_photos.sum_duplicates()
        photos_with = np.bincount(of_photos.indices, minlength=matrix.shape[1])
        squares.append((math.log(photos) - np.log(np.append(photos_with, 1))) ** 2)
        squared = csr_array((matrix.data ** 2, matrix.indices, matrix.indptr), shape=matrix.shape)
        norms.append(np.sqrt(squared @ squares[-1][:-1]))
    return Counted(counts, squares, np.array(norms))


def _weighted(products: csr_array, squares: np.ndarray) -> np.ndarray:
    """The sum of each row, (rows,), where a column counts by its squared weight; see `Counted.squares`."""
    row = np.repeat(np.arange(products.shape[0]), np.diff(products.indptr))
    weights = squares[np.minimum(products.indices, len(squares) - 1)]
    return np.bincount(row, products.data * weights, products.shape[0])
