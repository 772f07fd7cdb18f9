"""Pictures of the decoder's four steps, from the photo to the loss, on a batch of two captions.

Letters in shapes: B photos in a batch, T tokens of a caption with #START# and #END#, V tokens in the vocabulary.
"""

import numpy as np
from matplotlib.patches import Rectangle

from captioning.figures.colours import EMPTY, IMAGE, STATE, TARGET, WORD
from captioning.figures.drawing import NARROW, canvas, draw_arrow, draw_box, draw_tensor, draw_text, own_style
from captioning.figures.text import fitted

SENTENCES = (("#START#", "a", "dog", "runs", "#END#"), ("#START#", "two", "kites", "#END#", "#PAD#"))
CAPTION_HUES = (IMAGE, WORD)
LOSSES = np.array([1.1, 3.0, 2.4, 0.6, 2.7, 1.6, 1.5, 4.9])
LEFT, PITCH, CELL_HEIGHT = 196, 72, 28      # x of the first of five columns, and the distance to the next
FLAT_LEFT, FLAT_PITCH = 142, 52             # the same for the eight columns of a flat row


def _draw_cell(ax, x, y, width, text, hue):
    """Draws one entry centred on (x, y). A grey one looks empty."""
    line = "--" if hue is EMPTY else "-"
    draw_box(ax, x, y, width - 4, CELL_HEIGHT - 3, hue, rounding=4, linewidth=1, linestyle=line)
    draw_text(ax, x, y, text, fitted(text, width - 8, 9.5), hue.text, zorder=4)


def _draw_row_label(ax, y, name, shape):
    """Writes the name and the shape of a row at its left."""
    draw_text(ax, 12, y + 9, name, fitted(name, 126, 10, "bold"), ha="left", weight="bold")
    draw_text(ax, 12, y - 9, shape, 9.5, ha="left")


def _draw_sentences(ax, top, left_out):
    """Draws the captions of the batch below `top`. The column of the tokens that are left out is grey."""
    _draw_row_label(ax, top - CELL_HEIGHT, "sentences", "(B, T)")
    for row, (words, hue) in enumerate(zip(SENTENCES, CAPTION_HUES)):
        for column, word in enumerate(words):
            _draw_cell(ax, LEFT + column * PITCH, top - CELL_HEIGHT * (row + 0.5), PITCH, word,
                       EMPTY if column == left_out or word == "#PAD#" else hue)


def _draw_flat_row(ax, y, texts, hues):
    """Draws eight entries, four of each caption, at height y."""
    for place, (text, hue) in enumerate(zip(texts, hues, strict=True)):
        _draw_cell(ax, FLAT_LEFT + (place + 0.5) * FLAT_PITCH, y, FLAT_PITCH, text, hue)


def _states():
    """Draws the way from the embedding of a photo to the first state of the LSTM."""
    figure, ax = canvas(
        254, "The photo sets the first state of the LSTM",
        "The embedding of a photo, 2,048 numbers, becomes 120 numbers, then 300. The same 300 numbers are the "
        "hidden state h0 and the cell state c0, in which the LSTM begins.", width=NARROW)
    y = 155
    draw_tensor(ax, 66, y, 140, IMAGE, "img_embeds", "(B, 2048)")
    draw_arrow(ax, (80, y), (188, y))
    draw_text(ax, 134, y + 13, "dense 1, elu")
    draw_tensor(ax, 202, y, 50, STATE, "bottleneck", "(B, 120)")
    draw_text(ax, 268, y + 13, "dense 2, elu")
    draw_text(ax, 400, y, "the same")
    for name, height, note in (("h0", y + 45, y + 75), ("c0", y - 45, y - 75)):
        draw_arrow(ax, (216, y), (340, y), (340, height), (368, height))
        draw_box(ax, 400, height, 60, 34, STATE, name, 10.5)
        draw_text(ax, 400, note, "(B, 300)", 9)
        draw_arrow(ax, (432, height), (484, height), colour=STATE.line)
    draw_box(ax, 514, y, 56, 140, STATE, "LSTM", 10.5)
    draw_text(ax, 12, 28, "1 img_embed_to_bottleneck   2 img_embed_bottleneck_to_h0", 9.5, ha="left")
    return figure


def _words_in():
    """Draws the words that the LSTM reads in training: those of the caption, whatever it would have said."""
    figure, ax = canvas(
        354, "The LSTM reads all tokens but the last",
        "Each token of the captions but the last becomes an embedding of 100 numbers. The LSTM begins in the "
        "state h0, c0, reads one embedding at each time step and gives a hidden state of 300 numbers.",
        width=NARROW)
    _draw_sentences(ax, 344, left_out=4)
    draw_text(ax, LEFT + 4 * PITCH, 274, "not read", 9.5)
    embeds, steps, states = 220, 152, 84
    _draw_row_label(ax, embeds, "word_embeds", "(B, T−1, 100)")
    _draw_row_label(ax, states, "hidden_states", "(B, T−1, 300)")
    draw_box(ax, 104, steps, 76, 32, STATE, "h0, c0", 10)
    for step in range(4):
        x = LEFT + step * PITCH
        draw_arrow(ax, (x, 286), (x, embeds + 14))
        _draw_cell(ax, x, embeds, PITCH, "100", WORD)
        draw_arrow(ax, (x, embeds - 14), (x, steps + 18))
        draw_box(ax, x, steps, 56, 34, STATE, "LSTM", 10)
        draw_arrow(ax, (x - 53 if not step else x - PITCH + 29, steps), (x - 29, steps), colour=STATE.line)
        draw_arrow(ax, (x, steps - 18), (x, states + 14))
        _draw_cell(ax, x, states, PITCH, "300", STATE)
    draw_text(ax, 12, 42, "After “a” the decoder may say “cat”. It reads “dog” all the same,", 9.5, ha="left")
    draw_text(ax, 12, 22, "because the caption says so. This is teacher forcing.", 9.5, ha="left")
    return figure


def _logits():
    """Draws how hidden states of all captions and steps, in one row, become logits."""
    figure, ax = canvas(
        364, "All time steps stand in one row and get V logits each",
        "The hidden states of all captions and time steps are put into one long row. Each becomes 120 numbers, "
        "then V logits: one number for each word of the vocabulary.", width=NARROW)
    hues = np.repeat(range(2), 4)
    _draw_row_label(ax, 314, "hidden_states", "(B, T−1, 300)")
    for place, caption in enumerate(hues):
        _draw_cell(ax, 282 + place % 4 * FLAT_PITCH, 328 - CELL_HEIGHT * caption, FLAT_PITCH, "300",
                   CAPTION_HUES[caption])
    draw_arrow(ax, (357, 284), (357, 252))
    draw_text(ax, 370, 268, "one long row, dropout", ha="left")
    rows = [CAPTION_HUES[caption] for caption in hues]
    _draw_row_label(ax, 234, "flat_hidden_states", "(B·(T−1), 300)")
    _draw_flat_row(ax, 234, ["300"] * 8, rows)
    _draw_row_label(ax, 168, "bottleneck, elu", "(B·(T−1), 120)")
    _draw_flat_row(ax, 168, ["120"] * 8, rows)
    _draw_row_label(ax, 82, "flat_token_logits", "(B·(T−1), V)")
    shape = np.array([0.35, 0.2, 1, 0.5, 0.3, 0.7])
    for place, hue in enumerate(rows):
        x = FLAT_LEFT + (place + 0.5) * FLAT_PITCH
        draw_arrow(ax, (x, 219), (x, 183))
        draw_arrow(ax, (x, 153), (x, 117))
        draw_box(ax, x, 82, FLAT_PITCH - 4, 66, hue, rounding=4, linewidth=1)
        for bar, height in enumerate(50 * np.roll(shape, place)):
            ax.add_patch(Rectangle((x - 18 + 6 * bar, 57), 4.5, height, facecolor=hue.line, linewidth=0, zorder=3))
    draw_text(ax, 12, 24, "Each bar is the logit of one word. The figure shows 6 of V.", 9.5, ha="left")
    return figure


def _loss():
    """Draws the targets, and a mean loss without padding."""
    targets = [word for words in SENTENCES for word in words[1:]]
    mask = np.array([word != "#PAD#" for word in targets])
    total, count = LOSSES[mask].sum(), mask.sum()
    figure, ax = canvas(
        354, "Targets: all tokens but the first; #PAD# does not count",
        "All tokens of the captions but the first are the targets, in one long row. Cross-entropy compares each "
        f"with its logits. The mask is 0 where the target is #PAD#. Loss: {total:.1f} / {count} = "
        f"{total / count:.2f}.", width=NARROW)
    _draw_sentences(ax, 344, left_out=0)
    draw_text(ax, LEFT, 274, "no target", 9.5)
    draw_arrow(ax, (LEFT + 2.5 * PITCH, 284), (LEFT + 2.5 * PITCH, 252))
    words = [CAPTION_HUES[place // 4] if counts else EMPTY for place, counts in enumerate(mask)]
    numbers = [TARGET if counts else EMPTY for counts in mask]
    losses = map("{:.1f}".format, LOSSES)
    for y, name, shape, texts, hues in ((232, "flat_ground_truth", "(B·(T−1),)", targets, words),
                                        (172, "cross-entropy", "with the logits", losses, numbers),
                                        (112, "flat_loss_mask", "(B·(T−1),)", map(str, mask.astype(int)), numbers)):
        _draw_row_label(ax, y, name, shape)
        _draw_flat_row(ax, y, texts, hues)
    draw_text(ax, 12, 56, "loss = sum(mask · cross-entropy) / sum(mask)", 11, ha="left", weight="bold")
    draw_text(ax, 12, 30, f"= {total:.1f} / {count} = {total / count:.2f} nats per word", 11, ha="left", weight="bold")
    return figure


STEPS = {"states": _states, "words in": _words_in, "logits": _logits, "loss": _loss}


@own_style
def plot_decoder_step(step):
    """Plots one of the decoder's four steps in training.

    Args:
        step: "states" (from the photo to h0 and c0), "words in" (what the LSTM reads), "logits" (of all time steps in
            one row) or "loss" (targets, mask and mean).

    Returns:
        A Figure.

    Raises:
        ValueError: if there is no such step.
    """
    if step not in STEPS:
        raise ValueError(f"plot_decoder_step got {step!r}. The steps are {', '.join(map(repr, STEPS))}.")
    return STEPS[step]()
