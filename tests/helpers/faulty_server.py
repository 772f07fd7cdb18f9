"""A real HTTP server that misbehaves as told: a list of faults, one for each request, and then always the same.

A fault is a function of the request's handler that writes the answer. `body` makes most of them.
"""

import contextlib
import socket
import struct
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def body(
    content=None, ranges=True, cut=None, reset=False, length="right", chunked=False, shift=0, etag=None, pause=0.0,
    block=1 << 16, hang=False, headers=(),
):
    """A fault that sends the server's file, with something wrong.

    Args:
        content: bytes to send in place of the server's file.
        ranges: whether to obey a Range.
        cut: number of bytes of the body to send before closing.
        reset: whether to close with a TCP reset.
        length: "right", None (no length, the end closes the connection) or a number to claim.
        chunked: whether to send the body in chunks.
        shift: a range begins this many bytes late.
        etag: in place of the server's.
        pause: seconds after each block.
        block: bytes in a block.
        hang: whether to stay silent for two seconds before closing.
        headers: (name, value) of more headers.

    Returns:
        The fault: a function of the request's handler that writes the answer.
    """

    def fault(handler):
        data = handler.server.content_of(handler.path) if content is None else content
        tag = etag or handler.server.etag
        start = _asked(handler) if ranges else 0
        if start and handler.headers.get("If-Range", tag) not in (tag, handler.server.modified):
            start = 0
        if start and start >= len(data):
            return _head(handler, 416, {"Content-Range": f"bytes */{len(data)}", "Content-Length": 0})
        begin = start + shift if start else 0
        rest = data[begin:]
        head = {"ETag": tag, "Last-Modified": handler.server.modified, **dict(headers)}
        if start:
            head["Content-Range"] = f"bytes {begin}-{len(data) - 1}/{len(data)}"
        if chunked:
            head["Transfer-Encoding"] = "chunked"
        elif length is not None:
            head["Content-Length"] = len(rest) if length == "right" else length
        _head(handler, 206 if start else 200, {name: value for name, value in head.items() if value})
        _send(handler, rest if cut is None else rest[:cut], chunked, pause, block)
        if hang:
            time.sleep(2)
        if chunked and cut is None:
            handler.wfile.write(b"0\r\n\r\n")
        if reset:
            handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        handler.close_connection = True

    return fault


def status(code, **headers):
    """A fault: an empty answer with this status and headers."""
    return lambda handler: _head(
        handler, code, {"Content-Length": 0, **{name.replace("_", "-"): value for name, value in headers.items()}}
    )


def redirect(to):
    """A fault: a redirect to another address."""
    return status(302, Location=to)


def web_page(content_type="text/html; charset=utf-8", size=None, length=True):
    """A fault: a sign-in page with status 200, whatever was asked for, padded to `size` bytes."""
    page = b"<!DOCTYPE html><html><title>Sign in</title><p>Please accept the terms.</p></html>"
    page = page.ljust(size or len(page))
    return body(page, ranges=False, headers=[("Content-Type", content_type)], length="right" if length else None)


def die(handler):
    """Close without a word."""
    handler.close_connection = True


def silence(handler):
    """Send nothing for two seconds, then close."""
    time.sleep(2)
    handler.close_connection = True


def trickling_headers(handler):
    """A header that never ends, a byte at a time: each in time for a socket's time-out."""
    with contextlib.suppress(OSError):
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nX: ")
        for _ in range(40):
            handler.wfile.write(b"x")
            time.sleep(0.05)


def _asked(handler):
    wanted = handler.headers.get("Range", "bytes=0-")
    return int(wanted.removeprefix("bytes=").split("-")[0])


def _head(handler, code, headers):
    handler.send_response(code)
    for name, value in headers.items():
        handler.send_header(name, str(value))
    handler.end_headers()


def _send(handler, data, chunked, pause, block):
    for i in range(0, len(data), block):
        piece = data[i : i + block]
        handler.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece) if chunked else piece)
        if pause:
            handler.wfile.flush()
            time.sleep(pause)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        server = self.server
        with server.mutex:
            wanted = self.headers.get("Range"), self.headers.get("If-Range")
            server.requests.append((self.path, *wanted, time.monotonic()))
            fault = server.faults.pop(0) if server.faults else server.forever
        with contextlib.suppress(OSError):       # the client may leave at any moment
            fault(self)

    def log_message(self, *_):
        pass


class FaultyServer(ThreadingHTTPServer):
    """Serves one file under each path.

    Attributes:
        content: the file.
        faults: answers of the next requests; each is used once.
        forever: the answer when no fault is left.
        requests: (path, Range, If-Range, time.monotonic()) of each request, in order.
    """

    daemon_threads = True
    block_on_close = False

    def __init__(self, content):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.content, self.etag, self.modified = content, '"one"', "Tue, 10 Jul 2018 00:00:00 GMT"
        self.faults, self.forever, self.requests, self.mutex = [], body(), [], threading.Lock()

    def content_of(self, path):
        """What the server sends for a path."""
        return self.content

    def url(self, name="photos.zip"):
        """The address of a file on this server."""
        return f"http://127.0.0.1:{self.server_port}/{name}"

    def handle_error(self, *_):
        """Stay silent: errors of a connection are part of the test."""
        pass

    def __enter__(self):
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()
