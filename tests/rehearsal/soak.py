"""Rehearses long runs: goes the whole way again and again, while processes are killed and files are damaged.

    python -m tests.rehearsal.soak --minutes 20 --seed 0 [--phases download embed] [--only kill damage] [--verbose]

One round goes the whole way from nothing. It downloads the three zips of a small drawn world from a local server,
embeds the photos, trains the notebook's decoder, fine-tunes it on the score, writes captions and scores them. Faults
strike meanwhile, on a schedule that follows from the seed: the process is killed or interrupted, its files are damaged
while it is down, its disk fills up, its line breaks, its Java program is killed. One start has another locale than the
next one, or oneDNN switched off. A run's files are carried to another folder on a machine of another name. If a fault
ended the process, it starts again. If its error says to delete a file, the rehearsal deletes it. A round ends when a
start comes through without a fault.

The results of each start that comes through must equal those of an undisturbed run. Only METEOR may be missing if Java
was killed, and that must be said. A start that goes on from a checkpoint must say that it is not bit-exact if another
number of threads computes, and must not say so if only the folder and the machine's name are others. The first
difference, hang, traceback, or error that does not name its file ends the rehearsal with exit status 1.

Some things differ from a real run. The world is small: 160 + 48 photos, three of them broken. Training has 60 steps and
fine-tuning 15. Three rounds in four use a stand-in for the encoder, which starts faster than InceptionV3. Files are
damaged only while no process runs, because nobody can notice damage after a check. The seed fixes the kinds, phases and
places of the faults; the moment within a phase depends on the machine.
"""

import argparse
import contextlib
import hashlib
import json
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import zipfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from captioning.datasets.drawn.world import render_dataset
from captioning.decoder.checkpoints import CheckpointFolder, best_step
from captioning.storage import files
from tests.helpers import course_cells
from tests.helpers import faulty_server as fs
from tests.rehearsal.soak_start import PHASES, Failure, Start, on_other_machine

KINDS = {                       # kind of fault: its name in the report
    "kill": "killed", "interrupt": "interrupted", "damage": "files damaged", "disk": "disk filled",
    "network": "line cut", "java": "Java killed", "locale": "other locale", "onednn": "oneDNN off",
    "carry": "carried"}
ONLY_IN = {"network": ("download",), "java": ("score",), "carry": ("train", "fine-tune")}   # others are in any phase
LIKELY = {"download": 0.29, "embed": 0.29, "train": 0.16, "fine-tune": 0.16, "caption": 0.06, "score": 0.04}
ENVIRONMENTS = {                # of the start that the fault ends; the next one has the usual environment
    "locale": ({"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},          # files are ASCII by default
               {"LC_ALL": "tr_TR.UTF-8", "JAVA_TOOL_OPTIONS": "-Duser.language=tr -Duser.country=TR"},
               {"PYTHONIOENCODING": "cp1252"}),
    "onednn": ({"TF_ENABLE_ONEDNN_OPTS": "0"},)}
OTHER_THREADS = {"TF_NUM_INTRAOP_THREADS": str((os.cpu_count() or 1) + 1)}
FAULTS = (7, 13)                # a round has at least 7 and fewer than 13
TRUE_ENCODER_EACH = 4           # one round in four uses InceptionV3
DISK = 160 << 20                # bytes; a download keeps 64 MiB free
PATIENCE = 6                    # starts that may end with an error after the last fault
FILES = {                       # files that may be damaged
    "part files": ("data/*.part", "data/*.part.json"),
    "zips": ("data/*.zip", "data/*.verified.json"),
    "batches": (f"embeddings/*{files.TEMPORARY}*/*.npz",),
    "embeddings": ("embeddings/*.npy", "embeddings/*.json"),
    "checkpoints": ("checkpoints/*/step-*/*",),
    "fine-tuned": ("checkpoints/*/fine-tuned/step-*/*",),
}
AT_WORK = {"download": ("part files",), "embed": ("batches", "embeddings"), "train": ("checkpoints",),
           "fine-tune": ("fine-tuned",), "caption": ("fine-tuned",), "score": ("fine-tuned",)}


# ---------------------------------------------------------------------------------------------- the server

class Network(fs.FaultyServer):
    """Serves a folder's files, slowly enough for faults to strike."""

    def __init__(self, folder: Path):
        super().__init__(b"")
        self.contents = {path.name: path.read_bytes() for path in folder.iterdir()}
        self.forever = fs.body(pause=0.03)
        self.lines, self.down_until, self.given = [], 0.0, 0

    def content_of(self, path):
        """Content of the file at a path of the address."""
        return self.contents[path.strip("/")]

    def get_request(self):
        """Accepts a connection and remembers it for `cut`."""
        line, address = super().get_request()
        self.lines.append(line)
        return line, address

    def verify_request(self, request, address):
        """Refuses connections while the line is down."""
        return time.monotonic() >= self.down_until

    def cut(self, seconds):
        """Breaks all connections and refuses new ones for some seconds."""
        self.down_until = time.monotonic() + seconds
        lines, self.lines = self.lines, []
        for line in lines:
            with contextlib.suppress(OSError):          # it has ended already
                line.shutdown(socket.SHUT_RDWR)
        self.given += 1

    def misbehave(self, rng):
        """Makes the next one to three answers faulty."""
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
        """The fault, which also counts itself when it is given."""
        def answer(handler):
            self.given += 1
            fault(handler)
        return answer


# ------------------------------------------------------------------------------------------------ the disk

def enter_small_disk():
    """Starts this script again in its own mount namespace, where it can mount a tmpfs without rights."""
    namespace = ["unshare", "--user", "--map-root-user", "--mount"]
    if "--in-namespace" not in sys.argv and shutil.which("unshare") and \
            subprocess.run([*namespace, "true"], capture_output=True).returncode == 0:
        sys.stdout.flush()
        os.execvp(namespace[0], [*namespace, sys.executable, "-m", __spec__.name, *sys.argv[1:], "--in-namespace"])


class Disk:
    """A folder on a small disk of its own.

    If no tmpfs can be mounted, `fill` limits the size of the process's files instead. Writes then fail in the same way.
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
        """Fills the disk up to `left` bytes."""
        if not self.mounted:
            self.limited = process
            resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (left, resource.RLIM_INFINITY))
            return
        with open(self.folder / "filler", "wb") as file:
            for _ in range(100):                # if the process takes some meanwhile, nothing is allocated
                free = shutil.disk_usage(self.folder).free - left
                if free <= 0:
                    break
                with contextlib.suppress(OSError):
                    os.posix_fallocate(file.fileno(), os.fstat(file.fileno()).st_size, free)

    def free(self):
        """Undoes `fill`."""
        (self.folder / "filler").unlink(missing_ok=True)
        if self.limited and self.limited.poll() is None:
            resource.prlimit(self.limited.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)

    def close(self):
        """Unmounts the disk."""
        if self.mounted:
            subprocess.run(["umount", "--lazy", str(self.folder)], check=True)


# -------------------------------------------------------------------------------------------------- faults

@dataclass(frozen=True)
class Fault:
    """A fault that will strike in a phase."""

    kind: str
    phase: str
    moment: float               # share of the phase's usual time
    seed: tuple


def can_strike(kind: str, phases) -> bool:
    """Whether a kind of fault can strike in one of these phases on this machine."""
    return bool(set(phases) & set(ONLY_IN.get(kind, PHASES))) and (kind != "java" or bool(shutil.which("java")))


def schedule(seed: int, number: int, phases, kinds, most=FAULTS[1]) -> list[Fault]:
    """Makes the faults of a round, in the order of their phases.

    Work from before a fault is kept. So each fault comes the sooner, the more faults its phase has.

    Args:
        seed: seed of the rehearsal.
        number: number of the round.
        phases: phases in which faults may strike.
        kinds: kinds of faults. Each has a phase among `phases` in which it can strike.
        most: the round has fewer faults than this.
    """
    rng = np.random.default_rng([seed, number])
    drawn = []
    for i in range(rng.integers(min(FAULTS[0], most - 1), most)):
        kind = str(rng.choice(kinds))
        possible = [phase for phase in phases if phase in ONLY_IN.get(kind, PHASES)]
        likely = np.array([LIKELY[phase] for phase in possible])
        phase = str(rng.choice(possible, p=likely / likely.sum()))
        drawn.append((PHASES.index(phase), kind, float(rng.uniform(0, 1.2)), i))
    together = Counter(phase for phase, *_ in drawn)
    return [Fault(kind, PHASES[phase], moment / together[phase] ** 0.5, (seed, number, i))
            for phase, kind, moment, i in sorted(drawn, key=lambda fault: (fault[0], fault[-1]))]


def damage(folder: Path, phase: str, rng) -> str | None:
    """Damages one file, most often one that the phase works on. Returns its group in FILES, or None."""
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
    with open(path, "r+b") as file:             # in place, as a broken disk would
        file.write(raw)
        file.truncate()
    return group


# -------------------------------------------------------------------------------------------------- rounds

@dataclass
class Rehearsal:
    """The rounds, on one disk and with one server."""

    options: argparse.Namespace
    disk: Disk
    network: Network
    cells: list[str] = field(default_factory=course_cells.code_cells)
    struck: Counter = field(default_factory=Counter)        # (kind of fault, phase): number
    damaged: Counter = field(default_factory=Counter)       # group of files: number
    ends: Counter = field(default_factory=Counter)          # end of a start: number
    rounds: Counter = field(default_factory=Counter)        # encoder: number
    usual: dict = field(default_factory=dict)               # encoder: (results, seconds of its phases)
    deadline: float = float("inf")

    def run(self):
        """Goes the whole way undisturbed once, then rounds until the time is over."""
        self.usual["stand-in"] = self.undisturbed(true_encoder=False)
        self.deadline = time.monotonic() + 60 * self.options.minutes
        for number in range(self.options.rounds):
            if time.monotonic() < self.deadline:
                self.round(number)

    def round(self, number: int):
        """Goes the whole way through faults. Raises Failure unless the results equal those of an undisturbed run."""
        true_encoder = self.options.true_encoder and number % TRUE_ENCODER_EACH == TRUE_ENCODER_EACH - 1
        encoder = "InceptionV3" if true_encoder else "stand-in"
        if encoder not in self.usual:
            self.usual[encoder] = self.undisturbed(true_encoder)
        expected = self.usual[encoder][0]
        folder = self.disk.folder / f"round-{number}"
        faults = schedule(self.options.seed, number, self.options.phases, self.options.only,
                          most=FAULTS[1] // (2 if true_encoder else 1))
        told = []
        try:
            for fault in faults:
                if time.monotonic() < self.deadline:
                    told.append(self.strike(fault, folder, encoder))
            self.finish(folder, true_encoder)
            require_same(folder, expected)
        except Failure as failure:
            raise Failure("\n".join([f"Round {number} with the {encoder} encoder {failure}", *told])) from None
        self.rounds[encoder] += 1
        print(f"round {number}: {len(told)} faults, {encoder} encoder, all bytes equal", flush=True)
        shutil.rmtree(folder)

    def undisturbed(self, true_encoder):
        """Goes the whole way without faults. Returns {name: digest} of the results, and {phase: seconds}."""
        folder = self.disk.folder / "undisturbed"
        start = self.start(folder, true_encoder, checkpoint_minutes=5)
        if start.end() != "done":
            raise Failure(f"The undisturbed run failed: {start.error}")
        times = [*start.phases.values(), time.monotonic()]
        found = results(folder)
        shutil.rmtree(folder)
        return found, {phase: end - begin for phase, begin, end in zip(start.phases, times, times[1:])}

    def start(self, folder, true_encoder, checkpoint_minutes, environment=None):
        """Starts a process that goes the whole way in a folder. environment: variables that differ from the usual."""
        sources = [{"name": name, "urls": [self.network.url(name)], "size": len(content),
                    "md5": hashlib.md5(content, usedforsecurity=False).hexdigest()}
                   for name, content in sorted(self.network.contents.items())]
        order = {"folder": str(folder), "sources": sources, "cells": self.cells, "true_encoder": bool(true_encoder),
                 "phases": self.options.phases, "checkpoint_minutes": checkpoint_minutes, "plant": self.options.plant}
        return Start(order, self.disk.folder.parent / "stderr.txt", environment)

    def strike(self, fault, folder, encoder) -> str:
        """Makes one start with one fault. Returns a line about what happened."""
        rng, (expected, seconds) = np.random.default_rng(fault.seed), self.usual[encoder]
        if fault.kind == "network":
            self.network.misbehave(rng)
        minutes, environments = float(rng.choice([0, 0.005, 5])), ENVIRONMENTS.get(fault.kind, ({},))
        start = self.start(folder, encoder == "InceptionV3", minutes, environments[rng.integers(len(environments))])
        runs = start.until_phase(fault.phase) and start.runs_for(fault.moment * seconds[fault.phase])
        phase, did = start.phase, ""
        if runs or fault.kind == "damage":
            did = getattr(self, f"_{fault.kind}")(start, folder, rng)
            self.struck[fault.kind, phase] += bool(did)
        end = start.end()
        self.disk.free()
        self.network.faults, self.network.down_until = [], 0.0
        self.learn(start, end, folder)
        if end == "done":
            require_same(folder, expected, java_killed=bool(did) and fault.kind == "java")
        line = (f"  {phase} ({fault.phase} + {fault.moment:.2f}) {fault.kind}: {did or 'it had ended before'} -> {end} "
                f"{start.error}")
        if self.options.verbose:
            print(line, flush=True)
        return line

    def _kill(self, start, folder, rng):
        """Kills the process."""
        start.process.kill()
        return "killed"

    _locale = _onednn = _kill           # the process had another environment than the next one will have

    def _java(self, start, folder, rng):
        """Kills the Java program that scores; the process itself goes on."""
        return "Java killed" if start.kill_java() else ""

    def _interrupt(self, start, folder, rng):
        """Sends Ctrl-C."""
        start.process.send_signal(signal.SIGINT)
        return "interrupted"

    def _damage(self, start, folder, rng):
        """Kills the process and damages one of its files."""
        start.process.kill()
        start.process.wait()
        group = damage(folder, start.phase, rng)
        if group:
            self.damaged[group] += 1
        return f"killed, then damaged: {group or 'nothing was there yet'}"

    def _disk(self, start, folder, rng):
        """Fills the disk."""
        left = int(rng.integers(0, 2_000_000)) * int(rng.integers(2))
        self.disk.fill(start.process, left)
        return f"disk filled but for {left:,} bytes{self._leave(start, until=PHASES[-1])}"

    def _network(self, start, folder, rng):
        """Cuts the line."""
        down = float(rng.uniform(0, 1.5))
        self.network.cut(down)
        return f"line cut for {down:.1f} s{self._leave(start, until='embed')}"

    def _carry(self, start, folder, rng):
        """Kills the process, and goes on in another folder on a machine of another name.

        The files come back from there, and the bytes must stay. If that machine has another number of threads too,
        training must say that it is not bit-exact, and its files are thrown away.
        """
        start.process.kill()
        start.process.wait()
        elsewhere, other_threads = self.disk.folder.parent / "elsewhere", bool(rng.integers(2))
        shutil.copytree(folder, elsewhere)
        trained = any(CheckpointFolder(path).newest() for path in elsewhere.glob("checkpoints/*"))
        order = start.order | {"folder": str(elsewhere), "checkpoint_minutes": 0}
        there = Start(order, start.errors, OTHER_THREADS if other_threads else {}, on_other_machine())
        runs = there.until(there.resumed if trained else lambda: there.phase == "train")
        if runs and there.runs_for(rng.uniform(0.5, 3)):
            there.process.kill()
        self.learn(there, there.end(), elsewhere, exact=not other_threads)
        if trained and not there.error and not there.resumed():
            raise Failure(f"trained from the first step instead of from the checkpoint in {elsewhere}")
        if not other_threads:
            shutil.rmtree(folder)
            shutil.copytree(elsewhere, folder)
        shutil.rmtree(elsewhere)
        return (f"killed, then carried{' to other threads' * other_threads} "
                f"{'with' if trained else 'without'} a checkpoint")

    def _leave(self, start, until, seconds=4):
        """Gives a fault some seconds to end a start; then kills it, so that work remains for later starts."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and PHASES.index(start.phase) < PHASES.index(until):
            if not start.runs_for(0.05):
                return ""
        start.process.kill()
        return ", then killed"

    def learn(self, start, end, folder, exact=True):
        """Does what an error says. Raises Failure if the error names no file of the run.

        Raises Failure too if the start did not say truly whether it goes on exactly. exact: whether it does.
        """
        self.ends[end] += 1
        if (not exact) in start.resumed():
            raise Failure("said that it is not bit-exact, but only the folder and the machine's name are others"
                          if exact else "went on with other threads without saying that it is not bit-exact")
        if end != "error":
            return
        if str(folder) not in start.error:
            raise Failure(f"ended with an error that does not name its file: {start.error}")
        for path in to_delete(start.error, folder):
            files.remove(path)

    def finish(self, folder, true_encoder):
        """Starts without faults until a start comes through."""
        for _ in range(PATIENCE):
            start = self.start(folder, true_encoder, checkpoint_minutes=5)
            end = start.end()
            self.learn(start, end, folder)
            if end == "done":
                return
        raise Failure(f"did not come through after the last fault: {start.error}")


def to_delete(message: str, folder: Path) -> list[Path]:
    """The files that an error says to delete: those named after the word, else those before it."""
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
    """{name: digest} of the results that depend neither on the folder nor on the time."""
    found = {path for pattern in ("data/*.zip", "embeddings/*", "outputs/*.json") for path in folder.glob(pattern)}
    for history, stage in (("history.json", "*"), ("fine_tuning.json", "*/fine-tuned")):
        for path in folder.glob(f"outputs/{history}"):
            steps = sorted(folder.glob(f"checkpoints/{stage}/step-*"))
            best = best_step(json.loads(path.read_text()))
            found |= {step / "arrays.npz" for step in steps if step == steps[-1] or step.name.endswith(f"{best:08d}")}
    return {str(path.relative_to(folder)): content_digest(path) for path in found if path.suffix != ".lock"}


def require_same(folder: Path, expected: dict[str, str], java_killed=False):
    """Raises Failure if results differ from the expected ones. If Java was killed, its scores may be left out."""
    found = results(folder)
    different = sorted(name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name))
    if java_killed and different == ["outputs/java.json"]:
        scores, usual = (json.loads(each["outputs/java.json"]) for each in (found, expected))
        reasons = scores.pop("left_out", [""])
        tokenized = {name: value for name, value in usual.items() if name != "METEOR"}
        if scores == (tokenized if reasons[0].startswith("METEOR ") else {}):
            return
    if different:
        raise Failure(f"made other bytes than the undisturbed run: {', '.join(different)}")


def content_digest(path: Path) -> str:
    """SHA-256 of a file, of a cache's description without the reasons for skipped photos; the text of Java's scores."""
    if path.is_dir():
        return "a folder"
    if path.name == "java.json":
        return path.read_text("utf-8")
    if path.parent.name != "embeddings" or path.suffix != ".json":
        return files.sha256(path)
    about = json.loads(path.read_text("utf-8"))         # nobody relies on the wording of a reason
    return hashlib.sha256(json.dumps(about | {"skipped": sorted(about["skipped"])}).encode()).hexdigest()


# -------------------------------------------------------------------------------------------------- the end

def make_world(folder: Path) -> Path:
    """Renders a small drawn world into a folder, breaks three of its photos, and gives a word an accent."""
    render_dataset(folder, n_train=160, n_val=48, workers=1, progress=False)
    for name, broken in (("train2014.zip", (5, 100)), ("val2014.zip", (17,)), ("annotations_trainval2014.zip", ())):
        with zipfile.ZipFile(folder / name) as archive:
            members = [(info, archive.read(info)) for info in archive.infolist()]
        with zipfile.ZipFile(folder / name, "w") as archive:
            for i, (info, raw) in enumerate(members):
                raw = raw.replace(b" ball", " båll".encode()) if info.filename.endswith(".json") else raw
                archive.writestr(info, raw[:2_000] if i in broken else raw)
    return folder


def report(rehearsal: Rehearsal, seconds: float):
    """Prints what happened."""
    struck, ends = rehearsal.struck, rehearsal.ends
    rounds = " and ".join(f"{count} with the {encoder} encoder" for encoder, count in rehearsal.rounds.items())
    print(f"\n{seconds / 60:.1f} min, seed {rehearsal.options.seed}: {sum(ends.values())} starts in "
          f"{sum(rehearsal.rounds.values())} rounds from nothing, {rounds or 'none complete'}.")
    print(f"Disk: {rehearsal.disk.what}.")
    for encoder, (_, times) in rehearsal.usual.items():
        print(f"Undisturbed, {encoder}: " + ", ".join(f"{phase} {time:.1f} s" for phase, time in times.items()) + ".")
    print()
    print(f"{'faults':14}{'all':>6}" + "".join(f"{phase:>10}" for phase in PHASES))
    for kind, what in KINDS.items():
        row = [struck[kind, phase] for phase in PHASES]
        print(f"{what:14}{sum(row):6}" + "".join(f"{count:10}" for count in row))
    print(f"{'bad answers':14}{rehearsal.network.given - sum(struck['network', phase] for phase in PHASES):6}")
    print("\nDamaged: " + ", ".join(f"{group} {count}" for group, count in rehearsal.damaged.most_common()) + ".")
    print(f"Starts ended: {ends['killed']} killed, {ends['interrupted']} by Ctrl-C, {ends['error']} with an error that "
          f"names its file, {ends['done']} came through; tracebacks: 0.")


def main():
    """Runs the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.rehearsal.soak", description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=20,
                        help="minutes with new faults (default: %(default)s); the last round ends without")
    parser.add_argument("--rounds", type=int, default=1_000_000, help="end after so many rounds (default: no limit)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--phases", nargs="+", choices=PHASES, default=list(PHASES), help="`download embed` is fast")
    parser.add_argument("--only", nargs="+", choices=list(KINDS), default=list(KINDS),
                        help="kinds of faults (default: all that can strike in these phases on this machine)")
    parser.add_argument("--world", type=Path, help="a folder with the three zips, instead of a small drawn world")
    parser.add_argument("--no-true-encoder", dest="true_encoder", action="store_false",
                        help="use the stand-in for InceptionV3 in all rounds")
    parser.add_argument("--verbose", action="store_true", help="print a line for each fault")
    parser.add_argument("--plant", action="store_true", help="plant a bug, which the rehearsal must find")
    parser.add_argument("--in-namespace", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.only = [kind for kind in options.only if can_strike(kind, options.phases)]
    if not options.only:
        parser.error("none of these faults can strike in these phases on this machine")
    options.true_encoder &= not options.plant
    enter_small_disk()
    signal.signal(signal.SIGINT, signal.default_int_handler)    # background jobs and their children would ignore it
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
