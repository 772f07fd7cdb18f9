"""Datasets and weights: where they are, how they are fetched and how they are checked.

A file has its final name only when its size and digest are right. Until then its bytes are in `<name>.part`, which
survives a cut line, a kill and a new start, and is carried on from where it ended. Beside each file may lie
    <name>.verified.json   size, modification time and digest when last checked: 13 GB are not hashed at each start;
                           delete it to have the file hashed again
    <name>.part.json       what the server said of the file that the .part is a piece of
    <name>.lock            held by the process that downloads
"""

import hashlib
import os
import queue
import re
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import urlsplit

import requests
from filelock import FileLock, Timeout
from requests import exceptions as web
from tqdm.auto import tqdm
from urllib3.exceptions import HTTPError

from captioning.storage.files import is_web_page, read_json, write_json

BLOCK = 1 << 20                                  # bytes handled at once
SPARE_ROOM = 64 << 20                            # bytes left free on the disk beside the download


class DownloadError(OSError):
    """A file could not be had. The message names it, what was expected and found, and what to do."""


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
        return "sha256" if self.sha256 else "md5"

    @property
    def digest(self) -> str:
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


def fetch(
    source: Source,
    folder: str | os.PathLike,
    mirrors: Sequence[str] = (),
    progress: bool = True,
    patience: Patience = Patience(),  # noqa: B008  (frozen)
    say: Callable[[str], None] = tqdm.write,
) -> Path:
    """Return `folder/source.name`, whole and verified; download it if it is not there.

    A file already there, put by hand or by an earlier run, is accepted after the same check and never changed.
    mirrors: base addresses ("https://mirror.example/coco"), asked for `<mirror>/<name>` before the source's own.
    say: takes one sentence for each wait, retry and restart.
    Raises ValueError for a mirror that is no address; DownloadError if the file there is another one, if no address
    gave the right file, if the disk is too small or can't be written to. What was received stays in `<name>.part`,
    and the next call carries on from it.
    """
    folder = Path(folder)
    path = folder / source.name
    own = [_address(mirror, source.name) for mirror in mirrors]
    if os.path.lexists(path):
        return _verified(path, source, progress)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _lock(path, say):
            if not os.path.lexists(path):        # else another process has brought it while we waited
                _check_room(folder, [source])
                _download(source, path, [*own, *source.urls], progress, patience, say)
                return path
    except DownloadError:
        raise
    except OSError as error:
        raise DownloadError(
            f"{path} could not be written: {error}. Choose another folder (CAPTION_DATA_DIR) or make room and "
            "run again; what was received is kept."
        ) from error
    return _verified(path, source, progress)


def _verified(path, source, progress):
    """Return path if its file is the source's, else raise DownloadError; the file is left as it is either way."""
    advice = (
        "Nothing was changed. If you put it there, replace it by the right one; if not, move or delete it, and run "
        f"again to download {source.name}."
    )
    if not os.path.isfile(path):
        raise DownloadError(f"{path} is not a file (a folder, or a link to something that is gone). {advice}")
    try:
        found = path.stat()
        if found.st_size != source.size:
            raise DownloadError(f"{path} has {found.st_size:,} bytes, expected {source.size:,}. {advice}")
        if _note(_beside(path, ".verified.json")) == _record(source, found):
            return path
        digest = _hash(path, source, progress).hexdigest()
    except DownloadError:
        raise
    except OSError as error:
        raise DownloadError(f"{path} can't be read: {error}. {advice}") from error
    if digest != source.digest:
        raise DownloadError(f"{path} has {source.algorithm} {digest}, expected {source.digest}. {advice}")
    with suppress(OSError):                      # a folder may be read-only: then it is hashed each time
        write_json(_beside(path, ".verified.json"), _record(source, found))
    return path


def _record(source, found):
    return {"size": found.st_size, "mtime_ns": found.st_mtime_ns, source.algorithm: source.digest}


def _beside(path, ending):
    return path.with_name(path.name + ending)


def _hash(path, source, progress, size=None):
    """Return the hash object of the first `size` bytes (all by default) of a file."""
    todo = path.stat().st_size if size is None else size
    digest = hashlib.new(source.algorithm, usedforsecurity=False)
    with path.open("rb") as file, _bar(f"checking {source.name}", todo, progress and todo > 0) as bar:
        while todo and (block := file.read(min(BLOCK, todo))):
            digest.update(block)
            todo -= len(block)
            bar.update(len(block))
    return digest


def _bar(description, total, progress, initial=0, leave=False):
    style = {"unit": "B", "unit_scale": True, "disable": not progress, "leave": leave}
    return tqdm(desc=description, total=total, initial=initial, **style)


def _note(path):
    """What a JSON beside a file says, or {}: an unreadable note is as good as none."""
    try:
        note = read_json(path)
    except (OSError, ValueError):
        note = None
    return note if isinstance(note, dict) else {}


def _check_room(folder, sources):
    """Raise DownloadError if the folder's disk has too little room for what is still missing of the sources."""
    missing = 0
    for source in sources:
        path = folder / source.name
        if not os.path.lexists(path):
            with suppress(OSError):
                missing -= min(_beside(path, ".part").stat().st_size, source.size)
            missing += source.size
    existing = next((at for at in (folder, *folder.absolute().parents) if os.path.isdir(at)), folder)
    free = shutil.disk_usage(existing).free
    if missing and free < missing + SPARE_ROOM:
        names = ", ".join(source.name for source in sources)
        raise DownloadError(
            f"{folder} has {free / 1e9:.2f} GB free, but {names} still needs {(missing + SPARE_ROOM) / 1e9:.2f} GB. "
            "Make room, or choose a folder on another disk (CAPTION_DATA_DIR)."
        )


def _lock(path, say):
    """Return the held lock of a file, as a context. Waits for as long as another process holds it."""
    lock = FileLock(f"{path}.lock")
    try:
        return lock.acquire(timeout=0)
    except Timeout:
        say(f"{path.name}: another process is downloading it ({lock.lock_file} is held); waiting until it is done.")
        return lock.acquire(poll_interval=0.5)


class _Part:
    """The bytes received so far, from the file's first byte on, and their running digest.

    Every write goes to a stated position and nothing is ever appended blindly: where a lock does not hold (some
    network file systems), two processes write the same bytes to the same places.
    """

    def __init__(self, path, source, progress, say):
        self.path, self.source, self.progress, self.say = path, source, progress, say
        path.touch()
        self.size = path.stat().st_size
        if self.size > source.size:
            say(f"{path} is longer than {source.name} can be; starting again from its first byte.")
            os.truncate(path, 0)
            self.size = 0
        self.digest = _hash(path, source, progress)
        self.file = path.open("r+b", buffering=0)
        self.bar = _bar(source.name, source.size, progress, self.size, leave=True)

    @property
    def complete(self):
        return self.size == self.source.size

    def put(self, position, chunk):
        """Take a chunk that belongs at `position`. What is already there is compared; where it differs, it goes."""
        view, known = memoryview(chunk), min(len(chunk), self.size - position)
        self.file.seek(position)
        if known and self.file.read(known) != view[:known]:
            self.say(f"{self.source.name}: what the server sends differs from byte {position:,} on; taking the new.")
            self.truncate(position)
            known = 0
        view = view[known:]
        self.file.seek(self.size)
        self.digest.update(view)
        while view:                              # an unbuffered write may take less than it is given
            written = self.file.write(view)
            self.size += written
            self.bar.update(written)
            view = view[written:]

    def truncate(self, size):
        self.file.truncate(size)
        self.size = size
        self.digest = _hash(self.path, self.source, self.progress, size)
        self.bar.n = size
        self.bar.refresh()

    def close(self):
        self.file.close()
        self.bar.close()


class _TryAgain(Exception):
    """This attempt failed; a later one may not. retry_after: seconds the server asks for."""

    def __init__(self, reason, retry_after=0.0):
        super().__init__(reason)
        self.retry_after = retry_after


class _Refused(Exception):
    """This address does not have the file, and will not have it a minute later."""


class _Answer:
    """A GET whose body is read by a thread of its own.

    So nothing holds up the reader: neither a name look-up (for which there are no time-outs), nor headers or a body
    that trickle just fast enough for the socket's time-out, nor, on Windows, a wait that Ctrl-C can't end.
    Iterating gives the body in chunks of what has arrived.
    """

    def __init__(self, url, headers, patience):
        self.url, self.headers, self.patience = url, headers, patience
        self.arrived = queue.Queue(maxsize=16)
        self.left = threading.Event()
        self.deadline, self.count = time.monotonic() + patience.window, 0
        threading.Thread(target=self._receive, daemon=True).start()
        try:
            self.response = self._next()
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
                    while not self.left.is_set() and (chunk := response.raw.read1(BLOCK, decode_content=False)):
                        self._hand_over(chunk)
            self._hand_over(None)
        except Exception as error:               # whatever it is, it is the reader's to judge
            self._hand_over(error)

    def _hand_over(self, item):
        while not self.left.is_set():            # the reader may have gone without making room
            with suppress(queue.Full):
                return self.arrived.put(item, timeout=0.5)

    def _next(self):
        while True:
            try:
                item = self.arrived.get(timeout=0.1)     # short: on Windows, Ctrl-C waits for it
            except queue.Empty:
                item = b""
            if isinstance(item, Exception):
                raise _in_words(item, self.patience)
            if item is None or isinstance(item, requests.Response):
                return item
            self.count += len(item)
            self._check_rate()
            if item:
                return item

    def _check_rate(self):
        """At the end of each window, give up a body that came too slowly in it."""
        now = time.monotonic()
        if now < self.deadline:
            return
        if self.count < self.patience.min_rate * self.patience.window:
            raise _TryAgain(f"only {self.count:,} bytes came in {self.patience.window:g} s")
        self.deadline, self.count = now + self.patience.window, 0

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._next, None)

    def close(self):
        self.left.set()


def _in_words(error, patience):
    """Turn what requests, urllib3 or the socket raised into _TryAgain or _Refused; anything else stays as it is."""
    if isinstance(error, web.TooManyRedirects):
        return _Refused(f"more than {patience.redirects} redirects, as in a circle")
    if isinstance(error, ValueError):            # InvalidURL, InvalidSchema …; requests lets UnicodeError through, too
        return _Refused("it leads to what is not an http or https address")
    if isinstance(error, web.SSLError) and "CERTIFICATE_VERIFY_FAILED" in str(error):
        return _Refused("its certificate is not trusted; a proxy or sign-in page may stand between")
    if isinstance(error, web.ConnectTimeout):
        return _TryAgain(f"no connection within {patience.connect:g} s")
    if isinstance(error, web.Timeout) or "timed out" in str(error):
        return _TryAgain(f"not a byte for {patience.stall:g} s")
    if isinstance(error, web.ProxyError):
        return _TryAgain("the proxy (HTTPS_PROXY, HTTP_PROXY) did not answer")
    if isinstance(error, (web.RequestException, HTTPError, OSError)):
        # Innermost, the words are the system's; further out they repeat the address, perhaps with a password in it.
        while error.__cause__ or error.__context__:
            error = error.__cause__ or error.__context__
        return _TryAgain(f"the connection broke ({getattr(error, 'strerror', None) or type(error).__name__})")
    return error


def _address(mirror, name):
    if not re.match(r"https?://[\w.@:%-]+(/|$)", mirror):
        shown = re.sub(r"//[^/\s]*@", "//", mirror)
        raise ValueError(f"{shown!r:.200} is not the http or https address of a mirror, as https://mirror.example/coco "
                         "is. CAPTION_MIRRORS lists them with spaces between.")
    return f"{mirror.rstrip('/')}/{name}"


def _shown(url):
    """An address as it may be printed: no user, password or query."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _seconds(retry_after):
    """Seconds to wait by a Retry-After header (a number or an HTTP date, RFC 9110 section 10.2.3); 0 if unreadable."""
    if re.fullmatch(r"[0-9]{1,9}", retry_after.strip()):
        return float(retry_after)
    try:
        then = parsedate_to_datetime(retry_after)
        return max(0.0, (then - datetime.now(timezone.utc if then.tzinfo else None)).total_seconds())
    except (ValueError, TypeError, OverflowError):
        return 0.0


class _Download:
    """Fills a _Part from several addresses, one at a time, until it is whole and right."""

    def __init__(self, source, urls, part, patience, say):
        self.source, self.part, self.patience, self.say = source, part, patience, say
        self.urls = list(dict.fromkeys(urls))    # still worth asking, the next one first
        self.refused = {}                        # url -> why it is not asked again
        self.not_before = {}                     # url -> time before which it asked to be left alone
        self.whole_only = set()                  # addresses whose ranges were wrong: asked from the first byte on
        self.failures = 0                        # in a row, without progress
        self.spliced = 0                         # wrong files that were put together from pieces
        self.from_first_byte = False             # the last body began at the file's first byte

    def run(self):
        while not (self.part.complete and self._right()):
            if not self.urls:
                raise DownloadError(self._farewell("no address gave it"))
            url, before = self.urls[0], self.part.size
            try:
                self._pause(self.not_before.get(url, 0.0) - time.monotonic())
                self._receive(url)
            except _Refused as refusal:
                self._strike_out(url, refusal)
            except _TryAgain as failure:
                self._wait(url, failure, self.part.size - before)

    def _right(self):
        """Whether the complete part has the right digest; if not, begin anew and trust its origin less."""
        found = self.part.digest.hexdigest()
        if found == self.source.digest:
            return True
        wrong = f"it sent {self.source.algorithm} {found}, expected {self.source.digest}"
        self.part.truncate(0)
        if self.from_first_byte:
            self._strike_out(self.urls[0], wrong)
            return False
        # Pieces of different files may have met: of an earlier run, of a mirror, of a server with wrong ranges.
        self.spliced += 1
        if self.spliced > 1:
            self.whole_only.update(self.urls)
        self.say(f"{self.source.name}: put together, {wrong}. Starting again from its first byte.")
        return False

    def _receive(self, url):
        """Add to the part what one GET gives."""
        offset = 0 if url in self.whole_only else self.part.size
        with closing(_Answer(url, self._headers(url, offset), self.patience)) as answer:
            position = self._judge(url, answer.response, offset)
            self.from_first_byte = position == 0
            if position < self.part.size:
                self.say(f"{_shown(url)} does not resume; its first {self.part.size:,} bytes are read again.")
            for chunk in answer:
                if position == 0 and is_web_page(chunk):
                    raise _Refused(self._page())
                if position + len(chunk) > self.source.size:
                    raise _Refused(f"it sends more than the expected {self.source.size:,} bytes")
                self.part.put(position, chunk)
                position += len(chunk)
        if position < self.source.size:
            raise _TryAgain(f"it ended after byte {position:,} of {self.source.size:,}")

    def _headers(self, url, offset):
        headers = {"Accept-Encoding": "identity"}     # positions are those of the file, not of a compressed stream
        if offset:
            headers["Range"] = f"bytes={offset}-"
            note = _note(_beside(self.part.path, ".json"))
            if note.get("url") == _shown(url) and note.get("version"):
                headers["If-Range"] = str(note["version"])
        return headers

    def _judge(self, url, response, offset):
        """Return the position of the body's first byte in the file; raise if the body is not (a piece of) the file."""
        status, headers = response.status_code, response.headers
        if status == 429 or status == 408 or status >= 500:
            raise self._asked_to_wait(status, response.reason, _seconds(headers.get("Retry-After", "")))
        if status == 416 and offset:
            self.whole_only.add(url)
            raise _TryAgain("it does not have the bytes that are missing (416)")
        if status not in (200, 206):
            raise _Refused(f"it answers {status} {response.reason}")
        if headers.get("Content-Encoding", "identity").lower() != "identity":
            raise _Refused(f"it compresses the file on the way ({headers['Content-Encoding']})")
        if status == 206:
            given = re.fullmatch(r"bytes ([0-9]{1,15})-[0-9]+/([0-9]+|\*)", headers.get("Content-Range", "").strip())
            if not given or int(given[1]) != offset:
                self.whole_only.add(url)
                raise _TryAgain(f"asked from byte {offset:,} on, it answers {headers.get('Content-Range')!r}")
            size = given[2]
        else:
            offset, size = 0, headers.get("Content-Length", "*")
        if "text/html" in headers.get("Content-Type", "").lower():
            raise _Refused(self._page())
        if re.fullmatch(r"[0-9]{1,15}", size) and int(size) != self.source.size:
            raise _Refused(f"its file has {int(size):,} bytes, expected {self.source.size:,}")
        self._remember(url, headers)
        return offset

    def _page(self):
        return (
            f"it looks like a web page, not like a file of {self.source.size:,} bytes (a proxy, or a network that "
            "wants you to sign in: open the address in a browser)"
        )

    def _asked_to_wait(self, status, reason, seconds):
        what = f"it answers {status} {reason}"
        if seconds > self.patience.longest_retry_after:
            return _Refused(f"{what} and asks to come back in {seconds / 60:.0f} minutes")
        return _TryAgain(what, seconds)

    def _remember(self, url, headers):
        """Keep what tells this version of the file from another, to resume only the same (RFC 9110, If-Range)."""
        tag, date = headers.get("ETag", ""), headers.get("Last-Modified", "")
        strong = re.fullmatch(r'"[!#-~]{1,200}"', tag)        # If-Range takes no weak tag (W/"…")
        version = tag if strong else date if re.fullmatch(r"[ -~]{20,40}", date) else None
        write_json(_beside(self.part.path, ".json"), {"url": _shown(url), "version": version})

    def _strike_out(self, url, why):
        self.urls.remove(url)
        self.refused[_shown(url)] = str(why)
        self.say(f"{self.source.name}: {_shown(url)} is not asked again: {why}.")

    def _wait(self, url, failure, gained):
        """Say why, let the next address come first unless this one gives bytes, and sleep."""
        self.failures = 1 if gained >= self.patience.worthwhile else self.failures + 1
        if self.failures >= self.patience.attempts:
            why = f"{self.failures} attempts in a row failed, the last at {_shown(url)}: {failure}"
            raise DownloadError(self._farewell(why))
        if failure.retry_after:
            self.not_before[url] = time.monotonic() + failure.retry_after
        if gained <= 0:
            self.urls = self.urls[1:] + self.urls[:1]
        wait = min(self.patience.first_wait * 2 ** (self.failures - 1), self.patience.longest_wait)
        wait = max(wait, self.not_before.get(self.urls[0], 0.0) - time.monotonic())
        where = "again" if self.urls[0] == url else _shown(self.urls[0])
        self.say(
            f"{self.source.name}: {_shown(url)}: {failure}. {self.part.size / 1e6:,.1f} MB are here; "
            f"trying {where} in {wait:.0f} s (failure {self.failures} of {self.patience.attempts})."
        )
        self._pause(wait)

    def _pause(self, seconds):
        if seconds > 0:
            time.sleep(seconds)

    def _farewell(self, why):
        lines = [f"{self.source.name} could not be downloaded: {why}."]
        lines += [f"  {url}: {reason}" for url, reason in self.refused.items()]
        lines.append(
            f"The {self.part.size:,} of {self.source.size:,} bytes received are kept in {self.part.path}; run again to "
            f"go on. Or fetch it by other means ({self.source.algorithm} {self.source.digest}) and put it in "
            f"{self.part.path.parent} as {self.source.name}, or name a mirror."
        )
        return "\n".join(lines)


def _download(source, path, urls, progress, patience, say):
    """Download to a name of its own, check, and only then rename. The caller holds the lock."""
    with closing(_Part(_beside(path, ".part"), source, progress, say)) as part:
        _Download(source, urls, part, patience, say).run()
        os.fsync(part.file.fileno())             # before the rename: after a power cut too, the name means a whole file
    os.replace(part.path, path)
    _beside(part.path, ".json").unlink(missing_ok=True)
    with suppress(OSError):
        write_json(_beside(path, ".verified.json"), _record(source, path.stat()))
