"""Captions for photos anywhere on the disk, by a trained decoder and the encoder that it was trained with."""

import csv
import io
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from captioning.datasets.photo_folder import open_photos, read_photo_file
from captioning.decoder.checkpoints import CheckpointFolder
from captioning.decoding import inputs
from captioning.decoding.caption import Caption
from captioning.decoding.writer import CaptionWriter
from captioning.encoder.batches import EMBED_BATCH, embed_batches
from captioning.encoder.cnn import Encoder, NoBfloat16, get_cnn_encoder
from captioning.encoder.networks import ARCHITECTURES, find_weights

NO_REPEAT = 2                   # as in the notebook: no pair of words comes twice in a caption


class ChosenPhotos:
    """Photos from files, folders and zips, in the order in which they are given. A folder's are sorted by name.

    Attributes:
        names: a photo's path, or the path of its zip or folder with its name in it.

    Raises:
        FileNotFoundError: if a path is not there.
        ValueError: if a folder or zip has no photos, or a zip is damaged. The message names it.
    """

    def __init__(self, paths: Iterable):
        self._readers = {}
        for path in map(Path, paths):
            if not path.exists():
                raise FileNotFoundError(f"{path} is not there. Give photos, folders of photos, or zips of photos.")
            if path.is_dir() or path.suffix.lower() == ".zip":
                photos = open_photos(path)
                self._readers |= {(path / name).as_posix(): (photos.read, name) for name in photos.names}
            else:
                self._readers[path.as_posix()] = (read_photo_file, path)
        self.names = list(self._readers)

    def read(self, name: str) -> bytes:
        """The encoded bytes of a photo, one of `names`. Raises BadPhoto if it can't be read."""
        read, inner = self._readers[name]
        return read(inner)


def newest_run(root) -> Path:
    """The folder of the newest checkpoint under a root: the last decoder that was trained.

    Files tell their age badly: copies are as old as their copying. So it says which folder it takes if there are more.

    Args:
        root: CAPTION_CHECKPOINT_ROOT.

    Raises:
        FileNotFoundError: if there is none.
    """
    folders = {path.parent for path in Path(root).glob("**/step-*") if path.is_dir()}
    newest = {folder: paths[-1].stat().st_mtime for folder in folders if (paths := CheckpointFolder(folder).paths())}
    if not newest:
        raise FileNotFoundError(f"{root} holds no checkpoint of a trained decoder. Run the notebook first (make run), "
                                "or name another folder with --checkpoint.")
    chosen = max(newest, key=newest.get)
    if len(newest) > 1:
        print(f"Captions are by {chosen}, the newest of {len(newest)} decoders. To choose another one, name its folder "
              "with --checkpoint.", file=sys.stderr)
    return chosen


def encoder_of(recipe: dict, weights: str) -> Encoder:
    """The encoder that a decoder was trained with.

    Args:
        recipe: of the embeddings, from the decoder's checkpoint.
        weights: CAPTION_ENCODER_WEIGHTS, which counts only if the decoder's encoder has its weights from a file.

    Raises:
        OSError: if the weights are missing or can't be downloaded.
        ValueError: if this project has no such encoder, or its weights are others than the decoder's encoder had.
    """
    name, label, precision = (str(recipe.get(key)) for key in ("encoder", "weights", "precision"))
    known = {each.build.__name__: key for key, each in ARCHITECTURES.items()}
    if name not in known or precision not in ("float32", "bfloat16"):
        raise ValueError(f"The decoder was trained with {name} in {precision}; expected one of {', '.join(known)} in "
                         "float32 or bfloat16. Take another checkpoint, or write captions in the notebook.")
    known_weights = "drawn", "imagenet"
    of_project = next((each for each in known_weights if label.split(",")[0] == each), None)
    if not of_project and weights in known_weights:
        raise ValueError(f"The decoder's encoder has its weights from a file ({label}). Set CAPTION_ENCODER_WEIGHTS to "
                         "that file.")
    inputs.require_same({"weights": find_weights(of_project or weights)[1]}, {"weights": label})
    try:
        return get_cnn_encoder(of_project or weights, precision, known[name])
    except NoBfloat16:                          # this machine is not the one that trained
        return get_cnn_encoder(of_project or weights, "float32", known[name])


def caption_all(photos: ChosenPhotos, encoder: Encoder, writer: CaptionWriter,
                width: int = 3) -> Iterator[tuple[str, list[Caption] | str]]:
    """Writes captions for photos, a batch at a time.

    A batch has only the photos that there are, since one photo alone takes a tenth of the time of 32. A network whose
    arithmetic depends on the batch may then give numbers that differ by rounding from those of `embed_split`.

    Args:
        photos: the photos.
        encoder: the decoder's.
        writer: the decoder.
        width: of the beam search.

    Yields:
        A photo's name, and its captions, best first, or the reason why it can't be read.

    Raises:
        ValueError: if the encoder is not the decoder's.
    """
    writer.require_encoder(encoder)
    starts = range(0, len(photos.names), EMBED_BATCH)
    for start, rows, skipped in embed_batches(photos, photos.names, starts, encoder, padded=False):
        names = photos.names[start:start + EMBED_BATCH]
        captions = writer.beams(rows, width, no_repeat=NO_REPEAT)
        yield from ((name, skipped.get(name, found)) for name, found in zip(names, captions))


def as_csv(captions: dict[str, list[str]]) -> str:
    """A table with the columns image and caption, a row for each caption."""
    text = io.StringIO(newline="")
    table = csv.writer(text, lineterminator="\n")
    table.writerow(("image", "caption"))
    table.writerows((name, caption) for name, found in captions.items() for caption in found)
    return text.getvalue()
