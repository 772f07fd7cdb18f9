"""Words of a sentence, and the four tokens that stand for no word."""

import re

PAD, UNK, START, END = "#PAD#", "#UNK#", "#START#", "#END#"
NEVER_WRITTEN = (PAD, UNK, START)         # tokens that no caption holds


def split_sentence(sentence: str) -> list[str]:
    """Lower-case words of a sentence, without punctuation.

    Args:
        sentence: such as "A dog, asleep."

    Returns:
        Its words: ["a", "dog", "asleep"].
    """
    return [word for word in re.split(r"\W+", sentence.lower()) if word]
