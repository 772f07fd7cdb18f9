"""Pairs of photos that the model describes alike and people do not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from captioning.scoring.words import FUNCTION_WORDS, Words


@dataclass(frozen=True)
class Confusion:
    """Two photos whose captions share more words than their references do.

    Both overlaps are Jaccard indices of content words: words in common, divided by all words, 0..1.

    Attributes:
        first, second: names of the photos.
        captions: overlap of the two captions.
        references: overlap of all references of one photo with all references of the other.
    """

    first: str
    second: str
    captions: float
    references: float

    @property
    def degree(self) -> float:
        """`captions` minus `references`. It is 1 for equal captions when the references have no word in common."""
        return self.captions - self.references


def confused_photos(
    captions: Mapping[str, Words], references: Mapping[str, Sequence[Words]], n: int = 10, max_photos: int = 2000
) -> list[Confusion]:
    """Finds the pairs of photos with the highest `Confusion.degree`.

    A caption is in one pair at most. Photos without content words (all words but FUNCTION_WORDS) in their caption or
    references are left out.

    Args:
        captions: photo name -> words.
        references: photo name -> lists of words.
        n: number of pairs.
        max_photos: photos to compare, the first by name. Each is compared with each other.

    Returns:
        At most n pairs with a degree above 0, the highest first.
    """
    of_caption = {name: frozenset(captions[name]) - FUNCTION_WORDS for name in sorted(captions)}
    of_references = {name: frozenset().union(*references[name]) - FUNCTION_WORDS for name in of_caption}
    names = [name for name in of_caption if of_caption[name] and of_references[name]][:max_photos]
    if len(names) < 2:
        return []
    caption_overlap = _overlaps([of_caption[name] for name in names])                   # (N, N)
    reference_overlap = _overlaps([of_references[name] for name in names])              # (N, N)
    degree = np.triu(caption_overlap - reference_overlap, 1)
    pairs = []
    while len(pairs) < n and degree.max() > 0:
        row, column = np.unravel_index(degree.argmax(), degree.shape)
        pairs.append(Confusion(names[row], names[column], float(caption_overlap[row, column]),
                               float(reference_overlap[row, column])))
        shown = [of_caption[name] in (of_caption[names[row]], of_caption[names[column]]) for name in names]
        degree[shown] = degree[:, shown] = 0
    return pairs


def _overlaps(sets: Sequence[frozenset]) -> np.ndarray:
    """Jaccard index of each set with each other, (N, N) float32. No set may be empty."""
    column = {word: index for index, word in enumerate(sorted(frozenset().union(*sets)))}
    present = np.zeros((len(sets), len(column)), np.float32)
    for row, words in enumerate(sets):
        present[row, [column[word] for word in words]] = 1
    shared = present @ present.T
    sizes = present.sum(axis=1)
    return shared / (sizes[:, None] + sizes - shared)
