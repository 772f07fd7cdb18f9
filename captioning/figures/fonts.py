"""Fonts for letters beyond those of matplotlib's own: those of Hindi, Chinese or Thai captions, for example."""

import unicodedata
import warnings
from functools import cache, lru_cache
from pathlib import Path

from matplotlib.font_manager import FontProperties, findfont, findSystemFonts, fontManager
from matplotlib.ft2font import FT2Font

NO_LETTER = "\N{WHITE SQUARE}"      # shown for a letter that no font has


@lru_cache(maxsize=4096)
def set_in_fonts(text: str, family: str) -> tuple[str, tuple[str, ...]]:
    """Finds the fonts for a text.

    Args:
        text: one line.
        family: name of the font to use where it has the letters.

    Returns:
        The text, with □ for letters that no font of this machine has, and the names of its fonts. A warning says which
        letters these are, once for each script.
    """
    missing, families = _lacking(text, family), [family]
    while missing and (best := max(_others(family), key=lambda font: len(missing & font[1]), default=None)):
        if not missing & best[1]:
            break
        families.append(_added(best[0]))
        missing -= best[1]
    for letter in sorted(missing):
        _warn_of(_script(letter))
    shown = "".join(_substitute(letter) if ord(letter) in missing else letter for letter in text)
    return shown, tuple(families)


def _lacking(text, family) -> frozenset[int]:
    """The codes of the letters that a font lacks."""
    if text.isascii():
        return frozenset()
    return frozenset(ord(letter) for letter in text if letter.isprintable() and not letter.isspace()) - _own(family)


@cache
def _own(family) -> frozenset[int]:
    """The codes that a font of matplotlib has."""
    return _codes(findfont(FontProperties(family=family)))


@cache
def _others(family) -> list[tuple[str, frozenset[int]]]:
    """The machine's fonts, by path, each with the codes that it has and `family` lacks."""
    # matplotlib's own list is from the day on which it was first used, so it lacks newer fonts.
    fonts = [(path, _codes(path) - _own(family)) for path in sorted(findSystemFonts())]
    return [(path, codes) for path, codes in fonts if codes]


def _codes(path) -> frozenset[int]:
    """The codes of the letters that a font's file has; none if matplotlib can't draw them."""
    try:
        font = FT2Font(str(path))
        upright = not {"bold", "italic", "oblique"} & set(font.style_name.lower().split())
        return frozenset(font.get_charmap()) if font.scalable and upright else frozenset()
    except (OSError, RuntimeError, ValueError):         # a damaged file, or one in an odd format
        return frozenset()


@cache
def _added(path: str) -> str:
    """Makes a font known to matplotlib, and returns its name."""
    fontManager.addfont(Path(path))
    return FT2Font(path).family_name


def _script(code: int) -> str:
    """A word for the letters that are like this one: "Devanagari" for those of Hindi."""
    kind, name = unicodedata.category(chr(code))[0], unicodedata.name(chr(code), "UNKNOWN")
    return name.split()[0].capitalize() if kind in "LM" else "symbols"


def _substitute(letter: str) -> str:
    """What is shown for a letter that no font has: nothing for a mark on another letter."""
    return "" if unicodedata.category(letter)[0] in "MC" else NO_LETTER


@cache
def _warn_of(script: str):
    """Warns of letters that no font has, once for each script."""
    warnings.warn(f"No font of this machine has some letters ({script}), so figures show {NO_LETTER} in their place. "
                  "Install a font that has them, for instance a Noto font, and restart the kernel. The gallery's page "
                  "shows them in the browser's fonts.", stacklevel=2)
