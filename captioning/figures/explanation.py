"""Figure of why a trained decoder wrote a caption."""

from difflib import SequenceMatcher

from matplotlib.patches import Rectangle

from captioning.figures.colours import EMPTY, RULE, SHADE, TEXT, WORD, WRONG
from captioning.figures.drawing import WIDTH, PhotoSheet, cut, draw_panel, draw_photo, draw_text, long_canvas, own_style
from captioning.figures.text import fitted
from captioning.figures.words import UNLIKELY, draw_sentence, draw_words, log_p, words_of
from captioning.scoring.words import FUNCTION_WORDS

PER_ROW, RUNNERS_UP = 8, 4      # steps side by side, and how many words of each are named


def _draw_photo_and_caption(ax, top, photo, caption, references):
    """Draws the photo at the left, its caption and the references at the right, and returns the y below."""
    left, height = 336, 225
    ax.add_patch(Rectangle((12, top - height), 300, height, facecolor=SHADE, edgecolor="none", zorder=0))
    draw_photo(ax, photo, 162, top - height / 2, 300, height)
    draw_text(ax, left, top - 7, "The caption", 9, ha="left")
    words, probabilities = words_of(caption)
    y = draw_words(ax, left, top - 24, WIDTH - 12 - left, words, 15, probabilities, weight="bold")
    total, mean = log_p(caption)
    note = f"log p = {total}, {mean} per word. The bar below a word is its probability, orange below {UNLIKELY}."
    draw_text(ax, left, y - 8, note, fitted(note, WIDTH - 12 - left, 8.5), TEXT, "left")
    y -= 38
    if references:
        draw_text(ax, left, y, "People wrote", 9, ha="left")
        y -= 12
    for reference in references:
        y = draw_sentence(ax, left, y, WIDTH - 12 - left, reference, 9.5) - 3
    return min(y, top - height)


def _draw_steps(ax, top, caption, next_words):
    """Draws the likeliest words at each step of the caption, and returns the y below."""
    tokens = [*caption.words, "#END#"][:len(next_words)]
    across = -(-len(tokens) // -(-len(tokens) // PER_ROW))
    pitch, line = min((WIDTH - 42) / across, 170), 23
    depth = RUNNERS_UP * line + 42
    for step, (taken, candidates) in enumerate(zip(tokens, next_words, strict=True)):
        row, column = divmod(step, across)
        x, y = 26 + pitch * column, top - depth * row
        draw_text(ax, x + 5, y - 10, taken, fitted(taken, pitch - 16, 10.5, "bold"), weight="bold", ha="left")
        shown = [(word, p) for word, p in candidates[:RUNNERS_UP] if p >= 0.005] or candidates[:1]
        if taken not in dict(shown):        # beam search and sampling may take an unlikely word
            shown = [*shown[:RUNNERS_UP - 1], (taken, caption.token_probabilities[step])]
        for rank, (word, p) in enumerate(shown):
            middle, width = y - 31 - rank * line, pitch - 16
            draw_text(ax, x + 5, middle, word, fitted(word, width - 36, 9), ha="left")
            draw_text(ax, x + 5 + width, middle, f"{p:.2f}", 8.5, ha="right")
            ax.add_patch(Rectangle((x + 5, middle - 11), width, 3, color=RULE, linewidth=0))
            ax.add_patch(Rectangle((x + 5, middle - 11), width * p, 3, linewidth=0, zorder=2,
                                   color=(WORD if word == taken else EMPTY).line))
    return top - depth * (row + 1) + 8


def _draw_ranking(ax, top, beams):
    """Draws the captions of beam search, best first, with their differences from the first, and returns the y below."""
    for x, name in ((806, "log p"), (874, "per word")):
        draw_text(ax, x, top + 12, name, 8.5, ha="right")
    kept, y = list(beams[0].words), top - 6
    for rank, caption in enumerate(beams):
        words, probabilities = words_of(caption)
        same = {place for block in SequenceMatcher(None, words, kept, autojunk=False).get_matching_blocks()
                for place in range(block.a, block.a + block.size)}
        hues = [None if rank == 0 or place in same or word == "…" else WRONG for place, word in enumerate(words)]
        draw_text(ax, 26, y - 9, "kept" if rank == 0 else str(rank + 1), 9, WORD.line if rank == 0 else TEXT, "left",
                  weight="bold" if rank == 0 else "normal")
        for x, number in zip((806, 874), log_p(caption), strict=True):
            draw_text(ax, x, y - 9, number, 9, TEXT, "right")
        y = draw_words(ax, 70, y, 660, words, 10, probabilities, hues) - 7
    return y


def _draw_neighbours(ax, top, neighbours, caption):
    """Draws training photos in a row, each with its cosine and captions, and returns the y below."""
    count, gap = len(neighbours), 18
    width = min((WIDTH - 52 - gap * (count - 1)) / count, 270)
    tile, bottom = 0.75 * width, top
    telling = set(caption.words) - FUNCTION_WORDS
    for column, (photo, cosine, captions) in enumerate(neighbours):
        left = 26 + column * (width + gap)
        ax.add_patch(Rectangle((left, top - tile), width, tile, facecolor=SHADE, edgecolor="none", zorder=0.5))
        draw_photo(ax, photo, left + width / 2, top - tile / 2, width, tile)
        draw_text(ax, left, top - tile - 14, f"cosine {cosine:.2f}".replace("-", "−"), 9, ha="left")
        y = top - tile - 27
        for text in captions:
            words = str(text).split()
            hues = [WORD if _bare(word) in telling else None for word in words]
            y = draw_words(ax, left, y, width, words, 9, hues=hues) - 4
        bottom = min(bottom, y)
    return bottom


def _bare(word):
    """Returns the word in lower case, without punctuation."""
    return "".join(filter(str.isalnum, word.lower()))


@own_style
def plot_explanation(photo, beams, next_words, neighbours=(), references=()):
    """Plots why a decoder wrote a caption: other likely words, other captions of the search, similar training photos.

    Args:
        photo: PIL image or uint8 array (H, W, 3).
        beams: Caption objects of the photo, best first, as `CaptionWriter.beams` returns them. The figure explains
            the first. A single caption will do, from any way of decoding.
        next_words: for each step of the first caption, (word, probability) pairs, likeliest first, as
            `CaptionWriter.next_words` returns them.
        neighbours: (photo, cosine, captions) of the most similar training photos.
        references: sentences that people wrote.

    Returns:
        A Figure.

    Raises:
        ValueError: if there are no beams, or next_words has more or fewer steps than the first caption.
    """
    if not beams or len(next_words) != len(beams[0].tokens):
        raise ValueError(
            f"plot_explanation got {len(beams)} beams, {len(next_words)} steps. It needs one beam or more, and "
            f"next_words for each step of the first beam: its words, and #END# if it ended."
        )
    written = "; ".join(map(str, references))
    figure, ax = long_canvas("Why the decoder wrote this caption",
                             f"The caption is “{beams[0]}”. People wrote: {written or 'nothing'}.", PhotoSheet)

    def panel(top, heading, note, draw, *arguments):
        bottom = draw(ax, top - 40, *arguments) - 8
        draw_panel(ax, 12, bottom, WIDTH - 12, top, heading, note)
        return bottom - 14

    y = _draw_photo_and_caption(ax, -12, photo, beams[0], references) - 14
    y = panel(y, "Word by word", "the likeliest words at each step; the one taken is green",
              _draw_steps, beams[0], next_words)
    if len(beams) > 1:
        y = panel(y, "Beam search", "what it ended with, best first; words that the kept caption lacks are orange",
                  _draw_ranking, beams)
    if neighbours:
        y = panel(y, "The nearest training photos", "by cosine of their embeddings; words of the caption are green",
                  _draw_neighbours, neighbours, beams[0])
    return cut(figure, ax, y + 2)
