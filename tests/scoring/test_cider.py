"""CIDEr-D as a reward is that of pycocoevalcap."""

import numpy as np
import pytest
from pycocoevalcap.cider.cider_scorer import CiderScorer

from captioning.scoring.cider import CiderD


def made_up(seed, photos=25, words=12):
    """References and captions of few words, so that n-grams of all lengths meet; some repeat, some are short."""
    rng = np.random.default_rng(seed)

    def caption():
        return [f"w{i}" for i in rng.integers(words, size=rng.integers(1, 15)) ** 2 // words]

    return [[caption() for _ in range(rng.integers(1, 6))] for _ in range(photos)], [caption() for _ in range(photos)]


@pytest.mark.parametrize("seed", range(5))
def test_scores_are_those_of_pycocoevalcap(seed):
    references, captions = made_up(seed)
    captions[:3] = [], ["w0"], ["w0"] * 20              # nothing, one word, one word again and again
    theirs = CiderScorer()
    for caption, photo in zip(captions, references):
        theirs += (" ".join(caption), [" ".join(words) for words in photo])
    expected = theirs.compute_score()[1]
    assert expected.max() > 0.5
    np.testing.assert_allclose(CiderD(references)(range(len(captions)), captions), expected, rtol=0, atol=1e-9)


def test_captions_of_other_photos_meet_the_same_document_frequencies():
    """Several captions of a photo, photos in any order: each has the score that it has alone."""
    references, captions = made_up(7)
    score = CiderD(references)
    rows = np.random.default_rng(0).integers(len(references), size=40)
    many = score(rows, [captions[row] for row in rows])
    for row, value in zip(rows, many):
        assert score([row], [captions[row]])[0] == value


def test_the_end_of_a_caption_is_a_word_like_others():
    """Of two captions with the same right words, the one that breaks off has the lower score."""
    whole, broken = ["a", "dog", "on", "a", "bed", "END"], ["a", "dog", "on", "a", "bed", "a"]
    references = [[whole, ["a", "dog", "on", "the", "bed", "END"]], [["a", "cat", "END"]]]
    scores = CiderD(references)([0, 0], [whole, broken])
    assert scores[0] > scores[1]


@pytest.mark.parametrize("references", [[], [[["a"]], []]])
def test_photos_without_references_are_refused(references):
    with pytest.raises(ValueError, match="photos have no captions"):
        CiderD(references)
