"""Matches photos with their captions: the training and validation split of a dataset.

Each dataset has MSCOCO 2014's layout: train2014.zip, val2014.zip and annotations_trainval2014.zip. Photos are read from
the zip, which is never unpacked.
"""

import warnings
from dataclasses import dataclass
from pathlib import Path

from captioning.datasets.annotations import read_captions
from captioning.datasets.photo_zip import PhotoZip


@dataclass(frozen=True)
class Split:
    """The photos of one split, sorted by name, and their captions. All lists have the same order."""

    name: str                           # "train" or "val"
    photos: Path                        # the zip
    names: list[str]                    # N file names
    captions: list[list[str]]           # captions of each of the N photos
    image_ids: list[int]                # N ids from the annotations

    def without(self, skipped) -> "Split":
        """This split without the photos named in `skipped` and their captions."""
        keep = [i for i, name in enumerate(self.names) if name not in skipped]
        return Split(self.name, self.photos, *([rows[i] for i in keep]
                                               for rows in (self.names, self.captions, self.image_ids)))


def load_split(data_dir, split: str, photos: bool = True) -> Split:
    """Loads a split from a folder. A warning says how many photos have no caption, and captions no photo.

    Args:
        data_dir: the folder, in MSCOCO 2014's layout.
        split: "train" or "val".
        photos: whether to look which photos are there. False takes all photos that have captions, so the annotations
            are enough: for exercises with text.

    Returns:
        The photos that have captions.

    Raises:
        FileNotFoundError: if a zip is missing.
        ValueError: if the annotations are not MSCOCO's, a zip is damaged, or no photo has a caption. The message names
            the file.
    """
    data_dir = Path(data_dir)
    annotations, path = data_dir / "annotations_trainval2014.zip", data_dir / f"{split}2014.zip"
    for needed in (annotations, path) if photos else (annotations,):
        if not needed.is_file():
            raise FileNotFoundError(
                f"{needed} is missing. A dataset is a folder with train2014.zip, val2014.zip and "
                "annotations_trainval2014.zip. Put them there, or name another folder in CAPTION_DATA_DIR."
            )
    described = read_captions(annotations, f"annotations/captions_{split}2014.json")
    in_zip = described.keys()
    if photos:
        with PhotoZip(path) as found:
            in_zip = set(found.names)
    names = sorted(name for name in in_zip & described.keys() if described[name][1])
    without_captions, without_photo = len(in_zip) - len(names), len(described.keys() - in_zip)
    if not names:
        raise ValueError(f"No photo of {path} has a caption in {annotations}. Check that they belong together.")
    for count, what in ((without_captions, f"photos of {path} have no caption"),
                        (without_photo, f"photos with captions in {annotations} are not in {path.name}")):
        if count:
            warnings.warn(f"{count:,} {what} and are left out.", stacklevel=2)
    return Split(split, path, names, [described[n][1] for n in names], [described[n][0] for n in names])
