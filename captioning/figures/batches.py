"""Figures of how a batch trains the decoder: teacher forcing, and the loss without padding.

Letters in shapes: B photos in a batch, T tokens of a caption with #START# and #END#, V tokens in the vocabulary.
"""

import numpy as np
from matplotlib.patches import Rectangle

from captioning.figures.drawing import (
    GREY,
    IMAGE,
    INK,
    MUTED,
    RULE,
    STATE,
    TARGET,
    WORD,
    WRONG,
    Hue,
    canvas,
    draw_arrow,
    draw_box,
    draw_feed_arrow,
    draw_panel,
    draw_text,
    own_style,
)
from captioning.figures.text import fitted, text_width

COLUMN, PITCH = 270, 108  # x of the first time step and the distance to the next


def _draw_steps(ax, y, inputs, predictions, truth=None):
    """Draws a row of LSTM steps at height y: input words below, probabilities of the next word above."""
    shape = np.array([0.25, 1, 0.45, 0.15, 0.3])
    draw_box(ax, 190, y, 60, 30, IMAGE, "h₀ = c₀", 9)
    draw_arrow(ax, (221, y), (COLUMN - 37, y), colour=STATE.line)
    for step, (taken, predicted) in enumerate(zip(inputs, predictions, strict=True)):
        x = COLUMN + step * PITCH
        hue = WRONG if truth and predicted != truth[step] else WORD
        draw_box(ax, x, y, 70, 34, STATE, "LSTM", 9)
        draw_box(ax, x, y - 64, 80, 28, TARGET if truth and step else WORD, taken)
        draw_box(ax, x, y + 68, 84, 38, Hue(hue.line, "white"))
        heights = 26 * np.roll(shape, step)
        best = int(heights.argmax())
        for bar, height in enumerate(heights):
            ax.add_patch(Rectangle((x - 37 + 6 * bar, y + 54), 4.5, height, zorder=3,
                                   color=hue.line if bar == best else RULE))
        draw_text(ax, x + 17, y + 68, predicted, fitted(predicted, 42, 9), hue.line, weight="bold", zorder=4)
        draw_arrow(ax, (x, y - 49), (x, y - 18))
        draw_arrow(ax, (x, y + 18), (x, y + 48))
        if step + 1 < len(inputs):
            draw_arrow(ax, (x + 36, y), (x + PITCH - 36, y), colour=STATE.line)


def _draw_row_label(ax, y, name, shape):
    """Writes the name and the shape of a row at its left."""
    draw_text(ax, 30, y + 8, name, 9, ha="left")
    draw_text(ax, 30, y - 8, shape, 8.5, MUTED, ha="left")


@own_style
def plot_teacher_forcing():
    """Plots the decoder over six steps: in training it reads the true words, in captioning its own words.

    Returns:
        A Figure.
    """
    truth = ("a", "dog", "on", "the", "beach", "#END#")
    figure, ax = canvas(650)
    draw_panel(ax, 12, 288, 888, 638, "Training", "teacher forcing: the true word is fed, whatever was predicted")
    y = 412
    _draw_steps(ax, y, ("#START#", *truth[:-1]), ("a", "cat", "on", "a", "beach", "#END#"), truth)
    for step, word in enumerate(truth):
        x = COLUMN + step * PITCH
        draw_box(ax, x, y + 156, 80, 28, TARGET, word)
        draw_arrow(ax, (x, y + 88), (x, y + 141), head="<|-|>")
        if step + 1 < len(truth):
            draw_feed_arrow(ax, (x + 41, y + 156), (x + PITCH - 41, y - 64), TARGET.line)
    for offset, name, shape in ((156, "true next word", "targets (B, T−1)"), (68, "probabilities", "(B, T−1, V)"),
                                (0, "hidden state", "(B, T−1, 300)"), (-64, "word in", "inputs (B, T−1)")):
        _draw_row_label(ax, y + offset, name, shape)
    draw_text(ax, 30, y + 114, "compared by cross-entropy", 8.5, MUTED, ha="left")
    draw_text(ax, COLUMN - 40, y - 101,
              "It says “cat” where the caption says “dog”: that costs loss, and “dog” goes in.", 9, MUTED, ha="left")

    draw_panel(ax, 12, 12, 888, 276, "Captioning", "no true words: the word just written is fed")
    y = 138
    written = ("a", "cat", "on", "a", "sofa", "#END#")
    _draw_steps(ax, y, ("#START#", *written[:-1]), written)
    for step in range(len(written) - 1):
        x = COLUMN + step * PITCH
        draw_feed_arrow(ax, (x + 43, y + 68), (x + PITCH - 41, y - 64), WORD.line)
    for offset, name, shape in ((68, "word out", "(B, V) each step"), (0, "hidden state", "(B, 300) each step"),
                                (-64, "word in", "(B,) each step")):
        _draw_row_label(ax, y + offset, name, shape)
    draw_text(ax, COLUMN - 40, y - 101, "An early mistake steers the rest of the caption. #END# stops it.", 9, MUTED,
              ha="left")
    return figure


CELL_HEIGHT = 27
MATRIX_CELL, ROW_CELL = 66, 55  # widths; a row holds 15 cells
CAPTION_HUES = (IMAGE, WORD, STATE)


def _draw_cell(ax, x, y, width, text, hue):
    """Draws one entry centred on (x, y). Grey entries look empty, #PAD# is hatched."""
    options = {"facecolor": "white", "edgecolor": "#CDD5DC"} if hue is GREY else {}
    if text == "#PAD#":
        options |= {"hatch": "////", "edgecolor": "#DFE5EA"}
    draw_box(ax, x, y, width - 4, CELL_HEIGHT - 4, hue, rounding=4, linewidth=1, **options)
    draw_text(ax, x, y, text, fitted(text, width - 11, 8.5), MUTED if hue is GREY else INK, zorder=4)


def _draw_matrix(ax, left, top, rows, name, shape):
    """Draws rows of words from the upper left corner, each row in the colour of its caption."""
    draw_text(ax, left + 2, top + 14, name, 9.5, ha="left", weight="bold")
    draw_text(ax, left + text_width(name, 9.5, "bold") + 11, top + 14, shape, 8.5, MUTED, ha="left")
    for row, words in enumerate(rows):
        for column, word in enumerate(words):
            hue = GREY if word == "#PAD#" else CAPTION_HUES[row]
            _draw_cell(ax, left + MATRIX_CELL * (column + 0.5), top - CELL_HEIGHT * (row + 0.5), MATRIX_CELL, word, hue)


def _draw_flat_rows(ax, left, y, targets, losses):
    """Draws three rows of cells: targets, cross-entropy and mask. Padding is grey."""
    for offset, name in ((0, "target"), (-34, "xent"), (-68, "mask")):
        draw_text(ax, left - 8, y + offset, name, 9, ha="right")
    for place, (word, loss) in enumerate(zip(targets, losses, strict=True)):
        x = left + ROW_CELL * (place + 0.5)
        counts = word != "#PAD#"
        _draw_cell(ax, x, y, ROW_CELL, word, CAPTION_HUES[3 * place // len(targets)] if counts else GREY)
        _draw_cell(ax, x, y - 34, ROW_CELL, f"{loss:.1f}", TARGET if counts else GREY)
        _draw_cell(ax, x, y - 68, ROW_CELL, str(int(counts)), TARGET if counts else GREY)


@own_style
def plot_flatten_and_mask():
    """Plots how three captions of different lengths become flat inputs and targets, and a mean loss without padding.

    Returns:
        A Figure.
    """
    captions = (("#START#", "a", "dog", "runs", "#END#", "#PAD#"),
                ("#START#", "two", "kites", "#END#", "#PAD#", "#PAD#"),
                ("#START#", "a", "red", "car", "waits", "#END#"))
    targets = [word for caption in captions for word in caption[1:]]
    losses = np.array([1.1, 3.0, 2.4, 0.6, 4.9, 2.7, 3.6, 1.5, 5.2, 4.4, 0.9, 3.3, 1.8, 2.9, 0.2])
    mask = np.array([word != "#PAD#" for word in targets])
    total, count = losses[mask].sum(), mask.sum()

    figure, ax = canvas(512)
    _draw_matrix(ax, 276, 478, captions, "captions", "(B, T) = (3, 6)")
    draw_arrow(ax, (272, 438), (225, 438), (225, 361))
    draw_text(ax, 214, 438, "[:, :-1]", 9.5, ha="right")
    draw_arrow(ax, (676, 438), (722, 438), (722, 361))
    draw_text(ax, 733, 438, "[:, 1:]", 9.5, ha="left")
    _draw_matrix(ax, 60, 330, [caption[:-1] for caption in captions], "inputs", "(B, T−1) = (3, 5)")
    _draw_matrix(ax, 557, 330, [caption[1:] for caption in captions], "targets", "(B, T−1) = (3, 5)")

    draw_box(ax, 225, 200, 120, 34, STATE, "decoder")
    draw_arrow(ax, (225, 245), (225, 219))
    draw_arrow(ax, (287, 200), (406, 200))
    draw_text(ax, 346, 213, "flat logits (15, V)", 8.5, MUTED)
    draw_box(ax, 474, 200, 132, 34, TARGET, "cross-entropy")
    draw_arrow(ax, (722, 245), (722, 200), (542, 200))
    draw_text(ax, 633, 213, "flat targets (15,)", 8.5, MUTED)
    draw_arrow(ax, (474, 182), (474, 158))
    _draw_flat_rows(ax, 60, 140, targets, losses)
    draw_text(ax, 62, 26, f"loss = sum(mask · xent) / sum(mask) = {total:.1f} / {count} = {total / count:.2f}", 10.5,
              ha="left", weight="bold")
    draw_text(ax, 883, 26, "The mask takes the padding out of the loss.", 9, MUTED, ha="right")
    return figure
