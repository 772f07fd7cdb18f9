"""The drawn world: the same bytes for the same seed, pictures that fit their boxes, captions that are true."""

import collections
import functools
import io
import json
import os
import re
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from captioning.datasets.drawn import rendering
from captioning.datasets.drawn import world as drawn_world
from captioning.datasets.drawn.canvas import Canvas
from captioning.datasets.drawn.captions import captions_of
from captioning.datasets.drawn.composer import COLOURS, SIZES_OF_PICTURES
from captioning.datasets.drawn.lexicon import COLOUR_WORDS, NOUNS
from captioning.datasets.drawn.pen import BRIGHT, INKS, Look, Pen
from captioning.datasets.drawn.people import PEOPLE, POSES
from captioning.datasets.drawn.picture import render_scene, render_thing
from captioning.datasets.drawn.places import PLACES
from captioning.datasets.drawn.rendering import render_photo
from captioning.datasets.drawn.scenes import Relation, Scene, Thing, union
from captioning.datasets.drawn.situations import SITUATIONS, make_scene
from captioning.datasets.drawn.things import THINGS, size_of
from captioning.datasets.drawn.truth import check_caption
from captioning.datasets.drawn.world import main, make_sheet, render_dataset
from captioning.storage.files import TEMPORARY
from tests.helpers import ROOT

ZIPS = ("train2014.zip", "val2014.zip", "annotations_trainval2014.zip")


def rng_of(*key):
    """A generator with this seed."""
    return np.random.default_rng(key)


@functools.cache
def world(number=2000):
    """(scene, its five captions) of the first training scenes; nothing is drawn."""
    scenes = [make_scene(rng_of(0, 0, k, 0)) for k in range(number)]
    return [(scene, captions_of(scene, rng_of(0, 0, k, 1))) for k, scene in enumerate(scenes)]


def words_of(caption):
    """The words of a caption in lower case."""
    return re.findall(r"[a-z]+", caption.lower())


def bytes_in(folder):
    """{name: content} of the files in a folder."""
    return {path.name: path.read_bytes() for path in Path(folder).iterdir()}


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """24 + 16 photos rendered by two processes."""
    folder = tmp_path_factory.mktemp("drawn")
    render_dataset(folder, n_train=24, n_val=16, seed=7, workers=2, progress=False)
    return folder


# ------------------------------------------------------------------------------------------------- the dataset


def test_same_seed_gives_the_same_bytes_whatever_the_number_of_workers(small, tmp_path):
    render_dataset(tmp_path, n_train=24, n_val=16, seed=7, workers=1, progress=False)
    assert bytes_in(tmp_path) == bytes_in(small)


def test_a_photo_does_not_depend_on_how_many_there_are(small):
    with zipfile.ZipFile(small / "val2014.zip") as archive:
        assert archive.read("val2014/COCO_val2014_000001000003.jpg") == render_photo(7, "val2014", 2).jpeg


def test_seeds_splits_and_photos_differ():
    keys = ((0, "train2014", 0), (1, "train2014", 0), (0, "val2014", 0), (0, "train2014", 1))
    photos = [render_photo(*key) for key in keys]
    assert len({photo.jpeg for photo in photos}) == 4
    assert len({json.dumps(photo.scene) for photo in photos}) == 4


def test_layout_is_mscoco_2014s(small):
    assert sorted(path.name for path in small.iterdir()) == sorted(ZIPS)
    seen = collections.Counter()
    with zipfile.ZipFile(small / ZIPS[2]) as archive:
        for split, total in (("train2014", 24), ("val2014", 16)):
            content = json.loads(archive.read(f"annotations/captions_{split}.json"))
            assert set(content) == {"info", "licenses", "images", "annotations"}
            names = {image["id"]: image for image in content["images"]}
            assert len(names) == total
            per_image = collections.Counter(a["image_id"] for a in content["annotations"])
            assert per_image == dict.fromkeys(names, 5)
            assert all(set(a) == {"id", "image_id", "caption"} for a in content["annotations"])
            seen.update(names.keys())
            seen.update(-a["id"] for a in content["annotations"])
            with zipfile.ZipFile(small / f"{split}.zip") as photos:
                assert photos.namelist() == [f"{split}/{image['file_name']}" for image in content["images"]]
                for member, image in zip(photos.infolist(), content["images"], strict=True):
                    assert image["file_name"] == f"COCO_{split}_{image['id']:012d}.jpg"
                    assert member.compress_type == zipfile.ZIP_STORED
                    with Image.open(io.BytesIO(photos.read(member))) as photo:
                        assert (photo.format, photo.mode) == ("JPEG", "RGB")
                        assert photo.size == (image["width"], image["height"])
                        assert min(photo.size) >= 299
    assert max(seen.values()) == 1, "ids are unique across the splits"


def test_scenes_file_tells_what_each_photo_holds(small):
    with zipfile.ZipFile(small / ZIPS[2]) as archive:
        scenes = json.loads(archive.read("annotations/scenes_train2014.json"))["scenes"]
        captions = json.loads(archive.read("annotations/captions_train2014.json"))["annotations"]
    by_id = {scene["image_id"]: scene for scene in scenes}
    assert len(by_id) == 24
    for annotation in captions:
        scene = by_id[annotation["image_id"]]
        assert check_caption(annotation["caption"], scene).is_true
        assert Scene.from_json(scene).to_json() == {k: v for k, v in scene.items() if k != "image_id"}


@pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")
def test_killed_render_leaves_nothing_under_a_final_name(tmp_path):
    command = [sys.executable, "-m", "captioning.datasets.drawn.world", str(tmp_path), "--train", "400", "--val", "8"]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 30
    while not any(path.stat().st_size > 100_000 for path in tmp_path.iterdir()):
        assert time.monotonic() < deadline, "nothing was written within 30 s"
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    left = [path.name for path in tmp_path.iterdir()]
    assert left == [f"train2014.zip{TEMPORARY}{process.pid}"]


def test_failed_render_cleans_up_and_keeps_the_old_zip(tmp_path, monkeypatch):
    render_dataset(tmp_path, n_train=2, n_val=1, progress=False, workers=1)
    before = bytes_in(tmp_path)
    monkeypatch.setattr(rendering, "render_scene",
                        lambda *_: (_ for _ in ()).throw(OSError("no space left on device")))
    with pytest.raises(OSError, match="no space left"):
        render_dataset(tmp_path, n_train=2, n_val=1, progress=False, workers=1, seed=3)
    assert bytes_in(tmp_path) == before


def test_renders_from_a_script_without_a_main_guard(tmp_path):
    script = tmp_path / "script.py"
    script.write_text("from captioning.datasets.drawn.world import render_dataset\n"
                      "render_dataset('out', 20, 1, workers=2, progress=False)\nprint('once')\n")
    done = subprocess.run([sys.executable, str(script)], cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)},
                          capture_output=True, text=True, timeout=60)
    assert done.stdout == "once\n", done.stderr
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(ZIPS)


def test_worker_that_dies_is_an_error_not_a_short_dataset(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "executable", "false" if os.name == "posix" else sys.executable)
    with pytest.raises(OSError, match="^the process that renders photo 0 ended early with status 1"):
        render_dataset(tmp_path, n_train=20, n_val=1, workers=2, progress=False)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("wrong", [{"n_train": 0}, {"n_val": 0}, {"workers": 0}, {"seed": -1}])
def test_numbers_that_make_no_dataset_are_refused(tmp_path, wrong):
    with pytest.raises(ValueError, match="|".join(wrong)):
        render_dataset(tmp_path, **{"n_train": 1, "n_val": 1, **wrong})


def test_command_line_writes_a_sheet(tmp_path, monkeypatch):
    small_sheet = functools.partial(make_sheet, number=4, columns=2)
    monkeypatch.setattr(drawn_world, "make_sheet", small_sheet)
    main(["--sheet", str(tmp_path / "sheet.png")])
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.size[0] > 600


# ------------------------------------------------------------------------------------------------- the pictures


@pytest.mark.parametrize("kind", THINGS)
def test_things_stay_inside_their_boxes(kind):
    """Else relations, which are told from the boxes, would not be what one sees."""
    poses = [pose for k, pose in _poses() if k == kind]
    for pose in poses:
        wide, tall = size_of(kind, pose)
        scale, pad = 100, 60
        layer = Image.new("RGBA", (round(wide * scale) + 2 * pad, round(tall * scale) + 2 * pad))
        pen = Pen(layer, (scale, 0, layer.width / 2, 0, -scale, layer.height - pad))
        THINGS[kind](pen, Look(kind, INKS["red"], pose, rng_of(1), winter=kind in PEOPLE))
        x0, y0, x1, y1 = layer.getchannel("A").getbbox()
        slack = 0.12 * scale  # metres: a shoe's tip, a hat's bobble
        assert x0 >= pad - slack and x1 <= layer.width - pad + slack, (kind, pose)
        assert y0 >= pad - slack and y1 <= layer.height - pad + slack, (kind, pose)
        assert (x1 - x0) * (y1 - y0) > 0.45 * wide * tall * scale**2, f"{kind} {pose} leaves its box half empty"


def _poses():
    posed = {(thing.kind, thing.pose) for scene, _ in world() for thing in scene.things}
    return sorted(posed | {(kind, pose) for kind in PEOPLE for pose in POSES}, key=str)


@pytest.mark.parametrize("place", PLACES)
def test_every_kind_can_be_drawn_in_every_place_at_every_size_of_picture(place):
    for number, (width, height) in enumerate(dict.fromkeys(SIZES_OF_PICTURES)):
        weather, time_of_day = ("snowy" if place == "snow" else "sunny", "day") if number % 2 else ("clear", "night")
        things = []
        for k, kind in enumerate(THINGS):
            x, y = 40 * (k % 7), 40 + 40 * (k // 7)
            colour = COLOURS.get(kind, BRIGHT)[0]
            pose = "standing" if kind in PEOPLE else None
            things.append(Thing(kind, colour, 1, pose, "left", ("ground", "water", "air")[k % 3], 0.1, 0,
                                ((x, y, x + 40, y + 30),)))
        scene = Scene(width, height, height // 2, place, time_of_day, weather, None, tuple(things), ())
        picture = render_scene(scene, rng_of(number))
        assert (picture.mode, picture.size) == ("RGB", (width, height))


def test_pictures_are_functions_of_scene_and_generator():
    scene = make_scene(rng_of(5))
    assert render_scene(scene, rng_of(6)).tobytes() == render_scene(scene, rng_of(6)).tobytes()
    assert render_scene(scene, rng_of(6)).tobytes() != render_scene(scene, rng_of(7)).tobytes()


def test_the_six_colours_stay_apart_in_every_light():
    """The mean colour of a ball, by day, at sunset, at night and in the rain, is nearest to its own name's."""
    lights = (("day", "sunny", "field"), ("sunset", "clear", "field"), ("night", "clear", "field"),
              ("day", "rainy", "street"), ("night", "clear", "room"))
    for time_of_day, weather, place in lights:
        seen = {}
        for colour in BRIGHT:
            ball = Thing("balloon", colour, 1, None, "right", "air", 0.3, 0, ((100, 100, 200, 229),))
            canvas = Canvas(Scene(400, 300, 150, place, time_of_day, weather, None, (ball,), ()), rng_of(3))
            render_thing(canvas, ball, ball.boxes[0])
            seen[colour] = np.asarray(canvas.image.crop((240, 260, 330, 330)), float).mean((0, 1))
        gaps = [np.abs(seen[a] - seen[b]).sum() for a in BRIGHT for b in BRIGHT if a < b]
        assert min(gaps) > 100, (time_of_day, weather, place, min(gaps))


def test_what_captions_mention_is_inside_the_central_square():
    """That is what a 299 x 299 centre crop of the picture, scaled by its shorter side, keeps."""
    for scene, _ in world():
        side = min(scene.width, scene.height)
        left, top = (scene.width - side) / 2, (scene.height - side) / 2
        for thing in scene.things:
            for x0, y0, x1, y1 in thing.boxes:
                inside = (min(x1, left + side) - max(x0, left)) * (min(y1, top + side) - max(y0, top))
                assert inside > 0.95 * (x1 - x0) * (y1 - y0), (scene.place, thing)
                assert (x1 - x0) * (y1 - y0) > 0.0008 * side**2, f"{thing} is too small to see"


def test_relations_are_what_the_boxes_show():
    for scene, _ in world():
        for relation in scene.relations:
            a, b = scene.things[relation.subject], scene.things[relation.object]
            (ax0, ay0, ax1, ay1), (bx0, by0, bx1, by1) = union(a), union(b)
            touch = min(ax1, bx1) > max(ax0, bx0)
            if relation.name == "above":
                assert ay1 < by1 and ay0 < by0
            elif relation.name == "on":
                assert touch and ay0 + ay1 < by0 + by1 and ay1 <= by1 + 0.2 * (by1 - by0)
            elif relation.name == "under":
                assert touch and by0 < ay0 < by1
            elif relation.name == "in front of":
                assert touch and ay1 > by1
            elif relation.name == "next to":
                gap, wide = max(ax0, bx0) - min(ax1, bx1), max(ax1 - ax0, bx1 - bx0)
                assert -0.3 * wide < gap < wide, (scene.place, a, b)
                assert abs(ay1 - by1) < 0.3 * max(ay1 - ay0, by1 - by0)


# ------------------------------------------------------------------------------------------------- the captions


def test_vocabulary_is_150_to_300_words_and_few_of_them_rare():
    captions = [caption for _, five in world() for caption in five]
    counts = collections.Counter(word for caption in captions for word in words_of(caption))
    assert 150 <= len(counts) <= 300
    assert sum(n < 5 for n in counts.values()) <= 5


def test_captions_are_five_different_ones_of_6_to_16_words():
    lengths = collections.Counter()
    for _, captions in world():
        assert len({" ".join(words_of(caption)) for caption in captions}) == 5
        lengths.update(len(words_of(caption)) for caption in captions)
    assert sum(n for words, n in lengths.items() if 6 <= words <= 16) > 0.98 * sum(lengths.values())
    assert max(lengths) <= 16


def test_captions_vary_yet_recur():
    captions = [" ".join(words_of(caption)) for _, five in world() for caption in five]
    assert len(set(captions)) > 8500
    openings = collections.Counter(" ".join(caption.split()[:3]) for caption in captions)
    assert openings.most_common(1)[0][1] < 0.1 * len(captions)
    assert sum(n for _, n in openings.most_common(200)) > 0.4 * len(captions)


def test_every_kind_place_and_colour_is_frequent_enough_to_learn():
    scenes = [scene for scene, _ in world()]
    kinds = collections.Counter(thing.kind for scene in scenes for thing in scene.things)
    assert set(kinds) == set(THINGS) == set(NOUNS) and min(kinds.values()) >= 25, kinds
    assert min(collections.Counter(thing.colour for scene in scenes for thing in scene.things).values()) >= 25
    assert {scene.place for scene in scenes} == set(SITUATIONS)
    counts = collections.Counter(thing.count for scene in scenes for thing in scene.things)
    assert set(counts) == {1, 2, 3} and min(counts.values()) >= 100


def test_every_caption_of_the_grammar_is_true_of_its_scene():
    for scene, captions in world():
        for caption in captions:
            truth = check_caption(caption, scene)
            assert truth.is_true, (caption, truth.wrong, scene)


def test_captions_of_other_scenes_are_mostly_false():
    scenes = world()
    true = sum(check_caption(captions[0], scenes[k - 1][0]).is_true for k, (_, captions) in enumerate(scenes))
    assert true < 0.02 * len(scenes)


def _swapped(caption, swaps):
    """The caption with the first word that has a swap exchanged for it, or None."""
    words = words_of(caption)
    for k, word in enumerate(words):
        if swaps.get(word):
            return " ".join([*words[:k], swaps[word], *words[k + 1 :]]), word
    return None


def test_a_swapped_colour_is_found_false():
    tried = 0
    for scene, captions in world(1000):
        here = {thing.colour for thing in scene.things}
        free = next(c for c in ("red", "yellow", "blue", "purple") if c not in here)
        swaps = {COLOUR_WORDS.get(c, c): free for c in here if c and c != "grey"}
        for caption in captions:
            changed = _swapped(re.sub("black and white|blue sky|green field", "", caption.lower()), swaps)
            if changed:
                tried += 1
                truth = check_caption(changed[0], scene)
                assert not truth.is_true and "colour" in {sort for sort, _ in truth.wrong}, (changed[0], truth, scene)
    assert tried > 1500


def test_a_swapped_thing_is_found_false():
    absent = ("giraffe", "car", "cow", "plane", "couch", "kite", "train")
    nouns = {single for pairs in NOUNS.values() for single, _ in pairs}
    tried = 0
    for scene, captions in world(1000):
        here = {thing.kind for thing in scene.things}
        free = next(kind for kind in absent[1:] if kind not in here)
        for caption in captions:
            changed = _swapped(caption, dict.fromkeys(nouns, free))
            if changed:
                tried += 1
                truth = check_caption(changed[0], scene)
                missing = {what.split()[-1] for sort, what in truth.wrong if sort == "thing"}
                assert free in missing, (changed[0], truth, scene)
    assert tried > 3000


def test_a_swapped_count_is_found_false():
    tried = 0
    for scene, captions in world():
        if len({thing.kind for thing in scene.things}) != len(scene.things) or {"houses", "trees"} & {scene.backdrop}:
            continue
        if sum(thing.kind in PEOPLE for thing in scene.things) > 1:
            continue  # of two different people, two are right and one is right
        for caption in captions:
            changed = _swapped(caption, {"two": "three", "three": "two"})
            if changed:
                tried += 1
                truth = check_caption(changed[0], scene)
                assert "count" in {sort for sort, _ in truth.wrong}, (changed[0], truth, scene)
    assert tried > 300


def scene_with(*things, relations=(), place="park", time_of_day="day", weather="sunny", backdrop="trees"):
    """A scene with these things, (kind, colour, count, pose) of each."""
    box = ((100.0, 100.0, 150.0, 150.0),)
    made = tuple(Thing(kind, colour, count, pose, "left", "ground", 0.2, 0, box * count) for kind, colour,
                 count, pose in things)
    return Scene(400, 300, 150, place, time_of_day, weather, backdrop, made,
                 tuple(Relation(*r) for r in relations))


def test_check_says_what_is_right_and_what_is_wrong():
    scene = scene_with(("dog", "brown", 1, "sitting"), ("ball", "red", 2, None),
                       relations=((0, "next to", 1), (1, "next to", 0)))
    truth = check_caption("a brown dog sitting next to two red balls in the park", scene)
    assert truth.is_true
    assert (truth.things, truth.colours) == ((0, 1), ((0, "brown"), (1, "red")))
    assert [r.name for r in truth.relations] == ["next to"]
    cases = {
        "a cat next to two red balls": ("thing", "cat"),
        "a white dog": ("colour", "white dog"),
        "a dog and three red balls": ("count", "three balls"),
        "a red dog and two brown balls": ("colour", "red dog"),
        "a dog on the beach": ("place", "beach"),
        "a dog in the rain": ("weather", "rain"),
        "a dog at night": ("time", "night"),
        "a dog under two balls": ("relation", "dog under balls"),
        "a dog running in the park": ("action", "running"),
        "a dog with mountains in the background": ("backdrop", "mountains"),
        "a dog and a dog": ("thing", "another dog"),
    }
    for caption, claim in cases.items():
        assert claim in check_caption(caption, scene).wrong, (caption, check_caption(caption, scene).wrong)
    assert not check_caption("", scene).is_true
    assert not check_caption("a picture of a", scene).is_true


def test_check_binds_clothes_and_kinds_of_people():
    scene = scene_with(("man", "red", 1, "walking"), ("girl", "blue", 1, "walking"),
                       relations=((0, "next to", 1),))
    for caption in ("a man in a red shirt and a girl in blue",
                    "a child walking next to a person wearing a red shirt", "two people walking"):
        assert check_caption(caption, scene).is_true, (caption, check_caption(caption, scene))
    for caption in ("a man in a blue shirt", "two men walking", "a boy in the park",
                    "a girl in red and a man", "three people"):
        assert not check_caption(caption, scene).is_true, caption
