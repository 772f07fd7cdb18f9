"""Builds the notebooks from their sources: the course, solved and for students, and what comes after it.

    python -m course.build            writes those that are stale; a notebook whose code is current keeps its outputs
    python -m course.build --check    lists those that are stale, and exits with status 1 if there are any

In the student copy, a line that raises NotImplementedError replaces whatever is between `# BEGIN SOLUTION` and
`# END SOLUTION`. The error names the exercise: the last heading above it that begins with "Exercise", and the last one
that begins with "Step" below that.

A picture in a text, `![alternative text](docs/...)`, is attached to its cell, so that the notebook needs no other file.
"""

import base64
import mimetypes
import re
import sys
from pathlib import Path

import nbformat

from captioning.storage import files

ROOT = Path(__file__).resolve().parent.parent
NAME = "week6_final_project_image_captioning"
SOURCE = ROOT / "course" / f"{NAME}.py"
SOLVED, STUDENT = ROOT / f"{NAME}.ipynb", ROOT / "student" / f"{NAME}.ipynb"
FURTHER_SOURCE, FURTHER = ROOT / "course" / "going_further.py", ROOT / "going_further.ipynb"
PICTURE = re.compile(r"(!\[[^\]]*\])\((docs/[^)]*)\)")
SOLUTION = re.compile(r"^( *)# BEGIN SOLUTION\n.*?^ *# END SOLUTION$", re.MULTILINE | re.DOTALL)
MARKS = re.compile(r"^ *# (BEGIN|END) SOLUTION\n?", re.MULTILINE)
STUB = """\
{indent}# YOUR CODE HERE, in place of the next line
{indent}raise NotImplementedError("{exercise} is not solved yet. Its code goes in place of the line `raise ...`")"""


def build(student: bool = False, source: Path = SOURCE) -> nbformat.NotebookNode:
    """Builds a notebook without outputs. Cells are numbered, so the same source gives the same bytes.

    Args:
        student: whether to build the student copy instead of the solved notebook.
        source: the notebook's source.
    """
    import jupytext  # imported here, because grading does not need it

    notebook = jupytext.read(source)
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    exercise = ""
    for number, cell in enumerate(notebook.cells):
        cell.id, cell.metadata = f"cell-{number:03d}", {}
        if cell.cell_type == "markdown":
            exercise = _exercise_of(cell.source, exercise)
            _attach_pictures(cell)
        elif student:
            cell.source = SOLUTION.sub(lambda m, e=exercise: STUB.format(indent=m[1], exercise=e), cell.source)
        else:
            cell.source = MARKS.sub("", cell.source).rstrip("\n")
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    nbformat.validate(notebook)
    return notebook


def _exercise_of(text: str, before: str) -> str:
    """The exercise that a text begins, such as "Exercise 4: the decoder, step 2", or the one before."""
    heading = next(iter(re.findall(r"^#+ (?:(Exercise .*)|Step (\d+).*)$", text, re.MULTILINE)), ("", ""))
    return heading[0] or (f"{before.partition(', step')[0]}, step {heading[1]}" if heading[1] else before)


def _attach_pictures(cell: nbformat.NotebookNode):
    """Puts the pictures that a text names into the cell."""
    pictures = {path: ROOT / path for _, path in PICTURE.findall(cell.source)}
    if pictures:
        cell.attachments = {
            path.name: {mimetypes.guess_type(path.name)[0]: base64.b64encode(path.read_bytes()).decode("ascii")}
            for path in pictures.values()}
        cell.source = PICTURE.sub(lambda m: f"{m[1]}(attachment:{Path(m[2]).name})", cell.source)


def is_current(path: Path, wanted: nbformat.NotebookNode) -> bool:
    """Whether the notebook at `path` has the cells and pictures of `wanted`. Outputs may differ."""
    if not path.exists():
        return False
    found, expected = ([(cell.cell_type, cell.source, cell.get("attachments")) for cell in notebook.cells]
                       for notebook in (nbformat.read(path, as_version=4), wanted))
    return found == expected


def _keep_outputs(path: Path, wanted: nbformat.NotebookNode):
    """Gives a built notebook the outputs of the one at `path`, if their code is the same."""
    if not path.exists():
        return
    found, new = ([cell for cell in notebook.cells if cell.cell_type == "code"]
                  for notebook in (nbformat.read(path, as_version=4), wanted))
    if [cell.source for cell in found] == [cell.source for cell in new]:
        for old, cell in zip(found, new):
            cell.outputs, cell.execution_count = old.outputs, old.execution_count


def main(arguments: list[str]) -> bool:
    """Runs the command line. Returns whether --check found a stale notebook."""
    notebooks = (SOLVED, build()), (STUDENT, build(student=True)), (FURTHER, build(source=FURTHER_SOURCE))
    stale = [(path, notebook) for path, notebook in notebooks if not is_current(path, notebook)]
    for path, notebook in stale:
        if "--check" in arguments:
            print(f"{path.relative_to(ROOT)} is stale: run `make notebooks`.")
        else:
            _keep_outputs(path, notebook)
            with files.written_aside(path) as aside:
                nbformat.write(notebook, aside)
            print(f"wrote {path.relative_to(ROOT)}")
    return bool(stale) and "--check" in arguments


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
