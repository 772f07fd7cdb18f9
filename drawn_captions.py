"""What people might write under a scene of the drawn world, and whether what was written is true.

The grammar and the check share one lexicon: every word that the grammar can say about a scene is a claim that
check_caption can hold against it.
"""

import re
from dataclasses import dataclass

from drawn_scenes import Scene, union
from drawn_things import PEOPLE, pick

NOUNS = {  # kind: (singular, plural) pairs, the usual one first
    "car": (("car", "cars"),), "bus": (("bus", "buses"),), "truck": (("truck", "trucks"),),
    "train": (("train", "trains"),), "bicycle": (("bike", "bikes"), ("bicycle", "bicycles")),
    "boat": (("boat", "boats"), ("sailboat", "sailboats")), "plane": (("plane", "planes"), ("airplane", "airplanes")),
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
}  # fmt: skip
ADJECTIVES = {  # what may be said of any thing of the kind
    "bus": ("big", "large"), "truck": ("big", "large"), "tree": ("tall", "large", "big"), "bird": ("small", "little"),
    "cat": ("small", "cute"), "dog": ("cute", "happy"), "boy": ("little", "young", "small"), "table": ("wooden", "wooden", "small"),
    "girl": ("little", "young", "small"), "bench": ("wooden", "wooden", "empty"), "house": ("small",), "plane": ("large",),
    "snowman": ("smiling", "big"), "boat": ("small",), "flower": ("pretty",), "man": ("young",), "woman": ("young",),
}  # fmt: skip
COLOUR_WORDS = {"grey": "gray", ("cow", "white"): "black and white"}
GARMENTS = ("shirt", "dress", "jacket", "coat", "scarf")

VERBS = {  # pose: what the thing is doing
    "standing": ("standing",), "walking": ("walking",), "strolling": ("walking",), "running": ("running",),
    "holding": ("standing",), "carrying": ("standing",), "sitting": ("sitting",), "sleeping": ("sleeping", "laying"),
    "grazing": ("grazing", "eating grass"), "flying": ("flying",), "swimming": ("swimming", "floating"),
    "parked": ("parked",), "driving": ("driving",), "surfing": ("surfing",), "waving": ("waving", "standing"),
}  # fmt: skip
KIND_VERBS = {  # the same for what takes no pose
    "boat": ("sailing", "floating"), "kite": ("flying",), "balloon": ("floating",), "flower": ("growing",),
    "bird": ("standing",), "chair": ("sitting",), "ball": ("sitting", "laying"), "train": ("traveling",),
}  # fmt: skip

PLACES = {  # where things on the ground are said to be
    "field": ("in a field", "in a grassy field", "in the grass", "on the grass", "in a green field", "in a meadow"),
    "park": ("in the park", "in a park", "in the park", "on a path", "on a path in the park"),
    "beach": ("on the beach", "on a beach", "at the beach", "on a sandy beach", "on the sand", "by the ocean", "near the water"),
    "sea": ("in the ocean", "on the water", "in the water", "on the ocean", "in the sea"),
    "street": ("on the street", "on a street", "on the road", "down the street", "on the side of the road"),
    "snow": ("in the snow", "in the snow", "on the snow", "on a snowy field", "in a snowy field"),
    "room": ("in a room", "in a living room", "in the living room", "on the floor", "on a wooden floor"),
    "sky": ("in the sky", "in the sky", "through the sky", "in the air", "through the air"),
}  # fmt: skip
SCENERY = {  # a place as the subject of a caption
    "field": ("a field", "a green field", "a grassy field"), "park": ("a park", "a path in a park"),
    "beach": ("a beach", "a sandy beach"), "sea": ("the ocean",), "street": ("a street", "a road"),
    "snow": ("a snowy field", "a snowy landscape"), "room": ("a living room", "a room"), "sky": ("the sky",),
}  # fmt: skip
PLACE_TRUTH = {  # word: the places where it is true
    "field": ("field", "snow"), "meadow": ("field",), "grassy": ("field", "park"), "grass": ("field", "park"),
    "park": ("park",), "path": ("park",), "beach": ("beach",), "sand": ("beach",), "sandy": ("beach",),
    "ocean": ("beach", "sea"), "sea": ("beach", "sea"), "water": ("beach", "sea"), "street": ("street",),
    "road": ("street",), "sidewalk": ("street",), "room": ("room",), "floor": ("room",), "landscape": ("snow",),
    "sky": ("field", "park", "beach", "sea", "street", "snow", "sky"),
    "air": ("field", "park", "beach", "sea", "street", "snow", "sky"),
}  # fmt: skip
RELATION_WORDS = {
    "next to": ("next to", "next to", "beside", "near"), "in front of": ("in front of",), "behind": ("behind",),
    "under": ("under", "underneath"), "on": ("on", "on top of"), "above": ("above", "over"),
    "holding": ("holding", "with"), "riding": ("riding", "on"), "walking": ("walking", "walking with", "with"),
    "flying": ("flying", "flying", "with"),
}  # fmt: skip
BACKDROPS = {"hills": "hills", "mountains": "mountains", "trees": "trees", "buildings": "buildings", "houses": "houses"}


def _as_scene(scene):
    return scene if isinstance(scene, Scene) else Scene.from_json(scene)


# -------------------------------------------------------------------------------------------------- the grammar


class _Writer:
    """Writes captions of one scene; each of its words is true of it."""

    def __init__(self, scene, rng):
        self.scene, self.rng = scene, rng

    def chance(self, share):
        return self.rng.random() < share

    def pick(self, choices):
        return pick(self.rng, choices)

    def noun(self, thing):
        if thing.pose == "swimming" and self.chance(0.5):
            return "duck" if thing.count == 1 else "ducks"
        return self.pick(NOUNS[thing.kind][:1] * 2 + NOUNS[thing.kind])[thing.count > 1]

    def article(self, count, following):
        if count == 1:
            return "an" if following[0] in "aeiou" else "a"
        if count == 2:
            return self.pick(("two", "two", "two", "two", "a couple of", "a pair of"))
        return self.pick(("three", "three", "three", "three", "some", "several", "a group of"))

    def thing(self, k, colour=0.68):
        """A noun phrase for thing k, with its colour at the given rate."""
        thing = self.scene.things[k]
        shade = COLOUR_WORDS.get((thing.kind, thing.colour), COLOUR_WORDS.get(thing.colour, thing.colour))
        shade = shade if shade and self.chance(colour) else None
        words, after = [self.noun(thing)], ""
        if thing.kind in PEOPLE:
            after = self._dressed(thing, shade) if shade and self.chance(0.7) else ""
        elif thing.kind == "snowman":
            after = f" with a {shade} scarf" if shade and self.chance(0.6) else ""
        elif thing.kind == "vase":
            after = self.pick((f" of {shade} flowers", f" with {shade} flowers")) if shade else self.pick((" of flowers", ""))
        elif shade:
            words.insert(0, shade)
        if self.chance(0.14 if thing.colour else 0.35) and ADJECTIVES.get(thing.kind):
            adjective = self.pick(ADJECTIVES[thing.kind])
            alone = not any(r.name == "on" and r.object == k for r in self.scene.relations)
            words = words if adjective == "empty" and not alone else [adjective, *words]
        phrase = " ".join(words)
        return f"{self.article(thing.count, phrase)} {phrase}{after}"

    def _dressed(self, thing, shade):
        winter = self.scene.place == "snow" or self.scene.weather == "snowy"
        dress = thing.kind in ("woman", "girl") and thing.pose not in ("riding", "cycling")
        garment = self.pick(("jacket", "coat")) if winter else "dress" if dress else "shirt"
        return self.pick((f" in a {shade} {garment}", f" in a {shade} {garment}", f" wearing a {shade} {garment}", f" in {shade}"))

    def verb(self, thing):
        options = VERBS.get(thing.pose) or KIND_VERBS.get(thing.kind)
        return self.pick(options) if options else None

    def place(self, thing):
        """Where a thing is, or where the scene is."""
        scene = self.scene
        if thing.stands == "air" and scene.place not in ("sky", "room"):
            return self.pick(("in the sky", "in the air", "in the sky"))
        choices = PLACES[scene.place]
        if scene.place == "sky" and self.chance(0.5):
            special = {"night": "in the night sky", "sunset": "in a sunset sky"}.get(scene.time)
            return special or {"sunny": "in a blue sky", "cloudy": "in a cloudy sky"}.get(scene.weather, "in the sky")
        if scene.place == "street":
            moving = thing.pose in ("walking", "strolling", "running", "driving", "cycling")
            choices = [c for c in choices if moving or not c.startswith("down")]
            if thing.kind in PEOPLE or thing.kind == "dog":
                choices = ["on the sidewalk", "on the street", *[c for c in choices if "down" in c]]
            if scene.backdrop == "buildings":
                choices = [*choices, "on a city street", "on a city street"]
        if thing.kind == "train" and self.chance(0.6):
            return self.pick(("on the tracks", "on train tracks", "down the tracks"))
        if scene.place == "room" and thing.stands != "ground":
            choices = choices[:3]
        if scene.place in ("park", "field") and thing.stands != "ground":
            choices = [c for c in choices if "on a path" not in c and "on the" not in c]
        return self.pick(choices)

    def tail(self, backdrop=0.5):
        """Weather, time of day or what is behind; an empty string where there is nothing to say."""
        scene, options = self.scene, []
        if scene.place != "room":
            options += {"sunny": ["on a sunny day", "on a sunny day", "under a blue sky"], "cloudy": ["on a cloudy day", "under a cloudy sky"],
                        "rainy": ["in the rain", "in the rain", "on a rainy day"], "snowy": ["while it is snowing", "on a snowy day"]}.get(scene.weather, [])  # fmt: skip
            options += {"sunset": ["at sunset", "at sunset", "at dusk"], "night": ["at night", "at night", "under the moon"]}.get(scene.time, [])
            if scene.time == "night" and scene.weather != "clear":
                options = [o for o in options if "moon" not in o and "day" not in o]
            if scene.place == "sky":
                options = [o for o in options if "sky" not in o and "moon" not in o]
        if scene.backdrop in BACKDROPS and self.chance(backdrop):
            there = BACKDROPS[scene.backdrop]
            options = [f"with {there} in the background", f"with {there} behind", f"near some {there}" if there != "hills" else "by the hills"]
        return " " + self.pick(options) if options else ""

    def subjects(self):
        """Things that a caption may be about: not what somebody holds or rides."""
        bound = {r.object for r in self.scene.relations if r.name in ("holding", "riding", "on") and self.scene.things[r.object].kind not in ("bench", "couch", "table", "chair")}
        return [k for k in range(len(self.scene.things)) if k not in bound]

    def solo(self):
        k = self.pick(self.subjects())
        thing = self.scene.things[k]
        verb = self.verb(thing)
        doing = f" {verb}" if verb and self.chance(0.75) else ""
        one = thing.count == 1
        subject, where, tail = self.thing(k, 0.75), self.place(thing), self.tail() if self.chance(0.45) else ""
        if doing and self.chance(0.22):
            return f"{subject} {'is' if one else 'are'}{doing} {where}{tail}"
        if self.chance(0.14):
            return f"there {'is' if one else 'are'} {subject}{doing} {where}{tail}"
        if self.chance(0.08):
            return f"a {'picture' if self.chance(0.5) or thing.size < 0.4 else 'close up'} of {subject} {where}"
        return f"{subject}{doing} {where}{tail}"

    def related(self):
        if not self.scene.relations:
            return self.solo()
        told = [r for r in self.scene.relations if r.name not in ("next to", "above")]
        relation = self.pick(told if told and self.chance(0.75) else self.scene.relations)
        first, second, name = relation.subject, relation.object, relation.name
        if name == "in front of" and self.chance(0.3):
            first, second, name = second, first, "behind"
        thing = self.scene.things[first]
        words = self.pick(RELATION_WORDS[name])
        if words == "on top of" and self.scene.things[second].kind not in ("table",):
            words = "on"
        verb = self.verb(thing)
        if verb and name in ("next to", "in front of", "behind", "under", "on", "above") and verb != "surfing" and self.chance(0.6):
            words = f"{verb} {words}"
        one, subject, other = thing.count == 1, self.thing(first), self.thing(second)
        if name == "riding" and self.scene.backdrop == "wave" and self.chance(0.6):
            other = f"a wave on {other}" if self.chance(0.5) else "a wave"
            words = "riding"
        end = f" {self.place(self.scene.things[first])}" if self.chance(0.5) and not other.endswith("wave") else ""
        tail = self.tail() if self.chance(0.22 if end else 0.4) else ""
        first_word = words.split()[0]
        if first_word.endswith("ing") and self.chance(0.25):
            words = f"{'is' if one else 'are'} {words}"
        elif self.chance(0.12):
            subject = f"there {'is' if one else 'are'} {subject}"
        return f"{subject} {words} {other}{end}{tail}"

    def pair(self):
        ks = self.subjects()
        if len(ks) < 2:
            return self.related()
        first, second = (int(k) for k in self.rng.permutation(ks)[:2])
        a, b = self.scene.things[first], self.scene.things[second]
        both = f"{self.thing(first)} and {self.thing(second)}"
        doing = f" {self.verb(a)}" if a.pose in VERBS and a.pose == b.pose and self.chance(0.7) else ""
        same_ground = "air" not in (a.stands, b.stands)
        where = f" {self.place(a)}" if same_ground and self.chance(0.8) else ""
        if a.kind in PEOPLE and b.kind in PEOPLE and self.chance(0.35):
            both = self.pick(("two people", "a couple of people"))
            if {a.kind, b.kind} <= {"boy", "girl"}:
                both = self.pick(("two children", "two kids"))
        verb = "there are " if self.chance(0.1) else ""
        return f"{verb}{both}{doing}{where}{self.tail() if self.chance(0.4) else ''}"

    def scenery(self):
        scene = self.scene
        where = self.pick(SCENERY[scene.place])
        if scene.place == "street" and scene.backdrop == "buildings" and self.chance(0.6):
            where = "a city street"
        ks = self.subjects()
        count = 2 if len(ks) > 1 and self.chance(0.7) else 1
        chosen = [self.thing(int(k)) for k in self.rng.permutation(ks)[:count]]
        return f"{where} with {' and '.join(chosen)}{self.tail(0.3) if self.chance(0.3) else ''}"

    def caption(self):
        several = len(self.scene.things) > 1
        roll = self.rng.random()
        if several:
            return self.related() if roll < 0.56 else self.pair() if roll < 0.74 else self.solo() if roll < 0.9 else self.scenery()
        return self.solo() if roll < 0.86 else self.scenery()


def captions_of(scene, rng):
    """Five different captions of a scene, as five people would write them: list of 5 str, most of 6 to 16 words."""
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
    """As people type: most start with a capital and end with a full stop."""
    caption = caption[0].upper() + caption[1:] if rng.random() < 0.85 else caption
    return caption + ("." if rng.random() < 0.7 else "")


# ---------------------------------------------------------------------------------------------------- the check


@dataclass(frozen=True)
class CaptionTruth:
    """What of a caption is true of a scene, and what is not.

    things: indices of the scene's things that the caption names; colours: (index, colour) it binds rightly;
    relations: the scene's relations it states; wrong: (sort, words) of each claim that the scene does not bear out,
    sort being thing, colour, count, place, weather, time, action, relation or backdrop.
    """

    things: tuple
    colours: tuple
    relations: tuple
    wrong: tuple

    @property
    def is_true(self):
        """It names something that is there, and claims nothing that is not."""
        return bool(self.things) and not self.wrong


_PHRASES = ("black and white", "living room", "next to", "in front of", "on top of", "close up", "train tracks",
            "blue sky", "eating grass", "group of", "couple of", "pair of", "green field", "city street")  # fmt: skip
_JOINED = re.compile("|".join(rf"\b{p}\b" for p in _PHRASES))
_KINDS = {}  # noun: (kinds, is plural)
for _kind, _pairs in NOUNS.items():
    for _pair in _pairs:
        for _plural, _noun in enumerate(_pair):
            _KINDS[_noun] = (_KINDS.get(_noun, ((), 0))[0] + (_kind,), bool(_plural))
_KINDS |= {"person": (PEOPLE, False), "people": (PEOPLE, True), "duck": (("bird",), False), "ducks": (("bird",), True),
           "flowers": (("flower", "vase"), True), "sheep": (("sheep",), None)}  # fmt: skip
_COLOURS = {"red", "yellow", "green", "blue", "purple", "white", "black", "brown", "gray", "grey", "orange", "black_and_white"}
_COUNTS = {"a": 1, "an": 1, "one": 1, "two": 2, "couple_of": 2, "pair_of": 2, "three": 3, "four": 4, "five": 5,
           "some": "many", "several": "many", "few": "many", "many": "many", "group_of": "many"}  # fmt: skip
_ADJECTIVES = {a for choices in ADJECTIVES.values() for a in choices} | {"old", "sunny", "long"}
_LINKS = {"next_to": "next to", "beside": "next to", "near": "next to", "in_front_of": "in front of", "behind": "behind",
          "under": "under", "underneath": "under", "on": "on", "on_top_of": "on", "above": "above", "over": "above",
          "holding": "holding", "carrying": "holding", "riding": "riding", "flying": "flying", "walking": "walking"}  # fmt: skip
_TIMES = {"sunset": "sunset", "dusk": "sunset", "night": "night", "moon": "night", "stars": "night"}
_SKIES = {"sunny": "sunny", "cloudy": "cloudy", "rain": "rainy", "rainy": "rainy", "raining": "rainy", "snowing": "snowy"}
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
    colour: str | None = None
    found: tuple = ()  # indices of the things it is taken to speak of
    fits: set = frozenset()  # indices of all that it could

    @property
    def words(self):
        return " ".join(str(w) for w in (self.count, self.colour, self.word) if w)


def _tokens(caption):
    plain = re.sub(r"[^a-z ]+", " ", caption.lower())
    return _JOINED.sub(lambda m: m.group().replace(" ", "_"), " ".join(plain.split())).split()


def _mentions(tokens):
    """The things that a caption speaks of, with the count and colour that it gives them."""
    found, count, colour = [], None, None
    for k, token in enumerate(tokens):
        if token in _COUNTS:
            count = count if _COUNTS[token] == "many" and isinstance(count, int) and count > 1 else _COUNTS[token]
        elif token in _COLOURS:
            follows = tokens[k + 1] if k + 1 < len(tokens) else ""
            if found and tokens[k - 1] == "in" and follows not in _KINDS and follows not in GARMENTS:
                found[-1].colour = found[-1].colour or token  # "a man in red"
            else:
                colour = token
        elif token == "flowers" and {"of", "with"} & set(tokens[k - 2 : k]) and found and found[-1].word == "vase":
            found[-1].colour, colour = colour, None  # "a vase of red flowers"
        elif token in _KINDS:
            kinds, plural = _KINDS[token]
            found.append(_Mention(k, token, kinds, "many" if plural and count in (None, 1) else count, colour))
            count, colour = None, None
        elif token in GARMENTS:
            if found:
                found[-1].colour = found[-1].colour or colour
            count, colour = None, None
        elif token not in _ADJECTIVES:
            count, colour = None, None
    return found


def _colour_fits(thing, word):
    own = COLOUR_WORDS.get((thing.kind, thing.colour), COLOUR_WORDS.get(thing.colour, thing.colour))
    return word is None or own == word.replace("_", " ").replace("grey", "gray")


def _count_fits(number, wanted):
    return wanted is None or number == wanted or (wanted == "many" and number > 1)


def _candidates(mention, scene):
    """The sets of things that a mention may speak of: one thing, or all that are alike when their counts add up."""
    fits = [k for k, t in enumerate(scene.things) if t.kind in mention.kinds and _colour_fits(t, mention.colour)]
    number = {k: 3 if scene.things[k].kind == "vase" and mention.word == "flowers" else scene.things[k].count for k in fits}
    choices = [(k,) for k in fits if _count_fits(number[k], mention.count)]
    if len(fits) > 1 and _count_fits(sum(number.values()), mention.count):
        choices.append(tuple(fits))
    return choices


def _assign(choices, used=frozenset()):
    """Give each mention one of its candidates, no thing twice, as many mentions as possible: a list of tuples."""
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
    """Find what each mention speaks of; returns the claims that fail, as (sort, words)."""
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
        wrong.append((sort, f"another {mention.word}" if candidates else mention.words))
    return wrong


def _stated(scene, subjects, name, objects):
    """The scene's relations that bear out `one of subjects` name `one of objects`."""
    for r in scene.relations:
        if r.subject in subjects and r.object in objects and (r.name == name or (name == "on" and r.name == "riding")):
            yield r
        elif r.object in subjects and r.subject in objects and (name, r.name) in (("behind", "in front of"), ("under", "above")):
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
    """Claims about place, weather, time, backdrop and actions that are false."""
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
    """Is a caption true of a scene?  caption: str; scene: a Scene, or its dict from the scenes JSON.

    Words outside the drawn world's lexicon claim nothing. Returns a CaptionTruth.
    """
    scene, tokens = _as_scene(scene), _tokens(caption)
    mentions = _mentions(tokens)
    wrong = _match(mentions, scene)
    colours = tuple((m.found[0], scene.things[m.found[0]].colour) for m in mentions
                    if m.colour and m.found and _colour_fits(scene.things[m.found[0]], m.colour))  # fmt: skip
    relations, false_relations = _check_relations(tokens, mentions, scene)
    wrong += [*false_relations, *_check_setting(tokens, scene)]
    things = tuple(sorted({k for m in mentions for k in m.found}))
    return CaptionTruth(things, colours, tuple(relations), tuple(dict.fromkeys(wrong)))
