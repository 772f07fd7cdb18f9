"""How much higher the CIDEr of one set of captions is than that of another."""

import textwrap
from dataclasses import dataclass

from captioning.scoring.intervals import bootstrap_interval
from captioning.scoring.scores import Scores


@dataclass(frozen=True)
class Difference:
    """CIDEr of some captions minus the CIDEr of a baseline.

    Attributes:
        mean: mean difference over photos.
        low, high: ends of its paired 95 % interval.
        scores: of the captions.
        baseline: scores of the baseline.
    """

    mean: float
    low: float
    high: float
    scores: Scores
    baseline: Scores

    def as_dict(self) -> dict:
        """Plain numbers and strings for metrics.json."""
        return {
            "CIDEr": self.mean,
            "CIDEr_interval_95": [self.low, self.high],
            "photos": self.scores.photos,
            "tokenizer": self.scores.tokenizer,
            "decoding": self.scores.decoding,
            "baseline": self.baseline.decoding,
        }

    def __str__(self) -> str:
        verdict = ("Other photos of this kind would very likely give the same order." if self.low > 0 or self.high < 0
                   else "Other photos of this kind might give the opposite order.")
        return textwrap.fill(
            f"CIDEr of “{self.scores.decoding}” minus CIDEr of “{self.baseline.decoding}”: {_signed(self.mean)}, "
            f"95 % interval {_signed(self.low)} to {_signed(self.high)} ({self.scores.photos} photos, tokenizer: "
            f"{self.scores.tokenizer}). {verdict}", 88)

    __repr__ = __str__


def cider_difference(scores: Scores, baseline: Scores, seed: int = 0) -> Difference:
    """Subtracts the baseline's CIDEr, photo by photo.

    The interval is paired, so it is narrower than the intervals of the two scores suggest.

    Args:
        scores: of the captions.
        baseline: scores of the captions to compare with.
        seed: of the interval.

    Returns:
        The mean difference and its interval.

    Raises:
        ValueError: the two were scored on different photos, numbers of references or tokenizers.
    """
    if (scores.names, scores.references, scores.tokenizer) != (
            baseline.names, baseline.references, baseline.tokenizer):
        raise ValueError(
            f"Scores of {scores.photos} photos against {scores.references:.3g} references ({scores.decoding}, "
            f"{scores.tokenizer}) and of {baseline.photos} against {baseline.references:.3g} ({baseline.decoding}, "
            f"{baseline.tokenizer}) can't be compared. Score both on the same photos, references and tokenizer."
        )
    each = scores.per_photo["CIDEr"] - baseline.per_photo["CIDEr"]
    return Difference(float(each.mean()), *bootstrap_interval(each, seed), scores, baseline)


def _signed(number: float) -> str:
    """The number with its sign, and with a minus sign instead of a hyphen."""
    return f"{number:+.3f}".replace("-", "−")
