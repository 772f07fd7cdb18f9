"""The rehearsal passes if the code keeps its promises, and fails if it does not."""

import re
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the rehearsal uses Linux's limits on disks and files")


def rehearse(world, *options):
    """Runs the rehearsal on a small world."""
    command = [sys.executable, "-m", "tests.rehearsal.soak", "--world", str(world), *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=900)


@pytest.mark.parametrize("options", [
    pytest.param(["--rounds", "0"], id="without faults"),
    pytest.param(["--rounds", "1"], id="one round", marks=pytest.mark.slow)])
def test_the_whole_way_comes_through(small_world, options):
    done = rehearse(small_world, *options)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"Undisturbed.* fine-tune \d", done.stdout)
    assert "All rounds ended with the bytes of the undisturbed run" in done.stdout


def test_a_rehearsal_finds_code_that_goes_on_wrongly(small_world):
    """The planted bug: batches made after a kill have other bytes. A round whose kill finds one ends it."""
    done = rehearse(small_world, "--phases", "embed", "--only", "kill", "--rounds", "30", "--plant")
    assert done.returncode == 1
    assert "FAILED. Round" in done.stderr and "made other bytes than the undisturbed run: embeddings/" in done.stderr
