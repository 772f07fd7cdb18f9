"""Captions in any script: figures take the machine's fonts, or say once what is missing."""

import os
import subprocess
import sys
import warnings

import numpy as np
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen

from captioning.figures.fonts import NO_LETTER, set_in_fonts
from captioning.figures.photo_grid import plot_photos
from captioning.figures.text import FONT, text_width, wrapped
from tests.helpers import ROOT

HINDI, CHINESE = "\u090f\u0915 \u0939\u093f\u0928\u094d\u0926\u0940", "\u4e00\u53ea\u732b"
THAI = "\u0e41\u0e21\u0e27\u0e1a\u0e19\u0e40\u0e2a\u0e37\u0e48\u0e2d"
PLOT = f"""
import warnings
import numpy as np
from captioning.figures.fonts import set_in_fonts
from captioning.figures.photo_grid import plot_photos
with warnings.catch_warnings(record=True) as warned:
    warnings.simplefilter("always")
    for _ in range(2):
        plot_photos([np.zeros((30, 40, 3), np.uint8)] * 3, [{HINDI!r}, {CHINESE!r}, {THAI!r} + " cat"])._repr_html_()
print(len([w for w in warned if "Glyph" in str(w.message)]), *sorted({{str(w.message) for w in warned}}), sep="\\n")
print(ascii(set_in_fonts({HINDI!r}, "DejaVu Sans")))
"""


def font_with(path, name, letters):
    """Writes a font in which each of these letters is a box as wide as it is high."""
    pen = TTGlyphPen(None)
    pen.moveTo((0, 0))
    for corner in ((0, 900), (900, 900), (900, 0)):
        pen.lineTo(corner)
    pen.closePath()
    names = [".notdef", *(f"u{ord(letter):x}" for letter in letters)]
    font = FontBuilder(1000, isTTF=True)
    font.setupGlyphOrder(names)
    font.setupCharacterMap({ord(letter): f"u{ord(letter):x}" for letter in letters})
    font.setupGlyf(dict.fromkeys(names, pen.glyph()))
    font.setupHorizontalMetrics(dict.fromkeys(names, (1000, 0)))
    font.setupHorizontalHeader(ascent=900, descent=-100)
    font.setupNameTable({"familyName": name, "styleName": "Regular"})
    font.setupOS2(sTypoAscender=900)
    font.setupPost()
    path.parent.mkdir(parents=True, exist_ok=True)
    font.save(path)


def plotted(home):
    """What a process whose fonts are in this home says of captions in three scripts."""
    fonts = {"HOME": str(home), "XDG_DATA_HOME": str(home / "share"), "PATH": "", "MPLCONFIGDIR": str(home / "cache"),
             "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", PLOT], env=os.environ | fonts, capture_output=True, text=True,
                          encoding="utf-8", cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines(), done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have fonts for these scripts")
def test_letters_that_no_font_has_are_said_once_for_each_script(tmp_path):
    (glyphs, *said, hindi), errors = plotted(tmp_path)
    scripts = [f"No font of this machine has some letters ({script}), so" for script in ("Cjk", "Devanagari", "Thai")]
    assert glyphs == "0" and [line[:len(script)] for line, script in zip(said, scripts, strict=True)] == scripts
    assert hindi == ascii((f"{NO_LETTER * 2} {NO_LETTER * 3}", ("DejaVu Sans",))) and "Glyph" not in errors


@pytest.mark.skipif(sys.platform != "linux", reason="other systems keep fonts elsewhere")
def test_letters_are_set_in_a_font_of_the_machine_that_has_them(tmp_path):
    font_with(tmp_path / "share" / "fonts" / "hindi.ttf", "Some Hindi", HINDI.replace(" ", "") + "a")
    font_with(tmp_path / "share" / "fonts" / "asian.ttf", "Some Asian", CHINESE + THAI)
    (tmp_path / "share" / "fonts" / "broken.ttf").write_bytes(b"no font")
    (glyphs, *said, hindi), _ = plotted(tmp_path)
    assert glyphs == "0" and said == [] and hindi == ascii((HINDI, ("DejaVu Sans", "Some Hindi")))


def test_latin_greek_and_cyrillic_stay_in_matplotlibs_font():
    for text in ("", "a cat", "\u00dcbung, \u201ccaf\u00e9\u201d \u2212", "\u03b3\u03ac\u03c4\u03b1", "\u043a"):
        assert set_in_fonts(text, FONT) == (text, (FONT,))


def test_no_line_begins_with_a_mark_of_the_letter_before():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        lines = wrapped("\u0939\u093f" * 12, text_width("\u0939\u0939\u0939\u0939", 9), 9)
        plot_photos([np.zeros((30, 40, 3), np.uint8)], ["\u0939\u093f" * 12])._repr_html_()
    assert len(lines) > 1 and all(line[0] == "\u0939" for line in lines) and "".join(lines) == "\u0939\u093f" * 12
