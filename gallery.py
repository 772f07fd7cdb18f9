"""The gallery that peers review: good and bad captions beside their photos, as a figure and as one HTML file.

    good = [Example("a.jpg", photo, ["a", "dog"], references=["A dog on a beach."], score=1.2)]
    gallery_figure(good, bad)
    write_gallery("outputs/gallery.html", good, bad, title="My captions", scores=scores)
"""

import base64
import errno
import io
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import jinja2
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.patches import Rectangle
from PIL import Image, ImageOps

import files
from drawing import PhotoSheet
from evaluation import REASONS, SCALE, Scores, Words, caption_confidence
from utils import BadPhoto, decode_photo

PHOTO_SIDE = 800            # pixels of a photo's longer side on the page: sharp at a card's width, 50 to 120 kB each
JPEG_QUALITY = 82
METRIC_MEANINGS = {
    "CIDEr": "agreement with what people wrote, rare words counting more",
    "BLEU-4": "runs of up to four words that a person wrote too",
    "BLEU-1": "single words that a person wrote too",
    "ROUGE-L": "longest shared sequence of words",
}

@dataclass(frozen=True, eq=False)
class Example:
    """One photo with the caption the model wrote.

    photo: encoded bytes (JPEG, PNG, ...) or a PIL image.
    caption: words. references: what people wrote, each a sentence or a list of words; none for a photo of one's own.
    score: CIDEr of this photo, 0..10, or None. word_probabilities: one for each word of the caption, 0..1, or None.
    reason: why a bad one fails, a key of REASONS or any sentence.
    Raises ValueError when the probabilities do not fit the words.
    """

    name: str
    photo: bytes | Image.Image = field(repr=False)
    caption: Words
    references: Sequence[str | Words] = ()
    score: float | None = None
    word_probabilities: Sequence[float] | None = None
    good: bool = True
    reason: str = ""

    def __post_init__(self):
        if isinstance(self.caption, str):
            raise ValueError(f"The caption of {self.name!r} is the string {self.caption!r}; give a list of words.")
        object.__setattr__(self, "caption", tuple(self.caption))
        if self.word_probabilities is None:
            return
        object.__setattr__(self, "word_probabilities", tuple(map(float, self.word_probabilities)))
        if len(self.word_probabilities) != len(self.caption):
            raise ValueError(f"{self.name!r} has {len(self.caption)} words and {len(self.word_probabilities)} "
                             "probabilities: give one for each word, without END's.")
        if not all(0 <= probability <= 1 for probability in self.word_probabilities):
            raise ValueError(f"{self.name!r} has probabilities outside 0 to 1: {list(self.word_probabilities)}.")

    @property
    def text(self) -> str:
        """The caption as a sentence; "(no words)" for an empty one."""
        return " ".join(self.caption) or "(no words)"

    @property
    def written(self) -> list[str]:
        """The references as sentences."""
        return [words if isinstance(words, str) else " ".join(words) for words in self.references]

    @property
    def own(self) -> bool:
        """Whether it is a photo of one's own, which nobody has described."""
        return self.score is None and not self.references

    @property
    def confidence(self) -> float | None:
        """Geometric mean of the word probabilities, 0..1."""
        return None if self.word_probabilities is None else caption_confidence(self.word_probabilities)

    @property
    def image(self) -> Image.Image:
        """The photo as RGB, turned as its EXIF says.  Raises ValueError naming it when it can't be decoded."""
        if isinstance(self.photo, Image.Image):
            return ImageOps.exif_transpose(self.photo).convert("RGB")
        try:
            return decode_photo(self.photo)
        except BadPhoto as error:
            raise ValueError(f"{self.name!r} {error}. Choose another photo for the gallery.") from None


# --------------------------------------------------------------------------------------------------- figures

INK, MUTED = "#1d1c1a", "#68635a"
GOOD, BAD = "#1d6b51", "#a03d18"
CELL, GAP, MARGIN, HEADING, SECTION_GAP = 2.15, 0.24, 0.3, 0.55, 0.2      # inches; CELL is a photo's width
FIGURE_DPI = 110
_ruler = FigureCanvasAgg(Figure(dpi=72)).get_renderer()    # at 72 dots per inch a dot is a point


@dataclass(frozen=True)
class _Text:
    """Lines in one style, wrapped to a cell's width."""

    lines: list[str]
    size: float                 # points
    colour: str = INK
    weight: str = "normal"
    style: str = "normal"
    family: str = "sans-serif"

    @property
    def height(self) -> float:
        return len(self.lines) * self.size * 1.32 / 72 + (0.05 if self.lines else 0)


def contact_sheet(examples: Sequence[Example], columns: int = 4, first: int = 1) -> Figure:
    """Photos with caption, score and name, numbered from `first`: to choose from.

    A reason is shown as a guess. Raises ValueError without any examples.
    """
    if not examples:
        raise ValueError("A contact sheet needs examples: the list is empty.")
    cells = [(example, _choice_texts(number, example)) for number, example in enumerate(examples, first)]
    return _draw([("", INK, cells)], columns)


def gallery_figure(good: Sequence[Example], bad: Sequence[Example], columns: int = 5) -> Figure:
    """The good and the bad examples as one figure, on white. Save it with `figure.savefig(path)`.

    Raises ValueError when there are neither good nor bad ones.
    """
    if not good and not bad:
        raise ValueError("A gallery needs examples: both lists are empty.")
    sections = [(f"{len(good)} captions that fit", GOOD, good), (f"{len(bad)} captions that fail", BAD, bad)]
    return _draw([(title, colour, [(example, _gallery_texts(example)) for example in examples])
                  for title, colour, examples in sections if examples], columns)


def _choice_texts(number: int, example: Example) -> list[_Text]:
    return [
        _wrapped(f"{number}.  {example.text}", 9.5, weight="bold"),
        _wrapped(f"Perhaps {example.reason}?" if example.reason else "", 9, colour=BAD, style="italic"),
        _wrapped(_facts(example), 8, colour=MUTED),
        _wrapped(example.name, 6.5, colour=MUTED, family="monospace"),
    ]


def _gallery_texts(example: Example) -> list[_Text]:
    return [
        _wrapped(example.text, 10.5, weight="bold"),
        _wrapped(example.reason, 9, colour=GOOD if example.good else BAD, style="italic"),
        _wrapped(f"People: {example.written[0]}" if example.written else "", 8.5, colour=MUTED),
        _wrapped(_facts(example), 8, colour=MUTED),
    ]


def _facts(example: Example) -> str:
    """Score and confidence in a line."""
    facts = [f"CIDEr {example.score:.2f}" if example.score is not None else
             "own photo, not scored" if example.own else "not scored"]
    if example.confidence is not None:
        facts.append(f"confidence {example.confidence:.0%}")
    return ", ".join(facts)


def _draw(sections, columns: int) -> Figure:
    """sections: (title, colour, [(Example, texts)]). Rows are as high as their longest text, so nothing overlaps."""
    columns = min(columns, max(len(cells) for _, _, cells in sections))
    width = 2 * MARGIN + columns * CELL + (columns - 1) * GAP
    rows = [(title if start == 0 else "", colour, cells[start:start + columns])
            for title, colour, cells in sections for start in range(0, len(cells), columns)]
    heights = [(HEADING if title else 0) + CELL * 3 / 4 + 0.08 + GAP
               + max(sum(text.height for text in texts) for _, texts in cells) for title, _, cells in rows]
    height = 2 * MARGIN + sum(heights) - GAP + SECTION_GAP * (len(sections) - 1)

    figure = PhotoSheet(figsize=(width, height), dpi=FIGURE_DPI, facecolor="white")
    canvas = figure.add_axes((0, 0, 1, 1))          # its units are inches from the upper left corner
    canvas.set(xlim=(0, width), ylim=(height, 0))
    canvas.axis("off")
    canvas.add_patch(Rectangle((0, 0), width, height, color="white", zorder=0))
    top = MARGIN
    for (title, colour, cells), row_height in zip(rows, heights, strict=True):
        if title and top > MARGIN:
            top += SECTION_GAP
        if title:
            canvas.text(MARGIN, top, title, size=17, color=colour, weight="bold", va="top")
            canvas.plot([MARGIN, width - MARGIN], [top + 0.38] * 2, color=colour, linewidth=1)
        for column, (example, texts) in enumerate(cells):
            _draw_cell(canvas, example, texts, MARGIN + column * (CELL + GAP),
                       top + (HEADING if title else 0))
        top += row_height
    canvas.set(xlim=(0, width), ylim=(height, 0))           # imshow and plot move the limits
    return figure


def _draw_cell(canvas, example: Example, texts: list[_Text], left: float, top: float):
    """The photo in a 4:3 box, on a tint of its own colour where it is narrower or wider, and the texts below it."""
    box, dots = (CELL, CELL * 3 / 4), (round(CELL * 150), round(CELL * 3 / 4 * 150))
    photo = example.image
    photo = (ImageOps.fit if _fills_box(photo) else ImageOps.contain)(photo, dots, Image.Resampling.LANCZOS)
    wide, high = box[0] * photo.width / dots[0], box[1] * photo.height / dots[1]
    x, y = left + (box[0] - wide) / 2, top + (box[1] - high) / 2
    canvas.add_patch(Rectangle((left, top), *box, facecolor=_mean_colour(photo), alpha=0.35, linewidth=0))
    canvas.imshow(np.asarray(photo), extent=(x, x + wide, y + high, y), aspect="auto", interpolation="antialiased",
                  zorder=2)
    top += box[1] + 0.08
    for text in texts:
        for number, line in enumerate(text.lines):
            canvas.text(left, top + number * text.size * 1.32 / 72, line, size=text.size, color=text.colour, va="top",
                        weight=text.weight, style=text.style, family=text.family, parse_math=False)
        top += text.height


def _wrapped(text: str, size: float, width: float = CELL, **style) -> _Text:
    """Lines of text no wider than `width` inches, measured in their font; a longer word is cut."""
    font = FontProperties(size=size, **{key: value for key, value in style.items() if key != "colour"})

    def fits(line: str) -> bool:
        return _ruler.get_text_width_height_descent(line, font, ismath=False)[0] <= width * 72

    lines: list[str] = []
    for word in _printable(text).split():
        if lines and fits(f"{lines[-1]} {word}"):
            lines[-1] += f" {word}"
            continue
        while not fits(word):
            cut = next((end for end in range(len(word) - 1, 1, -1) if fits(word[:end])), 1)
            lines.append(word[:cut])
            word = word[cut:]
        lines.append(word)
    return _Text(lines, size, **style)


# ------------------------------------------------------------------------------------------------------ page

def _printable(text: str) -> str:
    """Text that UTF-8 and HTML can hold: control characters and lone surrogates (from odd zips) become U+FFFD."""
    return _UNPRINTABLE.sub("\ufffd", text)


_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_page = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True,
    finalize=lambda value: _printable(value) if isinstance(value, str) else value,
)


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
    files.write_text(path, _page.get_template("gallery.html.j2").render(
        title=title,
        about=about,
        sections=[section for section in (_section("good", good), _section("bad", bad)) if section["cards"]],
        scores=scores,
        meanings=METRIC_MEANINGS,
        scale=SCALE,
        compared=[{"label": label, "cider": row["CIDEr"]} for label, row in compared.items()] if baselines else [],
        widest=max([row["CIDEr"] for row in compared.values()], default=1) or 1,
        shaded=any(example.word_probabilities is not None for example in (*good, *bad)),
    ))
    return path


def _section(kind: str, examples: Sequence[Example]) -> dict:
    """What the template needs of the good or the bad examples."""
    reasons = Counter(example.reason for example in examples if example.reason in REASONS)
    others = sum(bool(example.reason) for example in examples) - reasons.total()
    return {"kind": kind, "cards": [_card(example) for example in examples],
            "reasons": reasons.most_common() + [("another reason", others)] * bool(reasons and others)}


def _card(example: Example) -> dict:
    image = example.image
    image.thumbnail((PHOTO_SIDE, PHOTO_SIDE), Image.Resampling.LANCZOS)
    written = example.written
    probabilities = example.word_probabilities or [None] * len(example.caption)
    return {
        "photo": _data_uri(image), "width": image.width, "height": image.height,
        "ground": _mean_colour(image), "fills": _fills_box(image),
        "alt": written[0] if written else "",
        "name": example.name,
        "words": [{"text": word, "percent": None if probability is None else round(100 * probability)}
                  for word, probability in zip(example.caption, probabilities, strict=True)],
        "shaded": bool(example.word_probabilities),
        "own": example.own,
        "score": example.score,
        "confidence": example.confidence,
        "references": written,
        "reason": example.reason,
        "explanation": REASONS.get(example.reason, ""),
    }


def _data_uri(image: Image.Image) -> str:
    encoded = io.BytesIO()
    image.save(encoded, "JPEG", quality=JPEG_QUALITY, optimize=True, comment=b"")   # else the photo's own goes along
    return f"data:image/jpeg;base64,{base64.b64encode(encoded.getvalue()).decode('ascii')}"


def _fills_box(image: Image.Image) -> bool:
    """Whether the photo fills a 4:3 box at the price of an eighth of its width or height at most."""
    return 7 / 8 <= image.width / image.height / (4 / 3) <= 8 / 7


def _mean_colour(image: Image.Image) -> str:
    """The photo's mean colour as #rrggbb: a quiet ground for what is left of its box."""
    return "#{:02x}{:02x}{:02x}".format(*image.resize((1, 1), Image.Resampling.BOX).getpixel((0, 0)))
