"""Zips of photos and captions: opened, matched, and named when something is wrong with them."""

import json
import zipfile
from pathlib import Path

import pytest

from captioning.datasets.annotations import MAX_CAPTION, read_captions
from captioning.datasets.photo_zip import PhotoZip
from captioning.datasets.splits import load_split
from tests.helpers import SAMPLE
from tests.helpers.photo_files import encoded, photo_zip, plain

GOOD = encoded(plain())


# ---------------------------------------------------------------------------------------------- zips

def test_a_missing_zip_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="train2014.zip is missing"):
        PhotoZip(tmp_path / "train2014.zip")


def test_a_zip_cut_short_is_named(tmp_path):
    path = photo_zip(tmp_path / "train2014.zip", {"a.jpg": GOOD})
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(ValueError, match="train2014.zip .* no whole zip"):
        PhotoZip(path)


def test_photos_are_known_by_their_endings_in_any_case_and_come_in_the_order_of_names(tmp_path):
    path = photo_zip(tmp_path / "train2014.zip", {"c.Jpeg": GOOD, "b.JPG": GOOD, "a.tif": GOOD, "d.jpg.txt": b""})
    with PhotoZip(path) as photos:
        assert photos.names == ["a.tif", "b.JPG", "c.Jpeg"] and photos.read("b.JPG") == GOOD


@pytest.mark.parametrize("change", [{"name": "c.jpg"}, {"raw": GOOD[:-1] + b"!"}, {"raw": GOOD + b"!"}],
                         ids=["name", "content of the same size", "size"])
def test_the_digest_of_photos_tells_another_photo(tmp_path, change):
    def digest(name="b.jpg", raw=GOOD):
        with PhotoZip(photo_zip(tmp_path / "a.zip", {"a.jpg": GOOD, name: raw})) as photos:
            return photos.digest(photos.names)

    assert digest() == digest() != digest(**change)


# -------------------------------------------------------------------------------------------- captions

def annotations(folder, content, split="train"):
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


def test_a_photo_without_captions_is_left_out_and_said_so(tmp_path):
    photo_zip(tmp_path / "train2014.zip", {"a.jpg": GOOD, "b.jpg": GOOD, "c.jpg": GOOD})
    annotations(tmp_path, {"images": IMAGES, "annotations": CAPTIONS[:1]})
    with pytest.warns(UserWarning, match="2 photos of .* have no caption"):
        assert load_split(tmp_path, "train").names == ["a.jpg"]


def test_a_caption_may_be_as_long_as_the_limit_and_no_longer(tmp_path):
    longest = "a" * MAX_CAPTION
    path = annotations(tmp_path, {"images": IMAGES, "annotations": [
        {"image_id": 7, "caption": longest}, {"image_id": 7, "caption": longest + "a"}]})
    with pytest.warns(UserWarning, match="1 captions have more than 1,000 characters"):
        assert read_captions(path, "annotations/captions_train2014.json")["a.jpg"] == (7, [longest])


def test_captions_can_be_had_without_the_photos(tmp_path):
    annotations(tmp_path, {"images": [*IMAGES, {"id": 8, "file_name": "c.jpg"}], "annotations": CAPTIONS})
    with pytest.warns(UserWarning, match="1 photos of .* have no caption"):
        split = load_split(tmp_path, "train", photos=False)
    assert (split.names, split.captions) == (["a.jpg", "b.jpg"], [["A cat.", "One cat"], ["A dog"]])


@pytest.mark.parametrize("content, message", [
    ("{", "can't be read"), ([], "is not MSCOCO's"), ({"images": []}, "is not MSCOCO's"),
    ({"images": [{"id": "7", "file_name": "a.jpg"}], "annotations": []}, r"images\[0\] needs `id` as int, found '7'"),
    ({"images": IMAGES, "annotations": [{"image_id": 7}]}, r"annotations\[0\] needs `caption` as str"),
    ({"images": IMAGES, "annotations": [{"image_id": 9, "caption": "x"}]}, "image 9, which `images` does not list"),
])
def test_annotations_that_are_not_mscocos_are_named(tmp_path, content, message):
    path = annotations(tmp_path, content)
    with pytest.raises(ValueError, match=message) as error:
        read_captions(path, "annotations/captions_train2014.json")
    assert str(path) in str(error.value)


def test_a_split_that_is_not_there_is_named(tmp_path):
    path = annotations(tmp_path, {"images": IMAGES, "annotations": CAPTIONS}, split="val")
    with pytest.raises(ValueError, match="captions_train2014.json"):
        read_captions(path, "annotations/captions_train2014.json")


@pytest.mark.skipif(not SAMPLE.exists(), reason="no real photos here")
def test_real_photos_have_five_captions():
    split = load_split(SAMPLE, "val")
    assert len(split.names) == 452 and all(len(captions) >= 5 for captions in split.captions)
