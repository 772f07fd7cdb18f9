"""What the benchmarks share: repeated timing, peak memory, and outputs/bench.json."""

import os
import time
from pathlib import Path

import numpy as np

from captioning.storage import files

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "outputs" / "bench.json"


def rates(ways: dict, items: int, repeats: int = 5) -> dict[str, float]:
    """Measures several ways to do the same work.

    The ways take turns, so other work on the machine slows all of them.

    Args:
        ways: {name: function without arguments}.
        items: number of items that one call works on.
        repeats: number of rounds.

    Returns:
        {name: items per second}, the median of the rounds.
    """
    seconds = {name: [] for name in ways}
    for way in ways.values():
        way()                                   # compiles
    for _ in range(repeats):
        for name, way in ways.items():
            began = time.perf_counter()
            way()
            seconds[name].append(time.perf_counter() - began)
    return {name: items / float(np.median(times)) for name, times in seconds.items()}


def peak_memory() -> int:
    """Peak memory of this process in bytes; 0 where there is no /proc.

    Reads /proc, because getrusage includes the peak of the parent process.
    """
    status = Path("/proc/self/status")
    return int(status.read_text().split("VmHWM:")[1].split()[0]) * 1024 if status.exists() else 0


def record(section: str, values: dict):
    """Writes a section of outputs/bench.json; the other sections stay."""
    found = files.read_json(RESULTS) if RESULTS.exists() else {}
    files.write_json(RESULTS, found | {section: values})
