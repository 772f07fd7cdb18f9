"""Checkpoints and caches of embeddings from outside, and any input at all: a clear error, or no harm."""

import contextlib
import io
import json
import struct
import subprocess
import sys
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples

from captioning.decoder import checkpoints
from captioning.encoder.cache import read_embeddings
from captioning.storage import files
from tests.helpers import hostile
from tests.helpers.memory import linux

# ------------------------------------------------------------------------------------------- checkpoints, caches

def checkpoint(folder, npz: bytes | None = None, about=None, **arrays):
    """A checkpoint whose digests are right, whatever it holds."""
    path = Path(folder) / "step-00000005"
    path.mkdir()
    if npz is None:
        np.savez(path / "arrays.npz", **arrays)
    else:
        (path / "arrays.npz").write_bytes(npz)
    (path / "about.json").write_text(json.dumps({"step": 5, "history": []} if about is None else about))
    files.write_json(path / "sha256.json", {n: files.sha256(path / n) for n in ("about.json", "arrays.npz")})
    return path


def test_a_checkpoint_is_read_as_it_was_written(tmp_path):
    path = checkpoint(tmp_path, **{"model/000": np.float32([[1, 2]]), "seed": np.uint32([3])})
    found = checkpoints.read_checkpoint(path)
    assert found.arrays["model/000"].tolist() == [[1, 2]] and found.arrays["seed"].dtype == np.uint32
    assert found.about["step"] == 5


@pytest.mark.parametrize("array", [
    np.array([{"a": 1}], object), np.float32([np.nan]), np.float64([np.inf]), np.array(["text"]), np.array([b"raw"])])
def test_a_checkpoint_of_objects_text_or_nan_is_refused(tmp_path, array):
    with pytest.raises(ValueError, match=r"step-00000005 is damaged: its array 'x'"):
        checkpoints.read_checkpoint(checkpoint(tmp_path, x=array))


def test_a_checkpoint_of_many_arrays_unpacks_no_more_than_one_may(tmp_path, monkeypatch):
    path = checkpoint(tmp_path, x=np.zeros(100), y=np.zeros(100))
    assert len(checkpoints.read_checkpoint(path).arrays) == 2
    monkeypatch.setattr(checkpoints, "MOST_BYTES", 1_500)
    with pytest.raises(ValueError, match="its array 'y' can't be read: has 928 bytes unpacked; the limit is 572"):
        checkpoints.read_checkpoint(path)


class Payload:
    """A pickle that leaves a mark where it is loaded."""

    def __init__(self, mark):
        self.mark = str(mark)

    def __reduce__(self):
        return Path.touch, (Path(self.mark),)


def test_a_pickle_in_an_array_is_not_run(tmp_path):
    mark = tmp_path / "run"
    path = checkpoint(tmp_path, x=np.array([Payload(mark)], object))
    with pytest.raises(ValueError, match="Object arrays cannot be loaded"):
        checkpoints.read_checkpoint(path)
    assert not mark.exists()
    np.load(path / "arrays.npz", allow_pickle=True)["x"]
    assert mark.exists()                                # so the payload would have worked


@pytest.mark.parametrize("header", [
    b"{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000,), }", b"{'descr': '<f4' ", b"(" * 900,
    b"{'descr': 'O', 'fortran_order': False, 'shape': (1,), }",
])
def test_an_array_whose_header_lies_is_refused(tmp_path, header):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("x.npy", b"\x93NUMPY\1\0" + struct.pack("<H", len(header)) + header + bytes(40))
    with pytest.raises(ValueError, match="its array 'x' can't be read"):
        checkpoints.read_checkpoint(checkpoint(tmp_path, npz=file.getvalue()))


@pytest.mark.parametrize("about", [
    [], {}, {"step": "5"}, {"step": 6}, {"step": 5, "history": 3}, {"step": 5, "history": [1]},
    {"step": 5, "history": [{"step": 5, "val_loss": "low"}]}, {"step": 5, "epoch_losses": ["low"]},
])
def test_a_checkpoint_that_describes_something_else_is_refused(tmp_path, about):
    with pytest.raises(ValueError, match=r"step-00000005 is damaged: its about\.json"):
        checkpoints.read_checkpoint(checkpoint(tmp_path, about=about, x=np.zeros(2)))


@pytest.mark.parametrize("rows, names", [
    (np.array([[{}], [1]], object), ["a.jpg", "b.jpg"]), (np.zeros((2, 8)), ["a.jpg", "b.jpg"]),
    (np.zeros((2, 8), np.float16), ["a.jpg"]), (np.zeros(2, np.float16), ["a.jpg", "b.jpg"]),
    (np.zeros((2, 8), np.float16), None), (b"\x80\x04N.", ["a.jpg"]),
])
def test_cached_embeddings_of_another_kind_are_refused(tmp_path, rows, names):
    """Their digest is right: made by hand, or by another program."""
    cache = tmp_path / "train.npy"
    if isinstance(rows, bytes):
        cache.write_bytes(rows)
    else:
        np.save(cache, rows)
    about = {"names": names, "sha256": files.sha256(cache), "skipped": {}, "recipe": {}}
    files.write_json(tmp_path / "train.json", about)
    with pytest.raises(ValueError, match=r"train\.npy does not hold a row of float16 for each photo"):
        read_embeddings(cache)


# ---------------------------------------------------------------------------------------------- anything at all

@pytest.mark.parametrize("kind", hostile.TARGETS)
def test_any_input_is_read_or_refused_with_an_error_of_ours(kind):
    """Tries a few inputs; tests/rehearsal/fuzz.py tries many."""
    target = hostile.TARGETS[kind]

    @examples(max_examples=40, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    @given(target.inputs)
    def attempt(raw):
        with warnings.catch_warnings(), contextlib.suppress(target.errors):
            warnings.simplefilter("ignore")
            target.read(raw)

    attempt()


@linux
def test_the_fuzzing_script_finds_a_reader_that_lets_errors_through(tmp_path):
    broken = tmp_path / "broken.py"
    broken.write_text("""
from tests.helpers import hostile
from tests.rehearsal import fuzz
target = hostile.TARGETS["JSON"]
fuzz.ROUND = 100
fuzz.work("JSON", hostile.Target(target.inputs, lambda raw: {}[0]), 0.1, 0)
""")
    done = subprocess.run([sys.executable, str(broken)], capture_output=True, text=True, timeout=60)
    assert done.returncode and "KeyError" in done.stderr
