"""Renders the picture of a scene: first the place, then the things with their light and shadows, then the weather.

Each thing is drawn on a layer of its own, whose outline gives its shadow on the ground, its mirror image in water and
the light on its edges.
"""

import functools

import numpy as np
from PIL import Image, ImageChops, ImageFilter

from captioning.datasets.drawn.canvas import SUPER, Canvas
from captioning.datasets.drawn.pen import INKS, Look, Pen, pick
from captioning.datasets.drawn.people import hand_of
from captioning.datasets.drawn.places import PLACES
from captioning.datasets.drawn.things import LAMPLIGHT, THINGS, WOOD, size_of

_SCALED = {share: [int(v * share) for v in range(256)] for share in (0.22, 0.3, 0.32)}


def _natural(kind, colour, rng):
    if kind == "tree":
        base = pick(rng, ((78, 150, 66), (92, 160, 70), (66, 138, 72)))
    elif kind in ("bench", "table"):
        base = pick(rng, (WOOD, (146, 98, 60), (186, 138, 90)))
    else:
        base = INKS[colour]
    grey = max(base) - min(base) < 24
    jitter = [int(rng.integers(-9, 10))] * 3 if grey else rng.integers(-9, 10, 3).tolist()
    return tuple(int(min(255, max(0, v + d))) for v, d in zip(base, jitter, strict=True))


def render_thing(c, thing, box):
    """Renders one thing in its box (x0, y0, x1, y1 in pixels): shadow or mirror image first, then the thing."""
    x0, y0, x1, y1 = box
    wide, _ = size_of(thing.kind, thing.pose)
    scale, pad = (x1 - x0) / wide, 8
    w, h = round((x1 - x0 + 2 * pad) * SUPER), round((y1 - y0 + 2 * pad) * SUPER)
    layer = Image.new("RGBA", (w, h))
    flip = -1 if thing.facing == "left" else 1
    matrix = (flip * scale * SUPER, 0, w / 2, 0, -scale * SUPER, h - pad * SUPER)
    winter = c.scene.place == "snow" or c.scene.weather == "snowy"
    look = Look(thing.kind, _natural(thing.kind, thing.colour, c.rng), thing.pose, c.rng, c.light.lit, winter)
    THINGS[thing.kind](Pen(layer, matrix, c.light.things), look)
    corner = (round((x0 - pad) * SUPER), round((y0 - pad) * SUPER))
    if thing.stands == "ground":
        _cast_shadow(c, layer.getchannel("A"), corner, x1 - x0, y1)
    elif thing.stands == "water":
        _mirror(c, layer, corner, y1)
    _model(layer, c.light.side)
    c.image.paste(layer, corner, layer)


def _model(layer, side):
    """Light on the edge towards the sun, shade on the other edge and below, so that flat shapes look solid."""
    alpha = layer.getchannel("A")
    small = alpha.reduce(2)
    step = SUPER
    sunny, shady = (-side * step, step, (255, 252, 236), 0.32), (side * step * 2, -step * 2, (20, 14, 50), 0.22)
    for dx, dy, colour, strength in (sunny, shady):
        inner = ImageChops.subtract(small, ImageChops.offset(small, dx, dy)).filter(ImageFilter.BoxBlur(1))
        rim = inner.point(_SCALED[strength]).resize(alpha.size, Image.Resampling.BILINEAR)
        layer.paste(colour, mask=ImageChops.darker(rim, alpha))
    layer.putalpha(alpha)


def _cast_shadow(c, alpha, corner, wide, foot):
    c.sky.oval(corner[0] / SUPER + alpha.width / SUPER / 2, foot, wide * 0.5, max(3.0, wide * 0.07),
               (24, 22, 52, 44))
    c.sky.oval(corner[0] / SUPER + alpha.width / SUPER / 2, foot, wide * 0.42, max(2.0, wide * 0.05),
               (24, 22, 52, 50))
    if not c.light.shadow:
        return
    small = alpha.reduce(4)
    w, base = small.width, small.height - 8 * SUPER // 4
    squash = 0.3
    lean = c.light.length * -c.light.side
    reach = round(base * abs(lean)) + 2
    flat_h = round(base * squash) + 4
    offset = reach if lean < 0 else 0
    # Output pixel (x, y) of the shadow, y counted up from its foot, comes from (x - lean * height, height).
    shear = (1, lean / squash, -offset - lean / squash * (flat_h - 2),
             0, 1 / squash, base - (flat_h - 2) / squash)
    shadow = small.transform((w + reach, flat_h), Image.Transform.AFFINE, shear, Image.Resampling.BILINEAR)
    shadow = shadow.filter(ImageFilter.BoxBlur(1)).point(lambda v: int(v * c.light.shadow))
    shadow = shadow.resize((shadow.width * 4, shadow.height * 4), Image.Resampling.BILINEAR)
    place = (corner[0] - offset * 4, round(foot * SUPER) - (flat_h - 2) * 4)
    c.image.paste((22, 22, 58), (*place, place[0] + shadow.width, place[1] + shadow.height), shadow)


def _mirror(c, layer, corner, foot):
    body = layer.crop((0, 0, layer.width, layer.height - 8 * SUPER))
    image = body.transpose(Image.Transpose.FLIP_TOP_BOTTOM).resize((body.width, max(1, body.height // 2)))
    fade = image.getchannel("A").point(_SCALED[0.3])
    c.image.paste(image.convert("RGB"), (corner[0], round(foot * SUPER) - 3), fade)


def _wake(c, box):
    """Ripples where a thing floats."""
    x0, _, x1, y1 = box
    foam = (236, 246, 252) if c.scene.time == "day" else (190, 196, 220)
    for k, (reach, drop) in enumerate(((0.5, 0), (0.4, 3), (0.3, 6))):
        half, middle, y = (x1 - x0) * reach, (x0 + x1) / 2 + k * 3, y1 + drop
        ripple = [(middle - half, y), (middle - half / 3, y - 2), (middle + half / 3, y + 1), (middle + half, y)]
        c.sky.stroke(ripple, 2.2 * c.unit, (*foam, 190 - 40 * k), curved=True)


def _string(c, scene, relation):
    """The string of a kite or balloon, the leash of a dog: from a hand to the thing."""
    holder, held = scene.things[relation.subject], scene.things[relation.object]
    x, y = hand_at(holder)
    for x0, _, x1, y1 in held.boxes:
        scale = (x1 - x0) / size_of(held.kind, held.pose)[0]
        side = -1 if held.facing == "left" else 1
        middle = (x0 + x1) / 2
        end = {"kite": (middle + side * 0.06 * scale, y1 - 1.3 * scale),
               "balloon": (middle, y1 - 0.05 * scale),
               "dog": (middle + side * 0.3 * scale, y1 - 0.62 * scale)}[held.kind]
        sag = (end[0] - x) * 0.12 if held.kind == "kite" else 2 * c.unit
        bend = ((x + end[0]) / 2 + sag * 0.4, (y + end[1]) / 2 + abs(sag))
        colour = (250, 250, 245) if scene.time == "night" else (70, 60, 60)
        c.sky.stroke([(x, y), bend, end], 1.3 * c.unit, colour, curved=True)


def _rails(c, y):
    u = c.unit
    c.pen.box(0, y - 7 * u, c.w, y + 9 * u, (168, 156, 142))
    for k in range(int(c.w / (13 * u)) + 1):
        c.pen.poly([(k * 13 * u, y - 4 * u), ((k * 13 + 6) * u, y - 4 * u), ((k * 13 + 5) * u, y + 7 * u),
                    ((k * 13 - 2) * u, y + 7 * u)], (116, 86, 62))
    for dy in (-2, 3):
        c.pen.box(0, y + dy * u, c.w, y + (dy + 1.8) * u, (96, 98, 108))
        c.pen.box(0, y + dy * u, c.w, y + (dy + 0.6) * u, (190, 194, 202))


def hand_at(thing):
    """Where the near hand of a person in the scene is, in pixels."""
    x0, _, x1, y1 = thing.boxes[0]
    scale = (x1 - x0) / size_of(thing.kind, thing.pose)[0]
    x, y = hand_of(thing.kind, thing.pose)
    return (x0 + x1) / 2 + (-1 if thing.facing == "left" else 1) * x * scale, y1 - y * scale


def _weather(c):
    scene, u = c.scene, c.unit
    if scene.place == "room":
        return
    if scene.weather == "rainy":
        for _ in range(150):
            x, y, s = c.between(-10, c.w), c.between(-10, c.h), c.between(7, 15) * u
            c.sky.translucent.line([(x * SUPER, y * SUPER), ((x - s * 0.28) * SUPER, (y + s) * SUPER)],
                            fill=(226, 236, 248, 130), width=SUPER)
    if scene.weather == "snowy":
        for _ in range(150):
            x, y, r = c.between(0, c.w), c.between(0, c.h), c.between(0.8, 2.6) * u
            c.sky.translucent.ellipse([(x - r) * SUPER, (y - r) * SUPER, (x + r) * SUPER, (y + r) * SUPER],
                               fill=(255, 255, 255, 225))


def render_scene(scene, rng):
    """Renders a scene.

    Args:
        scene: the Scene.
        rng: a numpy Generator. The same scene and state give the same picture.

    Returns:
        An RGB image of the scene's width and height.
    """
    c = Canvas(scene, rng)
    PLACES[scene.place](c)
    for thing in scene.things:
        if thing.kind == "train":
            _rails(c, thing.boxes[0][3])
    for relation in scene.relations:
        held = scene.things[relation.object].kind
        if relation.name in ("flying", "holding", "walking") and held in ("kite", "balloon", "dog"):
            _string(c, scene, relation)
    parts = [(thing.layer, box[3], k, thing, box) for k, thing in enumerate(scene.things) for box in thing.boxes]
    for *_, thing, box in sorted(parts, key=lambda part: part[:3]):
        render_thing(c, thing, box)
        if thing.stands == "water":
            _wake(c, box)
        if thing.kind == "lamp" and c.light.lit:
            c.glow((box[0] + box[2]) / 2, box[1] + 10 * c.unit, 62 * c.unit, LAMPLIGHT, 34)
    _weather(c)
    return _finish(c)


@functools.lru_cache(maxsize=16)
def _vignette(size):
    """Brightness towards the corners, as an image to multiply with."""
    y, x = np.linspace(-1, 1, size[1])[:, None], np.linspace(-1, 1, size[0])[None]
    frame = np.round(255 * (1.0 - 0.06 * (x**2 + y**2))).astype(np.uint8)
    return Image.merge("RGB", [Image.fromarray(frame)] * 3)


def _finish(c):
    """Reduce to the final size, darken the corners a little, add a camera's noise of up to 4 of 255 levels."""
    picture = ImageChops.multiply(c.image.reduce(SUPER), _vignette((c.w, c.h)))
    noise = Image.fromarray(c.rng.integers(0, 9, (c.h, c.w), dtype=np.uint8))
    return ImageChops.add(picture, Image.merge("RGB", [noise] * 3), 1, -4)
