"""Reads a decoder from a checkpoint, without the dataset or the code that made the decoder."""

from pathlib import Path
from typing import NamedTuple

import keras

from captioning.decoder import checkpoints, model_text

MODELS = "initial_state", "one_step"


class SavedDecoder(NamedTuple):
    """A decoder as a checkpoint holds it; the models have the averaged weights."""

    initial_state: keras.Model
    one_step: keras.Model
    vocab: dict[str, int]
    recipe: dict                # of the embeddings that it was trained with


def read_decoder(folder) -> SavedDecoder:
    """Reads a decoder.

    Args:
        folder: A checkpoint, or a folder of checkpoints, of which the one with the lowest validation loss is read.

    Raises:
        ValueError: There is no checkpoint, it is damaged, or it does not hold the models, vocabulary and recipe.
    """
    checkpoint = _checkpoint_of(Path(folder))
    vocab, recipe = checkpoint.about.get("vocab"), checkpoint.about.get("recipe")
    try:
        if not isinstance(vocab, dict) or sorted(vocab.values()) != list(range(len(vocab))):
            raise ValueError("it has no vocabulary")
        if not isinstance(recipe, dict):
            raise ValueError("it does not say which encoder it was trained with")
        models = model_text.rebuild(checkpoint.about.get("models"), checkpoint.arrays, MODELS)
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(
            f"The checkpoint {checkpoint.path} can't write captions by itself: {error}. Build the decoder in the "
            "notebook and load its weights with trainer.restore_best().") from None
    return SavedDecoder(*models, vocab, recipe)


def _checkpoint_of(folder: Path) -> checkpoints.Checkpoint:
    """The checkpoint in this folder, or the best one of a folder of checkpoints."""
    if (folder / checkpoints.ABOUT).is_file():
        return checkpoints.read_checkpoint(folder)
    of_run = checkpoints.CheckpointFolder(folder)
    newest = of_run.newest()
    if newest is None:
        raise ValueError(f"{folder} holds no checkpoint; expected folders such as step-00002400 in it. Train first, "
                         "or name the folder of a run, such as checkpoints/drawn.")
    return of_run.best(newest.about.get("history", []))
