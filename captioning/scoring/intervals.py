"""How sure a score is: bootstrap intervals over photos."""

from collections.abc import Callable

import numpy as np

RESAMPLES = 1000            # bootstrap samples; from seed to seed the interval's ends move by about 2 % of its width


def bootstrap_interval(
    per_photo: np.ndarray,
    seed: int = 0,
    resamples: int = RESAMPLES,
    statistic: Callable[[np.ndarray], np.ndarray] = lambda mean: mean,
) -> tuple[float, float] | list[tuple[float, float]]:
    """95 % percentile interval of a mean over photos, by drawing photos anew with replacement.

    It answers: had other photos of the same kind been scored, where would the mean have come out? The model, its
    training seed and CIDEr's document frequencies stay as they are, so it says nothing of another training run.

    per_photo: (N,) scores, or (N, K) of them. For two models on the same photos pass the differences: the interval is
    then paired, and the models differ when it leaves out 0. Efron and Tibshirani 1993, chapter 13.
    statistic: what is made of each resample's means, (K,) -> (M,); without it the means themselves.
    Returns (low, high); of (N, K) a list of M of them.
    """
    per_photo = np.asarray(per_photo, dtype=np.float64)
    rng = np.random.default_rng(seed)
    n = len(per_photo)
    counts = (np.bincount(rng.integers(0, n, n), minlength=n) for _ in range(resamples))     # how often each photo
    drawn = np.array([statistic(count @ per_photo / n) for count in counts])                 # (resamples,) or (…, M)
    low, high = np.percentile(drawn, [2.5, 97.5], axis=0)
    return (float(low), float(high)) if drawn.ndim == 1 else list(zip(low.tolist(), high.tolist(), strict=True))
