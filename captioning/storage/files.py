"""Files that are whole or absent: written under a temporary name, renamed when complete."""

import contextlib
import errno
import hashlib
import json
import math
import os
import shutil
import time
from collections import Counter
from pathlib import Path

import filelock

BLOCK = 1 << 20         # bytes read at once
TEMPORARY = ".tmp-"     # part of the name of whatever is not whole yet
# On Windows, a path has at most 259 characters. And nothing is renamed while another program, such as a virus scanner,
# has it open, so we try again after these seconds.
LONGEST_PATH, RENAME_WAITS = (259, (0.1, 0.3, 1, 3)) if os.name == "nt" else (math.inf, ())
WITHOUT_LOCKS = errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK     # from drives without locks


@contextlib.contextmanager
def written_aside(path):
    """Gives a temporary path to write to, and renames it to `path` when the block ends without an error.

    The block makes a file or a folder at the temporary path; after an error it is removed. A file replaces a file, and
    a reader finds the earlier or the new one at any moment. A folder replaces a folder, and for a moment neither is
    there. A file never replaces a folder.

    Args:
        path: the final name. Folders above it are made.

    Yields:
        The temporary path, beside `path`.

    Raises:
        OSError: if `path` can't be written (no permission, disk full). The message names it.
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
        rename(aside, path)
    except BaseException as error:
        with contextlib.suppress(OSError):          # the first error is the one to report
            remove(aside)
        if isinstance(error, OSError) and not isinstance(error, ChildProcessError):     # no fault of the disk
            raise not_written(path, error) from error
        raise


@contextlib.contextmanager
def locked(path, when_taken):
    """Holds a lock while the block runs, and waits for it if another process holds it.

    The system frees the lock of a process that dies. On a drive without locks, the block runs without one.

    Args:
        path: the lock's file. Folders above it are made; the file stays.
        when_taken: called without arguments before waiting, to tell the user.

    Raises:
        OSError: if the lock's folder can't be written. The message names the folder.
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
    """The error to raise when `path` could not be written: it names the path and says what to check."""
    length = len(os.path.abspath(path))
    long = f"Its path has {length} characters, which is too long for Windows: move the project to a folder with a " \
           "shorter path. " if length > LONGEST_PATH else ""
    return OSError(
        error.errno,
        f"{path} could not be written ({error.strerror or error}). {long}Check that its folder can be written and that "
        "the disk is not full. An earlier file of that name is unchanged",
    )


def gone(path) -> OSError:
    """The error to raise when what is being read is no longer there: on a drive that was taken away, for instance."""
    return OSError(f"{path} was there, and can't be read any more. Connect its drive again, and run this again: what "
                   "was done is kept.")


def rename(old, new):
    """Renames a file or a folder. A file that has the new name is replaced.

    Raises:
        OSError: if it can't be renamed; on Windows, only after RENAME_WAITS.
    """
    for seconds in RENAME_WAITS:
        try:
            return os.replace(old, new)
        except PermissionError:
            time.sleep(seconds)
    return os.replace(old, new)


def write_text(path, text: str):
    """Writes a text file in UTF-8, whole or not at all. Raises OSError that names it."""
    with written_aside(path) as aside:
        aside.write_text(text, encoding="utf-8")


def write_json(path, value):
    """Writes `value` as JSON in UTF-8, whole or not at all.

    Raises:
        ValueError: for NaN and infinity, which JSON does not have.
        OSError: if the file can't be written. The message names it.
    """
    write_text(path, json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path, what="a JSON file"):
    """Reads a JSON file.

    Args:
        path: the file.
        what: what it should be, for the message, such as "a list of digests".

    Returns:
        What it holds.

    Raises:
        ValueError: if it is not JSON. The message names the file.
        OSError: if it can't be read.
    """
    try:
        return parse_json(Path(path).read_bytes())
    except ValueError as error:
        raise ValueError(f"{path} is not {what}: {error}. Delete it and run again.") from None


def read_note(path: Path) -> dict:
    """The object in a JSON file; {} if it is missing, damaged or holds something else."""
    try:
        note = read_json(path)
    except (OSError, ValueError):
        note = None
    return note if isinstance(note, dict) else {}


def parse_json(raw: bytes):
    """Reads JSON in UTF-8, with or without a byte order mark.

    Stricter than Python's reader: it refuses NaN, which is not JSON, and a key that stands twice in one object.

    Args:
        raw: the bytes of the JSON text.

    Returns:
        What the text holds.

    Raises:
        ValueError: for anything else, and for what is nested too deeply. The message is the reason.
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
    """Whether a file that begins with these bytes is an HTML page, such as a proxy's or a network's sign-in page."""
    return head.lstrip(b"\xef\xbb\xbf \t\r\n")[:14].lower().startswith((b"<!doctype html", b"<html"))


def sha256(path) -> str:
    """SHA-256 of a file, as hexadecimal digits."""
    return hash_file(path).hexdigest()


def hash_file(path, algorithm: str = "sha256", size: int | None = None, on_block=lambda count: None):
    """Hashes a file, or its first bytes.

    Args:
        path: the file.
        algorithm: the name of a hash in hashlib.
        size: bytes to hash; all if None.
        on_block: called with the number of bytes of each block read, to show progress.

    Returns:
        The hash object, which can be updated with the bytes that follow.
    """
    digest, left = hashlib.new(algorithm, usedforsecurity=False), math.inf if size is None else size
    with open(path, "rb") as file:
        while block := file.read(min(BLOCK, left)):
            digest.update(block)
            left -= len(block)
            on_block(len(block))
    return digest


def remove(path):
    """Deletes a file or a folder with all that is in it, if it is there."""
    path = Path(path)
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _sync(path):
    """Waits until the bytes of the file, or of each file in the folder, are on the disk."""
    for file in [p for p in path.rglob("*") if p.is_file()] if path.is_dir() else [path]:
        with open(file, "rb+") as handle:
            os.fsync(handle.fileno())
