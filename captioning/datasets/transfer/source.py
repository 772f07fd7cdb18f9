"""What to fetch, and how patiently."""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Source:
    """A file to fetch: where it is, and how to know that it came whole.

    A digest is required: with it, plain http and anybody's mirror are as good as the official address. (An MD5 is
    enough for that. Two files of one MD5 can be made; a second file for a given MD5 cannot.)
    """

    name: str                                    # of the file, without a folder
    urls: tuple[str, ...]                        # the first is preferred
    size: int                                    # bytes
    md5: str | None = None
    sha256: str | None = None

    def __post_init__(self):
        if not self.name or self.name in (".", "..") or re.search(r"[/\\:]", self.name):
            raise ValueError(f"Source.name must be a plain file name, not {self.name!r}.")
        if not (self.md5 or self.sha256):
            raise ValueError(f"{self.name} needs an md5 or a sha256: without one a wrong file would not be noticed.")

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

    connect: float = 15.0                        # s until a connection stands
    stall: float = 30.0                          # s without a byte
    min_rate: float = 1024.0                     # bytes/s, as a mean over `window`; below it, connect anew
    window: float = 60.0                         # s; also the most that name look-up, handshake and headers may take
    attempts: int = 8                            # failures in a row, each with less than `worthwhile` received
    worthwhile: int = 1 << 20                    # bytes that make an attempt count as progress
    first_wait: float = 1.0                      # s before the second attempt; doubles with each failure in a row
    longest_wait: float = 60.0                   # s
    longest_retry_after: float = 600.0           # s; a server that asks for more is not waited for
    redirects: int = 10


USUAL_PATIENCE = Patience()
