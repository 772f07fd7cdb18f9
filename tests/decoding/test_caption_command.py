"""caption.py writes what the notebook's writer writes, or says in a sentence what is wrong."""

import csv
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from PIL import Image

import caption
from captioning.datasets.splits import Split
from captioning.decoder.checkpoints import CheckpointFolder, read_checkpoint
from captioning.decoding.writer import CaptionWriter
from captioning.encoder.cache import embed_split
from captioning.encoder.cnn import get_cnn_encoder
from tests.helpers import ROOT, SAMPLE
from tests.helpers.photo_files import encoded, quarters
from tests.helpers.small_decoder import trained_for_a_moment


@pytest.fixture(scope="module")
def run(tmp_path_factory, drawn_encoder):
    """Folder of the checkpoints of a decoder that was trained for a moment on the drawn world's encoder."""
    return trained_for_a_moment(tmp_path_factory.mktemp("checkpoints"), drawn_encoder.recipe)


@pytest.fixture
def photos(tmp_path):
    """A folder with 6 photos."""
    return folder_of(tmp_path / "photos", 6)


def folder_of(folder, count):
    """Writes photos of four colours each into a new folder."""
    folder.mkdir()
    for i in range(count):
        colours = np.random.default_rng(i).integers(0, 255, (4, 3))
        (folder / f"{i:02}.jpg").write_bytes(encoded(Image.fromarray(quarters(colours=colours))))
    return folder


@pytest.fixture
def encoder_at_hand(drawn_encoder, monkeypatch):
    """Spares the command the time to make the encoder that the decoder was trained with."""
    monkeypatch.setattr("captioning.decoding.photo_captions.encoder_of", lambda recipe, weights: drawn_encoder)
    return drawn_encoder


def test_captions_of_a_folder_and_of_its_zip_are_those_of_the_notebooks_writer(run, encoder_at_hand, tmp_path):
    photos = folder_of(tmp_path / "photos", 34)             # more than are embedded at a time
    names = sorted(path.name for path in photos.iterdir())
    split = Split("val", photos, names, [["a"]] * 34, list(range(34)))
    writer = CaptionWriter.from_checkpoint(run)
    expected = writer.beam(embed_split(split, encoder_at_hand, tmp_path / "cache").usable(), width=3, no_repeat=2)
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as archive:
        for name in names[:4]:
            archive.write(photos / name, f"x/{name}")
    for given, count in ("photos", 34), ("photos.zip", 4):
        caption.main([str(tmp_path / given), "--checkpoint", str(run), "--json", str(tmp_path / "found.json")])
        found = json.loads((tmp_path / "found.json").read_text())
        assert [each["image"] for each in found] == [(tmp_path / given / name).as_posix() for name in names[:count]]
        assert [each["captions"] for each in found] == [[str(each)] for each in expected[:count]]


def test_the_table_holds_as_many_captions_as_asked_for_and_the_broken_photos_are_listed(
        run, photos, encoder_at_hand, tmp_path):
    (photos / "05.jpg").write_bytes(b"broken")
    with pytest.raises(SystemExit, match="(?s)1 of 6 photos can't be read:.*05.jpg is not a photo") as end:
        caption.main([str(photos), "--checkpoint", str(run), "--top", "2", "--csv", str(tmp_path / "found.csv")])
    assert end.value.code
    with open(tmp_path / "found.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 10 and not any("05.jpg" in row["image"] for row in rows)


def test_the_newest_decoder_writes_unless_another_is_named(run, photos, encoder_at_hand, capsys, monkeypatch):
    monkeypatch.setenv("CAPTION_CHECKPOINT_ROOT", str(run.parent))
    caption.main([str(photos / "00.jpg")])
    name, text = capsys.readouterr().out.strip().split("\t")
    assert name == (photos / "00.jpg").as_posix() and set(text.split()) <= set("abc")


def test_of_several_decoders_the_chosen_one_is_named(run, photos, encoder_at_hand, tmp_path, capsys, monkeypatch):
    """A copy of a folder may be newer than what was trained last."""
    for name in ("first", "second"):
        shutil.copytree(run, tmp_path / "runs" / name)
    os.utime(next((tmp_path / "runs" / "first").glob("step-*")), (2e9, 2e9))
    monkeypatch.setenv("CAPTION_CHECKPOINT_ROOT", str(tmp_path / "runs"))
    caption.main([str(photos / "00.jpg")])
    assert f"Captions are by {tmp_path / 'runs' / 'first'}, the newest of 2 decoders" in capsys.readouterr().err


def test_the_command_says_nothing_but_the_caption(run, photos):
    # A relative folder of checkpoints is in the project, a relative photo where the command runs.
    variables = os.environ | {"CAPTION_CHECKPOINT_ROOT": os.path.relpath(run.parent, ROOT)}
    done = subprocess.run([sys.executable, str(ROOT / "caption.py"), "00.jpg"], cwd=photos, env=variables,
                          capture_output=True, text=True)
    assert done.stderr == "" and len(done.stdout.splitlines()) == 1 and done.returncode == 0


def test_the_example_for_engineers_writes_a_caption(run, photos, capsys):
    example = re.search("```python\n(.*?)```", (ROOT / "docs" / "engineers.md").read_text("utf-8"), re.DOTALL)[1]
    for here, there in (("photo.jpg", photos / "00.jpg"), ("checkpoints/drawn", run)):
        assert here in example
        example = example.replace(here, str(there))
    exec(example.replace('("drawn")', '("drawn", "float32")'), {})      # as the decoder's encoder in these tests
    *words, log_probability = capsys.readouterr().out.split()
    assert set(words) <= set("abc") and float(log_probability) < 0


def saved_with(run, folder, weights):
    """The run's checkpoint once more, with another encoder's weights in its recipe."""
    checkpoint = read_checkpoint(max(run.glob("step-*")))
    about = checkpoint.about | {"recipe": checkpoint.about["recipe"] | {"weights": weights}}
    CheckpointFolder(folder).save(about["step"], checkpoint.arrays, about)
    return str(folder)


def test_what_is_wrong_is_said_in_a_sentence(run, photos, tmp_path, monkeypatch):
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("CAPTION_CHECKPOINT_ROOT", str(tmp_path / "empty"))
    other = saved_with(run, tmp_path / "other", "drawn, sha256 0")
    of_file = saved_with(run, tmp_path / "file", "file, sha256 0")
    for arguments, why in (
            ([tmp_path / "empty"], "empty holds no photos"), ([photos / "no.jpg"], "no.jpg is not there"),
            ([photos], "holds no checkpoint of a trained decoder"),
            ([photos, "--checkpoint", tmp_path / "empty"], "holds no checkpoint"),
            ([photos, "--checkpoint", other], "not the one that the decoder was trained with"),
            ([photos, "--checkpoint", of_file], "Set CAPTION_ENCODER_WEIGHTS to that file")):
        with pytest.raises(SystemExit, match=why):
            caption.main(list(map(str, arguments)))


def test_a_killed_command_leaves_no_half_file_and_the_next_one_writes_all(run, photos, encoder_at_hand, tmp_path):
    copies = [shutil.copy(photos / "00.jpg", photos / f"copy{i}.jpg") for i in range(58)]       # 64 photos have a bar
    command = [sys.executable, "caption.py", str(photos), "--checkpoint", str(run), "--json", str(tmp_path / "x.json")]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)
    said = b""
    while b"?photo/s" not in said and (byte := process.stderr.read(1)):        # the bar, before the first batch
        said += byte
    process.kill()
    process.communicate()
    assert not (tmp_path / "x.json").exists()
    for copy in copies:
        copy.unlink()
    caption.main(command[2:])
    assert len(json.loads((tmp_path / "x.json").read_text())) == 6


@pytest.mark.skipif(not SAMPLE.exists(), reason="no real photos here")
def test_real_photos_have_the_same_embeddings_and_captions_unpacked(tmp_path, monkeypatch):
    """With the real network. caption.py does not fill up its last batch, embed_split does."""
    weights = SAMPLE / "inception_v3_imagenet_partial_notop.weights.h5"
    with zipfile.ZipFile(SAMPLE / "val2014.zip") as archive:
        names = sorted(name for name in archive.namelist() if name.endswith(".jpg"))[:50]
        archive.extractall(tmp_path, names)
    names = [name.rpartition("/")[2] for name in names]
    encoder, found = get_cnn_encoder(str(weights)), []
    for photos, cache in ((SAMPLE / "val2014.zip", "zip"), (tmp_path / "val2014", "folder")):
        split = Split("val", photos, names, [["a"]] * len(names), list(range(len(names))))
        found.append(embed_split(split, encoder, tmp_path / cache))
    for file in ("val.npy", "val.json"):
        assert (tmp_path / "zip" / file).read_bytes() == (tmp_path / "folder" / file).read_bytes()
    run = trained_for_a_moment(tmp_path / "checkpoints", found[0].recipe)
    monkeypatch.setenv("CAPTION_ENCODER_WEIGHTS", str(weights))
    caption.main([str(tmp_path / "val2014"), "--checkpoint", str(run), "--json", str(tmp_path / "found.json")])
    expected = CaptionWriter.from_checkpoint(run).beam(found[0], width=3, no_repeat=2)
    assert [each["captions"] for each in json.loads((tmp_path / "found.json").read_text())] == [
        [str(each)] for each in expected]


def test_help_is_one_screen():
    done = subprocess.run([sys.executable, "caption.py", "--help"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0 and len(done.stdout.splitlines()) <= 24
