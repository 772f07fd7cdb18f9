"""Figure of photos that a trained decoder confuses."""

from matplotlib.patches import Rectangle

from captioning.figures.colours import SHADE, TEXT
from captioning.figures.drawing import WIDTH, PhotoSheet, cut, draw_panel, draw_photo, draw_text, long_canvas, own_style
from captioning.figures.text import fitted
from captioning.figures.words import draw_sentence, draw_words


def _draw_pair(ax, left, top, width, pair):
    """Draws the captions of two photos, the photos and their references, and returns the y below."""
    first, second, note = pair
    y = top
    for caption in dict.fromkeys((first[1], second[1])):
        y = draw_words(ax, left, y, width, f"“{caption}”".split(), 11, weight="bold")
    draw_text(ax, left, y - 9, note, fitted(note, width, 8.5), TEXT, "left")
    y, side, bottom = y - 27, (width - 14) / 2, y
    for column, (photo, _, references) in enumerate((first, second)):
        x, tile = left + column * (side + 14), 0.75 * side
        ax.add_patch(Rectangle((x, y - tile), side, tile, facecolor=SHADE, edgecolor="none", zorder=0.5))
        draw_photo(ax, photo, x + side / 2, y - tile / 2, side, tile)
        below = y - tile - 8
        for reference in references:
            below = draw_sentence(ax, x, below, side, reference, 9) - 4
        bottom = min(bottom, below)
    return bottom


@own_style
def plot_confusions(pairs):
    """Plots pairs of photos with the same or nearly the same caption, each photo with what people wrote.

    Args:
        pairs: ((photo, caption, references), (photo, caption, references), note) each, as
            `scoring.diversity.confused_photos` finds them. photo: PIL image or uint8 array (H, W, 3); caption: str;
            references: sentences. Without pairs, the figure says that no photos are confused.

    Returns:
        A Figure.
    """
    figure, ax = long_canvas("Photos that the decoder describes alike and people do not",
                             " ".join(f"“{first[1]}” and “{second[1]}”." for first, second, _ in pairs), PhotoSheet)
    gap, y = 14, -12
    if not pairs:
        draw_text(ax, WIDTH / 2, -40, "No two photos are confused.", 10.5)
        y = -80
    width = (WIDTH - 24 - gap) / 2
    for start in range(0, len(pairs), 2):
        lefts = [12, 12 + width + gap][:len(pairs[start:start + 2])]
        bottom = min(_draw_pair(ax, left + 14, y - 12, width - 28, pair)
                     for left, pair in zip(lefts, pairs[start:start + 2], strict=True)) - 8
        for left in lefts:
            draw_panel(ax, left, bottom, left + width, y)
        y = bottom - gap
    return cut(figure, ax, y + 2)
