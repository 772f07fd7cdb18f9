"""A trained decoder's captions, looked at: why one came out, which photos it confuses, what the temperature does.

Each function returns a Figure, as those of figures.py do. Captions are captioning.Caption objects.
"""
from difflib import SequenceMatcher

import numpy as np
from matplotlib.patches import Rectangle

from captioning.figures.drawing import (
    GREY,
    IMAGE,
    INK,
    MUTED,
    PANEL,
    WIDTH,
    WORD,
    WRONG,
    PhotoSheet,
    cut,
    draw_panel,
    draw_photo,
    draw_text,
    long_canvas,
    own_style,
)
from captioning.figures.text import fitted, text_width, wrapped
from captioning.scoring.words import FUNCTION_WORDS

# ---------------------------------------------------------------- why a caption came out


PER_ROW, RUNNERS_UP = 8, 4      # steps side by side, and how many words of each are named
UNLIKELY = 0.1                  # words less probable than this stand out
TAKEN, NOT_TAKEN = "#A5DCC9", "#DCE2E8"     # bars with words on them


def _lines(ax, left, top, width, text, size):
    """A sentence in lines from (left, top) downwards; returns the y below them."""
    for line in wrapped(str(text), width, size):
        draw_text(ax, left, top - 0.9 * size, line, size, ha="left")
        top -= 1.8 * size
    return top


def _flow(ax, left, top, width, words, size, probabilities=None, hues=None, weight="normal"):
    """As `_lines`, word by word: over a bar of its probability (if it has one), in its colour (hues; None for ink)."""
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
        draw_text(ax, x, y - 0.9 * size, word, points, hue.line if hue else INK, "left", weight=heavy, zorder=4)
        if bars and (p := probabilities[index]) is not None:
            low = y - 1.75 * size - 3
            whole, part = (NOT_TAKEN, WORD.line) if p >= UNLIKELY else ("#F7C9A8", WRONG.line)
            ax.add_patch(Rectangle((x, low), extent, 3, color=whole, linewidth=0, zorder=2))
            ax.add_patch(Rectangle((x, low), extent * p, 3, color=part, linewidth=0, zorder=3))
        x += extent + space
    return y - step


def _words_of(caption):
    """A caption's words and their probabilities; an empty or a cut one is seen to be so."""
    words, probabilities = [*caption.words], [*caption.word_probabilities[:len(caption.words)]]
    if not words or not caption.ended:
        return [*words, "…" if words else "(no words)"], [*probabilities, None]
    return words, probabilities


def _log_p(caption):
    """Its log-probability, and that of a word on average, as text."""
    total, steps = caption.log_probability, max(len(caption.word_probabilities), 1)
    return tuple(f"{number:.2f}".replace("-", "−") for number in (total, total / steps))


def _photo_and_caption(ax, top, photo, caption, references):
    """The photo on the left, its caption and what people wrote on the right; returns the y below."""
    left, height = 336, 225
    ax.add_patch(Rectangle((12, top - height), 300, height, facecolor=PANEL, edgecolor="none", zorder=0))
    draw_photo(ax, photo, 162, top - height / 2, 300, height)
    draw_text(ax, left, top - 7, "The caption", 9, MUTED, "left")
    words, probabilities = _words_of(caption)
    y = _flow(ax, left, top - 24, WIDTH - 12 - left, words, 15, probabilities, weight="bold")
    total, mean = _log_p(caption)
    note = f"log p = {total}, {mean} per word. The bar below a word is its probability, orange below {UNLIKELY}."
    draw_text(ax, left, y - 8, note, fitted(note, WIDTH - 12 - left, 8.5), MUTED, "left")
    y -= 38
    if references:
        draw_text(ax, left, y, "People wrote", 9, MUTED, "left")
        y -= 12
    for reference in references:
        y = _lines(ax, left, y, WIDTH - 12 - left, reference, 9.5) - 3
    return min(y, top - height)


def _steps(ax, top, caption, next_words):
    """For each step of the caption the words that came into question; returns the y below."""
    tokens = [*caption.words, "#END#"][:len(next_words)]
    across = -(-len(tokens) // -(-len(tokens) // PER_ROW))
    pitch, line = min((WIDTH - 42) / across, 170), 20
    depth = RUNNERS_UP * line + 42
    for step, (taken, candidates) in enumerate(zip(tokens, next_words, strict=True)):
        row, column = divmod(step, across)
        x, y = 26 + pitch * column, top - depth * row
        draw_text(ax, x + 5, y - 10, taken, fitted(taken, pitch - 16, 10.5, "bold"), weight="bold", ha="left")
        shown = [(word, p) for word, p in candidates[:RUNNERS_UP] if p >= 0.005] or candidates[:1]
        if taken not in dict(shown):        # beam search and sampling may take a word that is not among the likeliest
            shown = [*shown[:RUNNERS_UP - 1], (taken, caption.word_probabilities[step])]
        for rank, (word, p) in enumerate(shown):
            middle, colour = y - 33 - rank * line, INK if word == taken else MUTED
            width = pitch - 10
            ax.add_patch(Rectangle((x, middle - 8.5), width, 17, color="white", linewidth=0, zorder=1))
            ax.add_patch(Rectangle((x, middle - 8.5), width * p, 17, linewidth=0, zorder=2,
                                   color=TAKEN if word == taken else NOT_TAKEN))
            draw_text(ax, x + 5, middle, word, fitted(word, width - 42, 9), colour, "left", zorder=4)
            draw_text(ax, x + width - 5, middle, f"{p:.2f}", 8.5, colour, "right", zorder=4)
    return top - depth * (row + 1) + 8


def _ranking(ax, top, beams):
    """The captions that beam search ended with, best first, each with what it says unlike the first."""
    for x, name in ((806, "log p"), (874, "per word")):
        draw_text(ax, x, top + 12, name, 8.5, MUTED, "right")
    kept, y = list(beams[0].words), top - 6
    for rank, caption in enumerate(beams):
        words, probabilities = _words_of(caption)
        same = {place for block in SequenceMatcher(None, words, kept, autojunk=False).get_matching_blocks()
                for place in range(block.a, block.a + block.size)}
        hues = [None if rank == 0 or place in same or word == "…" else WRONG for place, word in enumerate(words)]
        draw_text(ax, 26, y - 9, "kept" if rank == 0 else str(rank + 1), 9, WORD.line if rank == 0 else MUTED, "left",
                  weight="bold" if rank == 0 else "normal")
        for x, number in zip((806, 874), _log_p(caption), strict=True):
            draw_text(ax, x, y - 9, number, 9, INK if rank == 0 else MUTED, "right")
        y = _flow(ax, 70, y, 660, words, 10, probabilities, hues) - 7
    return y


def _neighbours(ax, top, neighbours, caption):
    """Training photos in a row, each with its cosine and captions; returns the y below."""
    count, gap = len(neighbours), 18
    width = min((WIDTH - 52 - gap * (count - 1)) / count, 270)
    tile, bottom = 0.75 * width, top
    telling = set(caption.words) - FUNCTION_WORDS
    for column, (photo, cosine, captions) in enumerate(neighbours):
        left = 26 + column * (width + gap)
        ax.add_patch(Rectangle((left, top - tile), width, tile, facecolor=GREY.fill, edgecolor="none", zorder=0.5))
        draw_photo(ax, photo, left + width / 2, top - tile / 2, width, tile)
        draw_text(ax, left, top - tile - 14, f"cosine {cosine:.2f}".replace("-", "−"), 9, MUTED, "left")
        y = top - tile - 27
        for text in captions:
            words = str(text).split()
            hues = [WORD if _bare(word) in telling else None for word in words]
            y = _flow(ax, left, y, width, words, 9, hues=hues) - 4
        bottom = min(bottom, y)
    return bottom


def _bare(word):
    return "".join(filter(str.isalnum, word.lower()))


@own_style
def why_this_caption(photo, beams, next_words, neighbours=(), references=()):
    """Why a decoder wrote a caption: its words with their runners-up, what the search threw away, photos learnt from.

    photo: PIL image or uint8 array (H, W, 3).
    beams: captioning.Caption objects of the photo, best first (`CaptionWriter.beams`); the first is the one explained.
        One alone will do, greedy or sampled.
    next_words: for each step of it (word, probability) pairs, the likeliest first (`CaptionWriter.next_words`).
    neighbours: (photo, cosine, captions) of the training photos most like it. references: sentences of people.
    Returns a Figure.  Raises ValueError for no beams, or steps that are not those of the first.
    """
    if not beams or len(next_words) != len(beams[0].word_probabilities):
        raise ValueError(f"why_this_caption needs one beam or more, and next_words for each of the first one's steps "
                         f"(its words, and #END# if it ended); got {len(beams)} beams, {len(next_words)} steps.")
    figure, ax = long_canvas(PhotoSheet)

    def panel(top, heading, note, draw, *arguments):
        bottom = draw(ax, top - 40, *arguments) - 8
        draw_panel(ax, 12, bottom, WIDTH - 12, top, heading, note)
        return bottom - 14

    y = _photo_and_caption(ax, -12, photo, beams[0], references) - 14
    y = panel(y, "Word by word", "the likeliest words at each step; the one taken is green",
              _steps, beams[0], next_words)
    if len(beams) > 1:
        y = panel(y, "Beam search", "what it ended with, best first; words that the kept caption lacks are orange",
                  _ranking, beams)
    if neighbours:
        y = panel(y, "The nearest training photos", "by cosine of their embeddings; words of the caption are green",
                  _neighbours, neighbours, beams[0])
    return cut(figure, ax, y + 2)


# ---------------------------------------------------------------- photos that are confused


def _confused_pair(ax, left, top, width, pair):
    """What was said of both photos, the photos, and what people wrote of each; returns the y below."""
    first, second, note = pair
    y = top
    for caption in dict.fromkeys((first[1], second[1])):
        y = _flow(ax, left, y, width, f"“{caption}”".split(), 11, weight="bold")
    draw_text(ax, left, y - 9, note, fitted(note, width, 8.5), MUTED, "left")
    y, side, bottom = y - 27, (width - 14) / 2, y
    for column, (photo, _, references) in enumerate((first, second)):
        x, tile = left + column * (side + 14), 0.75 * side
        ax.add_patch(Rectangle((x, y - tile), side, tile, facecolor=GREY.fill, edgecolor="none", zorder=0.5))
        draw_photo(ax, photo, x + side / 2, y - tile / 2, side, tile)
        below = y - tile - 8
        for reference in references:
            below = _lines(ax, x, below, side, reference, 9) - 4
        bottom = min(bottom, below)
    return bottom


@own_style
def plot_confusions(pairs):
    """Pairs of photos that a model says (nearly) the same of, each with what people wrote.

    pairs: of each ((photo, caption, references), (photo, caption, references), note); `evaluation.confused_photos`
    finds them. photo: PIL image or uint8 array (H, W, 3); caption: str; references: sentences.
    No pairs are good news, and a picture that says so. Returns a Figure.
    """
    figure, ax = long_canvas(PhotoSheet)
    gap, y = 14, -12
    if not pairs:
        draw_text(ax, WIDTH / 2, -40, "No two photos are confused.", 10.5, MUTED)
        y = -80
    width = (WIDTH - 24 - gap) / 2
    for start in range(0, len(pairs), 2):
        lefts = [12, 12 + width + gap][:len(pairs[start:start + 2])]
        bottom = min(_confused_pair(ax, left + 14, y - 12, width - 28, pair)
                     for left, pair in zip(lefts, pairs[start:start + 2], strict=True)) - 8
        for left in lefts:
            draw_panel(ax, left, bottom, left + width, y)
        y = bottom - gap
    return cut(figure, ax, y + 2)


# ---------------------------------------------------------------- captions by temperature


@own_style
def captions_by_temperature(photo, samples, references=(), shown=3):
    """What a model says of one photo at each temperature: a few of the captions drawn, and how they differ.

    photo: PIL image or uint8 array (H, W, 3). samples: temperature -> captioning.Caption objects, in the order drawn
    (`CaptionWriter.sample` of the same embedding several times); the first `shown` different ones are written out.
    Their probabilities are the model's, at t = 1. references: sentences of people. Returns a Figure.
    Raises ValueError for a temperature without captions.
    """
    if not samples or not all(samples.values()):
        raise ValueError("captions_by_temperature needs captions for each temperature, and one temperature or more; "
                         f"got {({t: len(captions) for t, captions in samples.items()})}.")
    figure, ax = long_canvas(PhotoSheet)
    bottom = _photo_and_references(ax, photo, references)
    y = -12
    for t, captions in samples.items():
        different = list({caption.words: caption for caption in captions}.values())
        mean = np.mean([caption.log_probability / max(len(caption.word_probabilities), 1) for caption in captions])
        draw_text(ax, 300, y - 9, f"t = {t:g}", 11, (IMAGE if t == 1 else WORD).line, "left", weight="bold")
        draw_text(ax, WIDTH - 14, y - 9, f"{len(different)} of {len(captions)} captions are different; "
                  f"log p {mean:.2f} per word".replace("-", "−"), 8.5, MUTED, "right")
        y -= 26
        for caption in different[:shown]:
            words, probabilities = _words_of(caption)
            y = _flow(ax, 300, y, WIDTH - 314, words, 10, probabilities) - 6
        y -= 10
    return cut(figure, ax, min(y, bottom))


def _photo_and_references(ax, photo, references):
    """On the left: the photo, how to read the figure, and what people wrote; returns the y below."""
    width, height, y = 260, 195, -12
    ax.add_patch(Rectangle((12, y - height), width, height, facecolor=PANEL, edgecolor="none", zorder=0))
    draw_photo(ax, photo, 12 + width / 2, y - height / 2, width, height)
    note = f"The bar below a word is the probability that the decoder gave it, orange below {UNLIKELY}. " \
           "A high temperature takes such words more often, and the caption goes on from them."
    y -= height + 19
    for line in wrapped(note, width, 8.5):
        draw_text(ax, 12, y, line, 8.5, MUTED, "left")
        y -= 16
    y -= 12
    if references:
        draw_text(ax, 12, y, "People wrote", 9, MUTED, "left")
        y -= 12
    for reference in references:
        y = _lines(ax, 12, y, width, reference, 9) - 4
    return y - 4
