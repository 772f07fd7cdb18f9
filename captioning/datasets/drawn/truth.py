"""Checks whether a caption is true of a scene of the drawn world.

It understands each word that captions.py can write; other words count as nothing.
"""

import json
import re
import zipfile
from dataclasses import dataclass
from pathlib import Path

from captioning.datasets.drawn.lexicon import (
    ADJECTIVES,
    GARMENTS,
    KIND_VERBS,
    NOUNS,
    PLACE_TRUTH,
    VERBS,
    as_scene,
    colour_word,
)
from captioning.datasets.drawn.people import PEOPLE


@dataclass(frozen=True)
class CaptionTruth:
    """What a caption says about a scene, true and false."""

    things: tuple  # indices of the scene's things that it names
    colours: tuple  # (index, colour) of each colour that it gives to the right thing
    relations: tuple  # the scene's relations that it states
    wrong: tuple  # (sort, words) of each false claim; sorts: thing, colour, count, place, weather, time, action, ...

    @property
    def is_true(self):
        """Whether it names something that is there and claims nothing false."""
        return bool(self.things) and not self.wrong


_PHRASES = ("black and white", "living room", "next to", "in front of", "on top of", "close up", "train tracks",
            "blue sky", "eating grass", "group of", "couple of", "pair of", "green field", "city street")
_JOINED = re.compile("|".join(rf"\b{p}\b" for p in _PHRASES))
_KINDS = {}  # noun: (kinds, is plural)
for _kind, _pairs in NOUNS.items():
    for _pair in _pairs:
        for _plural, _noun in enumerate(_pair):
            _KINDS[_noun] = (_KINDS.get(_noun, ((), 0))[0] + (_kind,), bool(_plural))
_KINDS |= {
    "person": (PEOPLE, False), "people": (PEOPLE, True), "duck": (("bird",), False), "ducks": (("bird",), True),
    "flowers": (("flower", "vase"), True), "sheep": (("sheep",), None),
}
_COLOURS = {"red", "yellow", "green", "blue", "purple", "white", "black", "brown", "gray", "grey", "orange"}
_COLOURS |= {"black_and_white"}
_COUNTS = {
    "a": 1, "an": 1, "one": 1, "two": 2, "couple_of": 2, "pair_of": 2, "three": 3, "four": 4, "five": 5,
    "some": "many", "several": "many", "few": "many", "many": "many", "group_of": "many",
}
_ADJECTIVES = {a for choices in ADJECTIVES.values() for a in choices} | {"old", "sunny", "long"}
_LINKS = {
    "next_to": "next to", "beside": "next to", "near": "next to", "in_front_of": "in front of", "behind": "behind",
    "under": "under", "underneath": "under", "on": "on", "on_top_of": "on", "above": "above", "over": "above",
    "holding": "holding", "carrying": "holding", "riding": "riding", "flying": "flying", "walking": "walking",
}
_TIMES = {"sunset": "sunset", "dusk": "sunset", "night": "night", "moon": "night", "stars": "night"}
_SKIES = {
    "sunny": "sunny", "cloudy": "cloudy", "rain": "rainy", "rainy": "rainy", "raining": "rainy", "snowing": "snowy",
}
_ACTIONS = {}  # verb: poses or kinds that it is true of
for _source in (VERBS, KIND_VERBS):
    for _key, _verbs in _source.items():
        for _verb in _verbs:
            _ACTIONS.setdefault(_verb.replace(" ", "_"), set()).add(_key)
_ACTIONS["sitting"] |= {"bench", "chair"}


@dataclass
class _Mention:
    """A thing that a caption names."""

    position: int
    word: str
    kinds: tuple
    count: object  # a number, "many", or None
    counted: str  # the words of the count
    colour: str | None = None
    found: tuple = ()  # indices of the things that it means
    fits: set = frozenset()  # indices of all things that it could mean


def _tokens(caption):
    """The words of a caption; a phrase that means one thing is one word."""
    plain = re.sub(r"[^a-z ]+", " ", caption.lower())
    return _JOINED.sub(lambda m: m.group().replace(" ", "_"), " ".join(plain.split())).split()


def _mentions(tokens):
    """The things that a caption names, each with the count and colour that it gives."""
    found, count, counted, colour = [], None, "", None
    for k, token in enumerate(tokens):
        if token in _COUNTS:
            count, counted = _COUNTS[token], token.replace("_", " ")
        elif token in _COLOURS:
            follows = tokens[k + 1] if k + 1 < len(tokens) else ""
            if found and tokens[k - 1] == "in" and follows not in _KINDS and follows not in GARMENTS:
                found[-1].colour = found[-1].colour or token  # "a man in red"
            else:
                colour = token
        elif token == "flowers" and found and found[-1].word == "vase" and {"of", "with"} & set(tokens[k - 2 : k]):
            found[-1].colour, colour = colour, None  # "a vase of red flowers"
        elif token in _KINDS:
            kinds, plural = _KINDS[token]
            found.append(_Mention(k, token, kinds, "many" if plural and count in (None, 1) else count,
                                  counted, colour))
            count, counted, colour = None, "", None
        elif token in GARMENTS:
            if found:
                found[-1].colour = found[-1].colour or colour
            count, counted, colour = None, "", None
        elif token not in _ADJECTIVES:
            count, counted, colour = None, "", None
    return found


def _colour_fits(thing, word):
    """Whether the word, if there is one, names the colour of the thing."""
    return word is None or colour_word(thing) == word.replace("_", " ").replace("grey", "gray")


def _count_fits(number, wanted):
    """Whether a number is the wanted one, or any of "many"."""
    return wanted is None or number == wanted or (wanted == "many" and number > 1)


def _candidates(mention, scene):
    """The sets of things that a mention may mean: one thing, or all of a kind if their counts add up."""
    fits = [k for k, t in enumerate(scene.things) if t.kind in mention.kinds and _colour_fits(t, mention.colour)]
    number = {k: scene.things[k].count for k in fits}
    if mention.word == "flowers":
        number |= {k: 3 for k in fits if scene.things[k].kind == "vase"}
    choices = [(k,) for k in fits if _count_fits(number[k], mention.count)]
    if len(fits) > 1 and _count_fits(sum(number.values()), mention.count):
        choices.append(tuple(fits))
    return choices


def _assign(choices, used=frozenset()):
    """Gives as many mentions as possible one of their candidates each, no thing twice. Returns a list of tuples."""
    if not choices:
        return []
    best = [(), *_assign(choices[1:], used)]
    for candidate in choices[0]:
        if not used & set(candidate):
            found = [candidate, *_assign(choices[1:], used | set(candidate))]
            if sum(map(bool, found)) > sum(map(bool, best)):
                best = found
    return best


def _match(mentions, scene):
    """Finds what each mention means. Returns the false claims as (sort, words)."""
    choices, wrong = [_candidates(m, scene) for m in mentions], []
    for mention, candidates, found in zip(mentions, choices, _assign(choices), strict=True):
        mention.found = found
        mention.fits = {k for candidate in candidates for k in candidate}
        if found or (mention.word == scene.backdrop and mention.colour is None):
            continue
        alike = [k for k, t in enumerate(scene.things) if t.kind in mention.kinds]
        in_colour = [k for k in alike if _colour_fits(scene.things[k], mention.colour)]
        mention.found = tuple((in_colour or alike)[:1])
        mention.fits = set(mention.found)
        sort = "thing" if candidates or not alike else "count" if in_colour else "colour"
        claim = {"thing": "another" if candidates else "", "count": mention.counted,
                 "colour": mention.colour or ""}[sort]
        wrong.append((sort, f"{claim} {mention.word}".replace("_", " ").strip()))
    return wrong


_CONVERSE = (("behind", "in front of"), ("under", "above"), ("next to", "next to"))


def _stated(scene, subjects, name, objects):
    """The scene's relations that make "one of subjects `name` one of objects" true."""
    for r in scene.relations:
        same = r.name == name or (name == "on" and r.name == "riding")
        straight = same and r.subject in subjects and r.object in objects
        if straight or ((name, r.name) in _CONVERSE and r.object in subjects and r.subject in objects):
            yield r


def _check_relations(tokens, mentions, scene):
    """The scene's relations that the caption states, and the relations that are false."""
    right, wrong = [], []
    for k in range(1, len(mentions)):
        before, after = mentions[k - 1], mentions[k]
        between = tokens[before.position + 1 : after.position]
        links = [t for t in between if t in _LINKS]
        joined = "wave" in between or after.word == scene.backdrop or "and" in between[-4:]
        if not links or joined or not after.found or not before.found:
            continue
        subjects = {i for m in mentions[:k] for i in m.fits}
        name = _LINKS[links[-1]]
        if name in ("walking", "flying") and between[-1] in ("with", "a", "an") and "with" in between:
            continue
        true = list(_stated(scene, subjects, name, after.fits))
        right += true[:1]
        if not true:
            wrong.append(("relation", f"{before.word} {name} {after.word}"))
    return right, wrong


def _check_setting(tokens, scene):
    """False claims about place, weather, time, backdrop and actions."""
    doing = {t.pose for t in scene.things} | {t.kind for t in scene.things}
    for token in tokens:
        if token in ("living_room", "green_field", "city_street"):
            token = token.split("_")[1]
        if token in PLACE_TRUTH and scene.place not in PLACE_TRUTH[token]:
            yield ("place", token)
        if token in ("snow", "snowy") and scene.place != "snow" and scene.weather != "snowy":
            yield ("place", token)
        if token in _SKIES and scene.weather != _SKIES[token]:
            yield ("weather", token)
        if token in _TIMES and scene.time != _TIMES[token]:
            yield ("time", token)
        if token == "blue_sky" and (scene.weather, scene.place == "room") != ("sunny", False):
            yield ("weather", "blue sky")
        if token in ("hills", "mountains", "buildings", "wave") and scene.backdrop != token:
            yield ("backdrop", token)
        if token in ("tracks", "train_tracks") and "train" not in doing:
            yield ("thing", "tracks")
        if token in _ACTIONS and not _ACTIONS[token] & doing and token not in ("walking", "flying"):
            yield ("action", token)
    for verb, others in (("walking", {"walking", "strolling"}), ("flying", {"flying", "kite"})):
        if verb in tokens and not others & doing:
            yield ("action", verb)


def check_caption(caption, scene):
    """Checks what a caption says about a scene. Words outside the lexicon count as nothing.

    Args:
        caption: the text.
        scene: a Scene, or its dict from the scenes JSON.

    Returns:
        A CaptionTruth.
    """
    scene, tokens = as_scene(scene), _tokens(caption)
    mentions = _mentions(tokens)
    wrong = _match(mentions, scene)
    colours = tuple((m.found[0], scene.things[m.found[0]].colour) for m in mentions
                    if m.colour and m.found and _colour_fits(scene.things[m.found[0]], m.colour))
    relations, false_relations = _check_relations(tokens, mentions, scene)
    wrong += [*false_relations, *_check_setting(tokens, scene)]
    things = tuple(sorted({k for m in mentions for k in m.found}))
    return CaptionTruth(things, colours, tuple(relations), tuple(dict.fromkeys(wrong)))


def read_scenes(data_dir, split: str = "val") -> dict[int, dict]:
    """Reads the scenes of a split.

    Returns:
        {image id: scene}.

    Raises:
        OSError, ValueError: the file can't be read; the message names it.
    """
    path, member = Path(data_dir) / "annotations_trainval2014.zip", f"annotations/scenes_{split}2014.json"
    try:
        with zipfile.ZipFile(path) as archive:
            scenes = json.loads(archive.read(member))["scenes"]
    except (KeyError, zipfile.BadZipFile):
        raise ValueError(
            f"{path} has no {member}; expected the annotations of a drawn world. "
            f"`python -m captioning.datasets.drawn.world FOLDER` makes one."
        ) from None
    return {scene["image_id"]: scene for scene in scenes}
