"""Writes the drawn world: a dataset of rendered scenes with captions, in the layout of MSCOCO 2014.

    python -m captioning.datasets.drawn.world FOLDER [--train 2000] [--val 400] [--seed 0] [--sheet FILE.png]

A scene depends on (seed, split, index) alone, so the same seed gives the same bytes, whatever the number of scenes and
processes. situations.py decides what a scene holds, picture.py renders it with its place, things and people,
captions.py describes it, and truth.py checks captions.
"""

import argparse
import io
import json
import os
import textwrap
import zipfile
from contextlib import closing
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont
from tqdm.auto import tqdm

from captioning.datasets.drawn.rendering import SPLITS, render_photo, render_photos
from captioning.storage.files import written_aside

DATE = (2014, 1, 1, 0, 0, 0)  # of each member, so that the same seed gives the same bytes at any time


def _add(archive, name, data, compression=zipfile.ZIP_STORED):
    """Adds a member to a zip. Its bytes are the same on each system."""
    info = zipfile.ZipInfo(name, DATE)
    info.create_system, info.external_attr = 3, 0o644 << 16
    archive.writestr(info, data, compression)


def _write_split(folder, split, total, seed, workers, bar):
    """Writes the zip of one split. Returns the content of its captions file and of its scenes file."""
    images, annotations, scenes = [], [], []
    # The second split starts at a million, so that ids are unique across splits, as in MSCOCO.
    first = 1 + 1_000_000 * SPLITS.index(split)
    photos = render_photos(seed, split, total, workers)
    with closing(photos), written_aside(folder / f"{split}.zip") as aside, zipfile.ZipFile(aside, "w") as archive:
        for index, photo in enumerate(photos):
            image_id = first + index
            name = f"COCO_{split}_{image_id:012d}.jpg"
            _add(archive, f"{split}/{name}", photo.jpeg)
            width, height = photo.scene["width"], photo.scene["height"]
            images.append({"id": image_id, "file_name": name, "width": width, "height": height, "license": 1})
            annotations += [{"id": first + 5 * index + k, "image_id": image_id, "caption": caption}
                            for k, caption in enumerate(photo.captions)]
            scenes.append({"image_id": image_id, **photo.scene})
            bar.update()
    info = {"description": f"the drawn world, seed {seed}", "version": "1.0", "year": 2014}
    licenses = [{"id": 1, "name": "MIT", "url": "https://opensource.org/license/mit"}]
    captions = {"info": info, "licenses": licenses, "images": images, "annotations": annotations}
    return captions, {"info": info, "scenes": scenes}


def render_dataset(folder, n_train=2000, n_val=400, seed=0, workers=None, progress=True):
    """Renders the drawn world, in the layout of MSCOCO 2014.

    train2014.zip and val2014.zip hold the photos: JPEG, shorter side at least 299 pixels. annotations_trainval2014.zip
    holds five captions for each photo, and annotations/scenes_*.json with what each scene holds. A zip gets its final
    name when it is whole, the annotations last.

    Args:
        folder: where the zips go; it is made if it is missing.
        n_train: number of training photos.
        n_val: number of validation photos.
        seed: another seed gives another world.
        workers: number of processes; None takes one for each core, at most 8. The bytes do not depend on it.
        progress: whether to show a bar.

    Raises:
        ValueError: for a number below 1, or a seed below 0.
        OSError: if the folder can't be written or a process ends early.
    """
    if n_train < 1 or n_val < 1 or seed < 0 or (workers is not None and workers < 1):
        raise ValueError(f"n_train, n_val and workers must be at least 1 and seed at least 0, but n_train={n_train}, "
                         f"n_val={n_val}, workers={workers}, seed={seed}")
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    workers = workers or min(os.cpu_count() or 1, 8)
    files = {}
    with tqdm(total=n_train + n_val, desc="rendering scenes", unit="photo", disable=not progress) as bar:
        for split, total in zip(SPLITS, (n_train, n_val), strict=True):
            captions, scenes = _write_split(folder, split, total, seed, workers, bar)
            files |= {f"captions_{split}": captions, f"scenes_{split}": scenes}
    with written_aside(folder / "annotations_trainval2014.zip") as aside, zipfile.ZipFile(aside, "w") as archive:
        for name, content in files.items():
            _add(archive, f"annotations/{name}.json", json.dumps(content), zipfile.ZIP_DEFLATED)


def make_sheet(seed=0, split="train2014", number=40, columns=8, cell=330):
    """Renders a sheet of a split's first scenes with their captions.

    Args:
        seed: the world's.
        split: "train2014" or "val2014".
        number: of scenes.
        columns: scenes in a row.
        cell: width of a scene on the sheet, in pixels.

    Returns:
        An RGB image.
    """
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
    """Runs the command line.

    Args:
        arguments: list of words; those of the process if None.
    """
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
    options = parser.parse_args(arguments)
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
