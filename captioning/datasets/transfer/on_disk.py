"""Checks files on the disk: is the right one there, and is there room for it?"""

import os
import shutil
from contextlib import suppress
from pathlib import Path

from tqdm.auto import tqdm

from captioning.datasets.transfer.errors import DownloadError
from captioning.datasets.transfer.source import Source
from captioning.storage import files

SPARE_ROOM = 64 << 20                            # bytes to leave free on the disk


def verified(path: Path, source: Source, progress: bool) -> Path:
    """Checks that a file is the source's. Never changes the file.

    A file that passed once, and has the same size and time since, is not hashed again.

    Args:
        path: the file.
        source: its expected size and digest.
        progress: whether to show a bar while hashing.

    Returns:
        The path.

    Raises:
        DownloadError: if it is another file or can't be read.
    """
    advice = (
        "Nothing was changed. If you put it there, replace it with the right one. If not, move or delete it and run "
        f"again to download {source.name}."
    )
    if not os.path.isfile(path):
        raise DownloadError(f"{path} is not a file (a folder, or a link to something that is gone). {advice}")
    try:
        found = path.stat()
        if source.size is not None and found.st_size != source.size:
            raise DownloadError(f"{path} has {found.st_size:,} bytes, expected {source.size:,}. {advice}")
        if files.read_note(beside(path, ".verified.json")) == _record(source, found):
            return path
        digest = digest_of(path, source, progress).hexdigest()
    except DownloadError:
        raise
    except OSError as error:
        raise DownloadError(f"{path} can't be read: {error}. {advice}") from error
    if digest != source.digest:
        raise DownloadError(f"{path} has {source.algorithm} {digest}, expected {source.digest}. {advice}")
    remember_verified(path, source, found)
    return path


def remember_verified(path: Path, source: Source, found: os.stat_result):
    """Writes down that the file with this stat was checked. In a read-only folder it does nothing."""
    with suppress(OSError):
        files.write_json(beside(path, ".verified.json"), _record(source, found))


def _record(source, found):
    """What .verified.json holds."""
    return {"size": found.st_size, "mtime_ns": found.st_mtime_ns, source.algorithm: source.digest}


def beside(path: Path, ending: str) -> Path:
    """The path with `ending` appended to its name."""
    return path.with_name(path.name + ending)


def digest_of(path: Path, source: Source, progress: bool, size: int | None = None):
    """Hashes the first `size` bytes of a file, or all, with the source's algorithm. Returns the hash object."""
    size = path.stat().st_size if size is None else size
    with progress_bar(f"checking {source.name}", size, progress and size > 0) as bar:
        return files.hash_file(path, source.algorithm, size, bar.update)


def progress_bar(description: str, total: int, progress: bool, initial: int = 0, leave: bool = False) -> tqdm:
    """A progress bar that counts bytes. It is shown if `progress`, and stays on the screen if `leave`."""
    style = {"unit": "B", "unit_scale": True, "disable": not progress, "leave": leave}
    return tqdm(desc=description, total=total, initial=initial, **style)


def check_room(folder: Path, sources: list[Source]):
    """Checks that the disk has room for what is still missing of the sources.

    Args:
        folder: where they go; it need not be there yet.
        sources: the files. Bytes already there, also in .part files, need no room.

    Raises:
        DownloadError: if there is too little room. The message says how much is missing.
    """
    missing = sum(_missing_bytes(folder / source.name, source) for source in sources)
    existing = next((at for at in (folder, *folder.absolute().parents) if os.path.isdir(at)), folder)
    free = shutil.disk_usage(existing).free
    if missing and free < missing + SPARE_ROOM:
        names = ", ".join(source.name for source in sources)
        raise DownloadError(
            f"{folder} has {free / 1e9:.2f} GB free, but {names} still needs {(missing + SPARE_ROOM) / 1e9:.2f} GB. "
            "Make room, or choose a folder on another disk (CAPTION_DATA_DIR)."
        )


def _missing_bytes(path, source):
    """Bytes of a source that are still to come."""
    if os.path.lexists(path):
        return 0
    size = source.about if source.size is None else source.size
    with suppress(OSError):
        return size - min(beside(path, ".part").stat().st_size, size)
    return size
