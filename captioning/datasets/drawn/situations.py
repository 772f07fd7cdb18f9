"""Makes random scenes: what may happen in which place (a rider, a herd, a cat on a couch ...), and how often."""

from captioning.datasets.drawn.composer import ADULTS, Composer
from captioning.datasets.drawn.pen import pick
from captioning.datasets.drawn.people import PEOPLE, hand_of
from captioning.datasets.drawn.things import size_of


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
