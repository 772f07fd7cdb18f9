"""Writes the learners' zip: the student notebook and what it needs, without solutions.

    python -m course.handout outputs/handout.zip

It holds only project files that SHARED names, so nothing else gets in by mistake. Its README.md is course/handout.md.
The same files give the same bytes.
"""

import sys
import zipfile
from fnmatch import fnmatchcase
from pathlib import Path

from captioning.storage import files
from course import build, project_files

FOLDER = "image-captioning"         # in the zip
SHARED = ("*.py", "captioning/*.py", "captioning/*/*.py", "captioning/*/*/*.py",
          "captioning/*/*.j2", "student/*.ipynb", "going_further.ipynb", "data/README.md", "data/drawn/*",
          "checkpoints/README.md", "docs/gallery.jpg", "docs/settings.md", "requirements.txt", "requirements-app.txt",
          "requirements-int8.txt", "requirements-ray.txt", "Dockerfile", ".dockerignore", "LICENSE")
STORED_AT = (1980, 1, 1, 0, 0, 0)   # the earliest date in a zip


def is_shared(name: str) -> bool:
    """Whether learners get a project file. A `*` in SHARED matches within one folder only."""
    parts = name.split("/")
    return any(len(parts) == len(pattern.split("/")) and all(map(fnmatchcase, parts, pattern.split("/")))
               for pattern in SHARED)


def contents() -> dict[str, bytes]:
    """Reads the files of the handout.

    Returns:
        {name in the handout: content}.

    Raises:
        ValueError: the student notebook is stale.
    """
    if not build.is_current(build.STUDENT, build.build(student=True)):
        raise ValueError(f"{build.STUDENT.relative_to(build.ROOT)} is stale: run `make notebooks`.")
    found = {name: build.ROOT / name for name in project_files.names() if is_shared(name)}
    found["README.md"] = build.ROOT / "course" / "handout.md"
    return {name: path.read_bytes() for name, path in found.items()}


def write(path: Path):
    """Writes the zip, uncompressed: most of it is weights, and zlib's bytes depend on its version."""
    with files.written_aside(path) as aside, zipfile.ZipFile(aside, "w") as handout:
        for name, content in sorted(contents().items()):
            info = zipfile.ZipInfo(f"{FOLDER}/{name}", STORED_AT)
            info.create_system, info.external_attr = 3, 0o644 << 16     # as on Unix, whatever system this is
            handout.writestr(info, content)


if __name__ == "__main__":
    try:
        write(Path(sys.argv[1]))
    except (ValueError, OSError) as error:
        sys.exit(str(error))
    print(f"wrote {sys.argv[1]}, {Path(sys.argv[1]).stat().st_size / 1e6:.0f} MB")
