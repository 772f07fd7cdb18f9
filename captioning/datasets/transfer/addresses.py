"""The addresses that a file may be had from."""

import re
import time
from collections.abc import Iterable
from urllib.parse import urlsplit


def on_mirror(mirror: str, name: str) -> str:
    """The address of a file on a mirror. Raises ValueError for a mirror that is no http or https address."""
    if not re.match(r"https?://[\w.@:%-]+(/|$)", mirror):
        shown = re.sub(r"//[^/\s]*@", "//", mirror)
        raise ValueError(f"{shown!r:.200} is not the http or https address of a mirror, as https://mirror.example/coco "
                         "is. CAPTION_MIRRORS lists them with spaces between.")
    return f"{mirror.rstrip('/')}/{name}"


def shown(url: str) -> str:
    """An address as it may be printed: no user, password or query."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


class Addresses:
    """Several addresses of one file: which one is asked next, which are asked no more, and why."""

    def __init__(self, urls: Iterable[str]):
        self.left: list[str] = list(dict.fromkeys(urls))    # still worth asking, the next one first
        self.refused: dict[str, str] = {}                   # address as shown -> why it is not asked again
        self.whole_only: set[str] = set()                   # those whose ranges were wrong
        self._not_before: dict[str, float] = {}             # address -> monotonic time until which it wants no requests

    @property
    def next(self) -> str:
        """The address to ask next. There must be one left."""
        return self.left[0]

    def strike_out(self, url: str, why):
        """Ask an address no more."""
        self.left.remove(url)
        self.refused[shown(url)] = str(why)

    def to_the_end(self):
        """Let the address that was next come last."""
        self.left = self.left[1:] + self.left[:1]

    def leave_alone(self, url: str, seconds: float):
        """Ask an address again only after so many seconds."""
        self._not_before[url] = time.monotonic() + seconds

    def seconds_to_wait(self) -> float:
        """How long the next address still wants no requests; 0 or less if it takes one now."""
        return self._not_before.get(self.next, 0.0) - time.monotonic()
