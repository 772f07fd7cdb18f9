"""Grades a folder of notebooks: runs each learner's solutions in our notebook, and writes a CSV with a row for each.

    python -m course.grade SUBMISSIONS [--csv outputs/grades.csv] [--timeout 1800]

This runs strangers' code with your rights. Use a container (docs/teachers.md says how) or a machine without secrets.
Each submission has a process, a kernel, folders and a time limit of its own. They protect from mistakes, not from
attacks: malicious code can also give itself points.

From each submission we take the four solutions by their names, and the learner's own imports, functions, classes and
constants above them. They run in the solved notebook up to its last check. Each exercise counts by itself, because
later cells use the results of our solution. Only the decoder is trained as the learner wrote it; without it there is no
validation loss.

A folder beside the CSV, with the CSV's name, keeps what each submission made: `notebook.ipynb` with its outputs,
`grades.json` and `log.txt`. A second call skips a submission if it, the course and the settings are unchanged. It tries
submissions again that ran out of time if it has a longer time limit.
"""

import argparse
import contextlib
import csv
import functools
import hashlib
import io
import re
import subprocess
import sys
import time
import warnings
from pathlib import Path

import nbformat
import psutil

from captioning import settings
from captioning.credentials import environment_without_credentials
from captioning.grading.parts import PARTS, TOTAL
from captioning.grading.report import short
from captioning.storage import files
from course import build, solutions

MOST_BYTES = 100_000_000            # of a submission; with pictures, a few million are common
CELL_SHARE = 10                     # a cell of an exercise gets 1/10 of the time, so others get theirs
NO_NOTEBOOK, OUT_OF_TIME, DIED = "no notebook", "out of time", "kernel died"
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
        folder = store / f"{re.sub(r'[^A-Za-z0-9]+', '-', path.stem)[:40]}-{digest(name.encode())[:8]}"
        made_from = course | {"submission": digest_of_file(path)}
        row = still_right(folder / "row.json", made_from, timeout)
        again = "as before: " if row else ""
        if row is None:
            learners = read(path)
            if learners is not None:
                prepare_once(store / "setup")
            row = {"file": name} | grade(learners, emptied(folder), timeout)
            files.write_json(folder / "row.json", {"row": row, "made_from": made_from, "timeout": timeout})
        rows.append(row)
        write_table(table, rows)
        found = f"{row['total']} of {TOTAL}  {row['seconds']} s  {row['problem']}"
        print(f"{number} of {len(paths)}  {name}  {again}{found}", flush=True)
    print(f"wrote {table}")


def find_notebooks(submissions: Path) -> list[Path]:
    """Finds the notebooks in a folder and its subfolders. Exits if there are none."""
    paths = sorted(path for path in submissions.rglob("*.ipynb")
                   if path.is_file() and ".ipynb_checkpoints" not in path.parts)
    if not paths:
        sys.exit(f"There is no notebook (.ipynb) in {submissions}.")
    return paths


def prepare(folder: Path):
    """Runs our cells before the first exercise, which make the data and embeddings for all. Exits if they fail."""
    if run(solutions.before_exercises(), emptied(folder), float("inf")) != 0:
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

def grade(learners, folder: Path, timeout: float) -> dict:
    """Grades one notebook.

    Args:
        learners: the notebook; None if the file is not one.
        folder: an empty folder for the results.
        timeout: time limit in seconds.

    Returns:
        The row of the CSV without its `file`.
    """
    began, cell_timeout = time.monotonic(), timeout / CELL_SHARE
    status = 0 if learners is None else run(solutions.assemble(learners, cell_timeout), folder, timeout, "--keep-going")
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


def read(path: Path) -> nbformat.NotebookNode | None:
    """Reads a notebook; returns None if the file is not one."""
    try:
        if path.stat().st_size > MOST_BYTES:
            return None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")         # about cells without an id
            notebook = nbformat.read(path, as_version=4)
        for source in solutions.code_of(notebook.cells):
            source.encode()                         # raises if it is not valid text
        return notebook
    except Exception:                       # a stranger's file may raise anything
        return None


def emptied(folder: Path) -> Path:
    """Makes the folder, or empties it, and returns it."""
    files.remove(folder)
    folder.mkdir(parents=True)
    return folder


def run(notebook, folder: Path, timeout: float, *options: str) -> int | None:
    """Executes a notebook in a process of its own.

    Args:
        notebook: the notebook.
        folder: folder for its results: notebook.ipynb, log.txt and what its cells write.
        timeout: time limit in seconds.
        *options: options for `course.execute`.

    Returns:
        The exit status, or None if the time limit ended the process.
    """
    nbformat.write(notebook, folder / "assembled.ipynb")
    environment = environment_without_credentials(checkpoint_root=folder / "checkpoints", output_dir=folder)
    environment |= dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(folder / "temporary"))
    (folder / "temporary").mkdir()
    command = [sys.executable, "-m", "course.execute", str(folder / "assembled.ipynb"),
               str(folder / "notebook.ipynb"), "--folder", str(build.ROOT), *options]
    with open(folder / "log.txt", "wb") as log:
        process = psutil.Popen(command, env=environment | {"IPYTHONDIR": str(folder / "ipython")}, cwd=build.ROOT,
                               stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, start_new_session=True)
    family, until = set(), time.monotonic() + timeout
    try:
        while process.poll() is None and time.monotonic() < until:
            with contextlib.suppress(psutil.Error):
                family |= set(process.children(recursive=True))     # noted before their parent can die
            time.sleep(0.5)
        return process.poll()
    finally:
        for each in [process, *family]:
            with contextlib.suppress(psutil.Error):
                each.kill()
        psutil.wait_procs([process, *family], timeout=10)
        for left in ("assembled.ipynb", "checkpoints", "ipython", "temporary"):
            files.remove(folder / left)


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
        outputs = (output for cell in read(folder / "notebook.ipynb").cells for output in cell.get("outputs", []))
        for error in (output for output in outputs if output.output_type == "error"):
            slow = error.ename == "KeyboardInterrupt"
            return f"a cell ran for more than {cell_timeout:g} s" if slow else f"{error.ename}: {error.evalue}"
        parts = files.read_json(folder / "grades.json")["parts"]
        return next(f"{part['name']}: {part['problem']}" for part in parts if part["problem"])
    except (OSError, ValueError, TypeError, KeyError, AttributeError, StopIteration):
        return "no result, see log.txt"


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
