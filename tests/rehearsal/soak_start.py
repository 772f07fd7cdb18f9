"""One start of the rehearsal: the process that goes the whole way, and what it prints."""

import contextlib
import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil

PHASES = ("download", "embed", "train", "fine-tune", "caption", "score")
LONGEST_SILENCE = 900           # s; a start that prints nothing for longer counts as a hang
CONTINUING, NOT_EXACT = "Continuing from ", "From here on, the weights will not be those of an uninterrupted run"


class Failure(Exception):
    """The rehearsal failed; the message says why."""


def on_other_machine() -> list[str]:
    """What to write before a command so that its machine has another name; nothing where that is not allowed."""
    changed = ["unshare", "--uts", "sh", "-c", 'hostname elsewhere && exec "$@"', "sh"]
    allowed = shutil.which("unshare") and subprocess.run([*changed, "true"], capture_output=True).returncode == 0
    return changed if allowed else []


class Start:
    """A process that goes the whole way, and what it prints.

    Args:
        order: What `soak_worker` is to do.
        errors: The file for its error stream.
        environment: Variables that differ from this process's.
        before: Words before its command, such as `on_other_machine` returns.
    """

    def __init__(self, order: dict, errors: Path, environment: dict[str, str] | None = None, before=()):
        self.order, self.errors, self.said, self.phases, self.ended = order, errors, [], {}, False
        self.heard = time.monotonic()           # when it printed something
        command = [*before, sys.executable, "-u", "-m", "tests.rehearsal.soak_worker", json.dumps(order)]
        with open(errors, "wb") as file:
            self.process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=file, text=True, errors="replace",
                env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "2"} | (environment or {}))
        self.news = queue.Queue()
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self):
        """Reads what the process prints, until it ends."""
        for line in self.process.stdout:
            self.said.append(line.strip())
            self.heard = time.monotonic()
            if line.startswith("phase: "):
                self.phases[line.split()[1]] = time.monotonic()
            self.news.put(line)
        self.process.wait()
        self.news.put("end")

    @property
    def phase(self) -> str:
        """The phase that it is in."""
        return list(self.phases)[-1] if self.phases else PHASES[0]

    def until_phase(self, name) -> bool:
        """Waits until a phase, or a later one, has begun. Returns False if the process ends before."""
        return self.until(lambda: self.phases and PHASES.index(self.phase) >= PHASES.index(name))

    def until(self, condition) -> bool:
        """Waits until a condition holds. Returns False if the process ends before; raises Failure if it hangs."""
        while not self.ended and not condition():
            try:
                self.ended = self.news.get(timeout=max(0, self.heard + LONGEST_SILENCE - time.monotonic())) == "end"
            except queue.Empty:
                self.process.kill()
                raise Failure(f"hung in the phase {self.phase}; its last lines: {self.said[-3:]}") from None
        return not self.ended

    def runs_for(self, seconds) -> bool:
        """Whether it still runs after some seconds."""
        try:
            self.process.wait(seconds)
            return False
        except subprocess.TimeoutExpired:
            return True

    def kill_java(self) -> bool:
        """Kills the next Java program that it runs. Returns False if the process ends before it runs one."""
        while self.runs_for(0.02):
            with contextlib.suppress(psutil.NoSuchProcess):
                for child in psutil.Process(self.process.pid).children(recursive=True):
                    if child.name() == "java":
                        child.kill()
                        return True
        return False

    def end(self) -> str:
        """Waits for its end. Returns 'done', 'killed', 'interrupted' or 'error'."""
        self.until(lambda: False)
        errors, code = self.errors.read_text(errors="replace"), self.process.returncode
        ends = {0: "done", 3: "error", 130: "interrupted", -signal.SIGKILL: "killed", -signal.SIGINT: "interrupted"}
        if code == 1 and errors.strip().endswith("KeyboardInterrupt"):      # while Python or a module starts
            return "interrupted"
        if code not in ends or "Exception in thread" in errors:
            raise Failure(f"ended with status {code} and a traceback:\n{errors[-3_000:]}")
        return ends[code]

    def resumed(self) -> list[bool]:
        """For each time that it went on from a checkpoint: whether it said that this is bit-exact."""
        return [not after.startswith(NOT_EXACT) for line, after in zip(self.said, [*self.said[1:], ""])
                if line.startswith(CONTINUING)]

    @property
    def error(self) -> str:
        """The sentence in which it reported its error; else empty."""
        return next((line.removeprefix("error: ") for line in reversed(self.said) if line.startswith("error: ")), "")
