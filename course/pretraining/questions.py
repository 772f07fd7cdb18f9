"""What the encoder is asked about a scene, and the true answers."""

from collections import Counter
from dataclasses import dataclass

import numpy as np

from captioning.datasets.drawn.scenes import Scene, most_striking

MIN_EXAMPLES = 8                # a claim that fewer training scenes make is not asked


def claims_of(scene: dict) -> set:
    """Lists what is true of a scene, and of its mirror image.

    Args:
        scene: a scene as JSON.

    Returns:
        Pairs of a sort of claim and words, such as ("colour", "red ball").
    """
    claims = {(sort, scene[sort]) for sort in ("place", "time", "weather")}
    claims.add(("backdrop", scene["backdrop"] or "none"))
    things = scene["things"]
    striking = things[most_striking(Scene.from_json(scene).things)]
    claims |= {("striking", striking["kind"]), ("striking", str(striking["count"])),
               ("striking", striking["colour"] or "no colour"), ("number", f"{len(things)} things")}
    for thing in things:
        kind = thing["kind"]
        claims |= {("thing", kind), ("count", f"{thing['count']} {kind}")}
        if thing["colour"]:
            claims.add(("colour", f"{thing['colour']} {kind}"))
        if thing["pose"]:
            claims.add(("action", f"{kind} {thing['pose']}"))
    for relation in scene["relations"]:
        subject, other = (things[relation[end]]["kind"] for end in ("subject", "object"))
        claims |= {("relation", f"{subject} {relation['name']}"), ("relation", f"{relation['name']} {other}")}
    return claims


def boxes_of(scene: dict) -> list:
    """Lists the boxes of a scene's things, from back to front.

    Args:
        scene: a scene as JSON.

    Returns:
        ((kind, colour), x0, y0, x1, y1) of each box; the coordinates are shares of the central square's side.
    """
    side = min(scene["width"], scene["height"])
    left, top = (scene["width"] - side) / 2, (scene["height"] - side) / 2
    return [((thing["kind"], thing["colour"] or ""), (x0 - left) / side, (y0 - top) / side,
             (x1 - left) / side, (y1 - top) / side)
            for thing in sorted(scene["things"], key=lambda thing: thing["layer"])
            for x0, y0, x1, y1 in thing["boxes"]]


@dataclass(frozen=True)
class Questions:
    """What the network is asked.

    Attributes:
        claims: (sort, words) of what may be true of a photo.
        kinds: kinds of things that may cover a cell; "" stands for none.
        colours: colours of these things; "" stands for none.
    """

    claims: list
    kinds: list
    colours: list

    @classmethod
    def from_scenes(cls, scenes):
        """The questions that these training scenes can teach."""
        counts = Counter(claim for scene in scenes for claim in claims_of(scene))
        covers = {cover for scene in scenes for cover, *_ in boxes_of(scene)}
        return cls(sorted(c for c, n in counts.items() if n >= min(MIN_EXAMPLES, len(scenes))),
                   ["", *sorted({kind for kind, _ in covers})], sorted({"", *(colour for _, colour in covers)}))

    def answers(self, scenes) -> np.ndarray:
        """The true answers: (N, claims) float32, 1 where the claim is true of the scene."""
        rows = (claims_of(scene) for scene in scenes)
        return np.array([[claim in row for claim in self.claims] for row in rows], np.float32)

    def colour_claims(self) -> np.ndarray:
        """Indices of the claims of colour of each kind that has colours: (K, C) int32, padded with -1."""
        by_kind = {}
        for i, (sort, words) in enumerate(self.claims):
            if sort == "colour":
                by_kind.setdefault(words.split()[-1], []).append(i)
        rows = np.full((len(by_kind), max(map(len, by_kind.values()), default=0)), -1, np.int32)
        for row, indices in zip(rows, by_kind.values()):
            row[:len(indices)] = indices
        return rows

    def covers(self, boxes) -> list:
        """The result of `boxes_of` with indices of kind and colour in place of the words; 0 stands for none."""
        return [((_index(self.kinds, kind), _index(self.colours, colour)), *box) for (kind, colour), *box in boxes]


def _index(words: list, word: str) -> int:
    """Index of a word; 0 if it is unknown."""
    return words.index(word) if word in words else 0


def cover_of_cells(covers, size: int, stride: int, first: int, mirrored: bool) -> np.ndarray:
    """Finds what covers the middle of each cell of a feature map.

    Args:
        covers: a result of `Questions.covers`, from back to front.
        size: side of the photo in pixels.
        stride: pixels between the middles of neighbouring cells.
        first: pixel of the first cell's middle.
        mirrored: whether the photo is mirrored.

    Returns:
        (cells, cells, 2) int32: indices of kind and colour.
    """
    middles = np.arange(first, size - first + 1, stride) / size
    cells = np.zeros((len(middles), len(middles), 2), np.int32)
    for cover, x0, y0, x1, y1 in covers:
        rows, columns = (middles >= y0) & (middles <= y1), (middles >= x0) & (middles <= x1)
        cells[np.ix_(rows, columns)] = cover
    return cells[:, ::-1] if mirrored else cells
