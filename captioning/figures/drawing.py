"""The parts that all figures share: a see-through canvas, titles, boxes, arrows, text and photos.

Lengths are in units of 1/100 inch, 1 pixel at 100 dpi, and y points upwards. pyplot does not know of these figures, so
a notebook cell that ends in a figure shows it once.
"""

import io

import numpy as np
from matplotlib import style
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Polygon
from matplotlib.path import Path
from matplotlib.transforms import Bbox

from captioning.figures.colours import RULE, TEXT
from captioning.figures.fonts import set_in_fonts
from captioning.figures.pictures import as_rgb, data_url
from captioning.figures.text import FONT, fitted, text_width
from captioning.markup import render

WIDTH, NARROW, HEADING = 900, 560, 34        # a phone shows a narrow figure whole
NARROWEST = 0.6             # a figure is never shown smaller than this share of its width: its letters stay readable
own_style = style.context("default")  # matplotlib's defaults, whatever the notebook's rcParams are


class Drawing(Figure):
    """A Figure that Jupyter shows without pyplot, with alternative text and twice the pixels for sharp screens.

    It is shown as HTML, because JupyterLab and nbconvert give other pictures no alternative text.

    Attributes:
        alt: what the figure shows, for those who can't see it.
    """

    alt = ""
    compression = {"lossless": True}        # of WebP, which can be see-through and is smaller than PNG

    def _repr_html_(self):
        picture, (inches, _) = io.BytesIO(), self.get_size_inches()
        self.savefig(picture, format="webp", dpi=min(2 * self.dpi, 2 * WIDTH / inches), pil_kwargs=self.compression)
        width, height = (round(inches * self.dpi) for inches in self.get_size_inches())
        return render("figures/figure.html.j2", alt=self.alt, picture=data_url("webp", picture.getvalue()),
                      width=width, height=height, narrowest=round(NARROWEST * width))

    def get_tightbbox(self, *_, **__):
        """Returns the box of the whole canvas in inches.

        pyplot's notebook backend crops figures to this box, but a live picture must keep its size.
        """
        return Bbox.from_bounds(0, 0, *self.get_size_inches())


class PhotoSheet(Drawing):
    """A drawing full of photos. Lossy compression keeps the notebook's file small."""

    compression = {"quality": 80, "method": 2}      # the default, 4, takes twice the time to save a tenth of the bytes


def canvas(height, title, about="", kind=Drawing, width=WIDTH):
    """Makes a see-through drawing with a title above it.

    Args:
        height: in units, without the title.
        title: says what to see.
        about: goes on from the title in the alternative text.
        kind: Drawing, or PhotoSheet for a figure with photos.
        width: in units.

    Returns:
        The figure and the axes that cover it: x in 0..width, y in 0..height, and the title above.
    """
    figure = kind(figsize=(width / 100, (height + HEADING) / 100), dpi=100, facecolor="none")
    figure.alt = f"{title}. {about}".strip()
    ax = figure.add_axes((0, 0, 1, 1))
    ax.set(xlim=(0, width), ylim=(0, height + HEADING), autoscale_on=False)
    ax.axis("off")
    draw_text(ax, 12, height + HEADING / 2, title, fitted(title, width - 24, 11, "bold"), ha="left", weight="bold")
    return figure, ax


def long_canvas(title, about="", kind=Drawing):
    """Makes a drawing whose height is not known yet. y starts at 0 and falls; `cut` the drawing at the end."""
    return canvas(0, title, about, kind)


def cut(figure, ax, bottom):
    """Cuts a long canvas off at y = bottom and returns the figure."""
    figure.set_size_inches(WIDTH / 100, (HEADING - bottom) / 100)
    ax.set_ylim(bottom, HEADING)
    return figure


def draw_text(ax, x, y, text, size=9.5, colour=TEXT, ha="center", **options):
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
    text, families = set_in_fonts(text, FONT)
    return ax.text(x, y - 0.365 * size * 100 / 72, text, fontsize=size, color=colour, ha=ha, va="baseline",
                   family=families, **options)


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
        draw_text(ax, x, y + step * ((len(lines) - 1) / 2 - row), line, points, hue.text, weight=weight,
                  zorder=4)


def draw_tensor(ax, x, y, height, hue, name, *notes):
    """Draws a vector as a column of cells, with its name above, and notes and shape below."""
    draw_box(ax, x, y, 20, height, hue, rounding=3)
    for edge in np.linspace(y - height / 2, y + height / 2, max(3, round(height / 14)))[1:-1]:
        ax.plot([x - 9.5, x + 9.5], [edge, edge], color=hue.line, linewidth=0.5, zorder=3)
    draw_text(ax, x, y + height / 2 + 15, name, 10)
    for row, note in enumerate(notes):
        draw_text(ax, x, y - height / 2 - 15 - 15 * row, note, 9.5)


def draw_panel(ax, left, bottom, right, top, heading="", note="", heading_below=False):
    """Draws a frame around things that belong together. Its heading stands at the upper or lower left."""
    style = "round,pad=0,rounding_size=10"
    ax.add_patch(FancyBboxPatch((left, bottom), right - left, top - bottom, boxstyle=style, facecolor="none",
                                edgecolor=RULE, linewidth=1, zorder=0))
    y = bottom + 19 if heading_below else top - 19
    if heading:
        draw_text(ax, left + 14, y, heading, 10.5, ha="left", weight="bold")
    if note:
        draw_text(ax, left + 14 + text_width(heading, 10.5, "bold") + 12, y, note, 9, ha="left")


def draw_arrow(ax, *points, colour=TEXT, head="-|>"):
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
