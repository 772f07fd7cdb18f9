"""Programs print and log whatever they meet, also where the console has no letters for it."""

import ast
import os
import subprocess
import sys

import nbformat
import pytest

from course import project_files
from tests.helpers import ROOT

NAME = "Иван Петров 猫"
SOURCES = {name: (ROOT / name).read_text("utf-8") for name in project_files.names() if name.endswith(".py")}


def run(*command, encoding="cp1252"):
    """Runs a module or a script of the project on a console of this encoding."""
    return subprocess.run([sys.executable, *map(str, command)], cwd=ROOT, capture_output=True,
                          env=os.environ | {"PYTHONIOENCODING": encoding})


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "cp932"])
def test_text_that_the_console_lacks_is_printed_as_codes(encoding):
    done = run("-c", f"import captioning; print({NAME!r} + chr(0xd800)); raise SystemExit({NAME!r} + chr(0xd800))",
               encoding=encoding)
    assert done.returncode == 1 and b"\\u" in done.stdout and b"\\u" in done.stderr
    assert b"UnicodeEncodeError" not in done.stderr


def test_every_program_takes_its_consoles_from_the_package():
    """Importing `captioning` sets the streams, so each program must import a part of it, itself or by a module."""
    def imports(name):
        nodes = [node for node in ast.walk(ast.parse(SOURCES[name])) if isinstance(node, (ast.Import, ast.ImportFrom))]
        found = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
        return found | {f"{node.module}.{alias.name}" for node in nodes if isinstance(node, ast.ImportFrom)
                        for alias in node.names} | {node.module for node in nodes if isinstance(node, ast.ImportFrom)}

    def reaches(name, seen=()):
        if name.startswith("captioning/") or any(module.startswith("captioning") for module in imports(name)):
            return True
        others = [f"{module.replace('.', '/')}.py" for module in imports(name)]
        return any(other in SOURCES and other not in seen and reaches(other, (*seen, name)) for other in others)

    programs = [name for name, source in SOURCES.items()
                if "__main__" in source and not name.startswith("tests/")]
    assert len(programs) > 15 and [name for name in programs if not reaches(name)] == []


def test_submissions_after_one_with_a_foreign_name_are_graded(tmp_path):
    for name in (f"{NAME}.ipynb", "猫.ipynb"):
        (tmp_path / name).write_text("no notebook")
    done = run("-m", "course.grade", tmp_path, "--csv", tmp_path / "grades.csv")
    assert done.returncode == 0 and b"2 of 2" in done.stdout
    rows = (tmp_path / "grades.csv").read_text("utf-8")
    assert f"{NAME}.ipynb" in rows and "猫.ipynb" in rows


def test_a_notebook_that_prints_any_text_is_executed_to_its_end(tmp_path):
    cells = [nbformat.v4.new_markdown_cell(f"# {NAME}"), nbformat.v4.new_code_cell(f"print({NAME!r})"),
             nbformat.v4.new_code_cell(f"raise ValueError({NAME!r})")]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / f"{NAME}.ipynb")
    done = run("-m", "course.execute", tmp_path / f"{NAME}.ipynb", tmp_path / NAME / "result.ipynb")
    assert done.returncode == 1 and b"\nValueError: \\u0418" in done.stderr.replace(b"\r", b"")
    result = nbformat.read(tmp_path / NAME / "result.ipynb", as_version=4)
    assert result.cells[1].outputs[0].text == f"{NAME}\n"


def test_a_download_into_any_folder_ends_with_a_sentence(tmp_path):
    (folder := tmp_path / NAME).mkdir()
    (folder / "annotations_trainval2014.zip").write_bytes(b"another file")
    done = run("download_utils.py", "--folder", folder)
    assert done.returncode == 1 and b"has 12 bytes, expected 252,872,794" in done.stderr
    assert b"Traceback" not in done.stderr
