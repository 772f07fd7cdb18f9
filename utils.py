"""Photos in: read from the zip, decoded, cropped, embedded once and cached. Captions in: read and matched.

All datasets have MSCOCO 2014's layout, so one path serves all: train2014.zip, val2014.zip and
annotations_trainval2014.zip. Photos are read from the zip and never unpacked.
"""

import contextlib
import functools
import hashlib
import io
import json
import os
import re
import warnings
from collections import Counter, deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image, ImageOps
from tqdm.auto import tqdm

import download_utils
import drawn_world
import files
import zips
from settings import Settings

IMG_SIZE = 299                      # side of the square that InceptionV3 sees, pixels
PAD, UNK, START, END = "#PAD#", "#UNK#", "#START#", "#END#"     # tokens that are no words
ZIPS = ("train2014.zip", "val2014.zip", "annotations_trainval2014.zip")
PHOTO_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff")
PHOTO_FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF")     # no EPS, which would start another program
MAX_PIXELS = 64_000_000             # of a photo in memory; larger ones are skipped before they are decoded
MAX_SCANNED_PIXELS = 1_000_000_000  # pixels times passes over them, in a progressive JPEG
MAX_PHOTO_BYTES = 100_000_000       # of a photo's file; larger ones are skipped too
MAX_CAPTIONS_BYTES = 128_000_000    # of the captions' JSON; MSCOCO's have 67 (2014) and 92 (2017) million
MAX_CAPTIONS_VALUES = 5_000_000     # in it; MSCOCO's have 2.4 and 3.5 million. Small ones take 25 times their bytes
MAX_CAPTION = 1_000                 # characters
MAX_CAPTIONS = 100                  # of one photo; MSCOCO's have five, a few six
EMBED_BATCH = 32                    # photos that go through the network at once, and are saved at once
MAX_BATCH_BYTES = 100_000_000       # of the embeddings of a batch; InceptionV3's have 131,072
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")     # control characters, halves of surrogate pairs

# Pillow's warnings of odd photos help no learner. For all the process, since filters are not kept apart for threads.
warnings.filterwarnings("ignore", module=r"PIL\.")


class BadPhoto(ValueError):
    """A photo that can't be decoded; the message is the reason."""


# ---------------------------------------------------------------------------------------------- photos

def decode_photo(raw: bytes) -> Image.Image:
    """The photo as it should be seen: RGB, 8 bits, turned as its EXIF says, white where it is transparent.

    Of an animation it is the first frame. Large JPEGs come scaled down, but not below 2 * IMG_SIZE.
    Raises BadPhoto with the reason.
    """
    try:
        image = Image.open(io.BytesIO(raw), formats=PHOTO_FORMATS)
        _bound(image, raw)
        image.load()
        with contextlib.suppress(Exception):            # what else is wrong with an EXIF block does not matter
            ImageOps.exif_transpose(image, in_place=True)
        return _as_rgb(image)
    except BadPhoto:
        raise
    except Image.UnidentifiedImageError:
        raise BadPhoto("is no photo (JPEG, PNG, GIF, WebP, BMP or TIFF)" if raw else "is empty") from None
    except Image.DecompressionBombError:                # Pillow's own limit, which holds for JPEGs too
        raise BadPhoto("has too many pixels to be decoded") from None
    except Exception as error:      # Pillow's plugins raise many kinds: OSError, SyntaxError, struct.error, ...
        raise BadPhoto(f"can't be decoded: {error or type(error).__name__}") from None


def read_photo_file(path) -> bytes:
    """The bytes of a photo's file, for decode_photo. Raises BadPhoto with the reason."""
    path = Path(os.path.expanduser(path))
    try:
        if not os.path.isfile(path):                    # a pipe, say, would be waited for
            raise BadPhoto("is no file" if os.path.exists(path) else "is not there")
        if path.stat().st_size > MAX_PHOTO_BYTES:
            raise BadPhoto(f"has {path.stat().st_size:,} bytes, more than {MAX_PHOTO_BYTES:,}")
        return path.read_bytes()
    except OSError as error:
        raise BadPhoto(f"can't be read: {error.strerror or error}") from None


def _bound(image: Image.Image, raw: bytes):
    """Has libjpeg scale a large JPEG down while it reads it; refuses what would still take too much to decode.

    Raises BadPhoto. Has read no more than headers.
    """
    width, height = held = image.size
    image.draft("RGB", (2 * IMG_SIZE, 2 * IMG_SIZE))
    if not image.info.get("progressive"):
        held = image.size
    elif (passes := raw.count(b"\xff\xda")) * width * height > MAX_SCANNED_PIXELS:    # marks before each pass
        raise BadPhoto(f"{width} x {height} pixels in {passes:,} passes would take too long to decode")
    if held[0] * held[1] > MAX_PIXELS:                  # of a progressive JPEG, libjpeg holds all of it
        raise BadPhoto(f"{width} x {height} pixels are too many, more than {MAX_PIXELS:,}")


def _as_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I;16"):                   # Pillow would cut values off at 255
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if image.mode in ("I", "F"):
        raise BadPhoto("holds values of 32 bits; expected 8 or 16")
    if not image.has_transparency_data:
        return image.convert("RGB")
    if image.mode != "RGBA":                            # a photo of the largest size takes 256 MB, so it is not copied
        image = image.convert("RGBA")
    seen = Image.new("RGB", image.size, "white")
    seen.paste(image, mask=image.getchannel("A"))
    return seen


def center_crop(image: Image.Image, size: int = IMG_SIZE) -> np.ndarray:
    """The largest centred square, scaled to (size, size, 3) uint8."""
    side = min(image.size)
    left, top = (image.width - side) / 2, (image.height - side) / 2
    square = image.resize((size, size), Image.Resampling.BICUBIC, box=(left, top, left + side, top + side))
    return np.asarray(square, np.uint8)


class PhotoZip:
    """The photos of a zip, by file name without folders. Use as a context manager.

    Raises OSError or ValueError, naming the file, when it is missing, cut short or made to mislead, has two photos of
    one name, or holds no photos.
    """

    def __init__(self, path):
        self.path = Path(path)
        self.zip = zips.Zip(self.path)
        try:
            self.members = self._photos_by_name()
        except ValueError:
            self.zip.close()
            raise
        self.names = sorted(self.members)

    def _photos_by_name(self) -> dict[str, str]:
        """{file name without folders: member of the zip}"""
        found = {}
        for member in self.zip.members:
            if member.lower().endswith(PHOTO_SUFFIXES) and not member.startswith("__MACOSX/"):
                name = PurePosixPath(member).name
                if name in found:
                    raise ValueError(f"{self.path} has two photos called {name!r:.80}: {found[name]!r:.80} and "
                                     f"{member!r:.80}. Captions go by the name alone; rename one of them.")
                found[name] = member
        if not found:
            raise ValueError(f"{self.path} holds no photos (members ending in {', '.join(PHOTO_SUFFIXES)}).")
        return found

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.zip.close()

    def read(self, name: str) -> bytes:
        """The photo's encoded bytes. Raises BadPhoto when they can't be had from the zip, KeyError if not there."""
        try:
            return self.zip.read(self.members[name], MAX_PHOTO_BYTES)
        except zips.BadMember as error:
            raise BadPhoto(f"in {self.path.name} {error}") from None

    def photo(self, name: str) -> Image.Image:
        """The photo, decoded. Raises BadPhoto with the reason."""
        return decode_photo(self.read(name))

    def digest(self, names) -> str:
        """Identifies these photos by name, size and CRC, without reading them."""
        infos = ((n, self.zip.members[self.members[n]]) for n in names)
        rows = ((n, info.file_size, info.CRC) for n, info in infos)
        return hashlib.sha256(json.dumps(list(rows)).encode()).hexdigest()


# -------------------------------------------------------------------------------------------- captions

@dataclass(frozen=True)
class Split:
    """Photos of one split, in the order of their names, with their captions."""

    name: str                           # "train" or "val"
    photos: Path                        # the zip
    names: list[str]                    # N file names
    captions: list[list[str]]           # N lists of captions
    image_ids: list[int]                # N ids, as in the annotations

    def without(self, skipped) -> "Split":
        """This split less the photos in `skipped`, with their captions."""
        keep = [i for i, name in enumerate(self.names) if name not in skipped]
        return Split(self.name, self.photos, *([rows[i] for i in keep]
                                               for rows in (self.names, self.captions, self.image_ids)))


def load_dataset(settings: Settings, photos: bool = True) -> tuple[Split, Split]:
    """Training and validation split of the dataset in the settings, which is drawn or downloaded if it is not there.

    photos: False needs the captions alone, 0.25 GB of MSCOCO's 20: for exercises with text.
    """
    folder = Path(settings.data_dir)
    if settings.dataset == "drawn" and not all((folder / name).exists() for name in ZIPS):
        drawn_world.render_dataset(folder)
    elif settings.dataset == "coco2014":
        download_utils.fetch_coco2014(folder, photos, mirrors=settings.mirrors.split())
    return load_split(folder, "train", photos), load_split(folder, "val", photos)


def load_split(data_dir, split: str, photos: bool = True) -> Split:
    """The photos of `split` ("train" or "val") that have captions.

    Photos without captions and captions without a photo are left out, and said so. photos: False takes all photos
    that have captions and needs only the annotations: for exercises with text.
    Raises ValueError naming the file when the annotations are not MSCOCO's, or when nothing is left.
    """
    data_dir = Path(data_dir)
    annotations, path = data_dir / "annotations_trainval2014.zip", data_dir / f"{split}2014.zip"
    described = read_captions(annotations, f"annotations/captions_{split}2014.json")
    in_zip = described.keys()
    if photos:
        with PhotoZip(path) as found:
            in_zip = set(found.names)
    names = sorted(name for name in in_zip & described.keys() if described[name][1])
    without_captions, without_photo = len(in_zip) - len(names), len(described.keys() - in_zip)
    if not names:
        raise ValueError(f"No photo of {path} has a caption in {annotations}: do they belong together?")
    for count, what in ((without_captions, f"photos of {path} have no caption"),
                        (without_photo, f"photos described in {annotations} are not in {path.name}")):
        if count:
            warnings.warn(f"{count:,} {what}; they are left out.", stacklevel=2)
    return Split(split, path, names, [described[n][1] for n in names], [described[n][0] for n in names])


def read_captions(annotations, member: str) -> dict[str, tuple[int, list[str]]]:
    """{photo's file name: (image id, its captions)} from MSCOCO's caption annotations.

    Control characters in captions become spaces. Captions without a word or longer than MAX_CAPTION are left out, as
    are those of a photo after its first MAX_CAPTIONS, and it is said how many.
    Raises ValueError that names the zip, the member and the entry that is not as MSCOCO's.
    """
    where = f"{annotations}, {member}"
    with zips.Zip(annotations) as archive:
        try:
            content = _parse_bounded(archive.read(member, MAX_CAPTIONS_BYTES))
        except KeyError:
            raise ValueError(f"{annotations} has no member {member}; it has {list(archive.members)[:5]}.") from None
        except ValueError as error:
            raise ValueError(f"{where} can't be read: {error}. Get the file again.") from None
    if not isinstance(content, dict) or not all(isinstance(content.get(k), list) for k in ("images", "annotations")):
        raise ValueError(f"{where} is not MSCOCO's: expected an object with the lists `images` and `annotations`.")
    ids = _image_ids(where, content["images"])
    captions = _captions_by_image(where, content["annotations"], ids.values())
    return {name: (image_id, captions[image_id]) for name, image_id in ids.items()}


def _parse_bounded(raw: bytes):
    """What the JSON holds, unless it has so many values that they would fill the memory. Raises ValueError."""
    values = sum(map(raw.count, (b",", b"[", b"{")))        # at most one value follows each
    if values > MAX_CAPTIONS_VALUES:
        raise ValueError(f"it has about {values:,} values; at most {MAX_CAPTIONS_VALUES:,} are read")
    return files.parse_json(raw)


def _image_ids(where, images) -> dict[str, int]:
    """{file name without folders: image id}, each of both once."""
    ids, seen = {}, set()
    for i, image in enumerate(images):
        image_id = _field(where, "images", i, image, "id", int)
        path = _field(where, "images", i, image, "file_name", str)
        name = PurePosixPath(path.replace("\\", "/")).name
        if not 0 <= image_id < 2**63:
            raise ValueError(f"{where}: images[{i}] has the id {image_id!r:.60}; expected 0 to 2**63 - 1.")
        if image_id in seen or name in ids:
            raise ValueError(f"{where}: images[{i}] has the id {image_id} and the name {name!r:.80}; an earlier "
                             "image has one of them. Each may be there once; remove or rename one of the two.")
        seen.add(image_id)
        ids[name] = image_id
    return ids


def _captions_by_image(where, annotations, image_ids) -> dict[int, list[str]]:
    captions, left_out = {image_id: [] for image_id in image_ids}, Counter()
    for i, annotation in enumerate(annotations):
        image_id = _field(where, "annotations", i, annotation, "image_id", int)
        if image_id not in captions:
            raise ValueError(f"{where}: annotations[{i}] is for image {image_id!r:.60}, which `images` does not list.")
        caption = _UNPRINTABLE.sub(" ", _field(where, "annotations", i, annotation, "caption", str)).strip()
        if not re.search(r"\w", caption):
            left_out["have no word"] += 1
        elif len(caption) > MAX_CAPTION:
            left_out[f"have more than {MAX_CAPTION:,} characters"] += 1
        elif len(captions[image_id]) == MAX_CAPTIONS:
            left_out[f"come after the first {MAX_CAPTIONS} of their photo"] += 1
        else:
            captions[image_id].append(caption)
    for what, count in left_out.items():
        warnings.warn(f"{where}: {count:,} captions {what}; they are left out.", stacklevel=4)
    return captions


def _field(where, table, index, entry, key, kind):
    value = entry.get(key) if isinstance(entry, dict) else None
    if not isinstance(value, kind) or isinstance(value, bool):
        raise ValueError(f"{where}: {table}[{index}] needs `{key}` as {kind.__name__}, found {value!r:.60}.")
    return value


# ------------------------------------------------------------------------------------------ embeddings

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
        return center_crop(photos.photo(name), size)
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
