"""MSCOCO's captions: read as they stand there, or refused with the file, the member and the entry."""

import json
from pathlib import Path

import pytest

from captioning.datasets import annotations
from captioning.datasets.annotations import MAX_CAPTION, MAX_CAPTIONS_BYTES, MAX_CAPTIONS_VALUES, read_captions
from tests.helpers.hostile import MEMBER
from tests.helpers.memory import linux, with_memory
from tests.helpers.zip_files import LISTED, patched, zip_of

READER = "from captioning.datasets.annotations import read_captions"
IMAGES = [{"id": 7, "file_name": "a.jpg"}, {"id": 3, "file_name": "b.jpg"}]
CAPTION = {"image_id": 7, "id": 1, "caption": "A cat."}


def read(folder, images=IMAGES, captions=(CAPTION,), raw=None):
    """Captions of a zip with these entries, or with these bytes in place of the JSON."""
    content = raw if raw is not None else json.dumps({"images": images, "annotations": list(captions)}).encode()
    path = zip_of(Path(folder) / "annotations_trainval2014.zip", [(MEMBER, content)], compression=8)
    return read_captions(path, MEMBER)


@pytest.mark.parametrize("raw, why", [
    (b"", "Expecting value"), (b"\xff\xfe{\0}\0", "utf-8"), (b'{"images": NaN}', "NaN is not JSON"),
    (b'{"images": [], "images": []}', "an object with 'images' twice"), (b"[" * 200_000, "nested too deeply"),
    (b'{"images": ' + b"9" * 5_000 + b"}", "digits"), (b"{} {}", "Extra data"), (b"null", "is not MSCOCO's"),
], ids=["empty", "UTF-16", "NaN", "key twice", "deep", "digits", "two values", "null"])
def test_what_is_not_json_is_refused_with_file_and_member(tmp_path, raw, why):
    with pytest.raises(ValueError, match=why) as error:
        read(tmp_path, raw=raw)
    assert str(tmp_path / "annotations_trainval2014.zip") in str(error.value) and MEMBER in str(error.value)


def test_a_byte_order_mark_is_allowed(tmp_path):
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


def test_a_caption_may_be_as_long_as_the_limit_and_no_longer(tmp_path):
    longest = "a" * MAX_CAPTION
    with pytest.warns(UserWarning, match="1 captions have more than 1,000 characters"):
        found = read(tmp_path, captions=[CAPTION | {"caption": text} for text in (longest, longest + "a")])
    assert found["a.jpg"] == (7, [longest])


@pytest.mark.parametrize("caption", [
    "a 🐈‍⬛ on a mat", "חתול על מחצלת", "قطة على حصيرة", "猫", "e\u0301te\u0301", "a < b && c > '\"'"])
def test_captions_of_all_scripts_stay_as_they_are(tmp_path, caption):
    assert read(tmp_path, captions=[CAPTION | {"caption": caption}])["a.jpg"][1] == [caption]


@pytest.mark.parametrize("caption, kept", [
    (" A cat.\n", "A cat."), ("a\x1b[31m cat\0", "a [31m cat"), ("a\tcat\x85", "a cat"),
    ("half \ud83d pair", "half   pair"), ("a\u2028cat", "a cat"), ("a \u202ecat\u2066 is", "a  cat  is")])
def test_control_characters_become_spaces(tmp_path, caption, kept):
    assert read(tmp_path, captions=[CAPTION | {"caption": caption}])["a.jpg"][1] == [kept]


def test_endless_wordless_and_countless_captions_are_left_out_with_a_warning(tmp_path):
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
    zip_of(tmp_path / "annotations_trainval2014.zip", [(MEMBER, content)], compression=8)
    done = with_memory(f"""
warnings.simplefilter("ignore")
found = read_captions({str(tmp_path / "annotations_trainval2014.zip")!r}, {MEMBER!r})
print(len(found["a.jpg"][1]))
""", 700, READER)
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
    zip_of(tmp_path / "a.zip", [(MEMBER, content())], compression=8, compresslevel=1)
    done = with_memory(f"""
try:
    read_captions({str(tmp_path / "a.zip")!r}, {MEMBER!r})
except ValueError as error:
    print(error)
""", 1_000, READER)
    assert MEMBER in done.stdout and why in done.stdout, done.stderr


def test_annotations_that_are_a_bomb_are_not_unpacked(tmp_path):
    path = patched(zip_of(tmp_path / "a.zip", [(MEMBER, b"{}")]), LISTED, 24, "<I", 300_000_000)
    with pytest.raises(ValueError, match=r"captions_train2014.json can't be read: has 300,000,000 bytes unpacked"):
        read_captions(path, MEMBER)


@pytest.mark.parametrize("content, message", [
    ("{", "can't be read"), ([], "is not MSCOCO's"), ({"images": []}, "is not MSCOCO's"),
    ({"images": [{"id": "7", "file_name": "a.jpg"}], "annotations": []}, r"images\[0\] needs `id` as int, found '7'"),
    ({"images": IMAGES, "annotations": [{"image_id": 7}]}, r"annotations\[0\] needs `caption` as str"),
    ({"images": IMAGES, "annotations": [{"image_id": 9, "caption": "x"}]}, "image 9, which `images` does not list"),
])
def test_annotations_that_are_not_mscocos_are_named(tmp_path, content, message):
    raw = content.encode() if isinstance(content, str) else json.dumps(content).encode()
    with pytest.raises(ValueError, match=message) as error:
        read(tmp_path, raw=raw)
    assert str(tmp_path / "annotations_trainval2014.zip") in str(error.value)


def test_a_split_that_is_not_there_is_named(tmp_path):
    path = zip_of(tmp_path / "a.zip", [("annotations/captions_val2014.json", b"{}")])
    with pytest.raises(ValueError, match=r"a\.zip has no member .*captions_train2014\.json"):
        read_captions(path, MEMBER)


def test_all_ids_of_63_bits_are_allowed(tmp_path):
    images = [{"id": 0, "file_name": "a.jpg"}, {"id": 2**63 - 1, "file_name": "b.jpg"}]
    captions = [{"image_id": image["id"], "id": 1, "caption": image["file_name"]} for image in images]
    assert read(tmp_path, images, captions) == {"a.jpg": (0, ["a.jpg"]), "b.jpg": (2**63 - 1, ["b.jpg"])}
