"""The training photos that the encoder sees as most like a photo, and their captions."""

from collections.abc import Sequence

import numpy as np

from captioning.scoring.words import Words


def nearest_photos(
    train_embeddings: np.ndarray, val_embeddings: np.ndarray, count: int = 1, block: int = 2048
) -> tuple[np.ndarray, np.ndarray]:
    """The training photos most like each validation photo, by cosine of their embeddings.

    train_embeddings: (T, D), val_embeddings: (V, D), any float dtype; memory-mapped arrays are read `block` rows
    at a time, so neither is ever in memory as a whole.
    Returns rows of train_embeddings (V, count) int64, nearest first and of equals the lower row, and their
    cosines (V, count) float32. A row of zeros has cosine 0 with everything.
    Raises ValueError when the widths differ or there are fewer than `count` training photos.
    """
    train_count, width = train_embeddings.shape
    if val_embeddings.ndim != 2 or val_embeddings.shape[1] != width:
        raise ValueError(f"Embeddings of different kinds: training photos have shape {train_embeddings.shape}, "
                         f"validation photos {val_embeddings.shape}; the second numbers must be equal.")
    if not 1 <= count <= train_count:
        raise ValueError(f"{count} nearest photos were asked for, but there are {train_count} training photos.")
    rows = np.empty((len(val_embeddings), count), np.int64)
    cosines = np.empty((len(val_embeddings), count), np.float32)
    for start in range(0, len(val_embeddings), block):
        wanted = _unit_rows(val_embeddings[start:start + block])                             # (B, D)
        best_cosines = np.full((len(wanted), count), -np.inf, np.float32)                    # (B, count)
        best_rows = np.zeros((len(wanted), count), np.int64)
        for train_start in range(0, train_count, block):
            similarity = wanted @ _unit_rows(train_embeddings[train_start:train_start + block]).T
            found_cosines, found_rows = _largest(similarity, min(count, similarity.shape[1]))
            all_cosines = np.concatenate([best_cosines, found_cosines], axis=1)
            all_rows = np.concatenate([best_rows, found_rows + train_start], axis=1)
            order = np.argsort(-all_cosines, axis=1, kind="stable")[:, :count]
            best_cosines = np.take_along_axis(all_cosines, order, axis=1)
            best_rows = np.take_along_axis(all_rows, order, axis=1)
        rows[start:start + block], cosines[start:start + block] = best_rows, best_cosines
    return rows, cosines


def nearest_photo_captions(
    train_embeddings: np.ndarray, train_captions: Sequence[Sequence[Words]], val_embeddings: np.ndarray
) -> list[Words]:
    """For each validation photo the first caption of the training photo most like it: retrieval, not generation.

    train_captions: T lists of captions in the order of train_embeddings (T, D), each words or a sentence.
    val_embeddings: (V, D).  Returns V captions of that kind, [] where there is none.
    Raises ValueError when captions and embeddings are not of the same photos in the same order.
    """
    if len(train_captions) != len(train_embeddings):
        raise ValueError(f"{len(train_embeddings)} training embeddings, but captions of {len(train_captions)} "
                         "photos: both must be of the same photos in the same order.")
    rows, _ = nearest_photos(train_embeddings, val_embeddings)
    return [next(iter(train_captions[row]), []) for row in rows[:, 0]]


def cosine(first: np.ndarray, second: np.ndarray) -> float:
    """Cosine of two photos' embeddings, (D,) each: 1 for what the encoder sees as the same."""
    one, other = _unit_rows(np.stack([first, second]))
    return float(one @ other)


def _unit_rows(embeddings: np.ndarray) -> np.ndarray:
    """Rows as float32 of length 1; rows of zeros stay zeros."""
    rows = np.asarray(embeddings, dtype=np.float32)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(lengths == 0, 1, lengths)


def _largest(similarity: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The `count` largest of each row, (B, count) each, of equals the lower column. Overwrites its argument."""
    each = np.arange(len(similarity))
    values, columns = [], []
    for _ in range(count):
        column = similarity.argmax(axis=1)
        values.append(similarity[each, column])
        columns.append(column)
        similarity[each, column] = -np.inf
    return np.stack(values, axis=1), np.stack(columns, axis=1)
