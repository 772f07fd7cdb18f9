"""CIDEr-D as a reward: fast for many captions, again and again, because document frequencies are counted once."""

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np

from captioning.datasets.tokens import END

LONGEST, SIGMA = 4, 6.0             # n-grams of 1 to 4 words; width of the penalty for another length, in words


class CiderD:
    """CIDEr-D (Vedantam et al. 2015, https://arxiv.org/abs/1411.5726) against the references of N photos.

    The weight of an n-gram comes from these photos: the fewer of them have it, the more it weighs. For all of these
    photos, one caption each, the scores are those of pycocoevalcap.

    Args:
        references: for each photo its captions, each a sequence of words (or of anything that can be a key of a dict).

    Raises:
        ValueError: a photo has no reference.
    """

    references: Sequence[Sequence[Sequence]]

    def __init__(self, references: Sequence[Sequence[Sequence]]):
        without = [row for row, captions in enumerate(references) if not len(captions)]
        if without or not len(references):
            raise ValueError(f"{len(without)} of {len(references)} photos have no captions to compare with, such as "
                             f"those of rows {without[:3]}: leave them out.")
        self.references = references
        photos_with = Counter()
        for captions in references:
            photos_with.update(set().union(*map(ngrams, captions)))
        self._new = math.log(len(references))                       # weight of an n-gram in no photo, or in one
        self._weight = {ngram: self._new - math.log(photos) for ngram, photos in photos_with.items() if photos > 1}

    def __call__(self, rows, captions: Sequence[Sequence]) -> np.ndarray:
        """Score of each caption.

        Args:
            rows: for each caption the row of its photo.
            captions: each a sequence of words.

        Returns:
            (len(captions),) float64, from 0 to 10.
        """
        references = {row: [self._vector(words) for words in self.references[row]] for row in set(map(int, rows))}
        return np.array([self._score(self._vector(words), references[int(row)]) for row, words in zip(rows, captions)])

    def _score(self, caption, references) -> float:
        return 10 * sum(_similarity(caption, reference) for reference in references) / len(references)

    def _vector(self, words):
        """Weights of the n-grams, 1 / norm of the weights for each n, and the number of words."""
        weights = {ngram: count * self._weight.get(ngram, self._new) for ngram, count in ngrams(words).items()}
        squares = [0.0] * LONGEST
        for ngram, weight in weights.items():
            squares[len(ngram) - 1] += weight * weight
        return weights, [square and square ** -0.5 for square in squares], max(len(words), 1)


def cider_reward(captions: Sequence[Sequence[Sequence[str]]]) -> CiderD:
    """CIDEr-D as the reward of sampled captions, in which #END# counts as a word.

    Each reference ends with #END#, as a sampled caption does that ended by itself. So a caption that breaks off scores
    less than one that ends.

    Args:
        captions: for each photo its captions as lists of words, without #END#.

    Returns:
        Function (rows, captions) -> scores; see `CiderD`.

    Raises:
        ValueError: a photo has no caption.
    """
    return CiderD([[(*words, END) for words in of_photo] for of_photo in captions])


def ngrams(words: Sequence) -> Counter:
    """How often each run of 1 to 4 words occurs; runs are tuples."""
    return Counter(tuple(words[i:i + n]) for n in range(1, LONGEST + 1) for i in range(len(words) - n + 1))


def _similarity(caption, reference) -> float:
    """Mean over n of the cosine of the weights. Repeating a word gains nothing; another length costs."""
    weights, scale, length = caption
    true_weights, true_scale, true_length = reference
    cosines = 0.0
    for ngram, weight in weights.items():
        true = true_weights.get(ngram)
        if true is not None:
            n = len(ngram) - 1
            cosines += min(weight, true) * true * scale[n] * true_scale[n]
    return cosines / LONGEST * math.exp(-(length - true_length) ** 2 / (2 * SIGMA ** 2))
