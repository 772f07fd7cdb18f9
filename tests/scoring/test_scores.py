"""Scores equal pycocoevalcap's and say what they depend on."""

import random
import subprocess
import sys

import pytest
from pycocoevalcap.bleu.bleu import Bleu
from pycocoevalcap.cider.cider import Cider
from pycocoevalcap.rouge.rouge import Rouge

from captioning.scoring.baselines import hold_out_reference, human_agreement
from captioning.scoring.difference import cider_difference
from captioning.scoring.metrics import METRICS
from captioning.scoring.scores import score_captions
from captioning.scoring.table import ScoreTable
from tests.helpers import ROOT
from tests.helpers.captions import scored_strings, words


def assert_equal_to_pycocoevalcap(captions, references):
    """Each score, of the corpus and of each photo."""
    scores = score_captions(captions, references)
    truths, hypotheses = scored_strings(captions, references)
    bleu, bleu_each = Bleu(4).compute_score(truths, hypotheses, verbose=0)
    rouge, rouge_each = Rouge().compute_score(truths, hypotheses)
    cider, cider_each = Cider().compute_score(truths, hypotheses)
    assert [scores[metric] for metric in METRICS] == pytest.approx([*bleu, rouge, cider], abs=1e-9)
    for metric, each in zip(METRICS, [*bleu_each, rouge_each, cider_each], strict=True):
        assert scores.by_photo(metric) == pytest.approx(dict(zip(sorted(captions), each, strict=True)), abs=1e-9)


def test_scores_equal_pycocoevalcap_on_the_same_words(scored):
    assert_equal_to_pycocoevalcap(*scored[:2])


@pytest.mark.parametrize("seed", range(8))
def test_scores_of_odd_captions_equal_pycocoevalcap(seed):
    """Of few words, so that n-grams repeat; some are empty, of one word, long, or hold words that no reference has."""
    rng = random.Random(seed)

    def text(least):
        return rng.choices("abcde", k=rng.choice([least, 1, 2, 3, 8, 20, 90]))

    names = [f"photo {n}" for n in range(1 if seed < 2 else 30)]
    captions = {name: rng.choice([text(0), ["a"] * 9, ["unknown", *text(1), "unknown", "unknown"]]) for name in names}
    assert_equal_to_pycocoevalcap(captions, {name: [text(1) for _ in range(rng.randint(1, 7))] for name in names})


@pytest.mark.parametrize("odd", ["3\u00a01/2", ""])
def test_words_with_a_space_or_nothing_in_them_count_as_pycocoevalcap_counts_them(odd):
    captions = {"a": ["a", odd, "kites"], "b": ["a", "dog"], "c": [odd]}
    references = {"a": [["a", odd, "kites"], ["kites"]], "b": [["dog"]], "c": [["two", odd]]}
    assert_equal_to_pycocoevalcap(captions, references)


def test_references_may_change_between_two_sets_of_captions():
    """What is kept of the references is never that of others, even of the same object."""
    captions, references = {"a": ["a", "dog"], "b": ["cats"]}, {"a": [["a", "cat"]], "b": [["two", "cats"]]}
    before = score_captions(captions, references)
    references["a"][0][1] = "dog"
    after = score_captions(captions, references)
    assert after["BLEU-1"] > before["BLEU-1"] and after.values == score_captions(captions, dict(references)).values
    assert_equal_to_pycocoevalcap(captions, references)


def test_the_scores_of_one_caption_by_hand():
    # 3 of 4 words and 2 of 3 pairs are in the reference; both have the same length, so no brevity penalty applies
    scores = score_captions({"a": words("a dog on grass")}, {"a": [words("a dog on sand")]})
    assert scores["BLEU-1"] == pytest.approx(3 / 4)
    assert scores["BLEU-2"] == pytest.approx((3 / 4 * 2 / 3) ** 0.5)
    assert scores["ROUGE-L"] == pytest.approx(3 / 4)


def test_a_perfect_caption_reaches_the_top_of_each_scale():
    references = {"a": [words("a red dog runs fast")], "b": [words("two blue kites fly high")]}
    scores = score_captions({name: written[0] for name, written in references.items()}, references)
    assert [scores[metric] for metric in METRICS] == pytest.approx([1, 1, 1, 1, 1, 10])


def test_an_empty_caption_scores_nothing_and_crashes_nothing():
    references = {"a": [["a", "dog"], []], "b": [["two", "cats"]]}
    scores = score_captions({"a": [], "b": ["two", "cats"]}, references)
    assert all(scores.by_photo(metric)["a"] == pytest.approx(0, abs=1e-6) for metric in METRICS)
    assert scores.by_photo("ROUGE-L")["b"] == 1
    only_empty = score_captions({"a": [], "b": []}, references)
    assert all(only_empty[metric] == pytest.approx(0, abs=1e-6) for metric in METRICS)


def test_the_order_of_photos_changes_nothing(scored):
    captions, references, scores = scored
    shuffled = random.Random(3).sample(sorted(captions), len(captions))
    again = score_captions({name: captions[name] for name in shuffled}, dict(reversed(references.items())))
    assert again.as_dict() == scores.as_dict() and again.names == scores.names


@pytest.mark.parametrize(("captions", "references", "message"), [
    ({}, {"a": [["a", "dog"]]}, "no captions"),
    ({"b.jpg": ["a"]}, {"a.jpg": [["a", "dog"]]}, r"'b.jpg'"),
    ({"a.jpg": ["a"]}, {"a.jpg": []}, r"'a.jpg' has no reference"),
    ({"a.jpg": ["a"]}, {"a.jpg": [[]]}, r"'a.jpg' has no reference"),
    ({"a.jpg": "a dog"}, {"a.jpg": [["a", "dog"]]}, r"'a.jpg' is the string 'a dog'"),
    ({"a.jpg": ["a"]}, {"a.jpg": ["a dog"]}, r"reference of 'a.jpg' is the string"),
])
def test_errors_name_what_cannot_be_scored(captions, references, message):
    with pytest.raises(ValueError, match=message):
        score_captions(captions, references)


def test_scoring_prints_nothing(capfd):
    score_captions({"a": ["a"]}, {"a": [["a"]]})
    assert capfd.readouterr() == ("", "")


def test_scores_carry_what_they_depend_on(scored):
    captions, references, _ = scored
    scores = score_captions(captions, references, tokenizer="tok <1>", decoding="beam 3")
    saved = scores.as_dict()
    assert (saved["tokenizer"], saved["decoding"], saved["photos"]) == ("tok <1>", "beam 3", 40)
    for metric in METRICS:
        assert saved[f"{metric}_interval_95"][0] < saved[metric] < saved[f"{metric}_interval_95"][1]
    assert saved["references_per_photo"] == 5
    assert all(type(saved[metric]) is float for metric in METRICS)
    for shown in (str(scores), scores._repr_html_(), str(ScoreTable({"model": scores, "again": scores}))):
        assert f"{scores['CIDEr']:.3f}" in shown and "40 photos" in shown
    assert "tok &lt;1&gt;" in scores._repr_html_()


def test_an_unknown_metric_is_named_in_the_error(scored):
    with pytest.raises(ValueError, match="'METEOT'"):
        score_captions(scored[0], scored[1], extra=["METEOT"])


def test_importing_starts_no_deep_learning_library():
    code = ("import sys, captioning.gallery.page, captioning.scoring.scores; "
            "print(sorted({'tensorflow', 'keras'} & set(sys.modules)))")
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True,
                          check=True).stdout.strip() == "[]"


def test_a_seed_reaches_all_that_is_random(scored):
    captions, references, scores = scored
    again = score_captions(captions, references, seed=1)
    assert again.values == scores.values
    assert all(again.intervals[metric] != scores.intervals[metric] for metric in METRICS)
    silent = score_captions({name: [] for name in captions}, references)
    assert cider_difference(scores, silent, seed=1).low != cider_difference(scores, silent, seed=0).low
    people, others = human_agreement(references, seed=0), human_agreement(references, seed=1)
    assert people["CIDEr"] != others["CIDEr"]
    held_out = score_captions(*hold_out_reference(references, seed=1), seed=1)
    assert (others.values, others.intervals) == (held_out.values, held_out.intervals)
