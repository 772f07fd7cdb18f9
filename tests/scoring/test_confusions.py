"""Photos are confused when the model describes them alike and people do not."""

import pytest

from captioning.scoring.confusions import confused_photos
from tests.helpers.captions import words


def test_photos_are_confused_when_the_same_is_said_of_what_people_tell_apart():
    captions = {"cat": words("a cat on a bed"), "dog": words("the cat on the bed"), "twin": words("two red kites"),
                "kite": words("red kites two"), "mute": [], "car": words("a car")}
    references = {"cat": [words("a cat asleep on a bed")], "dog": [words("a dog in the grass"), words("the grass")],
                  "twin": [words("kites over a beach")], "kite": [words("some kites above the beach")],
                  "mute": [words("a street")], "car": [words("a bus")]}
    first, second = confused_photos(captions, references)
    assert (first.first, first.second, first.captions, first.references) == ("cat", "dog", 1, 0)
    assert (second.first, second.second, second.captions) == ("kite", "twin", 1)
    assert second.references == pytest.approx(2 / 3) and second.degree == pytest.approx(1 / 3)     # not "above"
    assert confused_photos(captions, references, n=1) == [first]
    assert confused_photos(dict(reversed(captions.items())), references) == [first, second]
    assert confused_photos({"mute": []}, references) == confused_photos({}, {}) == []


def test_a_caption_that_all_photos_get_is_shown_once():
    captions = {f"{n}": words("a dog") for n in range(9)} | {"8": words("a cat"), "9": words("the cat")}
    references = {name: [[f"word{name}"]] for name in captions}
    assert [(pair.first, pair.second) for pair in confused_photos(captions, references)] == [("0", "1"), ("8", "9")]
