"""Grading a folder: learners get the points of their own solutions, whatever other submissions do."""

import ast
import csv
import json
import re

import nbformat
import psutil
import pytest

from course import build, grade, solutions

NAMES = ["generate_vocabulary", "caption_tokens_to_indices", "batch_captions_to_matrix", "decoder"]
TINY = {"DATASET": "folder", "ENCODER_WEIGHTS": "drawn", "EPOCHS": "1", "BATCHES_PER_EPOCH": "5", "VAL_BATCHES": "1",
        "BATCH_SIZE": "16"}


def student():
    """The student notebook."""
    return nbformat.read(build.STUDENT, as_version=4)


def solved(*exercises):
    """The student notebook with some exercises solved, given by number."""
    notebook, right = student(), build.build(student=False)
    places = [number for number, cell in enumerate(notebook.cells) if "raise NotImplementedError" in cell.source]
    for exercise in exercises:
        notebook.cells[places[exercise - 1]].source = right.cells[places[exercise - 1]].source
    return notebook


def notebook_of(*sources):
    """A notebook of code cells."""
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])


def function(name, body="return 1"):
    """Source of a function."""
    return f"def {name}(*arguments):\n    {body}"


def code(notebook):
    """Sources of the code cells of the notebook that grades a submission."""
    return [cell.source for cell in solutions.assemble(notebook, 60).cells if cell.cell_type == "code"]


# ------------------------------------------------------------------------------------------ what is taken over

def test_a_solution_is_found_by_its_name_wherever_it_stands():
    mine = [function(name, f"return '{name} of mine'") for name in NAMES[:3]]
    notebook = notebook_of("%%time\n" + mine[0], "# both here\n" + "\n\n\n".join(mine[1:]), "!pip install x\n%pylab")
    cells = code(notebook)
    assert [sum(definition in cell for cell in cells) for definition in mine] == [1, 1, 1]
    for name, definition in zip(NAMES, mine):
        theirs, ours = (i for i, cell in enumerate(cells) if f"def {name}(" in cell)
        check = next(i for i, cell in enumerate(cells) if i > theirs and "grader.check_" in cell)
        assert cells[theirs] == definition and theirs < check < ours       # later cells get ours
    assert any(re.search(r"class decoder:.*raise NotImplementedError", cell, re.S) for cell in cells)


def test_of_several_tries_the_last_one_counts():
    cells = code(notebook_of(*(function(NAMES[0], f"return {number}") for number in range(3))))
    assert sum("return 2" in cell for cell in cells) == 1 and not any("return 1" in cell for cell in cells)


def test_helpers_come_along_and_nothing_that_is_ours_is_replaced():
    notebook = notebook_of(
        "import collections as c\ngrader = None\nsettings = 3\nMINIMUM = 5\nprint('mine')", function("helper"),
        "@helper\n" + function("decorated"), "def split_sentence(s): return 'mine'",
        "LATER = 6\n" + function(NAMES[0], "return helper(MINIMUM)"), "NEXT = 7", function(NAMES[1]), "AFTER = 8")
    cells = code(notebook)
    order = [next(i for i, cell in enumerate(cells) if text in cell) for text in (
        "import collections as c", "MINIMUM = 5", "def helper", "@helper\ndef decorated", "LATER = 6",
        "return helper(MINIMUM)", "check_vocabulary", "NEXT = 7", "check_indexing")]
    assert order == sorted(order)
    assert not [cell for cell in cells for text in ("= None", "settings = 3", "'mine'", "AFTER") if text in cell]


def test_a_slip_in_the_syntax_costs_one_exercise():
    cells = code(notebook_of("def generate_vocabulary(x:\n    return 1", function(NAMES[1])))
    assert "def generate_vocabulary(x:\n    return 1" in cells and function(NAMES[1]) in cells


def test_the_solved_notebook_comes_out_as_it_is():
    cells, right = code(solved(1, 2, 3, 4)), build.build(student=False)
    expected = [ast.unparse(ast.parse(cell.source)) for cell in right.cells if cell.cell_type == "code"]
    found = dict.fromkeys(ast.unparse(ast.parse(cell)) for cell in cells if cell != solutions.SAVE)    # each once
    assert list(found) == expected[:len(found)]
    assert "grader.check_validation_loss" in cells[-2] and cells[-1] == solutions.SAVE


@pytest.mark.parametrize("content", [
    b"", b"{not json", b"[1, 2]", b"{}", b'{"cells": 3, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}',
    b"[" * 100_000, b"\xff\xfe\x00",
    nbformat.writes(notebook_of("x = 'SURROGATE'")).replace("SURROGATE", r"\ud800").encode(),
    nbformat.writes(notebook_of("x = 5")).replace('"x = 5"', "5").encode(),
    nbformat.writes(notebook_of("(" * 100_000, "def decoder(:\0", function(NAMES[0]))).encode(),
])
def test_what_is_no_notebook_stops_nothing(tmp_path, content):
    (tmp_path / "x.ipynb").write_bytes(content)
    found = grade.read(tmp_path / "x.ipynb")
    if found is not None:
        nbformat.write(solutions.assemble(found, 60), tmp_path / "y.ipynb")
    assert (found is not None) == (b"generate_vocabulary" in content)


# ------------------------------------------------------------------------------------------ hostile to the kernel

def test_what_does_not_stop_is_ended_with_its_kernel(tmp_path):
    stubborn = (f"import os, time\nopen({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()))\n"
                "while True:\n    try:\n        time.sleep(60)\n    except BaseException:\n        pass")
    notebook = notebook_of(stubborn)
    notebook.cells[0].metadata["timeout"] = 1
    assert grade.run(notebook, tmp_path, 12, "--keep-going") is None
    assert not psutil.pid_exists(int((tmp_path / "pid").read_text()))


@pytest.mark.parametrize("source", ["import os\nos._exit(0)", "import os\nos.kill(os.getppid(), 9)"])
def test_a_kernel_that_dies_is_noticed(tmp_path, source):
    assert grade.run(notebook_of(source), tmp_path, 60, "--keep-going") != 0


def test_what_a_submission_says_of_its_points_is_not_believed_blindly(tmp_path):
    parts = [{"id": "19Wpv", "points": 1000}, {"id": "uJh73", "points": "10"}, {"id": "yiJkt", "points": 10}]
    for text, total in ((json.dumps({"parts": parts}), 10), ("[]", 0), ('{"parts": 3}', 0), ("", 0)):
        (tmp_path / "grades.json").write_text(text)
        assert sum(grade.saved_points(tmp_path / "grades.json").values()) == total


def test_a_spreadsheet_takes_no_text_for_a_formula(tmp_path):
    row = dict.fromkeys(grade.COLUMNS, 0) | {"file": "=1+1.ipynb", "problem": "@SUM(A1), \"x\""}
    grade.write_table(tmp_path / "x.csv", [row])
    [found] = csv.DictReader((tmp_path / "x.csv").open(newline=""))
    assert (found["file"], found["problem"]) == ("'=1+1.ipynb", "'@SUM(A1), \"x\"")


# ------------------------------------------------------------------------------------------ a folder of submissions

@pytest.fixture
def tiny(monkeypatch, small_world):
    """Settings for a small drawn world and a few steps."""
    for name, value in (TINY | {"DATA_DIR": str(small_world)}).items():
        monkeypatch.setenv(f"CAPTION_{name}", value)
    monkeypatch.setattr(grade, "CELL_SHARE", 60)


def table(path):
    """Rows of the CSV by file."""
    with path.open(newline="") as file:
        return {row["file"]: row for row in csv.DictReader(file)}


def points(row):
    """Points of the six parts."""
    return [int(row[part.title]) for part in grade.PARTS.values()]


def test_each_exercise_counts_by_itself_and_a_second_call_goes_on(tiny, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(grade, "prepare", lambda folder: None)      # saves a kernel; the slow test runs it
    submissions, grades = tmp_path / "submissions", tmp_path / "grades.csv"
    (submissions / "ada").mkdir(parents=True)
    endless = function(NAMES[1], "while True: pass")
    notebook = solved(1)                                    # the third and fourth are not solved
    notebook.cells.append(nbformat.v4.new_code_cell(endless))
    nbformat.write(notebook, submissions / "ada" / "final.ipynb")
    (submissions / "broken.ipynb").write_text("{not json")
    grade.main(submissions, grades, 300)
    rows = table(grades)
    assert points(rows["ada/final.ipynb"]) == [10, 0, 0, 0, 0, 0] and "5 s" in rows["ada/final.ipynb"]["problem"]
    assert rows["broken.ipynb"]["problem"] == "no notebook" and rows["broken.ipynb"]["total"] == "0"

    (submissions / "broken.ipynb").write_text("{still not json")
    (submissions / "another.ipynb").write_text("")
    capsys.readouterr()
    grade.main(submissions, grades, 300)
    again = capsys.readouterr().out
    assert re.findall(r"(\S+)  as before", again) == ["ada/final.ipynb"]
    assert set(table(grades)) == {*rows, "another.ipynb"}
    assert table(grades)["ada/final.ipynb"] == rows["ada/final.ipynb"]


def test_a_changed_check_or_notebook_is_another_course(tmp_path, monkeypatch):
    names = [build.SOLVED.name, "captioning/grading/grader.py", "captioning/grading/report.py"]
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes((build.ROOT / name).read_bytes())
    monkeypatch.setattr(build, "ROOT", tmp_path)
    monkeypatch.setattr(build, "SOLVED", tmp_path / names[0])
    digests = [grade.digest_of_course()]
    for name in names:
        text = (tmp_path / name).read_text("utf-8")
        (tmp_path / name).write_text(text.replace("import", "import  ", 1), "utf-8")
        digests.append(grade.digest_of_course())
    assert len(set(digests)) == 4


@pytest.mark.slow
def test_right_solutions_get_their_points_beside_one_that_kills_its_kernel(tiny, tmp_path):
    submissions = tmp_path / "submissions"
    submissions.mkdir()
    nbformat.write(solved(1, 2, 3, 4), submissions / "right.ipynb")
    nbformat.write(solved(2, 3, 4), submissions / "without the first.ipynb")
    killer = solved(1)
    killer.cells.append(nbformat.v4.new_code_cell(function(NAMES[1], "import os; os._exit(0)")))
    nbformat.write(killer, submissions / "killer.ipynb")
    grade.main(submissions, tmp_path / "grades.csv", 600)
    rows = table(tmp_path / "grades.csv")
    # The validation loss is out of reach in so few steps.
    assert points(rows["right.ipynb"]) == [10, 10, 10, 20, 20, 0]
    assert points(rows["without the first.ipynb"]) == [0, 10, 10, 20, 20, 0]
    assert points(rows["killer.ipynb"]) == [10, 0, 0, 0, 0, 0] and rows["killer.ipynb"]["problem"] == "kernel died"
    assert not list(tmp_path.rglob("checkpoints"))
