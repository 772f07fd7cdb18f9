"""Photos in figures and pages: as pixels, as a data URL, and how they fill a box."""

import io
from base64 import b64encode

import numpy as np
from PIL import Image


def as_rgb(photo, largest):
    """Converts a photo to RGB pixels and scales a large one down.

    Args:
        photo: PIL image or uint8 array (H, W), (H, W, 1), (H, W, 3) or (H, W, 4).
        largest: longest side of the result in pixels.

    Returns:
        uint8 array (H, W, 3).

    Raises:
        ValueError: if an array has another shape or dtype.
    """
    if not isinstance(photo, Image.Image):
        pixels = np.asarray(photo)
        channels = pixels.shape[2:]
        if (pixels.dtype != np.uint8 or pixels.ndim < 2 or 0 in pixels.shape
                or channels not in ((), (1,), (3,), (4,))):
            raise ValueError(
                f"The photo is an array {pixels.shape} of {pixels.dtype}. Expected a PIL image or a uint8 array "
                "(H, W, 3). For values from 0 to 1: (255 * photo).astype('uint8')."
            )
        photo = Image.fromarray(pixels[..., 0] if channels == (1,) else pixels)
    photo = photo.convert("RGB")
    photo.thumbnail((largest, largest), Image.Resampling.LANCZOS)
    return np.asarray(photo)


def jpeg_data_url(photo: Image.Image, **options) -> str:
    """Encodes a photo as a JPEG in a data URL, without its metadata.

    Args:
        photo: RGB image.
        **options: for Pillow's JPEG writer, such as quality.

    Returns:
        The URL.
    """
    jpeg = io.BytesIO()
    photo.save(jpeg, "JPEG", comment=b"", **options)        # else Pillow writes the comment that the photo came with
    return data_url("jpeg", jpeg.getvalue())


def data_url(kind: str, picture: bytes) -> str:
    """Returns the data URL of an encoded picture. kind: "jpeg", "png" or "webp"."""
    return f"data:image/{kind};base64,{b64encode(picture).decode('ascii')}"


def fills_box(photo: Image.Image) -> bool:
    """Says whether a photo fills a 4:3 box when no more than an eighth of its width or height is cut off."""
    return 7 / 8 <= photo.width / photo.height / (4 / 3) <= 8 / 7


def mean_colour(photo: Image.Image) -> str:
    """Returns the mean colour of a photo as #rrggbb, for the parts of a box that the photo leaves empty."""
    return "#{:02x}{:02x}{:02x}".format(*photo.resize((1, 1), Image.Resampling.BOX).getpixel((0, 0)))
