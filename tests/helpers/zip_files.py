"""Zips that tests write, and fields of them that tests overwrite."""

import struct
import warnings
import zipfile
from pathlib import Path

LISTED, LOCAL, END = b"PK\1\2", b"PK\3\4", b"PK\5\6"     # what an entry of the list, a member and the end begin with


def zip_of(path, members, **options) -> Path:
    """Writes a zip.

    Args:
        path: where it goes.
        members: (name, content) or (ZipInfo, content) of each; a name may be there twice.
        **options: those of zipfile.ZipFile.

    Returns:
        The path.
    """
    with warnings.catch_warnings(), zipfile.ZipFile(path, "w", **options) as archive:
        warnings.simplefilter("ignore")                 # zipfile's own, of names that are there twice
        for name, content in members:
            archive.writestr(name, content)
    return Path(path)


def patched(path: Path, signature: bytes, offset: int, kind: str, value: int, which: int = 0) -> Path:
    """Overwrites a field of the which-th record with this signature; kind: the field's type, as struct calls it."""
    raw, at = bytearray(path.read_bytes()), -1
    for _ in range(which + 1):
        at = raw.index(signature, at + 1)
    struct.pack_into(kind, raw, at + offset, value)
    path.write_bytes(raw)
    return path
