"""The training photos whose embeddings are most like those of a photo, and their captions."""

from collections.abc import Sequence

import numpy as np
from tqdm.auto import tqdm

from captioning.scoring.words import Words


def nearest_photos(
    train_embeddings: np.ndarray, val_embeddings: np.ndarray, count: int = 1, block: int = 4096
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
    from sklearn.preprocessing import normalize

    rows = np.zeros((len(val_embeddings), count), np.int64)
    cosines = np.full((len(val_embeddings), count), -np.inf, np.float32)
    starts = range(0, len(val_embeddings), block)
    for val_rows in tqdm([slice(start, start + block) for start in starts], "Nearest photos", leave=False, delay=5):
        val = normalize(np.asarray(val_embeddings[val_rows], np.float32))
        for start in range(0, train_count, block):
            train = normalize(np.asarray(train_embeddings[start:start + block], np.float32))
            of_val, of_train, of_pairs = _nearest_pairs(val, train, cosines[val_rows])
            _keep_nearest(rows[val_rows], cosines[val_rows], of_val, start + of_train, of_pairs)
    return rows, cosines


def _nearest_pairs(val: np.ndarray, train: np.ndarray, so_far: np.ndarray):
    """Pairs among which the nearest ones are.

    Args:
        val: (B, D), rows of length 1.
        train: (T, D), rows of length 1.
        so_far: (B, count), cosines of the nearest photos so far, the nearest first.

    Returns:
        Row of val, row of train and cosine of each pair, (P,) each.
    """
    similarity, count = val @ train.T, min(so_far.shape[1], len(train))
    last = similarity.max(axis=1) if count == 1 else np.partition(similarity, -count, axis=1)[:, -count]
    pairs = np.nonzero(similarity >= np.maximum(last, so_far[:, -1])[:, None])
    return *pairs, similarity[pairs]


def _keep_nearest(rows: np.ndarray, cosines: np.ndarray, of_val: np.ndarray, of_train: np.ndarray, found: np.ndarray):
    """Updates the nearest photos so far with further pairs.

    Args:
        rows: (B, count), of the nearest so far; changed in place.
        cosines: (B, count), of the same; changed in place.
        of_val: (P,), which of the B rows each pair is for.
        of_train: (P,), row of the training photo.
        found: (P,), cosine of the pair.
    """
    photos, count = rows.shape
    of_val = np.concatenate([np.repeat(np.arange(photos), count), of_val])
    of_train, found = np.append(rows, of_train), np.append(cosines, found)
    order = np.lexsort((of_train, -found, of_val))              # ties to the lower row
    first = np.searchsorted(of_val[order], np.arange(photos))
    best = order[first[:, None] + np.arange(count)]
    rows[:], cosines[:] = of_train[best], found[best]


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
