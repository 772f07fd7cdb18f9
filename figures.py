"""The course's figures: how photos become captions, drawn with matplotlib.

Each function returns a Figure that pyplot does not know of, so a notebook cell that ends in `figures.temperature()`
shows it once. Diagrams are 900 units wide, 1 unit = 1/100 inch = 1 pixel at 100 dpi, y upwards.
Letters in shapes: B photos in a batch, T time steps, V words in the vocabulary.
"""
import io
from base64 import b64encode
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.patches import Circle, Ellipse, FancyArrowPatch, FancyBboxPatch, Polygon, Rectangle
from matplotlib.path import Path
from matplotlib.textpath import TextToPath
from matplotlib.ticker import MaxNLocator
from PIL import Image

WIDTH = 900
FONT = "DejaVu Sans"  # comes with matplotlib, so the layout is the same everywhere
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


# ---------------------------------------------------------------- the parts that all figures are made of


class _Drawing(Figure):
    """A Figure that Jupyter shows though pyplot was never imported, at twice the dots for dense screens."""

    def _repr_png_(self):
        png = io.BytesIO()
        self.savefig(png, format="png", dpi=2 * self.dpi)
        width, height = (round(inches * self.dpi) for inches in self.get_size_inches())
        return b64encode(png.getvalue()).decode(), {"width": width, "height": height}


def _canvas(height):
    """Empty white drawing and the axes that cover it: x in 0..900, y in 0..height."""
    figure = _Drawing(figsize=(WIDTH / 100, height / 100), dpi=100, facecolor="white")
    ax = figure.add_axes((0, 0, 1, 1))
    ax.set(xlim=(0, WIDTH), ylim=(0, height), autoscale_on=False)
    ax.axis("off")
    return figure, ax


@lru_cache(maxsize=4096)
def _text_width(text, size, weight="normal"):
    """Width of one line in units; size in points."""
    font = FontProperties(family=FONT, size=size, weight=weight)
    return TextToPath().get_text_width_height_descent(text, font, ismath=False)[0] * 100 / 72


def _fitted(text, width, size, weight="normal"):
    """The font size, at most `size`, with which the text is no wider than `width`."""
    return size * min(1, width / max(_text_width(text, size, weight), 1))


def _wrapped(text, width, size):
    """Lines no wider than `width` units; a word wider than that is cut."""
    lines = [""]
    for word in str(text).split():
        longer = f"{lines[-1]} {word}".strip()
        if _text_width(longer, size) <= width:
            lines[-1] = longer
            continue
        if lines[-1]:
            lines.append("")
        for letter in word:
            if lines[-1] and _text_width(lines[-1] + letter, size) > width:
                lines.append("")
            lines[-1] += letter
    return lines


def _text(ax, x, y, text, size=9.5, colour=INK, ha="center", **options):
    """One line whose capitals are centred on y, so words in a row share a baseline whatever their letters."""
    options = {"parse_math": False, "math_fontfamily": "dejavusans"} | options
    return ax.text(x, y - 0.365 * size * 100 / 72, text, fontsize=size, color=colour, ha=ha, va="baseline",
                   family=FONT, **options)


def _box(ax, x, y, width, height, hue, lines=(), size=9.5, rounding=7, **options):
    """Rounded box centred on (x, y). The first of several lines is the name in bold, the others are notes."""
    options = {"facecolor": hue.fill, "edgecolor": hue.line, "linewidth": 1.2, "zorder": 2} | options
    style = f"round,pad=0,rounding_size={rounding}"
    ax.add_patch(FancyBboxPatch((x - width / 2, y - height / 2), width, height, boxstyle=style, **options))
    lines = (lines,) if isinstance(lines, str) else lines
    step = 1.75 * size
    for row, line in enumerate(lines):
        name = row == 0
        weight = "bold" if name and len(lines) > 1 else "normal"
        points = _fitted(line, width - 8, size if name else size - 1, weight)
        _text(ax, x, y + step * ((len(lines) - 1) / 2 - row), line, points, INK if name else MUTED, weight=weight,
              zorder=4)


def _panel(ax, left, bottom, right, top, heading, note=""):
    """Pale area that groups what is drawn on it, its heading in the upper left corner."""
    style = "round,pad=0,rounding_size=10"
    ax.add_patch(FancyBboxPatch((left, bottom), right - left, top - bottom, boxstyle=style, facecolor=PANEL,
                                edgecolor="none", zorder=0))
    _text(ax, left + 14, top - 19, heading, 10.5, ha="left", weight="bold")
    after = left + 14 + _text_width(heading, 10.5, "bold") + 12
    _text(ax, after, top - 19, note, 9, MUTED, ha="left")


def _arrow(ax, *points, colour=MUTED, dashed=False, head="-|>"):
    """Arrow through the points by straight lines; given a Path instead, along the path."""
    path = points[0] if isinstance(points[0], Path) else Path(points)
    ax.add_patch(FancyArrowPatch(path=path, arrowstyle=f"{head},head_length=5.5,head_width=2.8", color=colour,
                                 linewidth=1.3, linestyle=(0, (4, 2.5)) if dashed else "-", zorder=3,
                                 joinstyle="round", capstyle="butt"))


def _feed_arrow(ax, start, end, colour):
    """Dashed arrow from a word down between two time steps to the next input."""
    (x0, y0), (x1, y1) = start, end
    middle, bend = (x0 + x1) / 2, 26
    path = Path([start, (x0, y0 - bend / 1.5), (middle, y0 - bend / 3), (middle, y0 - bend),
                 (middle, y1 + bend), (middle, y1 + bend / 3), (x1, y1 + bend / 1.5), end],
                [Path.MOVETO] + [Path.CURVE4] * 3 + [Path.LINETO] + [Path.CURVE4] * 3)
    _arrow(ax, path, colour=colour, dashed=True)


# ---------------------------------------------------------------- 1. encoder and decoder


def _draw_street(ax, left, bottom, side):
    """A red car on a street, in a square of `side` units."""
    def at(x, y):
        return left + x * side, bottom + y * side

    clip = FancyBboxPatch(at(0, 0), side, side, boxstyle="round,pad=0,rounding_size=7", facecolor="#BFE0F2",
                          edgecolor="none", zorder=1)
    shapes = [
        clip,
        Circle(at(0.80, 0.82), 0.09 * side, color="#F6C445"),
        Ellipse(at(0.18, 0.36), 0.95 * side, 0.5 * side, color="#8DBF8B"),
        Ellipse(at(0.85, 0.33), 0.80 * side, 0.36 * side, color="#74AD7C"),
        Rectangle(at(0, 0), side, 0.34 * side, color="#7C8792"),
        *(Rectangle(at(x, 0.07), 0.14 * side, 0.025 * side, color="white") for x in (0.06, 0.32, 0.58, 0.84)),
        Polygon([at(0.28, 0.40), at(0.37, 0.56), at(0.64, 0.56), at(0.75, 0.40)], color="#B3261E"),
        Polygon([at(0.34, 0.41), at(0.40, 0.525), at(0.495, 0.525), at(0.495, 0.41)], color="#DDEFF8"),
        Polygon([at(0.525, 0.41), at(0.525, 0.525), at(0.62, 0.525), at(0.69, 0.41)], color="#DDEFF8"),
        FancyBboxPatch(at(0.15, 0.25), 0.72 * side, 0.16 * side,
                       boxstyle=f"round,pad=0,rounding_size={0.06 * side}", color="#D3322A"),
        *(Circle(at(x, 0.25), 0.085 * side, color="#252B31") for x in (0.31, 0.71)),
        *(Circle(at(x, 0.25), 0.038 * side, color="#D5DBE1") for x in (0.31, 0.71)),
    ]
    for shape in shapes:
        ax.add_patch(shape)
        shape.set_clip_path(clip)


def _as_rgb(photo, largest):
    """uint8 array (H, W, 3) of a PIL image or an array, made smaller so that no side is longer than `largest`."""
    if not isinstance(photo, Image.Image):
        pixels = np.asarray(photo)
        if pixels.dtype != np.uint8 or pixels.ndim not in (2, 3) or 0 in pixels.shape:
            raise ValueError(f"A photo must be a PIL image or a uint8 array (H, W, 3), not {pixels.dtype} "
                             f"{pixels.shape}. For values from 0 to 1: (255 * photo).astype('uint8').")
        photo = Image.fromarray(pixels[..., 0] if pixels.shape[2:] == (1,) else pixels)
    photo = photo.convert("RGB")
    photo.thumbnail((largest, largest), Image.Resampling.LANCZOS)
    return np.asarray(photo)


def _draw_photo(ax, photo, x, y, width, height):
    """The whole photo, as large as fits, centred on (x, y)."""
    pixels = _as_rgb(photo, round(2 * max(width, height)))
    scale = min(width / pixels.shape[1], height / pixels.shape[0])
    half_width, half_height = scale * pixels.shape[1] / 2, scale * pixels.shape[0] / 2
    extent = (x - half_width, x + half_width, y - half_height, y + half_height)
    ax.imshow(pixels, extent=extent, aspect="auto", interpolation="antialiased", zorder=1)
    ax.set(xlim=ax.get_xlim(), ylim=ax.get_ylim())


def _tensor(ax, x, y, height, hue, name, *notes):
    """A vector per photo as a column of cells; its name above, notes and shape below."""
    _box(ax, x, y, 20, height, hue, rounding=3)
    for edge in np.linspace(y - height / 2, y + height / 2, max(3, round(height / 14)))[1:-1]:
        ax.plot([x - 9.5, x + 9.5], [edge, edge], color=hue.line, linewidth=0.5, zorder=3)
    _text(ax, x, y + height / 2 + 15, name)
    for row, note in enumerate(notes):
        _text(ax, x, y - height / 2 - 15 - 15 * row, note, 8.5, MUTED)


def _draw_decoding(ax, words, first, pitch, y):
    """LSTM steps from x = first: a word in below, the next word out above, and fed to the step after it."""
    for step, (taken, written) in enumerate(zip(("#START#", *words), words)):
        x = first + step * pitch
        _box(ax, x, y, 50, 52, STATE, ("LSTM", "300"), 9)
        _box(ax, x, y + 92, 62, 28, WORD, written)
        _box(ax, x, y - 92, 62, 28, WORD, taken)
        _arrow(ax, (x, y - 77), (x, y - 27))
        _arrow(ax, (x, y + 27), (x, y + 77))
        if step + 1 < len(words):
            _arrow(ax, (x + 26, y), (x + pitch - 26, y), colour=STATE.line)
            _feed_arrow(ax, (x + 22, y + 77), (x + pitch - 22, y - 77), WORD.line)


def encoder_decoder(photo=None, caption=("a", "red", "car")):
    """From a photo to a caption: the frozen encoder, the initial state, and the LSTM that writes word by word.

    photo: PIL image or uint8 array (H, W, 3); None draws a small street. caption: its words, without START and END
    (a string is split); four steps are drawn, a longer caption is written in full below. Returns a Figure.
    Raises ValueError for an array that is not uint8.
    """
    caption = tuple(caption.split() if isinstance(caption, str) else caption)
    words = (*caption, "#END#") if len(caption) < 4 else (*caption[:3], "...")
    figure, ax = _canvas(350)
    y = 192
    _panel(ax, 164, 14, 390, 338, "Encoder", "frozen, once a photo")
    _panel(ax, 400, 14, 888, 338, "Decoder", "trained")

    if photo is None:
        _draw_street(ax, 14, y - 65, 130)
    else:
        _draw_photo(ax, photo, 79, y, 130, 130)
    _text(ax, 79, y + 80, "photo")
    _text(ax, 79, y - 80, "(B, 299, 299, 3)", 8.5, MUTED)
    _arrow(ax, (148, y), (182, y))
    ax.add_patch(Polygon([(184, y - 82), (184, y + 82), (296, y + 44), (296, y - 44)], facecolor=IMAGE.fill,
                         edgecolor=IMAGE.line, linewidth=1.2, joinstyle="round", zorder=2))
    _text(ax, 240, y + 8, "InceptionV3", weight="bold", zorder=4)
    _text(ax, 240, y - 10, "no training", 8.5, MUTED, zorder=4)
    _arrow(ax, (298, y), (335, y))
    _tensor(ax, 347, y, 172, IMAGE, "embedding", "(B, 2048)")
    _arrow(ax, (359, y), (430, y))
    _tensor(ax, 442, y, 54, STATE, "bottleneck", "elu", "(B, 120)")
    _arrow(ax, (454, y), (498, y))
    _tensor(ax, 510, y, 104, STATE, "state", "elu", "(B, 300)")
    _arrow(ax, (522, y), (579, y), colour=STATE.line)
    _text(ax, 549, y + 13, "h₀ = c₀", 8.5, MUTED)
    _draw_decoding(ax, words, 606, 81, y)
    _text(ax, 606 + 1.5 * 81, 48, "each word written is the next word read", 8.5, MUTED)
    if len(caption) > 3:
        line = " ".join(caption)
        _text(ax, 644, 28, line, _fitted(line, 470, 9.5), WORD.line)
    return figure


# ---------------------------------------------------------------- 2. teacher forcing


COLUMN, PITCH = 270, 108  # x of the first time step and the distance to the next


def _draw_steps(ax, y, inputs, predictions, truth=None):
    """One row of LSTM steps at height y: input words below, next-word probabilities above."""
    shape = np.array([0.25, 1, 0.45, 0.15, 0.3])
    _box(ax, 190, y, 60, 30, IMAGE, "h₀ = c₀", 9)
    _arrow(ax, (221, y), (COLUMN - 37, y), colour=STATE.line)
    for step, (taken, predicted) in enumerate(zip(inputs, predictions)):
        x = COLUMN + step * PITCH
        hue = WRONG if truth and predicted != truth[step] else WORD
        _box(ax, x, y, 70, 34, STATE, "LSTM", 9)
        _box(ax, x, y - 64, 80, 28, TARGET if truth and step else WORD, taken)
        _box(ax, x, y + 68, 84, 38, Hue(hue.line, "white"))
        heights = 26 * np.roll(shape, step)
        best = int(heights.argmax())
        for bar, height in enumerate(heights):
            ax.add_patch(Rectangle((x - 37 + 6 * bar, y + 54), 4.5, height, zorder=3,
                                   color=hue.line if bar == best else RULE))
        _text(ax, x + 16, y + 68, predicted, _fitted(predicted, 44, 9), hue.line, weight="bold", zorder=4)
        _arrow(ax, (x, y - 49), (x, y - 18))
        _arrow(ax, (x, y + 18), (x, y + 48))
        if step + 1 < len(inputs):
            _arrow(ax, (x + 36, y), (x + PITCH - 36, y), colour=STATE.line)


def _row_label(ax, y, name, shape):
    _text(ax, 30, y + 8, name, 9, ha="left")
    _text(ax, 30, y - 8, shape, 8.5, MUTED, ha="left")


def teacher_forcing():
    """The decoder unrolled over six time steps, in training (the true word is fed) and in captioning (its own).

    Returns a Figure.
    """
    truth = ("a", "dog", "on", "the", "beach", "#END#")
    figure, ax = _canvas(634)
    _panel(ax, 12, 288, 888, 624, "Training", "teacher forcing: the true word is fed, whatever was predicted")
    y = 412
    _draw_steps(ax, y, ("#START#", *truth[:-1]), ("a", "cat", "on", "a", "beach", "#END#"), truth)
    for step, word in enumerate(truth):
        x = COLUMN + step * PITCH
        _box(ax, x, y + 140, 80, 28, TARGET, word)
        _arrow(ax, (x, y + 89), (x, y + 125), colour=MUTED, head="<|-|>")
        if step + 1 < len(truth):
            _feed_arrow(ax, (x + 30, y + 125), (x + PITCH - 30, y - 49), TARGET.line)
    for offset, name, shape in ((140, "true next word", "targets (B, T)"), (104, "", "cross-entropy loss"),
                                (68, "probabilities", "(B, T, V)"), (-64, "word in", "inputs (B, T)")):
        _row_label(ax, y + offset, name, shape)
    _row_label(ax, y, "hidden state", "(B, T, 300)")
    _text(ax, COLUMN - 40, y - 101, "It predicts “cat” where the caption says “dog”: that costs loss, and “dog” goes in.",
          9, MUTED, ha="left")

    _panel(ax, 12, 12, 888, 276, "Captioning", "no true words: the word it wrote is fed")
    y = 138
    written = ("a", "cat", "on", "a", "sofa", "#END#")
    _draw_steps(ax, y, ("#START#", *written[:-1]), written)
    for step in range(len(written) - 1):
        x = COLUMN + step * PITCH
        _feed_arrow(ax, (x + 30, y + 48), (x + PITCH - 30, y - 49), WORD.line)
    for offset, name, shape in ((68, "word out", "(B, V) a step"), (0, "hidden state", "(B, 300) a step"),
                                (-64, "word in", "(B,) a step")):
        _row_label(ax, y + offset, name, shape)
    _text(ax, COLUMN - 40, y - 101, "One early mistake steers the rest of the caption; #END# stops it.", 9, MUTED,
          ha="left")
    return figure


# ---------------------------------------------------------------- 3. flattening and masking


CELL, CELL_HEIGHT = 55, 27
CAPTION_HUES = (IMAGE, WORD, STATE)


def _cell(ax, x, y, text, hue, **options):
    """One matrix entry centred on (x, y); #PAD# looks empty."""
    if text == "#PAD#":
        hue, options = GREY, {"hatch": "////", "edgecolor": "#D3DAE1", "facecolor": "white"} | options
    _box(ax, x, y, CELL - 4, CELL_HEIGHT - 4, hue, rounding=4, linewidth=1, **options)
    _text(ax, x, y, text, _fitted(text, CELL - 9, 8.5), MUTED if hue is GREY else INK, zorder=4)


def _matrix(ax, left, top, rows, name, shape):
    """Rows of words from the upper left corner, each row in its caption's colour."""
    _text(ax, left, top + 15, name, 9.5, ha="left", weight="bold")
    _text(ax, left + _text_width(name, 9.5, "bold") + 9, top + 15, shape, 8.5, MUTED, ha="left")
    for row, words in enumerate(rows):
        for column, word in enumerate(words):
            _cell(ax, left + CELL * (column + 0.5), top - CELL_HEIGHT * (row + 0.5), word, CAPTION_HUES[row])


def _flat_rows(ax, left, y, targets, losses):
    """Targets, loss and mask of all positions in three rows of cells, padding greyed."""
    for position, (word, loss) in enumerate(zip(targets, losses)):
        x = left + CELL * (position + 0.5)
        counts = word != "#PAD#"
        plain = {"facecolor": "white", "edgecolor": RULE}
        _cell(ax, x, y, word, CAPTION_HUES[3 * position // len(targets)])
        _cell(ax, x, y - 40, f"{loss:.1f}", TARGET if counts else GREY, **({} if counts else plain))
        _cell(ax, x, y - 80, str(int(counts)), TARGET if counts else GREY, **({} if counts else plain))
    for offset, name in ((0, "target"), (-40, "xent"), (-80, "mask")):
        _text(ax, left - 10, y + offset, name, 9, ha="right")


def flatten_and_mask():
    """Three captions of unequal length: inputs and targets, flattened, and the mean loss without the padding.

    Returns a Figure.
    """
    captions = (("#START#", "a", "dog", "runs", "#END#", "#PAD#"),
                ("#START#", "two", "kites", "#END#", "#PAD#", "#PAD#"),
                ("#START#", "a", "red", "car", "waits", "#END#"))
    targets = [word for caption in captions for word in caption[1:]]
    losses = np.array([1.1, 3.0, 2.4, 0.6, 4.9, 2.7, 3.6, 1.5, 5.2, 4.4, 0.9, 3.3, 1.8, 2.9, 0.2])
    mask = np.array([word != "#PAD#" for word in targets])
    total, count = losses[mask].sum(), mask.sum()

    figure, ax = _canvas(530)
    _matrix(ax, 285, 490, captions, "captions", "(B, T + 1) = (3, 6)")
    _arrow(ax, (340, 404), (220, 366), colour=MUTED)
    _text(ax, 262, 397, "[:, :-1]", 9.5, ha="right")
    _arrow(ax, (560, 404), (680, 366), colour=MUTED)
    _text(ax, 638, 397, "[:, 1:]", 9.5, ha="left")
    _matrix(ax, 62, 332, [caption[:-1] for caption in captions], "inputs", "(B, T) = (3, 5)")
    _matrix(ax, 563, 332, [caption[1:] for caption in captions], "targets", "(B, T) = (3, 5)")

    _box(ax, 200, 208, 120, 34, STATE, "decoder")
    _arrow(ax, (200, 248), (200, 227))
    _arrow(ax, (262, 208), (400, 208))
    _text(ax, 331, 221, "flat logits (15, V)", 8.5, MUTED)
    _arrow(ax, (700, 248), (700, 208), (540, 208))
    _text(ax, 624, 221, "flatten (15,)", 8.5, MUTED)
    _box(ax, 470, 208, 132, 34, TARGET, "cross-entropy")
    _flat_rows(ax, 62, 148, targets, losses)
    _arrow(ax, (470, 190), (470, 165))
    _text(ax, 62, 26, f"loss = sum(mask · xent) / sum(mask) = {total:.1f} / {count} = {total / count:.2f}", 10.5,
          ha="left", weight="bold")
    _text(ax, 887, 26, "What it says on padding costs nothing.", 9, MUTED, ha="right")
    return figure


# ---------------------------------------------------------------- 4. the data's way


def data_flow():
    """From zips to the gallery: what is computed in memory, and what is on disk and outlives the kernel.

    Returns a Figure.
    """
    figure, ax = _canvas(424)
    _panel(ax, 12, 236, 888, 414, "In memory", "gone when the kernel dies")
    _panel(ax, 12, 46, 888, 220, "On disk", "still there: the next run goes on from it")
    computed, stored = 318, 116
    for x, hue, lines in ((188, IMAGE, ("encoder", "InceptionV3", "photos → (N, 2048)")),
                          (362, WORD, ("batches", "embeddings (B, 2048)", "words (B, T + 1)")),
                          (625, STATE, ("decoder", "LSTM 300", "trained step by step")),
                          (800, WORD, ("captions", "of validation photos", "good and bad ones"))):
        _box(ax, x, computed, 152, 82, hue, lines)
    for x, lines in ((100, ("photos", "train2014.zip", "val2014.zip")),
                     (275, ("embeddings", ".npy, 2,048 a photo", ".json, how they were made")),
                     (450, ("captions", "annotations_", "trainval2014.zip")),
                     (625, ("checkpoints", "weights, optimizer, step", "vocabulary, history")),
                     (800, ("outputs", "gallery.html", "val_captions.json"))):
        _box(ax, x, stored, 158, 82, Hue(GREY.line, "white"), lines)

    low, high = 159, 275
    for x, note in ((143, "read"), (318, "read"), (406, "read"), (655, "resume")):
        _arrow(ax, (x, low), (x, high))
        _text(ax, x + 8, 228, note, 8.5, MUTED, ha="left")
    for x, note in ((232, "once"), (595, "each epoch"), (800, "at the end")):
        _arrow(ax, (x, high), (x, low))
        _text(ax, x - 8, 228, note, 8.5, MUTED, ha="right")
    _arrow(ax, (440, computed), (547, computed))
    _arrow(ax, (703, computed), (722, computed))
    _text(ax, 450, 23, "After a dead kernel, run the cells again: embeddings are read, not computed, and training "
          "resumes.", 9.5)
    return figure


# ---------------------------------------------------------------- 5. temperature


PLAIN_WORDS = ("dog", "cat", "man", "horse", "sheep", "car", "kite", "boat")
PLAIN_PROBABILITIES = (0.42, 0.22, 0.13, 0.09, 0.06, 0.04, 0.03, 0.01)


def _with_temperature(probabilities, temperature):
    """p_i^(1/t) / sum_j p_j^(1/t), by logarithms so that a low temperature does not underflow."""
    with np.errstate(divide="ignore"):
        scaled = np.log(probabilities) / temperature
    powers = np.exp(scaled - scaled.max())
    return powers / powers.sum()


def _next_word_inputs(probabilities, words, temperatures):
    """Checked arguments of `temperature`: probabilities (V,) float64, words, temperatures."""
    if probabilities is None:
        probabilities, words = PLAIN_PROBABILITIES, PLAIN_WORDS
    probabilities = np.asarray(probabilities, np.float64)
    if probabilities.ndim != 1 or not (probabilities >= 0).all() or not abs(probabilities.sum() - 1) < 0.01:
        raise ValueError(f"probabilities must be one distribution (V,) that sums to 1, not an array "
                         f"{probabilities.shape} that sums to {probabilities.sum():.3g}. Take one row of the softmax.")
    if words is None or len(words) != len(probabilities):
        raise ValueError(f"words must name the {len(probabilities)} probabilities in their order, "
                         f"not {'be missing' if words is None else f'have {len(words)} entries'}.")
    if not len(temperatures) or not all(t > 0 for t in temperatures):
        raise ValueError(f"temperatures must be above 0, not {temperatures}. For the most likely word, use greedy.")
    return probabilities, words, temperatures


def temperature(probabilities=None, words=None, temperatures=(0.3, 0.7, 1, 1.5), top=8):
    """How the temperature t sharpens or flattens a next-word distribution: p_i^(1/t) / sum_j p_j^(1/t).

    probabilities: (V,) floats that sum to 1, of the words in `words`; None takes a made-up example. The `top` likeliest
    words are drawn, the others as one bar. Returns a Figure. Raises ValueError for what is no distribution or t <= 0.
    """
    probabilities, words, temperatures = _next_word_inputs(probabilities, words, temperatures)
    order = np.argsort(-probabilities, kind="stable")
    names = [str(words[index]) for index in order[:top]] + ["all others"] * (len(order) > top)
    rows, column = 26 * len(names), (WIDTH - 130) / len(temperatures)
    figure, ax = _canvas(rows + 118)
    for row, name in enumerate(names):
        _text(ax, 104, rows + 35 - 26 * row, name, _fitted(name, 92, 9.5), ha="right",
              colour=MUTED if name == "all others" else INK)
    for panel, t in enumerate(temperatures):
        left = 112 + column * panel
        changed = _with_temperature(probabilities, t)[order]
        shares = [*changed[:top], *([changed[top:].sum()] if len(order) > top else [])]
        hue = IMAGE if t == 1 else WORD
        feel = "as predicted" if t == 1 else "sharper" if t < 1 else "flatter"
        _text(ax, left, rows + 88, f"t = {t:g}", 11, hue.line, ha="left", weight="bold")
        _text(ax, left, rows + 67, feel, 9, MUTED, ha="left")
        ax.plot([left, left], [16, rows + 52], color=RULE, linewidth=1)
        for row, share in enumerate(shares):
            y, length = rows + 35 - 26 * row, share * (column - 56)
            grey = names[row] == "all others"
            ax.add_patch(Rectangle((left, y - 8), length, 16, color=GREY.line if grey else hue.line, linewidth=0))
            _text(ax, left + length + 6, y, f"{share:.2f}", 8.5, MUTED, ha="left")
    return figure


# ---------------------------------------------------------------- 6. the losses


def _points(history, key):
    """Where `key` is a finite number: its x and y, and what x counts (the epoch, or the step if epochs repeat)."""
    epochs = [row["epoch"] for row in history]
    unit = "epoch" if all(a < b for a, b in zip(epochs, epochs[1:])) else "step"
    pairs = [(row[unit], float(row[key])) for row in history if row.get(key) is not None]
    pairs = np.array([pair for pair in pairs if np.isfinite(pair[1])], np.float64).reshape(-1, 2)
    return pairs[:, 0], pairs[:, 1], unit


def _loss_axes(figure, unit):
    """Axes with little ink: light horizontal lines, no frame."""
    ax = figure.add_axes((0.075, 0.14, 0.765, 0.67))
    ax.set_facecolor("white")
    ax.spines[["top", "right", "left"]].set_visible(False)
    ax.spines["bottom"].set_color(RULE)
    ax.set_xlabel(unit, color=MUTED, fontsize=9.5, family=FONT)
    ax.set_ylabel("loss, nats per word", color=MUTED, fontsize=9.5, family=FONT)
    ax.grid(axis="y", color=GREY.fill, linewidth=0.9)
    ax.grid(False, axis="x")
    ax.set_axisbelow(True)
    ax.tick_params(colors=MUTED, labelsize=9, length=0, pad=6, labelfontfamily=FONT)
    ax.xaxis.set_major_locator(MaxNLocator(nbins=12, integer=True, min_n_ticks=1))
    ax.yaxis.set_major_locator(MaxNLocator(nbins=6, min_n_ticks=2))
    return ax


def _label_ends(figure, ax, ends):
    """Name each line at its last value, to the right of the axes, at least 18 units apart."""
    at = sorted((figure.transFigure.inverted().transform(ax.transData.transform(end))[1], name, hue)
                for end, name, hue in ends)
    gap = 0.18 / figure.get_figheight()
    if len(at) == 2 and at[1][0] - at[0][0] < gap:
        middle = (at[0][0] + at[1][0]) / 2
        at = [(middle - gap / 2, *at[0][1:]), (middle + gap / 2, *at[1][1:])]
    for y, name, hue in at:
        figure.text(0.85, y, name, color=hue.line, fontsize=9.5, family=FONT, va="center_baseline", weight="bold")


def loss_curves(history, title=None):
    """Training and validation loss against epochs, the best validation loss marked.

    history: list of dicts with step, epoch, train_loss, val_loss, losses in nats per word; None, NaN and infinity
    are left out, and an empty list gives empty axes. Where epochs repeat, x counts steps. Returns a Figure.
    """
    figure = _Drawing(figsize=(9, 3.8), dpi=100, facecolor="white")
    lines = [(*_points(history, key), name, hue) for key, name, hue in
             (("train_loss", "training", IMAGE), ("val_loss", "validation", WRONG))]
    ax = _loss_axes(figure, lines[0][2])
    for x, y, _, _, hue in lines:
        ax.plot(x, y, color=hue.line, linewidth=2, marker="o" if len(x) <= 30 else "", markersize=4, clip_on=False)
    if title:
        figure.text(0.075, 0.945, title, fontsize=_fitted(title, 830, 11), family=FONT, color=INK, weight="bold",
                    va="center_baseline", parse_math=False)
    drawn = [line for line in lines if len(line[0])]
    if not drawn:
        ax.set(xlim=(0, 1), ylim=(0, 1), xticks=[], yticks=[])
        ax.text(0.5, 0.5, "no losses yet", ha="center", va="center", color=MUTED, fontsize=10.5, family=FONT)
        return figure
    if len(np.unique(np.concatenate([line[0] for line in drawn]))) == 1:
        ax.set_xlim(drawn[0][0][0] - 1, drawn[0][0][0] + 1)
    _label_ends(figure, ax, [((x[-1], y[-1]), f"{name} {y[-1]:.2f}", hue) for x, y, _, name, hue in drawn])
    x, y, unit, *_ = lines[1]
    if len(x):
        best = int(y.argmin())
        _mark_best(ax, x[best], y[best], f"best validation loss {y[best]:.2f}, {unit} {x[best]:g}")
    return figure


def _mark_best(ax, x, y, label):
    """Ring around (x, y) and a dotted line up to its label above the axes, where no curve can cross it."""
    top = ax.get_ylim()[1]
    ax.plot([x, x], [y, top], color=WRONG.line, linewidth=1, linestyle=(0, (1, 2)), zorder=1)
    ax.set_ylim(top=top)
    ax.plot([x], [y], marker="o", markersize=10, markerfacecolor="none", markeredgecolor=WRONG.line,
            markeredgewidth=1.5, clip_on=False)
    place = ax.transAxes.inverted().transform(ax.transData.transform((x, y)))[0]
    half = _text_width(label, 9) / (2 * 100 * 9 * 0.765)
    ax.text(min(max(place, half), 1 - half), 1.045, label, transform=ax.transAxes, ha="center", va="center_baseline",
            color=WRONG.line, fontsize=9, family=FONT)


# ---------------------------------------------------------------- 7. photos with captions


def photos_with_captions(photos, captions, columns=4):
    """A grid of photos, uncropped, each with its caption below.

    photos: PIL images or uint8 arrays (H, W, 3), (H, W, 4) or (H, W), of any size and aspect. captions: one string each,
    wrapped to the photo's width. Returns a Figure. Raises ValueError for no photos or another number of captions.
    """
    if not len(photos) or len(photos) != len(captions) or columns < 1:
        raise ValueError(f"photos_with_captions needs a caption for each of its photos and at least one column, not "
                         f"{len(photos)} photos, {len(captions)} captions, {columns} columns.")
    columns = min(columns, len(photos))
    gap, size, line_height = 16, 9.5, 19
    # A single photo need not fill the page: a tile is at most 420 wide.
    width = min((WIDTH - gap * (columns + 1)) / columns, 420)
    tile = 0.75 * width
    lines = [_wrapped(caption, 0.97 * width, size) for caption in captions]
    rows = [range(start, min(start + columns, len(photos))) for start in range(0, len(photos), columns)]
    heights = [tile + 10 + line_height * max(len(lines[index]) for index in row) + gap for row in rows]

    figure, ax = _canvas(gap + sum(heights))
    top = gap + sum(heights)
    for row, height in zip(rows, heights):
        for column, index in enumerate(row):
            left = gap + column * (width + gap)
            _box(ax, left + width / 2, top - gap - tile / 2, width, tile, Hue("none", GREY.fill), zorder=0, rounding=4)
            _draw_photo(ax, photos[index], left + width / 2, top - gap - tile / 2, width, tile)
            for number, line in enumerate(lines[index]):
                _text(ax, left, top - gap - tile - 18 - line_height * number, line, size, ha="left")
        top -= height
    return figure
