"""Text in figures, measured before it is drawn: how wide a line is, the size that fits, where lines break.

Widths are in units of 1/100 inch, sizes in points.
"""

from functools import lru_cache

from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextToPath

FONT, MONOSPACE = "DejaVu Sans", "DejaVu Sans Mono"     # come with matplotlib, so the layout is the same everywhere


@lru_cache(maxsize=4096)
def text_width(text, size, weight="normal", style="normal", family=FONT):
    """Width of one line in units; size in points."""
    font = FontProperties(family=family, size=size, weight=weight, style=style)
    return TextToPath().get_text_width_height_descent(text, font, ismath=False)[0] * 100 / 72


def fitted(text, width, size, weight="normal"):
    """The font size, at most `size`, with which the text is no wider than `width`."""
    return size * min(1, width / max(text_width(text, size, weight), 1))


def wrapped(line, width, size, **font):
    """Lines no wider than `width` units; a word wider than that is cut. font: as of `text_width`."""
    lines = [""]
    for word in line.split():
        longer = f"{lines[-1]} {word}".strip()
        if text_width(longer, size, **font) <= width:
            lines[-1] = longer
            continue
        if lines[-1]:
            lines.append("")
        for letter in word:
            if lines[-1] and text_width(lines[-1] + letter, size, **font) > width:
                lines.append("")
            lines[-1] += letter
    return lines
