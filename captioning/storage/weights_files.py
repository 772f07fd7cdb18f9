"""Weights from outside: HDF5 files are looked through before anything is read from them.

Only plain arrays pass. HDF5 can also hold links to other files, arrays whose bytes lie in other files, and objects of
any kind. What this can't do: HDF5's own library is written in C, and a file made to attack it is met by it first.
"""

import math
from pathlib import Path

import h5py
import numpy as np

MOST_BYTES = 1_000_000_000          # of all arrays together; InceptionV3 in float32 has 87 MB


def check_weights(path, most_bytes: int = MOST_BYTES):
    """Raises ValueError that names the file when it is no whole HDF5 file of plain, finite arrays of its own."""
    try:
        with h5py.File(path) as file:
            flaw = file.visititems_links(_flaw_of_link) or _flaw_of_arrays(file, most_bytes)
    except OSError as error:
        flaw = f"it can't be read as HDF5, perhaps it was cut short ({error})"
    except Exception as error:          # h5py raises KeyError, RuntimeError, TypeError ... for a damaged inside
        flaw = f"its inside is damaged ({str(error) or type(error).__name__})"
    if flaw:
        raise ValueError(f"{Path(path)} is refused as weights: {flaw:.300}. Get it again from where it was made.")


def _flaw_of_link(name, link) -> str | None:
    """A hard link leads to a part of the file; the others to a name, in this file or another one."""
    if isinstance(link, h5py.ExternalLink):
        return f"{name!r:.80} is a link to another file, {link.filename!r:.80}"
    if not isinstance(link, h5py.HardLink):
        return f"{name!r:.80} is a link, not an array"
    return None


def _flaw_of_arrays(file, most_bytes) -> str | None:
    total = 0

    def look(name, item):               # what it returns ends the visit; an exception would be lost in h5py
        nonlocal total
        if isinstance(item, h5py.Group):
            return None
        if not isinstance(item, h5py.Dataset) or item.dtype.kind not in "fiu" or item.shape is None:
            return f"{name!r:.80} is no array of numbers"
        if item.external or item.is_virtual:
            return f"the values of {name!r:.80} are kept in another file"
        total += max(item.size, math.prod(item.chunks or ())) * item.dtype.itemsize     # a chunk is unpacked whole
        if total > most_bytes:
            return f"its arrays have more than {most_bytes:,} bytes"
        if item.dtype.kind == "f" and not np.isfinite(item[()]).all():
            return f"{name!r:.80} has values that are no finite numbers"
        return None

    return file.visititems(look)


def about_path(weights: Path) -> Path:
    """The JSON beside a .weights.h5 file that says how it came about, and its digest."""
    return weights.with_suffix("").with_suffix(".json")
