"""Submission: what is sent, byte for byte; a sentence for each way to fail; no e-mail or token left anywhere."""

import gc
import importlib.util
import json
import logging
import os
import socket
import time
from pathlib import Path

import numpy as np
import pytest

from captioning.datasets.tokens import END, PAD, START, UNK
from captioning.grading import indexing_checks, report, vocabulary_checks
from captioning.grading.grader import Grader
from captioning.grading.parts import PARTS
from captioning.grading.service import Receipt
from captioning.grading.verdicts import Verdict
from tests.helpers import ROOT
from tests.helpers.grader_service import EMAIL, TOKEN, address, running_service

COCO_ANSWERS = {
    "19Wpv": "8769 8769 1",
    "uJh73": "1 1 8766 8768 1 23303",
    "yiJkt": "1 2 3 4 5 -1 1 2 4 5 1 2 3 4 5 -1",
    "rbpnH": "32 300 32 19 100 608 300 608 8769 608 608",
    "E2OIL": "9.077761",
    "YJR7z": "2.6038471",
}

@pytest.fixture(scope="module")
def server():
    with running_service() as service:
        yield service


@pytest.fixture(autouse=True)
def direct_connections(monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    for name in ("CAPTION_GRADER_EMAIL", "CAPTION_GRADER_TOKEN"):
        monkeypatch.delenv(name, raising=False)


def solved(url, dataset="coco2014", answers=COCO_ANSWERS, timeout=(2, 5)):
    """A grader for which all parts passed."""
    grader = Grader(dataset, url=url, timeout=timeout)
    grader.verdicts = {key: Verdict(PARTS[key], answer=answer) for key, answer in answers.items()}
    return grader


# ------------------------------------------------------------------------------------------------- what is sent

def test_the_body_is_the_services_format_byte_for_byte(server):
    receipt = solved(address(server, "/ok")).submit(EMAIL, TOKEN)
    assert receipt.sent and "took the answers" in str(receipt)
    path, headers, body = server.received[-1]
    assert body == json.dumps({
        "assignmentKey": "NEDBg6CgEee8nQ6uE8a7OA", "submitterEmail": EMAIL, "secret": TOKEN,
        "parts": {key: {"output": answer} for key, answer in COCO_ANSWERS.items()},
    }).encode()
    assert headers["Content-Type"] == "application/json"


def test_another_service_gets_its_own_key(server):
    grader = solved(address(server, "/ok"))
    grader.assignment = "captions-26"
    assert grader.submit(EMAIL, TOKEN).sent
    assert json.loads(server.received[-1][2])["assignmentKey"] == "captions-26"


def test_a_part_that_is_not_done_is_an_empty_object_and_said(server):
    answers = {key: COCO_ANSWERS[key] for key in ("19Wpv", "yiJkt")}
    receipt = solved(address(server, "/ok"), answers=answers).submit(EMAIL, TOKEN)
    parts = json.loads(server.received[-1][2])["parts"]
    assert parts == {"19Wpv": {"output": "8769 8769 1"}, "uJh73": {}, "yiJkt": {"output": COCO_ANSWERS["yiJkt"]},
                     "rbpnH": {}, "E2OIL": {}, "YJR7z": {}}
    assert f"Not passed here yet: {PARTS['uJh73'].title}" in str(receipt)


def test_a_failing_part_is_sent_and_said(server):
    grader = solved(address(server, "/ok"))
    grader.check_batching(lambda captions, pad_idx, max_len=None: np.zeros((2, 3), int))
    receipt = grader.submit(EMAIL, TOKEN)
    assert receipt.sent and f"Not passed here yet: {PARTS['yiJkt'].title}." in str(receipt)
    assert json.loads(server.received[-1][2])["parts"]["yiJkt"] == {"output": " ".join("0" * 18)}


def test_answers_are_plain_pythons_reprs():
    assert report.reprs([np.int64(3), 4, np.float64(0.1), True, -1]) == "3 4 0.1 True -1"
    vocab = {token: index for index, token in enumerate([PAD, UNK, START, END, *map(str, range(8765))])}
    assert vocabulary_checks.vocabulary_answer(vocab) == COCO_ANSWERS["19Wpv"]
    assert vocabulary_checks.vocabulary_answer(dict(zip(vocab, np.arange(8769), strict=True))) == COCO_ANSWERS["19Wpv"]
    # every word but PAD, START and END, and UNK 23,303 times
    captions = [[[vocab[START], *range(4, 8769), vocab[UNK], vocab[END]]] * 1,
                [[vocab[START], *[vocab[UNK]] * 23_302, vocab[END]]]]
    assert indexing_checks.indexing_answer(captions, vocab) == COCO_ANSWERS["uJh73"]
    numpy_captions = [[list(np.array(caption)) for caption in photo] for photo in captions]
    assert indexing_checks.indexing_answer(numpy_captions, vocab) == "1 1 8766 8768 0 23303"


# ------------------------------------------------------------------------------------------------ ways to fail

FAILURES = {
    "/expired": ("Invalid email or token", "HTTP 401", "30 minutes", "new one"),
    "/empty": ("refused", "HTTP 400", "new one"),
    "/no-message": ("refused", "HTTP 400"),
    "/odd-message": ("refused", "HTTP 400"),
    "/null": ("refused", "HTTP 404"),
    "/nested": ("refused", "HTTP 400"),
    "/endless": ("refused", "HTTP 400"),
    "/portal": ("something else answered", "sign-in page or a proxy", "another network"),
    "/forbidden-page": ("something else answered", "HTTP 403", "another network"),
    "/login-needed": ("something else answered", "HTTP 511"),
    "/proxy-login": ("something else answered", "HTTP 407"),
    "/bad-gateway": ("out of order", "HTTP 502", "wait a few minutes"),
    "/unavailable": ("out of order", "HTTP 503", "wait a few minutes"),
    "/too-many": ("Too many", "wait a few minutes"),
    "/accepted": ("instead of 201",),
    "/moved": ("something else answered", "HTTP 307"),
    "/slow": ("did not answer within 0.5 s", "assignment's page first"),
    "/hang-up": ("No connection", "online"),
}


@pytest.mark.parametrize("path", FAILURES)
def test_each_failure_says_what_to_do_and_keeps_the_answers(server, path):
    grader = solved(address(server, path), timeout=(2, 0.5) if path == "/slow" else (2, 5))
    receipt = grader.submit(EMAIL, TOKEN)
    assert not receipt.sent and str(receipt).startswith("Not submitted.")
    for text in (*FAILURES[path], "answers are kept"):
        assert text in str(receipt), receipt
    grader.url = address(server, "/ok")
    assert grader.submit(EMAIL, TOKEN).sent
    assert json.loads(server.received[-1][2])["parts"]["19Wpv"] == {"output": "8769 8769 1"}


def test_a_redirect_is_not_followed_with_the_token(server):
    before = len(server.received)
    solved(address(server, "/moved")).submit(EMAIL, TOKEN)
    assert [path for path, *_ in server.received[before:]] == ["/moved"]


def test_a_message_is_shown_as_text():
    shown = Receipt(False, "<script>alert(1)</script>")._repr_html_()
    assert "<script>" not in shown and "&lt;script&gt;" in shown


def test_a_trickling_answer_does_not_hold_the_notebook(server):
    started = time.monotonic()
    receipt = solved(address(server, "/trickle"), timeout=(2, 0.5)).submit(EMAIL, TOKEN)
    assert time.monotonic() - started < 4               # of the 8 s that it would go on
    assert not receipt.sent


def closed_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_no_network_is_said(monkeypatch):
    assert "No connection to 127.0.0.1: check that this computer is online" in str(
        solved(f"http://127.0.0.1:{closed_port()}/").submit(EMAIL, TOKEN))
    assert "No connection to grader.invalid" in str(solved("http://grader.invalid/").submit(EMAIL, TOKEN))


def test_a_refusing_proxy_is_said(monkeypatch):
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{closed_port()}")
    assert "The proxy of this network refused" in str(solved("http://grader.invalid/").submit(EMAIL, TOKEN))


@pytest.mark.parametrize("variable, value, why", [
    pytest.param("ALL_PROXY", "socks5://me:x1y2@127.0.0.1:1080", "ALL_PROXY is socks5://127.0.0.1:1080, but SOCKS ",
                 marks=pytest.mark.skipif(bool(importlib.util.find_spec("socks")), reason="PySocks is installed")),
    ("HTTPS_PROXY", "proxy:8080", "HTTPS_PROXY is 'proxy:8080', which is not the address of a proxy"),
    ("REQUESTS_CA_BUNDLE", "/nowhere/ca.pem", "REQUESTS_CA_BUNDLE is /nowhere/ca.pem, which is not there"),
])
def test_a_setting_of_the_environment_that_is_at_fault_is_named(monkeypatch, variable, value, why):
    monkeypatch.setenv(variable, value)
    text = str(solved("https://127.0.0.1:9/").submit(EMAIL, TOKEN))
    assert why in text and "x1y2" not in text and text.endswith("Your answers are kept: run this cell again.")


def test_a_broken_secure_connection_is_said(server):
    url = address(server, "/ok").replace("http:", "https:")
    assert "No secure connection" in str(solved(url).submit(EMAIL, TOKEN))


def test_a_host_that_takes_no_connection_times_out():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        waiting = []
        for _ in range(4):          # fill the queue of connections that nobody accepts
            client = socket.socket()
            client.setblocking(False)
            client.connect_ex(listener.getsockname())
            waiting.append(client)
        time.sleep(0.1)
        started = time.monotonic()
        receipt = solved(f"http://127.0.0.1:{listener.getsockname()[1]}/", timeout=(0.4, 3)).submit(EMAIL, TOKEN)
        assert time.monotonic() - started < 5
        for client in waiting:
            client.close()
    assert "within 0.4 s" in str(receipt)


@pytest.mark.parametrize("url", ["http://[", "no address", "ftp://grader.invalid/", f"http://{70 * 'x'}/", 7, None])
def test_an_odd_address_is_said_and_raises_nothing(url):
    receipt = solved(url).submit(EMAIL, TOKEN)
    assert not receipt.sent and "answers are kept" in str(receipt)


def test_whoever_breaks_off_at_the_question_is_told_how_to_go_on(monkeypatch):
    def broken_off(*_):
        raise KeyboardInterrupt
    monkeypatch.setattr("getpass.getpass", broken_off)
    assert "E-mail or token is missing" in str(solved("http://grader.invalid/").submit())


# -------------------------------------------------------------------------------------------- before it is sent

@pytest.mark.parametrize("dataset", ["drawn", "folder"])
def test_answers_of_another_dataset_are_sent_only_when_told_to(server, dataset):
    before = len(server.received)
    grader = solved(address(server, "/ok"), dataset)
    receipt = grader.submit(EMAIL, TOKEN)
    assert not receipt.sent and "MSCOCO 2014" in str(receipt) and "anyway=True" in str(receipt)
    assert len(server.received) == before
    assert grader.submit(EMAIL, TOKEN, anyway=True).sent


def test_nothing_is_sent_without_answers(server):
    before = len(server.received)
    assert "run the cells that check" in str(Grader("coco2014", url=address(server, "/ok")).submit(EMAIL, TOKEN))
    assert len(server.received) == before


def test_credentials_come_from_the_environment(server, monkeypatch):
    monkeypatch.setenv("CAPTION_GRADER_EMAIL", f" {EMAIL}\n")
    monkeypatch.setenv("CAPTION_GRADER_TOKEN", f"{TOKEN}\n")
    assert solved(address(server, "/ok")).submit().sent
    sent = json.loads(server.received[-1][2])
    assert (sent["submitterEmail"], sent["secret"]) == (EMAIL, TOKEN)


def test_without_credentials_and_nobody_to_ask_it_says_where_they_come_from(server, monkeypatch):
    def nobody(*_):
        raise EOFError
    monkeypatch.setattr("builtins.input", nobody)
    monkeypatch.setattr("getpass.getpass", nobody)
    receipt = solved(address(server, "/ok")).submit()
    assert not receipt.sent
    assert "CAPTION_GRADER_EMAIL" in str(receipt) and "CAPTION_GRADER_TOKEN" in str(receipt)


# ------------------------------------------------------------------------------------------------- no traces

def no_secret_in(text):
    return EMAIL not in text and TOKEN not in text


def test_a_message_that_repeats_the_token_is_shown_without_it(server):
    receipt = solved(address(server, "/echo")).submit(EMAIL, TOKEN)
    assert "Token … of … is not known" in str(receipt)
    assert no_secret_in(str(receipt) + repr(receipt) + receipt._repr_html_())


def test_nothing_that_a_grader_keeps_says_or_logs_holds_a_secret(server, caplog, capsys):
    caplog.set_level(logging.DEBUG)
    for path in ("/ok", "/slow", "/hang-up", "/trickle", *FAILURES):
        grader = solved(address(server, path), timeout=(2, 0.3))
        receipt = grader.submit(EMAIL, TOKEN)
        everything = [vars(grader), repr(grader), vars(receipt), str(receipt), receipt._repr_html_(),
                      str(grader.table()), grader.table()._repr_html_()]
        assert all(no_secret_in(str(thing)) for thing in everything)
    printed = capsys.readouterr()
    assert no_secret_in(caplog.text + printed.out + printed.err)
    gc.collect()
    kept = [frame for frame in gc.get_objects() if isinstance(frame, dict) and frame.get("secret") == TOKEN]
    assert not kept                 # no exception or traceback holds the submission


def test_a_saved_notebook_and_all_that_its_run_leaves_hold_no_secret(server, tmp_path, monkeypatch):
    import nbformat
    from nbclient import NotebookClient

    cells = [
        "%xmode Verbose",
        "import logging",
        "logging.basicConfig(filename='run.log', level=logging.DEBUG)",
        "import grading, os\ngrading.short_errors()",
        f"grader = grading.Grader('drawn', url={address(server, '/expired')!r}, timeout=(2, 1))",
        "grader.check_batching(None)",
        "grader.check_batching(lambda captions, pad_idx, max_len=None: 1 / 0)",
        f"grader.verdicts['19Wpv'] = grading.Verdict(grading.PARTS['19Wpv'], answer={COCO_ANSWERS['19Wpv']!r})",
        "grader.submit()",
        "grader.submit(anyway=True)",
        *(f"grader.url = {address(server, path)!r}\nprint(grader.submit(anyway=True))"
          for path in ("/echo", "/portal", "/hang-up", "/slow", "/bad-gateway")),
        "grader.url = None\ngrader.submit(anyway=True)",
        f"grader.url = {address(server, '/ok')!r}\ngrader.submit(anyway=True)",
        "grader.table()",
        "vars(grader)",
        "1 / 0",
        "del os.environ['CAPTION_GRADER_TOKEN']\ngrader.submit(anyway=True)",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    monkeypatch.setenv("CAPTION_GRADER_EMAIL", EMAIL)
    monkeypatch.setenv("CAPTION_GRADER_TOKEN", TOKEN)
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    NotebookClient(notebook, timeout=60, allow_errors=True, resources={"metadata": {"path": str(tmp_path)}}).execute()
    nbformat.write(notebook, tmp_path / "run.ipynb")

    text = (tmp_path / "run.ipynb").read_text()
    assert "took the answers" in text and "Invalid email or token" in text and "ZeroDivisionError" in text
    assert (tmp_path / "run.log").stat().st_size
    assert TOKEN in server.received[-1][2].decode()      # it was sent indeed
    left = [path for path in tmp_path.rglob("*") if path.is_file()]
    found = [path for path in left if EMAIL.encode() in path.read_bytes() or TOKEN.encode() in path.read_bytes()]
    assert len(left) >= 2 and not found
    assert "E-mail or token is missing" in text
    assert os.environ["CAPTION_GRADER_TOKEN"] == TOKEN


# ------------------------------------------------------------------------------------------ points as a file

def test_saved_points_hold_what_a_teacher_needs_and_nothing_of_the_learners(server, tmp_path, monkeypatch):
    monkeypatch.setenv("CAPTION_GRADER_EMAIL", EMAIL)
    monkeypatch.setenv("CAPTION_GRADER_TOKEN", TOKEN)
    grader = solved(address(server, "/ok"))
    grader.check_batching(lambda *_, **__: Path(f"/home/ada/{TOKEN}/{EMAIL}").read_text())
    grader.check_vocabulary({}, None, [])
    del grader.verdicts["YJR7z"]
    grader.submit()
    grader.save(tmp_path / "new" / "grades.json")
    text = (tmp_path / "new" / "grades.json").read_text("utf-8")
    found = json.loads(text)
    assert [(part["id"], part["name"], part["of"]) for part in found["parts"]] == [
        (part.key, part.title, part.points) for part in PARTS.values()]
    assert [part["points"] for part in found["parts"]] == [0, 10, 0, 20, 20, 0]
    assert [part["state"] for part in found["parts"]] == [
        "not yet", "passed", "not yet", "passed", "passed", "not checked"]
    assert found["parts"][2]["problem"] == "Your code stopped with FileNotFoundError"
    assert found["parts"][1]["problem"] is found["parts"][5]["problem"] is None
    assert (found["total"], found["of"], found["dataset"]) == (50, 100, "coco2014")
    assert {"python", "numpy"} <= set(found["versions"]) <= {"python", "numpy", "tensorflow", "keras"}
    assert not [held for held in (EMAIL, TOKEN, "/home", str(ROOT), str(Path.home()), "\\") if held in text]
