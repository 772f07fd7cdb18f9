"""Scenes to train on and to score on, and their photos."""

import json
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from tqdm.auto import tqdm

from captioning.datasets.drawn.world import render_dataset
from captioning.datasets.photo_zip import PhotoZip
from captioning.photos.crop import center_crop
from captioning.photos.decode import decode_photo
from captioning.storage import files
from course.pretraining.questions import boxes_of


class Pool:
    """The scenes of one split, and their photos at any size, cropped as for the encoder."""

    def __init__(self, folder: Path, split: str):
        self.folder, self.split = folder, split
        with zipfile.ZipFile(folder / "annotations_trainval2014.zip") as archive:
            self.scenes = json.loads(archive.read(f"annotations/scenes_{split}2014.json"))["scenes"]
        self.boxes = [boxes_of(scene) for scene in self.scenes]
        self.zip = PhotoZip(folder / f"{split}2014.zip")
        self._kept = {}                         # {size: crops of all photos}

    def photos(self, indices, size: int) -> np.ndarray:
        """Centre crops of some scenes' photos: (B, size, size, 3) uint8."""
        if size in self._kept:
            return self._kept[size][indices]
        return np.stack([self._crop(i, size) for i in indices])

    def keep(self, size: int):
        """Crops all photos to a size and keeps the crops in a file, for a stage that needs them often."""
        path = self.folder / f"crops_{self.split}_{size}.npy"
        if not path.exists():
            with files.written_aside(path) as aside, ThreadPoolExecutor(2) as threads:
                crops = np.lib.format.open_memmap(aside, "w+", np.uint8, (len(self.scenes), size, size, 3))
                made = threads.map(lambda i: self._crop(i, size), range(len(crops)))
                for i, crop in enumerate(tqdm(made, total=len(crops), unit="photo", desc=f"cropping to {size}")):
                    crops[i] = crop
                crops.flush()
        self._kept[size] = np.load(path, mmap_mode="r")

    def _crop(self, index: int, size: int) -> np.ndarray:
        return center_crop(decode_photo(self.zip.read(self.zip.names[index])), size)


def make_pools(folder: Path, scenes: int, held_out: int, seed: int):
    """Renders the scenes if the folder has none.

    Args:
        folder: folder of the scenes.
        scenes: number of scenes to train on.
        held_out: number of scenes to score on.
        seed: seed of the scenes, not 0.

    Returns:
        The pools to train on and to score on.

    Raises:
        ValueError: the seed is 0, or the folder holds other numbers of scenes.
    """
    if seed == 0:
        raise ValueError("seed 0 is the dataset's own: the encoder would train on its test photos. Use another seed.")
    if not (folder / "annotations_trainval2014.zip").exists():
        render_dataset(folder, scenes, held_out, seed)
    pools = Pool(folder, "train"), Pool(folder, "val")
    found = tuple(len(pool.scenes) for pool in pools)
    if found != (scenes, held_out):
        raise ValueError(
            f"{folder} holds {found[0]} + {found[1]} scenes; expected {scenes} + {held_out}. "
            f"Delete the folder, or use --scenes {found[0]} --held-out {found[1]}."
        )
    return pools
