"""The reward of sampled captions in fine-tuning: CIDEr-D, less a cost for what people say more rarely."""

from collections.abc import Sequence

import numpy as np

from captioning.datasets.tokens import END
from captioning.scoring.cider import CiderD
from captioning.scoring.ngrams import count_ngrams

COST = 0.015            # of an n-gram that is e times as frequent as in people's captions, in units of CIDEr-D


class CaptionReward:
    """CIDEr-D of sampled captions, less a cost for n-grams that they use more often than people do.

    CIDEr-D compares a caption with those of its photo only. So it does not notice that "sitting on a table" stands
    under every tenth photo, and fine-tuning on it alone makes captions alike. (For what such training does to the
    variety of captions see Wang and Chan 2019, https://arxiv.org/abs/1903.12020.)

    #END# counts as a word: each reference ends with it, as a sampled caption does that ended by itself. So a caption
    that breaks off scores less than one that ends.

    Args:
        captions: for each photo its captions as lists of words, without #END#.

    Raises:
        ValueError: a photo has no caption.
    """

    def __init__(self, captions: Sequence[Sequence[Sequence[str]]]):
        self._score = CiderD([[(*words, END) for words in of_photo] for of_photo in captions])
        self._shares = [_shares(matrix.sum(axis=0)) for matrix in self._score.references.counted.counts.matrices]

    def __call__(self, rows, captions: Sequence[Sequence[str]]) -> np.ndarray:
        """Reward of each caption.

        Args:
            rows: for each caption the row of its photo.
            captions: each a sequence of words, and `#END#` if it ended by itself.

        Returns:
            (len(captions),) float64.
        """
        return self._score(rows, captions) - COST * self.excess(rows, captions)

    def excess(self, rows, captions: Sequence[Sequence[str]]) -> np.ndarray:
        """How much more often than people the captions of the other photos use the n-grams of a caption.

        An n-gram counts log((o + s) / (e + s)), if that is positive. The captions of the other photos have it o times,
        and people would have it e times in as many n-grams. s is 1 and what people would have in all captions together;
        it keeps an n-gram that comes twice by chance from counting as frequent.

        Args:
            rows: for each caption the row of its photo.
            captions: each a sequence of words.

        Returns:
            The sum over each caption's n-grams of 1 to 4 words, (len(captions),) float64, nats.
        """
        references = self._score.references
        counts = count_ngrams(references.numbers.texts(captions), references.counted.counts)
        photos = np.unique(rows, return_inverse=True)[1]
        return sum(_excess(matrix.tocoo(), photos, shares) for matrix, shares in zip(counts.matrices, self._shares))


def _shares(times: np.ndarray) -> np.ndarray:
    """The share of each n-gram in all, and 0 for one that people never use: (G,) -> (G + 1,)."""
    return np.append(times / max(times.sum(), 1), 0)


def _excess(counts, photos: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """`CaptionReward.excess` for the n-grams of one length.

    Args:
        counts: how often each caption has each n-gram, (C, columns).
        photos: the photo of each caption, (C,).
        shares: of people's n-grams, by column; the last is that of all other columns.
    """
    row, column, times = counts.row, counts.col, counts.data
    photo, share = photos[row], shares[np.minimum(column, len(shares) - 1)]
    cell = np.unique(photo.astype(np.int64) * counts.shape[1] + column, return_inverse=True)[1]     # in its photo

    def total(group):
        return np.bincount(group, times)[group]

    elsewhere, all_elsewhere = total(column) - total(cell), times.sum() - total(photo)
    usual = share * times.sum() + 1
    each = np.log(np.maximum((elsewhere + usual) / (share * all_elsewhere + usual), 1))
    return np.bincount(row, times * each, counts.shape[0])
