"""Every benchmark starts as a module, and its docstring says so."""

import ast
import subprocess
import sys

import pytest

from tests.helpers import ROOT

SHARED = {"__init__", "report", "notebook_code"}
SCRIPTS = sorted({path.stem for path in (ROOT / "benchmarks").glob("*.py")} - SHARED)


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_benchmark_has_all_that_it_imports_and_says_how_to_use_it(script):
    module = f"benchmarks.{script}"
    result = subprocess.run([sys.executable, "-m", module, "--help"], capture_output=True, text=True)
    assert result.returncode == 0 and result.stdout.startswith("usage: "), result.stderr
    docstring = ast.get_docstring(ast.parse((ROOT / "benchmarks" / f"{script}.py").read_text("utf-8")))
    assert f"python -m {module}" in docstring
