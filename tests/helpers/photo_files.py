"""Photos, zips of photos, and a quick encoder for tests."""

import io
import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

from captioning.datasets.photo_zip import PhotoZip
from captioning.datasets.splits import Split
from captioning.encoder.batches import EMBED_BATCH
from captioning.photos.crop import IMG_SIZE

COLOURS = ((220, 30, 30), (30, 200, 40), (40, 60, 220), (240, 220, 50))     # of the four quarters, row by row


def encoded(image: Image.Image, kind="JPEG", **options) -> bytes:
    """The bytes of an image file. options: those of Image.save."""
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def plain(mode="RGB", size=(320, 300), colour=(200, 40, 40)) -> Image.Image:
    """An image of one colour."""
    return Image.new("RGB", size, colour).convert(mode)


def quarters(side=320, colours=COLOURS) -> np.ndarray:
    """(side, side, 3) uint8: a square of four colours."""
    half = np.asarray(colours, np.uint8).reshape(2, 2, 3)
    return half.repeat(side // 2, axis=0).repeat(side // 2, axis=1)


def quarters_of(photo) -> np.ndarray:
    """(4, 3) mean colours of the quarters of a picture, without their edges."""
    pixels = np.asarray(photo, float)
    rows, columns = pixels.shape[0] // 2, pixels.shape[1] // 2
    inner = [pixels[top + rows // 8:top + rows - rows // 8, left + columns // 8:left + columns - columns // 8]
             for top in (0, rows) for left in (0, columns)]
    return np.array([quarter.mean(axis=(0, 1)) for quarter in inner])


def png(width, height, bits, colour_type, rows: bytes, *chunks) -> bytes:
    """A PNG written without Pillow.

    Args:
        width: in pixels.
        height: in pixels.
        bits: of a sample.
        colour_type: as PNG numbers them.
        rows: the pixels, with a filter byte before each row.
        *chunks: (type, content) of chunks before the pixels.

    Returns:
        The bytes of the file.
    """
    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, bits, colour_type, 0, 0, 0)
    parts = [(b"IHDR", header), *chunks, (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


def photo_zip(path, photos: dict, **options) -> Path:
    """A zip with these photos, {name: bytes}. options: those of zipfile.ZipFile."""
    with zipfile.ZipFile(path, "w", **options) as archive:
        for name, raw in photos.items():
            archive.writestr(f"train2014/{name}", raw)
    return Path(path)


def coloured_zip(path, count=40, bad=(), size=(320, 300)):
    """A zip with photos 000.jpg, 001.jpg and so on, from green to red. Those in `bad` can't be decoded."""
    colours = [(i * 5 % 256, 255 - i * 5 % 256, 0) for i in range(count)]
    return photo_zip(path, {
        f"{i:03d}.jpg": b"broken" if i in bad else encoded(plain(size=size, colour=c)) for i, c in enumerate(colours)})


def split_of(path) -> Split:
    """All photos of a zip as a split, each with one caption."""
    with PhotoZip(path) as photos:
        names = photos.names
    return Split("train", Path(path), names, [["a photo"]] * len(names), list(range(len(names))))


class MeanColour:
    """A quick encoder: an embedding repeats the photo's mean colour, plus one."""

    recipe = {"encoder": "mean colour", "weights": "none", "precision": "float32"}
    size, width = IMG_SIZE, 2048

    def __call__(self, photos):
        """(B, 2048) float32 of (B, 299, 299, 3) uint8."""
        assert photos.shape == (EMBED_BATCH, self.size, self.size, 3) and photos.dtype == np.uint8
        means = photos[:, ::9, ::9].mean(axis=(1, 2), dtype=np.float32) / 255 + 1
        return np.tile(means, self.width // 3 + 1)[:, :self.width]
