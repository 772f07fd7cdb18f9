"""Draws the places of the drawn world: the sky, what stands on the horizon, and the ground or the room."""

import math

from captioning.datasets.drawn.canvas import SKIES, WHITE
from captioning.datasets.drawn.pen import dark, light, mix, pick
from captioning.datasets.drawn.things import LAMPLIGHT, WOOD

# --------------------------------------------------------------------------------------------------- the sky


def paint_sky(c, bottom):
    """The sky down to `bottom`, with the sun or moon, stars and clouds."""
    scene = c.scene
    c.shade((0, 0, c.w, bottom + 2), *SKIES.get((scene.time, scene.weather), SKIES["day", "sunny"]))
    x = c.w / 2 + c.light.side * c.between(0.2, 0.36) * c.w
    if scene.time == "night":
        _night_sky(c, x, bottom)
    elif scene.time == "sunset":
        y = bottom - c.between(0.1, 0.3) * bottom
        c.glow(x, y, 120 * c.unit, (255, 214, 120), 60)
        c.sky.oval(x, y, 24 * c.unit, fill=(255, 240, 190))
    elif scene.weather == "sunny":
        y = c.between(0.12, 0.3) * bottom
        c.glow(x, y, 62 * c.unit, (255, 250, 210), 70)
        c.sky.oval(x, y, 19 * c.unit, fill=(255, 246, 176))
    _clouds(c, bottom)


def _night_sky(c, x, bottom):
    clear = c.scene.weather == "clear"
    for _ in range(60 if clear else 0):
        bright = int(c.between(120, 255))
        c.sky.oval(c.between(0, c.w), c.between(0, bottom * 0.9), c.between(0.4, 1.1) * c.unit,
                   fill=(255, 255, 236, bright))
    if clear:
        y, r = c.between(0.16, 0.32) * bottom, 17 * c.unit
        c.glow(x, y, r * 2.6, (230, 236, 255), 46)
        c.sky.oval(x, y, r, fill=(252, 248, 222))
        for dx, dy, s in ((-0.3, -0.2, 0.22), (0.3, 0.25, 0.16), (0.15, -0.45, 0.12)):
            c.sky.oval(x + dx * r, y + dy * r, s * r, fill=(228, 222, 196))


def _clouds(c, bottom):
    scene = c.scene
    number = {"sunny": 3, "cloudy": 8, "rainy": 8, "snowy": 6, "clear": 3}[scene.weather]
    colour = {"sunny": WHITE, "cloudy": (236, 240, 244), "rainy": (150, 160, 174), "snowy": (232, 236, 242),
              "clear": WHITE}[scene.weather]
    if scene.time == "night":
        colour = (58, 68, 110) if scene.weather == "clear" else (50, 56, 82)
    elif scene.time == "sunset":
        colour = (255, 176, 150)
    for k in range(number):
        x = c.w * ((k + c.between(0.1, 0.9)) / number)
        y = c.between(0.08, 0.62) * bottom
        cloud(c.sky, x, y, c.between(0.6, 1.25) * c.unit * (24 if number > 3 else 18), colour)


def cloud(pen, x, y, s, colour):
    """A cloud of size s, shaded below."""
    below = mix(colour, (120, 140, 176), 0.22)
    for shade, drop in ((below, 0.22 * s), (colour, 0.0)):
        for dx, dy, r in ((-1.3, 0.1, 0.55), (-0.6, -0.35, 0.75), (0.25, -0.5, 0.9), (1.0, -0.1, 0.65),
                          (1.6, 0.15, 0.4)):
            pen.oval(x + dx * s, y + dy * s + drop, r * s, r * s * 0.78, (*shade, 235))


# ------------------------------------------------------------------------------------------------- backdrops


def paint_backdrop(c, base):
    """The scene's backdrop on the horizon: mountains, hills, buildings or trees."""
    kind, u = c.scene.backdrop, c.unit
    if kind == "mountains":
        far = mix((92, 108, 142), c.haze, 0.4)
        tops = c.ridge(base, 74 * u, far, c.between(2.4, 3.6), jagged=True)
        for k in range(2, len(tops) - 2):
            if tops[k][1] < base - 46 * u:
                (x0, y0), (x1, y1), low = tops[k], tops[k + 1], base - 40 * u
                middle = ((x0 + x1) / 2, min(y0 + 19 * u, low))
                zigzag = [(x1, min(y1 + 13 * u, low)), middle, (x0, min(y0 + 12 * u, low))]
                c.pen.poly([(x0, y0), (x1, y1), *zigzag], WHITE)
    if kind == "buildings":
        _skyline(c, base)
    if kind in ("hills", "mountains", "trees", None) and c.scene.place not in ("sea", "beach"):
        snow = c.scene.place == "snow"
        for k, (height, blend) in enumerate(((40, 0.55), (24, 0.25))):
            green = (196, 210, 228) if snow else (112, 166, 92)
            grow = 1.5 if kind == "hills" else 0.7
            c.ridge(base, height * grow * u, mix(green, c.haze, blend), 2.5 + k)
    if kind == "hills" and c.scene.place in ("sea", "beach"):
        c.ridge(base, 26 * u, mix((106, 146, 130), c.haze, 0.45), 2.2)
    if kind == "trees":
        _far_trees(c, base)


def _far_trees(c, base):
    u, fir = c.unit, c.scene.place == "snow"
    x = -10 * u
    while x < c.w + 10 * u:
        r = c.between(9, 17) * u
        green = mix(mix((58, 122, 64), (96, 148, 70), c.between(0, 1)), c.haze, 0.15)
        if fir:
            c.pen.poly([(x - r * 0.8, base + 2), (x, base - r * 2.6), (x + r * 0.8, base + 2)],
                       mix(green, (40, 90, 84), 0.5))
            c.pen.poly([(x - r * 0.36, base - r * 1.4), (x, base - r * 2.6), (x + r * 0.36, base - r * 1.4),
                        (x, base - r * 1.6)], WHITE)
        else:
            c.pen.box(x - 1.5 * u, base - r, x + 1.5 * u, base + 2, (110, 80, 56))
            c.pen.oval(x, base - r * 1.2, r, r * 1.15, dark(green, 0.14))
            c.pen.oval(x - r * 0.15, base - r * 1.35, r * 0.78, r * 0.8, green)
        x += r * c.between(1.1, 1.9)


def _skyline(c, base):
    u, x = c.unit, -4 * c.unit
    while x < c.w:
        w, h = c.between(24, 46) * u, c.between(36, 96) * u
        wall = mix(pick(c.rng, ((142, 150, 170), (168, 158, 160), (128, 144, 158), (178, 172, 164))), c.haze, 0.35)
        c.pen.box(x, base - h, x + w, base + 2, wall)
        c.pen.box(x + w * 0.8, base - h, x + w, base + 2, dark(wall, 0.1))
        rows, cols = int(h / (10 * u)), int(w / (9 * u))
        for i in range(rows):
            for j in range(cols):
                wx, wy = x + (j + 0.5) * w / cols, base - h + (i + 0.6) * 10 * u
                on = c.light.lit and c.rng.random() < 0.55
                c.pen.box(wx - 2 * u, wy - 2.6 * u, wx + 2 * u, wy + 2.6 * u,
                          LAMPLIGHT if on else dark(wall, 0.22), glow=on)
        x += w + c.between(0, 5) * u


# ---------------------------------------------------------------------------------------------------- places


def _tufts(c, top, colour, number=70):
    """Blades of grass, larger when nearer."""
    for _ in range(number):
        y = top + (c.h - top) * c.between(0.04, 1) ** 0.8
        s = (0.3 + 0.9 * (y - top) / (c.h - top)) * c.unit
        x = c.between(0, c.w)
        shade = dark(colour, 0.16) if c.rng.random() < 0.6 else light(colour, 0.22)
        for dx in (-2.2, 0, 2.2):
            c.pen.stroke([(x + dx * s * 0.5, y), (x + dx * s * 1.3, y - 5 * s)], 1.1 * s, shade)


def field(c):
    """A meadow with flowers."""
    y, u = c.horizon, c.unit
    paint_sky(c, y)
    paint_backdrop(c, y)
    green = pick(c.rng, ((132, 186, 84), (148, 194, 92), (120, 176, 80)))
    c.ground(y, light(green, 0.25), green, dark(green, 0.08))
    for k in range(3):  # mown strips and swells
        top = y + (c.h - y) * (0.1 + 0.28 * k)
        points = [(t * c.w / 20, top + 5 * u * math.sin(t * 0.5 + k * 2)) for t in range(21)]
        c.pen.poly([*points, (c.w, c.h), (0, c.h)], (*mix(green, (96, 156, 70), 0.5), 46))
    _tufts(c, y, green)
    for _ in range(int(c.between(0, 26))):
        fx, fy = c.between(0, c.w), y + (c.h - y) * c.between(0.2, 1)
        c.pen.oval(fx, fy, 1.7 * u, fill=pick(c.rng, ((255, 255, 250), (255, 240, 170), (250, 214, 230))))


def park(c):
    """A lawn with a path, a hedge and two lamps."""
    y, u = c.horizon, c.unit
    paint_sky(c, y)
    paint_backdrop(c, y)
    green = pick(c.rng, ((126, 190, 98), (140, 196, 104)))
    c.ground(y, light(green, 0.2), green, dark(green, 0.1))
    _tufts(c, y, green, 45)
    for k in range(9):  # a low hedge
        c.pen.oval(k * c.w / 8, y + 2 * u, c.w / 13, 9 * u, (86, 144, 76))
    bend, width = c.between(-0.25, 0.25) * c.w, c.w * 0.62
    path = [(c.w / 2 + bend - 7 * u, y + 8 * u), (c.w / 2 + bend + 7 * u, y + 8 * u),
            (c.w / 2 + width * 0.75, c.h), (c.w / 2 - width * 0.75, c.h)]
    c.pen.poly(path, (226, 206, 168))
    c.pen.poly([path[0], (path[0][0] + 3 * u, path[0][1]), (path[3][0] + 14 * u, c.h), path[3]], (206, 184, 146))
    for side in (-1, 1):
        _lamp_post(c, c.w / 2 + side * c.between(0.38, 0.47) * c.w, y + 26 * u, 92 * u)


def _lamp_post(c, x, foot, tall):
    u = c.unit
    c.pen.stroke([(x, foot), (x, foot - tall)], 3.2 * u, (66, 70, 80))
    c.pen.box(x - 5 * u, foot - 4 * u, x + 5 * u, foot, (66, 70, 80), 1.5 * u)
    if c.light.lit:
        c.glow(x, foot - tall, 34 * u, LAMPLIGHT, 74)
    c.pen.oval(x, foot - tall, 6.5 * u, fill=LAMPLIGHT if c.light.lit else (240, 240, 232), glow=c.light.lit)
    c.pen.box(x - 5 * u, foot - tall - 8 * u, x + 5 * u, foot - tall - 5 * u, (66, 70, 80), 1 * u)


def _water(c, top, bottom, number=46):
    near = {"day": (34, 122, 176), "sunset": (132, 92, 128), "night": (46, 66, 116)}[c.scene.time]
    far = mix(near, c.haze, 0.5)
    c.shade((0, top, c.w, bottom), far, near, dark(near, 0.12),
            tint=c.light.ground if c.scene.time == "day" else None)
    for _ in range(number):
        t = c.between(0, 1) ** 1.3
        y, s = top + (bottom - top) * t, (0.25 + t) * c.unit
        x, half = c.between(0, c.w), c.between(8, 26) * s
        c.sky.stroke([(x - half, y), (x - half / 3, y - 1.6 * s), (x + half / 3, y + 1.2 * s),
                      (x + half, y)], 1.5 * s, (*light(near, 0.45), 150), curved=True)
    if c.scene.time != "day" or c.scene.weather == "sunny":
        x = c.w / 2 + c.light.side * 0.28 * c.w
        gold = {"day": (255, 255, 255), "sunset": (255, 214, 130), "night": (226, 232, 250)}[c.scene.time]
        for _ in range(24):
            t = c.between(0, 1)
            y, half = top + (bottom - top) * t, (3 + 14 * t) * c.unit
            gx = x + c.between(-1, 1) * (4 + 26 * t) * c.unit
            c.sky.stroke([(gx - half, y), (gx + half, y)], (0.8 + t) * c.unit, (*gold, 130))


def beach(c):
    """Sand, and the sea behind it."""
    y, u = c.horizon, c.unit
    shore = y + 0.34 * (min(c.h, y + 200 * u) - y)
    paint_sky(c, y)
    paint_backdrop(c, y)
    _water(c, y, shore + 14 * u, 30)
    sand = pick(c.rng, ((240, 216, 164), (236, 208, 156), (246, 224, 178)))
    phase = c.between(0, 6)
    edge = [(k * c.w / 24, shore + 5 * u * math.sin(k * 0.42 + phase)) for k in range(25)]
    for lift, colour in ((-3, (*WHITE, 230)), (2, dark(sand, 0.2)), (9, sand)):
        c.pen.poly([*((x, v + lift * u) for x, v in edge), (c.w, c.h), (0, c.h)], colour)
    c.shade((0, shore + 24 * u, c.w, c.h), sand, sand, dark(sand, 0.1), tint=c.light.ground)
    for _ in range(90):
        py = shore + 20 * u + (c.h - shore) * c.between(0, 1)
        c.pen.oval(c.between(0, c.w), py, 1.1 * u, fill=dark(sand, c.between(0.05, 0.22)))
    for _ in range(16):
        py = shore + 26 * u + (c.h - shore) * c.between(0, 0.9)
        x, half = c.between(0, c.w), c.between(10, 26) * u
        c.pen.stroke([(x - half, py), (x, py - 2 * u), (x + half, py)], 1.4 * u, dark(sand, 0.1), curved=True)
    _starfish(c, c.between(0, c.w), c.h - c.between(8, 26) * u, 6 * u)


def _starfish(c, x, y, r):
    points = [((1.0 if k % 2 == 0 else 0.42) * r, k * math.pi / 5 + 0.4) for k in range(10)]
    c.pen.poly([(x + s * math.cos(t), y + s * 0.7 * math.sin(t)) for s, t in points], (222, 128, 96))


def sea(c):
    """Open water, with a large wave if the scene has one."""
    y, u = c.horizon, c.unit
    paint_sky(c, y)
    paint_backdrop(c, y)
    _water(c, y, c.h, 64)
    if c.scene.backdrop == "wave":
        _big_wave(c, y + 128 * u, 118 * u)


def _big_wave(c, foot, tall):
    """A wave that rolls across the picture and breaks on one side."""
    w, side, day = c.w, c.light.side, c.scene.time == "day"
    tint = c.light.ground if day else (0.72, 0.7, 0.84) if c.scene.time == "sunset" else (0.42, 0.48, 0.7)
    face, deep = ((int(r * t) for r, t in zip(col, tint, strict=True)) for col in ((64, 168, 200), (22, 104, 160)))
    face, deep = tuple(face), tuple(deep)
    crest = [(0.5 + side * (0.5 - k / 24), 1 - 0.62 * (k / 24) ** 1.6 + 0.03 * math.sin(k)) for k in range(25)]
    ridge = [(x * w, foot - tall * v) for x, v in crest]
    for k, colour in enumerate((face, mix(face, deep, 0.4), mix(face, deep, 0.75), deep)):
        drop = tall * 0.16 * k
        c.sky.poly([*((x, y + drop) for x, y in ridge), (ridge[-1][0], foot + 30), (ridge[0][0], foot + 30)],
                   colour)
    for k in range(1, 12):
        x, y = ridge[2 * k]
        c.sky.stroke([(x, y + 4), (x - side * 20, y + tall * 0.3), (x - side * 60, foot + 4)], 2.2 * c.unit,
                     (*light(face, 0.4), 90), curved=True)
    foam = (247, 248, 255) if day else (217, 213, 235)
    for x, y in ridge:
        for _ in range(3):
            r = c.between(3, 9) * c.unit * (0.5 + (foot - y) / tall)
            c.sky.oval(x + c.between(-6, 6), y + c.between(-4, 6), r, r * 0.8, (*foam, 225))
    for _ in range(46):
        x = c.between(0, w)
        r = c.between(3, 10) * c.unit
        c.sky.oval(x, foot + c.between(2, 16) * c.unit, r * 1.8, r * 0.7, (*foam, 150))


def street(c):
    """A road with pavements, in front of houses or facades."""
    y, u = c.horizon, c.unit
    paint_sky(c, y)
    (_houses if c.scene.backdrop == "houses" else _facades)(c, y)
    white = c.scene.weather == "snowy"
    c.ground(y, (206, 202, 196), (196, 192, 188))
    c.pen.box(0, y + 15 * u, c.w, y + 19 * u, (160, 158, 156))
    top, bottom = y + 19 * u, y + 84 * u
    c.shade((0, top, c.w, bottom), (120, 122, 132), (104, 106, 116), tint=c.light.ground)
    offset = c.between(0, 60) * u
    for k in range(-1, int(c.w / (60 * u)) + 2):
        x = offset + k * 60 * u
        c.pen.poly([(x, y + 48 * u), (x + 32 * u, y + 48 * u), (x + 30 * u, y + 52 * u),
                    (x - 3 * u, y + 52 * u)], (240, 236, 214))
    c.ground(bottom, (212, 206, 198), (196, 190, 184))
    c.pen.box(0, bottom, c.w, bottom + 5 * u, (170, 166, 162))
    for k in range(-2, 12):
        x = offset + k * 52 * u
        c.pen.stroke([(x, bottom + 6 * u), (x - 22 * u, c.h)], 1.2 * u, (178, 172, 166))
    if white:
        c.pen.box(0, y + 10 * u, c.w, y + 18 * u, (*WHITE, 230))
    for x in (0.06 * c.w + offset / 3, 0.9 * c.w):
        _lamp_post(c, x, y + 16 * u, 104 * u)


def _facades(c, base):
    u, x = c.unit, -c.between(0, 30) * c.unit
    while x < c.w:
        w, h = c.between(58, 84) * u, min(c.between(96, 150) * u, base * 0.92)
        wall = pick(c.rng, ((206, 178, 150), (186, 152, 134), (176, 178, 186), (214, 200, 172),
                            (168, 160, 158), (150, 160, 166)))
        c.pen.box(x, base - h, x + w, base, wall)
        c.pen.box(x - 1.5 * u, base - h - 4 * u, x + w + 1.5 * u, base - h + 3 * u, dark(wall, 0.3))
        cols = 3 if w > 66 * u else 2
        for i in range(int((h - 40 * u) / (27 * u))):
            for j in range(cols):
                wx, wy = x + (j + 0.5) * w / cols, base - h + (20 + 27 * i) * u
                on = c.light.lit and c.rng.random() < 0.6
                c.pen.box(wx - 7 * u, wy - 9 * u, wx + 7 * u, wy + 10 * u, light(wall, 0.5), 1 * u)
                c.pen.box(wx - 5.4 * u, wy - 7.4 * u, wx + 5.4 * u, wy + 8 * u,
                          LAMPLIGHT if on else (128, 160, 180), glow=on)
        _shop(c, x, w, base, wall)
        x += w + 1 * u


def _shop(c, x, w, base, wall):
    u, on = c.unit, c.light.lit
    c.pen.box(x + 4 * u, base - 28 * u, x + w - 22 * u, base - 3 * u, LAMPLIGHT if on else (150, 184, 200),
              1 * u, glow=on)
    c.pen.box(x + w - 17 * u, base - 30 * u, x + w - 5 * u, base, dark(wall, 0.5), 1 * u)
    for k in range(6):
        sx, step = x + 2 * u, (w - 22 * u) / 6
        shade = (232, 226, 214) if k % 2 else dark(wall, 0.35)
        c.pen.poly([(sx + k * step, base - 37 * u), (sx + (k + 1) * step, base - 37 * u),
                    (sx + (k + 1) * step + 1, base - 27 * u), (sx + k * step - 1, base - 27 * u)], shade)


def _houses(c, base):
    """A row of small houses and hedges, in muted colours, so that they do not look like things of the scene."""
    u, x = c.unit, -c.between(0, 40) * c.unit
    snow = c.scene.weather == "snowy"
    while x < c.w:
        w, h = c.between(74, 92) * u, c.between(52, 66) * u
        wall = pick(c.rng, ((232, 220, 200), (214, 204, 196), (222, 200, 178), (200, 206, 208)))
        roof = WHITE if snow else pick(c.rng, ((158, 98, 80), (120, 104, 104), (140, 110, 88)))
        c.pen.box(x, base - h, x + w, base, wall)
        c.pen.poly([(x - 6 * u, base - h), (x + w / 2, base - h - 40 * u), (x + w + 6 * u, base - h)], roof)
        for j in (0.22, 0.78):
            on = c.light.lit and c.rng.random() < 0.75
            c.pen.box(x + j * w - 9 * u, base - h + 12 * u, x + j * w + 9 * u, base - h + 32 * u, WHITE)
            c.pen.box(x + j * w - 7 * u, base - h + 14 * u, x + j * w + 7 * u, base - h + 30 * u,
                      LAMPLIGHT if on else (140, 172, 190), glow=on)
        c.pen.box(x + w / 2 - 7 * u, base - 30 * u, x + w / 2 + 7 * u, base,
                  dark(roof if not snow else WOOD, 0.3), 1 * u)
        for k in range(3):
            c.pen.oval(x + w + (7 + 8 * k) * u, base - 6 * u, 9 * u, 10 * u,
                       (98, 146, 84) if not snow else (214, 224, 232))
        x += w + c.between(24, 34) * u


def snow(c):
    """A field of snow with drifts."""
    y, u = c.horizon, c.unit
    paint_sky(c, y)
    paint_backdrop(c, y)
    c.ground(y, (222, 232, 244), (240, 245, 252), (226, 234, 246))
    for k in range(3):
        top = y + (c.h - y) * (0.12 + 0.27 * k)
        phase = c.between(0, 6)
        points = [(t * c.w / 20, top + 7 * u * math.sin(t * 0.42 + phase)) for t in range(21)]
        c.pen.poly([*points, (c.w, c.h), (0, c.h)], (*((250, 252, 255) if k % 2 else (208, 222, 240)), 120))
    for _ in range(50):
        c.pen.oval(c.between(0, c.w), y + (c.h - y) * c.between(0.1, 1), c.between(0.6, 1.2) * u, fill=WHITE)


def room(c):
    """A room with a window, a picture and a rug."""
    y, u = c.horizon, c.unit
    wall = pick(c.rng, ((238, 222, 196), (206, 220, 226), (214, 224, 204), (236, 212, 206), (224, 216, 230),
                        (230, 230, 224)))
    c.shade((0, 0, c.w, y), light(wall, 0.2), wall, tint=c.light.ground)
    if c.rng.random() < 0.5:
        for k in range(int(c.w / (24 * u)) + 1):
            c.pen.box(k * 24 * u, 0, (k * 24 + 10) * u, y, (*light(wall, 0.45), 120))
    else:
        for i in range(int(y / (22 * u)) + 1):
            for k in range(int(c.w / (26 * u)) + 1):
                c.pen.oval((k * 26 + 13 * (i % 2)) * u, (i * 22 + 8) * u, 2.6 * u, fill=(*dark(wall, 0.14), 130))
    wood = pick(c.rng, ((196, 148, 100), (176, 128, 84), (208, 168, 120)))
    c.ground(y, wood, light(wood, 0.12), wood)
    for k in range(-14, 15):
        c.pen.stroke([(c.w / 2 + k * 26 * u, y), (c.w / 2 + k * 74 * u, c.h)], 1.2 * u, dark(wood, 0.18))
    c.pen.box(0, y - 9 * u, c.w, y, WHITE)
    c.pen.box(0, y - 1.5 * u, c.w, y, (200, 196, 190))
    side = c.light.side
    _window(c, c.w / 2 + side * 88 * u, (c.h - 300 * u) / 2 + 66 * u)
    _picture(c, c.w / 2 - side * c.between(70, 100) * u, (c.h - 300 * u) / 2 + c.between(44, 66) * u)
    rug = pick(c.rng, ((188, 176, 160), (170, 178, 186), (196, 170, 160)))
    middle = y + 0.62 * (min(c.h, y + 130 * u) - y)
    for r, shade in ((1.0, dark(rug, 0.15)), (0.93, rug), (0.72, light(rug, 0.25)), (0.66, rug)):
        c.pen.oval(c.w / 2, middle, 132 * u * r, 34 * u * r, shade)


def _window(c, x, y):
    u, w, h = c.unit, 44 * c.unit, 46 * c.unit
    c.pen.box(x - w - 5 * u, y - h - 5 * u, x + w + 5 * u, y + h + 5 * u, WHITE)
    c.shade((x - w, y - h, x + w, y + h), *SKIES.get((c.scene.time, c.scene.weather), SKIES["day", "sunny"]))
    if c.scene.time == "day":
        cloud(c.sky, x - 8 * u, y - 14 * u, 9 * u, WHITE)
        c.sky.oval(x, y + h, w, 14 * u, (128, 182, 96))
        c.sky.box(x - w, y + h, x + w, y + h + 14 * u, WHITE)
    elif c.scene.time == "night":
        for _ in range(14):
            c.sky.oval(x + c.between(-1, 1) * w, y + c.between(-1, 0.8) * h, 0.9 * u, fill=(255, 255, 230))
        c.sky.oval(x + 16 * u, y - 20 * u, 8 * u, fill=(252, 248, 222))
    c.pen.stroke([(x, y - h), (x, y + h)], 3.4 * u, WHITE)
    c.pen.stroke([(x - w, y), (x + w, y)], 3.4 * u, WHITE)
    c.pen.box(x - w - 9 * u, y + h + 3 * u, x + w + 9 * u, y + h + 9 * u, (238, 234, 228), 1 * u)
    cloth = pick(c.rng, ((196, 168, 150), (160, 178, 190), (190, 190, 160), (206, 180, 190)))
    for side in (-1, 1):
        edge = x + side * (w + 12 * u)
        c.pen.poly([(edge, y - h - 10 * u), (x + side * w * 0.5, y - h - 10 * u), (x + side * w * 0.72, y),
                    (x + side * w * 0.9, y + h + 14 * u), (edge, y + h + 14 * u)], cloth)
        for k in range(2):
            fx = edge - side * (8 + 10 * k) * u
            c.pen.stroke([(fx, y - h - 8 * u), (fx + side * 3 * u, y + h + 12 * u)], 1.6 * u, dark(cloth, 0.16))
    c.pen.stroke([(x - w - 18 * u, y - h - 11 * u), (x + w + 18 * u, y - h - 11 * u)], 3 * u, WOOD)


def _picture(c, x, y):
    u = c.unit
    w, h = c.between(20, 30) * u, c.between(16, 24) * u
    c.pen.box(x - w - 3 * u, y - h - 3 * u, x + w + 3 * u, y + h + 3 * u, dark(WOOD, 0.15))
    c.pen.box(x - w, y - h, x + w, y + h, (236, 232, 220))
    c.pen.box(x - w, y + h * 0.3, x + w, y + h, (176, 190, 160))
    c.pen.poly([(x - w * 0.9, y + h * 0.3), (x - w * 0.2, y - h * 0.5), (x + w * 0.5, y + h * 0.3)],
               (168, 172, 186))
    c.pen.oval(x + w * 0.5, y - h * 0.4, h * 0.22, fill=(240, 206, 140))


def sky(c):
    """Nothing but sky, with clouds below."""
    paint_sky(c, c.h)
    u = c.unit
    colour = {"day": WHITE, "sunset": (255, 190, 160), "night": (54, 64, 108)}[c.scene.time]
    if c.scene.weather in ("cloudy", "rainy"):
        colour = mix(colour, (170, 180, 194), 0.5) if c.scene.time == "day" else colour
    for k in range(5):  # the tops of the clouds below
        cloud(c.sky, c.w * (k + c.between(0, 1)) / 5, c.h - c.between(-6, 16) * u, c.between(22, 34) * u, colour)


PLACES = {"field": field, "park": park, "beach": beach, "sea": sea, "street": street, "snow": snow,
          "room": room, "sky": sky}
