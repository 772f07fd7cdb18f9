"""Checks what a caption writer is given: the encoder, and the shape and values of embeddings."""

import warnings

import numpy as np

from captioning.encoder.cache import Embeddings
from captioning.encoder.recipes import ARITHMETIC, different_recipe, without

OF_PHOTOS = ("photos", "resize", "batch", "crop")   # what `embed_split` adds to an encoder's recipe
IN_TWO_PLACES = ("in the encoder", "in the decoder")


def require_encoder(encoder, recipe: dict | None):
    """Checks that an encoder is the one that a decoder was trained with.

    Warns, with both values, if it only rounds otherwise: on another processor, or in float32 in place of bfloat16,
    which not every processor has. Nobody can undo that, so it is not refused; see `embed_split`.

    Args:
        encoder: Its `recipe` says what its embeddings depend on.
        recipe: Of the embeddings that the decoder was trained with; None if unknown.

    Raises:
        ValueError: The recipes differ, or the decoder's is unknown.
    """
    if recipe is None:
        raise ValueError("This caption writer does not know its encoder, so it can't check the one that it is given. "
                         "Make it with CaptionWriter(..., recipe=embeddings.recipe) or CaptionWriter.from_checkpoint.")
    found, wanted, rounding = encoder.recipe, without(recipe, *OF_PHOTOS), [ARITHMETIC]
    if (found.get("precision"), wanted.get("precision")) == ("float32", "bfloat16"):
        rounding.append("precision")
    require_same(without(found, *rounding), without(wanted, *rounding))
    _warn_of_rounding(different_recipe(found, wanted, *IN_TWO_PLACES))


def require_same(found: dict, wanted: dict):
    """Raises ValueError, with both values, if an encoder's recipe is not that of the decoder's encoder."""
    if different := different_recipe(found, wanted, *IN_TWO_PLACES):
        raise ValueError(f"This encoder is not the one that the decoder was trained with ({different}): make the "
                         "decoder's with get_cnn_encoder, or take a checkpoint that was trained with this one.")


def rows_of(embeddings, recipe: dict | None, shape: tuple[int, ...]) -> np.ndarray:
    """The rows of embeddings, after a check of their encoder and shape.

    Args:
        embeddings: An array, (N, *shape), or `Embeddings`, of which the usable rows are taken.
        recipe: Of the embeddings that the decoder was trained with; None if unknown, and then it is not compared.
        shape: Of one photo's embedding.

    Raises:
        ValueError: The embeddings have another recipe, apart from their photos, or another shape.
    """
    if isinstance(embeddings, Embeddings):
        _require_recipe(embeddings.recipe, recipe)
        embeddings = embeddings.usable()
    rows = np.asarray(embeddings)
    if rows.shape[1:] != shape:
        raise ValueError(f"The embeddings have the shape {rows.shape}, but this decoder takes (photos, "
                         f"{', '.join(map(str, shape))}): pass a row for each photo, from the decoder's encoder.")
    return rows


def row_of(embedding, shape: tuple[int, ...]) -> np.ndarray:
    """One photo's embedding as float32. Raises ValueError if it has another shape or is not finite."""
    row = np.asarray(embedding)
    if row.shape != shape:
        raise ValueError(f"The embedding has the shape {row.shape}, but this decoder takes {shape}: pass one row, "
                         "of one photo, from the decoder's encoder.")
    return finite(row[None])[0]


def finite(rows, first: int = 0) -> np.ndarray:
    """The rows as float32. Raises ValueError if one has NaN or infinite values. first: number of the first row."""
    rows = np.asarray(rows, np.float32)
    bad = np.flatnonzero(~np.isfinite(rows).reshape(len(rows), -1).all(axis=1))
    if len(bad):
        raise ValueError(f"Row {first + bad[0]:,} of the embeddings has NaN or infinite values, but a caption needs "
                         "finite ones: embed that photo again, or leave its row out.")
    return rows


def _require_recipe(found: dict, wanted: dict | None):
    """Raises ValueError if embeddings have another recipe than the decoder's; warns if they only round otherwise."""
    if wanted is None:
        return
    found, wanted, places = without(found, "photos"), without(wanted, "photos"), ("in the embeddings", "in the decoder")
    if different := different_recipe(without(found, ARITHMETIC), without(wanted, ARITHMETIC), *places):
        raise ValueError(f"These embeddings are not from the encoder that the decoder was trained with ({different}): "
                         "embed the photos with the decoder's, or take a checkpoint that was trained on such ones.")
    _warn_of_rounding(different_recipe(found, wanted, *places))


def _warn_of_rounding(different: str):
    """Warns that embeddings are rounded otherwise than the decoder's were. different: how, empty if they are not."""
    if different:
        warnings.warn(f"The photos' embeddings are rounded otherwise than those that the decoder learned from "
                      f"({different}): the processor, or the versions of libraries, are others. A few captions may "
                      "have another word. To avoid it, write captions on the machine that trained.", stacklevel=4)
