"""How often each n-gram occurs in each of many captions, as sparse matrices."""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from itertools import chain
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array

LONGEST = 4             # n-grams of 1 to 4 words
BITS = 31               # of a word's number in an n-gram's key


class Texts(NamedTuple):
    """S texts as numbers, one after the other.

    Attributes:
        words: (W,) int32, the numbers of their words.
        starts: (S + 1,) int64; text s has the words starts[s] to starts[s + 1].
    """

    words: np.ndarray
    starts: np.ndarray

    @property
    def lengths(self) -> np.ndarray:
        """Number of words of each text, (S,) int64."""
        return np.diff(self.starts)


class Numbers(defaultdict):
    """Word -> its number: 0, 1, 2 ... in the order in which the words are met."""

    def __init__(self):
        super().__init__(self.__len__)

    def texts(self, texts: Sequence[Sequence[Hashable]]) -> Texts:
        """Texts as numbers. New words get new numbers."""
        words = np.fromiter(map(self.__getitem__, chain.from_iterable(texts)), np.int32)
        return Texts(words, starts_of(map(len, texts)))


class Counts(NamedTuple):
    """Counts of the n-grams of S texts, for each n from 1 to LONGEST.

    Attributes:
        keys: for each n the keys of the G n-grams, (G,) int64: the column of the n-gram without its last word, and the
            number of this word. Sorted, unless there were known n-grams.
        matrices: for each n how often each text has each n-gram, (S, columns) int32.
    """

    keys: list[np.ndarray]
    matrices: list[csr_array]


def starts_of(sizes: Iterable[int]) -> np.ndarray:
    """Where each of some neighbours begins, and where the last one ends: (N + 1,) int64."""
    return np.concatenate([[0], np.cumsum(np.fromiter(sizes, np.int64))])


def count_ngrams(texts: Texts, known: Counts | None = None) -> Counts:
    """Counts the n-grams of texts.

    Args:
        texts: S texts.
        known: n-grams that keep their columns. Others get columns after them.

    Returns:
        The counts. Their matrices have all columns of `known`, and one for each other n-gram of the texts.
    """
    ends = np.repeat(texts.starts[1:].astype(np.int32), texts.lengths)
    left = ends - np.arange(len(ends), dtype=np.int32)          # words from here to the end of the text
    prefix = np.zeros_like(texts.words)         # by place: number of the n-gram that begins here, so far without words
    columns, counts = np.zeros(1, np.int32), Counts([], [])
    for n in range(1, LONGEST + 1):
        here = left >= n
        last = texts.words[n - 1:][here[:max(len(here) - n + 1, 0)]]
        own, prefix[here] = _distinct(_keys(prefix[here], last))
        keys = _keys(columns[own >> BITS], own & ((1 << BITS) - 1))
        columns, width = _columns(keys, known.keys[n - 1] if known else keys)
        starts = starts_of(np.maximum(texts.lengths - n + 1, 0))
        matrix = csr_array((np.ones(len(last), np.int32), columns[prefix[here]], starts.astype(np.int32)),
                           shape=(len(starts) - 1, width))
        matrix.sum_duplicates()
        counts.keys.append(keys)
        counts.matrices.append(matrix)
    return counts


def _keys(prefixes: np.ndarray, last: np.ndarray) -> np.ndarray:
    """Keys of n-grams, (K,) int64: the number of the n-gram without its last word, and the number of this word."""
    keys = prefixes.astype(np.int64)
    keys <<= BITS
    keys |= last
    return keys


def _distinct(keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The different keys, sorted, and the place of each key among them, int32. np.unique takes twice the memory."""
    order = np.argsort(keys)
    keys = keys[order]
    new = np.append(True, keys[1:] != keys[:-1])[:len(keys)]
    places = np.empty(len(keys), np.int32)
    places[order] = np.cumsum(new, dtype=np.int32) - 1
    return keys[new], places


def _columns(keys: np.ndarray, known: np.ndarray) -> tuple[np.ndarray, int]:
    """Columns of n-grams, (G,) int32, and the number of columns: places among the known keys, or new columns."""
    places = np.searchsorted(known, keys).astype(np.int32)
    new = known.take(places, mode="clip") != keys if len(known) else np.ones(len(keys), bool)
    places[new] = len(known) + np.arange(np.count_nonzero(new))
    return places, len(known) + np.count_nonzero(new)
