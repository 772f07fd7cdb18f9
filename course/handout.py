"""What learners get, as a zip: the student notebook and all that it needs, no solutions.

    python -m course.handout outputs/handout.zip

Only files of the project that SHARED names go in, so that nothing else gets in by mistake. Its README is
course/handout.md. The same files give the same bytes.
"""

import sys
import zipfile
from fnmatch import fnmatchcase
from pathlib import Path

from captioning.storage import files
from course import build, project_files

FOLDER = "image-captioning"         # in the zip
SHARED = ("*.py", "captioning/*.py", "captioning/*/*.py", "captioning/*/*/*.py",
          "captioning/*/*.j2", "student/*.ipynb", "data/README.md", "data/drawn/*",
          "checkpoints/README.md", "docs/gallery.jpg", "docs/settings.md", "requirements.txt", "requirements-int8.txt",
          "requirements-ray.txt", "Dockerfile", ".dockerignore", "LICENSE")
STORED_AT = (1980, 1, 1, 0, 0, 0)   # the earliest date that a zip can name


def is_shared(name: str) -> bool:
    """Whether a file of the repository goes to learners. A `*` of SHARED stands for no folder."""
    parts = name.split("/")
    return any(len(parts) == len(pattern.split("/")) and all(map(fnmatchcase, parts, pattern.split("/")))
               for pattern in SHARED)


def contents() -> dict[str, bytes]:
    """The handout's files by their names. Raises ValueError if the student notebook is not built from its source."""
    if not build.is_current(build.STUDENT, build.build(student=True)):
        raise ValueError(f"{build.STUDENT.relative_to(build.ROOT)} is stale: run `make notebooks`.")
    found = {name: build.ROOT / name for name in project_files.names() if is_shared(name)}
    found["README.md"] = build.ROOT / "course" / "handout.md"
    return {name: path.read_bytes() for name, path in found.items()}


def write(path: Path):
    """Writes the zip. Nothing is compressed: nearly all of it are weights, and zlib's bytes depend on its version."""
    with files.written_aside(path) as aside, zipfile.ZipFile(aside, "w") as handout:
        for name, content in sorted(contents().items()):
            info = zipfile.ZipInfo(f"{FOLDER}/{name}", STORED_AT)
            info.create_system, info.external_attr = 3, 0o644 << 16     # as on Unix, wherever it is made
            handout.writestr(info, content)


if __name__ == "__main__":
    try:
        write(Path(sys.argv[1]))
    except (ValueError, OSError) as error:
        sys.exit(str(error))
    print(f"wrote {sys.argv[1]}, {Path(sys.argv[1]).stat().st_size / 1e6:.0f} MB")
