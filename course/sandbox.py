"""Runs a notebook of a stranger in a process of its own, and notices what it changes in the project.

It protects from mistakes, not from attacks.
"""

import contextlib
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import psutil

from captioning.credentials import environment_without_credentials
from captioning.grading.report import some
from captioning.settings import Settings
from captioning.storage import files
from course import build

INHERITED = re.compile(         # variables that a submission gets from the teacher's environment
    r"PATH|LANG|LC_\w+|LD_LIBRARY_PATH|SYSTEMROOT|CAPTION_(?!MIRRORS)\w+", re.IGNORECASE)
NOT_WATCHED = {".git", "__pycache__", ".ipynb_checkpoints"}     # folders that other programs write to


def run(notebook, folder: Path, timeout: float, environment: dict[str, str], *options: str) -> int | None:
    """Executes a notebook in a process of its own. Its home and its temporary files are in a scratch folder.

    Args:
        notebook: the notebook.
        folder: folder for its results: notebook.ipynb, log.txt and what its cells write.
        timeout: time limit in seconds.
        environment: its environment variables.
        *options: options for `course.execute`.

    Returns:
        The exit status, or None if the time limit ended the process.
    """
    nbformat.write(notebook, folder / "assembled.ipynb")
    (scratch := folder / "scratch").mkdir()
    environment = environment | {
        "CAPTION_CHECKPOINT_ROOT": str(folder / "checkpoints"), "CAPTION_OUTPUT_DIR": str(folder),
        "CAPTION_DATA_DIR": str(build.ROOT / Settings.from_environment().data_dir),
        "PYTHONIOENCODING": "utf-8",                    # of log.txt, which is read as such
        "KERAS_HOME": os.environ.get("KERAS_HOME") or str(Path.home() / ".keras"),      # has the encoder's weights
        **dict.fromkeys(("HOME", "USERPROFILE", "TMPDIR", "TEMP", "TMP"), str(scratch))}
    command = [sys.executable, "-m", "course.execute", str(folder / "assembled.ipynb"),
               str(folder / "notebook.ipynb"), "--folder", str(build.ROOT), *options]
    with open(folder / "log.txt", "wb") as log:
        process = psutil.Popen(command, env=environment, cwd=build.ROOT, stdout=log, stderr=subprocess.STDOUT,
                               stdin=subprocess.DEVNULL, start_new_session=True)
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
        for left in ("assembled.ipynb", "checkpoints", "scratch"):
            files.remove(folder / left)


def bare_environment() -> dict[str, str]:
    """The teacher's environment variables that a submission needs; no others, and no credentials."""
    return {name: text for name, text in environment_without_credentials().items() if INHERITED.fullmatch(name)}


def watched(folder: Path) -> dict[Path, tuple[int, int]]:
    """Size and time of change, in ns, of each file in the project and beside `folder`, but not in it."""
    found = {}
    for top in (build.ROOT, folder.parent):
        for where, folders, names in os.walk(top):
            folders[:] = [name for name in folders if name not in NOT_WATCHED and Path(where, name) != folder]
            for path in (Path(where, name) for name in names):
                with contextlib.suppress(OSError):
                    stat = path.lstat()
                    found[path] = stat.st_size, stat.st_mtime_ns
    return found


def changes(before: dict, after: dict) -> str:
    """Which files were written or deleted between two calls of `watched`, as a remark; "" if none."""
    changed = sorted(path for path in before | after if before.get(path) != after.get(path))
    names = [str(path).removeprefix(f"{build.ROOT}{os.sep}") for path in changed]
    return f"it wrote or deleted outside its folder: {some(names, 3)}" if names else ""
