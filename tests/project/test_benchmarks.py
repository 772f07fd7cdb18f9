"""Every benchmark that the README names can be started."""

import subprocess
import sys

import pytest

from tests.helpers import ROOT

SHARED = {"report.py", "notebook_code.py"}
SCRIPTS = sorted(path.name for path in (ROOT / "benchmarks").glob("*.py") if path.name not in SHARED)


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_benchmark_has_all_that_it_imports_and_says_how_to_use_it(script):
    result = subprocess.run([sys.executable, "-m", f"benchmarks.{script}", "--help"], capture_output=True, text=True)
    assert result.returncode == 0 and result.stdout.startswith(f"usage: {script}"), result.stderr
