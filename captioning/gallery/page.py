"""The gallery that peers review: photos with good and bad captions, in one HTML file.

Example:
    good = [Example("a.jpg", photo, ["a", "dog"], references=["A dog on a beach."], score=1.2)]
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
from captioning.gallery.reasons import REASONS
from captioning.markup import render
from captioning.scoring.metrics import SCALE
from captioning.scoring.scores import Scores
from captioning.storage import files

PHOTO_SIDE = 800            # longer side in pixels: sharp at the width of a card, 50 to 120 kB each
JPEG_QUALITY = 82
METRIC_MEANINGS = {
    "CIDEr": "agreement with what people wrote, rare words counting more",
    "BLEU-4": "runs of up to four words that a person wrote too",
    "BLEU-1": "single words that a person wrote too",
    "ROUGE-L": "longest shared sequence of words",
}


class Bar(NamedTuple):
    """A row in the table of scores."""

    label: str
    cider: float


class Word(NamedTuple):
    """A word of a caption. percent: its probability in per cent, or None."""

    text: str
    percent: int | None


class Card(NamedTuple):
    """One example, as the page shows it. number: on the contact sheets, or None."""

    photo: str                  # a data URL
    width: int                  # of the photo, pixels
    height: int
    ground: str                 # colour behind the photo, #rrggbb
    fills: bool                 # whether the photo fills its 4:3 box
    alt: str
    name: str
    number: int | None
    words: list[Word]
    shaded: bool                # whether the words show their probabilities
    own: bool
    score: float | None
    confidence: float | None
    references: list[str]
    reason: str
    explanation: str


class Section(NamedTuple):
    """The good or the bad examples.

    Attributes:
        kind: "good" or "bad".
        proposed: whether a program chose them.
        cards: one for each example.
        reasons: each with the number of examples that it applies to.
    """

    kind: str
    proposed: bool
    cards: list[Card]
    reasons: list[tuple[str, int]]


def write_gallery(path, good: Sequence[Example], bad: Sequence[Example],
                  title: str = "Image captions: what the model gets right and wrong", about: str = "",
                  scores: Scores | None = None, baselines: Mapping[str, Scores] | None = None) -> Path:
    """Writes the gallery as one HTML file that needs nothing else.

    The file holds the photos as JPEGs of up to 800 pixels a side, without metadata: a phone writes into a photo where
    it was taken. Text from outside always shows as text. The file takes its name when it is whole.

    Args:
        path: of the file.
        good: examples with captions that fit.
        bad: examples with captions that fail.
        title: heading of the page.
        about: a paragraph on who made it and how.
        scores: for the head of the page.
        baselines: label -> Scores. The page compares their CIDEr with that of `scores`. With a label "people" it says
            that people have one reference fewer.

    Returns:
        The path.

    Raises:
        ValueError: if there are no examples, or a photo can't be decoded.
        OSError: if the file can't be written. The message names it, and a file that was there stays as it was.
    """
    path = Path(path)
    if not good and not bad:
        raise ValueError("A gallery needs examples, but both lists are empty.")
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
        confident=any(example.confidence is not None for example in (*good, *bad)),
        shaded=any(example.word_probabilities for example in bad),
    ))
    return path


def _section(kind: str, examples: Sequence[Example]) -> Section:
    """Collects what the template needs of the good or the bad examples."""
    reasons = Counter(example.reason for example in examples if example.reason in REASONS)
    others = sum(bool(example.reason) for example in examples) - reasons.total()
    counted = reasons.most_common() + [("another reason", others)] * bool(reasons and others)
    proposed = any(example.proposed for example in examples)
    return Section(kind, proposed, [_card(example) for example in examples], counted)


def _card(example: Example) -> Card:
    """Collects what the template needs of one example."""
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
        number=example.number,
        words=_words(example),
        shaded=bool(example.word_probabilities) and not example.good,
        own=example.own,
        score=example.score,
        confidence=example.confidence,
        references=written,
        reason=example.reason,
        explanation=REASONS.get(example.reason, ""),
    )


def _words(example: Example) -> list[Word]:
    """Pairs the words of a caption with their probabilities in per cent."""
    if not example.word_probabilities:
        return [Word(word, None) for word in example.caption]
    return [Word(word, round(100 * p)) for word, p in zip(example.caption, example.word_probabilities, strict=True)]
