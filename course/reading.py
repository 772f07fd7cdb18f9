"""Reads the notebooks of strangers, which may hold anything."""

import json
import warnings
from pathlib import Path

import nbformat

from course import solutions

MOST_BYTES = 100_000_000            # of a notebook; with pictures, a few million are common


def read(path: Path) -> nbformat.NotebookNode:
    """Reads a notebook in UTF-8 or UTF-16, with or without a byte order mark.

    Raises:
        ValueError: it can't be read; the message is the reason.
    """
    try:
        if path.stat().st_size > MOST_BYTES:
            raise ValueError(f"it has more than {MOST_BYTES:,} bytes")
        raw = path.read_bytes()
        text = raw.decode(json.detect_encoding(raw))
        json.loads(text)
    except OSError as error:
        raise ValueError(error.strerror) from None
    except UnicodeDecodeError:
        raise ValueError("it is neither UTF-8 nor UTF-16") from None
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"it is not JSON ({error})" if raw.strip() else "it is empty") from None
    return parsed(text)


def parsed(text: str) -> nbformat.NotebookNode:
    """The notebook that a JSON text holds. Raises ValueError with the reason if it holds none."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")         # about cells without an id
            notebook = nbformat.reads(text, as_version=4)
        for source in solutions.code_of(notebook.cells):
            source.encode()                         # raises if it is not valid text
        return notebook
    except UnicodeEncodeError:
        raise ValueError("a cell has characters that are no text") from None
    except Exception:                       # a stranger's file may raise anything
        raise ValueError("it is JSON, but no notebook") from None
