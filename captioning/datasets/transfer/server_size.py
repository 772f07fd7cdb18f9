"""Asks servers for the size of a file."""

import re
from collections.abc import Iterable
from contextlib import closing

from captioning.datasets.transfer.addresses import shown
from captioning.datasets.transfer.answer import Answer
from captioning.datasets.transfer.errors import DownloadError, Refused, TryAgain
from captioning.datasets.transfer.headers import request_headers
from captioning.datasets.transfer.source import Patience, Source


def size_on_server(source: Source, urls: Iterable[str], patience: Patience) -> int:
    """The size of a file whose source does not know it. A wrong answer costs a download, since the digest decides.

    Args:
        source: the file.
        urls: addresses to ask, the most trusted one first.
        patience: how long to wait, and how often to ask again.

    Returns:
        Its bytes.

    Raises:
        DownloadError: if no address says it. The message names each with its reason.
    """
    reasons = {}
    for url in list(dict.fromkeys(urls)) * patience.attempts:
        try:
            with closing(Answer(url, request_headers(0, None), patience)) as answer:
                response = answer.response
                size, kind = (response.headers.get(name, "") for name in ("Content-Length", "Content-Type"))
                if response.status_code == 200 and re.fullmatch("[0-9]{1,15}", size) and "text/html" not in kind:
                    return int(size)
                reasons[shown(url)] = f"it answers {response.status_code} {response.reason}, not with a file's size"
        except (Refused, TryAgain) as error:
            reasons[shown(url)] = str(error)
    lines = [f"{source.name} could not be downloaded: no address says how large it is."]
    lines += [f"  {url}: {reason}" for url, reason in reasons.items()]
    lines.append(f"Run again later, name a mirror in CAPTION_MIRRORS, or fetch the file yourself ({source.algorithm} "
                 f"{source.digest}) and put it in the dataset's folder as {source.name}.")
    raise DownloadError("\n".join(lines))
