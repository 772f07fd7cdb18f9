"""Sentences become words, in any script."""

import re
import sys
import unicodedata

import pytest

from captioning.datasets.tokens import split_sentence


@pytest.mark.parametrize("sentence, words", [
    ("A dog, asleep; it's 3 p.m.", "a dog asleep it s 3 p m"), ("", ""), ("  ...  ", ""),
    ("Un CAFÉ-crème", "un café crème"),
    ("एक हिन्दी बिल्ली, चटाई पर।", "एक हिन्दी बिल्ली चटाई पर"), ("แมว บนเสื่อ!", "แมว บนเสื่อ"),
    ("一只猫。", "一只猫"), ("பூனை பாயில்", "பூனை பாயில்"),
])
def test_a_word_keeps_its_vowels_and_loses_its_punctuation(sentence, words):
    assert split_sentence(sentence) == words.split()


def test_no_mark_but_those_of_asian_scripts_belongs_to_a_word():
    """The course's answers depend on how MSCOCO's captions are split, so nothing else may change."""
    for code in range(sys.maxunicode + 1):
        if not (0x900 <= code < 0x2000 and unicodedata.category(chr(code)) in ("Mn", "Mc")):
            text = f"a{chr(code)}b"
            assert split_sentence(text) == [word for word in re.split(r"\W+", text.lower()) if word], hex(code)
