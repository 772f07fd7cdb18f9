"""The `.part` file: what was received so far of a file."""

import os
from pathlib import Path

from captioning.datasets.transfer.addresses import shown
from captioning.datasets.transfer.on_disk import beside, digest_of, progress_bar, read_note
from captioning.storage import files


class PartFile:
    """The bytes received so far, from the file's first byte on, and their running digest.

    Every write goes to a stated position and nothing is ever appended blindly: where a lock does not hold (some
    network file systems), two processes write the same bytes to the same places.
    """

    def __init__(self, path: Path, source, progress: bool, say):
        self.path, self.source, self.progress, self.say = path, source, progress, say
        path.touch()
        self.size = path.stat().st_size
        if self.size > source.size:
            say(f"{path} is longer than {source.name} can be; starting again from its first byte.")
            os.truncate(path, 0)
            self.size = 0
        self.digest = digest_of(path, source, progress)
        self.file = path.open("r+b", buffering=0)
        self.bar = progress_bar(source.name, source.size, progress, self.size, leave=True)

    @property
    def complete(self) -> bool:
        """Whether as many bytes are here as the file has."""
        return self.size == self.source.size

    def put(self, position: int, chunk: bytes):
        """Take a chunk that belongs at `position`. What is already there is compared; where it differs, it goes."""
        view, known = memoryview(chunk), min(len(chunk), self.size - position)
        self.file.seek(position)
        if known and self.file.read(known) != view[:known]:
            self.say(f"{self.source.name}: what the server sends differs from byte {position:,} on; taking the new.")
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
        """Keep the first `size` bytes only."""
        self.file.truncate(size)
        self.size = size
        self.digest = digest_of(self.path, self.source, self.progress, size)
        self.bar.n = size
        self.bar.refresh()

    def version_at(self, url: str) -> str | None:
        """What `remember_version` wrote down if these bytes came from this address, else None."""
        note = read_note(self._note)
        return str(note["version"]) if note.get("url") == shown(url) and note.get("version") else None

    def remember_version(self, url: str, version: str | None):
        """Write down what tells the version of the file that this is a piece of from another."""
        files.write_json(self._note, {"url": shown(url), "version": version})

    def become(self, path: Path):
        """Give the file its final name. After a power cut too, that name means a whole file."""
        os.fsync(self.file.fileno())
        self.close()
        os.replace(self.path, path)
        self._note.unlink(missing_ok=True)

    @property
    def _note(self) -> Path:
        return beside(self.path, ".json")

    def close(self):
        """Close the file and its progress bar. The bytes stay on the disk."""
        self.file.close()
        self.bar.close()
