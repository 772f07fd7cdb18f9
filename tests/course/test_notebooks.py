"""The notebooks are built from their sources. The solved ones run to their end, the student's to its first exercise."""

import ast
import base64
import contextlib
import io
import json
import re
import subprocess
import sys
from copy import deepcopy

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError
from PIL import Image, ImageChops

from course import build, pictures
from course import execute as execution
from tests.helpers import ROOT
from tests.helpers.course_cells import solution_lines
from tests.helpers.grader_service import EMAIL, TOKEN, address, running_service
from tests.helpers.notebooks import execute, outputs, quick, text_of


@pytest.mark.parametrize("path, student, source", [
    (build.SOLVED, False, build.SOURCE), (build.STUDENT, True, build.SOURCE),
    (build.FURTHER, False, build.FURTHER_SOURCE)], ids=["solved", "student", "further"])
def test_the_notebook_is_current(path, student, source):
    assert build.is_current(path, build.build(student, source)), f"{path.name} is stale: run `make notebooks`"


def test_the_diagrams_are_current(tmp_path):
    pictures.write_diagrams(tmp_path)
    for new in tmp_path.iterdir():
        old = Image.open(ROOT / "docs" / "notebook" / new.name)
        assert not ImageChops.difference(Image.open(new), old).getbbox(), f"{new.name} is stale: run `make notebooks`"


def test_the_course_can_be_done_in_an_evening():
    """At most 60 cells and 1,800 words of prose, code that no file browser cuts, checks next to their exercises."""
    cells = build.build().cells
    assert len(cells) <= 60
    assert sum(len(cell.source.split()) for cell in cells if cell.cell_type == "markdown") <= 1800
    code = [cell.source for path in (build.SOURCE, build.FURTHER_SOURCE) for cell in build.build(source=path).cells
            if cell.cell_type == "code"]
    assert [line for source in code for line in source.splitlines() if len(line) > 88] == []
    student = build.build(student=True).cells
    exercises = [place for place, cell in enumerate(student) if "raise NotImplementedError" in cell.source]
    checks = [place for place, cell in enumerate(student) if "grader.check_" in cell.source]
    assert all(any(0 <= check - exercise <= 2 for check in checks) for exercise in exercises)


def test_pictures_are_in_the_notebooks_and_have_alternative_text():
    for path in (build.SOLVED, build.STUDENT):
        cells = nbformat.read(path, as_version=4).cells
        shown = [(alt, name, cell) for cell in cells if cell.cell_type == "markdown"
                 for alt, name in re.findall(r"!\[([^\]]*)\]\((?:attachment:)?([^)]*)\)", cell.source)]
        assert len(shown) == 6 and all(len(alt) > 20 for alt, *_ in shown)
        for _, name, cell in shown:
            Image.open(io.BytesIO(base64.b64decode(cell.attachments[name]["image/png"]))).verify()


def test_a_change_of_the_source_makes_the_notebooks_stale(tmp_path):
    changed = build.build(student=True)
    changed.cells[3].source += "\n# changed"
    nbformat.write(changed, tmp_path / "changed.ipynb")
    assert not build.is_current(tmp_path / "changed.ipynb", build.build(student=True))


def test_a_changed_text_keeps_the_outputs_and_changed_code_does_not(tmp_path, monkeypatch):
    made, notebook, path = build.build(), build.build(), tmp_path / "solved.ipynb"
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    code[2].outputs = [nbformat.v4.new_output("stream", text="an output")]
    notebook.cells[0].source += "old"
    nbformat.write(notebook, path)
    monkeypatch.setattr(build, "ROOT", tmp_path)
    monkeypatch.setattr(build, "SOLVED", path)
    monkeypatch.setattr(build, "build", lambda student=False, source=None: deepcopy(made))
    for name in ("STUDENT", "FURTHER"):
        monkeypatch.setattr(build, name, tmp_path / f"{name}.ipynb")
    build.main([])
    assert build.is_current(path, made) and "an output" in path.read_text()
    code[1].source += "# other code"
    nbformat.write(notebook, path)
    build.main([])
    assert build.is_current(path, made) and "an output" not in path.read_text()


def test_the_student_copy_holds_no_solution_and_no_output():
    student = build.STUDENT.read_text()
    assert not [line for line in solution_lines() if json.dumps(line)[1:-1] in student]
    notebook = nbformat.read(build.STUDENT, as_version=4)
    assert not outputs(notebook) and not any(cell.metadata for cell in notebook.cells)
    assert student.count("raise NotImplementedError") == 7


def test_code_that_is_written_above_the_line_that_raises_is_told_where_it_belongs():
    mark = "# YOUR CODE HERE, in place of the next line"
    cells = [cell.source for cell in build.build(student=True).cells if "raise NotImplementedError" in cell.source]
    assert all(re.search(rf'^ *{mark}\n *raise NotImplementedError\("Exercise.*"\)$', cell, re.M) for cell in cells)
    [batches] = [cell for cell in cells if "def batch_captions_to_matrix(" in cell]
    exec(batches.replace(mark, "width = max(map(len, batch_captions))"), scope := {})
    with pytest.raises(NotImplementedError, match="Exercise 3: batches is not .* in place of the line `raise ...`"):
        scope["batch_captions_to_matrix"]([[1, 2]], 0)


def test_every_name_that_others_rely_on_is_there():
    cells = [cell.source for cell in build.build(student=True).cells if cell.cell_type == "code"]
    nodes = list(ast.walk(ast.parse("\n".join(cells))))
    names = {node.name for node in nodes if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
    names |= {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    assert names >= {
        "PAD", "UNK", "START", "END", "IMG_SIZE", "split_sentence", "generate_vocabulary", "caption_tokens_to_indices",
        "batch_captions_to_matrix", "decoder", "generate_batch", "final_model", "generate_caption",
        "apply_model_to_image_raw_bytes", "show_valid_example"}


@pytest.fixture(scope="module")
def executed(project):
    """The solved notebook, run once on the small drawn world."""
    return execute(project, build.SOLVED.name)


def test_the_solved_notebook_runs_to_its_end_and_leaves_its_results(project, executed):
    process, notebook = executed
    assert process.returncode == 0, process.stdout[-2000:] + process.stderr[-2000:]
    results = project[0] / "outputs"
    assert {p.name for p in results.iterdir()} == {
        "notebook.ipynb", "history.json", "val_captions.json", "metrics.json", "gallery.html", "gallery.png",
        "grades.json"}

    history = json.loads((results / "history.json").read_text())
    assert [row["step"] for row in history] == [20, 40] and [row["epoch"] for row in history] == [1, 2]
    assert history[1]["train_loss"] < history[0]["train_loss"]
    captions = json.loads((results / "val_captions.json").read_text())
    assert len(captions) == len({row["image_id"] for row in captions}) == 16
    assert not any("#" in row["caption"] for row in captions)
    metrics = json.loads((results / "metrics.json").read_text())
    assert metrics["beam"]["tokenizer"] == "split_sentence" and metrics["beam"]["photos"] == 16
    assert set(metrics["baselines"]) == {"caption of the nearest photo", "the most frequent caption", "people"}
    assert (results / "gallery.html").read_text().count("<article") == 16
    grades = json.loads((results / "grades.json").read_text())
    assert [part["points"] for part in grades["parts"]] == [10, 10, 10, 20, 20, 0] and grades["total"] == 70

    assert text_of(notebook).count("passed,") >= 5
    assert not [output for output in outputs(notebook) if output.get("name") == "stderr"]


def test_the_executed_notebook_shows_bars_and_buttons_as_text(executed):
    """Widgets show nothing without a kernel: on GitHub, as HTML, on paper."""
    _, notebook = executed
    assert "widgets" not in notebook.metadata
    assert not [output for output in outputs(notebook) if any("widget" in kind for kind in output.get("data", {}))]
    text = text_of(notebook)
    for bar in (r"Embedding train2014\.zip: 100% 48/48 \[\d\d:\d\d<", r"Training: 100% 40/40 \[",
                r"Validation loss: 100% 50/50 \["):
        assert re.search(bar, text), bar
    assert "Here is a button to choose a photo" in text and "VBox(" not in text


def test_what_comes_after_the_course_runs_to_its_end_from_its_checkpoint(project, executed):
    process, notebook = execute(project, build.FURTHER.name, "outputs/further")
    assert process.returncode == 0, process.stdout[-2000:] + process.stderr[-2000:]
    results = project[0] / "outputs" / "further"
    assert {path.name for path in results.iterdir()} == {
        "notebook.ipynb", "val_captions.json", "metrics.json", "gallery.html"}
    assert len(json.loads((results / "val_captions.json").read_text())) == 16
    metrics = json.loads((results / "metrics.json").read_text())
    assert [row["step"] for row in metrics["fine_tuning"]] == [0, 50]
    assert metrics.keys() >= {"beam", "course", "diversity", "above_nearest_photo", "baselines", "as_in_papers"}
    assert not [output for output in outputs(notebook) if output.get("name") == "stderr"]
    assert list((project[0] / "checkpoints").glob("*/fine-tuned/step-*"))


def test_a_second_run_goes_on_from_caches_and_checkpoints(project, executed):
    made = {path: path.stat().st_mtime_ns for path in (project[0] / "data").rglob("*.npy")}
    assert len(made) == 2
    begun = quick(build.build())
    trained = next(number for number, cell in enumerate(begun.cells) if "trainer.fit(" in cell.source)
    begun.cells = begun.cells[:trained + 1]
    nbformat.write(begun, project[0] / "again.ipynb")
    process, notebook = execute(project, "again.ipynb", CAPTION_EPOCHS="3")
    assert process.returncode == 0, process.stdout[-2000:] + process.stderr[-2000:]
    assert {path: path.stat().st_mtime_ns for path in made} == made
    assert "after 40 of 60 steps" in text_of(notebook)


def look_ahead(client, index):
    """What the next check says to someone who runs on to it in spite of the error in this cell."""
    while True:
        index += 1
        with contextlib.suppress(CellExecutionError):
            client.execute_cell(client.nb.cells[index], index)
        if "grader.check_" in client.nb.cells[index].source:
            return "".join(str(output) for output in client.nb.cells[index].outputs)


def solve_one_after_the_other(client, notebook, solved):
    """Runs the student notebook and solves each exercise where it stops. Returns the messages of stops and checks."""
    stops, checks, unsolved = [], [], None
    for index, cell in enumerate(notebook.cells):
        if "raise NotImplementedError" in cell.source:
            unsolved = index
        try:
            client.execute_cell(cell, index)
        except CellExecutionError:
            stops.append("".join(str(output) for output in cell.outputs))
            assert unsolved is not None, stops[-1]
            checks.append(look_ahead(client, index))
            notebook.cells[unsolved].source = solved.cells[unsolved].source
            for again in range(unsolved, index + 1):
                client.execute_cell(notebook.cells[again], again)
            unsolved = None
    return stops, checks


OWN_PHOTO = """
choice = album.choose([1, "own.jpg"], {9: "Too general."})
own = choice.good[1]
print(own.name, own.image.size, len(own.caption) == len(own.word_probabilities) > 0, own.score, choice)
utils.write_gallery("own.html", choice.good, choice.bad)
"""


def test_a_learner_who_solves_one_exercise_after_the_other_gets_the_same_points(project, executed):
    """The student notebook stops at each exercise, with its name, until it is solved."""
    copy, environment = project
    notebook = quick(nbformat.read(build.STUDENT, as_version=4))
    client = NotebookClient(notebook, kernel_name="python3", timeout=600,
                            resources={"metadata": {"path": str(copy / "student")}})
    turned = Image.Exif()
    turned[0x0112] = 6
    Image.new("RGB", (640, 480), "teal").save(copy / "student" / "own.jpg", exif=turned)    # beside the notebook
    with client.setup_kernel(env={**environment, "CAPTION_CHECKPOINT_ROOT": str(copy / "checkpoints" / "student")}):
        stops, checks = solve_one_after_the_other(client, notebook, build.build(student=False))
        notebook.cells.append(nbformat.v4.new_code_cell(OWN_PHOTO))
        own = client.execute_cell(notebook.cells[-1], len(notebook.cells) - 1)
    exercises = ["Exercise 1: vocabulary", "Exercise 2: from words to indices", "Exercise 3: batches",
                 *(f"Exercise 4: the decoder, step {step}" for step in (1, 2, 3, 4))]
    unsolved = [f"{exercise} is not solved yet" for exercise in exercises]
    assert [re.search(r"Exercise \d: [a-z ]+(, step \d)?[a-z ]+", stop)[0] for stop in stops] == unsolved
    assert not [text for text in stops + checks if "Traceback" in text]
    expected = ("There is no vocab yet: exercise 1 makes it", *unsolved[2:], "loss")
    assert all(said in check for check, said in zip(checks, expected, strict=True)), checks
    assert own.outputs[0].text.startswith("own.jpg (480, 640) True None 2 good and 1 bad.")
    assert "own.jpg" in (copy / "own.html").read_text()
    # The validation loss is out of reach in so few steps; the rest has its points.
    points = [re.findall(r"(\d+) of +(\d+)(?:\n|$)", text_of(run)) for run in (notebook, executed[1])]
    assert points[0] == points[1] and len(points[0]) == 7
    assert all(got == all_points for got, all_points in points[0][:5])


# --------------------------------------------------------------------------------------- e-mail and token

def submission_cells(server):
    """A notebook that submits to services which refuse the answers, are slow, or take them."""
    cells = [cell.source for cell in build.build(student=False).cells if cell.cell_type == "code"]
    needed = ("PROJECT = ", "load_dataset", "grading.Grader", "def batch_captions_to_matrix", "check_batching")
    submit = next(cell for cell in cells if "submit_now = False" in cell).replace("= False", "= True")
    sources = ["%xmode Verbose", *(next(cell for cell in cells if text in cell) for text in needed), submit]
    for path in ("/expired", "/echo", "/portal", "/hang-up", "/slow", "/ok"):
        where = f"grader.url, grader.timeout = {address(server, path)!r}, (2, 0.5)"
        sources += [where, submit.replace("submit()", "submit(anyway=True)")]
    sources += ["settings", "vars(grader)", "grader.submit(1 / 0)"]
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])


def test_nothing_that_runs_leave_holds_the_graders_email_or_token(project, executed):
    copy, _ = project
    with running_service() as server:
        nbformat.write(submission_cells(server), copy / "submission.ipynb")
        process, notebook = execute(project, "submission.ipynb")
    text = "".join(str(output) for output in outputs(notebook))
    for said in ("expects the answers for MSCOCO", "Invalid email or token", "Token … of …", "sign-in page",
                 "No connection", "did not answer within 0.5 s", "took the answers", "ZeroDivisionError"):
        assert said in text, said
    assert server.received and all(TOKEN in body.decode() for *_, body in server.received)

    (copy / "printed.txt").write_text("".join([process.stdout, process.stderr, executed[0].stdout, executed[0].stderr]))
    left = [path for path in copy.rglob("*") if path.is_file()]
    assert {".ipynb", ".html", ".json", ".txt", ".h5"} <= {path.suffix for path in left}
    secrets = EMAIL.encode(), TOKEN.encode()
    held = [path for path in left if any(secret in path.read_bytes() for secret in secrets)]
    assert held == [copy / "tests" / "helpers" / "grader_service.py"]           # this test has them from there


def test_output_that_gets_lost_ends_a_run(tmp_path, monkeypatch):
    """The kernel drops messages if they come too fast. By default nbclient goes on as if there had been no more."""
    monkeypatch.setattr(execution, "OUTPUT_LATE", 1)
    flood = "import sys\nfor _ in range(20_000):\n    sys.stdout.write('0' * 100)\n    sys.stdout.flush()\nprint('end')"
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(flood)]), tmp_path / "given.ipynb")
    try:
        execution.execute(tmp_path / "given.ipynb", tmp_path / "done.ipynb")
    except CellTimeoutError:
        return
    [cell] = nbformat.read(tmp_path / "done.ipynb", as_version=4).cells
    assert "".join(output.text for output in cell.outputs) == "0" * 2_000_000 + "end\n"


@pytest.mark.parametrize("name", [build.SOURCE.name, "going_further.py"])
def test_another_utils_that_the_kernel_imported_before_is_named(tmp_path, name):
    (tmp_path / "utils.py").write_text("x = 1")
    source = build.SOURCE.with_name(name).read_text("utf-8")
    cell = next(text for text in source.split("# %%") if "import utils" in text)
    code = f"import sys\nsys.path.insert(0, {str(tmp_path)!r})\nimport utils\n#{cell}"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    said = f"ImportError: `utils` is {tmp_path / 'utils.py'}, which this kernel imported before"
    assert said in done.stderr.splitlines()[-1]
