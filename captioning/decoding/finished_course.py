"""What a finished run of the course left on the disk: its data, its embeddings and its decoder."""

from typing import NamedTuple

import numpy as np

from captioning.datasets.loading import load_dataset
from captioning.datasets.splits import Split
from captioning.decoding.writer import CaptionWriter
from captioning.encoder.cache import Embeddings, read_embeddings
from captioning.settings import Settings


class Course(NamedTuple):
    """A finished run. Splits and embeddings hold the usable photos, in the same order."""

    settings: Settings                  # completed
    train: Split
    val: Split
    train_img_embeds: np.ndarray        # (N, D) float16
    val_img_embeds: np.ndarray
    writer: CaptionWriter               # writes captions with the best weights of the run


def finished_course(settings: Settings) -> Course:
    """Reads a finished run of the course.

    Args:
        settings: the ones that the course had.

    Raises:
        ValueError: embeddings or checkpoints are missing or damaged, or do not belong together.
    """
    if not any(settings.checkpoint_dir.glob("step-*")):     # before anything is downloaded
        raise ValueError(f"There is no checkpoint in {settings.checkpoint_dir}. Run the course's notebook first, with "
                         "the same settings.")
    train, val = load_dataset(settings)
    embeddings = [_embeddings_of(split, settings) for split in (train, val)]
    writer = CaptionWriter.from_checkpoint(settings.checkpoint_dir, settings.max_len)
    train, val = (split.without(each.skipped) for split, each in zip((train, val), embeddings))
    return Course(settings.completed(train_photos=len(train.names)), train, val,
                  *(each.usable() for each in embeddings), writer)


def _embeddings_of(split: Split, settings: Settings) -> Embeddings:
    """The cached embeddings of a split."""
    cache = settings.cache_dir / f"{split.name}.npy"
    if not cache.exists():
        raise ValueError(f"{cache} is not there. Run the course's notebook first, with the same settings: it embeds "
                         "the photos.")
    embeddings = read_embeddings(cache)
    if embeddings.names != split.names:
        raise ValueError(f"{cache} was made from other photos than those of {split.photos}. Run the course's notebook "
                         "again: it says what to do.")
    return embeddings
