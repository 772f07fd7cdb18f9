"""Matches photos with their captions: the training and validation split of a dataset.

Photos are read from a zip, which is never unpacked, or from a folder, which is only read.
"""

import warnings
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from captioning.datasets.annotations import first_of, read_captions
from captioning.datasets.photo_folder import open_photos
from captioning.datasets.photo_zip import composed

SPLIT_SEED = 2014           # a change would move photos between training and validation


@dataclass(frozen=True)
class Split:
    """The photos of one split, sorted by name, and their captions. All lists have the same order."""

    name: str                           # "train" or "val"
    photos: Path                        # the zip or the folder, for `open_photos`
    names: list[str]                    # N names in it
    captions: list[list[str]]           # captions of each of the N photos
    image_ids: list[int]                # N ids from the annotations, or the photos' numbers

    def without(self, skipped) -> "Split":
        """This split without the photos named in `skipped` and their captions."""
        keep = [i for i, name in enumerate(self.names) if name not in skipped]
        return Split(self.name, self.photos, *([rows[i] for i in keep]
                                               for rows in (self.names, self.captions, self.image_ids)))


def load_split(data_dir, split: str, photos: bool = True, year: int = 2014) -> Split:
    """Loads a split from a folder. A warning says how many photos have no caption, and captions no photo.

    Args:
        data_dir: the folder, in MSCOCO's layout: annotations_trainval2014.zip, train2014.zip and val2014.zip, or the
            folders annotations, train2014 and val2014 that they unpack to. Of both, the zip is read.
        split: "train" or "val".
        photos: whether to look which photos are there. False takes all photos that have captions, so the annotations
            are enough: for exercises with text.
        year: 2014 or 2017.

    Returns:
        The photos that have captions.

    Raises:
        FileNotFoundError: if a zip is missing.
        ValueError: if the annotations are not MSCOCO's, a zip is damaged, or no photo has a caption. The message names
            the file.
    """
    data_dir = Path(data_dir)
    member = f"annotations/captions_{split}{year}.json"
    annotations, path = data_dir / f"annotations_trainval{year}.zip", data_dir / f"{split}{year}.zip"
    if not annotations.exists() and (data_dir / member).is_file():
        annotations = data_dir
    if not path.exists() and path.with_suffix("").is_dir():
        path = path.with_suffix("")
    for needed in (annotations, path) if photos else (annotations,):
        if not needed.exists():
            raise FileNotFoundError(
                f"{needed} is missing. A dataset is a folder with train{year}.zip, val{year}.zip and "
                f"annotations_trainval{year}.zip. Put them there, or name another folder in CAPTION_DATA_DIR.")
    described = read_captions(annotations, member)
    return matched(split, path, {name: captions for name, (_, captions) in described.items()},
                   {name: image_id for name, (image_id, _) in described.items()}, annotations, photos)


def matched(split: str, path: Path, captions: dict[str, list[str]], ids: dict[str, int], source: Path,
            photos: bool = True) -> Split:
    """The split of the photos that have captions.

    Args:
        split: its name.
        path: the zip or folder of the photos.
        captions: {photo: its captions}.
        ids: {photo: its number}.
        source: where the captions are from, for messages.
        photos: whether to look which photos are there.

    Raises:
        ValueError: if no photo has a caption, or the photos can't be opened.
    """
    files, looks = captions.keys(), captions.keys()
    if photos:
        with open_photos(path) as found:
            files, looks = found.files.keys(), set(found.names)
    named = _as_files_are_named(captions, files)
    captions, ids = ({named[name]: of_photo[name] for name in captions} for of_photo in (captions, ids))
    names = sorted(name for name in files & captions.keys() if captions[name])
    if not names:
        raise ValueError(f"No photo of {path} has a caption in {source}. Check that they belong together.")
    for left_out, what in ((looks - set(names), f"photos of {path} have no caption"),
                           (captions.keys() - files, f"photos with captions in {source} are not in {path.name}")):
        if left_out:
            warnings.warn(f"{len(left_out):,} {what} and are left out: {first_of(sorted(left_out))}.", stacklevel=3)
    return Split(split, path, names, [captions[n] for n in names], [ids[n] for n in names])


def _as_files_are_named(names: Iterable[str], files: Collection[str]) -> dict[str, str]:
    """How photos are named on the disk: {name as captions have it: name of the file, or itself if there is none}.

    Captions may have a name in another case, as Windows and Macs allow, if that leaves no doubt.
    """
    found = {name: composed(name) for name in names}
    left, by_letters = set(files) - set(found.values()), {}
    for file in left:
        by_letters[file.casefold()] = None if file.casefold() in by_letters else file
    return {name: file if file in files else by_letters.pop(file.casefold(), None) or file
            for name, file in found.items()}


def divided(whole: Split, val_names: set[str]) -> tuple[Split, Split]:
    """Training and validation split of a split that has the photos of both."""
    return tuple(replace(whole.without({n for n in whole.names if (n in val_names) != is_val}), name=name)
                 for name, is_val in (("train", False), ("val", True)))


def seeded_val_names(names: list[str], count: int) -> set[str]:
    """Photos to validate on, chosen by scikit-learn with a seed that never changes.

    Args:
        names: of all photos.
        count: how many of them to choose.
    """
    from sklearn.model_selection import train_test_split  # here, since few runs need it and it takes 1 s

    return set(train_test_split(sorted(names), test_size=count, random_state=SPLIT_SEED)[1])
