"""Renders photos of the drawn world, in one process or several."""

import io
import json
import struct
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from captioning.datasets.drawn.captions import captions_of
from captioning.datasets.drawn.picture import render_scene
from captioning.datasets.drawn.situations import make_scene

SPLITS = ("train2014", "val2014")
JPEG_QUALITY = 88


@dataclass(frozen=True)
class Photo:
    """One rendered scene."""

    jpeg: bytes
    captions: list  # five strings
    scene: dict  # what it holds, as Scene.to_json


def render_photo(seed, split, index):
    """Renders one photo.

    Args:
        seed: the world's.
        split: "train2014" or "val2014".
        index: number of the photo in the split, from 0.

    Returns:
        The Photo. It depends on these three alone.
    """
    what, words, look = (np.random.default_rng([seed, SPLITS.index(split), index, part]) for part in range(3))
    scene = make_scene(what)
    jpeg = io.BytesIO()
    render_scene(scene, look).save(jpeg, "JPEG", quality=JPEG_QUALITY)
    return Photo(jpeg.getvalue(), captions_of(scene, words), scene.to_json())


def render_photos(seed, split, total, workers) -> Iterator[Photo]:
    """Renders the first photos of a split.

    Args:
        seed: the world's.
        split: "train2014" or "val2014".
        total: number of photos.
        workers: number of processes.

    Yields:
        The photos, in order.

    Raises:
        ChildProcessError: if a process ends early.
    """
    if workers == 1 or total < 16:  # starting processes takes longer than rendering a few
        yield from (render_photo(seed, split, index) for index in range(total))
        return
    crew = _Workers(seed, split, total, workers)
    try:
        yield from crew
    finally:
        crew.close()


class _Workers:
    """Processes that each render every n-th photo and write them to a pipe, read here in order.

    They run this module. The processes of multiprocessing would import the caller's main module again, which breaks
    scripts without a main guard; and forking is unsafe after TensorFlow has started threads.
    """

    def __init__(self, seed, split, total, number):
        self.total = total
        command = [sys.executable, "-m", __spec__.name]
        self.processes = [
            subprocess.Popen([*command, str(seed), split, f"{k}:{total}:{number}"], cwd=Path(__file__).parents[3],
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            for k in range(min(number, total))
        ]

    def __iter__(self):
        for index in range(self.total):
            process = self.processes[index % len(self.processes)]
            jpeg, text = (self._block(process, index) for _ in range(2))
            yield Photo(jpeg, **json.loads(text))

    def _block(self, process, index):
        """The next block of bytes from a process."""
        head = process.stdout.read(4)
        block = process.stdout.read(struct.unpack(">I", head)[0]) if len(head) == 4 else None
        if block is None:
            said = process.stderr.read().decode(errors="replace").strip()[-2000:]
            raise ChildProcessError(f"the process that renders photo {index} ended early with status {process.wait()}; "
                                    f"workers=1 renders without other processes. It said: {said or 'nothing'}")
        return block

    def close(self):
        """Ends the processes."""
        for process in self.processes:
            process.kill()
            process.wait()
            process.stdout.close()
            process.stderr.close()


def _work(seed, split, numbers):
    """Writes the photos of `numbers`, which is start:stop:step, to standard output, each as two blocks."""
    pipe = sys.stdout.buffer
    for index in range(*(int(n) for n in numbers.split(":"))):
        photo = render_photo(int(seed), split, index)
        text = json.dumps({"captions": photo.captions, "scene": photo.scene}).encode()
        for block in (photo.jpeg, text):
            pipe.write(struct.pack(">I", len(block)) + block)
    pipe.flush()


if __name__ == "__main__":
    _work(*sys.argv[1:])
