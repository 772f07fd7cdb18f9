"""Training goes on where it was, bit for bit; checkpoints are whole or passed over; what does not fit is refused."""

import json
import os
import signal
import subprocess
import sys

import keras
import numpy as np
import pytest
from conftest import ROOT
from keras import layers as L
from keras import ops

from checkpoints import CheckpointFolder, read_checkpoint
from settings import Settings
from trainer import Data, Trainer

VOCAB = {"#PAD#": 0, **{f"word{i}": i for i in range(1, 12)}}
RECIPE = {"weights": "none"}


def data(seed, photos=30):
    rng = np.random.default_rng(seed)
    return Data(rng.normal(size=(photos, 2048)).astype(np.float16),
                [[rng.integers(1, 12, 6).tolist() for _ in range(2)] for _ in range(photos)])


def generate_batch(img_embeds, captions, batch_size, max_len, rng):
    rows = rng.choice(len(img_embeds), batch_size, replace=False)
    return {"img_embeds": img_embeds[rows], "sentences": np.array([captions[row][0][:max_len] for row in rows])}


def small_decoder(units=8):
    """A decoder with all that has a state: batch normalisation, dropout, an LSTM."""
    class decoder:
        img_embeds = keras.Input((2048,))
        sentences = keras.Input((None,), dtype="int32")
        h0 = L.Dense(units)(L.BatchNormalization()(img_embeds))
        hidden = L.LSTM(units, return_sequences=True)(L.Embedding(12, 4)(sentences[:, :-1]), initial_state=[h0, h0])
        logits = L.Dense(12)(L.Dropout(0.3, seed=5)(hidden))
        loss = ops.mean(keras.losses.sparse_categorical_crossentropy(sentences[:, 1:], logits, from_logits=True))
    return decoder


def trainer_in(folder, epochs=3, units=8, recipe=RECIPE, vocab=VOCAB, **changes):
    keras.utils.set_random_seed(1)
    settings = Settings(epochs=epochs, batches_per_epoch=5, batch_size=8, val_batches=3, dropout=0.3,
                        checkpoint_root=folder, **changes)
    return Trainer(small_decoder(units), generate_batch, data(0), data(1), vocab, settings, recipe)


def outcome(trainer):
    return [v.numpy() for v in (*trainer.loss_model.variables, *trainer.optimizer.variables)], trainer.history


def assert_same(one, other):
    assert one[1] == other[1]
    for a, b in zip(one[0], other[0], strict=True):
        assert a.dtype == b.dtype and a.tobytes() == b.tobytes()


def test_more_epochs_go_on_as_if_never_stopped(tmp_path):
    whole = trainer_in(tmp_path / "whole")
    whole.fit()
    trainer_in(tmp_path / "parts", epochs=1).fit()
    trainer_in(tmp_path / "parts", epochs=2).fit()
    rest = trainer_in(tmp_path / "parts")
    rest.fit()
    assert_same(outcome(whole), outcome(rest))


KILLED = """
import os, signal, sys
sys.path[:0] = [{root!r}, {tests!r}]
import test_trainer
trainer = test_trainer.trainer_in({folder!r})
step = trainer._train_step
def until(*batch):
    if trainer.step == {at}:
        os.kill(os.getpid(), signal.SIGKILL)
    return step(*batch)
trainer._train_step = until
trainer.fit()
"""


def test_a_killed_run_ends_as_an_undisturbed_one(tmp_path):
    code = KILLED.format(root=str(ROOT), tests=str(ROOT / "tests"), folder=str(tmp_path / "killed"), at=12)
    assert subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == -signal.SIGKILL
    rest, whole = trainer_in(tmp_path / "killed"), trainer_in(tmp_path / "whole")
    rest.resume()
    assert rest.step == 10
    rest.fit()
    whole.fit()
    assert_same(outcome(whole), outcome(rest))


def test_a_finished_run_trains_no_more(tmp_path):
    trainer_in(tmp_path).fit()
    again = trainer_in(tmp_path)
    again._train_step = None
    assert len(again.fit()) == 3


def test_the_best_weights_come_back(tmp_path):
    trainer = trainer_in(tmp_path)
    trainer.fit()
    losses = [row["val_loss"] for row in trainer.history]
    best = trainer.restore_best()
    assert best["val_loss"] == min(losses)
    assert trainer.val_loss() == pytest.approx(min(losses), rel=1e-6)


def test_the_caption_and_the_losses_of_each_epoch_are_kept(tmp_path):
    shown = []
    trainer = trainer_in(tmp_path)
    trainer.fit(sample_caption=lambda: "a cat", show=lambda history: shown.append(len(history)))
    assert shown == [0, 1, 2, 3]
    assert [set(row) for row in trainer.history] == [{"step", "epoch", "train_loss", "val_loss", "caption"}] * 3
    assert [row["epoch"] for row in trainer.history] == [1, 2, 3]


def damage_by_truncation(path):
    with open(path, "r+b") as file:
        file.truncate(os.path.getsize(path) // 2)


def damage_by_one_byte(path):
    with open(path, "r+b") as file:
        file.seek(200)
        file.write(b"\x7f")


@pytest.mark.parametrize("damage", [
    damage_by_truncation, damage_by_one_byte, lambda path: path.write_bytes(b""), lambda path: path.unlink()],
    ids=["truncated", "one byte", "emptied", "removed"])
@pytest.mark.parametrize("name", ["arrays.npz", "about.json", "sha256.json"])
def test_a_damaged_checkpoint_is_passed_over(tmp_path, capsys, damage, name):
    trainer_in(tmp_path).fit()
    newest = sorted((tmp_path / "drawn").glob("step-*"))[-1]
    damage(newest / name) if not (name == "sha256.json" and damage is damage_by_one_byte) else damage_by_truncation(
        newest / name)
    found = CheckpointFolder(tmp_path / "drawn").newest()
    assert found.about["step"] == 10
    assert f"{newest} is damaged" in capsys.readouterr().out


def test_old_checkpoints_go_but_the_best_stays(tmp_path):
    folder = CheckpointFolder(tmp_path, keep=2)
    history = []
    for step, loss in ((1, 3.0), (2, 1.0), (3, 2.0), (4, 2.5), (5, 2.6)):
        history.append({"step": step, "val_loss": loss})
        folder.save(step, {"x": np.zeros(3)}, {"step": step, "history": history})
    assert [path.name for path in folder.paths()] == ["step-00000002", "step-00000004", "step-00000005"]
    assert folder.best(history).about["step"] == 2


def test_what_a_dying_save_left_is_no_checkpoint_and_is_swept_up(tmp_path):
    folder = CheckpointFolder(tmp_path)
    folder.save(1, {"x": np.zeros(3)}, {"step": 1})
    (tmp_path / "step-00000002.tmp-123").mkdir()
    assert folder.newest().about["step"] == 1
    folder.save(3, {"x": np.zeros(3)}, {"step": 3})
    assert {path.name for path in tmp_path.iterdir()} == {"step-00000001", "step-00000003"}


@pytest.mark.skipif(sys.platform == "win32", reason="needs RLIMIT_FSIZE")
def test_a_full_disk_leaves_the_last_checkpoint_intact(tmp_path):
    CheckpointFolder(tmp_path).save(1, {"x": np.zeros(3)}, {"step": 1})
    code = f"""
import resource, signal, sys
sys.path.insert(0, {str(ROOT)!r})
import numpy as np
from checkpoints import CheckpointFolder
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
CheckpointFolder({str(tmp_path)!r}).save(2, {{"x": np.zeros(100_000)}}, {{"step": 2}})
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 1 and "step-00000002 could not be written" in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["step-00000001"]
    assert CheckpointFolder(tmp_path).newest().about == {"step": 1}


@pytest.mark.parametrize("change, message", [
    ({"seed": 7}, "seed: 42 there, 7 here"), ({"learning_rate": 0.5}, "learning_rate: 0.001 there, 0.5 here"),
    ({"units": 9}, "shapes of the decoder's weights"), ({"recipe": {"weights": "x"}}, "weights: none there, x here"),
    ({"vocab": {**VOCAB, "cat": 12}}, "vocabulary"),
])
def test_a_checkpoint_that_does_not_fit_is_refused_with_both_values(tmp_path, change, message):
    trainer_in(tmp_path, epochs=1).fit()
    with pytest.raises(ValueError, match=message) as error:
        trainer_in(tmp_path, **change).fit()
    assert "CAPTION_CHECKPOINT_ROOT" in str(error.value)


def test_a_checkpoint_holds_vocabulary_and_settings(tmp_path):
    trainer_in(tmp_path, epochs=1).fit()
    about = read_checkpoint(next((tmp_path / "drawn").glob("step-*"))).about
    assert about["vocab"] == VOCAB and about["settings"]["batch_size"] == 8
    assert json.dumps(about)
