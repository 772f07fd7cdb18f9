"""Lists the project's files: those that git tracks, or, without git, all but those that runs make."""

import os
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# Files that runs, tests and editors make, as in .gitignore.
LEFT_BY_RUNS = re.compile(
    r"(^|/)(\.git|\.venv|__pycache__|\.ipynb_checkpoints|\.ruff_cache|\.pytest_cache|\.hypothesis|outputs)/"
    r"|^checkpoints/(?!README\.md$)"
    r"|^data/(?!README\.md$|drawn/[^/]*(\.weights\.h5|_notop\.json)$)")


def names() -> list[str]:
    """Sorted paths of the project's files, relative to its folder, with forward slashes."""
    tracked = _tracked_by_git()
    if tracked is None:
        paths = (path.relative_to(ROOT).as_posix() for path in ROOT.rglob("*") if path.is_file())
        return sorted(name for name in paths if not LEFT_BY_RUNS.search(name))
    return sorted(name for name in tracked if (ROOT / name).is_file())


def _tracked_by_git() -> list[str] | None:
    """The tracked paths; None if git is not installed or this folder is not a repository of its own."""
    if not (ROOT / ".git").exists():
        return None
    try:
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return [os.fsdecode(name) for name in listed.stdout.split(b"\0") if name]
