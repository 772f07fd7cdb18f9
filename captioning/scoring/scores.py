"""How good captions are: their scores, with what the scores depend on.

Captions are lists of words without START and END, by photo name. References are the lists of words that people wrote
for the same photo. A score depends on how text was split into words, so it carries the name of its tokenizer.

    scores = score_captions(captions, references, tokenizer="split_sentence", decoding="greedy")
    ScoreTable({"this model": scores, "people": human_agreement(references)})
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from captioning.scoring.intervals import bootstrap_interval, pooled_interval
from captioning.scoring.metrics import METRICS, SCALE, Measured, bleu_of_counts, measure
from captioning.scoring.sentences import checked, ptb_words
from captioning.scoring.table import ScoreTable
from captioning.scoring.words import Words

PTB = "ptb"                 # with this tokenizer, score_captions splits all sentences again


@dataclass(frozen=True, eq=False)
class Scores:
    """Scores of one set of captions, with what they depend on.

    Attributes:
        values: metric -> score of the corpus, for METRICS and for those of JAVA_METRICS that were asked for and could
            be measured. CIDEr is in 0..10, the others in 0..1.
        intervals: metric -> ends of its 95 % interval over photos, see `intervals`. METEOR has none.
        names: the N photos, sorted.
        per_photo: metric -> (N,) float64 scores in the order of `names`. Their mean is the score of the corpus for
            ROUGE-L, CIDEr and SPICE only. NaN where a Java metric was measured on a part of the photos.
        references: mean number of references per photo.
        tokenizer: name of what split the text into words.
        decoding: how the captions were made.
        left_out: a sentence for each metric that was asked for and could not be measured, or only on a part of the
            photos; one more if the tokenizer emptied all references of some photos, which are then not in `names`.
    """

    values: Mapping[str, float]
    intervals: Mapping[str, tuple[float, float]]
    names: tuple[str, ...]
    per_photo: Mapping[str, np.ndarray]
    references: float
    tokenizer: str
    decoding: str
    left_out: tuple[str, ...] = ()

    def __getitem__(self, metric: str) -> float:
        return self.values[metric]

    @property
    def photos(self) -> int:
        """Number of photos scored."""
        return len(self.names)

    def by_photo(self, metric: str = "CIDEr") -> dict[str, float]:
        """The metric of each photo, by name."""
        return dict(zip(self.names, self.per_photo[metric].tolist(), strict=True))

    def as_dict(self) -> dict:
        """Plain numbers and strings for metrics.json, without the scores of single photos."""
        return {
            **self.values,
            **{f"{metric}_interval_95": list(interval) for metric, interval in self.intervals.items()},
            "photos": self.photos,
            "references_per_photo": self.references,
            "tokenizer": self.tokenizer,
            "decoding": self.decoding,
            "scale": SCALE,
            **({"left_out": list(self.left_out)} if self.left_out else {}),
        }

    def __str__(self) -> str:
        return str(ScoreTable({self.decoding: self}))

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return ScoreTable({self.decoding: self})._repr_html_()


def score_captions(
    captions: Mapping[str, Words],
    references: Mapping[str, Sequence[Words]],
    tokenizer: str = "split_sentence",
    decoding: str = "greedy",
    seed: int = 0,
    extra: Sequence[str] = (),
) -> Scores:
    """Scores captions with BLEU-1 to 4, ROUGE-L and CIDEr, as pycocoevalcap computes them on these words.

    CIDEr is CIDEr-D (Vedantam et al. 2015, https://arxiv.org/abs/1411.5726). Its document frequencies come from the
    references of the scored photos, so it depends on the set of photos. For a single photo it is 0.

    Args:
        captions: photo name -> words. An empty list is a caption too; it scores 0.
        references: photo name -> lists of words. Empty ones do not count: an empty caption would get full ROUGE-L.
        tokenizer: name of what split the text, a label. Only "ptb" has an effect: captions and references, which may
            then be sentences, are split again as the MSCOCO challenge does. This needs Java.
        decoding: how the captions were made, a label.
        seed: of the intervals.
        extra: names out of JAVA_METRICS. Those that can't be measured are left out, with the reason.

    Returns:
        The scores.

    Raises:
        ValueError: there are no captions, a photo has no reference with a word, or words are a string, not a list.
        NoJavaScore: the tokenizer is "ptb", and Java is missing or no reference has a word for it.
    """
    emptied = ()
    if tokenizer == PTB:
        captions, references, emptied = ptb_words(captions, references)
    captions, references = checked(captions, references)
    measured = measure(references, captions, extra)
    return Scores(
        values=measured.corpus,
        intervals=_intervals(measured, seed),
        names=tuple(captions),
        per_photo=measured.per_photo,
        references=float(np.mean([len(written) for written in references.values()])),
        tokenizer=tokenizer,
        decoding=decoding,
        left_out=(*emptied, *measured.left_out),
    )


def _intervals(measured: Measured, seed: int) -> dict[str, tuple[float, float]]:
    """95 % intervals of all metrics but METEOR. BLEU sums its counts over photos; the others are means over photos."""
    rouge, cider = measured.per_photo["ROUGE-L"], measured.per_photo["CIDEr"]

    def scores_of(sums):
        return np.concatenate([bleu_of_counts(sums[..., :-2]), sums[..., -2:] / len(rouge)], axis=-1)

    intervals = dict(zip(METRICS, pooled_interval(np.column_stack([measured.bleu_counts, rouge, cider]), scores_of,
                                                  seed), strict=True))
    if "SPICE" in measured.per_photo:
        spice = measured.per_photo["SPICE"]
        intervals["SPICE"] = bootstrap_interval(spice[~np.isnan(spice)], seed)
    return intervals
