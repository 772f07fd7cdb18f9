"""Reads photos from a folder and the folders in it, which are never written to."""

import hashlib
import io
import json
import os
import zlib
from pathlib import Path

from tqdm.auto import tqdm

from captioning.datasets.known_files import KnownFiles
from captioning.datasets.photo_zip import (
    HEAD,
    MAX_PHOTO_BYTES,
    PHOTO_SUFFIXES,
    BadPhoto,
    PhotoZip,
    composed,
    is_photo,
)
from captioning.storage import files


class PhotoFolder:
    """The photos of a folder, by path relative to it. It has the methods of PhotoZip.

    Attributes:
        path: the folder.
        names: paths of what look like photos, with / between folders, sorted. All names have composed letters.
        files: {path: path as the disk has it} of these, and of the other files, which captions may name too. Hidden
            files and folders are left out.

    Raises:
        FileNotFoundError: if the folder is missing.
        ValueError: if it has no photos, or two whose names look the same. The message names them.
    """

    def __init__(self, path):
        self.path = Path(path)
        if not self.path.is_dir():
            raise FileNotFoundError(f"{path} is missing or not a folder.")
        self.files = {}
        for name in files_below(self.path, ("",)):
            if (same := self.files.setdefault(composed(name), name)) != name:
                raise ValueError(f"{path} has two files whose names look the same, {same!a:.80} and {name!a:.80}. "
                                 "Rename one.")
        self.names = sorted(name for name in self.files if is_photo(name, lambda name=name: self._head(name)))
        if not self.names:
            raise ValueError(f"{path} holds no photos (files ending in {', '.join(PHOTO_SUFFIXES)}).")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def read(self, name: str) -> bytes:
        """Reads a photo's file.

        Args:
            name: one of `files`.

        Returns:
            Its encoded bytes.

        Raises:
            BadPhoto: if it can't be read or is too large. The message is the reason.
            OSError: if the folder itself is no longer there. The message names it.
        """
        try:
            return read_photo_file(self._file(name))
        except BadPhoto as error:
            if not (self.path.is_dir() and any(self.path.iterdir())):       # where a drive was, an empty folder stays
                raise files.gone(self.path) from None
            raise BadPhoto(f"in {self.path.name} {error}") from None

    def _head(self, name: str) -> bytes:
        """The first bytes of a file; none if it can't be read."""
        path = self.path / self.files[name]
        try:
            with open(path, "rb") if path.is_file() else io.BytesIO() as file:     # reading a pipe could wait for ever
                return file.read(HEAD)
        except OSError:
            return b""

    def digest(self, names, remembered: Path | None = None) -> str:
        """The digest that PhotoZip has for the same photos. Folders keep no CRC-32, so it reads all of them.

        Args:
            names: of the photos.
            remembered: the file in which the CRC-32 of photos are kept. Of these, only those that changed are read.
        """
        rows, known = [], KnownFiles(remembered)
        for name in tqdm(names, unit="photo", desc=f"Checking {self.path.name}", delay=5, leave=False):
            try:
                rows.append((name, *known.size_and_crc(name, self._file(name), lambda name=name: self._measured(name))))
            except BadPhoto as error:
                rows.append((name, 0, str(error)))
        known.save()
        return hashlib.sha256(json.dumps(rows).encode()).hexdigest()

    def _measured(self, name: str) -> tuple[int, int]:
        """Size in bytes and CRC-32 of a photo. Raises BadPhoto if it can't be read."""
        raw = self.read(name)
        return len(raw), zlib.crc32(raw)

    def _file(self, name: str) -> Path:
        """The file of a photo."""
        return self.path / self.files.get(name, name)


Photos = PhotoZip | PhotoFolder


def open_photos(path) -> Photos:
    """Opens the photos of a split, which are in a zip or in a folder.

    Args:
        path: `Split.photos`.

    Raises:
        FileNotFoundError, ValueError: as PhotoZip and PhotoFolder do.
    """
    return PhotoFolder(path) if Path(path).is_dir() else PhotoZip(path)


def files_below(folder: Path, suffixes: tuple[str, ...]) -> list[str]:
    """Relative paths of the files with these suffixes, in any case, in a folder and the folders in it."""
    found = []
    for where, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".") and name != "__MACOSX"]
        found += [(Path(where) / name).relative_to(folder).as_posix() for name in names
                  if name.lower().endswith(suffixes) and not name.startswith(".")]
    return found


def read_photo_file(path) -> bytes:
    """Reads a photo's file.

    Args:
        path: the file; `~` is expanded.

    Returns:
        Its bytes.

    Raises:
        BadPhoto: if it is missing, no plain file, too large or can't be read. The message is the reason.
    """
    path = Path(os.path.expanduser(path))
    try:
        if not os.path.isfile(path):                    # reading a pipe, say, could wait for ever
            raise BadPhoto("is not a file" if os.path.exists(path) else "is not there")
        if path.stat().st_size > MAX_PHOTO_BYTES:
            raise BadPhoto(f"has {path.stat().st_size:,} bytes, more than {MAX_PHOTO_BYTES:,}")
        return path.read_bytes()
    except OSError as error:
        raise BadPhoto(f"can't be read: {error.strerror or error}") from None
