"""Photos and captions of one's own: finds out by looking how they lie in a folder. docs/datasets.md shows the forms."""

import os
import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from captioning.datasets import caption_files
from captioning.datasets.annotations import cleaned, first_of, read_text_file
from captioning.datasets.photo_folder import PHOTO_SUFFIXES, files_below, open_photos
from captioning.datasets.photo_zip import composed
from captioning.datasets.splits import Split, divided, load_split, matched, seeded_val_names

MOST_VAL_PHOTOS = 5_000         # of a dataset without splits of its own; less than that, it is a tenth
FORMS = """MSCOCO's layout of 2014 or 2017, zipped or unpacked
metadata.csv or metadata.jsonl with file_name and text
captions.csv or captions.txt with the columns image and caption
Flickr's *.token.txt, name#0<TAB>caption
Karpathy's dataset_*.json
a text file of the same name beside each photo, a caption a line"""


class Described(NamedTuple):
    """What the files of captions say."""

    pairs: list[tuple[str, str]]        # photo, caption
    splits: dict[str, str]              # photo -> "train", "val" or "test"; empty if the files have no splits


class Form(NamedTuple):
    """A form in which captions come."""

    name: str
    pattern: re.Pattern                 # of a file's name
    read: Callable                      # (folder, paths of the files) -> Described


def load_folder(folder) -> tuple[Split, Split]:
    """Loads a dataset of one's own, and prints what was found. The folder is only read.

    Args:
        folder: CAPTION_DATA_DIR.

    Returns:
        The training and the validation split: the files' own, else a tenth of the photos, at most MOST_VAL_PHOTOS,
        to validate on.

    Raises:
        FileNotFoundError: if the folder is missing.
        ValueError: if no form fits, or more than one does. The message names the files.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"CAPTION_DATA_DIR is {folder}, but {folder.absolute()} is not a folder. Set it to the "
                                "folder of your photos.")
    found = [(name, load) for year in (2014, 2017) if (load := _mscoco(folder, year))
             for name in [f"MSCOCO's layout of {year}"]] or _caption_files(folder)
    if len(found) > 1:
        raise ValueError(f"{folder} has captions in more than one form: {found[0][0]} and {found[1][0]}. Keep one, or "
                         "put the other into another folder.")
    if not found:
        raise ValueError(f"{folder} holds no captions in a form that is known. The forms are:\n{FORMS}\n"
                         f"Found were: {', '.join(sorted(os.listdir(folder))[:8]) or 'no files'}.")
    [(name, load)] = found
    train, val = load()
    _tell(folder, name, train, val)
    return train, val


def _mscoco(folder: Path, year: int) -> Callable | None:
    """Loads MSCOCO's layout of a year; None if the folder does not have it."""
    if any((folder / name).exists() for name in (f"annotations_trainval{year}.zip",
                                                 f"annotations/captions_train{year}.json")):
        return lambda: (load_split(folder, "train", year=year), load_split(folder, "val", year=year))
    return None


def _caption_files(folder: Path) -> list[tuple[str, Callable]]:
    """(files, function that loads them) of each form that the folder has, apart from MSCOCO's."""
    names = sorted(files_below(folder, (".csv", ".jsonl", ".txt", ".json")))
    found = []
    for form in FILES:
        if paths := [name for name in names if form.pattern.fullmatch(PurePosixPath(name).name)]:
            groups = [paths] if form.name == "imagefolder" else [[path] for path in paths]
            found += [(" + ".join(group), lambda form=form, group=group: _load(folder, form, group))
                      for group in groups]
    if not found and (beside := _beside_photos(folder, names)):
        found = [(f"{len(beside):,} text files beside their photos",
                  lambda: _load(folder, Form("", re.compile(""), _read_beside), beside))]
    return found


def _load(folder: Path, form: Form, paths: list[str]) -> tuple[Split, Split]:
    """Both splits, from files of captions and the photos that they name."""
    described, photos = form.read(folder, paths), _photos_of(folder)
    with open_photos(photos) as there:
        known = Names(sorted(there.files))
    place = {name: known.find(name, paths) for name in {name for name, _ in described.pairs}}
    captions = cleaned(folder / paths[0], ((place[name], caption) for name, caption in described.pairs))
    splits = {place[name]: split for name, split in described.splits.items() if name in place}
    ids = {name: number for number, name in enumerate(sorted(captions), 1)}
    whole = matched("train", photos, captions, ids, folder / paths[0])
    if test := [name for name in whole.names if splits.get(name) == "test"]:
        print(f"{len(test):,} photos are for testing, or in none of the lists, and are left out: {first_of(test)}.")
    whole = whole.without(set(test))
    val = {name for name in whole.names if splits.get(name) == "val"}
    if len(whole.names) < 2:
        raise ValueError(f"{folder} has one photo with captions; training and validation need one each.")
    return divided(whole, val or seeded_val_names(whole.names, val_count(len(whole.names))))


def val_count(photos: int) -> int:
    """How many of the photos to validate on: a tenth, at least one and at most MOST_VAL_PHOTOS."""
    return max(1, min(photos // 10, MOST_VAL_PHOTOS))


def _photos_of(folder: Path) -> Path:
    """Where the photos are: in the folder, or in the only zip of a folder without photos."""
    zips = sorted(folder.glob("*.zip"))
    return zips[0] if len(zips) == 1 and not files_below(folder, PHOTO_SUFFIXES) else folder


class Names:
    """The photos that are there, to be found by what a file calls them."""

    def __init__(self, names: Iterable[str]):
        self.names, self.by_base, self.by_letters = set(names), defaultdict(list), defaultdict(list)
        for name in names:
            base = PurePosixPath(name).name
            self.by_base[base].append(name)
            self.by_letters[base.casefold()].append(name)       # Windows and Macs do not tell cases apart

    def find(self, name: str, files: list[str]) -> str:
        """The photo of this name: beside one of the files, in the folder, or the only one of that name anywhere.

        Args:
            name: as the file of captions has it.
            files: paths of the files of captions, relative to the folder.

        Raises:
            ValueError: if it may be one of several photos. The message names two.
        """
        plain = composed(os.path.normpath(name.replace("\\", "/")).replace(os.sep, "/"))
        beside = {composed((PurePosixPath(file).parent / plain).as_posix()) for file in files}
        base = PurePosixPath(plain).name
        found = (sorted(self.names & (beside | {plain})) or self.by_base.get(base)
                 or self.by_letters.get(base.casefold(), []))
        if len(found) > 1:
            raise ValueError(f"{name!r:.80} may be {found[0]!r:.80} or {found[1]!r:.80}. Write its folder before its "
                             f"name in {files[0]}.")
        return found[0] if found else plain


def _read_tables(folder, paths) -> Described:
    """Of imagefolder's metadata or captions.csv. Photos are relative to the file; a folder may name a split."""
    pairs, splits = [], {}
    for path in paths:
        base = PurePosixPath(path)
        columns = ("file_name", "text") if base.name.startswith("metadata") else ("image", "caption")
        read = caption_files.json_lines if base.suffix == ".jsonl" else caption_files.table
        prefix = "" if len(paths) == 1 else f"{base.parent.as_posix()}/"
        split = next((caption_files.SPLIT_NAMES[part] for part in base.parts[:-1]
                      if part in caption_files.SPLIT_NAMES), None)
        for name, caption in read(read_text_file(folder / path), folder / path, *columns):
            pairs.append((prefix + name, caption))
            if split:
                splits[prefix + name] = split
    return Described(pairs, splits)


def _read_tokens(folder, paths) -> Described:
    """Of Flickr's token file and the lists beside it."""
    path = folder / paths[0]
    splits = {}
    for split, pattern in (("train", "*trainImages.txt"), ("val", "*devImages.txt"), ("test", "*testImages.txt")):
        for names in sorted(path.parent.glob(pattern)):
            splits |= dict.fromkeys(caption_files.listed(read_text_file(names), names), split)
    pairs = list(caption_files.tokens(read_text_file(path), path))
    return Described(pairs, by_list(pairs, splits))


def by_list(pairs, splits: dict[str, str]) -> dict[str, str]:
    """The splits of Flickr's photos: where there are lists, a photo that none of them names is left out."""
    return {name: splits.get(name, "test") for name, _ in pairs} if splits else {}


def _read_karpathy(folder, paths) -> Described:
    """Of Karpathy's JSON."""
    return Described(*caption_files.karpathy(read_text_file(folder / paths[0]), folder / paths[0]))


def _beside_photos(folder: Path, names: list[str]) -> list[str]:
    """The text files that have the name of a photo beside them."""
    photos = {composed(name.rpartition(".")[0]) for name in files_below(folder, PHOTO_SUFFIXES)}
    return [name for name in names if name.lower().endswith(".txt") and composed(name[:-4]) in photos]


def _read_beside(folder, paths) -> Described:
    """Of a text file beside each photo, a caption a line."""
    by_stem = defaultdict(list)
    for name in files_below(folder, PHOTO_SUFFIXES):
        by_stem[composed(name.rpartition(".")[0])].append(name)
    pairs = []
    for path in paths:
        photos = sorted(by_stem[composed(path[:-4])])
        if len(photos) > 1:
            raise ValueError(f"{folder / path} may describe {photos[0]} or {photos[1]}. Rename one of them.")
        pairs += [(photos[0], line) for line in caption_files.listed(read_text_file(folder / path), folder / path)]
    return Described(pairs, {})


FILES = (
    Form("imagefolder", re.compile(r"metadata\.(csv|jsonl)", re.IGNORECASE), _read_tables),
    Form("table", re.compile(r"captions\.(csv|txt)", re.IGNORECASE), _read_tables),
    Form("Flickr", re.compile(r"(?!.*\.lemma\.).*\.token\.txt", re.IGNORECASE), _read_tokens),
    Form("Karpathy", re.compile(r"dataset_.*\.json", re.IGNORECASE), _read_karpathy),
)


def _tell(folder: Path, name: str, train: Split, val: Split):
    """Prints what was found."""
    captions = sum(map(len, train.captions + val.captions))
    photos = len(train.names) + len(val.names)
    print(f"{folder}: {name}. {photos:,} photos, {captions / photos:.1f} captions each: {len(train.names):,} to learn "
          f"from, {len(val.names):,} to validate on. First: {train.names[0]}: {train.captions[0][0]}")
