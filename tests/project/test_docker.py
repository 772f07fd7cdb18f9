"""The image: a user without rights, a fixed base, a token that JupyterLab asks for, and only files that belong."""

import fnmatch
import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest

from course import project_files
from tests.helpers import ROOT

DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
STEPS = [line.split(maxsplit=1) for line in DOCKERFILE.replace("\\\n", " ").splitlines()
         if line.strip() and not line.startswith("#")]
COMMAND = next(json.loads(words) for step, words in STEPS if step == "CMD")


def arguments(*steps):
    """Arguments of the Dockerfile's lines with these instructions."""
    return [words for step, words in STEPS if step in steps]


def test_the_base_is_one_image_not_whatever_is_newest():
    tag, digest = r":\d+\.\d+\.\d+-[a-z0-9-]+", "@sha256:[0-9a-f]{64}"
    assert all(re.fullmatch(rf"[a-z0-9./-]+({tag}|({tag})?{digest})", base) for base in arguments("FROM"))


def test_all_that_runs_runs_without_rights():
    names = [step for step, _ in STEPS]
    users = arguments("USER")
    assert users and users[-1] not in ("root", "0") and set(users) & {"root", "0"} == set()
    before = [words for step, words in STEPS[:names.index("USER")] if step == "RUN"]
    assert before == ["useradd --create-home learner"]          # root does nothing else
    assert not re.search(r"\bsudo\b|--privileged|--allow-root", DOCKERFILE)


def test_no_secret_gets_into_a_layer():
    words = " ".join(arguments("ENV", "ARG", "RUN", "CMD", "ENTRYPOINT", "LABEL"))
    assert not re.search(r"(?i)token|secret|passw|api_?key|credential|e-?mail|://", words)
    assert arguments("ADD") == []                               # ADD may download or unpack
    assert all(copy.startswith("--chown=learner ") for copy in arguments("COPY"))


def sent(path: str) -> bool:
    """Whether a file goes into the image: the last pattern that matches it, or a folder above it, decides."""
    through = True
    for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            parts, pattern = path.split("/"), line.lstrip("!").split("/")
            if len(pattern) <= len(parts) and all(map(fnmatch.fnmatchcase, parts, pattern)):
                through = line.startswith("!")
    return through


def test_the_image_gets_what_the_notebook_needs():
    needed = [path for path in project_files.names() if path.split("/")[0] not in ("tests", "benchmarks")
              and (path.endswith((".py", ".j2", ".ipynb")) or path.startswith("data/") or path == "requirements.txt")]
    assert len(needed) > 30 and [path for path in needed if not sent(path)] == []


@pytest.mark.parametrize("path", [
    ".env", ".git/config", "token.txt", "id_rsa", ".netrc", ".pypirc", ".ssh/id_ed25519", "my.ipynb",
    "notes/private.py", "outputs/notebook.ipynb", "checkpoints/drawn/step-00000001/about.json",
    "data/coco2014/train2014.zip",
    "data/folder-mine/embeddings/train.npy", ".venv/bin/python", "course/.env", ".ipynb_checkpoints/x.ipynb",
])
def test_the_image_gets_nothing_of_the_learners(path):
    assert not sent(path)


def test_it_opens_the_learners_notebook():
    assert COMMAND[-1].startswith("student/") and (ROOT / COMMAND[-1]).is_file() and sent(COMMAND[-1])


@pytest.fixture
def jupyterlab(tmp_path):
    """JupyterLab as the image starts it, in a folder with a notebook and a result: (process, address, token)."""
    assert COMMAND[:3] == ["python", "-m", "jupyterlab"]
    for name in (COMMAND[-1], "outputs/gallery.html"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text('{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}')
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = [option for option in COMMAND[3:] if not option.startswith("--ip")]
    rights = ["--allow-root"] if getattr(os, "geteuid", lambda: 1)() == 0 else []       # only tests may run as root
    command = [sys.executable, "-m", "jupyterlab", "--ip=127.0.0.1", f"--port={port}", *rights, *options]
    home = tmp_path / "home"
    places = {name: str(home) for name in ("HOME", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR")}
    server = subprocess.Popen(command, cwd=tmp_path, env=os.environ | places, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL)
    try:
        assert answer(f"http://127.0.0.1:{port}/api/contents", server) == 403
        token = json.loads(next(home.glob("jpserver-*.json")).read_text())["token"]
        yield server, f"http://127.0.0.1:{port}", token
    finally:
        server.kill()
        server.wait()


def test_jupyterlab_lets_nobody_in_without_the_token_and_gives_what_is_handed_in(jupyterlab):
    server, address, token = jupyterlab
    for path in (COMMAND[-1], "outputs/gallery.html"):
        assert answer(f"{address}/api/contents/{path}?token={token}", server) == 200
        assert answer(f"{address}/api/contents/{path}?token=another", server) == 403


@pytest.mark.parametrize("page, command, folder", [
    ("Dockerfile", "", ""), ("docs/teachers.md", "course.grade", "/data")])
def test_what_took_long_outlives_the_container(page, command, folder):
    """Embeddings and what learners write are in a volume that the line names; `--rm` deletes the rest."""
    lines = (ROOT / page).read_text("utf-8").replace("\\\n", " ").splitlines()
    [line] = [line for line in lines if "docker run" in line and command in line]
    [home] = arguments("WORKDIR")
    assert re.search(rf"-v captioning[\w-]*:{home}{folder} ", line)


def answer(url, server) -> int:
    """HTTP status of an address, once its server has started."""
    until = time.monotonic() + 120
    while time.monotonic() < until and server.poll() is None:
        try:
            return urllib.request.urlopen(url, timeout=5).status
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            time.sleep(0.1)
    raise AssertionError("JupyterLab did not start")
