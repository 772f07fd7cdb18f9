"""The canvas of a scene: its image, its light, and pens that draw on it.

Everything is drawn at SUPER times the size and then reduced, which smooths the edges.
"""

import math
from dataclasses import dataclass

import numpy as np
from PIL import Image

from captioning.datasets.drawn.pen import Pen, pick

SUPER = 2  # pixels drawn for each pixel of the result, in each direction
WHITE = (252, 253, 255)

SKIES = {  # colours from the top of the sky down to the horizon
    ("day", "sunny"): ((70, 152, 232), (142, 204, 246), (222, 242, 252)),
    ("day", "cloudy"): ((132, 160, 190), (176, 194, 210), (216, 224, 230)),
    ("day", "rainy"): ((96, 112, 134), (134, 148, 166), (178, 190, 200)),
    ("day", "snowy"): ((168, 184, 206), (200, 212, 226), (228, 234, 242)),
    ("sunset", "clear"): ((82, 72, 150), (226, 112, 112), (255, 206, 120)),
    ("night", "clear"): ((10, 16, 48), (26, 38, 88), (62, 78, 130)),
    ("night", "rainy"): ((14, 18, 38), (28, 36, 64), (52, 62, 90)),
    ("night", "snowy"): ((22, 28, 60), (44, 54, 94), (78, 90, 132)),
}
GROUND_LIGHT = {"sunny": (1, 1, 1), "cloudy": (0.9, 0.92, 0.95), "rainy": (0.74, 0.79, 0.84), "snowy": (0.94, 0.96, 1)}
THING_LIGHT = {"sunny": (1, 1, 1), "cloudy": (0.97, 0.97, 0.98), "rainy": (0.9, 0.92, 0.95), "snowy": (0.97, 0.98, 1)}


@dataclass(frozen=True)
class Light:
    """The light of a scene: factors for red, green and blue, its side, and its shadows."""

    ground: tuple  # factors on the ground
    things: tuple  # factors on things
    side: int  # -1: from the left, 1: from the right
    shadow: float  # how dark a shadow is, 0 to 1; 0: the light comes from all sides
    length: float  # of a shadow, in heights of the thing
    lit: bool  # whether lamps and windows are on


def light_of(scene, side):
    """The light of a scene; side: -1 if it comes from the left, 1 from the right."""
    if scene.place == "room":
        day = scene.time == "day"
        return Light((1, 1, 1) if day else (0.78, 0.74, 0.78), (1, 1, 1) if day else (0.92, 0.88, 0.9), side,
                     0.0, 0, not day)
    if scene.time == "night":
        return Light((0.36, 0.42, 0.62), (0.84, 0.8, 0.86), side, 0.22, 0.35, True)
    if scene.time == "sunset":
        return Light((0.96, 0.78, 0.7), (1, 0.91, 0.84), side, 0.3, 0.95, False)
    sun = scene.weather == "sunny"
    return Light(GROUND_LIGHT[scene.weather], THING_LIGHT[scene.weather], side, 0.3 if sun else 0.0, 0.55, False)


class Canvas:
    """The picture of a scene while it is rendered. Lengths are in pixels of the result, y goes down.

    Attributes:
        image: the picture so far, RGB, at SUPER times its size.
        sky, pen: pens whose colours shine by themselves (sky), or are lit as the ground is (pen).
        unit: 1/300 of the shorter side.
        haze: colour of the sky at the horizon.
    """

    def __init__(self, scene, rng):
        self.scene, self.rng = scene, rng
        self.w, self.h, self.horizon = scene.width, scene.height, scene.horizon
        self.unit = min(self.w, self.h) / 300
        self.light = light_of(scene, pick(rng, (-1, 1)))
        self.image = Image.new("RGB", (self.w * SUPER, self.h * SUPER))
        self.sky = Pen(self.image, (SUPER, 0, 0, 0, SUPER, 0))
        self.pen = Pen(self.image, (SUPER, 0, 0, 0, SUPER, 0), self.light.ground)
        self.haze = SKIES.get((scene.time, scene.weather), SKIES["day", "sunny"])[-1]

    def shade(self, box, *colours, tint=None):
        """Fills a box (x0, y0, x1, y1) with a gradient from top to bottom."""
        x0, y0, x1, y1 = (round(v * SUPER) for v in box)
        if y1 <= y0 or x1 <= x0:
            return
        stops = np.linspace(0, 1, len(colours))
        rows = np.linspace(0, 1, y1 - y0)
        column = np.stack([np.interp(rows, stops, [c[k] for c in colours]) for k in range(3)], axis=-1)
        column = np.clip(column * (tint or (1, 1, 1)), 0, 255).astype(np.uint8)
        band = Image.fromarray(column[:, None]).resize((x1 - x0, y1 - y0), Image.Resampling.NEAREST)
        self.image.paste(band, (x0, y0))

    def ground(self, y0, *colours):
        """Fills all below y0 with a gradient of the ground, in the light of the scene."""
        self.shade((0, y0, self.w, self.h), *colours, tint=self.light.ground)

    def glow(self, x, y, r, colour, strength=70):
        """A soft disc of light around (x, y)."""
        for k in range(5):
            self.sky.oval(x, y, r * (1 - k * 0.18), fill=(*colour, int(strength * (0.22 + 0.1 * k))))

    def between(self, low, high):
        """A random number between low and high."""
        return float(self.rng.uniform(low, high))

    def ridge(self, base, height, colour, bumps=3.0, jagged=False):
        """A line of hills, or of mountains if jagged, with its foot at `base`. Returns the points of its top."""
        phases = [self.between(0, 7) for _ in range(3)]
        n = 40
        points = []
        for k in range(n + 1):
            t = k / n
            if jagged:
                tooth = abs((t * bumps + phases[0]) % 1 - 0.5) * 2
                y = tooth * (0.6 + 0.4 * math.sin(t * 5 + phases[1])) + 0.06 * math.sin(t * 60 + phases[2])
            else:
                y = 0.5 + 0.3 * math.sin(t * bumps * 2 + phases[0]) + 0.2 * math.sin(t * bumps * 4.3 + phases[1])
            points.append((t * self.w, base - height * max(y, 0.05)))
        self.pen.poly([*points, (self.w, base + 4), (0, base + 4)], colour)
        return points
