"""What the encoder is asked about a scene, and the true answers."""

from collections import Counter
from dataclasses import dataclass

import numpy as np

from captioning.datasets.drawn.scenes import most_striking
from captioning.datasets.drawn.world import Scene

MIN_EXAMPLES = 8                # claims that fewer training scenes make are not asked for


def claims_of(scene: dict) -> set:
    """(sort, words) of each thing that is true of a scene, none of which a mirror image would change."""
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
    """((kind, colour), x0, y0, x1, y1) of each thing's boxes as shares of the central square, those in front last."""
    side = min(scene["width"], scene["height"])
    left, top = (scene["width"] - side) / 2, (scene["height"] - side) / 2
    return [((thing["kind"], thing["colour"] or ""), (x0 - left) / side, (y0 - top) / side,
             (x1 - left) / side, (y1 - top) / side)
            for thing in sorted(scene["things"], key=lambda thing: thing["layer"])
            for x0, y0, x1, y1 in thing["boxes"]]


@dataclass(frozen=True)
class Questions:
    """What the network is asked: claims (of the photo), and the kind and colour of what covers a cell ("" is none)."""

    claims: list
    kinds: list
    colours: list

    @classmethod
    def from_scenes(cls, scenes):
        counts = Counter(claim for scene in scenes for claim in claims_of(scene))
        covers = {cover for scene in scenes for cover, *_ in boxes_of(scene)}
        return cls(sorted(c for c, n in counts.items() if n >= min(MIN_EXAMPLES, len(scenes))),
                   ["", *sorted({kind for kind, _ in covers})], sorted({"", *(colour for _, colour in covers)}))

    def answers(self, scenes) -> np.ndarray:
        """(N, claims) float32: 1 where the scene makes the claim."""
        rows = (claims_of(scene) for scene in scenes)
        return np.array([[claim in row for claim in self.claims] for row in rows], np.float32)

    def colour_claims(self) -> np.ndarray:
        """(K, C) int32: for each kind that has colours the indices of its claims of colour, filled up with -1."""
        by_kind = {}
        for i, (sort, words) in enumerate(self.claims):
            if sort == "colour":
                by_kind.setdefault(words.split()[-1], []).append(i)
        rows = np.full((len(by_kind), max(map(len, by_kind.values()), default=0)), -1, np.int32)
        for row, indices in zip(rows, by_kind.values()):
            row[:len(indices)] = indices
        return rows

    def covers(self, boxes) -> list:
        """boxes_of's result with (index of the kind, index of the colour) in place of the words; 0 is none."""
        return [((_index(self.kinds, kind), _index(self.colours, colour)), *box) for (kind, colour), *box in boxes]


def _index(words: list, word: str) -> int:
    return words.index(word) if word in words else 0


def cover_of_cells(covers, size: int, stride: int, first: int, mirrored: bool) -> np.ndarray:
    """(cells, cells, 2) int32: kind and colour of what covers the middle of each cell in a photo of size² pixels."""
    middles = np.arange(first, size - first + 1, stride) / size
    cells = np.zeros((len(middles), len(middles), 2), np.int32)
    for cover, x0, y0, x1, y1 in covers:
        rows, columns = (middles >= y0) & (middles <= y1), (middles >= x0) & (middles <= x1)
        cells[np.ix_(rows, columns)] = cover
    return cells[:, ::-1] if mirrored else cells
