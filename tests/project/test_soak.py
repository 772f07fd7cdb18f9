"""The rehearsal passes if the code keeps its promises, and fails if it does not."""

import json
import re
import subprocess
import sys
from collections import Counter
from types import SimpleNamespace

import pytest

from tests.rehearsal import soak

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


SCORES = {"CIDEr": 1.5, "METEOR": 0.2, "tokenizer": "ptb"}


@pytest.mark.parametrize("found, passes", [
    (SCORES, True), ({"CIDEr": 1.5, "tokenizer": "ptb", "left_out": ["METEOR failed."]}, True),
    ({"left_out": ["The challenge's tokenizer (PTB) failed."]}, True),
    ({"left_out": ["METEOR failed."]}, False), ({"CIDEr": 1.5, "tokenizer": "ptb"}, False),
    ({"CIDEr": 1.4, "tokenizer": "ptb", "left_out": ["METEOR failed."]}, False),
], ids=["whole", "without METEOR", "no tokenizer", "other scores are missing", "nothing is said", "another score"])
def test_only_what_java_computes_may_be_missing_after_it_was_killed(tmp_path, found, passes):
    (tmp_path / "outputs").mkdir()
    (tmp_path / "outputs" / "java.json").write_text(json.dumps(SCORES))
    expected = soak.results(tmp_path)
    (tmp_path / "outputs" / "java.json").write_text(json.dumps(found))
    if passes:
        soak.require_same(tmp_path, expected, java_killed=True)
    else:
        with pytest.raises(soak.Failure, match="outputs/java.json"):
            soak.require_same(tmp_path, expected, java_killed=True)
    if found != SCORES:
        with pytest.raises(soak.Failure, match="outputs/java.json"):
            soak.require_same(tmp_path, expected)


@pytest.mark.parametrize("exact", [True, False])
@pytest.mark.parametrize("said", [True, False])
def test_a_start_must_say_truly_whether_it_goes_on_bit_exactly(exact, said):
    start = SimpleNamespace(resumed=lambda: [said])         # whether it said that it is bit-exact
    learn = soak.Rehearsal(None, None, None, cells=[]).learn
    if exact == said:
        learn(start, "done", None, exact=exact)
    else:
        with pytest.raises(soak.Failure, match="bit-exact"):
            learn(start, "done", None, exact=exact)


@pytest.mark.parametrize("kind", soak.KINDS)
def test_a_fault_strikes_only_in_its_phases(kind):
    drawn = [fault for number in range(30) for fault in soak.schedule(0, number, soak.PHASES, [kind])]
    allowed = soak.ONLY_IN.get(kind, soak.PHASES)
    assert set(Counter(fault.phase for fault in drawn)) == set(allowed)
