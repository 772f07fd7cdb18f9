"""Remembers the CRC-32 of files, so that a file that did not change is not read again."""

import contextlib
import os
import time
from collections.abc import Callable
from pathlib import Path

from captioning.storage import files

SETTLED = 10 * 10**9        # ns. A file that changed more recently may change again while its time stays the same


class KnownFiles:
    """Sizes and CRC-32 of files by name, each with the times of the file when it was read.

    Args:
        path: The JSON that keeps them; None to keep nothing. One that is missing or damaged counts as empty.
    """

    def __init__(self, path: Path | None):
        self.path, self._before, self._now = path, files.read_note(path) if path else {}, {}

    def size_and_crc(self, name: str, file: Path, read: Callable[[], tuple[int, int]]) -> tuple[int, int]:
        """The size and the CRC-32 of a file: as remembered if the file did not change, else read.

        Args:
            name: What the file is remembered by.
            file: Its path.
            read: Reads the file and returns both. What it raises comes through, and nothing is remembered.
        """
        state, known = _state(file), self._before.get(name)
        if not (state and isinstance(known, list) and known[:-1] == state and isinstance(known[-1], int)):
            size, crc = read()
            known = [*(state or ()), crc]
            if not state or state[0] != size or time.time_ns() - max(state[1:]) < SETTLED:
                return size, crc
        self._now[name] = known
        return known[0], known[-1]

    def save(self):
        """Writes the JSON if it changed. If its folder can't be written, files are read again next time."""
        if self.path and self._now != self._before:
            with contextlib.suppress(OSError):
                files.write_json(self.path, self._now)


def _state(file: Path) -> list[int] | None:
    """Size of a file in bytes, and when its content and its entry last changed, in ns; None if there is no file."""
    try:
        found = os.stat(file)
    except OSError:
        return None
    return [found.st_size, found.st_mtime_ns, found.st_ctime_ns]
