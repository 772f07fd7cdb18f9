"""Photos to embeddings, batch by batch: decoded ahead in threads, while the network works."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from captioning.datasets.photo_folder import Photos
from captioning.datasets.photo_zip import BadPhoto
from captioning.photos.crop import IMG_SIZE, center_crop
from captioning.photos.decode import decode_photo

EMBED_BATCH = 32                    # photos that go through the network at once, and are saved at once
BATCHES_AHEAD = 2                   # batches that are decoded while the network works on one

Batch = tuple[int, np.ndarray, dict[str, str]]      # start, rows, skipped: see embed_batches


def embed_batches(photos: Photos, names: list[str], starts: Iterable[int], encoder: Callable,
                  workers: int = 2, padded: bool = True) -> Iterator[Batch]:
    """Embeds batches of photos.

    A padded batch always has EMBED_BATCH places, and each photo keeps its own. So the same photos give the same bytes
    after an interrupt or beside a skipped photo, even if a network's arithmetic depends on the batch.

    Args:
        photos: The zip or folder that holds them.
        names: Of all photos of the split.
        starts: Where the wanted batches begin among the names.
        encoder: Called with (places, size, size, 3) uint8, returns (places, width) float32.
        workers: Threads that decode.
        padded: Whether the last batch is filled up to EMBED_BATCH places.

    Yields:
        Start of the batch, its rows (B, width) float16, zero where a photo was skipped, and {name: reason} of those.
    """
    pool, ahead, size = ThreadPoolExecutor(workers), deque(), crop_size(encoder)

    def decode(start):
        ahead.append((start, [pool.submit(read_crop, photos, n, size) for n in names[start:start + EMBED_BATCH]]))

    def embed():
        start, crops = ahead.popleft()
        of_batch, places = names[start:start + EMBED_BATCH], EMBED_BATCH if padded else len(crops)
        return start, *_embed_batch(of_batch, [crop.result() for crop in crops], encoder, places)

    try:
        for start in starts:
            decode(start)
            if len(ahead) > BATCHES_AHEAD:
                yield embed()
        while ahead:
            yield embed()
    finally:
        pool.shutdown(cancel_futures=True)


def crop_size(encoder) -> int:
    """Side of the squares that the encoder sees, pixels."""
    return getattr(encoder, "size", IMG_SIZE)


def read_crop(photos: Photos, name: str, size: int) -> np.ndarray | str:
    """The photo's centre crop, (size, size, 3) uint8, or the reason why there is none."""
    try:
        return center_crop(decode_photo(photos.read(name)), size)
    except BadPhoto as error:
        return str(error)


def _embed_batch(names, crops, encoder, places: int) -> tuple[np.ndarray, dict[str, str]]:
    """Rows of one batch, and the reasons for the photos that were skipped. places: of the batch, used or not."""
    size = crop_size(encoder)
    batch = np.zeros((places, size, size, 3), np.uint8)
    skipped = {name: crop for name, crop in zip(names, crops) if isinstance(crop, str)}
    for place, crop in enumerate(crops):
        if not isinstance(crop, str):
            batch[place] = crop
    rows = np.array(encoder(batch)[:len(names)], np.float16)
    rows[[name in skipped for name in names]] = 0
    return rows, skipped
