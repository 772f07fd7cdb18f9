"""Photos and their captions, matched: the training and validation split of a dataset.

All datasets have MSCOCO 2014's layout, so one path serves all: train2014.zip, val2014.zip and
annotations_trainval2014.zip. Photos are read from the zip and never unpacked.
"""

import warnings
from dataclasses import dataclass
from pathlib import Path

from captioning.datasets.annotations import read_captions
from captioning.datasets.photo_zip import PhotoZip


@dataclass(frozen=True)
class Split:
    """Photos of one split, in the order of their names, with their captions."""

    name: str                           # "train" or "val"
    photos: Path                        # the zip
    names: list[str]                    # N file names
    captions: list[list[str]]           # N lists of captions
    image_ids: list[int]                # N ids, as in the annotations

    def without(self, skipped) -> "Split":
        """This split less the photos in `skipped`, with their captions."""
        keep = [i for i, name in enumerate(self.names) if name not in skipped]
        return Split(self.name, self.photos, *([rows[i] for i in keep]
                                               for rows in (self.names, self.captions, self.image_ids)))


def load_split(data_dir, split: str, photos: bool = True) -> Split:
    """The photos of `split` ("train" or "val") that have captions.

    Photos without captions and captions without a photo are left out, and said so. photos: False takes all photos
    that have captions and needs only the annotations: for exercises with text.
    Raises ValueError naming the file when the annotations are not MSCOCO's, or when nothing is left.
    """
    data_dir = Path(data_dir)
    annotations, path = data_dir / "annotations_trainval2014.zip", data_dir / f"{split}2014.zip"
    described = read_captions(annotations, f"annotations/captions_{split}2014.json")
    in_zip = described.keys()
    if photos:
        with PhotoZip(path) as found:
            in_zip = set(found.names)
    names = sorted(name for name in in_zip & described.keys() if described[name][1])
    without_captions, without_photo = len(in_zip) - len(names), len(described.keys() - in_zip)
    if not names:
        raise ValueError(f"No photo of {path} has a caption in {annotations}: do they belong together?")
    for count, what in ((without_captions, f"photos of {path} have no caption"),
                        (without_photo, f"photos described in {annotations} are not in {path.name}")):
        if count:
            warnings.warn(f"{count:,} {what}; they are left out.", stacklevel=2)
    return Split(split, path, names, [described[n][1] for n in names], [described[n][0] for n in names])
