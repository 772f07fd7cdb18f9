"""Diversity shows a model that repeats itself."""

import pytest

from captioning.scoring.diversity import caption_diversity


def test_diversity_sees_a_model_that_repeats_itself():
    seen = [[["a", "dog"]], [["a", "cat"]]]
    same = caption_diversity({str(n): ["a", "dog"] for n in range(10)}, seen)
    assert (same.distinct, same.unseen_share, same.vocabulary_used, same.most_common_count) == (1, 0, 2, 10)
    other = caption_diversity({"1": ["a", "dog"], "2": ["my", "old", "cat"], "3": []}, seen)
    assert (other.distinct, other.unseen_share, other.vocabulary_used) == (3, pytest.approx(2 / 3), 5)
    with pytest.raises(ValueError, match="no captions"):
        caption_diversity({}, seen)
