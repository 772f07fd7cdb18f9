"""Photos in figures and pages: as pixels, as a data URL, and how they fill a box."""

import io
from base64 import b64encode

import numpy as np
from PIL import Image


def as_rgb(photo, largest):
    """uint8 array (H, W, 3) of a PIL image or an array, made smaller so that no side is longer than `largest`."""
    if not isinstance(photo, Image.Image):
        pixels = np.asarray(photo)
        channels = pixels.shape[2:]
        if (pixels.dtype != np.uint8 or pixels.ndim < 2 or 0 in pixels.shape
                or channels not in ((), (1,), (3,), (4,))):
            raise ValueError(f"A photo must be a PIL image or a uint8 array (H, W, 3), not {pixels.dtype} "
                             f"{pixels.shape}. For values from 0 to 1: (255 * photo).astype('uint8').")
        photo = Image.fromarray(pixels[..., 0] if channels == (1,) else pixels)
    photo = photo.convert("RGB")
    photo.thumbnail((largest, largest), Image.Resampling.LANCZOS)
    return np.asarray(photo)


def jpeg_data_url(photo: Image.Image, **options) -> str:
    """The photo as a JPEG in a data URL, without its metadata. options: of Pillow's JPEG writer."""
    jpeg = io.BytesIO()
    photo.save(jpeg, "JPEG", comment=b"", **options)        # Pillow would write the photo's own comment
    return f"data:image/jpeg;base64,{b64encode(jpeg.getvalue()).decode('ascii')}"


def fills_box(photo: Image.Image) -> bool:
    """Whether the photo fills a 4:3 box at the price of an eighth of its width or height at most."""
    return 7 / 8 <= photo.width / photo.height / (4 / 3) <= 8 / 7


def mean_colour(photo: Image.Image) -> str:
    """The photo's mean colour as #rrggbb: a quiet ground for what is left of its box."""
    return "#{:02x}{:02x}{:02x}".format(*photo.resize((1, 1), Image.Resampling.BOX).getpixel((0, 0)))
