"""Datasets, fetched and verified. No logic stands here but the command line.

downloads:  fetch_coco2014, fetch, Source, Patience, DownloadError

    python download_utils.py --photos none      # MSCOCO's captions alone, 0.25 GB; val, train or both for photos
"""


import argparse
import sys
from pathlib import Path

from captioning.datasets.sources import fetch_coco2014
from captioning.datasets.transfer import DownloadError, Patience, Source, fetch
from captioning.settings import Settings

__all__ = ["fetch_coco2014", "fetch", "Source", "Patience", "DownloadError"]


def main(arguments=None):
    parser = argparse.ArgumentParser(
        prog="python download_utils.py", description="Fetch MSCOCO 2014: its captions (0.25 GB), and photos if wanted. "
        "What is there is checked and not fetched again; what was cut off is carried on.")
    parser.add_argument("--photos", choices=("none", "val", "train", "both"), default="none",
                        help="val has 6.6 GB, train 13.5 GB (default: %(default)s)")
    parser.add_argument("--folder", type=Path, help="where the zips go (default: CAPTION_DATA_DIR, or data/coco2014)")
    options = parser.parse_args(arguments)
    try:
        settings = Settings.from_environment(dataset="coco2014")
        if settings.dataset != "coco2014" and not options.folder:
            parser.error(f"CAPTION_DATASET is {settings.dataset}, which is not downloaded: unset it, or give --folder.")
        photos = {"none": False, "both": True}.get(options.photos, options.photos)
        found = fetch_coco2014(options.folder or settings.data_dir, photos, mirrors=settings.mirrors.split())
    except (ValueError, OSError) as error:
        sys.exit(str(error))
    print(*found.values(), sep="\n")


if __name__ == "__main__":
    main()
