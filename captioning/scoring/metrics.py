"""How good the captions are: scores, their baselines, and which photos are worth showing.

Captions are lists of words without START and END, keyed by the photo's name; references are the lists that
people wrote for that photo. The scorers are pycocoevalcap's own (BLEU, ROUGE-L, CIDEr), which are plain Python:
no Java. A score depends on how text was cut into words, so every result carries its tokenizer's name; where there is
Java, the MSCOCO challenge's own tokenizer and METEOR can be had too.

    scores = score_captions(captions, references, tokenizer="split_sentence", decoding="greedy")
    ScoreTable({"this model": scores, "people": human_agreement(references)})
"""

import html
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from pycocoevalcap.bleu.bleu_scorer import BleuScorer
from pycocoevalcap.cider.cider import Cider
from pycocoevalcap.rouge.rouge import Rouge

from captioning.scoring import java_scores
from captioning.scoring.intervals import bootstrap_interval
from captioning.scoring.words import Words

METRICS = ("BLEU-1", "BLEU-2", "BLEU-3", "BLEU-4", "ROUGE-L", "CIDEr")
JAVA_METRICS = ("METEOR", "SPICE")
SCALE = "CIDEr runs from 0 to 10, the others from 0 to 1; papers' tables print 100 times as much"
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
    caption that is a string instead of a list of words; java_scores.NoJavaScore for "ptb" without Java.
    """
    if tokenizer == PTB:
        captions, references = _ptb_words(captions, references)
    hypotheses, truths = _as_pycocoevalcap_wants(captions, references)
    bleu, bleu_per_photo, bleu_counts = _bleu(truths, hypotheses)
    rouge, rouge_per_photo = Rouge().compute_score(truths, hypotheses)
    cider, cider_per_photo = Cider().compute_score(truths, hypotheses)
    values = dict(zip(METRICS, map(float, (*bleu, rouge, cider)), strict=True))
    per_photo = dict(zip(METRICS, map(np.asarray, (*bleu_per_photo, rouge_per_photo, cider_per_photo)), strict=True))
    more, left_out = _java_metrics(truths, hypotheses, extra)
    for metric, (corpus, each) in more.items():
        values[metric], per_photo[metric] = corpus, each

    means = {metric: bootstrap_interval(per_photo[metric], seed) for metric in ("ROUGE-L", "CIDEr", "SPICE")
             if metric in per_photo}
    pooled = bootstrap_interval(bleu_counts, seed, statistic=_bleu_of_counts)
    return Scores(
        values=values,
        intervals=dict(zip(METRICS, pooled, strict=False)) | means,
        names=tuple(hypotheses),
        per_photo=per_photo,
        references=float(np.mean([len(written) for written in truths.values()])),
        tokenizer=tokenizer,
        decoding=decoding,
        left_out=left_out,
    )


@dataclass(frozen=True)
class Difference:
    """How much higher one CIDEr is than another, with the ends of its paired 95 % interval over photos."""

    mean: float
    low: float
    high: float
    scores: Scores
    baseline: Scores

    def as_dict(self) -> dict:
        return {"CIDEr": self.mean, "CIDEr_interval_95": [self.low, self.high], "photos": self.scores.photos,
                "tokenizer": self.scores.tokenizer, "decoding": self.scores.decoding,
                "baseline": self.baseline.decoding}

    def __str__(self) -> str:
        verdict = ("Other photos of the kind would hardly reverse it." if self.low > 0 or self.high < 0 else
                   "On other photos it might be the other way round.")
        return (f"CIDEr of “{self.scores.decoding}” minus that of “{self.baseline.decoding}”: {self.mean:+.3f}, 95 % "
                f"interval {self.low:+.3f} to {self.high:+.3f} ({self.scores.photos} photos, tokenizer: "
                f"{self.scores.tokenizer}). {verdict}").replace("-", "−")

    __repr__ = __str__


def cider_difference(scores: Scores, baseline: Scores, seed: int = 0) -> Difference:
    """CIDEr of `scores` minus the baseline's; its interval is paired, and so narrower than the two suggest.

    Raises ValueError when the two were not scored on the same photos, as many references and the same tokenizer.
    """
    if (scores.names, scores.references, scores.tokenizer) != (
            baseline.names, baseline.references, baseline.tokenizer):
        raise ValueError(
            f"Scores of {scores.photos} photos against {scores.references:.3g} references ({scores.decoding}, "
            f"{scores.tokenizer}) and of {baseline.photos} against {baseline.references:.3g} ({baseline.decoding}, "
            f"{baseline.tokenizer}) can't be compared: score both on the same photos, references and tokenizer."
        )
    each = scores.per_photo["CIDEr"] - baseline.per_photo["CIDEr"]
    return Difference(float(each.mean()), *bootstrap_interval(each, seed), scores, baseline)


@dataclass(frozen=True)
class ScoreTable:
    """Scores side by side, one labelled row each, for a notebook or a terminal."""

    rows: Mapping[str, Scores]

    def _cells(self) -> list[list[str]]:
        metrics = [m for m in (*METRICS, *JAVA_METRICS) if any(m in scores.values for scores in self.rows.values())]
        header = ["", "references", *metrics, "BLEU-4, 95 %", "CIDEr, 95 %"]
        return [header] + [
            [label, f"{scores.references:.3g}",
             *(f"{scores[metric]:.3f}" if metric in scores.values else "–" for metric in metrics),
             *("{:.3f} to {:.3f}".format(*scores.intervals[metric]) for metric in ("BLEU-4", "CIDEr"))]
            for label, scores in self.rows.items()
        ]

    def _notes(self) -> str:
        photos = sorted({scores.photos for scores in self.rows.values()})
        tokenizers = sorted({scores.tokenizer for scores in self.rows.values()})
        left_out = sorted({reason for scores in self.rows.values() for reason in scores.left_out})
        return " ".join([f"{' / '.join(map(str, photos))} photos, tokenizer: {' / '.join(tokenizers)}. {SCALE}.",
                         "Intervals by bootstrap over photos.", *left_out])

    def __str__(self) -> str:
        cells = self._cells()
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        lines = ["  ".join([row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in
                                                      zip(row[1:], widths[1:], strict=True))]) for row in cells]
        return "\n".join([*lines, self._notes()])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        header, *rows = self._cells()
        head = "".join(f'<th scope="col" style="text-align:right">{html.escape(cell)}</th>' for cell in header)
        body = "".join(
            f'<tr><th scope="row" style="text-align:left">{html.escape(row[0])}</th>'
            + "".join(f'<td style="text-align:right;white-space:nowrap">{html.escape(cell)}</td>' for cell in row[1:])
            + "</tr>" for row in rows
        )
        return (f'<table style="font-variant-numeric:tabular-nums"><thead><tr>{head}</tr></thead><tbody>{body}</tbody>'
                f'</table><p style="max-width:46em;font-size:.9em">{html.escape(self._notes())}</p>')


def _bleu(truths, hypotheses) -> tuple[list[float], list[list[float]], np.ndarray]:
    """BLEU-1 to 4 of the corpus and of each photo, and each photo's counts (N, 10) for `_bleu_of_counts`."""
    scorer = BleuScorer(n=4)
    for name, (caption,) in hypotheses.items():
        scorer += (caption, truths[name])
    corpus, each = scorer.compute_score(option="closest", verbose=0)
    counts = []
    for test in scorer.ctest:
        nearest = min((abs(length - test["testlen"]), length) for length in test["reflen"])[1]
        counts.append([*test["correct"], *test["guess"], test["testlen"], nearest])
    return corpus, each, np.array(counts, np.float64)


def _bleu_of_counts(counts: np.ndarray) -> np.ndarray:
    """BLEU-1 to 4 (Papineni et al. 2002) of pooled counts: n-grams that match (4), that are there (4), words of the
    captions, words of the references nearest in length."""
    matches, there, length, reference_length = counts[:4], counts[4:8], counts[8], counts[9]
    precision = matches / np.maximum(there, 1e-9)
    brevity = min(1.0, math.exp(1 - reference_length / length)) if length else 0.0
    return np.cumprod(precision) ** (1 / np.arange(1, 5)) * brevity


def _java_metrics(truths, hypotheses, wanted: Sequence[str]) -> tuple[dict[str, tuple], tuple[str, ...]]:
    """{metric: (of the corpus, of each photo)} of those that can be had, and why the others can't."""
    scorers = {"METEOR": java_scores.meteor, "SPICE": java_scores.spice}
    unknown = [metric for metric in wanted if metric not in scorers]
    if unknown:
        raise ValueError(f"There is no metric {unknown[0]!r} to add; there are {', '.join(scorers)}.")
    found, left_out = {}, []
    for metric in wanted:
        try:
            found[metric] = scorers[metric](truths, hypotheses)
        except java_scores.NoJavaScore as reason:
            left_out.append(str(reason))
    return found, tuple(left_out)


def _ptb_words(captions, references):
    """Captions, and the references of the same photos, in the challenge's words. Sentences or lists of words."""
    def sentence(said):
        return said if isinstance(said, str) else " ".join(said)

    written = {name: references[name] for name in captions if name in references}
    texts = [sentence(said) for said in captions.values()]
    texts += [sentence(said) for all_said in written.values() for said in all_said]
    words = iter(java_scores.ptb_tokenize(texts) if texts else [])
    return ({name: next(words) for name in captions},
            {name: [next(words) for _ in all_said] for name, all_said in written.items()})


def _as_pycocoevalcap_wants(captions, references) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """Both as name -> strings of words with one space between, sorted by name (sums then never depend on order)."""
    if not captions:
        raise ValueError("There are no captions to score: the dict of captions is empty.")
    unknown = sorted(set(captions) - set(references))
    if unknown:
        raise ValueError(
            f"{len(unknown)} of {len(captions)} captions are for photos that have no references, the first is "
            f"{unknown[0]!r}. Score captions against the references of the same split."
        )
    hypotheses, truths = {}, {}
    for name in sorted(captions):
        hypotheses[name] = [_joined(captions[name], "caption", name)]
        truths[name] = [text for words in references[name] if (text := _joined(words, "reference", name))]
        if not truths[name]:
            raise ValueError(f"Photo {name!r} has no reference with a word in it: leave it out of the captions.")
    return hypotheses, truths


def _joined(words: Words, what: str, name: str) -> str:
    if isinstance(words, str):
        raise ValueError(
            f"The {what} of {name!r} is the string {words!r}; a list of words is needed, "
            "from the same tokenizer for captions and references."
        )
    return " ".join(words)
