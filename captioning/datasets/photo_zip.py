"""Reads photos from a zip, which is never unpacked."""

import hashlib
import json
from pathlib import Path, PurePosixPath

from captioning.storage import zips

PHOTO_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff")
MAX_PHOTO_BYTES = 100_000_000       # of a photo's file, a larger one is refused. Pixels: photos/decode.py


class BadPhoto(ValueError):
    """The photo can't be read or decoded. The message is the reason."""


class PhotoZip:
    """The photos of a zip, by file name without folders. Use it as a context manager.

    Attributes:
        path: the zip.
        names: file names of the photos, sorted.
        members: {file name: member of the zip}.

    Raises:
        FileNotFoundError: if the zip is missing.
        ValueError: if the zip is cut short or misleading, has two photos of one name, or has no photos. The message
            names it.
    """

    def __init__(self, path):
        self.path = Path(path)
        self.zip = zips.Zip(self.path)
        try:
            self.members = self._photos_by_name()
        except ValueError:
            self.zip.close()
            raise
        self.names = sorted(self.members)

    def _photos_by_name(self) -> dict[str, str]:
        """The members that are photos, by file name without folders."""
        found = {}
        for member in self.zip.members:
            if member.lower().endswith(PHOTO_SUFFIXES) and not member.startswith("__MACOSX/"):
                name = PurePosixPath(member).name
                if name in found:
                    raise ValueError(f"{self.path} has two photos called {name!r:.80}: {found[name]!r:.80} and "
                                     f"{member!r:.80}. Captions refer to a photo by its name alone. Rename one.")
                found[name] = member
        if not found:
            raise ValueError(f"{self.path} holds no photos (members ending in {', '.join(PHOTO_SUFFIXES)}).")
        return found

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.zip.close()

    def read(self, name: str) -> bytes:
        """Reads a photo's file.

        Args:
            name: one of `names`.

        Returns:
            Its encoded bytes.

        Raises:
            BadPhoto: if it can't be read or is too large. The message is the reason.
            KeyError: if no photo has this name.
        """
        try:
            return self.zip.read(self.members[name], MAX_PHOTO_BYTES)
        except zips.BadMember as error:
            raise BadPhoto(f"in {self.path.name} {error}") from None

    def digest(self, names) -> str:
        """SHA-256 over name, size and CRC-32 of these photos: it changes when a photo does, and reads none of them."""
        infos = ((n, self.zip.members[self.members[n]]) for n in names)
        rows = ((n, info.file_size, info.CRC) for n, info in infos)
        return hashlib.sha256(json.dumps(list(rows)).encode()).hexdigest()
