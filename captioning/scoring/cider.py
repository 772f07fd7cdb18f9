"""CIDEr-D: how much the n-grams of a caption, weighted by what they tell, are those of people's captions."""

from collections.abc import Sequence

import numpy as np

from captioning.scoring.references import Comparison, References

SIGMA = 6.0             # width of the penalty for another length, in words


class CiderD:
    """CIDEr-D (Vedantam et al. 2015, https://arxiv.org/abs/1411.5726) against the references of N photos.

    The weight of an n-gram comes from these photos: the fewer of them have it, the more it weighs. For all of these
    photos, one caption each, the scores are those of pycocoevalcap.

    Args:
        references: for each photo its captions, each a sequence of words (or of anything that can be a key of a dict).

    Raises:
        ValueError: a photo has no reference.
    """

    references: References

    def __init__(self, references: Sequence[Sequence[Sequence]]):
        self.references = References(references)

    def __call__(self, rows, captions: Sequence[Sequence]) -> np.ndarray:
        """Score of each caption.

        Args:
            rows: for each caption the row of its photo.
            captions: each a sequence of words.

        Returns:
            (len(captions),) float64, from 0 to 10.
        """
        [scores] = self.references.measure(rows, captions, cider_d)
        return scores


def cider_d(compared: Comparison) -> np.ndarray:
    """CIDEr-D of each caption, (C,) float64, from 0 to 10: the mean over its references.

    A similarity is the cosine of the weights, with the smaller count of the two: repeating a word gains nothing. A
    caption longer or shorter than the reference loses.
    """
    pairs_of_words = np.maximum(compared.captions.lengths - 1, 0), np.maximum(compared.references.lengths - 1, 0)
    difference = pairs_of_words[0][compared.caption] - pairs_of_words[1][compared.reference]
    similarities = compared.cosines * np.exp(-difference ** 2 / (2 * SIGMA ** 2))
    return 10 * np.add.reduceat(similarities, compared.first) / np.bincount(compared.caption)
