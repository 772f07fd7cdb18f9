"""How varied captions are."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from captioning.scoring.words import Words


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
