"""Photos of a folder are read again only if they changed, and a change is never missed."""

import json
import os
import time

import pytest

from captioning.datasets.own import load_folder
from captioning.datasets.photo_folder import PhotoFolder
from captioning.encoder.cache import embed_split
from tests.helpers.photo_files import MeanColour, encoded, plain

NAMES = [f"{number}.png" for number in range(3)]


class Counting(PhotoFolder):
    """Counts the photos that are read."""

    count = 0

    def read(self, name):
        self.count += 1
        return super().read(name)


@pytest.fixture
def later(monkeypatch):
    """A clock that is an hour ahead, so that no file has changed just now."""
    now = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: now() + 3_600 * 10**9)


@pytest.fixture
def folder(tmp_path):
    """A folder of three photos. All their files have the same size."""
    (tmp_path / "mine").mkdir()
    for number, name in enumerate(NAMES):
        (tmp_path / "mine" / name).write_bytes(photo(number))
    return tmp_path / "mine"


def photo(number):
    return encoded(plain(size=(32, 32), colour=(100 + number, 0, 0)), "BMP")


def digest_and_reads(folder, remembered):
    photos = Counting(folder)
    return photos.digest(NAMES, remembered), photos.count


def test_photos_that_did_not_change_are_not_read_again(folder, tmp_path, later):
    first, reads = digest_and_reads(folder, tmp_path / "known.json")
    assert reads == 3 and first == PhotoFolder(folder).digest(NAMES)
    assert digest_and_reads(folder, tmp_path / "known.json") == (first, 0)


@pytest.mark.parametrize("times", ["new", "old"])
def test_a_photo_that_changed_is_read_again_even_if_name_size_and_time_are_the_same(folder, tmp_path, later, times):
    first, _ = digest_and_reads(folder, tmp_path / "known.json")
    before = (folder / "1.png").stat()
    (folder / "1.png").write_bytes(photo(77))
    if times == "old":
        os.utime(folder / "1.png", ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (folder / "1.png").stat().st_size == before.st_size
    second, reads = digest_and_reads(folder, tmp_path / "known.json")
    assert second != first and second == PhotoFolder(folder).digest(NAMES) and reads == 1


def test_a_photo_that_changed_just_before_it_was_read_is_not_remembered(folder, tmp_path):
    """It may change again while the clock of the disk still shows the same time."""
    assert [digest_and_reads(folder, tmp_path / "known.json")[1] for _ in range(2)] == [3, 3]


@pytest.mark.parametrize("text", ["", "[]", "3", "[[1, 2], 3]", '{"0.png": 7, "1.png": [], "2.png": [1, 2, 3, 4, 5]}'])
def test_a_damaged_list_of_known_photos_counts_as_empty(folder, tmp_path, later, text):
    (tmp_path / "known.json").write_text(text)
    assert digest_and_reads(folder, tmp_path / "known.json") == (PhotoFolder(folder).digest(NAMES), 3)
    assert list(json.loads((tmp_path / "known.json").read_text())) == NAMES


def test_photos_that_can_not_be_read_are_tried_again(folder, tmp_path, later):
    (folder / "1.png").unlink()
    first, _ = digest_and_reads(folder, tmp_path / "known.json")
    (folder / "1.png").write_bytes(photo(1))
    second, reads = digest_and_reads(folder, tmp_path / "known.json")
    assert first != second and reads == 1


def test_embeddings_of_a_changed_photo_are_refused_and_the_folder_is_only_read(folder, tmp_path, later):
    (folder / "captions.csv").write_text("image,caption\n" + "\n".join(f"{name},a cat" for name in NAMES))
    before = sorted(folder.iterdir())
    train, _ = load_folder(folder)
    embed_split(train, MeanColour(), tmp_path / "cache")
    assert embed_split(train, MeanColour(), tmp_path / "cache").names == train.names
    assert sorted(folder.iterdir()) == before
    (folder / train.names[0]).write_bytes(photo(77))
    with pytest.raises(ValueError, match="made by another recipe .photos: "):
        embed_split(train, MeanColour(), tmp_path / "cache")
