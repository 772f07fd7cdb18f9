"""A local server that behaves like the course's grading service, and fails like it."""

import contextlib
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

EMAIL, TOKEN = "learner-7f3a@example.org", "sEcReT9x4TokenQq"
PAGE = "<!DOCTYPE html><html><head><title>Welcome</title></head><body>Please sign in</body></html>"


def learner_message(text):
    """The service's JSON with a message for the learner."""
    return json.dumps({"errorCode": "invalidSubmission", "message": None, "details": {"learnerMessage": text}})


class Service(BaseHTTPRequestHandler):
    """Answers like the course's service, or fails as the path says."""

    ANSWERS = {                     # path: status, body
        "/ok": (201, "{}"),
        "/expired": (401, learner_message("Invalid email or token.")),
        "/echo": (400, learner_message(f"Token {TOKEN} of {EMAIL} is not known")),
        "/empty": (400, ""),
        "/no-message": (400, json.dumps({"details": {}})),
        "/odd-message": (400, json.dumps({"details": {"learnerMessage": ["a", 1]}})),
        "/null": (404, "null"),
        "/nested": (400, "[" * 50_000),
        "/portal": (200, PAGE),
        "/forbidden-page": (403, PAGE),
        "/login-needed": (511, PAGE),
        "/proxy-login": (407, ""),
        "/bad-gateway": (502, PAGE),
        "/unavailable": (503, ""),
        "/too-many": (429, "slow down"),
        "/accepted": (200, "{}"),
        "/moved": (307, ""),
        "/endless": (400, "x" * 3_000_000),
    }

    def do_POST(self):
        """Answers a submission."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.received.append((self.path, self.headers, body))
        if self.path == "/slow":
            time.sleep(1.5)
        elif self.path == "/trickle":
            self.send_response(400)
            self.end_headers()
            for _ in range(80):
                self.wfile.write(b" ")
                time.sleep(0.1)
        elif self.path == "/hang-up":
            self.connection.close()
        else:
            status, text = self.ANSWERS[self.path]
            self.send_response(status)
            if status == 307:
                self.send_header("Location", "/ok")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

    def log_message(self, *_):
        """Prints nothing."""

    def handle(self):
        """Handles a connection; the client may close it at any time."""
        with contextlib.suppress(OSError):
            super().handle()


@contextlib.contextmanager
def running_service():
    """Runs the service on a free port; `received` lists the (path, headers, body) of all requests."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Service)
    server.received = []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


def address(server, path):
    """Address of a path of the server."""
    return f"http://127.0.0.1:{server.server_address[1]}{path}"
