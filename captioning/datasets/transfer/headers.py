"""What is asked of a server, and what its answer promises: the headers of HTTP (RFC 9110)."""

import re
from typing import NamedTuple

from requests import Response
from urllib3.exceptions import InvalidHeader
from urllib3.util import Retry

from captioning.datasets.transfer.errors import Refused, TryAgain, WrongRange
from captioning.datasets.transfer.source import Patience, Source


class Piece(NamedTuple):
    """What the body of an answer is."""

    start: int              # position in the file of its first byte
    version: str | None     # what tells this version of the file from another, to resume only the same


def request_headers(offset: int, version: str | None) -> dict[str, str]:
    """Headers that ask for the bytes from `offset` on, of this version of the file only if it is known."""
    headers = {"Accept-Encoding": "identity"}     # positions are those of the file, not of a compressed stream
    if offset:
        headers["Range"] = f"bytes={offset}-"
        if version:
            headers["If-Range"] = version
    return headers


def piece_of(response: Response, source: Source, offset: int, patience: Patience) -> Piece:
    """Which piece of the file the body of this answer is; the bytes from `offset` on were asked for.

    Raises Refused or TryAgain, of which WrongRange is one, if the body is not the file, or not a piece of it.
    """
    headers = response.headers
    _check_status(response, offset, patience)
    if headers.get("Content-Encoding", "identity").lower() != "identity":
        raise Refused(f"it compresses the file on the way ({headers['Content-Encoding']})")
    if response.status_code == 206:
        given = re.fullmatch(r"bytes ([0-9]{1,15})-[0-9]+/([0-9]+|\*)", headers.get("Content-Range", "").strip())
        if not given or int(given[1]) != offset:
            raise WrongRange(f"asked from byte {offset:,} on, it answers {headers.get('Content-Range')!r}")
        size = given[2]
    else:
        offset, size = 0, headers.get("Content-Length", "*")
    if "text/html" in headers.get("Content-Type", "").lower():
        raise no_web_page(source)
    if re.fullmatch(r"[0-9]{1,15}", size) and int(size) != source.size:
        raise Refused(f"its file has {int(size):,} bytes, expected {source.size:,}")
    return Piece(offset, _version(headers))


def no_web_page(source: Source) -> Refused:
    """The error to raise for an answer that is a web page."""
    return Refused(
        f"it looks like a web page, not like a file of {source.size:,} bytes (a proxy, or a network that "
        "wants you to sign in: open the address in a browser)"
    )


def _check_status(response, offset, patience):
    status = response.status_code
    if status == 429 or status == 408 or status >= 500:
        what, seconds = f"it answers {status} {response.reason}", retry_after(response.headers.get("Retry-After", ""))
        if seconds > patience.longest_retry_after:
            raise Refused(f"{what} and asks to come back in {seconds / 60:.0f} minutes")
        raise TryAgain(what, seconds)
    if status == 416 and offset:
        raise WrongRange("it does not have the bytes that are missing (416)")
    if status not in (200, 206):
        raise Refused(f"it answers {status} {response.reason}")


def retry_after(header: str) -> float:
    """Seconds to wait by a Retry-After header (a number or an HTTP date, RFC 9110 section 10.2.3); 0 if unreadable."""
    if re.fullmatch(r"\s*[0-9]{10,}\s*", header):       # centuries: a mistake
        return 0.0
    try:
        return float(Retry().parse_retry_after(header))
    except (InvalidHeader, ValueError, TypeError, OverflowError):
        return 0.0


def _version(headers) -> str | None:
    tag, date = headers.get("ETag", ""), headers.get("Last-Modified", "")
    if re.fullmatch(r'"[!#-~]{1,200}"', tag):           # If-Range takes no weak tag (W/"…")
        return tag
    return date if re.fullmatch(r"[ -~]{20,40}", date) else None
