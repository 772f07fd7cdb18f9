"""Reads captions from the files of common tools: tables, JSON lines, Flickr's token file, Karpathy's JSON."""

import csv
import io
from collections.abc import Iterator
from pathlib import PurePosixPath

from captioning.datasets.annotations import parse_bounded

DELIMITERS = ",;\t"
SPLIT_NAMES = {"train": "train", "restval": "train", "val": "val", "valid": "val", "validation": "val", "dev": "val",
               "test": "test"}
Pairs = Iterator[tuple[str, str]]       # a photo as the file names it, and a caption of it


def decoded(raw: bytes, where) -> str:
    """The text of a file in UTF-8 or, with a byte order mark, UTF-16.

    Raises:
        ValueError: for another encoding. The message names the file.
    """
    try:
        return raw.decode("utf-16" if raw.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{where} is not text in UTF-8 (byte {error.start:,}). Save it as UTF-8.") from None


def table(raw: bytes, where, photo: str, caption: str) -> Pairs:
    """Captions of a table with a header. Its columns are separated by commas, semicolons or tabs.

    Args:
        raw: the file's bytes.
        where: the file, for messages.
        photo: name of the column of photos.
        caption: name of the column of captions. If it is the last one, captions may hold the separator unquoted.

    Raises:
        ValueError: if a column is missing, or a row is too short. The message names the file.
    """
    text, headers = decoded(raw, where), []
    for delimiter in DELIMITERS:
        rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        header = [name.strip().lower() for name in next(rows, [])]
        if photo in header and caption in header:
            return _rows(rows, header, where, photo, caption, delimiter)
        headers.append(header)
    found = ", ".join(max(headers, key=len)) or "none"
    raise ValueError(f"{where} has the columns {found:.100}; expected {photo}, {caption}. Rename the columns.")


def _rows(rows, header: list[str], where, photo: str, caption: str, delimiter: str) -> Pairs:
    """The rows of a table after its header."""
    of_photo, of_caption = header.index(photo), header.index(caption)
    try:
        for row in rows:
            if not row:
                continue
            if len(row) < len(header):
                raise ValueError(f"the row has {len(row)} columns, the header has {len(header)}")
            rest = row[of_caption:] if of_caption == len(header) - 1 else [row[of_caption]]
            yield row[of_photo].strip(), delimiter.join(rest)
    except (ValueError, csv.Error) as error:
        raise ValueError(f"{where}, line {rows.line_num}: {error}. Correct this line.") from None


def json_lines(raw: bytes, where, photo: str, caption: str) -> Pairs:
    """Captions of a file with a JSON object on each line. Arguments and errors are those of `table`."""
    for number, line in enumerate(decoded(raw, where).split("\n"), 1):
        if not line.strip():
            continue
        try:
            entry = parse_bounded(line.encode())
        except ValueError as error:
            raise ValueError(f"{where}, line {number} is not JSON: {error}. Correct this line.") from None
        texts = entry.get(caption) if isinstance(entry, dict) else None
        texts = [texts] if isinstance(texts, str) else texts
        if not isinstance(texts, list) or not all(isinstance(x, str) for x in (entry.get(photo), *texts)):
            raise ValueError(f"{where}, line {number} is {line.strip()!r:.100}; expected an object with {photo} and "
                             f"{caption}. Correct this line.")
        yield from ((entry[photo], text) for text in texts)


def tokens(raw: bytes, where) -> Pairs:
    """Captions of Flickr's token file, `name#0<TAB>caption` on each line.

    Raises:
        ValueError: for another line. The message names the file and the line.
    """
    for number, line in enumerate(decoded(raw, where).split("\n"), 1):
        name, tab, caption = line.strip("\r").partition("\t")
        photo, mark, _ = name.rpartition("#")
        if tab and mark:
            yield photo.strip(), caption
        elif line.strip():
            raise ValueError(f"{where}, line {number} is {line.strip()!r:.100}; expected name#0, a tab and a caption.")


def listed(raw: bytes, where) -> list[str]:
    """The photos that a list of Flickr names, one on each line."""
    return [line.strip() for line in decoded(raw, where).splitlines() if line.strip()]


def karpathy(raw: bytes, where) -> tuple[list[tuple[str, str]], dict[str, str]]:
    """Captions and splits of Karpathy's JSON.

    Returns:
        (photo, caption) of each sentence; {photo: "train", "val" or "test"}, where restval counts as train.

    Raises:
        ValueError: if the content is not as Karpathy's. The message names the file and the entry.
    """
    pairs, splits, image = [], {}, None
    try:
        for image in parse_bounded(raw)["images"]:
            name = str(PurePosixPath(image.get("filepath", ""), image["filename"]))
            splits[name] = SPLIT_NAMES[image["split"]]
            pairs += [(name, str(sentence["raw"])) for sentence in image["sentences"]]
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{where} is not Karpathy's: {error!r:.80} in {image!r:.80}; expected "
                         "`images` with `filename`, `split` and `sentences`, each with `raw`.") from None
    except ValueError as error:
        raise ValueError(f"{where} can't be read: {error}. Get the file again.") from None
    return pairs, splits
