"""Reads and checks MSCOCO's caption annotations."""

import itertools
import re
import warnings
from collections import defaultdict
from collections.abc import Collection, Iterable
from pathlib import Path, PurePosixPath

from captioning.datasets.photo_zip import composed
from captioning.storage import files, zips

MAX_CAPTIONS_BYTES = 128_000_000    # of the captions' JSON; MSCOCO's has 67 million (2014) or 92 million (2017)
MAX_CAPTIONS_VALUES = 5_000_000     # in it; MSCOCO's has 2.4 or 3.5. Small values take 25 times their bytes
MAX_CAPTION = 1_000                 # characters
MAX_CAPTIONS = 100                  # of one photo; MSCOCO has five, sometimes more
# Also halves of surrogate pairs, line separators, and what turns the direction of the text that follows.
CONTROL_CHARACTERS = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def read_captions(annotations, member: str) -> dict[str, tuple[int, list[str]]]:
    """Reads the captions of a split.

    Control characters in captions become spaces. Captions without a word, captions longer than MAX_CAPTION, and those
    after the first MAX_CAPTIONS of a photo are left out; a warning says how many.

    Args:
        annotations: the zip with MSCOCO's annotations, or the folder that they were unpacked to.
        member: the JSON in it, such as "annotations/captions_train2014.json".

    Returns:
        {photo's file name: (image id, its captions)}.

    Raises:
        ValueError: if the content is not as MSCOCO's. The message names the zip, the member and the entry.
        FileNotFoundError: if the zip is missing.
    """
    where = f"{annotations}, {member}"
    raw = read_text_file(Path(annotations) / member) if Path(annotations).is_dir() else read_member(annotations, member)
    try:
        content = parse_bounded(raw)
    except ValueError as error:
        raise ValueError(f"{where} can't be read: {error}. Get the file again.") from None
    if not isinstance(content, dict) or not all(isinstance(content.get(k), list) for k in ("images", "annotations")):
        raise ValueError(f"{where} is not MSCOCO's: expected an object with the lists `images` and `annotations`.")
    ids = _image_ids(where, content["images"])
    captions = cleaned(where, _captions_of_images(where, content["annotations"], set(ids.values())), ids.values())
    return {name: (image_id, captions[image_id]) for name, image_id in ids.items()}


def read_member(path, member: str) -> bytes:
    """Reads a text of a zip. Raises ValueError, which names both, if it is absent, damaged or too large."""
    with zips.Zip(path) as archive:
        try:
            return archive.read(member, MAX_CAPTIONS_BYTES)
        except KeyError:
            raise ValueError(f"{path} has no member {member}; it has {list(archive.members)[:5]}.") from None
        except ValueError as error:
            raise ValueError(f"{path}, {member} can't be read: {error}. Get the file again.") from None


def read_text_file(path) -> bytes:
    """Reads a file of captions. Raises ValueError if it is too large, OSError if it can't be read."""
    if (size := Path(path).stat().st_size) > MAX_CAPTIONS_BYTES:
        raise ValueError(f"{path} has {size:,} bytes; captions may have {MAX_CAPTIONS_BYTES:,}. Divide the dataset.")
    return Path(path).read_bytes()


def parse_bounded(raw: bytes):
    """What the JSON holds. Raises ValueError for so many values that they would fill the memory."""
    values = sum(map(raw.count, (b",", b"[", b"{")))        # at most one value follows each
    if values > MAX_CAPTIONS_VALUES:
        raise ValueError(f"it has about {values:,} values; at most {MAX_CAPTIONS_VALUES:,} are read")
    return files.parse_json(raw)


def _image_ids(where, images) -> dict[str, int]:
    """{file name without folders: image id}; each name and each id stands for one image."""
    ids, seen = {}, set()
    for i, image in enumerate(images):
        image_id = _field(where, "images", i, image, "id", int)
        path = _field(where, "images", i, image, "file_name", str)
        name = composed(PurePosixPath(path.replace("\\", "/")).name)
        if not 0 <= image_id < 2**63:
            raise ValueError(f"{where}: images[{i}] has the id {image_id!r:.60}; expected 0 to 2**63 - 1.")
        if image_id in seen or name in ids:
            raise ValueError(f"{where}: images[{i}] has the id {image_id} and the name {name!r:.80}; an earlier "
                             "image has the same id or name. Remove or rename one of the two.")
        seen.add(image_id)
        ids[name] = image_id
    return ids


def _captions_of_images(where, annotations, image_ids: set[int]) -> Iterable[tuple[int, str]]:
    """(image id, caption) of each annotation."""
    for i, annotation in enumerate(annotations):
        image_id = _field(where, "annotations", i, annotation, "image_id", int)
        if image_id not in image_ids:
            raise ValueError(f"{where}: annotations[{i}] is for image {image_id!r:.60}, which `images` does not list.")
        yield image_id, _field(where, "annotations", i, annotation, "caption", str)


def cleaned(where, pairs: Iterable[tuple], photos: Iterable = ()) -> dict:
    """Groups captions by photo. Control characters become spaces; what is beyond the limits is left out.

    Args:
        where: the file, for the warning that says what was left out.
        pairs: (photo, caption) of each caption. A photo may be a name or an id.
        photos: photos that are listed even without captions.

    Returns:
        {photo: its captions}, in the order of the pairs.
    """
    captions, left_out = {photo: [] for photo in photos}, defaultdict(list)
    for photo, text in pairs:
        of_photo, caption = captions.setdefault(photo, []), CONTROL_CHARACTERS.sub(" ", text).strip()
        if not re.search(r"\w", caption):
            left_out["have no word"].append(f"{photo}: {caption}")
        elif len(caption) > MAX_CAPTION:
            left_out[f"have more than {MAX_CAPTION:,} characters"].append(f"{photo}: {caption}")
        elif len(of_photo) == MAX_CAPTIONS:
            left_out[f"come after the first {MAX_CAPTIONS} of their photo"].append(f"{photo}: {caption}")
        else:
            of_photo.append(caption)
    for what, found in left_out.items():
        warnings.warn(f"{where}: {len(found):,} captions {what} and are left out: {first_of(found)}.", stacklevel=4)
    return captions


def first_of(texts: Collection[str], shown: int = 3) -> str:
    """The first texts in quotes, long ones cut, and … if there are more."""
    return ", ".join(f"{text!r:.60}" for text in itertools.islice(texts, shown)) + ", …" * (len(texts) > shown)


def _field(where, table, index, entry, key, kind):
    """A field of an entry, if it has the right kind; else ValueError that names the entry."""
    value = entry.get(key) if isinstance(entry, dict) else None
    if not isinstance(value, kind) or isinstance(value, bool):
        raise ValueError(f"{where}: {table}[{index}] needs `{key}` as {kind.__name__}, found {value!r:.60}.")
    return value
