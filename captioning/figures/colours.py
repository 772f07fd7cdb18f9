"""The colours of figures, readable on white and on JupyterLab's dark page (#111).

Figures are transparent, so text and lines on the page are mid-tones. Their contrast with both pages is 4.3; no colour
can have more than 4.35 with both. Text in a pale box is dark, whatever the page.
"""

from typing import NamedTuple

TEXT = "#6D7B89"            # of text and arrows on the page
DARK_TEXT = "#1F2933"       # of text in pale boxes
RULE = "#80808066"          # see-through grey: of thin lines
SHADE = "#80808026"         # see-through grey: of areas without text


class Hue(NamedTuple):
    """The colours of one role.

    Attributes:
        line: of lines, and of text on the page.
        fill: of boxes; "none" for see-through ones.
        text: of text in boxes.
    """

    line: str
    fill: str
    text: str = DARK_TEXT


# The colours of Okabe and Ito, which colour-blind readers can tell apart, each as light as the contrast asks.
IMAGE = Hue("#007FC6", "#DCECF7")
STATE = Hue("#B35A93", "#F6E4EF")
WORD = Hue("#008A66", "#DAF1E9")
TARGET = Hue("#A56E00", "#FDF0D0")
WRONG = Hue("#C85800", "#FCE5D6")
EMPTY = Hue(TEXT, "none", TEXT)
