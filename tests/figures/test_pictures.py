"""Photos for figures and pages: pixels, data URLs, and the box that they fill."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from captioning.figures.pictures import as_rgb, fills_box, jpeg_data_url, mean_colour


def test_a_data_url_is_a_jpeg_without_the_comment_of_the_photo():
    photo = Image.new("RGB", (40, 30), "red")
    photo.info["comment"] = b"by a friend"          # as Pillow reads it from a JPEG
    kind, encoded = jpeg_data_url(photo, quality=90).split(",")
    jpeg = base64.b64decode(encoded)
    assert kind == "data:image/jpeg;base64" and b"by a friend" not in jpeg
    assert Image.open(io.BytesIO(jpeg)).size == (40, 30)


@pytest.mark.parametrize(("size", "fills"), [((400, 300), True), ((350, 300), True), ((349, 300), False),
                                             ((457, 300), True), ((458, 300), False), ((300, 400), False)])
def test_a_photo_fills_its_box_if_no_more_than_an_eighth_is_cut_off(size, fills):
    assert fills_box(Image.new("RGB", size)) == fills


def test_the_mean_colour_is_that_of_all_pixels():
    photo = Image.new("RGB", (40, 20), (200, 100, 0))
    photo.paste((0, 100, 16), (0, 0, 20, 20))
    assert mean_colour(photo) == "#646408"


def test_large_photos_become_smaller_and_small_ones_stay():
    assert as_rgb(Image.new("L", (1000, 500)), 100).shape == (50, 100, 3)
    pixels = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    assert (as_rgb(pixels, 100) == pixels).all()
