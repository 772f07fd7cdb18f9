"""Diversity shows a model that repeats itself, and one whose words are not those that people use."""

import math

import pytest

from captioning.scoring.diversity import caption_diversity

SEEN = [[["a", "dog"]], [["a", "cat"]]]


def test_diversity_sees_a_model_that_repeats_itself():
    same = caption_diversity({str(n): ["a", "dog"] for n in range(10)}, SEEN)
    assert (same.distinct, same.unseen_share, same.vocabulary_used, same.most_common_count) == (1, 0, 2, 10)
    other = caption_diversity({"1": ["a", "dog"], "2": ["my", "old", "cat"], "3": []}, SEEN)
    assert (other.distinct, other.unseen_share, other.vocabulary_used) == (3, pytest.approx(2 / 3), 5)
    with pytest.raises(ValueError, match="no captions"):
        caption_diversity({}, SEEN)


def test_the_most_common_caption_has_its_share_in_the_text_and_in_the_file():
    found = caption_diversity({"1": ["a", "dog"], "2": ["a", "dog"], "3": ["a", "cat"]}, SEEN)
    assert found.as_dict()["most_common_share"] == found.most_common_share == pytest.approx(2 / 3)
    assert "66.7% of the photos: “a dog”" in " ".join(str(found).split())


@pytest.mark.parametrize("written, people, expected", [
    ("a dog", "a dog", 0),
    ("dog a a dog", "a dog", 0),                            # frequencies count, neither order nor number
    ("a", "b", 1),
    ("", "a", 1),
    # p = (1, 0), q = (1/2, 1/2), m = (3/4, 1/4): KL(p, m) = lb 4/3, KL(q, m) = (lb 2/3 + lb 2) / 2
    ("a", "a b", math.sqrt((math.log2(4 / 3) + (math.log2(2 / 3) + 1) / 2) / 2)),
])
def test_the_distance_of_words_is_that_of_their_frequencies(written, people, expected):
    found = caption_diversity({"photo": written.split()}, [[people.split()]])
    assert found.word_distance == pytest.approx(expected, abs=1e-7)


@pytest.mark.parametrize("written, expected", [
    (["a b c d"], 0), (["b c e"], 1), (["a b c e"], 1 / 2), (["a b c", "d a b c"], 1 / 3), (["c d"], 0),
    (["d e f"], 1),                                         # runs end where a caption ends
])
def test_runs_of_three_words_that_nobody_wrote_are_counted(written, expected):
    captions = {str(n): caption.split() for n, caption in enumerate(written)}
    found = caption_diversity(captions, [[["a", "b", "c", "d"], ["e", "f", "g"]]])
    assert found.unseen_runs_share == pytest.approx(expected)
