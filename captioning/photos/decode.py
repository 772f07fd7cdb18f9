"""Photos in: decoded within limits, as they should be seen."""

import contextlib
import io
import os
import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from captioning.datasets.photo_zip import MAX_PHOTO_BYTES, BadPhoto
from captioning.photos.crop import IMG_SIZE

PHOTO_FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF")     # no EPS, which would start another program
MAX_PIXELS = 64_000_000             # of a photo in memory; larger ones are skipped before they are decoded
MAX_SCANNED_PIXELS = 1_000_000_000  # pixels times passes over them, in a progressive JPEG

# Pillow's warnings of odd photos help no learner. For all the process, since filters are not kept apart for threads.
warnings.filterwarnings("ignore", module=r"PIL\.")


def decode_photo(raw: bytes) -> Image.Image:
    """The photo as it should be seen: RGB, 8 bits, turned as its EXIF says, white where it is transparent.

    Of an animation it is the first frame. Large JPEGs come scaled down, but not below 2 * IMG_SIZE.
    Raises BadPhoto with the reason.
    """
    try:
        image = Image.open(io.BytesIO(raw), formats=PHOTO_FORMATS)
        _bound(image, raw)
        image.load()
        with contextlib.suppress(Exception):            # what else is wrong with an EXIF block does not matter
            ImageOps.exif_transpose(image, in_place=True)
        return _as_rgb(image)
    except BadPhoto:
        raise
    except Image.UnidentifiedImageError:
        raise BadPhoto("is no photo (JPEG, PNG, GIF, WebP, BMP or TIFF)" if raw else "is empty") from None
    except Image.DecompressionBombError:                # Pillow's own limit, which holds for JPEGs too
        raise BadPhoto("has too many pixels to be decoded") from None
    except Exception as error:      # Pillow's plugins raise many kinds: OSError, SyntaxError, struct.error, ...
        raise BadPhoto(f"can't be decoded: {error or type(error).__name__}") from None


def read_photo_file(path) -> bytes:
    """The bytes of a photo's file, for decode_photo. Raises BadPhoto with the reason."""
    path = Path(os.path.expanduser(path))
    try:
        if not os.path.isfile(path):                    # a pipe, say, would be waited for
            raise BadPhoto("is no file" if os.path.exists(path) else "is not there")
        if path.stat().st_size > MAX_PHOTO_BYTES:
            raise BadPhoto(f"has {path.stat().st_size:,} bytes, more than {MAX_PHOTO_BYTES:,}")
        return path.read_bytes()
    except OSError as error:
        raise BadPhoto(f"can't be read: {error.strerror or error}") from None


def _bound(image: Image.Image, raw: bytes):
    """Has libjpeg scale a large JPEG down while it reads it; refuses what would still take too much to decode.

    Raises BadPhoto. Has read no more than headers.
    """
    width, height = held = image.size
    image.draft("RGB", (2 * IMG_SIZE, 2 * IMG_SIZE))
    if not image.info.get("progressive"):
        held = image.size
    elif (passes := raw.count(b"\xff\xda")) * width * height > MAX_SCANNED_PIXELS:    # marks before each pass
        raise BadPhoto(f"{width} x {height} pixels in {passes:,} passes would take too long to decode")
    if held[0] * held[1] > MAX_PIXELS:                  # of a progressive JPEG, libjpeg holds all of it
        raise BadPhoto(f"{width} x {height} pixels are too many, more than {MAX_PIXELS:,}")


def _as_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I;16"):                   # Pillow would cut values off at 255
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if image.mode in ("I", "F"):
        raise BadPhoto("holds values of 32 bits; expected 8 or 16")
    if not image.has_transparency_data:
        return image.convert("RGB")
    if image.mode != "RGBA":                            # a photo of the largest size takes 256 MB, so it is not copied
        image = image.convert("RGBA")
    seen = Image.new("RGB", image.size, "white")
    seen.paste(image, mask=image.getchannel("A"))
    return seen
