"""Zips from outside: their list of contents is checked before any of it is believed."""

import struct
import zipfile

import numpy as np
import pytest

from captioning.storage import zips
from tests.helpers.hostile import PHOTO
from tests.helpers.memory import linux, with_memory
from tests.helpers.zip_files import END, LISTED, patched, zip_of


def test_a_missing_zip_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="train2014.zip is missing"):
        zips.Zip(tmp_path / "train2014.zip")


@pytest.mark.parametrize("content, why", [
    (b"", "is empty"), (b"<!DOCTYPE html><p>Sign in", r"is a web page of \d+ bytes, not a zip"),
    (b"#!/bin/sh\n", "is not a zip: 10 bytes"), (PHOTO, "is not a zip"),
])
def test_what_is_no_zip_is_told_apart(tmp_path, content, why):
    path = tmp_path / "train2014.zip"
    path.write_bytes(content)
    with pytest.raises(zips.BrokenZip, match=rf"train2014\.zip {why}.*Delete it and get it again"):
        zips.Zip(path)


@pytest.mark.parametrize("left", [4, 60, -22, -1])
def test_a_zip_cut_short_anywhere_is_named(tmp_path, left):
    path = zip_of(tmp_path / "train2014.zip", [("a.jpg", PHOTO), ("b.jpg", PHOTO)])
    path.write_bytes(path.read_bytes()[:left])
    with pytest.raises(zips.BrokenZip, match="not a whole zip; it was probably cut short"):
        zips.Zip(path)


def test_two_members_of_one_name_are_refused(tmp_path):
    path = zip_of(tmp_path / "a.zip", [("train2014/a.jpg", PHOTO), ("train2014/a.jpg", b"another")])
    with pytest.raises(zips.BrokenZip, match=r"a\.zip has two members 'train2014/a.jpg'.*Pack it anew"):
        zips.Zip(path)


@pytest.mark.parametrize("name", [
    "../a.jpg", "x/../../a.jpg", "/etc/a.jpg", "C:\\a.jpg", "\\\\host\\a.jpg", "..\\a.jpg",
    "a\x1b[2J.jpg", "a.jpg\0.txt"])
def test_names_that_lead_elsewhere_are_refused(tmp_path, name):
    info = zipfile.ZipInfo("x" * len(name))
    path = zip_of(tmp_path / "a.zip", [("b.jpg", PHOTO), (info, PHOTO)])
    path.write_bytes(path.read_bytes().replace(info.filename.encode(), name.encode()))
    with pytest.raises(zips.BrokenZip, match="expected a plain name relative to the zip"):
        zips.Zip(path)


def test_members_that_share_bytes_are_refused(tmp_path):
    """So 46 MB of zip can hold 4.5 PB (https://www.bamsoftware.com/hacks/zipbomb/)."""
    path = zip_of(tmp_path / "a.zip", [("a.jpg", PHOTO), ("b.jpg", PHOTO)])
    patched(path, LISTED, 42, "<I", 0, which=1)
    with pytest.raises(zips.BrokenZip, match="overlaps another one"):
        zips.Zip(path)


@pytest.mark.parametrize("at", [1, 29])
def test_a_member_that_begins_inside_anothers_header_is_refused(tmp_path, at):
    """Even where the other one is empty: its header has 30 bytes."""
    path = zip_of(tmp_path / "a.zip", [("a.jpg", b""), ("b.jpg", PHOTO)])
    zips.Zip(path).close()
    with pytest.raises(zips.BrokenZip, match="'b.jpg' that overlaps another one"):
        zips.Zip(patched(path, LISTED, 42, "<I", at, which=1))


def test_members_that_overlap_far_from_the_files_beginning_are_refused_too(tmp_path):
    path = zip_of(tmp_path / "a.zip", [(f"{size}.jpg", bytes(size)) for size in (97, 61, 33, 0)])
    with zips.Zip(path) as archive:
        offsets = [info.header_offset for info in archive.members.values()]
        ends = [info.header_offset + 30 + info.compress_size for info in archive.members.values()]
    for which in (1, 2, 3):
        patched(path, LISTED, 42, "<I", ends[which - 1] - 1, which)
        with pytest.raises(zips.BrokenZip, match="overlaps another one"):
            zips.Zip(path)
        patched(path, LISTED, 42, "<I", offsets[which], which)
    zips.Zip(path).close()


def test_a_member_said_to_lie_outside_the_file_is_refused(tmp_path):
    path = zip_of(tmp_path / "a.zip", [("a.jpg", PHOTO)])
    with pytest.raises(zips.BrokenZip, match="beyond byte"):
        zips.Zip(patched(path, LISTED, 20, "<I", 0xFFFFFFF0))


def test_a_member_said_to_end_in_the_list_of_contents_is_refused(tmp_path):
    path = zip_of(tmp_path / "a.zip", [("a.jpg", PHOTO)])
    patched(path, LISTED, 20, "<I", len(PHOTO) + len("a.jpg") + 1)
    with pytest.raises(zips.BrokenZip, match="beyond byte"):
        zips.Zip(path)


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
        with pytest.raises(zips.BadMember, match=f"the limit is {len(PHOTO) - 1:,}"):
            found.read("a.jpg", len(PHOTO) - 1)


@pytest.mark.parametrize("field, kind", [(12, "<I"), (16, "<I"), (8, "<H"), (10, "<H")])
@pytest.mark.parametrize("value", [0xFFFF, 0xFFFFFFFF, 0x7FFFFFF0])
def test_lies_in_the_end_of_the_list_do_no_harm(tmp_path, field, kind, value):
    value &= 0xFFFF if kind == "<H" else 0xFFFFFFFF
    path = patched(zip_of(tmp_path / "a.zip", [("a.jpg", PHOTO)]), END, field, kind, value)
    try:
        with zips.Zip(path) as archive:
            assert archive.read("a.jpg", len(PHOTO)) == PHOTO
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
        zips.Zip(path)


@linux
def test_a_list_of_contents_that_claims_gigabytes_is_not_read(tmp_path):
    """A sparse file of 1 GB whose end says that all of it is the list."""
    path, size = tmp_path / "train2014.zip", 1 << 30
    with path.open("wb") as file:
        file.truncate(size)
        file.seek(size)
        file.write(struct.pack("<4s4H2LH", END, 0, 0, 1, 1, size, 0, 0))
    done = with_memory(f"zips.Zip({str(path)!r})", 300, "from captioning.storage import zips")
    assert "BrokenZip" in done.stderr and "list of contents has more than" in done.stderr, done.stderr


def test_folders_are_no_members_and_links_are_not_followed(tmp_path):
    link = zipfile.ZipInfo("link.jpg")
    link.create_system, link.external_attr = 3, 0o120777 << 16
    path = zip_of(tmp_path / "a.zip", [("folder/", b""), (link, b"/etc/passwd"), ("folder/a.jpg", PHOTO)])
    with zips.Zip(path) as archive:
        assert list(archive.members) == ["link.jpg", "folder/a.jpg"]
        with pytest.raises(zips.BadMember, match="is a link, not a file"):
            archive.read("link.jpg", 100)


def test_arrays_come_back_as_they_were_written_up_to_the_limit(tmp_path):
    arrays = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.array([True]), "c/0": np.zeros(0)}
    np.savez(tmp_path / "a.npz", **arrays)
    with zipfile.ZipFile(tmp_path / "a.npz") as archive:
        total = sum(info.file_size for info in archive.infolist())
    found = zips.read_arrays(tmp_path / "a.npz", total)
    assert found.keys() == arrays.keys()
    assert all(found[name].dtype == arrays[name].dtype for name in arrays)
    assert all(np.array_equal(found[name], arrays[name]) for name in arrays)
    with pytest.raises(ValueError, match="its array 'c/0' can't be read: has 128 bytes unpacked; the limit is 127"):
        zips.read_arrays(tmp_path / "a.npz", total - 1)
    np.savez(tmp_path / "objects.npz", x=np.array([{}]))
    with pytest.raises(ValueError, match="its array 'x' can't be read: .*allow_pickle"):
        zips.read_arrays(tmp_path / "objects.npz", 10_000)


@pytest.mark.parametrize("limit, is_read", [(0, True), (-1, False)])
def test_a_list_of_contents_is_read_up_to_the_limit(tmp_path, monkeypatch, limit, is_read):
    path = zip_of(tmp_path / "a.zip", [(f"{number}.jpg", b"") for number in range(2_000)])
    raw = path.read_bytes()
    monkeypatch.setattr(zips, "LARGEST_LIST", len(raw) - raw.index(LISTED) - 22 + limit)     # 22: the list's end
    if is_read:
        with zips.Zip(path) as archive:
            assert len(archive.members) == 2_000
    else:
        with pytest.raises(zips.BrokenZip, match="list of contents has more than"):
            zips.Zip(path)
