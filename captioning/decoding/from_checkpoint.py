"""A decoder that writes captions, read from a checkpoint: no dataset, and no code of the decoder's."""

from pathlib import Path
from typing import NamedTuple

import keras

from captioning.decoder import checkpoints, model_text

MODELS = "initial_state", "one_step"


class SavedDecoder(NamedTuple):
    """What a checkpoint holds of a decoder."""

    initial_state: keras.Model
    one_step: keras.Model
    vocab: dict[str, int]
    recipe: dict                # of the embeddings that it was trained with


def read_decoder(folder) -> SavedDecoder:
    """Reads a decoder from a checkpoint, or from the best one in a folder of checkpoints.

    Raises ValueError when there is no checkpoint, or it is damaged or does not describe the two models.
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
            "notebook, and take its weights with trainer.restore_best().") from None
    return SavedDecoder(*models, vocab, recipe)


def _checkpoint_of(folder: Path) -> checkpoints.Checkpoint:
    """This checkpoint, or the best of this folder of them."""
    if (folder / checkpoints.ABOUT).is_file():
        return checkpoints.read_checkpoint(folder)
    of_run = checkpoints.CheckpointFolder(folder)
    newest = of_run.newest()
    if newest is None:
        raise ValueError(f"{folder} holds no checkpoint; expected folders such as step-00002400 in it.")
    return of_run.best(newest.about.get("history", []))
