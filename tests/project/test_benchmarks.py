"""Every benchmark starts as a module, and its docstring says so."""

import ast
import json
import subprocess
import sys

import pytest

from tests.helpers import ROOT

SHARED = {"__init__", "report", "notebook_code"}
SCRIPTS = sorted({path.stem for path in (ROOT / "benchmarks").glob("*.py")} - SHARED)

# All in one process, because each would import TensorFlow, which takes seconds.
EACH_HELP = """
import contextlib, io, json, runpy, sys, traceback
helps = {}
for script in sys.argv[1:]:
    sys.argv = [script, "--help"]
    with contextlib.redirect_stdout(io.StringIO()) as said:
        try:
            runpy.run_module(f"benchmarks.{script}", run_name="__main__", alter_sys=True)
        except SystemExit as end:
            said.write(f"exit status {end.code}")
        except Exception:
            traceback.print_exc(file=said)
    helps[script] = said.getvalue()
print(json.dumps(helps))
"""


@pytest.fixture(scope="module")
def helps():
    """{script: what `python -m benchmarks.script --help` prints, and its exit status}"""
    done = subprocess.run([sys.executable, "-c", EACH_HELP, *SCRIPTS], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_benchmark_has_all_that_it_imports_and_says_how_to_use_it(helps, script):
    assert helps[script].startswith("usage: ") and helps[script].endswith("exit status 0"), helps[script]
    docstring = ast.get_docstring(ast.parse((ROOT / "benchmarks" / f"{script}.py").read_text("utf-8")))
    assert f"python -m benchmarks.{script}" in docstring
