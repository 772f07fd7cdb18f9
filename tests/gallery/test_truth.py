"""What is wrong with a caption of the drawn world is read from its scene."""

from pathlib import Path

import pytest

from captioning.datasets.splits import load_split
from captioning.gallery import truth
from captioning.gallery.reasons import REASONS
from captioning.settings import Settings

SCENE = {"width": 300, "height": 300, "horizon": 150, "place": "park", "time": "day", "weather": "sunny",
         "backdrop": None, "relations": [], "things": [
             {"kind": "ball", "colour": "red", "count": 1, "pose": None, "facing": "left", "stands": "ground",
              "size": 0.5, "layer": 0, "boxes": [[0, 100, 150, 300]]}]}


@pytest.mark.parametrize("caption, reason", [
    ("a red ball in a park", ""), ("a ball", ""), ("a dog in a park", "wrong object"),
    ("a blue ball", "wrong colour"), ("two red balls", "wrong count"), ("a red ball on the beach", "wrong place"),
    ("a red ball at night", "invented detail"), ("a sunny park", "too general"),
    ("a blue ball at night on the beach", "wrong colour")])
def test_the_gravest_false_claim_is_the_reason(monkeypatch, caption, reason):
    monkeypatch.setattr(truth, "read_scenes", lambda *_: {7: SCENE})
    split = type("split", (), {"name": "val", "names": ["a.jpg", "b.jpg"], "image_ids": [7, 8]})
    found = truth.reasons_by_scene(Settings(), split, {"a.jpg": caption.split()})
    assert found == {"a.jpg": reason} and (reason in REASONS or not reason)


def test_peoples_captions_of_the_drawn_world_are_right(small_world):
    split = load_split(small_world, "val")
    captions = {name: of_photo[0].lower().rstrip(".").split() for name, of_photo in zip(split.names, split.captions)}
    found = truth.reasons_by_scene(Settings(data_dir=small_world), split, captions)
    assert found == dict.fromkeys(split.names, "")


def test_of_other_photos_nobody_knows_the_truth():
    assert truth.reasons_by_scene(Settings(dataset="folder", data_dir=Path("photos")), None, {}) is None
