"""The words of the drawn world: what captions call its things, colours, actions, places and relations."""

from captioning.datasets.drawn.scenes import Scene

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


def colour_word(thing):
    """The word that captions use for the colour of a thing."""
    return COLOUR_WORDS.get((thing.kind, thing.colour), COLOUR_WORDS.get(thing.colour, thing.colour))


def as_scene(scene):
    """The Scene itself, or the one of its dict."""
    return scene if isinstance(scene, Scene) else Scene.from_json(scene)
