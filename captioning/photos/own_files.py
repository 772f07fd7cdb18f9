"""Finds the files of photos that people name, from where their notebook is."""

import os
import unicodedata
from pathlib import Path

from IPython import get_ipython


def folders() -> list[Path]:
    """Where a relative path may begin: in this folder, or in the one in which the notebook was opened."""
    notebook = get_ipython()                    # None outside a notebook
    return list(dict.fromkeys([Path.cwd(), Path(getattr(notebook, "starting_dir", None) or Path.cwd())]))


def find(path) -> Path | None:
    """The file that a path names, in one of `folders`, with composed or decomposed letters; None if there is none.

    Args:
        path: `~` is expanded.
    """
    text = os.path.expanduser(path)
    names = dict.fromkeys((text, *(unicodedata.normalize(form, text) for form in ("NFC", "NFD"))))
    places = (folder / name for folder in folders() for name in names)
    return next((place for place in places if os.path.exists(place)), None)      # takes any odd name, unlike pathlib


def not_found(path) -> str:
    """Where `find` looked for a path, for a message."""
    if os.path.isabs(os.path.expanduser(path)):
        return "is not there"
    return f"is not in {' or in '.join(map(str, folders()))}"
