"""Reads zips from outside: checks their list of contents first, and unpacks nothing to the disk.

A member is read into memory, up to the limit that the caller names.
"""

import contextlib
import io
import re
import stat
import zipfile
from pathlib import Path

import numpy as np

from captioning.storage import files

LARGEST_LIST = 32 << 20         # bytes of a list of contents; MSCOCO needs about 110 for each photo
UTF8 = 0x800                    # flag of a name in UTF-8
LOCAL_HEADER = 30               # bytes before each member's name
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)    # zipfile unpacks only as many bytes as we ask for
MISLEADING_NAME = re.compile(r"^[/\\]|^[A-Za-z]:|[\x00-\x1f\x7f]")      # absolute, or with control characters


class BrokenZip(ValueError):
    """The zip is cut short, damaged, misleading, or not a zip. The message names it and says what to do."""


class BadMember(ValueError):
    """A member of the zip can't be read. The message is the reason."""


class Zip:
    """A zip to read from. Use it as a context manager, or close it.

    Attributes:
        path: the zip.
        members: {name: ZipInfo} of the files in it, in their order, with / between folders. Each name is there once,
            is relative and has no `..`. No two members share bytes, and none reaches beyond the zip.

    Raises:
        FileNotFoundError: if the zip is missing.
        BrokenZip: if its list of contents can't be trusted.
    """

    def __init__(self, path):
        self.path = Path(path)
        if not self.path.is_file():
            raise FileNotFoundError(f"{path} is missing or not a file.")
        self._file = _Bounded(self.path)
        try:
            self._zip = zipfile.ZipFile(self._file)
            self.members = _members(self._zip.infolist(), self._zip.start_dir)
        except BrokenZip as error:
            self._file.close()
            raise BrokenZip(f"{path} {error}. Pack it anew: plain files, each once, without a password.") from None
        except Exception as error:      # damaged bytes also raise errors of struct, codecs and seek()
            self._file.close()
            raise BrokenZip(f"{path} {_why_no_zip(self.path, error)}. Delete it and get it again.") from None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Closes the file."""
        self._zip.close()
        self._file.close()

    def head(self, name: str, size: int) -> bytes:
        """The first bytes of a member; none if it can't be read."""
        try:
            with self._zip.open(self.members[name]) as stream:
                return stream.read(size)
        except Exception:               # as for `read`, which gives the reason
            return b""

    def read(self, name: str, most: int) -> bytes:
        """Reads a member and checks its CRC-32. Several threads may call this at once.

        Args:
            name: its name in `members`.
            most: bytes that it may have, unpacked.

        Returns:
            Its bytes.

        Raises:
            BadMember: if it is damaged, encrypted, a link, packed in an unusual way or too large.
            KeyError: if it is not there.
            OSError: if the zip itself can't be read any more. The message names it.
        """
        info = self.members[name]
        if info.file_size > most:
            raise BadMember(f"has {info.file_size:,} bytes unpacked; the limit is {most:,}")
        if info.compress_type not in METHODS:
            raise BadMember(f"is packed by method {info.compress_type}; expected stored or deflated")
        if stat.S_ISLNK(info.external_attr >> 16):
            raise BadMember("is a link, not a file")
        blocks = []
        try:
            with self._zip.open(info) as stream:
                while block := stream.read(files.BLOCK):    # without a size, read() would unpack all of it
                    blocks.append(block)
        except Exception as error:      # zlib.error, BadZipFile, EOFError, struct.error, UnicodeDecodeError ...
            if isinstance(error, OSError) and not self.path.is_file():
                raise files.gone(self.path) from error
            raise BadMember(f"can't be read: {str(error) or type(error).__name__}") from None
        content = b"".join(blocks)
        if len(content) != info.file_size:
            raise BadMember(f"has {len(content):,} bytes, not the {info.file_size:,} of the list of contents")
        return content


def read_arrays(path, most: int) -> dict[str, np.ndarray]:
    """Reads the arrays of an .npz. Unlike np.load, it checks the CRC-32 of each whole member.

    np.load reads as many bytes as an array's header says, so it never checks the CRC of a member whose damaged header
    says less.

    Args:
        path: the .npz.
        most: bytes that all arrays together may have.

    Returns:
        {name: array}. Arrays of objects are refused.

    Raises:
        FileNotFoundError, BrokenZip: as Zip does.
        ValueError: if an array can't be read. The message names it.
    """
    arrays = {}
    with Zip(path) as archive:
        for member in archive.members:
            name = member.removesuffix(".npy")
            try:
                raw = archive.read(member, most)
                arrays[name] = np.lib.format.read_array(io.BytesIO(raw), allow_pickle=False)
                most -= len(raw)
            except Exception as error:      # for odd headers NumPy raises many kinds, even MemoryError
                raise ValueError(f"its array {name!r:.80} can't be read: {error!s:.200}") from None
    return arrays


class _Bounded(io.BufferedReader):
    """A file that reads at most LARGEST_LIST bytes at once, whatever sizes the zip claims."""

    def __init__(self, path):
        super().__init__(io.FileIO(path))

    def read(self, size=-1):
        content = super().read(LARGEST_LIST + 1 if size is None or size < 0 else min(size, LARGEST_LIST + 1))
        if len(content) > LARGEST_LIST:
            raise zipfile.BadZipFile(f"its list of contents has more than {LARGEST_LIST:,} bytes")
        return content


def _members(infos, end: int) -> dict[str, zipfile.ZipInfo]:
    """Members by name. Raises BrokenZip for a list of contents that no honest tool writes.

    end: the byte where the list begins, so where the last member must have ended.
    """
    members, reached = {}, 0
    for info in infos:
        name = _name_of(info).replace("\\", "/")        # some Windows tools write \
        if MISLEADING_NAME.search(info.orig_filename) or ".." in name.split("/"):
            raise BrokenZip(f"has a member {info.orig_filename!r:.80}; expected a plain name relative to the zip")
        if name in members:
            raise BrokenZip(f"has two members {name!r:.80}")
        if name and not name.endswith("/"):
            members[name] = info
    for info in sorted(infos, key=lambda info: info.header_offset):
        if info.header_offset < reached:
            raise BrokenZip(f"has a member {info.filename!r:.80} that overlaps another one")
        reached = info.header_offset + LOCAL_HEADER + info.compress_size
    if reached > end:
        raise BrokenZip(f"lists a member that would end at byte {reached:,}, beyond byte {end:,}")
    return members


def _name_of(info) -> str:
    """The member's name. Macs write UTF-8 without its flag, and zipfile then reads it in code page 437."""
    with contextlib.suppress(UnicodeError):
        if not info.flag_bits & UTF8:
            return info.filename.encode("cp437").decode("utf-8")
    return info.filename


def _why_no_zip(path, error) -> str:
    """What the file is, as far as its first bytes tell."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(512)
    if not head:
        return "is empty; expected a zip"
    if files.is_web_page(head):
        return f"is a web page of {size:,} bytes, not a zip; a proxy or a sign-in page may have sent it"
    reason = str(error) or type(error).__name__
    if head[:2] == b"PK":
        return f"({size:,} bytes) is not a whole zip; it was probably cut short or damaged: {reason}"
    return f"is not a zip: {size:,} bytes that begin with {head[:8]!r} ({reason})"
