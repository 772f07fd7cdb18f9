"""Photos in a zip, which is never unpacked."""

import hashlib
import json
from pathlib import Path, PurePosixPath

from captioning.storage import zips

PHOTO_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff")
MAX_PHOTO_BYTES = 100_000_000       # of a photo's file; larger ones are skipped too


class BadPhoto(ValueError):
    """A photo that can't be read or decoded; the message is the reason."""


class PhotoZip:
    """The photos of a zip, by file name without folders. Use as a context manager.

    Raises OSError or ValueError, naming the file, when it is missing, cut short or made to mislead, has two photos of
    one name, or holds no photos.
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
        """{file name without folders: member of the zip}"""
        found = {}
        for member in self.zip.members:
            if member.lower().endswith(PHOTO_SUFFIXES) and not member.startswith("__MACOSX/"):
                name = PurePosixPath(member).name
                if name in found:
                    raise ValueError(f"{self.path} has two photos called {name!r:.80}: {found[name]!r:.80} and "
                                     f"{member!r:.80}. Captions go by the name alone; rename one of them.")
                found[name] = member
        if not found:
            raise ValueError(f"{self.path} holds no photos (members ending in {', '.join(PHOTO_SUFFIXES)}).")
        return found

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.zip.close()

    def read(self, name: str) -> bytes:
        """The photo's encoded bytes. Raises BadPhoto when they can't be had from the zip, KeyError if not there."""
        try:
            return self.zip.read(self.members[name], MAX_PHOTO_BYTES)
        except zips.BadMember as error:
            raise BadPhoto(f"in {self.path.name} {error}") from None

    def digest(self, names) -> str:
        """Identifies these photos by name, size and CRC, without reading them."""
        infos = ((n, self.zip.members[self.members[n]]) for n in names)
        rows = ((n, info.file_size, info.CRC) for n, info in infos)
        return hashlib.sha256(json.dumps(list(rows)).encode()).hexdigest()
