"""Pretraining of the drawn world's encoder, its committed weights, and the benchmark of true captions."""

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from types import SimpleNamespace

import numpy as np
import pytest

from captioning.datasets.drawn.situations import make_scene
from captioning.datasets.drawn.truth import read_scenes
from captioning.datasets.splits import load_split
from captioning.storage import files
from course.pretraining.network import CELL_MAPS, BatchNormalization, Network, colour_loss
from course.pretraining.pools import make_pools
from course.pretraining.questions import MIN_EXAMPLES, Questions, boxes_of, claims_of, cover_of_cells
from course.pretraining.schedule import parse_stages
from course.pretraining.training import Training
from tests.helpers import ROOT

SCRIPT = "course.pretrain_encoder"
WEIGHTS = ROOT / "data" / "drawn" / "inception_v3_drawn_notop.weights.h5"


@pytest.fixture(scope="module")
def drawn_truth():
    """The benchmark's module."""
    from benchmarks import drawn_truth

    return drawn_truth


def scene_with(**changes):
    """A scene of one red ball in the left half of a square photo, in a park."""
    ball = {"kind": "ball", "colour": "red", "count": 1, "pose": None, "facing": "left", "stands": "ground",
            "size": 0.5, "layer": 0, "boxes": [[0, 100, 150, 300]]}
    return {"width": 300, "height": 300, "horizon": 150, "place": "park", "time": "day", "weather": "sunny",
            "backdrop": None, "things": [ball], "relations": [], **changes}


# ------------------------------------------------------------------------------------------------ the training


def test_a_killed_run_goes_on_and_its_weights_load_into_keras(tmp_path):
    import keras

    command = [sys.executable, "-m", SCRIPT, "--quick", "--folder", str(tmp_path), "--output",
               str(tmp_path / "encoder.weights.h5")]
    first = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 120
        while not list(tmp_path.glob("step-????????")):
            assert first.poll() is None, "the run ended before its first checkpoint"
            assert time.monotonic() < deadline, "no checkpoint after two minutes"
            time.sleep(0.05)
    finally:
        os.kill(first.pid, signal.SIGKILL)
        first.wait()
    second = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert second.returncode == 0, second.stderr[-2000:]
    assert "Continuing from" in second.stdout
    about = json.loads((tmp_path / "encoder.json").read_text())
    assert about["sha256"] == files.sha256(tmp_path / "encoder.weights.h5")
    assert about["steps"] == 3 and {"time", "weather"} <= about["f1"].keys()
    assert about["stages"] == ["2 steps on 4 photos of 75 pixels", "1 steps on 2 photos of 80 pixels"]
    path = str(tmp_path / "encoder.weights.h5")
    encoder = keras.applications.InceptionV3(include_top=False, pooling="avg", weights=path)
    embeddings = encoder(np.random.default_rng(0).uniform(-1, 1, (2, 75, 75, 3)).astype(np.float32)).numpy()
    assert embeddings.shape == (2, 2048)
    assert np.isfinite(embeddings).all() and embeddings.std() > 0


def test_cells_of_the_feature_maps_are_where_the_network_has_them():
    import keras

    inception = keras.applications.InceptionV3(include_top=False, weights=None, input_shape=(None, None, 3))
    maps = keras.Model(inception.input, [inception.get_layer(name).output for name, _, _ in CELL_MAPS])
    for size in (75, 96, 128, 150, 192, 299):
        for (_, stride, first), shape in zip(CELL_MAPS, maps.compute_output_shape((1, size, size, 3))):
            cells = cover_of_cells([], size, stride, first, mirrored=False)
            assert cells.shape == (*shape[1:3], 2), size


def test_a_cell_is_covered_by_the_thing_in_front():
    house, ball = (1, 0), (2, 3)
    covers = [(house, 0, 0, 1, 1), (ball, 0, 0.5, 0.5, 1)]
    cells = cover_of_cells(covers, 299, 32, 37, mirrored=False)
    assert (cells[:4] == house).all()
    assert (cells[5:, :4] == ball).all() and (cells[5:, 5:] == house).all()
    assert (cover_of_cells(covers, 299, 32, 37, mirrored=True) == cells[:, ::-1]).all()


def test_what_was_not_asked_of_the_training_scenes_covers_no_cell():
    questions = Questions.from_scenes([scene_with()] * 8)
    assert questions.kinds == ["", "ball"] and questions.colours == ["", "red"]
    boxes = [(("ball", "red"), 0, 0, 1, 1), (("ball", "blue"), 0, 0, 1, 1), (("yak", ""), 0, 0, 1, 1)]
    assert [cover for cover, *_ in questions.covers(boxes)] == [(1, 1), (1, 0), (0, 0)]


def test_boxes_are_shares_of_the_square_that_the_encoder_sees():
    wide = scene_with(width=400)
    wide["things"][0]["boxes"] = [[50, 0, 200, 150]]
    assert boxes_of(wide) == [(("ball", "red"), 0, 0, 0.5, 0.5)]


def test_claims_say_what_a_scene_holds():
    claims = claims_of(scene_with())
    assert {("thing", "ball"), ("colour", "red ball"), ("count", "1 ball"), ("place", "park"), ("time", "day"),
            ("weather", "sunny"), ("backdrop", "none"), ("number", "1 things"), ("striking", "ball"),
            ("striking", "1"), ("striking", "red")} == claims


def test_every_sort_of_claim_is_asked():
    scenes = [make_scene(np.random.default_rng(i)).to_json() for i in range(300)]
    questions = Questions.from_scenes(scenes)
    answers = questions.answers(scenes)
    assert {sort for sort, _ in questions.claims} == {"thing", "colour", "count", "action", "place", "time", "weather",
                                                      "backdrop", "relation", "striking", "number"}
    assert answers.shape == (300, len(questions.claims)) and (answers.sum(0) >= MIN_EXAMPLES).all()
    places = [i for i, (sort, _) in enumerate(questions.claims) if sort == "place"]
    assert (answers[:, places].sum(1) == 1).all()


def test_the_fused_normalisation_is_kerass_own():
    import keras

    photos = np.random.default_rng(1).normal(3, 2, (4, 5, 5, 8)).astype(np.float32)
    ours, keras_own = (layer(momentum=0.9, epsilon=1e-3, scale=False)
                       for layer in (BatchNormalization, keras.layers.BatchNormalization))
    for _ in range(2):
        np.testing.assert_allclose(ours(photos, training=True), keras_own(photos, training=True), atol=2e-5)
    np.testing.assert_allclose(ours.moving_mean, keras_own.moving_mean, rtol=1e-5)
    # The fused kernel computes the sample variance, which is n / (n - 1) times as large; here n is 100.
    np.testing.assert_allclose(ours.moving_variance, keras_own.moving_variance, rtol=0.02)


def test_a_colour_is_told_apart_from_the_kinds_other_colours_only():
    """If there is a red ball, the loss of colours compares the colours of balls only."""
    scenes = [scene_with()] * 8
    for kind, colour in (("ball", "blue"), ("car", "red"), ("car", "blue")):
        other = scene_with()
        other["things"] = [{**other["things"][0], "kind": kind, "colour": colour}]
        scenes += [other] * 8
    questions = Questions.from_scenes(scenes)
    rows = questions.colour_claims()
    asked = [{questions.claims[i][1] for i in row} for row in rows]
    assert asked == [{"blue ball", "red ball"}, {"blue car", "red car"}]
    answers = questions.answers(scenes[:1])
    for claim, expected in (("red ball", 0), ("blue ball", 20), ("blue car", np.log(2)), ("red car", np.log(2))):
        logits = np.zeros_like(answers)
        logits[0, questions.claims.index(("colour", claim))] = 20
        assert float(colour_loss(rows, answers, logits)) == pytest.approx(expected, abs=1e-4)


def test_the_datasets_own_scenes_are_never_trained_on(tmp_path):
    with pytest.raises(ValueError, match="seed 0 is the dataset's own"):
        make_pools(tmp_path, scenes=2, held_out=1, seed=0)


@pytest.mark.parametrize("text", ["128", "128x64", "64x4:10", "128x64:0", "128x64:5,"])
def test_stages_that_make_no_sense_are_refused(text):
    with pytest.raises(argparse.ArgumentTypeError, match="75 pixels|expected"):
        parse_stages(text)


def test_a_run_can_begin_with_the_encoder_of_an_earlier_one(tmp_path):
    scenes = [make_scene(np.random.default_rng(i)).to_json() for i in range(40)]
    questions = Questions.from_scenes(scenes)
    first, second = (Network(questions, np.full(len(questions.claims), 0.5), seed) for seed in (1, 2))
    path = tmp_path / "encoder.weights.h5"
    first.inception.save_weights(path)
    files.write_json(tmp_path / "encoder.json", {"steps": 7})
    training = SimpleNamespace(network=second)
    Training.begin_with(training, path)
    assert training.began_with == {"steps": 7}
    for ours, theirs in zip(second.inception.get_weights(), first.inception.get_weights()):
        np.testing.assert_array_equal(ours, theirs)


# ------------------------------------------------------------------------------------------- committed weights


@pytest.mark.skipif(not WEIGHTS.exists(), reason="the weights are not in this checkout")
def test_the_committed_weights_are_those_that_were_scored():
    about = json.loads(WEIGHTS.with_suffix("").with_suffix(".json").read_text())
    assert files.sha256(WEIGHTS) == about["sha256"]
    assert about["seed"] != 0 and about["f1"]["place"] > 0.98


# -------------------------------------------------------------------------------------------- true captions


def test_the_datasets_own_captions_are_true(drawn_truth, small_world):
    split, scenes = load_split(small_world, "val"), read_scenes(small_world)
    shares = drawn_truth.measure({i: c[0] for i, c in zip(split.image_ids, split.captions)}, scenes)
    assert shares["anything false"] == 0 and shares["place right"] == 1


@pytest.mark.parametrize(("caption", "counted"), [
    ("a red ball in the park", {"place right", "all things named", "and in their colours"}),
    ("a ball in the park", {"place right", "all things named"}),
    ("a blue ball in the park", {"contradicted", "anything false", "colour", "place right", "all things named"}),
    ("two red balls on a path", {"contradicted", "anything false", "count", "place right", "all things named"}),
    ("a red ball on the beach", {"contradicted", "anything false", "place", "all things named"}),
    ("a dog in the park", {"contradicted", "anything false", "thing", "place right"}),
    ("a park at night", {"anything false", "time", "place right"}),
])
def test_what_is_wrong_with_a_caption_is_counted_by_sort(drawn_truth, caption, counted):
    shares = drawn_truth.measure({7: caption}, {7: scene_with()})
    assert {name for name, share in shares.items() if share} == counted


def test_captions_of_another_dataset_are_refused(drawn_truth):
    with pytest.raises(ValueError, match="must belong together"):
        drawn_truth.measure({8: "a ball"}, {7: scene_with()})


def test_the_table_has_a_column_for_each_file(drawn_truth, small_world, tmp_path, capsys):
    split = load_split(small_world, "val")
    for name, caption in (("good", None), ("bad", "four purple horses in the ocean")):
        files.write_json(tmp_path / f"{name}.json", [
            {"image_id": i, "caption": caption or captions[0]} for i, captions in zip(split.image_ids, split.captions)])
    drawn_truth.main([str(tmp_path / "good.json"), f"nonsense={tmp_path / 'bad.json'}", "--data", str(small_world)])
    printed = capsys.readouterr().out.splitlines()
    assert printed[0].split() == ["good", "nonsense"]
    assert printed[1].split() == ["contradicted", "0.0%", "100.0%"]
    assert printed[2].split() == ["anything", "false", "0.0%", "100.0%"]
