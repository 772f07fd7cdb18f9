"""The course's figures: how photos become captions, drawn with matplotlib.

Each function returns a Figure that pyplot does not know of, so a notebook cell that ends in `figures.temperature()`
shows it once. Diagrams are 900 units wide, 1 unit = 1/100 inch = 1 pixel at 100 dpi, y upwards.
Letters in shapes: B photos in a batch, T tokens of a caption with #START# and #END#, V tokens in the vocabulary.
"""
import numpy as np
from matplotlib.patches import Circle, Ellipse, FancyArrowPatch, FancyBboxPatch, Polygon, Rectangle
from matplotlib.path import Path
from matplotlib.ticker import MaxNLocator

from captioning.figures.drawing import (
    GREY,
    IMAGE,
    INK,
    MUTED,
    PANEL,
    RULE,
    STATE,
    TARGET,
    WIDTH,
    WORD,
    WRONG,
    Drawing,
    Hue,
    PhotoSheet,
    canvas,
    draw_arrow,
    draw_box,
    draw_panel,
    draw_photo,
    draw_text,
    own_style,
)
from captioning.figures.pictures import as_rgb
from captioning.figures.text import FONT, fitted, text_width, wrapped

# ---------------------------------------------------------------- 1. encoder and decoder


def _feed_arrow(ax, start, end, colour):
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


def _square(photo):
    """The largest square from the middle, which is what the encoder sees."""
    pixels = as_rgb(photo, 1024)
    height, width = pixels.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return pixels[top:top + side, left:left + side]


def _tensor(ax, x, y, height, hue, name, *notes):
    """A vector per photo as a column of cells; its name above, notes and shape below."""
    draw_box(ax, x, y, 20, height, hue, rounding=3)
    for edge in np.linspace(y - height / 2, y + height / 2, max(3, round(height / 14)))[1:-1]:
        ax.plot([x - 9.5, x + 9.5], [edge, edge], color=hue.line, linewidth=0.5, zorder=3)
    draw_text(ax, x, y + height / 2 + 15, name)
    for row, note in enumerate(notes):
        draw_text(ax, x, y - height / 2 - 15 - 15 * row, note, 8.5, MUTED)


def _draw_decoding(ax, words, first, pitch, y):
    """LSTM steps from x = first: a word in below, the next word out above, and fed to the step after it."""
    for step, (taken, written) in enumerate(zip(("#START#", *words[:-1]), words, strict=True)):
        x = first + step * pitch
        draw_box(ax, x, y, 50, 52, STATE, ("LSTM", "300"), 9)
        draw_box(ax, x, y + 92, 62, 28, WORD, written)
        draw_box(ax, x, y - 92, 62, 28, WORD, taken)
        draw_arrow(ax, (x, y - 77), (x, y - 27))
        draw_arrow(ax, (x, y + 27), (x, y + 77))
        if step + 1 < len(words):
            draw_arrow(ax, (x + 26, y), (x + pitch - 26, y), colour=STATE.line)
            _feed_arrow(ax, (x + 32, y + 92), (x + pitch - 32, y - 92), WORD.line)


@own_style
def encoder_decoder(photo=None, caption=("a", "red", "car")):
    """From a photo to a caption: the frozen encoder, the initial state, and the LSTM that writes word by word.

    photo: PIL image or uint8 array (H, W, 3); None draws a small street. caption: its words, without START and END
    (a string is split); of a caption longer than three words, the first three steps are drawn and the whole is written
    below. The photo is cut to a square. Returns a Figure.
    Raises ValueError for an array that is not uint8.
    """
    caption = tuple(caption.split() if isinstance(caption, str) else caption)
    words = (*caption, "#END#") if len(caption) < 4 else (*caption[:3], "…")
    long = len(caption) > 3
    figure, ax = canvas(338 if long else 312)
    y = 178 if long else 152
    draw_panel(ax, 160, 12, 394, y + 148, "Encoder", "frozen")
    draw_panel(ax, 404, 12, 888, y + 148, "Decoder", "trained")

    if photo is None:
        _draw_street(ax, 12, y - 65, 130)
    else:
        draw_photo(ax, _square(photo), 77, y, 130, 130)
    draw_text(ax, 77, y + 82, "photo")
    draw_text(ax, 77, y - 82, "(B, 299, 299, 3)", 8.5, MUTED)
    draw_arrow(ax, (145, y), (179, y))
    ax.add_patch(Polygon([(182, y - 82), (182, y + 82), (292, y + 44), (292, y - 44)], facecolor=IMAGE.fill,
                         edgecolor=IMAGE.line, linewidth=1.2, joinstyle="round", zorder=2))
    draw_text(ax, 236, y + 8, "InceptionV3", weight="bold", zorder=4)
    draw_text(ax, 236, y - 10, "once a photo", 8.5, MUTED, zorder=4)
    draw_arrow(ax, (294, y), (333, y))
    _tensor(ax, 346, y, 172, IMAGE, "embedding", "(B, 2048)")
    draw_arrow(ax, (358, y), (432, y))
    _tensor(ax, 446, y, 54, STATE, "bottleneck", "elu", "(B, 120)")
    draw_arrow(ax, (458, y), (499, y))
    _tensor(ax, 513, y, 104, STATE, "state", "elu", "(B, 300)")
    draw_arrow(ax, (525, y), (575, y), colour=STATE.line)
    draw_text(ax, 549, y + 14, "h₀ = c₀", 8.5, MUTED)
    _draw_decoding(ax, words, 603, 82, y)
    draw_text(ax, 573, y - 125, "each word written is the next word read", 8.5, MUTED, ha="left")
    if long:
        line = " ".join(caption)
        draw_text(ax, 573, y - 149, line, fitted(line, 296, 9.5), WORD.line, ha="left")
    return figure


# ---------------------------------------------------------------- 2. teacher forcing


COLUMN, PITCH = 270, 108  # x of the first time step and the distance to the next


def _draw_steps(ax, y, inputs, predictions, truth=None):
    """One row of LSTM steps at height y: input words below, next-word probabilities above."""
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


def _row_label(ax, y, name, shape):
    draw_text(ax, 30, y + 8, name, 9, ha="left")
    draw_text(ax, 30, y - 8, shape, 8.5, MUTED, ha="left")


@own_style
def teacher_forcing():
    """The decoder unrolled over six time steps, in training (the true word is fed) and in captioning (its own).

    Returns a Figure.
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
            _feed_arrow(ax, (x + 41, y + 156), (x + PITCH - 41, y - 64), TARGET.line)
    for offset, name, shape in ((156, "true next word", "targets (B, T−1)"), (68, "probabilities", "(B, T−1, V)"),
                                (0, "hidden state", "(B, T−1, 300)"), (-64, "word in", "inputs (B, T−1)")):
        _row_label(ax, y + offset, name, shape)
    draw_text(ax, 30, y + 114, "compared by cross-entropy", 8.5, MUTED, ha="left")
    draw_text(ax, COLUMN - 40, y - 101,
              "It says “cat” where the caption says “dog”: that costs loss, and “dog” goes in.", 9, MUTED, ha="left")

    draw_panel(ax, 12, 12, 888, 276, "Captioning", "no true words: the word just written is fed")
    y = 138
    written = ("a", "cat", "on", "a", "sofa", "#END#")
    _draw_steps(ax, y, ("#START#", *written[:-1]), written)
    for step in range(len(written) - 1):
        x = COLUMN + step * PITCH
        _feed_arrow(ax, (x + 43, y + 68), (x + PITCH - 41, y - 64), WORD.line)
    for offset, name, shape in ((68, "word out", "(B, V) each step"), (0, "hidden state", "(B, 300) each step"),
                                (-64, "word in", "(B,) each step")):
        _row_label(ax, y + offset, name, shape)
    draw_text(ax, COLUMN - 40, y - 101, "An early mistake steers the rest of the caption. #END# stops it.", 9, MUTED,
              ha="left")
    return figure


# ---------------------------------------------------------------- 3. flattening and masking


CELL_HEIGHT = 27
MATRIX_CELL, ROW_CELL = 66, 55  # widths; a row holds 15 cells
CAPTION_HUES = (IMAGE, WORD, STATE)


def _cell(ax, x, y, width, text, hue):
    """One entry centred on (x, y); grey ones look empty, #PAD# hatched."""
    options = {"facecolor": "white", "edgecolor": "#CDD5DC"} if hue is GREY else {}
    if text == "#PAD#":
        options |= {"hatch": "////", "edgecolor": "#DFE5EA"}
    draw_box(ax, x, y, width - 4, CELL_HEIGHT - 4, hue, rounding=4, linewidth=1, **options)
    draw_text(ax, x, y, text, fitted(text, width - 11, 8.5), MUTED if hue is GREY else INK, zorder=4)


def _matrix(ax, left, top, rows, name, shape):
    """Rows of words from the upper left corner, each row in its caption's colour."""
    draw_text(ax, left + 2, top + 14, name, 9.5, ha="left", weight="bold")
    draw_text(ax, left + text_width(name, 9.5, "bold") + 11, top + 14, shape, 8.5, MUTED, ha="left")
    for row, words in enumerate(rows):
        for column, word in enumerate(words):
            hue = GREY if word == "#PAD#" else CAPTION_HUES[row]
            _cell(ax, left + MATRIX_CELL * (column + 0.5), top - CELL_HEIGHT * (row + 0.5), MATRIX_CELL, word, hue)


def _flat_rows(ax, left, y, targets, losses):
    """Targets, cross-entropy and mask of all places in three rows of cells, padding grey."""
    for offset, name in ((0, "target"), (-34, "xent"), (-68, "mask")):
        draw_text(ax, left - 8, y + offset, name, 9, ha="right")
    for place, (word, loss) in enumerate(zip(targets, losses, strict=True)):
        x = left + ROW_CELL * (place + 0.5)
        counts = word != "#PAD#"
        _cell(ax, x, y, ROW_CELL, word, CAPTION_HUES[3 * place // len(targets)] if counts else GREY)
        _cell(ax, x, y - 34, ROW_CELL, f"{loss:.1f}", TARGET if counts else GREY)
        _cell(ax, x, y - 68, ROW_CELL, str(int(counts)), TARGET if counts else GREY)


@own_style
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

    figure, ax = canvas(512)
    _matrix(ax, 276, 478, captions, "captions", "(B, T) = (3, 6)")
    draw_arrow(ax, (272, 438), (225, 438), (225, 361))
    draw_text(ax, 214, 438, "[:, :-1]", 9.5, ha="right")
    draw_arrow(ax, (676, 438), (722, 438), (722, 361))
    draw_text(ax, 733, 438, "[:, 1:]", 9.5, ha="left")
    _matrix(ax, 60, 330, [caption[:-1] for caption in captions], "inputs", "(B, T−1) = (3, 5)")
    _matrix(ax, 557, 330, [caption[1:] for caption in captions], "targets", "(B, T−1) = (3, 5)")

    draw_box(ax, 225, 200, 120, 34, STATE, "decoder")
    draw_arrow(ax, (225, 245), (225, 219))
    draw_arrow(ax, (287, 200), (406, 200))
    draw_text(ax, 346, 213, "flat logits (15, V)", 8.5, MUTED)
    draw_box(ax, 474, 200, 132, 34, TARGET, "cross-entropy")
    draw_arrow(ax, (722, 245), (722, 200), (542, 200))
    draw_text(ax, 633, 213, "flat targets (15,)", 8.5, MUTED)
    draw_arrow(ax, (474, 182), (474, 158))
    _flat_rows(ax, 60, 140, targets, losses)
    draw_text(ax, 62, 26, f"loss = sum(mask · xent) / sum(mask) = {total:.1f} / {count} = {total / count:.2f}", 10.5,
              ha="left", weight="bold")
    draw_text(ax, 883, 26, "The mask takes the padding out of the loss.", 9, MUTED, ha="right")
    return figure


# ---------------------------------------------------------------- 4. the data's way


@own_style
def data_flow():
    """From zips to the gallery: what is computed in memory, and what is on disk and outlives the kernel.

    Returns a Figure.
    """
    figure, ax = canvas(438)
    draw_panel(ax, 12, 272, 888, 426, "In memory", "gone when the kernel dies")
    draw_panel(ax, 12, 48, 888, 228, "On disk", "still there for the next run", heading_below=True)
    computed, stored = 336, 166
    for x, hue, lines in ((187, IMAGE, ("encoder", "InceptionV3", "photos → (N, 2048)")),
                          (362, WORD, ("batches", "photos (B, 2048)", "tokens (B, T)")),
                          (625, STATE, ("decoder", "LSTM 300", "trained step by step")),
                          (800, WORD, ("captions", "of photos", "never trained on"))):
        draw_box(ax, x, computed, 150, 78, hue, lines)
    for x, folder, lines in ((100, "data/", ("photos", "train2014.zip", "val2014.zip")),
                             (275, "data/", ("embeddings", "train.npy, val.npy", "made once, then kept")),
                             (450, "data/", ("people’s captions", "annotations_", "trainval2014.zip")),
                             (625, "checkpoints/", ("checkpoints", "weights, optimizer,", "step, vocabulary")),
                             (800, "outputs/", ("gallery", "10 good, 10 bad", "with their scores"))):
        draw_box(ax, x, stored, 150, 78, Hue(GREY.line, "white"), lines)
        draw_text(ax, x, stored - 55, folder, 9)

    low, high = stored + 41, computed - 41
    for x, note in ((143, "read"), (318, "read"), (406, "read"), (655, "resume")):
        draw_arrow(ax, (x, low), (x, high))
        draw_text(ax, x + 8, 250, note, 8.5, MUTED, ha="left")
    for x, note in ((231, "once"), (595, "each epoch"), (800, "at the end")):
        draw_arrow(ax, (x, high), (x, low))
        draw_text(ax, x - 8, 250, note, 8.5, MUTED, ha="right")
    draw_arrow(ax, (439, computed), (547, computed))
    draw_text(ax, 493, computed + 13, "each step", 8.5, MUTED)
    draw_arrow(ax, (702, computed), (722, computed))
    draw_text(ax, 450, 24, "After a dead kernel run all cells again: embeddings are read, training goes on where it "
              "was saved.")
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


def _draw_bars(ax, left, top, length, shares, hue, others):
    """Horizontal bars 26 apart, downwards; `length` units for a share of 1. With `others`, the last one is grey."""
    ax.plot([left, left], [top + 15, top - 26 * len(shares) + 11], color=RULE, linewidth=1)
    for row, share in enumerate(shares):
        y, colour = top - 26 * row, GREY.line if others and row == len(shares) - 1 else hue.line
        ax.add_patch(Rectangle((left, y - 8), length * share, 16, color=colour, linewidth=0))
        draw_text(ax, left + length * share + 6, y, f"{share:.2f}", 8.5, MUTED, ha="left")


@own_style
def temperature(probabilities=None, words=None, temperatures=(0.3, 0.7, 1, 1.5), top=8):
    """How the temperature t sharpens or flattens a next-word distribution: p_i^(1/t) / sum_j p_j^(1/t).

    probabilities: (V,) floats that sum to 1, of the words in `words`; None takes a made-up example. The `top` likeliest
    words are drawn, the others as one bar. Returns a Figure. Raises ValueError for what is no distribution or t <= 0.
    """
    probabilities, words, temperatures = _next_word_inputs(probabilities, words, temperatures)
    order = np.argsort(-probabilities, kind="stable")
    others = len(order) > top
    names = [str(words[index]) for index in order[:top]] + ["all others"] * others
    changed = [_with_temperature(probabilities, t)[order] for t in temperatures]
    shares = np.array([[*p[:top], *([p[top:].sum()] * others)] for p in changed])       # (temperatures, names)

    bottom, column = 66, (WIDTH - 120) / len(temperatures)
    y = bottom + 26 * (len(names) - 1)                                                  # of the first bar
    figure, ax = canvas(y + 84)
    for row, name in enumerate(names):
        colour = MUTED if others and row == top else INK
        draw_text(ax, 106, y - 26 * row, name, fitted(name, 92, 9.5), colour, ha="right")
    for panel, t in enumerate(temperatures):
        left, hue = 116 + column * panel, IMAGE if t == 1 else WORD
        draw_text(ax, left, y + 58, f"t = {t:g}", 11, hue.line, ha="left", weight="bold")
        feel = "as predicted" if t == 1 else "sharper" if t < 1 else "flatter"
        draw_text(ax, left, y + 36, feel, 9, MUTED, ha="left")
        _draw_bars(ax, left, y, (column - 56) / shares.max(), shares[panel], hue, others)
    draw_text(ax, 116, 24, r"Each probability $p_i$ becomes $p_i^{1/t}\ /\ \Sigma_j\, p_j^{1/t}$", 9.5, ha="left",
              parse_math=True)
    return figure


# ---------------------------------------------------------------- 6. the losses


def _points(history, key):
    """Where `key` is a finite number: x and y (N,), and what x counts (the epoch, or the step if epochs repeat)."""
    epochs = [row["epoch"] for row in history]
    unit = "epoch" if all(a < b for a, b in zip(epochs, epochs[1:], strict=False)) else "step"
    pairs = [(row[unit], float(row[key])) for row in history if row.get(key) is not None]
    pairs = np.array([pair for pair in pairs if np.isfinite(pair[1])], np.float64).reshape(-1, 2)
    return pairs[:, 0], pairs[:, 1], unit


def _loss_axes(figure, unit, top):
    """Axes with little ink, up to `top` of the figure's height: light horizontal lines, no frame."""
    ax = figure.add_axes((0.075, 0.14, 0.745, top - 0.14))
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
    to_figure = ax.transData + figure.transFigure.inverted()
    labels = sorted((to_figure.transform(end)[1], name, hue) for end, name, hue in ends)
    gap = 0.18 / figure.get_figheight()
    if len(labels) == 2 and labels[1][0] - labels[0][0] < gap:
        middle = (labels[0][0] + labels[1][0]) / 2
        labels = [(middle - gap / 2, *labels[0][1:]), (middle + gap / 2, *labels[1][1:])]
    for y, name, hue in labels:
        figure.text(0.832, y, name, color=hue.line, fontsize=9.5, family=FONT, va="center_baseline", weight="bold")


def _mark_best(ax, x, y, label):
    """Ring around (x, y) and a dotted line up to its label above the axes, where no curve can cross it."""
    ax.plot([x], [y], marker="o", markersize=10, markerfacecolor="none", markeredgecolor=WRONG.line,
            markeredgewidth=1.5, clip_on=False)
    place, height = (ax.transData + ax.transAxes.inverted()).transform((x, y))
    ax.plot([place, place], [height + 0.035, 1], color=WRONG.line, linewidth=1, linestyle=(0, (1, 2)), zorder=1,
            transform=ax.transAxes, clip_on=False)
    width = text_width(label, 9) / (WIDTH * ax.get_position().width)
    ax.text(min(max(place, width / 2), 1 - width / 2), 1.045, label, transform=ax.transAxes, ha="center",
            va="center_baseline", color=WRONG.line, fontsize=9, family=FONT)


@own_style
def loss_curves(history, title=None):
    """Training and validation loss against epochs, the best validation loss marked.

    history: list of dicts with step, epoch, train_loss, val_loss, losses in nats per word; None, NaN and infinity
    are left out, and an empty list gives empty axes. Where epochs repeat, x counts steps. Returns a Figure.
    """
    figure = Drawing(figsize=(WIDTH / 100, 3.8), dpi=100, facecolor="white")
    lines = [(*_points(history, key), name, hue) for key, name, hue in
             (("train_loss", "training", IMAGE), ("val_loss", "validation", WRONG))]
    ax = _loss_axes(figure, unit := lines[0][2], top=0.82 if title else 0.91)
    if title:
        figure.text(0.075, 0.94, title, fontsize=fitted(title, 810, 11, "bold"), family=FONT, color=INK,
                    weight="bold", va="center_baseline", parse_math=False)
    drawn = [line for line in lines if len(line[0])]
    if not drawn:
        ax.set(xlim=(0, 1), ylim=(0, 1), xticks=[], yticks=[])
        ax.text(0.5, 0.5, "no losses yet", ha="center", va="center", color=MUTED, fontsize=10.5, family=FONT)
        return figure

    for x, y, _, _, hue in drawn:
        ax.plot(x, y, color=hue.line, linewidth=2, marker="o" if len(x) <= 30 else "", markersize=4, clip_on=False)
    first, last = min(x[0] for x, *_ in drawn), max(x[-1] for x, *_ in drawn)
    ax.set_xlim((0, last or 1) if first == last else (first - (last - first) / 30, last))
    ax.set_ylim(ax.get_ylim())      # fixed: labels are placed by it
    _label_ends(figure, ax, [((x[-1], y[-1]), f"{name} {y[-1]:.2f}", hue) for x, y, _, name, hue in drawn])
    x, y, *_ = lines[1]
    if len(x):
        best = int(y.argmin())
        _mark_best(ax, x[best], y[best], f"best validation loss {y[best]:.2f}, {unit} {x[best]:g}")
    return figure


# ---------------------------------------------------------------- 7. photos with captions


LINE_HEIGHT, PARAGRAPH_GAP = 18, 5


def _caption_lines(caption, width, size):
    """Wrapped lines as (distance of the line from the photo, text); a new line in the caption begins a paragraph."""
    lines, down = [], 17
    for paragraph in str(caption).splitlines():
        for text in wrapped(paragraph, width, size):
            lines.append((down, text))
            down += LINE_HEIGHT
        down += PARAGRAPH_GAP
    return lines


@own_style
def photos_with_captions(photos, captions, columns=4):
    """A grid of photos, uncropped, each with its caption below.

    photos: PIL images or uint8 arrays (H, W, 3), (H, W, 4) or (H, W), of any size and aspect. captions: a string each,
    wrapped to the tile's width; lines in it stay apart. Returns a Figure.
    Raises ValueError for no photos, another number of captions, or an array that is not uint8.
    """
    if not len(photos) or len(photos) != len(captions) or columns < 1:
        raise ValueError(f"photos_with_captions needs one photo or more, a caption for each and at least one column; "
                         f"got {len(photos)} photos, {len(captions)} captions, {columns} columns.")
    gap, size = 16, 9.5
    # At most half the page wide: a single photo need not fill the screen.
    width = min((WIDTH - gap * (columns + 1)) / columns, WIDTH / 2)
    tile = 0.75 * width
    lines = [_caption_lines(caption, 0.97 * width, size) for caption in captions]
    rows = [range(start, min(start + columns, len(photos))) for start in range(0, len(photos), columns)]
    depths = [max((lines[index][-1][0] for index in row if lines[index]), default=0) + 10 for row in rows]

    top = gap * (len(rows) + 1) + sum(tile + depth for depth in depths)
    figure, ax = canvas(top, PhotoSheet)
    for row, depth in zip(rows, depths, strict=True):
        top -= gap
        for column, index in enumerate(row):
            left = gap + column * (width + gap)
            ax.add_patch(Rectangle((left, top - tile), width, tile, facecolor=PANEL, edgecolor="none", zorder=0))
            draw_photo(ax, photos[index], left + width / 2, top - tile / 2, width, tile)
            for down, line in lines[index]:
                draw_text(ax, left, top - tile - down, line, size, ha="left")
        top -= tile + depth
    return figure
