"""The parts that all figures share: a white canvas, colours, boxes, arrows, text and photos.

A canvas is 900 units wide (1 unit = 1/100 inch = 1 pixel at 100 dpi), and y points upwards. pyplot does not know of
these figures, so a notebook cell that ends in a figure shows it once.
"""

import io
from base64 import b64encode
from typing import NamedTuple

from matplotlib import style
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Polygon
from matplotlib.path import Path
from matplotlib.transforms import Bbox

from captioning.figures.pictures import as_rgb
from captioning.figures.text import FONT, fitted, text_width

WIDTH = 900
own_style = style.context("default")  # matplotlib's defaults, whatever the notebook's rcParams are
INK, MUTED, RULE, PANEL = "#1F2933", "#5B6672", "#AEB8C2", "#F5F7F9"


class Hue(NamedTuple):
    """The colours of one role: a strong one for lines, a pale one for areas."""

    line: str
    fill: str


# The colours of Okabe and Ito, which colour-blind readers can tell apart. Some are a little darker, for thin lines.
IMAGE = Hue("#0072B2", "#DCECF7")
STATE = Hue("#A64D86", "#F6E4EF")
WORD = Hue("#00805E", "#DAF1E9")
TARGET = Hue("#C98500", "#FDF0D0")
WRONG = Hue("#D55E00", "#FCE5D6")
GREY = Hue("#8793A0", "#E9EDF1")


class Drawing(Figure):
    """A Figure that Jupyter shows without pyplot, with twice the pixels for sharp screens."""

    def _repr_png_(self):
        return self._shown("png")

    def _shown(self, kind, **options):
        picture = io.BytesIO()
        inches, _ = self.get_size_inches()
        self.savefig(picture, format=kind, dpi=min(2 * self.dpi, 2 * WIDTH / inches), pil_kwargs=options)
        width, height = (round(inches * self.dpi) for inches in self.get_size_inches())
        return b64encode(picture.getvalue()).decode(), {"width": width, "height": height}

    def get_tightbbox(self, *_, **__):
        """Returns the box of the whole canvas in inches.

        pyplot's notebook backend crops figures to this box, but a live picture must keep its size.
        """
        return Bbox.from_bounds(0, 0, *self.get_size_inches())


class PhotoSheet(Drawing):
    """A drawing full of photos. Shown as JPEG, it takes a quarter of the bytes in the notebook's file."""

    _repr_png_ = None

    def _repr_jpeg_(self):
        return self._shown("jpeg", quality=80, optimize=True, progressive=True)


def canvas(height, kind=Drawing):
    """Makes an empty white drawing.

    Args:
        height: in units.
        kind: Drawing, or PhotoSheet for a figure with photos.

    Returns:
        The figure and the axes that cover it: x in 0..900, y in 0..height.
    """
    figure = kind(figsize=(WIDTH / 100, height / 100), dpi=100, facecolor="white")
    ax = figure.add_axes((0, 0, 1, 1))
    ax.set(xlim=(0, WIDTH), ylim=(0, height), autoscale_on=False)
    ax.axis("off")
    return figure, ax


def long_canvas(kind=Drawing):
    """Makes a drawing whose height is not known yet. y starts at 0 and falls; `cut` the drawing at the end."""
    return canvas(1, kind)


def cut(figure, ax, bottom):
    """Cuts a long canvas off at y = bottom and returns the figure."""
    figure.set_size_inches(WIDTH / 100, -bottom / 100)
    ax.set_ylim(bottom, 0)
    return figure


def draw_text(ax, x, y, text, size=9.5, colour=INK, ha="center", **options):
    """Draws one line of text. Capitals are centred on y, so words in a row share a baseline.

    Args:
        ax: axes of a canvas.
        x: left edge, centre or right edge of the line, as `ha` says.
        y: middle of its capitals.
        text: the line.
        size: font size in points.
        colour: of the letters.
        ha: "left", "center" or "right".
        **options: for matplotlib's `Axes.text`.

    Returns:
        matplotlib's Text.
    """
    options = {"parse_math": False} | options
    return ax.text(x, y - 0.365 * size * 100 / 72, text, fontsize=size, color=colour, ha=ha, va="baseline",
                   family=FONT, **options)


def draw_box(ax, x, y, width, height, hue, lines=(), size=9.5, rounding=7, **options):
    """Draws a rounded box centred on (x, y).

    Args:
        ax: axes of a canvas.
        x: centre.
        y: centre.
        width: in units.
        height: in units.
        hue: colours of its edge and its area.
        lines: text in it. The first of several lines is the name, in bold; the others are notes.
        size: font size of the first line in points.
        rounding: radius of the corners in units.
        **options: for matplotlib's FancyBboxPatch.
    """
    options = {"facecolor": hue.fill, "edgecolor": hue.line, "linewidth": 1.2, "zorder": 2} | options
    style = f"round,pad=0,rounding_size={rounding}"
    ax.add_patch(FancyBboxPatch((x - width / 2, y - height / 2), width, height, boxstyle=style, **options))
    lines = (lines,) if isinstance(lines, str) else lines
    step = 1.75 * size
    for row, line in enumerate(lines):
        name = row == 0
        weight = "bold" if name and len(lines) > 1 else "normal"
        points = fitted(line, width - 10, size if name else size - 1, weight)
        draw_text(ax, x, y + step * ((len(lines) - 1) / 2 - row), line, points, INK if name else MUTED, weight=weight,
                  zorder=4)


def draw_panel(ax, left, bottom, right, top, heading="", note="", heading_below=False):
    """Draws a pale area behind things that belong together. Its heading stands at the upper or lower left."""
    style = "round,pad=0,rounding_size=10"
    ax.add_patch(FancyBboxPatch((left, bottom), right - left, top - bottom, boxstyle=style, facecolor=PANEL,
                                edgecolor="none", zorder=0))
    y = bottom + 19 if heading_below else top - 19
    if heading:
        draw_text(ax, left + 14, y, heading, 10.5, ha="left", weight="bold")
    if note:
        draw_text(ax, left + 14 + text_width(heading, 10.5, "bold") + 12, y, note, 9, MUTED, ha="left")


def draw_arrow(ax, *points, colour=MUTED, head="-|>"):
    """Draws an arrow along straight lines through the points."""
    ax.add_patch(FancyArrowPatch(path=Path(points), arrowstyle=f"{head},head_length=5.5,head_width=2.8", color=colour,
                                 linewidth=1.3, zorder=3, joinstyle="round"))


def draw_feed_arrow(ax, start, end, colour):
    """Draws a dashed arrow from the right edge of a word, down between two steps, to the next input."""
    (x0, y0), (x1, y1) = start, end
    head = 7
    middle = (x0 + x1) / 2
    bend = x1 - head - middle
    path = Path([start, (middle - bend, y0), (middle, y0), (middle, y0 - bend),
                 (middle, y1 + bend), (middle, y1), (middle + bend, y1)],
                [Path.MOVETO, Path.LINETO, Path.CURVE3, Path.CURVE3, Path.LINETO, Path.CURVE3, Path.CURVE3])
    ax.add_patch(FancyArrowPatch(path=path, arrowstyle="-", color=colour, linewidth=1.3, linestyle=(0, (4, 2.5)),
                                 zorder=3, capstyle="butt"))
    # FancyArrowPatch would draw the outline of the head with dashes too.
    ax.add_patch(Polygon([(x1 - head, y1 - 4), (x1 - head, y1 + 4), (x1, y1)], facecolor=colour, linewidth=0, zorder=3))


def draw_photo(ax, photo, x, y, width, height):
    """Draws the whole photo centred on (x, y), as large as fits into width and height."""
    pixels = as_rgb(photo, round(2 * max(width, height)))
    scale = min(width / pixels.shape[1], height / pixels.shape[0])
    half_width, half_height = scale * pixels.shape[1] / 2, scale * pixels.shape[0] / 2
    extent = (x - half_width, x + half_width, y - half_height, y + half_height)
    ax.imshow(pixels, extent=extent, aspect="auto", interpolation="antialiased", zorder=1)
    ax.set(xlim=ax.get_xlim(), ylim=ax.get_ylim())
