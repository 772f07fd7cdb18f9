"""HTML from templates with autoescape: text from outside always shows as text."""

import re
from pathlib import Path

import jinja2

# Control characters and halves of surrogate pairs, which UTF-8 and HTML can't hold.
UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


def printable(text: str) -> str:
    """The text with U+FFFD for each character that UTF-8 or HTML can't hold (odd zips have some)."""
    return UNPRINTABLE.sub("\ufffd", text)


_templates = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=jinja2.StrictUndefined,
    trim_blocks=True, lstrip_blocks=True,
    finalize=lambda value: printable(value) if isinstance(value, str) and not hasattr(value, "__html__") else value,
)


def render(template: str, **values) -> str:
    """The HTML of a template.

    Args:
        template: path of the template below this package, such as "gallery/gallery.html.j2".
        **values: what the template names. Strings are escaped.

    Returns:
        The page or fragment.
    """
    return _templates.get_template(template).render(**values)
