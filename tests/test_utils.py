"""Photos and captions in: read from the zips, broken ones found out, embeddings cached and never lost."""

import io
import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT, SAMPLE
from PIL import Image

import utils


def encoded(image: Image.Image, kind="JPEG", **options) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def plain(mode="RGB", size=(320, 300), colour=(200, 40, 40)) -> Image.Image:
    return Image.new("RGB", size, colour).convert(mode)


class MeanColour:
    """An encoder that is quick: an embedding repeats the photo's mean colour, plus one."""

    recipe = {"encoder": "mean colour", "weights": "none", "precision": "float32"}

    def __call__(self, photos):
        assert photos.shape == (utils.EMBED_BATCH, 299, 299, 3) and photos.dtype == np.uint8
        means = photos.mean(axis=(1, 2), dtype=np.float32) / 255 + 1
        return np.tile(means, 683)[:, :utils.IMG_EMBED_SIZE]


def photo_zip(path, photos: dict) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, raw in photos.items():
            archive.writestr(f"train2014/{name}", raw)
    return Path(path)


def split_of(path) -> utils.Split:
    with utils.PhotoZip(path) as photos:
        names = photos.names
    return utils.Split("train", Path(path), names, [["a photo"]] * len(names), list(range(len(names))))


# ---------------------------------------------------------------------------------------------- photos

@pytest.mark.parametrize("kind, mode", [
    ("JPEG", "RGB"), ("JPEG", "L"), ("JPEG", "CMYK"), ("PNG", "RGBA"), ("PNG", "P"), ("PNG", "LA"), ("PNG", "1"),
    ("GIF", "P"), ("WEBP", "RGB"), ("BMP", "RGB"),
])
def test_every_usual_kind_of_photo_is_read_in_its_colours(kind, mode):
    image = plain(mode) if mode not in ("L", "LA", "1") else plain(mode, colour=(255, 255, 255))
    crop = utils.center_crop(utils.decode_photo(encoded(image, kind)))
    assert crop.shape == (299, 299, 3) and crop.dtype == np.uint8
    expected = (255, 255, 255) if mode in ("L", "LA", "1") else (200, 40, 40)
    assert np.abs(crop.mean(axis=(0, 1)) - expected).max() < 12


def test_sixteen_bit_photos_keep_their_greys():
    grey = Image.fromarray(np.full((300, 300), 32_768, np.uint16))
    assert abs(utils.center_crop(utils.decode_photo(encoded(grey, "PNG"))).mean() - 127) < 2


def test_a_photo_is_turned_as_its_exif_says():
    image = plain(size=(400, 300))
    image.paste((0, 0, 255), (0, 0, 400, 150))              # blue above, red below
    exif = Image.Exif()
    exif[0x0112] = 3                                        # upside down
    crop = utils.center_crop(utils.decode_photo(encoded(image, exif=exif)))
    assert crop[:100].mean(axis=(0, 1)).argmax() == 0 and crop[-100:].mean(axis=(0, 1)).argmax() == 2


@pytest.mark.parametrize("size", [(1, 1), (20_000, 3), (3, 5_000), (299, 299), (640, 480)])
def test_any_shape_becomes_a_square(size):
    assert utils.center_crop(utils.decode_photo(encoded(plain(size=size)))).shape == (299, 299, 3)


def test_the_crop_is_the_middle():
    image = plain(size=(600, 300), colour=(0, 0, 0))
    image.paste((255, 255, 255), (150, 0, 450, 300))
    assert utils.center_crop(image)[:, 2:-2].min() > 250


BOMB = encoded(Image.new("1", (11_000, 10_000)), "PNG")     # below the size that Pillow refuses by itself
GOOD = encoded(plain())


@pytest.mark.parametrize("raw, reason", [
    (b"", "no photo"), (b"not a photo at all", "no photo"), (GOOD[:len(GOOD) // 2], "truncated"),
    (BOMB, "11000 x 10000 pixels"),
], ids=["empty", "text", "cut short", "bomb"])
def test_what_is_no_photo_is_refused_with_a_reason(raw, reason):
    with pytest.raises(utils.BadPhoto, match=reason):
        utils.decode_photo(raw)


def test_a_missing_zip_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="train2014.zip is missing"):
        utils.PhotoZip(tmp_path / "train2014.zip")


def test_a_zip_cut_short_is_named(tmp_path):
    path = photo_zip(tmp_path / "train2014.zip", {"a.jpg": GOOD})
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(ValueError, match="train2014.zip .* no whole zip"):
        utils.PhotoZip(path)


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
    split = utils.load_split(tmp_path, "train")
    assert (split.names, split.captions, split.image_ids) == (
        ["a.jpg", "b.jpg"], [["A cat.", "One cat"], ["A dog"]], [7, 3])


def test_a_photo_without_captions_is_left_out_and_said_so(tmp_path):
    photo_zip(tmp_path / "train2014.zip", {"a.jpg": GOOD, "b.jpg": GOOD, "c.jpg": GOOD})
    annotations(tmp_path, {"images": IMAGES, "annotations": CAPTIONS[:1]})
    with pytest.warns(UserWarning, match="2 photos of .* have no caption"):
        assert utils.load_split(tmp_path, "train").names == ["a.jpg"]


def test_captions_can_be_had_without_the_photos(tmp_path):
    annotations(tmp_path, {"images": [*IMAGES, {"id": 8, "file_name": "c.jpg"}], "annotations": CAPTIONS})
    with pytest.warns(UserWarning, match="1 photos of .* have no caption"):
        split = utils.load_split(tmp_path, "train", photos=False)
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
        utils.read_captions(path, "annotations/captions_train2014.json")
    assert str(path) in str(error.value)


def test_a_split_that_is_not_there_is_named(tmp_path):
    path = annotations(tmp_path, {"images": IMAGES, "annotations": CAPTIONS}, split="val")
    with pytest.raises(ValueError, match="captions_train2014.json"):
        utils.read_captions(path, "annotations/captions_train2014.json")


@pytest.mark.skipif(not SAMPLE.exists(), reason="no real photos here")
def test_real_photos_have_five_captions():
    split = utils.load_split(SAMPLE, "val")
    assert len(split.names) == 452 and all(len(captions) >= 5 for captions in split.captions)


# ------------------------------------------------------------------------------------------ embeddings

def coloured_zip(path, count=40, bad=()):
    """Photos 000.jpg, 001.jpg ... that grow from green to red; those in `bad` are no photos."""
    colours = [(i * 5 % 256, 255 - i * 5 % 256, 0) for i in range(count)]
    return photo_zip(path, {
        f"{i:03d}.jpg": b"broken" if i in bad else encoded(plain(colour=c)) for i, c in enumerate(colours)})


def test_embeddings_are_made_once_and_read_back_memory_mapped(tmp_path):
    split = split_of(coloured_zip(tmp_path / "train2014.zip"))
    first = utils.embed_split(split, MeanColour(), tmp_path / "cache")
    assert isinstance(first.values, np.memmap) and first.values.shape == (40, 2048)
    assert np.all(np.diff(first.values[:, 0].astype(float)) > 0)        # each row is its own photo's

    def never(photos):
        raise AssertionError("embedded again")

    never.recipe = MeanColour.recipe
    again = utils.embed_split(split, never, tmp_path / "cache")
    assert np.array_equal(first.values, again.values)
    assert not [p for p in (tmp_path / "cache").iterdir() if "tmp" in p.name]


def test_a_broken_photo_is_listed_and_moves_no_other_row(tmp_path):
    whole = utils.embed_split(split_of(coloured_zip(tmp_path / "a.zip")), MeanColour(), tmp_path / "whole")
    broken = utils.embed_split(split_of(coloured_zip(tmp_path / "b.zip", bad={5})), MeanColour(), tmp_path / "broken")
    assert list(broken.skipped) == ["005.jpg"] and "no photo" in broken.skipped["005.jpg"]
    assert not broken.values[5].any()
    others = np.arange(40) != 5
    assert np.array_equal(whole.values[others], broken.values[others])
    assert np.array_equal(broken.usable(), whole.values[others])


def test_damage_inside_the_zip_skips_only_the_photo_it_hits(tmp_path):
    path = coloured_zip(tmp_path / "train2014.zip")
    with zipfile.ZipFile(path) as archive:
        at = archive.getinfo("train2014/007.jpg").header_offset
    raw = bytearray(path.read_bytes())
    raw[at + 200:at + 210] = b"\0" * 10
    path.write_bytes(raw)
    assert list(utils.embed_split(split_of(path), MeanColour(), tmp_path / "cache").skipped) == ["007.jpg"]


def test_a_cache_of_another_recipe_is_refused_with_both_values(tmp_path):
    split = split_of(coloured_zip(tmp_path / "train2014.zip"))
    utils.embed_split(split, MeanColour(), tmp_path / "cache")

    class Other(MeanColour):
        recipe = MeanColour.recipe | {"weights": "others"}

    with pytest.raises(ValueError, match="weights: 'none' there, 'others' here"):
        utils.embed_split(split, Other(), tmp_path / "cache")


def test_a_damaged_cache_is_found_out(tmp_path):
    split = split_of(coloured_zip(tmp_path / "train2014.zip"))
    utils.embed_split(split, MeanColour(), tmp_path / "cache")
    with open(tmp_path / "cache" / "train.npy", "r+b") as file:
        file.seek(5_000)
        file.write(b"\x55\x55")
    with pytest.raises(ValueError, match="train.npy is not what was written"):
        utils.embed_split(split, MeanColour(), tmp_path / "cache")


SLOW_EMBEDDING = """
import sys, time, pathlib
sys.path[:0] = [{root!r}, {tests!r}]
import utils, test_utils
utils.SAVE_SECONDS = 0
class Slow(test_utils.MeanColour):
    def __call__(self, photos):
        time.sleep({delay})
        return super().__call__(photos)
utils.embed_split(test_utils.split_of({photos!r}), Slow(), {cache!r})
"""


def start_embedding(photos, cache, delay=0.3):
    code = SLOW_EMBEDDING.format(root=str(ROOT), tests=str(ROOT / "tests"), photos=str(photos), cache=str(cache),
                                 delay=delay)
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)


def wait_for(condition, seconds=30):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.01)


def test_a_killed_process_is_gone_on_from_with_the_same_bytes(tmp_path):
    photos = coloured_zip(tmp_path / "train2014.zip", count=330, bad={40, 300})
    wanted = utils.embed_split(split_of(photos), MeanColour(), tmp_path / "undisturbed")
    cache = tmp_path / "cache"
    state = cache / f"train{utils.files.TEMPORARY}rows.json"
    done = 0
    for _ in range(3):
        process = start_embedding(photos, cache)
        wait_for(lambda: state.exists() and json.loads(state.read_text())["done"] > done)    # noqa: B023
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        assert not (cache / "train.npy").exists()
        assert json.loads(state.read_text())["done"] > done
        done = json.loads(state.read_text())["done"]
    counted = []

    class Counting(MeanColour):
        def __call__(self, batch):
            counted.append(len(batch))
            return super().__call__(batch)

    found = utils.embed_split(split_of(photos), Counting(), cache)
    assert len(counted) == -(-(330 - done) // utils.EMBED_BATCH)        # nothing was done twice
    assert (cache / "train.npy").read_bytes() == (tmp_path / "undisturbed" / "train.npy").read_bytes()
    assert found.skipped == wanted.skipped


def test_of_two_processes_one_works_and_the_other_waits(tmp_path):
    photos = coloured_zip(tmp_path / "train2014.zip", count=160)
    processes = [start_embedding(photos, tmp_path / "cache", delay=0.1) for _ in range(2)]
    said = "".join(process.communicate(timeout=60)[0] for process in processes)
    assert [process.returncode for process in processes] == [0, 0]
    assert said.count("waiting for it") == 1
    assert utils.read_embeddings(tmp_path / "cache" / "train.npy").values.shape == (160, 2048)


def test_an_unwritable_folder_is_named(tmp_path):
    split = split_of(coloured_zip(tmp_path / "train2014.zip", count=2))
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OSError, match="cache/train.npy could not be written"):
        utils.embed_split(split, MeanColour(), tmp_path / "file" / "cache")


@pytest.mark.skipif(sys.platform == "win32", reason="needs RLIMIT_FSIZE")
def test_a_full_disk_is_an_error_and_leaves_no_cache(tmp_path):
    photos = coloured_zip(tmp_path / "train2014.zip", count=100)
    limit = "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); " \
            "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
    code = limit + SLOW_EMBEDDING.format(root=str(ROOT), tests=str(ROOT / "tests"), photos=str(photos),
                                         cache=str(tmp_path / "cache"), delay=0)
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 1 and "train.npy could not be written" in result.stderr
    assert not (tmp_path / "cache" / "train.npy").exists()
