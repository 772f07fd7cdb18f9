"""The metrics: their names and scale, BLEU and its counts, and those that Java computes."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from pycocoevalcap.bleu.bleu_scorer import BleuScorer
from pycocoevalcap.cider.cider import Cider
from pycocoevalcap.rouge.rouge import Rouge

from captioning.scoring import java
from captioning.scoring.java import Sentences

METRICS = ("BLEU-1", "BLEU-2", "BLEU-3", "BLEU-4", "ROUGE-L", "CIDEr")
JAVA_METRICS = ("METEOR", "SPICE")
SCALE = "CIDEr runs from 0 to 10, the others from 0 to 1; papers' tables print 100 times as much"


class Measured(NamedTuple):
    """Scores of the corpus and of the N photos by metric, BLEU's counts, and what was left out."""

    corpus: dict[str, float]
    per_photo: dict[str, np.ndarray]
    bleu_counts: np.ndarray
    left_out: tuple[str, ...]


def measure(references: Sentences, captions: Sentences, extra: Sequence[str] = ()) -> Measured:
    """All of METRICS, and those of `extra` that can be had."""
    bleus, bleus_of_photos, counts = bleu(references, captions)
    rouge, rouge_of_photos = Rouge().compute_score(references, captions)
    cider, cider_of_photos = Cider().compute_score(references, captions)
    of_java, left_out = java_metrics(references, captions, extra)
    corpus = dict(zip(METRICS, map(float, (*bleus, rouge, cider)), strict=True))
    per_photo = dict(zip(METRICS, map(np.asarray, (*bleus_of_photos, rouge_of_photos, cider_of_photos)), strict=True))
    for metric, (of_corpus, of_photos) in of_java.items():
        corpus[metric], per_photo[metric] = of_corpus, of_photos
    return Measured(corpus, per_photo, counts, left_out)


def bleu(references: Sentences, captions: Sentences) -> tuple[list[float], list[list[float]], np.ndarray]:
    """BLEU-1 to 4 of the corpus and of each photo, and each photo's counts (N, 10) for `bleu_of_counts`."""
    scorer = BleuScorer(n=4)
    for name, (caption,) in captions.items():
        scorer += (caption, references[name])
    corpus, each = scorer.compute_score(option="closest", verbose=0)
    counts = []
    for test in scorer.ctest:
        nearest = min((abs(length - test["testlen"]), length) for length in test["reflen"])[1]
        counts.append([*test["correct"], *test["guess"], test["testlen"], nearest])
    return corpus, each, np.array(counts, np.float64)


def bleu_of_counts(counts: np.ndarray) -> np.ndarray:
    """BLEU-1 to 4 (Papineni et al. 2002) of pooled counts: n-grams that match (4), that are there (4), words of the
    captions, words of the references nearest in length."""
    matches, there, length, reference_length = counts[:4], counts[4:8], counts[8], counts[9]
    precision = matches / np.maximum(there, 1e-9)
    brevity = min(1.0, math.exp(1 - reference_length / length)) if length else 0.0
    return np.cumprod(precision) ** (1 / np.arange(1, 5)) * brevity


def java_metrics(
    references: Sentences, captions: Sentences, wanted: Sequence[str]
) -> tuple[dict[str, tuple[float, np.ndarray]], tuple[str, ...]]:
    """{metric: (of the corpus, of each photo)} of those that can be had, and why the others can't."""
    scorers = {"METEOR": java.meteor, "SPICE": java.spice}
    unknown = [metric for metric in wanted if metric not in scorers]
    if unknown:
        raise ValueError(f"There is no metric {unknown[0]!r} to add; there are {', '.join(scorers)}.")
    found, left_out = {}, []
    for metric in wanted:
        try:
            found[metric] = scorers[metric](references, captions)
        except java.NoJavaScore as reason:
            left_out.append(str(reason))
    return found, tuple(left_out)
