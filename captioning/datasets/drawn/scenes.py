"""Decides what a scene of the drawn world holds: a place, time and weather, things, and the relations between them.

Situations (a rider, a herd, a cat on a couch ...) put things side by side in metres. The whole is then scaled to fit
the square in the middle of the picture, which is what an encoder that crops sees.
"""

from dataclasses import asdict, dataclass, field

from captioning.datasets.drawn.pen import BRIGHT, pick
from captioning.datasets.drawn.people import PEOPLE, hand_of
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


@dataclass(frozen=True)
class Thing:
    """One kind of thing, `count` times: boxes are (x0, y0, x1, y1) in pixels of the picture, y down."""

    kind: str
    colour: str | None
    count: int
    pose: str | None
    facing: str  # "left" or "right"
    stands: str  # on the "ground", in "water", in the "air", or on a "thing"
    size: float  # height of the first box as a share of the picture's shorter side
    layer: int  # lower layers are rendered first, so lie behind
    boxes: tuple


@dataclass(frozen=True)
class Relation:
    """things[subject] is `name` things[object]: next to, in front of, under, on, above, holding, riding ..."""

    subject: int
    name: str
    object: int


@dataclass(frozen=True)
class Scene:
    """Everything that a picture shows and a caption may tell."""

    width: int  # in pixels
    height: int
    horizon: int  # in pixels from the top
    place: str
    time: str  # day, sunset, night
    weather: str  # sunny, cloudy, rainy, snowy, clear
    backdrop: str | None  # hills, mountains, trees, buildings, houses, wave
    things: tuple
    relations: tuple

    def to_json(self):
        """The scene as a dict of plain lists, strings and numbers, for JSON."""
        plain = asdict(self)
        for thing in plain["things"]:
            thing["boxes"] = [list(box) for box in thing["boxes"]]
        return {**plain, "things": list(plain["things"]), "relations": list(plain["relations"])}

    @classmethod
    def from_json(cls, plain):
        """The scene that `to_json` wrote. Other keys, such as an image's id, are ignored."""
        things = tuple(Thing(**{**t, "boxes": tuple(tuple(b) for b in t["boxes"])}) for t in plain["things"])
        own = {name: plain[name] for name in cls.__dataclass_fields__}
        return cls(**{**own, "things": things, "relations": tuple(Relation(**r) for r in plain["relations"])})


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
        relations = dict.fromkeys([*self.relations, *_seen_relations(things, self.relations)])
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


def union(thing):
    """The box around all of a thing's boxes."""
    x0, y0, x1, y1 = zip(*thing.boxes, strict=True)
    return min(x0), min(y0), max(x1), max(y1)


def most_striking(things):
    """Index of the thing whose colour one notices first: the largest coloured one; clothes count less."""
    def strikes(k):
        area = sum((x1 - x0) * (y1 - y0) for x0, y0, x1, y1 in things[k].boxes)
        return things[k].colour is not None, things[k].kind not in PEOPLE, area

    return max(range(len(things)), key=strikes)


def _seen_relations(things, told):
    """The relations that follow from the boxes: neighbours on the ground, and what flies above what."""
    bound = {frozenset((r.subject, r.object)) for r in told}
    for i, a in enumerate(things):
        for j, b in enumerate(things):
            if i == j:
                continue
            (_, top, _, bottom), flies = union(b), a.stands == "air" and b.stands != "air"
            if flies and union(a)[3] < top + 0.1 * (bottom - top):
                yield Relation(i, "above", j)
            if frozenset((i, j)) not in bound and are_neighbours(a, b):
                yield Relation(i, "next to", j)


def are_neighbours(a, b):
    """Whether both stand on the ground, or float, side by side with less than half a width between them."""
    if a.stands != b.stands or a.stands not in ("ground", "water"):
        return False
    (ax0, ay0, ax1, ay1), (bx0, by0, bx1, by1) = union(a), union(b)
    gap = max(ax0, bx0) - min(ax1, bx1)
    wide, tall = min(ax1 - ax0, bx1 - bx0), max(ay1 - ay0, by1 - by0)
    return -0.25 * wide < gap < 0.5 * max(ax1 - ax0, bx1 - bx0) and abs(ay1 - by1) < 0.25 * tall


# ------------------------------------------------------------------------------------------------ situations


def _way(s):
    """A direction to face, and its sign."""
    return pick(s.rng, (("left", -1), ("right", 1)))


def herd(s):
    """One to three cows, sheep or horses."""
    kind = pick(s.rng, ("cow", "sheep", "horse"))
    pose = pick(s.rng, ("standing", "grazing", "grazing"))
    s.put(kind, 0, pose=pose, count=pick(s.rng, (1, 1, 2, 2, 3)), gap=s.between(0.1, 0.4))


def two_animals(s):
    """Two kinds of animals side by side."""
    for kind in s.rng.permutation(("cow", "sheep", "horse", "dog"))[:2]:
        s.beside(str(kind), pose="standing", count=pick(s.rng, (1, 1, 1, 2)))


def rider(s):
    """A person on a horse."""
    facing, side = _way(s)
    kind = s.person()
    tall = size_of(kind, "standing")[1]
    horse = s.put("horse", 0, pose="ridden", facing=facing)
    x, y = side * (0.14 * tall - 0.1), 1.22 - 0.34 * tall  # the hips come to rest on the horse's back
    person = s.put(kind, x, y, pose="riding", facing=facing, layer=1, stands="thing")
    s.relate(person, "riding", horse)


def cyclist(s):
    """A person on a bicycle, sometimes with a dog behind."""
    facing, side = _way(s)
    kind = s.person()
    tall = size_of(kind, "standing")[1]
    size = tall / 1.8
    bike = s.put("bicycle", 0, pose="ridden", facing=facing, size=size)
    x, y = side * (0.17 * tall - 0.28 * size), 0.95 * size - 0.4 * tall  # the hips on the saddle
    person = s.put(kind, x, y, pose="cycling", facing=facing, layer=1, stands="thing")
    s.relate(person, "riding", bike)
    if s.chance(0.25):
        s.right = -size * 2.1 - 1.2
        s.beside("dog", pose="running", facing=facing)


def surfer(s):
    """A person on a surfboard, in front of a wave."""
    s.backdrop, s.foot = "wave", s.between(214, 232)
    facing, _ = _way(s)
    kind = s.person()
    size = 1.0 if kind in ADULTS else 0.8
    board = s.put("surfboard", 0, pose="ridden", facing=facing, size=size, stands="water", layer=1)
    person = s.put(kind, 0, 0.16, pose="surfing", facing=facing, layer=2, stands="thing")
    s.relate(person, "riding", board)
    s.relate(person, "on", board)


def walk_dog(s):
    """A person who walks a dog."""
    facing, side = _way(s)
    walker = s.put(s.person(), 0, pose="strolling", facing=facing)
    dog = s.put("dog", side * 1.5, pose="walking", facing=facing)
    s.relate(walker, "walking", dog)
    s.relate(walker, "next to", dog)
    s.relate(dog, "next to", walker)


def fly_kite(s):
    """A person who flies a kite."""
    facing, side = _way(s)
    kind = s.person(adult=s.chance(0.35))
    flyer = s.put(kind, -side * 0.9, pose="waving", facing=facing, size=1.0 if kind in ADULTS else 1.2)
    x, y = side * s.between(0.8, 1.2), s.between(1.25, 1.6)
    kite = s.put("kite", x, y, facing=facing, size=0.95, stands="air")
    s.relate(flyer, "flying", kite)


def hold_balloons(s):
    """A person with one to three balloons."""
    facing, side = _way(s)
    kind = s.person(adult=s.chance(0.3))
    x, y = hand_of(kind, "holding")
    holder = s.put(kind, 0, pose="holding", facing=facing)
    count = pick(s.rng, (1, 1, 2, 3))
    held = s.put("balloon", side * x * 1.1, y + 0.75, count=count, gap=-0.02, stands="air", drift=0.12)
    s.relate(holder, "holding", held)


def hold_umbrella(s):
    """A person under an umbrella."""
    facing, side = _way(s)
    kind, pose = s.person(), pick(s.rng, ("holding", "strolling"))
    x, y = hand_of(kind, pose)
    holder = s.put(kind, 0, pose=pose, facing=facing)
    size = 1.0 if kind in ADULTS else 0.85
    held = s.put("umbrella", side * x, y - 0.12, stands="thing", size=size, layer=-1)
    s.relate(holder, "holding", held)
    s.relate(holder, "under", held)


def hold_ball(s):
    """A person who holds a ball."""
    facing, side = _way(s)
    kind = s.person(adult=s.chance(0.2))
    x, y = hand_of(kind, "carrying")
    holder = s.put(kind, 0, pose="carrying", facing=facing)
    held = s.put("ball", side * (x + 0.1), y - 0.22, stands="thing", layer=1)
    s.relate(holder, "holding", held)


def stroll(s):
    """One or two people who walk, run or stand."""
    facing, _ = _way(s)
    pose = pick(s.rng, ("walking", "walking", "running", "standing"))
    for kind in s.rng.permutation(PEOPLE)[: pick(s.rng, (1, 2, 2))]:
        s.beside(str(kind), pose=pose, facing=facing, gap=0.1)


def pet(s):
    """A dog or cat, with a ball, another animal or a person."""
    kind = pick(s.rng, ("dog", "dog", "cat"))
    pose = pick(s.rng, ("sitting", "sitting", "standing") if kind == "cat" else ("sitting", "standing", "running"))
    s.beside(kind, pose=pose, count=pick(s.rng, (1, 1, 1, 2)))
    other = pick(s.rng, ("ball", "ball", "cat", s.person(), None))
    if other == "ball":
        s.beside("ball", count=pick(s.rng, (1, 1, 2)))
    elif other and other != kind:
        s.beside(other, facing="left")


def play_ball(s):
    """A person who runs after a ball, maybe with a dog or a child."""
    facing, _ = _way(s)
    player = s.person(adult=s.chance(0.2))
    s.beside(player, pose="running", facing=facing)
    s.beside("ball", gap=0.3)
    other = pick(s.rng, ("dog", s.person(adult=False), None, None))
    if other and other != player:
        s.beside(other, pose="running", facing="left")


def two_balls(s):
    """Balls of two colours, maybe with a dog or cat."""
    first = pick(s.rng, (1, 1, 2))
    s.beside("ball", count=first)
    s.beside("ball", count=pick(s.rng, (1, 2)) if first == 1 else 1)
    if s.chance(0.5):
        s.beside(pick(s.rng, ("dog", "cat")), facing="left")


def house_scene(s):
    """A house, with something in front of it or a tree beside it."""
    house = s.put("house", 0, back=24, layer=-2, facing="right")
    kind = pick(s.rng, ("car", "car", s.person(), "bicycle", "tree", "dog", "bench"))
    if kind == "tree":
        s.right = 2.4
        s.beside("tree", back=20)
        return
    size = {"dog": 1.4, "car": 1.0, "bench": 1.0}.get(kind, 1.15)
    near = s.put(kind, s.between(-1.3, 1.3), pose="standing" if kind == "dog" else None, size=size)
    s.relate(near, "in front of", house)


def under_tree(s):
    """Something under a tree."""
    tree = s.put("tree", 0, size=s.between(1.1, 1.25), back=10, layer=-2, facing="right")
    guests = ("dog", "bench", "bird") if s.place == "snow" else ("sheep", "dog", "bench", "cow", "horse", "cat")
    kind = pick(s.rng, (*guests, s.person(adult=False)))
    size = {"cow": 0.8, "horse": 0.75, "cat": 1.25, "dog": 1.15, "bird": 1.3}.get(kind, 1.0)
    under = s.put(kind, pick(s.rng, (-1, 1)) * s.between(0.5, 0.9), size=size)
    s.relate(under, "under", tree)


def _seat(s, kind, x, height, on):
    """Puts a person or an animal on a seat of this height, in metres; they are `on` it."""
    if kind in PEOPLE:
        y = height + 0.04 - 0.3 * size_of(kind, "standing")[1]
        guest = s.put(kind, x, y, pose="sitting", layer=1, stands="thing", facing="right")
    else:
        pose = pick(s.rng, ("sitting", "sleeping")) if height > 0.5 and kind != "bird" else None
        count = pick(s.rng, (1, 2)) if kind == "bird" else 1
        guest = s.put(kind, x, height - 0.02, pose=pose, size=0.8, layer=1, stands="thing", count=count)
    s.relate(guest, "on", on)


def bench_scene(s):
    """A bench, with people or animals on it or things beside it."""
    bench = s.put("bench", 0, facing="right")
    guest = pick(s.rng, (s.person(), s.person(), s.person(), "cat", "bird", "dog", None))
    second = s.person()
    if guest in PEOPLE and second != guest and s.chance(0.45):
        _seat(s, guest, -0.42, 0.46, bench)
        _seat(s, second, 0.42, 0.46, bench)
    elif guest:
        _seat(s, guest, s.between(-0.45, 0.45), 0.46, bench)
    if guest is None or s.chance(0.35):
        s.right = 1.2
        kind = pick(s.rng, ("bicycle", "dog", "tree", "flower"))
        s.beside(kind, count=pick(s.rng, (1, 2, 3)) if kind == "flower" else 1)


def flowers(s):
    """Flowers, with other flowers, a bird, a cat or a child."""
    s.beside("flower", count=pick(s.rng, (1, 2, 3, 3)), size=s.between(0.9, 1.2))
    other = pick(s.rng, ("flower", "bird", "cat", s.person(adult=False), None))
    if other:
        s.beside(other, count=pick(s.rng, (1, 2)) if other == "flower" else 1, facing="left")


def parasol(s):
    """Something under a parasol on the beach."""
    umbrella = s.put("umbrella", 0, pose="planted", back=6, layer=-1, facing="right")
    kind = pick(s.rng, ("chair", "chair", "ball", "dog", s.person(adult=False)))
    under = s.put(kind, pick(s.rng, (-1, 1)) * s.between(0.5, 0.7))
    s.relate(under, "under", umbrella)
    if s.chance(0.35):
        s.right = 1.3
        s.beside(pick(s.rng, ("ball", "surfboard")), pose="planted")


def boards(s):
    """A person beside surfboards."""
    kind = s.person()
    s.beside(kind, facing="right", size=1.0 if kind in ADULTS else 1.15)
    s.beside("surfboard", pose="planted", count=pick(s.rng, (1, 1, 2)))


def birds(s):
    """One to three birds, on the ground or the water."""
    if s.place == "sea":
        s.foot = s.between(220, 250)
        s.put("bird", 0, pose="swimming", stands="water", count=pick(s.rng, (1, 2, 3)))
    else:
        s.put("bird", 0, count=pick(s.rng, (1, 2, 3)))


def boats(s):
    """Boats of one or two colours, sometimes with a bird above."""
    s.foot = s.between(214, 246)
    count = pick(s.rng, (1, 1, 2, 3))
    s.put("boat", 0, stands="water", count=count, gap=0.3)
    if count < 3 and s.chance(0.35):
        s.right = 1.6 if count == 1 else 3.3
        s.beside("boat", stands="water")
    elif count == 1 and s.chance(0.4):
        s.put("bird", pick(s.rng, (-1, 1)) * 1.7, 2.4, pose="flying", size=1.1, stands="air")


def vehicles(s):
    """Cars, buses or trucks on the road."""
    s.foot = s.between(226, 242)
    kind, (facing, _) = pick(s.rng, ("car", "car", "bus", "truck")), _way(s)
    count = pick(s.rng, (1, 1, 1, 2, 3) if kind == "car" else (1, 1, 2))
    pose = pick(s.rng, ("parked", "driving"))
    s.beside(kind, pose=pose, count=count, facing=facing, gap=0.5)
    if count == 1 and s.chance(0.55):
        s.beside(pick(s.rng, ("car", "truck", "bus")), pose=pose, facing=facing)


def by_vehicle(s):
    """A person, a dog or a thing beside a vehicle."""
    kind = pick(s.rng, ("car", "bus", "truck", "bicycle"))
    if kind != "bicycle":  # the others stand on the road
        s.foot = s.between(232, 246)
    s.beside(kind, gap=0.3)
    other = pick(s.rng, (s.person(), s.person(), "dog", "bench" if kind == "bicycle" else "bicycle"))
    s.beside(other, size=1.25 if kind == "bus" else 1.1)


def in_front_of_vehicle(s):
    """A person, a dog or a bicycle in front of a vehicle."""
    behind = s.put(pick(s.rng, ("car", "bus", "truck")), 0, back=38, layer=-2)
    kind = pick(s.rng, (s.person(), s.person(), "bicycle", "dog"))
    near = s.put(kind, s.between(-1.2, 1.2), size=1.2)
    s.relate(near, "in front of", behind)


def railway(s):
    """A train."""
    s.put("train", 0, pose="driving")


def snow_people(s):
    """Snowmen, with a person, a dog or a tree."""
    s.beside("snowman", count=pick(s.rng, (1, 1, 1, 2)), facing="right")
    other = pick(s.rng, (s.person(adult=False), s.person(adult=False), s.person(adult=True), "dog", "tree", None))
    if other in PEOPLE:
        s.beside(other, pose=pick(s.rng, ("standing", "waving")), facing="left")
    elif other:
        s.beside(other, size=0.8 if other == "tree" else 1.0, facing="left")


def snow_tree(s):
    """Fir trees, maybe with something beside them."""
    s.beside("tree", count=pick(s.rng, (1, 2, 3)), facing="right", gap=0.2)
    if s.chance(0.5):
        s.beside(pick(s.rng, (s.person(), "dog", "house")))


def on_table(s):
    """A table, with something on it or under it, or chairs beside it."""
    table = s.put("table", 0, facing="right")
    top = pick(s.rng, ("vase", "vase", "vase", "cat", "ball", None))
    if top:
        pose = pick(s.rng, ("sitting", "sleeping")) if top == "cat" else None
        on = s.put(top, s.between(-0.35, 0.35), 0.8, pose=pose, stands="thing", layer=1, size=0.9)
        s.relate(on, "on", table)
    low = pick(s.rng, ("ball", "cat", "dog", "chair", "chair"))
    if low == "chair":
        s.right = 0.95
        s.beside("chair", facing="left", count=pick(s.rng, (1, 1, 2)), gap=0.1)
    elif low != top:
        pose, size = (None, 0.9) if low == "ball" else ("sleeping", 0.8)
        under = s.put(low, s.between(-0.15, 0.15), pose=pose, size=size, layer=-1)
        s.relate(under, "under", table)


def on_couch(s):
    """A couch, with a person or animal on it, or something beside it."""
    couch = s.put("couch", 0, facing="right")
    guest = pick(s.rng, ("cat", "cat", "dog", s.person(), s.person(), None))
    if guest:
        _seat(s, guest, s.between(-0.5, 0.5), 0.54, couch)
    if guest is None or s.chance(0.5):
        s.right = 1.35
        s.beside(pick(s.rng, ("lamp", "lamp", "chair", "lamp" if guest == "dog" else "dog")), facing="left")


def on_chair(s):
    """A cat or person on a chair, with something beside it."""
    kind = pick(s.rng, ("cat", s.person(), s.person()))
    chair = s.put("chair", 0, facing="right", size=1.0 if kind == "cat" else 1.15)
    _seat(s, kind, 0, 0.5 if kind == "cat" else 0.58, chair)
    s.right = 0.7
    s.beside(pick(s.rng, ("lamp", "lamp", "vase", "table", "ball", "dog")))


def planes(s):
    """One or two planes in the air."""
    facing, _ = _way(s)
    flying = {"pose": "flying", "facing": facing, "stands": "air"}
    if s.chance(0.35):
        s.put("plane", 0, count=2, gap=0.6, drift=0.5, **flying)
        return
    s.put("plane", 0, drift=0.5, **flying)
    if s.chance(0.3):
        s.put("plane", s.between(-1.5, 1.5), 3.4, **flying)


def in_the_sky(s):
    """Balloons, kites or birds in the air."""
    kind = pick(s.rng, ("balloon", "balloon", "kite", "bird"))
    pose = "flying" if kind == "bird" else None
    s.put(kind, 0, pose=pose, count=pick(s.rng, (1, 2, 3)), gap=0.3, drift=0.25, stands="air")
    if s.chance(0.45):
        above, y = ("balloon", 1.3) if kind == "balloon" else ("kite", 2.2)
        s.put(above, s.between(-0.4, 0.4), y, stands="air", count=pick(s.rng, (1, 2)), gap=0.3)


SITUATIONS = {  # place: what may go on there, and how often
    "field": ((herd, 5), (two_animals, 3), (rider, 4), (walk_dog, 1), (fly_kite, 2), (house_scene, 3), (under_tree, 3),
              (pet, 2), (play_ball, 2), (railway, 3), (flowers, 1), (hold_umbrella, 1)),
    "park": ((bench_scene, 6), (walk_dog, 2), (cyclist, 3), (hold_balloons, 3), (fly_kite, 1), (flowers, 3), (pet, 3),
             (play_ball, 2), (two_balls, 1), (under_tree, 2), (hold_umbrella, 2), (hold_ball, 1)),
    "beach": ((parasol, 5), (boards, 3), (fly_kite, 2), (stroll, 2), (hold_ball, 2), (play_ball, 2), (pet, 1),
              (birds, 1), (two_balls, 1)),
    "sea": ((boats, 5), (surfer, 5), (birds, 1)),
    "street": ((vehicles, 7), (by_vehicle, 3), (in_front_of_vehicle, 3), (cyclist, 3), (hold_umbrella, 3),
               (walk_dog, 2), (stroll, 2), (hold_balloons, 1)),
    "snow": ((snow_people, 5), (snow_tree, 3), (stroll, 2), (walk_dog, 2), (house_scene, 2), (pet, 1), (under_tree, 1),
             (railway, 1)),
    "room": ((on_table, 5), (on_couch, 5), (on_chair, 3), (hold_balloons, 1), (hold_ball, 2), (pet, 1), (two_balls, 1)),
    "sky": ((planes, 4), (in_the_sky, 4)),
}
SHARE_OF_PLACES = {"field": 20, "park": 19, "beach": 13, "sea": 9, "street": 17, "snow": 10, "room": 16, "sky": 7}
BACKDROPS = {
    "field": ("hills", "mountains", "trees", None), "park": ("trees", "buildings"), "beach": (None, "hills"),
    "sea": (None, "hills"), "street": ("buildings", "houses"), "snow": ("mountains", "trees", "hills"),
    "room": (None,), "sky": (None,),
}


def _choose(rng, weights):
    names, shares = zip(*weights, strict=True)
    return names[int(rng.choice(len(names), p=[s / sum(shares) for s in shares]))]


def _weather(rng, place, time):
    if time == "sunset" or (time == "night" and place not in ("snow", "street")):
        return "clear"
    if time == "night":
        return _choose(rng, (("clear", 3), ("snowy" if place == "snow" else "rainy", 1)))
    rare = {"snow": ("snowy", 4), "street": ("rainy", 3), "field": ("rainy", 1), "park": ("rainy", 2)}
    wet = rare.get(place, ("sunny", 1))
    return _choose(rng, (("sunny", 5), ("cloudy", 0 if place == "room" else 2.5), wet))


def make_scene(rng):
    """Makes a random scene.

    Args:
        rng: a numpy Generator. The same state gives the same scene.

    Returns:
        The Scene.
    """
    place = _choose(rng, SHARE_OF_PLACES.items())
    time = _choose(rng, (("day", 7), ("sunset", 0 if place == "room" else 1.4), ("night", 1.6)))
    composer = Composer(rng, place, time, _weather(rng, place, time), pick(rng, BACKDROPS[place]))
    situation = _choose(rng, SITUATIONS[place])
    if composer.weather == "rainy" and place in ("park", "street") and rng.random() < 0.5:
        situation = hold_umbrella
    situation(composer)
    return composer.scene()
