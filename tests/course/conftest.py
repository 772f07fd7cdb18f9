"""What the tests that run notebooks share: a copy of the project."""

import os
import shutil

import pytest

from course import project_files
from tests.helpers import ROOT
from tests.helpers.notebooks import SETTINGS, replaced


@pytest.fixture(scope="module")
def project(tmp_path_factory, small_world):
    """A copy of the project, so runs leave nothing in this one, and settings for a small drawn world.

    Its validation loss is a mean of 50 batches: 1,000 would take as long as the rest of the notebook.
    """
    copy = tmp_path_factory.mktemp("project")
    for name in project_files.names():
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, copy / name)
    checks = copy / "captioning" / "grading" / "validation_checks.py"
    checks.write_text(replaced(checks.read_text("utf-8"), "VAL_BATCHES = 1_000", "VAL_BATCHES = 50"), "utf-8")
    kept = {"PYTHONPATH": "", "IPYTHONDIR": str(copy / "ipython"), "JUPYTER_RUNTIME_DIR": str(copy / "jupyter")}
    return copy, {**os.environ, **SETTINGS, **kept, "CAPTION_DATA_DIR": str(small_world)}
