"""Figures of the gallery, and of the numbered photos to choose from."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from PIL import Image, ImageOps

from captioning.figures.colours import TEXT, WORD, WRONG
from captioning.figures.drawing import PhotoSheet
from captioning.figures.fonts import set_in_fonts
from captioning.figures.pictures import fills_box, mean_colour
from captioning.figures.text import FONT, MONOSPACE, wrapped
from captioning.gallery.examples import Example
from captioning.markup import printable

GOOD, BAD = WORD.line, WRONG.line
CELL, GAP, MARGIN, HEADING, SECTION_GAP = 2.15, 0.24, 0.3, 0.55, 0.2      # inches; CELL is a photo's width
PHOTO_HEIGHT, PHOTO_GAP = CELL * 3 / 4, 0.08
FIGURE_DPI, PHOTO_DPI = 110, 150


@dataclass(frozen=True)
class Paragraph:
    """Lines in one style, wrapped to a cell's width."""

    lines: list[str]
    size: float                 # points
    colour: str = TEXT
    weight: str = "normal"
    style: str = "normal"
    family: str = FONT

    def depth(self, lines: int) -> float:
        """Returns the height of some lines in inches."""
        return lines * self.size * 1.32 / 72

    @property
    def height(self) -> float:
        """Inches, with the gap below."""
        return self.depth(len(self.lines)) + (0.05 if self.lines else 0)


class Cell(NamedTuple):
    """An example, and the texts below its photo."""

    example: Example
    texts: list[Paragraph]


class Section(NamedTuple):
    """Cells below a title. colour: of the title."""

    title: str
    colour: str
    cells: list[Cell]


class Row(NamedTuple):
    """Cells side by side. title: that of the section in its first row, "" in the others."""

    title: str
    colour: str
    cells: list[Cell]

    @property
    def heading(self) -> float:
        """Inches for the title."""
        return HEADING if self.title else 0

    @property
    def height(self) -> float:
        """Inches, with the gap below. The cell with the most text decides, so nothing overlaps."""
        texts = max(sum(text.height for text in cell.texts) for cell in self.cells)
        return self.heading + PHOTO_HEIGHT + PHOTO_GAP + GAP + texts


def plot_contact_sheet(examples: Sequence[Example], columns: int = 4) -> Figure:
    """Plots numbered photos to choose from, with caption, score and name.

    Args:
        examples: their reasons are shown as guesses.
        columns: photos in a row.

    Returns:
        A Figure.

    Raises:
        ValueError: if there are no examples.
    """
    if not examples:
        raise ValueError("A contact sheet needs examples, but the list is empty.")
    good = examples[0].good
    title = "Captions that may fit" if good else "Captions that may fail, with a guess at the reason"
    cells = [Cell(example, _choice_texts(example)) for example in examples]
    return _plot([Section(title, GOOD if good else BAD, cells)], columns)


def plot_gallery(good: Sequence[Example], bad: Sequence[Example], columns: int = 5) -> Figure:
    """Plots the good and the bad examples. `figure.savefig(path, facecolor="white")` saves the figure.

    Args:
        good: examples with captions that fit.
        bad: examples with captions that fail.
        columns: photos in a row.

    Returns:
        A Figure.

    Raises:
        ValueError: if there are neither good nor bad examples.
    """
    if not good and not bad:
        raise ValueError("A gallery needs examples, but both lists are empty.")
    sections = [_gallery_section("fit", GOOD, good), _gallery_section("fail", BAD, bad)]
    return _plot([section for section in sections if section.cells], columns)


def _gallery_section(verb: str, colour: str, examples: Sequence[Example]) -> Section:
    """Adds to the examples what the gallery writes above and below them."""
    chosen = ", chosen by a program" if any(example.proposed for example in examples) else ""
    return Section(f"{len(examples)} captions that {verb}{chosen}", colour,
                   [Cell(example, _gallery_texts(example)) for example in examples])


def _choice_texts(example: Example) -> list[Paragraph]:
    """Returns what the contact sheet writes below a photo."""
    return [
        _paragraph(_numbered(example), 9.5, weight="bold"),
        _paragraph(_guess(example), 9, BAD, style="italic"),
        _paragraph(_facts(example), 8),
        _paragraph(example.name, 6.5, family=MONOSPACE),
    ]


def _gallery_texts(example: Example) -> list[Paragraph]:
    """Returns what the gallery writes below a photo."""
    reason = _guess(example) if example.proposed else example.reason
    return [
        _paragraph(_numbered(example), 10.5, weight="bold"),
        _paragraph(reason, 9, colour=GOOD if example.good else BAD, style="italic"),
        _paragraph(f"People: {example.written[0]}" if example.written else "", 8.5),
        _paragraph(_facts(example), 8),
    ]


def _numbered(example: Example) -> str:
    """Returns the caption behind its number on the sheets, if it has one."""
    return f"{example.number}.  {example.text}" if example.number else example.text


def _guess(example: Example) -> str:
    """Returns the reason as a question."""
    return f"Perhaps {example.reason}?" if example.reason else ""


def _facts(example: Example) -> str:
    """Returns score and confidence in a line."""
    facts = [f"CIDEr {example.score:.2f}" if example.score is not None else
             "own photo, not scored" if example.own else "not scored"]
    if example.confidence is not None:
        facts.append(f"confidence {example.confidence:.0%}")
    return ", ".join(facts)


def _rows(section: Section, columns: int) -> list[Row]:
    """Splits the cells of a section into rows."""
    starts = range(0, len(section.cells), columns)
    return [Row("" if start else section.title, section.colour, section.cells[start:start + columns])
            for start in starts]


def _plot(sections: Sequence[Section], columns: int) -> Figure:
    """Plots sections, one below the other, on a see-through page."""
    columns = min(columns, max(len(section.cells) for section in sections))
    rows = [row for section in sections for row in _rows(section, columns)]
    width = 2 * MARGIN + columns * CELL + (columns - 1) * GAP
    height = 2 * MARGIN + sum(row.height for row in rows) - GAP + SECTION_GAP * (len(sections) - 1)

    figure = PhotoSheet(figsize=(width, height), dpi=FIGURE_DPI, facecolor="none")
    figure.alt = " ".join(f"{section.title}: {'; '.join(_numbered(cell.example) for cell in section.cells)}."
                          for section in sections)
    ax = figure.add_axes((0, 0, 1, 1))          # in inches from the upper left corner
    ax.set(xlim=(0, width), ylim=(height, 0))
    ax.axis("off")
    top = MARGIN
    for row in rows:
        if row.title and top > MARGIN:
            top += SECTION_GAP
        _draw_row(ax, row, top, width)
        top += row.height
    ax.set(xlim=(0, width), ylim=(height, 0))           # imshow and plot move the limits
    return figure


def _draw_row(ax, row: Row, top: float, width: float):
    """Draws the title, if there is one, and the cells."""
    if row.title:
        ax.text(MARGIN, top, row.title, size=17, color=row.colour, weight="bold", va="top")
        ax.plot([MARGIN, width - MARGIN], [top + 0.38] * 2, color=row.colour, linewidth=1)
    for column, cell in enumerate(row.cells):
        left = MARGIN + column * (CELL + GAP)
        _draw_photo(ax, cell.example.image, left, top + row.heading)
        _draw_texts(ax, cell.texts, left, top + row.heading + (PHOTO_HEIGHT + PHOTO_GAP))


def _draw_photo(ax, photo: Image.Image, left: float, top: float):
    """Draws a photo in a 4:3 box. A tint of its mean colour fills what it leaves empty."""
    dots = round(CELL * PHOTO_DPI), round(PHOTO_HEIGHT * PHOTO_DPI)
    photo = (ImageOps.fit if fills_box(photo) else ImageOps.contain)(photo, dots, Image.Resampling.LANCZOS)
    wide, high = CELL * photo.width / dots[0], PHOTO_HEIGHT * photo.height / dots[1]
    x, y = left + (CELL - wide) / 2, top + (PHOTO_HEIGHT - high) / 2
    ax.add_patch(Rectangle((left, top), CELL, PHOTO_HEIGHT, facecolor=mean_colour(photo), alpha=0.35, linewidth=0))
    ax.imshow(np.asarray(photo), extent=(x, x + wide, y + high, y), aspect="auto", interpolation="antialiased",
              zorder=2)


def _draw_texts(ax, texts: Sequence[Paragraph], left: float, top: float):
    """Draws paragraphs, one below the other."""
    for text in texts:
        for number, line in enumerate(text.lines):
            line, families = set_in_fonts(line, text.family)
            ax.text(left, top + text.depth(number), line, size=text.size, color=text.colour, va="top",
                    weight=text.weight, style=text.style, family=families, parse_math=False)
        top += text.height


def _paragraph(text: str, size: float, colour: str = TEXT, **font) -> Paragraph:
    """Wraps a text to the width of a cell. An empty text has no lines. font: as for `text_width`."""
    lines = wrapped(printable(text), 100 * CELL, size, **font) if text else []
    return Paragraph(lines, size, colour, **font)
