"""Builds the solved and the student notebook from their one source.

    python -m course.build            writes both; outputs of the solved one are kept where its cells are the same
    python -m course.build --check    says which of them are stale, and exits with 1 if any is

In the student copy, what stands between `# BEGIN SOLUTION` and `# END SOLUTION` is replaced by a line that raises
NotImplementedError with the exercise's name: the latest heading that begins with "Exercise".
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
    """The notebook without outputs. Cells are numbered, so that the same source gives the same bytes."""
    import jupytext  # here, because those who only grade need not have it

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
    """Whether the notebook at `path` has the cells of `wanted`; outputs do not count."""
    if not path.exists():
        return False
    found = nbformat.read(path, as_version=4)
    return [(c.cell_type, c.source) for c in found.cells] == [(c.cell_type, c.source) for c in wanted.cells]


def main(arguments):
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
