"""The rehearsal of long runs comes through where the code keeps its promises, and fails where it does not."""

import subprocess
import sys

import pytest
from conftest import ROOT

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits disks and files as Linux does")


def rehearse(world, *options):
    command = [sys.executable, str(ROOT / "tests" / "soak.py"), "--world", str(world), *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


def test_a_rehearsal_of_some_seconds_comes_through(small_world):
    done = rehearse(small_world, "--phases", "download", "embed", "--rounds", "1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "All rounds ended with the bytes of the undisturbed run" in done.stdout


def test_a_rehearsal_finds_code_that_does_not_notice_damage(small_world):
    """With no CRC and no digest looked at, a damaged file goes on as it is."""
    done = rehearse(small_world, "--phases", "embed", "--only", "damage", "--rounds", "20", "--plant")
    assert done.returncode == 1
    assert "FAILED. Round" in done.stderr and "other bytes than the undisturbed run: embeddings/" in done.stderr
