"""Text in figures, measured before it is drawn: the width of a line, the size that fits, where lines break.

Widths are in units of 1/100 inch, font sizes in points.
"""

import unicodedata
from functools import lru_cache

from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextToPath

from captioning.figures.fonts import set_in_fonts

FONT, MONOSPACE = "DejaVu Sans", "DejaVu Sans Mono"     # matplotlib has both: same layout everywhere


@lru_cache(maxsize=4096)
def text_width(text, size, weight="normal", style="normal", family=FONT):
    """Measures one line of text.

    Args:
        text: the line.
        size: font size in points.
        weight: as matplotlib names it: "normal" or "bold".
        style: "normal" or "italic".
        family: name of the font.

    Returns:
        Its width in units.
    """
    text, families = set_in_fonts(text, family)
    font = FontProperties(family=families, size=size, weight=weight, style=style)
    return TextToPath().get_text_width_height_descent(text, font, ismath=False)[0] * 100 / 72


def fitted(text, width, size, weight="normal"):
    """Finds the font size with which a line fits.

    Args:
        text: the line.
        width: space for it in units.
        size: the largest font size in points.
        weight: as for `text_width`.

    Returns:
        The font size in points.
    """
    return size * min(1, width / max(text_width(text, size, weight), 1))


def wrapped(line, width, size, **font):
    """Breaks a text into lines. A word that is wider than a line is cut.

    Args:
        line: the text.
        width: of the lines, in units.
        size: font size in points.
        **font: weight, style and family, as for `text_width`.

    Returns:
        The lines, one or more; an empty text is one empty line.
    """
    lines = [""]
    for word in line.split():
        longer = f"{lines[-1]} {word}".strip()
        if text_width(longer, size, **font) <= width:
            lines[-1] = longer
            continue
        if lines[-1]:
            lines.append("")
        for letter in word:
            mark = unicodedata.category(letter)[0] == "M"       # belongs to the letter before
            if lines[-1] and not mark and text_width(lines[-1] + letter, size, **font) > width:
                lines.append("")
            lines[-1] += letter
    return lines
