"""How good the captions are: scores, their baselines, and which photos are worth showing.

Captions are lists of words without START and END, keyed by the photo's name; references are the lists that
people wrote for that photo. The scorers are pycocoevalcap's own (BLEU, ROUGE-L, CIDEr), which are plain Python:
no Java. A score depends on how text was cut into words, so every result carries its tokenizer's name; where there is
Java, the MSCOCO challenge's own tokenizer and METEOR can be had too.

    scores = score_captions(captions, references, tokenizer="split_sentence", decoding="greedy")
    ScoreTable({"this model": scores, "people": human_agreement(references)})
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from captioning.scoring.intervals import bootstrap_interval, pooled_interval
from captioning.scoring.metrics import METRICS, SCALE, bleu_of_counts, measure
from captioning.scoring.sentences import for_scorers, ptb_words
from captioning.scoring.table import ScoreTable
from captioning.scoring.words import Words

PTB = "ptb"                 # the tokenizer's name by which score_captions cuts the sentences anew


@dataclass(frozen=True, eq=False)
class Scores:
    """Scores of one set of captions, with what they depend on.

    values: corpus score by metric: those of METRICS, and of JAVA_METRICS what was asked for and could be had. CIDEr
        is in 0..10, the others in 0..1.
    intervals: 95 % interval of each metric over photos, see `bootstrap_interval`; METEOR has none.
    names: the N photos, sorted.
    per_photo: for each metric a (N,) float64 array in the order of `names`. ROUGE-L, CIDEr and SPICE of the corpus are
        their means; BLEU and METEOR of the corpus are not (they pool their counts before they divide).
    references: how many references a photo was compared with, on average.
    left_out: a sentence for each metric that was asked for and could not be had.
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
        """What belongs in a metrics.json: plain numbers and strings, without the per-photo arrays."""
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
    """BLEU-1 to 4, ROUGE-L and CIDEr of captions, exactly as pycocoevalcap computes them on these words.

    captions: photo name -> words. An empty list is a caption too and scores 0.
    references: photo name -> lists of words. Photos without a caption are left out of the score; so is a
        reference without any word (pycocoevalcap would give an empty caption full ROUGE-L for matching it).
    tokenizer: the name of what cut the text into words, which travels with the numbers. Only "ptb" does something: all
        is cut anew as the MSCOCO challenge does it, and both sides may then be sentences. It needs Java.
    decoding: how the captions came about, for the label.
    seed: of the bootstrap intervals.
    extra: of JAVA_METRICS. One that can't be had is left out, with the reason.

    CIDEr is CIDEr-D (Vedantam et al. 2015, https://arxiv.org/abs/1411.5726) with document frequencies from the
    references of the photos scored here, so it shifts with the set of photos, and is 0 for a single photo.

    Raises ValueError for no captions at all, a photo that `references` does not know or has no words for, and a
    caption that is a string instead of a list of words; java.NoJavaScore for "ptb" without Java.
    """
    if tokenizer == PTB:
        captions, references = ptb_words(captions, references)
    captions, references = for_scorers(captions, references)
    measured = measure(references, captions, extra)
    intervals = dict(zip(METRICS, pooled_interval(measured.bleu_counts, bleu_of_counts, seed), strict=False))
    for metric in ("ROUGE-L", "CIDEr", "SPICE"):                # those of the corpus are the photos' means
        if metric in measured.per_photo:
            intervals[metric] = bootstrap_interval(measured.per_photo[metric], seed)
    return Scores(
        values=measured.corpus,
        intervals=intervals,
        names=tuple(captions),
        per_photo=measured.per_photo,
        references=float(np.mean([len(written) for written in references.values()])),
        tokenizer=tokenizer,
        decoding=decoding,
        left_out=measured.left_out,
    )
