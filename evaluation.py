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
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from pycocoevalcap.bleu.bleu_scorer import BleuScorer
from pycocoevalcap.cider.cider import Cider
from pycocoevalcap.rouge.rouge import Rouge

import java_scores

METRICS = ("BLEU-1", "BLEU-2", "BLEU-3", "BLEU-4", "ROUGE-L", "CIDEr")
JAVA_METRICS = ("METEOR", "SPICE")
SCALE = "CIDEr runs from 0 to 10, the others from 0 to 1; papers' tables print 100 times as much"
PTB = "ptb"                 # the tokenizer's name by which score_captions cuts the sentences anew
RESAMPLES = 1000            # bootstrap samples; from seed to seed the interval's ends move by about 2 % of its width

REASONS = {
    "wrong object": "names a thing that is not in the photo",
    "wrong count": "says another number of things",
    "wrong colour": "gives a thing a colour that it does not have",
    "wrong place": "puts the scene somewhere else, or things in another relation",
    "invented detail": "is right on the whole, but adds what is not there",
    "repetition": "says the same thing twice",
    "too general": "would fit hundreds of photos",
    "broken sentence": "is not a sentence a person would say",
}

DISPUTED = ("repetition", "wrong count", "wrong colour")     # reasons for which words alone are good evidence

# Words that say nothing about what a photo shows; without them "a dog on a bed" and "a car on a hill" share nothing.
FUNCTION_WORDS = frozenset({
    "a", "an", "the", "and", "or", "of", "on", "in", "at", "to", "with", "by", "for", "from", "up", "down", "over",
    "under", "near", "next", "is", "are", "be", "being", "been", "has", "have", "that", "this", "these", "those",
    "its", "it", "his", "her", "their", "there", "some", "as", "into", "onto", "out", "off", "while", "very",
})
NUMBERS = frozenset({"two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"})
COLOURS = frozenset({"red", "orange", "yellow", "green", "blue", "purple", "violet", "pink", "brown", "black",
                     "white", "grey", "gray"})

Words = Sequence[str]


# ---------------------------------------------------------------------------------------------------- scores

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


def bootstrap_interval(
    per_photo: np.ndarray,
    seed: int = 0,
    resamples: int = RESAMPLES,
    statistic: Callable[[np.ndarray], np.ndarray] = lambda mean: mean,
) -> tuple[float, float] | list[tuple[float, float]]:
    """95 % percentile interval of a mean over photos, by drawing photos anew with replacement.

    It answers: had other photos of the same kind been scored, where would the mean have come out? The model, its
    training seed and CIDEr's document frequencies stay as they are, so it says nothing of another training run.

    per_photo: (N,) scores, or (N, K) of them. For two models on the same photos pass the differences: the interval is
    then paired, and the models differ when it leaves out 0. Efron and Tibshirani 1993, chapter 13.
    statistic: what is made of each resample's means, (K,) -> (M,); without it the means themselves.
    Returns (low, high); of (N, K) a list of M of them.
    """
    per_photo = np.asarray(per_photo, dtype=np.float64)
    rng = np.random.default_rng(seed)
    n = len(per_photo)
    counts = (np.bincount(rng.integers(0, n, n), minlength=n) for _ in range(resamples))     # how often each photo
    drawn = np.array([statistic(count @ per_photo / n) for count in counts])                 # (resamples,) or (…, M)
    low, high = np.percentile(drawn, [2.5, 97.5], axis=0)
    return (float(low), float(high)) if drawn.ndim == 1 else list(zip(low.tolist(), high.tolist(), strict=True))


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


# -------------------------------------------------------------------------------------------------- baselines

def most_frequent_caption(train_captions: Iterable[Sequence[Words]]) -> list[str]:
    """The caption that people wrote most often; of equals the first in alphabetical order.

    train_captions: for each training photo its captions, each a list of words.  Raises ValueError without any.
    Given to every photo, it is the score of a model that never looks.
    """
    counts = Counter(tuple(words) for photo in train_captions for words in photo if words)
    if not counts:
        raise ValueError("The most frequent caption needs training captions: there are none with a word in them.")
    return list(min(counts, key=lambda words: (-counts[words], words)))


def nearest_photos(
    train_embeddings: np.ndarray, val_embeddings: np.ndarray, count: int = 1, block: int = 2048
) -> tuple[np.ndarray, np.ndarray]:
    """The training photos most like each validation photo, by cosine of their embeddings.

    train_embeddings: (T, D), val_embeddings: (V, D), any float dtype; memory-mapped arrays are read `block` rows
    at a time, so neither is ever in memory as a whole.
    Returns rows of train_embeddings (V, count) int64, nearest first and of equals the lower row, and their
    cosines (V, count) float32. A row of zeros has cosine 0 with everything.
    Raises ValueError when the widths differ or there are fewer than `count` training photos.
    """
    train_count, width = train_embeddings.shape
    if val_embeddings.ndim != 2 or val_embeddings.shape[1] != width:
        raise ValueError(f"Embeddings of different kinds: training photos have shape {train_embeddings.shape}, "
                         f"validation photos {val_embeddings.shape}; the second numbers must be equal.")
    if not 1 <= count <= train_count:
        raise ValueError(f"{count} nearest photos were asked for, but there are {train_count} training photos.")
    rows = np.empty((len(val_embeddings), count), np.int64)
    cosines = np.empty((len(val_embeddings), count), np.float32)
    for start in range(0, len(val_embeddings), block):
        wanted = _unit_rows(val_embeddings[start:start + block])                             # (B, D)
        best_cosines = np.full((len(wanted), count), -np.inf, np.float32)                    # (B, count)
        best_rows = np.zeros((len(wanted), count), np.int64)
        for train_start in range(0, train_count, block):
            similarity = wanted @ _unit_rows(train_embeddings[train_start:train_start + block]).T
            found_cosines, found_rows = _largest(similarity, min(count, similarity.shape[1]))
            all_cosines = np.concatenate([best_cosines, found_cosines], axis=1)
            all_rows = np.concatenate([best_rows, found_rows + train_start], axis=1)
            order = np.argsort(-all_cosines, axis=1, kind="stable")[:, :count]
            best_cosines = np.take_along_axis(all_cosines, order, axis=1)
            best_rows = np.take_along_axis(all_rows, order, axis=1)
        rows[start:start + block], cosines[start:start + block] = best_rows, best_cosines
    return rows, cosines


def nearest_photo_captions(
    train_embeddings: np.ndarray, train_captions: Sequence[Sequence[Words]], val_embeddings: np.ndarray
) -> list[Words]:
    """For each validation photo the first caption of the training photo most like it: retrieval, not generation.

    train_captions: T lists of captions in the order of train_embeddings (T, D), each words or a sentence.
    val_embeddings: (V, D).  Returns V captions of that kind, [] where there is none.
    Raises ValueError when captions and embeddings are not of the same photos in the same order.
    """
    if len(train_captions) != len(train_embeddings):
        raise ValueError(f"{len(train_embeddings)} training embeddings, but captions of {len(train_captions)} "
                         "photos: both must be of the same photos in the same order.")
    rows, _ = nearest_photos(train_embeddings, val_embeddings)
    return [next(iter(train_captions[row]), []) for row in rows[:, 0]]


def cosine(first: np.ndarray, second: np.ndarray) -> float:
    """Cosine of two photos' embeddings, (D,) each: 1 for what the encoder sees as the same."""
    one, other = _unit_rows(np.stack([first, second]))
    return float(one @ other)


def hold_out_reference(
    references: Mapping[str, Sequence[Words]], seed: int = 0
) -> tuple[dict[str, Words], dict[str, list[Words]]]:
    """One reference of each photo, drawn at random, as if it were a caption, and the others as its references.

    references: photo name -> lists of words, or sentences. Photos with fewer than two are left out.
    A model scored against these others is compared with people fairly: with one reference fewer for both, since
    BLEU and ROUGE-L grow with the number of references.
    """
    rng = np.random.default_rng(seed)
    captions, others = {}, {}
    for name in sorted(references):
        written = [words for words in references[name] if words]
        if len(written) > 1:
            captions[name] = written.pop(int(rng.integers(len(written))))
            others[name] = written
    return captions, others


def human_agreement(
    references: Mapping[str, Sequence[Words]], tokenizer: str = "split_sentence", seed: int = 0
) -> Scores:
    """Scores of one person's caption against the other people's, see `hold_out_reference`.

    Not a ceiling: a model that writes what most people write can score above one person.
    """
    captions, others = hold_out_reference(references, seed)
    if not captions:
        raise ValueError("Human agreement needs photos with two references or more: there are none.")
    return score_captions(captions, others, tokenizer, "one person against the others", seed)


def _unit_rows(embeddings: np.ndarray) -> np.ndarray:
    """Rows as float32 of length 1; rows of zeros stay zeros."""
    rows = np.asarray(embeddings, dtype=np.float32)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(lengths == 0, 1, lengths)


def _largest(similarity: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The `count` largest of each row, (B, count) each, of equals the lower column. Overwrites its argument."""
    each = np.arange(len(similarity))
    values, columns = [], []
    for _ in range(count):
        column = similarity.argmax(axis=1)
        values.append(similarity[each, column])
        columns.append(column)
        similarity[each, column] = -np.inf
    return np.stack(values, axis=1), np.stack(columns, axis=1)


# -------------------------------------------------------------------------------------------------- diversity

@dataclass(frozen=True)
class Diversity:
    """How varied a set of captions is. A model that says the same of every photo is caught here first."""

    captions: int
    distinct: int
    unseen_share: float          # of the captions, those that no training photo has word for word, 0..1
    vocabulary_used: int         # different words in all captions
    mean_length: float           # words a caption
    most_common: str
    most_common_count: int

    def as_dict(self) -> dict:
        return dict(self.__dict__)

    def __str__(self) -> str:
        return (f"{self.distinct} different captions for {self.captions} photos; {self.unseen_share:.0%} of the "
                f"photos got one that no person wrote in training; {self.vocabulary_used} different words, "
                f"{self.mean_length:.1f} a caption; the most common one, {self.most_common_count} times: "
                f"“{self.most_common}”")

    __repr__ = __str__


def caption_diversity(captions: Mapping[str, Words], train_captions: Iterable[Sequence[Words]]) -> Diversity:
    """Diversity of captions (photo name -> words) against the training photos' captions (lists of lists of words).

    Raises ValueError without captions.
    """
    if not captions:
        raise ValueError("There are no captions to look at: the dict of captions is empty.")
    seen = {tuple(words) for photo in train_captions for words in photo}
    written = [tuple(words) for words in captions.values()]
    counts = Counter(written)
    most_common = min(counts, key=lambda words: (-counts[words], words))
    return Diversity(
        captions=len(written),
        distinct=len(counts),
        unseen_share=sum(words not in seen for words in written) / len(written),
        vocabulary_used=len({word for words in written for word in words}),
        mean_length=sum(map(len, written)) / len(written),
        most_common=" ".join(most_common),
        most_common_count=counts[most_common],
    )


# -------------------------------------------------------------------------------------------------- confusions

@dataclass(frozen=True)
class Confusion:
    """Two photos that the model says the same of and people do not.

    captions, references: overlap of the two photos' content words, in their captions and in all their references:
    shared words divided by all words (Jaccard index), 0..1.
    """

    first: str
    second: str
    captions: float
    references: float

    @property
    def degree(self) -> float:
        """captions − references: 1 for the same caption of photos of which people have no word in common."""
        return self.captions - self.references


def confused_photos(
    captions: Mapping[str, Words], references: Mapping[str, Sequence[Words]], n: int = 10, most: int = 2000
) -> list[Confusion]:
    """The n pairs of photos with the highest `Confusion.degree`, no caption in two of them; fewer if it is 0 or less.

    captions: photo name -> words; references: name -> lists of words. Content words are all but FUNCTION_WORDS; photos
    whose caption or references have none are left out. Each is compared with each, so of more than `most` photos only
    the first by name are looked at.
    """
    said = {name: frozenset(captions[name]) - FUNCTION_WORDS for name in sorted(captions)}
    written = {name: frozenset().union(*references[name]) - FUNCTION_WORDS for name in said}
    names = [name for name in said if said[name] and written[name]][:most]
    if len(names) < 2:
        return []
    of_captions = _overlaps([said[name] for name in names])                                 # (N, N)
    of_references = _overlaps([written[name] for name in names])
    degree = np.triu(of_captions - of_references, 1)
    pairs = []
    while len(pairs) < n and degree.max() > 0:
        row, column = np.unravel_index(degree.argmax(), degree.shape)
        pairs.append(Confusion(names[row], names[column], float(of_captions[row, column]),
                               float(of_references[row, column])))
        shown = [said[name] in (said[names[row]], said[names[column]]) for name in names]
        degree[shown] = degree[:, shown] = 0
    return pairs


def _overlaps(sets: Sequence[frozenset]) -> np.ndarray:
    """Jaccard index of each set with each, (N, N) float32; none of them is empty."""
    column = {word: index for index, word in enumerate(sorted(frozenset().union(*sets)))}
    there = np.zeros((len(sets), len(column)), np.float32)
    for row, words in enumerate(sets):
        there[row, [column[word] for word in words]] = 1
    shared = there @ there.T
    sizes = there.sum(axis=1)
    return shared / (sizes[:, None] + sizes - shared)


# -------------------------------------------------------------------------------------------- what to look at

@dataclass(frozen=True)
class Candidate:
    """A photo that may go into the gallery, and why it was proposed."""

    name: str
    caption: tuple[str, ...]
    cider: float                 # of this photo, 0..10
    agreement: float             # ROUGE-L with the references, 0..1
    confidence: float | None     # the model's own, 0..1
    hint: str                    # for a bad one the likely reason, a key of REASONS; else ""


@dataclass(frozen=True)
class Proposal:
    """Candidates for the gallery, the clearest first. The choice is the learner's."""

    good: tuple[Candidate, ...]
    bad: tuple[Candidate, ...]

    def __str__(self) -> str:
        return "\n".join(line for title, candidates in (("Good", self.good), ("Bad", self.bad))
                         for line in (f"{title}:", *map(_candidate_line, candidates)))

    __repr__ = __str__


def propose_examples(
    names: Iterable[str],
    captions: Mapping[str, Words],
    references: Mapping[str, Sequence[Words]],
    scores: Scores,
    confidence: Mapping[str, float] | None = None,
    n: int = 10,
) -> Proposal:
    """Photos worth showing: n whose captions fit and n whose captions fail, each list varied in what it says.

    Photos are ranked by CIDEr, by agreement with the references (ROUGE-L) and, at half weight, by the model's own
    confidence: a good example is right and sure of it, a bad one is wrong and sure of it. A caption may be true and yet
    unlike all references, so bad ones that repeat themselves or contradict a reference's colour or number go first.
    The good come from the better half of `names`, the bad from the other, so no photo is in both. From the top of each
    ranking photos are taken whose captions share at most half of their content words with one already taken; only
    when those run out, closer ones are. The same input gives the same proposal, whatever its order.

    confidence: photo name -> number, higher is surer, see `caption_confidence`; a photo without one counts lowest.
    Returns at most n a side: ask for more than 10 to have a choice.
    Raises ValueError for a name that was not scored, and for fewer than two photos.
    """
    names = sorted(set(names))
    cider, agreement = scores.by_photo("CIDEr"), scores.by_photo("ROUGE-L")
    missing = [name for name in names if name not in cider or name not in captions or name not in references]
    if missing:
        raise ValueError(f"{len(missing)} of the photos have no caption, references or score, the first is "
                         f"{missing[0]!r}: propose examples from the photos that were scored.")
    if len(names) < 2:
        raise ValueError(f"Good and bad examples need two photos or more; there are {len(names)}.")
    quality = _rank(cider[name] for name in names) + _rank(agreement[name] for name in names)      # (N,) in 0..2
    sureness = _rank((confidence or {}).get(name, -math.inf) for name in names) / 2                # (N,) in 0..0.5
    disputed = np.array([likely_reason(captions[name], references[name]) in DISPUTED for name in names])
    better_first = np.argsort(-quality, kind="stable")
    half = len(names) // 2

    def choose(rows: np.ndarray, value: np.ndarray, good: bool) -> tuple[Candidate, ...]:
        ranked = rows[np.lexsort((rows, -value[rows]))]               # highest value first, then by name
        return tuple(
            Candidate(name, tuple(captions[name]), cider[name], agreement[name], (confidence or {}).get(name),
                      "" if good else likely_reason(captions[name], references[name]))
            for name in _varied([names[row] for row in ranked], captions, n)
        )

    return Proposal(choose(better_first[:half], quality + sureness, good=True),
                    choose(better_first[half:], sureness - quality + 3 * disputed, good=False))


def caption_confidence(word_probabilities: Sequence[float]) -> float:
    """Geometric mean of the probabilities that the decoder gave its words, 0..1: the same for long and short captions.

    0 for an empty caption.
    """
    if len(word_probabilities) == 0 or min(word_probabilities) <= 0:
        return 0.0
    return float(np.exp(np.mean(np.log(np.asarray(word_probabilities, np.float64)))))


def likely_reason(caption: Words, references: Sequence[Words]) -> str:
    """A first guess at why a caption fails, from words alone: a key of REASONS. A person should look and decide."""
    said = Counter(word for word in caption if word not in FUNCTION_WORDS)
    written = [Counter(words) for words in references]
    known = set().union(*written)
    things = {word: count for word, count in said.items() if word not in COLOURS | NUMBERS}
    if any(count > max((words[word] for words in written), default=0) and count > 1 for word, count in things.items()):
        return "repetition"
    for reason, kind in (("wrong count", NUMBERS), ("wrong colour", COLOURS)):
        there = [pair for words in references for pair in _described(words, kind)]
        nouns = {noun for _, noun in there}
        if any(noun in nouns and (word, noun) not in there for word, noun in _described(caption, kind)):
            return reason
    strange = sum(word not in known for word in said)
    if not strange:
        return "too general"
    return "wrong object" if strange * 2 >= len(said) else "invented detail"


def _described(words: Words, kind: frozenset) -> list[tuple[str, str]]:
    """(word of that kind, noun) where one stands before the other, colours and numbers between left out."""
    pairs = []
    for place, word in enumerate(words):
        noun = next((w for w in words[place + 1:] if w not in COLOURS | NUMBERS), "")
        if word in kind and noun not in FUNCTION_WORDS:
            pairs.append((word, noun))
    return pairs


def _rank(values: Iterable[float]) -> np.ndarray:
    """Share of the values below each one, equals counting half: (N,) in 0..1, unmoved by scale or outliers."""
    values = np.fromiter(values, dtype=np.float64)
    ordered = np.sort(values)
    return (np.searchsorted(ordered, values, "left") + np.searchsorted(ordered, values, "right")) / (2 * len(values))


def _varied(ranked: Sequence[str], captions: Mapping[str, Words], n: int) -> Iterator[str]:
    """Up to n of the names in their order, passing over captions that resemble one taken, as long as that lasts."""
    content = {name: frozenset(captions[name]) - FUNCTION_WORDS for name in ranked}
    taken: list[str] = []
    for allowed in (0.5, 0.8, 1.0):                # the last one lets equal captions in: better than too few
        for name in ranked:
            if len(taken) == n:
                break
            if name not in taken and all(_overlap(content[name], content[other]) <= allowed for other in taken):
                taken.append(name)
    return iter(sorted(taken, key=ranked.index))


def _overlap(one: frozenset, other: frozenset) -> float:
    """Jaccard index; two empty sets are the same."""
    return len(one & other) / len(one | other) if one | other else 1.0


def _candidate_line(candidate: Candidate) -> str:
    confidence = "" if candidate.confidence is None else f", confidence {candidate.confidence:.0%}"
    hint = f", perhaps {candidate.hint}" if candidate.hint else ""
    return f"  {candidate.name}: {' '.join(candidate.caption)} (CIDEr {candidate.cider:.2f}{confidence}{hint})"
