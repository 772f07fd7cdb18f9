"""What a scene of the drawn world holds: a place, time and weather, things, and the relations between them."""

from dataclasses import asdict, dataclass

from captioning.datasets.drawn.people import PEOPLE


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


def seen_relations(things, told):
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
