"""Parts of figures with captions: their words in lines, each word over a bar of its probability."""

from matplotlib.patches import Rectangle

from captioning.figures.colours import RULE, TEXT, WORD, WRONG
from captioning.figures.drawing import draw_text
from captioning.figures.text import fitted, text_width, wrapped

UNLIKELY = 0.1                  # words with a lower probability are orange


def draw_sentence(ax, left, top, width, text, size):
    """Draws a sentence in lines, from (left, top) downwards, and returns the y below them."""
    for line in wrapped(str(text), width, size):
        draw_text(ax, left, top - 0.9 * size, line, size, ha="left")
        top -= 1.8 * size
    return top


def draw_words(ax, left, top, width, words, size, probabilities=None, hues=None, weight="normal"):
    """Draws words in lines, each in its colour and over a bar of its probability.

    Args:
        ax: axes of a canvas.
        left: left edge of the lines.
        top: upper edge of the first line.
        width: of the lines, in units.
        words: strings.
        size: font size in points.
        probabilities: 0..1 for each word, or None for a word without a bar; None for no bars at all.
        hues: a Hue for each word that stands out, or None for the others; None if no word does.
        weight: of the words without a hue.

    Returns:
        The y below the last line.
    """
    bars = probabilities is not None
    space, step = 0.45 * size + 3 * bars, 1.8 * size + 8 * bars
    x, y = left, top
    for index, word in enumerate(words):
        hue = hues[index] if hues else None
        heavy = "bold" if hue else weight
        points = fitted(word, width, size, heavy)
        extent = text_width(word, points, heavy)
        if x > left and x + extent > left + width:
            x, y = left, y - step
        draw_text(ax, x, y - 0.9 * size, word, points, hue.line if hue else TEXT, "left", weight=heavy, zorder=4)
        if bars and (p := probabilities[index]) is not None:
            low = y - 1.75 * size - 3
            colour = (WORD if p >= UNLIKELY else WRONG).line
            ax.add_patch(Rectangle((x, low), extent, 3, color=RULE, linewidth=0, zorder=2))
            ax.add_patch(Rectangle((x, low), extent * p, 3, color=colour, linewidth=0, zorder=3))
        x += extent + space
    return y - step


def words_of(caption):
    """Returns the words of a caption and their probabilities, ready to draw.

    An empty caption becomes "(no words)", and one that was cut ends in "…"; these have None for a probability.
    """
    words, probabilities = [*caption.words], [*caption.word_probabilities]
    if not words or not caption.ended:
        return [*words, "…" if words else "(no words)"], [*probabilities, None]
    return words, probabilities


def log_p(caption):
    """Returns the log-probability of a caption, and its mean per word, as texts."""
    total, steps = caption.log_probability, max(len(caption.tokens), 1)
    return tuple(f"{number:.2f}".replace("-", "−") for number in (total, total / steps))
