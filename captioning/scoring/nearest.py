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
    # Imported here: it takes half a second, which those who only score would wait for.
    from sklearn.metrics.pairwise import cosine_similarity
    from sklearn.utils import gen_batches

    rows = np.zeros((len(val_embeddings), count), np.int64)
    cosines = np.full((len(val_embeddings), count), -np.inf, np.float32)
    for train_rows in gen_batches(train_count, block):
        train = np.asarray(train_embeddings[train_rows], np.float32)
        for val_rows in gen_batches(len(val_embeddings), block):
            similarity = cosine_similarity(np.asarray(val_embeddings[val_rows], np.float32), train)
            _keep_nearest(rows[val_rows], cosines[val_rows], similarity, train_rows.start)
    return rows, cosines


def _keep_nearest(rows: np.ndarray, cosines: np.ndarray, similarity: np.ndarray, first_row: int):
    """Puts those of the next training photos in place that are nearer than the nearest so far.

    rows, cosines: (B, count), changed. similarity: (B, T) to training photos first_row to first_row + T - 1.
    """
    nearer = np.flatnonzero(similarity.max(axis=1) > cosines[:, -1])        # for the others nothing changes
    all_cosines = np.hstack([cosines[nearer], similarity[nearer]])
    all_rows = np.hstack([rows[nearer], np.tile(first_row + np.arange(similarity.shape[1]), (len(nearer), 1))])
    order = np.argsort(-all_cosines, axis=1, kind="stable")[:, :cosines.shape[1]]       # stable: ties to the lower row
    cosines[nearer] = np.take_along_axis(all_cosines, order, axis=1)
    rows[nearer] = np.take_along_axis(all_rows, order, axis=1)


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
