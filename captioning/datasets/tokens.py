"""Words of a sentence, and the four tokens that stand for no word."""

import re
import sys
import unicodedata

PAD, UNK, START, END = "#PAD#", "#UNK#", "#START#", "#END#"
NEVER_WRITTEN = (PAD, UNK, START)         # tokens that no caption holds

# Vowel signs and accents that follow a letter. `\w` leaves them out, which would cut each word of Hindi or Thai.
MARKS = "".join(c for c in map(chr, range(0x300, 0x1F000)) if unicodedata.category(c) in ("Mn", "Mc")
                and not unicodedata.name(c).startswith("VARIATION"))       # those choose an emoji's colours
WORD = re.compile(rf"\w[\w{MARKS}]*")


def split_sentence(sentence: str) -> list[str]:
    """Lower-case words of a sentence, without punctuation.

    Args:
        sentence: such as "A dog, asleep."

    Returns:
        Its words: ["a", "dog", "asleep"].
    """
    if sentence.isascii():              # as most captions are; four times as fast
        words = re.findall(r"\w+", sentence.lower())
    else:
        words = WORD.findall(unicodedata.normalize("NFC", sentence.lower()))
    return [sys.intern(word) for word in words]     # each word is in memory once: MSCOCO's captions hold 6.5 million
