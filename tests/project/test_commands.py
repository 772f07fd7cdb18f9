"""The lines that people copy work as they stand, on the system that their label names."""

import re
import subprocess
import sys

import pytest

from course import project_files
from tests.helpers import ROOT

STARTS = ["README.md", "course/handout.md"]
PAGES = [*STARTS, "CONTRIBUTING.md", "docs/teachers.md", "docs/engineers.md", "docs/datasets.md"]
VERSIONS = "Python 3.10 to 3.13"
POSIX, WINDOWS = re.compile(r"^(make|python3|\.venv/bin/|export |\w+=)"), re.compile(r"^(py |\.venv\\|set |\$env:)")


def text_of(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


def blocks(page: str) -> list[tuple[str, list[str]]]:
    """Each block of code of a page: the paragraph above it, and its lines."""
    texts = text_of(page).split("\n```")         # a text, the code below it, the next text ...
    return [(" ".join(text.rstrip().split("\n\n")[-1].split()), code.splitlines()[1:])
            for text, code in zip(texts[::2], texts[1::2])]


@pytest.mark.parametrize("page", STARTS)
def test_each_line_is_labelled_with_the_systems_that_have_its_command(page):
    systems = {"posix": 0, "windows": 0}
    for label, lines in blocks(page):
        if any(map(WINDOWS.match, lines)):
            assert "Windows" in label and not any(map(POSIX.match, lines)), label
            systems["windows"] += 1
        elif any(map(POSIX.match, lines)):
            assert "Linux and macOS" in label, label
            systems["posix"] += 1
    assert min(systems.values()) >= 2


@pytest.mark.parametrize("page", PAGES)
def test_a_copied_line_has_no_remark_and_no_command_that_a_fresh_machine_lacks(page):
    """On a Mac, the shell reads `# JupyterLab with the learners' notebook` as words, and waits for a second quote."""
    lines = [line for _, block in blocks(page) for line in block if POSIX.match(line) or WINDOWS.match(line)]
    assert [line for line in lines if " #" in line] == []
    assert [line for line in lines if re.search(r"<\w+>", line)] == []
    assert [line for line in lines if re.match(r"(python|pip3?|jupyter|pytest)\b", line)] == []


def test_scripts_of_the_virtual_environment_are_run_as_modules():
    """A script names its Python by the path that the folder had when it was set up; so it fails after a move."""
    named = re.compile(r"(?:\$\(BIN\)|\.venv/bin|\.venv\\Scripts|venv/bin)[/\\](\w+)")
    pages = [name for name in project_files.names() if name.endswith((".md", "Makefile", "Dockerfile"))]
    found = {(page, script) for page in pages for script in named.findall(text_of(page))}
    assert {script for _, script in found} == {"python"} and ("Makefile", "python") in found
    assert not re.search(r"(?m)^(RUN|CMD|ENTRYPOINT)\b.*\b(pip|jupyter)\b(?<!-m pip)", text_of("Dockerfile"))


@pytest.mark.parametrize("page", STARTS)
def test_the_versions_of_python_are_said(page):
    assert f"You need {VERSIONS}." in text_of(page)


@pytest.mark.skipif(sys.platform == "win32", reason="needs make")
@pytest.mark.parametrize("version, stops", [((3, 9), True), ((3, 10), False), ((3, 13), False), ((3, 14), True)])
def test_make_stops_with_the_versions_that_it_needs(version, stops):
    lines = re.search(r'(?m)^\t\$\(PYTHON\) -c "((?:.*\\\n)*.*)"$', text_of("Makefile"))[1].replace("\\\n\t", "")
    code = lines.replace("import sys;", f"import sys; sys.version_info = {version};")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode != 0, f"{VERSIONS} is needed" in done.stderr) == (stops, stops)


def test_the_readme_is_short():
    assert len(text_of("README.md").splitlines()) <= 120
