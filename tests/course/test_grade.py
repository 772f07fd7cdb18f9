"""Grading a folder: learners get the points of their own solutions, whatever other submissions do."""

import ast
import csv
import json
import re

import nbformat
import psutil
import pytest
from nbclient import NotebookClient

from course import build, grade, reading, sandbox, solutions

EVERY = range(1, 8)                 # the three functions and the decoder's four steps
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
    assert sum("raise NotImplementedError" in cell for cell in cells) == 4      # the decoder's steps


STATES = "narrow = decoder.img_embed_to_bottleneck(decoder.image)"
H0 = "decoder.h0 = decoder.img_embed_bottleneck_to_h0(narrow)"
C0 = "decoder.c0 = decoder.h0"
WORDS = "decoder.word_embeds = decoder.word_embed(decoder.sentences[:, :-1])"


@pytest.mark.parametrize("theirs", [[STATES, H0, C0, WORDS], [f"{STATES}\n{H0}\n{C0}", f"print(decoder)\n{WORDS}"]])
def test_a_step_of_the_decoder_is_found_in_one_cell_or_several(theirs):
    cells = code(notebook_of(*theirs))
    place = cells.index(STATES)
    check = 'grader.check_step(decoder, vocab, "{}")'.format
    assert cells[place:place + 5] == [STATES, H0, C0, WORDS, check("states")]
    assert cells.index(check("words in")) > place + 4
    unsolved = [cell for cell in cells if "raise NotImplementedError" in cell and "grader." in cell]
    assert len(unsolved) == 2 and check("logits") in unsolved[0]


def test_a_decoder_that_is_written_as_a_class_counts_as_a_whole():
    mine = "class decoder:\n    h0 = c0 = 1\n    word_embeds = 2\n    flat_token_logits = 3\n    loss = 4"
    cells = code(notebook_of(mine))
    assert mine in cells
    assert not [cell for cell in cells if "raise NotImplementedError" in cell and "check_step" in cell]
    assert cells.index(mine) < cells.index('grader.check_step(decoder, vocab, "states")')


def test_later_cells_get_our_results_and_the_verdict_on_theirs_stays():
    cells = code(notebook_of(function(NAMES[0], "return {}")))
    made = [place for place, cell in enumerate(cells) if cell.startswith("vocab = generate_vocabulary(")]
    assert len(made) == 2 and "grader.check_" in cells[made[0]] and "grader.check_" not in cells[made[1]]


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
    cells, right = code(solved(*EVERY)), build.build(student=False)
    expected, found = (
        list(dict.fromkeys(ast.unparse(statement) for cell in each for statement in ast.parse(cell).body))  # each once
        for each in ([cell.source for cell in right.cells if cell.cell_type == "code"],
                     [cell for cell in cells if cell not in (solutions.SAVE, solutions.TO_SCRATCH)]))
    steps = [f"grader.check_step(decoder, vocab, {step!r})" for step in ("states", "words in", "logits")]
    assert set(steps) <= set(found)                     # they come after all of the learner's steps
    found, expected = ([text for text in texts if text not in steps] for texts in (found, expected))
    assert found == expected[:len(found)]
    assert "grader.check_validation_loss" in cells[-2] and cells[-1] == solutions.SAVE


WHOLE = nbformat.writes(notebook_of("x = 'ä'", function(NAMES[0])))


@pytest.mark.parametrize("content", [
    WHOLE.encode(), b"\xef\xbb\xbf" + WHOLE.encode(), WHOLE.encode("utf-16"), WHOLE.encode("utf-16-be"),
    nbformat.writes(notebook_of("(" * 100_000, "def decoder(:\0", "x = 'ä'", function(NAMES[0]))).encode(),
], ids=["UTF-8", "with a byte order mark", "UTF-16", "UTF-16, big-endian", "strange code"])
def test_a_notebook_is_read_in_any_usual_encoding(tmp_path, content):
    (tmp_path / "x.ipynb").write_bytes(content)
    found = reading.read(tmp_path / "x.ipynb")
    assert {"x = 'ä'", function(NAMES[0])} <= {cell.source for cell in found.cells}
    nbformat.write(solutions.assemble(found, 60), tmp_path / "y.ipynb")


@pytest.mark.parametrize("content, reason", [
    (b"", "it is empty"), (b"{not json", "it is not JSON .Expecting property name.*line 1 column 2"),
    (WHOLE.encode()[:-40], "it is not JSON .*line"), (b"\x80\x81 \xff text", "it is neither UTF-8 nor UTF-16"),
    (b"\xff\xfe\x00", "it is neither"), (b"[" * 100_000, "it is nested too deeply"),
    (b"[1, 2]", "it is JSON, but no notebook"), (b"{}", "no notebook"),
    (b'{"cells": 3, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}', "no notebook"),
    (nbformat.writes(notebook_of("x = 'SURROGATE'")).replace("SURROGATE", r"\ud800").encode(), "characters"),
    (nbformat.writes(notebook_of("x = 5")).replace('"x = 5"', "5").encode(), "no notebook"),
])
def test_a_notebook_that_can_not_be_read_is_told_with_the_reason(tmp_path, content, reason):
    (tmp_path / "x.ipynb").write_bytes(content)
    with pytest.raises(ValueError, match=reason):
        reading.read(tmp_path / "x.ipynb")


def test_what_macs_and_jupyterlab_leave_beside_notebooks_is_no_submission(tmp_path):
    for name in ("Ann/x.ipynb", "Ann/._x.ipynb", "__MACOSX/Ann/._x.ipynb", "Ann/.ipynb_checkpoints/x-checkpoint.ipynb"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("{}")
    assert grade.find_notebooks(tmp_path) == [tmp_path / "Ann" / "x.ipynb"]


# ------------------------------------------------------------------------------------------ hostile to the kernel

def test_what_does_not_stop_is_ended_with_its_kernel(tmp_path):
    stubborn = (f"import os, time\nopen({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()))\n"
                "while True:\n    try:\n        time.sleep(60)\n    except BaseException:\n        pass")
    notebook = notebook_of(stubborn)
    notebook.cells[0].metadata["timeout"] = 1
    assert sandbox.run(notebook, tmp_path, 12, sandbox.bare_environment(), "--keep-going") is None
    assert not psutil.pid_exists(int((tmp_path / "pid").read_text()))


@pytest.mark.parametrize("source", ["import os\nos._exit(0)", "import os\nos.kill(os.getppid(), 9)"])
def test_a_kernel_that_dies_is_noticed(tmp_path, source):
    assert sandbox.run(notebook_of(source), tmp_path, 60, sandbox.bare_environment(), "--keep-going")


def test_a_submission_sees_no_secret_and_runs_in_a_folder_of_its_own(tmp_path, monkeypatch):
    for name in ("CAPTION_GRADER_TOKEN", "CAPTION_MIRRORS", "AWS_SECRET_ACCESS_KEY", "PATHS_OF_MINE"):
        monkeypatch.setenv(name, "https://secret")
    monkeypatch.setenv("CAPTION_SEED", "7")
    look = "import os\nprint(dict(os.environ))\nopen('mine.txt', 'w').close()\nprint(os.path.abspath('mine.txt'))"
    assert sandbox.run(notebook_of(solutions.TO_SCRATCH, look), tmp_path, 60, sandbox.bare_environment()) == 0
    said = (tmp_path / "notebook.ipynb").read_text()
    assert "secret" not in said and "'CAPTION_SEED': '7'" in said and f"'HOME': '{tmp_path}" in said
    assert f"{tmp_path / 'scratch' / 'mine.txt'}" in said
    assert {path.name for path in tmp_path.iterdir()} == {"notebook.ipynb", "log.txt"}      # the scratch folder is gone


def test_what_a_submission_writes_elsewhere_is_remarked(tmp_path):
    mine, other = tmp_path / "mine", tmp_path / "other"
    for folder in (mine, other):
        folder.mkdir()
        (folder / "row.json").write_text("{}")
    before = sandbox.watched(mine)
    (mine / "new.txt").write_text("its own")
    assert sandbox.changes(before, sandbox.watched(mine)) == ""
    (other / "row.json").write_text('{"total": 100}')
    (other / "new.txt").write_text("")
    said = sandbox.changes(before, sandbox.watched(mine))
    assert said == f"it wrote or deleted outside its folder: {other / 'new.txt'}, {other / 'row.json'}"
    assert build.SOURCE in before and sandbox.changes({build.SOURCE: 1}, {}).endswith(
        ": course/week6_final_project_image_captioning.py")


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


@pytest.mark.parametrize("source, said", [
    ("def f(:\n    pass", "Exercise 9: the end: SyntaxError: invalid syntax in line 1 of the cell"),
    ("1 / 0", "Exercise 9: the end: ZeroDivisionError: division by zero"),
    ("raise NotImplementedError('Exercise 9: the end is not solved yet.')", "Exercise 9: the end is not solved yet."),
    ("raise KeyboardInterrupt", "Exercise 9: the end: a cell ran for more than 40 s")])
def test_the_first_problem_names_its_exercise(tmp_path, source, said):
    notebook = notebook_of("x = 1", source, "1 + ''")
    notebook.cells[1:1] = [nbformat.v4.new_markdown_cell("## Exercise 9: the end\n\nText."),
                           nbformat.v4.new_markdown_cell("More text.")]
    client = NotebookClient(notebook, allow_errors=True)
    client.execute()
    nbformat.write(notebook, tmp_path / "notebook.ipynb")
    assert grade.first_problem(tmp_path, 40) == said


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


def test_each_exercise_counts_by_itself_and_a_second_call_goes_on(tiny, tmp_path, capsys):
    submissions, grades = tmp_path / "submissions", tmp_path / "grades.csv"
    (submissions / "ada").mkdir(parents=True)
    stray = tmp_path / "grades" / "stray.txt"
    endless = function(NAMES[1], f"import time\n    open({str(stray)!r}, 'w')\n    while True: time.sleep(1)")
    notebook = solved(1)                                    # the third and fourth are not solved
    notebook.cells.append(nbformat.v4.new_code_cell(endless))
    nbformat.write(notebook, submissions / "ada" / "final.ipynb")
    (submissions / "broken.ipynb").write_text("{not json")
    grade.main(submissions, grades, 300)
    rows = table(grades)
    assert points(rows["ada/final.ipynb"]) == [10, 0, 0, 0, 0, 0]
    assert rows["ada/final.ipynb"]["problem"] == (
        "Exercise 2: from words to indices: a cell ran for more than 5 s; it wrote or deleted outside its folder: "
        f"{stray}")
    assert rows["broken.ipynb"]["problem"].startswith("can't be read: it is not JSON")
    assert rows["broken.ipynb"]["total"] == "0"
    assert [path.name[:-9] for path in sorted((tmp_path / "grades").glob("*-*"))] == ["ada-final", "broken"]

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
    nbformat.write(solved(*EVERY), submissions / "right.ipynb")
    nbformat.write(solved(*EVERY[1:]), submissions / "without the first.ipynb")
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
