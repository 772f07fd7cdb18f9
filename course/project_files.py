"""The files of the project: those that git tracks, or, in a download without git, those that runs don't make."""

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# What runs, tests and editors leave, as .gitignore has it.
LEFT_BY_RUNS = re.compile(
    r"(^|/)(\.git|\.venv|__pycache__|\.ipynb_checkpoints|\.ruff_cache|\.pytest_cache|\.hypothesis|outputs)/"
    r"|^checkpoints/(?!README\.md$)"
    r"|^data/(?!README\.md$|drawn/[^/]*(\.weights\.h5|_notop\.json)$)")


def names() -> list[str]:
    """Paths of the project's files below its folder, with forward slashes, sorted."""
    tracked = _tracked_by_git()
    if tracked is None:
        paths = (path.relative_to(ROOT).as_posix() for path in ROOT.rglob("*") if path.is_file())
        return sorted(name for name in paths if not LEFT_BY_RUNS.search(name))
    return sorted(name for name in tracked if (ROOT / name).is_file())


def _tracked_by_git() -> list[str] | None:
    """None where git is not installed, or where this folder is no repository of its own."""
    if not (ROOT / ".git").exists():
        return None
    try:
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return [name for name in listed.stdout.split("\0") if name]
