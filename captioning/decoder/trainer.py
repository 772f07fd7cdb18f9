"""The first stage of training: the decoder learns to guess the next word of people's captions."""

from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from captioning.datasets.tokens import PAD
from captioning.decoder.batches import Batches, Data
from captioning.decoder.checkpointer import Checkpointer
from captioning.decoder.checkpoints import CheckpointFolder, best_row
from captioning.decoder.compatibility import describe_run
from captioning.decoder.errors import TrainingStopped
from captioning.decoder.fast_loss import TrainingLoss, training_loss
from captioning.decoder.first_bias import begin_with_frequencies
from captioning.decoder.loop import Loop, Stage
from captioning.decoder.photo_check import require_photo_matters
from captioning.decoder.train_state import TrainState
from captioning.frameworks import training_precision
from captioning.settings import Settings

__all__ = ["Data", "Trainer", "TrainingStopped", "best_row"]


class Trainer:
    """Trains a decoder step by step. If it is stopped, it continues exactly where it was.

    It writes a checkpoint after each epoch, and inside one every few minutes.

    Args:
        decoder: has the symbolic tensors `img_embeds`, `sentences` (inputs) and `loss`, the mean over a batch's words.
        generate_batch: function (img_embeds, captions_indexed, batch_size, max_len, rng) that returns a batch as a dict
            of arrays by input.
        train: the training photos and captions.
        val: the validation photos and captions.
        vocab: word -> index; checkpoints keep it, so that weights and words stay together.
        settings: of the run.
        recipe: of the embeddings; a checkpoint that was made from other embeddings is refused.
        models: those of the decoder's layers that write captions, by name; a checkpoint then needs no code to write
            them.
    """

    train: Data
    val: Data
    vocab: dict[str, int]
    settings: Settings
    loss_model: keras.Model             # [images (B, D), sentences (B, T)] -> the loss as the decoder has it
    loss_of: Callable                   # the same without dropout, compiled
    loss: TrainingLoss                  # the same in training, computed faster
    batches: Batches
    state: TrainState
    checkpointer: Checkpointer
    loop: Loop

    def __init__(self, decoder, generate_batch, train: Data, val: Data, vocab: dict, settings: Settings, recipe: dict,
                 models: dict | None = None):
        self.train, self.val, self.vocab, self.settings = train, val, vocab, settings
        self.loss_model = keras.Model([decoder.img_embeds, decoder.sentences], decoder.loss)
        self.batches = Batches(generate_batch, train, val, vocab[PAD], settings)
        first = self.batches.as_made(0)
        self.loss = training_loss(decoder, first.images, first.sentences,
                                  bfloat16=training_precision(settings.precision) == "bfloat16",
                                  smoothing=settings.label_smoothing or 0.0)
        begin_with_frequencies(self.loss_model, train, len(vocab))
        self.state = TrainState(self.loss_model, settings.learning_rate)
        run = describe_run(self.state, decoder, vocab, settings, recipe, models or {},
                           {"training": train.digest(), "validation": val.digest()})
        self.checkpointer = Checkpointer(self.state, run, CheckpointFolder(settings.checkpoint_dir), "trainer")
        batch = [tf.TensorSpec(decoder.img_embeds.shape, tf.float32), tf.TensorSpec([None, None], tf.int32)]
        self.loss_of = tf.function(
            lambda images, sentences: self.loss_model([images, sentences], training=False), input_signature=batch,
            autograph=False)
        stage = Stage(
            "Training", batch_of=self.batches.of_step, objective=self.objective,
            signature=[*batch, tf.TensorSpec([], tf.float32)], evaluate=self.val_loss, check=self.check_photo)
        self.loop = Loop(stage, settings, self.checkpointer)

    @property
    def step(self) -> int:
        """Steps that are complete."""
        return self.state.step

    @property
    def history(self) -> list[dict]:
        """A row for each epoch: step, epoch, train_loss, val_loss (nats per word), caption."""
        return self.state.history

    @property
    def checkpoints(self) -> CheckpointFolder:
        """The run's checkpoints."""
        return self.checkpointer.checkpoints

    def fit(self, sample_caption=None, show=None, before_step=None) -> list[dict]:
        """Trains up to settings.steps, as `Loop.fit` says; returns the history."""
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
        """Gives the decoder the averaged weights with the lowest validation loss; returns their row of the history.

        Raises:
            ValueError: no epoch is complete, or no checkpoint is left.
        """
        return self.loop.restore_best()

    def check_photo(self):
        """Raises TrainingStopped when the loss does not depend on the photo."""
        require_photo_matters(self.loss_of, self.train, self.settings.max_len)

    def objective(self, images, sentences, share):
        """What a training step lowers, and the loss to report: both the mean over words, the first by its share."""
        loss = self.loss(images, sentences)
        return loss * share, loss

    def val_loss(self) -> float:
        """Mean loss of settings.val_batches batches of validation captions, nats per word; the same ones each time."""
        return float(np.mean([self.loss_of(batch.images, batch.sentences) for batch in self.batches.of_validation()]))
