"""The gallery that peers review: good and bad captions beside their photos, as a figure and as one HTML file.

    good = [Example("a.jpg", photo, ["a", "dog"], references=["A dog on a beach."], score=1.2)]
    gallery_figure(good, bad)
    write_gallery("outputs/gallery.html", good, bad, title="My captions", scores=scores)
"""

import base64
import errno
import io
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import jinja2
from PIL import Image

from captioning.gallery.examples import Example, _fills_box, _mean_colour, _printable
from captioning.gallery.proposals import REASONS
from captioning.scoring.metrics import SCALE
from captioning.scoring.scores import Scores
from captioning.storage import files

PHOTO_SIDE = 800            # pixels of a photo's longer side on the page: sharp at a card's width, 50 to 120 kB each
JPEG_QUALITY = 82
METRIC_MEANINGS = {
    "CIDEr": "agreement with what people wrote, rare words counting more",
    "BLEU-4": "runs of up to four words that a person wrote too",
    "BLEU-1": "single words that a person wrote too",
    "ROUGE-L": "longest shared sequence of words",
}
_page = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent),
    autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True,
    finalize=lambda value: _printable(value) if isinstance(value, str) else value,
)


def write_gallery(
    path,
    good: Sequence[Example],
    bad: Sequence[Example],
    title: str = "Image captions: what the model gets right and wrong",
    about: str = "",
    scores: Scores | None = None,
    baselines: Mapping[str, Scores] | None = None,
) -> Path:
    """Writes the gallery as one HTML file that needs nothing else, and returns its path.

    Photos are embedded as JPEG of at most 800 pixels a side, without their metadata (a phone's photo says where it was
    taken). Everything from outside shows as text. The file is written aside and takes its name when whole.

    about: a paragraph on who made it and how. scores: shown in the header; baselines: label -> Scores, shown as bars
    beside the CIDEr of `scores`.
    Raises ValueError for no examples at all or a photo that can't be decoded, OSError naming the path when it can't be
    written (the file that was there before is then untouched).
    """
    path = Path(path)
    if not good and not bad:
        raise ValueError("A gallery needs examples: both lists are empty.")
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, "is a folder: give the page a file name such as gallery.html", str(path))
    compared = {"This model": scores, **(baselines or {})} if scores else {}
    files.write_text(path, _page.get_template("gallery.html.j2").render(
        title=title,
        about=about,
        sections=[section for section in (_section("good", good), _section("bad", bad)) if section["cards"]],
        scores=scores,
        meanings=METRIC_MEANINGS,
        scale=SCALE,
        compared=[{"label": label, "cider": row["CIDEr"]} for label, row in compared.items()] if baselines else [],
        widest=max([row["CIDEr"] for row in compared.values()], default=1) or 1,
        shaded=any(example.word_probabilities is not None for example in (*good, *bad)),
    ))
    return path


def _section(kind: str, examples: Sequence[Example]) -> dict:
    """What the template needs of the good or the bad examples."""
    reasons = Counter(example.reason for example in examples if example.reason in REASONS)
    others = sum(bool(example.reason) for example in examples) - reasons.total()
    return {"kind": kind, "cards": [_card(example) for example in examples],
            "reasons": reasons.most_common() + [("another reason", others)] * bool(reasons and others)}


def _card(example: Example) -> dict:
    image = example.image
    image.thumbnail((PHOTO_SIDE, PHOTO_SIDE), Image.Resampling.LANCZOS)
    written = example.written
    probabilities = example.word_probabilities or [None] * len(example.caption)
    return {
        "photo": _data_uri(image), "width": image.width, "height": image.height,
        "ground": _mean_colour(image), "fills": _fills_box(image),
        "alt": written[0] if written else "",
        "name": example.name,
        "words": [{"text": word, "percent": None if probability is None else round(100 * probability)}
                  for word, probability in zip(example.caption, probabilities, strict=True)],
        "shaded": bool(example.word_probabilities),
        "own": example.own,
        "score": example.score,
        "confidence": example.confidence,
        "references": written,
        "reason": example.reason,
        "explanation": REASONS.get(example.reason, ""),
    }


def _data_uri(image: Image.Image) -> str:
    encoded = io.BytesIO()
    image.save(encoded, "JPEG", quality=JPEG_QUALITY, optimize=True, comment=b"")   # else the photo's own goes along
    return f"data:image/jpeg;base64,{base64.b64encode(encoded.getvalue()).decode('ascii')}"
