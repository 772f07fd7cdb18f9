"""How a download can fail, and the sentences about it."""

from requests import exceptions as web
from urllib3.exceptions import HTTPError

from captioning.datasets.transfer.source import Patience


class DownloadError(OSError):
    """A file could not be had. The message names it, what was expected and found, and what to do."""


class Refused(Exception):
    """This address does not have the file, and will not have it a minute later."""


class TryAgain(Exception):
    """This attempt failed; a later one may not. retry_after: seconds the server asks for."""

    def __init__(self, reason: str, retry_after: float = 0.0):
        super().__init__(reason)
        self.retry_after = retry_after


class WrongRange(TryAgain):
    """This address sent other bytes than those asked for, so it is asked for the whole file from now on."""


def in_words(error: Exception, patience: Patience) -> Exception:
    """What requests, urllib3 or the socket raised, as TryAgain or Refused; anything else stays as it is."""
    if isinstance(error, web.TooManyRedirects):
        return Refused(f"more than {patience.redirects} redirects, as in a circle")
    if isinstance(error, ValueError):            # InvalidURL, InvalidSchema …; requests lets UnicodeError through, too
        return Refused("it leads to what is not an http or https address")
    if isinstance(error, web.SSLError) and "CERTIFICATE_VERIFY_FAILED" in str(error):
        return Refused("its certificate is not trusted; a proxy or sign-in page may stand between")
    if isinstance(error, web.ConnectTimeout):
        return TryAgain(f"no connection within {patience.connect:g} s")
    if isinstance(error, web.Timeout) or "timed out" in str(error):
        return TryAgain(f"not a byte for {patience.stall:g} s")
    if isinstance(error, web.ProxyError):
        return TryAgain("the proxy (HTTPS_PROXY, HTTP_PROXY) did not answer")
    if isinstance(error, (web.RequestException, HTTPError, OSError)):
        # Innermost, the words are the system's; further out they repeat the address, perhaps with a password in it.
        while error.__cause__ or error.__context__:
            error = error.__cause__ or error.__context__
        return TryAgain(f"the connection broke ({getattr(error, 'strerror', None) or type(error).__name__})")
    return error
