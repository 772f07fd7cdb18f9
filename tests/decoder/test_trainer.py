"""Training continues where it stopped, bit for bit; damaged checkpoints are skipped, and other runs' are refused."""

import json
import logging
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from keras import layers as L
from keras import ops

from captioning.decoder import batches, checkpointer, fast_loss, forecast, loop, model_text
from captioning.decoder.adam import FusedAdam
from captioning.decoder.checkpoints import CheckpointFolder, read_checkpoint
from captioning.decoder.fast_loss import CrossEntropy, WideDense, cross_entropy, training_loss, with_fast_logits
from captioning.decoder.trainer import Data, Trainer, TrainingStopped
from captioning.decoder.undone import undone
from captioning.encoder.recipes import ARITHMETIC
from captioning.settings import Settings
from tests.helpers import forks
from tests.helpers.signals import interrupt_at

VOCAB = {"#PAD#": 0, **{f"word{i}": i for i in range(1, 12)}}
RECIPE = {"weights": "none"}


def data(seed, photos=30):
    rng = np.random.default_rng(seed)
    return Data(rng.normal(size=(photos, 2048)).astype(np.float16),
                [[rng.integers(1, 12, rng.integers(3, 10)).tolist() for _ in range(2)] for _ in range(photos)])


def generate_batch(img_embeds, captions, batch_size, max_len, rng):
    rows = rng.choice(len(img_embeds), batch_size, replace=False)
    return {"img_embeds": img_embeds[rows], "sentences": matrix([captions[row][0][:max_len] for row in rows])}


def matrix(captions):
    longest = max(map(len, captions))
    return np.array([caption + [0] * (longest - len(caption)) for caption in captions])


def small_decoder(units=8, sees_photo=True, over_padding=False, dense=L.Dense):
    """A decoder with all that has a state: batch normalisation, dropout, an LSTM."""
    class decoder:
        img_embeds = keras.Input((2048,))
        sentences = keras.Input((None,), dtype="int32")
        h0 = L.Dense(units)(L.BatchNormalization()(img_embeds)) * float(sees_photo)
        hidden = L.LSTM(units, return_sequences=True)(L.Embedding(12, 4)(sentences[:, :-1]), initial_state=[h0, h0])
        flat_hidden_states = ops.reshape(L.Dropout(0.3, seed=5)(hidden), [-1, units])
        logits = dense(12)(flat_hidden_states)
        flat_ground_truth = ops.reshape(sentences[:, 1:], [-1])
        flat_loss_mask = ops.cast(ops.not_equal(flat_ground_truth, 0), "float32")
        losses = keras.losses.sparse_categorical_crossentropy(flat_ground_truth, logits, from_logits=True)
        loss = ops.mean(losses) if over_padding else ops.sum(losses * flat_loss_mask) / ops.sum(flat_loss_mask)
    return decoder


def trainer_in(folder, epochs=3, units=8, recipe=RECIPE, vocab=VOCAB, train=None, val=None, over_padding=False,
               **changes):
    keras.utils.set_random_seed(1)
    settings = settings_in(folder, epochs=epochs, **changes)
    decoder = small_decoder(units, over_padding=over_padding)
    return Trainer(decoder, generate_batch, train or data(0), val or data(1), vocab, settings, recipe)


def settings_in(folder, **changes):
    return Settings(**{"epochs": 3, "batches_per_epoch": 5, "batch_size": 8, "val_batches": 3, "dropout": 0.3,
                       "learning_rate": 1e-3, "checkpoint_root": folder, **changes})


def outcome(trainer):
    return trainer.state.arrays(), trainer.history


@pytest.fixture(scope="module")
def whole_run(tmp_path_factory):
    """A run of three epochs that nothing disturbed: its folder, and what it ends with."""
    folder = tmp_path_factory.mktemp("undisturbed")
    trainer = trainer_in(folder)
    trainer.fit()
    return folder, outcome(trainer)


@pytest.fixture
def undisturbed(whole_run):
    """What a run of three epochs ends with that nothing disturbed."""
    return whole_run[1]


@pytest.fixture
def finished(whole_run, tmp_path):
    """A folder with the checkpoints of three epochs."""
    return shutil.copytree(whole_run[0], tmp_path, dirs_exist_ok=True)


@pytest.fixture(scope="module")
def first_epoch(tmp_path_factory):
    """The folder of a run of one epoch."""
    folder = tmp_path_factory.mktemp("first-epoch")
    trainer_in(folder, epochs=1).fit()
    return folder


@pytest.fixture
def begun(first_epoch, tmp_path):
    """A folder with the checkpoint of the first epoch."""
    return shutil.copytree(first_epoch, tmp_path, dirs_exist_ok=True)


def assert_same(one, other):
    assert one[1] == other[1] and list(one[0]) == list(other[0])
    for a, b in zip(one[0].values(), other[0].values()):
        assert a.dtype == b.dtype and a.tobytes() == b.tobytes()


def test_more_epochs_go_on_as_if_never_stopped(begun, undisturbed):
    trainer_in(begun, epochs=2).fit()
    rest = trainer_in(begun)
    rest.fit()
    assert_same(undisturbed, outcome(rest))


def train_and_die(folder, at, minutes, when, ready):
    """Trains, and kills its process at the given step.

    It does so before the step, in the save after it, or in the middle of that save's last rename, on a drive that
    renames a folder file by file.
    """
    trainer, replace = trainer_in(folder, checkpoint_minutes=minutes), os.replace

    def die(*anything):
        os.kill(os.getpid(), signal.SIGKILL)

    def file_by_file(source, target):
        if not os.path.isdir(source):
            return replace(source, target)
        os.mkdir(target)
        for file in sorted(Path(source).iterdir()):
            replace(file, Path(target) / file.name)
            die()

    def until(step, batch):
        if step == at:
            os.replace = {"before": replace, "saving": die, "renaming": file_by_file}[when]
            if when == "before":
                die()

    ready.set()
    trainer.fit(before_step=until)


def training_process(folder, at=-1, minutes=5, when="before"):
    """A process that trains, when it is ready to begin."""
    ready = forks.METHOD.Event()
    process = forks.started(train_and_die, folder, at, minutes, when, ready)
    assert ready.wait(120)
    return process


@pytest.mark.parametrize("minutes, when, resumed_at", [
    (5, "before", 10), (0, "before", 12), (0, "saving", 12), (0, "renaming", 12)],
    ids=["from the epoch's end", "inside an epoch", "while it saved", "on a drive that can't rename folders"])
def test_a_killed_run_ends_as_an_undisturbed_one(tmp_path, undisturbed, minutes, when, resumed_at):
    process = training_process(tmp_path, 12, minutes, when)
    process.join()
    assert process.exitcode == -signal.SIGKILL
    rest = trainer_in(tmp_path)
    rest.resume()
    assert rest.step == resumed_at
    rest.fit()
    assert_same(undisturbed, outcome(rest))


@pytest.mark.slow
def test_a_run_killed_twenty_times_at_random_ends_as_an_undisturbed_one(tmp_path, undisturbed):
    rng, kills = np.random.default_rng(0), 0
    while kills < 20:
        process = training_process(tmp_path, minutes=0)
        time.sleep(rng.uniform(0, 3))           # tracing takes a second or two, then a step and its save milliseconds
        process.kill()
        process.join()
        kills += 1
        if len(list(tmp_path.glob("*/step-00000015"))):
            shutil.rmtree(tmp_path / "drawn")   # done before it was killed: once more from the beginning
    rest = trainer_in(tmp_path)
    rest.fit()
    assert_same(undisturbed, outcome(rest))


def test_an_interrupt_saves_and_leaves_the_decoder_usable(tmp_path, undisturbed):
    trainer = trainer_in(tmp_path)
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt, match="stopped at step 8. Run the cell again to go on there"):
        trainer.fit(before_step=interrupt_at(7))
    assert signal.getsignal(signal.SIGINT) is before
    assert trainer.checkpoints.newest().about["step"] == trainer.step == 8
    assert np.isfinite(trainer.val_loss())
    trainer.fit()                               # the same cell run again
    assert_same(undisturbed, outcome(trainer))


def test_the_progress_bar_stands_above_what_is_shown(tmp_path, capsys):
    trainer_in(tmp_path, epochs=1).fit(show=lambda history: print(f"{len(history)} rows", file=sys.stderr))
    said = capsys.readouterr().err
    assert said.index("Training: ") < said.index("0 rows") < said.index("1 rows")


def test_a_notebook_shows_one_sentence_for_an_interrupt(tmp_path):
    shell = InteractiveShell(user_ns={"trainer": trainer_in(tmp_path), "stop": interrupt_at(7)})
    with capture_output() as said:
        shell.run_cell("trainer.fit(before_step=stop)")
    assert said.stdout.splitlines()[-1] == "Training stopped at step 8. Run the cell again to go on there."
    assert "Stopped and saved: " in said.stderr             # on the bar, which stands above the picture
    assert "Traceback" not in said.stdout and "site-packages" not in said.stdout


def test_it_says_how_long_it_will_take_once_its_first_steps_are_taken(tmp_path, monkeypatch, capsys):
    """Here each step takes half a second."""
    trainer, took = trainer_in(tmp_path, epochs=100, batches_per_epoch=13), 0.5
    monkeypatch.setattr(forecast, "time", SimpleNamespace(monotonic=lambda: took * trainer.step))
    with pytest.raises(KeyboardInterrupt):
        trainer.fit(before_step=interrupt_at(30))
    assert capsys.readouterr().out == "About 11 minutes on this machine: 1,300 steps at 2.0 a second.\n"
    with pytest.raises(KeyboardInterrupt):                              # what is left, not what there was
        trainer.fit(before_step=interrupt_at(60))
    assert "1,269 steps" in capsys.readouterr().out
    took = 0.001
    with pytest.raises(KeyboardInterrupt):
        trainer.fit(before_step=interrupt_at(90))
    assert capsys.readouterr().out == ""                                # not worth a line


@pytest.mark.parametrize("steps, rate, said", [
    (2400, 28.4, "About 85 seconds on this machine: 2,400 steps at 28 a second."),
    (3600, 30, "About 2 minutes on"), (12_000, 1.94, "About 103 minutes on"), (12_000, 0.5, "About 7 hours on")])
def test_a_duration_has_the_unit_that_people_would_use(steps, rate, said):
    assert forecast.sentence(steps, rate).startswith(said)


def test_learning_by_heart_before_leaves_no_trace(tmp_path, undisturbed):
    trainer = trainer_in(tmp_path)
    batch, optimizer = trainer.batches.as_made(0), keras.optimizers.Adam(0.01)
    with undone(trainer.loss_model):
        for _ in range(5):
            with tf.GradientTape() as tape:
                loss = trainer.loss_model([batch.images, batch.sentences], training=True)
            weights = trainer.loss_model.trainable_variables
            optimizer.apply(tape.gradient(loss, weights), weights)
    trainer.fit()
    assert_same(undisturbed, outcome(trainer))


def test_training_goes_on_from_the_newest_weights_after_the_best_were_looked_at(tmp_path, undisturbed):
    trainer = trainer_in(tmp_path)
    with pytest.raises(KeyboardInterrupt, match="at step 10"):
        trainer.fit(before_step=interrupt_at(9))
    trainer.history[0]["val_loss"] = 0.0        # the first epoch's weights are taken as the best
    assert trainer.restore_best()["step"] == 5
    trainer.fit()
    assert_same(undisturbed, outcome(trainer))


def test_the_training_loss_of_an_epoch_is_that_of_its_words(tmp_path):
    """Nearly, as its five batches are four that were made together and one of the next four."""
    trainer = trainer_in(tmp_path, epochs=1)
    step, taken = trainer.loop.train_step, []

    def noted(images, sentences, share):
        words = np.count_nonzero(sentences[:, 1:])
        taken.append((float(loss := step(images, sentences, share)), words))
        return loss

    trainer.loop.train_step = noted
    [row] = trainer.fit()
    losses, words = zip(*taken)
    expected = pytest.approx(np.average(losses, weights=words), rel=3e-4)
    assert row["train_loss"] == expected and np.mean(losses) != expected


def test_two_processes_do_not_train_into_one_folder(tmp_path):
    trainer = trainer_in(tmp_path, epochs=1)
    holds = f"""
import sys
from captioning.decoder.checkpoints import CheckpointFolder
with CheckpointFolder({str(trainer.checkpoints.folder)!r}).alone():
    print("holds", flush=True)
    sys.stdin.read()
"""
    other = subprocess.Popen([sys.executable, "-c", holds], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    other.stdout.readline()
    with pytest.raises(OSError, match="Another process is training into .*drawn. Wait for it or stop it"):
        trainer.fit()
    assert trainer.step == 0
    other.kill()                                # the system takes back what a dead process held
    other.communicate()
    assert len(trainer.fit()) == 1


def test_a_run_cut_inside_a_step_goes_back_to_the_checkpoint(tmp_path, undisturbed):
    trainer = trainer_in(tmp_path)
    average = trainer.state.average
    update = average.update

    def cut(step):
        if step == 11:
            average.update = update
            raise KeyboardInterrupt             # as a second Ctrl-C does
        update(step)

    average.update = cut
    with pytest.raises(KeyboardInterrupt):
        trainer.fit()
    trainer.fit()
    assert_same(undisturbed, outcome(trainer))


def test_a_run_cut_inside_a_step_before_any_checkpoint_has_to_begin_anew(tmp_path):
    trainer = trainer_in(tmp_path)
    average = trainer.state.average
    trainer.state.average = None                # the weights are changed already
    with pytest.raises(AttributeError):
        trainer.fit()
    trainer.state.average = average
    with pytest.raises(ValueError, match="changed since step 1, .* no checkpoint.* again from the decoder's cell"):
        trainer.fit()


def spoil(trainer, value):
    weights = trainer.loss_model.trainable_variables[0]
    weights.assign(np.full(weights.shape, value))


@pytest.mark.parametrize("where", ["weights", "embeddings"])
def test_a_loss_that_is_no_number_stops_the_run_with_the_last_good_checkpoint(tmp_path, where):
    trainer = trainer_in(tmp_path)

    def spoil_step(step, batch):
        if step == 7 and where == "weights":
            spoil(trainer, np.nan)
        if step == 7 and where == "embeddings":
            batch.images[0, 0] = np.nan

    with pytest.raises(TrainingStopped, match="loss at step 8 is not a number .*Look at `loss`") as error:
        trainer.fit(before_step=spoil_step)
    assert ("Some embeddings of this batch" in str(error.value)) == (where == "embeddings")
    good = trainer.checkpoints.newest()
    assert good.about["step"] == trainer.step == 5 and str(good.path) in str(error.value)
    assert all(np.isfinite(variable).all() for variable in trainer.loss_model.variables)


def test_weights_that_are_no_numbers_are_never_saved(begun):
    trainer = trainer_in(begun)
    trainer.resume()
    spoil(trainer, np.inf)
    trainer.state.step += 1
    with pytest.raises(TrainingStopped, match="NaN or infinite after step 6"):
        trainer.checkpointer.save()
    assert [path.name for path in trainer.checkpoints.paths()] == ["step-00000005"]


def test_a_decoder_that_does_not_see_the_photo_is_found_before_training(tmp_path):
    blind = small_decoder(sees_photo=False)
    trainer = Trainer(blind, generate_batch, data(0), data(1), VOCAB, settings_in(tmp_path), RECIPE)
    with pytest.raises(TrainingStopped, match="does not see them.*initial_state"):
        trainer.fit()
    assert trainer.step == 0


def losses_and_gradients(loss, variables, *batch):
    with tf.GradientTape() as tape:
        value = loss(*batch)
    return [np.array(value), *map(np.array, map(tf.convert_to_tensor, tape.gradient(value, variables)))]


@pytest.fixture
def padded_batch():
    rng = np.random.default_rng(3)
    sentences = rng.integers(1, 12, (6, 9)).astype(np.int32)
    for row, length in enumerate((9, 3, 5, 9, 2, 4)):
        sentences[row, length:] = 0
    return rng.normal(size=(6, 2048)).astype(np.float32), sentences


def test_the_loss_of_words_alone_is_that_of_the_decoder_as_written(padded_batch):
    rows = []

    class CountingDense(L.Dense):
        def call(self, inputs, training=None):
            if tf.is_tensor(inputs):
                rows.append(len(inputs))
            return super().call(inputs, training=training)

    decoder = small_decoder(dense=CountingDense)
    model = keras.Model([decoder.img_embeds, decoder.sentences], decoder.loss)
    of_words = training_loss(decoder, *padded_batch)
    rows.clear()
    quick, slow = (losses_and_gradients(loss, model.trainable_variables, *padded_batch) for loss in (
        lambda *batch: of_words(*batch, training=False), lambda *batch: model(list(batch), training=False)))
    assert rows == [26, 6 * 8]                  # words that are not #START#, and all places
    for one, other in zip(quick, slow, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)


def without(name):
    decoder = small_decoder()
    delattr(decoder, name)
    return decoder


def other_way_to_the_loss():
    """A decoder whose loss needs the sentences once more."""
    decoder = small_decoder()
    decoder.loss = decoder.loss + 0 * ops.mean(ops.cast(decoder.sentences, "float32"))
    return decoder


@pytest.mark.parametrize("make, bfloat16, way", [
    (small_decoder, False, "words only, logits in float32"),
    (small_decoder, True, "words only, logits in bfloat16"),
    (lambda: small_decoder(over_padding=True), False, "padding too, because .* comes out differently"),
    (lambda: without("flat_loss_mask"), False, "padding too, because the decoder has no `flat_loss_mask`"),
    (other_way_to_the_loss, False, "padding too, because the loss needs more than the rows of")])
def test_the_loss_says_which_way_it_takes_and_why(padded_batch, monkeypatch, caplog, make, bfloat16, way):
    monkeypatch.setattr(fast_loss, "WIDE", 12)
    with caplog.at_level(logging.DEBUG, fast_loss.log.name):
        found = training_loss(make(), *padded_batch, bfloat16=bfloat16).way
    assert re.fullmatch(f"{way}.*", found) and found in caplog.messages[-1]


def test_a_loss_that_counts_padding_stays_as_it_was_written(padded_batch):
    decoder = small_decoder(over_padding=True)
    model = keras.Model([decoder.img_embeds, decoder.sentences], decoder.loss)
    found = []
    for loss in (training_loss(decoder, *padded_batch), lambda *batch: model(list(batch), training=True)):
        dropout = next(layer for layer in model.layers if isinstance(layer, L.Dropout))
        dropout.seed_generator.state.assign([0, 5])
        found.append(float(loss(*padded_batch)))
    assert found[0] == pytest.approx(found[1], rel=1e-5)


def test_many_logits_in_bfloat16_have_the_loss_and_gradients_of_the_decoder_as_written(padded_batch, monkeypatch):
    decoder = small_decoder()
    variables = keras.Model([decoder.img_embeds, decoder.sentences], decoder.loss).trainable_variables
    exact = training_loss(decoder, *padded_batch)
    kinds = []
    multiply = WideDense.call
    monkeypatch.setattr(fast_loss, "WIDE", 12)
    monkeypatch.setattr(fast_loss.WideDense, "call", lambda self, inputs: kinds.append(inputs.dtype.name)
                        or multiply(self, inputs))
    wide = training_loss(decoder, *padded_batch, bfloat16=True)
    found, expected = (losses_and_gradients(lambda *batch, loss=loss: loss(*batch, training=False),
                                            variables, *padded_batch) for loss in (wide, exact))
    assert kinds == ["float32"]
    assert found[0] == pytest.approx(expected[0], rel=1e-3) and len(found) == len(variables) + 1
    for one, other in zip(found[1:], expected[1:], strict=True):
        assert np.linalg.norm(one - other) < 0.01 * np.linalg.norm(other)


def test_few_logits_stay_in_float32(padded_batch):
    decoder = small_decoder()
    exact, asked = (training_loss(decoder, *padded_batch, bfloat16=half) for half in (False, True))
    assert float(exact(*padded_batch, training=False)) == float(asked(*padded_batch, training=False))


def test_a_decoder_with_other_names_trains_too(tmp_path, padded_batch):
    decoder = small_decoder()
    del decoder.flat_hidden_states
    trainer = Trainer(decoder, generate_batch, data(0), data(1), VOCAB, settings_in(tmp_path), RECIPE)
    history = trainer.fit()
    assert history[-1]["train_loss"] < history[0]["train_loss"]


def test_training_takes_what_the_learner_makes_in_batches_of_nearly_one_length(tmp_path):
    """Each caption that `generate_batch` chose for four steps is trained on in one of them, beside its photo."""
    trainer = trainer_in(tmp_path)
    made = [trainer.batches.as_made(step) for step in range(8, 12)]
    batches = [trainer.batches.of_step(step) for step in range(8, 12)]
    pairs, trained = ([(image.tobytes(), tuple(sentence[sentence > 0])) for images, sentences, *_ in each
                       for image, sentence in zip(images, sentences)] for each in (made, batches))
    assert sorted(pairs) == sorted(trained) and pairs != trained
    lengths = [(sentences > 0).sum(axis=1) for _, sentences, _ in batches]
    assert all(sentences.shape[1] == of_batch.max() for (_, sentences, _), of_batch in zip(batches, lengths))
    assert max(np.ptp(of_batch) for of_batch in lengths) <= 2
    longest = [of_batch.max() for of_batch in lengths]
    assert longest != sorted(longest) and longest != sorted(longest)[::-1]


def test_the_mean_of_four_steps_counts_each_word_alike(tmp_path):
    trainer = trainer_in(tmp_path)
    variables = trainer.loss_model.trainable_variables
    batches = [trainer.batches.of_step(step) for step in range(4)]
    sentences = matrix([row[row > 0].tolist() for _, rows, _ in batches for row in rows]).astype(np.int32)

    def alone(images, sentences):
        return trainer.loss_model([images, sentences], training=False)

    whole = losses_and_gradients(alone, variables, np.concatenate([images for images, *_ in batches]), sentences)
    parts = [losses_and_gradients(lambda images, sentences, share: share * alone(images, sentences), variables, *batch)
             for batch in batches]
    assert max(share for *_, share in batches) > 1.3
    for one, *others in zip(whole, *parts, strict=True):
        np.testing.assert_allclose(np.mean(others, axis=0), one, rtol=1e-3, atol=1e-6)


def test_the_batch_of_a_step_does_not_depend_on_those_before(tmp_path):
    one, other = trainer_in(tmp_path), trainer_in(tmp_path)
    in_order = [one.batches.of_step(step) for step in range(20)]
    for step in (19, 3, 12, 3, 0):
        for a, b in zip(other.batches.of_step(step), in_order[step], strict=True):
            np.testing.assert_array_equal(a, b)


def test_the_fused_optimizer_is_adam():
    rng = np.random.default_rng(0)
    start = rng.normal(size=(50, 4)).astype(np.float32)
    gradients = [rng.normal(size=(50, 4)).astype(np.float32) for _ in range(5)]
    ends = []
    for kind in (keras.optimizers.Adam, FusedAdam):
        variable, optimizer = keras.Variable(start), kind(0.01)
        for gradient in gradients:
            optimizer.apply([ops.convert_to_tensor(gradient)], [variable])
        ends.append(np.array(variable))
    assert abs(ends[0] - start).max() > 0.01
    np.testing.assert_allclose(*ends, atol=1e-6)


def test_the_fast_cross_entropy_is_that_of_the_decoder_as_written():
    model = trainer_in("unused").loss_model
    fast = with_fast_logits(model)
    assert any(isinstance(operation, CrossEntropy) for operation in fast.operations)
    assert [id(v) for v in fast.trainable_variables] == [id(v) for v in model.trainable_variables]
    batch = generate_batch(data(0).img_embeds, data(0).captions_indexed, 8, 20, np.random.default_rng(0))
    results = []
    for one in (model, fast):
        with tf.GradientTape() as tape:
            loss = one([np.float32(batch["img_embeds"]), batch["sentences"]], training=False)
        gradients = tape.gradient(loss, model.trainable_variables)
        results.append([np.array(loss), *map(np.array, map(tf.convert_to_tensor, gradients))])
    for slow, quick in zip(*results, strict=True):
        np.testing.assert_allclose(slow, quick, rtol=1e-4, atol=1e-6)


def test_the_fast_cross_entropy_stays_finite_where_a_word_is_impossible_and_shows_what_is_no_number():
    logits = tf.constant([[0.0, 200.0], [np.nan, np.nan], [1e4, -1e4]])
    loss = cross_entropy(tf.constant([0, 1, 0]), logits).numpy()
    assert loss[0] == pytest.approx(87.3, abs=0.1) and np.isnan(loss[1]) and loss[2] == 0


def probabilities_before_a_photo(trainer):
    """What the decoder says of each word if nothing comes out of the LSTM: softmax of the logits' bias."""
    [layer] = [layer for layer in trainer.loss_model.layers if isinstance(layer, L.Dense) and layer.units == len(VOCAB)]
    return np.array(tf.nn.softmax(layer.bias))


def test_training_begins_with_words_as_frequent_as_in_peoples_captions(tmp_path):
    captions = [[[1, 2, 3], [1, 2, 2, 3]]] * 1000 + [[[1, 4]]]
    train = Data(np.zeros([1001, 2048], np.float16), captions)
    trainer = trainer_in(tmp_path, train=train)
    expected = np.array([0.5, 0.5, 3000.5, 2000.5, 1.5, *[0.5] * 7]) / 5007
    np.testing.assert_allclose(probabilities_before_a_photo(trainer), expected, rtol=1e-3)
    again = Data(train.img_embeds, [[[1, 5, 5]]] * 1001)        # a second trainer of the same decoder changes nothing
    keras.utils.set_random_seed(1)
    decoder = small_decoder()
    for data_ in (train, again):
        trainer = Trainer(decoder, generate_batch, data_, data(1), VOCAB, settings_in(tmp_path), RECIPE)
    np.testing.assert_allclose(probabilities_before_a_photo(trainer), expected, rtol=1e-3)


@pytest.mark.parametrize("dtype, error", [("float32", 1e-6), ("bfloat16", 2e-2)])
def test_label_smoothing_changes_the_gradient_and_not_the_loss(dtype, error):
    """The gradient is that of equation 7's cross-entropy with the smoothed targets."""
    logits, target = tf.random.stateless_normal([6, 5], [1, 2]), tf.constant([0, 1, 4, 4, 2, 3])
    weights, smoothing = tf.range(1.0, 7.0), 0.2
    output = tf.Variable(tf.cast(logits, dtype))
    with tf.GradientTape() as tape:
        found = cross_entropy(target, output, smoothing)
        total = tf.reduce_sum(weights * found)
    logits = tf.Variable(logits)
    with tf.GradientTape() as other:
        log_p = tf.nn.log_softmax(logits)
        plain = -tf.gather(log_p, target, batch_dims=1)
        smoothed = tf.reduce_sum(weights * ((1 - smoothing) * plain - smoothing * tf.reduce_mean(log_p, axis=1)))
    np.testing.assert_allclose(found, plain, rtol=10 * error)
    np.testing.assert_allclose(tf.cast(tape.gradient(total, output), tf.float32), other.gradient(smoothed, logits),
                               atol=10 * error)


@pytest.mark.parametrize("over_padding", [False, True])
def test_a_run_smooths_its_labels_as_the_settings_say_and_reports_the_plain_loss(tmp_path, padded_batch, over_padding):
    found = []
    for smoothing in (0, 0.3):
        trainer = trainer_in(tmp_path, over_padding=over_padding, label_smoothing=smoothing)
        variables = trainer.loss_model.trainable_variables
        found.append(losses_and_gradients(lambda *batch, loss=trainer.loss: loss(*batch, training=False), variables,
                                          *padded_batch) + [trainer.val_loss()])
    (loss, *gradients, val_loss), (smoothed_loss, *smoothed, smoothed_val_loss) = found
    assert (loss, val_loss) == (smoothed_loss, smoothed_val_loss)
    assert np.linalg.norm(gradients[-1] - smoothed[-1]) > 0.1 * np.linalg.norm(gradients[-1])


def test_the_validation_loss_is_that_of_validation_captions_without_dropout(tmp_path):
    trainer = trainer_in(tmp_path)
    taken = []

    def noting(images, captions, *rest):
        taken.append(captions)
        return generate_batch(images, captions, *rest)

    trainer.batches.generate_batch = noting
    assert trainer.val_loss() == trainer.val_loss()
    assert len(taken) == 6 and all(captions is trainer.val.captions_indexed for captions in taken)


def test_a_first_step_is_as_long_as_the_learning_rate(tmp_path):
    """Adam moves each weight by it, or less where the gradient is next to nothing."""
    trainer = trainer_in(tmp_path, epochs=1, batches_per_epoch=1, learning_rate=0.02)
    before = [np.array(variable) for variable in trainer.loss_model.trainable_variables]
    trainer.fit()
    moved = max(np.abs(variable - was).max() for variable, was in zip(trainer.loss_model.trainable_variables, before))
    assert moved == pytest.approx(0.02, rel=1e-2)


def test_another_seed_makes_other_batches_in_training_and_validation(tmp_path):
    one, other = (trainer_in(tmp_path, seed=seed) for seed in (1, 2))
    assert one.val_loss() != pytest.approx(other.val_loss(), rel=1e-5)
    assert not np.array_equal(one.batches.of_step(0).images, other.batches.of_step(0).images)


def test_each_use_of_random_numbers_has_a_stream_of_its_own():
    streams = [batches.TRAINING, batches.VALIDATION, batches.SAMPLING, batches.ORDER]
    assert len(set(streams)) == len(streams)


def test_captions_are_cut_at_the_settings_greatest_length(tmp_path):
    trainer = trainer_in(tmp_path, max_len=4)
    assert {trainer.batches.of_step(step).sentences.shape[1] for step in range(4)} == {4}


@pytest.mark.parametrize("minutes, saves", [(0.5, [1, 2, 3, 4, 5]), (1.5, [2, 4, 5]), (100, [5])])
def test_inside_an_epoch_it_is_saved_each_so_many_minutes(tmp_path, monkeypatch, minutes, saves):
    """Here each step takes a minute."""
    trainer = trainer_in(tmp_path, epochs=1, checkpoint_minutes=minutes)
    clock = SimpleNamespace(monotonic=lambda: 60.0 * trainer.step)
    for module in (loop, checkpointer):
        monkeypatch.setattr(module, "time", clock)
    save, saved = trainer.checkpoints.save, []
    trainer.checkpoints.save = lambda step, *rest: saved.append(step) or save(step, *rest)
    trainer.fit()
    assert saved == saves


def test_a_second_interrupt_does_not_wait_for_the_end_of_the_step(tmp_path):
    trainer = trainer_in(tmp_path)

    def impatient(step, batch):
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt) as interrupt:
        trainer.fit(before_step=impatient)
    assert trainer.step == 0 and "saved" not in str(interrupt.value)


def test_a_thread_may_train(tmp_path):
    """Only the main thread gets signals, and may say what they do."""
    trainer = trainer_in(tmp_path, epochs=1)
    with ThreadPoolExecutor(1) as pool:
        assert len(pool.submit(trainer.fit).result()) == 1


def test_all_of_the_best_weights_come_back_also_those_that_are_not_trained(tmp_path):
    """Batch normalisation's running means are of that epoch too."""
    trainer = trainer_in(tmp_path)
    kept = []
    trainer.fit(sample_caption=lambda: kept.append([np.array(v) for v in trainer.loss_model.variables]) or "a cat")
    trainer.history[1]["val_loss"] = 0.0
    assert trainer.restore_best()["epoch"] == 2
    for variable, expected in zip(trainer.loss_model.variables, kept[1], strict=True):
        np.testing.assert_array_equal(variable, expected)
    assert any(abs(one - other).max() > 1e-4 for v, one, other in zip(trainer.loss_model.variables, *kept[1:])
               if not v.trainable and one.dtype.kind == "f")


def test_twelve_digits_tell_weights_apart(tmp_path):
    state = trainer_in(tmp_path).state
    variable, before = state.model.trainable_variables[0], state.digest()
    kept = np.array(variable)
    variable.assign(kept + 1e-3)
    after = state.digest()
    variable.assign(kept)
    assert after != before == state.digest() and re.fullmatch("[0-9a-f]{12}", before)


def test_the_digest_tells_captions_and_their_photos_apart():
    """Each of these has the words 1, 2, 3, 4 in this order."""
    captions = [
        [[[1, 2], [3]], [[4]]], [[[1], [2, 3]], [[4]]], [[[1, 2]], [[3], [4]]], [[[1, 2, 3]], [[4]]],
        [[[1, 2], [3], [4]]]]
    assert len({Data(np.zeros((2, 3)), each).digest() for each in captions}) == len(captions)
    assert Data(np.zeros((2, 3)), captions[0]).digest() == Data(np.ones((2, 3)), captions[0]).digest()


def changed_decoder(change):
    """A small decoder. A change gives it other results with weights of the same shapes."""
    images, words = keras.Input((4,)), keras.Input((None,), dtype="int32")
    h, c = L.Dense(3, activation="relu" if change == "activation" else "tanh")(images), L.Dense(3)(images)
    states = [c, h] if change == "states swapped" else [h, c]
    read = words[:, 1:] if change == "other words" else words[:, :-1]
    hidden, last_h, last_c = L.LSTM(3, return_sequences=True, return_state=True)(L.Embedding(9, 2)(read),
                                                                                 initial_state=states)
    last = last_c if change == "another result of the layer" else last_h
    return keras.Model([images, words], [ops.mean(hidden, axis=2 if change == "axis" else 1), ops.tanh(last)])


@pytest.mark.parametrize("change", [
    "activation", "states swapped", "other words", "another result of the layer", "axis"])
def test_the_outline_of_a_decoder_shows_what_no_shape_of_a_weight_shows(change):
    one, again, other = (model_text.outline(changed_decoder(each)) for each in ("", "", change))
    assert one and one == again != other


def test_a_finished_run_trains_no_more(finished):
    again = trainer_in(finished)
    assert len(again.fit(before_step=lambda step, batch: pytest.fail(f"it trains after step {step}"))) == 3


def test_lowered_epochs_are_said_to_be_fewer_than_were_trained(finished, capsys):
    lowered = trainer_in(finished, epochs=2)
    assert len(lowered.fit(before_step=lambda step, batch: pytest.fail(f"it trains after step {step}"))) == 3
    said = capsys.readouterr().out
    assert "step-00000015 has 15 steps behind it, more than the 10 of the settings. Nothing is trained." in said
    assert "Continuing" not in said and lowered.restore_best() in lowered.history


def test_the_best_weights_come_back(finished):
    trainer = trainer_in(finished)
    trainer.resume()
    losses = [row["val_loss"] for row in trainer.history]
    best = trainer.restore_best()
    assert best["val_loss"] == min(losses)
    assert trainer.val_loss() == pytest.approx(min(losses), rel=1e-6)


def test_where_the_best_checkpoint_is_damaged_the_newest_comes_with_a_loss_of_its_own(tmp_path):
    trainer = trainer_in(tmp_path, epochs=2)
    with pytest.raises(KeyboardInterrupt):
        trainer.fit(before_step=interrupt_at(7))
    (tmp_path / "drawn" / "step-00000005" / "arrays.npz").write_bytes(b"")
    row = trainer.restore_best()
    assert (row["step"], row["epoch"], row["train_loss"]) == (8, 1, None)
    assert row["val_loss"] == trainer.val_loss() != trainer.history[0]["val_loss"]


def test_without_any_checkpoint_left_there_is_no_best_one(begun):
    trainer = trainer_in(begun)
    trainer.resume()
    shutil.rmtree(begun / "drawn")
    with pytest.raises(ValueError, match="drawn has no whole checkpoint left.* from the decoder's cell"):
        trainer.restore_best()


def test_losses_and_captions_are_those_of_averaged_weights(tmp_path):
    """With eta of 3: each look at the weights counts 4 / (n + 3) of the average, n being its number."""
    trainer, looks, seen = trainer_in(tmp_path), [], []
    weights = trainer.loss_model.trainable_variables[0]

    def look(step, batch):
        if step in (1, 6, 11):
            looks.append(weights.numpy())

    trainer.fit(sample_caption=lambda: seen.append(weights.numpy()) or "a cat", before_step=look)
    expected = looks[0]
    for share, look in zip((4 / 5, 4 / 6), looks[1:]):
        expected = expected + share * (look - expected)
    np.testing.assert_allclose(seen[-1], expected, rtol=1e-5)
    assert abs(weights.numpy() - expected).max() > 1e-4             # training itself goes on with the last weights
    trainer.history[:] = trainer.history[-1:]
    trainer.restore_best()
    np.testing.assert_array_equal(weights.numpy(), seen[-1])


def test_the_caption_and_the_losses_of_each_epoch_are_kept(tmp_path):
    shown = []
    trainer = trainer_in(tmp_path)
    trainer.fit(sample_caption=lambda: "a cat", show=lambda history: shown.append(len(history)))
    assert shown == [0, 1, 2, 3]
    assert [set(row) for row in trainer.history] == [{"step", "epoch", "train_loss", "val_loss", "caption"}] * 3
    assert json.dumps([row["epoch"] for row in trainer.history]) == "[1, 2, 3]"         # whole numbers


def test_the_progress_bar_shows_the_mean_loss_of_the_last_hundred_steps_every_twenty_steps(tmp_path, monkeypatch):
    trainer = trainer_in(tmp_path, epochs=1, batches_per_epoch=125)
    shown, expected = {}, {}

    class Bar(loop.tqdm):
        def set_postfix(self, **values):
            shown[self.n] = values["loss"]
            expected[trainer.step] = f"{loop.mean_loss(trainer.state.epoch_losses[max(0, self.n - 100):]):.3f}"

    monkeypatch.setattr(loop, "tqdm", Bar)
    trainer.fit()
    assert list(shown) == [20, 40, 60, 80, 100, 120] and shown == expected


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
def test_a_damaged_checkpoint_is_skipped(finished, capsys, damage, name):
    newest = sorted((finished / "drawn").glob("step-*"))[-1]
    damage(newest / name) if not (name == "sha256.json" and damage is damage_by_one_byte) else damage_by_truncation(
        newest / name)
    found = CheckpointFolder(finished / "drawn").newest()
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


def test_a_loss_of_zero_can_be_the_best_and_a_row_without_one_can_not(tmp_path):
    folder = CheckpointFolder(tmp_path, keep=1)
    history = [{"step": 1, "val_loss": 0.0}, {"step": 2, "val_loss": 0.5}, {"step": 3, "val_loss": None}]
    for step in (1, 2, 3):
        folder.save(step, {"x": np.zeros(3)}, {"step": step, "history": history[:step]})
    assert folder.best(history).about["step"] == 1 and folder.newest().about["step"] == 3
    assert folder.best(history[2:]).about["step"] == 3


def test_what_is_saved_after_damaged_ones_were_skipped_is_kept(tmp_path):
    """The damaged ones have later steps, but are not the last few to keep."""
    folder, about = CheckpointFolder(tmp_path, keep=2), {"history": [{"step": 1, "val_loss": 1.0}]}
    for step in (1, 4, 5):
        folder.save(step, {"x": np.zeros(3)}, {**about, "step": step})
    for path in folder.paths()[-2:]:
        (path / "arrays.npz").write_bytes(b"")
    assert folder.newest().about["step"] == 1
    for step in (2, 3):
        folder.save(step, {"x": np.zeros(3)}, {**about, "step": step})
        assert folder.newest().about["step"] == step


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
import numpy as np
from captioning.decoder.checkpoints import CheckpointFolder
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
CheckpointFolder({str(tmp_path)!r}).save(2, {{"x": np.zeros(100_000)}}, {{"step": 2}})
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 1 and "step-00000002 could not be written" in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["step-00000001"]
    assert CheckpointFolder(tmp_path).newest().about == {"step": 1}


def test_a_folder_that_is_a_file_is_named(tmp_path):
    (tmp_path / "drawn").write_text("a file where the folder should be")
    with pytest.raises(OSError, match="drawn/step-00000001 could not be written"):
        CheckpointFolder(tmp_path / "drawn").save(1, {"x": np.zeros(3)}, {"step": 1})


@pytest.mark.parametrize("epochs", [1, 2])              # the second has a checkpoint before it, of fewer steps
def test_an_epoch_that_could_not_be_saved_is_saved_when_the_cell_is_run_again(tmp_path, epochs):
    trainer = trainer_in(tmp_path, epochs=epochs)
    obstacle = trainer.checkpoints.folder / f"step-{5 * epochs:08}"
    obstacle.parent.mkdir()
    obstacle.write_text("a file where the checkpoint should be")
    with pytest.raises(OSError, match=f"{obstacle.name} could not be written"):
        trainer.fit()
    obstacle.unlink()
    trainer.fit(before_step=lambda step, batch: pytest.fail(f"it takes step {step + 1} again"))
    assert trainer.checkpoints.newest().about["step"] == 5 * epochs and trainer.restore_best() in trainer.history


def test_a_run_takes_over_its_newest_checkpoint_once(begun, capsys):
    again = trainer_in(begun)
    for _ in range(2):
        again.resume()
    assert capsys.readouterr().out.count("step-00000005, after 5 of 15 steps.") == 1


@pytest.mark.parametrize("change, said", [
    ({"oneDNN": "off"}, r"\(oneDNN: 'off' there, \w+ here\)"),
    ({"threads": "96"}, r"\(threads: '96' there, '\d+' here\)"),
    ({"instructions": "sve"}, r"\(instructions: 'sve' there, .* here\)"),
    ({"processor": "M5", "system": "Darwin arm64"}, r"processor: 'M5' there, .* here; system: 'Darwin arm64' there"),
    ({"TensorFlow": "2.0.0"}, r"TensorFlow: '2.0.0' there, "), ({"precision": "x"}, "precision: 'x' there, "),
], ids=lambda each: next(iter(each)) if isinstance(each, dict) else "")
def test_a_checkpoint_of_another_machine_goes_on_and_says_that_it_is_not_bit_exact(begun, capsys, change, said):
    trainer = trainer_in(begun)
    trainer.resume()
    assert "bit for bit" not in capsys.readouterr().out
    checkpoint = trainer.checkpoints.newest()
    about = checkpoint.about | {"arithmetic": checkpoint.about["arithmetic"] | change}
    CheckpointFolder(begun / "there" / "drawn").save(5, checkpoint.arrays, about)
    trainer = trainer_in(begun / "there")
    trainer.resume()
    assert trainer.step == 5
    assert re.search(f"not be those of an uninterrupted run, bit for bit: .*{said}", capsys.readouterr().out)


def test_a_checkpoint_names_what_decides_on_its_arithmetic(tmp_path, monkeypatch):
    monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", "7")
    trainer = trainer_in(tmp_path)
    trainer.checkpointer.save()
    found = trainer.checkpoints.newest().about["arithmetic"]
    assert found["threads"] == "7" and found["TensorFlow"] == tf.__version__ and found["processor"]
    assert found["oneDNN"] in (True, False) and found["precision"] in ("bfloat16", "float32")


def test_embeddings_of_another_machine_make_a_resume_inexact_and_it_is_said(tmp_path, capsys):
    """A cache may be replaced by a colleague's: its warning does not say what it does to a run that had begun."""
    trainer_in(tmp_path, epochs=1, recipe={"weights": "none", ARITHMETIC: "a"}).fit()
    trainer_in(tmp_path, recipe={"weights": "none", ARITHMETIC: "b"}).resume()
    assert re.search(r"bit for bit: .*\(embeddings: 'a' there, 'b' here\)", capsys.readouterr().out)


@pytest.mark.parametrize("losses", [3, [3], [[0.5]], [[0.5, 1.0, 1.0]], [["low", 1.0]]])
def test_a_checkpoint_whose_losses_are_no_pairs_is_damaged(tmp_path, capsys, losses):
    folder = CheckpointFolder(tmp_path)
    folder.save(1, {"x": np.zeros(3)}, {"step": 1, "epoch_losses": losses})
    assert folder.newest() is None and "losses that are not pairs of numbers" in capsys.readouterr().out


@pytest.mark.parametrize("change, message", [
    ({"seed": 7}, "seed: 42 there, 7 here"), ({"learning_rate": 0.5}, "learning_rate: 0.001 there, 0.5 here"),
    ({"units": 9}, r"Dense, shape of its kernel: \[2048, 8\] there, \[2048, 9\] here\)"),
    ({"recipe": {"weights": "x"}}, "weights: none there, x here"),
    ({"vocab": {**VOCAB, "cat": 12}}, "tokens in the vocabulary: 12 there, 13 here"),
    ({"vocab": {**VOCAB, "word7": 8, "word8": 7}}, "index of 'word7' in the vocabulary: 7 there, 8 here"),
    ({"train": data(2)}, "digest of the training captions: [0-9a-f]{12} there, [0-9a-f]{12} here"),
    ({"over_padding": True}, 'step 8 of the decoder: GetItem .* there, Dropout .* here'),
])
def test_a_checkpoint_that_does_not_fit_is_refused_with_both_values(begun, change, message):
    with pytest.raises(ValueError, match=message) as error:
        trainer_in(begun, **change).fit()
    assert "run trainer.set_aside() in a new cell" in str(error.value)


def named_decoder(lstm_units=8, activation="elu"):
    """A decoder whose layers are attributes, as the course's are."""
    class decoder:
        img_embeds = keras.Input((2048,))
        sentences = keras.Input((None,), dtype="int32")
        state = L.Dense(lstm_units, activation=activation)
        lstm = L.LSTM(lstm_units, return_sequences=True)
        word_embed = L.Embedding(12, 4)
        h0 = state(img_embeds)
        hidden = lstm(word_embed(sentences[:, :-1]), initial_state=[h0, h0])
        loss = ops.mean(hidden)
    return decoder


@pytest.mark.parametrize("change, difference", [
    ({"lstm_units": 9}, r"decoder\.state, shape of its kernel: \[2048, 8\] there, \[2048, 9\] here"),
    ({"activation": "relu"}, r'decoder\.state: Dense .*"elu".* there, Dense .*"relu".* here')])
def test_a_refused_decoder_names_its_first_other_layer_and_can_start_again(tmp_path, capsys, change, difference):
    def trainer_of(**changes):
        keras.utils.set_random_seed(1)
        return Trainer(named_decoder(**changes), generate_batch, data(0), data(1), VOCAB,
                       settings_in(tmp_path, epochs=1), RECIPE)

    before = trainer_of()
    before.fit()
    refused = trainer_of(**change)
    with pytest.raises(ValueError, match=rf"this run \({difference}\)\. Undo") as error:
        refused.fit()
    assert error.value._render_traceback_() == [str(error.value)]       # all that a notebook shows
    refused.set_aside()
    assert f"{tmp_path / 'drawn'} is now called drawn-set-aside-1" in capsys.readouterr().out
    again = trainer_of(**change)
    assert not again.checkpoints.paths()
    again.fit()
    assert [row["step"] for row in again.history] == [5]
    [kept] = (tmp_path / "drawn-set-aside-1").glob("step-*")
    assert read_checkpoint(kept).about["history"] == before.history
    again.set_aside()
    assert {path.name for path in tmp_path.iterdir()} == {"drawn-set-aside-1", "drawn-set-aside-2"}


def test_a_folder_that_another_process_trains_into_is_not_set_aside(begun):
    checkpoints = CheckpointFolder(begun / "drawn")
    with checkpoints.alone(), ThreadPoolExecutor(1) as pool, pytest.raises(OSError, match="Another process"):
        pool.submit(CheckpointFolder(checkpoints.folder).set_aside).result()
    assert [path.name for path in begun.iterdir()] == ["drawn"]


def test_all_that_a_run_can_not_change_on_its_way_is_named_at_once(begun):
    changed = {"batches_per_epoch": 6, "batch_size": 9, "max_len": 9, "val_batches": 4, "dropout": 0.4,
               "image_dropout": 0.4, "label_smoothing": 0.2, "learning_rate": 0.5, "seed": 7}
    with pytest.raises(ValueError) as error:
        trainer_in(begun, val=data(2), **changed).fit()
    for name, value in changed.items():
        assert re.search(rf"[( ]{name}: \S+ there, {value} here", str(error.value))
    assert re.search("digest of the validation captions: [0-9a-f]{12} there, [0-9a-f]{12} here", str(error.value))
    assert "training captions" not in str(error.value)


@pytest.mark.parametrize("change, message", [
    (lambda arrays, about: arrays.pop("model/000"), "array model/000 is absent, expected shape"),
    (lambda arrays, about: arrays.update({"optimizer/002": np.zeros((3, 3))}), r"optimizer/002 is of shape \(3, 3\)"),
    (lambda arrays, about: about.pop("settings"), "seed: None there, 42 here"),
    (lambda arrays, about: about.update(recipe=3, vocab=None), "weights: None there, none here"),
    (lambda arrays, about: about.pop("captions"), "digest of the validation captions: None there, [0-9a-f]{12} here"),
    (lambda arrays, about: about.pop("decoder"), "decoder: None there, .'InputLayer'"),
    (lambda arrays, about: about["decoder"].pop(), r"step 19 of the decoder: None there, TrueDivide .* here"),
])
def test_a_checkpoint_that_lacks_something_is_refused(begun, change, message):
    """Made by hand, or by another program: its digests are right."""
    checkpoints = CheckpointFolder(begun / "drawn")
    saved = checkpoints.newest()
    change(saved.arrays, saved.about)
    checkpoints.save(5, saved.arrays, saved.about)
    with pytest.raises(ValueError, match=message):
        trainer_in(begun).fit()


def test_a_checkpoint_holds_vocabulary_and_settings(first_epoch):
    about = read_checkpoint(next((first_epoch / "drawn").glob("step-*"))).about
    assert about["vocab"] == VOCAB and about["settings"]["batch_size"] == 8
    assert json.dumps(about)
