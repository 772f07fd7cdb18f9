"""Scores are pycocoevalcap's, baselines are what their names say, proposals are varied and repeatable."""

import json
import random
import shutil
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from pycocoevalcap.bleu.bleu import Bleu
from pycocoevalcap.cider.cider import Cider
from pycocoevalcap.meteor.meteor import Meteor
from pycocoevalcap.rouge.rouge import Rouge
from pycocoevalcap.tokenizer.ptbtokenizer import PTBTokenizer

from captioning.gallery.proposals import REASONS, caption_confidence, likely_reason, propose_examples
from captioning.scoring import java_scores
from captioning.scoring.baselines import (
    cosine,
    hold_out_reference,
    human_agreement,
    most_frequent_caption,
    nearest_photo_captions,
    nearest_photos,
)
from captioning.scoring.diversity import caption_diversity, confused_photos
from captioning.scoring.intervals import bootstrap_interval
from captioning.scoring.metrics import METRICS, ScoreTable, _bleu, _bleu_of_counts, cider_difference, score_captions
from captioning.scoring.words import COLOURS
from tests.helpers import ROOT


def words(text):
    return text.split()


def made_up_captions(photos=40, seed=0):
    """Captions and five references a photo, as a small grammar writes them: some right, some wrong."""
    rng = random.Random(seed)
    animals = ["dog", "cat", "horse", "sheep", "bird", "cow"]
    places = ["beach", "street", "field", "bed", "hill"]

    def sentence(animal, colour, place):
        return rng.choice([f"a {colour} {animal} on the {place}", f"a {animal} standing on a {place}",
                           f"there is a {colour} {animal} on a {place}", f"the {place} with a {animal}"]).split()

    captions, references = {}, {}
    for number in range(photos):
        scene = rng.choice(animals), rng.choice(sorted(COLOURS)), rng.choice(places)
        told = scene if rng.random() < 0.5 else (rng.choice(animals), scene[1], rng.choice(places))
        name = f"photo_{number:03}.jpg"
        references[name] = [sentence(*scene) for _ in range(5)]
        captions[name] = sentence(*told)
    return captions, references


def scored_strings(captions, references):
    """References and captions as pycocoevalcap wants them."""
    return ({name: [" ".join(words) for words in references[name]] for name in sorted(captions)},
            {name: [" ".join(captions[name])] for name in sorted(captions)})


@pytest.fixture(scope="module")
def scored():
    captions, references = made_up_captions()
    return captions, references, score_captions(captions, references)


# -------------------------------------------------------------------------------------------------- scores

def test_scores_equal_pycocoevalcap_on_the_same_words(scored):
    captions, references, scores = scored
    truths, hypotheses = scored_strings(captions, references)
    bleu, bleu_each = Bleu(4).compute_score(truths, hypotheses, verbose=0)
    rouge, rouge_each = Rouge().compute_score(truths, hypotheses)
    cider, cider_each = Cider().compute_score(truths, hypotheses)
    assert [scores[metric] for metric in METRICS] == pytest.approx([*bleu, rouge, cider], abs=1e-6)
    for metric, each in zip(METRICS, [*bleu_each, rouge_each, cider_each], strict=True):
        assert scores.by_photo(metric) == pytest.approx(dict(zip(captions, each, strict=True)), abs=1e-6)


def test_a_caption_worked_out_by_hand():
    # 3 of 4 words and 2 of 3 pairs are in the reference; it has the same length, so there is no brevity penalty
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
def test_what_cannot_be_scored_is_named(captions, references, message):
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


# --------------------------------------------------------------------------------------------------- Java

with_java = pytest.mark.skipif(shutil.which("java") is None, reason="no Java on this machine")
SENTENCES = {
    "a": ["A man's dog (brown) can't sit!", "Two dogs - one brown - in the U.S.", 'A dog, "sitting"', "", "One dog;"],
    "b": ["3 1/2 kites & a boat.", "A well-known beach at 5 o'clock", "Kites?", "The kites fly.", "It cannot fly:"],
    "c": ["A cat", "A cat on a bed", "a black cat", "Cats", "The bed and the cat"],
}
SAID = {"a": "a brown dog sitting", "b": ["two", "kites", "fly"], "c": "a black cat on the bed"}


@with_java
def test_ptb_scores_equal_those_of_the_challenges_own_pipeline():
    hypotheses = {name: [{"caption": said if isinstance(said, str) else " ".join(said)}] for name, said in SAID.items()}
    truths = {name: [{"caption": text} for text in texts if text] for name, texts in SENTENCES.items()}
    hypotheses, truths = PTBTokenizer().tokenize(hypotheses), PTBTokenizer().tokenize(truths)
    scores = score_captions(SAID, SENTENCES, tokenizer="ptb")
    expected = [*Bleu(4).compute_score(truths, hypotheses, verbose=0)[0], Rouge().compute_score(truths, hypotheses)[0],
                Cider().compute_score(truths, hypotheses)[0]]
    assert [scores[metric] for metric in METRICS] == pytest.approx(expected, abs=1e-6)
    by_words = score_captions({name: words("x y") for name in SAID},
                              {name: [text.split() for text in texts] for name, texts in SENTENCES.items()})
    assert scores.tokenizer == "ptb" and scores.references == by_words.references == pytest.approx(14 / 3)


@with_java
def test_line_breaks_and_empty_sentences_move_no_words_to_another_photo():
    texts = ["one\ntwo", "", "three\r\nfour\u2028five\x0bsix", "  ", "caf\u00e9", "..."]
    assert java_scores.ptb_tokenize(texts) == [
        ["one", "two"], [], ["three", "four", "five", "six"], [], ["caf\u00e9"], []]


@with_java
def test_meteor_is_left_out_where_memory_is_short(monkeypatch):
    monkeypatch.setattr(java_scores.psutil, "virtual_memory", lambda: SimpleNamespace(available=1_500_000_000))
    scores = score_captions({"a": ["a", "dog"]}, {"a": [["a", "dog"]]}, extra=["METEOR"])
    assert "METEOR" not in scores.values
    assert scores.left_out == ("METEOR was left out: it may take 2 GB of memory, and 1.5 GB are free.",)


@with_java
@pytest.mark.slow           # METEOR reads its paraphrases for ten seconds and takes 1.1 GB
def test_meteor_is_pycocoevalcaps():
    captions = {"a": words("a brown dog sitting"), "b": [], "c": words("a black cat")}
    references = {name: [text.split() for text in texts if text] for name, texts in SENTENCES.items()}
    scores = score_captions(captions, references, extra=["METEOR"])
    corpus, each = Meteor().compute_score(*scored_strings(captions, references))
    assert scores["METEOR"] == pytest.approx(corpus, abs=1e-6) and scores.left_out == ()
    assert scores.by_photo("METEOR") == pytest.approx(dict(zip("abc", each)), abs=1e-6)
    assert "METEOR" in str(scores) and f"{corpus:.3f}" in scores._repr_html_() and scores.as_dict()["METEOR"]


def test_spice_fetches_nothing_and_says_what_it_lacks(scored, monkeypatch):
    captions, references, scores = scored
    if (java_scores.PACKAGE / "spice" / "lib" / "stanford-corenlp-3.6.0-models.jar").is_file():
        pytest.skip("SPICE's parser is here")
    monkeypatch.setattr(java_scores, "Spice", None)             # its constructor would fetch
    asked = score_captions(captions, references, extra=["SPICE"])
    assert asked.values == scores.values
    assert len(asked.left_out) == 1 and "stanford-corenlp-3.6.0.jar" in asked.left_out[0]
    assert asked.left_out[0] in str(asked) and asked.as_dict()["left_out"] == list(asked.left_out)


@pytest.mark.parametrize("java", ["absent", "a stub that fails"])
def test_without_java_nothing_but_its_own_scores_is_missing(tmp_path, java):
    if java != "absent":
        (tmp_path / "java").write_text("#!/bin/sh\nexit 1\n")
        (tmp_path / "java").chmod(0o755)
    code = """
import json, evaluation, java_scores
captions, references = {"a": ["a", "dog"], "b": ["kites"]}, {"a": [["a", "dog"]], "b": [["two", "kites"]]}
scores = evaluation.score_captions(captions, references, extra=["METEOR"])
try:
    evaluation.score_captions(captions, references, tokenizer="ptb")
except java_scores.NoJavaScore as reason:
    print(json.dumps([scores["ROUGE-L"], scores.left_out, str(reason)]))
"""
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env={"PATH": str(tmp_path)}, capture_output=True,
                            text=True)
    assert result.returncode == 0 and result.stderr == ""
    rouge, (left_out,), reason = json.loads(result.stdout)
    assert rouge > 0.5
    assert left_out.startswith("METEOR needs Java") and reason.startswith("The challenge's tokenizer (PTB) needs Java")


def test_a_metric_that_does_not_exist_is_named(scored):
    with pytest.raises(ValueError, match="'METEOT'"):
        score_captions(scored[0], scored[1], extra=["METEOT"])


# ---------------------------------------------------------------------------------------------- intervals

def test_the_interval_depends_on_its_seed_alone():
    values = np.random.default_rng(0).gamma(1, 0.5, 300)
    assert bootstrap_interval(values, seed=1) == bootstrap_interval(values, seed=1)
    assert bootstrap_interval(values, seed=1) != bootstrap_interval(values, seed=2)


def test_the_interval_has_the_width_that_theory_gives_a_mean():
    values = np.random.default_rng(0).normal(1, 0.5, 400)
    low, high = bootstrap_interval(values)
    assert (high - low) / 2 == pytest.approx(1.96 * values.std() / 20, rel=0.1)
    assert low < values.mean() < high


def test_the_interval_of_bleu_is_that_of_the_pooled_score(scored):
    """The same as scoring each resample of the photos anew with pycocoevalcap."""
    captions, references, scores = scored
    rng, drawn = np.random.default_rng(0), []
    for _ in range(200):
        rows = rng.integers(0, scores.photos, scores.photos)
        names = [scores.names[row] for row in rows]
        hypotheses = {n: [" ".join(captions[name])] for n, name in enumerate(names)}
        truths = {n: [" ".join(words) for words in references[name]] for n, name in enumerate(names)}
        drawn.append(Bleu(4).compute_score(truths, hypotheses, verbose=0)[0])
    again = bootstrap_interval(_bleu(*scored_strings(captions, references))[2], seed=0, resamples=200,
                               statistic=_bleu_of_counts)
    assert again == [pytest.approx(ends, abs=1e-9) for ends in np.percentile(drawn, [2.5, 97.5], axis=0).T]


def test_a_difference_is_paired_and_needs_the_same_photos(scored):
    captions, references, scores = scored
    same = cider_difference(scores, scores)
    assert (same.mean, same.low, same.high) == (0, 0, 0) and "other way round" in str(same)
    silent = score_captions({name: [] for name in captions}, references, decoding="silence")
    above = cider_difference(scores, silent)
    assert 0 < above.low < above.mean < above.high and above.mean == pytest.approx(scores["CIDEr"])
    assert "hardly reverse it" in str(above) and "“silence”" in str(above) and f"{above.low:+.3f}" in str(above)
    assert above.as_dict()["CIDEr_interval_95"] == [above.low, above.high]
    assert (above.as_dict()["tokenizer"], above.as_dict()["baseline"]) == ("split_sentence", "silence")
    with pytest.raises(ValueError, match="same photos"):
        cider_difference(scores, score_captions(dict(list(captions.items())[:5]), references))
    with pytest.raises(ValueError, match="40 against 4 "):       # people meet one reference fewer
        cider_difference(scores, human_agreement(references))
    with pytest.raises(ValueError, match="tokenizer"):
        cider_difference(scores, score_captions(captions, references, tokenizer="another"))


def test_a_seed_reaches_all_that_is_drawn_at_random(scored):
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


def test_a_difference_that_is_surely_below_zero_is_called_sure(scored):
    captions, references, scores = scored
    silent = score_captions({name: [] for name in captions}, references, decoding="silence")
    below = cider_difference(silent, scores)
    assert below.low < below.mean < below.high < 0 and "hardly reverse it" in str(below)
    assert str(below).startswith("CIDEr of “silence” minus that of “greedy”: −")


# ---------------------------------------------------------------------------------------------- baselines

def test_the_most_frequent_caption_is_found_and_ties_are_alphabetical():
    assert most_frequent_caption([[["b"], ["c", "d"]], [["c", "d"], []]]) == ["c", "d"]
    assert most_frequent_caption([[["b"], ["a"]], [["b"], ["a"]]]) == ["a"]
    with pytest.raises(ValueError, match="training captions"):
        most_frequent_caption([[[]]])


@pytest.mark.parametrize("block", [1, 7, 64])
def test_nearest_photos_are_the_same_for_any_block_from_memory_mapped_halves(tmp_path, block):
    rng = np.random.default_rng(0)
    train, val = rng.normal(size=(50, 16)).astype(np.float16), rng.normal(size=(20, 16)).astype(np.float16)
    train[9] = train[30]                        # a tie, which the lower row must win
    val[3], val[4] = train[30] * 2, 0           # cosine ignores length; a row of zeros is no error
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


def test_of_many_photos_that_are_equally_near_the_lower_rows_come_first():
    rows, _ = nearest_photos(np.ones((100, 4), np.float16), np.ones((2, 4), np.float16), count=60, block=33)
    assert rows.tolist() == [list(range(60))] * 2


def test_the_nearest_photo_lends_its_first_caption():
    train = np.array([[1, 0], [0, 1]], np.float16)
    captions = [[["a", "dog"], ["dogs"]], [["a", "cat"]]]
    assert nearest_photo_captions(train, captions, np.array([[0.1, 2], [5, 1]])) == [["a", "cat"], ["a", "dog"]]
    assert nearest_photo_captions(train, [["A dog."], []], np.array([[0.1, 2], [5, 1]])) == [[], "A dog."]
    with pytest.raises(ValueError, match="2 training embeddings, but captions of 1"):
        nearest_photo_captions(train, captions[:1], train)
    with pytest.raises(ValueError, match="different kinds"):
        nearest_photo_captions(train, captions, np.zeros((3, 5)))


def test_a_held_out_reference_is_not_among_those_it_is_scored_against():
    references = {f"{n}": [[f"word{n}", str(k)] for k in range(5)] for n in range(20)} | {"single": [["alone"]]}
    captions, others = hold_out_reference(references, seed=1)
    assert captions.keys() == others.keys() == references.keys() - {"single"}
    assert all(len(others[n]) == 4 and captions[n] not in others[n] for n in captions)
    assert len({captions[n][1] for n in captions}) > 1                      # not always the same person
    assert (captions, others) == hold_out_reference(references, seed=1) != hold_out_reference(references, seed=2)


def test_a_reference_without_words_is_not_held_out():
    references = {f"{n}": [[], ["a"], [], ["b"], []] for n in range(20)} | {"single": [["alone"], []]}
    captions, others = hold_out_reference(references)
    assert "single" not in captions and len(captions) == 20
    assert all(sorted([captions[name], *others[name]]) == [["a"], ["b"]] for name in captions)


def test_peoples_scores_carry_their_tokenizer(scored):
    assert human_agreement(scored[1], tokenizer="another").tokenizer == "another"


def test_people_who_write_the_same_agree_fully():
    references = {"a": [["a", "red", "dog", "runs"]] * 3, "b": [["two", "kites", "fly", "high"]] * 3}
    assert human_agreement(references)["CIDEr"] == pytest.approx(10)
    with pytest.raises(ValueError, match="two references"):
        human_agreement({"a": [["alone"]]})


def test_diversity_sees_a_model_that_repeats_itself():
    seen = [[["a", "dog"]], [["a", "cat"]]]
    same = caption_diversity({str(n): ["a", "dog"] for n in range(10)}, seen)
    assert (same.distinct, same.unseen_share, same.vocabulary_used, same.most_common_count) == (1, 0, 2, 10)
    other = caption_diversity({"1": ["a", "dog"], "2": ["my", "old", "cat"], "3": []}, seen)
    assert (other.distinct, other.unseen_share, other.vocabulary_used) == (3, pytest.approx(2 / 3), 5)
    with pytest.raises(ValueError, match="no captions"):
        caption_diversity({}, seen)


# --------------------------------------------------------------------------------------------- confusions

def test_photos_are_confused_when_the_same_is_said_of_what_people_tell_apart():
    captions = {"cat": words("a cat on a bed"), "dog": words("the cat on the bed"), "twin": words("two red kites"),
                "kite": words("red kites two"), "mute": [], "car": words("a car")}
    references = {"cat": [words("a cat asleep on a bed")], "dog": [words("a dog in the grass"), words("the grass")],
                  "twin": [words("kites over a beach")], "kite": [words("some kites above the beach")],
                  "mute": [words("a street")], "car": [words("a bus")]}
    first, second = confused_photos(captions, references)
    assert (first.first, first.second, first.captions, first.references) == ("cat", "dog", 1, 0)
    assert (second.first, second.second, second.captions) == ("kite", "twin", 1)
    assert second.references == pytest.approx(2 / 3) and second.degree == pytest.approx(1 / 3)     # not "above"
    assert confused_photos(captions, references, n=1) == [first]
    assert confused_photos(dict(reversed(captions.items())), references) == [first, second]
    assert confused_photos({"mute": []}, references) == confused_photos({}, {}) == []


def test_a_caption_that_all_photos_get_is_shown_once():
    captions = {f"{n}": words("a dog") for n in range(9)} | {"8": words("a cat"), "9": words("the cat")}
    references = {name: [[f"word{name}"]] for name in captions}
    assert [(pair.first, pair.second) for pair in confused_photos(captions, references)] == [("0", "1"), ("8", "9")]


def test_the_cosine_of_embeddings_ignores_their_length():
    assert cosine(np.array([3, 0], np.float16), np.array([1, 1], np.float16)) == pytest.approx(0.5 ** 0.5, abs=1e-6)
    assert cosine(np.zeros(2), np.ones(2)) == 0


# ---------------------------------------------------------------------------------------------- proposals

def test_good_proposals_beat_bad_ones_and_no_photo_is_both(scored):
    captions, references, scores = scored
    proposal = propose_examples(captions, captions, references, scores, n=10)
    assert len(proposal.good) == len(proposal.bad) == 10
    assert min(c.cider for c in proposal.good) > max(c.cider for c in proposal.bad)
    assert not {c.name for c in proposal.good} & {c.name for c in proposal.bad}
    assert all(c.hint in REASONS for c in proposal.bad) and not any(c.hint for c in proposal.good)


def test_the_same_input_in_any_order_gives_the_same_proposal(scored):
    captions, references, scores = scored
    confidence = {name: random.Random(name).random() for name in captions}
    shuffled = random.Random(1).sample(sorted(captions), len(captions))
    assert (propose_examples(captions, captions, references, scores, confidence)
            == propose_examples(shuffled, captions, references, scores, confidence))


def test_a_proposal_does_not_say_ten_times_the_same():
    captions, references = made_up_captions(60)
    wave = words("a man riding a wave on a surfboard")
    for name in list(captions)[:20]:                        # a third of the photos: the same caption, and right
        captions[name], references[name] = wave, [wave] * 5
    proposal = propose_examples(captions, captions, references, score_captions(captions, references), n=5)
    assert [c.caption for c in proposal.good].count(tuple(wave)) == 1
    assert len({c.caption for c in proposal.good}) == len({c.caption for c in proposal.bad}) == 5


def test_the_same_again_comes_only_when_there_is_nothing_else():
    captions = {f"{n}.jpg": ["a", "dog"] for n in range(8)}
    references = {name: [["a", "dog"], ["a", "cat"]] for name in captions}
    scores = score_captions(captions, references)
    proposal = propose_examples(captions, captions, references, scores, n=3)
    assert len(proposal.good) == len(proposal.bad) == 3
    assert proposal == propose_examples(sorted(captions, reverse=True), captions, references, scores, n=3)


def test_surer_mistakes_come_first():
    captions = {f"{n}.jpg": [word] for n, word in enumerate(["dog", "cat", "cow", "bird"])}
    references = {name: [["a", "red", "kite"]] for name in captions}
    scores = score_captions(captions, references)
    confidence = {"0.jpg": 0.1, "1.jpg": 0.2, "2.jpg": 0.3, "3.jpg": 0.9}
    assert propose_examples(captions, captions, references, scores, confidence, n=1).bad[0].name == "3.jpg"


def test_captions_that_contradict_a_reference_come_before_those_that_are_only_unlike_them():
    captions = {"0.jpg": words("a red kite over the beach"), "1.jpg": words("a red kite flying high"),
                "2.jpg": words("a blue kite over a hill"), "3.jpg": words("somebody out walking")}
    references = {name: [words("a red kite over the beach"), words("a kite flying high")] for name in captions}
    scores = score_captions(captions, references)
    assert scores.by_photo("ROUGE-L")["2.jpg"] > scores.by_photo("ROUGE-L")["3.jpg"] == 0
    bad = propose_examples(captions, captions, references, scores).bad
    assert [(c.name, c.hint) for c in bad] == [("2.jpg", "wrong colour"), ("3.jpg", "wrong object")]


def test_few_photos_give_what_there_is_and_strangers_are_named(scored):
    captions, references, scores = scored
    proposal = propose_examples(list(captions)[:5], captions, references, scores, n=10)
    assert (len(proposal.good), len(proposal.bad)) == (2, 3)
    with pytest.raises(ValueError, match="'stranger.jpg'"):
        propose_examples([*captions, "stranger.jpg"], captions, references, scores)
    with pytest.raises(ValueError, match="two photos"):
        propose_examples(list(captions)[:1], captions, references, scores)


@pytest.mark.parametrize(("caption", "reason"), [
    ("a man and a man on a beach", "repetition"),
    ("three dogs on a beach", "wrong count"),
    ("two blue dogs on a beach", "wrong colour"),
    ("two dogs on a beach", "too general"),
    ("two red dogs on a beach under an umbrella", "invented detail"),
    ("a train", "wrong object"),
    ("", "too general"),
    ("two dogs by a blue man on a beach", "invented detail"),       # nobody told the man's colour
    ("two red red dogs running", "too general"),                    # a word that tells how things are may come twice
])
def test_the_likely_reason_is_guessed_from_words(caption, reason):
    references = [words("two red dogs running on the beach"), words("two dogs by a man on a beach")]
    assert likely_reason(caption.split(), references) == reason


def test_confidence_does_not_fall_with_length():
    assert caption_confidence([0.5, 0.5]) == pytest.approx(caption_confidence([0.5] * 12)) == pytest.approx(0.5)
    assert caption_confidence([]) == caption_confidence([0.9, 0.0]) == 0


def test_importing_starts_no_deep_learning_library():
    code = "import sys, evaluation, gallery; print(sorted({'tensorflow', 'keras'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True,
                          check=True).stdout.strip() == "[]"
