"""Fetches one file, unless it is there already."""

import os
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from tqdm.auto import tqdm

from captioning.datasets.transfer.addresses import on_mirror
from captioning.datasets.transfer.download import Download
from captioning.datasets.transfer.errors import DownloadError
from captioning.datasets.transfer.on_disk import beside, check_room, remember_verified, verified
from captioning.datasets.transfer.part_file import PartFile
from captioning.datasets.transfer.server_size import size_on_server
from captioning.datasets.transfer.source import USUAL_PATIENCE, Patience, Source
from captioning.storage import files


def fetch(source: Source, folder: str | os.PathLike, mirrors: Sequence[str] = (), progress: bool = True,
          patience: Patience = USUAL_PATIENCE, say: Callable[[str], None] = tqdm.write) -> Path:
    """Downloads a file and checks it. A file that is already there is only checked, and never changed.

    Args:
        source: the file.
        folder: where it goes; it is made if it is missing.
        mirrors: base addresses, such as "https://mirror.example/coco". `<mirror>/<name>` is asked before the source's
            own addresses.
        progress: whether to show progress bars.
        patience: how long to wait for a server, and how often to try again.
        say: called with one sentence for each wait, retry and restart.

    Returns:
        `folder/source.name`, whole and with the right digest.

    Raises:
        ValueError: if a mirror is not an address.
        DownloadError: if another file has this name, no address gives the right file, or the disk is too small or can't
            be written. What was received stays in `<name>.part`, and the next call continues from there.
    """
    folder = Path(folder)
    path = folder / source.name
    urls = [*(on_mirror(mirror, source.name) for mirror in mirrors), *source.urls]
    if os.path.lexists(path):
        return verified(path, source, progress)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _one_at_a_time(path, say):
            if not os.path.lexists(path):        # else another process fetched it while we waited
                check_room(folder, [source])
                if source.size is None:
                    source = replace(source, size=size_on_server(source, (*source.urls, *urls), patience))
                _download(source, path, urls, progress, patience, say)
                return path
    except DownloadError:
        raise
    except OSError as error:
        raise DownloadError(
            f"{path} could not be written: {error.__cause__ or error}. Choose another folder (CAPTION_DATA_DIR) or "
            "make room, and run again. What was received is kept."
        ) from error
    return verified(path, source, progress)


def _one_at_a_time(path, say):
    """A context in which only this process downloads a file. If another one does, says so and waits."""
    lock = beside(path, ".lock")
    return files.locked(lock, lambda: say(
        f"{path.name}: another process is downloading it ({lock} is held). Waiting for it."))


def _download(source, path, urls, progress, patience, say):
    """Downloads to the .part file, checks it, and renames it. The caller holds the lock."""
    with closing(PartFile(beside(path, ".part"), source, progress, say)) as part:
        Download(part, urls, patience, say).run()
        part.become(path)
    remember_verified(path, source, path.stat())
