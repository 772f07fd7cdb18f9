"""What a score is compared with: one caption for all photos, retrieval, and people."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from captioning.datasets.tokens import split_sentence
from captioning.scoring.nearest import nearest_photo_captions
from captioning.scoring.scores import Scores, score_captions
from captioning.scoring.words import Words


def most_frequent_caption(train_captions: Iterable[Iterable[Words]]) -> list[str]:
    """Finds the caption that people wrote most often.

    Its score, when every photo gets it, is that of a model that never looks at the photo.

    Args:
        train_captions: for each training photo its captions, each a list of words.

    Returns:
        Its words. Ties go to the caption that is first in alphabetical order.

    Raises:
        ValueError: no caption has a word.
    """
    counts = Counter(tuple(words) for photo in train_captions for words in photo if words)
    if not counts:
        raise ValueError("The training captions have no words. Pass the captions of the training photos, split.")
    return list(min(counts, key=lambda words: (-counts[words], words)))


def hold_out_reference(
    references: Mapping[str, Sequence[Words]], seed: int = 0
) -> tuple[dict[str, Words], dict[str, list[Words]]]:
    """Takes one reference of each photo, at random, to score it like a caption.

    People are then scored against one reference fewer than the model. BLEU and ROUGE-L grow with the number of
    references, so a fair comparison scores the model against the remaining references too.

    Args:
        references: photo name -> lists of words, or sentences. Photos with fewer than two references are left out.
        seed: of the choice.

    Returns:
        The captions by name, and the remaining references by name.
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
    """Scores one person's caption of each photo against those of the other people.

    This is no upper limit: a model that writes what most people write can score higher than one person.

    Args:
        references: photo name -> lists of words, or sentences for the tokenizer "ptb".
        tokenizer: see `score_captions`.
        seed: of the choice of the person (see `hold_out_reference`) and of the intervals.

    Returns:
        The scores.

    Raises:
        ValueError: no photo has two references.
    """
    captions, others = hold_out_reference(references, seed)
    if not captions:
        raise ValueError("Human agreement needs photos with at least two references, but there are none.")
    return score_captions(captions, others, tokenizer, "one person against the others", seed)


def score_baselines(
    train_embeddings: np.ndarray, train_captions: Sequence[Sequence[str]], val_embeddings: np.ndarray,
    references: Mapping[str, Sequence[Words]]
) -> dict[str, Scores]:
    """Scores three baselines: the nearest training photo's caption, the most frequent caption, and people.

    Args:
        train_embeddings: (T, D).
        train_captions: T lists of captions (strings) in the same order.
        val_embeddings: (V, D).
        references: photo name -> lists of words, V photos in the order of val_embeddings.

    Returns:
        Scores by the baseline's name. People are left out if no photo has two references.
    """
    names = list(references)
    nearest = nearest_photo_captions(train_embeddings, train_captions, val_embeddings)
    most_frequent = most_frequent_caption(map(split_sentence, captions) for captions in train_captions)
    texts = {
        "caption of the nearest photo": {n: split_sentence(c) for n, c in zip(names, nearest, strict=True)},
        "the most frequent caption": dict.fromkeys(names, most_frequent),
    }
    scored = {label: score_captions(captions, references, decoding=label) for label, captions in texts.items()}
    if any(len(written) > 1 for written in references.values()):
        scored["people"] = human_agreement(references)
    return scored
