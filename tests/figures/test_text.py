"""Text of figures: lines are as wide as they may be, and nothing gets lost."""

import numpy as np
import pytest

from captioning.figures.text import MONOSPACE, fitted, text_width, wrapped

TEXT = "a red kite above the beach and a Donaudampfschifffahrtsgesellschaft in the distance"


@pytest.mark.parametrize("font", [{}, {"weight": "bold"}, {"style": "italic"}, {"family": MONOSPACE}])
@pytest.mark.parametrize("width", [60, 150, 400])
def test_lines_fit_keep_every_letter_and_take_the_next_word_if_there_is_room(width, font):
    lines = wrapped(TEXT, width, 9.5, **font)
    assert all(text_width(line, 9.5, **font) <= width for line in lines)
    assert "".join(lines).replace(" ", "") == TEXT.replace(" ", "")
    for line, following in zip(lines, lines[1:]):
        if f" {following.split()[0]} " in TEXT:                 # a whole word, not a part of a long one
            assert text_width(f"{line} {following.split()[0]}", 9.5, **font) > width


def test_a_line_has_one_letter_even_if_it_is_too_wide():
    assert wrapped("WW", 1, 9.5) == ["W", "W"]
    assert wrapped("", 100, 9.5) == [""]


def test_the_font_changes_the_width():
    assert text_width("iii", 9, family=MONOSPACE) == pytest.approx(text_width("WWW", 9, family=MONOSPACE))
    assert text_width("iii", 9) < text_width("iii", 9, "bold") < text_width("WWW", 9)


def test_a_text_is_made_smaller_until_it_fits_and_never_larger():
    size = fitted(TEXT, 200, 12)
    assert text_width(TEXT, size) == pytest.approx(200, rel=0.01)
    assert fitted("a", 200, 12) == 12
    assert np.isfinite(fitted("", 200, 12))
