"""How sure a score is: bootstrap intervals over photos."""

from collections.abc import Callable

import numpy as np

RESAMPLES = 1000            # bootstrap samples; from seed to seed the interval's ends move by about 2 % of its width
AT_ONCE = 16                # resamples in memory: more of them take memory and save no time


def bootstrap_interval(per_photo: np.ndarray, seed: int = 0, resamples: int = RESAMPLES) -> tuple[float, float]:
    """95 % percentile interval of a mean over photos, by drawing photos anew with replacement.

    It answers: had other photos of the same kind been scored, where would the mean have come out? The model, its
    training seed and CIDEr's document frequencies stay as they are, so it says nothing of another training run.

    per_photo: (N,) scores. For two models on the same photos pass the differences: the interval is
    then paired, and the models differ when it leaves out 0. Efron and Tibshirani 1993, chapter 13.
    Returns (low, high).
    """
    low, high = _ends(np.asarray(per_photo, np.float64), np.mean, seed, resamples)
    return float(low), float(high)


def pooled_interval(
    counts: np.ndarray, score: Callable[[np.ndarray], np.ndarray], seed: int = 0, resamples: int = RESAMPLES
) -> list[tuple[float, float]]:
    """95 % intervals of scores that are computed from sums over photos, see `bootstrap_interval`.

    counts: (N, K) of each photo. score: sums (K,) -> M scores (M,).
    Returns M pairs (low, high).
    """
    def score_of(photos: np.ndarray) -> np.ndarray:
        return score(np.bincount(photos, minlength=len(counts)) @ counts)

    low, high = _ends(np.arange(len(counts)), score_of, seed, resamples)
    return list(zip(low.tolist(), high.tolist(), strict=True))


def _ends(sample: np.ndarray, statistic: Callable, seed: int, resamples: int) -> tuple[np.ndarray, np.ndarray]:
    """Both ends of the statistic's interval."""
    # Imported here: it takes half a second.
    from scipy.stats import bootstrap

    if len(sample) == 1:                    # SciPy wants two photos; every resample of one is this one
        return statistic(sample), statistic(sample)
    found = bootstrap((sample,), statistic, n_resamples=resamples, batch=AT_ONCE, method="percentile", rng=seed)
    return found.confidence_interval.low, found.confidence_interval.high
