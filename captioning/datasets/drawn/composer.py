"""Puts things into a scene, side by side in metres.

The whole is then scaled to fit the square in the middle of the picture, which is what an encoder that crops sees.
"""

from dataclasses import dataclass, field

from captioning.datasets.drawn.pen import BRIGHT, pick
from captioning.datasets.drawn.people import PEOPLE
from captioning.datasets.drawn.scenes import Relation, Scene, Thing, seen_relations
from captioning.datasets.drawn.things import size_of

ADULTS = PEOPLE[:2]
STAGE = 300  # side of the central square, in units; a unit is 1/300 of the picture's shorter side
SIZES_OF_PICTURES = ((400, 300),) * 5 + ((300, 400),) * 2 + ((420, 315), (360, 300), (300, 360), (448, 300))

COLOURS = {  # other kinds have any of BRIGHT; None: a usual colour that no caption mentions
    "dog": ("brown", "black", "white"), "cat": ("orange", "grey", "black", "white"),
    "horse": ("brown", "white", "black"), "cow": ("white", "brown"), "sheep": ("white", "white", "black"),
    "bird": ("red", "blue", "yellow", "white", "black"), ("bird", "swimming"): ("yellow", "white", "black"),
    "house": ("red", "yellow", "blue", "white", "green"),
    "flower": ("red", "yellow", "blue", "purple", "white"), "vase": ("red", "yellow", "blue", "purple", "white"),
    "snowman": BRIGHT, "tree": (None,), "bench": (None,), "table": (None,),
}
USUAL_POSES = {
    "dog": "sitting", "cat": "sitting", "horse": "standing", "cow": "standing", "sheep": "standing",
    "car": "parked", "bus": "parked", "truck": "parked", "bicycle": "parked", **dict.fromkeys(PEOPLE, "standing"),
}
PALE_PLACES = ("snow", "sky")  # where white things can't be seen


@dataclass
class _Piece:
    """A thing before it has a place in the picture: its spots in metres, and `back`, units towards the horizon."""

    kind: str
    colour: str | None
    pose: str | None
    facing: str
    stands: str
    spots: list
    size: float = 1.0
    back: float = 0.0
    layer: int = 0


@dataclass
class Composer:
    """Collects the pieces of one scene, in metres, and then turns them into a Scene."""

    rng: object
    place: str
    time: str
    weather: str
    backdrop: str | None
    pieces: list = field(default_factory=list)
    relations: list = field(default_factory=list)
    foot: float | None = None  # the ground line, in units from the top of the stage
    right: float = 0.0  # metres: where the next piece of a row starts

    def chance(self, share):
        """True with this probability."""
        return self.rng.random() < share

    def between(self, low, high):
        """A random number between low and high."""
        return float(self.rng.uniform(low, high))

    def colour(self, kind, pose=None):
        """A colour for this kind that no other thing of the kind in this scene has."""
        taken = {p.colour for p in self.pieces if p.kind == kind}
        choices = [c for c in COLOURS.get((kind, pose), COLOURS.get(kind, BRIGHT)) if c not in taken]
        if self.place in PALE_PLACES and kind not in ("sheep", "cow"):
            choices = [c for c in choices if c != "white"] or choices
        return pick(self.rng, choices or [None])

    def put(self, kind, x, y=0.0, pose=None, count=1, size=1.0, facing=None, gap=0.15, **more):
        """Adds a thing, or a group of them around a point.

        Args:
            kind: what it is, such as "dog".
            x: metres from the left to the middle of the group.
            y: metres above the ground.
            pose: what it does; the kind's usual pose if None.
            count: number of them.
            size: factor on the usual size.
            facing: "left" or "right"; random if None.
            gap: metres between two of them.
            **more: `drift` (random metres up or down), `stands`, `back` and `layer` of the piece.

        Returns:
            The piece's index.
        """
        pose = pose or USUAL_POSES.get(kind)
        step = (size_of(kind, pose)[0] + gap) * size
        drift = more.pop("drift", 0.0)
        spots = [(x + (k - (count - 1) / 2) * step, y + self.between(-drift, drift)) for k in range(count)]
        facing = facing or pick(self.rng, ("left", "right"))
        stands = more.pop("stands", "ground")
        self.pieces.append(_Piece(kind, self.colour(kind, pose), pose, facing, stands, spots, size, **more))
        return len(self.pieces) - 1

    def beside(self, kind, pose=None, count=1, size=1.0, gap=0.35, **more):
        """Adds a thing, or a group, to the right of what is there. Returns its index; see `put`."""
        pose = pose or USUAL_POSES.get(kind)
        wide = (size_of(kind, pose)[0] + 0.15) * size * count
        x = self.right + wide / 2
        self.right += wide + gap
        return self.put(kind, x, pose=pose, count=count, size=size, **more)

    def relate(self, subject, name, other):
        """Notes that piece `subject` is `name` piece `other`."""
        self.relations.append(Relation(subject, name, other))

    def person(self, adult=None):
        """A random kind of person: any if `adult` is None, else man or woman, or boy or girl."""
        if adult is None:
            return pick(self.rng, PEOPLE)
        return pick(self.rng, ADULTS if adult else PEOPLE[2:])

    def scene(self):
        """The Scene of the pieces so far, in a picture of random size."""
        width, height = pick(self.rng, SIZES_OF_PICTURES)
        boxes, foot = self._fit()
        unit = min(width, height) / STAGE
        left, top = (width - STAGE * unit) / 2, (height - STAGE * unit) / 2
        shift, things = (left, top, left, top), []
        for p, group in zip(self.pieces, boxes, strict=True):
            placed = tuple(tuple(round(o + v * unit, 1) for o, v in zip(shift, box, strict=True)) for box in group)
            size = round((placed[0][3] - placed[0][1]) / min(width, height), 3)
            things.append(Thing(p.kind, p.colour, len(placed), p.pose, p.facing, p.stands, size, p.layer, placed))
        horizon = round(top + self._horizon(boxes, foot) * unit)
        relations = dict.fromkeys([*self.relations, *seen_relations(things, self.relations)])
        return Scene(width, height, horizon, self.place, self.time, self.weather, self.backdrop,
                     tuple(things), tuple(relations))

    def _extents(self):
        """(left, right, top, back) of each piece's spots: metres, metres, metres, units."""
        for p in self.pieces:
            wide, tall = (v * p.size for v in size_of(p.kind, p.pose))
            for x, y in p.spots:
                yield x - wide / 2, x + wide / 2, y + tall, p.back

    def _fit(self):
        """Boxes of each piece, in units and as large as the stage allows, and the ground line."""
        inside, zoom = 284, self.between(0.82, 1.0)
        lefts, rights, tops, backs = zip(*self._extents(), strict=True)
        low, high = min(lefts), max(rights)
        foot = 272 if self.place == "sky" else self.foot or self.between(244, 276)
        tallest = max(size_of(p.kind, p.pose)[1] * p.size for p in self.pieces)
        metre = min(inside / (high - low), 190 / tallest, 240) * zoom
        metre = min(metre, *((foot - 12 - back) / top for top, back in zip(tops, backs, strict=True)))
        spare = (inside - (high - low) * metre) / 2
        centre = STAGE / 2 - (low + high) / 2 * metre + self.between(-0.6, 0.6) * spare
        if self.place == "sky":
            foot -= (foot - 14 - max(tops) * metre) * self.between(0.3, 0.7)
        return [list(self._boxes(p, metre, centre, foot)) for p in self.pieces], foot

    def _boxes(self, piece, metre, centre, foot):
        w, h = (v * piece.size * metre for v in size_of(piece.kind, piece.pose))
        for x, y in piece.spots:
            middle, base = centre + x * metre, foot - piece.back - y * metre
            if piece.stands == "ground" and len(piece.spots) > 1:
                base -= self.between(0, 5)  # no two of a herd in line
            yield middle - w / 2, base - h, middle + w / 2, base

    def _horizon(self, boxes, foot):
        """The horizon in units from the top, above the feet of all that stands on the ground or floats."""
        grounded = [p.stands in ("ground", "water") for p in self.pieces]
        feet = [box[3] for group, down in zip(boxes, grounded, strict=True) if down for box in group]
        lowest = min([*feet, foot])
        if self.place == "street":  # things stand on the near pavement, or on the road if their foot was set
            return foot - 104 if self.foot is None else lowest - 66
        if self.place == "room":
            return min(self.between(186, 204), lowest - 14)
        if self.place == "sky":
            return STAGE
        if self.place in ("sea", "beach"):
            return min(self.between(108, 138), lowest - 62)
        return min(self.between(128, 168), lowest - 22)
