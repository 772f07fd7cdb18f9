"""Photos worth showing: which captions fit, which fail, and a first guess at why."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from captioning.scoring.scores import Scores
from captioning.scoring.words import COLOURS, FUNCTION_WORDS, NUMBERS, Words

REASONS = {
    "wrong object": "names a thing that is not in the photo",
    "wrong count": "says another number of things",
    "wrong colour": "gives a thing a colour that it does not have",
    "wrong place": "puts the scene somewhere else, or things in another relation",
    "invented detail": "is right on the whole, but adds what is not there",
    "repetition": "says the same thing twice",
    "too general": "would fit hundreds of photos",
    "broken sentence": "is not a sentence a person would say",
}
EVIDENT = ("repetition", "wrong count", "wrong colour")      # reasons for which words alone are good evidence


@dataclass(frozen=True)
class Candidate:
    """A photo that may go into the gallery, and why it was proposed."""

    name: str
    caption: tuple[str, ...]
    cider: float                 # of this photo, 0..10
    agreement: float             # ROUGE-L with the references, 0..1
    confidence: float | None     # the model's own, 0..1
    hint: str                    # for a bad one the likely reason, a key of REASONS; else ""


@dataclass(frozen=True)
class Proposal:
    """Candidates for the gallery, the clearest first. The choice is the learner's."""

    good: tuple[Candidate, ...]
    bad: tuple[Candidate, ...]

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
    n: int = 10,
) -> Proposal:
    """Photos worth showing: n whose captions fit and n whose captions fail, each list varied in what it says.

    Photos are ranked by CIDEr, by agreement with the references (ROUGE-L) and, at half weight, by the model's own
    confidence: a good example is right and sure of it, a bad one is wrong and sure of it. A caption may be true and yet
    unlike all references, so bad ones that repeat themselves or contradict a reference's colour or number go first.
    The good come from the better half of `names`, the bad from the other, so no photo is in both. From the top of each
    ranking photos are taken whose captions share at most half of their content words with one already taken; only
    when those run out, closer ones are. The same input gives the same proposal, whatever its order.

    confidence: photo name -> number, higher is surer, see `caption_confidence`; a photo without one counts lowest.
    Returns at most n a side: ask for more than 10 to have a choice.
    Raises ValueError for a name that was not scored, and for fewer than two photos.
    """
    names = sorted(set(names))
    cider, agreement = scores.by_photo("CIDEr"), scores.by_photo("ROUGE-L")
    _check_scored(names, cider, captions, references)
    confidence = confidence or {}
    reasons = {name: likely_reason(captions[name], references[name]) for name in names}
    good, bad = _ranked(names, cider, agreement, confidence, reasons)

    def candidates(ranked: Sequence[str], hints: Mapping[str, str]) -> tuple[Candidate, ...]:
        return tuple(
            Candidate(name, tuple(captions[name]), cider[name], agreement[name], confidence.get(name),
                      hints.get(name, ""))
            for name in _varied(ranked, captions, n)
        )

    return Proposal(candidates(good, hints={}), candidates(bad, hints=reasons))


def _check_scored(names: Sequence[str], *by_photo: Mapping[str, object]):
    """Raises ValueError unless there are two photos or more and all are in each of `by_photo`."""
    missing = [name for name in names if not all(name in known for known in by_photo)]
    if missing:
        raise ValueError(f"{len(missing)} of the photos have no caption, references or score, the first is "
                         f"{missing[0]!r}: propose examples from the photos that were scored.")
    if len(names) < 2:
        raise ValueError(f"Good and bad examples need two photos or more; there are {len(names)}.")


def _ranked(
    names: Sequence[str],
    cider: Mapping[str, float],
    agreement: Mapping[str, float],
    confidence: Mapping[str, float],
    reasons: Mapping[str, str],
) -> tuple[list[str], list[str]]:
    """The better half of the names, best first, and the other half, worst first."""
    fit = _rank(cider[name] for name in names) + _rank(agreement[name] for name in names)          # (N,) in 0..2
    sureness = _rank(confidence.get(name, -math.inf) for name in names) / 2                        # (N,) in 0..0.5
    evident = np.array([reasons[name] in EVIDENT for name in names])
    better, worse = np.split(np.argsort(-fit, kind="stable"), [len(names) // 2])
    good = _highest_first(better, fit + sureness)
    bad = _highest_first(worse, sureness - fit + 3 * evident)
    return [names[row] for row in good], [names[row] for row in bad]


def _highest_first(rows: np.ndarray, values: np.ndarray) -> np.ndarray:
    """The rows by their values, the highest first; ties go to the lower row."""
    rows = np.sort(rows)
    return rows[np.argsort(-values[rows], kind="stable")]


def caption_confidence(word_probabilities: Sequence[float]) -> float:
    """Geometric mean of the probabilities that the decoder gave its words, 0..1: the same for long and short captions.

    0 for an empty caption.
    """
    if len(word_probabilities) == 0 or min(word_probabilities) <= 0:
        return 0.0
    return float(np.exp(np.mean(np.log(np.asarray(word_probabilities, np.float64)))))


def likely_reason(caption: Words, references: Sequence[Words]) -> str:
    """A first guess at why a caption fails, from words alone: a key of REASONS. A person should look and decide."""
    if _repeats_a_thing(caption, references):
        return "repetition"
    for reason, kind in (("wrong count", NUMBERS), ("wrong colour", COLOURS)):
        if _contradicts(caption, references, kind):
            return reason
    said = frozenset(caption) - FUNCTION_WORDS
    strange = len(said.difference(*references))
    if not strange:
        return "too general"
    return "wrong object" if strange * 2 >= len(said) else "invented detail"


def _repeats_a_thing(caption: Words, references: Sequence[Words]) -> bool:
    """Whether a word occurs twice or more, and more often than in any reference. Colours and numbers may."""
    things = Counter(word for word in caption if word not in FUNCTION_WORDS | COLOURS | NUMBERS)
    return any(count > 1 and all(count > list(words).count(word) for words in references)
               for word, count in things.items())


def _contradicts(caption: Words, references: Sequence[Words], kind: frozenset) -> bool:
    """Whether the caption gives a thing a colour (or number) when references give it only others."""
    told = {pair for words in references for pair in _described(words, kind)}
    things = {thing for _, thing in told}
    return any(thing in things and (word, thing) not in told for word, thing in _described(caption, kind))


def _described(words: Words, kind: frozenset) -> list[tuple[str, str]]:
    """(word of that kind, noun) where one stands before the other, colours and numbers between left out."""
    pairs = []
    for place, word in enumerate(words):
        noun = next((w for w in words[place + 1:] if w not in COLOURS | NUMBERS), "")
        if word in kind and noun not in FUNCTION_WORDS:
            pairs.append((word, noun))
    return pairs


def _rank(values: Iterable[float]) -> np.ndarray:
    """Share of the values below each one, equals counting half: (N,) in 0..1, unmoved by scale or outliers."""
    values = np.fromiter(values, dtype=np.float64)
    ordered = np.sort(values)
    return (np.searchsorted(ordered, values, "left") + np.searchsorted(ordered, values, "right")) / (2 * len(values))


def _varied(ranked: Sequence[str], captions: Mapping[str, Words], n: int) -> list[str]:
    """Up to n of the names in their order, passing over captions that resemble one taken, as long as that lasts."""
    content = {name: frozenset(captions[name]) - FUNCTION_WORDS for name in ranked}
    taken: list[str] = []
    for allowed in (0.5, 0.8, 1.0):                # the last one lets equal captions in: better than too few
        for name in ranked:
            if len(taken) == n:
                break
            if name not in taken and all(_overlap(content[name], content[other]) <= allowed for other in taken):
                taken.append(name)
    return sorted(taken, key=ranked.index)


def _overlap(one: frozenset, other: frozenset) -> float:
    """Jaccard index; two empty sets are the same."""
    return len(one & other) / len(one | other) if one | other else 1.0


def _candidate_line(candidate: Candidate) -> str:
    confidence = "" if candidate.confidence is None else f", confidence {candidate.confidence:.0%}"
    hint = f", perhaps {candidate.hint}" if candidate.hint else ""
    return f"  {candidate.name}: {' '.join(candidate.caption)} (CIDEr {candidate.cider:.2f}{confidence}{hint})"
