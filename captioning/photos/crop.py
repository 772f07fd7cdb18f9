"""The square of a photo that the encoder sees."""

import numpy as np
from PIL import Image

IMG_SIZE = 299                      # pixels: side of the square that InceptionV3 sees


def center_crop(image: Image.Image, size: int = IMG_SIZE) -> np.ndarray:
    """Cuts out the largest centred square and scales it.

    Args:
        image: an RGB photo.
        size: side of the result, in pixels.

    Returns:
        (size, size, 3) uint8.
    """
    side = min(image.size)
    left, top = (image.width - side) / 2, (image.height - side) / 2
    square = image.resize((size, size), Image.Resampling.BICUBIC, box=(left, top, left + side, top + side))
    return np.asarray(square, np.uint8)
