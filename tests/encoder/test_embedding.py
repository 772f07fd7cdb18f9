"""Embeddings: each photo has its row, and none is lost or mixed up when a process is killed."""

import dataclasses
import errno
import io
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
import warnings
import zipfile

import numpy as np
import pytest

from captioning.datasets.loading import load_dataset
from captioning.datasets.photo_folder import open_photos
from captioning.encoder.batches import EMBED_BATCH
from captioning.encoder.cache import embed_split
from captioning.encoder.recipes import ARITHMETIC
from captioning.settings import Settings
from captioning.storage import files
from tests.helpers.photo_files import MeanColour, coloured_zip, encoded, photo_zip, plain, split_of

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux")


class Counting(MeanColour):
    """Counts the batches that it embeds."""

    def __init__(self):
        self.batches = 0

    def __call__(self, photos):
        """As its parent."""
        self.batches += 1
        return super().__call__(photos)


class Interrupted(Counting):
    """Raises KeyboardInterrupt after `after` batches, as Ctrl-C does."""

    def __init__(self, after):
        super().__init__()
        self.after = after

    def __call__(self, photos):
        """As its parent, up to the interrupt."""
        if self.batches == self.after:
            raise KeyboardInterrupt
        return super().__call__(photos)


def batches_of(count):
    """Number of batches for this number of photos."""
    return -(-count // EMBED_BATCH)


def bytes_of(cache):
    """Bytes of the finished files, when only they and the lock are there."""
    assert sorted(path.name for path in cache.iterdir()) == ["train.json", "train.lock", "train.npy"]
    return (cache / "train.npy").read_bytes(), (cache / "train.json").read_bytes()


# ---------------------------------------------------------------------------------------------- the cache

def test_embeddings_are_made_once_and_read_back_memory_mapped(tmp_path):
    split = split_of(coloured_zip(tmp_path / "train2014.zip"))
    first = embed_split(split, MeanColour(), tmp_path / "cache")
    assert isinstance(first.values, np.memmap) and first.values.shape == (40, 2048)
    assert first.values.dtype == np.float16
    assert np.all(np.diff(first.values[:, 0].astype(float)) > 0)        # each row is its own photo's
    counting = Counting()
    assert np.array_equal(first.values, embed_split(split, counting, tmp_path / "cache").values)
    assert counting.batches == 0


def test_an_encoder_may_see_smaller_squares_and_have_another_width(tmp_path):
    class Small(MeanColour):
        size, width = 224, 7

    found = embed_split(split_of(coloured_zip(tmp_path / "train2014.zip")), Small(), tmp_path / "cache")
    assert found.values.shape == (40, 7) and found.recipe["crop"] == "centre square, 224"


def test_a_finished_cache_is_read_without_writing_to_its_folder(tmp_path):
    split = split_of(coloured_zip(tmp_path / "train2014.zip"))
    embed_split(split, MeanColour(), tmp_path / "cache")
    (tmp_path / "cache" / "train.lock").unlink()
    embed_split(split, MeanColour(), tmp_path / "cache")
    assert sorted(path.name for path in (tmp_path / "cache").iterdir()) == ["train.json", "train.npy"]


def test_a_cache_of_another_recipe_is_refused_with_both_values(tmp_path):
    split = split_of(coloured_zip(tmp_path / "train2014.zip"))
    embed_split(split, MeanColour(), tmp_path / "cache")

    class Other(MeanColour):
        recipe = MeanColour.recipe | {"weights": "others"}

    with pytest.raises(ValueError, match="weights: 'none' there, 'others' here"):
        embed_split(split, Other(), tmp_path / "cache")


def test_a_photo_replaced_by_another_of_its_name_and_size_is_noticed(tmp_path):
    """Of the two zips only this photo's bytes, and so its CRC, differ."""
    photos = {"a.bmp": encoded(plain(colour=(200, 0, 0)), "BMP"), "b.bmp": encoded(plain(colour=(0, 200, 0)), "BMP")}
    split = split_of(photo_zip(tmp_path / "train2014.zip", photos))
    embed_split(split, MeanColour(), tmp_path / "cache")
    replaced = photos | {"b.bmp": encoded(plain(colour=(0, 0, 200)), "BMP")}
    assert list(map(len, replaced.values())) == list(map(len, photos.values()))
    photo_zip(split.photos, replaced)
    with pytest.raises(ValueError, match="photos: "):
        embed_split(split, MeanColour(), tmp_path / "cache")


def test_a_damaged_cache_is_refused(tmp_path):
    split = split_of(coloured_zip(tmp_path / "train2014.zip"))
    embed_split(split, MeanColour(), tmp_path / "cache")
    with open(tmp_path / "cache" / "train.npy", "r+b") as file:
        file.seek(5_000)
        file.write(b"\x55\x55")
    with pytest.raises(ValueError, match="train.npy is damaged"):
        embed_split(split, MeanColour(), tmp_path / "cache")


@pytest.mark.parametrize("text, message", [
    (None, "lost its description"), ("", "is not the description"), ("[]", "train.npy is damaged")])
def test_a_cache_without_its_description_is_refused(tmp_path, text, message):
    split = split_of(coloured_zip(tmp_path / "train2014.zip"))
    embed_split(split, MeanColour(), tmp_path / "cache")
    description = tmp_path / "cache" / "train.json"
    description.unlink() if text is None else description.write_text(text)
    with pytest.raises(ValueError, match=message):
        embed_split(split, MeanColour(), tmp_path / "cache")


@pytest.mark.filterwarnings("ignore:.*can't be used")
@pytest.mark.parametrize("name, other, message", [
    ('"030.jpg"', '"0z0.jpg"', "names other photos"), ('"007.jpg": "', '"006.jpg": "', "does not hold a row"),
    ('"007.jpg": "', '"00z.jpg": "', "does not hold a row"),
], ids=["a name", "another photo is skipped", "an unknown photo is skipped"])
def test_a_description_with_a_changed_letter_is_refused(tmp_path, name, other, message):
    """The description holds the embeddings' digest, but has none itself."""
    split = split_of(coloured_zip(tmp_path / "train2014.zip", bad={7}))
    embed_split(split, MeanColour(), tmp_path / "cache")
    description = tmp_path / "cache" / "train.json"
    assert description.read_text().count(name) == 1
    description.write_text(description.read_text().replace(name, other))
    with pytest.raises(ValueError, match=message):
        embed_split(split, MeanColour(), tmp_path / "cache")


# ---------------------------------------------------------------------------------------------- skipped photos

@pytest.mark.filterwarnings("ignore:.*can't be used")
def test_a_broken_photo_is_listed_and_moves_no_other_row(tmp_path):
    whole = embed_split(split_of(coloured_zip(tmp_path / "a.zip")), MeanColour(), tmp_path / "whole")
    broken = embed_split(split_of(coloured_zip(tmp_path / "b.zip", bad={5})), MeanColour(), tmp_path / "broken")
    assert list(broken.skipped) == ["005.jpg"] and "not a photo" in broken.skipped["005.jpg"]
    assert not broken.values[5].any()
    others = np.arange(40) != 5
    assert np.array_equal(whole.values[others], broken.values[others])
    assert np.array_equal(broken.usable(), whole.values[others])


def damaged(path, name, at, content):
    """Overwrites bytes of the zip: `at` after the start of the member, or -`at` after its entry in the contents."""
    with zipfile.ZipFile(path) as archive:
        start = archive.getinfo(f"train2014/{name}").header_offset
    raw = bytearray(path.read_bytes())
    if at < 0:
        start, at = raw.rindex(f"train2014/{name}".encode()) - 46, -at
    raw[start + at:start + at + len(content)] = content
    path.write_bytes(raw)


def test_captions_of_skipped_photos_are_left_out_with_a_warning(tmp_path):
    """All the way from the dataset's files to the arrays for training."""
    colours = {f"{i:03d}.jpg": encoded(plain(colour=(6 * i, 255 - 6 * i, 0))) for i in range(40)}
    broken = {"003.jpg": b"", "010.jpg": b"<html>", "011.jpg": colours["011.jpg"][:-300],
              "039.jpg": encoded(plain("1", size=(11_000, 10_000)), "PNG")}
    path = photo_zip(tmp_path / "train2014.zip", colours | broken, compression=zipfile.ZIP_DEFLATED)
    with zipfile.ZipFile(path, "a") as archive:
        archive.mkdir("train2014/folder.jpg") if hasattr(archive, "mkdir") else archive.writestr("folder.jpg/", "")
    damaged(path, "020.jpg", -16, b"\1\2\3\4")              # the CRC in the list of contents
    damaged(path, "021.jpg", 60, b"\xff" * 40)              # what is deflated
    for at in (-8, 6):
        damaged(path, "022.jpg", at, b"\1")                 # flags of encryption, in the contents and at the member
    shutil.copy(path, tmp_path / "val2014.zip")
    with zipfile.ZipFile(tmp_path / "annotations_trainval2014.zip", "w") as archive:
        for split in ("train", "val"):
            archive.writestr(f"annotations/captions_{split}2014.json", json.dumps({
                "images": [{"id": 100 + i, "file_name": f"{i:03d}.jpg"} for i in range(40)],
                "annotations": [{"image_id": 100 + i, "id": k, "caption": f"photo {i}, {k}"}
                                for i in range(40) for k in range(3)]}))
    train, _ = load_dataset(Settings(dataset="folder", data_dir=tmp_path))
    wanted = {"003.jpg": "is empty", "010.jpg": "is not a photo", "011.jpg": "can't be decoded: .*truncated",
              "020.jpg": "CRC", "021.jpg": "can't be read", "022.jpg": "encrypted", "039.jpg": "pixels are too many"}
    for _ in range(2):                                      # the second time from the cache
        with pytest.warns(UserWarning, match="7 of 40 photos of .*train2014.zip can't be used and are left out, with "
                                             "their 21 captions: 003.jpg is empty; .* and 4 more"):
            found = embed_split(train, MeanColour(), tmp_path / "cache")
    assert list(found.skipped) == list(wanted)
    for name, reason in wanted.items():
        assert re.search(reason, found.skipped[name]), (name, found.skipped[name])

    left, rows = train.without(found.skipped), found.usable()
    assert len(left.names) == len(left.captions) == len(left.image_ids) == len(rows) == 33
    for name, captions, image_id, row in zip(left.names, left.captions, left.image_ids, rows):
        number = int(name[:3])
        assert captions == [f"photo {number}, {k}" for k in range(3)] and image_id == 100 + number
        assert np.abs(row[:3] - (1 + 6 * number / 255, 2 - 6 * number / 255, 1)).max() < 0.02


def test_without_a_usable_photo_there_is_no_cache(tmp_path):
    split = split_of(coloured_zip(tmp_path / "train2014.zip", bad=range(40)))
    with pytest.raises(ValueError, match="None of the 40 photos of .*train2014.zip can be used; 000.jpg is not a"):
        embed_split(split, MeanColour(), tmp_path / "cache")
    assert not (tmp_path / "cache" / "train.npy").exists()


def test_filters_of_warnings_stay_as_they_were(tmp_path):
    """All threads share the filters of warnings, so a thread that restores them may restore another one's change."""
    before = list(warnings.filters)
    embed_split(split_of(coloured_zip(tmp_path / "train2014.zip", count=90)), MeanColour(), tmp_path / "cache")
    assert warnings.filters == before


# ---------------------------------------------------------------------------------------------- killed

EMBEDDING = """
import os, sys, time
from captioning.encoder.cache import embed_split
from tests.helpers import photo_files
class Slow(photo_files.MeanColour):
    calls = 0
    def __call__(self, photos):
        self.calls += 1
        time.sleep({delay})
        while self.calls > 1 and {go!r} and not os.path.exists({go!r}):
            time.sleep(0.01)
        return super().__call__(photos)
print("started")
embed_split(photo_files.split_of({photos!r}), Slow(), {cache!r})
"""


def start_embedding(photos, cache, delay=0.1, before="", go=""):
    """Starts a process that embeds, `delay` seconds a batch. It waits for the file `go` before the second batch."""
    code = before + EMBEDDING.format(photos=str(photos), cache=str(cache), delay=delay, go=str(go))
    process = subprocess.Popen([sys.executable, "-u", "-W", "ignore", "-c", code], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "started\n"
    return process


def kill(process):
    """Kills the process with SIGKILL."""
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()


def wait_for(condition, seconds=30):
    """Waits until the condition holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.01)


def wait_for_batches(cache, count=1):
    """Waits until `count` batches are saved."""
    wait_for(lambda: len(shards_in(cache)) >= count)


def shards_in(cache):
    """Files of the batches that are saved so far."""
    return sorted(cache.glob(f"train{files.TEMPORARY}*/*.npz"))


@pytest.mark.parametrize("kills", [4, pytest.param(24, marks=pytest.mark.slow)])
@pytest.mark.filterwarnings("ignore:.*can't be used")
def test_after_kills_the_next_process_continues_to_the_same_bytes(tmp_path, kills):
    """Kills at random moments, every second time after a batch was saved. Saved batches are not computed again."""
    count = 200 * kills
    split = split_of(coloured_zip(tmp_path / "train2014.zip", count=count, bad={40, 270}, size=(8, 8)))
    undisturbed, cache = tmp_path / "undisturbed", tmp_path / "cache"
    embed_split(split, MeanColour(), undisturbed)
    moments, done = random.Random(0), []
    for number in range(kills):
        process = start_embedding(split.photos, cache)
        if number % 2:
            wait_for_batches(cache, len(done) + 1)
        time.sleep(moments.uniform(0, 0.3))
        kill(process)
        assert set(done) <= set(shards_in(cache)) and not (cache / "train.npy").exists()
        done = shards_in(cache)
    assert kills // 2 <= len(done) < batches_of(count)
    counting = Counting()
    embed_split(split, counting, cache)
    assert counting.batches == batches_of(count) - len(done)
    assert bytes_of(cache) == bytes_of(undisturbed)


AT_EACH_FILE = """
import os, pathlib, signal, sys
from tqdm.auto import tqdm
from captioning.encoder.cache import embed_split
from tests.helpers import photo_files
class Small(photo_files.MeanColour):
    size, width = 8, 3
tqdm.monitor_interval = 0
encoder, split, folder = Small(), photo_files.split_of({photos!r}), pathlib.Path({folder!r})
embed_split(split, encoder, folder / "undisturbed")
events = moment = 0

def watch(event, arguments):
    global events
    if event in ("os.rename", "os.remove", "os.rmdir") or event == "open" and str(arguments[0]).startswith({folder!r}):
        events += 1
        if events == moment:
            os.kill(os.getpid(), signal.SIGKILL)

def contents(cache):
    return {{path.name: path.read_bytes() for path in cache.iterdir()}}

finished = False
while not finished:
    moment += 1
    cache = folder / str(moment)
    child = os.fork()
    if not child:
        sys.addaudithook(watch)
        embed_split(split, encoder, cache)
        os._exit(0)
    finished = os.waitpid(child, 0)[1] == 0
    embed_split(split, encoder, cache)
    assert contents(cache) == contents(folder / "undisturbed"), moment
print(moment)
"""


@linux_only
def test_after_a_kill_at_any_file_operation_the_next_process_continues_to_the_same_bytes(tmp_path):
    """For each moment at which a file is opened, renamed or removed, a process is killed at that moment."""
    photos = coloured_zip(tmp_path / "train2014.zip", count=40, size=(8, 8))
    code = AT_EACH_FILE.format(photos=str(photos), folder=str(tmp_path / "caches"))
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stderr[-2_000:]
    assert int(result.stdout) > 25


def pickled(raw: bytes) -> bytes:
    """A batch of Python objects in place of numbers."""
    file = io.BytesIO()
    np.savez(file, rows=np.full((32, 2048), None), skipped="{}")
    return file.getvalue()


def narrower(raw: bytes) -> bytes:
    """A batch whose header has a lower number of rows, so that a careless reader stops early and checks no CRC."""
    at = raw.index(b"(32, 2048)")
    return raw[:at] + b"(12, 2048)" + raw[at + 10:]


@pytest.mark.parametrize("damage", [
    narrower, pickled, lambda raw: b"", lambda raw: raw[:-1], lambda raw: raw[:1_000], lambda raw: bytes(len(raw)),
    lambda raw: raw[:5_000] + b"\x55" + raw[5_001:], lambda raw: b"no zip",
], ids=["narrower", "pickled", "empty", "a byte less", "cut short", "zeros", "a changed byte", "text"])
def test_a_damaged_batch_is_made_again(tmp_path, damage):
    """Damage as after a power cut, or when several machines write to a folder without locks."""
    split = split_of(coloured_zip(tmp_path / "train2014.zip", count=100, size=(8, 8)))
    undisturbed, cache = tmp_path / "undisturbed", tmp_path / "cache"
    embed_split(split, MeanColour(), undisturbed)
    with pytest.raises(KeyboardInterrupt):
        embed_split(split, Interrupted(3), cache)
    there = shards_in(cache)
    assert len(there) == 3
    there[1].write_bytes(damage(there[1].read_bytes()))
    counting = Counting()
    embed_split(split, counting, cache)
    assert counting.batches == 2
    assert bytes_of(cache) == bytes_of(undisturbed)


def test_batches_of_two_recipes_are_not_mixed(tmp_path):
    class Other(Counting):
        recipe = MeanColour.recipe | {"weights": "others"}

        def __call__(self, photos):
            return super().__call__(photos) + 1

    split = split_of(coloured_zip(tmp_path / "train2014.zip", count=100, size=(8, 8)))
    with pytest.raises(KeyboardInterrupt):
        embed_split(split, Interrupted(3), tmp_path / "cache")
    other = Other()
    found = embed_split(split, other, tmp_path / "cache")
    assert other.batches == batches_of(100) and found.values[:, 0].min() >= 2
    bytes_of(tmp_path / "cache")


class OtherMachine(Counting):
    """Rounds otherwise, as another processor does."""

    recipe = MeanColour.recipe | {ARITHMETIC: "another"}

    def __call__(self, photos):
        """As its parent, but for the last bits."""
        return super().__call__(photos) + np.float32(1e-3)


def test_batches_of_another_machine_are_not_mixed_with_those_of_this_one(tmp_path):
    split = split_of(coloured_zip(tmp_path / "train2014.zip", count=100, size=(8, 8)))
    embed_split(split, OtherMachine(), tmp_path / "undisturbed")
    with pytest.raises(KeyboardInterrupt):
        embed_split(split, Interrupted(3), tmp_path / "cache")
    other = OtherMachine()
    embed_split(split, other, tmp_path / "cache")
    assert other.batches == batches_of(100) and bytes_of(tmp_path / "cache") == bytes_of(tmp_path / "undisturbed")


def test_whole_embeddings_of_another_machine_are_used_with_a_warning_of_both(tmp_path):
    """Another processor can't be undone, and photos may take hours to embed."""
    split = split_of(coloured_zip(tmp_path / "train2014.zip", count=40, size=(8, 8)))
    embed_split(split, MeanColour(), tmp_path / "cache")
    before, other = bytes_of(tmp_path / "cache"), OtherMachine()
    with pytest.warns(UserWarning, match="None there, another here.*may differ in the last digits") as warned:
        found = embed_split(split, other, tmp_path / "cache")
    assert warned[0].filename == __file__ and other.batches == 0 and bytes_of(tmp_path / "cache") == before
    assert ARITHMETIC not in found.recipe                   # it says how the values were made, not what is here now


@pytest.mark.parametrize("killed", [False, True], ids=["the first ends", "the first is killed"])
def test_of_two_processes_one_works_and_the_other_says_that_it_waits(tmp_path, killed):
    split = split_of(coloured_zip(tmp_path / "train2014.zip", count=200, size=(8, 8)))
    undisturbed, cache = tmp_path / "undisturbed", tmp_path / "cache"
    embed_split(split, MeanColour(), undisturbed)
    first = start_embedding(split.photos, cache, go=tmp_path / "go")
    wait_for_batches(cache)
    second = start_embedding(split.photos, cache)
    assert second.stdout.readline().endswith("train.npy; waiting for it.\n")
    if killed:
        kill(first)
    else:
        (tmp_path / "go").touch()
        first.communicate(timeout=60)
        assert first.returncode == 0
    _, errors = second.communicate(timeout=60)
    assert second.returncode == 0, errors
    assert bytes_of(cache) == bytes_of(undisturbed)


# ---------------------------------------------------------------------------------------------- the disk

class DriveGoes(Counting):
    """Has the drive of the photos taken away after two batches: away(), given."""

    def __init__(self, away):
        super().__init__()
        self.away = away

    def __call__(self, photos):
        """As its parent."""
        if self.batches == 2:
            self.away()
        return super().__call__(photos)


@pytest.mark.parametrize("stays", [False, True], ids=["nothing stays", "an empty folder stays"])
def test_photos_of_a_drive_that_was_taken_away_are_not_listed_as_broken(tmp_path, stays):
    photos, drive = tmp_path / "photos", tmp_path / "elsewhere"
    split = split_of(coloured_zip(tmp_path / "train2014.zip", count=400, size=(8, 8)))
    photos.mkdir()
    with open_photos(split.photos) as zipped:
        for name in split.names:
            (photos / name).write_bytes(zipped.read(name))
    split = dataclasses.replace(split, photos=photos)
    undisturbed = embed_split(split, MeanColour(), tmp_path / "undisturbed")

    def away():
        photos.rename(drive)
        if stays:
            photos.mkdir()

    with pytest.raises(OSError, match=f"{photos} was there, and can't be read any more"):
        embed_split(split, DriveGoes(away), tmp_path / "cache")
    if stays:
        photos.rmdir()
    drive.rename(photos)
    counting = Counting()
    found = embed_split(split, counting, tmp_path / "cache")
    assert counting.batches <= batches_of(400) - 2 and found.skipped == {}
    assert found.values.tobytes() == undisturbed.values.tobytes()


def test_a_zip_on_a_drive_that_was_taken_away_is_named(tmp_path, monkeypatch):
    split, read = split_of(coloured_zip(tmp_path / "train2014.zip", count=400, size=(8, 8))), zipfile.ZipExtFile.read

    def away():
        split.photos.rename(tmp_path / "elsewhere.zip")
        monkeypatch.setattr(zipfile.ZipExtFile, "read", unplugged)

    def unplugged(*_):
        raise OSError(errno.ENOTCONN, "Transport endpoint is not connected")

    with pytest.raises(OSError, match="train2014.zip was there, and can't be read any more"):
        embed_split(split, DriveGoes(away), tmp_path / "cache")
    monkeypatch.setattr(zipfile.ZipExtFile, "read", read)
    (tmp_path / "elsewhere.zip").rename(split.photos)
    assert embed_split(split, MeanColour(), tmp_path / "cache").skipped == {}


def test_an_unwritable_folder_is_named(tmp_path):
    split = split_of(coloured_zip(tmp_path / "train2014.zip", count=2))
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OSError, match="file/cache could not be written"):
        embed_split(split, MeanColour(), tmp_path / "file" / "cache")


FILES_UP_TO = "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); " \
              "resource.setrlimit(resource.RLIMIT_FSIZE, ({0}, {0}))\n"


@linux_only
@pytest.mark.parametrize("limit, there", [(100_000, 0), (200_000, 4)], ids=["a batch", "the whole"])
def test_after_an_error_of_a_full_disk_the_next_run_continues(tmp_path, limit, there):
    split = split_of(coloured_zip(tmp_path / "train2014.zip", count=100, size=(8, 8)))
    undisturbed, cache = tmp_path / "undisturbed", tmp_path / "cache"
    embed_split(split, MeanColour(), undisturbed)
    process = start_embedding(split.photos, cache, delay=0, before=FILES_UP_TO.format(limit))
    errors = process.communicate(timeout=60)[1]
    assert process.returncode == 1 and re.search(r"cache/train\S+ could not be written .*disk is not full", errors)
    assert not (cache / "train.npy").exists() and len(shards_in(cache)) == there
    counting = Counting()
    embed_split(split, counting, cache)
    assert counting.batches == 4 - there
    assert bytes_of(cache) == bytes_of(undisturbed)


# ---------------------------------------------------------------------------------------------- memory

@linux_only
def test_memory_does_not_grow_with_the_photos():
    """A photo takes 5 kB, give or take 12 on a busy machine. A crop has 268 kB: one in ten kept would add 27 kB."""
    from benchmarks import embedding_memory

    bytes_per_photo, _ = embedding_memory.slope(300, 1_500)
    assert bytes_per_photo < 24_000
