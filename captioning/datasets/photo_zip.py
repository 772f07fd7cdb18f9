"""Reads photos from a zip, which is never unpacked."""

import hashlib
import json
import re
import unicodedata
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from captioning.storage import zips

PHOTO_SUFFIXES = (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".apng", ".bmp", ".gif", ".webp", ".tif", ".tiff")
PHOTO_STARTS = re.compile(rb"\xff\xd8\xff|\x89PNG\r\n|GIF8|RIFF....WEBP|II\*\0|MM\0\*", re.DOTALL)   # of files
HEAD = 12                           # bytes that tell a photo
MAX_PHOTO_BYTES = 100_000_000       # of a photo's file, a larger one is refused. Pixels: photos/decode.py


class BadPhoto(ValueError):
    """The photo can't be read or decoded. The message is the reason."""


def composed(name: str) -> str:
    """The name with composed letters: Macs write "é" as two characters, others as one."""
    return unicodedata.normalize("NFC", name)


def is_photo(name: str, head: Callable[[], bytes]) -> bool:
    """Whether a file looks like a photo, by its suffix or else by its content. head: returns its first HEAD bytes."""
    return name.lower().endswith(PHOTO_SUFFIXES) or bool(PHOTO_STARTS.match(head()))


class PhotoZip:
    """The photos of a zip, by file name without folders. Use it as a context manager.

    Attributes:
        path: the zip.
        names: file names of what look like photos, sorted. All names have composed letters.
        files: {file name: member of the zip} of these, and of the other files, which captions may name too.

    Raises:
        FileNotFoundError: if the zip is missing.
        ValueError: if the zip is cut short or misleading, has two photos of one name, or has no photos. The message
            names it.
    """

    def __init__(self, path):
        self.path = Path(path)
        self.zip = zips.Zip(self.path)
        try:
            self.names, self.files = self._by_name()
        except ValueError:
            self.zip.close()
            raise

    def _by_name(self) -> tuple[list[str], dict[str, str]]:
        """The names of the photos, and the members by file name without folders. Photos go before other files."""
        photos, others = {}, {}
        for member in self.zip.members:
            name = composed(PurePosixPath(member).name)
            if member.startswith("__MACOSX/") or name.startswith("."):
                continue
            if not is_photo(name, lambda member=member: self.zip.head(member, HEAD)):
                others[name] = member
            elif name in photos:
                raise ValueError(f"{self.path} has two photos called {name!r:.80}: {photos[name]!r:.80} and "
                                 f"{member!r:.80}. Captions refer to a photo by its name alone. Rename one.")
            else:
                photos[name] = member
        if not photos:
            raise ValueError(f"{self.path} holds no photos (files ending in {', '.join(PHOTO_SUFFIXES)}).")
        return sorted(photos), others | photos

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.zip.close()

    def read(self, name: str) -> bytes:
        """Reads a photo's file.

        Args:
            name: one of `files`.

        Returns:
            Its encoded bytes.

        Raises:
            BadPhoto: if it can't be read or is too large. The message is the reason.
            KeyError: if no file has this name.
            OSError: if the zip itself can't be read any more. The message names it.
        """
        try:
            return self.zip.read(self.files[name], MAX_PHOTO_BYTES)
        except zips.BadMember as error:
            raise BadPhoto(f"in {self.path.name} {error}") from None

    def digest(self, names, remembered: Path | None = None) -> str:
        """SHA-256 over name, size and CRC-32 of these photos: it changes when a photo does, and reads none of them.

        Args:
            names: of the photos.
            remembered: ignored; PhotoFolder needs it.
        """
        infos = ((n, self.zip.members[self.files[n]]) for n in names)
        rows = ((n, info.file_size, info.CRC) for n, info in infos)
        return hashlib.sha256(json.dumps(list(rows)).encode()).hexdigest()
