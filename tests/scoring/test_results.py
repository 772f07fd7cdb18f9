"""A run leaves its captions and scores as files."""

import json

import numpy as np

from captioning.datasets.splits import Split
from captioning.scoring.baselines import score_baselines
from captioning.scoring.results import write_results
from captioning.scoring.scores import score_captions
from captioning.settings import Settings

REFERENCES = {"a": [["a", "red", "car"], ["a", "car"]], "b": [["a", "cat"], ["the", "cat"]]}


def test_results_hold_a_caption_for_each_photo_and_scores_at_any_depth(tmp_path):
    val = Split("val", tmp_path / "val.zip", ["a", "b"], [["A red car."], ["A cat."]], [7, 9])
    captions = {"b": ["a", "cat"], "a": ["a", "red", "car"]}
    scores = score_captions(captions, REFERENCES)
    write_results(tmp_path / "new", Settings(), val, captions, [{"step": 9, "epoch": 3}], beam=scores,
                  baselines={"same": scores}, training={"val_loss": 2.5})
    read = {path.name: json.loads(path.read_text()) for path in (tmp_path / "new").iterdir()}
    assert read["history.json"] == [{"step": 9, "epoch": 3}]
    assert read["val_captions.json"] == [{"image_id": 7, "caption": "a red car"}, {"image_id": 9, "caption": "a cat"}]
    metrics = read["metrics.json"]
    assert metrics["beam"] == metrics["baselines"]["same"] and metrics["beam"]["photos"] == 2
    assert metrics["trained"] == {"epochs": 3, "steps": 9}          # whatever the settings say
    assert metrics["training"] == {"val_loss": 2.5} and metrics["settings"]["dataset"] == "drawn"


def test_each_baseline_is_scored_on_the_same_photos():
    train, val = np.eye(3, 4), np.eye(2, 4)
    captions = [["A red car."], ["A cat.", "A red car."], ["Nothing here."]]
    scored = score_baselines(train, captions, val, REFERENCES)
    assert list(scored) == ["caption of the nearest photo", "the most frequent caption", "people"]
    nearest = score_captions({"a": ["a", "red", "car"], "b": ["a", "cat"]}, REFERENCES)
    frequent = score_captions(dict.fromkeys("ab", ["a", "red", "car"]), REFERENCES)
    assert scored["caption of the nearest photo"].values == nearest.values
    assert scored["the most frequent caption"].values == frequent.values
    single = {name: references[:1] for name, references in REFERENCES.items()}
    assert "people" not in score_baselines(train, captions, val, single)
