"""Fetches datasets. This module only re-exports names for notebooks, and holds the command line.

Names:
    downloads     fetch_dataset, fetch, Source, Patience, DownloadError

`--list` shows the datasets; CAPTION_DATASET names the one to fetch. Its captions alone are small; `--photos` adds
photos:
    python download_utils.py --photos none
"""

from captioning.datasets.listing import dataset_list  # first: the package names a file that hides a module

# isort: split
import argparse
import sys
from pathlib import Path

from captioning.datasets.sources import DOWNLOADS, fetch_dataset
from captioning.datasets.transfer import DownloadError, Patience, Source, fetch
from captioning.settings import Settings

__all__ = ["fetch_dataset", "fetch", "Source", "Patience", "DownloadError"]


def main(arguments=None):
    """Runs the command line. An error ends it with one sentence.

    Args:
        arguments: list of words; those of the process if None.
    """
    parser = argparse.ArgumentParser(
        prog="python download_utils.py", description="Fetches the dataset that CAPTION_DATASET names (coco2014 if it "
        "is not set): its captions, and photos. Files already there are only checked. A download that was cut off "
        "continues.")
    parser.add_argument("--list", action="store_true",
                        help="show the datasets, their sizes and what is there, and stop")
    parser.add_argument("--photos", choices=("none", "val", "train", "both"), default="none",
                        help="photos to fetch too (default: %(default)s). Of coco2014, val is 6.6 GB, train 13.5 GB; "
                        "coco_small and flickr8k have one zip for both")
    parser.add_argument("--folder", type=Path, help="where the zips go (default: CAPTION_DATA_DIR, or data/<dataset>)")
    options = parser.parse_args(arguments)
    if options.list:
        print(dataset_list(Path("data")))
        return
    try:
        settings = Settings.from_environment(dataset="coco2014")
        if settings.dataset not in DOWNLOADS:
            parser.error(f"CAPTION_DATASET is {settings.dataset}, which is not downloaded. Set it to one of "
                         f"{', '.join(DOWNLOADS)}.")
        photos = {"none": False, "both": True}.get(options.photos, options.photos)
        found = fetch_dataset(settings.dataset, options.folder or settings.data_dir, photos,
                              mirrors=settings.mirrors.split())
    except (ValueError, OSError) as error:
        sys.exit(str(error))
    print(*found.values(), sep="\n")


if __name__ == "__main__":
    main()
