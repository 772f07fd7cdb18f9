"""Grades a folder of notebooks: runs each learner's solutions in our notebook, and writes a CSV with a row for each.

    python -m course.grade SUBMISSIONS [--csv outputs/grades.csv] [--timeout 1800]

This runs strangers' code with your rights. Use a container (docs/teachers.md says how) or a machine without secrets.
Each submission has a process, a kernel, an environment without the teacher's variables, a scratch folder and a time
limit of its own. They protect from mistakes, not from attacks: malicious code can also give itself points. What a
submission changes in the project is remarked in its row.

From each submission we take the four solutions by their names, and the learner's own imports, functions, classes and
constants above them. They run in the solved notebook up to its last check. Each exercise counts by itself, because
later cells use the results of our solution. Only the decoder is trained as the learner wrote it; without it there is no
validation loss.

A folder beside the CSV, with the CSV's name, keeps what each submission made: `notebook.ipynb` with its outputs,
`grades.json` and `log.txt`. A second call skips a submission if it, the course and the settings are unchanged. It tries
submissions again that ran out of time if it has a longer time limit.
"""

import argparse
import csv
import functools
import hashlib
import io
import re
import sys
import time
from pathlib import Path

import nbformat

from captioning import settings
from captioning.credentials import environment_without_credentials
from captioning.grading.parts import PARTS, TOTAL
from captioning.grading.report import short
from captioning.storage import files
from course import build, sandbox, solutions
from course.reading import MOST_BYTES, read

CELL_SHARE = 10                     # a cell of an exercise gets 1/10 of the time, so others get theirs
OUT_OF_TIME, DIED = "out of time", "kernel died"
COLUMNS = ["file", *(part.title for part in PARTS.values()), "total", "seconds", "problem"]


# -------------------------------------------------------------------------------------------------- all submissions

def main(submissions: Path, table: Path, timeout: float):
    """Grades the notebooks of a folder, and writes the table after each.

    Args:
        submissions: the folder.
        table: path of the CSV.
        timeout: time limit of each submission in seconds.
    """
    paths = find_notebooks(submissions)
    print("This runs strangers' code with your rights. Use a container, or a machine without secrets.", flush=True)
    store, rows, prepare_once = table.with_suffix(""), [], functools.cache(prepare)
    course = {"course": digest_of_course(), "settings": settings.Settings.from_environment().as_dict()}
    for number, path in enumerate(paths, 1):
        name = path.relative_to(submissions).as_posix().encode("utf-8", "replace").decode()
        folder = store / folder_name(name)
        made_from = course | {"submission": digest_of_file(path)}
        row = still_right(folder / "row.json", made_from, timeout)
        again = "as before: " if row else ""
        if row is None:
            row = {"file": name} | grade(path, emptied(folder), timeout, lambda: prepare_once(store / "setup"))
            files.write_json(folder / "row.json", {"row": row, "made_from": made_from, "timeout": timeout})
        rows.append(row)
        write_table(table, rows)
        found = f"{row['total']} of {TOTAL}  {row['seconds']} s  {row['problem']}"
        print(f"{number} of {len(paths)}  {name}  {again}{found}", flush=True)
    print(f"wrote {table}")


def folder_name(name: str) -> str:
    """Name of the folder of results for a notebook: the learner's folder and the file, readable, and a digest."""
    return f"{re.sub(r'[^A-Za-z0-9]+', '-', name.removesuffix('.ipynb'))[:60]}-{digest(name.encode())[:8]}"


def find_notebooks(submissions: Path) -> list[Path]:
    """Finds the notebooks in a folder and its subfolders. Exits if there are none."""
    paths = sorted(path for path in submissions.rglob("*.ipynb") if path.is_file()
                   and not {".ipynb_checkpoints", "__MACOSX"} & set(path.parts) and not path.name.startswith("._"))
    if not paths:
        sys.exit(f"There is no notebook (.ipynb) in {submissions}.")
    return paths


def prepare(folder: Path):
    """Runs our cells before the first exercise, which make the data and embeddings for all. Exits if they fail."""
    if sandbox.run(solutions.before_exercises(), emptied(folder), float("inf"), environment_without_credentials()) != 0:
        sys.exit((folder / "log.txt").read_text("utf-8", "replace")[-2000:])


def still_right(kept: Path, made_from: dict, timeout: float) -> dict | None:
    """Reads the row of an earlier call.

    Args:
        kept: the JSON file of that row.
        made_from: what a row depends on now: digests and settings.
        timeout: time limit now, in seconds.

    Returns:
        The row, or None if it is missing, if `made_from` has changed, or if more time may change the result.
    """
    try:
        earlier = files.read_json(kept)
        more_time = earlier["row"]["problem"] == OUT_OF_TIME and timeout > earlier["timeout"]
        return earlier["row"] if earlier["made_from"] == made_from and not more_time else None
    except (OSError, ValueError, TypeError, KeyError):
        return None


def digest_of_course() -> str:
    """Digest of what decides on points: the code of the solved notebook and the checks."""
    cells = solutions.code_of(nbformat.read(build.SOLVED, as_version=4).cells)
    checks = sorted((build.ROOT / "captioning" / "grading").glob("*.py"))
    return digest(*(cell.encode() for cell in cells), *(path.read_bytes() for path in checks))


def digest_of_file(path: Path) -> str:
    """SHA-256 of a file, or a word for a file that can't be read."""
    try:
        return files.sha256(path)
    except OSError:
        return "unreadable"


def digest(*texts: bytes) -> str:
    """SHA-256 of several texts."""
    return hashlib.sha256(b"\0".join(texts)).hexdigest()


def write_table(path: Path, rows: list[dict]):
    """Writes the CSV. A text that a spreadsheet would read as a formula gets an apostrophe."""
    out = io.StringIO()
    table = csv.DictWriter(out, COLUMNS, lineterminator="\n")
    table.writeheader()
    table.writerows({name: f"'{value}" if str(value).startswith(("=", "+", "-", "@")) else value
                     for name, value in row.items()} for row in rows)
    files.write_text(path, out.getvalue())


# ----------------------------------------------------------------------------------------------------- one submission

def grade(path: Path, folder: Path, timeout: float, prepare_data) -> dict:
    """Grades one notebook.

    Args:
        path: the notebook.
        folder: an empty folder for the results.
        timeout: time limit in seconds.
        prepare_data: function () that makes what all submissions use; called if the notebook can be read.

    Returns:
        The row of the CSV without its `file`.
    """
    try:
        learners = read(path)
    except ValueError as error:
        return row_of(saved_points(folder / "grades.json"), 0, f"can't be read: {error}")
    prepare_data()
    began, cell_timeout, before = time.monotonic(), timeout / CELL_SHARE, sandbox.watched(folder)
    assembled = solutions.assemble(learners, cell_timeout)
    status = sandbox.run(assembled, folder, timeout, sandbox.bare_environment(), "--keep-going")
    points = saved_points(folder / "grades.json")
    if status != 0:
        problem = OUT_OF_TIME if status is None else DIED
    else:
        problem = "" if sum(points.values()) == TOTAL else first_problem(folder, cell_timeout)
    remarks = [problem, sandbox.changes(before, sandbox.watched(folder))]
    return row_of(points, round(time.monotonic() - began), "; ".join(filter(None, remarks)))


def row_of(points: dict[str, int], seconds: int, problem: str) -> dict:
    """A row of the CSV without its `file`."""
    return points | {"total": sum(points.values()), "seconds": seconds,
                     "problem": short(" ".join(problem.split()), 300)}


def emptied(folder: Path) -> Path:
    """Makes the folder, or empties it, and returns it."""
    files.remove(folder)
    folder.mkdir(parents=True)
    return folder


def saved_points(path: Path) -> dict[str, int]:
    """Reads the points of each part from a grades.json. The learner's code may have written it: odd values count 0."""
    try:
        parts = files.read_json(path)["parts"] if path.is_file() and path.stat().st_size < MOST_BYTES else []
        found = {part["id"]: part["points"] for part in parts}
    except (OSError, ValueError, TypeError, KeyError):
        found = {}
    return {part.title: part.points if found.get(key) == part.points else 0 for key, part in PARTS.items()}


def first_problem(folder: Path, cell_timeout: float) -> str:
    """What a teacher would look at first: the first error of the executed notebook, else the first hint of a check."""
    try:
        heading = ""
        for cell in read(folder / "notebook.ipynb").cells:
            if cell.cell_type == "markdown":
                heading = next(iter(re.findall(r"^## (.*)$", cell.source, re.MULTILINE)), heading)
            for error in (output for output in cell.get("outputs", []) if output.output_type == "error"):
                said = about(error, cell_timeout)
                return said if said.startswith(heading) else f"{heading}: {said}"
        parts = files.read_json(folder / "grades.json")["parts"]
        return next(f"{part['name']}: {part['problem']}" for part in parts if part["problem"])
    except (OSError, ValueError, TypeError, KeyError, AttributeError, StopIteration):
        return "no result, see log.txt"


def about(error, cell_timeout: float) -> str:
    """What an error in the output of a cell says."""
    if error.ename == "KeyboardInterrupt":
        return f"a cell ran for more than {cell_timeout:g} s"
    if error.ename == "NotImplementedError":
        return error.evalue                         # it names the exercise
    text = re.sub(r"\(\w+\.py, line (\d+)\)$", r"in line \1 of the cell", error.evalue)
    return f"{error.ename}: {text}"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m course.grade", description=__doc__.splitlines()[0])
    parser.add_argument("submissions", type=Path, help="folder of notebooks; subfolders count, too")
    parser.add_argument("--csv", type=Path, default=build.ROOT / "outputs" / "grades.csv", help="file for the points")
    parser.add_argument("--timeout", type=float, default=1800, help="seconds for each submission")
    asked = parser.parse_args()
    try:
        main(asked.submissions.resolve(), asked.csv.resolve(), asked.timeout)
    except KeyboardInterrupt:
        sys.exit("\nStopped. Run the same command again to continue.")
    except (ValueError, OSError) as error:
        sys.exit(str(error))
