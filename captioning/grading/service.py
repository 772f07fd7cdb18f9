"""The course's service: what we send to it, and what each of its answers and failures means.

Example:
    receipt = submit({"19Wpv": "8769 8769 1", "uJh73": None, ...}, email, token)
"""

import json
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

import requests

from captioning import settings
from captioning.credentials import grader_credentials
from captioning.datasets.transfer.proxies import setting_at_fault
from captioning.grading.report import FAILED, PASSED
from captioning.markup import render

SERVICE_URL, ASSIGNMENT_KEY = settings.Settings.grader_url, settings.Settings.grader_assignment
TIMEOUT = (10, 60)                  # seconds to wait for a connection, for an answer
LONGEST_ANSWER = 16 * 1024          # bytes read of what the service says; it says a few hundred

KEPT = "Your answers are kept: run this cell again."
NEW_TOKEN = f"Tokens live for 30 minutes: make a new one on the assignment's page, check the e-mail. {KEPT}"


@dataclass(frozen=True, repr=False)
class Receipt:
    """What became of a submission."""

    sent: bool                      # whether the service said that it took the answers
    message: str

    @property
    def state(self) -> str:
        """"Submitted" or "Not submitted"."""
        return "Submitted" if self.sent else "Not submitted"

    def __str__(self):
        return f"{self.state}. {self.message}"

    __repr__ = __str__

    def _repr_html_(self):
        return render("grading/receipt.html.j2", receipt=self, edge=PASSED if self.sent else FAILED)


def credentials() -> tuple[str, str]:
    """E-mail and token from the environment, or asked for. Both are empty if nobody is there to ask."""
    try:
        return grader_credentials()
    except (EOFError, KeyboardInterrupt, NotImplementedError):      # the last is ipykernel's where cells can't ask
        return "", ""


def submit(answers: dict[str, str | None], email: str, token: str, url=SERVICE_URL, timeout=TIMEOUT,
           assignment=ASSIGNMENT_KEY) -> Receipt:
    """Sends the answers in one POST.

    It raises nothing. A failure becomes a sentence, because an exception would carry the request with its token.

    Args:
        answers: {part: answer}, None for a part that is not done.
        email: of the course's account.
        token: the submission token.
        url: address of the service.
        timeout: seconds to wait for (a connection, an answer).
        assignment: what the service calls this assignment.
    """
    parts = {key: {"output": answer} if answer else {} for key, answer in answers.items()}
    body = {"assignmentKey": assignment, "submitterEmail": email, "secret": token, "parts": parts}
    taken, host = False, str(url)
    try:
        host = urlsplit(url).hostname or host
        # A redirect is not followed: it would take the token to another host.
        with requests.post(url, json=body, timeout=timeout, allow_redirects=False, stream=True) as response:
            taken = response.status_code == 201
            message = _understood(response.status_code, b"" if taken else _read(response, timeout[1]), host)
    except KeyboardInterrupt:
        message = f"Stopped while waiting for {host}. Look at the assignment's page whether the answers came in."
    except Exception as error:
        flaw = setting_at_fault(error, str(url))
        message = f"{flaw[0].upper()}{flaw[1:]}. {KEPT}" if flaw else _failed(error, host, timeout)
    for secret in (email, token):
        message = message.replace(secret, "…")          # the service may repeat what it was sent
    return Receipt(taken, message)


def _read(response, seconds) -> bytes:
    """At most LONGEST_ANSWER bytes of an answer, received in at most `seconds`."""
    body, until = bytearray(), time.monotonic() + seconds
    for byte in response.iter_content(1):               # a larger piece would have to arrive whole
        body += byte
        if len(body) >= LONGEST_ANSWER or time.monotonic() > until:
            break
    return bytes(body)


def _failed(error, host, timeout) -> str:
    """What an exception of requests means and what to do, in a sentence."""
    problems = requests.exceptions
    sentences = (                                       # from the narrowest to the widest; the first that fits counts
        (problems.ConnectTimeout, f"No connection to {host} within {timeout[0]:g} s: check the network or try later."),
        (problems.ReadTimeout, f"{host} did not answer within {timeout[1]:g} s. It may have taken the answers all the "
                               "same: look at the assignment's page first."),
        (problems.SSLError, f"No secure connection to {host}: something on the way reads along, or this computer's "
                            "clock is wrong. Try another network."),
        (problems.ProxyError, "The proxy of this network refused the connection: check its settings."),
        (problems.ConnectionError, f"No connection to {host}: check that this computer is online."),
        (Exception, f"The submission failed ({type(error).__name__})."),
    )
    return f"{next(sentence for kind, sentence in sentences if isinstance(error, kind))} {KEPT}"


def _understood(status, body, host) -> str:
    """What an answer of the service means and what to do, in a sentence."""
    if status == 201:
        return "The service took the answers; the result is on the assignment's page."
    learner_message = _learner_message(body)
    if learner_message:
        return f"The service says: {learner_message} (HTTP {status}). {NEW_TOKEN}"
    if status in (407, 511) or 300 <= status < 400 or (status < 500 and b"<html" in body[:2048].lower()):
        return (f"Instead of {host} something else answered (HTTP {status}), perhaps this network's sign-in page or a "
                f"proxy. Open any page in the browser and sign in there, or use another network. {KEPT}")
    if status == 429:
        return f"Too many submissions in a short time (HTTP 429): wait a few minutes. {KEPT}"
    if status >= 500:
        return f"The service is out of order (HTTP {status}): wait a few minutes. {KEPT}"
    if status >= 400:
        return f"The service refused the submission without a reason (HTTP {status}). {NEW_TOKEN}"
    return f"The service answered HTTP {status} instead of 201, so it did not take the answers. {KEPT}"


def _learner_message(body) -> str:
    """details.learnerMessage of the service's JSON, as one line of at most 300 characters; else empty."""
    try:
        message = json.loads(body)["details"]["learnerMessage"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""
    return " ".join(message.split())[:300].rstrip(".") if isinstance(message, str) else ""
