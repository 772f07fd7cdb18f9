"""The loop that asks until a file is whole: which address to ask, how long to wait, when to give up."""

import time
from collections.abc import Callable, Iterable
from contextlib import closing

from captioning.datasets.transfer.addresses import Addresses, shown
from captioning.datasets.transfer.answer import Answer
from captioning.datasets.transfer.errors import DownloadError, Refused, TryAgain, WrongRange
from captioning.datasets.transfer.headers import piece_of, request_headers, web_page_refused
from captioning.datasets.transfer.part_file import PartFile
from captioning.datasets.transfer.source import Patience
from captioning.storage.files import is_web_page


class Download:
    """Fills a PartFile from several addresses, one at a time, until size and digest are right."""

    def __init__(self, part: PartFile, urls: Iterable[str], patience: Patience, say: Callable[[str], None]):
        self.part, self.source, self.patience, self.say = part, part.source, patience, say
        self.addresses = Addresses(urls)
        self.failures = 0                        # attempts in a row with little progress
        self.spliced = 0                         # wrong files that were joined from several pieces
        self.from_first_byte = False             # whether the last body began at the file's first byte

    def run(self):
        """Fills the file.

        Raises:
            DownloadError: if no address gives the right file. The message names each and its reason.
            OSError: if the disk can't be written.
        """
        while not (self.part.complete and self._right()):
            if not self.addresses.left:
                raise DownloadError(self._farewell("no address gave it"))
            url, before = self.addresses.next, self.part.size
            try:
                _sleep(self.addresses.seconds_to_wait())
                self._receive(url)
            except Refused as refusal:
                self._strike_out(url, refusal)
            except TryAgain as failure:
                if isinstance(failure, WrongRange):
                    self.addresses.whole_only.add(url)
                self._wait(url, failure, self.part.size - before)

    def _right(self):
        """Whether the complete part has the right digest. If not, empties it and blames who sent it."""
        found = self.part.digest.hexdigest()
        if found == self.source.digest:
            return True
        wrong = f"it sent {self.source.algorithm} {found}, expected {self.source.digest}"
        self.part.truncate(0)
        if self.from_first_byte:
            self._strike_out(self.addresses.next, wrong)
            return False
        # The pieces may be of different files: from an earlier run, a mirror, or a server with wrong ranges.
        self.spliced += 1
        if self.spliced > 1:
            self.addresses.whole_only.update(self.addresses.left)
        self.say(f"{self.source.name}: the joined pieces are wrong. Starting again from the first byte.")
        return False

    def _receive(self, url):
        """Asks one address once and adds what it sends to the part."""
        offset = 0 if url in self.addresses.whole_only else self.part.size
        headers = request_headers(offset, self.part.version_at(url))
        with closing(Answer(url, headers, self.patience)) as answer:
            position, version = piece_of(answer.response, self.source, offset, self.patience)
            self.part.remember_version(url, version)
            self.from_first_byte = position == 0
            if position < self.part.size:
                self.say(f"{shown(url)} does not resume, so its first {self.part.size:,} bytes are read again.")
            for chunk in answer:
                if position == 0 and is_web_page(chunk):
                    raise web_page_refused(self.source)
                if position + len(chunk) > self.source.size:
                    raise Refused(f"it sends more than the expected {self.source.size:,} bytes")
                self.part.put(position, chunk)
                position += len(chunk)
        if position < self.source.size:
            raise TryAgain(f"it ended after byte {position:,} of {self.source.size:,}")

    def _strike_out(self, url, why):
        """Does not ask this address again, and says why."""
        self.addresses.strike_out(url, why)
        self.say(f"{self.source.name}: {shown(url)} is not asked again: {why}.")

    def _wait(self, url, failure, gained):
        """Says why an attempt failed, chooses the address for the next one, and sleeps. Raises if it is too much."""
        self.failures = 1 if gained >= self.patience.worthwhile else self.failures + 1
        if self.failures >= self.patience.attempts:
            why = f"{self.failures} attempts in a row failed, the last at {shown(url)}: {failure}"
            raise DownloadError(self._farewell(why))
        if failure.retry_after:
            self.addresses.postpone(url, failure.retry_after)
        if gained <= 0:
            self.addresses.rotate()
        wait = min(self.patience.first_wait * 2 ** (self.failures - 1), self.patience.longest_wait)
        wait = max(wait, self.addresses.seconds_to_wait())
        where = "again" if self.addresses.next == url else shown(self.addresses.next)
        self.say(
            f"{self.source.name}: {shown(url)}: {failure}. {self.part.size / 1e6:,.1f} MB are here. "
            f"Trying {where} in {wait:.0f} s (failure {self.failures} of {self.patience.attempts})."
        )
        _sleep(wait)

    def _farewell(self, why):
        """The message of the DownloadError: why, what each address said, and what to do."""
        lines = [f"{self.source.name} could not be downloaded: {why}."]
        lines += [f"  {url}: {reason}" for url, reason in self.addresses.refused.items()]
        lines.append(
            f"The {self.part.size:,} of {self.source.size:,} bytes received are kept in {self.part.path}. Run again to "
            f"continue, name a mirror in CAPTION_MIRRORS, or fetch the file yourself ({self.source.algorithm} "
            f"{self.source.digest}) and put it in {self.part.path.parent} as {self.source.name}."
        )
        return "\n".join(lines)


def _sleep(seconds):
    if seconds > 0:
        time.sleep(seconds)
