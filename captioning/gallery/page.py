"""The gallery that peers review: good and bad captions beside their photos, as a figure and as one HTML file.

    good = [Example("a.jpg", photo, ["a", "dog"], references=["A dog on a beach."], score=1.2)]
    gallery_figure(good, bad)
    write_gallery("outputs/gallery.html", good, bad, title="My captions", scores=scores)
"""

import errno
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from captioning.figures.pictures import fills_box, jpeg_data_url, mean_colour
from captioning.gallery.examples import Example
from captioning.gallery.proposals import REASONS
from captioning.markup import render
from captioning.scoring.metrics import SCALE, Scores
from captioning.storage import files

PHOTO_SIDE = 800            # pixels of a photo's longer side on the page: sharp at a card's width, 50 to 120 kB each
JPEG_QUALITY = 82
METRIC_MEANINGS = {
    "CIDEr": "agreement with what people wrote, rare words counting more",
    "BLEU-4": "runs of up to four words that a person wrote too",
    "BLEU-1": "single words that a person wrote too",
    "ROUGE-L": "longest shared sequence of words",
}


class Bar(NamedTuple):
    """A row of the page's table of scores."""

    label: str
    cider: float


class Word(NamedTuple):
    """A word of a caption. percent: its probability, or None."""

    text: str
    percent: int | None


class Card(NamedTuple):
    """One example, as the page shows it."""

    photo: str                  # a data URL
    width: int                  # of the photo, pixels
    height: int
    ground: str                 # colour behind a photo that does not fill its box
    fills: bool                 # whether it does
    alt: str
    name: str
    words: list[Word]
    shaded: bool                # whether the words have probabilities
    own: bool
    score: float | None
    confidence: float | None
    references: list[str]
    reason: str
    explanation: str


class Section(NamedTuple):
    """The good or the bad examples. reasons: each with the number of examples that have it."""

    kind: str
    cards: list[Card]
    reasons: list[tuple[str, int]]


def write_gallery(
    path,
    good: Sequence[Example],
    bad: Sequence[Example],
    title: str = "Image captions: what the model gets right and wrong",
    about: str = "",
    scores: Scores | None = None,
    baselines: Mapping[str, Scores] | None = None,
) -> Path:
    """Writes the gallery as one HTML file that needs nothing else, and returns its path.

    Photos are embedded as JPEG of at most 800 pixels a side, without their metadata (a phone's photo says where it was
    taken). Everything from outside shows as text. The file is written aside and takes its name when whole.

    about: a paragraph on who made it and how. scores: shown in the header; baselines: label -> Scores, shown as bars
    beside the CIDEr of `scores`.
    Raises ValueError for no examples at all or a photo that can't be decoded, OSError naming the path when it can't be
    written (the file that was there before is then untouched).
    """
    path = Path(path)
    if not good and not bad:
        raise ValueError("A gallery needs examples: both lists are empty.")
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, "is a folder: give the page a file name such as gallery.html", str(path))
    compared = {"This model": scores, **(baselines or {})} if scores else {}
    files.write_text(path, render(
        "gallery/gallery.html.j2",
        title=title,
        about=about,
        sections=[_section(kind, examples) for kind, examples in (("good", good), ("bad", bad)) if examples],
        scores=scores,
        meanings=METRIC_MEANINGS,
        scale=SCALE,
        compared=[Bar(label, row["CIDEr"]) for label, row in compared.items()] if baselines else [],
        widest=max([row["CIDEr"] for row in compared.values()], default=1) or 1,
        shaded=any(example.word_probabilities is not None for example in (*good, *bad)),
    ))
    return path


def _section(kind: str, examples: Sequence[Example]) -> Section:
    """What the template needs of the good or the bad examples."""
    reasons = Counter(example.reason for example in examples if example.reason in REASONS)
    others = sum(bool(example.reason) for example in examples) - reasons.total()
    counted = reasons.most_common() + [("another reason", others)] * bool(reasons and others)
    return Section(kind, [_card(example) for example in examples], counted)


def _card(example: Example) -> Card:
    """What the template needs of one example."""
    image = example.image
    image.thumbnail((PHOTO_SIDE, PHOTO_SIDE), Image.Resampling.LANCZOS)
    written = example.written
    return Card(
        photo=jpeg_data_url(image, quality=JPEG_QUALITY, optimize=True),
        width=image.width,
        height=image.height,
        ground=mean_colour(image),
        fills=fills_box(image),
        alt=written[0] if written else "",
        name=example.name,
        words=_words(example),
        shaded=bool(example.word_probabilities),
        own=example.own,
        score=example.score,
        confidence=example.confidence,
        references=written,
        reason=example.reason,
        explanation=REASONS.get(example.reason, ""),
    )


def _words(example: Example) -> list[Word]:
    """The words of a caption with their probabilities in per cent."""
    if not example.word_probabilities:
        return [Word(word, None) for word in example.caption]
    return [Word(word, round(100 * p)) for word, p in zip(example.caption, example.word_probabilities, strict=True)]
