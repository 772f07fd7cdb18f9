"""Words of a sentence, and the four tokens that stand for no word."""

import re
import unicodedata

PAD, UNK, START, END = "#PAD#", "#UNK#", "#START#", "#END#"
# In the scripts of India and South-East Asia, vowels and tones are marks, which `\w` does not match.
MARKS = "".join(mark for mark in map(chr, range(0x900, 0x2000)) if unicodedata.category(mark) in ("Mn", "Mc"))
NO_WORD = re.compile(rf"[^\w{MARKS}]+")
NEVER_WRITTEN = (PAD, UNK, START)         # tokens that no caption holds


def split_sentence(sentence: str) -> list[str]:
    """Lower-case words of a sentence, without punctuation.

    Args:
        sentence: such as "A dog, asleep."

    Returns:
        Its words: ["a", "dog", "asleep"].
    """
    return [word for word in NO_WORD.split(sentence.lower()) if word]
