"""Words of a sentence, and the four tokens that stand for no word."""

import re
import sys

PAD, UNK, START, END = "#PAD#", "#UNK#", "#START#", "#END#"
NEVER_WRITTEN = (PAD, UNK, START)         # tokens that no caption holds


def split_sentence(sentence: str) -> list[str]:
    """Lower-case words of a sentence, without punctuation.

    Args:
        sentence: such as "A dog, asleep."

    Returns:
        Its words: ["a", "dog", "asleep"].
    """
    # Interned: each word is in memory once, however many sentences have it. MSCOCO's captions hold 6.5 million words
    return [sys.intern(word) for word in re.split(r"\W+", sentence.lower()) if word]
