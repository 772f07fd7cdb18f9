"""Runs the whole course at MSCOCO's size, and measures time and memory of each section.

    python -m benchmarks.full_size [--photos 123287] [--epochs 12] [--batches 1000]

The dataset is made up (see `benchmarks.full_size_data`), and so are its embeddings, 0.5 GB. Everything else is the
course as learners run it. Embedding is extrapolated from the speed of the network on a few photos. Time and memory are
those of the notebook's kernel alone, taken from outside.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import nbformat
import numpy as np
import psutil

from benchmarks.full_size_data import PHOTOS, made_up_embeddings, make_dataset
from benchmarks.report import ROOT, record
from captioning.settings import Settings
from course.build import build

DATA, RESULTS = Path("data/full_size"), Path("outputs/full_size")
SAMPLING = 0.1              # seconds between two looks at the kernel's memory
HEADING = re.compile(r" *[\d.]+ s  (?!done: )(.*)")      # as course.execute prints them


@dataclass
class Section:
    """What a section of the notebook took."""

    heading: str
    began: float                        # seconds of the clock
    processor_began: float              # seconds of processor time
    seconds: float = 0
    processor_seconds: float = 0
    peak: int = 0                       # bytes of memory, files that are mapped into it included
    peak_own: int = 0                   # without these files

    def update(self, kernel: psutil.Process):
        """Looks at the kernel's time and memory now."""
        times, memory = kernel.cpu_times(), kernel.memory_info()
        self.seconds = time.monotonic() - self.began
        self.processor_seconds = times.user + times.system - self.processor_began
        self.peak = max(self.peak, memory.rss)
        self.peak_own = max(self.peak_own, memory.rss - getattr(memory, "shared", 0))


class Watch(threading.Thread):
    """Looks at the kernel of a notebook again and again.

    Args:
        runner: the process that started the kernel, or will.
    """

    def __init__(self, runner: int):
        super().__init__(daemon=True)
        self.runner, self.kernel, self.sections = psutil.Process(runner), None, []

    def begin(self, heading: str):
        """A section begins."""
        while self.kernel is None:
            kernels = [child for child in self.runner.children(recursive=True)
                       if "ipykernel_launcher" in child.cmdline()]
            self.kernel = kernels[0] if kernels else None
        times = self.kernel.cpu_times()
        self.sections.append(Section(heading, time.monotonic(), times.user + times.system))

    def run(self):
        """Until the kernel ends."""
        try:
            while self.runner.is_running():
                for section in self.sections[-1:]:
                    section.update(self.kernel)
                time.sleep(SAMPLING)
        except psutil.Error:
            pass


def prepare(folder: Path, photos: int) -> float:
    """Makes the dataset and its embeddings, unless they are there.

    Returns:
        How many photos the network embeds a second.
    """
    from captioning.datasets.loading import load_dataset
    from captioning.encoder.batches import EMBED_BATCH
    from captioning.encoder.cache import embed_split
    from captioning.encoder.cnn import get_cnn_encoder

    make_dataset(folder, photos)
    settings = Settings(dataset="folder", data_dir=folder, encoder_weights="drawn")
    encoder = get_cnn_encoder(settings.encoder_weights, settings.precision, cache_dir=settings.cache_dir)
    for split in load_dataset(settings):
        embed_split(split, encoder, settings.cache_dir, compute=made_up_embeddings(split, encoder.width))
    batch = np.random.default_rng(0).integers(256, size=(EMBED_BATCH, encoder.size, encoder.size, 3), dtype=np.uint8)
    encoder(batch)                      # compiles
    began = time.perf_counter()
    for _ in range(3):
        encoder(batch)
    return 3 * EMBED_BATCH / (time.perf_counter() - began)


def run_course(environment: dict) -> list[Section]:
    """Runs the solved notebook, and prints what it prints.

    Args:
        environment: of the kernel, beside this process's own.

    Raises:
        SystemExit: the notebook failed.
    """
    RESULTS.mkdir(parents=True, exist_ok=True)
    source = RESULTS / "course.ipynb"
    nbformat.write(build(student=False), source)
    command = [sys.executable, "-u", "-m", "course.execute", source, RESULTS / "notebook.ipynb", "--folder", ROOT]
    with subprocess.Popen(list(map(str, command)), cwd=ROOT, env=os.environ | environment, stdout=subprocess.PIPE,
                          text=True) as runner:
        watch = Watch(runner.pid)
        watch.start()
        for line in runner.stdout:
            print(line, end="", flush=True)
            if heading := HEADING.fullmatch(line.rstrip("\n")):
                watch.begin(heading[1])
    if runner.returncode:
        sys.exit("The notebook failed; see above.")
    return watch.sections


def table(sections: list[Section]) -> str:
    """The sections that took a second or more, and the whole."""
    whole = sum(section.processor_seconds for section in sections)
    lines = [f"{'section':36} {'seconds':>8} {'processor':>10} {'share':>6} {'peak memory':>12} {'without files':>14}"]
    lines += [f"{each.heading:36.36} {each.seconds:8,.0f} {each.processor_seconds:10,.0f} "
              f"{each.processor_seconds / whole:6.0%} {each.peak / 1e6:9,.0f} MB {each.peak_own / 1e6:11,.0f} MB"
              for each in sections if each.processor_seconds >= 1]
    return "\n".join([*lines, f"{'all':36} {sum(each.seconds for each in sections):8,.0f} {whole:10,.0f} {1:6.0%} "
                      f"{max(each.peak for each in sections) / 1e6:9,.0f} MB "
                      f"{max(each.peak_own for each in sections) / 1e6:11,.0f} MB"])


def main():
    """Runs the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.full_size", description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=int, default=sum(PHOTOS.values()), help="of both splits (default: MSCOCO's)")
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--batches", type=int, default=1_000, help="in an epoch (default: %(default)s)")
    asked = parser.parse_args()
    os.chdir(ROOT)
    folder = DATA.with_name(f"{DATA.name}_{asked.photos}")
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:       # so that its memory is free again
        rate = pool.submit(prepare, folder, asked.photos).result()
    shutil.rmtree(RESULTS, ignore_errors=True)
    sections = run_course({
        "CAPTION_DATASET": "folder", "CAPTION_DATA_DIR": str(folder), "CAPTION_ENCODER_WEIGHTS": "drawn",
        "CAPTION_CHECKPOINT_ROOT": str(RESULTS / "checkpoints"), "CAPTION_OUTPUT_DIR": str(RESULTS),
        "CAPTION_EPOCHS": str(asked.epochs), "CAPTION_BATCHES_PER_EPOCH": str(asked.batches)})
    print(f"\n{table(sections)}\nThe network embeds {rate:.1f} photos/s on this machine: {asked.photos:,} would take "
          f"{asked.photos / rate / 3600:.1f} h.")
    record("full_size", {"photos": asked.photos, "embedding_photos_per_s": rate, "sections": {
        each.heading: {"seconds": each.seconds, "processor_seconds": each.processor_seconds, "peak_memory": each.peak}
        for each in sections}})


if __name__ == "__main__":
    main()
