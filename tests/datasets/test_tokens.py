"""Sentences are split as the course does, and in scripts whose letters carry signs too."""

import json
import re

import pytest

from captioning.datasets.tokens import split_sentence
from captioning.storage.zips import Zip
from tests.helpers import SAMPLE


def as_the_course(sentence):
    """The course's own rule, which the answers of its graded parts depend on."""
    return [word for word in re.split(r"\W+", sentence.lower()) if word]


@pytest.mark.parametrize("sentence", [
    "A dog, asleep.", "don't   STOP_it 3½ times!", "", "...", "a\tb\nc\u2028d", "Straße", "na\u00efve caf\u00e9",
    "\u4e00\u53ea\u732b", "\u043a\u043e\u0442 \u0441\u043f\u0438\u0442"])
def test_words_are_those_of_the_course(sentence):
    assert split_sentence(sentence) == as_the_course(sentence)


@pytest.mark.parametrize("sentence, words", [
    ("\u0939\u093f\u0928\u094d\u0926\u0940 \u092e\u0947\u0902, \u092c\u093f\u0932\u094d\u0932\u0940\u0964",
     ["\u0939\u093f\u0928\u094d\u0926\u0940", "\u092e\u0947\u0902", "\u092c\u093f\u0932\u094d\u0932\u0940"]),
    ("\u0e41\u0e21\u0e27 \u0e1a\u0e19\u0e40\u0e2a\u0e37\u0e48\u0e2d",
     ["\u0e41\u0e21\u0e27", "\u0e1a\u0e19\u0e40\u0e2a\u0e37\u0e48\u0e2d"]),
    ("\u0627\u0644\u0642\u0650\u0637\u064e\u0651\u0629", ["\u0627\u0644\u0642\u0650\u0637\u064e\u0651\u0629"]),
    ("\u0130stanbul", ["i\u0307stanbul"])])
def test_signs_stay_with_their_letters(sentence, words):
    """Hindi, Thai, Arabic with its vowels, and the Turkish capital with a dot."""
    found = split_sentence(sentence)
    assert len(found) == len(words) and "".join(sorted("".join(found))) == "".join(sorted("".join(words)))


def test_an_accent_makes_one_word_however_it_is_stored():
    assert split_sentence("Cafe\u0301") == split_sentence("caf\u00e9") == ["caf\u00e9"]


@pytest.mark.parametrize("sentence", ["\u0301 alone", "\u2764\ufe0f alone", "\U0001f415\u200d\U0001f9ba alone"])
def test_signs_and_emoji_without_a_letter_are_no_words(sentence):
    assert split_sentence(sentence) == ["alone"]


@pytest.mark.skipif(not SAMPLE.exists(), reason="no real photos here")
def test_mscocos_captions_have_the_words_of_the_course():
    with Zip(SAMPLE / "annotations_trainval2014.zip") as archive:
        texts = [each["caption"] for member in archive.members if "captions" in member
                 for each in json.loads(archive.read(member, 100_000_000))["annotations"]]
    assert len(texts) > 1_000 and [text for text in texts if split_sentence(text) != as_the_course(text)] == []
