"""The metrics: their names, their scale, and how they are measured.

pycocoevalcap computes all of them. BLEU, ROUGE-L and CIDEr are plain Python; METEOR and SPICE need Java.
"""

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
    """Scores of N photos.

    Attributes:
        corpus: metric -> score of all photos together.
        per_photo: metric -> (N,) scores of the photos.
        bleu_counts: (N, 10), see `bleu_of_counts`.
        left_out: for each metric that could not be measured, a sentence that says why.
    """

    corpus: dict[str, float]
    per_photo: dict[str, np.ndarray]
    bleu_counts: np.ndarray
    left_out: tuple[str, ...]


def measure(references: Sentences, captions: Sentences, extra: Sequence[str] = ()) -> Measured:
    """Measures all of METRICS, and those of `extra` that this machine can measure.

    Args:
        references: photo name -> strings of words.
        captions: photo name -> one string of words, for the same photos in the same order.
        extra: names out of JAVA_METRICS.

    Returns:
        The scores.

    Raises:
        ValueError: `extra` names an unknown metric.
    """
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
    """Measures BLEU-1 to 4.

    Args:
        references: see `measure`.
        captions: see `measure`.

    Returns:
        Four scores of the corpus, four lists with the scores of N photos, and the photos' counts, (N, 10) float64 (see
        `bleu_of_counts`).
    """
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
    """BLEU-1 to 4 of summed counts (Papineni et al. 2002, https://aclanthology.org/P02-1040).

    Args:
        counts: (10,): n-grams of 1 to 4 words that match (4), n-grams of the captions (4), words of the captions, words
            of the references (of each photo the one whose length is nearest).

    Returns:
        (4,) scores, 0..1.
    """
    matches, total, length, reference_length = counts[:4], counts[4:8], counts[8], counts[9]
    precision = matches / np.maximum(total, 1e-9)
    brevity = min(1.0, math.exp(1 - reference_length / length)) if length else 0.0
    return np.cumprod(precision) ** (1 / np.arange(1, 5)) * brevity


def java_metrics(
    references: Sentences, captions: Sentences, wanted: Sequence[str]
) -> tuple[dict[str, tuple[float, np.ndarray]], tuple[str, ...]]:
    """Measures those of the wanted Java metrics that this machine can measure.

    Args:
        references: see `measure`.
        captions: see `measure`.
        wanted: names out of JAVA_METRICS.

    Returns:
        metric -> (score of the corpus, (N,) scores of the photos), and a sentence for each metric that is left out.

    Raises:
        ValueError: a name is unknown.
    """
    scorers = {"METEOR": java.meteor, "SPICE": java.spice}
    unknown = [metric for metric in wanted if metric not in scorers]
    if unknown:
        raise ValueError(f"There is no extra metric {unknown[0]!r}. Choose from {', '.join(scorers)}.")
    found, left_out = {}, []
    for metric in wanted:
        try:
            found[metric] = scorers[metric](references, captions)
        except java.NoJavaScore as reason:
            left_out.append(str(reason))
    return found, tuple(left_out)
