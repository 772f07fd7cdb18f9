"""Hypothesis strategies for hostile input: nearly right, and wrong in some place.

Each target is a strategy, the function that reads its input, and the errors that this function may raise.
"""

import contextlib
import io
import json
import os
import struct
import tempfile
import warnings
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import h5py
import numpy as np
from hypothesis import strategies as st
from PIL import Image

from captioning import settings
from captioning.datasets.annotations import MAX_CAPTION, MAX_CAPTIONS, read_captions
from captioning.datasets.photo_zip import BadPhoto, PhotoZip
from captioning.datasets.transfer.headers import retry_after
from captioning.decoder import checkpoints
from captioning.photos.decode import decode_photo
from captioning.storage import files, weights_files

MEMBER = "annotations/captions_train2014.json"
NAMES = (*[f"{letter}.jpg" for letter in "abcdefghij"] * 3, "train2014/a.jpg",
         "train2014\\b.jpg", "../a.jpg", "/a.jpg", "C:\\a.jpg", "a.jpg/", "",
         "x\0.jpg", "\u202egpj.exe", "❄.jpg", "__MACOSX/a.jpg", "." * 300, "dir/", "\x1b[31m.jpg")
NUMBERS = (0, 1, 0xFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, 0xFFFFFFFE)


@dataclass(frozen=True)
class Target:
    """What to try: `read` takes one of `inputs` and raises nothing but `errors`."""

    inputs: st.SearchStrategy
    read: Callable
    errors: tuple = (ValueError,)


# ---------------------------------------------------------------------------------------------- bytes

@st.composite
def damaged(draw, whole):
    """Bytes of `whole` (a strategy), cut, overwritten or grown in up to four places."""
    raw = bytearray(draw(whole))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, max(len(raw) - 1, 0)))
        kind = draw(st.sampled_from(("cut", "byte", "number", "insert", "drop", "double")))
        if kind == "cut":
            del raw[at:]
        elif kind == "drop":
            del raw[at:at + draw(st.integers(1, 40))]
        elif kind == "double":
            raw[at:at] = raw[at:at + draw(st.integers(1, 200))]
        else:
            new = {"byte": st.binary(min_size=1, max_size=1), "insert": st.binary(min_size=1, max_size=20),
                   "number": st.sampled_from(NUMBERS).map(lambda n: struct.pack("<I", n))}[kind]
            new = draw(new)
            raw[at:at + (0 if kind == "insert" else len(new))] = new
    return bytes(raw)


# ------------------------------------------------------------------------------------------------ zips

@st.composite
def zip_files(draw, names=NAMES, contents=None):
    """A zip of up to five members whose headers may lie."""
    contents = contents or st.sampled_from((b"", b"no photo", PHOTO, b"\0" * 50_000))
    file = io.BytesIO()
    methods = st.sampled_from((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2,
                               zipfile.ZIP_LZMA))
    with warnings.catch_warnings(), zipfile.ZipFile(file, "w") as archive:
        warnings.simplefilter("ignore")                 # zipfile's own, of names that are there twice
        for _ in range(draw(st.integers(0, 5))):
            info = zipfile.ZipInfo(draw(st.sampled_from(names)))
            info.compress_type = draw(methods)
            info.external_attr = draw(st.sampled_from((0, 0o100644 << 16, 0o120777 << 16, 0o040755 << 16)))
            archive.writestr(info, draw(contents))
    raw = bytearray(file.getvalue())
    for _ in range(draw(st.integers(0, 2))):
        _lie(draw, raw)
    return bytes(raw)


def _lie(draw, raw):
    """Sets one field of the list of contents, or of its end, to another number."""
    end = raw.rfind(b"PK\5\6")
    places = [(end + offset, kind) for offset, kind in ((8, "<H"), (10, "<H"), (12, "<I"), (16, "<I"), (20, "<H"))]
    at = raw.find(b"PK\1\2")
    while at >= 0:
        fields = ((8, "<H"), (10, "<H"), (16, "<I"), (20, "<I"), (24, "<I"), (28, "<H"), (30, "<H"), (32, "<H"),
                  (42, "<I"))
        places += [(at + offset, kind) for offset, kind in fields]
        at = raw.find(b"PK\1\2", at + 1)
    at, kind = draw(st.sampled_from(places))
    value = draw(st.sampled_from(NUMBERS) | st.integers(0, 2_000))
    struct.pack_into(kind, raw, at, value & (0xFFFF if kind == "<H" else 0xFFFFFFFF))


def read_photos(raw: bytes):
    """All photos of a zip. A photo that can't be read is a BadPhoto and does not stop the others."""
    with _file(raw, "train2014.zip") as path, PhotoZip(path) as photos:
        photos.digest(photos.names)
        for name in photos.names:
            with contextlib.suppress(BadPhoto):
                decode_photo(photos.read(name))


# ------------------------------------------------------------------------------------------------ JSON

ODD_TEXT = st.text(max_size=8) | st.sampled_from((
    "", " ", "\0", "a\x1b[2Jb", "\ud800", "👩‍👩‍👧‍👦", "שלום עולם", "\u202eabc", "<script>alert(1)</script>",
    "$\\frac{1}{0}$", "w " * 60_000, "x" * 100_000, "../../x.jpg", "NaN"))
ODD = st.one_of(
    st.none(), st.booleans(), st.integers(), st.sampled_from((-1, 0, 2**31, 2**63, 10**400)), st.floats(), ODD_TEXT,
    st.lists(st.none(), max_size=2), st.dictionaries(st.text(max_size=2), st.none(), max_size=2))


@st.composite
def annotations(draw):
    """MSCOCO's captions as JSON, nearly right."""
    ids, names = st.integers(0, 4), st.sampled_from(("a.jpg", "b.jpg", "c.jpg", "train2014/a.jpg"))
    image = _object(draw, {"id": ids, "file_name": names, "license": ODD})
    annotation = _object(draw, {"image_id": ids, "id": ids, "caption": st.text(max_size=12) | ODD_TEXT})
    content = {"images": st.lists(image, max_size=4), "annotations": st.lists(annotation, max_size=6), "info": ODD}
    text = json.dumps(draw(_object(draw, content)), ensure_ascii=draw(st.booleans()))
    text = draw(st.sampled_from((str, _keys_twice, _nested, _commented)))(text)
    return draw(st.sampled_from((b"", b"", b"", b"\xef\xbb\xbf"))) + text.encode(
        draw(st.sampled_from(("utf-8", "utf-8", "utf-8", "utf-16", "latin-1"))), "replace")


def _object(draw, fields):
    """Objects with these fields. One of eight lacks a field or has one of another kind."""
    wrong = draw(st.sampled_from((None,) * 7 + ("missing", "kind"))), draw(st.sampled_from(sorted(fields)))
    kept = {name: (ODD if wrong == ("kind", name) else values) for name, values in fields.items()
            if wrong != ("missing", name)}
    return st.fixed_dictionaries(kept)


def _keys_twice(text):
    return text.replace('{"id": ', '{"id": 3, "id": ')


def _nested(text):
    return text[:-1] + ', "deep": ' + "[" * 100_000 + "]" * 100_000 + "}"


def _commented(text):
    return text + " // the end"


def read_annotations(raw: bytes):
    """Captions of a zip that holds these bytes. They are within the limits."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(MEMBER, raw)
    with _file(file.getvalue(), "annotations_trainval2014.zip") as path:
        found = read_captions(path, MEMBER)
    ids = [image_id for image_id, _ in found.values()]
    assert len(set(ids)) == len(ids) and all(type(image_id) is int for image_id in ids)
    for _, captions in found.values():
        assert len(captions) <= MAX_CAPTIONS
        for caption in captions:
            assert 0 < len(caption) <= MAX_CAPTION and not set(caption) & set(map(chr, range(32)))
            caption.encode()


# -------------------------------------------------------------------------------- arrays, weights, settings

def _npz() -> bytes:
    file = io.BytesIO()
    np.savez(file, **{"model/000": np.ones((3, 2), np.float32), "model/001": np.arange(4), "seed": np.uint32([1, 2])})
    return file.getvalue()


def _weights() -> bytes:
    file = io.BytesIO()
    with h5py.File(file, "w") as weights:
        weights["layers/conv2d/vars/0"] = np.ones((3, 3), np.float32)
        weights.create_dataset("layers/conv2d/vars/1", data=np.ones(40, np.float16), chunks=(8,), compression="gzip")
        weights.attrs["layer_names"] = [b"conv2d"]
    return file.getvalue()


def _photo(kind="JPEG") -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.arange(48, dtype=np.uint8).reshape(4, 4, 3)).save(file, kind)
    return file.getvalue()


PHOTO = _photo()
HEADERS = st.binary(max_size=60) | st.sampled_from((
    b"{'descr': '<f4', 'fortran_order': False, 'shape': (10**9, 10**9), }",
    b"{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000,), }",
    b"{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }",
    b"{'descr': '|O', 'fortran_order': False, 'shape': (1,)}", b"{'descr': '|S0', 'fortran_order': 1, 'shape': ()}",
    b"{'descr': '<f4' ", b"\x80\x04.", b"(" * 900))


@st.composite
def npz_files(draw):
    """An .npz with a made-up header, or one with damaged bytes."""
    if draw(st.booleans()):
        return draw(damaged(st.just(_npz())))
    header = draw(HEADERS)
    version = draw(st.sampled_from((b"\1\0", b"\1\0", b"\2\0", b"\3\0", b"\7\7")))
    length = struct.pack("<H" if version == b"\1\0" else "<I", len(header))
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(draw(st.sampled_from(("x.npy", "x", "../x.npy"))),
                         b"\x93NUMPY" + version + length + header + draw(st.binary(max_size=40)))
    return file.getvalue()


def read_npz(raw: bytes):
    """Arrays of a checkpoint. All are finite numbers."""
    with _file(raw, "arrays.npz") as path:
        for array in checkpoints.read_arrays(path).values():
            assert array.dtype.kind in "fiub" and np.isfinite(array).all()


ABOUT = json.dumps({"step": 1, "history": [{"step": 1, "train_loss": 2.0, "val_loss": None}]}).encode()


def read_about(raw: bytes):
    """The description of a checkpoint."""
    with _file(raw, "step-00000001/about.json") as path:
        about = checkpoints.read_about(path)
        checkpoints.best_step(about.get("history", []))


def read_weights(raw: bytes):
    """Weights, checked."""
    with _file(raw, "odd.weights.h5") as path:
        weights_files.check_weights(path)


@st.composite
def environments(draw):
    """Environments with settings, nearly right."""
    names = [settings.ENVIRONMENT_PREFIX + name.upper() for name in settings.Settings().as_dict()]
    values = st.text(st.characters(exclude_characters="\0", exclude_categories=()), max_size=12) | st.sampled_from((
        "drawn", "folder", "coco2014", "nan", "inf", "-inf", "1e999", "-1", "9" * 5000, "0x10", "٣", "1_000",
        "~nobody/x", "~", "/", "\udcff", "True", "None", "http://u:secret@h/"))
    return draw(st.dictionaries(st.sampled_from(names), values, max_size=4))


def read_settings(environment: dict):
    """Settings that can be saved, completed and shown, or a ValueError that names a variable."""
    try:
        with mock.patch.dict(os.environ, {key: value for key, value in environment.items() if _can_be_set(value)}):
            found = settings.Settings.from_environment()
    except ValueError as error:
        assert "CAPTION_" in str(error)
        raise
    assert 0 < found.completed(5).steps < 2**63
    assert "secret@" not in found.as_dict()["mirrors"]
    json.dumps(found.as_dict(), allow_nan=False).encode()
    str(found).encode()


def _can_be_set(value):
    try:
        os.fsencode(value)
    except UnicodeEncodeError:
        return False
    return True


def read_retry_after(text: str):
    """Seconds to wait. They are never negative or infinite."""
    assert 0 <= retry_after(text) < float("inf")


class _file:
    """A context with a file of these bytes, in a folder of its own."""

    def __init__(self, raw, name):
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name, name)
        self.path.parent.mkdir(exist_ok=True)
        self.path.write_bytes(raw)

    def __enter__(self):
        return self.path

    def __exit__(self, *_):
        self.folder.cleanup()


KINDS = st.sampled_from(("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF")).map(_photo)
TARGETS = {
    "zips": Target(zip_files() | damaged(zip_files()), read_photos),
    "annotations": Target(annotations() | damaged(annotations()), read_annotations),
    "JSON": Target(damaged(annotations()) | st.binary(max_size=40), files.parse_json),
    "checkpoints' arrays": Target(npz_files(), read_npz),
    "checkpoints' descriptions": Target(damaged(st.just(ABOUT)), read_about),
    "weights": Target(damaged(st.just(_weights())), read_weights),
    "photos": Target(damaged(KINDS), decode_photo, (BadPhoto,)),
    "settings": Target(environments(), read_settings),
    "Retry-After": Target(st.text() | st.datetimes().map(lambda time: f"{time:%a, %d %b %Y %H:%M:%S GMT}"),
                          read_retry_after),
}
