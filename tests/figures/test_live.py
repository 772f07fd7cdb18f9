"""What changes while a notebook runs: the training picture, the button for a photo."""

import base64
import datetime
import io
import re
import subprocess
import sys
from types import SimpleNamespace

import ipywidgets
import pytest
from PIL import Image

from captioning.figures import live
from captioning.photos import own_files
from captioning.photos.decode import decode_photo
from tests.helpers import ROOT


@pytest.fixture
def shown(monkeypatch):
    """Collects what `display` was given, and its updates."""
    calls = []

    class Handle:
        def update(self, part):
            calls.append(("update", part))

    def display(part, display_id=False, raw=False):
        calls.append(("display", part))
        return Handle() if display_id else None

    monkeypatch.setattr(live, "display", display)
    return calls


def test_the_picture_is_drawn_again_in_its_place_with_captions_as_text(shown):
    photo = Image.new("RGB", (640, 480), "red")
    photo.info["comment"] = b"by a friend"      # as Pillow reads it from a JPEG
    picture = live.TrainingPicture(photo)
    picture.show([])
    assert not shown                            # the progress bar stays in sight
    picture.show([{"step": 4, "epoch": 1, "train_loss": 2.5, "val_loss": 2.4}])
    picture.show([{"step": 5, "epoch": 1, "train_loss": 2.0, "val_loss": 2.1, "caption": "<script>a cat"}])
    assert [kind for kind, _ in shown] == ["display", "display", "update", "update"]
    page = shown[-1][1].data
    assert "&lt;script&gt;a cat" in page and "<script>" not in page and "data:image/jpeg;base64," in page
    jpeg = base64.b64decode(re.search("base64,([^\"']+)", page)[1])
    assert b"by a friend" not in jpeg and Image.open(io.BytesIO(jpeg)).size == (480, 360)


def chosen(name, content):
    """Makes a file as the button gives it."""
    return {"name": name, "type": "", "size": len(content), "content": memoryview(content),
            "last_modified": datetime.datetime(2026, 1, 1)}


def test_a_chosen_photo_is_captioned_and_a_broken_one_said_to_be(shown):
    seen = []

    def on_photo(raw):
        decode_photo(raw)
        seen.append(raw)
        return "a caption"

    live.photo_chooser(on_photo)
    bundle = shown[0][1]
    assert "button to choose a photo" in bundle["text/plain"]           # for readers of a saved notebook
    box = ipywidgets.widget_serialization["from_json"](
        f"IPY_MODEL_{bundle['application/vnd.jupyter.widget-view+json']['model_id']}", None)
    button, output = box.children
    assert button.layout.width == "max-content"                         # the widget's own width cuts its text off
    jpeg = io.BytesIO()
    Image.new("RGB", (30, 30)).save(jpeg, "JPEG")
    button.value = (chosen("a.jpg", jpeg.getvalue()),)
    assert seen == [jpeg.getvalue()] and shown[-1] == ("display", "a caption")
    button.value = (chosen("b.jpg", b"text"),)
    assert len(seen) == 1


def test_a_photos_file_is_captioned_and_a_broken_one_said_to_be(shown, tmp_path, capsys):
    jpeg = tmp_path / "a.jpg"
    Image.new("RGB", (30, 30)).save(jpeg)
    live.show_photo_file(str(jpeg), lambda raw: decode_photo(raw).size)
    assert shown == [("display", (30, 30))]
    jpeg.write_bytes(b"text")
    live.show_photo_file(jpeg, decode_photo)
    live.show_photo_file(tmp_path / "b.jpg", decode_photo)
    live.show_photo_file(tmp_path, decode_photo)
    assert len(shown) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"{jpeg} is not a photo (JPEG, PNG, GIF, WebP, BMP or TIFF)."
    assert lines[1].endswith("b.jpg is not there.") and lines[2].endswith("is not a file.")


def test_a_photos_file_is_looked_for_beside_the_notebook_too(shown, tmp_path, monkeypatch, capsys):
    (tmp_path / "student").mkdir()
    Image.new("RGB", (30, 30)).save(tmp_path / "student" / "a.jpg")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(own_files, "get_ipython", lambda: SimpleNamespace(starting_dir=str(tmp_path / "student")))
    live.show_photo_file("a.jpg", lambda raw: decode_photo(raw).size)
    assert shown == [("display", (30, 30))]
    live.show_photo_file("b.jpg", decode_photo)
    assert capsys.readouterr().out == f"b.jpg is not in {tmp_path} or in {tmp_path / 'student'}.\n"


def test_no_module_but_the_notebooks_loads_pyplot():
    """pyplot would keep each figure in memory."""
    code = "import sys, utils; assert 'matplotlib.pyplot' not in sys.modules"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0
