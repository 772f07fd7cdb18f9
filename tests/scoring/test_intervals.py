"""Intervals are those of the bootstrap over photos."""

import numpy as np
import pytest
from pycocoevalcap.bleu.bleu import Bleu
from scipy.stats import bootstrap

from captioning.scoring.intervals import bootstrap_interval, pooled_interval
from captioning.scoring.metrics import bleu_of_counts, measure
from captioning.scoring.scores import score_captions
from tests.helpers.captions import words


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
    assert pooled_interval(np.array([[3, 4]]), lambda sums: sums[:, :1] / sums[:, 1:]) == [(0.75, 0.75)]


def test_the_interval_of_bleu_is_that_of_the_pooled_score(scored):
    """It equals the interval of scoring each resample with pycocoevalcap."""
    captions, references, scores = scored
    rng, drawn = np.random.default_rng(0), []
    for _ in range(200):
        rows = rng.integers(0, scores.photos, scores.photos)
        names = [scores.names[row] for row in rows]
        hypotheses = {n: [" ".join(captions[name])] for n, name in enumerate(names)}
        truths = {n: [" ".join(words) for words in references[name]] for n, name in enumerate(names)}
        drawn.append(Bleu(4).compute_score(truths, hypotheses, verbose=0)[0])
    counts = measure({name: references[name] for name in scores.names}, {name: captions[name] for name in scores.names})
    again = pooled_interval(counts.bleu_counts, bleu_of_counts, seed=0, resamples=200)
    assert again == [pytest.approx(ends, abs=1e-9) for ends in np.percentile(drawn, [2.5, 97.5], axis=0).T]


def test_counts_give_the_scores_of_the_corpus_whatever_the_lengths():
    """The reference nearest in length counts, and of two that are equally near the shorter one."""
    captions = {"a": words("one two three four five six"), "b": ["one"], "c": words("x y z")}
    references = {"a": ["one two three four", "one two three four five six seven eight nine", "one"],
                  "b": ["one two", "one two three"], "c": ["x y", "x y z w", "x y z w v u"]}
    corpus, _ = Bleu(4).compute_score(references, {n: [" ".join(said)] for n, said in captions.items()}, verbose=0)
    counts = measure({n: [words(each) for each in texts] for n, texts in references.items()}, captions).bleu_counts
    assert counts[:, 9].tolist() == [4, 2, 2] and counts[:, 8].tolist() == [6, 1, 3]
    np.testing.assert_allclose(bleu_of_counts(counts.sum(axis=0)), corpus, rtol=1e-9)
    assert bleu_of_counts(np.zeros(10)).tolist() == [0, 0, 0, 0]


def test_all_intervals_are_those_of_one_set_of_draws(scored):
    """The interval of a mean is the same, alone or beside others, and that of SciPy's bootstrap."""
    scores = scored[2]
    for metric in ("ROUGE-L", "CIDEr"):
        each = scores.per_photo[metric]
        theirs = bootstrap((each,), np.mean, n_resamples=1000, batch=16, method="percentile", rng=0).confidence_interval
        assert scores.intervals[metric] == pytest.approx((theirs.low, theirs.high), abs=1e-12)
        assert bootstrap_interval(each) == pytest.approx(scores.intervals[metric], abs=1e-12)


def test_an_interval_contains_a_score_without_any_match():
    scores = score_captions({"a": ["no"], "b": ["never"]}, {"a": [["a", "dog"]], "b": [["cats"]]})
    for metric, (low, high) in scores.intervals.items():
        assert low <= scores[metric] <= high
