"""Loads the dataset that the settings name, after rendering or downloading it if it is missing."""

from pathlib import Path

from captioning.datasets.drawn.world import render_dataset
from captioning.datasets.sources import fetch_coco2014
from captioning.datasets.splits import Split, load_split
from captioning.settings import Settings

ZIPS = ("train2014.zip", "val2014.zip", "annotations_trainval2014.zip")


def load_dataset(settings: Settings, photos: bool = True) -> tuple[Split, Split]:
    """Loads the dataset that the settings name. Renders or downloads it first if it is missing.

    Args:
        settings: `dataset`, `data_dir` and `mirrors` count here.
        photos: False needs only the captions, 0.25 GB of MSCOCO's 20: for exercises with text.

    Returns:
        The training and the validation split.

    Raises:
        OSError: if a file is missing or can't be written; DownloadError is one.
        ValueError: if a file is damaged or not as MSCOCO's.
    """
    folder = Path(settings.data_dir)
    if settings.dataset == "drawn" and not all((folder / name).exists() for name in ZIPS):
        render_dataset(folder)
    elif settings.dataset == "coco2014":
        fetch_coco2014(folder, photos, mirrors=settings.mirrors.split())
    return load_split(folder, "train", photos), load_split(folder, "val", photos)
