"""Baselines are what their names say."""

import pytest

from captioning.scoring.baselines import hold_out_reference, human_agreement, most_frequent_caption
from captioning.scoring.scores import score_captions


def test_the_most_frequent_caption_is_found_and_ties_are_alphabetical():
    assert most_frequent_caption([[["b"], ["c", "d"]], [["c", "d"], []]]) == ["c", "d"]
    assert most_frequent_caption([[["b"], ["a"]], [["b"], ["a"]]]) == ["a"]
    with pytest.raises(ValueError, match="training captions"):
        most_frequent_caption([[[]]])


def test_a_held_out_reference_is_not_among_those_it_is_scored_against():
    references = {f"{n}": [[f"word{n}", str(k)] for k in range(5)] for n in range(20)} | {"single": [["alone"]]}
    captions, others = hold_out_reference(references, seed=1)
    assert captions.keys() == others.keys() == references.keys() - {"single"}
    assert all(len(others[n]) == 4 and captions[n] not in others[n] for n in captions)
    assert len({captions[n][1] for n in captions}) > 1                      # not always the same person
    assert (captions, others) == hold_out_reference(references, seed=1) != hold_out_reference(references, seed=2)


def test_people_who_write_the_same_agree_fully():
    references = {"a": [["a", "red", "dog", "runs"]] * 3, "b": [["two", "kites", "fly", "high"]] * 3}
    assert human_agreement(references)["CIDEr"] == pytest.approx(10)
    with pytest.raises(ValueError, match="two references"):
        human_agreement({"a": [["alone"]]})


def test_people_are_scored_against_the_references_that_the_model_is_scored_against(scored):
    assert human_agreement(scored[1])["CIDEr"] == score_captions(*hold_out_reference(scored[1]))["CIDEr"]
    assert human_agreement(scored[1], seed=3)["CIDEr"] == score_captions(*hold_out_reference(scored[1], 3))["CIDEr"]


def test_a_reference_without_words_is_not_held_out():
    references = {f"{n}": [[], ["a"], [], ["b"], []] for n in range(20)} | {"single": [["alone"], []]}
    captions, others = hold_out_reference(references)
    assert "single" not in captions and len(captions) == 20
    assert all(sorted([captions[name], *others[name]]) == [["a"], ["b"]] for name in captions)


def test_peoples_scores_carry_their_tokenizer(scored):
    assert human_agreement(scored[1], tokenizer="another").tokenizer == "another"
