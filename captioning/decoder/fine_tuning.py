"""The second stage of training, on the score itself: self-critical training, https://arxiv.org/abs/1612.00563."""

import dataclasses
import math
import re
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

import keras
import numpy as np
import tensorflow as tf

from captioning.datasets.tokens import END, NEVER_WRITTEN, PAD, START, UNK
from captioning.decoder.batches import SAMPLING
from captioning.decoder.checkpointer import Checkpointer
from captioning.decoder.checkpoints import CheckpointFolder
from captioning.decoder.compatibility import describe_run
from captioning.decoder.fast_loss import cross_entropy, with_fast_logits
from captioning.decoder.loop import Loop, Stage
from captioning.decoder.train_state import TrainState
from captioning.frameworks import training_precision
from captioning.settings import Settings
from captioning.storage import files

FOLDER = "fine-tuned"               # in the folder of the trainer's checkpoints
STEPS_PER_EPOCH = 50
SAMPLES = 5                         # captions sampled for each photo of a batch
VAL_PHOTOS = 1_000                  # at most; each epoch ends with captions for them


class Writer(Protocol):
    """What fine-tuning needs of a caption writer. A caption has `words` and `tokens`."""

    models: dict[str, keras.Model]      # `initial_state` and `one_step`, as CaptionWriter describes them
    vocab: dict[str, int]
    recipe: dict | None                 # of the embeddings that the decoder was trained with

    def sample(self, embeddings, *, seed: int) -> list:
        """A caption for each photo, of words sampled with the decoder's probabilities."""


class ScoredBatch(NamedTuple):
    """Sampled captions and their rewards, K captions for each of B photos, and a caption of each photo by people."""

    images: np.ndarray          # (B·K, D) float32, each photo K times in a row
    sentences: np.ndarray       # (B·K, T) int32
    rewards: np.ndarray         # (B, K) float32
    people: np.ndarray          # (B, T) int32

    share = 1                   # no field: in the mean of an epoch's losses, all batches count alike


class SelfCritical:
    """Continues from a trained decoder and raises the score of the captions that it writes.

    The loss is the negative mean reward of sampled captions. Its gradient is that of equation 7 of the paper: the log
    probability of a sampled caption counts by how much its reward is above a baseline. The baseline is the mean of the
    photo's other samples (https://arxiv.org/abs/2003.09971), not the greedy caption. `#END#` counts as a word;
    otherwise captions learn to break off after "with a". There is no dropout, as there is none when captions are
    written.

    To that, the loss adds the cross-entropy of people's captions, as in https://arxiv.org/abs/1705.04304, section 3.3.
    Otherwise the decoder gives up the words that score little.

    In the history, train_loss is the negative mean reward, and val_loss is that of captions sampled for
    validation photos with the averaged weights. The first row, without a train_loss, is about the weights before.

    Checkpoints go into the folder `fine-tuned` in the course's. They note with which weights it began.

    Args:
        writer: writes captions with the trained decoder, whose weights change.
        train_img_embeds: (N, D), embeddings of the training photos.
        val_img_embeds: (M, D), embeddings of the validation photos.
        settings: of the course's run.
        captions: of each training photo, each a list of words.
        reward: function (rows, captions) -> (N,) scores. A row is that of a training photo, a caption its words and
            `#END#` if it ended by itself.
        val_reward: the same for validation photos.
        steps_per_epoch: batches from one evaluation to the next.

    Raises:
        ValueError: the decoder's logits depend on more than the LSTM's output h.
    """

    writer: Writer
    train_img_embeds: np.ndarray
    val_img_embeds: np.ndarray
    captions: Sequence                  # people's, of each training photo
    settings: Settings                  # the course's, with the steps and the learning rate of this stage
    reward: Callable
    val_reward: Callable
    state: TrainState
    checkpointer: Checkpointer
    loop: Loop

    def __init__(self, writer: Writer, train_img_embeds, val_img_embeds, settings: Settings, captions, reward,
                 val_reward, steps_per_epoch: int = STEPS_PER_EPOCH):
        self.writer, self.captions, self.reward, self.val_reward = writer, captions, reward, val_reward
        self.train_img_embeds, self.val_img_embeds = train_img_embeds, val_img_embeds
        self.settings = stage_settings(settings, steps_per_epoch)
        self._initial_state, one_step = writer.models["initial_state"], writer.models["one_step"]
        self._new_state, logits = _in_two_parts(one_step)
        self._logits = with_fast_logits(logits, bfloat16=training_precision(settings.precision) == "bfloat16")
        self.state = TrainState(
            keras.Model([self._initial_state.inputs, one_step.inputs], [self._initial_state.outputs, one_step.outputs]),
            self.settings.learning_rate)
        run = describe_run(self.state, writer, writer.vocab, self.settings, writer.recipe or {}, writer.models,
                           captions={})
        run |= {"began_with": self.state.digest(), "cross_entropy": settings.cross_entropy_weight}
        self.checkpointer = Checkpointer(self.state, run, CheckpointFolder(settings.checkpoint_dir / FOLDER), "tuner")
        self._banned = np.isin(np.arange(len(writer.vocab)), [writer.vocab[word] for word in NEVER_WRITTEN])
        images, sentences = self._initial_state.inputs[0].shape, tf.TensorSpec([None, None], tf.int32)
        stage = Stage(
            "Self-critical", batch_of=self.batch_of, objective=self.objective,
            signature=[tf.TensorSpec(images), sentences, tf.TensorSpec([None, SAMPLES]), sentences],
            evaluate=self.val_loss, check=lambda: None, evaluate_first=True)
        self.loop = Loop(stage, self.settings, self.checkpointer)

    @property
    def step(self) -> int:
        """Steps that are complete."""
        return self.state.step

    @property
    def history(self) -> list[dict]:
        """A row for each epoch, and one for the weights before: step, epoch, train_loss, val_loss."""
        return self.state.history

    @property
    def checkpoints(self) -> CheckpointFolder:
        """The checkpoints of fine-tuning."""
        return self.checkpointer.checkpoints

    def fit(self, sample_caption=None, show=None, before_step=None) -> list[dict]:
        """Trains up to the last step, as `Loop.fit` says; returns the history.

        If the folder `fine-tuned` began with other weights, it is renamed first, and fine-tuning starts again.
        """
        set_others_aside(self.checkpoints, self.checkpointer.run["began_with"])
        return self.loop.fit(sample_caption, show, before_step)

    def resume(self):
        """Takes over the newest whole checkpoint, if there is one. Raises ValueError when it does not fit."""
        self.loop.resume()

    def set_aside(self):
        """Renames the folder of checkpoints, so that training can start again. Nothing is deleted.

        Raises:
            OSError: another process trains into the folder, or it can't be renamed.
        """
        self.checkpointer.set_aside()

    def restore_best(self) -> dict:
        """Gives the decoder the averaged weights with the best score; returns their row of the history.

        Raises:
            ValueError: `fit` was not called, or no checkpoint is left.
        """
        return self.loop.restore_best()

    def val_loss(self) -> float:
        """Negative mean reward of sampled captions of validation photos; the same random numbers each time."""
        photos = len(self.val_img_embeds)
        rows = np.repeat(np.arange(0, photos, math.ceil(photos / VAL_PHOTOS)), SAMPLES)
        captions = self.writer.sample(self.val_img_embeds[rows], seed=self.settings.seed)
        return -float(np.mean(self.val_reward(rows, [caption.tokens for caption in captions])))

    def batch_of(self, step: int) -> ScoredBatch:
        """Samples captions for the photos of a step, and scores them."""
        rng = np.random.default_rng([self.settings.seed, SAMPLING, step])
        photos = len(self.train_img_embeds)
        rows = np.repeat(rng.choice(photos, min(self.settings.batch_size, photos), replace=False), SAMPLES)
        images = np.asarray(self.train_img_embeds[rows], np.float32)
        captions = [caption.tokens for caption in self.writer.sample(images, seed=int(rng.integers(2**31)))]
        rewards = self.reward(rows, captions).reshape(-1, SAMPLES)
        people = [self._caption_by_people(row, rng) for row in rows[::SAMPLES]]
        sentences = self.matrix([*captions, *people])
        return ScoredBatch(images, sentences[:len(rows)], rewards.astype(np.float32), sentences[len(rows):])

    def _caption_by_people(self, row: int, rng) -> list[str]:
        """One of a photo's captions as the decoder could write it: its words and #END#, no longer than in training."""
        of_photo = self.captions[row]
        return [*of_photo[rng.integers(len(of_photo))], END][:self.settings.max_len - 1]

    def matrix(self, captions) -> np.ndarray:
        """Captions as the decoder reads them, (N, T) int32: #START#, the words, padding."""
        vocab = self.writer.vocab
        numbers = [[vocab.get(word, vocab[UNK]) for word in (START, *caption)] for caption in captions]
        return keras.utils.pad_sequences(numbers, padding="post", value=vocab[PAD])

    def objective(self, images, sentences, rewards, people):
        """A scalar whose gradient is that of the loss, and what is reported, the negative mean reward."""
        others = (tf.reduce_sum(rewards, axis=1, keepdims=True) - rewards) / (SAMPLES - 1)
        advantages = tf.reshape(rewards - others, [-1, 1])                              # (B·K, 1)
        both = self.settings.cross_entropy_weight > 0
        surprise = self.surprise(tf.concat([images, images[::SAMPLES]], 0) if both else images,
                                 tf.concat([sentences, people], 0) if both else sentences)      # (B·K, or + B, T-1)
        samples = tf.shape(images)[0]
        surrogate = tf.reduce_sum(advantages * surprise[:samples]) / tf.cast(samples, tf.float32)
        if both:
            surrogate += self.settings.cross_entropy_weight * self.mean_of_words(surprise[samples:], people)
        loss = tf.where(tf.math.is_finite(surrogate), -tf.reduce_mean(rewards), surrogate)  # NaN must show in the loss
        return surrogate, loss

    def mean_of_words(self, surprise, sentences):
        """The mean of `surprise` over the words that may be written: the cross-entropy of captions, nats per word."""
        words = tf.math.count_nonzero(~tf.gather(self._banned, sentences[:, 1:]), dtype=tf.float32)
        return tf.reduce_sum(surprise) / tf.maximum(words, 1)

    def surprise(self, images, sentences):
        """-log p of each word of captions, over the words that may be written: (N, T-1); 0 at other words.

        The longest captions come first, so that each step reads only those that have a word left. No padding is read.
        """
        sentences = tf.convert_to_tensor(sentences)
        lengths = tf.math.count_nonzero(sentences[:, 1:] != self.writer.vocab[PAD], axis=1, dtype=tf.int32)
        order = tf.argsort(lengths, direction="DESCENDING", stable=True)
        longest_first = tf.gather(sentences, order)
        has_word = tf.range(tf.shape(sentences)[1] - 1)[:, None] < tf.gather(lengths, order)        # (T-1, N)
        captions = tf.math.count_nonzero(has_word, axis=1, dtype=tf.int32)                          # of each step

        def read(step, h, c, outputs):
            n = captions[step]
            h, c = self._new_state([longest_first[:n, step], h[:n], c[:n]], training=False)
            return step + 1, h, c, outputs.write(step, h)

        h, c = self._initial_state(tf.gather(images, order), training=False)
        any_rows = tf.TensorShape([None, *h.shape[1:]])
        steps = tf.reduce_max(lengths)
        outputs = tf.TensorArray(h.dtype, steps, infer_shape=False, element_shape=any_rows)
        *_, outputs = tf.while_loop(lambda step, *_: step < steps, read, (0, h, c, outputs),
                                    shape_invariants=(tf.TensorShape([]), any_rows, any_rows, tf.TensorShape(None)))
        steps_and_rows = tf.where(has_word)                                                         # step by step
        truth = tf.gather_nd(longest_first[:, 1:], steps_and_rows[:, ::-1])
        written = tf.where(~tf.gather(self._banned, truth))[:, 0]
        logits = self._logits(tf.gather(outputs.concat(), written), training=False)
        logits += tf.cast(tf.where(self._banned, -np.inf, 0.0), logits.dtype)
        each = cross_entropy(tf.gather(truth, written), logits)
        step, row = tf.unstack(tf.gather(steps_and_rows, written), axis=1)
        places = tf.stack([tf.gather(tf.cast(order, tf.int64), row), step], axis=1)
        return tf.scatter_nd(places, each, tf.shape(sentences[:, 1:], tf.int64))


def _in_two_parts(one_step: keras.Model) -> tuple[keras.Model, keras.Model]:
    """Divides a decoder's step: [word, h, c] -> [h, c], and h -> logits. All steps' logits are then one product."""
    logits, new_h, new_c = one_step.outputs
    try:
        return keras.Model(one_step.inputs, [new_h, new_c]), keras.Model(new_h, logits)
    except ValueError:
        raise ValueError("Fine-tuning needs a decoder whose logits depend on the LSTM's output h alone, and this one's "
                         "depend on more. Leave fine-tuning out: CAPTION_SELF_CRITICAL_EPOCHS=0.") from None


def stage_settings(settings: Settings, steps_per_epoch: int = STEPS_PER_EPOCH) -> Settings:
    """The course's settings with the steps and the learning rate of this stage."""
    return dataclasses.replace(settings, epochs=settings.self_critical_epochs, batches_per_epoch=steps_per_epoch,
                               learning_rate=settings.self_critical_rate)


def set_others_aside(checkpoints: CheckpointFolder, began_with: str):
    """Makes room for a fine-tuning that begins with these weights. Nothing is deleted.

    A folder that began with other weights is renamed to `fine-tuned-<their digest>`. If there is one that was set aside
    earlier and began with the weights of now, it gets the name back.

    Args:
        checkpoints: of fine-tuning; its folder need not exist.
        began_with: digest of the weights to begin with.

    Raises:
        OSError: another process trains into the folder, or it can't be renamed.
    """
    folder = checkpoints.folder
    if folder.is_dir():
        with checkpoints.alone():
            there = _digest_in(checkpoints)
        if there not in (None, began_with):
            aside = folder.with_name(f"{folder.name}-{there}")
            files.rename(folder, aside)
            print(f"{folder} began with other weights than today's best. It is now called {aside.name}, "
                  "and fine-tuning starts again.")
    earlier = folder.with_name(f"{folder.name}-{began_with}")
    if earlier.is_dir() and not folder.exists():
        files.rename(earlier, folder)
        print(f"{earlier} began with today's best weights. It is called {folder.name} again.")


def _digest_in(checkpoints: CheckpointFolder) -> str | None:
    """Digest of the weights that fine-tuning began with, from the newest readable checkpoint; None if it has none."""
    digest = next(checkpoints.descriptions(), {}).get("began_with")
    return digest if re.fullmatch("[0-9a-f]{12}", str(digest)) else None
