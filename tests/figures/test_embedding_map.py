"""On the map of embeddings, photos with similar embeddings stand side by side, and none covers another."""

import numpy as np
import pytest
from PIL import Image

from captioning.figures.embedding_map import grid_places, plot_embedding_map


def test_places_move_to_cells_of_their_own_near_where_they_were():
    places = np.random.default_rng(0).normal(size=(60, 2))
    cells, (rows, columns) = grid_places(places)
    assert len({tuple(cell) for cell in cells}) == 60
    assert cells.min() >= 0 and (cells < [rows, columns]).all() and rows * columns < 120
    scaled = (places - places.min(0)) / np.ptp(places, axis=0) * (rows - 1)
    assert np.abs(cells[:, ::-1] - scaled).mean() < 1.5


def test_similar_embeddings_stand_side_by_side():
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(3), 20)
    embeddings = np.eye(3)[groups] * 10 + rng.normal(size=(60, 3)) * 0.1
    colours = "red", "green", "blue"
    figure = plot_embedding_map(embeddings, (Image.new("RGB", (8, 6), colours[group]) for group in groups))
    boxes = np.array([image.get_extent() for image in figure.axes[0].images])
    centres = np.stack([boxes[:, :2].mean(1), boxes[:, 2:].mean(1)], axis=1)
    distances = np.linalg.norm(centres[:, None] - centres, axis=2)
    np.fill_diagonal(distances, np.inf)
    assert (groups[distances.argmin(axis=1)] == groups).mean() > 0.9


@pytest.mark.parametrize("count", [1, 2, 4, 5, 7])
def test_a_few_photos_have_a_map_too(count):
    embeddings = np.random.default_rng(0).normal(size=(count, 16)).astype(np.float16)
    figure = plot_embedding_map(embeddings, [Image.new("RGB", (8, 6))] * count)
    assert len(figure.axes[0].images) == count
