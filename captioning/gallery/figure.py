"""The gallery, and the sheets to choose from, as figures."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.patches import Rectangle
from PIL import Image, ImageOps

from captioning.figures.drawing import PhotoSheet
from captioning.figures.pictures import fills_box, mean_colour
from captioning.gallery.examples import Example
from captioning.markup import printable

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
    photo = (ImageOps.fit if fills_box(photo) else ImageOps.contain)(photo, dots, Image.Resampling.LANCZOS)
    wide, high = box[0] * photo.width / dots[0], box[1] * photo.height / dots[1]
    x, y = left + (box[0] - wide) / 2, top + (box[1] - high) / 2
    canvas.add_patch(Rectangle((left, top), *box, facecolor=mean_colour(photo), alpha=0.35, linewidth=0))
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
    for word in printable(text).split():
        if lines and fits(f"{lines[-1]} {word}"):
            lines[-1] += f" {word}"
            continue
        while not fits(word):
            cut = next((end for end in range(len(word) - 1, 1, -1) if fits(word[:end])), 1)
            lines.append(word[:cut])
            word = word[cut:]
        lines.append(word)
    return _Text(lines, size, **style)
