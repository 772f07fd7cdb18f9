"""Fine-tuning on CIDEr begins with the best weights, raises the score, and continues where it stopped, bit for bit."""

import dataclasses
import os
import shutil
import signal

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers as L
from keras import ops

from captioning.datasets.tokens import END, PAD, START, UNK
from captioning.decoder import fine_tuning
from captioning.decoder.checkpoints import CheckpointFolder, read_checkpoint
from captioning.decoder.fine_tuning import SAMPLES, SelfCritical
from captioning.decoder.trainer import Data, Trainer, TrainingStopped
from captioning.decoding.writer import Caption, CaptionWriter
from captioning.scoring.reward import CaptionReward
from captioning.settings import Settings
from tests.helpers import forks
from tests.helpers.signals import interrupt_at

VOCAB = {token: i for i, token in enumerate(sorted([PAD, UNK, START, END, *"abcdefgh"]))}
RECIPE = {"weights": "none"}


def words_of(photos, seed):
    """Two captions for each photo; its first number says which of two beginnings they have."""
    rng = np.random.default_rng(seed)
    return [[("abc" if photo[0] > 0 else "def") + "".join(rng.choice(list("gh"), 2)) for _ in range(2)]
            for photo in photos]


def data_and_words(seed, photos=40):
    images = np.random.default_rng(seed).normal(size=(photos, 6)).astype(np.float32)
    words = words_of(images, seed)
    indexed = [[[VOCAB[w] for w in (START, *caption, END)] for caption in captions] for captions in words]
    return Data(images, indexed), [[list(caption) for caption in captions] for captions in words]


def generate_batch(img_embeds, captions, batch_size, max_len, rng):
    rows = rng.choice(len(img_embeds), batch_size, replace=False)
    return {"img_embeds": img_embeds[rows], "sentences": np.array([captions[row][0][:max_len] for row in rows])}


def small_decoder(units=8):
    class decoder:
        img_embeds, sentences = keras.Input((6,)), keras.Input((None,), dtype="int32")
        h0 = L.Dense(units, activation="tanh")(L.BatchNormalization()(img_embeds))
        word_embed, lstm, token_logits = L.Embedding(len(VOCAB), 4), L.LSTM(units, return_sequences=True), L.Dense(
            len(VOCAB))
        hidden = lstm(word_embed(sentences[:, :-1]), initial_state=[h0, h0])
        flat_hidden_states = ops.reshape(L.Dropout(0.3, seed=5)(hidden), [-1, units])
        flat_token_logits = token_logits(flat_hidden_states)
        flat_ground_truth = ops.reshape(sentences[:, 1:], [-1])
        flat_loss_mask = ops.cast(ops.not_equal(flat_ground_truth, VOCAB[PAD]), "float32")
        losses = keras.losses.sparse_categorical_crossentropy(flat_ground_truth, flat_token_logits, from_logits=True)
        loss = ops.sum(losses * flat_loss_mask) / ops.sum(flat_loss_mask)

    word, h, c = keras.Input((), dtype="int32"), keras.Input((units,)), keras.Input((units,))
    new_h, [_, new_c] = decoder.lstm.cell(decoder.word_embed(word), [h, c])
    one_step = keras.Model([word, h, c], [decoder.token_logits(new_h), new_h, new_c])
    return decoder, CaptionWriter(keras.Model(decoder.img_embeds, [decoder.h0, decoder.h0]), one_step, VOCAB, max_len=7)


def tuner_in(folder, epochs=4, trained_epochs=1, **changes):
    """A trainer that has trained a little, and the stage after it, both as a notebook run anew makes them."""
    keras.utils.set_random_seed(1)
    settings = Settings(epochs=trained_epochs, batches_per_epoch=20, batch_size=16, val_batches=3, dropout=0.3,
                        learning_rate=0.01, checkpoint_root=folder,
                        **{"self_critical_epochs": epochs, "self_critical_rate": 0.01, "cross_entropy_weight": 0.3,
                           **changes})
    (train, train_words), (val, val_words) = data_and_words(0), data_and_words(1)
    decoder, writer = small_decoder()
    trainer = Trainer(decoder, generate_batch, train, val, VOCAB, settings, RECIPE)
    trainer.fit()
    trainer.restore_best()
    return SelfCritical(writer, train.img_embeds, val.img_embeds, settings, train_words, CaptionReward(train_words),
                        CaptionReward(val_words), steps_per_epoch=3)


def outcome(tuner):
    return {name: array.tobytes() for name, array in tuner.state.arrays().items()}, tuner.history


@pytest.fixture(scope="module")
def trained_once(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    tuner_in(folder)
    return folder


@pytest.fixture
def folder(tmp_path, trained_once):
    """Checkpoints of a trainer that is done, so that only the stage after it is left."""
    return shutil.copytree(trained_once, tmp_path / "checkpoints")


@pytest.fixture(scope="module")
def whole_run(tmp_path_factory, trained_once):
    """Four epochs of three steps that nothing disturbed: their folder, and what they end with."""
    folder = shutil.copytree(trained_once, tmp_path_factory.mktemp("undisturbed") / "checkpoints")
    tuner = tuner_in(folder)
    tuner.fit()
    return folder, outcome(tuner)


@pytest.fixture
def undisturbed(whole_run):
    """What four epochs of three steps end with that nothing disturbed."""
    return whole_run[1]


@pytest.fixture
def tuned(whole_run, tmp_path):
    """Checkpoints of a trainer and of the stage after it, both done."""
    return shutil.copytree(whole_run[0], tmp_path / "tuned")


@pytest.fixture(scope="module")
def after_two_epochs(tmp_path_factory, trained_once):
    folder = shutil.copytree(trained_once, tmp_path_factory.mktemp("two-epochs") / "checkpoints")
    tuner_in(folder, epochs=2).fit()
    return folder


@pytest.fixture
def half_tuned(after_two_epochs, tmp_path):
    """Checkpoints of a trainer that is done, and of two epochs of the stage after it."""
    return shutil.copytree(after_two_epochs, tmp_path / "half-tuned")


def tune_and_die(folder, minutes, at):
    """Fine-tunes, and kills its process before the given step."""
    def until(step, batch):
        if step == at:
            os.kill(os.getpid(), signal.SIGKILL)

    tuner_in(folder, checkpoint_minutes=minutes).fit(before_step=until)


@pytest.mark.parametrize("minutes, at, resumed_at", [(5, 8, 6), (0, 8, 8)], ids=["epoch's end", "inside an epoch"])
def test_a_killed_run_ends_as_an_undisturbed_one(folder, undisturbed, minutes, at, resumed_at):
    process = forks.started(tune_and_die, folder, minutes, at)
    process.join()
    assert process.exitcode == -signal.SIGKILL
    rest = tuner_in(folder)
    rest.resume()
    assert rest.step == resumed_at
    rest.fit()
    assert outcome(rest) == undisturbed


def test_more_epochs_go_on_as_if_never_stopped(half_tuned, undisturbed):
    rest = tuner_in(half_tuned)
    rest.fit()
    assert outcome(rest) == undisturbed


def test_an_interrupt_saves_and_the_same_cell_goes_on(folder, undisturbed):
    tuner = tuner_in(folder)
    with pytest.raises(KeyboardInterrupt, match="Training stopped at step 5"):
        tuner.fit(before_step=interrupt_at(4))
    tuner.fit()
    assert outcome(tuner) == undisturbed


def test_what_it_goes_on_from_is_read_once_and_told_once(half_tuned, undisturbed, capsys):
    tuner = tuner_in(half_tuned)
    (tuner.checkpoints.paths()[-1] / "arrays.npz").write_bytes(b"")
    capsys.readouterr()
    tuner.fit()
    said = capsys.readouterr().out
    assert said.count("step-00000006 is damaged") == said.count("Continuing from") == 1
    assert outcome(tuner) == undisturbed


def test_weights_before_that_could_not_be_saved_are_saved_when_it_is_run_again(folder):
    tuner = tuner_in(folder)
    tuner.checkpoints.folder.write_text("a file where the folder should be")
    with pytest.raises(OSError, match="step-00000000 could not be written"):
        tuner.resume()
    tuner.checkpoints.folder.unlink()
    tuner.resume()
    assert [path.name for path in tuner.checkpoints.paths()] == ["step-00000000"] and len(tuner.history) == 1


def test_the_score_of_captions_rises_and_the_best_weights_come_back(folder):
    tuner = tuner_in(folder, epochs=30)
    history = tuner.fit()
    losses = [row["val_loss"] for row in history]
    assert min(losses) < losses[0]
    best = tuner.restore_best()
    assert best["val_loss"] == min(losses) == tuner.val_loss()
    assert history[-1]["train_loss"] < history[1]["train_loss"]


def rows_of(tuner, images):
    """Which of the training photos these are."""
    return [int(np.flatnonzero((tuner.train_img_embeds == image).all(axis=1))[0]) for image in images]


def test_the_photos_of_a_batch_are_distinct_and_each_comes_five_times_in_a_row(folder):
    tuner = tuner_in(folder)
    for step in range(5):
        photos = np.reshape(rows_of(tuner, tuner.batch_of(step).images), [-1, SAMPLES])
        assert len(set(photos[:, 0])) == len(photos) == 16 and (photos == photos[:, :1]).all()


def test_a_caption_earns_its_reward_with_its_own_photo_and_more_with_its_end(folder):
    tuner, (_, references) = tuner_in(folder), data_and_words(0)
    reward, of_photos = CaptionReward(references), []

    def sample(images, seed):
        """The photo's first caption again and again, every second time without its end."""
        of_photos[:] = rows_of(tuner, images)
        return [Caption(tuple(references[row][0]), (), 0.5 if i % SAMPLES % 2 == 0 else None)
                for i, row in enumerate(of_photos)]

    tuner.writer.sample = sample
    _, sentences, rewards, _ = tuner.batch_of(0)
    words = list(VOCAB)
    captions = [[words[i] for i in sentence[1:] if words[i] != PAD] for sentence in sentences]
    np.testing.assert_allclose(rewards.ravel(), reward(of_photos, captions), rtol=1e-6)
    assert (rewards[:, [0, 2, 4]].min(axis=1) > rewards[:, [1, 3]].max(axis=1)).all()


def test_the_validation_loss_is_the_negative_reward_of_captions_sampled_alike_each_time(folder, monkeypatch):
    tuner, (val, references) = tuner_in(folder), data_and_words(1)
    rows = np.repeat(np.arange(len(references)), SAMPLES)
    captions = [caption.tokens for caption in tuner.writer.sample(val.img_embeds[rows], seed=tuner.settings.seed)]
    expected = CaptionReward(references)(rows, captions).mean()
    assert tuner.val_loss() == tuner.val_loss() == pytest.approx(-expected) and expected > 0.1
    monkeypatch.setattr(fine_tuning, "VAL_PHOTOS", 3)
    asked = []
    tuner.val_reward = lambda rows, captions: asked.extend(rows) or np.zeros(len(captions))
    assert tuner.val_loss() == 0 and sorted(set(asked)) == list(range(0, len(references), -(-len(references) // 3)))


def test_a_batch_is_no_larger_than_the_photos_there_are(folder):
    tuner = tuner_in(folder)
    tuner.settings = dataclasses.replace(tuner.settings, batch_size=50)
    images, _, rewards, people = tuner.batch_of(0)
    assert len(set(rows_of(tuner, images))) == len(rewards) == len(people) == 40


def test_weights_that_were_never_better_than_those_before_are_given_up(folder):
    tuner = tuner_in(folder)
    before = [np.array(variable) for variable in tuner.state.model.variables]
    falling = iter([-0.9, -0.5, -0.4, -0.3, -0.2])
    tuner.loop.stage.evaluate = lambda: next(falling)
    tuner.fit()
    assert tuner.restore_best()["step"] == 0
    for one, other in zip(before, tuner.state.model.variables):
        np.testing.assert_array_equal(one, other)


def test_each_word_counts_with_the_probability_that_it_was_sampled_with(folder):
    tuner = tuner_in(folder)
    images = tuner.train_img_embeds[:30]
    sampled = tuner.writer.sample(images, seed=3)
    assert not all(caption.ended for caption in sampled) and len({len(caption.words) for caption in sampled}) > 2
    surprise = tuner.surprise(images, tuner.matrix([caption.tokens for caption in sampled])).numpy()
    for row, caption in zip(surprise, sampled):
        count = len(caption.tokens)
        np.testing.assert_allclose(row[:count], -np.log(caption.token_probabilities), rtol=1e-3, atol=1e-5)
        assert not row[count:].any()


def test_a_step_follows_the_gradient_of_the_paper(folder):
    """Equation 7 with the mean of the other samples as the baseline, one caption after the other, without people's."""
    tuner = tuner_in(folder, cross_entropy_weight=0)
    tuner.settings = dataclasses.replace(tuner.settings, batch_size=4)
    images, sentences, rewards, _ = batch = tuner.batch_of(0)
    assert all(map(np.array_equal, tuner.batch_of(0), batch))
    assert not np.array_equal(tuner.batch_of(1).images, images)
    applied = []
    tuner.state.optimizer.apply = lambda gradients, variables: applied.extend(np.array(tf.convert_to_tensor(gradient))
                                                                        for gradient in gradients)
    value = tuner.loop.gradient_step(*batch)
    assert float(value) == pytest.approx(-rewards.mean()) and rewards.std() > 0.1
    expected = [0.0] * len(applied)
    for i, reward in enumerate(rewards.ravel()):
        photo, sample = divmod(i, SAMPLES)
        advantage = reward - np.delete(rewards[photo], sample).mean()
        with tf.GradientTape() as tape:
            log_probability = -tf.reduce_sum(tuner.surprise(images[i:i + 1], sentences[i:i + 1]))
        gradients = tape.gradient(log_probability, tuner.state.model.trainable_variables)
        expected = [total - advantage * np.array(tf.convert_to_tensor(gradient)) / len(images)
                    for total, gradient in zip(expected, gradients)]
    for one, other in zip(applied, expected, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def gradients_applied(tuner, batch):
    """The gradients of one step, which changes no weights."""
    applied = []
    tuner.state.optimizer.apply = lambda gradients, variables: applied.extend(
        np.array(tf.convert_to_tensor(gradient)) for gradient in gradients)
    tuner.loop.gradient_step(*batch)
    return applied


def test_a_step_also_follows_the_cross_entropy_of_peoples_captions_by_its_weight(folder):
    plain, mixed = (tuner_in(folder, cross_entropy_weight=weight) for weight in (0, 2))
    images, _, _, people = batch = mixed.batch_of(0)
    model, vocab = mixed.writer.models, mixed.writer.vocab
    losses = []
    with tf.GradientTape() as tape:
        for image, sentence in zip(images[::SAMPLES], people):
            state = model["initial_state"](image[None])
            for word, target in zip(sentence, sentence[1:]):
                logits, *state = model["one_step"]([tf.constant([word]), *state])
                banned = tf.one_hot([vocab[token] for token in (PAD, UNK, START)], len(vocab), -np.inf, 0.0)
                if target != vocab[PAD]:
                    losses.append(-tf.nn.log_softmax(logits[0] + tf.reduce_sum(banned, axis=0))[target])
        loss = 2 * tf.reduce_mean(losses)
    expected = tape.gradient(loss, mixed.state.model.trainable_variables)
    for with_it, without, other in zip(gradients_applied(mixed, batch), gradients_applied(plain, batch), expected):
        np.testing.assert_allclose(with_it - without, tf.convert_to_tensor(other), atol=1e-5)


def test_peoples_captions_are_those_of_the_batchs_photos_with_their_end_and_no_longer_than_in_training(folder):
    tuner, (_, words) = tuner_in(folder), data_and_words(0)
    seen = set()
    for step in range(5):
        images, _, _, people = tuner.batch_of(step)
        for row, sentence in zip(rows_of(tuner, images[::SAMPLES]), people):
            read = [list(VOCAB)[i] for i in sentence if i != VOCAB[PAD]]
            assert read in [[START, *caption, END] for caption in words[row]]
            seen.add((row, read == [START, *words[row][0], END]))
    assert {first for _, first in seen} == {True, False}
    tuner.settings = dataclasses.replace(tuner.settings, max_len=4)
    cut = tuner.batch_of(0).people
    assert len(cut) == 16 and (cut[:, 3] != VOCAB[PAD]).any() and (cut[:, 4:] == VOCAB[PAD]).all()


def test_an_unknown_word_of_people_is_read_and_never_learnt(folder):
    tuner = tuner_in(folder)
    images = tuner.train_img_embeds[:2]
    whole = tuner.matrix([["a", "zebra", "b", END], ["a", END]])
    assert whole[0, 2] == VOCAB[UNK]
    surprise = tuner.surprise(images, whole).numpy()
    assert surprise[0, 1] == 0 < min(surprise[0, [0, 2, 3]]) and not surprise[1, 2:].any()
    assert float(tuner.mean_of_words(surprise, whole)) == pytest.approx(surprise.sum() / 5, rel=1e-6)


def began_with(folder):
    return read_checkpoint(max(folder.glob("step-*"))).about["began_with"]


def test_a_cell_run_again_begins_with_the_trained_weights_not_the_tuned_ones(tuned, undisturbed, capsys):
    again = tuner_in(tuned)
    again.fit()
    assert outcome(again) == undisturbed and "began with" not in capsys.readouterr().out
    assert [path.name for path in (tuned / "drawn").iterdir() if path.is_dir() and "tuned" in path.name] == [
        "fine-tuned"]


def test_tuning_of_other_weights_is_set_aside_and_comes_back_with_them(tuned, trained_once, undisturbed, capsys):
    place = tuned / "drawn" / "fine-tuned"
    first, files = began_with(place), {path.name for path in place.iterdir()}

    other = tuner_in(tuned, trained_epochs=3)          # the trainer goes on, so its best weights are others
    capsys.readouterr()
    other.fit()
    said = capsys.readouterr().out
    assert said.count("began with other weights") == 1 and f"fine-tuned-{first}" in said and "Continuing" not in said
    assert {path.name for path in place.with_name(f"fine-tuned-{first}").iterdir()} == files
    second = began_with(place)
    assert second != first and other.history[0]["train_loss"] is None

    for step in (tuned / "drawn").glob("step-*"):      # the trainer is where it was before
        shutil.rmtree(step)
    shutil.copytree(trained_once / "drawn" / "step-00000020", tuned / "drawn" / "step-00000020")
    back = tuner_in(tuned)
    capsys.readouterr()
    back.fit()
    assert outcome(back) == undisturbed and began_with(place) == first
    assert "Continuing from" in capsys.readouterr().out and not place.with_name(f"fine-tuned-{first}").exists()
    assert began_with(place.with_name(f"fine-tuned-{second}")) == second


@pytest.mark.parametrize("digest", [None, "../../elsewhere"])
def test_a_folder_that_does_not_say_what_it_began_with_is_refused(half_tuned, digest):
    checkpoints = CheckpointFolder(half_tuned / "drawn" / "fine-tuned")
    saved = checkpoints.newest()
    saved.about["began_with"] = digest
    checkpoints.save(6, saved.arrays, saved.about)
    with pytest.raises(ValueError, match=f"digest of the weights before: {digest} there, [0-9a-f]{{12}} here"):
        tuner_in(half_tuned).fit()
    assert checkpoints.newest()


@pytest.mark.parametrize("change, message", [
    ({"self_critical_rate": 0.5}, "learning_rate: 0.01 there, 0.5 here"),
    ({"cross_entropy_weight": 0.5}, "weight of the cross-entropy: 0.3 there, 0.5 here")])
def test_checkpoints_of_other_settings_are_refused(half_tuned, change, message):
    with pytest.raises(ValueError, match=message):
        tuner_in(half_tuned, **change).fit()


def test_rewards_that_are_no_numbers_stop_the_run_with_the_last_good_checkpoint(folder):
    tuner = tuner_in(folder)

    def spoil(step, batch):
        batch.rewards[:] *= np.nan if step == 4 else 1

    with pytest.raises(TrainingStopped, match="loss at step 5 is not a number"):
        tuner.fit(before_step=spoil)
    assert tuner.step == 3 and all(np.isfinite(variable).all() for variable in tuner.state.model.variables)
