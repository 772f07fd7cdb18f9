"""Draws the people of the drawn world: a jointed figure of four kinds, in eleven poses."""

import math
from dataclasses import dataclass

from captioning.datasets.drawn.pen import CREAM, dark, light, mix, pick

PEOPLE = ("man", "woman", "boy", "girl")
SKINS = ((255, 222, 196), (244, 200, 164), (222, 170, 128), (176, 122, 84), (126, 84, 58))
HAIRS = ((46, 36, 32), (88, 56, 34), (134, 84, 42), (222, 178, 92), (172, 84, 44), (70, 62, 60))
TROUSERS = ((74, 74, 86), (112, 92, 74), (62, 66, 96), (150, 132, 104))


@dataclass(frozen=True)
class Pose:
    """Angles in degrees from straight down, forward positive: (upper, lower) of each limb, near then far.

    lift: height of the hips above the foot of the box, if the legs do not decide it. wide: width of the box.
    shift: moves the figure to the middle of its box. All three are shares of the standing height.
    """

    legs: tuple
    arms: tuple
    lean: float = 0.0
    lift: float = 0.0
    wide: float = 0.5
    shift: float = 0.0


POSES = {
    "standing": Pose(((-3, -3), (5, 5)), ((16, 8), (-16, -8))),
    "walking": Pose(((26, 8), (-16, -36)), ((-30, -12), (26, 48)), 4, wide=0.56),
    "running": Pose(((52, 4), (-24, -84)), ((-46, 30), (40, 110)), 12, 0.4, wide=0.76),
    "holding": Pose(((-3, -3), (5, 5)), ((40, 132), (-16, -8)), wide=0.56, shift=-0.09),
    "strolling": Pose(((26, 8), (-16, -36)), ((40, 132), (-24, -8)), 3, wide=0.64, shift=-0.05),
    "waving": Pose(((-5, -3), (7, 5)), ((122, 152), (-18, -10)), wide=0.56, shift=-0.06),
    "carrying": Pose(((-3, -3), (5, 5)), ((14, 88), (34, 84)), wide=0.52, shift=-0.11),
    "surfing": Pose(((48, -14), (-40, -4)), ((78, 96), (-74, -96)), 6, 0.4, 1.0, -0.03),
    "riding": Pose(((58, -6), (58, -6)), ((34, 74), (42, 78)), 3, 0.34, 0.54, -0.14),
    "cycling": Pose(((64, -16), (22, -26)), ((52, 70), (56, 74)), 16, 0.4, 0.66, -0.17),
    "sitting": Pose(((0, 0), (0, 0)), ((16, 40), (-16, -40)), 0, 0.3, 0.58),
}


@dataclass(frozen=True)
class Figure:
    """Height in metres, and the proportions of a figure that stands 1 tall."""

    tall: float
    head_y: float
    head_r: float
    shoulder_y: float
    shoulder: float
    hip_y: float
    thick: float
    dress: bool = False


FIGURES = {
    "man": Figure(1.8, 0.885, 0.098, 0.755, 0.112, 0.44, 0.042),
    "woman": Figure(1.72, 0.88, 0.1, 0.75, 0.088, 0.45, 0.035, True),
    "boy": Figure(1.28, 0.825, 0.145, 0.65, 0.105, 0.36, 0.047),
    "girl": Figure(1.24, 0.825, 0.145, 0.645, 0.09, 0.36, 0.042, True),
}


def size_of_person(kind, pose):
    """(width, height) in metres of the box that holds a person in this pose."""
    f, p = FIGURES[kind], POSES[pose]
    rise = 1.02 - f.hip_y - f.thick * 0.4 if p.lift else 1.0
    return f.tall * p.wide, f.tall * (p.lift + rise)


def _swing(start, angle, length):
    """The end of a limb: `length` from its start, at an angle in degrees from straight down."""
    return start[0] + length * math.sin(math.radians(angle)), start[1] - length * math.cos(math.radians(angle))


def _joints(kind, pose):
    """Hips and shoulder of a figure 1 tall, and the ends of its near arm: (hip, shoulder, elbow, hand)."""
    f, p = FIGURES[kind], POSES[pose]
    hip = (p.shift, p.lift or f.hip_y + f.thick * 0.4)
    rise = f.shoulder_y - f.hip_y
    shoulder = (hip[0] + rise * math.sin(math.radians(p.lean)), hip[1] + rise * math.cos(math.radians(p.lean)))
    start = (shoulder[0] + f.shoulder * 0.75, shoulder[1] - 0.03)
    elbow = _swing(start, p.arms[0][0], rise * 0.58)
    return hip, shoulder, elbow, _swing(elbow, p.arms[0][1], rise * 0.54)


def hand_of(kind, pose):
    """Where the near hand of a person in this pose is, in metres from the middle of the foot of the box."""
    x, y = _joints(kind, pose)[3]
    return x * FIGURES[kind].tall, y * FIGURES[kind].tall


def person(pen, look):
    """Draws a man, woman, boy or girl in the pose of the look."""
    pen = pen.moved(0, 0, FIGURES[look.kind].tall)
    f, p = FIGURES[look.kind], POSES[look.pose]
    tone = int(look.rng.integers(len(SKINS)))
    skin, hair = SKINS[tone], pick(look.rng, HAIRS[: 2 if tone > 2 else None])
    trousers = pick(look.rng, TROUSERS)
    if f.dress and not look.winter:
        trousers = skin
    hip, shoulder, _, _ = _joints(look.kind, look.pose)
    sleeve = look.winter or look.rng.random() < 0.4
    if look.pose == "sitting":
        _seated_legs(pen, f, hip, look.ink if f.dress else trousers, trousers)
    else:
        _legs(pen, f, p, hip, look, trousers, skin)
    top = pen.moved(*hip, turn=-p.lean)
    rise = f.shoulder_y - f.hip_y
    _arm(top, f, p.arms[1], rise, -1, dark(look.ink, 0.14), skin, sleeve, p.lean)
    _torso(top, f, rise, look, look.pose in ("riding", "sitting", "cycling"))
    head = top.moved(0, rise + f.head_y - f.shoulder_y, turn=p.lean * 0.6)
    _head(head, f.head_r, look, skin, hair)
    _arm(top, f, p.arms[0], rise, 1, light(look.ink, 0.1), skin, sleeve, p.lean)


def _legs(pen, f, p, hip, look, trousers, skin):
    """Both legs with shoes, the far one first."""
    leg = f.hip_y / 2
    bare = look.kind == "boy" and not look.winter
    shoe = (70, 60, 60) if look.winter else dark(mix(trousers, (70, 60, 70), 0.7), 0.3)
    for far, side in ((1, -1), (0, 1)):
        upper, lower = p.legs[far]
        start = (hip[0] + side * f.shoulder * 0.42, hip[1] - 0.01)
        knee = _swing(start, upper, leg)
        foot = _swing(knee, lower, leg - f.thick * 0.6)
        tone, calf = (dark(trousers, 0.2), dark(skin, 0.12)) if far else (trousers, skin)
        calf = calf if bare or (f.dress and not look.winter) else tone
        pen.limb(knee, foot, f.thick * 0.92, f.thick * 0.78, calf)
        pen.limb(start, knee, f.thick * 1.2, f.thick * 0.95, tone)
        pen.oval(foot[0] + f.thick * 0.55, max(foot[1] - 0.004, 0.018), f.thick * 1.35, f.thick * 0.62, shoe)


def _seated_legs(pen, f, hip, lap, shins):
    """Seen from the front."""
    for side in (-1, 1):
        x = side * f.shoulder * 0.52
        knee = (x * 1.25, hip[1] - 0.045)
        pen.limb(knee, (x * 1.25, 0.04), f.thick * 1.0, f.thick * 0.8, dark(shins, 0.1))
        pen.limb((x, hip[1]), knee, f.thick * 1.35, f.thick * 1.3, lap)
        pen.oval(x * 1.25 + 0.01, 0.026, f.thick * 1.2, 0.028, (80, 66, 66))


def _torso(top, f, rise, look, seated):
    """The upper body, or a dress."""
    c, w = look.ink, f.shoulder
    if f.dress and not seated:
        hem = -0.2 if look.kind == "woman" else -0.15
        top.blob([(-w, rise - 0.02), (0, rise + 0.02), (w, rise - 0.02), (w * 0.78, rise * 0.5),
                  (w * 1.5, hem), (0, hem - 0.015), (-w * 1.5, hem), (-w * 0.78, rise * 0.5)], c)
        top.stroke([(-w * 0.78, rise * 0.42), (w * 0.78, rise * 0.42)], 0.028, dark(c, 0.3))
    else:
        low = -0.05 if look.winter else -0.025
        top.blob([(-w, rise - 0.02), (0, rise + 0.02), (w, rise - 0.02), (w * 0.95, rise * 0.4),
                  (w * 0.9, low), (0, low - 0.02), (-w * 0.9, low), (-w * 0.95, rise * 0.4)], c)
    if look.winter:
        top.stroke([(0, rise), (0, -0.04)], 0.012, dark(c, 0.4))
        top.stroke([(-w * 0.6, rise - 0.005), (0, rise - 0.03), (w * 0.6, rise - 0.005)], 0.045, CREAM)


def _arm(top, f, angles, rise, side, cloth, skin, sleeve, lean):
    """One arm; side: 1 for the near one, -1 for the far one."""
    start = (side * f.shoulder * 0.75, rise - 0.03)
    elbow = _swing(start, angles[0] + lean, rise * 0.58)
    hand = _swing(elbow, angles[1] + lean, rise * 0.54)
    top.limb(elbow, hand, f.thick * 0.72, f.thick * 0.62, cloth if sleeve else skin)
    top.limb(start, elbow if sleeve else _swing(start, angles[0] + lean, rise * 0.42), f.thick * 0.95,
             f.thick * 0.84, cloth)
    top.oval(*hand, f.thick * 0.8, fill=skin)


def _head(p, r, look, skin, hair):
    """The head with its hair and face, and a hat in winter."""
    long_hair = look.kind == "woman"
    if long_hair:
        p.blob([(-r * 1.05, r * 0.5), (0, r * 1.12), (r * 1.05, r * 0.5), (r * 1.1, -r * 0.8),
                (r * 0.6, -r * 1.3), (-r * 0.9, -r * 1.4), (-r * 1.2, -r * 0.9)], hair)
    p.box(-r * 0.36, -r * 1.5, r * 0.36, -r * 0.6, dark(skin, 0.1), r * 0.2)
    if look.kind == "girl":
        for side in (-1, 1):
            p.oval(side * r * 1.12, -r * 0.3, r * 0.3, r * 0.52, hair)
            p.oval(side * r * 0.98, r * 0.22, r * 0.14, fill=light(look.ink, 0.2))
    p.oval(-r * 0.05, r * 0.06, r * 1.03, r * 1.0, hair)
    p.oval(r * 0.1, -r * 0.12, r * 0.92, r * 0.9, skin)
    p.oval(-r * 0.86, -r * 0.16, r * 0.18, r * 0.22, skin)
    if long_hair or look.kind == "girl":
        p.blob([(-r, r * 0.3), (-r * 0.2, r * 0.98), (r * 0.9, r * 0.45), (r * 0.3, r * 0.42),
                (-r * 0.4, r * 0.3), (-r * 0.86, -r * 0.2)], hair)
    elif look.kind == "boy":
        p.poly([(-r * 0.3, r * 0.95), (r * 0.1, r * 1.2), (r * 0.2, r * 0.95)], hair)
    for x in (-0.22, 0.5):
        p.oval(x * r, -r * 0.06, r * 0.115, r * 0.15, (34, 26, 30))
        p.oval((x + 0.04) * r, -r * 0.01, r * 0.045, fill=(255, 255, 255))
        p.oval((x + (0.26 if x > 0 else -0.26)) * r, -r * 0.36, r * 0.17, r * 0.12, mix(skin, (236, 110, 100), 0.35))
    smile = [(-r * 0.12, -r * 0.42), (r * 0.14, -r * 0.54), (r * 0.4, -r * 0.42)]
    p.stroke(smile, r * 0.09, (150, 60, 60), curved=True)
    if look.winter:
        p.sector(0, r * 0.26, r * 1.12, r * 0.98, 0, 180, mix(look.ink, CREAM, 0.25))
        p.box(-r * 1.14, r * 0.16, r * 1.14, r * 0.44, CREAM, r * 0.12)
        p.oval(0, r * 1.22, r * 0.2, fill=CREAM)
