"""app.py: captions on a page that only this computer can open, and a sentence for what is wrong."""

import os
import re
import socket
import subprocess
import sys
import zipfile
from types import SimpleNamespace

import psutil
import pytest

import app
from captioning.datasets.drawn.world import render_dataset
from captioning.datasets.splits import load_split
from captioning.encoder.cache import embed_split
from tests.helpers import CHROMIUM, ROOT
from tests.helpers.small_decoder import trained_for_a_moment


def require_gradio():
    pytest.importorskip("gradio", reason="Gradio is not installed (requirements-app.txt)")


@pytest.fixture(scope="module")
def course(tmp_path_factory, drawn_encoder):
    """The settings of a finished run on 8 + 2 drawn scenes, as variables."""
    require_gradio()
    data, checkpoints = tmp_path_factory.mktemp("data"), tmp_path_factory.mktemp("checkpoints")
    render_dataset(data, n_train=8, n_val=2, workers=1, progress=False)
    for split in ("train", "val"):
        embed_split(load_split(data, split), drawn_encoder, data / "embeddings")
    trained_for_a_moment(checkpoints, drawn_encoder.recipe)
    return {"CAPTION_DATA_DIR": str(data), "CAPTION_CHECKPOINT_ROOT": str(checkpoints)}


@pytest.fixture(scope="module")
def page(course, tmp_path_factory):
    """The page as a process of its own: the process, and a client."""
    from gradio_client import Client

    process = subprocess.Popen([sys.executable, "app.py"], cwd=ROOT, env=os.environ | course, text=True,
                               stdout=subprocess.PIPE)
    try:
        address = re.search(r"http://127\.0\.0\.1:\d+/", process.stdout.readline()).group()
        client = Client(address, verbose=False, analytics_enabled=False,
                        download_files=str(tmp_path_factory.mktemp("downloads")))
        yield SimpleNamespace(process=psutil.Process(process.pid), client=client, address=address)
    finally:
        process.kill()
        process.communicate()


@pytest.fixture
def photo(course, tmp_path):
    """The file of a validation photo."""
    with zipfile.ZipFile(os.path.join(course["CAPTION_DATA_DIR"], "val2014.zip")) as archive:
        return archive.extract(next(name for name in archive.namelist() if name.endswith(".jpg")), tmp_path)


def test_a_photo_gets_captions_and_its_nearest_training_photos(page, photo):
    from gradio_client import handle_file

    shown, captions, nearest = page.client.predict(handle_file(photo), api_name="/look")[-3:]
    assert shown.count("<img src=\"data:image/jpeg;base64,") == 1
    assert captions.count('class="words"') == 4 and "Greedy" in captions and "Beam search" in captions
    assert nearest.count("<img") == 4 and nearest.count("cosine") == 4
    assert page.client.predict(0.5, api_name="/sample").count('class="words"') == 3


def test_a_broken_file_gets_a_sentence_and_the_next_photo_captions(page, photo, tmp_path):
    from gradio_client import handle_file

    (tmp_path / "<b>.jpg").write_bytes(b"broken")
    shown, captions, nearest = page.client.predict(handle_file(tmp_path / "<b>.jpg"), api_name="/look")[-3:]
    assert "is not a photo" in shown and "Choose another file." in shown and "<b>" not in shown
    assert captions == nearest == page.client.predict(1, api_name="/sample") == ""
    assert "Greedy" in page.client.predict(handle_file(photo), api_name="/look")[-2]


@pytest.mark.skipif(not CHROMIUM, reason="Chromium is not installed")
@pytest.mark.parametrize("width", [390, 1280])
def test_in_a_browser_a_photo_gets_captions_and_a_broken_file_a_sentence(page, photo, tmp_path, width):
    sync_api = pytest.importorskip("playwright.sync_api")
    (tmp_path / "broken.jpg").write_bytes(b"broken")
    with (sync_api.sync_playwright() as playwright,
          playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"]) as browser):
        tab, asked = browser.new_page(viewport={"width": width, "height": 900}), []
        tab.on("request", lambda request: asked.append(request.url))
        tab.goto(page.address)
        file = tab.locator("input[type=file]")
        file.set_input_files(photo)
        sync_api.expect(tab.locator(".words")).to_have_count(7)         # 1 greedy, 3 of a beam, 3 sampled
        sync_api.expect(tab.locator("img[src^='data:image/jpeg']")).to_have_count(5)
        tab.locator("input[type=range]").press("End")                   # the highest temperature
        tab.get_by_role("button", name="Sample again").click()
        sync_api.expect(tab.get_by_text("Temperature 2")).to_be_visible()
        assert tab.evaluate("document.documentElement.scrollWidth") <= width
        tab.get_by_label("Clear").first.click()
        sync_api.expect(tab.locator(".words")).to_have_count(0)
        file.set_input_files(tmp_path / "broken.jpg")
        sync_api.expect(tab.get_by_text("is not a photo")).to_be_visible()
        assert all(url.startswith((page.address, "data:", "blob:")) for url in asked), asked


def test_only_this_computer_can_open_the_page_and_it_reports_nothing(page):
    connections = page.process.net_connections()
    assert psutil.CONN_LISTEN in {connection.status for connection in connections}
    for connection in connections:
        assert connection.laddr.ip == "127.0.0.1" and (not connection.raddr or connection.raddr.ip == "127.0.0.1")
    assert page.client.config["analytics_enabled"] is False and page.client.config["is_colab"] is False


def test_what_is_wrong_is_said_in_a_sentence(course, drawn_encoder, tmp_path, monkeypatch):
    for name, value in course.items():
        monkeypatch.setenv(name, value)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(SystemExit, match=f"Port {port} is in use"):
            app.main(["--port", str(port)])
    trained_for_a_moment(tmp_path, drawn_encoder.recipe | {"weights": "drawn, sha256 0"})
    monkeypatch.setenv("CAPTION_CHECKPOINT_ROOT", str(tmp_path))
    with pytest.raises(SystemExit, match="not the one that the decoder was trained with"):
        app.main([])
    monkeypatch.setenv("CAPTION_CHECKPOINT_ROOT", str(tmp_path / "none"))
    with pytest.raises(SystemExit, match="There is no checkpoint in .*none"):
        app.main([])


def test_without_gradio_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "gradio", None)        # not found
    with pytest.raises(SystemExit, match="pip install -r requirements-app.txt"):
        app.main([])
