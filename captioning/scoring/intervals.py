"""How far a score would vary with other photos: bootstrap intervals.

The bootstrap draws N photos out of N with replacement, many times, and scores each draw. The 95 % interval leaves out
the lowest and the highest 2.5 % of these scores (percentile interval: Efron and Tibshirani 1993, chapter 13).

It answers one question: which score would other photos of the same kind give? The model and CIDEr's document
frequencies stay the same, so the interval says nothing about a second training run.
"""

from collections.abc import Callable

import numpy as np

RESAMPLES = 1000            # with another seed, the ends of the interval move by about 2 % of its width
BATCH = 16                  # resamples in memory at once; more would need memory and save no time


def bootstrap_interval(per_photo: np.ndarray, seed: int = 0, resamples: int = RESAMPLES) -> tuple[float, float]:
    """95 % interval of a mean over photos.

    To compare two models on the same photos, pass the differences of their scores. The interval is then paired, and
    the models differ if it does not contain 0.

    Args:
        per_photo: (N,) scores.
        seed: of the draws.
        resamples: number of draws.

    Returns:
        The lower and the upper end.
    """
    [interval] = pooled_interval(np.reshape(per_photo, (-1, 1)), lambda sums: sums / len(per_photo), seed, resamples)
    return interval


def pooled_interval(
    values: np.ndarray, score: Callable[[np.ndarray], np.ndarray], seed: int = 0, resamples: int = RESAMPLES
) -> list[tuple[float, float]]:
    """95 % intervals of scores that are computed from sums over photos, such as BLEU.

    Args:
        values: (N, K) numbers of each photo.
        score: maps sums, (..., K), to M scores, (..., M).
        seed: of the draws.
        resamples: number of draws.

    Returns:
        The lower and the upper end of each of the M scores.
    """
    ends = np.percentile(score(_resampled_sums(values, seed, resamples)), [2.5, 97.5], axis=0)
    return list(zip(*ends.tolist(), strict=True))


def _resampled_sums(values: np.ndarray, seed: int, resamples: int) -> np.ndarray:
    """Sums over the photos of each draw, (resamples, K): how often each photo was drawn, times its values."""
    rng, photos = np.random.default_rng(seed), len(values)
    sums = []
    for first in range(0, resamples, BATCH):
        drawn = rng.integers(photos, size=(min(BATCH, resamples - first), photos))
        sums.append(np.stack([np.bincount(rows, minlength=photos) for rows in drawn]) @ values)
    return np.concatenate(sums)
