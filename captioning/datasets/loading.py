"""Loads the dataset that the settings name, after rendering or downloading it if it is missing."""

from pathlib import Path

from captioning.datasets import caption_files
from captioning.datasets.annotations import cleaned, read_captions, read_member
from captioning.datasets.drawn.world import render_dataset
from captioning.datasets.own import by_list, load_folder
from captioning.datasets.sources import DOWNLOADS, fetch_dataset
from captioning.datasets.splits import Split, divided, load_split, matched, seeded_val_names
from captioning.settings import Settings

ZIPS = ("train2014.zip", "val2014.zip", "annotations_trainval2014.zip")
SMALL_VAL_PHOTOS = 500          # of coco_small's 5,000
SMALL_MEMBER = "annotations/captions_val2017.json"
FLICKR_LISTS = {"train": "Flickr_8k.trainImages.txt", "val": "Flickr_8k.devImages.txt"}


def load_dataset(settings: Settings, photos: bool = True) -> tuple[Split, Split]:
    """Loads the dataset that the settings name. Renders or downloads it first if it is missing.

    Args:
        settings: `dataset`, `data_dir` and `mirrors` count here.
        photos: False needs only the captions, 0.25 GB of MSCOCO's 20: for exercises with text.

    Returns:
        The training and the validation split.

    Raises:
        OSError: if a file is missing or can't be written; DownloadError is one.
        ValueError: if a file is damaged or not as expected.
    """
    name, folder = settings.dataset, Path(settings.data_dir)
    if name == "folder":
        return load_folder(folder)
    if name == "drawn" and not all((folder / each).exists() for each in ZIPS):
        render_dataset(folder)
    elif name in DOWNLOADS:
        fetched = fetch_dataset(name, folder, photos, mirrors=settings.mirrors.split())
    if name in ("coco_small", "flickr8k"):
        load = {"coco_small": _coco_small, "flickr8k": _flickr8k}[name]
        return load(fetched["annotations"], folder / DOWNLOADS[name]["photos"].name, photos)
    year = 2017 if name == "coco2017" else 2014
    return load_split(folder, "train", photos, year), load_split(folder, "val", photos, year)


def _coco_small(annotations: Path, path: Path, photos: bool) -> tuple[Split, Split]:
    """Both splits of MSCOCO 2017's validation photos. photos: as for `load_dataset`."""
    described = read_captions(annotations, SMALL_MEMBER)
    whole = matched("train", path, {name: captions for name, (_, captions) in described.items()},
                    {name: image_id for name, (image_id, _) in described.items()}, annotations, photos)
    return divided(whole, seeded_val_names(whole.names, min(SMALL_VAL_PHOTOS, len(whole.names) // 10)))


def _flickr8k(texts: Path, path: Path, photos: bool) -> tuple[Split, Split]:
    """Both splits of Flickr8k, as its authors' lists have them. Its test photos are left out."""
    def raw(member):
        return read_member(texts, member), f"{texts}, {member}"

    pairs = list(caption_files.tokens(*raw("Flickr8k.token.txt")))
    lists = {name: split for split, member in FLICKR_LISTS.items() for name in caption_files.listed(*raw(member))}
    splits = by_list(pairs, lists)
    captions = cleaned(texts, pairs)
    ids = {name: number for number, name in enumerate(sorted(captions), 1)}
    whole = matched("train", path, captions, ids, texts, photos)
    whole = whole.without({name for name, split in splits.items() if split == "test"})
    return divided(whole, {name for name in whole.names if splits[name] == "val"})
