"""The drawn world: a dataset of rendered scenes with captions, in the layout of MSCOCO 2014.

    python -m captioning.datasets.drawn.world FOLDER [--train 2000] [--val 400] [--seed 0] [--sheet FILE.png]

Each scene is a function of (seed, split,
                             index), so the same seed gives the same bytes, however many scenes are
made and however many processes make them. drawn.scenes decides what is in a scene, drawn.places and drawn.things
draw it, drawn.captions describes it and tells whether a caption is true of it.
"""

import argparse
import contextlib
import io
import json
import os
import struct
import subprocess
import sys
import textwrap
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from tqdm.auto import tqdm

from captioning.datasets.drawn.captions import CaptionTruth, captions_of, check_caption
from captioning.datasets.drawn.places import draw
from captioning.datasets.drawn.scenes import Relation, Scene, Thing, make_scene

__all__ = [
    "CaptionTruth", "Relation", "Scene", "Thing", "captions_of", "check_caption", "draw", "make_scene",
    "make_sheet", "render_dataset", "render_photo",
]  # fmt: skip

SPLITS = ("train2014", "val2014")
JPEG_QUALITY = 88
DATE = (2014, 1, 1, 0, 0, 0)  # of every member, so that a zip's bytes do not tell when it was made


@dataclass(frozen=True)
class Photo:
    """One rendered scene: the JPEG's bytes, its five captions, and what it holds."""

    jpeg: bytes
    captions: list
    scene: dict


def render_photo(seed, split, index):
    """Photo number `index` (from 0) of a split ("train2014" or "val2014") of the world with this seed."""
    what, words, look = (np.random.default_rng([seed, SPLITS.index(split), index, part]) for part in range(3))
    scene = make_scene(what)
    jpeg = io.BytesIO()
    draw(scene, look).save(jpeg, "JPEG", quality=JPEG_QUALITY)
    return Photo(jpeg.getvalue(), captions_of(scene, words), scene.to_json())


# ------------------------------------------------------------------------------------------ several processes


class _Workers:
    """Processes that each render every n-th photo and write them to a pipe, read here in order.

    They run this module rather than being spawned by multiprocessing, which would import the caller's main module
    again: that breaks scripts without a main guard, and forking is unsafe once TensorFlow runs threads.
    """

    def __init__(self, seed, split, total, number):
        self.total = total
        command = [sys.executable, "-m", __spec__.name, "--worker"]
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
        head = process.stdout.read(4)
        block = process.stdout.read(struct.unpack(">I", head)[0]) if len(head) == 4 else None
        if block is None:
            said = process.stderr.read().decode(errors="replace").strip()[-2000:]
            raise OSError(f"the process that renders photo {index} ended early with status {process.wait()}; "
                          f"workers=1 renders without other processes. It said: {said or 'nothing'}")
        return block

    def close(self):
        for process in self.processes:
            process.kill()
            process.wait()
            process.stdout.close()
            process.stderr.close()


def _work(seed, split, numbers):
    """A worker: write the photos of range(start, stop, step) to standard output, each as two blocks."""
    pipe = sys.stdout.buffer
    for index in range(*(int(n) for n in numbers.split(":"))):
        photo = render_photo(int(seed), split, index)
        text = json.dumps({"captions": photo.captions, "scene": photo.scene}).encode()
        for block in (photo.jpeg, text):
            pipe.write(struct.pack(">I", len(block)) + block)
    pipe.flush()


def _photos(seed, split, total, workers):
    if workers == 1 or total < 16:  # starting processes takes longer than rendering a few
        yield from (render_photo(seed, split, index) for index in range(total))
        return
    crew = _Workers(seed, split, total, workers)
    try:
        yield from crew
    finally:
        crew.close()


# ------------------------------------------------------------------------------------------------- the dataset


@contextlib.contextmanager
def _zip_aside(path):
    """A zip written under a temporary name of this process, and renamed to `path` when whole."""
    aside = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        with open(aside, "wb") as file:
            with zipfile.ZipFile(file, "w") as archive:
                yield archive
            file.flush()
            os.fsync(file.fileno())
        os.replace(aside, path)
    finally:
        aside.unlink(missing_ok=True)


def _add(archive, name, data, compression=zipfile.ZIP_STORED):
    info = zipfile.ZipInfo(name, DATE)
    info.create_system, info.external_attr = 3, 0o644 << 16  # the same on every system
    archive.writestr(info, data, compression)


def _write_split(folder, split, total, seed, workers, bar):
    """Render one split's zip; returns its captions file and its scenes file as dicts."""
    images, annotations, scenes = [], [], []
    # Ids are unique across splits, as MSCOCO's are: the second split starts at a million.
    first = 1 + 1_000_000 * SPLITS.index(split)
    photos = _photos(seed, split, total, workers)
    with contextlib.closing(photos), _zip_aside(folder / f"{split}.zip") as archive:
        for index, photo in enumerate(photos):
            image_id = first + index
            name = f"COCO_{split}_{image_id:012d}.jpg"
            _add(archive, f"{split}/{name}", photo.jpeg)
            width, height = photo.scene["width"], photo.scene["height"]
            images.append({"id": image_id, "file_name": name, "width": width, "height": height, "license": 1})
            annotations += [{"id": first + 5 * index + k, "image_id": image_id, "caption": caption}
                            for k, caption in enumerate(photo.captions)]  # fmt: skip
            scenes.append({"image_id": image_id, **photo.scene})
            bar.update()
    info = {"description": f"the drawn world, seed {seed}", "version": "1.0", "year": 2014}
    licenses = [{"id": 1, "name": "MIT", "url": "https://opensource.org/license/mit"}]
    captions = {"info": info, "licenses": licenses, "images": images, "annotations": annotations}
    return captions, {"info": info, "scenes": scenes}


def render_dataset(folder, n_train=2000, n_val=400, seed=0, workers=None, progress=True):
    """Write the drawn world into `folder` in the layout of MSCOCO 2014, and what each scene holds beside it.

    train2014.zip and val2014.zip hold the photos (JPEG, shorter side at least 299 pixels); the captions, five a photo,
    and annotations/scenes_*.json are in annotations_trainval2014.zip. A zip has its final name only once it is whole,
    and the annotations come last. workers: processes (default: one for each core, at most 8); the bytes do not depend
    on it. Raises ValueError for a number that makes no dataset, OSError where the folder cannot be written or a
    process ends early.
    """
    if n_train < 1 or n_val < 1 or seed < 0 or (workers is not None and workers < 1):
        raise ValueError(f"n_train, n_val and workers must be at least 1 and seed at least 0, not n_train={n_train}, "
                         f"n_val={n_val}, workers={workers}, seed={seed}")  # fmt: skip
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    workers = workers or min(os.cpu_count() or 1, 8)
    files = {}
    with tqdm(total=n_train + n_val, desc="drawing scenes", unit="photo", disable=not progress) as bar:
        for split, total in zip(SPLITS, (n_train, n_val), strict=True):
            captions, scenes = _write_split(folder, split, total, seed, workers, bar)
            files |= {f"captions_{split}": captions, f"scenes_{split}": scenes}
    with _zip_aside(folder / "annotations_trainval2014.zip") as archive:
        for name, content in files.items():
            _add(archive, f"annotations/{name}.json", json.dumps(content), zipfile.ZIP_DEFLATED)


def make_sheet(seed=0, split="train2014", number=40, columns=8, cell=330):
    """A contact sheet of a split's first scenes with their captions: an RGB image."""
    rows, text_height = -(-number // columns), 150
    sheet = Image.new("RGB", (columns * cell, rows * (cell + text_height)), (252, 252, 250))
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(12)
    for index in range(number):
        photo = render_photo(seed, split, index)
        x, y = index % columns * cell, index // columns * (cell + text_height)
        with Image.open(io.BytesIO(photo.jpeg)) as image:
            image.thumbnail((cell - 16, cell - 16))
            sheet.paste(image, (x + (cell - image.width) // 2, y + cell - 4 - image.height))
        lines = [line for c in photo.captions for line in textwrap.wrap(c, 52, subsequent_indent="   ")]
        pen.multiline_text((x + 12, y + cell + 2), "\n".join(lines), font=font, fill=(40, 40, 48), spacing=3)
    return sheet


def main(arguments=None):
    parser = argparse.ArgumentParser(
        prog="python -m captioning.datasets.drawn.world", description="Render the drawn world.")
    parser.add_argument("folder", nargs="?", help="where the three zips go")
    parser.add_argument("--train", type=int, default=2000, metavar="N",
                        help="training photos (default: %(default)s)")
    parser.add_argument("--val", type=int, default=400, metavar="N",
                        help="validation photos (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, metavar="S",
                        help="another seed, another world (default: 0)")
    parser.add_argument("--sheet", metavar="FILE.png",
                        help="also write a sheet of 40 scenes with their captions")
    parser.add_argument("--worker", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.worker:
        return _work(*options.worker)
    if not options.folder and not options.sheet:
        parser.error("give a folder, or --sheet FILE.png")
    try:
        if options.folder:
            render_dataset(options.folder, options.train, options.val, options.seed)
        if options.sheet:
            make_sheet(options.seed).save(options.sheet)
    except (ValueError, OSError) as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
