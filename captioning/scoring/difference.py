"""How much higher one score is than another."""

from dataclasses import dataclass

from captioning.scoring.intervals import bootstrap_interval
from captioning.scoring.scores import Scores


@dataclass(frozen=True)
class Difference:
    """How much higher one CIDEr is than another, with the ends of its paired 95 % interval over photos."""

    mean: float
    low: float
    high: float
    scores: Scores
    baseline: Scores

    def as_dict(self) -> dict:
        return {"CIDEr": self.mean, "CIDEr_interval_95": [self.low, self.high], "photos": self.scores.photos,
                "tokenizer": self.scores.tokenizer, "decoding": self.scores.decoding,
                "baseline": self.baseline.decoding}

    def __str__(self) -> str:
        verdict = ("Other photos of the kind would hardly reverse it." if self.low > 0 or self.high < 0 else
                   "On other photos it might be the other way round.")
        return (f"CIDEr of “{self.scores.decoding}” minus that of “{self.baseline.decoding}”: {_signed(self.mean)}, "
                f"95 % interval {_signed(self.low)} to {_signed(self.high)} ({self.scores.photos} photos, tokenizer: "
                f"{self.scores.tokenizer}). {verdict}")

    __repr__ = __str__


def cider_difference(scores: Scores, baseline: Scores, seed: int = 0) -> Difference:
    """CIDEr of `scores` minus the baseline's; its interval is paired, and so narrower than the two suggest.

    Raises ValueError when the two were not scored on the same photos, as many references and the same tokenizer.
    """
    if (scores.names, scores.references, scores.tokenizer) != (
            baseline.names, baseline.references, baseline.tokenizer):
        raise ValueError(
            f"Scores of {scores.photos} photos against {scores.references:.3g} references ({scores.decoding}, "
            f"{scores.tokenizer}) and of {baseline.photos} against {baseline.references:.3g} ({baseline.decoding}, "
            f"{baseline.tokenizer}) can't be compared: score both on the same photos, references and tokenizer."
        )
    each = scores.per_photo["CIDEr"] - baseline.per_photo["CIDEr"]
    return Difference(float(each.mean()), *bootstrap_interval(each, seed), scores, baseline)


def _signed(number: float) -> str:
    """The number with its sign, a real minus."""
    return f"{number:+.3f}".replace("-", "−")
