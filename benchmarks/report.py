"""What the benchmarks share: repeated timing, a process's peak memory, and outputs/bench.json."""

import os
import time
from pathlib import Path

import numpy as np

from captioning.storage import files

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "outputs" / "bench.json"


def rates(ways: dict, items: int, repeats: int = 5) -> dict[str, float]:
    """Items per second of each way, a function without arguments; the median of `repeats` rounds.

    The ways take turns, so that what else the machine does slows all of them alike.
    """
    seconds = {name: [] for name in ways}
    for way in ways.values():
        way()                                   # compile, warm up
    for _ in range(repeats):
        for name, way in ways.items():
            began = time.perf_counter()
            way()
            seconds[name].append(time.perf_counter() - began)
    return {name: items / float(np.median(times)) for name, times in seconds.items()}


def peak_memory() -> int:
    """Most memory that this process had at a time, bytes; 0 where /proc does not tell.

    getrusage would begin with that of the process which started this one.
    """
    status = Path("/proc/self/status")
    return int(status.read_text().split("VmHWM:")[1].split()[0]) * 1024 if status.exists() else 0


def record(section: str, values: dict):
    """Puts a section of outputs/bench.json in place of an earlier one."""
    found = files.read_json(RESULTS) if RESULTS.exists() else {}
    files.write_json(RESULTS, found | {section: values})
