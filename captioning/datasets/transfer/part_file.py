"""The `.part` file: what has been received of a file so far."""

import os
from pathlib import Path

from captioning.datasets.transfer.addresses import shown
from captioning.datasets.transfer.on_disk import beside, digest_of, progress_bar
from captioning.storage import files


class PartFile:
    """The first bytes of a file, as received so far, and their running digest.

    Each write goes to a given position. So where a lock does not hold (on some network drives), two processes write the
    same bytes to the same places.

    Attributes:
        size: bytes received.
        digest: hash object of these bytes.
        complete: whether all bytes are here.
    """

    def __init__(self, path: Path, source, progress: bool, say):
        self.path, self.source, self.progress, self.say = path, source, progress, say
        path.touch()
        self.size = path.stat().st_size
        if self.size > source.size:
            say(f"{path} is longer than {source.name} can be. Starting again from its first byte.")
            os.truncate(path, 0)
            self.size = 0
        self.digest = digest_of(path, source, progress)
        self.file = path.open("r+b", buffering=0)
        self.bar = progress_bar(source.name, source.size, progress, self.size, leave=True)

    @property
    def complete(self) -> bool:
        """Whether all bytes are here. They may still be wrong."""
        return self.size == self.source.size

    def put(self, position: int, chunk: bytes):
        """Takes bytes from the server.

        Args:
            position: where in the file they belong; at most `size`. Bytes that are already here are compared. If they
                differ, the new ones replace all bytes from `position` on.
            chunk: the bytes.
        """
        view, known = memoryview(chunk), min(len(chunk), self.size - position)
        self.file.seek(position)
        if known and self.file.read(known) != view[:known]:
            self.say(f"{self.source.name}: the answer differs from byte {position:,} on. Taking the new bytes.")
            self.truncate(position)
            known = 0
        view = view[known:]
        self.file.seek(self.size)
        self.digest.update(view)
        while view:                              # an unbuffered write may take less than it is given
            written = self.file.write(view)
            self.size += written
            self.bar.update(written)
            view = view[written:]

    def truncate(self, size: int):
        """Keeps only the first `size` bytes."""
        self.file.truncate(size)
        self.size = size
        self.digest = digest_of(self.path, self.source, self.progress, size)
        self.bar.n = size
        self.bar.refresh()

    def version_at(self, url: str) -> str | None:
        """The version that `remember_version` noted for this address, or None."""
        note = files.read_note(self._note)
        return str(note["version"]) if note.get("url") == shown(url) and note.get("version") else None

    def remember_version(self, url: str, version: str | None):
        """Notes the address that these bytes come from, and the ETag or date of the file there."""
        files.write_json(self._note, {"url": shown(url), "version": version})

    def become(self, path: Path):
        """Renames the file to `path` when its bytes are on the disk, so that even a power cut leaves no half file."""
        os.fsync(self.file.fileno())
        self.close()
        files.rename(self.path, path)
        self._note.unlink(missing_ok=True)

    @property
    def _note(self) -> Path:
        return beside(self.path, ".json")

    def close(self):
        """Closes the file and its progress bar. The bytes stay on the disk."""
        self.file.close()
        self.bar.close()
