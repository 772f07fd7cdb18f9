"""What several tests share: a small drawn world, its encoder, and the solutions as the course's source has them."""

import functools
import importlib
import os
import signal
import tempfile
from pathlib import Path

import pytest

from tests.helpers import ROOT

os.environ["PYTHONPATH"] = str(ROOT)        # for the processes that tests start, wherever they start them
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
for variable in [v for v in os.environ if v.startswith("CAPTION_")]:
    del os.environ[variable]            # a developer's own settings are no part of the tests
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:           # as in what a shell starts in the background
    signal.signal(signal.SIGINT, signal.default_int_handler)
importlib.import_module("course")       # before nbformat, which then starts faster


# The files that take longest, in processor time. They begin first, so that all workers end at about the same time.
LONGEST = ("course/test_notebooks", "decoder/test_trainer", "grading/test_solutions", "course/test_notebook_data",
           "encoder/test_encoder", "test_frameworks", "decoder/test_self_critical", "decoding/test_captioning",
           "decoding/test_caption_command", "course/test_grade", "project/test_app", "course/test_pretrain_encoder",
           "figures/test_figures", "project/test_soak", "grading/test_validation", "encoder/test_embedding")


def pytest_collection_modifyitems(items):
    """Puts the tests of the longest files first."""
    order = {f"tests/{name}.py": place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: order.get(item.nodeid.partition("::")[0], len(order)))


@pytest.fixture(scope="session", autouse=True)
def temporary_files(tmp_path_factory):
    """A temporary folder of the tests' own for libraries and processes: those that are killed leave files there."""
    before = os.environ.get("TMPDIR"), tempfile.tempdir
    os.environ["TMPDIR"] = tempfile.tempdir = str(tmp_path_factory.mktemp("temporary"))
    yield
    tempfile.tempdir = before[1]
    if before[0] is None:
        del os.environ["TMPDIR"]
    else:
        os.environ["TMPDIR"] = before[0]


@pytest.fixture(scope="session")
def small_world(tmp_path_factory):
    """Folder of a drawn world of 48 + 16 scenes."""
    from captioning.datasets.drawn.world import render_dataset

    folder = tmp_path_factory.mktemp("world")
    render_dataset(folder, n_train=48, n_val=16, workers=1, progress=False)
    return folder


@pytest.fixture(scope="session")
def drawn_encoder():
    """The drawn world's encoder in float32; making it takes six seconds of processor time."""
    from captioning.encoder.cnn import get_cnn_encoder

    return get_cnn_encoder("drawn", "float32")


@pytest.fixture(scope="session")
def course():
    """Makes what the course's cells define: course("split_sentence", "generate_vocabulary") -> namespace."""
    from tests.helpers import course_cells

    return functools.partial(course_cells.define, course_cells.code_cells())


@pytest.fixture
def renames(monkeypatch):
    """Fills up with {new name: whether all that was renamed had been synced to the disk, whole}."""
    fsync, replace, synced, found = os.fsync, os.replace, {}, {}

    def sync(handle):
        fsync(handle)
        synced[os.fstat(handle).st_ino] = os.fstat(handle).st_size

    def rename(old, new):
        written = [path for path in (Path(old), *Path(old).rglob("*")) if path.is_file()]
        found[Path(new)] = all(synced.get(path.stat().st_ino) == path.stat().st_size for path in written)
        replace(old, new)

    monkeypatch.setattr(os, "fsync", sync)
    monkeypatch.setattr(os, "replace", rename)
    return found
