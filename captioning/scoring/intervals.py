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
    low, high = _interval(np.asarray(per_photo, np.float64), np.mean, seed, resamples)
    return float(low), float(high)


def pooled_interval(
    counts: np.ndarray, score: Callable[[np.ndarray], np.ndarray], seed: int = 0, resamples: int = RESAMPLES
) -> list[tuple[float, float]]:
    """95 % intervals of scores that are computed from sums over photos, such as BLEU.

    Args:
        counts: (N, K) counts of each photo.
        score: maps the sums, (K,), to M scores, (M,).
        seed: of the draws.
        resamples: number of draws.

    Returns:
        The lower and the upper end of each of the M scores.
    """
    def score_of(rows: np.ndarray) -> np.ndarray:
        return score(np.bincount(rows, minlength=len(counts)) @ counts)

    low, high = _interval(np.arange(len(counts)), score_of, seed, resamples)
    return list(zip(low.tolist(), high.tolist(), strict=True))


def _interval(sample: np.ndarray, statistic: Callable, seed: int, resamples: int) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper ends of the statistic of (N,) values, by SciPy."""
    if len(sample) == 1:                # SciPy needs two values; each resample of one photo is this photo
        return statistic(sample), statistic(sample)
    # Imported here because it takes half a second.
    from scipy.stats import bootstrap

    found = bootstrap((sample,), statistic, n_resamples=resamples, batch=BATCH, method="percentile", rng=seed)
    return found.confidence_interval.low, found.confidence_interval.high
