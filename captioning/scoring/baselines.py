"""What a score is compared with: simpler ways to get a caption, and people."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from captioning.scoring.scores import Scores, score_captions
from captioning.scoring.words import Words


def most_frequent_caption(train_captions: Iterable[Sequence[Words]]) -> list[str]:
    """The caption that people wrote most often; of equals the first in alphabetical order.

    train_captions: for each training photo its captions, each a list of words.  Raises ValueError without any.
    Given to every photo, it is the score of a model that never looks.
    """
    counts = Counter(tuple(words) for photo in train_captions for words in photo if words)
    if not counts:
        raise ValueError("The most frequent caption needs training captions: there are none with a word in them.")
    return list(min(counts, key=lambda words: (-counts[words], words)))


def hold_out_reference(
    references: Mapping[str, Sequence[Words]], seed: int = 0
) -> tuple[dict[str, Words], dict[str, list[Words]]]:
    """One reference of each photo, drawn at random, as if it were a caption, and the others as its references.

    references: photo name -> lists of words, or sentences. Photos with fewer than two are left out.
    A model scored against these others is compared with people fairly: with one reference fewer for both, since
    BLEU and ROUGE-L grow with the number of references.
    """
    rng = np.random.default_rng(seed)
    captions, others = {}, {}
    for name in sorted(references):
        written = [words for words in references[name] if words]
        if len(written) > 1:
            captions[name] = written.pop(int(rng.integers(len(written))))
            others[name] = written
    return captions, others


def human_agreement(
    references: Mapping[str, Sequence[Words]], tokenizer: str = "split_sentence", seed: int = 0
) -> Scores:
    """Scores of one person's caption against the other people's, see `hold_out_reference`.

    Not a ceiling: a model that writes what most people write can score above one person.
    """
    captions, others = hold_out_reference(references, seed)
    if not captions:
        raise ValueError("Human agreement needs photos with two references or more: there are none.")
    return score_captions(captions, others, tokenizer, "one person against the others", seed)
