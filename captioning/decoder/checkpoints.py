"""Checkpoints: folders that are whole or absent. Damaged ones are skipped. The newest few and the best are kept."""

import contextlib
import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from captioning.storage import files, zips

ARRAYS, ABOUT, DIGESTS = "arrays.npz", "about.json", "sha256.json"
MOST_BYTES = 1_000_000_000          # of all arrays together; MSCOCO's decoder and its optimizer have 44 million numbers


@dataclass(frozen=True)
class Checkpoint:
    """What one folder holds: arrays by name, and what else a run needs (step, history, settings, vocabulary)."""

    path: Path
    arrays: dict[str, np.ndarray]
    about: dict

    def assign_to(self, variables, group: str):
        """Gives the variables the arrays of a group. Raises ValueError when one is missing or of another shape."""
        for i, variable in enumerate(variables):
            array = self.arrays.get(name := array_name(group, i))
            if array is None or array.shape != tuple(variable.shape):
                found = "absent" if array is None else f"of shape {array.shape}"
                raise ValueError(f"The checkpoint {self.path} is damaged: its array {name} is {found}, expected "
                                 f"shape {tuple(variable.shape)}. Delete it to continue from an earlier one.")
            variable.assign(array)


class CheckpointFolder:
    """The checkpoints of one run, each in a folder like `step-00001000`.

    Args:
        folder: where they are; it need not exist.
        keep: how many of the newest stay. The best one stays too.
    """

    folder: Path
    keep: int

    def __init__(self, folder, keep: int = 2):
        self.folder, self.keep = Path(folder), keep

    def alone(self):
        """A context in which no other process trains into this folder. Raises OSError when one already does."""
        def taken():
            raise OSError(f"Another process is training into {self.folder}. Wait for it or stop it, or set "
                          "CAPTION_CHECKPOINT_ROOT to another folder.")

        return files.locked(self.folder / "train.lock", taken)

    def save(self, step: int, arrays: dict[str, np.ndarray], about: dict):
        """Writes a checkpoint under a temporary name, renames it when it is whole, and removes old ones.

        Args:
            step: how many steps were taken.
            arrays: by name.
            about: anything that JSON can hold. Its "history", a list of rows with "step" and "val_loss", tells which
                checkpoint is the best.

        Raises:
            OSError: it can't be written; the message names the folder. Earlier checkpoints are intact.
        """
        with files.written_aside(self.folder / f"step-{step:08d}") as aside:
            aside.mkdir()
            np.savez(aside / ARRAYS, **arrays)
            files.write_json(aside / ABOUT, about)
            files.write_json(aside / DIGESTS, {name: files.sha256(aside / name) for name in (ABOUT, ARRAYS)})
        self._remove_old(step, about.get("history", []))

    def newest(self) -> Checkpoint | None:
        """The last whole checkpoint, None if there is none. Prints a sentence for each damaged one that it skips."""
        for path in reversed(self.paths()):
            try:
                return read_checkpoint(path)
            except ValueError as error:
                print(f"{error} Going back to the checkpoint before it.")
        return None

    def best(self, history) -> Checkpoint | None:
        """The checkpoint with the lowest validation loss, or the newest one if that is missing or damaged."""
        path = self.folder / f"step-{best_step(history):08d}"
        if path in self.paths():
            try:
                return read_checkpoint(path)
            except ValueError as error:
                print(f"{error} Using the newest one instead.")
        return self.newest()

    def set_aside(self) -> Path:
        """Renames the folder to a free name, such as `drawn-set-aside-1`, and returns it. Nothing is deleted.

        Raises:
            OSError: another process trains into the folder, or it can't be renamed.
        """
        with self.alone():
            names = (f"{self.folder.name}-set-aside-{number}" for number in itertools.count(1))
            aside = next(path for path in map(self.folder.with_name, names) if not path.exists())
        files.rename(self.folder, aside)      # without the lock: Windows renames no folder in which a file is open
        return aside

    def paths(self) -> list[Path]:
        """Folders of all complete checkpoints, oldest first."""
        return sorted(p for p in self.folder.glob("step-*") if re.fullmatch(r"step-\d{8,}", p.name))

    def descriptions(self) -> Iterator[dict]:
        """The `about` of each readable checkpoint, newest first, without reading the arrays."""
        for path in reversed(self.paths()):
            with contextlib.suppress(OSError, ValueError):
                yield read_about(path / ABOUT)

    def _remove_old(self, step, history):
        newest, best = (f"step-{number:08d}" for number in (step, best_step(history)))
        up_to_now = [path for path in self.paths() if path.name <= newest]  # later ones are damaged: they were skipped
        for path in up_to_now[:-self.keep]:
            if path.name != best:
                leaving = path.with_name(f"{path.name}{files.TEMPORARY}old")    # whole or gone, even if killed here
                files.rename(path, leaving)
                files.remove(leaving)
        for leftover in self.folder.glob(f"step-*{files.TEMPORARY}*"):      # of processes that died while saving
            files.remove(leftover)


def read_checkpoint(path) -> Checkpoint:
    """Reads one checkpoint and checks it against its digests. Raises ValueError when it is damaged.

    Digests only reveal damage: whoever made the folder made them too. So the content is checked as well.
    """
    path = Path(path)
    try:
        digests = files.read_json(path / DIGESTS, "a list of digests")
        for name in (ABOUT, ARRAYS):
            if files.sha256(path / name) != digests.get(name):
                raise ValueError(f"its {name} is not what was written")
        return Checkpoint(path, read_arrays(path / ARRAYS), read_about(path / ABOUT))
    except (OSError, ValueError, AttributeError) as error:
        raise ValueError(f"The checkpoint {path} is damaged: {error}.") from None


def read_arrays(path) -> dict[str, np.ndarray]:
    """The arrays of an .npz, by name. Raises ValueError unless all are finite numbers."""
    arrays = zips.read_arrays(path, MOST_BYTES)
    for name, array in arrays.items():
        if array.dtype.kind not in "fiub" or not np.isfinite(array).all():
            raise ValueError(f"its array {name!r:.80} has values that are not finite numbers")
    return arrays


def read_about(path) -> dict:
    """What a checkpoint says of itself. Raises ValueError unless its step, history and losses are well formed."""
    about = files.read_json(path, "a checkpoint's description")
    step, rows = (about.get("step"), about.get("history", [])) if isinstance(about, dict) else (None, None)
    if not isinstance(step, int) or path.parent.name != f"step-{step:08d}":
        raise ValueError(f"its {ABOUT} does not belong to {path.parent.name}")
    if not isinstance(rows, list) or not all(map(_is_row, rows)):
        raise ValueError(f"its {ABOUT} has a history that is not a list of steps and losses")
    losses = about.get("epoch_losses", [])
    if not isinstance(losses, list) or not all(map(_is_pair, losses)):
        raise ValueError(f"its {ABOUT} has losses that are not pairs of numbers")
    return about


def _is_row(row) -> bool:
    return (isinstance(row, dict) and isinstance(row.get("step"), int)
            and all(isinstance(row.get(name), (int, float, type(None))) for name in ("train_loss", "val_loss")))


def _is_pair(pair) -> bool:
    return isinstance(pair, list) and len(pair) == 2 and all(isinstance(number, (int, float)) for number in pair)


def best_row(history) -> dict | None:
    """The history's row with the lowest validation loss; None if no row has one."""
    known = [row for row in history if row.get("val_loss") is not None]
    return min(known, key=lambda row: row["val_loss"], default=None)


def best_step(history) -> int:
    """Step with the lowest validation loss; -1 when none is known."""
    row = best_row(history)
    return row["step"] if row else -1


def array_name(group: str, number: int) -> str:
    """Name in a checkpoint of the array that holds a group's variable of this number."""
    return f"{group}/{number:03d}"
