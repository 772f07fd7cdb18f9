"""A file is whole under its name or absent, whatever happens in between."""

import errno
import hashlib
import json
import os
import subprocess
import sys
import time

import pytest

from captioning.storage import files
from tests.helpers import ROOT


def test_a_file_is_on_the_disk_before_it_is_renamed(tmp_path, renames):
    """Else a power cut could leave the name with nothing behind it."""
    files.write_text(tmp_path / "a.txt", "text")
    assert renames == {tmp_path / "a.txt": True}


def test_all_files_of_a_folder_are_on_the_disk_before_it_is_renamed(tmp_path, renames):
    with files.written_aside(tmp_path / "folder") as aside:
        (aside / "inner").mkdir(parents=True)
        for name in ("a.txt", "b.txt", "inner/c.txt"):
            (aside / name).write_text(name)
    assert renames == {tmp_path / "folder": True}


def test_a_file_that_another_program_has_open_for_a_moment_is_renamed_after_it(tmp_path, monkeypatch):
    """A virus scanner on Windows opens what was just written."""
    refusals, replace = [PermissionError(13, "Access is denied")] * 2, os.replace

    def scanned(old, new):
        if refusals:
            raise refusals.pop()
        replace(old, new)

    monkeypatch.setattr(os, "replace", scanned)
    monkeypatch.setattr(files, "RENAME_WAITS", (0, 0, 0))
    files.write_text(tmp_path / "a.txt", "text")
    assert (tmp_path / "a.txt").read_text() == "text" and refusals == []
    refusals += [PermissionError(13, "Access is denied")] * 9
    with pytest.raises(OSError, match="a.txt could not be written .Access is denied"):
        files.write_text(tmp_path / "a.txt", "other")
    assert (tmp_path / "a.txt").read_text() == "text" and len(list(tmp_path.iterdir())) == 1


def test_a_path_that_windows_can_not_write_is_called_too_long(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    for longest, is_too_long in ((10, True), (10**6, False)):
        monkeypatch.setattr(files, "LONGEST_PATH", longest)
        with pytest.raises(OSError, match="could not be written") as error:
            files.write_text(tmp_path / "file" / "a.txt", "text")
        assert ("characters, which is too long for Windows: move" in str(error.value)) == is_too_long


def test_two_processes_that_write_one_file_do_not_meet(tmp_path):
    path = tmp_path / "a.txt"
    with files.written_aside(path) as aside:
        aside.write_text("of this process")
        code = f"from captioning.storage import files; files.write_text({str(path)!r}, 'of the other one')"
        subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
        assert path.read_text() == "of the other one"
    assert path.read_text() == "of this process" and list(tmp_path.iterdir()) == [path]


def test_what_a_process_of_the_same_number_has_left_is_not_taken_up(tmp_path):
    with files.written_aside(tmp_path / "folder") as aside:
        aside.mkdir()
    aside.mkdir()
    (aside / "half a file").write_text("")
    with files.written_aside(tmp_path / "folder") as again:
        assert again == aside and not again.exists()
        again.mkdir()
    assert list((tmp_path / "folder").iterdir()) == []


@pytest.mark.parametrize("error", [ValueError("no"), KeyboardInterrupt("no"), ChildProcessError("a worker ended")])
def test_a_write_that_fails_leaves_the_earlier_file_and_nothing_beside_it(tmp_path, error):
    path = tmp_path / "a.txt"
    path.write_text("earlier")
    with pytest.raises(type(error), match=f"^{error}$"), files.written_aside(path) as aside:
        aside.write_text("half")
        raise error
    assert path.read_text() == "earlier" and list(tmp_path.iterdir()) == [path]


def test_what_can_not_be_written_is_named(tmp_path):
    written = files.written_aside(tmp_path / "state.json")
    with pytest.raises(OSError, match=r"state\.json could not be written \(No space left\)") as error, written as aside:
        aside.write_text("half")
        raise OSError(28, "No space left")
    assert error.value.errno == 28 and not list(tmp_path.iterdir())


def test_a_folder_takes_the_place_of_a_folder_but_a_file_does_not(tmp_path):
    path = tmp_path / "folder"
    path.mkdir()
    (path / "precious").write_text("")
    with pytest.raises(OSError, match="folder could not be written"):
        files.write_text(path, "text")
    assert (path / "precious").exists() and list(tmp_path.iterdir()) == [path]
    with files.written_aside(path) as aside:
        aside.mkdir()
    assert list(path.iterdir()) == []


def test_a_link_is_removed_without_the_folder_that_it_leads_to(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "precious").write_text("")
    (tmp_path / "link").symlink_to(tmp_path / "folder")
    for _ in range(2):                          # the second time it is not there
        files.remove(tmp_path / "link")
        assert list(tmp_path.iterdir()) == [tmp_path / "folder"] and (tmp_path / "folder" / "precious").exists()


TAKER = """
import pathlib, sys
from captioning.storage import files
with files.locked(sys.argv[1] + "/a.lock", when_taken=pathlib.Path(sys.argv[1], "taken").touch):
    print("held", flush=True)
"""


def test_a_lock_that_is_taken_is_said_and_waited_for(tmp_path):
    def start():
        return subprocess.Popen([sys.executable, "-c", TAKER, str(tmp_path)], cwd=ROOT, text=True,
                                stdout=subprocess.PIPE)

    with files.locked(tmp_path / "a.lock", when_taken=lambda: pytest.fail("nobody else is there")):
        other, until = start(), time.monotonic() + 10
        while not (tmp_path / "taken").exists():
            assert time.monotonic() < until and other.poll() is None, "it was not said"
            time.sleep(0.01)
        with pytest.raises(subprocess.TimeoutExpired):
            other.wait(timeout=0.3)
    assert other.communicate(timeout=30)[0] == "held\n" and other.returncode == 0


def flock_says(number, monkeypatch):
    """The system answers with this error when it is asked for a lock."""
    def fail(*_):
        raise OSError(number, "said the drive")

    monkeypatch.setattr(pytest.importorskip("fcntl"), "flock", fail)


@pytest.mark.parametrize("number", files.WITHOUT_LOCKS)
def test_a_drive_without_locks_is_worked_on_without_one(tmp_path, monkeypatch, number):
    flock_says(number, monkeypatch)
    (tmp_path / "a.lock").touch()               # a process that died has left it
    with files.locked(tmp_path / "a.lock", when_taken=lambda: pytest.fail("nobody else is there")):
        pass


def test_a_lock_that_fails_otherwise_is_an_error_that_names_the_folder(tmp_path, monkeypatch):
    flock_says(errno.EIO, monkeypatch)
    with pytest.raises(OSError, match=f"{tmp_path} could not be written .said the drive"), \
            files.locked(tmp_path / "a.lock", when_taken=lambda: None):
        pass


def test_json_is_written_as_readers_of_json_expect_it(tmp_path):
    path = tmp_path / "a.json"
    files.write_json(path, {"name": "חוף"})
    assert path.read_bytes() == '{\n "name": "חוף"\n}\n'.encode()
    with pytest.raises(ValueError, match="not JSON compliant"):
        files.write_json(path, {"loss": float("nan")})
    assert json.loads(path.read_text("utf-8")) == {"name": "חוף"}


@pytest.mark.parametrize("head", [b"<!DOCTYPE html>", b"<!doctype HTML>", b"<HTML lang=en>", b"\xef\xbb\xbf<html>",
                                  b"\r\n\t <html>"])
def test_a_web_page_is_known_in_any_spelling(head):
    assert files.is_web_page(head) and not files.is_web_page(b"x" + head)


@pytest.mark.parametrize("size", [0, 1, (1 << 20) - 1, 1 << 20, (1 << 20) + 1])
def test_the_digest_is_that_of_all_bytes(tmp_path, size):
    content = bytes(size)
    (tmp_path / "a").write_bytes(content)
    assert files.sha256(tmp_path / "a") == hashlib.sha256(content).hexdigest()


def test_a_digest_is_of_the_bytes_asked_for(tmp_path):
    content = bytes(range(256)) * 5_000                                     # more than a block
    (tmp_path / "x").write_bytes(content)
    assert files.sha256(tmp_path / "x") == hashlib.sha256(content).hexdigest()
    for size in (0, 1, files.BLOCK, files.BLOCK + 7, len(content)):
        blocks = []
        found = files.hash_file(tmp_path / "x", "md5", size, blocks.append)
        assert found.hexdigest() == hashlib.md5(content[:size]).hexdigest() and sum(blocks) == size


def test_state_files_that_are_no_json_are_named(tmp_path):
    for raw in (b"\xff", b"[" * 200_000, b'{"a": 1, "a": 2}', b"NaN"):
        (tmp_path / "state.json").write_bytes(raw)
        with pytest.raises(ValueError, match=r"state\.json is not a state.*Delete it"):
            files.read_json(tmp_path / "state.json", "a state")


def test_json_is_read_as_it_was_written_and_a_key_that_is_there_twice_is_named(tmp_path):
    value = {"a": 1, "b": [{"c": None}, {}]}
    files.write_json(tmp_path / "a.json", value)
    assert files.read_json(tmp_path / "a.json") == value
    (tmp_path / "b.json").write_text('{"once": 0, "twice": 1, "twice": 2}')
    with pytest.raises(ValueError, match="an object with 'twice' twice"):
        files.read_json(tmp_path / "b.json")


def test_the_folders_of_a_lock_are_made(tmp_path):
    with files.locked(tmp_path / "new" / "folder" / "a.lock", lambda: pytest.fail("nobody holds it")):
        assert (tmp_path / "new" / "folder").is_dir()
