"""What is wrong with a caption is guessed from its words: counts, colours, repetitions."""

import pytest

from captioning.gallery.reasons import Phrase, likely_reason, phrases

BALLOONS = ["two green balloons and one yellow balloon in the sky", "three balloons over a field"]
CARS = ["a red car next to a blue car", "two cars on a street"]


@pytest.mark.parametrize(("caption", "references", "reason"), [
    ("one green balloon in the sky", BALLOONS, "wrong count"),
    ("two green balloons in the sky", BALLOONS, "too general"),
    ("a yellow balloon in the sky", BALLOONS, "too general"),
    ("two yellow balloons in the sky", BALLOONS, "wrong count"),
    ("a red balloon in the sky", BALLOONS, "wrong colour"),
    ("three balloons in the sky", BALLOONS, "too general"),
    ("a car next to a blue car", CARS, "too general"),                      # it may be right
    ("a blue car next to a blue car", CARS, "repetition"),
    ("a car under a cloudy sky on a cloudy day", ["a car on a cloudy day"], "invented detail"),     # no repetition
    ("a car driving driving on a street", CARS, "repetition"),
    ("a green car next to a blue car", CARS, "wrong colour"),
    ("three cars on a street", CARS, "wrong count"),
    ("a car on a street", CARS, "wrong count"),
    ("a car on a street", ["cars on a street", *CARS], "too general"),      # "cars" may be any number
    ("a woman next to two women", ["three women"], "too general"),          # no repetition, and three of them
    ("two kites on a pole", ["a pair of kites on a pole"], "too general"),
    ("three kites on a pole", ["a pair of kites on a pole"], "wrong count"),
    ("a man by a black and white cat", ["a man and a black and white cat"], "too general"),
    ("two kites", ["a red kite and a blue one"], "too general"),
])
def test_the_reason_fits_the_words(caption, references, reason):
    assert likely_reason(caption.split(), [words.split() for words in references]) == reason


@pytest.mark.parametrize(("sentence", "found"), [
    ("two green and one yellow balloon", [(2, "green", "balloon"), (1, "yellow", "balloon")]),
    ("a red kite and a blue one", [(1, "red", "kite"), (1, "blue", "kite")]),
    ("the men ride three horses", [(None, "", "man", False), (None, "", "ride"), (3, "", "horse")]),
    ("a cloudy sky", [(1, "", "cloudy", False), (None, "", "sky")]),
    ("a black and white dog", [(1, "black", "dog"), (None, "white", "dog")]),
    ("red and on the one grass", [(1, "", "grass")]),
    ("a couple of red kites and a pair of boats", [(2, "red", "kite"), (2, "", "boat")]),
    ("one", []),
    ("", []),
])
def test_things_are_found_with_their_count_and_colour(sentence, found):
    assert phrases(sentence.split()) == [Phrase(*each) for each in found]
