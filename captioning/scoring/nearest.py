"""The training photos whose embeddings are most like those of a photo, and their captions."""

from collections.abc import Sequence

import numpy as np

from captioning.scoring.words import Words


def nearest_photos(
    train_embeddings: np.ndarray, val_embeddings: np.ndarray, count: int = 1, block: int = 2048
) -> tuple[np.ndarray, np.ndarray]:
    """Finds the training photos whose embeddings have the highest cosine with those of each validation photo.

    Both arrays may be memory-mapped: `block` rows of each are in memory at a time. (scikit-learn's NearestNeighbors
    would hold two float64 copies of all training embeddings, 2.7 GB for MSCOCO, and its ties go to any row.)

    Args:
        train_embeddings: (T, D), any float dtype.
        val_embeddings: (V, D), any float dtype.
        count: number of training photos to find for each validation photo.
        block: rows to compare at a time.

    Returns:
        Rows of train_embeddings, (V, count) int64, the nearest first, and their cosines, (V, count) float32. Ties go to
        the lower row. The cosine of an embedding of zeros is 0.

    Raises:
        ValueError: the widths differ, there are fewer than `count` training photos, or a value is NaN or infinite.
    """
    train_count, width = train_embeddings.shape
    if val_embeddings.ndim != 2 or val_embeddings.shape[1] != width:
        raise ValueError(f"Training embeddings have shape {train_embeddings.shape}, validation embeddings "
                         f"{val_embeddings.shape}, but both need the same width. Embed both with the same encoder.")
    if not 1 <= count <= train_count:
        raise ValueError(f"Can't find {count} nearest photos: there are {train_count} training photos. "
                         f"Choose a count from 1 to {train_count}.")
    # Imported here because it takes half a second.
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
    """Updates the nearest photos so far with the next T training photos.

    Args:
        rows: (B, count), of the nearest so far; changed in place.
        cosines: (B, count), of the same; changed in place.
        similarity: (B, T), cosines of the next training photos.
        first_row: row of the first of them.
    """
    nearer = np.flatnonzero(similarity.max(axis=1) > cosines[:, -1])        # other rows stay as they are
    all_cosines = np.hstack([cosines[nearer], similarity[nearer]])
    all_rows = np.hstack([rows[nearer], np.tile(first_row + np.arange(similarity.shape[1]), (len(nearer), 1))])
    order = np.argsort(-all_cosines, axis=1, kind="stable")[:, :cosines.shape[1]]       # stable: ties to the lower row
    cosines[nearer] = np.take_along_axis(all_cosines, order, axis=1)
    rows[nearer] = np.take_along_axis(all_rows, order, axis=1)


def nearest_photo_captions(
    train_embeddings: np.ndarray, train_captions: Sequence[Sequence[Words]], val_embeddings: np.ndarray
) -> list[Words]:
    """Gives each validation photo the first caption of the nearest training photo.

    This baseline retrieves captions and writes none.

    Args:
        train_embeddings: (T, D).
        train_captions: T lists of captions in the same order, each a list of words or a sentence.
        val_embeddings: (V, D).

    Returns:
        V captions as they stand in train_captions; [] where the nearest photo has none.

    Raises:
        ValueError: there are not as many captions as training embeddings, or see `nearest_photos`.
    """
    if len(train_captions) != len(train_embeddings):
        raise ValueError(f"There are {len(train_embeddings)} training embeddings, but captions of "
                         f"{len(train_captions)} photos. Pass both for the same photos in the same order.")
    rows, _ = nearest_photos(train_embeddings, val_embeddings)
    return [next(iter(train_captions[row]), []) for row in rows[:, 0]]
