"""Reads and checks MSCOCO's caption annotations."""

import re
import warnings
from collections import Counter
from pathlib import PurePosixPath

from captioning.storage import files, zips

MAX_CAPTIONS_BYTES = 128_000_000    # of the captions' JSON; MSCOCO's has 67 million (2014) or 92 million (2017)
MAX_CAPTIONS_VALUES = 5_000_000     # in it; MSCOCO's has 2.4 or 3.5. Small values take 25 times their bytes
MAX_CAPTION = 1_000                 # characters
MAX_CAPTIONS = 100                  # of one photo; MSCOCO has five, sometimes more
CONTROL_CHARACTERS = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")   # and halves of surrogate pairs


def read_captions(annotations, member: str) -> dict[str, tuple[int, list[str]]]:
    """Reads the captions of a split.

    Control characters in captions become spaces. Captions without a word, captions longer than MAX_CAPTION, and those
    after the first MAX_CAPTIONS of a photo are left out; a warning says how many.

    Args:
        annotations: the zip with MSCOCO's annotations.
        member: the JSON in it, such as "annotations/captions_train2014.json".

    Returns:
        {photo's file name: (image id, its captions)}.

    Raises:
        ValueError: if the content is not as MSCOCO's. The message names the zip, the member and the entry.
        FileNotFoundError: if the zip is missing.
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
        name = PurePosixPath(path.replace("\\", "/")).name
        if not 0 <= image_id < 2**63:
            raise ValueError(f"{where}: images[{i}] has the id {image_id!r:.60}; expected 0 to 2**63 - 1.")
        if image_id in seen or name in ids:
            raise ValueError(f"{where}: images[{i}] has the id {image_id} and the name {name!r:.80}; an earlier "
                             "image has the same id or name. Remove or rename one of the two.")
        seen.add(image_id)
        ids[name] = image_id
    return ids


def _captions_by_image(where, annotations, image_ids) -> dict[int, list[str]]:
    """{image id: its captions}, cleaned and within the limits."""
    captions, left_out = {image_id: [] for image_id in image_ids}, Counter()
    for i, annotation in enumerate(annotations):
        image_id = _field(where, "annotations", i, annotation, "image_id", int)
        if image_id not in captions:
            raise ValueError(f"{where}: annotations[{i}] is for image {image_id!r:.60}, which `images` does not list.")
        caption = CONTROL_CHARACTERS.sub(" ", _field(where, "annotations", i, annotation, "caption", str)).strip()
        if not re.search(r"\w", caption):
            left_out["have no word"] += 1
        elif len(caption) > MAX_CAPTION:
            left_out[f"have more than {MAX_CAPTION:,} characters"] += 1
        elif len(captions[image_id]) == MAX_CAPTIONS:
            left_out[f"come after the first {MAX_CAPTIONS} of their photo"] += 1
        else:
            captions[image_id].append(caption)
    for what, count in left_out.items():
        warnings.warn(f"{where}: {count:,} captions {what} and are left out.", stacklevel=4)
    return captions


def _field(where, table, index, entry, key, kind):
    """A field of an entry, if it has the right kind; else ValueError that names the entry."""
    value = entry.get(key) if isinstance(entry, dict) else None
    if not isinstance(value, kind) or isinstance(value, bool):
        raise ValueError(f"{where}: {table}[{index}] needs `{key}` as {kind.__name__}, found {value!r:.60}.")
    return value
