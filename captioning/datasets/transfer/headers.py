"""HTTP headers (RFC 9110): what we ask of a server, and what its answer says about its body."""

import re
from typing import NamedTuple

from requests import Response
from urllib3.exceptions import InvalidHeader
from urllib3.util import Retry

from captioning.datasets.transfer.errors import Refused, TryAgain, WrongRange
from captioning.datasets.transfer.source import Patience, Source


class Piece(NamedTuple):
    """What the body of an answer holds."""

    start: int              # position of its first byte in the file
    version: str | None     # ETag or date of the file, to resume only this version


def request_headers(offset: int, version: str | None) -> dict[str, str]:
    """Headers that ask for a file from a position on.

    Args:
        offset: the position; 0 for the whole file.
        version: ETag or date of the version to resume. A server with another version sends the whole file. None: any.

    Returns:
        {header: value}.
    """
    headers = {"Accept-Encoding": "identity"}     # positions count bytes of the file, not of a compressed stream
    if offset:
        headers["Range"] = f"bytes={offset}-"
        if version:
            headers["If-Range"] = version
    return headers


def piece_of(response: Response, source: Source, offset: int, patience: Patience) -> Piece:
    """Reads from status and headers which piece of the file the body is.

    Args:
        response: the answer.
        source: the file.
        offset: the position that was asked for.
        patience: its limit on Retry-After counts.

    Returns:
        The piece. It begins at `offset`, or at 0 if the server sends the whole file.

    Raises:
        Refused: if this address does not have the file.
        TryAgain: if it may send it later.
        WrongRange: if it sends another piece.
    """
    headers = response.headers
    _check_status(response, offset, patience)
    if headers.get("Content-Encoding", "identity").lower() != "identity":
        raise Refused(f"it compresses the file on the way ({headers['Content-Encoding']})")
    if response.status_code == 206:
        given = re.fullmatch(r"bytes ([0-9]{1,15})-[0-9]+/([0-9]+|\*)", headers.get("Content-Range", "").strip())
        if not given or int(given[1]) != offset:
            raise WrongRange(f"asked for the bytes from {offset:,} on, it answers {headers.get('Content-Range')!r}")
        size = given[2]
    else:
        offset, size = 0, headers.get("Content-Length", "*")
    if "text/html" in headers.get("Content-Type", "").lower():
        raise web_page_refused(source)
    if re.fullmatch(r"[0-9]{1,15}", size) and int(size) != source.size:
        raise Refused(f"its file has {int(size):,} bytes, expected {source.size:,}")
    return Piece(offset, _version(headers))


def web_page_refused(source: Source) -> Refused:
    """The error to raise if the answer is a web page."""
    return Refused(
        f"it sends what looks like a web page, not a file of {source.size:,} bytes; a proxy or a sign-in page may be "
        "in between, so open the address in a browser"
    )


def _check_status(response, offset, patience):
    """Raises for a status other than 200 and 206."""
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
    """Seconds to wait according to a Retry-After header (RFC 9110, section 10.2.3).

    Args:
        header: a number of seconds or an HTTP date.

    Returns:
        The seconds; 0 if the header can't be read, or its date is past.
    """
    if re.fullmatch(r"\s*[0-9]{10,}\s*", header):       # 300 years or more must be a mistake
        return 0.0
    try:
        return float(Retry().parse_retry_after(header))
    except (InvalidHeader, ValueError, TypeError, OverflowError):
        return 0.0


def _version(headers) -> str | None:
    """The file's ETag, or else its date, if they may stand in If-Range."""
    tag, date = headers.get("ETag", ""), headers.get("Last-Modified", "")
    if re.fullmatch(r'"[!#-~]{1,200}"', tag):           # If-Range takes no weak tag (W/"...")
        return tag
    return date if re.fullmatch(r"[ -~]{20,40}", date) else None
