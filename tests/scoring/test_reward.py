"""Captions are rewarded by CIDEr-D, and pay for what they say more often than people do."""

import numpy as np
import pytest

from captioning.datasets.tokens import END
from captioning.scoring.cider import CiderD
from captioning.scoring.reward import COST, CaptionReward


def words(text):
    return text.split()


def ngrams_of(caption, n):
    return [tuple(caption[i:i + n]) for i in range(len(caption) - n + 1)]


def test_references_of_rewards_end_with_the_end_token():
    """Captions of people come without #END#; a sampled caption that ended by itself has it."""
    captions = [[["a", "dog", "on", "a", "bed"], ["a", "brown", "dog"]], [["a", "cat"]]]
    reward = CaptionReward(captions)
    ended, cut = ("a", "dog", "on", "a", "bed", END), ("a", "dog", "on", "a", "bed")
    by_hand = CiderD([[[*words, END] for words in of_photo] for of_photo in captions])
    rows, sampled = [0, 0, 1], [ended, cut, ("a", "cow", END)]
    np.testing.assert_array_equal(reward(rows[:2], sampled[:2]), by_hand(rows[:2], sampled[:2]))      # one photo
    np.testing.assert_allclose(reward(rows, sampled), by_hand(rows, sampled) - COST * reward.excess(rows, sampled))
    assert reward([0], [ended])[0] > reward([0], [cut])[0]
    assert captions[1] == [["a", "cat"]]


def test_the_excess_is_that_of_the_formula():
    rng = np.random.default_rng(0)
    people = [[list(rng.choice(list("abcd"), 6)) for _ in range(3)] for _ in range(8)]
    rows = np.repeat([5, 2, 7], 4)
    captions = [tuple(rng.choice(list("abcde"), rng.integers(0, 9))) for _ in rows]       # "e" is no word of people
    found = CaptionReward(people).excess(rows, captions)
    expected = np.zeros(len(captions))
    for n in (1, 2, 3, 4):
        told = [gram for of_photo in people for caption in of_photo for gram in ngrams_of((*caption, END), n)]
        said = [(row, gram) for row, caption in zip(rows, captions) for gram in ngrams_of(caption, n)]
        for place, (row, caption) in enumerate(zip(rows, captions)):
            others = [gram for photo, gram in said if photo != row]
            for gram in ngrams_of(caption, n):
                share = told.count(gram) / len(told)
                usual = share * len(said) + 1
                ratio = (others.count(gram) + usual) / (share * len(others) + usual)
                expected[place] += max(0, np.log(ratio))
    np.testing.assert_allclose(found, expected, atol=1e-12)
    assert found.max() > 0.5


def test_what_stands_under_every_photo_costs_and_what_people_say_as_often_does_not():
    people = [[words(f"a man with thing{i}"), words("sitting on a table")] for i in range(50)]
    reward = CaptionReward(people)
    rows = range(20)
    assert not reward.excess(rows, [(*words("sitting on a table"), END), *[()] * 19]).any()      # once
    usual = reward.excess(rows, [(*words("sitting on a table" if i % 2 else f"a man with thing{i}"), END)
                                 for i in rows])
    assert usual.max() < 0.1                                        # in half of the captions, as people have it
    assert reward.excess(rows, [words("riding a big wave")] * 20).min() > 4


def test_the_order_of_captions_changes_nothing():
    rng = np.random.default_rng(1)
    reward = CaptionReward([[list(rng.choice(list("abc"), 5))] for _ in range(9)])
    rows, captions = rng.integers(0, 9, 40), [tuple(rng.choice(list("abc"), 6)) for _ in range(40)]
    shuffled = rng.permutation(40)
    np.testing.assert_allclose(reward(rows, captions)[shuffled],
                               reward(rows[shuffled], [captions[i] for i in shuffled]), rtol=1e-12)


def test_captions_of_few_words_cost_nothing():
    reward = CaptionReward([[["a"]], [["b"]]])
    np.testing.assert_array_equal(reward.excess([0, 1, 1], [(), ("a",), ("b", END)]), [0, 0, 0])
    np.testing.assert_array_equal(reward.excess([], []), [])


@pytest.mark.parametrize("references", [[], [[["a"]], []]])
def test_photos_without_references_are_refused(references):
    with pytest.raises(ValueError, match="photos have no captions"):
        CaptionReward(references)
