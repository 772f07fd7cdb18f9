"""How varied captions are, and which photos are confused."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from captioning.scoring.words import FUNCTION_WORDS, Words


@dataclass(frozen=True)
class Diversity:
    """How varied a set of captions is. A model that says the same of every photo is caught here first."""

    captions: int
    distinct: int
    unseen_share: float          # of the captions, those that no training photo has word for word, 0..1
    vocabulary_used: int         # different words in all captions
    mean_length: float           # words a caption
    most_common: str
    most_common_count: int

    def as_dict(self) -> dict:
        return dict(self.__dict__)

    def __str__(self) -> str:
        return (f"{self.distinct} different captions for {self.captions} photos; {self.unseen_share:.0%} of the "
                f"photos got one that no person wrote in training; {self.vocabulary_used} different words, "
                f"{self.mean_length:.1f} a caption; the most common one, {self.most_common_count} times: "
                f"“{self.most_common}”")

    __repr__ = __str__


def caption_diversity(captions: Mapping[str, Words], train_captions: Iterable[Sequence[Words]]) -> Diversity:
    """Diversity of captions (photo name -> words) against the training photos' captions (lists of lists of words).

    Raises ValueError without captions.
    """
    if not captions:
        raise ValueError("There are no captions to look at: the dict of captions is empty.")
    seen = {tuple(words) for photo in train_captions for words in photo}
    written = [tuple(words) for words in captions.values()]
    counts = Counter(written)
    most_common = min(counts, key=lambda words: (-counts[words], words))
    return Diversity(
        captions=len(written),
        distinct=len(counts),
        unseen_share=sum(words not in seen for words in written) / len(written),
        vocabulary_used=len({word for words in written for word in words}),
        mean_length=sum(map(len, written)) / len(written),
        most_common=" ".join(most_common),
        most_common_count=counts[most_common],
    )


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
    captions: Mapping[str, Words], references: Mapping[str, Sequence[Words]], n: int = 10, most: int = 2000
) -> list[Confusion]:
    """The n pairs of photos with the highest `Confusion.degree`, no caption in two of them; fewer if it is 0 or less.

    captions: photo name -> words; references: name -> lists of words. Content words are all but FUNCTION_WORDS; photos
    whose caption or references have none are left out. Each is compared with each, so of more than `most` photos only
    the first by name are looked at.
    """
    said = {name: frozenset(captions[name]) - FUNCTION_WORDS for name in sorted(captions)}
    written = {name: frozenset().union(*references[name]) - FUNCTION_WORDS for name in said}
    names = [name for name in said if said[name] and written[name]][:most]
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
