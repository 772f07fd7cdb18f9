"""What is read from outside is checked first: zips, captions, weights, checkpoints. A clear error, or no harm."""

import contextlib
import io
import json
import struct
import subprocess
import sys
import warnings
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples

from captioning.datasets import annotations
from captioning.datasets.annotations import MAX_CAPTIONS_BYTES, MAX_CAPTIONS_VALUES, read_captions
from captioning.datasets.photo_zip import BadPhoto, PhotoZip
from captioning.decoder import checkpoints
from captioning.encoder.cache import read_embeddings
from captioning.photos.decode import decode_photo
from captioning.storage import files, weights_files, zips
from tests.helpers import hostile

PHOTO = hostile.PHOTO


def zip_of(path, members, **options):
    """members: (name, content) or (ZipInfo, content); a name may be there twice."""
    with warnings.catch_warnings(), zipfile.ZipFile(path, "w", **options) as archive:
        warnings.simplefilter("ignore")                 # zipfile's own, of names that are there twice
        for name, content in members:
            archive.writestr(name, content)
    return path


def patched(path, signature, offset, kind, value, which=0):
    """Sets a field of the which-th record with this signature."""
    raw, at = bytearray(path.read_bytes()), -1
    for _ in range(which + 1):
        at = raw.index(signature, at + 1)
    struct.pack_into(kind, raw, at + offset, value)
    path.write_bytes(raw)
    return path


LISTED, LOCAL, END = b"PK\1\2", b"PK\3\4", b"PK\5\6"


linux = pytest.mark.skipif(sys.platform != "linux", reason="limits a process's memory as Linux does")


def with_memory(code: str, megabytes: int):
    """Runs Python in a process that may take so much memory beside what its imports take."""
    limit = f"""
import sys, pathlib, resource, warnings
from captioning.decoder import checkpoints
from captioning.storage import weights_files, zips
pages = int(pathlib.Path("/proc/self/statm").read_text().split()[0])
resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + {megabytes} * 2**20,) * 2)
"""
    return subprocess.run([sys.executable, "-c", limit + code], capture_output=True, text=True, timeout=60)


# ------------------------------------------------------------------------------------------------ zips

@pytest.mark.parametrize("content, why", [
    (b"", "is empty"), (b"<!DOCTYPE html><p>Sign in", r"is no zip but a web page of \d+ bytes"),
    (b"#!/bin/sh\n", "is no zip: 10 bytes"), (PHOTO, "is no zip"),
])
def test_what_is_no_zip_is_told_apart(tmp_path, content, why):
    path = tmp_path / "train2014.zip"
    path.write_bytes(content)
    with pytest.raises(zips.BrokenZip, match=rf"train2014\.zip {why}.*Delete it and get it again"):
        PhotoZip(path)


@pytest.mark.parametrize("left", [4, 60, -22, -1])
def test_a_zip_cut_short_anywhere_is_named(tmp_path, left):
    path = zip_of(tmp_path / "train2014.zip", [("a.jpg", PHOTO), ("b.jpg", PHOTO)])
    path.write_bytes(path.read_bytes()[:left])
    with pytest.raises(zips.BrokenZip, match="no whole zip, probably cut short"):
        PhotoZip(path)


def test_two_members_of_one_name_are_refused(tmp_path):
    path = zip_of(tmp_path / "a.zip", [("train2014/a.jpg", PHOTO), ("train2014/a.jpg", b"another")])
    with pytest.raises(zips.BrokenZip, match=r"a\.zip has two members 'train2014/a.jpg'.*Pack it anew"):
        PhotoZip(path)


def test_two_photos_of_one_name_in_two_folders_are_refused_with_both(tmp_path):
    path = zip_of(tmp_path / "a.zip", [("one/a.jpg", PHOTO), ("two/a.jpg", PHOTO)])
    with pytest.raises(ValueError, match="two photos called 'a.jpg': 'one/a.jpg' and 'two/a.jpg'"):
        PhotoZip(path)


@pytest.mark.parametrize("name", [
    "../a.jpg", "x/../../a.jpg", "/etc/a.jpg", "C:\\a.jpg", "\\\\host\\a.jpg", "..\\a.jpg",
    "a\x1b[2J.jpg", "a.jpg\0.txt"])
def test_names_that_lead_elsewhere_are_refused(tmp_path, name):
    info = zipfile.ZipInfo("x" * len(name))
    path = zip_of(tmp_path / "a.zip", [("b.jpg", PHOTO), (info, PHOTO)])
    path.write_bytes(path.read_bytes().replace(info.filename.encode(), name.encode()))
    with pytest.raises(zips.BrokenZip, match="expected a plain name relative to the zip"):
        PhotoZip(path)


def test_zips_of_windows_and_of_macs_are_read(tmp_path):
    info = zipfile.ZipInfo("train2014/a.jpg")
    path = zip_of(tmp_path / "a.zip", [(info, PHOTO), ("__MACOSX/train2014/._a.jpg", b"a Mac's notes"), ("b/", b"")])
    path.write_bytes(path.read_bytes().replace(b"train2014/a.jpg", b"train2014\\a.jpg"))
    with PhotoZip(path) as photos:
        assert photos.names == ["a.jpg"] and decode_photo(photos.read("a.jpg")).size == (4, 4)


def test_members_that_share_bytes_are_refused(tmp_path):
    """The trick of zips of 46 MB that hold 4.5 PB: https://www.bamsoftware.com/hacks/zipbomb/"""
    path = zip_of(tmp_path / "a.zip", [("a.jpg", PHOTO), ("b.jpg", PHOTO)])
    patched(path, LISTED, 42, "<I", 0, which=1)
    with pytest.raises(zips.BrokenZip, match="overlaps another one"):
        PhotoZip(path)


@pytest.mark.parametrize("at", [1, 29])
def test_a_member_that_begins_inside_anothers_header_is_refused(tmp_path, at):
    """Even where the other one is empty: its header has 30 bytes."""
    path = zip_of(tmp_path / "a.zip", [("a.jpg", b""), ("b.jpg", PHOTO)])
    PhotoZip(path).zip.close()
    with pytest.raises(zips.BrokenZip, match="'b.jpg' that overlaps another one"):
        PhotoZip(patched(path, LISTED, 42, "<I", at, which=1))


def test_a_member_said_to_lie_outside_the_file_is_refused(tmp_path):
    path = zip_of(tmp_path / "a.zip", [("a.jpg", PHOTO)])
    with pytest.raises(zips.BrokenZip, match="beyond byte"):
        PhotoZip(patched(path, LISTED, 20, "<I", 0xFFFFFFF0))


def test_a_member_said_to_end_in_the_list_of_contents_is_refused(tmp_path):
    path = zip_of(tmp_path / "a.zip", [("a.jpg", PHOTO)])
    patched(path, LISTED, 20, "<I", len(PHOTO) + len("a.jpg") + 1)
    with pytest.raises(zips.BrokenZip, match="beyond byte"):
        PhotoZip(path)


def test_members_may_be_listed_in_another_order_than_they_lie(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for name in ("a.jpg", "b.jpg"):
            archive.writestr(name, PHOTO)
        archive.filelist.reverse()
    with zips.Zip(tmp_path / "a.zip") as found:
        assert list(found.members) == ["b.jpg", "a.jpg"] and found.read("a.jpg", len(PHOTO)) == PHOTO


def test_a_member_is_read_up_to_the_limit_and_not_beyond(tmp_path):
    with zips.Zip(zip_of(tmp_path / "a.zip", [("a.jpg", PHOTO)])) as found:
        assert found.read("a.jpg", len(PHOTO)) == PHOTO
        with pytest.raises(zips.BadMember, match=f"at most {len(PHOTO) - 1:,} are read"):
            found.read("a.jpg", len(PHOTO) - 1)


@pytest.mark.parametrize("field, kind", [(12, "<I"), (16, "<I"), (8, "<H"), (10, "<H")])
@pytest.mark.parametrize("value", [0xFFFF, 0xFFFFFFFF, 0x7FFFFFF0])
def test_lies_in_the_end_of_the_list_do_no_harm(tmp_path, field, kind, value):
    value &= 0xFFFF if kind == "<H" else 0xFFFFFFFF
    path = patched(zip_of(tmp_path / "a.zip", [("a.jpg", PHOTO)]), END, field, kind, value)
    try:
        with PhotoZip(path) as photos:
            assert photos.read("a.jpg") == PHOTO
    except zips.BrokenZip as error:
        assert "a.zip" in str(error)


def test_a_zip64_record_that_lies_is_refused(tmp_path):
    """Sizes that do not fit 32 bits stand in an extra field; here it says 2**60."""
    info = zipfile.ZipInfo("a.jpg")
    info.extra = struct.pack("<HHQQ", 0xFFFE, 16, 2**60, 2**60)         # a field nobody reads, made zip64's below
    path = zip_of(tmp_path / "a.zip", [(info, PHOTO)])
    raw = bytearray(path.read_bytes())
    listed = raw.index(LISTED)
    raw[listed:] = raw[listed:].replace(struct.pack("<H", 0xFFFE), struct.pack("<H", 1), 1)
    raw[listed + 20:listed + 28] = b"\xff" * 8
    path.write_bytes(raw)
    with pytest.raises(zips.BrokenZip, match="end at byte 1,152,921,504,606,8.*, beyond byte"):
        PhotoZip(path)


def bad_photo(path, name="b.jpg") -> str:
    """Why a photo is not read; the other one of the zip is."""
    with PhotoZip(path) as photos:
        assert photos.read("a.jpg") == PHOTO
        with pytest.raises(BadPhoto) as error:
            photos.read(name)
    return str(error.value)


def test_encrypted_members_links_and_odd_packings_are_bad_photos(tmp_path):
    link = zipfile.ZipInfo("b.jpg")
    link.create_system, link.external_attr = 3, 0o120777 << 16
    assert "is a link" in bad_photo(zip_of(tmp_path / "link.zip", [("a.jpg", PHOTO), (link, b"/etc/passwd")]))
    for method in (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        odd = zipfile.ZipInfo("b.jpg")
        odd.compress_type = method
        assert f"method {method}" in bad_photo(zip_of(tmp_path / "odd.zip", [("a.jpg", PHOTO), (odd, PHOTO)]))
    locked = zip_of(tmp_path / "locked.zip", [("a.jpg", PHOTO), ("b.jpg", PHOTO)])
    assert "is encrypted" in bad_photo(patched(locked, LISTED, 8, "<H", 1, which=1))


@pytest.mark.parametrize("place, offset, why", [
    (LOCAL, 26, "can't be read"),               # the length of the name in the member's own header
    (LISTED, 16, "can't be read: Bad CRC-32"), (LISTED, 24, "can't be read"),
])
def test_a_member_unlike_its_entry_in_the_list_is_a_bad_photo(tmp_path, place, offset, why):
    path = zip_of(tmp_path / "a.zip", [("a.jpg", PHOTO), ("b.jpg", PHOTO)])
    assert why in bad_photo(patched(path, place, offset, "<H", 7, which=1))


def test_a_member_shorter_than_its_entry_says_is_a_bad_photo(tmp_path):
    path = patched(zip_of(tmp_path / "a.zip", [("a.jpg", PHOTO), ("b.jpg", PHOTO)]), LISTED, 24, "<H", 60_000, which=1)
    assert "not the 60,000 of the list of contents" in bad_photo(path)


@linux
def test_a_bomb_is_not_unpacked_whatever_size_it_claims(tmp_path):
    """128 MB of zeros in 0.1 MB, once said to be 1 GB, once said to be a small photo."""
    path = tmp_path / "train2014.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("honest.jpg", "liar.jpg"):
            with archive.open(name, "w") as member:
                for _ in range(128):
                    member.write(bytes(1 << 20))
    patched(path, LISTED, 24, "<I", 1 << 30, which=0)
    patched(path, LISTED, 24, "<I", 5_000, which=1)
    done = with_memory(f"""
with PhotoZip({str(path)!r}) as photos:
    for name in photos.names:
        try: photos.read(name)
        except BadPhoto as error: print(name, error)
""", 64)
    assert "honest.jpg in train2014.zip has 1,073,741,824 bytes unpacked; at most" in done.stdout, done.stderr
    assert "liar.jpg in train2014.zip can't be read: Bad CRC-32" in done.stdout, done.stdout + done.stderr


@linux
def test_a_list_of_contents_that_claims_gigabytes_is_not_read(tmp_path):
    """A sparse file of 1 GB whose end says that all of it is the list."""
    path, size = tmp_path / "train2014.zip", 1 << 30
    with path.open("wb") as file:
        file.truncate(size)
        file.seek(size)
        file.write(struct.pack("<4s4H2LH", END, 0, 0, 1, 1, size, 0, 0))
    done = with_memory(f"PhotoZip({str(path)!r})", 300)
    assert "BrokenZip" in done.stderr and "list of contents has more than" in done.stderr, done.stderr


# ------------------------------------------------------------------------------------------------ JSON

IMAGES = [{"id": 7, "file_name": "a.jpg"}, {"id": 3, "file_name": "b.jpg"}]
CAPTION = {"image_id": 7, "id": 1, "caption": "A cat."}


def read(folder, images=IMAGES, captions=(CAPTION,), raw=None):
    content = raw if raw is not None else json.dumps({"images": images, "annotations": list(captions)}).encode()
    path = zip_of(Path(folder) / "annotations_trainval2014.zip", [(hostile.MEMBER, content)], compression=8)
    return read_captions(path, hostile.MEMBER)


@pytest.mark.parametrize("raw, why", [
    (b"", "Expecting value"), (b"\xff\xfe{\0}\0", "utf-8"), (b'{"images": NaN}', "NaN is not JSON"),
    (b'{"images": [], "images": []}', "an object with 'images' twice"), (b"[" * 200_000, "nested too deeply"),
    (b'{"images": ' + b"9" * 5_000 + b"}", "digits"), (b"{} {}", "Extra data"), (b"null", "is not MSCOCO's"),
], ids=["empty", "UTF-16", "NaN", "key twice", "deep", "digits", "two values", "null"])
def test_json_that_is_none_is_refused_with_file_and_member(tmp_path, raw, why):
    with pytest.raises(ValueError, match=why) as error:
        read(tmp_path, raw=raw)
    assert str(tmp_path / "annotations_trainval2014.zip") in str(error.value) and hostile.MEMBER in str(error.value)


def test_a_byte_order_mark_is_no_harm(tmp_path):
    raw = json.dumps({"images": IMAGES, "annotations": [CAPTION]}).encode("utf-8-sig")
    assert read(tmp_path, raw=raw)["a.jpg"] == (7, ["A cat."])


@pytest.mark.parametrize("images, why", [
    ([*IMAGES, {"id": 7, "file_name": "c.jpg"}], r"images\[2\] has the id 7 and the name 'c.jpg'; an earlier"),
    ([*IMAGES, {"id": 8, "file_name": "a.jpg"}], r"images\[2\] has the id 8 and the name 'a.jpg'"),
    ([*IMAGES, {"id": 8, "file_name": "train2014/a.jpg"}], "the name 'a.jpg'"),
    ([{"id": 2**63, "file_name": "a.jpg"}], "expected 0 to"),
    ([{"id": -1, "file_name": "a.jpg"}], "id -1; expected 0 to"), ([{"id": 2**70, "file_name": "a"}], "expected 0 to"),
    ([{"id": 1e999, "file_name": "a.jpg"}], "Infinity is not JSON"), ([{"id": 1.0, "file_name": "a"}], "`id` as int"),
    ([{"id": True, "file_name": "a.jpg"}], "`id` as int, found True"), ([{"id": 7}], "`file_name` as str, found None"),
    ([None], r"images\[0\] needs `id`"), ({"7": "a.jpg"}, "is not MSCOCO's"),
])
def test_images_that_are_not_mscocos_are_named(tmp_path, images, why):
    with pytest.raises(ValueError, match=why):
        read(tmp_path, images, ())


def test_folders_before_a_photos_name_do_not_matter_in_either_spelling(tmp_path):
    images = [{"id": 7, "file_name": "train2014/a.jpg"}, {"id": 3, "file_name": "train2014\\b.jpg"}]
    assert read(tmp_path, images) == {"a.jpg": (7, ["A cat."]), "b.jpg": (3, [])}


@pytest.mark.parametrize("raw", [b"[0,0,0,0,0,0]", b"[[[[[[]]]]]]", b'{"a":{"a":{"a":{"a":{"a":{}}}}}}'])
def test_values_of_every_kind_are_counted_before_they_are_read(tmp_path, monkeypatch, raw):
    monkeypatch.setattr(annotations, "MAX_CAPTIONS_VALUES", 5)
    with pytest.raises(ValueError, match="about 6 values; at most 5 are read"):
        read(tmp_path, raw=raw)


@pytest.mark.parametrize("caption", [
    "a 🐈‍⬛ on a mat", "חתול על מחצלת", "قطة على حصيرة", "猫", "e\u0301te\u0301", "a < b && c > '\"'"])
def test_captions_of_all_scripts_stay_as_they_are(tmp_path, caption):
    assert read(tmp_path, captions=[CAPTION | {"caption": caption}])["a.jpg"][1] == [caption]


@pytest.mark.parametrize("caption, kept", [
    (" A cat.\n", "A cat."), ("a\x1b[31m cat\0", "a [31m cat"), ("a\tcat\x85", "a cat"),
    ("half \ud83d pair", "half   pair")])
def test_characters_that_nothing_shows_become_spaces(tmp_path, caption, kept):
    assert read(tmp_path, captions=[CAPTION | {"caption": caption}])["a.jpg"][1] == [kept]


def test_endless_wordless_and_countless_captions_are_left_out_and_said_so(tmp_path):
    texts = "x" * 100_000, "w " * 501, " \0 ", "🐶 …", *["a cat"] * 100_000
    captions = [CAPTION | {"caption": text} for text in texts]
    with pytest.warns(UserWarning) as said:
        found = read(tmp_path, captions=captions)
    assert found == {"a.jpg": (7, ["a cat"] * 100), "b.jpg": (3, [])}
    text = " ".join(str(warning.message) for warning in said)
    for part in ("2 captions have more than 1,000 characters", "2 captions have no word",
                 "99,900 captions come after the first 100"):
        assert part in text
    assert all(str(tmp_path) in str(warning.message) for warning in said)


@linux
def test_a_million_captions_for_one_photo_take_bounded_memory(tmp_path):
    entry = json.dumps(CAPTION).encode()
    entries = (entry + b",") * 999_999 + entry
    content = b'{"images": [{"id": 7, "file_name": "a.jpg"}], "annotations": [' + entries + b"]}"
    zip_of(tmp_path / "annotations_trainval2014.zip", [(hostile.MEMBER, content)], compression=8)
    done = with_memory(f"""
warnings.simplefilter("ignore")
found = read_captions({str(tmp_path / "annotations_trainval2014.zip")!r}, {hostile.MEMBER!r})
print(len(found["a.jpg"][1]))
""", 700)
    assert done.stdout == "100\n", done.stderr


OBJECT = b'{"a":1},'


@linux
@pytest.mark.parametrize("content, why", [
    (lambda: b"[%s0]" % (OBJECT * (MAX_CAPTIONS_BYTES // 8 - 1)), "values; at most"),
    (lambda: b"[%s0]" % (OBJECT * (MAX_CAPTIONS_VALUES // 2 - 1)), "expected an object"),
    (lambda: b'["%s"]' % ("\U0001f600".encode() * (MAX_CAPTIONS_BYTES // 4 - 1)), "expected an object"),
], ids=["the most bytes", "the most values", "the longest word"])
def test_the_largest_annotations_that_are_read_take_bounded_memory(tmp_path, content, why):
    """Made of what takes most memory for each byte or value. Objects take 25 times their bytes."""
    zip_of(tmp_path / "a.zip", [(hostile.MEMBER, content())], compression=8, compresslevel=1)
    done = with_memory(f"""
try:
    read_captions({str(tmp_path / "a.zip")!r}, {hostile.MEMBER!r})
except ValueError as error:
    print(error)
""", 1_000)
    assert hostile.MEMBER in done.stdout and why in done.stdout, done.stderr


def test_annotations_that_are_a_bomb_are_not_unpacked(tmp_path):
    path = patched(zip_of(tmp_path / "a.zip", [(hostile.MEMBER, b"{}")]), LISTED, 24, "<I", 300_000_000)
    with pytest.raises(ValueError, match=r"captions_train2014.json can't be read: has 300,000,000 bytes unpacked"):
        read_captions(path, hostile.MEMBER)


def test_state_files_that_are_no_json_are_named(tmp_path):
    for raw in (b"\xff", b"[" * 200_000, b'{"a": 1, "a": 2}', b"NaN"):
        (tmp_path / "state.json").write_bytes(raw)
        with pytest.raises(ValueError, match=r"state\.json is not a state.*Delete it"):
            files.read_json(tmp_path / "state.json", "a state")


# ------------------------------------------------------------------------------------------- weights, checkpoints

def weights(path, **datasets):
    with h5py.File(path, "w") as file:
        file["layers/conv2d/vars/0"] = np.ones((2, 2), np.float32)
        for name, value in datasets.items():
            file[name] = value
    return path


def refused(path) -> str:
    with pytest.raises(ValueError, match=r"is refused as weights") as error:
        weights_files.check_weights(path)
    assert str(path) in str(error.value)
    return str(error.value)


def test_plain_weights_of_every_precision_pass(tmp_path):
    weights_files.check_weights(weights(tmp_path / "a.h5", half=np.float16([1]), double=np.ones(3), steps=np.int64(5)))


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
        assert "kept in another file" in refused(tmp_path / name)


@pytest.mark.parametrize("value, why", [
    (np.float32([1, np.nan]), "no finite numbers"), (np.float16([np.inf]), "no finite numbers"),
    ("text", "no array of numbers"), (np.array([(1, 2.0)], "i4,f4"), "no array of numbers"),
    (h5py.Empty("f4"), "no array of numbers"),
    (np.dtype("f4"), "no array of numbers"),
])
def test_weights_that_are_no_finite_numbers_are_refused(tmp_path, value, why):
    assert why in refused(weights(tmp_path / "a.h5", x=value))


@linux
def test_weights_that_unpack_to_more_than_any_encoder_are_refused_unread(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("x", (1 << 20, 1 << 20), np.float32, chunks=(1, 1024), compression="gzip")
    assert path.stat().st_size < 10_000
    done = with_memory(f"weights_files.check_weights({str(path)!r})", 200)
    assert "more than 1,000,000,000 bytes" in done.stderr, done.stderr


def test_all_bytes_that_weights_unpack_to_are_counted(tmp_path):
    path = weights(tmp_path / "a.h5", x=np.ones(2))             # 16 bytes, beside 16 others
    weights_files.check_weights(path, most_bytes=32)
    with pytest.raises(ValueError, match="more than 31 bytes"):
        weights_files.check_weights(path, most_bytes=31)
    with h5py.File(path, "a") as file:                          # one number, but all its chunk is unpacked
        file.create_dataset("y", (1,), np.float32, maxshape=(None,), chunks=(1_000,), compression="gzip")
    with pytest.raises(ValueError, match="more than 4,000 bytes"):
        weights_files.check_weights(path, most_bytes=4_000)


def test_what_is_known_of_weights_lies_beside_them():
    assert weights_files.about_path(Path("here/a.weights.h5")) == Path("here/a.json")


def test_groups_that_hold_themselves_end(tmp_path):
    with h5py.File(weights(tmp_path / "a.h5"), "r+") as file:
        file["layers/again"] = file["layers"]
    weights_files.check_weights(tmp_path / "a.h5")


@pytest.mark.parametrize("left", [0, 7, 100, -100])
def test_weights_cut_short_are_refused(tmp_path, left):
    path = weights(tmp_path / "a.h5", x=np.ones(5_000))
    path.write_bytes(path.read_bytes()[:left])
    assert "can't be read as HDF5" in refused(path)


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
    with pytest.raises(ValueError, match="its array 'y' can't be read: has 928 bytes unpacked; at most 572 are read"):
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
    """A few; tests/fuzz.py tries many."""
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
