"""What to fetch, how to check it, and how long to wait for it."""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Source:
    """A file to fetch: its addresses, its size and its digest.

    A digest is required. With it, plain http and any mirror are as safe as the official address. MD5 is enough for
    that: one can make two files with the same MD5, but not a second file for a given MD5.

    Raises:
        ValueError: for a name with a folder in it, or without a digest.
    """

    name: str                                    # file name, without a folder
    urls: tuple[str, ...]                        # asked in this order
    size: int | None                             # bytes; None: the server says, and the digest decides
    md5: str | None = None
    sha256: str | None = None
    about: int = 0                               # bytes, roughly, where `size` is None

    def __post_init__(self):
        if not self.name or self.name in (".", "..") or re.search(r"[/\\:]", self.name):
            raise ValueError(f"Source.name must be a plain file name, not {self.name!r}.")
        if not (self.md5 or self.sha256):
            raise ValueError(f"{self.name} needs an md5 or a sha256, to notice a wrong file.")

    @property
    def algorithm(self) -> str:
        """The name of the digest to check, as hashlib calls it."""
        return "sha256" if self.sha256 else "md5"

    @property
    def digest(self) -> str:
        """The expected digest, in lower-case hexadecimal digits."""
        return (self.sha256 or self.md5).lower()


@dataclass(frozen=True)
class Patience:
    """How long to wait for a server, and how often to try again."""

    connect: float = 15.0                        # s to connect
    stall: float = 30.0                          # s without a byte
    min_rate: float = 1024.0                     # bytes/s, mean over `window`; a slower answer is given up
    window: float = 60.0                         # s; also the limit for name look-up, handshake and headers together
    attempts: int = 8                            # failures in a row, each with fewer than `worthwhile` bytes received
    worthwhile: int = 1 << 20                    # bytes that make an attempt count as progress
    first_wait: float = 1.0                      # s before the second attempt; doubles with each failure in a row
    longest_wait: float = 60.0                   # s
    longest_retry_after: float = 600.0           # s; a server that asks for more is refused
    redirects: int = 10                          # in a row


USUAL_PATIENCE = Patience()
