"""What several tests share: a small drawn world, and the solutions as the course's source has them."""

import contextlib
import functools
import os
import signal
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "course"))
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
for variable in [v for v in os.environ if v.startswith("CAPTION_")]:
    del os.environ[variable]            # a developer's own settings are no part of the tests

SAMPLE = ROOT.parent / "shared" / "coco_sample"     # real photos; where they are absent, tests that use them skip


@pytest.fixture(scope="session")
def small_world(tmp_path_factory):
    """Folder of a drawn world of 48 + 16 scenes."""
    import drawn_world

    folder = tmp_path_factory.mktemp("world")
    drawn_world.render_dataset(folder, n_train=48, n_val=16, workers=1, progress=False)
    return folder


@pytest.fixture(scope="session")
def course():
    """Makes what the course's cells define: course("split_sentence", "generate_vocabulary") -> namespace."""
    import course_cells

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


@contextlib.contextmanager
def interrupted_after(trainer, steps):
    """In the step after so many, the trainer's process gets a Ctrl-C."""
    step = trainer._train_step

    def interrupted(*batch):
        if trainer.step == steps:
            os.kill(os.getpid(), signal.SIGINT)
        return step(*batch)

    trainer._train_step = interrupted
    yield
    trainer._train_step = step
