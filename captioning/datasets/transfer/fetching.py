"""A file, fetched once: the function that the others are made for."""

import os
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

from tqdm.auto import tqdm

from captioning.datasets.transfer.addresses import on_mirror
from captioning.datasets.transfer.download import Download
from captioning.datasets.transfer.errors import DownloadError
from captioning.datasets.transfer.on_disk import beside, check_room, remember_verified, verified
from captioning.datasets.transfer.part_file import PartFile
from captioning.datasets.transfer.source import USUAL_PATIENCE, Patience, Source
from captioning.storage import files


def fetch(
    source: Source,
    folder: str | os.PathLike,
    mirrors: Sequence[str] = (),
    progress: bool = True,
    patience: Patience = USUAL_PATIENCE,
    say: Callable[[str], None] = tqdm.write,
) -> Path:
    """Return `folder/source.name`, whole and verified; download it if it is not there.

    A file already there, put by hand or by an earlier run, is accepted after the same check and never changed.
    mirrors: base addresses ("https://mirror.example/coco"), asked for `<mirror>/<name>` before the source's own.
    say: takes one sentence for each wait, retry and restart.
    Raises ValueError for a mirror that is no address; DownloadError if the file there is another one, if no address
    gave the right file, if the disk is too small or can't be written to. What was received stays in `<name>.part`,
    and the next call carries on from it.
    """
    folder = Path(folder)
    path = folder / source.name
    urls = [*(on_mirror(mirror, source.name) for mirror in mirrors), *source.urls]
    if os.path.lexists(path):
        return verified(path, source, progress)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _one_at_a_time(path, say):
            if not os.path.lexists(path):        # else another process has brought it while we waited
                check_room(folder, [source])
                _download(source, path, urls, progress, patience, say)
                return path
    except DownloadError:
        raise
    except OSError as error:
        raise DownloadError(
            f"{path} could not be written: {error.__cause__ or error}. Choose another folder (CAPTION_DATA_DIR) or "
            "make room and run again; what was received is kept."
        ) from error
    return verified(path, source, progress)


def _one_at_a_time(path, say):
    """A context in which this process alone downloads a file; where another one does, it says that it waits."""
    lock = beside(path, ".lock")
    return files.locked(lock, lambda: say(
        f"{path.name}: another process is downloading it ({lock} is held); waiting until it is done."))


def _download(source, path, urls, progress, patience, say):
    """Download to a name of its own, check, and only then rename. The caller holds the lock."""
    with closing(PartFile(beside(path, ".part"), source, progress, say)) as part:
        Download(part, urls, patience, say).run()
        part.become(path)
    remember_verified(path, source, path.stat())
