"""The metrics: their names, their scale, and how they are measured.

BLEU, ROUGE-L and CIDEr have pycocoevalcap's values. METEOR and SPICE are its Java programs.
"""

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import NamedTuple

import numpy as np

from captioning.scoring import java
from captioning.scoring.cider import cider_d
from captioning.scoring.references import Comparison, References
from captioning.scoring.rouge import rouge_l
from captioning.scoring.words import Words

METRICS = ("BLEU-1", "BLEU-2", "BLEU-3", "BLEU-4", "ROUGE-L", "CIDEr")
JAVA_METRICS = ("METEOR", "SPICE")
SCALE = "CIDEr runs from 0 to 10, the others from 0 to 1; papers' tables print 100 times as much"
JAVA_PHOTOS = 5_000             # at most; papers score Karpathy's split, which has 5,000


class Measured(NamedTuple):
    """Scores of N photos.

    Attributes:
        corpus: metric -> score of all photos together.
        per_photo: metric -> (N,) float64 scores of the photos, NaN where a photo was not measured.
        bleu_counts: (N, 10), see `bleu_of_counts`.
        left_out: a sentence for each metric that could not be measured, or only on a part of the photos.
    """

    corpus: dict[str, float]
    per_photo: dict[str, np.ndarray]
    bleu_counts: np.ndarray
    left_out: tuple[str, ...]


def measure(
    references: Mapping[str, Sequence[Words]], captions: Mapping[str, Words], extra: Sequence[str] = ()
) -> Measured:
    """Measures all of METRICS, and those of `extra` that this machine can measure.

    Args:
        references: photo name -> lists of words.
        captions: photo name -> words, for the same photos in the same order.
        extra: names out of JAVA_METRICS.

    Returns:
        The scores.

    Raises:
        ValueError: `extra` names an unknown metric.
    """
    counts, rouge, cider = _measure(references, captions)
    if _spaces_in_words(references, captions):          # the challenge's "3\u00a01/2" is one word to ROUGE-L alone
        counts, _, cider = _measure({name: list(map(_at_spaces, written)) for name, written in references.items()},
                                    {name: _at_spaces(words) for name, words in captions.items()})
    of_java, left_out = java_metrics(references, captions, extra)
    corpus = *bleu_of_counts(counts.sum(axis=0)).tolist(), float(rouge.mean()), float(cider.mean())
    return Measured(
        corpus=dict(zip(METRICS, corpus, strict=True)) | {metric: score for metric, (score, _) in of_java.items()},
        per_photo=dict(zip(METRICS, (*bleu_of_counts(counts).T, rouge, cider), strict=True))
        | {metric: each for metric, (_, each) in of_java.items()},
        bleu_counts=counts,
        left_out=left_out,
    )


def _measure(references: Mapping[str, Sequence[Words]], captions: Mapping[str, Words]) -> list[np.ndarray]:
    """What BLEU counts, (N, 10), ROUGE-L, (N,), and CIDEr, (N,), of each photo's caption."""
    counted = References(list(references.values()), kept=True)
    return counted.measure(range(len(captions)), list(captions.values()), bleu_counts, rouge_l, cider_d)


def _spaces_in_words(references: Mapping[str, Sequence[Words]], captions: Mapping[str, Words]) -> bool:
    """Whether some word is empty or has a space of any kind in it."""
    words = set(chain.from_iterable(captions.values())).union(*chain.from_iterable(references.values()))
    return any(word.split() != [word] for word in words)


def _at_spaces(words: Words) -> list[str]:
    """The words, split at spaces of any kind."""
    return " ".join(words).split()


def bleu_counts(compared: Comparison) -> np.ndarray:
    """What BLEU counts in each caption, (C, 10) float64; see `bleu_of_counts`."""
    length, sizes = compared.captions.lengths, np.arange(4)
    reference_lengths = compared.references.lengths[compared.reference]
    distances = np.abs(reference_lengths - length[compared.caption])
    # Both in one number, so that the least is the nearest length and, of two, the shorter one
    nearest = np.minimum.reduceat((distances << 32) | reference_lengths, compared.first) & ((1 << 32) - 1)
    matches = [_matches(shared.tocoo(), compared.caption, len(length)) for shared in compared.shared]
    return np.column_stack([*matches, np.maximum(length[:, None] - sizes, 0), length, nearest]).astype(np.float64)


def _matches(shared, caption: np.ndarray, captions: int) -> np.ndarray:
    """n-grams of each caption that match, (captions,). Each counts as often as in the reference that has it most."""
    keys = caption[shared.row] * shared.shape[1] + shared.col
    order = np.argsort(keys, kind="stable")
    first = np.flatnonzero(np.diff(keys[order], prepend=-1))
    most = np.maximum.reduceat(shared.data[order], first) if len(first) else first
    return np.bincount(caption[shared.row[order[first]]], most, captions)


def bleu_of_counts(counts: np.ndarray) -> np.ndarray:
    """BLEU-1 to 4 of summed counts (Papineni et al. 2002, https://aclanthology.org/P02-1040).

    Args:
        counts: (..., 10): n-grams of 1 to 4 words that match (4), n-grams of the captions (4), words of the captions,
            words of the references (of each photo the one whose length is nearest).

    Returns:
        (..., 4) scores, 0..1.
    """
    tiny, small = 1e-15, 1e-9           # those of pycocoevalcap, for captions without a match or without n-grams
    matches, total, length, reference_length = np.split(counts, [4, 8, 9], axis=-1)
    precision = (matches + tiny) / (total + small)
    brevity = np.exp(np.minimum(0, 1 - (reference_length + small) / (length + tiny)))
    return np.cumprod(precision, axis=-1) ** (1 / np.arange(1, 5)) * brevity


def java_metrics(
    references: Mapping[str, Sequence[Words]], captions: Mapping[str, Words], wanted: Sequence[str]
) -> tuple[dict[str, tuple[float, np.ndarray]], tuple[str, ...]]:
    """Measures those of the wanted Java metrics that this machine can measure, on JAVA_PHOTOS photos at most.

    Args:
        references: see `measure`.
        captions: see `measure`.
        wanted: names out of JAVA_METRICS.

    Returns:
        metric -> (score of the corpus, (N,) scores of the photos), and a sentence for each metric that is left out or
        measured on a part of the photos.

    Raises:
        ValueError: a name is unknown.
    """
    scorers = {"METEOR": java.meteor, "SPICE": java.spice}
    unknown = [metric for metric in wanted if metric not in scorers]
    if unknown:
        raise ValueError(f"There is no extra metric {unknown[0]!r}. Choose from {', '.join(scorers)}.")
    names, rows = list(captions), _java_rows(len(captions))
    strings = ({names[row]: [" ".join(words) for words in references[names[row]]] for row in rows},
               {names[row]: [" ".join(captions[names[row]])] for row in rows}) if wanted else ()
    found, notes = {}, []
    for metric in wanted:
        try:
            corpus, each = scorers[metric](*strings)
        except java.NoJavaScore as reason:
            notes.append(str(reason))
            continue
        found[metric] = corpus, np.full(len(names), np.nan)
        found[metric][1][rows] = each
        if len(rows) < len(names):
            notes.append(f"{metric} is that of {len(rows):,} of the photos, always the same ones.")
    return found, tuple(notes)


def _java_rows(photos: int) -> np.ndarray:
    """The photos that Java tools score: all, or JAVA_PHOTOS of them, chosen with a seed that never changes."""
    if photos <= JAVA_PHOTOS:
        return np.arange(photos)
    return np.sort(np.random.default_rng(0).choice(photos, JAVA_PHOTOS, replace=False))
