"""What a scene of the drawn world holds: a place, its light and weather, things, and how they stand to each other.

Situations (a rider, a herd, a cat on a couch ...) put things side by side in metres. The whole is then scaled to
fit the square in the middle of the picture, which is what an encoder that crops sees.
"""

from dataclasses import asdict, dataclass, field

from drawn_things import BRIGHT, PEOPLE, hand_of, pick, size_of

STAGE = 300  # side of the central square, in units; a unit is 1/300 of the picture's shorter side
SIZES_OF_PICTURES = ((400, 300),) * 5 + ((300, 400),) * 2 + ((420, 315), (360, 300), (300, 360), (448, 300))

COLOURS = {  # kinds that are not here come in all of BRIGHT; None: of one colour that no one mentions
    "dog": ("brown", "black", "white"), "cat": ("orange", "grey", "black", "white"),
    "horse": ("brown", "white", "black"), "cow": ("white", "brown"), "sheep": ("white", "white", "black"),
    "bird": ("red", "blue", "yellow", "white", "black"), "house": ("red", "yellow", "blue", "white", "green"),
    "flower": ("red", "yellow", "blue", "purple", "white"), "vase": ("red", "yellow", "blue", "purple", "white"),
    "snowman": BRIGHT, "tree": (None,), "bench": (None,), "table": (None,),
}  # fmt: skip
PALE_PLACES = ("snow", "sky")  # where white things would be lost


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
    layer: int  # what is drawn first lies behind
    boxes: tuple


@dataclass(frozen=True)
class Relation:
    """things[subject] is `name` things[object]: next to, in front of, under, on, above, holding, riding ..."""

    subject: int
    name: str
    object: int


@dataclass(frozen=True)
class Scene:
    width: int
    height: int
    horizon: int  # in pixels from the top
    place: str
    time: str  # day, sunset, night
    weather: str  # sunny, cloudy, rainy, snowy, clear
    backdrop: str | None  # hills, mountains, trees, buildings, houses, wave
    things: tuple
    relations: tuple

    def to_json(self):
        """A dict of plain lists, strings and numbers."""
        plain = asdict(self)
        for thing in plain["things"]:
            thing["boxes"] = [list(box) for box in thing["boxes"]]
        return {**plain, "things": list(plain["things"]), "relations": list(plain["relations"])}

    @classmethod
    def from_json(cls, plain):
        """The scene that to_json wrote; keys that are not a scene's (an image's id, say) are left out."""
        things = tuple(Thing(**{**t, "boxes": tuple(tuple(b) for b in t["boxes"])}) for t in plain["things"])
        own = {name: plain[name] for name in cls.__dataclass_fields__}
        return cls(**{**own, "things": things, "relations": tuple(Relation(**r) for r in plain["relations"])})


@dataclass
class _Piece:
    """A thing before it has a place in the picture: spots are (x, y) in metres, back is in units towards the horizon."""

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
    """Collects the pieces of one scene, then turns them into a Scene."""

    rng: object
    place: str
    time: str
    weather: str
    backdrop: str | None
    pieces: list = field(default_factory=list)
    relations: list = field(default_factory=list)
    foot: float | None = None  # where the ground line lies, in units from the top of the stage
    right: float = 0.0  # metres: where the next piece of a row starts

    def chance(self, share):
        return self.rng.random() < share

    def between(self, low, high):
        return float(self.rng.uniform(low, high))

    def colour(self, kind):
        """A colour of this kind that no other thing of this kind here has."""
        taken = {p.colour for p in self.pieces if p.kind == kind}
        choices = [c for c in COLOURS.get(kind, BRIGHT) if c not in taken]
        if self.place in PALE_PLACES and kind not in ("sheep", "cow"):
            choices = [c for c in choices if c != "white"] or choices
        return pick(self.rng, choices or [None])

    def put(self, kind, x, y=0.0, pose=None, count=1, size=1.0, facing=None, gap=0.15, **more):
        """Add a thing whose middle is at x metres; a group of several spreads around it. Returns its index."""
        step = (size_of(kind, pose)[0] + gap) * size
        drift = more.pop("drift", 0.0)
        spots = [(x + (k - (count - 1) / 2) * step, y + self.between(-drift, drift)) for k in range(count)]
        facing = facing or pick(self.rng, ("left", "right"))
        stands = more.pop("stands", "ground")
        self.pieces.append(_Piece(kind, self.colour(kind), pose, facing, stands, spots, size, **more))
        return len(self.pieces) - 1

    def beside(self, kind, pose=None, count=1, size=1.0, gap=0.35, **more):
        """Add a thing to the right of what is there already."""
        wide = (size_of(kind, pose)[0] + 0.15) * size * count
        x = self.right + wide / 2
        self.right += wide + gap
        return self.put(kind, x, pose=pose, count=count, size=size, **more)

    def relate(self, subject, name, other):
        self.relations.append(Relation(subject, name, other))

    def person(self, adult=None):
        if adult is None:
            return pick(self.rng, PEOPLE)
        return pick(self.rng, PEOPLE[:2] if adult else PEOPLE[2:])

    def scene(self):
        width, height = pick(self.rng, SIZES_OF_PICTURES)
        boxes, foot = self._fit()
        unit = min(width, height) / STAGE
        left, top = (width - STAGE * unit) / 2, (height - STAGE * unit) / 2
        things = []
        for piece, group in zip(self.pieces, boxes, strict=True):
            placed = tuple((round(left + x0 * unit, 1), round(top + y0 * unit, 1), round(left + x1 * unit, 1), round(top + y1 * unit, 1)) for x0, y0, x1, y1 in group)
            share = round((placed[0][3] - placed[0][1]) / min(width, height), 3)
            things.append(Thing(piece.kind, piece.colour, len(placed), piece.pose, piece.facing, piece.stands, share, piece.layer, placed))
        horizon = round(top + self._horizon(boxes, foot) * unit)
        relations = tuple(dict.fromkeys([*self.relations, *_seen_relations(things, self.relations)]))
        return Scene(width, height, horizon, self.place, self.time, self.weather, self.backdrop, tuple(things), relations)

    def _fit(self):
        """Boxes in units of the stage, as large as the stage allows, and the ground line."""
        inside, zoom = 284, self.between(0.82, 1.0)
        low = min(x - size_of(p.kind, p.pose)[0] * p.size / 2 for p in self.pieces for x, _ in p.spots)
        high = max(x + size_of(p.kind, p.pose)[0] * p.size / 2 for p in self.pieces for x, _ in p.spots)
        foot = self.foot or self.between(244, 276)
        if self.place == "sky":
            foot = 272
        tallest = max(size_of(p.kind, p.pose)[1] * p.size for p in self.pieces)
        metre = min(inside / (high - low), 190 / tallest, 240) * zoom
        while max(p.back + (y + size_of(p.kind, p.pose)[1] * p.size) * metre for p in self.pieces for _, y in p.spots) > foot - 12:
            metre *= 0.97
        spare = (inside - (high - low) * metre) / 2
        centre = STAGE / 2 - (low + high) / 2 * metre + self.between(-0.6, 0.6) * spare
        if self.place == "sky":
            tall = max((y + size_of(p.kind, p.pose)[1] * p.size) * metre for p in self.pieces for _, y in p.spots)
            foot -= (foot - 14 - tall) * self.between(0.3, 0.7)
        boxes = []
        for p in self.pieces:
            w, h = (v * p.size * metre for v in size_of(p.kind, p.pose))
            group = []
            for x, y in p.spots:
                cx, base = centre + x * metre, foot - p.back - y * metre
                if p.stands == "ground" and len(p.spots) > 1:
                    base -= self.between(0, 5)
                group.append((cx - w / 2, base - h, cx + w / 2, base))
            boxes.append(group)
        return boxes, foot

    def _horizon(self, boxes, foot):
        feet = [box[3] for p, group in zip(self.pieces, boxes, strict=True) for box in group if p.stands in ("ground", "water")]
        lowest = min([*feet, foot])
        if self.place == "street":
            return (foot if self.foot is None else lowest) - (104 if self.foot is None else 66)
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


def _seen_relations(things, told):
    """What the boxes alone make true: neighbours on the ground, and what flies above what."""
    bound = {frozenset((r.subject, r.object)) for r in told}
    for i, a in enumerate(things):
        for j, b in enumerate(things):
            if i == j:
                continue
            if a.stands == "air" and b.stands != "air" and union(a)[3] < union(b)[1] + 0.1 * (union(b)[3] - union(b)[1]):
                yield Relation(i, "above", j)
            if frozenset((i, j)) not in bound and are_neighbours(a, b):
                yield Relation(i, "next to", j)


def are_neighbours(a, b):
    """Both stand on the ground, side by side, with less than half a width between them."""
    if a.stands != b.stands or a.stands not in ("ground", "water"):
        return False
    (ax0, ay0, ax1, ay1), (bx0, by0, bx1, by1) = union(a), union(b)
    gap = max(ax0, bx0) - min(ax1, bx1)
    wide, tall = min(ax1 - ax0, bx1 - bx0), max(ay1 - ay0, by1 - by0)
    return -0.25 * wide < gap < 0.5 * max(ax1 - ax0, bx1 - bx0) and abs(ay1 - by1) < 0.25 * tall


# ------------------------------------------------------------------------------------------------ situations


def herd(s):
    kind = pick(s.rng, ("cow", "sheep", "horse"))
    count = pick(s.rng, (1, 1, 2, 2, 3))
    s.put(kind, 0, pose=pick(s.rng, ("standing", "grazing", "grazing")), count=count, gap=s.between(0.1, 0.4))


def two_animals(s):
    kinds = list(s.rng.permutation(("cow", "sheep", "horse", "dog")))[:2]
    for kind in kinds:
        s.beside(str(kind), pose="standing", count=pick(s.rng, (1, 1, 1, 2)))


def rider(s):
    facing = pick(s.rng, ("left", "right"))
    side = -1 if facing == "left" else 1
    kind = s.person()
    height = size_of(kind, "standing")[1]
    horse = s.put("horse", 0, pose="ridden", facing=facing)
    rider = s.put(kind, side * (0.14 * height - 0.1), 1.22 - 0.34 * height, pose="riding", facing=facing, layer=1, stands="thing")
    s.relate(rider, "riding", horse)


def cyclist(s):
    facing = pick(s.rng, ("left", "right"))
    side = -1 if facing == "left" else 1
    kind = s.person()
    tall = size_of(kind, "standing")[1]
    size = tall / 1.8
    bike = s.put("bicycle", 0, pose="ridden", facing=facing, size=size)
    rider = s.put(kind, side * (0.17 * tall - 0.28 * size), 0.95 * size - 0.4 * tall, pose="cycling", facing=facing, layer=1, stands="thing")
    s.relate(rider, "riding", bike)
    if s.chance(0.25):
        s.right = -size * 2.1 - 1.2
        s.beside("dog", pose="running", facing=facing)


def surfer(s):
    s.backdrop, s.foot = "wave", s.between(214, 232)
    facing = pick(s.rng, ("left", "right"))
    kind = s.person()
    board = s.put("surfboard", 0, pose="ridden", facing=facing, size=1.0 if kind in PEOPLE[:2] else 0.8, stands="water", layer=1)
    rider = s.put(kind, 0, 0.16, pose="surfing", facing=facing, layer=2, stands="thing")
    s.relate(rider, "riding", board)
    s.relate(rider, "on", board)


def walk_dog(s):
    facing = pick(s.rng, ("left", "right"))
    side = -1 if facing == "left" else 1
    walker = s.put(s.person(), 0, pose="strolling", facing=facing)
    dog = s.put("dog", side * 1.5, pose="walking", facing=facing)
    s.relate(walker, "walking", dog)
    s.relate(walker, "next to", dog)
    s.relate(dog, "next to", walker)


def fly_kite(s):
    facing = pick(s.rng, ("left", "right"))
    side = -1 if facing == "left" else 1
    flyer = s.put(s.person(adult=s.chance(0.35)), -side * 0.9, pose="waving", facing=facing)
    kite = s.put("kite", side * s.between(0.8, 1.2), s.between(1.25, 1.6), facing=facing, size=0.95, stands="air")
    s.relate(flyer, "flying", kite)


def hold_balloons(s):
    facing = pick(s.rng, ("left", "right"))
    kind = s.person(adult=s.chance(0.3))
    count = pick(s.rng, (1, 1, 2, 3))
    x, y = hand_of(kind, "holding")
    holder = s.put(kind, 0, pose="holding", facing=facing)
    held = s.put("balloon", (-1 if facing == "left" else 1) * x * 1.1, y + 0.75, count=count, gap=-0.02, stands="air", drift=0.12)
    s.relate(holder, "holding", held)


def hold_umbrella(s):
    facing = pick(s.rng, ("left", "right"))
    kind, pose = s.person(), pick(s.rng, ("holding", "strolling"))
    x, y = hand_of(kind, pose)
    size = 1.0 if kind in PEOPLE[:2] else 0.85
    holder = s.put(kind, 0, pose=pose, facing=facing)
    held = s.put("umbrella", (-1 if facing == "left" else 1) * x, y - 0.12, stands="thing", size=size, layer=-1)
    s.relate(holder, "holding", held)
    s.relate(holder, "under", held)


def hold_ball(s):
    facing = pick(s.rng, ("left", "right"))
    kind = s.person(adult=s.chance(0.2))
    x, y = hand_of(kind, "carrying")
    holder = s.put(kind, 0, pose="carrying", facing=facing)
    held = s.put("ball", (-1 if facing == "left" else 1) * (x + 0.1), y - 0.22, stands="thing", layer=1)
    s.relate(holder, "holding", held)


def stroll(s):
    kinds = list(s.rng.permutation(PEOPLE))[: pick(s.rng, (1, 2, 2))]
    facing = pick(s.rng, ("left", "right"))
    pose = pick(s.rng, ("walking", "walking", "running", "standing"))
    for kind in kinds:
        s.beside(str(kind), pose=pose, facing=facing, gap=0.1)


def pet(s):
    kind = pick(s.rng, ("dog", "dog", "cat"))
    pose = pick(s.rng, ("sitting", "standing", "sitting") if kind == "cat" else ("sitting", "standing", "running"))
    s.beside(kind, pose=pose, count=pick(s.rng, (1, 1, 1, 2)))
    other = pick(s.rng, ("ball", "ball", "cat", "person", None))
    if other == "person":
        s.beside(s.person(), pose="standing", facing="left")
    elif other and other != kind:
        s.beside(other, pose="sitting" if other == "cat" else None, count=pick(s.rng, (1, 1, 2)) if other == "ball" else 1)


def play_ball(s):
    facing = pick(s.rng, ("left", "right"))
    players = [s.person(adult=s.chance(0.2))]
    s.beside(players[0], pose="running", facing="right" if facing == "right" else "left")
    s.beside("ball", gap=0.3)
    if s.chance(0.4):
        other = pick(s.rng, ("dog", s.person(adult=False)))
        if other not in players:
            s.beside(other, pose="running", facing="left")


def two_balls(s):
    first = pick(s.rng, (1, 1, 2))
    s.beside("ball", count=first)
    s.beside("ball", count=pick(s.rng, (1, 2)) if first == 1 else 1)
    if s.chance(0.5):
        s.beside(pick(s.rng, ("dog", "cat")), pose="sitting", facing="left")


def house_scene(s):
    house = s.put("house", 0, back=24, layer=-2, facing="right")
    front = pick(s.rng, ("car", "car", "person", "bicycle", "tree", "dog", "bench"))
    if front == "tree":
        s.right = 2.4
        s.beside("tree", back=20, count=1)
        return
    kind = s.person() if front == "person" else front
    pose = "standing" if front in ("person", "dog") else "parked"
    size = 1.4 if front == "dog" else 1.15 if front in ("person", "bicycle") else 1.0
    near = s.put(kind, s.between(-1.3, 1.3), pose=pose, size=size)
    s.relate(near, "in front of", house)


def under_tree(s):
    size = s.between(1.25, 1.5)
    tree = s.put("tree", 0, size=size, back=10, layer=-2, facing="right")
    kind = pick(s.rng, ("sheep", "dog", "bench", "person", "cow", "horse", "cat") if s.place != "snow" else ("dog", "person", "bench", "bird"))
    if kind == "person":
        kind = s.person(adult=False)
    pose = {"bench": None, "dog": "sitting", "cat": "sitting"}.get(kind, "standing")
    under = s.put(kind, pick(s.rng, (-1, 1)) * s.between(0.5, 0.9), pose=pose, size=0.8 if kind in ("cow", "horse") else 1.0)
    s.relate(under, "under", tree)


def bench_scene(s):
    bench = s.put("bench", 0, facing="right")
    guest = pick(s.rng, ("person", "person", "person", "cat", "bird", "dog", None))
    if guest == "person":
        kind = s.person()
        tall = size_of(kind, "standing")[1]
        for x, k in zip((s.between(-0.45, -0.3), 0.42), (kind, s.person()), strict=True):
            if k == kind and x > 0 or x > 0 and s.chance(0.6):
                continue
            tall = size_of(k, "standing")[1]
            on = s.put(k, x, 0.5 - 0.3 * tall, pose="sitting", layer=1, stands="thing", facing="right")
            s.relate(on, "on", bench)
    elif guest:
        on = s.put(guest, s.between(-0.4, 0.4), 0.44, pose="sitting" if guest != "bird" else None, size=0.75, layer=1, stands="thing", count=pick(s.rng, (1, 2)) if guest == "bird" else 1)
        s.relate(on, "on", bench)
    if guest is None or s.chance(0.35):
        s.right = 1.2
        kind = pick(s.rng, ("bicycle", "dog", "tree" if guest else "bicycle", "flower"))
        s.beside(kind, pose="sitting" if kind == "dog" else "parked" if kind == "bicycle" else None, count=pick(s.rng, (1, 2, 3)) if kind == "flower" else 1)


def flowers(s):
    s.beside("flower", count=pick(s.rng, (1, 2, 3, 3)), size=s.between(0.9, 1.2))
    other = pick(s.rng, ("flower", "bird", "cat", "child", None))
    if other == "child":
        s.beside(s.person(adult=False), pose="standing", facing="left")
    elif other:
        s.beside(other, pose="sitting" if other == "cat" else None, count=1 if other != "flower" else pick(s.rng, (1, 2)))


def parasol(s):
    umbrella = s.put("umbrella", 0, pose="planted", back=6, layer=-1, facing="right")
    kind = pick(s.rng, ("chair", "chair", "ball", "dog", "child"))
    kind = s.person(adult=False) if kind == "child" else kind
    pose = {"chair": None, "dog": "sitting", "ball": None}.get(kind, "standing")
    side = pick(s.rng, (-1, 1))
    under = s.put(kind, side * s.between(0.5, 0.7), pose=pose, count=1)
    s.relate(under, "under", umbrella)
    if s.chance(0.35):
        s.right = 1.3
        s.beside(pick(s.rng, ("ball", "surfboard")), pose="planted")


def boards(s):
    kind = s.person()
    s.beside(kind, pose="standing", facing="right")
    s.beside("surfboard", pose="planted", count=pick(s.rng, (1, 1, 2)))


def birds(s):
    if s.place == "sea":
        s.foot = s.between(220, 250)
        s.put("bird", 0, pose="swimming", stands="water", count=pick(s.rng, (1, 2, 3)))
        return
    s.put("bird", 0, count=pick(s.rng, (1, 2, 3)))


def boats(s):
    s.foot = s.between(214, 246)
    count = pick(s.rng, (1, 1, 2, 3))
    s.put("boat", 0, stands="water", count=count, gap=0.3)
    if count < 3 and s.chance(0.35):
        s.right = 1.6 if count == 1 else 3.3
        s.beside("boat", stands="water")
    elif count == 1 and s.chance(0.4):
        s.put("bird", pick(s.rng, (-1, 1)) * 1.7, 2.4, pose="flying", size=1.1, count=1, stands="air")


def vehicles(s):
    s.foot = s.between(226, 242)
    kind = pick(s.rng, ("car", "car", "bus", "truck"))
    count = pick(s.rng, (1, 1, 1, 2, 3) if kind == "car" else (1, 1, 2))
    pose = pick(s.rng, ("parked", "driving"))
    facing = pick(s.rng, ("left", "right"))
    s.beside(kind, pose=pose, count=count, facing=facing, gap=0.5)
    if count == 1 and s.chance(0.55):
        s.beside(pick(s.rng, ("car", "truck", "bus")), pose=pose, facing=facing)


def by_vehicle(s):
    kind = pick(s.rng, ("car", "bus", "truck", "bicycle"))
    s.foot = s.between(232, 246)
    s.beside(kind, pose="parked", facing=pick(s.rng, ("left", "right")), gap=0.3)
    s.beside(pick(s.rng, (s.person(), s.person(), "dog", "bicycle" if kind != "bicycle" else "bench")), size=1.25 if kind == "bus" else 1.1, pose="standing")


def in_front_of_vehicle(s):
    kind = pick(s.rng, ("car", "bus", "truck"))
    behind = s.put(kind, 0, pose="parked", back=38, layer=-2)
    near = s.put(pick(s.rng, (s.person(), s.person(), "bicycle", "dog")), s.between(-1.2, 1.2), pose="standing", size=1.2)
    s.relate(near, "in front of", behind)


def railway(s):
    s.put("train", 0, pose="driving")


def snow_people(s):
    s.beside("snowman", count=pick(s.rng, (1, 1, 1, 2)), facing="right")
    other = pick(s.rng, ("child", "child", "adult", "dog", "tree", None))
    if other:
        kind = {"child": s.person(adult=False), "adult": s.person(adult=True)}.get(other, other)
        s.beside(kind, pose="sitting" if kind == "dog" else None if kind == "tree" else pick(s.rng, ("standing", "waving")), size=0.8 if kind == "tree" else 1, facing="left")


def snow_tree(s):
    s.beside("tree", count=pick(s.rng, (1, 2, 3)), facing="right", gap=0.2)
    if s.chance(0.5):
        kind = pick(s.rng, (s.person(), "dog", "house"))
        s.beside(kind, pose="standing")


def on_table(s):
    table = s.put("table", 0, facing="right")
    top = pick(s.rng, ("vase", "vase", "cat", "ball", None))
    if top:
        on = s.put(top, s.between(-0.35, 0.35), 0.8, pose=pick(s.rng, ("sitting", "sleeping")) if top == "cat" else None, stands="thing", layer=1, size=0.9)
        s.relate(on, "on", table)
    low = pick(s.rng, ("ball", "cat", "dog", "chair", "chair", None if top else "chair"))
    if low == "chair":
        s.right = 0.95
        s.beside("chair", facing="left", count=pick(s.rng, (1, 1, 2)), gap=0.1)
    elif low and low != top:
        under = s.put(low, s.between(-0.15, 0.15), pose=pick(s.rng, ("sleeping", "sitting")) if low == "cat" else "sleeping" if low == "dog" else None, size=0.7 if low != "ball" else 0.9, layer=-1)
        s.relate(under, "under", table)


def on_couch(s):
    couch = s.put("couch", 0, facing="right")
    guest = pick(s.rng, ("cat", "dog", "person", "person", "cat", None))
    if guest == "person":
        kind = s.person()
        on = s.put(kind, s.between(-0.5, 0.5), 0.58 - 0.3 * size_of(kind, "standing")[1], pose="sitting", stands="thing", layer=1, facing="right")
        s.relate(on, "on", couch)
    elif guest:
        on = s.put(guest, s.between(-0.5, 0.5), 0.5, pose=pick(s.rng, ("sleeping", "sitting")), stands="thing", layer=1, size=0.85)
        s.relate(on, "on", couch)
    if guest is None or s.chance(0.5):
        s.right = 1.35
        kind = pick(s.rng, ("lamp", "lamp", "chair", "dog" if guest != "dog" else "lamp"))
        s.beside(kind, pose="sitting" if kind == "dog" else None, facing="left")


def on_chair(s):
    kind = pick(s.rng, ("cat", s.person(), s.person()))
    chair = s.put("chair", 0, facing="right", size=1.0 if kind == "cat" else 1.15)
    if kind == "cat":
        on = s.put("cat", 0, 0.52, pose="sitting", stands="thing", layer=1, size=0.8)
    else:
        on = s.put(kind, 0, 0.6 - 0.3 * size_of(kind, "standing")[1], pose="sitting", stands="thing", layer=1, facing="right")
    s.relate(on, "on", chair)
    s.right = 0.7
    s.beside(pick(s.rng, ("lamp", "table", "ball", "dog")), pose=None)


def planes(s):
    count = pick(s.rng, (1, 1, 1, 2, 3))
    s.put("plane", 0, pose="flying", count=1 if count < 3 else 2, gap=0.6, drift=0.5, stands="air", facing=(facing := pick(s.rng, ("left", "right"))))
    if count == 2:
        s.put("plane", s.between(-1.5, 1.5), 3.4, pose="flying", stands="air", facing=facing)


def in_the_sky(s):
    kind = pick(s.rng, ("balloon", "kite", "bird", "balloon"))
    pose = "flying" if kind == "bird" else None
    s.put(kind, 0, pose=pose, count=pick(s.rng, (1, 2, 3)), gap=0.3, drift=0.25, stands="air")
    if s.chance(0.45):
        s.put(kind if kind != "bird" else "kite", s.between(-0.4, 0.4), 2.2 if kind != "balloon" else 1.3, pose=pose if kind != "bird" else None, stands="air", count=pick(s.rng, (1, 2)), gap=0.3)


SITUATIONS = {
    "field": ((herd, 5), (two_animals, 3), (rider, 4), (walk_dog, 1), (fly_kite, 2), (house_scene, 3), (under_tree, 3), (pet, 2), (play_ball, 2), (railway, 3), (flowers, 1), (hold_umbrella, 1)),
    "park": ((bench_scene, 6), (walk_dog, 2), (cyclist, 3), (hold_balloons, 3), (fly_kite, 1), (flowers, 3), (pet, 3), (play_ball, 2), (two_balls, 1), (under_tree, 2), (hold_umbrella, 2), (hold_ball, 1)),
    "beach": ((parasol, 5), (boards, 3), (fly_kite, 2), (stroll, 2), (hold_ball, 2), (play_ball, 2), (pet, 1), (birds, 1), (two_balls, 1)),
    "sea": ((boats, 5), (surfer, 5), (birds, 1)),
    "street": ((vehicles, 7), (by_vehicle, 3), (in_front_of_vehicle, 3), (cyclist, 3), (hold_umbrella, 3), (walk_dog, 2), (stroll, 2), (hold_balloons, 1)),
    "snow": ((snow_people, 5), (snow_tree, 3), (stroll, 2), (walk_dog, 2), (house_scene, 2), (pet, 1), (under_tree, 1), (railway, 1)),
    "room": ((on_table, 5), (on_couch, 5), (on_chair, 3), (hold_balloons, 1), (hold_ball, 2), (pet, 1), (two_balls, 1)),
    "sky": ((planes, 4), (in_the_sky, 4)),
}  # fmt: skip
SHARE_OF_PLACES = {"field": 20, "park": 19, "beach": 13, "sea": 9, "street": 17, "snow": 10, "room": 16, "sky": 7}
BACKDROPS = {
    "field": ("hills", "mountains", "trees", None), "park": ("trees", "buildings"), "beach": (None, "hills"),
    "sea": (None, "hills"), "street": ("buildings", "houses"), "snow": ("mountains", "trees", "hills"),
    "room": (None,), "sky": (None,),
}  # fmt: skip


def _choose(rng, weights):
    names, shares = zip(*weights, strict=True)
    return names[int(rng.choice(len(names), p=[s / sum(shares) for s in shares]))]


def _weather(rng, place, time):
    if time == "sunset" or (time == "night" and place not in ("snow", "street")):
        return "clear"
    if time == "night":
        return _choose(rng, (("clear", 3), ("snowy" if place == "snow" else "rainy", 1)))
    wet = {"snow": ("snowy", 4), "street": ("rainy", 3), "field": ("rainy", 1), "park": ("rainy", 2)}.get(place, ("sunny", 1))
    return _choose(rng, (("sunny", 5), ("cloudy", 0 if place == "room" else 2.5), wet))


def make_scene(rng):
    """A scene drawn by lot from numpy Generator `rng`. The same generator state gives the same scene."""
    place = _choose(rng, SHARE_OF_PLACES.items())
    time = _choose(rng, (("day", 7), ("sunset", 0 if place == "room" else 1.4), ("night", 1.6)))
    composer = Composer(rng, place, time, _weather(rng, place, time), pick(rng, BACKDROPS[place]))
    situation = _choose(rng, SITUATIONS[place])
    if composer.weather == "rainy" and place in ("park", "street") and rng.random() < 0.5:
        situation = hold_umbrella
    situation(composer)
    return composer.scene()
