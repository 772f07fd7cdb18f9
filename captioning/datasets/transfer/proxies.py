"""Proxies and certificates that environment variables name: what is wrong with them, where no retry would help."""

import importlib.util
import os
import re
from urllib.parse import urlsplit

from requests.utils import get_environ_proxies, prepend_scheme_if_needed, select_proxy
from urllib3.exceptions import LocationParseError
from urllib3.util import parse_url

KINDS = ("http", "https", "socks4", "socks4a", "socks5", "socks5h")
CERTIFICATES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")     # in the order in which requests reads them


def setting_at_fault(error: Exception, url: str) -> str | None:
    """What is wrong with a setting of the environment, if it is the cause of an error and no retry would help.

    Args:
        error: of requests.
        url: the address that was asked for; it may have led to another one.

    Returns:
        What was found and what to do, without a full stop; None if another cause is likely.
    """
    if refused := re.search(r"Tunnel connection failed: (4\d\d)\b ?([\w ]*)", str(error)):
        advice = "write user and password into it, as in http://user:password@host:port" if refused[1] == "407" else \
            "ask who runs it, or use another network"
        return f"the proxy of {proxy_setting(url)} answers {refused[1]} {refused[2]}; {advice}".replace(" ;", ";")
    if isinstance(error, ValueError):
        both = urlsplit(url)._replace(scheme="http").geturl(), urlsplit(url)._replace(scheme="https").geturl()
        return next((flaw for proxy in map(_proxy_for, (url, *both)) if proxy and (flaw := _flaw(proxy))), None)
    bundle = next((name for name in CERTIFICATES if os.environ.get(name)), None)
    if bundle and not os.path.exists(os.environ[bundle]):
        return f"{bundle} is {os.environ[bundle]}, which is not there; set it to a file of certificates, or unset it"
    return None


def proxy_setting(url: str) -> str:
    """The environment variable that names the proxy for an address, or words for where else it is named."""
    return _name(_proxy_for(url))


def _proxy_for(url: str) -> str | None:
    """The proxy that requests takes for an address."""
    return select_proxy(url, get_environ_proxies(url))


def _flaw(proxy: str) -> str | None:
    """What is wrong with the address of a proxy, if anything."""
    name, shown = _name(proxy), re.sub(r"//[^/\s]*@", "//", proxy)
    try:
        kind, _, host, *_ = parse_url(prepend_scheme_if_needed(proxy, "http"))
    except LocationParseError:
        kind = host = None
    if kind not in KINDS or not host:
        return f"{name} is {shown!r:.100}, which is not the address of a proxy, such as http://proxy.example:3128; " \
               "correct it, or unset it"
    if kind.startswith("socks") and not importlib.util.find_spec("socks"):
        return f"{name} is {shown:.100}, but SOCKS proxies need the package PySocks, which is missing; install it " \
               f"while {name} is unset, or unset {name} for good"
    return None


def _name(proxy: str | None) -> str:
    """The environment variable that names a proxy, or words for where else it is named."""
    return next((name for name, text in os.environ.items() if name.lower().endswith("_proxy") and text == proxy),
                "the system's settings")
