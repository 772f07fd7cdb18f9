"""Files that are whole or absent, and locks."""

import hashlib
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from captioning.storage import files

# ------------------------------------------------------------------------------------------- written aside


def test_a_file_takes_its_name_with_its_new_content(tmp_path):
    path = tmp_path / "new" / "state.json"
    for text in ("one", "two"):
        files.write_text(path, text)
        assert path.read_text() == text and os.listdir(path.parent) == ["state.json"]


def test_until_it_is_whole_the_earlier_file_is_there(tmp_path):
    path = tmp_path / "state.json"
    path.write_text("earlier")
    with files.written_aside(path) as aside:
        aside.write_text("later")
        assert path.read_text() == "earlier" and aside.parent == tmp_path and files.TEMPORARY in aside.name
    assert path.read_text() == "later"


def test_each_file_is_on_the_disk_before_it_takes_its_name(tmp_path, monkeypatch):
    flushed, fsync, replace = [], os.fsync, os.replace

    def note_flush(number):
        flushed.append(os.fstat(number).st_ino)
        fsync(number)

    def check_flushed(aside, path):
        made = [aside] if Path(aside).is_file() else list(Path(aside).iterdir())
        assert sorted(flushed) == sorted(file.stat().st_ino for file in made)
        replace(aside, path)
        flushed.clear()

    monkeypatch.setattr(os, "fsync", note_flush)
    monkeypatch.setattr(os, "replace", check_flushed)
    files.write_text(tmp_path / "file", "text")
    with files.written_aside(tmp_path / "folder") as aside:
        aside.mkdir()
        for name in "ab":
            (aside / name).write_text(name)
    assert sorted(os.listdir(tmp_path)) == ["file", "folder"]


def test_a_failure_leaves_the_earlier_file_and_nothing_else(tmp_path):
    path = tmp_path / "state.json"
    path.write_text("earlier")
    for error in (ValueError("no"), KeyboardInterrupt(), ChildProcessError("a worker ended")):
        with pytest.raises(type(error), match=f"^{error}$"), files.written_aside(path) as aside:
            aside.write_text("half")
            raise error
    assert path.read_text() == "earlier" and os.listdir(tmp_path) == ["state.json"]


def test_what_can_not_be_written_is_named(tmp_path):
    written = files.written_aside(tmp_path / "state.json")
    with pytest.raises(OSError, match=r"state\.json could not be written \(No space left\)") as error, written as aside:
        aside.write_text("half")
        raise OSError(28, "No space left")
    assert error.value.errno == 28 and not list(tmp_path.iterdir())


def test_a_folder_replaces_a_folder_but_a_file_does_not(tmp_path):
    path = tmp_path / "step"
    for name in ("earlier", "later"):
        with files.written_aside(path) as aside:
            aside.mkdir()
            (aside / name).touch()
    assert os.listdir(path) == ["later"]
    with pytest.raises(OSError, match="step could not be written"):
        files.write_text(path, "text")
    assert os.listdir(path) == ["later"] and os.listdir(tmp_path) == ["step"]


# ------------------------------------------------------------------------------------------- locks

HOLDER = """
import sys
from captioning.storage import files
with files.locked(sys.argv[1], lambda: None):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_lock_is_waited_for_and_freed_when_its_holder_is_killed(tmp_path):
    path, said, killed = tmp_path / "new" / "x.lock", threading.Event(), []

    def kill():
        assert said.wait(20)
        time.sleep(0.3)
        killed.append(process)
        process.kill()

    process = subprocess.Popen([sys.executable, "-c", HOLDER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with process:
        assert process.stdout.readline() == b"held\n"
        killer = threading.Thread(target=kill)
        killer.start()
        with files.locked(path, said.set):
            assert said.is_set() and killed
        killer.join()
    with files.locked(path, lambda: pytest.fail("it is free")):
        pass


# ------------------------------------------------------------------------------------------- JSON, digests


def test_state_files_that_are_no_json_are_named(tmp_path):
    for raw in (b"\xff", b"[" * 200_000, b'{"a": 1, "a": 2}', b"NaN"):
        (tmp_path / "state.json").write_bytes(raw)
        with pytest.raises(ValueError, match=r"state\.json is not a state.*Delete it"):
            files.read_json(tmp_path / "state.json", "a state")


def test_json_is_read_as_it_was_written(tmp_path):
    value = {"a": [1, 2.5, None, "ж 🐈"], "b": {}}
    files.write_json(tmp_path / "state.json", value)
    assert files.read_json(tmp_path / "state.json") == value
    with pytest.raises(ValueError, match="not JSON compliant"):
        files.write_json(tmp_path / "state.json", float("nan"))
    assert files.read_json(tmp_path / "state.json") == value


def test_a_digest_is_of_the_bytes_asked_for(tmp_path):
    content = bytes(range(256)) * 5_000                                     # more than a block
    (tmp_path / "x").write_bytes(content)
    assert files.sha256(tmp_path / "x") == hashlib.sha256(content).hexdigest()
    for size in (0, 1, files.BLOCK, files.BLOCK + 7, len(content)):
        blocks = []
        found = files.hash_file(tmp_path / "x", "md5", size, blocks.append)
        assert found.hexdigest() == hashlib.md5(content[:size]).hexdigest() and sum(blocks) == size


@pytest.mark.parametrize("head, page", [
    (b"<!DOCTYPE html>", True), (b"\xef\xbb\xbf\r\n <HTML lang=en>", True), (b"PK\3\4", False), (b"", False),
    (b"<?xml version='1.0'?>", False),
])
def test_web_pages_are_told_by_their_first_bytes(head, page):
    assert files.is_web_page(head) is page
