"""The dataset that the settings name: rendered or downloaded where it is missing, then loaded."""

from pathlib import Path

from captioning.datasets.drawn.world import render_dataset
from captioning.datasets.sources import fetch_coco2014
from captioning.datasets.splits import Split, load_split
from captioning.settings import Settings

ZIPS = ("train2014.zip", "val2014.zip", "annotations_trainval2014.zip")


def load_dataset(settings: Settings, photos: bool = True) -> tuple[Split, Split]:
    """Training and validation split of the dataset in the settings, which is drawn or downloaded if it is not there.

    photos: False needs the captions alone, 0.25 GB of MSCOCO's 20: for exercises with text.
    """
    folder = Path(settings.data_dir)
    if settings.dataset == "drawn" and not all((folder / name).exists() for name in ZIPS):
        render_dataset(folder)
    elif settings.dataset == "coco2014":
        fetch_coco2014(folder, photos, mirrors=settings.mirrors.split())
    return load_split(folder, "train", photos), load_split(folder, "val", photos)
