"""Photos in a zip: each is read whole, or is a BadPhoto that stops no other."""

import zipfile

import pytest

from captioning.datasets.photo_folder import PhotoFolder
from captioning.datasets.photo_zip import BadPhoto, PhotoZip
from captioning.photos.decode import decode_photo
from tests.helpers.hostile import PHOTO
from tests.helpers.memory import linux, with_memory
from tests.helpers.photo_files import encoded, photo_zip, plain
from tests.helpers.zip_files import LISTED, LOCAL, patched, zip_of


def test_two_photos_of_one_name_in_two_folders_are_refused_with_both(tmp_path):
    path = zip_of(tmp_path / "a.zip", [("one/a.jpg", PHOTO), ("two/a.jpg", PHOTO)])
    with pytest.raises(ValueError, match="two photos called 'a.jpg': 'one/a.jpg' and 'two/a.jpg'"):
        PhotoZip(path)


def test_zips_of_windows_and_of_macs_are_read(tmp_path):
    info = zipfile.ZipInfo("train2014/a.jpg")
    path = zip_of(tmp_path / "a.zip", [(info, PHOTO), ("__MACOSX/train2014/._a.jpg", b"a Mac's notes"), ("b/", b"")])
    path.write_bytes(path.read_bytes().replace(b"train2014/a.jpg", b"train2014\\a.jpg"))
    with PhotoZip(path) as photos:
        assert photos.names == ["a.jpg"] and decode_photo(photos.read("a.jpg")).size == (4, 4)


def test_photos_are_known_by_their_endings_in_any_case_and_come_in_the_order_of_names(tmp_path):
    path = photo_zip(tmp_path / "train2014.zip", {"c.Jpeg": PHOTO, "b.JPG": PHOTO, "a.tif": PHOTO, "d.jpg.txt": b""})
    with PhotoZip(path) as photos:
        assert photos.names == ["a.tif", "b.JPG", "c.Jpeg"] and photos.read("b.JPG") == PHOTO


NFC, NFD = "\u00dcbung caf\u00e9.jpg", "U\u0308bung cafe\u0301.jpg"       # the same to the eye


@pytest.mark.parametrize("flag", [True, False], ids=["said to be UTF-8", "not said, as by Macs"])
def test_a_name_of_a_mac_is_the_one_that_others_write(tmp_path, flag):
    """Macs decompose letters, and do not say that names are UTF-8."""
    path = zip_of(tmp_path / "a.zip", [(f"train2014/{NFD}", PHOTO)])
    if not flag:
        for record, place in ((LOCAL, 6), (LISTED, 8)):
            patched(path, record, place, "<H", 0)
    with PhotoZip(path) as photos:
        assert photos.names == [NFC] and photos.read(NFC) == PHOTO and photos.digest([NFC])


def test_a_name_in_an_old_code_page_stays_as_it_is(tmp_path):
    path = zip_of(tmp_path / "a.zip", [("\u00fc\u00fc.jpg", PHOTO)])
    path.write_bytes(path.read_bytes().replace("\u00fc\u00fc".encode(), "\u00fc\u00fc\u00fc\u00fc".encode("cp437")))
    for record, place in ((LOCAL, 6), (LISTED, 8)):
        patched(path, record, place, "<H", 0)
    with PhotoZip(path) as photos:
        assert photos.names == ["\u00fc\u00fc\u00fc\u00fc.jpg"]


def test_two_names_that_look_the_same_are_refused_with_both(tmp_path):
    with pytest.raises(ValueError, match="two photos called"):
        PhotoZip(zip_of(tmp_path / "a.zip", [(NFC, PHOTO), (NFD, PHOTO)]))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP", "TIFF"])
def test_a_photo_is_known_by_its_content_whatever_its_ending(tmp_path, kind):
    members = [("p1.jfif", PHOTO), ("p2", encoded(plain(), kind)), ("p3.dat", encoded(plain(), kind)),
               ("p4.txt", b"words"), ("p5", b""), (".hidden.jpg", PHOTO)]
    with PhotoZip(zip_of(tmp_path / "a.zip", members)) as photos:
        assert photos.names == ["p1.jfif", "p2", "p3.dat"]
        assert [decode_photo(photos.read(name)).mode for name in photos.names] == ["RGB"] * 3
    for name, content in members:
        (folder := tmp_path / "folder").mkdir(exist_ok=True)
        (folder / name).write_bytes(content)
    assert PhotoFolder(folder).names == ["p1.jfif", "p2", "p3.dat"]


@pytest.mark.parametrize("change", [{"name": "c.jpg"}, {"raw": PHOTO[:-1] + b"!"}, {"raw": PHOTO + b"!"}],
                         ids=["name", "content of the same size", "size"])
def test_the_digest_of_photos_tells_another_photo(tmp_path, change):
    def digest(name="b.jpg", raw=PHOTO):
        with PhotoZip(photo_zip(tmp_path / "a.zip", {"a.jpg": PHOTO, name: raw})) as photos:
            return photos.digest(photos.names)

    assert digest() == digest() != digest(**change)


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


def test_a_photo_may_have_up_to_100_mb(tmp_path):
    path = zip_of(tmp_path / "a.zip", [("a.jpg", PHOTO), ("b.jpg", PHOTO)])
    for size, why in ((100_000_001, "unpacked; the limit is 100,000,000"), (100_000_000, "not the 100,000,000 of")):
        assert why in bad_photo(patched(path, LISTED, 24, "<I", size, which=1))


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
""", 64, "from captioning.datasets.photo_zip import BadPhoto, PhotoZip")
    assert "honest.jpg in train2014.zip has 1,073,741,824 bytes unpacked; the limit is" in done.stdout, done.stderr
    assert "liar.jpg in train2014.zip can't be read: Bad CRC-32" in done.stdout, done.stdout + done.stderr
