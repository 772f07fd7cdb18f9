"""A process that was started without input, output or errors works all the same, and ends with its output's reader."""

import os
import subprocess
import sys

import nbformat
import pytest

from tests.helpers import ROOT

CLOSED = [(0,), (1,), (2,), (0, 1, 2)]
IMPORT_CELL = """
import sys
from pathlib import Path

import utils
from tqdm.auto import tqdm

with utils.hushed():
    import numpy
print("said", *tqdm(range(3)))
print("said", file=sys.stderr)
with open(sys.argv[1], "wb") as file:
    file.write(str(file.fileno()).encode())
"""


def run_without(streams, *command, **options):
    """Runs a command with some of its streams, 0 to 2, closed. Returns its exit status."""
    closing = " ".join(f"{number}>&-" if number else "<&-" for number in streams)
    return subprocess.run(["sh", "-c", f'exec "$@" {closing}', "sh", *command], cwd=ROOT, timeout=300, **options)


@pytest.mark.skipif(os.name == "nt", reason="needs a POSIX shell")
@pytest.mark.parametrize("streams", CLOSED)
def test_the_import_cell_works_without_streams_and_files_keep_clear_of_their_numbers(tmp_path, streams):
    done = run_without(streams, sys.executable, "-c", IMPORT_CELL, str(tmp_path / "number"), capture_output=True)
    assert done.returncode == 0, done.stderr
    assert int((tmp_path / "number").read_text()) > 2


@pytest.mark.skipif(os.name == "nt", reason="needs a POSIX shell")
@pytest.mark.parametrize("streams", [(2,), (0, 1, 2)])
def test_scenes_are_rendered_by_processes_that_were_started_without_streams(tmp_path, streams):
    code = f"""
from captioning.datasets.drawn.world import render_dataset
render_dataset({str(tmp_path)!r}, n_train=4, n_val=2, workers=2)
"""
    assert run_without(streams, sys.executable, "-c", code).returncode == 0
    assert sorted(path.name for path in tmp_path.glob("*.zip")) == [
        "annotations_trainval2014.zip", "train2014.zip", "val2014.zip"]


@pytest.mark.skipif(os.name == "nt", reason="needs a POSIX shell")
def test_a_notebook_is_run_by_a_process_that_was_started_without_streams(tmp_path):
    cells = [nbformat.v4.new_code_cell("print(6 * 7)")]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "given.ipynb")
    command = [sys.executable, "-m", "course.execute", str(tmp_path / "given.ipynb"), str(tmp_path / "done.ipynb")]
    environment = {name: text for name, text in os.environ.items() if not name.startswith("PYTEST_")}
    assert run_without((2,), *command, env=environment).returncode == 0     # in tests, a kernel is not strict
    [cell] = nbformat.read(tmp_path / "done.ipynb", as_version=4).cells
    assert cell.outputs[0].text == "42\n"


MANY_LINES = "import captioning\nfor number in range(100_000): print(number, flush=True)"
PRINTS = {"one line": ["-c", "import captioning; print(1)"], "many lines": ["-c", MANY_LINES],
          "download_utils.py": ["download_utils.py", "--list"], "settings": ["-m", "captioning.settings"],
          "course.grade": ["-m", "course.grade", "--help"]}


@pytest.mark.skipif(os.name == "nt", reason="Windows has no broken pipes")
@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("command", PRINTS.values(), ids=PRINTS)
def test_a_program_whose_reader_has_gone_ends_without_a_traceback(command, unbuffered):
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run([sys.executable, *command], cwd=ROOT, stdout=writing, stderr=subprocess.PIPE, text=True,
                          env=os.environ | {"PYTHONUNBUFFERED": unbuffered})
    os.close(writing)
    assert done.stderr == "" and done.returncode in (0, 1)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no broken pipes")
def test_a_broken_pipe_that_is_not_the_output_is_shown():
    code = """
import os, captioning
reading, writing = os.pipe()
os.close(reading)
os.write(writing, b"x")
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1 and done.stderr.splitlines()[-1].startswith("BrokenPipeError")
