"""The handout: it has all that a learner needs, and no solutions."""

import ast
import inspect
import itertools
import os
import re
import subprocess
import sys
import textwrap
import zipfile

import nbformat
import pytest

from captioning.datasets.tokens import END, PAD, START, UNK
from captioning.grading import batching_checks, indexing_checks, vocabulary_checks
from captioning.grading.grader import Grader
from course import build, handout
from tests.helpers import ROOT
from tests.helpers.course_cells import solution_lines

NOTEBOOK = "student/week6_final_project_image_captioning.ipynb"
CELL = """
ours = "captioning captioning.storage.zips grading keras_utils utils".split()
modules = {name: sys.modules[name].__file__ for name in ours}
assert all(Path(file).is_relative_to(PROJECT) for file in modules.values()), modules
from captioning.encoder.networks import find_weights
from PIL import Image
from captioning.gallery.examples import Example
find_weights(settings.encoder_weights)  # checks their digest
photo = Image.new("RGB", (8, 8))
utils.write_gallery(PROJECT.parent / "gallery.html", [Example("a.jpg", photo, ["a"])], [])
utils.TrainingPicture(photo).table([])
print(f"{len(modules)} modules")
"""


@pytest.fixture(scope="module")
def unzipped(tmp_path_factory):
    """Folder of the unzipped handout."""
    folder = tmp_path_factory.mktemp("learner")
    handout.write(folder / "handout.zip")
    with zipfile.ZipFile(folder / "handout.zip") as packed:
        packed.extractall(folder)
    return folder / handout.FOLDER


def names(folder):
    """Relative paths of the files in a folder."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_no_file_of_it_holds_a_solution(unzipped):
    lines = {line.encode() for line in solution_lines() if len(line) > 20}      # others may write shorter lines, too
    held = {name: found for name in names(unzipped)
            if (found := [line for line in lines if line in (unzipped / name).read_bytes()])}
    assert held == {}
    assert not [name for name in names(unzipped) if name.split("/")[0] in ("course", "tests", "benchmarks", "outputs")]
    assert {name for name in names(unzipped) if name.endswith(".ipynb")} == {NOTEBOOK, "going_further.ipynb"}


def shapes_of_expressions(source, least=20):
    """Each expression and statement of `least` nodes or more, without its names and constants."""
    found = {}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.expr, ast.stmt)) and sum(1 for _ in ast.walk(node)) >= least:
            dump = re.sub(r", ctx=\w+\(\)|(?:id|arg|value)='\w*'|Constant\(.*?\)", "_", ast.dump(node))
            found[dump] = ast.unparse(node)
    return found


def test_no_code_of_it_is_a_solution_with_other_names(unzipped):
    solutions = {}
    for solution in build.SOLUTION.finditer(build.SOURCE.read_text("utf-8")):
        body = textwrap.dedent(solution[0]).replace("return ", "result = ")
        solutions |= {shape: text for shape, text in shapes_of_expressions(body).items() if "from_logits" not in text}
    assert len(solutions) > 15
    own = next(text for text in solutions.values() if text.startswith("[vocab.get("))
    assert set(shapes_of_expressions(own.replace("word", "w").replace("vocab", "v"))) & set(solutions)
    held = {name: [solutions[shape] for shape in set(solutions) & set(found)] for name in names(unzipped)
            if name.endswith(".py") and (found := shapes_of_expressions((unzipped / name).read_text("utf-8")))}
    assert {name: texts for name, texts in held.items() if texts} == {}


def test_no_function_of_the_checks_passes_them():
    vocab = {token: index for index, token in enumerate([PAD, UNK, START, END, "a", "cat", "dog"])}
    passed = []
    modules = vocabulary_checks, indexing_checks, batching_checks
    functions = itertools.chain.from_iterable(inspect.getmembers(module, inspect.isfunction) for module in modules)
    for name, function in functions:
        grader = Grader()
        passed += [(name, verdict.part.title) for verdict in (
            grader.check_vocabulary(vocab, function, [["a cat", "a dog"]]),
            grader.check_indexing([[[2, 4, 3]]], vocab, function), grader.check_batching(function)) if verdict.passed]
    assert passed == []


def test_its_notebook_finds_there_all_that_it_imports(unzipped, small_world):
    notebook = nbformat.read(unzipped / NOTEBOOK, as_version=4)
    last = next(i for i, cell in enumerate(notebook.cells) if "\ngrader = " in cell.source)
    notebook.cells = [*notebook.cells[:last + 1], nbformat.v4.new_code_cell(CELL)]
    nbformat.write(notebook, unzipped / "student" / "begun.ipynb")
    settings = {"CAPTION_DATASET": "folder", "CAPTION_DATA_DIR": str(small_world), "CAPTION_ENCODER_WEIGHTS": "drawn"}
    process = subprocess.run([sys.executable, "-m", "course.execute", str(unzipped / "student" / "begun.ipynb"),
                              str(unzipped / "ran.ipynb")], cwd=ROOT, env=os.environ | settings | {"PYTHONPATH": ""},
                             capture_output=True, text=True)
    assert process.returncode == 0 and "5 modules" in process.stdout, process.stdout[-1000:] + process.stderr[-1000:]


def test_its_pages_name_no_file_that_is_missing(unzipped):
    made = {"outputs/grades.json"}
    for page in ("README.md", "checkpoints/README.md", "Dockerfile"):
        text = (unzipped / page).read_text("utf-8").replace("\\", "/")
        named = set(re.findall(r"[\w/]+\.(?:py|ipynb|md|txt|json|jpg)\b", text)) - made
        assert named or page.startswith("checkpoints")
        assert {name for name in named if not (unzipped / name).is_file()} <= {"about.json", "sha256.json"}
    assert not re.search(r"`make |benchmarks/|tests/|course/", (unzipped / "README.md").read_text("utf-8"))
    assert "CAPTION_DATASET" in (unzipped / "README.md").read_text("utf-8")


def test_the_same_files_give_the_same_bytes(unzipped, tmp_path):
    handout.write(tmp_path / "again.zip")
    assert (tmp_path / "again.zip").read_bytes() == (unzipped.parent / "handout.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "again.zip") as packed:
        assert {info.filename.split("/")[0] for info in packed.infolist()} == {handout.FOLDER}
        assert {info.date_time for info in packed.infolist()} == {handout.STORED_AT}


@pytest.mark.parametrize("name", ["course/grade.py", "tests/x.py", "solutions.md", "drawn/more/x.py", "my.ipynb",
                                  "week6_final_project_image_captioning.ipynb", "docs/answers.jpg"])
def test_what_is_not_named_stays_out(name):
    assert not handout.is_shared(name)
