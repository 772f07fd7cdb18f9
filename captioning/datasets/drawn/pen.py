"""Colours, and a pen that draws shapes in a frame of its own. All of the drawn world is drawn with it."""

import math
from dataclasses import dataclass

import numpy as np
from PIL import ImageDraw

INKS = {
    "red": (222, 44, 44), "yellow": (250, 206, 40), "green": (30, 152, 84), "blue": (38, 106, 218),
    "purple": (146, 66, 190), "white": (244, 244, 240), "black": (52, 49, 56), "brown": (146, 94, 54),
    "grey": (146, 150, 158), "orange": (238, 142, 52),
}
BRIGHT = ("red", "yellow", "green", "blue", "purple", "white")  # any painted thing can have these six
DARK, CREAM = (44, 42, 50), (250, 242, 222)


def pick(rng, choices):
    """One of the choices, all equally likely."""
    return choices[int(rng.integers(len(choices)))]


def mix(a, b, t):
    """Colour t of the way from a to b."""
    return tuple(round(p + (q - p) * t) for p, q in zip(a, b, strict=False))


def dark(colour, t=0.25):
    """The colour, t of the way to a dark violet."""
    return mix(colour, (24, 16, 44), t)


def light(colour, t=0.35):
    """The colour, t of the way to white."""
    return mix(colour, (255, 255, 250), t)


# 36 points on the unit circle.
UNIT_CIRCLE = [(math.cos(2 * math.pi * k / 36), math.sin(2 * math.pi * k / 36)) for k in range(36)]


def smooth(points, closed=True, steps=6):
    """A Catmull-Rom curve through the points.

    Args:
        points: (x, y) of each.
        closed: whether the curve returns to the first point.
        steps: points of the curve from one point to the next.

    Returns:
        (x, y) of each point of the curve.
    """
    n = len(points)
    ends = range(n) if closed else range(n - 1)
    curve = []
    for i in ends:
        p = [points[(i + k) % n] if closed else points[min(max(i + k, 0), n - 1)] for k in (-1, 0, 1, 2)]
        for step in range(steps):
            t = step / steps
            weights = (-t + 2 * t**2 - t**3, 2 - 5 * t**2 + 3 * t**3, t + 4 * t**2 - 3 * t**3, t**3 - t**2)
            curve.append(tuple(sum(w * q[k] for w, q in zip(weights, p, strict=True)) / 2 for k in (0, 1)))
    return curve if closed else [*curve, points[-1]]


class Pen:
    """Draws shapes whose points are given in a frame of the pen's own.

    Args:
        image: a Pillow image, RGB or RGBA.
        matrix: (a, b, c, d, e, f), so that (x, y) of the frame is (a x + b y + c, d x + e y + f) of the image.
        tint: factors for red, green and blue of the light that falls on the shapes.
    """

    def __init__(self, image, matrix, tint=(1.0, 1.0, 1.0)):
        self.image, self.matrix, self.tint = image, matrix, tint
        self.draw = ImageDraw.Draw(image)
        self.translucent = ImageDraw.Draw(image, "RGBA") if image.mode == "RGB" else self.draw  # with opacity
        self.scale = math.hypot(matrix[0], matrix[3])

    def moved(self, x, y, scale=1.0, turn=0.0, flip=False):
        """A pen whose frame has its origin at (x, y), and is scaled, mirrored and turned by `turn` degrees."""
        a, b, c, d, e, f = self.matrix
        cos, sin = scale * math.cos(math.radians(turn)), scale * math.sin(math.radians(turn))
        side = -1 if flip else 1
        matrix = (side * (a * cos + b * sin), b * cos - a * sin, a * x + b * y + c,
                  side * (d * cos + e * sin), e * cos - d * sin, d * x + e * y + f)
        return Pen(self.image, matrix, self.tint)

    def ink(self, colour):
        """The colour as the light shows it: (red, green, blue), and opacity if it has one, each 0 to 255."""
        r, g, b = self.tint
        return (min(255, int(colour[0] * r)), min(255, int(colour[1] * g)), min(255, int(colour[2] * b)), *colour[3:])

    def to_image(self, points):
        """Points of the frame as points of the image, in pixels."""
        a, b, c, d, e, f = self.matrix
        return [(a * x + b * y + c, d * x + e * y + f) for x, y in points]

    def poly(self, points, fill, glow=False):
        """A filled polygon. `glow` ignores the light; a colour of four numbers lets through what is behind."""
        draw = self.translucent if len(fill) == 4 else self.draw
        draw.polygon(self.to_image(points), fill=fill if glow else self.ink(fill))

    def blob(self, points, fill):
        """A filled shape with a smooth outline through the points."""
        self.poly(smooth(points), fill)

    def oval(self, x, y, rx, ry=None, fill=DARK, glow=False):
        """A filled oval with its middle at (x, y); ry is rx if it is not given."""
        ry = rx if ry is None else ry
        self.poly([(x + rx * cos, y + ry * sin) for cos, sin in UNIT_CIRCLE], fill, glow)

    def sector(self, x, y, rx, ry, start, stop, fill):
        """The part of an oval between two angles, in degrees counter-clockwise from the right, and their chord."""
        angles = [math.radians(start + (stop - start) * k / 24) for k in range(25)]
        self.poly([(x + rx * math.cos(t), y + ry * math.sin(t)) for t in angles], fill)

    def box(self, x0, y0, x1, y1, fill, r=0.0, glow=False):
        """A filled box with corners of radius r."""
        if not r:
            return self.poly([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], fill, glow)
        corners = ((x1 - r, y1 - r, 0), (x0 + r, y1 - r, 90), (x0 + r, y0 + r, 180), (x1 - r, y0 + r, 270))
        self.poly([(x + r * math.cos(math.radians(s + t)), y + r * math.sin(math.radians(s + t)))
                   for x, y, s in corners for t in (0, 18, 36, 54, 72, 90)], fill, glow)

    def stroke(self, points, width, fill, curved=False):
        """A line through the points with round ends; `width` is in units of the frame."""
        spots = self.to_image(smooth(points, closed=False) if curved else points)
        w, colour = max(1, round(width * self.scale)), self.ink(fill)
        draw = self.translucent if len(colour) == 4 else self.draw
        draw.line(spots, fill=colour, width=w, joint="curve")
        if w > 2:
            for x, y in (spots[0], spots[-1]):
                draw.ellipse((x - w / 2, y - w / 2, x + w / 2 - 1, y + w / 2 - 1), fill=colour)

    def limb(self, start, end, r0, r1, fill):
        """A tapered limb: a circle of radius r0 at its start, one of r1 at its end, and the area between them."""
        dx, dy = end[0] - start[0], end[1] - start[1]
        far = math.hypot(dx, dy) or 1.0
        nx, ny = -dy / far, dx / far
        self.poly([(start[0] + nx * r0, start[1] + ny * r0), (end[0] + nx * r1, end[1] + ny * r1),
                   (end[0] - nx * r1, end[1] - ny * r1), (start[0] - nx * r0, start[1] - ny * r0)], fill)
        self.oval(*start, r0, fill=fill)
        self.oval(*end, r1, fill=fill)


@dataclass(frozen=True)
class Look:
    """How one thing looks: its colour, its pose, and what the scene does to it."""

    kind: str
    ink: tuple
    pose: str | None
    rng: np.random.Generator
    lit: bool = False  # lamps and windows are on
    winter: bool = False  # warm clothes, snow on roofs
