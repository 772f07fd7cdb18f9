"""Each dataset to download comes from its hosts through cuts, and has the split that docs/datasets.md names."""

import dataclasses
import hashlib
import io
import json
import zipfile

import pytest

from captioning.datasets import sources
from captioning.datasets.loading import load_dataset
from captioning.datasets.photo_folder import open_photos
from captioning.datasets.sources import DOWNLOADS
from captioning.datasets.transfer import DownloadError, Patience, Source, fetch
from captioning.settings import Settings
from download_utils import main
from tests.helpers import faulty_server as fs
from tests.helpers.photo_files import encoded, plain

PHOTO = encoded(plain(size=(32, 30)))
FLICKR = [f"{number}_a.jpg" for number in range(30)]


def zipped(members: dict) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


def photos_zip(folder, names):
    return zipped({f"{folder}/": b"", **{f"{folder}/{name}": PHOTO for name in names},
                   f"__MACOSX/{folder}/._{names[0]}": b"a Mac's notes"})


def coco(names):
    return json.dumps({"images": [{"id": i, "file_name": name} for i, name in enumerate(names)],
                       "annotations": [{"image_id": i, "caption": f"photo {name}"} for i, name in enumerate(names)]})


TRAIN, VAL = [f"t{i:02}.jpg" for i in range(40)], [f"v{i:02}.jpg" for i in range(20)]
ANNOTATIONS = zipped({"annotations/captions_train2017.json": coco(TRAIN),
                      "annotations/captions_val2017.json": coco(VAL)})
CONTENTS = {
    "coco_small": {"annotations": ANNOTATIONS, "photos": photos_zip("val2017", VAL)},
    "coco2017": {"annotations": ANNOTATIONS, "val": photos_zip("val2017", VAL),
                 "train": photos_zip("train2017", TRAIN)},
    "flickr8k": {
        "annotations": zipped({
            "Flickr8k.token.txt": "".join(f"{name}#{i}\tA dog {i} .\n" for name in [*FLICKR, "gone.jpg.1"]
                                          for i in range(5)),
            "Flickr_8k.trainImages.txt": "\n".join(FLICKR[:20]), "Flickr_8k.devImages.txt": "\n".join(FLICKR[20:25]),
            "Flickr_8k.testImages.txt": "\n".join(FLICKR[25:]), "__MACOSX/._readme.txt": b"\0"}),
        "photos": photos_zip("Flicker8k_Dataset", FLICKR)},
}


@pytest.fixture
def hosts(monkeypatch):
    """Makes servers that stand in for a dataset's hosts. Returns them by what their zip holds."""
    running = []

    def start(name):
        table, servers = {}, {}
        for key, entry in DOWNLOADS[name].items():
            content = CONTENTS[name][key]
            servers[key] = fs.FaultyServer(content).__enter__()
            running.append(servers[key])
            size = None if entry.size is None else len(content)
            table[key] = dataclasses.replace(entry, urls=(servers[key].url(entry.name),), size=size, about=len(content),
                                             md5=hashlib.md5(content).hexdigest())
        monkeypatch.setitem(sources.DOWNLOADS, name, table)
        return servers

    yield start
    for server in running:
        server.__exit__(None, None, None)


@pytest.mark.filterwarnings("ignore:1 photos with captions")
@pytest.mark.parametrize("name, train, val", [
    ("coco_small", 18, 2), ("coco2017", 40, 20), ("flickr8k", 20, 5)])
def test_a_dataset_is_fetched_through_cuts_loaded_and_split_as_documented(hosts, tmp_path, name, train, val):
    asks_for_size = [fs.body()] if name == "flickr8k" else []
    for server in hosts(name).values():
        server.faults = [*asks_for_size, fs.body(cut=100), fs.body(cut=50)]
    settings = Settings(dataset=name, data_dir=tmp_path)
    found = load_dataset(settings)
    assert [len(split.names) for split in found] == [train, val] and settings.encoder_weights == "imagenet"
    assert found == load_dataset(settings)
    for split in found:
        with open_photos(split.photos) as photos:
            assert {photos.read(each) for each in split.names} == {PHOTO}
    assert not [path for path in tmp_path.iterdir() if path.is_dir()]
    if name == "flickr8k":
        assert found[0].names == sorted(FLICKR[:20]) and found[1].names == sorted(FLICKR[20:25])


def test_captions_alone_need_no_photos(hosts, tmp_path):
    servers = hosts("flickr8k")
    train, val = load_dataset(Settings(dataset="flickr8k", data_dir=tmp_path), photos=False)
    assert (len(train.names), len(val.names)) == (20, 5) and not servers["photos"].requests


def test_the_split_of_coco_small_never_changes(hosts, tmp_path):
    hosts("coco_small")
    _, val = load_dataset(Settings(dataset="coco_small", data_dir=tmp_path))
    assert val.names == ["v07.jpg", "v19.jpg"]


def test_a_file_of_unknown_size_put_there_by_hand_is_judged_by_its_digest(tmp_path):
    wanted = Source("a.zip", ("http://127.0.0.1:1/a.zip",), None, md5=hashlib.md5(PHOTO).hexdigest())
    (tmp_path / "a.zip").write_bytes(PHOTO)
    assert fetch(wanted, tmp_path, progress=False).read_bytes() == PHOTO
    (tmp_path / "a.zip").write_bytes(PHOTO + b"!")
    with pytest.raises(DownloadError, match="has md5"):
        fetch(wanted, tmp_path, progress=False)


def test_a_size_that_no_server_says_is_an_error_with_the_digest(tmp_path):
    patience = Patience(connect=1, attempts=2, first_wait=0.01)
    wanted = Source("a.zip", ("http://127.0.0.1:1/a.zip",), None, md5="0" * 32)
    with pytest.raises(DownloadError, match="(?s)no address says how large it is.*127.0.0.1:1/a.zip: .*md5 000"):
        fetch(wanted, tmp_path, progress=False, patience=patience)


def test_the_command_lists_the_datasets_and_what_is_there(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data" / "flickr8k").mkdir(parents=True)
    (tmp_path / "data" / "flickr8k" / "Flickr8k_text.zip").touch()
    main(["--list"])
    lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines()}
    assert "1.1 GB  Flickr8k_text.zip" in lines["flickr8k"] and "20.4 GB  nothing" in lines["coco2014"]
