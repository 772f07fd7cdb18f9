"""What all figures are made of: a white canvas, text that is measured, boxes, arrows, photos, and their colours.

A canvas is 900 units wide, 1 unit = 1/100 inch = 1 pixel at 100 dpi, y upwards. pyplot knows of none of it, so a
notebook cell that ends in a figure shows it once.
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
own_style = style.context("default")  # matplotlib's own: a notebook's rcParams change no figure
INK, MUTED, RULE, PANEL = "#1F2933", "#5B6672", "#AEB8C2", "#F5F7F9"


class Hue(NamedTuple):
    """One role's colour: a strong one for lines and a pale one for areas."""

    line: str
    fill: str


# Okabe and Ito's colours, told apart by readers of all kinds of colour vision; some a little darker for thin lines.
IMAGE = Hue("#0072B2", "#DCECF7")
STATE = Hue("#A64D86", "#F6E4EF")
WORD = Hue("#00805E", "#DAF1E9")
TARGET = Hue("#C98500", "#FDF0D0")
WRONG = Hue("#D55E00", "#FCE5D6")
GREY = Hue("#8793A0", "#E9EDF1")


class Drawing(Figure):
    """A Figure that Jupyter shows though pyplot was never imported, at twice the dots for dense screens."""

    def _repr_png_(self):
        return self._shown("png")

    def _shown(self, kind, **options):
        picture = io.BytesIO()
        inches, _ = self.get_size_inches()
        self.savefig(picture, format=kind, dpi=min(2 * self.dpi, 2 * WIDTH / inches), pil_kwargs=options)
        width, height = (round(inches * self.dpi) for inches in self.get_size_inches())
        return b64encode(picture.getvalue()).decode(), {"width": width, "height": height}

    def get_tightbbox(self, *_, **__):
        """The whole canvas: pyplot's notebook backend crops to this box, but a live picture must keep its size."""
        return Bbox.from_bounds(0, 0, *self.get_size_inches())


class PhotoSheet(Drawing):
    """A drawing full of photos: as JPEG, a quarter of the bytes in the notebook's file."""

    _repr_png_ = None

    def _repr_jpeg_(self):
        return self._shown("jpeg", quality=80, optimize=True, progressive=True)


def canvas(height, kind=Drawing):
    """Empty white drawing and the axes that cover it: x in 0..900, y in 0..height."""
    figure = kind(figsize=(WIDTH / 100, height / 100), dpi=100, facecolor="white")
    ax = figure.add_axes((0, 0, 1, 1))
    ax.set(xlim=(0, WIDTH), ylim=(0, height), autoscale_on=False)
    ax.axis("off")
    return figure, ax


def long_canvas(kind=Drawing):
    """Drawing of a height that is not known yet: y runs from 0 downwards; `cut` it at the end."""
    return canvas(1, kind)


def cut(figure, ax, bottom):
    """The long canvas down to y = bottom."""
    figure.set_size_inches(WIDTH / 100, -bottom / 100)
    ax.set_ylim(bottom, 0)
    return figure


def draw_text(ax, x, y, text, size=9.5, colour=INK, ha="center", **options):
    """One line whose capitals are centred on y, so words in a row share a baseline whatever their letters."""
    options = {"parse_math": False} | options
    return ax.text(x, y - 0.365 * size * 100 / 72, text, fontsize=size, color=colour, ha=ha, va="baseline",
                   family=FONT, **options)


def draw_box(ax, x, y, width, height, hue, lines=(), size=9.5, rounding=7, **options):
    """Rounded box centred on (x, y). The first of several lines is the name in bold, the others are notes."""
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
    """Pale area that groups what is drawn on it, its heading in the upper or lower left corner."""
    style = "round,pad=0,rounding_size=10"
    ax.add_patch(FancyBboxPatch((left, bottom), right - left, top - bottom, boxstyle=style, facecolor=PANEL,
                                edgecolor="none", zorder=0))
    y = bottom + 19 if heading_below else top - 19
    if heading:
        draw_text(ax, left + 14, y, heading, 10.5, ha="left", weight="bold")
    if note:
        draw_text(ax, left + 14 + text_width(heading, 10.5, "bold") + 12, y, note, 9, MUTED, ha="left")


def draw_arrow(ax, *points, colour=MUTED, head="-|>"):
    """Arrow through the points by straight lines."""
    ax.add_patch(FancyArrowPatch(path=Path(points), arrowstyle=f"{head},head_length=5.5,head_width=2.8", color=colour,
                                 linewidth=1.3, zorder=3, joinstyle="round"))


def draw_feed_arrow(ax, start, end, colour):
    """Dashed arrow from a word's right edge, down between two time steps, to the left edge of the next input."""
    (x0, y0), (x1, y1) = start, end
    head = 7
    middle = (x0 + x1) / 2
    bend = x1 - head - middle
    path = Path([start, (middle - bend, y0), (middle, y0), (middle, y0 - bend),
                 (middle, y1 + bend), (middle, y1), (middle + bend, y1)],
                [Path.MOVETO, Path.LINETO, Path.CURVE3, Path.CURVE3, Path.LINETO, Path.CURVE3, Path.CURVE3])
    ax.add_patch(FancyArrowPatch(path=path, arrowstyle="-", color=colour, linewidth=1.3, linestyle=(0, (4, 2.5)),
                                 zorder=3, capstyle="butt"))
    # A head of its own: dashes would fray the outline of FancyArrowPatch's.
    ax.add_patch(Polygon([(x1 - head, y1 - 4), (x1 - head, y1 + 4), (x1, y1)], facecolor=colour, linewidth=0, zorder=3))


def draw_photo(ax, photo, x, y, width, height):
    """The whole photo, as large as fits, centred on (x, y)."""
    pixels = as_rgb(photo, round(2 * max(width, height)))
    scale = min(width / pixels.shape[1], height / pixels.shape[0])
    half_width, half_height = scale * pixels.shape[1] / 2, scale * pixels.shape[0] / 2
    extent = (x - half_width, x + half_width, y - half_height, y + half_height)
    ax.imshow(pixels, extent=extent, aspect="auto", interpolation="antialiased", zorder=1)
    ax.set(xlim=ax.get_xlim(), ylim=ax.get_ylim())
