"""A rehearsal of long runs: the whole way again and again, while its process is killed and its files are damaged.

    python tests/soak.py --minutes 20 --seed 0 [--phases download embed] [--only kill damage] [--verbose]

One round is the whole way from nothing: the three zips of a small drawn world come from a local server, photos are
embedded, the notebook's decoder is trained, fine-tuned on the score and writes captions. Meanwhile faults strike by a
schedule that the seed fixes: the process is killed, interrupted, its files are damaged while it is down, its disk fills
up, its line breaks. After each fault that ended it, it is started again; where its error says to delete a file, that is
done. A round ends when a start comes through undisturbed. All that it made is then compared with a run that nothing
disturbed.

The first difference, hang, traceback, or error that does not name its file ends the rehearsal with exit status 1.

What is not as in a real run: the world is small (160 + 48 photos, three of them broken), training has 60 steps and
fine-tuning 15, and most rounds use a stand-in for the encoder, which would take longer to start than all else; each
fourth round uses InceptionV3. Files are damaged while no process runs: what happens to a file after it was checked,
nobody notices.
The seed fixes kinds, phases and places of the faults; the moment within a phase depends on the machine.
"""

import argparse
import contextlib
import hashlib
import json
import os
import queue
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from captioning.datasets.drawn.world import render_dataset
from captioning.decoder.checkpoints import best_step
from captioning.storage import files
from tests.helpers import course_cells
from tests.helpers import faulty_server as fs

PHASES = ("download", "embed", "train", "fine-tune", "caption")
KINDS = ("kill", "interrupt", "damage", "disk", "network")
LIKELY = {"download": 0.3, "embed": 0.3, "train": 0.16, "fine-tune": 0.16, "caption": 0.08}    # training starts slowly
FAULTS = (7, 13)                # least and most of a round, less one
TRUE_ENCODER_EACH = 4           # rounds
DISK = 160 << 20                # bytes; a download wants 64 MiB beside it
LONGEST_START = 900             # s; a start that takes longer hangs
PATIENCE = 6                    # starts that end with an error though nothing disturbs them any more
FILES = {                       # what may be damaged
    "part files": ("data/*.part", "data/*.part.json"),
    "zips": ("data/*.zip", "data/*.verified.json"),
    "batches": (f"embeddings/*{files.TEMPORARY}*/*.npz",),
    "embeddings": ("embeddings/*.npy", "embeddings/*.json"),
    "checkpoints": ("checkpoints/*/step-*/*",),
    "fine-tuned": ("checkpoints/*/self-critical-*/step-*/*",),
}
AT_WORK = {"download": ("part files",), "embed": ("batches", "embeddings"), "train": ("checkpoints",),
           "fine-tune": ("fine-tuned",), "caption": ("fine-tuned",)}


class Failure(Exception):
    """The rehearsal failed; the message says of what."""


# ---------------------------------------------------------------------------------------------- the server

class Network(fs.FaultyServer):
    """Serves a folder's files, slowly enough to be disturbed. `cut` breaks what is under way."""

    def __init__(self, folder: Path):
        super().__init__(b"")
        self.contents = {path.name: path.read_bytes() for path in folder.iterdir()}
        self.forever = fs.body(pause=0.03)
        self.lines, self.down_until, self.given = [], 0.0, 0

    def content_of(self, path):
        return self.contents[path.strip("/")]

    def get_request(self):
        line, address = super().get_request()
        self.lines.append(line)
        return line, address

    def verify_request(self, request, address):
        return time.monotonic() >= self.down_until

    def cut(self, seconds):
        """Breaks all connections, and takes no new one for so long."""
        self.down_until = time.monotonic() + seconds
        lines, self.lines = self.lines, []
        for line in lines:
            with contextlib.suppress(OSError):          # it has ended
                line.shutdown(socket.SHUT_RDWR)
        self.given += 1

    def misbehave(self, rng):
        """The next one to three answers are faulty."""
        size = max(map(len, self.contents.values()))
        faults = [
            fs.body(cut=int(rng.integers(size)), reset=bool(rng.integers(2)), pause=0.01), fs.silence, fs.die,
            fs.body(cut=int(rng.integers(size)), chunked=True), fs.body(ranges=False, cut=int(rng.integers(size))),
            fs.body(shift=int(rng.integers(1, 5000)), etag=None), fs.body(content=rng.bytes(100_000)),
            fs.status(503, Retry_After=1), fs.status(429), fs.web_page(), fs.status(404), fs.redirect("/loop"),
            fs.body(length=int(rng.integers(size))), fs.trickling_headers,
        ]
        self.faults = [self._counted(faults[i]) for i in rng.integers(len(faults), size=rng.integers(1, 4))]

    def _counted(self, fault):
        def answer(handler):
            self.given += 1
            fault(handler)
        return answer


# ------------------------------------------------------------------------------------------------ the disk

def enter_small_disk():
    """Starts this script again in a mount namespace of its own, where a tmpfs can be mounted without any rights."""
    namespace = ["unshare", "--user", "--map-root-user", "--mount"]
    if "--in-namespace" not in sys.argv and shutil.which("unshare") and \
            subprocess.run([*namespace, "true"], capture_output=True).returncode == 0:
        sys.stdout.flush()
        os.execvp(namespace[0], [*namespace, sys.executable, "-m", __spec__.name, *sys.argv[1:], "--in-namespace"])


class Disk:
    """A folder on a small disk of its own; `fill` leaves so many bytes free, `free` takes that back.

    Where no tmpfs can be mounted, the process's files are limited in size instead, which fails writes in the same way.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        folder.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "soak", str(folder)]
        self.mounted = "--in-namespace" in sys.argv and subprocess.run(mount, capture_output=True).returncode == 0
        self.limited = None
        self.what = (f"a tmpfs of {DISK >> 20} MiB in a user namespace" if self.mounted else
                     "the system's disk; no tmpfs could be mounted, so files were limited in size (RLIMIT_FSIZE)")

    def fill(self, process, left: int):
        if not self.mounted:
            self.limited = process
            resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (left, resource.RLIM_INFINITY))
            return
        with open(self.folder / "filler", "wb") as file:
            for _ in range(100):                # the process may take some of it in between: then nothing is taken
                free = shutil.disk_usage(self.folder).free - left
                if free <= 0:
                    break
                with contextlib.suppress(OSError):
                    os.posix_fallocate(file.fileno(), os.fstat(file.fileno()).st_size, free)

    def free(self):
        (self.folder / "filler").unlink(missing_ok=True)
        if self.limited and self.limited.poll() is None:
            resource.prlimit(self.limited.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)

    def close(self):
        if self.mounted:
            subprocess.run(["umount", "--lazy", str(self.folder)], check=True)


# ------------------------------------------------------------------------------------------------ one start

class Start:
    """A process on the whole way, and what it says."""

    def __init__(self, order: dict, errors: Path):
        self.errors, self.said, self.phases, self.ended = errors, [], {}, False
        self.began = time.monotonic()
        with open(errors, "wb") as file:
            command = [sys.executable, "-m", "tests.rehearsal.soak_worker", json.dumps(order)]
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=file, text=True,
                                            env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "2"})
        self.news = queue.Queue()
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self):
        for line in self.process.stdout:
            self.said.append(line.strip())
            if line.startswith("phase: "):
                self.phases[line.split()[1]] = time.monotonic()
                self.news.put(line)
        self.process.wait()
        self.news.put("end")

    @property
    def phase(self) -> str:
        return list(self.phases)[-1] if self.phases else PHASES[0]

    def until_phase(self, name) -> bool:
        """Waits until that phase, or a later one, has begun; False when the process ends before."""
        return self._until(lambda: self.phases and PHASES.index(self.phase) >= PHASES.index(name))

    def _until(self, condition) -> bool:
        while not self.ended and not condition():
            try:
                self.ended = self.news.get(timeout=max(0, self.began + LONGEST_START - time.monotonic())) == "end"
            except queue.Empty:
                self.process.kill()
                raise Failure(f"hung in {self.phase}; it said: {self.said[-3:]}") from None
        return not self.ended

    def runs_for(self, seconds) -> bool:
        """Whether it still runs after so many seconds."""
        try:
            self.process.wait(seconds)
            return False
        except subprocess.TimeoutExpired:
            return True

    def end(self) -> str:
        """Waits for its end, and says which it was: done, killed, interrupted or error."""
        self._until(lambda: False)
        errors, code = self.errors.read_text(errors="replace"), self.process.returncode
        ends = {0: "done", 3: "error", 130: "interrupted", -signal.SIGKILL: "killed", -signal.SIGINT: "interrupted"}
        if code == 1 and errors.strip().endswith("KeyboardInterrupt"):      # while Python or a module starts
            return "interrupted"
        if code not in ends or "Exception in thread" in errors:
            raise Failure(f"ended with status {code} and a traceback:\n{errors[-3_000:]}")
        return ends[code]

    @property
    def error(self) -> str:
        return next((line.removeprefix("error: ") for line in reversed(self.said) if line.startswith("error: ")), "")


# -------------------------------------------------------------------------------------------------- faults

@dataclass(frozen=True)
class Fault:
    kind: str
    phase: str
    moment: float               # share of the phase's usual time
    seed: tuple


def schedule(seed: int, number: int, phases, kinds, most=FAULTS[1]) -> list[Fault]:
    """The faults of a round, in the order of their phases.

    What was done before a fault is kept, so the more faults a phase has, the sooner each of them comes.
    """
    rng = np.random.default_rng([seed, number])
    likely = np.array([LIKELY[phase] for phase in phases])
    drawn = []
    for i in range(rng.integers(min(FAULTS[0], most - 1), most)):
        kind = str(rng.choice(kinds))
        phase = "download" if kind == "network" else str(rng.choice(phases, p=likely / likely.sum()))
        drawn.append((PHASES.index(phase), kind, float(rng.uniform(0, 1.2)), i))
    together = Counter(phase for phase, *_ in drawn)
    return [Fault(kind, PHASES[phase], moment / together[phase] ** 0.5, (seed, number, i))
            for phase, kind, moment, i in sorted(drawn, key=lambda fault: (fault[0], fault[-1]))]


def damage(folder: Path, phase: str, rng) -> str | None:
    """Damages one file, most often of the kind that the phase works on, and says of which kind it was."""
    there = {group: [path for pattern in patterns for path in sorted(folder.glob(pattern)) if path.is_file()]
             for group, patterns in FILES.items()}
    groups = [group for group, paths in there.items() if paths]
    if not groups:
        return None
    at_work = [group for group in AT_WORK[phase] if group in groups]
    group = at_work[0] if at_work and rng.random() < 0.7 else str(rng.choice(groups))
    path = there[group][rng.integers(len(there[group]))]
    raw, way = bytearray(path.read_bytes()), rng.choice(["byte"] * 5 + ["zeros", "cut", "empty", "gone"])
    at = int(rng.integers(max(len(raw), 1)))
    if way == "gone":
        path.unlink()
        return group
    if way == "byte" and raw:
        raw[at] ^= int(rng.integers(1, 256))
    elif way == "zeros":
        raw[at:at + 4096] = bytes(len(raw[at:at + 4096]))
    else:
        del raw[at if way == "cut" else 0:]
    with open(path, "r+b") as file:             # in place, as a disk does it
        file.write(raw)
        file.truncate()
    return group


# -------------------------------------------------------------------------------------------------- rounds

@dataclass
class Rehearsal:
    """Rounds on one disk with one server."""

    options: argparse.Namespace
    disk: Disk
    network: Network
    cells: list[str] = field(default_factory=course_cells.code_cells)
    struck: Counter = field(default_factory=Counter)        # (kind of fault, phase) -> how many
    damaged: Counter = field(default_factory=Counter)       # kind of file -> how many
    ends: Counter = field(default_factory=Counter)          # of starts
    rounds: Counter = field(default_factory=Counter)        # encoder -> how many
    usual: dict = field(default_factory=dict)               # encoder -> (what a run makes, seconds of its phases)
    deadline: float = float("inf")

    def run(self):
        self.usual["stand-in"] = self.undisturbed(true_encoder=False)
        self.deadline = time.monotonic() + 60 * self.options.minutes
        for number in range(self.options.rounds):
            if time.monotonic() < self.deadline:
                self.round(number)

    def round(self, number: int):
        """From nothing to the end through faults; raises Failure unless the end is that of an undisturbed run."""
        true_encoder = self.options.true_encoder and number % TRUE_ENCODER_EACH == TRUE_ENCODER_EACH - 1
        encoder = "InceptionV3" if true_encoder else "stand-in"
        if encoder not in self.usual:
            self.usual[encoder] = self.undisturbed(true_encoder)
        expected, seconds = self.usual[encoder]
        folder = self.disk.folder / f"round-{number}"
        faults = schedule(self.options.seed, number, self.options.phases, self.options.only,
                          most=FAULTS[1] // (2 if true_encoder else 1))
        told = []
        try:
            for fault in faults:
                if time.monotonic() < self.deadline:
                    told.append(self.strike(fault, folder, true_encoder, seconds))
            self.finish(folder, true_encoder)
            found = results(folder)
            different = sorted(name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name))
            if different:
                raise Failure(f"made other bytes than the undisturbed run: {', '.join(different)}")
        except Failure as failure:
            raise Failure("\n".join([f"Round {number} with the {encoder} encoder {failure}", *told])) from None
        self.rounds[encoder] += 1
        print(f"round {number}: {len(told)} faults, {encoder} encoder, all bytes equal", flush=True)
        shutil.rmtree(folder)

    def undisturbed(self, true_encoder):
        """What a run makes, {name: digest}, and how long its phases take."""
        folder = self.disk.folder / "undisturbed"
        start = self.start(folder, true_encoder, checkpoint_minutes=5)
        if start.end() != "done":
            raise Failure(f"The undisturbed run failed: {start.error}")
        times = [*start.phases.values(), time.monotonic()]
        found = results(folder)
        shutil.rmtree(folder)
        return found, {phase: end - begin for phase, begin, end in zip(start.phases, times, times[1:])}

    def start(self, folder, true_encoder, checkpoint_minutes):
        sources = [{"name": name, "urls": [self.network.url(name)], "size": len(content),
                    "md5": hashlib.md5(content, usedforsecurity=False).hexdigest()}
                   for name, content in sorted(self.network.contents.items())]
        order = {"folder": str(folder), "sources": sources, "cells": self.cells, "true_encoder": bool(true_encoder),
                 "phases": self.options.phases, "checkpoint_minutes": checkpoint_minutes, "plant": self.options.plant}
        return Start(order, self.disk.folder.parent / "stderr.txt")

    def strike(self, fault, folder, true_encoder, seconds) -> str:
        """One start with one fault; says in a line what happened."""
        rng = np.random.default_rng(fault.seed)
        if fault.kind == "network":
            self.network.misbehave(rng)
        start = self.start(folder, true_encoder, checkpoint_minutes=float(rng.choice([0, 0.005, 5])))
        runs = start.until_phase(fault.phase) and start.runs_for(fault.moment * seconds[fault.phase])
        phase, did = start.phase, f"{fault.kind}: it had ended before"
        if runs or fault.kind == "damage":
            did = getattr(self, f"_{fault.kind}")(start, folder, rng)
            self.struck[fault.kind, phase] += 1
        end = start.end()
        self.disk.free()
        self.network.faults, self.network.down_until = [], 0.0
        self.learn(start, end, folder)
        line = f"  {phase} ({fault.phase} + {fault.moment:.2f}) {did} -> {end} {start.error}"
        if self.options.verbose:
            print(line, flush=True)
        return line

    def _kill(self, start, folder, rng):
        start.process.kill()
        return "killed"

    def _interrupt(self, start, folder, rng):
        start.process.send_signal(signal.SIGINT)
        return "interrupted"

    def _damage(self, start, folder, rng):
        start.process.kill()
        start.process.wait()
        group = damage(folder, start.phase, rng)
        if group:
            self.damaged[group] += 1
        return f"killed, then damaged: {group or 'nothing was there yet'}"

    def _disk(self, start, folder, rng):
        left = int(rng.integers(0, 2_000_000)) * int(rng.integers(2))
        self.disk.fill(start.process, left)
        return f"disk filled but for {left:,} bytes{self._leave(start, until=PHASES[-1])}"

    def _network(self, start, folder, rng):
        down = float(rng.uniform(0, 1.5))
        self.network.cut(down)
        return f"line cut for {down:.1f} s{self._leave(start, until='embed')}"

    def _leave(self, start, until, seconds=4):
        """Lets a start feel a fault; if it does not end of it, it is killed, before it has done all that is left."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and PHASES.index(start.phase) < PHASES.index(until):
            if not start.runs_for(0.05):
                return ""
        start.process.kill()
        return ", then killed"

    def learn(self, start, end, folder):
        """Does what an error says; one that names no file of the run is a failure."""
        self.ends[end] += 1
        if end != "error":
            return
        if str(folder) not in start.error:
            raise Failure(f"ended with an error that does not name its file: {start.error}")
        for path in to_delete(start.error, folder):
            files.remove(path)

    def finish(self, folder, true_encoder):
        """Starts without faults, until one comes through."""
        for _ in range(PATIENCE):
            start = self.start(folder, true_encoder, checkpoint_minutes=5)
            end = start.end()
            self.learn(start, end, folder)
            if end == "done":
                return
        raise Failure(f"did not come through, though nothing disturbed it any more: {start.error}")


def to_delete(message: str, folder: Path) -> list[Path]:
    """The files that an error says to delete: those named after that word, else those before it."""
    if "elete" not in message:
        return []
    path = re.escape(str(folder)) + r"[^\s,;:()']*[^\s,;:()'.]"
    before, after = re.split("elete", message, maxsplit=1)
    named = [Path(found) for found in re.findall(path, after)]
    if not named:
        named = [Path(found) for found in re.findall(path, before)[:1]]
        if after.startswith(" both"):
            named += [path.with_suffix(".json") for path in named]
    return named


def results(folder: Path) -> dict[str, str]:
    """{name: digest} of all that a run makes and that does not depend on where and when it ran."""
    found = {path for pattern in ("data/*.zip", "embeddings/*", "outputs/*.json") for path in folder.glob(pattern)}
    for history, stage in (("history.json", "*"), ("fine_tuning.json", "*/self-critical-*")):
        for path in folder.glob(f"outputs/{history}"):
            steps = sorted(folder.glob(f"checkpoints/{stage}/step-*"))
            best = best_step(json.loads(path.read_text()))
            found |= {step / "arrays.npz" for step in steps if step == steps[-1] or step.name.endswith(f"{best:08d}")}
    return {str(path.relative_to(folder)): content_digest(path) for path in found if path.suffix != ".lock"}


def content_digest(path: Path) -> str:
    if path.is_dir():
        return "a folder"
    if path.parent.name != "embeddings" or path.suffix != ".json":
        return files.sha256(path)
    about = json.loads(path.read_text("utf-8"))         # of a skipped photo, nobody relies on the reason's wording
    return hashlib.sha256(json.dumps(about | {"skipped": sorted(about["skipped"])}).encode()).hexdigest()


# -------------------------------------------------------------------------------------------------- the end

def make_world(folder: Path) -> Path:
    """A folder with a small drawn world; three of its photos are broken, and to be skipped."""
    render_dataset(folder, n_train=160, n_val=48, workers=1, progress=False)
    for name, broken in (("train2014.zip", (5, 100)), ("val2014.zip", (17,))):
        with zipfile.ZipFile(folder / name) as archive:
            photos = [(info, archive.read(info)) for info in archive.infolist()]
        with zipfile.ZipFile(folder / name, "w") as archive:
            for i, (info, raw) in enumerate(photos):
                archive.writestr(info, raw[:2_000] if i in broken else raw)
    return folder


def report(rehearsal: Rehearsal, seconds: float):
    struck, ends = rehearsal.struck, rehearsal.ends
    rounds = " and ".join(f"{count} with the {encoder} encoder" for encoder, count in rehearsal.rounds.items())
    print(f"\n{seconds / 60:.1f} min, seed {rehearsal.options.seed}: {sum(ends.values())} starts in "
          f"{sum(rehearsal.rounds.values())} rounds from nothing, {rounds or 'none complete'}.")
    print(f"Disk: {rehearsal.disk.what}.")
    for encoder, (_, times) in rehearsal.usual.items():
        print(f"Undisturbed, {encoder}: " + ", ".join(f"{phase} {time:.1f} s" for phase, time in times.items()) + ".")
    print()
    print(f"{'faults':14}{'all':>6}" + "".join(f"{phase:>10}" for phase in PHASES))
    for kind, what in zip(KINDS, ("killed", "interrupted", "files damaged", "disk filled", "line cut")):
        row = [struck[kind, phase] for phase in PHASES]
        print(f"{what:14}{sum(row):6}" + "".join(f"{count:10}" for count in row))
    print(f"{'bad answers':14}{rehearsal.network.given - sum(struck['network', phase] for phase in PHASES):6}")
    print("\nDamaged: " + ", ".join(f"{group} {count}" for group, count in rehearsal.damaged.most_common()) + ".")
    print(f"Starts ended: {ends['killed']} killed, {ends['interrupted']} by Ctrl-C, {ends['error']} with an error that "
          f"names its file, {ends['done']} came through; tracebacks: 0.")


def main():
    parser = argparse.ArgumentParser(prog="python -m tests.rehearsal.soak", description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=20,
                        help="of new faults (default: %(default)s); then the round is ended without any")
    parser.add_argument("--rounds", type=int, default=1_000_000, help="most rounds (default: as many as fit)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--phases", nargs="+", choices=PHASES, default=list(PHASES), help="`download embed` is quicker")
    parser.add_argument("--only", nargs="+", choices=KINDS, default=list(KINDS), help="kinds of faults")
    parser.add_argument("--world", type=Path, help="a folder with the three zips, in place of a small drawn world")
    parser.add_argument("--no-true-encoder", dest="true_encoder", action="store_false")
    parser.add_argument("--verbose", action="store_true", help="a line for each fault")
    parser.add_argument("--plant", action="store_true", help="a bug that has to be found")
    parser.add_argument("--in-namespace", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.true_encoder &= not options.plant
    enter_small_disk()
    signal.signal(signal.SIGINT, signal.default_int_handler)    # a background job, and what it starts, ignores it
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="soak-") as base:
        world = options.world or make_world(Path(base, "world"))
        disk = Disk(Path(base, "disk"))
        try:
            with Network(world) as network:
                rehearsal = Rehearsal(options, disk, network)
                rehearsal.run()
            report(rehearsal, time.monotonic() - began)
            print("All rounds ended with the bytes of the undisturbed run: zips, embeddings, weights, captions.")
        except Failure as failure:
            report(rehearsal, time.monotonic() - began)
            sys.exit(f"FAILED. {failure}")
        finally:
            disk.close()


if __name__ == "__main__":
    main()
