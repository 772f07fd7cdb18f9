"""Grades a folder of notebooks: each learner's solutions, checked in our own notebook. A row of a CSV for each.

    python -m course.grade SUBMISSIONS [--csv outputs/grades.csv] [--timeout 1800]

It runs strangers' code with your rights: use a container (README.md says how) or a machine without secrets. What keeps
submissions apart here (a process, a kernel and folders for each, limits of time) is made for mistakes, not for attacks,
and code that means to can also give itself points.

Taken from a submission are the four solutions, found by their names, and the imports, functions, classes and constants
of the learner's own that stand above them. They run in the solved notebook, up to the last check. Each exercise is
judged by itself: those after it get what our solution makes. The decoder alone is trained as the learner wrote it, so
without it there is no validation loss.

What each submission left lies in a folder beside the CSV, named as the CSV is: `notebook.ipynb` with its outputs,
`grades.json`, `log.txt`. A second call passes over what it graded before, if neither submission nor course nor settings
have changed, and tries those again that ran out of time if it gives them more.
"""

import argparse
import ast
import contextlib
import csv
import hashlib
import io
import re
import subprocess
import sys
import time
import warnings
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
import psutil
from IPython.core.inputtransformer2 import TransformerManager

from captioning import settings
from captioning.credentials import environment_without_credentials
from captioning.grading.parts import PARTS, TOTAL
from captioning.grading.report import short
from captioning.storage import files
from course import build

OWN = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef, ast.Assign, ast.AnnAssign)    # what is taken over
SAVE = 'grader.save(settings.output_dir / "grades.json")'
MOST_BYTES = 100_000_000            # of a submission; pictures among its outputs make a few million
CELL_SHARE = 10                     # one cell of an exercise gets this part of the time, so that others get theirs
NO_NOTEBOOK, OUT_OF_TIME, DIED = "no notebook", "out of time", "kernel died"
COLUMNS = ["file", *(part.title for part in PARTS.values()), "total", "seconds", "problem"]


# ------------------------------------------------------------------------------- a learner's solutions in our notebook

def statements(source: str) -> list[tuple[set[str], str]]:
    """(names, text) of each import, function, class and assignment at a cell's top level; names: those it binds.

    Lines for the shell and for IPython are none of these. Raises SyntaxError.
    """
    python = TransformerManager().transform_cell(re.sub(r"\A(\s*%%.*\n)+", "", source))
    found = []
    for node in ast.parse(python).body:
        if isinstance(node, OWN):
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                names = {alias.asname or alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                names = {node.name}
            else:
                names = {each.id for each in ast.walk(node) if isinstance(each, ast.Name)
                         and isinstance(each.ctx, ast.Store)}
            decorated = getattr(node, "decorator_list", [])
            found.append((names, ast.unparse(node) if decorated else ast.get_source_segment(python, node)))
    return found


def code_of(cells) -> list[str]:
    return [cell.source for cell in cells if cell.cell_type == "code"]


@dataclass
class Solution:
    """What a learner wrote for an exercise. own: statements of theirs that it may need; text: None if there is none."""

    own: list[str] = field(default_factory=list)
    text: str | None = None


def solutions(sources: list[str], names: list[str], ours: set[str]) -> dict[str, Solution]:
    """The last definition of each name, with the learner's own statements between the one before it and this one.

    sources: the cells that the learner wrote or changed. ours: names that our notebook binds, which stay as they are.
    Of a cell with a slip in its syntax all is taken.
    """
    found = []
    for source in sources:
        try:
            found += statements(source)
        except Exception:               # a slip, or what else a stranger's text may do to a parser
            found.append((set(re.findall(r"^(?:def|class)\s+(\w+)", source, re.MULTILINE)) & set(names), source))
    last = {name: place for place, (bound, _) in enumerate(found) for name in bound & set(names)}
    result, own = {name: Solution() for name in names}, []
    for place, (bound, text) in enumerate(found):
        here = [name for name in names if last.get(name) == place]
        result.update({name: Solution(own, text) for name in here})
        if here:
            own = []
        elif bound and not bound & (ours | set(names)):
            own = [*own, text]
    return result


def exercises_of(stubs: nbformat.NotebookNode) -> dict[int, str]:
    """Of the student notebook: the number of each cell to solve, and the name that it is to define."""
    return {number: re.search(r"^(?:def|class) (\w+)", cell.source, re.MULTILINE)[1]
            for number, cell in enumerate(stubs.cells) if "raise NotImplementedError" in cell.source}


def assemble(learners, cell_timeout: float) -> nbformat.NotebookNode:
    """Our solved notebook up to its last check, with the learner's solutions and with points saved after each check.

    cell_timeout: seconds for each cell from the first exercise to the last but one check.
    """
    solved, stubs = (nbformat.read(path, as_version=4) for path in (build.SOLVED, build.STUDENT))
    exercises = exercises_of(stubs)
    checks = [number for number, cell in enumerate(solved.cells) if "grader.check_" in cell.source]
    ours = {name for source in code_of(solved.cells[:checks[-1]]) for bound, _ in statements(source) for name in bound}
    handed_out = set(code_of(stubs.cells))
    changed = [source for source in code_of(learners.cells) if source not in handed_out]
    theirs = solutions(changed, list(exercises.values()), ours)
    cells, to_redo = [], None
    for number, cell in enumerate(solved.cells[:checks[-1] + 1]):
        sources = [cell.source]
        if number in exercises:
            name, to_redo = exercises[number], number
            stub = next(text for bound, text in statements(stubs.cells[number].source) if bound == {name})
            solution = theirs[name].text or stub
            sources = [*theirs[name].own, stubs.cells[number].source.replace(stub, solution)]
        if number in checks:
            sources.append(SAVE)
            if to_redo not in (None, max(exercises)):       # what comes after gets what ours makes
                sources += code_of(solved.cells[to_redo:number])
            to_redo = None
        metadata = {"timeout": cell_timeout} if min(exercises) <= number <= checks[-2] else {}
        make = nbformat.v4.new_code_cell if cell.cell_type == "code" else nbformat.v4.new_markdown_cell
        cells += [make(source, metadata=dict(metadata)) for source in sources]
    solved.cells = cells
    return solved


# ----------------------------------------------------------------------------------------------------- one submission

def emptied(folder: Path) -> Path:
    files.remove(folder)
    folder.mkdir(parents=True)
    return folder


def read(path: Path) -> nbformat.NotebookNode | None:
    """The notebook, or None for what is none."""
    try:
        if path.stat().st_size > MOST_BYTES:
            return None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")         # of cells without an id, which is no harm here
            notebook = nbformat.read(path, as_version=4)
        for source in code_of(notebook.cells):
            source.encode()                         # raises for what is no text
        return notebook
    except Exception:                       # whatever a stranger's file may do to its reader
        return None


def run(notebook, folder: Path, timeout: float, *options: str) -> int | None:
    """Executes a notebook in a process of its own, which leaves its results in `folder`.

    Returns its exit status; None if it was ended after `timeout` seconds.
    """
    nbformat.write(notebook, folder / "assembled.ipynb")
    environment = environment_without_credentials(checkpoint_root=folder / "checkpoints", output_dir=folder)
    command = [sys.executable, "-m", "course.execute", str(folder / "assembled.ipynb"),
               str(folder / "notebook.ipynb"), "--folder", str(build.ROOT), *options]
    with open(folder / "log.txt", "wb") as log:
        process = psutil.Popen(command, env=environment | {"IPYTHONDIR": str(folder / "ipython")}, cwd=build.ROOT,
                               stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, start_new_session=True)
    family, until = set(), time.monotonic() + timeout
    try:
        while process.poll() is None and time.monotonic() < until:
            with contextlib.suppress(psutil.Error):
                family |= set(process.children(recursive=True))     # seen before one that dies leaves them alone
            time.sleep(0.5)
        return process.poll()
    finally:
        for each in [process, *family]:
            with contextlib.suppress(psutil.Error):
                each.kill()
        psutil.wait_procs([process, *family], timeout=10)
        for left in ("assembled.ipynb", "checkpoints", "ipython"):
            files.remove(folder / left)


def saved_points(path: Path) -> dict[str, int]:
    """Points by the parts' titles from a grades.json, which the learner's code may have written: only what can be."""
    try:
        parts = files.read_json(path)["parts"] if path.is_file() and path.stat().st_size < MOST_BYTES else []
        found = {part["id"]: part["points"] for part in parts}
    except (OSError, ValueError, TypeError, KeyError):
        found = {}
    return {part.title: part.points if found.get(key) == part.points else 0 for key, part in PARTS.items()}


def first_problem(folder: Path, cell_timeout: float) -> str:
    """The first error of the executed notebook, else the first hint of a check: what a teacher would look at first."""
    try:
        outputs = (output for cell in read(folder / "notebook.ipynb").cells for output in cell.get("outputs", []))
        for error in (output for output in outputs if output.output_type == "error"):
            slow = error.ename == "KeyboardInterrupt"
            return f"a cell ran for more than {cell_timeout:g} s" if slow else f"{error.ename}: {error.evalue}"
        parts = files.read_json(folder / "grades.json")["parts"]
        return next(f"{part['name']}: {part['problem']}" for part in parts if part["problem"])
    except (OSError, ValueError, TypeError, KeyError, AttributeError, StopIteration):
        return "no result, see log.txt"


def grade(learners, folder: Path, timeout: float) -> dict:
    """The row of the CSV, but for its file, of a learner's notebook, or of None. `folder` is empty."""
    began, cell_timeout = time.monotonic(), timeout / CELL_SHARE
    status = 0 if learners is None else run(assemble(learners, cell_timeout), folder, timeout, "--keep-going")
    points = saved_points(folder / "grades.json")
    total = sum(points.values())
    if learners is None:
        problem = NO_NOTEBOOK
    elif status != 0:
        problem = OUT_OF_TIME if status is None else DIED
    else:
        problem = "" if total == TOTAL else first_problem(folder, cell_timeout)
    return points | {"total": total, "seconds": round(time.monotonic() - began),
                     "problem": short(" ".join(problem.split()))}


# -------------------------------------------------------------------------------------------------- all submissions

def digest(*texts: bytes) -> str:
    return hashlib.sha256(b"\0".join(texts)).hexdigest()


def course() -> str:
    """A digest of what grades: the cells of the solved notebook and the checks."""
    cells = code_of(nbformat.read(build.SOLVED, as_version=4).cells)
    return digest(*(cell.encode() for cell in cells), *(p.read_bytes() for p in sorted(build.ROOT.glob("grading*.py"))))


def still_right(kept: Path, made_from: dict, timeout: float) -> dict | None:
    """The row that is kept of an earlier call, if it would come out the same now."""
    try:
        earlier = files.read_json(kept)
        more_time = earlier["row"]["problem"] == OUT_OF_TIME and timeout > earlier["timeout"]
        return earlier["row"] if earlier["made_from"] == made_from and not more_time else None
    except (OSError, ValueError, TypeError, KeyError):
        return None


def prepare(folder: Path):
    """Runs our cells before the first exercise: data and embeddings are then there for all. Exits if they fail."""
    solved, stubs = (nbformat.read(path, as_version=4) for path in (build.SOLVED, build.STUDENT))
    solved.cells = solved.cells[:min(exercises_of(stubs))]
    if run(solved, emptied(folder), float("inf")) != 0:
        sys.exit((folder / "log.txt").read_text("utf-8", "replace")[-2000:])


def write_table(path: Path, rows: list[dict]):
    """The CSV. A text that a spreadsheet would take for a formula gets an apostrophe."""
    out = io.StringIO()
    table = csv.DictWriter(out, COLUMNS, lineterminator="\n")
    table.writeheader()
    table.writerows({name: f"'{value}" if str(value).startswith(("=", "+", "-", "@")) else value
                     for name, value in row.items()} for row in rows)
    files.write_text(path, out.getvalue())


def digest_of(path: Path) -> str:
    try:
        return files.sha256(path)
    except OSError:
        return "unreadable"


def main(submissions: Path, table: Path, timeout: float):
    paths = sorted(path for path in submissions.rglob("*.ipynb")
                   if path.is_file() and ".ipynb_checkpoints" not in path.parts)
    if not paths:
        sys.exit(f"There is no notebook (.ipynb) in {submissions}.")
    print("This runs code of strangers with your rights: use a container, or a machine without secrets.", flush=True)
    store, prepared, rows = table.with_suffix(""), False, []
    us = {"course": course(), "settings": settings.Settings.from_environment().as_dict()}
    for number, path in enumerate(paths, 1):
        name = path.relative_to(submissions).as_posix().encode("utf-8", "replace").decode()
        folder = store / f"{re.sub(r'[^A-Za-z0-9]+', '-', path.stem)[:40]}-{digest(name.encode())[:8]}"
        made_from = us | {"submission": digest_of(path)}
        row = still_right(folder / "row.json", made_from, timeout)
        again = "as before: " if row else ""
        if row is None:
            learners = read(path)
            if learners is not None and not prepared:
                prepare(store / "setup")
                prepared = True
            row = {"file": name} | grade(learners, emptied(folder), timeout)
            files.write_json(folder / "row.json", {"row": row, "made_from": made_from, "timeout": timeout})
        rows.append(row)
        write_table(table, rows)
        found = f"{row['total']} of {TOTAL}  {row['seconds']} s  {row['problem']}"
        print(f"{number} of {len(paths)}  {name}  {again}{found}", flush=True)
    print(f"wrote {table}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("submissions", type=Path, help="a folder; the notebooks in it and in its folders are graded")
    parser.add_argument("--csv", type=Path, default=build.ROOT / "outputs" / "grades.csv", help="where points go")
    parser.add_argument("--timeout", type=float, default=1800, help="seconds for each submission")
    asked = parser.parse_args()
    try:
        main(asked.submissions.resolve(), asked.csv.resolve(), asked.timeout)
    except KeyboardInterrupt:
        sys.exit("\nStopped. The same command goes on with the submission that it was at.")
    except (ValueError, OSError) as error:
        sys.exit(str(error))
