"""A download without git has the same project files as a checkout, whatever runs have added."""

import os

import pytest

from course import project_files

LEFT = ("outputs/notebook.ipynb", ".venv/lib/x.py", "data/coco2014/train2014.zip", "data/drawn/train2014.zip",
        "checkpoints/drawn/step-00000001/about.json", "course/__pycache__/build.cpython-312.pyc",
        "student/.ipynb_checkpoints/x.ipynb", ".pytest_cache/README.md", ".hypothesis/x", ".ruff_cache/x")


def test_without_git_the_files_are_those_that_runs_do_not_make(tmp_path, monkeypatch):
    folder = tmp_path / "a folder $HOME"
    expected = project_files.names()
    for name in (*expected, *LEFT):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    monkeypatch.setattr(project_files, "ROOT", folder)
    assert project_files.names() == expected


@pytest.mark.skipif(os.name == "nt", reason="needs a POSIX shell")
@pytest.mark.parametrize("git", [None, "echo 'fatal: detected dubious ownership in repository' >&2; exit 128"])
def test_a_checkout_whose_git_is_missing_or_refuses_is_listed_by_its_own_files(tmp_path, monkeypatch, git):
    for folder in (".git", "course"):
        (tmp_path / folder).mkdir()
    (tmp_path / ".git" / "config").touch()
    (tmp_path / "course" / "build.py").touch()
    path = tmp_path.parent / f"{tmp_path.name}-path"
    path.mkdir()
    if git:
        (path / "git").write_text(f"#!/bin/sh\n{git}\n")
        (path / "git").chmod(0o755)
    monkeypatch.setenv("PATH", str(path))
    monkeypatch.setattr(project_files, "ROOT", tmp_path)
    assert project_files.names() == ["course/build.py"]


def test_a_project_inside_another_repository_is_listed_by_its_own_files(tmp_path, monkeypatch):
    (tmp_path / ".git").mkdir()
    folder = tmp_path / "unzipped"
    (folder / "course").mkdir(parents=True)
    (folder / "course" / "build.py").touch()
    monkeypatch.setattr(project_files, "ROOT", folder)
    assert project_files.names() == ["course/build.py"]
