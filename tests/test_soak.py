"""The rehearsal of long runs comes through where the code keeps its promises, and fails where it does not."""

import subprocess
import sys

import pytest
from conftest import ROOT

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits disks and files as Linux does")


def rehearse(world, *options):
    command = [sys.executable, str(ROOT / "tests" / "soak.py"), "--world", str(world), *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


@pytest.mark.slow
def test_a_rehearsal_of_one_round_comes_through(small_world):
    done = rehearse(small_world, "--phases", "download", "embed", "--rounds", "1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "All rounds ended with the bytes of the undisturbed run" in done.stdout


def test_a_rehearsal_finds_code_that_goes_on_wrongly(small_world):
    """Batches that are made after a kill have other bytes."""
    done = rehearse(small_world, "--phases", "embed", "--only", "kill", "--rounds", "6", "--plant")
    assert done.returncode == 1
    assert "FAILED. Round" in done.stderr and "made other bytes than the undisturbed run: embeddings/" in done.stderr
