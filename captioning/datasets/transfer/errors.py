"""The ways a download fails, in sentences."""

from requests import exceptions as web
from urllib3.exceptions import HTTPError

from captioning.datasets.transfer.proxies import proxy_setting, setting_at_fault
from captioning.datasets.transfer.source import Patience


class DownloadError(OSError):
    """A file can't be fetched, or a file that is there is wrong. The message says what was expected and what to do."""


class Refused(Exception):
    """This address does not have the file. Asking again would not help. The message is the reason."""


class TryAgain(Exception):
    """This attempt failed, but a later one may succeed. The message is the reason.

    Attributes:
        retry_after: seconds that the server asks us to wait; 0 if it does not ask.
    """

    def __init__(self, reason: str, retry_after: float = 0.0):
        super().__init__(reason)
        self.retry_after = retry_after


class WrongRange(TryAgain):
    """This address did not send the bytes asked for. From now on, ask it for the whole file."""


def in_words(error: Exception, url: str, patience: Patience) -> Exception:
    """Turns an error of requests, urllib3 or the socket into one with a sentence.

    Args:
        error: what was raised.
        url: the address that was asked for.
        patience: its limits are named in the sentences.

    Returns:
        Refused or TryAgain; `error` itself if it is of another kind.
    """
    if flaw := setting_at_fault(error, url):
        return Refused(flaw)
    if isinstance(error, web.TooManyRedirects):
        return Refused(f"it redirects more than {patience.redirects} times, perhaps in a circle")
    if isinstance(error, ValueError):            # InvalidURL, InvalidSchema and others; UnicodeError too
        return Refused("it redirects to an address that is not http or https")
    if isinstance(error, web.SSLError) and "CERTIFICATE_VERIFY_FAILED" in str(error):
        return Refused("its certificate is not trusted; a proxy or a sign-in page may be in between")
    if isinstance(error, web.ConnectTimeout):
        return TryAgain(f"no connection within {patience.connect:g} s")
    if isinstance(error, web.Timeout) or "timed out" in str(error):
        return TryAgain(f"no byte came for {patience.stall:g} s")
    if isinstance(error, web.ProxyError):
        return TryAgain(f"the proxy of {proxy_setting(url)} did not answer")
    if isinstance(error, (web.RequestException, HTTPError, OSError)):
        # The innermost error has the system's words. The outer ones repeat the address, which may have a password.
        while error.__cause__ or error.__context__:
            error = error.__cause__ or error.__context__
        return TryAgain(f"the connection broke ({getattr(error, 'strerror', None) or type(error).__name__})")
    return error
