"""Figure of photos with their captions."""

from matplotlib.patches import Rectangle

from captioning.figures.colours import SHADE
from captioning.figures.drawing import WIDTH, PhotoSheet, canvas, draw_photo, draw_text, own_style
from captioning.figures.text import wrapped

LINE_HEIGHT, PARAGRAPH_GAP = 18, 5


def _caption_lines(caption, width, size):
    """Breaks a caption into lines: (distance from the photo, text) each. A newline begins a paragraph."""
    lines, down = [], 17
    for paragraph in str(caption).splitlines():
        for text in wrapped(paragraph, width, size):
            lines.append((down, text))
            down += LINE_HEIGHT
        down += PARAGRAPH_GAP
    return lines


@own_style
def plot_photos(photos, captions, columns=4, title=""):
    """Plots a grid of whole photos, each with its caption below.

    Args:
        photos: PIL images or uint8 arrays (H, W, 3), (H, W, 4) or (H, W), of any size and aspect.
        captions: a string for each photo. Long lines are wrapped, newlines are kept.
        columns: photos in a row.
        title: says what to see. "" for a title that fits any photos.

    Returns:
        A Figure.

    Raises:
        ValueError: if there are no photos, more or fewer captions than photos, or an array that is not uint8.
    """
    if not len(photos) or len(photos) != len(captions) or columns < 1:
        raise ValueError(
            f"plot_photos got {len(photos)} photos, {len(captions)} captions, {columns} columns. "
            "It needs one photo or more, a caption for each, and one column or more."
        )
    gap, size = 16, 9.5
    # No photo is wider than half the page: a single one need not fill the screen.
    width = min((WIDTH - gap * (columns + 1)) / columns, WIDTH / 2)
    tile = 0.75 * width
    lines = [_caption_lines(caption, 0.97 * width, size) for caption in captions]
    rows = [range(start, min(start + columns, len(photos))) for start in range(0, len(photos), columns)]
    depths = [max((lines[index][-1][0] for index in row if lines[index]), default=0) + 10 for row in rows]

    top = gap * (len(rows) + 1) + sum(tile + depth for depth in depths)
    figure, ax = canvas(top, title or ("Photos and their captions" if len(photos) > 1 else "A photo and its caption"),
                        "; ".join(" ".join(str(caption).split()) for caption in captions) + ".", PhotoSheet)
    for row, depth in zip(rows, depths, strict=True):
        top -= gap
        for column, index in enumerate(row):
            left = gap + column * (width + gap)
            ax.add_patch(Rectangle((left, top - tile), width, tile, facecolor=SHADE, edgecolor="none", zorder=0))
            draw_photo(ax, photos[index], left + width / 2, top - tile / 2, width, tile)
            for down, line in lines[index]:
                draw_text(ax, left, top - tile - down, line, size, ha="left")
        top -= tile + depth
    return figure
