"""Lists the datasets: how large they are, what is there already, and how much room the disk has."""

import os
import shutil
from pathlib import Path

from captioning.datasets.sources import DOWNLOADS


def dataset_list(data: Path) -> str:
    """A table of the datasets that can be downloaded.

    Args:
        data: the folder that holds a folder for each dataset.

    Returns:
        A line for each dataset, and a line with the free room of the disk.
    """
    rows = [f"{'dataset':12}{'to download':>12}  there already, in {data}"]
    for name, zips in DOWNLOADS.items():
        there = [source.name for source in zips.values() if (data / name / source.name).is_file()]
        total = sum(source.size or source.about for source in zips.values())
        rows.append(f"{name:12}{total / 1e9:>9.1f} GB  {', '.join(there) or 'nothing'}")
    existing = next(at for at in (data, *data.absolute().parents) if os.path.isdir(at))
    return "\n".join((*rows, f"{shutil.disk_usage(existing).free / 1e9:,.1f} GB of the disk are free."))
