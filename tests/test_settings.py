"""Settings come from the environment. Wrong values are refused, and docs/settings.md is up to date."""

import os
import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from captioning.settings import Settings, markdown_page
from tests.helpers import ROOT


def test_defaults_are_the_drawn_world():
    drawn = Settings.from_environment()
    assert (drawn.dataset, drawn.encoder_weights, drawn.data_dir) == ("drawn", "drawn", Path("data/drawn"))


def test_coco_has_the_courses_budget_and_small_data_a_smaller_one():
    coco, small = (Settings(dataset="coco2014").completed(train_photos=n) for n in (82_783, 2_000))
    assert (coco.epochs, coco.batches_per_epoch, coco.batch_size, coco.max_len, coco.val_batches) == (
        12, 1_000, 64, 20, 100)
    assert coco.steps == 12_000 and small.steps == 2_400 and small.dropout > 0 and small.image_dropout > 0
    assert coco.label_smoothing == 0 < small.label_smoothing and coco.learning_rate == 1e-3
    assert coco.self_critical_epochs == 0 < small.self_critical_epochs


@pytest.mark.parametrize("photos", [5, 2_000, 82_783])
def test_the_drawn_world_has_a_budget_of_its_own_however_many_scenes_it_has(photos):
    drawn = Settings().completed(photos)
    assert (drawn.steps, drawn.self_critical_epochs) == (12 * 200, 12)
    assert (drawn.label_smoothing, drawn.learning_rate, drawn.cross_entropy_weight) == (0, 1e-3, 0)


@pytest.mark.parametrize("name, text, value", [
    ("DATASET", "coco2014", "coco2014"), ("EPOCHS", "3", 3), ("SEED", "7", 7), ("DROPOUT", "0.25", 0.25),
    ("CHECKPOINT_ROOT", "/mnt/drive", Path("/mnt/drive")), ("PRECISION", "float32", "float32"),
    ("ENCODER_WEIGHTS", "imagenet", "imagenet"), ("GRADER_URL", "https://a.example/x", "https://a.example/x"),
    ("GRADER_URL", "http://localhost:8000/", "http://localhost:8000/"),
    ("GRADER_ASSIGNMENT", "captions-26", "captions-26"),
])
def test_each_field_can_be_set_from_the_environment(monkeypatch, name, text, value):
    monkeypatch.setenv(f"CAPTION_{name}", text)
    assert getattr(Settings.from_environment(), name.lower()) == value


def test_the_budget_replaces_no_value_that_was_set(monkeypatch):
    monkeypatch.setenv("CAPTION_EPOCHS", "2")
    assert Settings.from_environment(dataset="coco2014").completed(82_783).epochs == 2


@pytest.mark.parametrize("name, text", [
    ("EPOCHS", "many"), ("EPOCHS", "0"), ("DATASET", "imagenet"), ("PRECISION", "half"), ("DROPOUT", "1"),
    ("DROPOUT", "nan"), ("LEARNING_RATE", "-1"), ("MAX_LEN", "2"), ("SEED", "-1"), ("BATCH_SIZE", "1e3"),
    ("SEED", "4294967296"), ("EPOCHS", "9" * 30), ("BATCH_SIZE", "1000000000"), ("LEARNING_RATE", "inf"),
    ("CHECKPOINT_MINUTES", "inf"), ("CHECKPOINT_MINUTES", "nan"), ("DATA_DIR", "~nobody-of-that-name/x"),
    ("IMAGE_DROPOUT", "1"), ("SELF_CRITICAL_EPOCHS", "-1"), ("SELF_CRITICAL_EPOCHS", "0.5"),
    ("ENCODER_WEIGHTS", "~nobody-of-that-name/x.h5"),
    ("GRADER_URL", "http://grader.example/"), ("GRADER_URL", "http://localhost.example/"),
    ("GRADER_URL", "grader.example"), ("GRADER_URL", "https://"),
    ("ENCODER", "resnet"), ("ENCODER", "mobilenet_v3"),       # has no weights of the drawn world
])
def test_wrong_values_are_refused_by_name_and_value(monkeypatch, name, text):
    monkeypatch.setenv(f"CAPTION_{name}", text)
    with pytest.raises(ValueError, match=f"CAPTION_{name} is '?{text}"):
        Settings.from_environment()


@pytest.mark.parametrize("name, text, expected", [
    ("PRECISION", "half", "one of auto, float32, bfloat16, int8"), ("DROPOUT", "1.5", "a number from 0 to 0.99"),
    ("EPOCHS", "many", "a whole number from 1 to 100,000"), ("OUTPUT_DIR", "~nobody-of-that-name", "a path"),
    ("ENCODER_WEIGHTS", "~nobody-of-that-name", "`drawn`, `imagenet` or a `.weights.h5` file"),
    ("GRADER_URL", "x", "an address that begins with https:// and holds no password"),
])
def test_the_error_says_what_was_expected(monkeypatch, name, text, expected):
    monkeypatch.setenv(f"CAPTION_{name}", text)
    with pytest.raises(ValueError, match=f"CAPTION_{name} is '?{text}'?; expected {re.escape(expected)}."):
        Settings.from_environment()


def test_a_text_that_is_no_path_keeps_its_tilde():
    assert Settings(grader_assignment="~key", mirrors="~").grader_assignment == "~key"


def test_the_home_folder_may_be_written_as_a_tilde(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    for name in ("DATA_DIR", "CHECKPOINT_ROOT", "OUTPUT_DIR", "ENCODER_WEIGHTS"):
        monkeypatch.setenv(f"CAPTION_{name}", "~/there")
    settings = Settings.from_environment()
    assert {str(tmp_path / "there")} == {str(settings.data_dir), str(settings.checkpoint_root),
                                         str(settings.output_dir), settings.encoder_weights}


@pytest.mark.skipif(os.name == "nt", reason="on Windows, variables are always text")
def test_bytes_that_are_not_utf_8_are_refused(monkeypatch):
    monkeypatch.setenv("CAPTION_OUTPUT_DIR", os.fsdecode(b"out\xff"))
    with pytest.raises(ValueError, match=r"CAPTION_OUTPUT_DIR is 'out\\udcff'"):
        Settings.from_environment()


@pytest.mark.parametrize("name, value", [("epochs", 2.5), ("epochs", "3"), ("seed", None), ("data_dir", 3)])
def test_values_of_a_wrong_type_are_refused_in_a_cell_too(name, value):
    with pytest.raises(ValueError, match=f"CAPTION_{name.upper()} is"):
        Settings(**{name: value})


def test_a_password_in_a_mirrors_address_is_neither_shown_nor_saved():
    found = Settings(mirrors="https://user:s3cret@mirror.example/a http://b.example")
    assert "s3cret" not in repr(found) + str(found) + str(found.as_dict())
    assert "s3cret" in found.mirrors and found.as_dict()["mirrors"] == "https://mirror.example/a http://b.example"


def test_a_password_in_the_graders_address_is_refused_and_not_shown(monkeypatch):
    monkeypatch.setenv("CAPTION_GRADER_URL", "https://user:s3cret@grader.example/")
    with pytest.raises(ValueError, match="CAPTION_GRADER_URL is .*grader.example.*holds no password") as caught:
        Settings.from_environment()
    assert "s3cret" not in str(caught.value)


def test_a_folder_needs_its_path(monkeypatch):
    monkeypatch.setenv("CAPTION_DATASET", "folder")
    with pytest.raises(ValueError, match="CAPTION_DATA_DIR"):
        Settings.from_environment()


@pytest.mark.parametrize("encoder", ["mobilenet_v3", "efficientnet_v2_b0"])
def test_another_encoder_needs_its_own_weights(monkeypatch, encoder):
    monkeypatch.setenv("CAPTION_ENCODER", encoder)
    assert Settings.from_environment(dataset="coco2014").encoder == encoder
    with pytest.raises(ValueError, match="CAPTION_ENCODER_WEIGHTS"):
        Settings.from_environment()


def test_a_misspelt_setting_causes_a_warning(monkeypatch):
    monkeypatch.setenv("CAPTION_EPOCH", "3")
    with pytest.warns(UserWarning, match="CAPTION_EPOCH is not a setting"):
        Settings.from_environment()


def test_an_empty_variable_is_as_good_as_none_and_others_go_before_defaults(monkeypatch):
    monkeypatch.setenv("CAPTION_EPOCHS", "")
    monkeypatch.setenv("CAPTION_SEED", "7")
    found = Settings.from_environment(epochs=5, seed=8, max_len=9)
    assert (found.epochs, found.seed, found.max_len) == (5, 7, 9)


def test_the_budget_of_small_data_goes_up_to_its_number_of_photos():
    at, beyond = (Settings(dataset="coco2014").completed(n).batches_per_epoch for n in (20_000, 20_001))
    assert (at, beyond) == (200, 1_000)


def test_folders_of_ones_own_have_runs_of_their_own(tmp_path, monkeypatch):
    for name in ("mine", "other"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "mine")
    mine, other = Settings(dataset="folder", data_dir="."), Settings(dataset="folder", data_dir=tmp_path / "other")
    assert (mine.run_name, other.run_name) == ("folder-mine", "folder-other")
    assert mine.cache_dir != other.cache_dir and mine.checkpoint_dir != other.checkpoint_dir
    assert mine.encoder_weights == "imagenet"
    assert Settings(data_dir=tmp_path / "drawn").cache_dir == tmp_path / "drawn" / "embeddings"


def test_settings_are_shown_a_line_each_without_those_that_are_empty():
    shown = str(Settings())
    assert "mirrors" not in shown and "epochs                by the size of the data" in shown.splitlines()


def test_a_users_own_folder_is_only_read(tmp_path):
    mine = Settings(dataset="folder", data_dir=tmp_path)
    assert tmp_path not in mine.cache_dir.parents and tmp_path not in mine.checkpoint_dir.parents


def test_the_settings_that_a_resumed_run_must_keep():
    assert Settings.fixed_on_resume() == (
        "batches_per_epoch", "batch_size", "max_len", "val_batches", "dropout", "image_dropout",
        "label_smoothing", "learning_rate", "seed")


@pytest.mark.parametrize("name, least, most", [
    ("epochs", 1, 100_000), ("max_len", 3, 1_000), ("dropout", 0, 0.99), ("learning_rate", 1e-9, 10),
    ("self_critical_epochs", 0, 100_000), ("checkpoint_minutes", 0, 10_080), ("seed", 0, 2**32 - 1)])
def test_the_limits_themselves_are_allowed(name, least, most):
    assert getattr(Settings(**{name: least}), name) == least and getattr(Settings(**{name: most}), name) == most
    for beyond in (least - 1, most + 1):
        with pytest.raises(ValueError, match=f"CAPTION_{name.upper()} is .*; expected a .*number from .* to"):
            Settings(**{name: beyond})


def test_the_page_of_settings_is_not_stale():
    made = subprocess.run([sys.executable, "-m", "captioning.settings"], cwd=ROOT, capture_output=True, check=True)
    assert (ROOT / "docs" / "settings.md").read_text("utf-8") == made.stdout.decode("utf-8").replace("\r\n", "\n"), (
        "Run `python -m captioning.settings > docs/settings.md`.")


def test_the_page_names_each_setting_with_its_values_and_its_default():
    rows = {row.split("`")[1]: row for row in markdown_page().splitlines() if row.startswith("| `")}
    assert list(rows) == [f"CAPTION_{each.name.upper()}" for each in fields(Settings)]
    assert rows["CAPTION_PRECISION"].endswith("| `auto`, `float32`, `bfloat16`, `int8` | `auto` |")
    assert rows["CAPTION_BATCH_SIZE"].endswith("| a whole number from 1 to 65,536 | `64` |")
    assert rows["CAPTION_DROPOUT"].endswith(
        "| `0.3` for `drawn`, `0.4` up to 20,000 training photos, else `0.0` |")
    assert all(row.count("|") == 5 and "None" not in row for row in rows.values())
