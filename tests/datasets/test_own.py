"""One's own photos: each form in which captions come gives the same splits, and a form that does not fit is named."""

import json
import re
import shutil
import warnings
import zipfile
from pathlib import Path

import pytest

from captioning.datasets.annotations import read_captions
from captioning.datasets.loading import load_dataset
from captioning.datasets.own import load_folder
from captioning.datasets.photo_folder import open_photos
from captioning.encoder.cache import embed_split
from captioning.settings import Settings
from tests.helpers import ROOT, SAMPLE
from tests.helpers.photo_files import MeanColour, encoded, photo_zip, plain

CAPTIONS = {f"photo {i:02}.jpg": [f'a "red" cat, no {i}', f"猫; {i} it's"] for i in range(60)}
PAIRS = [(name, text) for name, texts in CAPTIONS.items() for text in texts]
VAL = set(list(CAPTIONS)[40:50])            # of the forms that have splits; the last ten are for testing


def photos(folder, names=CAPTIONS):
    """The 60 photos in this folder."""
    for number, name in enumerate(names):
        path = Path(folder) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encoded(plain(size=(32, 30), colour=(number * 4, 0, 0))))


def quoted(text):
    """A field of a CSV."""
    return '"' + text.replace('"', '""') + '"'


def rows(header, separator=","):
    """The captions as a table."""
    return "\r\n".join([header.replace(",", separator), *(
        f"{quoted(name)}{separator}{quoted(text)}" for name, text in PAIRS)])


def split_of(name):
    return "val" if name in VAL else "train" if name < min(VAL) else "test"


def write_mscoco(folder, year=2014):
    """MSCOCO's layout, unpacked."""
    for split in ("train", "val"):
        names = [name for name in CAPTIONS if split_of(name) == split]
        photos(folder / f"{split}{year}", names)
        ids = {name: number for number, name in enumerate(names)}
        (folder / "annotations").mkdir(exist_ok=True)
        (folder / "annotations" / f"captions_{split}{year}.json").write_text(json.dumps({
            "images": [{"id": number, "file_name": name} for name, number in ids.items()],
            "annotations": [{"image_id": ids[name], "caption": text} for name, text in PAIRS if name in ids]}))


def write_karpathy(folder):
    """Karpathy's JSON."""
    photos(folder / "images")
    (folder / "dataset_mine.json").write_text(json.dumps({"images": [
        {"filename": name, "filepath": "images", "split": split_of(name),
         "sentences": [{"raw": text} for text in texts]} for name, texts in CAPTIONS.items()]}))


def write_tokens(folder, lists=True):
    """Flickr's token file, with a name that has no photo and the lemmatised captions beside it."""
    photos(folder / "Flicker8k_Dataset")
    lines = [f"{name}#{i}\t{text}" for name, texts in CAPTIONS.items() for i, text in enumerate(texts)]
    (folder / "mine.token.txt").write_text("\n".join([*lines, "gone.jpg.1#0\ta cat"]), "utf-8")
    (folder / "mine.lemma.token.txt").write_text("a\n", "utf-8")
    for split, name in (("train", "trainImages"), ("val", "devImages"), ("test", "testImages")):
        if lists:
            (folder / f"mine.{name}.txt").write_text("\n".join(n for n in CAPTIONS if split_of(n) == split))


def write_table(name, text, encoding="utf-8"):
    """Photos beside a table."""
    def write(folder):
        photos(folder)
        (folder / name).write_bytes(text.encode(encoding))
    return write


def write_beside(folder):
    """A text file beside each photo."""
    photos(folder)
    for name, texts in CAPTIONS.items():
        (folder / name).with_suffix(".txt").write_text("\r\n".join(texts), "utf-8")


def write_imagefolder(folder):
    """Imagefolder's metadata in a folder for each split."""
    for split, called in (("train", "train"), ("val", "validation"), ("test", "test")):
        names = [name for name in CAPTIONS if split_of(name) == split]
        photos(folder / called, names)
        (folder / called / "metadata.csv").write_text(
            "file_name,text\n" + "\n".join(f"{quoted(n)},{quoted(t)}" for n, t in PAIRS if n in names), "utf-8")


LINES = "\n".join(json.dumps({"file_name": name, "text": text}) for name, text in PAIRS)
WITHOUT_SPLITS = {
    "metadata.csv": write_table("metadata.csv", rows("file_name,text")),
    "metadata.jsonl": write_table("metadata.jsonl", LINES),
    "captions.csv": write_table("captions.csv", rows("image,caption")),
    "captions.txt": write_table("captions.txt", rows("Image, Caption")),
    "semicolons and a byte order mark": write_table("captions.csv", rows("image,caption", ";"), "utf-8-sig"),
    "tabs in UTF-16": write_table("captions.csv", rows("image,caption", "\t"), "utf-16"),
    "tokens": lambda folder: write_tokens(folder, lists=False),
    "text beside each photo": write_beside,
}
WITH_SPLITS = {
    "MSCOCO 2014": write_mscoco, "MSCOCO 2017": lambda folder: write_mscoco(folder, 2017),
    "Karpathy": write_karpathy, "tokens and lists": write_tokens, "imagefolder": write_imagefolder,
}


def content(splits):
    """{photo without its folder: captions} of both splits."""
    return [{Path(name).name: texts for name, texts in zip(split.names, split.captions)} for split in splits]


def state(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*")}


@pytest.mark.filterwarnings("ignore:1 photos with captions")
@pytest.mark.parametrize("form", WITHOUT_SPLITS)
def test_forms_without_splits_give_the_same_tenth_to_validate_on(tmp_path, form, capsys):
    write_table("captions.csv", rows("image,caption"))(tmp_path / "first")
    (tmp_path / "mine").mkdir()
    WITHOUT_SPLITS[form](tmp_path / "mine")
    before = state(tmp_path / "mine")
    train, val = found = content(load_folder(tmp_path / "mine"))
    assert (len(train), len(val)) == (54, 6) and train | val == CAPTIONS
    assert found == content(load_folder(tmp_path / "first"))
    assert "60 photos, 2.0 captions each: 54 to learn from, 6 to validate on" in capsys.readouterr().out
    assert state(tmp_path / "mine") == before


@pytest.mark.filterwarnings("ignore:1 photos with captions")
@pytest.mark.parametrize("form", WITH_SPLITS)
def test_forms_with_splits_keep_them(tmp_path, form):
    WITH_SPLITS[form](tmp_path)
    train, val = content(load_dataset(Settings(dataset="folder", data_dir=tmp_path)))
    assert set(val) == VAL and set(train) == set(list(CAPTIONS)[:40]) and train | val == {
        name: CAPTIONS[name] for name in [*train, *val]}


def test_what_is_left_out_is_told_with_the_reason_and_the_first_examples(tmp_path, capsys):
    write_tokens(tmp_path)
    photos(tmp_path / "Flicker8k_Dataset", [f"extra {i}.jpg" for i in range(4)])
    with open(tmp_path / "mine.token.txt", "a", encoding="utf-8") as file:
        file.write("\nphoto 00.jpg#2\t!!!\n")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        load_folder(tmp_path)
    said = "\n".join(str(each.message) for each in caught)
    assert "1 captions have no word and are left out: 'Flicker8k_Dataset/photo 00.jpg: !!!'." in said
    assert re.search("4 photos of .* have no caption and are left out: 'Flicker8k_Dataset/extra 0.jpg', .*, …", said)
    assert "are not in " in said and "left out: 'gone.jpg.1'." in said
    assert re.search("10 photos are for testing, or in none of the lists, and are left out: "
                     "'Flicker8k_Dataset/photo 50.jpg', .*, …", capsys.readouterr().out)


def test_photos_may_lie_in_sub_folders_and_names_may_repeat(tmp_path):
    photos(tmp_path, ["a/1.JPG", "b/1.JPG", "b/ünï, code.png"])
    table = "image,caption\na/1.JPG,one\nb\\1.JPG,two\n\"ünï, code.png\",three\n"
    (tmp_path / "captions.csv").write_text(table, "utf-8")
    train, val = load_folder(tmp_path)
    assert dict(zip(train.names + val.names, train.captions + val.captions)) == {
        "a/1.JPG": ["one"], "b/1.JPG": ["two"], "b/ünï, code.png": ["three"]}
    (tmp_path / "captions.csv").write_text("image,caption\n1.JPG,one\n")
    with pytest.raises(ValueError, match="'1.JPG' may be 'a/1.JPG' or 'b/1.JPG'"):
        load_folder(tmp_path)


def test_photos_may_lie_in_a_zip(tmp_path):
    photo_zip(tmp_path / "photos.zip", {name: encoded(plain()) for name in CAPTIONS})
    (tmp_path / "captions.csv").write_text(rows("image,caption"), "utf-8")
    assert len(load_folder(tmp_path)[0].names) == 54


@pytest.mark.parametrize("name, text, why", [
    ("captions.csv", "image_name,text\na.jpg,x",
     "captions.csv has the columns image_name, text; expected image, caption"),
    ("captions.csv", "image,caption\na.jpg", "captions.csv, line 2: the row has 1 columns, the header has 2"),
    ("metadata.jsonl", "{}", "metadata.jsonl, line 1 is '{}'; expected"),
    ("x.token.txt", "a.jpg x", "line 1 is 'a.jpg x"),
    ("dataset_x.json", '{"images": [{}]}', "is not Karpathy's: KeyError"), ("notes.csv", "", "The forms are:.*Flickr"),
])
def test_what_does_not_fit_is_named_with_what_was_expected(tmp_path, name, text, why):
    photos(tmp_path, ["a.jpg", "b.jpg"])
    (tmp_path / name).write_text(text)
    with pytest.raises(ValueError, match=f"(?s){why}"):
        load_folder(tmp_path)


def test_two_forms_are_refused_with_both(tmp_path):
    write_beside(tmp_path)
    for name in ("captions.csv", "metadata.csv"):
        (tmp_path / name).write_text("image,caption\n")
    with pytest.raises(ValueError, match="more than one form: metadata.csv and captions.csv"):
        load_folder(tmp_path)


def test_examples_of_the_page_are_read(tmp_path):
    """Each block of docs/datasets.md that begins with a file's name is a form of its own."""
    blocks = (ROOT / "docs" / "datasets.md").read_text("utf-8").split("```")[1::2]
    examples = [block.strip().split("\n", 1) for block in blocks if block.strip().split("\n")[0].endswith(":")]
    assert len(examples) == 6
    for number, (name, text) in enumerate(examples):
        folder = tmp_path / str(number)
        photos(folder, ["dog.jpg", "cat.jpg"])
        (folder / name.rstrip(":")).write_text(text, "utf-8")
        if name == "dog.txt:":
            (folder / "cat.txt").write_text("a cat")
        train, val = load_folder(folder)
        assert sorted(train.names + val.names) == ["cat.jpg", "dog.jpg"], name


def test_embeddings_of_a_folder_are_those_of_the_zip(tmp_path):
    write_mscoco(tmp_path)
    split, _ = load_folder(tmp_path)
    photo_zip(tmp_path / "train2014.zip", {name: (split.photos / name).read_bytes() for name in split.names})
    of_zip, _ = load_folder(tmp_path)
    assert of_zip.photos != split.photos
    for each, cache in ((split, "a"), (of_zip, "b")):
        embed_split(each, MeanColour(), tmp_path / cache)
    for name in ("train.npy", "train.json"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


@pytest.mark.skipif(not SAMPLE.exists(), reason="no real photos here")
def test_real_photos_have_the_same_digest_and_captions_unpacked(tmp_path):
    with zipfile.ZipFile(SAMPLE / "annotations_trainval2014.zip") as archive:
        archive.extractall(tmp_path)
    shutil.copy(SAMPLE / "train2014.zip", tmp_path)
    with zipfile.ZipFile(SAMPLE / "val2014.zip") as archive:
        archive.extractall(tmp_path)
    member = "annotations/captions_val2014.json"
    assert read_captions(tmp_path, member) == read_captions(SAMPLE / "annotations_trainval2014.zip", member)
    _, val = load_folder(tmp_path)
    with open_photos(val.photos) as unpacked, open_photos(SAMPLE / "val2014.zip") as zipped:
        assert val.photos.is_dir() and unpacked.names == zipped.names
        assert unpacked.digest(val.names) == zipped.digest(val.names)


@pytest.mark.parametrize("written, stored", [("caf\u00e9.jpg", "cafe\u0301.jpg"), ("cafe\u0301.jpg", "caf\u00e9.jpg"),
                                             ("IMG.JPG", "img.jpg"), ("p1.jfif", "p1.jfif"), ("p1", "p1")])
@pytest.mark.parametrize("zipped", [False, True], ids=["folder", "zip"])
def test_a_photo_of_ones_own_is_found_however_its_name_is_written(tmp_path, written, stored, zipped):
    raw = {name: encoded(plain()) for name in (stored, "z.jpg")}
    if zipped:
        photo_zip(tmp_path / "photos.zip", raw)
    else:
        for name, content in raw.items():
            (tmp_path / name).write_bytes(content)
    (tmp_path / "captions.csv").write_text(f"image,caption\n{written},one\nz.jpg,two\n", "utf-8")
    train, val = load_folder(tmp_path)
    assert sorted(train.captions + val.captions) == [["one"], ["two"]]
    with open_photos(train.photos) as there:
        assert [there.read(name) for name in (*train.names, *val.names)] == list(raw.values())


def test_a_text_file_beside_its_photo_is_found_however_their_names_are_written(tmp_path):
    for name in ("a", "b"):
        (tmp_path / f"{name} cafe\u0301.jfif").write_bytes(encoded(plain()))
        (tmp_path / f"{name} caf\u00e9.txt").write_text("a cup", "utf-8")
    train, val = load_folder(tmp_path)
    assert train.captions == val.captions == [["a cup"]]


def test_two_files_whose_names_look_the_same_are_named(tmp_path):
    for name in ("caf\u00e9.jpg", "cafe\u0301.jpg"):
        (tmp_path / name).write_bytes(encoded(plain()))
    if len(list(tmp_path.iterdir())) == 1:
        pytest.skip("this disk takes both for one")
    with pytest.raises(ValueError, match="two files whose names look the same"):
        open_photos(tmp_path)
