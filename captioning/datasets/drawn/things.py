"""Draws each kind of thing of the drawn world.

A thing is drawn in a frame of its own: in metres, x to the right, y up, the middle of its foot at (0, 0), facing right.
SIZES and POSED_SIZES say how wide and tall it is there. Tests check that the drawing stays inside this box, so a scene
can be made from boxes alone.
"""

import math

from captioning.datasets.drawn.pen import CREAM, DARK, INKS, UNIT_CIRCLE, dark, light, mix, smooth
from captioning.datasets.drawn.people import PEOPLE, person, size_of_person

STEEL, GLASS, WOOD = (128, 134, 144), (176, 216, 236), (164, 112, 66)
LAMPLIGHT = (255, 220, 120)

# Width and height in metres. As in a picture book, small things are larger than in life, and large things smaller.
SIZES = {
    "car": (3.5, 1.5), "bus": (5.0, 2.35), "truck": (4.6, 2.2), "train": (6.4, 2.3), "bicycle": (1.85, 1.15),
    "boat": (2.9, 3.3), "plane": (6.0, 2.6),
    "dog": (1.25, 1.0), "cat": (0.95, 0.85), "horse": (2.3, 2.0), "cow": (2.3, 1.55), "sheep": (1.5, 1.15),
    "bird": (0.75, 0.6),
    "house": (4.4, 3.9), "tree": (2.9, 3.9), "bench": (1.9, 0.95), "snowman": (1.3, 1.75), "flower": (0.5, 0.95),
    "ball": (0.5, 0.5), "kite": (1.2, 2.0), "balloon": (0.62, 0.8), "umbrella": (1.5, 1.25), "surfboard": (2.2, 0.35),
    "table": (1.7, 0.85), "chair": (0.75, 1.15), "couch": (2.4, 1.05), "lamp": (0.7, 1.75), "vase": (0.5, 0.8),
}
POSED_SIZES = {
    ("dog", "sitting"): (0.85, 1.0), ("cat", "sitting"): (0.7, 0.9), ("cat", "sleeping"): (0.95, 0.45),
    ("dog", "sleeping"): (1.2, 0.5), ("bird", "flying"): (1.1, 0.75), ("bird", "swimming"): (0.8, 0.55),
    ("umbrella", "planted"): (2.5, 2.3), ("surfboard", "planted"): (0.6, 2.1),
}


def size_of(kind, pose):
    """(width, height) in metres of the box that holds a thing of this kind in this pose."""
    if kind in PEOPLE:
        return size_of_person(kind, pose or "standing")
    return POSED_SIZES.get((kind, pose), SIZES[kind])


# ---------------------------------------------------------------------------------------------------- vehicles


def wheel(pen, x, r, hub=(206, 210, 216)):
    """A wheel of radius r that stands on the ground at x."""
    pen.oval(x, r, r, fill=(40, 40, 46))
    pen.oval(x, r, r * 0.58, fill=hub)
    pen.oval(x, r, r * 0.2, fill=dark(hub, 0.45))


def car(pen, look):
    """A car."""
    c, glass = look.ink, LAMPLIGHT if look.lit else GLASS
    roof = 1.46 if look.rng.random() < 0.5 else 1.4
    pen.blob([(-1.7, 0.35), (-1.72, 0.75), (-1.35, 0.9), (-0.9, roof - 0.1), (-0.3, roof), (0.4, roof - 0.04),
              (1.0, 0.95), (1.6, 0.8), (1.72, 0.5), (1.6, 0.28), (0, 0.24), (-1.5, 0.26)], c)
    pen.poly([(-1.08, 0.9), (-0.78, roof - 0.16), (-0.22, roof - 0.1), (-0.22, 0.9)], glass)
    pen.poly([(-0.1, 0.9), (-0.1, roof - 0.1), (0.36, roof - 0.15), (0.86, 0.9)], glass)
    pen.poly([(-0.1, 0.9), (0.1, roof - 0.12), (0.25, roof - 0.13), (0.05, 0.9)], light(glass, 0.5))
    pen.stroke([(-0.16, 0.86), (-0.16, 0.34)], 0.025, dark(c))
    pen.box(-1.68, 0.27, 1.66, 0.38, dark(c, 0.35), 0.05)
    pen.stroke([(0.02, 0.74), (0.2, 0.74)], 0.05, dark(c, 0.45))
    pen.oval(1.58, 0.64, 0.11, 0.085, (255, 246, 190), glow=True)
    pen.box(-1.73, 0.6, -1.62, 0.78, (210, 40, 40) if c[0] < 180 or c[1] > 90 else (120, 16, 20), 0.03)
    for x in (-1.0, 1.02):
        pen.sector(x, 0.3, 0.4, 0.4, 0, 180, dark(c, 0.55))
        wheel(pen, x, 0.31)


def bus(pen, look):
    """A bus."""
    c, glass = look.ink, LAMPLIGHT if look.lit else GLASS
    pen.box(-2.46, 0.28, 2.46, 2.32, c, 0.22)
    pen.box(-2.46, 0.3, 2.46, 0.62, dark(c, 0.3), 0.1)
    pen.box(-2.46, 0.78, 2.46, 0.9, light(c, 0.75) if c != INKS["white"] else STEEL)
    for k in range(5):
        pen.box(-2.28 + k * 0.72, 1.15, -1.68 + k * 0.72, 1.95, glass, 0.07)
        pen.poly([(-2.2 + k * 0.72, 1.2), (-2.0 + k * 0.72, 1.9), (-1.88 + k * 0.72, 1.9),
                  (-2.08 + k * 0.72, 1.2)], light(glass, 0.45))
    pen.box(1.38, 0.36, 1.95, 1.95, dark(c, 0.45), 0.05)
    pen.box(1.43, 0.42, 1.65, 1.9, glass, 0.03)
    pen.box(1.69, 0.42, 1.9, 1.9, glass, 0.03)
    pen.box(2.08, 1.1, 2.44, 1.98, glass, 0.06)
    pen.box(0.9, 2.05, 2.3, 2.25, (40, 40, 46), 0.04)
    for k in range(4):
        pen.box(1.1 + k * 0.28, 2.1, 1.28 + k * 0.28, 2.19, (255, 190, 60), glow=True)
    pen.oval(2.4, 0.62, 0.09, 0.12, (255, 246, 190), glow=True)
    for x in (-1.5, 1.1):
        pen.sector(x, 0.32, 0.48, 0.48, 0, 180, dark(c, 0.55))
        wheel(pen, x, 0.38)


def truck(pen, look):
    """A truck."""
    c, glass = look.ink, LAMPLIGHT if look.lit else GLASS
    pen.box(-2.26, 0.36, 2.2, 0.56, (70, 72, 80), 0.05)
    pen.box(-2.28, 0.56, 0.78, 2.18, c, 0.06)
    for k in range(1, 6):
        pen.stroke([(-2.28 + k * 0.51, 0.7), (-2.28 + k * 0.51, 2.06)], 0.035, dark(c, 0.16))
    pen.box(-2.28, 0.56, 0.78, 0.7, dark(c, 0.3), 0.04)
    pen.blob([(0.9, 0.45), (0.88, 1.2), (0.95, 1.72), (1.5, 1.78), (1.78, 1.66), (2.08, 1.16), (2.26, 1.0),
              (2.27, 0.5), (1.6, 0.4)], light(c, 0.12))
    pen.poly([(1.22, 1.12), (1.22, 1.6), (1.66, 1.58), (1.95, 1.12)], glass)
    pen.poly([(1.36, 1.12), (1.5, 1.6), (1.62, 1.59), (1.5, 1.12)], light(glass, 0.5))
    pen.stroke([(1.14, 1.66), (1.14, 0.56)], 0.03, dark(c, 0.3))
    pen.stroke([(1.24, 0.96), (1.4, 0.96)], 0.05, dark(c, 0.45))
    pen.oval(2.18, 0.78, 0.09, 0.12, (255, 246, 190), glow=True)
    for x in (-1.62, -0.76, 1.58):
        pen.sector(x, 0.36, 0.43, 0.43, 0, 180, (50, 50, 58))
        wheel(pen, x, 0.36)


def train(pen, look):
    """A steam engine and a coach."""
    c, glass = look.ink, LAMPLIGHT if look.lit else GLASS
    pen.box(-3.18, 0.3, -0.25, 2.1, c, 0.1)
    pen.box(-3.18, 1.96, -0.25, 2.16, dark(c, 0.35), 0.08)
    pen.box(-3.18, 0.72, -0.25, 0.84, CREAM)
    for k in range(4):
        pen.box(-3.0 + k * 0.68, 1.08, -2.5 + k * 0.68, 1.72, glass, 0.07)
    pen.box(-0.3, 0.42, 0.05, 0.56, (60, 60, 68))
    pen.box(0.0, 0.3, 1.2, 2.1, c, 0.08)
    pen.box(-0.1, 2.06, 1.32, 2.24, dark(c, 0.4), 0.07)
    pen.box(0.2, 1.12, 0.98, 1.78, glass, 0.07)
    pen.box(1.0, 0.5, 2.85, 1.5, c, 0.28)
    for x in (1.35, 1.9, 2.45):
        pen.box(x, 0.5, x + 0.07, 1.5, light(c, 0.6) if sum(c) < 640 else STEEL)
    pen.poly([(2.3, 1.45), (2.2, 2.05), (2.66, 2.05), (2.56, 1.45)], dark(c, 0.55))
    pen.box(2.14, 1.98, 2.72, 2.14, dark(c, 0.65), 0.05)
    pen.oval(1.65, 1.55, 0.2, 0.2, (232, 188, 70))
    pen.poly([(2.7, 0.2), (3.18, 0.2), (2.84, 0.62), (2.7, 0.62)], (84, 84, 94))
    pen.oval(2.88, 1.02, 0.13, 0.16, (255, 246, 190), glow=True)
    pen.box(-3.18, 0.26, 2.8, 0.44, (60, 60, 68))
    for x, r in ((-2.7, 0.27), (-2.0, 0.27), (-1.3, 0.27), (-0.66, 0.27), (0.5, 0.36), (1.4, 0.3),
                 (2.2, 0.3)):
        wheel(pen, x, r, (200, 80, 60) if c[0] < 190 else (190, 190, 196))


def bicycle(pen, look):
    """A bicycle."""
    c = look.ink
    back, front, pedal, seat, head = (-0.55, 0.36), (0.55, 0.36), (-0.08, 0.36), (-0.26, 0.84), (0.38, 0.86)
    for x, y in (back, front):
        pen.oval(x, y, 0.36, fill=DARK)
        _ring_hole(pen, x, y, 0.3)
        for k in range(4):
            dx, dy = 0.3 * math.cos(k * math.pi / 4 + 0.3), 0.3 * math.sin(k * math.pi / 4 + 0.3)
            pen.stroke([(x - dx, y - dy), (x + dx, y + dy)], 0.012, STEEL)
    for line in ((back, seat, pedal, back), (pedal, head, seat), (head, front), (head, (0.36, 0.99))):
        pen.stroke(line, 0.07, c)
    pen.stroke([seat, (-0.28, 0.93)], 0.04, STEEL)
    pen.oval(-0.3, 0.96, 0.16, 0.05, DARK)
    pen.stroke([(0.3, 1.08), (0.38, 1.02), (0.5, 1.04)], 0.05, DARK)
    pen.oval(*pedal, 0.1, fill=STEEL)
    pen.stroke([pedal, (0.02, 0.2)], 0.035, DARK)


def _ring_hole(pen, x, y, r):
    """Clears a disc, so that one can see through the wheel."""
    pen.draw.polygon(pen.to_image([(x + r * cos, y + r * sin) for cos, sin in UNIT_CIRCLE]), fill=(0, 0, 0, 0))


def boat(pen, look):
    """A sailing boat."""
    c, sail = look.ink, (252, 250, 242)
    pen.stroke([(-0.1, 0.5), (-0.1, 3.2)], 0.08, WOOD)
    pen.poly(smooth([(-0.18, 3.0), (-0.5, 2.0), (-1.2, 0.95), (-0.7, 0.86), (-0.18, 0.86)]),
             mix(sail, c, 0.12))
    pen.poly(smooth([(0.0, 3.05), (0.55, 2.2), (1.2, 1.0), (0.6, 0.9), (0.0, 0.9)]), sail)
    pen.poly([(0.0, 1.75), (0.81, 1.75), (0.98, 1.42), (0.0, 1.42)], c)
    pen.poly([(-0.1, 3.26), (-0.1, 3.0), (-0.48, 3.12)], c)
    pen.poly(smooth([(-1.4, 0.72), (-1.15, 0.2), (-0.8, 0.0), (0.0, -0.02), (0.75, 0.0), (1.1, 0.25),
                     (1.42, 0.76), (0.0, 0.62)]), c)
    pen.stroke([(-1.32, 0.67), (0, 0.58), (1.34, 0.7)], 0.09,
               light(c, 0.6) if c[0] + c[1] + c[2] < 640 else (170, 130, 90), curved=True)
    for x in (-0.6, 0.0, 0.6):
        pen.oval(x, 0.34, 0.08, fill=light(GLASS, 0.4))


def plane(pen, look):
    """A passenger plane."""
    c = look.ink
    p = pen.moved(0, 1.12, turn=6)
    p.poly([(-2.5, 0.1), (-2.95, 1.3), (-2.35, 1.3), (-1.5, 0.2)], dark(c, 0.15))
    p.poly([(0.2, 0.1), (-0.7, 1.0), (-0.35, 1.0), (1.1, 0.1)], dark(c, 0.35))
    p.blob([(-2.75, 0.2), (-2.0, 0.42), (0.6, 0.46), (1.9, 0.4), (2.6, 0.14), (2.8, -0.1), (2.5, -0.28),
            (1.6, -0.42), (-0.6, -0.42), (-2.0, -0.16)], c)
    p.blob([(-2.4, -0.06), (-0.6, -0.42), (1.6, -0.42), (2.5, -0.28), (1.6, -0.26), (-0.6, -0.24)],
           dark(c, 0.18))
    p.poly([(2.02, 0.34), (2.52, 0.14), (2.3, 0.06), (1.98, 0.08)], (60, 80, 110))
    for k in range(9):
        p.oval(1.55 - k * 0.36, 0.14, 0.085, 0.1, LAMPLIGHT if look.lit else (70, 100, 140), glow=look.lit)
    p.poly([(0.75, -0.14), (-0.25, -0.14), (-1.3, -1.05), (-0.8, -1.05)], light(c, 0.3))
    p.box(-0.75, -0.76, -0.05, -0.5, (96, 100, 112), 0.12)
    p.poly([(-2.2, 0.16), (-2.85, -0.35), (-2.5, -0.35), (-1.6, 0.1)], light(c, 0.25))


# ----------------------------------------------------------------------------------------------------- animals


def eye(pen, x, y, r):
    """An eye of radius r with a gleam."""
    pen.oval(x, y, r, fill=(34, 28, 30))
    pen.oval(x + r * 0.3, y + r * 0.35, r * 0.38, fill=(255, 255, 255))


def legs(pen, spots, top, r, fill, swing=0.0, foot=None):
    """Four legs at `spots` from height `top` to the ground, with feet of colour `foot`; `swing` spreads them."""
    for k, x in enumerate(spots):
        shade = dark(fill, 0.22) if k % 2 else fill
        end = x + swing * (1 if k > 1 else -1) * (0.6 if k % 2 else 1.0)
        pen.limb((x, top), ((x + end) / 2, top * 0.5), r * 1.15, r * 0.85, shade)
        pen.limb(((x + end) / 2, top * 0.5), (end, r * 0.8), r * 0.85, r * 0.8, shade)
        pen.oval(end + r * 0.35, r * 0.72, r * 1.15, r * 0.72, foot or dark(shade, 0.18))


def dog(pen, look):
    """A dog: standing, walking, running, sitting or asleep."""
    c, belly = look.ink, light(look.ink, 0.16)
    if look.pose == "sleeping":
        pen.blob([(-0.5, 0.04), (-0.54, 0.3), (-0.2, 0.46), (0.2, 0.4), (0.34, 0.1), (0.2, 0.02),
                  (-0.3, 0.0)], c)
        pen.stroke([(-0.46, 0.12), (-0.56, 0.06), (-0.3, 0.05)], 0.08, dark(c, 0.15))
        pen.limb((0.1, 0.08), (0.5, 0.06), 0.07, 0.06, light(c, 0.12))
        return _dog_head(pen.moved(0.36, 0.22, 0.95, -12), c, asleep=True)
    if look.pose == "sitting":
        pen.stroke([(-0.24, 0.1), (-0.38, 0.16), (-0.38, 0.36)], 0.09, c, curved=True)
        pen.blob([(-0.3, 0.02), (-0.32, 0.24), (-0.14, 0.56), (0.1, 0.68), (0.22, 0.5), (0.2, 0.2),
                  (0.14, 0.02)], c)
        pen.oval(-0.14, 0.15, 0.17, 0.15, dark(c, 0.12))
        pen.limb((0.1, 0.44), (0.14, 0.05), 0.085, 0.065, c)
        pen.oval(0.18, 0.05, 0.09, 0.05, belly)
        pen.oval(-0.06, 0.045, 0.12, 0.05, dark(c, 0.1))
        pen.oval(0.14, 0.44, 0.08, 0.13, belly)
        return _dog_head(pen.moved(0.12, 0.77), c)
    running = look.pose in ("running", "walking")
    pen.stroke([(-0.38, 0.6), (-0.5, 0.68), (-0.55, 0.86)], 0.09, c, curved=True)
    legs(pen, (-0.34, -0.24, 0.2, 0.28), 0.42, 0.07, c, 0.2 if running else 0.02)
    pen.blob([(-0.44, 0.56), (-0.34, 0.68), (0.1, 0.68), (0.32, 0.74), (0.38, 0.55), (0.24, 0.34),
              (-0.02, 0.38), (-0.36, 0.36)], c)
    pen.oval(0.26, 0.46, 0.1, 0.1, belly)
    _dog_head(pen.moved(0.36, 0.77), c)


def _dog_head(p, c, asleep=False):
    p.oval(0, 0, 0.19, 0.18, c)
    p.oval(0.15, -0.07, 0.12, 0.085, light(c, 0.35))
    p.oval(0.235, -0.035, 0.045, 0.036, (36, 30, 32))
    p.stroke([(0.13, -0.12), (0.19, -0.115)], 0.018, (90, 50, 50))
    p.blob([(-0.1, 0.14), (-0.2, 0.06), (-0.22, -0.16), (-0.12, -0.18), (-0.04, 0.04)], dark(c, 0.35))
    if asleep:
        p.stroke([(0.02, 0.03), (0.07, 0.0), (0.12, 0.03)], 0.02, (36, 30, 32), curved=True)
    else:
        eye(p, 0.07, 0.04, 0.032)


def cat(pen, look):
    """A cat: standing, walking, sitting or asleep."""
    c, pale = look.ink, light(look.ink, 0.5)
    if look.pose == "sleeping":
        pen.blob([(-0.42, 0.02), (-0.46, 0.2), (-0.2, 0.4), (0.12, 0.38), (0.3, 0.16), (0.24, 0.01),
                  (-0.2, 0.0)], c)
        for x in (-0.24, -0.1, 0.04):
            pen.stroke([(x, 0.38), (x - 0.03, 0.26)], 0.03, dark(c, 0.25))
        pen.stroke([(-0.4, 0.08), (-0.44, 0.045), (-0.2, 0.04), (0.02, 0.05)], 0.08, dark(c, 0.16),
                   curved=True)
        return _cat_head(pen.moved(0.26, 0.185, 0.95), c, pale, asleep=True)
    if look.pose == "sitting":
        pen.stroke([(-0.12, 0.05), (-0.28, 0.05), (-0.31, 0.2), (-0.27, 0.32)], 0.075, dark(c, 0.12),
                   curved=True)
        pen.blob([(-0.22, 0.03), (-0.24, 0.2), (-0.13, 0.44), (0.0, 0.56), (0.13, 0.44), (0.22, 0.2),
                  (0.2, 0.03), (0, 0.0)], c)
        pen.oval(0, 0.34, 0.09, 0.13, pale)
        for x in (-0.07, 0.07):
            pen.limb((x, 0.26), (x, 0.05), 0.055, 0.05, light(c, 0.08))
            pen.oval(x, 0.04, 0.065, 0.04, pale)
        return _cat_head(pen.moved(0, 0.645), c, pale)
    pen.stroke([(-0.3, 0.46), (-0.42, 0.54), (-0.4, 0.7), (-0.34, 0.8)], 0.075, dark(c, 0.1), curved=True)
    legs(pen, (-0.26, -0.18, 0.14, 0.21), 0.32, 0.05, c, 0.07 if look.pose == "walking" else 0.0, pale)
    pen.blob([(-0.34, 0.42), (-0.2, 0.52), (0.1, 0.5), (0.27, 0.5), (0.28, 0.34), (0.1, 0.27),
              (-0.28, 0.27)], c)
    for x in (-0.18, -0.06, 0.06):
        pen.stroke([(x, 0.505), (x - 0.02, 0.4)], 0.03, dark(c, 0.25))
    _cat_head(pen.moved(0.26, 0.58, 0.95), c, pale)


def _cat_head(p, c, pale, asleep=False):
    for side in (-1, 1):
        p.poly([(side * 0.19, 0.24), (side * 0.18, 0.04), (side * 0.03, 0.15)], c)
        p.poly([(side * 0.165, 0.19), (side * 0.15, 0.08), (side * 0.07, 0.14)], (240, 170, 170))
    p.oval(0, 0, 0.2, 0.17, c)
    p.oval(0, -0.07, 0.1, 0.07, pale)
    for x in (-0.05, 0.0, 0.05):
        p.stroke([(x, 0.15), (x * 0.8, 0.1)], 0.022, dark(c, 0.3))
    for side in (-1, 1):
        if asleep:
            p.stroke([(side * 0.12, 0.03), (side * 0.08, 0.0), (side * 0.04, 0.03)], 0.018, (36, 30, 32),
                     curved=True)
        else:
            p.oval(side * 0.08, 0.025, 0.042, 0.048, (150, 196, 90))
            p.oval(side * 0.08, 0.025, 0.018, 0.042, (24, 24, 28))
        for y in (-0.04, -0.075):
            p.stroke([(side * 0.07, -0.055), (side * 0.24, y * 1.2 + 0.01)], 0.008, mix(pale, DARK, 0.3))
    p.poly([(-0.025, -0.03), (0.025, -0.03), (0, -0.06)], (226, 120, 130))
    p.stroke([(-0.06, -0.075), (-0.03, -0.1), (0, -0.065), (0.03, -0.1), (0.06, -0.075)], 0.012, DARK,
             curved=True)


def horse(pen, look):
    """A horse: standing, walking, grazing or ridden."""
    c, mane = look.ink, dark(look.ink, 0.5) if sum(look.ink) > 260 else (96, 84, 84)
    swing = 0.22 if look.pose in ("walking", "running", "ridden") else 0.0
    pen.blob([(-0.8, 1.2), (-0.98, 1.05), (-1.08, 0.6), (-0.96, 0.5), (-0.9, 0.85), (-0.74, 1.0)], mane)
    legs(pen, (-0.68, -0.5, 0.34, 0.5), 0.82, 0.1, c, swing, (50, 42, 42))
    pen.blob([(-0.84, 1.0), (-0.66, 1.24), (-0.1, 1.2), (0.4, 1.26), (0.64, 1.05), (0.56, 0.76), (0.1, 0.68),
              (-0.4, 0.7), (-0.74, 0.74)], c)
    grazing = look.pose == "grazing"
    if grazing:
        neck = [(0.3, 1.2), (0.66, 0.98), (0.98, 0.48), (0.8, 0.36), (0.44, 0.74)]
        ridge = [(0.36, 1.22), (0.7, 1.0), (0.94, 0.56), (0.84, 0.56), (0.6, 0.86), (0.34, 1.06)]
    else:
        neck = [(0.24, 1.2), (0.6, 1.66), (0.78, 1.78), (0.88, 1.6), (0.64, 0.96), (0.45, 0.86)]
        ridge = [(0.16, 1.22), (0.46, 1.66), (0.72, 1.9), (0.76, 1.76), (0.6, 1.5), (0.36, 1.2)]
    pen.blob(neck, c)
    pen.blob(ridge, mane)
    p = pen.moved(0.86, 0.46, turn=-42) if grazing else pen.moved(0.76, 1.68, turn=-32)
    p.blob([(-0.14, 0.08), (0.0, 0.15), (0.24, 0.06), (0.38, 0.04), (0.42, -0.08), (0.3, -0.13),
            (0.1, -0.12), (-0.12, -0.1)], c)
    p.oval(0.34, -0.04, 0.1, 0.09, mix(c, (60, 44, 44), 0.35))
    p.poly([(-0.1, 0.1), (-0.12, 0.28), (0.0, 0.14)], c)
    eye(p, 0.08, 0.05, 0.034)
    p.oval(0.4, -0.01, 0.018, fill=DARK)


def cow(pen, look):
    """A cow: standing, walking or grazing."""
    c = look.ink
    patch = INKS["black"] if look.ink[0] > 200 else light(c, 0.8)
    pen.stroke([(-0.88, 1.2), (-1.02, 1.05), (-1.0, 0.62)], 0.06, c, curved=True)
    pen.oval(-1.0, 0.56, 0.07, 0.11, dark(c, 0.6))
    legs(pen, (-0.72, -0.54, 0.32, 0.48), 0.6, 0.11, c, 0.12 if look.pose == "walking" else 0.0, (60, 52, 52))
    pen.oval(-0.32, 0.52, 0.17, 0.12, (244, 176, 176))
    pen.blob([(-0.9, 1.12), (-0.76, 1.3), (0.0, 1.26), (0.56, 1.3), (0.7, 1.0), (0.58, 0.64), (-0.1, 0.54),
              (-0.74, 0.58), (-0.9, 0.8)], c)
    pen.blob([(-0.7, 1.27), (-0.3, 1.25), (-0.28, 0.98), (-0.56, 0.86), (-0.76, 1.0)], patch)
    pen.blob([(0.02, 1.0), (0.3, 1.08), (0.36, 0.8), (0.12, 0.66), (-0.06, 0.78)], patch)
    grazing = look.pose == "grazing"
    if grazing:
        pen.blob([(0.4, 1.2), (0.72, 1.0), (0.96, 0.56), (0.7, 0.5), (0.44, 0.8)], c)
    p = pen.moved(0.86, 0.42, turn=-30) if grazing else pen.moved(0.8, 1.16)
    for side in (-1, 1):
        p.oval(side * 0.24, 0.1, 0.12, 0.06, dark(c, 0.2))
        p.stroke([(side * 0.12, 0.18), (side * 0.2, 0.27), (side * 0.17, 0.35)], 0.05, (236, 222, 190),
                 curved=True)
    p.blob([(-0.18, 0.18), (0.0, 0.24), (0.18, 0.18), (0.17, -0.05), (0.13, -0.22), (-0.13, -0.22),
            (-0.17, -0.05)], c)
    p.blob([(0.02, 0.22), (0.17, 0.18), (0.16, 0.0), (0.06, 0.02)], patch)
    p.oval(0, -0.2, 0.18, 0.12, (246, 188, 184))
    for side in (-1, 1):
        p.oval(side * 0.07, -0.19, 0.025, 0.03, (150, 84, 90))
        eye(p, side * 0.09, 0.04, 0.032)


def sheep(pen, look):
    """A sheep: standing or grazing."""
    c, face = look.ink, (70, 62, 66) if look.ink[0] > 120 else (150, 128, 116)
    legs(pen, (-0.4, -0.28, 0.18, 0.3), 0.42, 0.055, face)
    shade = dark(c, 0.12)
    for x, y, r in ((-0.48, 0.58, 0.17), (0.38, 0.56, 0.16), (-0.2, 0.46, 0.2), (0.12, 0.45, 0.2)):
        pen.oval(x, y, r, fill=shade)
    for k in range(12):
        t = k * math.pi / 6
        pen.oval(-0.05 + 0.4 * math.cos(t), 0.68 + 0.2 * math.sin(t), 0.17,
                 fill=c if math.sin(t) > -0.6 else shade)
    pen.oval(-0.05, 0.68, 0.44, 0.26, c)
    for x, y in ((-0.3, 0.72), (-0.05, 0.62), (-0.1, 0.82), (0.16, 0.74)):
        pen.stroke([(x - 0.07, y), (x, y - 0.04), (x + 0.07, y)], 0.022, shade, curved=True)
    p = pen.moved(0.5, 0.42, turn=-14) if look.pose == "grazing" else pen.moved(0.48, 0.82)
    p.oval(-0.1, 0.09, 0.11, 0.05, face)
    p.oval(0.2, 0.09, 0.08, 0.045, face)
    p.blob([(-0.12, 0.1), (0.04, 0.17), (0.17, 0.08), (0.18, -0.1), (0.08, -0.22), (-0.04, -0.18),
            (-0.12, -0.04)], face)
    for x, y, r in ((-0.06, 0.16, 0.09), (0.05, 0.2, 0.09), (0.13, 0.15, 0.07)):
        p.oval(x, y, r, fill=c)
    for x in (0.0, 0.12):
        p.oval(x, 0.02, 0.032, fill=(255, 255, 255))
        p.oval(x + 0.008, 0.02, 0.016, fill=(20, 20, 24))


def bird(pen, look):
    """A bird: standing, flying or swimming."""
    c, beak = look.ink, (246, 166, 40) if look.ink[1] < 190 or look.ink[2] > 150 else (226, 104, 30)
    if look.pose == "flying":
        pen.poly([(-0.2, 0.3), (-0.5, 0.42), (-0.52, 0.26), (-0.22, 0.2)], dark(c, 0.3))
        pen.poly(smooth([(0.0, 0.32), (0.08, 0.56), (0.3, 0.7), (0.26, 0.5), (0.16, 0.3)]), dark(c, 0.3))
        pen.blob([(-0.3, 0.26), (-0.05, 0.38), (0.2, 0.4), (0.34, 0.32), (0.24, 0.18), (-0.04, 0.14)], c)
        pen.oval(0.06, 0.2, 0.16, 0.07, light(c, 0.55))
        pen.poly(smooth([(0.1, 0.3), (-0.08, 0.56), (-0.34, 0.72), (-0.3, 0.54), (-0.16, 0.3)]),
                 dark(c, 0.12))
        p = pen.moved(0.32, 0.38, 0.85)
    elif look.pose == "swimming":
        pen.blob([(-0.36, 0.34), (-0.3, 0.12), (0.0, 0.0), (0.24, 0.06), (0.28, 0.2), (0.1, 0.28),
                  (-0.16, 0.26)], c)
        pen.blob([(-0.26, 0.22), (-0.1, 0.26), (0.1, 0.2), (-0.02, 0.08), (-0.18, 0.1)], dark(c, 0.22))
        pen.limb((0.18, 0.18), (0.2, 0.38), 0.1, 0.08, c)
        p = pen.moved(0.2, 0.41, 0.9)
    else:
        for x in (-0.03, 0.07):
            pen.stroke([(x, 0.2), (x + 0.01, 0.02), (x + 0.08, 0.015)], 0.025, beak)
        pen.poly([(-0.14, 0.26), (-0.36, 0.16), (-0.32, 0.08), (-0.1, 0.18)], dark(c, 0.35))
        pen.blob([(-0.2, 0.26), (-0.06, 0.42), (0.14, 0.46), (0.22, 0.3), (0.12, 0.14), (-0.06, 0.12)], c)
        pen.oval(0.1, 0.24, 0.1, 0.11, light(c, 0.55))
        pen.blob([(-0.22, 0.2), (-0.08, 0.34), (0.06, 0.32), (0.02, 0.2), (-0.1, 0.16)], dark(c, 0.22))
        p = pen.moved(0.16, 0.45)
    p.oval(0, 0, 0.135, fill=c)
    p.poly([(0.1, 0.05), (0.21, -0.01), (0.1, -0.05)], beak)
    eye(p, 0.05, 0.03, 0.03)


# ------------------------------------------------------------------------------------------------ outdoor things


def house(pen, look):
    """A house, with snow on its roof in winter."""
    c = look.ink
    roof = (150, 76, 60) if c[0] < 190 or c[1] > 120 else (92, 84, 92)
    glass = LAMPLIGHT if look.lit else (156, 202, 226)
    pen.box(0.95, 2.9, 1.4, 3.75, (168, 104, 86))
    pen.box(0.9, 3.66, 1.45, 3.82, dark((168, 104, 86), 0.3))
    pen.box(-1.8, 0, 1.8, 2.3, c)
    pen.box(-1.8, 2.0, 1.8, 2.3, dark(c, 0.2))
    pen.box(-1.8, 0, 1.8, 0.16, dark(c, 0.35))
    pen.poly([(-2.16, 2.1), (-1.5, 3.5), (1.5, 3.5), (2.16, 2.1)], roof)
    for k in range(4):
        y = 2.28 + k * 0.32
        half = 2.16 - (y - 2.1) * 0.47
        pen.stroke([(-half + 0.04, y), (half - 0.04, y)], 0.035, dark(roof, 0.22))
    if look.winter:
        pen.poly(smooth([(-1.75, 3.0), (-1.5, 3.58), (0, 3.62), (1.5, 3.58), (1.78, 3.0), (1.2, 3.2),
                         (0.7, 2.95), (0.1, 3.18), (-0.6, 2.92), (-1.2, 3.2)]), (250, 252, 255))
    pen.box(-0.42, 0, 0.42, 1.45, dark(roof, 0.25), 0.06)
    pen.box(-0.34, 0, 0.34, 1.38, mix(WOOD, roof, 0.3), 0.05)
    pen.oval(0.22, 0.66, 0.06, fill=(244, 206, 90))
    for x in (-1.16, 1.16):
        pen.box(x - 0.44, 0.68, x + 0.44, 1.6, (250, 250, 246), 0.03)
        pen.box(x - 0.36, 0.76, x + 0.36, 1.52, glass, glow=look.lit)
        pen.stroke([(x, 0.76), (x, 1.52)], 0.05, (250, 250, 246))
        pen.stroke([(x - 0.36, 1.14), (x + 0.36, 1.14)], 0.05, (250, 250, 246))
        pen.box(x - 0.5, 0.58, x + 0.5, 0.7, (236, 230, 220), 0.03)


def tree(pen, look):
    """A broad tree, or a fir with snow in winter."""
    leaf, bark = look.ink, (122, 82, 52)
    if look.winter:
        pen.box(-0.16, 0, 0.16, 0.6, bark)
        for y, w in ((0.4, 1.35), (1.3, 1.12), (2.2, 0.84)):
            pen.poly([(-w, y), (-w * 0.5, y + 0.08), (0, y - 0.08), (w * 0.5, y + 0.08), (w, y),
                      (0, y + 1.62)], leaf)
            pen.poly([(-w * 0.55, y + 0.72), (-w * 0.3, y + 0.62), (0, y + 0.74), (w * 0.3, y + 0.62),
                      (w * 0.52, y + 0.74), (0, y + 1.62)], (248, 251, 255))
        return
    pen.poly([(-0.26, 0), (-0.14, 1.0), (-0.14, 2.0), (0.14, 2.0), (0.15, 1.0), (0.28, 0)], bark)
    pen.stroke([(0, 1.2), (0.55, 1.9)], 0.13, bark)
    pen.stroke([(0, 1.4), (-0.5, 2.0)], 0.12, bark)
    spots = ((-0.75, 2.0, 0.62), (0.75, 2.0, 0.62), (0.0, 1.95, 0.66), (-0.58, 2.7, 0.66), (0.6, 2.68, 0.66),
             (0, 3.1, 0.72))
    for shade, dx, shrink in ((dark(leaf, 0.3), 0.05, 1.0), (leaf, -0.04, 0.86), (light(leaf, 0.2), -0.14, 0.45)):
        for x, y, r in spots:
            wob = float(look.rng.uniform(-0.05, 0.05))
            pen.oval(x + dx + wob, y - dx * 1.6 + (1 - shrink) * 0.3, r * shrink, r * shrink * 0.94, shade)


def bench(pen, look):
    """A park bench."""
    c = look.ink
    for x in (-0.76, 0.76):
        pen.stroke([(x, 0.03), (x, 0.9)], 0.08, (72, 72, 80))
        pen.stroke([(x, 0.44), (x * 1.04, 0.4), (x * 1.06, 0.03)], 0.08, (84, 84, 92))
    for y in (0.62, 0.78):
        pen.box(-0.92, y - 0.055, 0.92, y + 0.065, c, 0.03)
    for y, t in ((0.46, 0.0), (0.38, 0.12)):
        pen.box(-0.94, y - 0.05, 0.94, y + 0.04, light(dark(c, t), 0.12), 0.03)


def snowman(pen, look):
    """A snowman with a hat and a scarf."""
    snow = (250, 252, 255)
    pen.stroke([(-0.3, 0.85), (-0.58, 1.08), (-0.62, 1.2)], 0.045, (110, 76, 50))
    pen.stroke([(0.3, 0.85), (0.58, 1.06), (0.62, 1.18)], 0.045, (110, 76, 50))
    for y, r in ((0.38, 0.44), (0.88, 0.33), (1.28, 0.24)):
        pen.oval(0, y, r, r * 0.94, dark(snow, 0.12))
        pen.oval(-r * 0.06, y + r * 0.05, r * 0.92, r * 0.86, snow)
    for y in (0.74, 0.9, 1.02):
        pen.oval(0.03, y, 0.035, fill=DARK)
    pen.stroke([(-0.2, 1.09), (0, 1.04), (0.2, 1.09)], 0.1, look.ink, curved=True)
    pen.stroke([(0.14, 1.07), (0.2, 0.84)], 0.1, dark(look.ink, 0.12))
    for x in (-0.07, 0.1):
        pen.oval(x, 1.34, 0.034, fill=DARK)
    pen.poly([(0.02, 1.3), (0.26, 1.24), (0.02, 1.22)], (244, 134, 40))
    pen.box(-0.28, 1.44, 0.28, 1.5, DARK, 0.02)
    pen.box(-0.18, 1.46, 0.18, 1.73, DARK, 0.03)
    pen.box(-0.18, 1.5, 0.18, 1.56, look.ink)


def flower(pen, look):
    """A flower with two leaves."""
    c, stem = look.ink, (62, 142, 64)
    pen.stroke([(0, 0), (0.02, 0.3), (0, 0.66)], 0.035, stem, curved=True)
    pen.blob([(0.01, 0.18), (0.1, 0.32), (0.22, 0.34), (0.14, 0.2)], stem)
    pen.blob([(0.01, 0.1), (-0.1, 0.24), (-0.22, 0.26), (-0.14, 0.12)], dark(stem, 0.12))
    _bloom(pen.moved(0, 0.7), c, 0.23)


def _bloom(p, c, r):
    heart = (250, 200, 50) if c[1] < 190 or c[2] > 150 else (150, 92, 40)
    for k in range(8):
        t = k * math.pi / 4 + 0.2
        p.oval(0.6 * r * math.cos(t), 0.6 * r * math.sin(t), r * 0.4,
               fill=c if k % 2 else mix(c, (80, 50, 70), 0.09))
    p.oval(0, 0, r * 0.38, fill=heart)


def ball(pen, look):
    """A ball with a band."""
    c, band = look.ink, (250, 250, 246) if sum(look.ink) < 660 else (196, 206, 216)
    p = pen.moved(0, 0.25, turn=float(look.rng.uniform(-30, 30)))
    p.oval(0, 0, 0.245, fill=c)
    p.oval(0.03, 0, 0.15, 0.242, band)
    p.oval(0.04, 0, 0.06, 0.242, c)
    p.oval(0.035, 0.2, 0.05, 0.025, band)
    pen.oval(-0.09, 0.36, 0.06, 0.045, light(c, 0.6))


def kite(pen, look):
    """A kite with a tail."""
    c, p = look.ink, pen.moved(0.06, 1.32, turn=-14)
    tail = smooth([(0, -0.6), (-0.14, -0.82), (0.08, -1.0), (-0.06, -1.24)], closed=False)
    p.stroke(tail, 0.03, dark(c, 0.3))
    for x, y in (tail[5], tail[11], tail[17]):
        p.poly([(x, y), (x - 0.13, y + 0.07), (x - 0.13, y - 0.07)], light(c, 0.2))
        p.poly([(x, y), (x + 0.13, y + 0.07), (x + 0.13, y - 0.07)], dark(c, 0.2))
    top, right, low, left = (0, 0.62), (0.46, 0.12), (0, -0.62), (-0.46, 0.12)
    p.poly([top, right, low, left], c)
    p.poly([top, right, (0, 0.12)], dark(c, 0.14))
    p.poly([(0, 0.12), low, left], dark(c, 0.1))
    p.stroke([top, low], 0.03, CREAM)
    p.stroke([left, right], 0.03, CREAM)


def balloon(pen, look):
    """A balloon."""
    c = look.ink
    pen.poly([(0, 0.12), (-0.06, 0.03), (0.06, 0.03)], dark(c, 0.2))
    pen.blob([(0, 0.09), (-0.2, 0.28), (-0.29, 0.52), (-0.19, 0.73), (0, 0.79), (0.19, 0.73), (0.29, 0.52),
              (0.2, 0.28)], c)
    pen.blob([(0.19, 0.7), (0.27, 0.52), (0.18, 0.28), (0.06, 0.14), (0.16, 0.34), (0.2, 0.52)],
             dark(c, 0.16))
    pen.oval(-0.12, 0.6, 0.06, 0.1, light(c, 0.6))


def umbrella(pen, look):
    """An umbrella that is held, or a parasol in the sand."""
    planted = look.pose == "planted"
    c, half, top, rim, foot = look.ink, *((1.2, 2.25, 1.45, 0.0) if planted else (0.72, 1.2, 0.74, 0.06))
    pen.stroke([(0, foot), (0, top - 0.05)], 0.07 if planted else 0.045,
               (228, 220, 206) if planted else (92, 70, 54))
    if not planted:
        pen.stroke([(0, 0.08), (0.04, 0.03), (0.1, 0.06)], 0.045, (92, 70, 54), curved=True)
    pale = light(c, 0.78) if sum(c) < 660 else (120, 190, 226)
    edge = [(-half + half * k / 12, rim + (top - rim) * math.sin(math.pi * k / 24) ** 0.62) for k in range(25)]
    scallop = []
    for k in range(6):
        x0 = half - k * half / 3
        scallop += [(x0 - half * t / 12, rim - 0.09 * half * math.sin(math.pi * t / 4) * -1) for t in range(4)]
    pen.poly(edge + scallop, c)
    for k in (1, 3) if planted else ():
        x0, x1 = -half + k * half * 0.4, -half + (k + 1) * half * 0.4
        waist = (top + rim) / 2 + 0.14 * half
        hem = [(x0 * 0.72, waist), (x0, rim + 0.06), ((x0 + x1) / 2, rim + 0.1), (x1, rim + 0.06), (x1 * 0.72, waist)]
        pen.poly([(0, top), *smooth(hem, closed=False)], pale)
    if not planted:
        for x in (-0.4, -0.13, 0.13, 0.4):
            pen.stroke([(0, top), (x * half * 1.55, (top + rim) / 2 + 0.1), (x * half * 2.1, rim + 0.05)],
                       0.02, dark(c, 0.25), curved=True)
    pen.oval(0, top, 0.04, fill=dark(c, 0.4))


def surfboard(pen, look):
    """A surfboard, lying or upright in the sand."""
    c, stripe = look.ink, light(look.ink, 0.75) if sum(look.ink) < 660 else (90, 150, 210)
    p = pen.moved(0, 1.04, turn=90) if look.pose == "planted" else pen.moved(0, 0.17)
    wide = 0.27 if look.pose == "planted" else 0.15
    shape = [(-1.02, 0), (-0.85, wide * 0.7), (0, wide), (0.75, wide * 0.7), (1.05, wide * 0.15),
             (0.75, -wide * 0.6), (0, -wide), (-0.85, -wide * 0.7)]
    p.blob(shape, c)
    p.stroke([(-0.95, 0), (0.95, 0.02)], 0.05, stripe)


# ------------------------------------------------------------------------------------------------- indoor things


def table(pen, look):
    """A table."""
    c = look.ink
    for x in (-0.68, 0.68):
        pen.poly([(x - 0.07, 0.76), (x + 0.07, 0.76), (x + 0.045, 0), (x - 0.045, 0)], dark(c, 0.22))
    for x in (-0.5, 0.5):
        pen.poly([(x - 0.05, 0.7), (x + 0.05, 0.7), (x + 0.03, 0.12), (x - 0.03, 0.12)], dark(c, 0.45))
    pen.box(-0.74, 0.62, 0.74, 0.76, dark(c, 0.3))
    pen.poly([(-0.84, 0.74), (-0.7, 0.85), (0.7, 0.85), (0.84, 0.74)], light(c, 0.12))
    pen.box(-0.84, 0.69, 0.84, 0.745, c, 0.02)


def chair(pen, look):
    """A chair."""
    c = look.ink
    for x in (-0.27, 0.2):
        pen.stroke([(x, 0.06), (x, 1.08)], 0.075, dark(c, 0.3))
    pen.box(-0.3, 0.96, 0.24, 1.12, c, 0.06)
    pen.box(-0.3, 0.7, 0.24, 0.84, c, 0.05)
    for x in (-0.3, 0.3):
        pen.stroke([(x, 0.04), (x, 0.5)], 0.08, dark(c, 0.12))
    pen.poly([(-0.36, 0.46), (-0.3, 0.58), (0.26, 0.58), (0.36, 0.46)], light(c, 0.2))
    pen.box(-0.36, 0.4, 0.36, 0.47, c, 0.02)


def couch(pen, look):
    """A couch."""
    c = look.ink
    for x in (-0.98, 0.98):
        pen.box(x - 0.05, 0, x + 0.05, 0.14, (96, 66, 46))
    pen.box(-1.08, 0.3, 1.08, 1.03, dark(c, 0.1), 0.16)
    pen.stroke([(0, 0.5), (0, 0.98)], 0.025, dark(c, 0.28))
    pen.box(-1.0, 0.1, 1.0, 0.42, dark(c, 0.25), 0.05)
    for x0, x1 in ((-0.92, -0.01), (0.01, 0.92)):
        pen.box(x0, 0.32, x1, 0.56, light(c, 0.12), 0.09)
    for x in (-1.04, 1.04):
        pen.box(x - 0.15, 0.1, x + 0.15, 0.72, c, 0.13)


def lamp(pen, look):
    """A standing lamp."""
    c = look.ink
    pen.oval(0, 0.05, 0.22, 0.05, (90, 78, 70))
    pen.stroke([(0, 0.05), (0, 1.3)], 0.05, (104, 90, 80))
    shade = light(c, 0.3) if look.lit else c
    pen.poly([(-0.33, 1.22), (0.33, 1.22), (0.2, 1.72), (-0.2, 1.72)], shade, glow=look.lit)
    pen.poly([(-0.33, 1.22), (0.33, 1.22), (0.31, 1.29), (-0.31, 1.29)],
             dark(c, 0.15) if not look.lit else c, glow=look.lit)


def vase(pen, look):
    """A vase with three flowers."""
    for x, y in ((-0.12, 0.56), (0.12, 0.56), (0.0, 0.64)):
        pen.stroke([(0, 0.24), (x, y)], 0.022, (62, 142, 64))
    pen.blob([(-0.02, 0.34), (-0.18, 0.4), (-0.22, 0.5), (-0.08, 0.44)], (72, 150, 70))
    for x, y in ((-0.125, 0.56), (0.125, 0.57), (0.0, 0.665)):
        _bloom(pen.moved(x, y), look.ink, 0.125)
    pen.blob([(-0.09, 0.34), (-0.14, 0.16), (-0.08, 0.0), (0.08, 0.0), (0.14, 0.16), (0.09, 0.34),
              (0, 0.32)], (196, 222, 232))
    pen.oval(-0.06, 0.2, 0.02, 0.06, (240, 250, 252))


THINGS = {
    "car": car, "bus": bus, "truck": truck, "train": train, "bicycle": bicycle, "boat": boat, "plane": plane,
    "dog": dog, "cat": cat, "horse": horse, "cow": cow, "sheep": sheep, "bird": bird,
    "man": person, "woman": person, "boy": person, "girl": person,
    "house": house, "tree": tree, "bench": bench, "snowman": snowman, "flower": flower,
    "ball": ball, "kite": kite, "balloon": balloon, "umbrella": umbrella, "surfboard": surfboard,
    "table": table, "chair": chair, "couch": couch, "lamp": lamp, "vase": vase,
}
