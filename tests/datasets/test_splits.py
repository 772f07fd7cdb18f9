"""Photos and captions, matched by name."""

import json
import zipfile
from pathlib import Path

import pytest

from captioning.datasets.photo_folder import open_photos
from captioning.datasets.splits import load_split
from captioning.encoder.cache import embed_split
from tests.helpers import SAMPLE
from tests.helpers.photo_files import MeanColour, encoded, photo_zip, plain

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


NAMES = {                           # how captions name a photo, and how the disk does
    "decomposed on the disk": ("caf\u00e9.jpg", "cafe\u0301.jpg"),
    "decomposed in captions": ("cafe\u0301.jpg", "caf\u00e9.jpg"),
    "another case": ("IMG_1.JPG", "img_1.jpg"), "a JPEG called jfif": ("p.jfif", "p.jfif"), "no ending": ("p", "p"),
    "a foreign script": ("\u0939\u093f\u0928\u094d\u0926\u0940.jpg", "\u0939\u093f\u0928\u094d\u0926\u0940.jpg"),
}


@pytest.mark.parametrize("unpacked", [False, True], ids=["zip", "folder"])
@pytest.mark.parametrize("written, stored", NAMES.values(), ids=NAMES)
def test_a_photo_is_found_however_its_name_is_written(tmp_path, written, stored, unpacked):
    if unpacked:
        (tmp_path / "train2014").mkdir()
        (tmp_path / "train2014" / stored).write_bytes(GOOD)
    else:
        photo_zip(tmp_path / "train2014.zip", {stored: GOOD})
    annotations(tmp_path, {"images": [{"id": 7, "file_name": written}], "annotations": CAPTIONS[:1]})
    split = load_split(tmp_path, "train")
    assert (split.captions, split.image_ids) == ([["A cat."]], [7])
    with open_photos(split.photos) as photos:
        assert photos.read(split.names[0]) == GOOD and photos.digest(split.names)


def test_names_that_differ_in_case_alone_stay_apart(tmp_path):
    photo_zip(tmp_path / "train2014.zip", {"a.jpg": GOOD, "A.jpg": GOOD, "B.JPG": GOOD, "b.JPG": GOOD})
    annotations(tmp_path, {"images": [{"id": 7, "file_name": "A.jpg"}, {"id": 3, "file_name": "a.jpg"},
                                      {"id": 4, "file_name": "b.jpg"}],
                           "annotations": [*CAPTIONS, {"image_id": 4, "id": 5, "caption": "Which one?"}]})
    with (pytest.warns(UserWarning, match="2 photos of .* have no caption"),
          pytest.warns(UserWarning, match="1 photos with captions in .* are not in")):
        split = load_split(tmp_path, "train")
    assert (split.names, split.image_ids) == (["A.jpg", "a.jpg"], [7, 3])


def test_what_captions_name_is_tried_and_skipped_with_a_reason(tmp_path):
    """Such as an iPhone's .heic, which Pillow can't decode."""
    photo_zip(tmp_path / "train2014.zip", {"a.jpg": GOOD, "b.heic": b"\0\0\0\x18ftypheic"})
    annotations(tmp_path, {"images": [IMAGES[0], {"id": 3, "file_name": "b.heic"}], "annotations": CAPTIONS})
    split = load_split(tmp_path, "train")
    assert split.names == ["a.jpg", "b.heic"]
    with pytest.warns(UserWarning, match="b.heic is HEIC"):
        assert embed_split(split, MeanColour(), tmp_path).skipped.keys() == {"b.heic"}


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
