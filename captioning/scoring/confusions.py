"""Which photos are confused."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from captioning.scoring.words import FUNCTION_WORDS, Words


@dataclass(frozen=True)
class Confusion:
    """Two photos that the model says the same of and people do not.

    captions, references: overlap of the two photos' content words, in their captions and in all their references:
    shared words divided by all words (Jaccard index), 0..1.
    """

    first: str
    second: str
    captions: float
    references: float

    @property
    def degree(self) -> float:
        """captions − references: 1 for the same caption of photos of which people have no word in common."""
        return self.captions - self.references


def confused_photos(
    captions: Mapping[str, Words], references: Mapping[str, Sequence[Words]], n: int = 10, max_photos: int = 2000
) -> list[Confusion]:
    """The n pairs of photos with the highest `Confusion.degree`, no caption in two of them; fewer if it is 0 or less.

    captions: photo name -> words; references: name -> lists of words. Content words are all but FUNCTION_WORDS; photos
    whose caption or references have none are left out. Each is compared with each, so of many photos only
    the first `max_photos` by name are looked at.
    """
    said = {name: frozenset(captions[name]) - FUNCTION_WORDS for name in sorted(captions)}
    written = {name: frozenset().union(*references[name]) - FUNCTION_WORDS for name in said}
    names = [name for name in said if said[name] and written[name]][:max_photos]
    if len(names) < 2:
        return []
    of_captions = _overlaps([said[name] for name in names])                                 # (N, N)
    of_references = _overlaps([written[name] for name in names])
    degree = np.triu(of_captions - of_references, 1)
    pairs = []
    while len(pairs) < n and degree.max() > 0:
        row, column = np.unravel_index(degree.argmax(), degree.shape)
        pairs.append(Confusion(names[row], names[column], float(of_captions[row, column]),
                               float(of_references[row, column])))
        shown = [said[name] in (said[names[row]], said[names[column]]) for name in names]
        degree[shown] = degree[:, shown] = 0
    return pairs


def _overlaps(sets: Sequence[frozenset]) -> np.ndarray:
    """Jaccard index of each set with each, (N, N) float32; none of them is empty."""
    column = {word: index for index, word in enumerate(sorted(frozenset().union(*sets)))}
    there = np.zeros((len(sets), len(column)), np.float32)
    for row, words in enumerate(sets):
        there[row, [column[word] for word in words]] = 1
    shared = there @ there.T
    sizes = there.sum(axis=1)
    return shared / (sizes[:, None] + sizes - shared)
