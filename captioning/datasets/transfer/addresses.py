"""The addresses of a file."""

import re
import time
from collections.abc import Iterable
from urllib.parse import urlsplit


def on_mirror(mirror: str, name: str) -> str:
    """Joins a mirror's address and a file's name.

    Args:
        mirror: base address, such as "https://mirror.example/coco".
        name: the file's name.

    Returns:
        The file's address.

    Raises:
        ValueError: if `mirror` is not an http or https address. The message leaves out a password.
    """
    if not re.match(r"https?://[\w.@:%-]+(/|$)", mirror):
        without_password = re.sub(r"//[^/\s]*@", "//", mirror)
        raise ValueError(f"{without_password!r:.200} is not the http or https address of a mirror, such as "
                         "https://mirror.example/coco. CAPTION_MIRRORS takes such addresses, separated by spaces.")
    return f"{mirror.rstrip('/')}/{name}"


def shown(url: str) -> str:
    """The address without user, password and query, so that it can be printed."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


class Addresses:
    """The addresses of one file: which to ask next, which not to ask again, and why.

    Attributes:
        left: addresses still worth asking, the next one first.
        refused: {address without password: why it is not asked again}.
        whole_only: addresses that sent wrong ranges; ask them for the whole file.
    """

    def __init__(self, urls: Iterable[str]):
        self.left: list[str] = list(dict.fromkeys(urls))
        self.refused: dict[str, str] = {}
        self.whole_only: set[str] = set()
        self._not_before: dict[str, float] = {}             # address -> time.monotonic() before which not to ask it

    @property
    def next(self) -> str:
        """The address to ask next. Raises IndexError if none is left."""
        return self.left[0]

    def strike_out(self, url: str, why):
        """Drops an address and remembers why."""
        self.left.remove(url)
        self.refused[shown(url)] = str(why)

    def rotate(self):
        """Moves the next address to the end."""
        self.left = self.left[1:] + self.left[:1]

    def postpone(self, url: str, seconds: float):
        """Keeps an address from being asked for so many seconds."""
        self._not_before[url] = time.monotonic() + seconds

    def seconds_to_wait(self) -> float:
        """Seconds until the next address may be asked; 0 or less if it may be asked now."""
        return self._not_before.get(self.next, 0.0) - time.monotonic()
