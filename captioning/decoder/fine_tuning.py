"""Fine-tuning on the score itself: self-critical training, Rennie et al. 2017, https://arxiv.org/abs/1612.00563."""

import dataclasses
import hashlib

import keras
import numpy as np
import tensorflow as tf

from captioning.datasets.tokens import END, NEVER_WRITTEN, PAD, START
from captioning.decoder.checkpoints import CheckpointFolder
from captioning.decoder.fast_loss import cross_entropy
from captioning.decoder.trainer import Trainer
from captioning.decoding.writer import Caption, CaptionWriter
from captioning.scoring.cider import CiderD
from captioning.settings import Settings

STEPS_PER_EPOCH = 50
SAMPLES = 5                         # captions drawn for each photo of a batch
SAMPLING = 3                        # a stream of random numbers, beside the trainer's


class SelfCritical(Trainer):
    """A second trainer, which goes on from the first one's best weights and raises the CIDEr-D of what is written.

    The loss is the negative mean CIDEr-D of drawn captions. Its gradient is that of equation 7 of the paper: the log
    probability of a drawn caption counts by how much its score is above a baseline, which here is the mean of the
    photo's other draws (https://arxiv.org/abs/2003.09971) rather than the greedy caption. `#END#` counts as a word,
    else captions learn to break off after "with a". Dropout rests, so that what is improved is what draws.

    In the history train_loss is that loss, and val_loss is the negative CIDEr of the greedy captions of the validation
    photos, by the averaged weights. The first row, which has no train_loss, is that of the weights before.

    trainer: has completed an epoch or more. decoder: as for the trainer; its `flat_hidden_states`, `flat_ground_truth`,
    `flat_loss_mask` and `flat_token_logits` are used. writer: writes captions with the same layers.
    train_words, val_words: for each photo its captions as lists of words.
    Checkpoints go into a folder of the trainer's that is named after the weights to begin with. Everything else,
    stopping and going on too, is as with the trainer.
    """

    label = "Self-critical"

    def __init__(self, trainer: Trainer, decoder, writer: CaptionWriter, train_words, val_words):
        trainer.restore_best()
        super().__init__(decoder, trainer.generate_batch, trainer.train, trainer.val, trainer.vocab,
                         stage_settings(trainer.settings), trainer.recipe, writer.models)
        self.writer = writer
        self.checkpoints = CheckpointFolder(trainer.checkpoints.folder / f"self-critical-{self._digest()}")
        self._train_reward = CiderD([[(*words, END) for words in captions] for captions in train_words])
        self._val_cider = CiderD(val_words)
        self._states = keras.Model([decoder.img_embeds, decoder.sentences], [
            decoder.flat_hidden_states, decoder.flat_ground_truth, decoder.flat_loss_mask])
        self._logits = keras.Model(decoder.flat_hidden_states, decoder.flat_token_logits)
        banned = np.isin(np.arange(len(self.vocab)), [self.vocab[word] for word in NEVER_WRITTEN])
        self._banned = tf.constant(np.where(banned, -np.inf, 0).astype(np.float32))
        self._train_step = tf.function(self._policy_step, input_signature=[
            tf.TensorSpec(decoder.img_embeds.shape, tf.float32), tf.TensorSpec([None, None], tf.int32),
            tf.TensorSpec([None, SAMPLES], tf.float32)])

    def resume(self):
        """As the trainer's. At the very beginning, the weights as they are become the first row of the history."""
        super().resume()
        if self._saved_step is None:
            self.history = [{"step": 0, "epoch": 0, "train_loss": None, "val_loss": self.val_loss()}]
            self._save()

    def val_loss(self) -> float:
        """Negative CIDEr of the greedy captions of all validation photos, -10..0."""
        captions = self.writer.greedy(self.val.img_embeds)
        return -float(np.mean(self._val_cider(range(len(captions)), [caption.words for caption in captions])))

    def _training_batch(self, step: int):
        """Photos (B·K, 2048), each K times in a row, captions drawn for them (B·K, T), and their rewards (B, K); 1."""
        rng = np.random.default_rng([self.settings.seed, SAMPLING, step])
        photos = len(self.train.img_embeds)
        rows = np.repeat(rng.choice(photos, min(self.settings.batch_size, photos), replace=False), SAMPLES)
        images = np.asarray(self.train.img_embeds[rows], np.float32)
        captions = [tokens(caption) for caption in self.writer.sample(images, seed=int(rng.integers(2**31)))]
        rewards = self._train_reward(rows, captions).reshape(-1, SAMPLES)
        return (images, self._matrix(captions), rewards.astype(np.float32)), 1

    def _matrix(self, captions) -> np.ndarray:
        """Captions as the decoder reads them, (N, T) int32: #START#, the words, padding."""
        matrix = np.full((len(captions), 1 + max(map(len, captions))), self.vocab[PAD], np.int32)
        matrix[:, 0] = self.vocab[START]
        for row, words in zip(matrix, captions):
            row[1:1 + len(words)] = [self.vocab[word] for word in words]
        return matrix

    def _policy_step(self, images, sentences, rewards):
        others = (tf.reduce_sum(rewards, axis=1, keepdims=True) - rewards) / (SAMPLES - 1)
        advantages = tf.reshape(rewards - others, [-1, 1])                              # (B·K, 1)
        with tf.GradientTape() as tape:
            surprise = self._surprise(images, sentences)                                # (B·K, T-1)
            surrogate = tf.reduce_sum(advantages * surprise) / tf.cast(tf.shape(images)[0], tf.float32)
        variables = self.loss_model.trainable_variables
        self.optimizer.apply(tape.gradient(surrogate, variables), variables)
        return tf.where(tf.math.is_finite(surrogate), -tf.reduce_mean(rewards), surrogate)  # so NaN does not pass

    def _surprise(self, images, sentences):
        """-log p of each word of each sentence as it was drawn, (B, T-1); 0 at padding."""
        states, truth, mask = self._states([images, sentences], training=False)
        words = tf.where(mask > 0)                                                      # (words, 1)
        logits = self._logits(tf.gather_nd(states, words), training=False) + self._banned
        each = cross_entropy(tf.gather_nd(truth, words), logits)
        return tf.reshape(tf.scatter_nd(words, each, tf.shape(mask, tf.int64)), [tf.shape(sentences)[0], -1])

    def _digest(self) -> str:
        """Of the weights, twelve hexadecimal digits."""
        arrays = (np.ascontiguousarray(variable) for variable in self.loss_model.variables)
        return hashlib.sha256(b"".join(array.tobytes() for array in arrays)).hexdigest()[:12]


def stage_settings(settings: Settings) -> Settings:
    """The settings of a trainer for this stage."""
    return dataclasses.replace(settings, epochs=settings.self_critical_epochs, batches_per_epoch=STEPS_PER_EPOCH,
                               learning_rate=settings.self_critical_rate)


def tokens(caption: Caption) -> tuple[str, ...]:
    """The words of a caption and, if it ended by itself, #END#."""
    return (*caption.words, END) if caption.ended else caption.words
