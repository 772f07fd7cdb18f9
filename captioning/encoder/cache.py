"""Embeddings of photos, computed once and cached: whole batches, in files that are whole or absent."""

import functools
import hashlib
import json
import warnings
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm.auto import tqdm

from captioning.datasets.photo_zip import BadPhoto, PhotoZip
from captioning.datasets.splits import Split
from captioning.photos.crop import IMG_SIZE, center_crop
from captioning.photos.decode import decode_photo
from captioning.storage import files, zips

EMBED_BATCH = 32                    # photos that go through the network at once, and are saved at once
MAX_BATCH_BYTES = 100_000_000       # of the embeddings of a batch; InceptionV3's have 131,072


@dataclass(frozen=True)
class Embeddings:
    """Embeddings of a split as cached: a row for each photo, in the order of `names`."""

    names: list[str]
    values: np.ndarray                  # (N, width) float16, memory-mapped; rows of skipped photos are zero
    skipped: dict[str, str]             # name -> reason
    recipe: dict

    def usable(self) -> np.ndarray:
        """Rows of the photos that were not skipped, (N - skipped, width); a copy only if any were skipped."""
        if not self.skipped:
            return self.values
        return self.values[[i for i, name in enumerate(self.names) if name not in self.skipped]]


def embed_split(split: Split, encoder, cache_dir, workers: int = 2, run=None) -> Embeddings:
    """Embeddings of a split's photos: from the cache if it is there, else computed and kept there.

    encoder: called with (B, size, size, 3) uint8, returns (B, width) float32; its `recipe` dict says what made them.
    Its `size` is the side of the crops, IMG_SIZE if it has none.
    run: what computes batches, as `embed_batches` does, which it is if not given; `ray_embedding` has another.
    A photo that can't be decoded is skipped, warned of, and listed with its reason; `split.without` leaves it out.
    Each batch is kept as soon as it is there, so a process that dies loses one at most: the next process goes on,
    and the bytes are the same as if nothing had happened.
    Raises ValueError when the cache was made by another recipe or no photo can be used, OSError when the cache can't
    be written.
    """
    cache = Path(cache_dir) / f"{split.name}.npy"
    with PhotoZip(split.photos) as photos:
        recipe = encoder.recipe | {"photos": photos.digest(split.names), "resize": "bicubic", "batch": EMBED_BATCH,
                                   "crop": f"centre square, {crop_size(encoder)}"}
        if not cache.exists() or _leftovers(cache):
            with _one_at_a_time(cache):
                if not cache.exists():
                    _embed(photos, split.names, encoder, recipe, cache,
                           run or functools.partial(embed_batches, workers=workers))
                for leftover in _leftovers(cache):
                    files.remove(leftover)
    embeddings = read_embeddings(cache)
    _require_recipe(cache, embeddings.recipe, recipe)
    if embeddings.names != split.names:
        raise ValueError(f"{cache.with_suffix('.json')} is damaged: it names other photos than those that {cache.name} "
                         f"was made from. Delete {cache.parent} to embed the photos again.")
    if embeddings.skipped:
        _warn_of_skipped(split, embeddings.skipped)
    return embeddings


def _warn_of_skipped(split: Split, skipped: dict[str, str]):
    captions = sum(len(captions) for name, captions in zip(split.names, split.captions) if name in skipped)
    reasons = "; ".join(f"{name} {reason}" for name, reason in list(skipped.items())[:3])
    more = f"; and {len(skipped) - 3:,} more" if len(skipped) > 3 else ""
    warnings.warn(f"{len(skipped):,} of {len(split.names):,} photos of {split.photos} can't be used and are left "
                  f"out, with their {captions:,} captions: {reasons}{more}.", stacklevel=3)


def read_embeddings(cache) -> Embeddings:
    """Embeddings read back from `cache` (.npy, with its .json beside), checked against their digest."""
    cache = Path(cache)
    description = cache.with_suffix(".json")
    if not description.exists():
        raise ValueError(f"{cache} has lost its description, {description.name}. Delete it, and the photos are "
                         "embedded again.")
    about = files.read_json(description, "the description of cached embeddings")
    if not isinstance(about, dict) or files.sha256(cache) != about.get("sha256"):
        raise ValueError(f"{cache} is not what was written: its digest is not the one in {cache.stem}.json. "
                         "Delete both, and the photos are embedded again.")
    try:
        values = np.load(cache, mmap_mode="r", allow_pickle=False)
        embeddings = Embeddings(about["names"], values, about["skipped"], about["recipe"])
        plain = values.dtype == np.float16 and values.ndim == 2 and len(values) == len(embeddings.names)
        places = {name: i for i, name in enumerate(embeddings.names)}
        plain = plain and not values[[places[name] for name in embeddings.skipped]].any()
    except (ValueError, KeyError, TypeError, EOFError):     # objects in place of numbers, a header that lies ...
        plain = False
    if not plain:
        raise ValueError(f"{cache} does not hold a row of float16 for each photo that {cache.stem}.json names. Delete "
                         "both, and the photos are embedded again.")
    return embeddings


def _require_recipe(path, found: dict, wanted: dict):
    different = [key for key in sorted(found.keys() | wanted.keys()) if found.get(key) != wanted.get(key)]
    if different:
        pairs = "; ".join(f"{key}: {found.get(key)!r:.80} there, {wanted.get(key)!r:.80} here" for key in different)
        raise ValueError(f"{path} was made by another recipe ({pairs}). Delete {Path(path).parent} to embed the "
                         "photos again, or set back what was changed.")


def _one_at_a_time(cache: Path):
    """A context in which this process alone works on a cache; where another one does, it says that it waits."""
    return files.locked(cache.with_suffix(".lock"), lambda: print(
        f"Another process is embedding into {cache}; waiting for it."))


def _leftovers(cache: Path) -> list[Path]:
    """What processes that died have left beside `cache`, and what is under way now."""
    return [path for path in cache.parent.glob(f"{cache.stem}.*") if files.TEMPORARY in path.name]


def _embed(photos: PhotoZip, names, encoder, recipe, cache: Path, run):
    """Makes `cache` from the batches that are there and those still missing."""
    shards = _Shards(cache, names, recipe)
    missing = shards.missing()
    left = sum(len(names[start:start + EMBED_BATCH]) for start in missing)
    with tqdm(total=len(names), initial=len(names) - left, unit="photo", desc=f"Embedding {photos.path.name}") as bar:
        for start, rows, skipped in run(photos, names, missing, encoder):
            shards.write(start, rows, skipped)
            bar.update(len(rows))
    shards.assemble(cache, photos.path)


def embed_batches(photos: PhotoZip, names, starts, encoder, workers: int = 2):
    """Embeds the batches of `names` that begin at `starts`; decodes later ones while the network works on one.

    Yields (start, rows, skipped): (B, width) float16, zero where a photo was skipped, and {name: reason}.
    """
    pool, ahead, size = ThreadPoolExecutor(workers), deque(), crop_size(encoder)
    try:
        for start in [*starts, None, None]:
            if start is not None:
                ahead.append((start, [pool.submit(_crop, photos, n, size) for n in names[start:start + EMBED_BATCH]]))
            if len(ahead) > 2 or (start is None and ahead):
                first, crops = ahead.popleft()
                yield first, *_embed_batch(names[first:first + EMBED_BATCH], [c.result() for c in crops], encoder)
    finally:
        pool.shutdown(cancel_futures=True)


def crop_size(encoder) -> int:
    """Side of the squares that the encoder sees, pixels."""
    return getattr(encoder, "size", IMG_SIZE)


def _crop(photos: PhotoZip, name: str, size: int):
    """The photo's centre crop, (size, size, 3) uint8, or the reason why there is none."""
    try:
        return center_crop(decode_photo(photos.read(name)), size)
    except BadPhoto as error:
        return str(error)


def _embed_batch(names, crops, encoder) -> tuple[np.ndarray, dict[str, str]]:
    """Rows of one batch. It is always whole and photos keep their places in it, so that the same photos give the same
    bytes whatever was skipped or interrupted, even where a network's arithmetic depends on the batch."""
    size = crop_size(encoder)
    batch = np.zeros((EMBED_BATCH, size, size, 3), np.uint8)
    skipped = {name: crop for name, crop in zip(names, crops) if isinstance(crop, str)}
    for place, crop in enumerate(crops):
        if not isinstance(crop, str):
            batch[place] = crop
    rows = np.array(encoder(batch)[:len(names)], np.float16)
    rows[[name in skipped for name in names]] = 0
    return rows, skipped


class _Shards:
    """Embeddings under way: a folder for this recipe, with a file for each batch that is whole or absent."""

    def __init__(self, cache: Path, names, recipe):
        self.names, self.recipe = names, recipe
        digest = hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()
        self.folder = cache.with_name(f"{cache.stem}{files.TEMPORARY}{digest[:16]}")

    def missing(self) -> list[int]:
        """Where the batches begin that are still to be made. Damaged ones are among them."""
        return [start for start in self._starts() if self.read(start) is None]

    def write(self, start: int, rows: np.ndarray, skipped: dict[str, str]):
        with files.written_aside(self._path(start)) as aside, open(aside, "wb") as file:
            np.savez(file, rows=rows, skipped=json.dumps(skipped))

    def read(self, start: int):
        """(rows, skipped) of the batch that begins at `start`, or None if it is not there whole."""
        try:
            shard = zips.read_arrays(self._path(start), MAX_BATCH_BYTES)
            return shard["rows"], json.loads(str(shard["skipped"]))
        except (OSError, ValueError, KeyError):
            return None

    def assemble(self, cache: Path, photos: Path):
        """Joins all batches. The array takes its final name after its description: it is never there without one."""
        skipped, shape = {}, None
        with files.written_aside(cache) as aside:
            with open(aside, "wb") as file:
                for start in self._starts():
                    rows, reasons = self.read(start)
                    skipped |= reasons
                    if shape is None:
                        shape = (len(self.names), rows.shape[1])
                        np.lib.format.write_array_header_1_0(file, {
                            "descr": np.lib.format.dtype_to_descr(rows.dtype), "fortran_order": False, "shape": shape})
                    file.write(rows.tobytes())
            if len(skipped) == len(self.names):
                name, reason = next(iter(skipped.items()))
                raise ValueError(f"None of the {len(skipped):,} photos of {photos} can be used; {name} {reason}.")
            files.write_json(cache.with_suffix(".json"), {
                "recipe": self.recipe, "sha256": files.sha256(aside), "skipped": skipped, "names": self.names})

    def _starts(self):
        return range(0, len(self.names), EMBED_BATCH)

    def _path(self, start: int) -> Path:
        return self.folder / f"{start:08d}.npz"
