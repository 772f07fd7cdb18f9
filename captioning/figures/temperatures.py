"""Figures of what the temperature does to the probabilities of the next word, and to captions."""

import numpy as np
from matplotlib.patches import Rectangle

from captioning.figures.colours import EMPTY, IMAGE, RULE, SHADE, WORD
from captioning.figures.drawing import (
    NARROW,
    WIDTH,
    PhotoSheet,
    canvas,
    cut,
    draw_photo,
    draw_text,
    long_canvas,
    own_style,
)
from captioning.figures.text import fitted, wrapped
from captioning.figures.words import UNLIKELY, draw_sentence, draw_words, words_of

EXAMPLE_WORDS = ("dog", "cat", "man", "horse", "sheep", "car", "kite", "boat")
EXAMPLE_PROBABILITIES = (0.42, 0.22, 0.13, 0.09, 0.06, 0.04, 0.03, 0.01)


def with_temperature(probabilities, temperature):
    """Computes p_i^(1/t) / sum_j p_j^(1/t). Logarithms keep a low temperature from underflow.

    Args:
        probabilities: (V,) floats that sum to 1.
        temperature: t, above 0.

    Returns:
        (V,) float64 that sum to 1.
    """
    with np.errstate(divide="ignore"):
        scaled = np.log(probabilities) / temperature
    powers = np.exp(scaled - scaled.max())
    return powers / powers.sum()


def _checked(probabilities, words, temperatures):
    """Checks the arguments of `plot_temperature` and fills in the example. Probabilities become (V,) float64."""
    if probabilities is None:
        probabilities, words = EXAMPLE_PROBABILITIES, EXAMPLE_WORDS
    probabilities = np.asarray(probabilities, np.float64)
    if probabilities.ndim != 1 or not (probabilities >= 0).all() or not abs(probabilities.sum() - 1) < 0.01:
        raise ValueError(
            f"probabilities is an array {probabilities.shape} that sums to {probabilities.sum():.3g}. It must be "
            "one distribution (V,) that sums to 1. Take one row of the softmax."
        )
    if words is None or len(words) != len(probabilities):
        found = "is missing" if words is None else f"has {len(words)} entries"
        raise ValueError(f"words {found}. It must name the {len(probabilities)} probabilities in their order.")
    if not len(temperatures) or not all(t > 0 for t in temperatures):
        raise ValueError(f"temperatures are {temperatures}, but must be above 0. For the likeliest word, use greedy.")
    return probabilities, words, temperatures


def _draw_bars(ax, left, top, length, shares, hue, others):
    """Draws bars to the right, 26 units apart; a share of 1 is `length` long. With `others`, the last is grey."""
    ax.plot([left, left], [top + 15, top - 26 * len(shares) + 11], color=RULE, linewidth=1)
    for row, share in enumerate(shares):
        y, colour = top - 26 * row, EMPTY.line if others and row == len(shares) - 1 else hue.line
        ax.add_patch(Rectangle((left, y - 8), length * share, 16, color=colour, linewidth=0))
        draw_text(ax, left + length * share + 6, y, f"{share:.2f}", 8.5, ha="left")


@own_style
def plot_temperature(probabilities=None, words=None, temperatures=(0.3, 0.7, 1, 1.5), top=8):
    """Plots how the temperature t sharpens or flattens a next-word distribution: p_i^(1/t) / sum_j p_j^(1/t).

    Args:
        probabilities: (V,) floats that sum to 1, or None for a made-up example.
        words: the V words, in the order of their probabilities.
        temperatures: values of t, above 0; a column of bars for each.
        top: this many of the likeliest words have a bar each. All others share one bar.

    Returns:
        A Figure.

    Raises:
        ValueError: if the probabilities are not one distribution, the words do not match them, or a t is not above 0.
    """
    probabilities, words, temperatures = _checked(probabilities, words, temperatures)
    order = np.argsort(-probabilities, kind="stable")
    others = len(order) > top
    names = [str(words[index]) for index in order[:top]] + ["all others"] * others
    changed = [with_temperature(probabilities, t)[order] for t in temperatures]
    shares = np.array([[*p[:top], *([p[top:].sum()] * others)] for p in changed])       # (temperatures, names)

    bottom, column = 66, (NARROW - 120) / len(temperatures)
    y = bottom + 26 * (len(names) - 1)                                                  # of the first bar
    likeliest = ", ".join(f"{share[0]:.2f} at t = {t:g}" for share, t in zip(shares, temperatures, strict=True))
    figure, ax = canvas(y + 84, "A low temperature sharpens, a high one flattens",
                        f"The likeliest next word is “{names[0]}”: {likeliest}.", width=NARROW)
    for row, name in enumerate(names):
        draw_text(ax, 106, y - 26 * row, name, fitted(name, 92, 9.5), ha="right")
    for panel, t in enumerate(temperatures):
        left, hue = 116 + column * panel, IMAGE if t == 1 else WORD
        draw_text(ax, left, y + 58, f"t = {t:g}", 11, hue.line, ha="left", weight="bold")
        feel = "as predicted" if t == 1 else "sharper" if t < 1 else "flatter"
        draw_text(ax, left, y + 36, feel, 9, ha="left")
        _draw_bars(ax, left, y, (column - 56) / shares.max(), shares[panel], hue, others)
    draw_text(ax, 116, 24, r"Each probability $p_i$ becomes $p_i^{1/t}\ /\ \Sigma_j\, p_j^{1/t}$", 9.5, ha="left",
              parse_math=True)
    return figure


@own_style
def plot_captions_by_temperature(photo, samples, references=(), shown=3):
    """Plots sampled captions of one photo at each temperature, and how much they differ.

    Args:
        photo: PIL image or uint8 array (H, W, 3).
        samples: temperature -> Caption objects in the order of sampling, from several `CaptionWriter.sample` of the
            same embedding. Their probabilities are the model's own, at t = 1.
        references: sentences that people wrote.
        shown: this many different captions are written out at each temperature.

    Returns:
        A Figure.

    Raises:
        ValueError: if there is no temperature, or one without captions.
    """
    if not samples or not all(samples.values()):
        counts = {t: len(captions) for t, captions in samples.items()}
        raise ValueError(
            f"plot_captions_by_temperature got these numbers of captions by temperature: {counts}. "
            "It needs one temperature or more, and captions for each."
        )
    figure, ax = long_canvas("Captions differ more at a high temperature, and are wrong more often",
                             " ".join(f"At t = {t:g}: “{each[0]}”." for t, each in samples.items()), PhotoSheet)
    bottom = _draw_photo_and_references(ax, photo, references)
    y = -12
    for t, captions in samples.items():
        different = list({caption.words: caption for caption in captions}.values())
        mean = np.mean([caption.log_probability / max(len(caption.tokens), 1) for caption in captions])
        draw_text(ax, 300, y - 9, f"t = {t:g}", 11, (IMAGE if t == 1 else WORD).line, "left", weight="bold")
        draw_text(ax, WIDTH - 14, y - 9, f"{len(different)} of {len(captions)} captions are different; "
                  f"log p {mean:.2f} per word".replace("-", "−"), 8.5, ha="right")
        y -= 26
        for caption in different[:shown]:
            words, probabilities = words_of(caption)
            y = draw_words(ax, 300, y, WIDTH - 314, words, 10, probabilities) - 6
        y -= 10
    return cut(figure, ax, min(y, bottom))


def _draw_photo_and_references(ax, photo, references):
    """Draws at the left the photo, how to read the figure, and the references; returns the y below."""
    width, height, y = 260, 195, -12
    ax.add_patch(Rectangle((12, y - height), width, height, facecolor=SHADE, edgecolor="none", zorder=0))
    draw_photo(ax, photo, 12 + width / 2, y - height / 2, width, height)
    note = f"The bar below a word is the probability that the decoder gave it, orange below {UNLIKELY}. " \
           "A high temperature takes such words more often, and the caption goes on from them."
    y -= height + 19
    for line in wrapped(note, width, 8.5):
        draw_text(ax, 12, y, line, 8.5, ha="left")
        y -= 16
    y -= 12
    if references:
        draw_text(ax, 12, y, "People wrote", 9, ha="left")
        y -= 12
    for reference in references:
        y = draw_sentence(ax, 12, y, width, reference, 9) - 4
    return y - 4
