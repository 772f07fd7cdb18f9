"""The loop that tries until a file is whole: which address is asked, how long to wait, when to give up."""

import time
from collections.abc import Callable, Iterable
from contextlib import closing

from captioning.datasets.transfer.addresses import Addresses, shown
from captioning.datasets.transfer.answer import Answer
from captioning.datasets.transfer.errors import DownloadError, Refused, TryAgain, WrongRange
from captioning.datasets.transfer.headers import no_web_page, piece_of, request_headers
from captioning.datasets.transfer.part_file import PartFile
from captioning.datasets.transfer.source import Patience
from captioning.storage.files import is_web_page


class Download:
    """Fills a PartFile from several addresses, one at a time, until it is whole and right."""

    def __init__(self, part: PartFile, urls: Iterable[str], patience: Patience, say: Callable[[str], None]):
        self.part, self.source, self.patience, self.say = part, part.source, patience, say
        self.addresses = Addresses(urls)
        self.failures = 0                        # in a row, without progress
        self.spliced = 0                         # wrong files that were put together from pieces
        self.from_first_byte = False             # the last body began at the file's first byte

    def run(self):
        """Fetch the file. Raises DownloadError if no address gives it, OSError if the disk does not take it."""
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
        """Whether the complete part has the right digest; if not, begin anew and trust its origin less."""
        found = self.part.digest.hexdigest()
        if found == self.source.digest:
            return True
        wrong = f"it sent {self.source.algorithm} {found}, expected {self.source.digest}"
        self.part.truncate(0)
        if self.from_first_byte:
            self._strike_out(self.addresses.next, wrong)
            return False
        # Pieces of different files may have met: of an earlier run, of a mirror, of a server with wrong ranges.
        self.spliced += 1
        if self.spliced > 1:
            self.addresses.whole_only.update(self.addresses.left)
        self.say(f"{self.source.name}: put together, {wrong}. Starting again from its first byte.")
        return False

    def _receive(self, url):
        """Add to the part what one GET gives."""
        offset = 0 if url in self.addresses.whole_only else self.part.size
        headers = request_headers(offset, self.part.version_at(url))
        with closing(Answer(url, headers, self.patience)) as answer:
            position, version = piece_of(answer.response, self.source, offset, self.patience)
            self.part.remember_version(url, version)
            self.from_first_byte = position == 0
            if position < self.part.size:
                self.say(f"{shown(url)} does not resume; its first {self.part.size:,} bytes are read again.")
            for chunk in answer:
                if position == 0 and is_web_page(chunk):
                    raise no_web_page(self.source)
                if position + len(chunk) > self.source.size:
                    raise Refused(f"it sends more than the expected {self.source.size:,} bytes")
                self.part.put(position, chunk)
                position += len(chunk)
        if position < self.source.size:
            raise TryAgain(f"it ended after byte {position:,} of {self.source.size:,}")

    def _strike_out(self, url, why):
        self.addresses.strike_out(url, why)
        self.say(f"{self.source.name}: {shown(url)} is not asked again: {why}.")

    def _wait(self, url, failure, gained):
        """Say why, let the next address come first unless this one gives bytes, and sleep."""
        self.failures = 1 if gained >= self.patience.worthwhile else self.failures + 1
        if self.failures >= self.patience.attempts:
            why = f"{self.failures} attempts in a row failed, the last at {shown(url)}: {failure}"
            raise DownloadError(self._farewell(why))
        if failure.retry_after:
            self.addresses.leave_alone(url, failure.retry_after)
        if gained <= 0:
            self.addresses.to_the_end()
        wait = min(self.patience.first_wait * 2 ** (self.failures - 1), self.patience.longest_wait)
        wait = max(wait, self.addresses.seconds_to_wait())
        where = "again" if self.addresses.next == url else shown(self.addresses.next)
        self.say(
            f"{self.source.name}: {shown(url)}: {failure}. {self.part.size / 1e6:,.1f} MB are here; "
            f"trying {where} in {wait:.0f} s (failure {self.failures} of {self.patience.attempts})."
        )
        _sleep(wait)

    def _farewell(self, why):
        lines = [f"{self.source.name} could not be downloaded: {why}."]
        lines += [f"  {url}: {reason}" for url, reason in self.addresses.refused.items()]
        lines.append(
            f"The {self.part.size:,} of {self.source.size:,} bytes received are kept in {self.part.path}; run again to "
            f"go on. Or fetch it by other means ({self.source.algorithm} {self.source.digest}) and put it in "
            f"{self.part.path.parent} as {self.source.name}, or name a mirror."
        )
        return "\n".join(lines)


def _sleep(seconds):
    if seconds > 0:
        time.sleep(seconds)
