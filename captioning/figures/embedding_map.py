"""A map of photos, in which photos with similar embeddings stand side by side."""

from collections.abc import Iterable

import numpy as np

from captioning.figures.drawing import WIDTH, PhotoSheet, canvas, draw_photo, own_style

SHARE_OF_CELLS = 0.7                # of the map's cells that hold a photo; the empty ones part the neighbourhoods
GAP = 3                             # units between photos


@own_style
def plot_embedding_map(embeddings: np.ndarray, photos: Iterable, seed: int = 0):
    """Plots photos in a grid, each as close as possible to its place on a t-SNE map of the embeddings.

    t-SNE (van der Maaten & Hinton 2008, https://jmlr.org/papers/v9/vandermaaten08a.html) puts similar embeddings side
    by side. Its places overlap, so each photo moves to a cell of a grid, with the least sum of squared distances.

    Args:
        embeddings: (N, D), N is 1 or more; a few hundred fit on the map.
        photos: N PIL images or uint8 arrays (H, W, 3), in the same order. They are read one at a time.
        seed: of t-SNE.

    Returns:
        A Figure.
    """
    cells, (rows, columns) = grid_places(_places(np.asarray(embeddings, np.float32), seed))
    width = WIDTH / columns
    height = 0.75 * width
    figure, ax = canvas(rows * height, "What the encoder sees alike: photos with similar embeddings stand side by side",
                        f"A map of {len(cells)} photos.", PhotoSheet)
    for (row, column), photo in zip(cells, photos):
        draw_photo(ax, photo, (column + 0.5) * width, (row + 0.5) * height, width - GAP, height - GAP)
    return figure


def _places(embeddings, seed) -> np.ndarray:
    """Places of the photos on a map, (N, 2). Fewer than five photos are too few for t-SNE, and stand in a row."""
    from sklearn.manifold import TSNE  # imported here because it takes half a second

    count = len(embeddings)
    if count < 5:
        return np.stack([np.arange(count), np.zeros(count)], axis=1)
    perplexity = min(30, (count - 1) / 3)
    # For a few hundred photos the exact method is faster than Barnes-Hut, and 500 steps give as good a map as 1,000.
    return TSNE(metric="cosine", perplexity=perplexity, init="random", method="exact", max_iter=500,
                random_state=seed).fit_transform(embeddings)


def grid_places(places: np.ndarray) -> tuple[np.ndarray, tuple[int, int]]:
    """Moves places on a map to cells of a grid, no two to the same.

    Args:
        places: (N, 2), x and y.

    Returns:
        (N, 2) rows and columns, and the grid's numbers of rows and columns.
    """
    from scipy.optimize import linear_sum_assignment

    side = int(np.ceil(np.sqrt(len(places) / SHARE_OF_CELLS)))      # 4:3 cells, as many rows as columns: a 4:3 map
    low, high = places.min(axis=0), places.max(axis=0)
    scaled = (places - low) / np.maximum(high - low, 1e-9) * (side - 1)
    columns, rows = (axis.ravel() for axis in np.meshgrid(np.arange(side), np.arange(side)))
    distances = (scaled[:, :1] - columns) ** 2 + (scaled[:, 1:] - rows) ** 2
    _, taken = linear_sum_assignment(distances)
    return np.stack([rows[taken], columns[taken]], axis=1), (side, side)
