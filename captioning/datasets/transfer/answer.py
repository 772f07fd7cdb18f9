"""One answer to a GET, given up when it comes too slowly."""

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
    """The answer to a GET. Iterate over it for the body in chunks, as they arrive; close it when done.

    A thread of its own talks to the server, so the reader is never stuck in a call without a time limit: a name
    look-up has no time-out, a body of one byte a second never meets the socket's time-out, and on Windows Ctrl-C does
    not end a wait for the network.

    Attributes:
        response: status and headers.

    Raises:
        Refused, TryAgain: if there is no answer, it breaks off, or it comes too slowly.
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
        """The thread: hands over the response, the chunks of its body, then None, or an error."""
        try:
            with requests.Session() as session:
                session.max_redirects = self.patience.redirects
                time_outs = (self.patience.connect, self.patience.stall)
                with session.get(self.url, headers=self.headers, stream=True, timeout=time_outs) as response:
                    self._hand_over(response)
                    while not self._left.is_set() and (chunk := response.raw.read1(BLOCK, decode_content=False)):
                        self._hand_over(chunk)
            self._hand_over(None)
        except Exception as error:               # the reader handles it
            self._hand_over(error)

    def _hand_over(self, item):
        """Gives an item to the reader, unless it has left."""
        while not self._left.is_set():           # the reader may have left a full queue
            with suppress(queue.Full):
                return self._arrived.put(item, timeout=0.5)

    def _next(self):
        """The next item from the thread; raises if it is an error."""
        while True:
            try:
                item = self._arrived.get(timeout=0.1)    # short, since Ctrl-C waits for it on Windows
            except queue.Empty:
                item = b""
            if isinstance(item, Exception):
                raise in_words(item, self.url, self.patience)
            if item is None or isinstance(item, requests.Response):
                return item
            self._count += len(item)
            self._check_rate()
            if item:
                return item

    def _check_rate(self):
        """At the end of each window, gives up an answer that came too slowly in it."""
        now = time.monotonic()
        if now < self._deadline:
            return
        if self._count < self.patience.min_rate * self.patience.window:
            raise TryAgain(f"only {self._count:,} bytes came in {self.patience.window:g} s")
        self._deadline, self._count = now + self.patience.window, 0

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._next, None)

    def close(self):
        """Stops the thread; the rest of the body is not read."""
        self._left.set()
