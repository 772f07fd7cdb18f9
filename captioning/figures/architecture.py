"""Figures of the encoder, the decoder, and the way of the data from photos to the gallery.

Letters in shapes: N photos of a dataset, B photos in a batch, T tokens of a caption with #START# and #END#.
"""

from matplotlib.patches import Circle, Ellipse, FancyBboxPatch, Polygon, Rectangle

from captioning.figures.colours import EMPTY, IMAGE, STATE, WORD
from captioning.figures.drawing import (
    canvas,
    draw_arrow,
    draw_box,
    draw_feed_arrow,
    draw_panel,
    draw_photo,
    draw_tensor,
    draw_text,
    own_style,
)
from captioning.figures.pictures import as_rgb
from captioning.figures.text import fitted


def _draw_street(ax, left, bottom, side):
    """Draws a red car on a street, in a square of `side` units."""
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
    """Cuts out the largest square in the middle: what the encoder sees."""
    pixels = as_rgb(photo, 1024)
    height, width = pixels.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return pixels[top:top + side, left:left + side]


def _draw_decoding(ax, words, first, pitch, y):
    """Draws LSTM steps from x = first. Each reads a word from below and writes one above, which the next step reads."""
    for step, (taken, written) in enumerate(zip(("#START#", *words[:-1]), words, strict=True)):
        x = first + step * pitch
        draw_box(ax, x, y, 50, 52, STATE, ("LSTM", "300"), 9)
        draw_box(ax, x, y + 92, 62, 28, WORD, written)
        draw_box(ax, x, y - 92, 62, 28, WORD, taken)
        draw_arrow(ax, (x, y - 77), (x, y - 27))
        draw_arrow(ax, (x, y + 27), (x, y + 77))
        if step + 1 < len(words):
            draw_arrow(ax, (x + 26, y), (x + pitch - 26, y), colour=STATE.line)
            draw_feed_arrow(ax, (x + 32, y + 92), (x + pitch - 32, y - 92), WORD.line)


def _draw_encoder(ax, photo, y):
    """The way from a photo to its embedding, at height y. photo: None for a drawing of a street."""
    if photo is None:
        _draw_street(ax, 12, y - 65, 130)
    else:
        draw_photo(ax, _square(photo), 77, y, 130, 130)
    draw_text(ax, 77, y + 82, "photo")
    draw_text(ax, 77, y - 82, "(B, 299, 299, 3)", 8.5)
    draw_arrow(ax, (145, y), (179, y))
    ax.add_patch(Polygon([(182, y - 82), (182, y + 82), (292, y + 44), (292, y - 44)], facecolor=IMAGE.fill,
                         edgecolor=IMAGE.line, linewidth=1.2, joinstyle="round", zorder=2))
    draw_text(ax, 236, y + 8, "InceptionV3", weight="bold", zorder=4)
    draw_text(ax, 236, y - 10, "once a photo", 8.5, zorder=4)
    draw_arrow(ax, (294, y), (333, y))
    draw_tensor(ax, 346, y, 172, IMAGE, "embedding", "(B, 2048)")


@own_style
def plot_encoder_decoder(photo=None, caption=("a", "red", "car")):
    """Plots the way from a photo to a caption: frozen encoder, initial state, and the LSTM that writes word by word.

    Args:
        photo: PIL image or uint8 array (H, W, 3). It is cut to a square. None: a drawing of a street.
        caption: its words without START and END, or a sentence. If it has more than three words, the figure shows
            the first three steps, and the whole caption below them.

    Returns:
        A Figure.

    Raises:
        ValueError: if the photo is an array, but not of uint8.
    """
    caption = tuple(caption.split() if isinstance(caption, str) else caption)
    words = (*caption, "#END#") if len(caption) < 4 else (*caption[:3], "…")
    long = len(caption) > 3
    figure, ax = canvas(338 if long else 312, "The encoder looks once; the decoder writes word by word")
    y = 178 if long else 152
    draw_panel(ax, 160, 12, 394, y + 148, "Encoder", "frozen")
    draw_panel(ax, 404, 12, 888, y + 148, "Decoder", "trained")

    _draw_encoder(ax, photo, y)
    draw_arrow(ax, (358, y), (432, y))
    draw_tensor(ax, 446, y, 54, STATE, "bottleneck", "elu", "(B, 120)")
    draw_arrow(ax, (458, y), (499, y))
    draw_tensor(ax, 513, y, 104, STATE, "state", "elu", "(B, 300)")
    draw_arrow(ax, (525, y), (575, y), colour=STATE.line)
    draw_text(ax, 549, y + 14, "h₀ = c₀", 8.5)
    _draw_decoding(ax, words, 603, 82, y)
    draw_text(ax, 573, y - 125, "each word written is the next word read", 8.5, ha="left")
    if long:
        line = " ".join(caption)
        draw_text(ax, 573, y - 149, line, fitted(line, 296, 9.5), WORD.line, ha="left")
    return figure


@own_style
def plot_data_flow():
    """Plots the way of the data from zips to the gallery: what is in memory, and what stays on disk without a kernel.

    Returns:
        A Figure.
    """
    figure, ax = canvas(438, "What survives when the kernel dies")
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
        draw_box(ax, x, stored, 150, 78, EMPTY, lines)
        draw_text(ax, x, stored - 55, folder, 9)

    low, high = stored + 41, computed - 41
    for x, note in ((143, "read"), (318, "read"), (406, "read"), (655, "resume")):
        draw_arrow(ax, (x, low), (x, high))
        draw_text(ax, x + 8, 250, note, 8.5, ha="left")
    for x, note in ((231, "once"), (595, "each epoch"), (800, "at the end")):
        draw_arrow(ax, (x, high), (x, low))
        draw_text(ax, x - 8, 250, note, 8.5, ha="right")
    draw_arrow(ax, (439, computed), (547, computed))
    draw_text(ax, 493, computed + 13, "each step", 8.5)
    draw_arrow(ax, (702, computed), (722, computed))
    draw_text(ax, 450, 24, "After a dead kernel run all cells again: embeddings are read, training goes on where it "
              "was saved.")
    return figure
