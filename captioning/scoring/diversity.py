"""How varied captions are."""

import textwrap
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from captioning.scoring.words import Words


@dataclass(frozen=True)
class Diversity:
    """How varied a set of captions is. It shows whether a model says the same about every photo.

    Attributes:
        captions: number of captions.
        distinct: number of different captions.
        unseen_share: share of the captions that no person wrote word for word for a training photo, 0..1.
        vocabulary_used: number of different words in all captions.
        mean_length: words per caption.
        most_common: the caption that the model wrote most often.
        most_common_count: how often it wrote that one.
    """

    captions: int
    distinct: int
    unseen_share: float
    vocabulary_used: int
    mean_length: float
    most_common: str
    most_common_count: int

    def as_dict(self) -> dict:
        """The attributes by name, for metrics.json."""
        return dict(self.__dict__)

    def __str__(self) -> str:
        return textwrap.fill(
            f"{self.distinct} different captions for {self.captions} photos; {self.unseen_share:.0%} of the "
            f"photos got a caption that no person wrote in training; {self.vocabulary_used} different words, "
            f"{self.mean_length:.1f} per caption; the most common caption, {self.most_common_count} times: "
            f"“{self.most_common}”", 88)

    __repr__ = __str__


def caption_diversity(captions: Mapping[str, Words], train_captions: Iterable[Sequence[Words]]) -> Diversity:
    """Counts how varied captions are, and how many of them repeat a training caption.

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
    counts = Counter(written)
    seen = counts.keys() & (tuple(words) for photo in train_captions for words in photo)
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
