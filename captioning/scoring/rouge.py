"""ROUGE-L: the longest common subsequence of a caption and its references."""

import numpy as np

from captioning.scoring.ngrams import Texts
from captioning.scoring.references import Comparison

BETA = 1.2              # weight of recall against precision, that of pycocoevalcap
BLOCK = 4096            # pairs at a time


def rouge_l(compared: Comparison) -> np.ndarray:
    """ROUGE-L of each caption, (C,) float64, 0..1 (Lin 2004, https://aclanthology.org/W04-1013).

    As in pycocoevalcap, precision and recall may come from different references: the best one for each.
    """
    common = common_subsequences(compared)
    precision = common / np.maximum(compared.captions.lengths, 1)[compared.caption]
    recall = common / compared.references.lengths[compared.reference]
    precision, recall = (np.maximum.reduceat(each, compared.first) for each in (precision, recall))
    both = recall + BETA ** 2 * precision
    return (1 + BETA ** 2) * precision * recall / np.where(both, both, 1)


def common_subsequences(compared: Comparison) -> np.ndarray:
    """Length of the longest common subsequence of each pair, (P,) int64.

    Pairs of similar lengths go together, so that a block holds little padding.
    """
    captions, references = _padded(compared.captions, -1), _padded(compared.references, -2)
    lengths = compared.captions.lengths[compared.caption], compared.references.lengths[compared.reference]
    order, found = np.lexsort(lengths), np.zeros(len(compared.caption), np.int64)
    for start in range(0, len(order), BLOCK):
        pairs = order[start:start + BLOCK]
        found[pairs] = _longest(_matrix(captions, compared.caption[pairs]),
                                _matrix(references, compared.reference[pairs]))
    return found


def _longest(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Length of the longest common subsequence of the columns of (A, P) and (B, P) words, (P,).

    best[b] is that of the words of `first` so far and b words of `second`.
    """
    best = np.zeros((len(second) + 1, second.shape[1]), np.int16)
    for word in first:
        np.maximum(best[1:], best[:-1] + (second == word), out=best[1:])
        np.maximum.accumulate(best, axis=0, out=best)
    return best[-1]


def _padded(texts: Texts, padding: int) -> Texts:
    """The texts with one more word at the end of the array, which is no text's."""
    return Texts(np.append(texts.words, padding).astype(np.int32), texts.starts)


def _matrix(texts: Texts, rows: np.ndarray) -> np.ndarray:
    """Texts as columns, (T, len(rows)), filled up with the last word of the array."""
    lengths = texts.lengths[rows]
    place = np.arange(lengths.max(initial=0))[:, None]
    return texts.words[np.where(place < lengths, texts.starts[rows] + place, -1)]
