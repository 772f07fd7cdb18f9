"""A difference is paired, and refuses scores that can't be compared."""

import pytest

from captioning.scoring.baselines import human_agreement
from captioning.scoring.difference import Difference, cider_difference
from captioning.scoring.scores import score_captions


def said(difference) -> str:
    """What a difference prints, in one line."""
    assert max(map(len, str(difference).splitlines())) <= 88
    return " ".join(str(difference).split())


def test_a_difference_is_paired_and_needs_the_same_photos(scored):
    captions, references, scores = scored
    same = cider_difference(scores, scores)
    assert (same.mean, same.low, same.high) == (0, 0, 0) and "opposite order" in said(same)
    silent = score_captions({name: [] for name in captions}, references, decoding="silence")
    above = cider_difference(scores, silent)
    assert 0 < above.low < above.mean < above.high and above.mean == pytest.approx(scores["CIDEr"])
    assert "the same order" in said(above) and "“silence”" in said(above) and f"{above.low:+.3f}" in said(above)
    assert above.as_dict()["CIDEr_interval_95"] == [above.low, above.high]
    assert (above.as_dict()["tokenizer"], above.as_dict()["baseline"]) == ("split_sentence", "silence")
    below = said(cider_difference(silent, score_captions(captions, references, decoding="self-critical")))
    assert "“self-critical”: −" in below and "interval −" in below
    with pytest.raises(ValueError, match="same photos"):
        cider_difference(scores, score_captions(dict(list(captions.items())[:5]), references))
    with pytest.raises(ValueError, match="40 against 4 "):       # people meet one reference fewer
        cider_difference(scores, human_agreement(references))
    with pytest.raises(ValueError, match="tokenizer"):
        cider_difference(scores, score_captions(captions, references, tokenizer="another"))


def test_a_difference_that_is_surely_below_zero_is_called_sure(scored):
    captions, references, scores = scored
    silent = score_captions({name: [] for name in captions}, references, decoding="silence")
    below = cider_difference(silent, scores)
    assert below.low < below.mean < below.high < 0 and "the same order" in said(below)
    assert said(below).startswith("CIDEr of “silence” minus CIDEr of “greedy”: −")


@pytest.mark.parametrize(("low", "high", "verdict"), [
    (0.1, 0.3, "the same order"), (-0.3, -0.1, "the same order"), (-0.1, 0.3, "opposite order"),
])
def test_the_order_is_sure_when_the_interval_leaves_out_0(scored, low, high, verdict):
    assert verdict in said(Difference(0.2, low, high, scored[2], scored[2]))
