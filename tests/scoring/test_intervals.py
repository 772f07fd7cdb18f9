"""Intervals are those of the bootstrap; a difference is paired."""

import numpy as np
import pytest
from pycocoevalcap.bleu.bleu import Bleu

from captioning.scoring.baselines import human_agreement
from captioning.scoring.difference import cider_difference
from captioning.scoring.intervals import bootstrap_interval, pooled_interval
from captioning.scoring.metrics import bleu, bleu_of_counts
from captioning.scoring.scores import score_captions
from tests.helpers.captions import scored_strings


def test_the_interval_depends_on_its_seed_alone():
    values = np.random.default_rng(0).gamma(1, 0.5, 300)
    assert bootstrap_interval(values, seed=1) == bootstrap_interval(values, seed=1)
    assert bootstrap_interval(values, seed=1) != bootstrap_interval(values, seed=2)


def test_the_interval_has_the_width_that_theory_gives_a_mean():
    values = np.random.default_rng(0).normal(1, 0.5, 400)
    low, high = bootstrap_interval(values)
    assert (high - low) / 2 == pytest.approx(1.96 * values.std() / 20, rel=0.1)
    assert low < values.mean() < high


def test_the_interval_of_one_photo_is_its_score():
    assert bootstrap_interval([0.25]) == (0.25, 0.25)
    assert pooled_interval(np.array([[3, 4]]), lambda sums: sums[:1] / sums[1:]) == [(0.75, 0.75)]


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
    again = pooled_interval(bleu(*scored_strings(captions, references))[2], bleu_of_counts, seed=0, resamples=200)
    assert again == [pytest.approx(ends, abs=1e-9) for ends in np.percentile(drawn, [2.5, 97.5], axis=0).T]


def test_a_difference_is_paired_and_needs_the_same_photos(scored):
    captions, references, scores = scored
    same = cider_difference(scores, scores)
    assert (same.mean, same.low, same.high) == (0, 0, 0) and "opposite order" in str(same)
    silent = score_captions({name: [] for name in captions}, references, decoding="silence")
    above = cider_difference(scores, silent)
    assert 0 < above.low < above.mean < above.high and above.mean == pytest.approx(scores["CIDEr"])
    assert "the same order" in str(above) and "“silence”" in str(above) and f"{above.low:+.3f}" in str(above)
    assert above.as_dict()["CIDEr_interval_95"] == [above.low, above.high]
    assert (above.as_dict()["tokenizer"], above.as_dict()["baseline"]) == ("split_sentence", "silence")
    below = str(cider_difference(silent, score_captions(captions, references, decoding="self-critical")))
    assert "“self-critical”: −" in below and "interval −" in below
    with pytest.raises(ValueError, match="same photos"):
        cider_difference(scores, score_captions(dict(list(captions.items())[:5]), references))
    with pytest.raises(ValueError, match="40 against 4 "):       # people meet one reference fewer
        cider_difference(scores, human_agreement(references))
    with pytest.raises(ValueError, match="tokenizer"):
        cider_difference(scores, score_captions(captions, references, tokenizer="another"))
