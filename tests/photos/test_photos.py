"""Each photo is decoded as a person sees it, or refused with a reason, in bounded time and memory."""

import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest
from PIL import Image

from captioning.datasets import photo_folder
from captioning.datasets.photo_folder import read_photo_file
from captioning.datasets.photo_zip import BadPhoto
from captioning.photos.crop import center_crop
from captioning.photos.decode import MAX_PIXELS, decode_photo
from tests.helpers.photo_files import COLOURS, encoded, plain, png, quarters, quarters_of


def seen(raw: bytes) -> np.ndarray:
    """(4, 3) mean colours of the quarters, as the encoder sees a photo."""
    return quarters_of(center_crop(decode_photo(raw)))


@pytest.mark.parametrize("kind, mode, options", [
    ("JPEG", "RGB", {}), ("JPEG", "RGB", {"progressive": True}), ("JPEG", "RGB", {"subsampling": 0}),
    ("JPEG", "YCbCr", {}), ("PNG", "RGB", {}), ("PNG", "RGBA", {}), ("PNG", "P", {}), ("GIF", "P", {}),
    ("WEBP", "RGB", {}), ("WEBP", "RGBA", {"lossless": True}), ("BMP", "RGB", {}), ("BMP", "P", {}),
    ("TIFF", "RGB", {}), ("TIFF", "CMYK", {}), ("TIFF", "P", {"compression": "tiff_lzw"}),
    ("TIFF", "RGB", {"compression": "jpeg"}),
])
def test_every_usual_kind_of_photo_is_read_in_its_colours(kind, mode, options):
    photo = Image.fromarray(quarters()).convert(mode)
    assert np.abs(seen(encoded(photo, kind, **options)) - COLOURS).max() < 12


@pytest.mark.parametrize("kind, mode", [
    ("JPEG", "L"), ("PNG", "L"), ("PNG", "LA"), ("PNG", "1"), ("GIF", "L"), ("TIFF", "1")])
def test_grey_photos_keep_their_greys(kind, mode):
    greys = (0, 255, 255, 0) if mode == "1" else (0, 90, 180, 255)
    photo = Image.fromarray(quarters(colours=np.repeat(greys, 3).reshape(4, 3))).convert(mode)
    assert np.abs(seen(encoded(photo, kind)) - np.array(greys)[:, None]).max() < 3


def test_inks_of_a_cmyk_jpeg_come_out_as_printed():
    """Pillow writes CMYK as Photoshop does: inverted, and marked so."""
    inks = ((255, 0, 0, 0), (0, 255, 0, 0), (0, 0, 255, 0), (0, 0, 0, 255))
    raw = encoded(Image.fromarray(np.array(inks, np.uint8).reshape(2, 2, 4).repeat(160, 0).repeat(160, 1), "CMYK"))
    assert b"Adobe" in raw[:200]
    assert np.abs(seen(raw) - ((0, 255, 255), (255, 0, 255), (255, 255, 0), (0, 0, 0))).max() < 8


def test_sixteen_bits_keep_their_greys_and_colours():
    deep = quarters().astype(">u2") * 257
    rows = b"".join(b"\0" + row.tobytes() for row in deep)
    assert np.abs(seen(png(320, 320, 16, 2, rows)) - COLOURS).max() < 2
    grey = np.arange(320 * 320, dtype=np.float32).reshape(320, 320) * 65_535 / 320**2
    rows = b"".join(b"\0" + row.tobytes() for row in grey.astype(">u2"))
    crop = center_crop(decode_photo(png(320, 320, 16, 0, rows)))
    wanted = center_crop(Image.fromarray((grey / 257).astype(np.uint8)).convert("RGB"))
    assert np.abs(crop.astype(int) - wanted).max() <= 2
    little_endian = encoded(Image.fromarray(grey.astype("<u2")), "TIFF")
    assert np.array_equal(center_crop(decode_photo(little_endian)), crop)


def test_values_of_thirty_two_bits_are_refused():
    with pytest.raises(BadPhoto, match="32 bits; expected 8 or 16"):
        decode_photo(encoded(Image.new("F", (30, 30), 0.5), "TIFF"))


def test_what_is_transparent_is_seen_white():
    colours = np.dstack([quarters(), np.repeat((0, 255, 128, 255), 160 * 160).reshape(2, 2, 160, 160)
                         .swapaxes(1, 2).reshape(320, 320).astype(np.uint8)])
    wanted = np.array(COLOURS, float)
    wanted[0], wanted[2] = 255, wanted[2] * 128 / 255 + 127
    for kind, options in (("PNG", {}), ("WEBP", {"lossless": True, "exact": True}), ("TIFF", {})):
        assert np.abs(seen(encoded(Image.fromarray(colours), kind, **options)) - wanted).max() < 2, kind

    palette = Image.fromarray(quarters()).quantize(4)
    hidden = palette.getpixel((0, 0))
    for kind in ("PNG", "GIF"):
        found = seen(encoded(palette, kind, transparency=hidden))
        assert np.abs(found[0] - 255).max() < 2 and np.abs(found[1:] - COLOURS[1:]).max() < 8, kind


TURNS = {1: lambda a: a, 2: lambda a: a[:, ::-1], 3: lambda a: a[::-1, ::-1], 4: lambda a: a[::-1],
         5: lambda a: a.swapaxes(0, 1), 6: lambda a: np.rot90(a, -1), 7: lambda a: np.rot90(a, 2).swapaxes(0, 1),
         8: lambda a: np.rot90(a)}


@pytest.mark.parametrize("orientation", TURNS)
def test_a_photo_is_turned_as_its_exif_says(orientation):
    stored = quarters()[:, :240]                                # higher than wide
    exif = Image.Exif()
    exif[0x0112] = orientation
    wanted = TURNS[orientation](stored)
    for kind in ("JPEG", "PNG", "WEBP", "TIFF"):
        photo = decode_photo(encoded(Image.fromarray(stored), kind, exif=exif))
        assert photo.size == wanted.shape[1::-1]
        assert np.abs(quarters_of(photo) - quarters_of(wanted)).max() < 12, kind


@pytest.mark.parametrize("exif", [b"Exif\0\0", b"Exif\0\0II*\0" + b"\xff" * 60, b"Exif\0\0" + bytes(range(256))])
def test_an_exif_block_that_cannot_be_read_loses_no_photo(exif):
    assert np.abs(seen(encoded(Image.fromarray(quarters()), exif=exif)) - COLOURS).max() < 12


def test_a_photo_is_turned_whatever_else_its_exif_holds():
    exif = Image.Exif()
    exif[0x0112], exif[0x010F], exif[0x0131] = 6, "a maker", "software " * 9
    damaged = exif.tobytes().replace(b"\x01\x0f\0\2", b"\x01\x0f\0\x0b")         # the maker's name as numbers
    assert damaged != exif.tobytes()
    stored = quarters()
    found = seen(encoded(Image.fromarray(stored), exif=damaged))
    assert np.abs(found - quarters_of(np.rot90(stored, -1))).max() < 12


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF", "MPO"])
def test_of_an_animation_the_first_frame_is_seen(kind):
    later = [plain(size=(320, 320), colour=(0, 0, 0)) for _ in range(3)]
    raw = encoded(Image.fromarray(quarters()), kind, save_all=True, append_images=later)
    assert np.abs(seen(raw) - COLOURS).max() < 12


@pytest.mark.parametrize("size", [(1, 1), (1, 10_000), (20_000, 1), (20_000, 300), (299, 299), (640, 480)])
def test_any_shape_becomes_a_square(size):
    for kind in ("JPEG", "PNG"):
        crop = center_crop(decode_photo(encoded(plain(size=size), kind)))
        assert crop.shape == (299, 299, 3) and crop.dtype == np.uint8
        assert np.abs(crop.mean(axis=(0, 1)) - (200, 40, 40)).max() < 12


def test_the_crop_is_the_middle():
    for scale in (1, 5):                                        # five times as large, it is scaled down while decoded
        image = plain(size=(600 * scale, 300 * scale), colour=(0, 0, 0))
        image.paste((255, 255, 255), (150 * scale, 0, 450 * scale, 300 * scale))
        assert center_crop(decode_photo(encoded(image, quality=95)))[:, 2:-2].min() > 240


def test_a_large_jpeg_is_scaled_down_while_it_is_decoded():
    raw = encoded(Image.fromarray(quarters(side=4_800)))
    assert decode_photo(raw).size == (600, 600)
    assert np.abs(seen(raw) - COLOURS).max() < 12
    for size, by in (((2_400, 4_800), 4), ((4_800, 2_400), 4), ((1_190, 4_800), 1)):       # the shorter side decides
        assert decode_photo(encoded(plain(size=size))).size == (size[0] // by, size[1] // by)
    of_a_phone = encoded(Image.new("L", (12_000, 9_000)), quality=10)
    assert MAX_PIXELS < 12_000 * 9_000 and decode_photo(of_a_phone).size == (1_500, 1_125)


# ------------------------------------------------------------------------------------ refused, with a reason

def claiming(jpeg: bytes, width, height) -> bytes:
    """A JPEG whose header claims another size."""
    at = max(jpeg.find(b"\xff\xc0"), jpeg.find(b"\xff\xc2"))
    return jpeg[:at + 5] + struct.pack(">HH", height, width) + jpeg[at + 9:]


def many_passes(side: int, passes: int) -> bytes:
    """A progressive JPEG that repeats its last scan: few bytes, each of which costs a pass over the photo."""
    raw = encoded(plain(size=(side, side)), progressive=True)
    last = raw.rfind(b"\xff\xda")
    return raw[:last] + raw[last:-2] * passes + raw[-2:]


def bmp(width, height) -> bytes:
    """Run-length coded: 60 bytes that stand for all pixels."""
    header = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 8, 1, 0, 0, 0, 1, 0)
    return b"BM" + struct.pack("<IHHI", 62, 0, 0, 58) + header + b"\0\0\0\0" + b"\0\1"


def tiff(width, height) -> bytes:
    """A TIFF that claims this size."""
    tags = [(256, 4, width), (257, 4, height), (258, 3, 8), (259, 3, 1), (262, 3, 1), (273, 4, 8), (278, 4, height),
            (279, 4, 8)]
    entries = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in tags)
    return b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", len(tags)) + entries + b"\0\0\0\0"


def webp(width, height) -> bytes:
    """An animated WebP that claims this size."""
    size = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    chunk = b"VP8X" + struct.pack("<IB3x", 10, 2) + size + b"ANIM" + struct.pack("<IIH", 6, 0, 0)
    return b"RIFF" + struct.pack("<I", 4 + len(chunk)) + b"WEBP" + chunk


SMALL = encoded(plain())
BOMBS = {
    "png of 30,000": png(30_000, 30_000, 1, 0, b""),
    "png below Pillow's own limit": png(11_000, 10_000, 1, 0, b""),
    "jpeg of 60,000": claiming(SMALL, 60_000, 60_000),
    "progressive jpeg": claiming(encoded(plain(), progressive=True), 13_000, 13_000),
    "jpeg too wide to be scaled down": claiming(SMALL, 65_000, 1_190),
    "gif": struct.pack("<6sHH3xcHHHHB6s", b"GIF89a", 65_000, 65_000, b",", 0, 0, 65_000, 65_000, 0, b"\2\2L\1\0;"),
    "bmp": bmp(30_000, 30_000), "tiff": tiff(10_000, 10_000), "webp": webp(16_000, 16_000),
    "many passes": many_passes(1_000, 2_000),
    "zTXt": png(8, 8, 8, 0, b"\0" * 72, (b"zTXt", b"a\0\0" + zlib.compress(bytes(200_000_000)))),
}
REFUSED = {
    "empty": (b"", "is empty"), "text": (b"not a photo at all", "is not a photo"),
    "HEIC": (b"\0\0\0\x18ftypheic" + bytes(100), "is HEIC .as from an iPhone., .*; save it as JPEG"),
    "AVIF": (b"\0\0\0\x1cftypavif" + bytes(100), "AVIF .*; save it as JPEG"),
    "a PNG with a short gAMA": (png(8, 8, 8, 0, b"\0" * 72, (b"gAMA", b"\0\1")), "begins as a photo does, but"),
    "web page": (b"<!DOCTYPE html><html></html>", "is not a photo"),
    "program for a printer": (encoded(plain(), "EPS"), "is not a photo"),      # Pillow would run Ghostscript on it
    "png of 30,000": (BOMBS["png of 30,000"], "too many pixels"),
    "png of 11,000": (BOMBS["png below Pillow's own limit"], "11000 x 10000 pixels are too many"),
    "many passes": (BOMBS["many passes"], r"1000 x 1000 pixels in 2,\d\d\d passes"),
} | {f"{kind} cut short": (encoded(Image.fromarray(quarters()), kind)[:-200], "can't be decoded: .+")
     for kind in ("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF")}


@pytest.mark.parametrize("kind", [b"iCCP", b"zTXt"])
def test_a_photo_may_carry_much_text(kind):
    """Photoshop keeps the history of a photo in it. Pillow's own limit is 1 MiB."""
    raw = png(8, 8, 8, 0, b"\0" * 72, (kind, b"a\0\0" + zlib.compress(bytes(5_000_000))))
    assert decode_photo(raw).size == (8, 8)


@pytest.mark.parametrize("raw, reason", REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_seen_is_refused_with_a_reason(raw, reason):
    with pytest.raises(BadPhoto, match=reason):
        decode_photo(raw)


def test_photos_are_decoded_up_to_the_most_pixels_and_not_beyond():
    with pytest.raises(BadPhoto, match="8001 x 8000 pixels are too many, more than 64,000,000"):
        decode_photo(png(8_001, 8_000, 1, 0, b""))
    with pytest.raises(BadPhoto, match="truncated"):
        decode_photo(png(8_000, 8_000, 1, 0, b""))


def test_files_are_read_up_to_the_most_bytes_and_not_beyond(tmp_path, monkeypatch):
    path = tmp_path / "a.jpg"
    path.write_bytes(SMALL)
    with path.open("r+b") as file:
        file.truncate(100_000_001)                              # sparse
    with pytest.raises(BadPhoto, match="has 100,000,001 bytes, more than 100,000,000"):
        read_photo_file(path)
    path.write_bytes(SMALL)
    monkeypatch.setattr(photo_folder, "MAX_PHOTO_BYTES", len(SMALL))
    assert read_photo_file(path) == SMALL


LIMITED = """
import pathlib, resource, sys, time
from captioning.photos.decode import BadPhoto, decode_photo
used = int(pathlib.Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 250_000_000,) * 2)
for path in sorted(pathlib.Path({folder!r}).iterdir()):
    before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()
    try:
        decode_photo(path.read_bytes())
        said = "seen"
    except BadPhoto as error:
        said = str(error)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(path.name, (after - before) // 1024, round(time.monotonic() - began, 1), said, sep="|")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="needs RLIMIT_AS and /proc")
def test_bombs_are_refused_in_little_memory_and_time(tmp_path):
    for name, raw in BOMBS.items():
        assert len(raw) < 400_000, name
        (tmp_path / name).write_bytes(raw)
    result = subprocess.run([sys.executable, "-c", LIMITED.format(folder=str(tmp_path))],
                            capture_output=True, text=True, timeout=60)
    assert result.returncode == 0 and not result.stderr, result.stderr[-2_000:]     # nor has Pillow warned of anything
    rows = [line.split("|") for line in result.stdout.splitlines()]
    assert [row[0] for row in rows] == sorted(BOMBS)
    for name, grown, seconds, said in rows:
        assert int(grown) < 100 and float(seconds) < 5 and said != "seen", (name, grown, seconds, said)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF"])
def test_damaged_bytes_are_decoded_or_refused_and_nothing_else(kind):
    rng = np.random.default_rng(0)
    whole = np.frombuffer(encoded(Image.fromarray(quarters(64)), kind), np.uint8)
    for _ in range(150):
        raw = whole.copy()
        raw[rng.integers(0, len(raw), rng.integers(1, 12))] = rng.integers(0, 256)
        try:
            assert center_crop(decode_photo(raw.tobytes())).shape == (299, 299, 3)
        except BadPhoto as reason:
            assert str(reason)
