"""Chooses photos worth showing in the gallery: captions that fit, captions that fail, and a first guess at why.

Photos are ranked by CIDEr, by ROUGE-L and, at half weight, by the model's confidence: in a good example the model is
right and sure, in a bad one wrong and sure. A caption may be true although no reference says the same. So captions
whose mistake shows in the words alone come first among the bad: they repeat a thing, or contradict a reference's colour
or number.

Where the truth is known, it decides: good examples are captions that say nothing false, bad ones say something false.
"""

import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from captioning.gallery.reasons import likely_reason
from captioning.scoring.scores import Scores
from captioning.scoring.words import FUNCTION_WORDS, Words

EVIDENT = ("repetition", "wrong count", "wrong colour")      # reasons that words alone can show well


@dataclass(frozen=True)
class Candidate:
    """A photo that may go into the gallery, and why it was proposed.

    Attributes:
        name: of the photo.
        caption: words.
        cider: CIDEr of this photo, 0..10.
        agreement: ROUGE-L with the references, 0..1.
        confidence: of the model in its caption, 0..1, see `caption_confidence`; None if unknown.
        hint: likely reason why a bad caption fails, a key of REASONS; "" for a good one.
    """

    name: str
    caption: tuple[str, ...]
    cider: float
    agreement: float
    confidence: float | None
    hint: str


@dataclass(frozen=True)
class Proposal:
    """Candidates for the gallery, the clearest first. The learner chooses from them.

    Attributes:
        good: photos whose captions fit.
        bad: photos whose captions fail.
    """

    good: tuple[Candidate, ...]
    bad: tuple[Candidate, ...]

    @property
    def numbered(self) -> tuple[Candidate, ...]:
        """All candidates; the first has number 1."""
        return self.good + self.bad

    def __str__(self) -> str:
        return "\n".join(line for title, candidates in (("Good", self.good), ("Bad", self.bad))
                         for line in (f"{title}:", *map(_candidate_line, candidates)))

    __repr__ = __str__


def propose_examples(
    names: Iterable[str],
    captions: Mapping[str, Words],
    references: Mapping[str, Sequence[Words]],
    scores: Scores,
    confidence: Mapping[str, float] | None = None,
    true_reasons: Mapping[str, str] | None = None,
    n: int = 10,
) -> Proposal:
    """Proposes n photos whose captions fit and n whose captions fail.

    Good examples come from the better half of the photos, bad ones from the other half; where the truth is known, right
    captions are good and wrong ones bad. Captions in a list share at most half of their content words, as long as there
    are enough of them. The bad ones take turns by their reasons. The order of the input changes nothing.

    Args:
        names: photos to choose from.
        captions: photo name -> words.
        references: photo name -> lists of words.
        scores: of these captions.
        confidence: photo name -> confidence, see `caption_confidence`. Photos without one rank lowest.
        true_reasons: photo name -> why its caption is wrong, a key of REASONS, or "" if it is right; None: unknown.
        n: number of photos in each list.

    Returns:
        At most n good and n bad candidates.

    Raises:
        ValueError: a photo was not scored, or there are fewer than two photos.
    """
    names, confidence = sorted(set(names)), confidence or {}
    cider, agreement = scores.by_photo("CIDEr"), scores.by_photo("ROUGE-L")
    _check_scored(names, cider, captions, references)
    reasons = {name: likely_reason(captions[name], references[name]) for name in names}
    mistaken, right = {name for name in names if reasons[name] in EVIDENT}, None
    if true_reasons is not None:
        mistaken = {name for name in names if true_reasons[name]}
        reasons, right = reasons | {name: true_reasons[name] for name in mistaken}, len(names) - len(mistaken)
    good, bad = _ranked(names, cider, agreement, confidence, mistaken, right, n)

    def candidates(ranked, hints):
        return tuple(Candidate(name, tuple(captions[name]), cider[name], agreement[name], confidence.get(name),
                               hints.get(name, "")) for name in _varied(ranked, captions, hints, n))

    return Proposal(candidates(good, hints={}), candidates(bad, hints=reasons))


def _check_scored(names: Sequence[str], *by_photo: Mapping[str, object]):
    """Raises ValueError if there are fewer than two photos, or one is missing in `by_photo`."""
    missing = [name for name in names if not all(name in known for known in by_photo)]
    if missing:
        raise ValueError(f"{len(missing)} of the photos have no caption, references or score, such as {missing[0]!r}. "
                         "Propose examples from photos that were scored.")
    if len(names) < 2:
        there = "is one" if names else "are none"
        raise ValueError(f"Good and bad examples need at least two photos, but there {there}. Validate on more photos.")


def _ranked(
    names: Sequence[str],
    cider: Mapping[str, float],
    agreement: Mapping[str, float],
    confidence: Mapping[str, float],
    mistaken: Collection[str],
    right: int | None,
    n: int,
) -> tuple[list[str], list[str]]:
    """Ranks the photos.

    Args:
        names: of N photos.
        cider: photo name -> CIDEr.
        agreement: photo name -> ROUGE-L.
        confidence: photo name -> confidence.
        mistaken: photos whose captions are wrong. They come last among the good, first among the bad.
        right: how many photos have right captions. These are the good ones. None if nobody knows: then the better half.
        n: of each kind there are so many, if there are enough photos.

    Returns:
        The good names, the best first, and the others, the worst first.
    """
    fit = _rank(cider[name] for name in names) + _rank(agreement[name] for name in names)          # (N,) in 0..2
    sureness = _rank(confidence.get(name, -math.inf) for name in names) / 2                        # (N,) in 0..0.5
    flaw = np.array([3 * (name in mistaken) for name in names])
    half, order = len(names) // 2, np.argsort(-fit if right is None else flaw - fit, kind="stable")
    fewest = min(n, half)
    better, worse = np.split(order, [half if right is None else np.clip(right, fewest, len(names) - fewest)])
    good = _highest_first(better, fit + sureness - flaw)
    bad = _highest_first(worse, sureness - fit + flaw)
    return [names[row] for row in good], [names[row] for row in bad]


def _highest_first(rows: np.ndarray, values: np.ndarray) -> np.ndarray:
    """The rows in the order of their values, the highest first. Ties go to the lower row."""
    rows = np.sort(rows)
    return rows[np.argsort(-values[rows], kind="stable")]


def caption_confidence(word_probabilities: Sequence[float]) -> float:
    """Geometric mean of the probabilities of a caption's words, so that long captions do not rank lower.

    Args:
        word_probabilities: of each word, by the decoder, 0..1.

    Returns:
        The mean, 0..1; 0 for an empty caption.
    """
    if len(word_probabilities) == 0 or min(word_probabilities) <= 0:
        return 0.0
    return float(np.exp(np.mean(np.log(np.asarray(word_probabilities, np.float64)))))


def _rank(values: Iterable[float]) -> np.ndarray:
    """Share of the values below each value, (N,) in 0..1. Equal values count half. Scale and outliers do not matter."""
    values = np.fromiter(values, dtype=np.float64)
    ordered = np.sort(values)
    return (np.searchsorted(ordered, values, "left") + np.searchsorted(ordered, values, "right")) / (2 * len(values))


def _varied(ranked: Sequence[str], captions: Mapping[str, Words], hints: Mapping[str, str], n: int) -> list[str]:
    """Takes up to n of the names, so that the first of them differ most.

    Captions that are like one taken come after all others, equal ones last. Among captions that differ enough, the
    reason that was taken least often is next, and of its names the first.

    Args:
        ranked: names, the best first.
        captions: name -> words.
        hints: name -> reason.
        n: number of names.

    Returns:
        The names in the order of taking.
    """
    content = {name: frozenset(captions[name]) - FUNCTION_WORDS for name in ranked}
    taken: list[str] = []
    for allowed in (0.5, 0.8, 1.0):                # at last equal captions too: better than too few
        left = [name for name in ranked if name not in taken]
        while len(taken) < n:
            left = [name for name in left
                    if all(_overlap(content[name], content[other]) <= allowed for other in taken)]
            if not left:
                break
            used = Counter(hints.get(name) for name in taken)
            taken.append(min(left, key=lambda name: used[hints.get(name)]))
            left.remove(taken[-1])
    return taken


def _overlap(one: frozenset, other: frozenset) -> float:
    """Jaccard index of two sets, 1 for two empty ones."""
    return len(one & other) / len(one | other) if one | other else 1.0


def _candidate_line(candidate: Candidate) -> str:
    """A candidate as one line of text."""
    confidence = "" if candidate.confidence is None else f", confidence {candidate.confidence:.0%}"
    hint = f", perhaps {candidate.hint}" if candidate.hint else ""
    return f"  {candidate.name}: {' '.join(candidate.caption)} (CIDEr {candidate.cider:.2f}{confidence}{hint})"
