"""Tries hostile inputs on everything that reads files and text from outside, for a given time.

    python -m tests.rehearsal.fuzz --seconds 60 --seed 0 [--only zips ...]

Each kind of input has a process of its own with limited memory. The run fails if an input raises an error that is not
one of the reader's own, takes longer than 10 s, needs too much memory, or ends the process. The input is printed, as
small as hypothesis can make it. If the process did not survive it, it stays in a file. The same seed tries the same
inputs.
"""

import argparse
import faulthandler
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from collections import Counter
from pathlib import Path

HANG = 10                       # s for one input
MEMORY = 1 << 30                # bytes more than before the first input
ROUND = 500                     # inputs between two looks at the clock


def main():
    """Runs the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.rehearsal.fuzz", description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60, help="for all kinds together (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="*", metavar="KIND")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    options = parser.parse_args()
    from tests.helpers import hostile

    if options.worker:
        return work(options.worker, hostile.TARGETS[options.worker], options.seconds, options.seed)
    kinds = options.only or list(hostile.TARGETS)
    failed = []
    for kind in kinds:
        command = [sys.executable, "-m", __spec__.name, "--worker", kind, "--seed", str(options.seed),
                   "--seconds", str(options.seconds / len(kinds))]
        if subprocess.run(command).returncode:
            failed.append(kind)
            if last_input(kind).exists():
                print(f"{kind}: the process did not survive the input in {last_input(kind)}.", flush=True)
    if failed:
        sys.exit(f"Failed: {', '.join(failed)}.")


def last_input(kind: str) -> Path:
    """The file where a process keeps the input that it tries, in case it does not survive."""
    return Path(tempfile.gettempdir(), f"last-{kind.replace(' ', '-')}.bin")


def work(kind, target, seconds, seed):
    """Tries inputs of one kind. Prints how many were accepted and refused, the time and the memory.

    Args:
        kind: name of the kind.
        target: strategy, reader and the reader's own errors.
        seconds: how long.
        seed: seed of the inputs.
    """
    import hypothesis

    warnings.simplefilter("ignore")
    counts, slowest, began = Counter(), 0.0, time.monotonic()
    last, before = last_input(kind), _limit_memory()

    def attempt(raw):
        """Reads one input."""
        nonlocal slowest
        last.write_bytes(raw if isinstance(raw, bytes) else repr(raw).encode("utf-8", "backslashreplace"))
        faulthandler.dump_traceback_later(HANG, exit=True)
        start = time.monotonic()
        try:
            target.read(raw)
            counts["accepted"] += 1
        except target.errors as error:
            counts[f"refused ({type(error).__name__})"] += 1
        finally:
            faulthandler.cancel_dump_traceback_later()
            slowest = max(slowest, time.monotonic() - start)

    settings = hypothesis.settings(max_examples=ROUND, deadline=None, database=None, derandomize=False,
                                   suppress_health_check=list(hypothesis.HealthCheck))
    rounds = 0
    try:
        while not rounds or time.monotonic() - began < seconds:
            hypothesis.seed(seed * 1_000_003 + rounds)(settings(hypothesis.given(target.inputs)(attempt)))()
            rounds += 1
    finally:
        last.unlink(missing_ok=True)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before
    ends = ", ".join(f"{number:,} {end}" for end, number in counts.most_common())
    print(f"{kind}: {sum(counts.values()):,} inputs in {time.monotonic() - began:.0f} s, slowest {slowest * 1e3:.0f} "
          f"ms, {grown / 1e6:.0f} MB more than before; {ends}", flush=True)


def _limit_memory() -> int:
    """Limits this process's memory. Returns the bytes that it uses now."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + MEMORY,) * 2)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    main()
