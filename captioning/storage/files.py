"""Files that are whole or absent: written aside under a temporary name, renamed when complete."""

import contextlib
import errno
import hashlib
import json
import math
import os
import shutil
from collections import Counter
from pathlib import Path

import filelock

BLOCK = 1 << 20         # bytes read at once
TEMPORARY = ".tmp-"     # in the name of everything that is not whole yet
WITHOUT_LOCKS = errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK     # what drives say that have none


@contextlib.contextmanager
def written_aside(path):
    """Gives a temporary path beside `path`; on success it takes the final name, on failure it is removed.

    The temporary path can be made a file or a folder. What already has the final name is replaced, but no folder by
    a file. A file is there all the time, the earlier one or the new one; of two folders, neither for a moment.
    Raises OSError that names `path` when it can't be written (no permission, disk full).
    """
    path = Path(path)
    aside = path.with_name(f"{path.name}{TEMPORARY}{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        remove(aside)
        yield aside
        _sync(aside)
        if path.is_dir() and aside.is_dir():
            remove(path)
        os.replace(aside, path)
    except BaseException as error:
        with contextlib.suppress(OSError):          # what went wrong first counts
            remove(aside)
        if isinstance(error, OSError) and not isinstance(error, ChildProcessError):     # which tells of no disk
            raise not_written(path, error) from error
        raise


@contextlib.contextmanager
def locked(path, when_taken):
    """Holds the lock of this file meanwhile. Where another process has it, calls when_taken(), then waits.

    The system takes the lock back from a process that dies. On a drive that has no such locks nothing is held.
    Raises OSError that names its folder when that can't be written.
    """
    lock = filelock.FileLock(path, fallback_to_soft=False)
    try:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=0)
    except filelock.Timeout:
        when_taken()
        lock.acquire()
    except OSError as error:
        if error.errno not in WITHOUT_LOCKS:
            raise not_written(Path(path).parent, error) from error
    try:
        yield
    finally:
        lock.release()


def not_written(path, error: OSError) -> OSError:
    """The error to raise when `path` could not be written."""
    return OSError(
        error.errno,
        f"{path} could not be written ({error.strerror or error}). Check that its folder can be written and that "
        "the disk is not full; what had that name before is untouched",
    )


def write_text(path, text: str):
    with written_aside(path) as aside:
        aside.write_text(text, encoding="utf-8")


def write_json(path, value):
    """`value` as JSON in UTF-8; NaN is refused, since it is not JSON."""
    write_text(path, json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path, what="a JSON file"):
    """What the JSON file holds. Raises ValueError that names the file when it can't be read as JSON."""
    try:
        return parse_json(Path(path).read_bytes())
    except ValueError as error:
        raise ValueError(f"{path} is not {what}: {error}. Delete it and run again.") from None


def parse_json(raw: bytes):
    """What these bytes of JSON hold, in UTF-8 with or without a byte order mark.

    Raises ValueError with the reason for anything else, also for what Python reads but JSON does not have (NaN), what
    JSON leaves open (a key twice in an object) and what is nested too deeply to be read.
    """
    try:
        return json.loads(raw.decode("utf-8-sig"), object_pairs_hook=_object, parse_constant=_no_json)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _object(pairs):
    found = dict(pairs)
    if len(found) < len(pairs):
        name, _ = Counter(name for name, _ in pairs).most_common(1)[0]
        raise ValueError(f"it has an object with {name!r:.60} twice")
    return found


def _no_json(constant):
    raise ValueError(f"{constant} is not JSON")


def is_web_page(head: bytes) -> bool:
    """Whether these first bytes of a file are an HTML page's, as a proxy or a sign-in page sends in a file's place."""
    return head.lstrip(b"\xef\xbb\xbf \t\r\n")[:14].lower().startswith((b"<!doctype html", b"<html"))


def sha256(path) -> str:
    """The SHA-256 of a file, in hexadecimal digits."""
    return hash_file(path).hexdigest()


def hash_file(path, algorithm: str = "sha256", size: int | None = None, on_block=lambda count: None):
    """The hash object of the first `size` bytes of a file, or of all of it.

    algorithm: as hashlib calls it. on_block: called with the number of bytes of each block that was read.
    """
    digest, left = hashlib.new(algorithm, usedforsecurity=False), math.inf if size is None else size
    with open(path, "rb") as file:
        while block := file.read(min(BLOCK, left)):
            digest.update(block)
            left -= len(block)
            on_block(len(block))
    return digest


def remove(path):
    """Deletes a file or a folder, if it is there."""
    path = Path(path)
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _sync(path):
    """Asks the system to have the file, or each file of the folder, on the disk before it is renamed."""
    for file in [p for p in path.rglob("*") if p.is_file()] if path.is_dir() else [path]:
        with open(file, "rb+") as handle:
            os.fsync(handle.fileno())
