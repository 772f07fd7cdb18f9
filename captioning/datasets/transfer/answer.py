"""One GET: its body in chunks, left when it comes too slowly."""

import queue
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import requests

from captioning.datasets.transfer.errors import TryAgain, in_words
from captioning.datasets.transfer.source import Patience
from captioning.storage.files import BLOCK


class Answer:
    """A GET whose body is read by a thread of its own.

    So nothing holds up the reader: neither a name look-up (for which there are no time-outs), nor headers or a body
    that trickle just fast enough for the socket's time-out, nor, on Windows, a wait that Ctrl-C can't end.
    Iterating gives the body in chunks of what has arrived.
    """

    def __init__(self, url: str, headers: dict[str, str], patience: Patience):
        self.url, self.headers, self.patience = url, headers, patience
        self._arrived = queue.Queue(maxsize=16)
        self._left = threading.Event()
        self._deadline, self._count = time.monotonic() + patience.window, 0
        threading.Thread(target=self._receive, daemon=True).start()
        try:
            self.response: requests.Response = self._next()
        except BaseException:
            self.close()
            raise

    def _receive(self):
        try:
            with requests.Session() as session:
                session.max_redirects = self.patience.redirects
                time_outs = (self.patience.connect, self.patience.stall)
                with session.get(self.url, headers=self.headers, stream=True, timeout=time_outs) as response:
                    self._hand_over(response)
                    while not self._left.is_set() and (chunk := response.raw.read1(BLOCK, decode_content=False)):
                        self._hand_over(chunk)
            self._hand_over(None)
        except Exception as error:               # whatever it is, it is the reader's to judge
            self._hand_over(error)

    def _hand_over(self, item):
        while not self._left.is_set():           # the reader may have gone without making room
            with suppress(queue.Full):
                return self._arrived.put(item, timeout=0.5)

    def _next(self):
        while True:
            try:
                item = self._arrived.get(timeout=0.1)    # short: on Windows, Ctrl-C waits for it
            except queue.Empty:
                item = b""
            if isinstance(item, Exception):
                raise in_words(item, self.patience)
            if item is None or isinstance(item, requests.Response):
                return item
            self._count += len(item)
            self._check_rate()
            if item:
                return item

    def _check_rate(self):
        """At the end of each window, give up a body that came too slowly in it."""
        now = time.monotonic()
        if now < self._deadline:
            return
        if self._count < self.patience.min_rate * self.patience.window:
            raise TryAgain(f"only {self._count:,} bytes came in {self.patience.window:g} s")
        self._deadline, self._count = now + self.patience.window, 0

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._next, None)

    def close(self):
        """Read no more of the body."""
        self._left.set()
