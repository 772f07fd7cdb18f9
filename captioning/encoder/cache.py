"""Embeddings of photos, computed once and cached in files that are whole or absent."""

import functools
import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm.auto import tqdm

from captioning.datasets.photo_folder import Photos, open_photos
from captioning.datasets.splits import Split
from captioning.encoder.batches import EMBED_BATCH, crop_size, embed_batches
from captioning.encoder.recipes import ARITHMETIC, different_recipe, without
from captioning.encoder.shards import Shards
from captioning.storage import files


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


def embed_split(split: Split, encoder, cache_dir, workers: int = 2, compute: Callable | None = None) -> Embeddings:
    """Embeddings of a split's photos: from the cache if they are there, else computed and cached.

    A photo that can't be decoded is skipped, with a warning, and listed with its reason; `split.without` leaves it
    out. Each batch is saved when it is done. If the process dies, the next one continues from there, and the bytes are
    those of an uninterrupted run.

    A cache of another recipe is refused, with one exception: if only the processor or the versions of libraries were
    others, a whole cache is used, and a warning names both values. Nobody can undo another processor, and in the cloud
    it may change with each start. To refuse would cost a learner hours, or a step to accept the cache wherever it is
    read. The difference is hundreds of times smaller than what float16 rounds off; `tests/test_frameworks.py` measures
    it.

    Args:
        split: The photos.
        encoder: Called with (B, size, size, 3) uint8, returns (B, width) float32. Its dict `recipe` says what the
            embeddings depend on. Its `size` is the side of the crops, IMG_SIZE if it has none.
        cache_dir: Folder of the cache.
        workers: Threads that decode photos.
        compute: Computes batches in place of `embed_batches`, with its arguments and results; `ray_cluster` has one.

    Raises:
        ValueError: The cache has another recipe or is damaged, or no photo can be used.
        OSError: The cache can't be written.
    """
    cache = Path(cache_dir) / f"{split.name}.npy"
    compute = compute or functools.partial(embed_batches, workers=workers)
    with open_photos(split.photos) as photos:
        digest = photos.digest(split.names, Path(cache_dir) / f"{split.name}-photos.json")
        recipe = encoder.recipe | {"photos": digest, "resize": "bicubic", "batch": EMBED_BATCH,
                                   "crop": f"centre square, {crop_size(encoder)}"}
        if not cache.exists() or _leftovers(cache):
            with _one_at_a_time(cache):
                if not cache.exists():
                    _embed(photos, Shards(cache, split.names, recipe), encoder, compute)
                for leftover in _leftovers(cache):
                    files.remove(leftover)
    embeddings = read_embeddings(cache)
    _require_same(cache, embeddings, split, recipe)
    _warn_of_arithmetic(cache, embeddings.recipe.get(ARITHMETIC), recipe.get(ARITHMETIC))
    if embeddings.skipped:
        _warn_of_skipped(split, embeddings.skipped)
    return embeddings


def read_embeddings(cache) -> Embeddings:
    """Reads cached embeddings and checks them against their digest.

    Args:
        cache: Path of the .npy; its description is the .json beside it.

    Raises:
        ValueError: One of the two files is missing or damaged.
    """
    cache = Path(cache)
    description = cache.with_suffix(".json")
    if not description.exists():
        raise ValueError(f"{cache} has lost its description, {description.name}. Delete {cache.name} to embed the "
                         "photos again.")
    about = files.read_json(description, "the description of cached embeddings")
    if not isinstance(about, dict) or files.sha256(cache) != about.get("sha256"):
        raise ValueError(f"{cache} is damaged: its sha256 is not the one in {description.name}. Delete both to embed "
                         "the photos again.")
    try:
        values = np.load(cache, mmap_mode="r", allow_pickle=False)
        embeddings = Embeddings(about["names"], values, about["skipped"], about["recipe"])
        fits = _fits(embeddings)
    except (ValueError, KeyError, TypeError, EOFError):     # objects in place of numbers, a wrong header ...
        fits = False
    if not fits:
        raise ValueError(f"{cache} does not hold a row of float16 for each photo that {description.name} names. Delete "
                         "both to embed the photos again.")
    return embeddings


def _fits(embeddings: Embeddings) -> bool:
    """Whether there is a row of float16 for each name, zero for the skipped ones. Raises KeyError for odd names."""
    values, places = embeddings.values, {name: i for i, name in enumerate(embeddings.names)}
    if values.dtype != np.float16 or values.ndim != 2 or len(values) != len(embeddings.names):
        return False
    return not values[[places[name] for name in embeddings.skipped]].any()


def _require_same(cache: Path, embeddings: Embeddings, split: Split, recipe: dict):
    """Raises ValueError if the embeddings have another recipe, or are of other photos than the split's.

    If only the arithmetic differs, `_warn_of_arithmetic` warns instead.
    """
    if different := different_recipe(without(embeddings.recipe, ARITHMETIC), without(recipe, ARITHMETIC)):
        raise ValueError(f"{cache} was made by another recipe ({different}). Delete {cache.parent} to embed the "
                         "photos again, or undo the change.")
    if embeddings.names != split.names:
        raise ValueError(f"{cache.with_suffix('.json')} is damaged: it names other photos than those that {cache.name} "
                         f"was made from. Delete {cache.parent} to embed the photos again.")


def _warn_of_arithmetic(cache: Path, found: str | None, here: str | None):
    """Warns the caller of `embed_split` of embeddings that this machine would round otherwise."""
    if found != here:
        warnings.warn(f"{cache} was computed by another processor, or other versions of libraries (arithmetic: {found} "
                      f"there, {here} here). Its values may differ in the last digits from what this machine would "
                      f"compute. They are used as they are. To embed the photos again, delete {cache.parent}.",
                      stacklevel=3)


def _warn_of_skipped(split: Split, skipped: dict[str, str]):
    """Warns the caller of `embed_split` of skipped photos, with the reasons of the first three."""
    captions = sum(len(captions) for name, captions in zip(split.names, split.captions) if name in skipped)
    reasons = "; ".join(f"{name} {reason}" for name, reason in list(skipped.items())[:3])
    more = f"; and {len(skipped) - 3:,} more" if len(skipped) > 3 else ""
    warnings.warn(f"{len(skipped):,} of {len(split.names):,} photos of {split.photos} can't be used and are left "
                  f"out, with their {captions:,} captions: {reasons}{more}.", stacklevel=3)


def _one_at_a_time(cache: Path) -> AbstractContextManager:
    """A context in which this process alone works on a cache. If another one does, says so and waits."""
    return files.locked(cache.with_suffix(".lock"), lambda: print(
        f"Another process is embedding into {cache}; waiting for it."))


def _leftovers(cache: Path) -> list[Path]:
    """Temporary files and folders beside `cache`: of processes that died, and of one that is at work."""
    return [path for path in cache.parent.glob(f"{cache.stem}.*") if files.TEMPORARY in path.name]


def _embed(photos: Photos, shards: Shards, encoder, compute: Callable):
    """Computes the batches that are missing, then makes the cache from all of them."""
    names, missing = shards.names, shards.missing()
    left = sum(len(names[start:start + EMBED_BATCH]) for start in missing)
    with tqdm(total=len(names), initial=len(names) - left, unit="photo", desc=f"Embedding {photos.path.name}") as bar:
        for start, rows, skipped in compute(photos, names, missing, encoder):
            shards.write(start, rows, skipped)
            bar.update(len(rows))
    shards.assemble(photos.path)
