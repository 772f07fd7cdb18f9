"""Weights from outside: plain, finite arrays of their own file pass, all else is refused."""

import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from captioning.storage.weights_files import about_path, check_weights
from tests.helpers.memory import linux, with_memory


def weights(path, **datasets):
    """A file of weights with these datasets in it."""
    with h5py.File(path, "w") as file:
        file["layers/conv2d/vars/0"] = np.ones((2, 2), np.float32)
        for name, value in datasets.items():
            file[name] = value
    return path


def refused(path) -> str:
    """Why the file is refused."""
    with pytest.raises(ValueError, match=r"is refused as weights") as error:
        check_weights(path)
    assert str(path) in str(error.value)
    return str(error.value)


@pytest.mark.skipif(sys.platform == "win32", reason="needs flock")
def test_weights_are_read_where_a_lock_can_not_be_had(tmp_path):
    """Some network drives have no locks. HDF5 then says that it can't open the file."""
    import fcntl

    with h5py.File(tmp_path / "a.weights.h5", "w") as file:
        file["a"] = [1.0]
    code = f"""
from captioning.storage.weights_files import check_weights
import h5py
check_weights({str(tmp_path / "a.weights.h5")!r})
h5py.File({str(tmp_path / "a.weights.h5")!r})           # as Keras opens it
"""
    with open(tmp_path / "a.weights.h5", "rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_plain_weights_of_every_precision_pass(tmp_path):
    check_weights(weights(tmp_path / "a.h5", half=np.float16([1]), double=np.ones(3), steps=np.int64(5)))


def test_weights_that_lead_out_of_their_file_are_refused(tmp_path):
    other = weights(tmp_path / "other.h5")
    secret = tmp_path / "secret"
    secret.write_bytes(bytes(16))
    link = weights(tmp_path / "a.h5", x=h5py.ExternalLink("/etc/other.h5", "/x"))
    assert "a link to another file, '/etc/other.h5'" in refused(link)
    assert "is a link" in refused(weights(tmp_path / "b.h5", x=h5py.SoftLink("/layers/conv2d/vars/0")))
    for name in ("external.h5", "virtual.h5"):
        with h5py.File(tmp_path / name, "w") as file:
            if name == "external.h5":
                file.create_dataset("x", (4,), np.float32, external=[(str(secret), 0, 16)])
            else:
                layout = h5py.VirtualLayout((2, 2), np.float32)
                layout[:] = h5py.VirtualSource(other, "layers/conv2d/vars/0", (2, 2))
                file.create_virtual_dataset("x", layout)
        assert "are in another file" in refused(tmp_path / name)


@pytest.mark.parametrize("value, why", [
    (np.float32([1, np.nan]), "NaN or infinite"), (np.float16([np.inf]), "NaN or infinite"),
    ("text", "not an array of numbers"), (np.array([(1, 2.0)], "i4,f4"), "not an array of numbers"),
    (h5py.Empty("f4"), "not an array of numbers"),
    (np.dtype("f4"), "not an array of numbers"),
])
def test_weights_that_are_no_finite_numbers_are_refused(tmp_path, value, why):
    assert why in refused(weights(tmp_path / "a.h5", x=value))


@linux
def test_weights_that_unpack_to_more_than_any_encoder_are_refused_unread(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("x", (1 << 20, 1 << 20), np.float32, chunks=(1, 1024), compression="gzip")
    assert path.stat().st_size < 10_000
    done = with_memory(f"check_weights({str(path)!r})", 200,
                       "from captioning.storage.weights_files import check_weights")
    assert "more than 1,000,000,000 bytes" in done.stderr, done.stderr


def test_all_bytes_that_weights_unpack_to_are_counted(tmp_path):
    path = weights(tmp_path / "a.h5", x=np.ones(2))             # 16 bytes, beside 16 others
    check_weights(path, most_bytes=32)
    with pytest.raises(ValueError, match="more than 31 bytes"):
        check_weights(path, most_bytes=31)
    with h5py.File(path, "a") as file:                          # one number, but all its chunk is unpacked
        file.create_dataset("y", (1,), np.float32, maxshape=(None,), chunks=(1_000,), compression="gzip")
    with pytest.raises(ValueError, match="more than 4,000 bytes"):
        check_weights(path, most_bytes=4_000)


def test_what_is_known_of_weights_lies_beside_them():
    assert about_path(Path("here/a.weights.h5")) == Path("here/a.json")


def test_groups_that_hold_themselves_end(tmp_path):
    with h5py.File(weights(tmp_path / "a.h5"), "r+") as file:
        file["layers/again"] = file["layers"]
    check_weights(tmp_path / "a.h5")


@pytest.mark.parametrize("left", [0, 7, 100, -100])
def test_weights_cut_short_are_refused(tmp_path, left):
    path = weights(tmp_path / "a.h5", x=np.ones(5_000))
    path.write_bytes(path.read_bytes()[:left])
    assert "can't be read as HDF5" in refused(path)
