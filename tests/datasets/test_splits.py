"""Photos and captions, matched by name."""

import json
import zipfile
from pathlib import Path

import pytest

from captioning.datasets.splits import load_split
from tests.helpers import SAMPLE
from tests.helpers.photo_files import encoded, photo_zip, plain

GOOD = encoded(plain())


def annotations(folder, content, split="train"):
    """A zip of annotations with this content, as JSON or as text."""
    path = Path(folder) / "annotations_trainval2014.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"annotations/captions_{split}2014.json",
                         content if isinstance(content, str) else json.dumps(content))
    return path


IMAGES = [{"id": 7, "file_name": "a.jpg"}, {"id": 3, "file_name": "b.jpg"}]
CAPTIONS = [{"image_id": 7, "id": 1, "caption": "A cat. "}, {"image_id": 3, "id": 2, "caption": "A dog"},
            {"image_id": 7, "id": 3, "caption": "One cat"}]


def test_captions_go_with_their_photos_in_the_order_of_names(tmp_path):
    photo_zip(tmp_path / "train2014.zip", {"b.jpg": GOOD, "a.jpg": GOOD, "notes.txt": b"no photo"})
    annotations(tmp_path, {"images": IMAGES, "annotations": CAPTIONS})
    split = load_split(tmp_path, "train")
    assert (split.names, split.captions, split.image_ids) == (
        ["a.jpg", "b.jpg"], [["A cat.", "One cat"], ["A dog"]], [7, 3])


def test_a_photo_without_captions_is_left_out_with_a_warning(tmp_path):
    photo_zip(tmp_path / "train2014.zip", {"a.jpg": GOOD, "b.jpg": GOOD, "c.jpg": GOOD})
    annotations(tmp_path, {"images": IMAGES, "annotations": CAPTIONS[:1]})
    with pytest.warns(UserWarning, match="2 photos of .* have no caption"):
        assert load_split(tmp_path, "train").names == ["a.jpg"]


def test_photos_without_captions_and_captions_without_photos_are_counted_apart(tmp_path):
    photo_zip(tmp_path / "train2014.zip", {"a.jpg": GOOD, "c.jpg": GOOD, "d.jpg": GOOD})
    annotations(tmp_path, {"images": IMAGES, "annotations": CAPTIONS})
    with (pytest.warns(UserWarning, match="^2 photos of .* have no caption"),
          pytest.warns(UserWarning, match="^1 photos with captions in .* are not in train2014.zip")):
        assert load_split(tmp_path, "train").names == ["a.jpg"]


def test_captions_load_without_the_photos(tmp_path):
    annotations(tmp_path, {"images": [*IMAGES, {"id": 8, "file_name": "c.jpg"}], "annotations": CAPTIONS})
    with pytest.warns(UserWarning, match="1 photos of .* have no caption"):
        split = load_split(tmp_path, "train", photos=False)
    assert (split.names, split.captions) == (["a.jpg", "b.jpg"], [["A cat.", "One cat"], ["A dog"]])


@pytest.mark.parametrize("missing", ["annotations_trainval2014.zip", "train2014.zip"])
def test_a_missing_zip_of_a_dataset_is_named_with_the_layout(tmp_path, missing):
    photo_zip(tmp_path / "train2014.zip", {"a.jpg": GOOD})
    annotations(tmp_path, {"images": IMAGES[:1], "annotations": CAPTIONS[:1]})
    (tmp_path / missing).unlink()
    with pytest.raises(FileNotFoundError, match=rf"{missing} is missing\. A dataset is a folder.*CAPTION_DATA_DIR"):
        load_split(tmp_path, "train")


@pytest.mark.skipif(not SAMPLE.exists(), reason="no real photos here")
def test_real_photos_have_five_captions():
    split = load_split(SAMPLE, "val")
    assert len(split.names) == 452 and all(len(captions) >= 5 for captions in split.captions)
