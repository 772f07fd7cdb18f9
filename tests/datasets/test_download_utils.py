"""Downloads over bad connections end with the right file or a clear error, never with a wrong file."""

import contextlib
import dataclasses
import hashlib
import importlib.util
import io
import json
import os
import random
import re
import shutil
import signal
import socket
import socketserver
import subprocess
import sys
import tempfile
import threading
import time
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from pathlib import Path
from types import SimpleNamespace

import pytest

from captioning.datasets import sources
from captioning.datasets.loading import load_dataset
from captioning.datasets.sources import DOWNLOADS, INCEPTION_V3_WEIGHTS, fetch_dataset, offline_weights_hint
from captioning.datasets.transfer import DownloadError, Patience, Source, fetch, on_disk
from captioning.datasets.transfer.headers import retry_after
from captioning.datasets.transfer.on_disk import SPARE_ROOM
from captioning.datasets.transfer.part_file import PartFile
from captioning.settings import Settings
from download_utils import main
from tests.helpers import ROOT
from tests.helpers import faulty_server as fs

CONTENT = random.Random(7).randbytes(300_001)
OTHER = random.Random(8).randbytes(len(CONTENT))
COCO2014 = DOWNLOADS["coco2014"]
FAST = Patience(
    connect=2, stall=0.3, min_rate=20_000, window=0.5, attempts=5, worthwhile=1, first_wait=0.01, longest_wait=0.02,
    longest_retry_after=1.5,
)
CALM = dataclasses.replace(FAST, connect=20, stall=20, window=40)      # where no stall is wanted: machines may be busy


@pytest.fixture
def server():
    """A server that misbehaves as told; by default it sends CONTENT."""
    with fs.FaultyServer(CONTENT) as running:
        yield running


@pytest.fixture
def said():
    """The sentences that a download says."""
    return []


def source(*urls, content=CONTENT, name="photos.zip", **change):
    """A Source of these bytes at these addresses."""
    known = {"size": len(content), "md5": hashlib.md5(content).hexdigest(), **change}
    return Source(name, urls, **known)


def get(server, folder, said, patience=CALM, **options):
    """Fetches from the server without progress bars. Returns the path."""
    wanted = options.pop("wanted", None) or source(server.url())
    return fetch(wanted, folder, progress=False, patience=patience, say=said.append, **options)


def assert_whole(path):
    """The right bytes under the right name, and nothing half-written beside them."""
    assert path.read_bytes() == CONTENT
    beside = {p.name for p in path.parent.iterdir()} - {path.name, path.name + ".lock", path.name + ".verified.json"}
    assert not beside


def assert_no_wrong_file(folder):
    """No file has the final name."""
    assert not (folder / "photos.zip").exists()


# --- A line that breaks -----------------------------------------------------------------------------------------------


def test_a_plain_download_is_whole_and_asked_for_once(server, tmp_path, said):
    path = get(server, tmp_path / "new" / "folder", said)
    assert path == tmp_path / "new" / "folder" / "photos.zip"
    assert_whole(path)
    assert len(server.requests) == 1 and said == []


def test_a_download_is_on_the_disk_before_it_is_renamed(server, tmp_path, said, renames):
    """Else a power cut could leave the name with nothing behind it."""
    path = get(server, tmp_path, said)
    assert renames[path] and all(renames.values())


@pytest.mark.parametrize("seed", range(12))
def test_a_download_cut_at_any_byte_continues_from_there(server, tmp_path, said, seed):
    rng = random.Random(seed)
    cuts = [rng.choice([0, 1, rng.randrange(150_000), rng.randrange(1000)]) for _ in range(4)]
    server.faults = [
        fs.body(cut=cut, reset=rng.random() < 0.3, chunked=rng.random() < 0.3, length=rng.choice(["right", None]))
        for cut in cuts
    ]
    assert_whole(get(server, tmp_path, said))
    starts = [int((r[1] or "bytes=0-")[6:-1]) for r in server.requests]
    assert starts == sorted(starts)                          # a reset takes bytes on the way, never those on the disk


def test_a_cut_without_reset_loses_not_a_byte(server, tmp_path, said):
    server.faults = [fs.body(cut=1000), fs.body(cut=1), fs.body(cut=100_000)]
    assert_whole(get(server, tmp_path, said))
    assert [r[1] for r in server.requests] == [None, "bytes=1000-", "bytes=1001-", "bytes=101001-"]
    assert [r[2] for r in server.requests] == [None, '"one"', '"one"', '"one"']


def test_progress_renews_the_patience(server, tmp_path, said):
    server.faults = [fs.body(cut=20_000)] * 12               # more than FAST.attempts
    assert_whole(get(server, tmp_path, said))


def test_without_progress_it_gives_up_and_keeps_what_it_has(server, tmp_path, said):
    server.faults, server.forever = [fs.body(cut=1234)], fs.die
    with pytest.raises(DownloadError, match=r"5 attempts in a row.*\n.*1,234 of 300,001 bytes received are kept"):
        get(server, tmp_path, said)
    assert_no_wrong_file(tmp_path)
    assert (tmp_path / "photos.zip.part").read_bytes() == CONTENT[:1234]
    server.forever = fs.body()
    assert_whole(get(server, tmp_path, said))
    assert server.requests[-1][1] == "bytes=1234-"


def test_bodies_that_end_at_once_without_a_length_count_as_failures(server, tmp_path, said):
    server.forever = fs.body(cut=0, length=None)
    with pytest.raises(DownloadError, match="ended after byte 0 of 300,001"):
        get(server, tmp_path, said)
    assert len(server.requests) == FAST.attempts


def test_waits_grow_and_say_why(server, tmp_path, said):
    server.faults = [fs.die] * 3
    patience = Patience(first_wait=0.05, longest_wait=0.11, attempts=5)
    assert_whole(get(server, tmp_path, said, patience))
    times = [r[3] for r in server.requests]
    gaps = [later - earlier for earlier, later in zip(times, times[1:], strict=False)]
    assert gaps[0] >= 0.05 and gaps[1] >= 0.1 and gaps[2] >= 0.11
    assert len(said) == 3 and all("connection broke" in line and "photos.zip" in line for line in said)


def test_waits_double_up_to_the_longest(server, tmp_path, said, monkeypatch):
    waits = []
    monkeypatch.setattr(time, "sleep", waits.append)
    server.faults = [fs.die] * 6
    assert_whole(get(server, tmp_path, said, dataclasses.replace(CALM, attempts=8, first_wait=1, longest_wait=7)))
    assert waits == [1, 2, 4, 7, 7, 7]


def test_after_progress_failures_are_counted_from_one(server, tmp_path, said):
    server.faults = [fs.die, fs.die, fs.body(cut=20_000), fs.body(cut=20_000), fs.die]
    assert_whole(get(server, tmp_path, said))
    assert [re.search(r"failure \d of 5", line)[0][8] for line in said] == list("12112")


@pytest.mark.parametrize("fault", [fs.silence, fs.body(cut=9000, hang=True), fs.trickling_headers],
                         ids=["silence", "half a body", "trickling headers"])
def test_a_stalled_answer_is_given_up_and_resumed(server, tmp_path, said, fault):
    server.faults = [fault]
    begin = time.monotonic()
    assert_whole(get(server, tmp_path, said, FAST))
    assert time.monotonic() - begin < 1.9                    # the server itself would be silent for 2 s


def test_a_trickling_answer_is_given_up_and_resumed(server, tmp_path, said):
    server.faults = [fs.body(block=1, pause=0.05)]           # each byte in time for the socket's time-out
    assert_whole(get(server, tmp_path, said, FAST))
    assert "bytes came in 0.5 s" in said[0]
    assert server.requests[1][1] not in (None, "bytes=0-")


def test_only_a_trickle_ends_in_an_error(server, tmp_path, said):
    server.forever = fs.body(block=1, pause=0.05)
    patience = Patience(stall=0.3, min_rate=20_000, window=0.3, attempts=3, first_wait=0.01)
    with pytest.raises(DownloadError, match="bytes came in 0.3 s"):
        get(server, tmp_path, said, patience)
    assert_no_wrong_file(tmp_path)


def test_a_server_that_is_gone_is_a_clear_error(tmp_path, said):
    with fs.FaultyServer(CONTENT) as server:
        url = server.url()
    with pytest.raises(DownloadError, match="connection broke.*refused"):
        get(None, tmp_path, said, wanted=source(url))


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere, a full queue refuses")
def test_a_server_that_takes_no_connection_is_left_after_the_time_out(tmp_path, said):
    """A socket whose queue is full: what more connects gets no answer, as behind a firewall."""
    with contextlib.ExitStack() as sockets:
        full = sockets.enter_context(socket.socket())
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for _ in range(4):
            waiting = sockets.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
        patience, begin = dataclasses.replace(CALM, connect=0.3, attempts=2), time.monotonic()
        with pytest.raises(DownloadError, match=r"no connection within 0.3 s"):
            get(None, tmp_path, said, patience, wanted=source(f"http://127.0.0.1:{full.getsockname()[1]}/x"))
        assert time.monotonic() - begin < 10
    assert_no_wrong_file(tmp_path)


# --- A server that answers wrongly ------------------------------------------------------------------------------------


def test_a_server_without_ranges_loses_nothing_that_is_here(server, tmp_path, said):
    server.faults = [fs.body(cut=200_000), fs.body(ranges=False, cut=50_000), fs.body(ranges=False)]
    part = tmp_path / "photos.zip.part"
    sizes = []
    seen = SimpleNamespace(append=lambda line: (said.append(line), sizes.append(part.stat().st_size)))
    assert_whole(get(server, tmp_path, seen))
    assert min(sizes) == 200_000                             # never shortened, though a body ended at 50,000
    assert any("does not resume" in line for line in said)


def test_a_range_with_another_offset_is_not_taken(server, tmp_path, said):
    server.faults = [fs.body(cut=1000), fs.body(shift=7)]
    assert_whole(get(server, tmp_path, said))
    assert "bytes 1007-300000/300001" in "".join(said)
    assert server.requests[-1][1] is None                    # asked from the first byte on


@pytest.mark.parametrize("headers", [
    {}, {"Content-Range": "bytes 1000-9/10"}, {"Content-Range": "bytes 0-3/300001"},
    {"Content-Range": "words 1000-1003/*"}, {"Content-Range": "bytes 1000-300000/999"},
    {"Content-Type": "multipart/byteranges; boundary=x"},
])
def test_a_wrong_answer_to_a_range_is_not_taken(server, tmp_path, said, headers):
    def wrong(handler):
        fs._head(handler, 206, {"Content-Length": 4, **headers})
        handler.wfile.write(b"oops")

    server.faults = [fs.body(cut=1000), wrong]
    with contextlib.suppress(DownloadError):              # a file of another size is another file: not asked again
        assert_whole(get(server, tmp_path, said))
        return
    assert_no_wrong_file(tmp_path)
    assert (tmp_path / "photos.zip.part").read_bytes() == CONTENT[:1000]
    assert "expected 300,001" in "".join(said)


def test_a_range_called_unsatisfiable_is_followed_by_the_whole(server, tmp_path, said):
    server.faults = [fs.body(cut=1000), fs.status(416)]
    assert_whole(get(server, tmp_path, said))


def test_ranges_of_other_bytes_are_noticed(server, tmp_path, said):
    """A server whose ranges are lies at the right offset: only the digest can tell."""
    lie = fs.body(OTHER)
    server.faults = [fs.body(cut=1000), lie, fs.body(cut=1000), lie, fs.body(cut=1000)]
    assert_whole(get(server, tmp_path, said))
    assert len(server.requests) == 6 and server.requests[-1][1] is None      # ranges are not believed a third time


@pytest.mark.parametrize("chunked", [False, True])
def test_no_length_is_no_problem(server, tmp_path, said, chunked):
    server.faults = [fs.body(length=None, chunked=chunked, cut=5000), fs.body(length=None, chunked=chunked)]
    assert_whole(get(server, tmp_path, said))


@pytest.mark.parametrize("length", [0, 5, 300_000, 300_002, 10**12, "nonsense"])
def test_a_wrong_length_is_never_a_wrong_file(server, tmp_path, said, length):
    server.forever = fs.body(length=length)
    with contextlib.suppress(DownloadError):              # "nonsense" may be taken for no length
        assert_whole(get(server, tmp_path, said))
        return
    assert_no_wrong_file(tmp_path)


def test_more_bytes_than_expected_are_refused(server, tmp_path, said):
    server.forever = fs.body(CONTENT + b"!", length=None)
    with pytest.raises(DownloadError, match="sends more than the expected 300,001 bytes"):
        get(server, tmp_path, said)
    assert_no_wrong_file(tmp_path)


def test_other_bytes_are_refused_with_both_digests(server, tmp_path, said):
    server.forever = fs.body(OTHER)
    with pytest.raises(DownloadError) as refusal:
        get(server, tmp_path, said)
    for digest in (hashlib.md5(OTHER).hexdigest(), hashlib.md5(CONTENT).hexdigest()):
        assert digest in str(refusal.value)
    assert_no_wrong_file(tmp_path)
    assert len(server.requests) == 1                         # a whole wrong file is not fetched a second time


def test_a_file_changed_between_resumes_is_not_spliced(server, tmp_path, said):
    """The server first holds another file of the same size; the right one replaces it."""
    server.faults = [fs.body(OTHER, etag='"old"', cut=100_000)]
    assert_whole(get(server, tmp_path, said))
    assert server.requests[1][2] == '"old"'                  # If-Range: so the server sent the new file from its start
    assert len(server.requests) == 2 and any("differs from byte 0" in line for line in said)


def test_a_weak_etag_is_not_trusted_to_resume(server, tmp_path, said):
    server.faults = [fs.body(etag='W/"weak"', cut=100)]
    assert_whole(get(server, tmp_path, said))
    assert server.requests[1][2] == server.modified


@pytest.mark.parametrize(
    "page",
    [
        fs.web_page(),
        fs.web_page("application/octet-stream", length=False),
        fs.web_page("application/zip", size=len(CONTENT)),
    ],
    ids=["html", "no type, no length", "of the right size"],
)
def test_a_web_page_is_called_one_and_costs_nothing_that_is_here(server, tmp_path, said, page):
    server.faults, server.forever = [fs.body(cut=250_000)], page
    with pytest.raises(DownloadError, match="looks like a web page"):
        get(server, tmp_path, said)
    assert_no_wrong_file(tmp_path)
    assert (tmp_path / "photos.zip.part").read_bytes() == CONTENT[:250_000]


def test_redirects_in_a_circle_end(server, tmp_path, said):
    server.forever = fs.redirect("/photos.zip")
    with pytest.raises(DownloadError, match="it redirects more than 10 times, perhaps in a circle"):
        get(server, tmp_path, said)
    assert len(server.requests) == FAST.redirects + 1


def test_a_redirect_is_followed_on_resume_too(server, tmp_path, said):
    server.faults = [fs.redirect("/there"), fs.body(cut=5000), fs.redirect("/there")]
    assert_whole(get(server, tmp_path, said))
    assert server.requests[-1][:2] == ("/there", "bytes=5000-")


@pytest.mark.parametrize("location", ["file:///etc/passwd", "ftp://127.0.0.1/x"])
def test_a_redirect_out_of_http_is_refused(server, tmp_path, said, location):
    server.forever = fs.redirect(location)
    with pytest.raises(DownloadError, match="redirects to an address that is not http or https"):
        get(server, tmp_path, said)


@contextlib.contextmanager
def running_proxy(status: bytes):
    """The address of a proxy that answers each request for a connection with this status."""
    class Handler(socketserver.StreamRequestHandler):
        def handle(self):
            while self.rfile.readline().strip():
                pass
            self.wfile.write(b"HTTP/1.1 " + status + b"\r\n\r\n")

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as proxy:
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{proxy.server_address[1]}"
        proxy.shutdown()


@pytest.fixture
def no_proxies(monkeypatch):
    """The environment without variables of proxies and certificates."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "requests_ca_bundle", "curl_ca_bundle"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    return monkeypatch


without_pysocks = pytest.mark.skipif(bool(importlib.util.find_spec("socks")), reason="PySocks is installed")


@pytest.mark.parametrize("variable, value, why", [
    pytest.param("ALL_PROXY", "socks5://127.0.0.1:1080", "ALL_PROXY is socks5://127.0.0.1:1080, but SOCKS proxies need "
                 "the package PySocks, which is missing", marks=without_pysocks),
    pytest.param("https_proxy", "socks5h://me:secret@127.0.0.1:1080", "https_proxy is socks5h://127.0.0.1:1080, but",
                 marks=without_pysocks),
    ("HTTPS_PROXY", "ftp://127.0.0.1:1", "HTTPS_PROXY is 'ftp://127.0.0.1:1', which is not the address of a proxy"),
    ("HTTPS_PROXY", "http://", "HTTPS_PROXY is 'http://', which is not the address of a proxy"),
    ("HTTPS_PROXY", "http://me:secret@proxy.example:port", "HTTPS_PROXY is 'http://proxy.example:port', which is not"),
    ("https_proxy", "proxy:8080", "https_proxy is 'proxy:8080', which is not the address of a proxy"),
    ("REQUESTS_CA_BUNDLE", "/nowhere/ca.pem", "REQUESTS_CA_BUNDLE is /nowhere/ca.pem, which is not there"),
])
def test_a_setting_of_the_environment_that_no_retry_can_mend_is_named_at_once(
        no_proxies, tmp_path, said, variable, value, why):
    no_proxies.setenv(variable, value)
    with pytest.raises(DownloadError) as error:
        get(None, tmp_path, said, wanted=source("https://127.0.0.1:9/photos.zip"))
    assert f"photos.zip: {why}" in str(error.value) and len(said) == 1
    assert "secret" not in str(error.value) + str(said)


@pytest.mark.parametrize("status, why", [
    (b"407 Authentication Required", "answers 407 Authentication Required; write user and password into it"),
    (b"403 Forbidden", "answers 403 Forbidden; ask who runs it, or use another network"),
])
def test_a_proxy_that_refuses_is_asked_once(no_proxies, tmp_path, said, status, why):
    with running_proxy(status) as address:
        no_proxies.setenv("HTTPS_PROXY", address)
        with pytest.raises(DownloadError, match=f"the proxy of HTTPS_PROXY {why}"):
            get(None, tmp_path, said, wanted=source("https://127.0.0.1:9/photos.zip"))
    assert len(said) == 1


def test_a_proxy_that_is_busy_or_gone_is_asked_again(no_proxies, tmp_path, said):
    with running_proxy(b"503 Service Unavailable") as address:
        no_proxies.setenv("HTTPS_PROXY", address)
        with pytest.raises(DownloadError, match="the proxy of HTTPS_PROXY did not answer"):
            get(None, tmp_path, said, FAST, wanted=source("https://127.0.0.1:9/photos.zip"))
    assert len(said) == FAST.attempts - 1


@without_pysocks
def test_the_command_names_the_proxy_variable(no_proxies, tmp_path):
    no_proxies.setenv("ALL_PROXY", "socks5://127.0.0.1:1080")
    done = subprocess.run([sys.executable, "download_utils.py", "--photos", "none", "--folder", str(tmp_path)],
                          cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1 and done.stderr.count("ALL_PROXY is socks5://127.0.0.1:1080, but SOCKS") == 2


@pytest.mark.parametrize("code", [408, 429, 503])
def test_retry_after_is_honoured(server, tmp_path, said, code):
    server.faults = [fs.status(code, Retry_After="1")]
    assert_whole(get(server, tmp_path, said))
    assert server.requests[1][3] - server.requests[0][3] >= 1
    assert f"answers {code}" in said[0] and "in 1 s" in said[0]


def test_retry_after_may_be_a_date_or_nonsense():
    soon = datetime.now(timezone.utc) + timedelta(seconds=30)
    assert 28 < retry_after(format_datetime(soon, usegmt=True)) <= 30
    assert retry_after("Tue, 10 Jul 2018 00:00:00 GMT") == 0
    assert [retry_after(text) for text in ("", "soon", "-5", "1e9", "٣", "9" * 5000)] == [0] * 6


def test_retry_after_as_a_date_is_honoured(server, tmp_path, said):
    def busy(handler):
        later = datetime.now(timezone.utc) + timedelta(seconds=2)      # dates have whole seconds: 1 to 2 s from now
        fs.status(503, Retry_After=format_datetime(later, usegmt=True))(handler)

    server.faults = [busy]
    assert_whole(get(server, tmp_path, said, Patience(first_wait=0.01)))
    assert 0.9 < server.requests[1][3] - server.requests[0][3] < 5


@pytest.mark.parametrize("absurd", ["99999999999999999999", "-1", "1.5", "Tue, 10 Jul 1018 00:00:00 GMT", "soon"])
def test_an_absurd_retry_after_is_ignored(server, tmp_path, said, absurd):
    server.faults = [fs.status(429, Retry_After=absurd)]
    assert_whole(get(server, tmp_path, said))


def test_a_server_that_is_busy_until_the_year_9999_is_not_waited_for(server, tmp_path, said):
    server.forever = fs.status(503, Retry_After="Fri, 31 Dec 9999 23:59:59 GMT")
    with pytest.raises(DownloadError, match="asks to come back in"):
        get(server, tmp_path, said)
    assert len(server.requests) == 1


def test_a_server_that_asks_for_hours_is_not_waited_for(server, tmp_path, said):
    server.forever = fs.status(503, Retry_After="7200")
    with pytest.raises(DownloadError, match="come back in 120 minutes"):
        get(server, tmp_path, said)
    assert len(server.requests) == 1


def test_a_server_is_waited_for_as_long_as_ten_minutes_unless_told_otherwise(server, tmp_path, said, monkeypatch):
    waits = []
    monkeypatch.setattr(time, "sleep", waits.append)
    server.faults, server.forever = [fs.status(503, Retry_After="600")], fs.status(503, Retry_After="601")
    with pytest.raises(DownloadError, match="come back in 10 minutes"):
        get(server, tmp_path, said, Patience())
    assert len(server.requests) == 2 and max(waits) == pytest.approx(600, abs=30)


@pytest.mark.parametrize("code", [403, 404, 410])
def test_a_missing_file_is_not_asked_for_twice(server, tmp_path, said, code):
    server.forever = fs.status(code)
    with pytest.raises(DownloadError, match=f"answers {code}"):
        get(server, tmp_path, said)
    assert len(server.requests) == 1


def test_a_compressed_body_is_refused(server, tmp_path, said):
    server.forever = fs.body(headers=[("Content-Encoding", "gzip")])
    with pytest.raises(DownloadError, match="compresses the file"):
        get(server, tmp_path, said)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="makes a certificate with openssl")
def test_a_certificate_that_is_not_trusted_is_refused(server, tmp_path, said):
    import ssl

    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    make = f"openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -keyout {key} -out {certificate}"
    subprocess.run(make.split(), check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    with pytest.raises(DownloadError, match="certificate is not trusted"):
        get(server, tmp_path, said, wanted=source(server.url().replace("http:", "https:")))
    assert_no_wrong_file(tmp_path)


@pytest.mark.parametrize("seed", range(10))
def test_any_mixture_of_faults_gives_the_right_file_or_an_error(server, tmp_path, said, seed):
    rng = random.Random(1000 + seed)
    faults = [
        fs.die, fs.body(ranges=False), fs.body(shift=3), fs.body(OTHER), fs.web_page(), fs.status(416), fs.status(500),
        fs.body(etag='"two"'), fs.body(length=7), fs.body(OTHER, etag='"two"', cut=70_000), fs.redirect("/"),
    ]
    server.faults = [
        rng.choice(faults) if rng.random() < 0.6 else fs.body(cut=rng.randrange(len(CONTENT)), reset=rng.random() < 0.5)
        for _ in range(6)
    ]
    for _ in range(8):                                       # a learner runs the cell again
        try:
            return assert_whole(get(server, tmp_path, said))
        except DownloadError:
            assert_no_wrong_file(tmp_path)
    pytest.fail("the server behaves after six faults, yet the file never came")


def test_nonsense_in_headers_never_gets_a_wrong_file_or_another_error(server, tmp_path, said):
    rng = random.Random(5)
    names = ["Content-Range", "Content-Length", "ETag", "Last-Modified", "Retry-After", "Location"]
    junk = ["", "\xb2", "\x01", "9" * 5000, "-1", "bytes 0-1/2", "bytes 9-8/*", "*", '"' + "x" * 5000 + '"', "1, 2"]
    patience = Patience(stall=0.2, window=0.3, attempts=2, worthwhile=1, first_wait=0.0, redirects=2)

    def fault(handler):
        code = rng.choice([200, 200, 206, 206, 301, 416, 429, 503, 999])
        fs.status(code, **{name: rng.choice(junk) for name in rng.sample(names, 3)})(handler)
        handler.close_connection = True

    for _ in range(60):
        server.faults = [rng.choice([fs.body(cut=rng.randrange(9000)), fault]), fault]
        try:
            assert get(server, tmp_path, said, patience).read_bytes() == CONTENT
            (tmp_path / "photos.zip").unlink()
        except DownloadError:
            assert_no_wrong_file(tmp_path)


# --- Mirrors ----------------------------------------------------------------------------------------------------------


def test_mirrors_are_asked_first_and_then_the_next_address(server, tmp_path, said):
    server.faults = [fs.status(404), fs.body(OTHER)]
    mirrors = [server.url("a/"), server.url("b")]
    assert_whole(get(server, tmp_path, said, mirrors=mirrors))
    assert [r[0] for r in server.requests] == ["/a/photos.zip", "/b/photos.zip", "/photos.zip"]


def test_after_an_address_that_gives_nothing_the_next_is_asked(server, tmp_path, said):
    server.faults = [fs.die]
    assert_whole(get(server, tmp_path, said, mirrors=[server.url("a")]))
    assert [r[0] for r in server.requests] == ["/a/photos.zip", "/photos.zip"]


def test_a_resume_at_another_address_goes_by_range_without_the_first_ones_etag(server, tmp_path, said):
    server.faults = [fs.body(cut=1000), fs.status(404), fs.body(etag='"of the other"')]
    assert_whole(get(server, tmp_path, said, mirrors=[server.url("a")]))
    assert [r[:3] for r in server.requests][-1] == ("/photos.zip", "bytes=1000-", None)


@pytest.mark.parametrize("mirror", ["", "data/coco", "ftp://mirror.example", "file:///tmp", "https://", "http:///x"])
def test_a_mirror_that_is_no_address_is_refused(tmp_path, mirror):
    with pytest.raises(ValueError, match="not the http or https address"):
        fetch(source("http://localhost/"), tmp_path, mirrors=[mirror])


def test_a_password_in_a_mirror_is_shown_nowhere(server, tmp_path, said):
    server.faults, server.forever = [fs.body(cut=100), fs.die, fs.body(cut=100)], fs.status(404)
    mirror = server.url("m").replace("http://", "http://user:s3cret@")
    with pytest.raises(DownloadError) as failure:
        get(server, tmp_path, said, mirrors=[mirror])
    assert "s3cret" not in "".join(said) + str(failure.value) + (tmp_path / "photos.zip.part.json").read_text()
    assert "/m/photos.zip" in "".join(said)


def test_a_key_in_an_addresss_query_is_shown_nowhere(server, tmp_path, said):
    server.faults, server.forever = [fs.body(cut=100), fs.die], fs.status(404)
    with pytest.raises(DownloadError) as failure:
        get(server, tmp_path, said, wanted=source(server.url("photos.zip?key=s3cret")))
    assert "s3cret" in server.requests[-1][0]
    assert "s3cret" not in "".join(said) + str(failure.value) + (tmp_path / "photos.zip.part.json").read_text()


# --- What is already on the disk --------------------------------------------------------------------------------------


def test_a_file_put_there_by_hand_is_accepted_after_the_check(tmp_path, said):
    (tmp_path / "photos.zip").write_bytes(CONTENT)
    assert_whole(get(None, tmp_path, said, wanted=source("http://127.0.0.1:1/")))


def test_a_wrong_file_is_refused_whether_its_digest_is_the_lower_or_the_higher(server, tmp_path, said):
    right = hashlib.md5(CONTENT).hexdigest()
    others = [random.Random(seed).randbytes(len(CONTENT)) for seed in range(20)]
    lower = next(other for other in others if hashlib.md5(other).hexdigest() < right)
    higher = next(other for other in others if hashlib.md5(other).hexdigest() > right)
    for other in (lower, higher):
        server.forever = fs.body(other)
        with pytest.raises(DownloadError, match=hashlib.md5(other).hexdigest()):
            get(server, tmp_path, said)
    assert not (tmp_path / "photos.zip").exists()


def test_a_wait_says_how_much_is_here(server, tmp_path, said):
    server.faults = [fs.body(cut=250_000)]
    assert_whole(get(server, tmp_path, said))
    assert "0.3 MB are here" in said[0] or "0.2 MB are here" in said[0]


@pytest.mark.parametrize("wrong", [OTHER, CONTENT[:-1], b"", CONTENT + b"!"], ids=["bytes", "short", "empty", "long"])
def test_a_wrong_file_put_there_is_refused_and_left_as_it_is(server, tmp_path, said, wrong):
    path = tmp_path / "photos.zip"
    path.write_bytes(wrong)
    with pytest.raises(DownloadError, match="(?s)photos.zip has .* expected .*move or delete it") as refusal:
        get(server, tmp_path, said)
    assert path.read_bytes() == wrong and server.requests == []
    if wrong is OTHER:
        assert hashlib.md5(OTHER).hexdigest() in str(refusal.value)
    else:
        assert f"{len(wrong):,} bytes" in str(refusal.value)


def test_a_folder_or_a_dead_link_of_that_name_is_refused(server, tmp_path, said):
    path = tmp_path / "photos.zip"
    path.mkdir()
    with pytest.raises(DownloadError, match="is not a file"):
        get(server, tmp_path, said)
    path.rmdir()
    with contextlib.suppress(OSError):                       # Windows may not allow links
        path.symlink_to(tmp_path / "gone.zip")
        with pytest.raises(DownloadError, match="link to something that is gone"):
            get(server, tmp_path, said)


def test_a_verified_file_is_not_hashed_again_until_it_changes(server, tmp_path, said, monkeypatch):
    path = get(server, tmp_path, said)
    hashed = []
    whole = on_disk.digest_of
    monkeypatch.setattr(on_disk, "digest_of", lambda *a, **k: hashed.append(a) or whole(*a, **k))
    get(server, tmp_path, said)
    assert hashed == []
    damaged = bytearray(CONTENT)
    damaged[5] ^= 1
    path.write_bytes(damaged)
    os.utime(path, ns=(0, 0))
    with pytest.raises(DownloadError, match="has md5"):
        get(server, tmp_path, said)
    assert len(hashed) == 1


@pytest.mark.parametrize("record", ["", "[]", "{", '{"size": 1}', "\0"])
def test_a_nonsense_record_only_costs_a_check(server, tmp_path, said, record):
    get(server, tmp_path, said)
    (tmp_path / "photos.zip.verified.json").write_text(record)
    assert_whole(get(server, tmp_path, said))


def test_a_record_of_another_digest_is_not_believed(server, tmp_path, said):
    path = get(server, tmp_path, said)
    other = source(server.url(), md5=hashlib.md5(OTHER).hexdigest())
    with pytest.raises(DownloadError, match="has md5"):
        get(server, tmp_path, said, wanted=other)
    assert path.read_bytes() == CONTENT


@pytest.mark.parametrize("part", [OTHER[:1000], OTHER, CONTENT + b"!", CONTENT[:5] + b"\0" * 5], ids=[
    "other bytes", "complete but wrong", "too long", "zeros at its end",
])
@pytest.mark.parametrize("note", [None, "{", '{"url": 3}', "[1]"])
def test_a_wrong_part_is_never_finished(server, tmp_path, said, part, note):
    (tmp_path / "photos.zip.part").write_bytes(part)
    if note:
        (tmp_path / "photos.zip.part.json").write_text(note)
    assert_whole(get(server, tmp_path, said))
    assert said


def test_a_complete_part_needs_no_server(tmp_path, said):
    """Killed between the last byte and the renaming."""
    (tmp_path / "photos.zip.part").write_bytes(CONTENT)
    assert_whole(get(None, tmp_path, said, wanted=source("http://127.0.0.1:1/")))


def test_sha256_goes_before_md5(server, tmp_path, said):
    wanted = source(server.url(), md5="0" * 32, sha256=hashlib.sha256(CONTENT).hexdigest().upper())
    assert_whole(get(server, tmp_path, said, wanted=wanted))


def test_too_little_room_is_noticed_before_the_first_byte(server, tmp_path, said, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=SPARE_ROOM + len(CONTENT) - 1))
    with pytest.raises(DownloadError, match=r"has 0.07 GB free, but photos.zip still needs 0.07 GB"):
        get(server, tmp_path / "new", said)
    assert server.requests == []
    (tmp_path / "new" / "photos.zip.part").write_bytes(CONTENT[:1])       # what is here needs no room
    assert_whole(get(server, tmp_path / "new", said))


def test_a_part_that_is_too_long_makes_no_room_for_another_file(tmp_path, monkeypatch):
    monkeypatch.setitem(sources.DOWNLOADS, "coco2014", {
        key: source("http://127.0.0.1:1/", name=key) for key in COCO2014})
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=SPARE_ROOM + len(CONTENT) - 1))
    (tmp_path / "annotations.part").write_bytes(CONTENT * 2)
    with pytest.raises(DownloadError, match="still needs"):
        fetch_dataset("coco2014", tmp_path, "val", progress=False, patience=FAST)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full is Linux")
def test_a_disk_that_fills_up_is_a_clear_error(server, tmp_path, said, monkeypatch):
    opened = PartFile.__init__

    def on_a_full_disk(self, *args):
        opened(self, *args)
        self.file.close()
        self.file = io.FileIO("/dev/full", "r+")

    monkeypatch.setattr(PartFile, "__init__", on_a_full_disk)
    with pytest.raises(DownloadError, match="could not be written: .*No space left.*make room"):
        get(server, tmp_path, said)
    assert_no_wrong_file(tmp_path)


def test_a_file_in_place_of_the_folder_is_a_clear_error(server, tmp_path, said):
    (tmp_path / "data").write_text("")
    with pytest.raises(DownloadError, match="could not be written.*CAPTION_DATA_DIR"):
        get(server, tmp_path / "data", said)


@pytest.mark.skipif(os.name == "nt", reason="POSIX permissions")
def test_an_unwritable_folder_is_a_clear_error(server, said):
    with tempfile.TemporaryDirectory(dir="/tmp") as name, contextlib.ExitStack() as undo:   # pytest's are root's alone
        folder = Path(name, "data")
        folder.mkdir()
        os.chmod(name, 0o755)
        folder.chmod(0o555)
        if os.geteuid() == 0:                                # permissions do not bind root
            os.seteuid(65534)
            undo.callback(os.seteuid, 0)
        with pytest.raises(DownloadError, match="could not be written.*Permission denied.*CAPTION_DATA_DIR"):
            get(server, folder, said)


@pytest.mark.skipif(os.name == "nt", reason="POSIX permissions")
def test_a_teachers_read_only_folder_can_be_used(tmp_path, said):
    with tempfile.TemporaryDirectory(dir="/tmp") as name, contextlib.ExitStack() as undo:   # pytest's are root's alone
        Path(name, "photos.zip").write_bytes(CONTENT)
        os.chmod(name, 0o555)
        undo.callback(os.chmod, name, 0o755)
        if os.geteuid() == 0:
            os.seteuid(65534)
            undo.callback(os.seteuid, 0)
        assert get(None, Path(name), said, wanted=source("http://127.0.0.1:1/")).read_bytes() == CONTENT


# --- Other processes --------------------------------------------------------------------------------------------------

DOWNLOADER = """
import sys, download_utils as du
name, url, size, md5, folder = sys.argv[1:]
du.fetch(du.Source(name, (url,), int(size), md5=md5), folder, progress=False, say=lambda s: print(s, flush=True))
"""


def start_downloader(wanted, folder):
    """A process that fetches the source into the folder."""
    words = [wanted.name, wanted.urls[0], str(wanted.size), wanted.md5, str(folder)]
    return subprocess.Popen([sys.executable, "-c", DOWNLOADER, *words], cwd=ROOT, stdout=subprocess.PIPE, text=True)


def test_the_next_downloader_continues_where_a_killed_one_ended(server, tmp_path, said):
    server.forever = fs.body(block=4096, pause=0.01)
    downloader = start_downloader(source(server.url()), tmp_path)
    part = tmp_path / "photos.zip.part"
    until = time.monotonic() + 20
    while not (part.exists() and part.stat().st_size > 50_000) and time.monotonic() < until:
        time.sleep(0.01)
    downloader.kill()
    downloader.communicate()
    assert_no_wrong_file(tmp_path)
    received = part.stat().st_size
    assert 50_000 < received < len(CONTENT)
    server.forever = fs.body()
    assert_whole(get(server, tmp_path, said))
    assert server.requests[-1][1:3] == (f"bytes={received}-", '"one"')


def test_a_download_ends_though_its_process_is_killed_again_and_again(server, tmp_path, said):
    """At any moment: while it starts, connects, hashes its part or writes. Each goes on from what the last one left."""
    server.forever = fs.body(block=4096, pause=0.02)
    rng, part, sizes = random.Random(11), tmp_path / "photos.zip.part", [0]
    for _ in range(3):
        downloader, wanted = start_downloader(source(server.url()), tmp_path), sizes[-1] + rng.randrange(40_000)
        until = time.monotonic() + 20
        while not (part.exists() and part.stat().st_size > wanted) and time.monotonic() < until:
            time.sleep(0.005)
        downloader.kill()
        downloader.communicate()
        sizes.append(part.stat().st_size)
        assert part.read_bytes() == CONTENT[:sizes[-1]]
        assert_no_wrong_file(tmp_path)
    assert sizes == sorted(sizes) and sizes[-1] < len(CONTENT)
    server.forever = fs.body()
    assert_whole(get(server, tmp_path, said))


def test_of_two_downloaders_one_waits_and_both_end_with_the_file(server, tmp_path):
    server.forever = fs.body(block=16384, pause=0.1)         # about 2 s: both are there before the first is done
    both = [start_downloader(source(server.url()), tmp_path) for _ in range(2)]
    words = [downloader.communicate(timeout=25)[0] for downloader in both]
    assert [downloader.returncode for downloader in both] == [0, 0]
    assert_whole(tmp_path / "photos.zip")
    assert len(server.requests) == 1
    assert sum("another process is downloading it" in text for text in words) == 1


def test_ctrl_c_ends_a_download_at_once_and_keeps_its_bytes(server, tmp_path):
    server.forever = fs.body(cut=9000, hang=True)
    wanted, raised = source(server.url()), []
    interrupt = threading.Timer(0.3, lambda: __import__("_thread").interrupt_main())
    before = signal.signal(signal.SIGINT, signal.default_int_handler)       # a job in the background ignores it
    interrupt.start()
    begin = time.monotonic()
    try:
        fetch(wanted, tmp_path, progress=False, say=raised.append)
    except KeyboardInterrupt:
        raised.append("interrupted")
    finally:
        signal.signal(signal.SIGINT, before)
    assert raised == ["interrupted"] and time.monotonic() - begin < 1.5
    assert (tmp_path / "photos.zip.part").read_bytes() == CONTENT[:9000]


# --- The table --------------------------------------------------------------------------------------------------------


def test_a_source_must_have_a_digest_and_a_plain_name():
    with pytest.raises(ValueError, match="md5 or a sha256"):
        Source("a.zip", ("http://localhost/",), 1)
    for name in ("", ".", "..", "a/b", "..\\b", "c:b"):
        with pytest.raises(ValueError, match="plain file name"):
            Source(name, ("http://localhost/",), 1, md5="0" * 32)


def test_each_source_asks_https_first():
    assert sorted(COCO2014) == ["annotations", "train", "val"]
    for entry in COCO2014.values():
        assert entry.urls[0].startswith("https://") and len(entry.digest) == 32
        assert all(url.endswith("/" + entry.name) for url in entry.urls)


@pytest.mark.parametrize("photos, names", [
    (False, ["annotations"]), ("val", ["annotations", "val"]), ("train", ["annotations", "train"]),
    (True, ["annotations", "val", "train"]),
])
def test_captions_come_without_photos_and_photos_split_by_split(server, tmp_path, monkeypatch, photos, names):
    table = {key: source(server.url(f"{key}.zip"), name=f"{key}.zip") for key in COCO2014}
    monkeypatch.setitem(sources.DOWNLOADS, "coco2014", table)
    found = fetch_dataset("coco2014", tmp_path, photos, progress=False, patience=FAST)
    assert list(found) == names and [r[0] for r in server.requests] == [f"/{name}.zip" for name in names]
    assert all(path.read_bytes() == CONTENT for path in found.values())


def test_captions_alone_are_a_dataset_for_exercises_with_text(small_world, tmp_path, monkeypatch):
    captions = (small_world / "annotations_trainval2014.zip").read_bytes()
    with fs.FaultyServer(captions) as server:
        table = {key: dataclasses.replace(entry, urls=(server.url(),), size=len(captions),
                                          md5=hashlib.md5(captions).hexdigest()) for key, entry in COCO2014.items()}
        monkeypatch.setitem(sources.DOWNLOADS, "coco2014", table)
        train, val = load_dataset(Settings(dataset="coco2014", data_dir=tmp_path), photos=False)
    assert len(server.requests) == 1 and (len(train.captions), len(val.captions)) == (48, 16)


@pytest.mark.parametrize("options, names", [
    ([], ["annotations"]), (["--photos", "val"], ["annotations", "val"]),
    (["--photos", "both"], ["annotations", "val", "train"]),
])
def test_the_command_fetches_captions_and_the_photos_asked_for(
    server, tmp_path, monkeypatch, capsys, options, names
):
    table = {key: source("http://127.0.0.1:1/", name=f"{key}.zip") for key in COCO2014}
    monkeypatch.setitem(sources.DOWNLOADS, "coco2014", table)
    monkeypatch.setenv("CAPTION_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("CAPTION_MIRRORS", server.url("coco"))
    main(options)
    assert [r[0] for r in server.requests] == [f"/coco/{name}.zip" for name in names]
    assert capsys.readouterr().out.split() == [str(tmp_path / f"{name}.zip") for name in names]


def test_the_command_says_what_is_wrong_in_a_sentence(server, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("CAPTION_MIRRORS", "ftp://user:s3cret@mirror.example")
    with pytest.raises(SystemExit, match="'ftp://mirror.example' is not the http.*CAPTION_MIRRORS"):
        main(["--folder", str(tmp_path)])
    monkeypatch.setenv("CAPTION_DATASET", "drawn")
    with pytest.raises(SystemExit):
        main([])
    assert "CAPTION_DATASET is drawn, which is not downloaded" in capsys.readouterr().err


def test_room_for_all_of_mscoco_is_checked_before_the_first_byte(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=14e9))
    with pytest.raises(DownloadError, match=r"14.00 GB free.*train2014.zip still needs 20.48 GB"):
        fetch_dataset("coco2014", tmp_path / "new")
    with pytest.raises(ValueError, match="photos must be"):
        fetch_dataset("coco2014", tmp_path, photos="test")


def test_the_weights_hint_says_what_keras_itself_wants():
    keras = Path(importlib.util.find_spec("keras").origin).parent / "src" / "applications" / "inception_v3.py"
    text, hint = keras.read_text(encoding="utf-8"), offline_weights_hint("/models")
    for fact in (INCEPTION_V3_WEIGHTS.name, INCEPTION_V3_WEIGHTS.md5):
        assert fact in text and fact in hint
    assert " in /models under" in hint and "KERAS_HOME" in offline_weights_hint()


def test_progress_shows_rate_and_what_is_here_already(server, tmp_path, said, capsys):
    (tmp_path / "photos.zip.part").write_bytes(CONTENT[:150_000])
    fetch(source(server.url()), tmp_path, patience=FAST, say=said.append)
    shown = capsys.readouterr().err
    assert "photos.zip" in shown and "150k/300k" in shown and "B/s" in shown


def test_records_hold_what_is_documented(server, tmp_path, said):
    path = get(server, tmp_path, said)
    record = json.loads((tmp_path / "photos.zip.verified.json").read_text())
    assert record == {"size": 300_001, "mtime_ns": path.stat().st_mtime_ns, "md5": hashlib.md5(CONTENT).hexdigest()}
