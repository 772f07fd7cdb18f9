"""Checks HDF5 files of weights before anything is read from them.

Only plain arrays pass. HDF5 can also hold links to other files, arrays whose bytes are in other files, and objects of
any kind. One risk remains: the HDF5 library, which is written in C, opens the file before our checks run.
"""

import math
from pathlib import Path

import h5py
import numpy as np

MOST_BYTES = 1_000_000_000          # of all arrays together; InceptionV3 has 87 MB in float32


def check_weights(path, most_bytes: int = MOST_BYTES):
    """Checks that a file is whole HDF5 and holds only plain arrays of finite numbers.

    Args:
        path: the file.
        most_bytes: limit on the bytes of all arrays together, unpacked.

    Raises:
        ValueError: if it is not. The message names the file and the reason.
    """
    try:
        with h5py.File(path) as file:
            flaw = file.visititems_links(_flaw_of_link) or _flaw_of_arrays(file, most_bytes)
    except OSError as error:
        flaw = f"it can't be read as HDF5 and may be cut short ({error})"
    except Exception as error:          # h5py raises KeyError, RuntimeError, TypeError ... for a damaged inside
        flaw = f"its content is damaged ({str(error) or type(error).__name__})"
    if flaw:
        raise ValueError(f"{Path(path)} is refused as weights: {flaw:.300}. Get it again from where it was made.")


def _flaw_of_link(name, link) -> str | None:
    """Only hard links pass: they lead to a part of this file. Other links lead to a name, maybe in another file."""
    if isinstance(link, h5py.ExternalLink):
        return f"{name!r:.80} is a link to another file, {link.filename!r:.80}"
    if not isinstance(link, h5py.HardLink):
        return f"{name!r:.80} is a link, not an array"
    return None


def _flaw_of_arrays(file, most_bytes) -> str | None:
    """The first reason to refuse an array, or None."""
    total = 0

    def look(name, item):               # what it returns ends the visit; an exception would be lost in h5py
        nonlocal total
        if isinstance(item, h5py.Group):
            return None
        if not isinstance(item, h5py.Dataset) or item.dtype.kind not in "fiu" or item.shape is None:
            return f"{name!r:.80} is not an array of numbers"
        if item.external or item.is_virtual:
            return f"the values of {name!r:.80} are in another file"
        total += max(item.size, math.prod(item.chunks or ())) * item.dtype.itemsize     # a chunk is unpacked whole
        if total > most_bytes:
            return f"its arrays have more than {most_bytes:,} bytes"
        if item.dtype.kind == "f" and not np.isfinite(item[()]).all():
            return f"{name!r:.80} has values that are NaN or infinite"
        return None

    return file.visititems(look)


def about_path(weights: Path) -> Path:
    """The path of the JSON beside a .weights.h5 file, which holds its digest and says how it was made."""
    return weights.with_suffix("").with_suffix(".json")
