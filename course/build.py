"""Builds the solved and the student notebook from their one source.

    python -m course.build            writes those that are stale; a current notebook keeps its outputs
    python -m course.build --check    lists those that are stale, and exits with status 1 if there are any

In the student copy, a line that raises NotImplementedError replaces whatever is between `# BEGIN SOLUTION` and
`# END SOLUTION`. The error names the exercise: the last heading above it that begins with "Exercise".
"""

import re
import sys
from pathlib import Path

import nbformat

ROOT = Path(__file__).resolve().parent.parent
NAME = "week6_final_project_image_captioning"
SOURCE = ROOT / "course" / f"{NAME}.py"
SOLVED, STUDENT = ROOT / f"{NAME}.ipynb", ROOT / "student" / f"{NAME}.ipynb"
SOLUTION = re.compile(r"^( *)# BEGIN SOLUTION\n.*?^ *# END SOLUTION$", re.MULTILINE | re.DOTALL)
MARKS = re.compile(r"^ *# (BEGIN|END) SOLUTION\n?", re.MULTILINE)
STUB = """\
{indent}# YOUR CODE HERE, in place of the next line
{indent}raise NotImplementedError("{exercise} is not solved yet. Its code goes in place of the line `raise ...`")"""


def build(student: bool) -> nbformat.NotebookNode:
    """Builds a notebook without outputs. Cells are numbered, so the same source gives the same bytes.

    Args:
        student: whether to build the student copy instead of the solved notebook.
    """
    import jupytext  # imported here, because grading does not need it

    notebook = jupytext.read(SOURCE)
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    exercise = ""
    for number, cell in enumerate(notebook.cells):
        cell.id, cell.metadata = f"cell-{number:03d}", {}
        if cell.cell_type == "markdown":
            exercise = next(iter(re.findall(r"^#+ (Exercise .*)$", cell.source, re.MULTILINE)), exercise)
        elif student:
            cell.source = SOLUTION.sub(lambda m, e=exercise: STUB.format(indent=m[1], exercise=e), cell.source)
        else:
            cell.source = MARKS.sub("", cell.source).rstrip("\n")
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    nbformat.validate(notebook)
    return notebook


def is_current(path: Path, wanted: nbformat.NotebookNode) -> bool:
    """Whether the notebook at `path` has the cells of `wanted`. Outputs may differ."""
    if not path.exists():
        return False
    found = nbformat.read(path, as_version=4)
    return [(c.cell_type, c.source) for c in found.cells] == [(c.cell_type, c.source) for c in wanted.cells]


def main(arguments: list[str]) -> bool:
    """Runs the command line. Returns whether --check found a stale notebook."""
    stale = [(path, notebook) for path, notebook in ((SOLVED, build(student=False)), (STUDENT, build(student=True)))
             if not is_current(path, notebook)]
    for path, notebook in stale:
        if "--check" in arguments:
            print(f"{path.relative_to(ROOT)} is stale: run `make notebooks`.")
        else:
            path.parent.mkdir(exist_ok=True)
            nbformat.write(notebook, path)
            print(f"wrote {path.relative_to(ROOT)}")
    return bool(stale) and "--check" in arguments


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
