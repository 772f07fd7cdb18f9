"""Writes captions for a scene of the drawn world, as people would.

All words are in lexicon.py, so that truth.py understands each of them.
"""

from captioning.datasets.drawn.lexicon import (
    ADJECTIVES,
    BACKDROPS,
    KIND_VERBS,
    MOVING,
    NOUNS,
    NUMBERS,
    PLACES,
    RELATION_WORDS,
    SCENERY,
    TIMES,
    VERBS,
    WEATHERS,
    as_scene,
    colour_word,
)
from captioning.datasets.drawn.pen import pick
from captioning.datasets.drawn.people import PEOPLE
from captioning.datasets.drawn.scenes import most_striking


class _Phrases:
    """Phrases about one scene: a thing, what it does, where it is, what is around it. All are true of it."""

    def __init__(self, scene, rng):
        self.scene, self.rng = scene, rng
        self.striking = most_striking(scene.things)

    def chance(self, share):
        """True with this probability."""
        return self.rng.random() < share

    def pick(self, choices):
        """One of the choices."""
        return pick(self.rng, choices)

    def noun(self, thing):
        """A noun for the thing, singular or plural."""
        if thing.pose == "swimming" and self.chance(0.5):
            return "duck" if thing.count == 1 else "ducks"
        usual = NOUNS[thing.kind][:1]
        return self.pick(usual * 2 + NOUNS[thing.kind])[thing.count > 1]

    def article(self, count, following):
        """"a", "an" or words for the count."""
        if count == 1:
            return "an" if following[0] in "aeiou" else "a"
        return self.pick(NUMBERS[count])

    def thing(self, k):
        """A noun phrase for thing k. As people do, it names the colour of a striking thing more often."""
        thing = self.scene.things[k]
        told = thing.colour and self.chance(0.8 if k == self.striking else 0.2)
        shade = colour_word(thing) if told else None
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
        """What a person wears, in this colour."""
        garment = "shirt"
        if self.scene.place == "snow" or self.scene.weather == "snowy":
            garment = self.pick(("jacket", "coat"))
        elif thing.kind in ("woman", "girl") and thing.pose not in ("riding", "cycling"):
            garment = "dress"
        worn = f" in a {shade} {garment}"
        return self.pick((worn, worn, f" wearing a {shade} {garment}", f" in {shade}"))

    def verb(self, thing):
        """What the thing is doing; an empty string if nothing is known."""
        options = VERBS.get(thing.pose) or KIND_VERBS.get(thing.kind)
        return self.pick(options) if options else ""

    def place(self, thing, moves=False):
        """Where a thing is. It goes "down" or "through" a place only if it moves."""
        return self.pick([c for c in self._places(thing) if moves or not c.startswith(("down", "through"))])

    def _places(self, thing):
        """All phrases for where a thing is."""
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
        """A tail with this probability, else an empty string."""
        return self.tail(**more) if self.chance(share) else ""


class _Writer(_Phrases):
    """Sentences made of these phrases."""

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
        """A caption of a random form."""
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
    writer, plain = _Writer(as_scene(scene), rng), []
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
