"""Tests leave nothing in the temporary folder, unless one failed."""

import os
import subprocess
import sys

import pytest

from tests.helpers import ROOT

MESSY = """
import subprocess, sys, tempfile
import pytest

@pytest.mark.parametrize("number", range(4))
def test_messy(tmp_path, number):
    (tmp_path / "mine").touch()
    tempfile.mkstemp()
    subprocess.run([sys.executable, "-c", "import tempfile; tempfile.mkstemp()"], check=True)
    assert number < 4 - {failures}
"""


@pytest.mark.parametrize("failures", [0, 1])
def test_a_run_of_tests_leaves_files_only_where_one_failed(tmp_path, failures):
    (tmp_path / "temporary").mkdir()
    (tmp_path / "test_messy.py").write_text(MESSY.format(failures=failures))
    command = [sys.executable, "-m", "pytest", "-n", "2", "-c", str(ROOT / "pyproject.toml"), "-p", "tests.conftest",
               "-p", "no:cacheprovider", str(tmp_path / "test_messy.py")]
    environment = {name: text for name, text in os.environ.items() if not name.startswith("PYTEST_")}
    done = subprocess.run(command, cwd=ROOT, env=environment | {"TMPDIR": str(tmp_path / "temporary")},
                          capture_output=True, text=True, timeout=300)
    assert f"{4 - failures} passed" in done.stdout, done.stdout + done.stderr
    left = [path.name for path in (tmp_path / "temporary").rglob("*") if path.is_file()]
    assert ("mine" in left) if failures else (left == [])
