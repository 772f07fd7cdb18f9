"""The nearest photos have the highest cosines, whatever the size of the blocks."""

import numpy as np
import pytest

from captioning.scoring.nearest import nearest_photo_captions, nearest_photos


@pytest.mark.parametrize("block", [1, 7, 64])
def test_nearest_photos_are_the_same_for_any_block_from_memory_mapped_halves(tmp_path, block):
    rng = np.random.default_rng(0)
    train, val = rng.normal(size=(50, 16)).astype(np.float16), rng.normal(size=(20, 16)).astype(np.float16)
    train[9] = train[30]                        # a tie, which goes to the lower row
    val[3], val[4] = train[30] * 2, 0           # the cosine ignores length; zeros are no error
    for name, rows in (("train", train), ("val", val)):
        np.save(tmp_path / f"{name}.npy", rows)
    rows, cosines = nearest_photos(np.load(tmp_path / "train.npy", mmap_mode="r"),
                                   np.load(tmp_path / "val.npy", mmap_mode="r"), count=3, block=block)
    wide_train, wide_val = train.astype(np.float64), val.astype(np.float64)
    lengths = np.linalg.norm(wide_val, axis=1)[:, None] * np.linalg.norm(wide_train, axis=1)
    expected = wide_val @ wide_train.T / np.where(lengths == 0, 1, lengths)
    assert rows[3, :2].tolist() == [9, 30] and rows[4].tolist() == [0, 1, 2]
    assert np.allclose(cosines, -np.sort(-expected, axis=1)[:, :3], atol=1e-5)
    assert np.allclose(cosines, np.take_along_axis(expected, rows, axis=1), atol=1e-5)


@pytest.mark.parametrize("block", [1, 3, 4, 100])
def test_ties_go_to_the_lower_row_in_any_block(block):
    train = np.eye(4, dtype=np.float16)[[0, 1, 1, 0, 1, 2, 1, 1]]
    val = np.eye(4, dtype=np.float16)[[1, 0, 3]] * 5
    rows, cosines = nearest_photos(train, val, count=4, block=block)
    assert rows.tolist() == [[1, 2, 4, 6], [0, 3, 1, 2], [0, 1, 2, 3]]
    assert cosines.tolist() == [[1, 1, 1, 1], [1, 1, 0, 0], [0, 0, 0, 0]]


@pytest.mark.parametrize("count", [0, 4])
def test_more_photos_than_there_are_cannot_be_asked_for(count):
    with pytest.raises(ValueError, match=f"{count} nearest photos: there are 3 training photos"):
        nearest_photos(np.eye(3), np.eye(3), count=count)


def test_the_nearest_photo_lends_its_first_caption():
    train = np.array([[1, 0], [0, 1]], np.float16)
    captions = [[["a", "dog"], ["dogs"]], [["a", "cat"]]]
    assert nearest_photo_captions(train, captions, np.array([[0.1, 2], [5, 1]])) == [["a", "cat"], ["a", "dog"]]
    assert nearest_photo_captions(train, [["A dog."], []], np.array([[0.1, 2], [5, 1]])) == [[], "A dog."]
    with pytest.raises(ValueError, match="2 training embeddings, but captions of 1"):
        nearest_photo_captions(train, captions[:1], train)
    for shape in ((3, 5), (2,), (3, 2, 2)):
        with pytest.raises(ValueError, match="need the same width"):
            nearest_photo_captions(train, captions, np.zeros(shape))


def test_of_many_photos_that_are_equally_near_the_lower_rows_come_first():
    rows, _ = nearest_photos(np.ones((100, 4), np.float16), np.ones((2, 4), np.float16), count=60, block=33)
    assert rows.tolist() == [list(range(60))] * 2


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_embeddings_that_are_no_numbers_are_refused(value):
    with pytest.raises(ValueError, match="NaN|infinity"):
        nearest_photos(np.full((3, 4), value), np.ones((2, 4)))
