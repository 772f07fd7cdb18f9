"""Figures of the encoder, the decoder, and the way of the data from photos to the gallery.

Letters in shapes: N photos of a dataset, B photos in a batch, T tokens of a caption with #START# and #END#.
"""

from matplotlib.patches import Circle, Ellipse, FancyBboxPatch, Polygon, Rectangle

from captioning.figures.colours import EMPTY, IMAGE, STATE, WORD
from captioning.figures.drawing import (
    NARROW,
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
        draw_box(ax, x, y, 50, 52, STATE, ("LSTM", "300"), 10)
        for height, word in ((y + 92, written), (y - 92, taken)):
            draw_box(ax, x, height, 66, 28, WORD, word, 10)
        draw_arrow(ax, (x, y - 77), (x, y - 27))
        draw_arrow(ax, (x, y + 27), (x, y + 77))
        if step + 1 < len(words):
            draw_arrow(ax, (x + 26, y), (x + pitch - 26, y), colour=STATE.line)
            draw_feed_arrow(ax, (x + 34, y + 92), (x + pitch - 34, y - 92), WORD.line)


def _draw_encoder(ax, photo, y):
    """The way from a photo to its embedding, at height y. photo: None for a drawing of a street."""
    if photo is None:
        _draw_street(ax, 30, y - 65, 130)
    else:
        draw_photo(ax, _square(photo), 95, y, 130, 130)
    draw_text(ax, 95, y + 80, "photo", 10)
    draw_text(ax, 95, y - 80, "(B, 299, 299, 3)", 9.5)
    draw_arrow(ax, (164, y), (214, y))
    ax.add_patch(Polygon([(218, y - 72), (218, y + 72), (348, y + 40), (348, y - 40)], facecolor=IMAGE.fill,
                         edgecolor=IMAGE.line, linewidth=1.2, joinstyle="round", zorder=2))
    draw_text(ax, 280, y + 9, "InceptionV3", 10.5, IMAGE.text, weight="bold", zorder=4)
    draw_text(ax, 280, y - 11, "once a photo", 9.5, IMAGE.text, zorder=4)
    draw_arrow(ax, (351, y), (416, y))
    draw_tensor(ax, 430, y, 130, IMAGE, "embedding", "(B, 2048)")


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
    line = " ".join(caption)
    words = (*caption, "#END#") if len(caption) < 4 else (*caption[:3], "…")
    below = 24 if len(caption) > 3 else 0
    figure, ax = canvas(
        532 + below, "The encoder looks once; the decoder writes word by word",
        "InceptionV3 turns a photo into an embedding of 2,048 numbers. They become the first state of an LSTM, which "
        f"writes “{line}”: each word that it writes is the next word that it reads.", width=NARROW)
    draw_panel(ax, 12, 300 + below, 548, 532 + below, "Encoder", "frozen")
    draw_panel(ax, 12, 12, 548, 278 + below, "Decoder", heading_below=True,
               note="trained; each word that it writes is the next one that it reads")

    top, y = 400 + below, 154 + below
    _draw_encoder(ax, photo, top)
    draw_arrow(ax, (442, top), (510, top), (510, 289 + below), (46, 289 + below), (46, y + 30))
    draw_tensor(ax, 46, y, 54, STATE, "", "120")
    draw_arrow(ax, (58, y), (104, y))
    draw_tensor(ax, 118, y, 104, STATE, "state", "300")
    draw_arrow(ax, (130, y), (200, y), colour=STATE.line)
    draw_text(ax, 164, y + 14, "h₀ = c₀", 9.5)
    _draw_decoding(ax, words, 228, 88, y)
    if below:
        draw_text(ax, 26, 56, line, fitted(line, 500, 10), WORD.line, ha="left")
    return figure


@own_style
def plot_data_flow():
    """Plots the way of the data from zips to the gallery: what is in memory, and what stays on disk without a kernel.

    Returns:
        A Figure.
    """
    figure, ax = canvas(
        520, "What is in memory is lost with the kernel; what is on disk stays",
        "The encoder reads the photos once and writes embeddings. Batches of embeddings and captions train the "
        "decoder, which saves a checkpoint each epoch. It writes captions for the gallery.", width=NARROW)
    draw_panel(ax, 12, 12, 216, 512, "In memory")
    draw_panel(ax, 300, 12, 548, 512, "On disk")
    rows = [438 - 92 * row for row in range(5)]
    for y, folder, *lines in (
            (rows[0], "data/", "photos", "zips or folders"), (rows[1], "data/", "embeddings", "made once, then kept"),
            (rows[2], "data/", "people’s captions", "several for each photo"),
            (rows[3], "checkpoints/", "checkpoints", "weights, step, optimizer"),
            (rows[4], "outputs/", "gallery", "10 good, 10 bad, scores")):
        draw_box(ax, 424, y, 216, 52, EMPTY, lines, 10.5)
        draw_text(ax, 424, y - 37, folder, 9)
    for y, height, hue, *lines in (
            (rows[0] - 31, 114, IMAGE, "encoder", "InceptionV3", "photos → (N, 2048)"),
            (rows[2] + 31, 114, WORD, "batches", "photos (B, 2048)", "tokens (B, T)"),
            (rows[3], 52, STATE, "decoder", "LSTM 300"), (rows[4], 52, WORD, "captions", "of new photos")):
        draw_box(ax, 114, y, 176, height, hue, lines, 10.5)
    for y, note in ((rows[0], "read"), (rows[1] - 14, "read"), (rows[2], "read"), (rows[3] - 13, "resume")):
        draw_arrow(ax, (315, y), (203, y))
        draw_text(ax, 258, y - 12, note, 9)
    for y, note in ((rows[1] + 14, "once"), (rows[3] + 13, "each epoch"), (rows[4], "at the end")):
        draw_arrow(ax, (203, y), (315, y))
        draw_text(ax, 258, y + 12, note, 9)
    draw_arrow(ax, (114, rows[2] - 27), (114, rows[3] + 27))
    draw_text(ax, 122, (rows[2] + rows[3]) / 2, "each step", 9, ha="left")
    draw_arrow(ax, (114, rows[3] - 27), (114, rows[4] + 27))
    return figure
