"""How varied captions are, and whether their words are those that people use."""

import textwrap
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from scipy.spatial.distance import jensenshannon

from captioning.scoring.words import Words


@dataclass(frozen=True)
class Diversity:
    """How varied a set of captions is, and how near its words are to people's. A score does not show either.

    Attributes:
        captions: number of captions.
        distinct: number of different captions.
        unseen_share: share of the captions that no person wrote word for word for a training photo, 0..1.
        vocabulary_used: number of different words in all captions.
        mean_length: words per caption.
        most_common: the caption that the model wrote most often.
        most_common_count: how often it wrote that one.
        word_distance: Jensen-Shannon distance between the frequencies of the captions' words and of people's: 0 if
            they are the same, 1 if no word is common to both.
        unseen_runs_share: share of the captions' runs of three words that no person wrote in training, 0..1.
    """

    captions: int
    distinct: int
    unseen_share: float
    vocabulary_used: int
    mean_length: float
    most_common: str
    most_common_count: int
    word_distance: float
    unseen_runs_share: float

    @property
    def most_common_share(self) -> float:
        """Share of the captions that are the most common one, 0..1."""
        return self.most_common_count / self.captions

    def as_dict(self) -> dict:
        """The attributes by name, for metrics.json."""
        return self.__dict__ | {"most_common_share": self.most_common_share}

    def __str__(self) -> str:
        return textwrap.fill(
            f"{self.distinct} different captions for {self.captions} photos; {self.unseen_share:.0%} of the "
            f"photos got a caption that no person wrote in training; {self.vocabulary_used} different words, "
            f"{self.mean_length:.1f} per caption. Word frequencies have a Jensen-Shannon distance of "
            f"{self.word_distance:.2f} from people’s (0: the same, 1: no common word); {self.unseen_runs_share:.0%} of "
            f"all runs of three words were written by no person in training. The most common caption, for "
            f"{self.most_common_share:.1%} of the photos: “{self.most_common}”", 88)

    __repr__ = __str__


def caption_diversity(captions: Mapping[str, Words], train_captions: Iterable[Sequence[Words]]) -> Diversity:
    """Counts how varied captions are, how many of them repeat a training caption, and how near they are to people's.

    Args:
        captions: photo name -> words.
        train_captions: for each training photo its captions, each a list of words.

    Returns:
        The counts. Of captions that are equally common, `most_common` is the first in alphabetical order.

    Raises:
        ValueError: there are no captions.
    """
    if not captions:
        raise ValueError("There are no captions to count: the dict of captions is empty.")
    written = [tuple(words) for words in captions.values()]
    people = [tuple(words) for photo in train_captions for words in photo]
    counts = Counter(written)
    most_common = min(counts, key=lambda words: (-counts[words], words))
    words = Counter(chain.from_iterable(written))
    return Diversity(
        captions=len(written),
        distinct=len(counts),
        unseen_share=_unseen_share(written, people),
        vocabulary_used=len(words),
        mean_length=words.total() / len(written),
        most_common=" ".join(most_common),
        most_common_count=counts[most_common],
        word_distance=_distance(words, Counter(chain.from_iterable(people))),
        unseen_runs_share=_unseen_share(_runs(written), _runs(people)),
    )


def _unseen_share(written: Iterable[tuple], people: Iterable[tuple]) -> float:
    """Share of what was written that people did not write; 0 if nothing was written."""
    seen = set(people)
    unseen = [each not in seen for each in written]
    return sum(unseen) / max(len(unseen), 1)


def _runs(captions: Iterable[tuple]) -> Iterable[tuple]:
    """All runs of three words."""
    return chain.from_iterable(zip(words, words[1:], words[2:]) for words in captions)


def _distance(words: Counter, others: Counter) -> float:
    """Jensen-Shannon distance between the frequencies of words, 0..1; 1 if one of the two has no words.

    It is the root of the divergence to base 2: Endres and Schindelin 2003, https://doi.org/10.1109/TIT.2003.813506.
    """
    if not words or not others:
        return 1.0
    every = words.keys() | others.keys()
    return float(jensenshannon([words[word] for word in every], [others[word] for word in every], base=2))
