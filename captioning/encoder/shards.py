"""Unfinished embeddings: a file for each batch, so that a process that dies loses only the batch it works on."""

import hashlib
import json
from pathlib import Path

import numpy as np

from captioning.encoder.batches import EMBED_BATCH
from captioning.storage import files, zips

MAX_BATCH_BYTES = 100_000_000       # of the embeddings of a batch; InceptionV3's have 131,072


class Shards:
    """A folder of batches beside a cache. Each batch is a file that is whole or absent.

    Args:
        cache: The .npy that the batches will make.
        names: The photos of the split.
        recipe: What the embeddings depend on. Another recipe has another folder.
    """

    def __init__(self, cache: Path, names: list[str], recipe: dict):
        self.cache, self.names, self.recipe = cache, names, recipe
        digest = hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()
        self.folder = cache.with_name(f"{cache.stem}{files.TEMPORARY}{digest[:16]}")

    def missing(self) -> list[int]:
        """Where the batches begin that are still to be made, damaged ones included."""
        return [start for start in self._starts() if self.read(start) is None]

    def write(self, start: int, rows: np.ndarray, skipped: dict[str, str]):
        """Saves the batch that begins at `start`, as `embed_batches` yields it."""
        with files.written_aside(self._path(start)) as aside, open(aside, "wb") as file:
            np.savez(file, rows=rows, skipped=json.dumps(skipped))

    def read(self, start: int) -> tuple[np.ndarray, dict[str, str]] | None:
        """Rows and skipped photos of the batch that begins at `start`, or None if it is absent or damaged."""
        try:
            shard = zips.read_arrays(self._path(start), MAX_BATCH_BYTES)
            return shard["rows"], json.loads(str(shard["skipped"]))
        except (OSError, ValueError, KeyError):
            return None

    def assemble(self, photos: Path):
        """Joins all batches to the cache, a .npy with a .json that describes it.

        The .npy takes its name last, so it is never there without its description.

        Args:
            photos: The zip, for the error message.

        Raises:
            ValueError: No photo can be used.
            OSError: The cache can't be written.
        """
        with files.written_aside(self.cache) as aside:
            skipped = self._join(aside)
            if len(skipped) == len(self.names):
                name, reason = next(iter(skipped.items()))
                raise ValueError(f"None of the {len(skipped):,} photos of {photos} can be used; {name} {reason}.")
            files.write_json(self.cache.with_suffix(".json"), {
                "recipe": self.recipe, "sha256": files.sha256(aside), "skipped": skipped, "names": self.names})

    def _join(self, path: Path) -> dict[str, str]:
        """Writes the rows of all batches to `path`, one batch in memory at a time. Returns the skipped photos."""
        all_skipped = {}
        with open(path, "wb") as file:
            for start in self._starts():
                rows, skipped = self.read(start)
                all_skipped |= skipped
                if start == 0:
                    np.lib.format.write_array_header_1_0(file, {
                        "descr": np.lib.format.dtype_to_descr(rows.dtype), "fortran_order": False,
                        "shape": (len(self.names), rows.shape[1])})
                file.write(rows.tobytes())
        return all_skipped

    def _starts(self) -> range:
        return range(0, len(self.names), EMBED_BATCH)

    def _path(self, start: int) -> Path:
        return self.folder / f"{start:08d}.npz"
