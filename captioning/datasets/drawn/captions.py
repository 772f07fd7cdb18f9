"""Writes captions for a scene of the drawn world, and checks whether a caption is true of a scene.

Both share one lexicon, so `check_caption` understands each word that `captions_of` can write.
"""

import re
from dataclasses import dataclass

from captioning.datasets.drawn.pen import pick
from captioning.datasets.drawn.people import PEOPLE
from captioning.datasets.drawn.scenes import Scene, most_striking

NOUNS = {  # kind: (singular, plural) pairs, the usual one first
    "car": (("car", "cars"),), "bus": (("bus", "buses"),), "truck": (("truck", "trucks"),),
    "train": (("train", "trains"),), "bicycle": (("bike", "bikes"), ("bicycle", "bicycles")),
    "boat": (("boat", "boats"), ("sailboat", "sailboats")),
    "plane": (("plane", "planes"), ("airplane", "airplanes")),
    "dog": (("dog", "dogs"),), "cat": (("cat", "cats"),), "horse": (("horse", "horses"),), "cow": (("cow", "cows"),),
    "sheep": (("sheep", "sheep"),), "bird": (("bird", "birds"),),
    "man": (("man", "men"), ("person", "people"), ("guy", "guys")),
    "woman": (("woman", "women"), ("person", "people"), ("lady", "ladies")),
    "boy": (("boy", "boys"), ("child", "children"), ("kid", "kids")),
    "girl": (("girl", "girls"), ("child", "children"), ("kid", "kids")),
    "house": (("house", "houses"),), "tree": (("tree", "trees"),), "bench": (("bench", "benches"),),
    "snowman": (("snowman", "snowmen"),), "flower": (("flower", "flowers"),), "ball": (("ball", "balls"),),
    "kite": (("kite", "kites"),), "balloon": (("balloon", "balloons"),), "umbrella": (("umbrella", "umbrellas"),),
    "surfboard": (("surfboard", "surfboards"),), "table": (("table", "tables"),), "chair": (("chair", "chairs"),),
    "couch": (("couch", "couches"), ("sofa", "sofas")), "lamp": (("lamp", "lamps"),), "vase": (("vase", "vases"),),
}
ADJECTIVES = {  # true of any thing of the kind
    "bus": ("big", "large"), "truck": ("big", "large"), "tree": ("tall", "large", "big"), "bird": ("small", "little"),
    "cat": ("small", "cute"), "dog": ("cute", "happy"), "boy": ("little", "young", "small"),
    "table": ("wooden", "wooden", "small"), "girl": ("little", "young", "small"),
    "bench": ("wooden", "wooden", "empty"), "house": ("small",), "plane": ("large",), "snowman": ("smiling", "big"),
    "boat": ("small",), "flower": ("pretty",), "man": ("young",), "woman": ("young",),
}
COLOUR_WORDS = {"grey": "gray", ("cow", "white"): "black and white"}
GARMENTS = ("shirt", "dress", "jacket", "coat", "scarf", "scarves")

VERBS = {  # pose: what the thing is doing
    "standing": ("standing",), "walking": ("walking",), "strolling": ("walking",), "running": ("running",),
    "holding": ("standing",), "carrying": ("standing",), "sitting": ("sitting",), "sleeping": ("sleeping", "laying"),
    "grazing": ("grazing", "eating grass"), "flying": ("flying",), "swimming": ("swimming", "floating"),
    "parked": ("parked",), "driving": ("driving",), "surfing": ("surfing",), "waving": ("waving", "standing"),
}
KIND_VERBS = {  # the same for kinds without poses
    "boat": ("sailing", "floating"), "kite": ("flying",), "balloon": ("floating",), "flower": ("growing",),
    "bird": ("standing",), "chair": ("sitting",), "ball": ("sitting", "laying"), "train": ("traveling",),
}
MOVING = ("walking", "running", "driving", "riding", "flying", "traveling")    # verbs that go through or down a place

PLACES = {  # where things on the ground are
    "field": ("in a field", "in a grassy field", "in the grass", "on the grass", "in a green field", "in a meadow"),
    "park": ("in the park", "in a park", "in the park", "on a path", "on a path in the park"),
    "beach": ("on the beach", "on a beach", "at the beach", "on a sandy beach", "on the sand",
              "by the ocean", "near the water"),
    "sea": ("in the ocean", "on the water", "in the water", "on the ocean", "in the sea"),
    "street": ("on the street", "on a street", "on the road", "down the street", "on the side of the road"),
    "snow": ("in the snow", "in the snow", "on the snow", "in a snowy field"),
    "room": ("in a room", "in a living room", "in the living room", "on the floor", "on a wooden floor"),
    "sky": ("in the sky", "in the sky", "through the sky", "in the air", "through the air"),
}
SCENERY = {  # a place as the subject of a caption
    "field": ("a field", "a green field", "a grassy field"), "park": ("a park", "a path in a park"),
    "beach": ("a beach", "a sandy beach"), "sea": ("the ocean",), "street": ("a street", "a road"),
    "snow": ("a snowy field", "a snowy landscape"), "room": ("a living room", "a room"), "sky": ("a sky",),
}
PLACE_TRUTH = {  # word: the places where it is true
    "field": ("field", "snow"), "meadow": ("field",), "grassy": ("field", "park"), "grass": ("field", "park"),
    "park": ("park",), "path": ("park",), "beach": ("beach",), "sand": ("beach",), "sandy": ("beach",),
    "ocean": ("beach", "sea"), "sea": ("beach", "sea"), "water": ("beach", "sea"), "street": ("street",),
    "road": ("street",), "sidewalk": ("street",), "room": ("room",), "floor": ("room",), "landscape": ("snow",),
    "sky": ("field", "park", "beach", "sea", "street", "snow", "sky"),
    "air": ("field", "park", "beach", "sea", "street", "snow", "sky"),
}
RELATION_WORDS = {
    "next to": ("next to", "next to", "beside", "near"), "in front of": ("in front of",), "behind": ("behind",),
    "under": ("under", "underneath"), "on": ("on", "on top of"), "above": ("above", "over"),
    "holding": ("holding", "with"), "riding": ("riding", "on"), "walking": ("walking", "walking with", "with"),
    "flying": ("flying", "flying", "with"),
}
BACKDROPS = ("hills", "mountains", "trees", "buildings", "houses")
NUMBERS = {
    2: ("two", "two", "two", "two", "a couple of", "a pair of"),
    3: ("three", "three", "three", "three", "some", "several", "a group of"),
}
WEATHERS = {
    "sunny": ("on a sunny day", "on a sunny day", "under a blue sky"), "clear": (),
    "cloudy": ("on a cloudy day", "under a cloudy sky"), "rainy": ("in the rain", "in the rain", "on a rainy day"),
    "snowy": ("while it is snowing", "on a snowy day"),
}
TIMES = {
    "day": (), "sunset": ("at sunset", "at sunset", "at dusk"), "night": ("at night", "at night", "under the moon"),
}


def _colour_word(thing):
    return COLOUR_WORDS.get((thing.kind, thing.colour), COLOUR_WORDS.get(thing.colour, thing.colour))


def _as_scene(scene):
    return scene if isinstance(scene, Scene) else Scene.from_json(scene)


# -------------------------------------------------------------------------------------------------- the grammar


class _Writer:
    """Writes captions of one scene. All that they say is true of it."""

    def __init__(self, scene, rng):
        self.scene, self.rng = scene, rng
        self.striking = most_striking(scene.things)

    def chance(self, share):
        return self.rng.random() < share

    def pick(self, choices):
        return pick(self.rng, choices)

    # Phrases: a thing, what it does, where it is, what surrounds it.

    def noun(self, thing):
        if thing.pose == "swimming" and self.chance(0.5):
            return "duck" if thing.count == 1 else "ducks"
        usual = NOUNS[thing.kind][:1]
        return self.pick(usual * 2 + NOUNS[thing.kind])[thing.count > 1]

    def article(self, count, following):
        if count == 1:
            return "an" if following[0] in "aeiou" else "a"
        return self.pick(NUMBERS[count])

    def thing(self, k):
        """A noun phrase for thing k. As people do, it names the colour of a striking thing more often."""
        thing = self.scene.things[k]
        told = thing.colour and self.chance(0.8 if k == self.striking else 0.2)
        shade = _colour_word(thing) if told else None
        words, after = self.noun(thing), ""
        if thing.kind in PEOPLE:
            after = self.clothes(thing, shade) if shade and self.chance(0.7) else ""
        elif thing.kind == "snowman" and shade:
            scarf = f"a {shade} scarf" if thing.count == 1 else f"{shade} scarves"
            after = self.pick((f" with {scarf}", f" wearing {scarf}", ""))
        elif thing.kind == "vase":
            after = self.pick((f" of {shade} flowers", f" with {shade} flowers") if shade else (" of flowers", ""))
        elif shade:
            words = f"{shade} {words}"
        if self.chance(0.14 if thing.colour else 0.35) and thing.kind in ADJECTIVES:
            adjective = self.pick(ADJECTIVES[thing.kind])
            taken = any(r.name == "on" and r.object == k for r in self.scene.relations)
            words = words if adjective == "empty" and taken else f"{adjective} {words}"
        return f"{self.article(thing.count, words)} {words}{after}"

    def clothes(self, thing, shade):
        garment = "shirt"
        if self.scene.place == "snow" or self.scene.weather == "snowy":
            garment = self.pick(("jacket", "coat"))
        elif thing.kind in ("woman", "girl") and thing.pose not in ("riding", "cycling"):
            garment = "dress"
        worn = f" in a {shade} {garment}"
        return self.pick((worn, worn, f" wearing a {shade} {garment}", f" in {shade}"))

    def verb(self, thing):
        options = VERBS.get(thing.pose) or KIND_VERBS.get(thing.kind)
        return self.pick(options) if options else ""

    def place(self, thing, moves=False):
        """Where a thing is. It goes "down" or "through" a place only if it moves."""
        return self.pick([c for c in self._places(thing) if moves or not c.startswith(("down", "through"))])

    def _places(self, thing):
        place, choices = self.scene.place, PLACES[self.scene.place]
        if place == "sky":
            return (*choices, f"in {self.sky()}", f"in {self.sky()}")
        if thing.stands == "air" and place != "room":
            return ("in the sky", "in the air", "in the sky")
        if thing.kind == "train" and self.chance(0.6):
            return ("on the tracks", "on train tracks", "down the tracks")
        if place == "street":
            if thing.kind in (*PEOPLE, "dog"):
                choices = ("on the sidewalk", "on the street", "down the street")
            return (*choices, *["on a city street"] * 2) if self.scene.backdrop == "buildings" else choices
        if thing.stands != "ground":  # what sits on a bench is not on the path
            return [c for c in choices if not c.startswith(("on a ", "on the floor", "on the grass"))] or choices
        return choices

    def sky(self):
        """The sky of a scene that is all sky."""
        of_time = {"night": "the night sky", "sunset": "a sunset sky"}.get(self.scene.time)
        return of_time or {"sunny": "a blue sky", "cloudy": "a cloudy sky"}[self.scene.weather]

    def tail(self, backdrop=0.5):
        """Weather, time of day or backdrop; an empty string if there is nothing to say."""
        scene, options = self.scene, []
        if scene.backdrop in BACKDROPS and self.chance(backdrop):
            near = "by the hills" if scene.backdrop == "hills" else f"near some {scene.backdrop}"
            options = [f"with {scene.backdrop} in the background", f"with {scene.backdrop} behind", near]
        elif scene.place != "room":
            night = scene.time == "night"
            options = [t for t in WEATHERS[scene.weather] if not (night and "day" in t)]
            options += [t for t in TIMES[scene.time] if scene.weather == "clear" or "moon" not in t]
            if scene.place == "sky":
                options = [t for t in options if "under" not in t]
        return f" {self.pick(options)}" if options else ""

    def maybe_tail(self, share, **more):
        return self.tail(**more) if self.chance(share) else ""

    # Sentences.

    def subjects(self):
        """Things that a caption may be about; what a person holds or rides is not one."""
        seats = ("bench", "couch", "table", "chair")
        bound = {r.object for r in self.scene.relations if r.name in ("holding", "riding", "on")}
        return [k for k, thing in enumerate(self.scene.things) if k not in bound or thing.kind in seats]

    def solo(self):
        """One thing, what it does and where."""
        k = self.pick(self.subjects())
        thing = self.scene.things[k]
        verb = self.verb(thing) if self.chance(0.75) else ""
        doing = f" {verb}" if verb else ""
        subject, where = self.thing(k), self.place(thing, verb in MOVING)
        roll, be = self.rng.random(), "is" if thing.count == 1 else "are"
        if roll < 0.06:
            shown = self.pick(("picture", "close up" if thing.size > 0.4 else "picture"))
            return f"a {shown} of {subject} {where}"
        if roll < 0.14:
            subject = f"there {be} {subject}"
        elif roll < 0.34 and doing:
            doing = f" {be}{doing}"
        return f"{subject}{doing} {where}{self.maybe_tail(0.45)}"

    def related(self):
        """Two things, and how one stands to the other."""
        if not self.scene.relations:
            return self.solo()
        told = [r for r in self.scene.relations if r.name not in ("next to", "above")]
        relation = self.pick(told if told and self.chance(0.75) else self.scene.relations)
        first, second, name = relation.subject, relation.object, relation.name
        if name == "in front of" and self.chance(0.3):
            first, second, name = second, first, "behind"
        thing, be = self.scene.things[first], "is" if self.scene.things[first].count == 1 else "are"
        subject, other, link = self.thing(first), self.thing(second), self.link(name, thing, second)
        if name == "riding" and self.scene.backdrop == "wave" and self.chance(0.6):
            link, other = "riding", self.pick(("a wave", f"a wave on {other}"))
        doing = link.split()[0]
        moves = doing in MOVING and name in ("riding", "walking")
        where = f" {self.place(thing, moves)}" if self.chance(0.5) and not other.endswith("wave") else ""
        if doing.endswith("ing") and self.chance(0.25):
            link = f"{be} {link}"
        elif self.chance(0.07):
            subject = f"there {be} {subject}"
        return f"{subject} {link} {other}{where}{self.maybe_tail(0.22 if where else 0.4)}"

    def link(self, name, thing, second):
        """The words of a relation, often with what its subject does: "standing next to"."""
        words = self.pick(RELATION_WORDS[name])
        if words == "on top of" and self.scene.things[second].kind != "table":
            words = "on"
        verb = self.verb(thing)
        plain = name in ("next to", "in front of", "behind", "under", "on", "above")
        return f"{verb} {words}" if verb and plain and verb != "surfing" and self.chance(0.6) else words

    def pair(self):
        """Two things side by side, joined by `and`."""
        subjects = self.subjects()
        if len(subjects) < 2:
            return self.related()
        first, second = (int(k) for k in self.rng.permutation(subjects)[:2])
        if any({r.subject, r.object} == {first, second} and r.name not in ("next to", "above")
               for r in self.scene.relations):
            return self.related()
        a, b = self.scene.things[first], self.scene.things[second]
        both, verb = f"{self.thing(first)} and {self.thing(second)}", ""
        if a.pose in VERBS and a.pose == b.pose and self.chance(0.7):
            verb = self.verb(a)
        if a.kind in PEOPLE and b.kind in PEOPLE and self.chance(0.35):
            children = {a.kind, b.kind} <= {"boy", "girl"}
            both = self.pick(("two children", "two kids") if children else ("two people", "a couple of people"))
        elif self.chance(0.1):
            both = f"there {'is' if a.count == 1 else 'are'} {both}"
        same_ground = "air" not in (a.stands, b.stands)
        where = self.place(a, verb in MOVING) if same_ground and self.chance(0.8) else ""
        return " ".join(f"{both} {verb} {where}{self.maybe_tail(0.4)}".split())

    def scenery(self):
        """A place, and what is in it."""
        where = self.sky() if self.scene.place == "sky" else self.pick(SCENERY[self.scene.place])
        if where == "a street" and self.scene.backdrop == "buildings":
            where = "a city street"
        subjects = self.subjects()
        number = 2 if len(subjects) > 1 and self.chance(0.7) else 1
        chosen = [self.thing(int(k)) for k in self.rng.permutation(subjects)[:number]]
        tail = "" if self.scene.place == "sky" else self.maybe_tail(0.3, backdrop=0.3)
        return f"{where} with {' and '.join(chosen)}{tail}"

    def caption(self):
        several, roll = len(self.scene.things) > 1, self.rng.random()
        if not several:
            return self.solo() if roll < 0.86 else self.scenery()
        kinds = ((0.56, self.related), (0.74, self.pair), (0.9, self.solo), (1.0, self.scenery))
        return next(write for share, write in kinds if roll < share)()


def captions_of(scene, rng):
    """Writes five different captions of a scene, as five people would.

    Args:
        scene: a Scene, or its dict from the scenes JSON.
        rng: a numpy Generator. The same scene and state give the same captions.

    Returns:
        A list of 5 strings, most of 6 to 16 words.

    Raises:
        ValueError: if the grammar has fewer than five for this scene.
    """
    writer, plain = _Writer(_as_scene(scene), rng), []
    for attempt in range(400):
        caption = writer.caption()
        words = len(caption.split())
        if caption not in plain and (6 if attempt < 80 else 4) <= words <= 16:
            plain.append(caption)
        if len(plain) == 5:
            return [_as_typed(c, rng) for c in plain]
    raise ValueError(f"the grammar has fewer than five captions for this scene: {scene}")


def _as_typed(caption, rng):
    """As people type: with a capital and a full stop, most of the time."""
    caption = caption[0].upper() + caption[1:] if rng.random() < 0.85 else caption
    return caption + ("." if rng.random() < 0.7 else "")


# ---------------------------------------------------------------------------------------------------- the check


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
    position: int
    word: str
    kinds: tuple
    count: object  # a number, "many", or None
    counted: str  # the words of the count
    colour: str | None = None
    found: tuple = ()  # indices of the things that it means
    fits: set = frozenset()  # indices of all things that it could mean


def _tokens(caption):
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
    return word is None or _colour_word(thing) == word.replace("_", " ").replace("grey", "gray")


def _count_fits(number, wanted):
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
    scene, tokens = _as_scene(scene), _tokens(caption)
    mentions = _mentions(tokens)
    wrong = _match(mentions, scene)
    colours = tuple((m.found[0], scene.things[m.found[0]].colour) for m in mentions
                    if m.colour and m.found and _colour_fits(scene.things[m.found[0]], m.colour))
    relations, false_relations = _check_relations(tokens, mentions, scene)
    wrong += [*false_relations, *_check_setting(tokens, scene)]
    things = tuple(sorted({k for m in mentions for k in m.found}))
    return CaptionTruth(things, colours, tuple(relations), tuple(dict.fromkeys(wrong)))
