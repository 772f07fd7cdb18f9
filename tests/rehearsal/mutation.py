"""Puts one small slip at a time into a module, and counts the slips that its tests notice.

    python -m tests.rehearsal.mutation captioning/storage/zips.py tests/storage [--sample 40] [--seed 1] [-k WORDS]

It needs cosmic-ray, which makes the slips: another comparison, another number, `break` for `continue`, no decorator and
so on. It works on two copies of the project at a time. It prints the slips that no test noticed, as diffs, and their
share.
"""

import argparse
import ast
import os
import random
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from course import project_files

TIMES_AS_LONG = 4               # if the tests take so much longer than without a slip, they notice it


def slips(module: str, sample: int, seed: int) -> list:
    """Samples cosmic-ray's mutations of a module, without those of annotations.

    Args:
        module: path of the module.
        sample: number of slips.
        seed: seed of the sample.
    """
    from cosmic_ray.commands import init
    from cosmic_ray.work_db import WorkDB, use_db

    with tempfile.TemporaryDirectory() as folder, use_db(Path(folder, "slips.sqlite"), WorkDB.Mode.create) as database:
        init([module], database, {})
        found = [mutation for item in database.work_items for mutation in item.mutations]
    passive = _annotated_places(Path(module).read_text("utf-8"))
    found = sorted((each for each in found if each.start_pos not in passive),
                   key=lambda each: (each.start_pos, each.operator_name, each.occurrence))
    return random.Random(seed).sample(found, min(sample, len(found)))


def _annotated_places(source: str) -> set[tuple[int, int]]:
    """(line, column) of everything inside annotations, which have no effect."""
    annotations = [getattr(node, name) for node in ast.walk(ast.parse(source))
                   for name in ("annotation", "returns") if getattr(node, name, None) is not None]
    return {(line, column) for each in annotations for line in range(each.lineno, each.end_lineno + 1)
            for column in range(each.col_offset if line == each.lineno else 0,
                                each.end_col_offset if line == each.end_lineno else 200)}


def notice(copy: str, slip, tests: list[str], seconds: float) -> tuple[str, str]:
    """Runs the tests with one slip.

    Args:
        copy: folder of a copy of the project.
        slip: the slip.
        tests: arguments for pytest.
        seconds: time limit.

    Returns:
        "killed", "survived" or "no change", and the slip as a diff.
    """
    from cosmic_ray.mutating import mutate_and_test

    os.chdir(copy)
    result = mutate_and_test([slip], command_of(tests), seconds)
    return result.test_outcome.value if result.test_outcome else "no change", result.diff or ""


def command_of(tests: list[str]) -> str:
    """The command that runs the tests up to the first failure."""
    return shlex.join([sys.executable, "-m", "pytest", "--exitfirst", "--quiet", "-p", "no:cacheprovider", *tests])


def copy_project(folder: Path) -> str:
    """Copies the project's files into a folder; returns its path."""
    for name in project_files.names():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(project_files.ROOT / name, folder / name)
    return str(folder)


def main():
    """Runs the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.rehearsal.mutation", description=__doc__.splitlines()[0])
    parser.add_argument("module")
    parser.add_argument("tests", nargs="+", help="arguments for pytest: files, folders, options after --")
    parser.add_argument("--sample", type=int, default=40, help="slips to try (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of the sample (default: %(default)s)")
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    chosen = slips(options.module, options.sample, options.seed)
    with tempfile.TemporaryDirectory() as folder:
        copies = [copy_project(Path(folder, str(number))) for number in range(options.processes)]
        began = time.monotonic()
        os.chdir(copies[0])
        if subprocess.run(shlex.split(command_of(options.tests)), stdout=subprocess.DEVNULL).returncode:
            sys.exit("The tests fail without a slip. Mend them first.")
        seconds = TIMES_AS_LONG * (time.monotonic() - began) + 10
        with ProcessPoolExecutor(options.processes) as pool:
            shares = [chosen[number::options.processes] for number in range(options.processes)]
            results = [each for done in pool.map(_try_all, copies, shares, [options.tests] * len(copies),
                                                 [seconds] * len(copies)) for each in done]
    outcomes = [outcome for outcome, _ in results if outcome != "no change"]
    for outcome, diff in results:
        if outcome == "survived":
            print(diff, "\n")
    killed = sum(outcome != "survived" for outcome in outcomes)
    print(f"{options.module}: {killed} of {len(outcomes)} slips noticed ({killed / max(1, len(outcomes)):.0%}), "
          f"sample of seed {options.seed}, {(time.monotonic() - began) / 60:.0f} minutes")


def _try_all(copy, chosen, tests, seconds):
    """Results of `notice` for several slips, one after the other."""
    return [notice(copy, slip, tests, seconds) for slip in chosen]


if __name__ == "__main__":
    main()
