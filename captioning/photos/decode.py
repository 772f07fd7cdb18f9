"""Decodes photos, within limits on time and memory.

The limits on pixels are here; the limit on the bytes of a photo's file is MAX_PHOTO_BYTES in datasets/photo_zip.py.
"""

import contextlib
import io
import warnings

import numpy as np
from PIL import Image, ImageOps, PngImagePlugin

from captioning.datasets.photo_zip import PHOTO_STARTS, BadPhoto
from captioning.photos.crop import IMG_SIZE

PHOTO_FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF")     # no EPS: Pillow would run Ghostscript
MAX_PIXELS = 64_000_000             # of a photo in memory; a larger one is refused before it is decoded
MAX_SCANNED_PIXELS = 1_000_000_000  # in a progressive JPEG: pixels times passes over them

# Programs for photos write more than Pillow's 1 MiB of text into a part of a PNG. All parts together keep their limit.
PngImagePlugin.MAX_TEXT_CHUNK = PngImagePlugin.MAX_TEXT_MEMORY

# Pillow's warnings about odd photos do not help learners. The filter holds for the whole process, because filters can't
# be set for one thread.
warnings.filterwarnings("ignore", module=r"PIL\.")


def decode_photo(raw: bytes) -> Image.Image:
    """Decodes a photo as a person would see it: turned as its EXIF says, white where it is transparent.

    An animation gives its first frame. A large JPEG is scaled down, but not below 2 * IMG_SIZE.

    Args:
        raw: the bytes of the photo's file, in one of PHOTO_FORMATS.

    Returns:
        An RGB image of 8 bits.

    Raises:
        BadPhoto: if it can't be decoded, or would take too much memory or time. The message is the reason.
    """
    try:
        image = Image.open(io.BytesIO(raw), formats=PHOTO_FORMATS)
        _bound(image, raw)
        image.load()
        with contextlib.suppress(Exception):            # a damaged EXIF block costs only the turn
            ImageOps.exif_transpose(image, in_place=True)
        return _as_rgb(image)
    except BadPhoto:
        raise
    except Image.UnidentifiedImageError:
        raise BadPhoto(_what_it_is(raw)) from None
    except Image.DecompressionBombError:                # Pillow's own limit, which holds for JPEGs too
        raise BadPhoto("has too many pixels to be decoded") from None
    except Exception as error:      # Pillow's plugins raise many kinds: OSError, SyntaxError, struct.error, ...
        raise BadPhoto(f"can't be decoded: {error or type(error).__name__}") from None


def _what_it_is(raw: bytes) -> str:
    """Why these bytes are no photo of PHOTO_FORMATS."""
    if not raw:
        return "is empty"
    if raw[4:8] == b"ftyp":                             # how HEIC, AVIF and films begin
        return "is HEIC (as from an iPhone), AVIF or a film; save it as JPEG"
    if PHOTO_STARTS.match(raw):
        return "begins as a photo does, but the rest of its header is damaged"
    return "is not a photo (JPEG, PNG, GIF, WebP, BMP or TIFF)"


def _bound(image: Image.Image, raw: bytes):
    """Lets libjpeg scale a large JPEG down; raises BadPhoto for what would still take too much to decode.

    Pillow has read only the headers so far.
    """
    width, height = held = image.size
    image.draft("RGB", (2 * IMG_SIZE, 2 * IMG_SIZE))
    if not image.info.get("progressive"):
        held = image.size
    elif (passes := raw.count(b"\xff\xda")) * width * height > MAX_SCANNED_PIXELS:    # these bytes begin a pass
        raise BadPhoto(f"{width} x {height} pixels in {passes:,} passes would take too long to decode")
    if held[0] * held[1] > MAX_PIXELS:                  # libjpeg holds a progressive JPEG in full size
        raise BadPhoto(f"{width} x {height} pixels are too many, more than {MAX_PIXELS:,}")


def _as_rgb(image: Image.Image) -> Image.Image:
    """The image in RGB, 8 bits, on white."""
    if image.mode.startswith("I;16"):                   # Pillow would cut values off at 255
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if image.mode in ("I", "F"):
        raise BadPhoto("holds values of 32 bits; expected 8 or 16")
    if not image.has_transparency_data:
        return image.convert("RGB")
    if image.mode != "RGBA":                            # not copied: a photo of MAX_PIXELS takes 256 MB
        image = image.convert("RGBA")
    seen = Image.new("RGB", image.size, "white")
    seen.paste(image, mask=image.getchannel("A"))
    return seen


def readable_photos(photos, names, count: int) -> dict[str, Image.Image]:
    """The first photos that can be decoded, to look at.

    Args:
        photos: gives a photo's bytes: `photos.read(name)`.
        names: of the photos, in the order to try them.
        count: how many to return.

    Returns:
        Decoded photos by name, `count` or as many as there are.
    """
    found = {}
    for name in names:
        if len(found) == count:
            break
        with contextlib.suppress(BadPhoto):
            found[name] = decode_photo(photos.read(name))
    return found
