"""Runs the notebook's own cells, for benchmarks that train its decoder."""

import tempfile
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

import keras_utils
import utils
from captioning.decoder.trainer import Data, Trainer
from captioning.encoder.cache import embed_split, read_embeddings
from captioning.encoder.cnn import get_cnn_encoder
from course import build


class Silence:
    """Stands in for the grader and for `display`: accepts any call and does nothing."""

    def __getattr__(self, name):
        return lambda *_, **__: None


def cells(last: str) -> list[str]:
    """Sources of the solved notebook's code cells, from `split_sentence` to the cell that contains `last`."""
    sources = [cell.source for cell in build.build(student=False).cells if cell.cell_type == "code"]
    begin, = (i for i, source in enumerate(sources) if "\nsplit_sentence = " in source)
    end, = (i for i, source in enumerate(sources) if last in source)
    return sources[begin:end + 1]


def run_cells(settings, splits, embeddings, last: str) -> dict:
    """Runs the notebook's cells from `split_sentence` to the cell that contains `last`.

    Args:
        settings: the run's settings.
        splits: training and validation split.
        embeddings: their cached embeddings, in the same order.
        last: text of the last cell to run.

    Returns:
        What the cells define, by name.
    """
    train, val = (split.without(cached.skipped) for split, cached in zip(splits, embeddings))
    train_rows, val_rows = (cached.usable() for cached in embeddings)
    scope = {"keras": keras, "L": layers, "ops": ops, "np": np, "tf": tf, "utils": utils,
             "keras_utils": keras_utils, "grader": Silence(), "display": Silence().any, "print": Silence().any,
             "settings": settings, "IMG_EMBED_SIZE": train_rows.shape[1],
             **{name: getattr(utils, name) for name in ("PAD", "UNK", "START", "END")},
             "train_captions": train.captions, "val_captions": val.captions,
             "train_img_fns": train.names, "val_img_fns": val.names,
             "train_img_embeds": train_rows, "val_img_embeds": val_rows, "train_embeddings": embeddings[0]}
    exec("import re\nfrom collections import Counter", scope)
    keras.utils.set_random_seed(settings.seed)
    for cell in cells(last):
        exec(cell, scope)
    return scope


def embed(settings, splits, folder):
    """Embeds the splits with the settings' encoder; the embeddings stay in the folder."""
    encoder = get_cnn_encoder(
        settings.encoder_weights, settings.precision, settings.encoder, calibration=splits[0], cache_dir=folder)
    return [embed_split(split, encoder, folder) for split in splits]


def embeddings_of(splits, settings, folder):
    """Reads the embeddings in the folder, whatever encoder made them; if there are none, makes them as `embed` does."""
    if all((folder / f"{split.name}.npy").exists() for split in splits):
        return [read_embeddings(folder / f"{split.name}.npy") for split in splits]
    return embed(settings, splits, folder)


def make_trainer(scope, settings, recipe) -> Trainer:
    """A trainer for the notebook's decoder.

    Args:
        scope: the result of `run_cells`.
        settings: the run's settings.
        recipe: recipe of the embeddings.
    """
    data = (Data(scope[f"{split}_img_embeds"], scope[f"{split}_captions_indexed"]) for split in ("train", "val"))
    return Trainer(scope["decoder"], scope["generate_batch"], *data, scope["vocab"], settings, recipe)


def val_losses(settings, splits, embeddings) -> list[float]:
    """Trains the notebook's decoder and returns its validation loss after each epoch, in nats per word."""
    scope = run_cells(settings, splits, embeddings, last="decoder.loss = ")
    with tempfile.TemporaryDirectory() as checkpoints:
        settings = replace(settings, checkpoint_root=Path(checkpoints))
        return [row["val_loss"] for row in make_trainer(scope, settings, embeddings[0].recipe).fit()]
