"""The trainer of the decoder: fast on a CPU, and stopped at any moment it goes on exactly where it was."""

import contextlib
import hashlib
import json
import signal
import threading
import time
from dataclasses import dataclass
from itertools import chain, zip_longest

import keras
import numpy as np
import tensorflow as tf
from tqdm.auto import tqdm

from captioning.cpu import has_fast_bfloat16, keep_freed_memory
from captioning.datasets.tokens import PAD
from captioning.decoder import model_text
from captioning.decoder.adam import FusedAdam
from captioning.decoder.batches import by_length
from captioning.decoder.checkpoints import CheckpointFolder, array_name, best_row
from captioning.decoder.fast_loss import training_loss
from captioning.settings import Settings

# Settings that a run can't change on its way; epochs can.
SAME_ON_RESUME = ("batches_per_epoch", "batch_size", "max_len", "val_batches", "dropout", "image_dropout",
                  "learning_rate", "seed")

# The weights that write captions are an average over the last quarter or so of all steps, which is better than the last
# ones, as these go to and fro: polynomial-decay averaging, https://arxiv.org/abs/1212.1824, section 4, with this eta.
# Its window grows with the steps, so it does not depend on how many there will be. A look each few steps will do.
AVERAGING_ETA, AVERAGE_EVERY = 3, 5
DRAWN_TOGETHER = 4      # batches of training, so that those of a batch can be of nearly one length
PREFLIGHT_RATE = 5e-3
TRAINING, VALIDATION, PREFLIGHT, ORDER = 0, 1, 2, 4      # streams of random numbers

LOOK_AT_NAN = (
    "Look at `loss` in the decoder: a division by zero where the mask is empty, a logarithm of zero, a softmax too "
    "many. Else the learning rate may be too high."
)
LOOK_AT_PHOTO = (
    "Look at the decoder: `h0` and `c0` come from `img_embeds`, and the LSTM begins with initial_state=[h0, c0]."
)


BEGIN_ANEW = "Run the notebook again from the decoder's cell on."


class TrainingStopped(ValueError):
    """Training can't go on in a way that makes sense; the message says what to look at."""


@dataclass(frozen=True)
class Data:
    """Embeddings of N photos, (N, 2048), and for each photo its captions as lists of vocabulary indices."""

    img_embeds: np.ndarray
    captions_indexed: list[list[list[int]]]

    def digest(self) -> str:
        """Of the captions and which photos they are of, twelve hexadecimal digits."""
        numbers = chain.from_iterable(
            (len(of_photo), *chain.from_iterable((len(caption), *caption) for caption in of_photo))
            for of_photo in self.captions_indexed)
        return hashlib.sha256(np.fromiter(numbers, np.int32).tobytes()).hexdigest()[:12]


class Trainer:
    """Trains a decoder step by step, and writes checkpoints: after each epoch, and by minutes inside one.

    decoder: has the symbolic tensors `img_embeds`, `sentences` (inputs) and `loss`, the mean over a batch's words.
    generate_batch(img_embeds, captions_indexed, batch_size, max_len, rng): a batch, as a dict of arrays by input.
    vocab: word -> index; kept in the checkpoint, so that weights and words never drift apart.
    recipe: of the embeddings; a checkpoint made from others is refused.
    models: of the decoder's layers, those that write captions, by name; a checkpoint then needs no code to write them.
    """

    label = "Training"

    def __init__(self, decoder, generate_batch, train: Data, val: Data, vocab: dict, settings: Settings, recipe: dict,
                 models: dict | None = None):
        self.generate_batch, self.train, self.val = generate_batch, train, val
        self.vocab, self.settings, self.recipe = vocab, settings, recipe
        self.loss_model = keras.Model([decoder.img_embeds, decoder.sentences], decoder.loss)
        self.loss = training_loss(
            decoder, *self._draw(train, PREFLIGHT, 0),
            bfloat16=settings.precision != "float32" and has_fast_bfloat16())
        self.optimizer = FusedAdam(settings.learning_rate)
        self.optimizer.build(self.loss_model.trainable_variables)
        self.averages = [tf.Variable(variable) for variable in self.loss_model.trainable_variables]
        self._captions = {"training": train.digest(), "validation": val.digest()}
        self._outline = model_text.outline(self.loss_model)
        self._models = model_text.describe(models or {}, {
            "model": self.loss_model.variables, "average": self.loss_model.trainable_variables})
        self.checkpoints = CheckpointFolder(settings.checkpoint_dir)
        self.step, self.history, self.sample_caption = 0, [], None
        self._losses = []                       # [loss, share] of the epoch's steps so far
        self._drawn = None, []                  # number and batches of what was drawn last
        self._saved_step, self._saved_at, self._strayed, self._interrupted = None, time.monotonic(), False, False
        batch = [tf.TensorSpec(decoder.img_embeds.shape, tf.float32), tf.TensorSpec([None, None], tf.int32)]
        number = tf.TensorSpec([], tf.float32)
        self._train_step = tf.function(self._train_step, input_signature=[*batch, number])
        self._average = tf.function(self._average, input_signature=[number])
        self._val_step = tf.function(
            lambda images, sentences: self.loss_model([images, sentences], training=False), input_signature=batch)

    def fit(self, sample_caption=None, show=None):
        """Trains up to settings.steps, from the newest checkpoint if there is one.

        sample_caption(): a caption written with the decoder as it is, kept in the history after each epoch.
        show(history): called at the start and after each epoch, to draw.
        Returns the history: a list of rows with step, epoch, train_loss and val_loss (nats per word), caption.
        Raises TrainingStopped when the loss is no number or the decoder ignores the photo, OSError when another process
        trains into the same folder. Interrupted, it ends the step, saves and raises KeyboardInterrupt; the decoder then
        is as after that step.
        """
        with self.checkpoints.alone():
            return self._fit(sample_caption, show)

    def _fit(self, sample_caption, show):
        self.sample_caption, show = sample_caption, show or (lambda history: None)
        self.resume()
        if self.step:
            self._save()                        # nothing to do, unless the disk was full when it last tried
        show(self.history)
        if self.step < self.settings.steps:
            self._require_photo_matters()
            keep_freed_memory()
        bar = tqdm(total=self.settings.steps, initial=min(self.step, self.settings.steps), unit="step",
                   desc=self.label)
        self._saved_at = time.monotonic()
        with bar, self._interrupts_after_a_step():
            while self.step < self.settings.steps:
                self._take_step()
                bar.update()
                if self.step % 20 == 0:
                    bar.set_postfix(loss=f"{_mean_loss(self._losses[-100:]):.3f}")
                if self.step % self.settings.batches_per_epoch == 0:
                    self._end_epoch()
                    show(self.history)
                elif time.monotonic() - self._saved_at >= 60 * self.settings.checkpoint_minutes:
                    self._save()
                if self._interrupted:
                    self._save()
                    raise KeyboardInterrupt(
                        f"Stopped after step {self.step:,}, which is saved in {self.checkpoints.folder}. "
                        "The decoder can be used as it is; run the cell again to go on.")
        return self.history

    def val_loss(self) -> float:
        """Mean loss of settings.val_batches batches of validation captions, the same ones each time."""
        batches = (self._draw(self.val, VALIDATION, step) for step in range(self.settings.val_batches))
        return float(np.mean([self._val_step(*batch) for batch in batches]))

    def resume(self):
        """Takes over the newest whole checkpoint, if there is one. Raises ValueError when it does not fit."""
        checkpoint = self.checkpoints.newest()
        if self._strayed and checkpoint is None:
            raise ValueError(f"The decoder's weights are not those of step {self.step:,} any more, and "
                             f"{self.checkpoints.folder} has no checkpoint to go on from. {BEGIN_ANEW}")
        if checkpoint and (checkpoint.about["step"] > self.step or self._strayed):
            self._restore(checkpoint)
            print(f"Going on from {checkpoint.path}, after {self.step:,} of {self.settings.steps:,} steps.")

    def restore_best(self) -> dict:
        """Gives the decoder the averaged weights with the lowest validation loss; returns their row of the history.

        Raises ValueError when no epoch is complete, or no checkpoint is left.
        """
        if best_row(self.history) is None:
            raise ValueError("No epoch is complete, so none is the best. Run trainer.fit() again: it goes on.")
        checkpoint = self.checkpoints.best(self.history)
        if checkpoint is None:
            raise ValueError(f"{self.checkpoints.folder} has no whole checkpoint any more, so the best weights are "
                             f"lost. {BEGIN_ANEW}")
        checkpoint.assign_to(self.loss_model.variables, "model")
        checkpoint.assign_to(self.loss_model.trainable_variables, "average")
        self._strayed = True                    # fit() has to take the newest ones again
        step = checkpoint.about["step"]
        for row in self.history:
            if row["step"] == step:
                return row
        epoch = step // self.settings.batches_per_epoch         # one that is not complete
        return {"step": step, "epoch": epoch, "train_loss": None, "val_loss": self.val_loss()}

    def preflight(self, captions: int = 50, steps: int = 60) -> str:
        """Learns a few captions by heart, to find a broken decoder before the long run; undoes all of it.

        Returns what there is to say of it, with the loss before and after. Raises TrainingStopped when it has not
        halved.
        """
        kept = self._arrays()
        rng = np.random.default_rng([self.settings.seed, PREFLIGHT])
        images, sentences = self._arrays_of(self.train, min(captions, len(self.train.img_embeds)), rng)
        self._require_photo_matters()
        self.optimizer.learning_rate.assign(PREFLIGHT_RATE)
        try:
            losses = [float(self._train_step(images, sentences, 1.0)) for _ in range(steps)]
        finally:
            for group, variables in self._variables().items():
                for i, variable in enumerate(variables):
                    variable.assign(kept[array_name(group, i)])
        if not np.isfinite(losses).all():
            raise TrainingStopped(f"The pre-flight's loss is not a number ({losses[-1]}). {LOOK_AT_NAN}")
        if losses[-1] > losses[0] / 2:
            raise TrainingStopped(
                f"{len(images)} captions could not be learnt by heart: in {steps} steps the loss went from "
                f"{losses[0]:.2f} to {losses[-1]:.2f}; it should fall below half. Look at the decoder: `sentences[:, "
                ":-1]` goes in, `sentences[:, 1:]` is the truth, and the last layer has no activation. Very much "
                "dropout does it too.")
        return f"Pre-flight: {len(images)} captions, loss from {losses[0]:.2f} to {losses[-1]:.2f}."

    # ------------------------------------------------------------------------------------------------ steps

    def _take_step(self):
        batch, share = self._training_batch(self.step)
        self._strayed = True                    # until the step is counted
        loss = float(self._train_step(*batch))
        if not np.isfinite(loss):
            images = "" if np.isfinite(batch[0]).all() else (
                "The embeddings of this batch hold values that are no numbers. ")
            self._stop(f"The loss at step {self.step + 1:,} is not a number ({loss}). {images}{LOOK_AT_NAN}")
        self._losses.append([loss, float(share)])
        self.step += 1
        looks, early = divmod(self.step - 1, AVERAGE_EVERY)
        if not early:
            self._average((AVERAGING_ETA + 1) / (looks + 1 + AVERAGING_ETA))
        self._strayed = False

    def _training_batch(self, step: int):
        """What a step takes, and the share that its loss has in the epoch's mean: a function of (seed, step).

        Here that is images, sentences and the share once more, which is explained in `fast_training.by_length`.
        """
        number, place = divmod(step, DRAWN_TOGETHER)
        if number != self._drawn[0]:
            batches = [self._draw(self.train, TRAINING, number * DRAWN_TOGETHER + i) for i in range(DRAWN_TOGETHER)]
            rng = np.random.default_rng([self.settings.seed, ORDER, number])
            self._drawn = number, by_length(batches, self.vocab[PAD], rng)
        batch = self._drawn[1][place]
        return batch, batch[-1]

    def _train_step(self, images, sentences, share):
        with tf.GradientTape() as tape:
            loss = self.loss(images, sentences)
            shared = loss * share
        variables = self.loss_model.trainable_variables
        self.optimizer.apply(tape.gradient(shared, variables), variables)
        return loss

    def _average(self, share):
        for average, variable in zip(self.averages, self.loss_model.trainable_variables):
            average.assign_add(share * (variable - average))

    @contextlib.contextmanager
    def _averaged(self):
        """The decoder has the averaged weights meanwhile."""
        variables = self.loss_model.trainable_variables
        kept = [tf.identity(variable) for variable in variables]
        for variable, average in zip(variables, self.averages):
            variable.assign(average)
        try:
            yield
        finally:
            for variable, value in zip(variables, kept):
                variable.assign(value)

    def _draw(self, data: Data, stream: int, number: int):
        """Images and sentences of a batch, a function of (seed, stream, number): there is no iterator to save."""
        rng = np.random.default_rng([self.settings.seed, stream, number])
        return self._arrays_of(data, self.settings.batch_size, rng)

    def _arrays_of(self, data: Data, size: int, rng):
        batch = self.generate_batch(data.img_embeds, data.captions_indexed, size, self.settings.max_len, rng)
        return np.asarray(batch["img_embeds"], np.float32), np.asarray(batch["sentences"], np.int32)

    def _end_epoch(self):
        epoch_losses, self._losses = self._losses, []
        with self._averaged():
            self.history.append({
                "step": self.step, "epoch": self.step // self.settings.batches_per_epoch,
                "train_loss": _mean_loss(epoch_losses), "val_loss": self.val_loss(),
            })
            if self.sample_caption:
                self.history[-1]["caption"] = self.sample_caption()
        self._save()

    # ----------------------------------------------------------------------------------------------- checks

    def _require_photo_matters(self):
        """The same words with other photos must give another loss."""
        photos = np.asarray(self.train.img_embeds[:8], np.float32)
        sentence = np.int32([self.train.captions_indexed[0][0][:self.settings.max_len]])
        losses = {float(self._val_step(photo[None], sentence)) for photo in photos}
        if len(losses) == 1 and len(photos) > 1:
            same = "" if len(np.unique(photos, axis=0)) > 1 else "Their embeddings are all the same: look at them. "
            raise TrainingStopped(
                f"The same caption has the same loss, {losses.pop():.6g}, for {len(photos)} photos: the decoder does "
                f"not see them. {same}{LOOK_AT_PHOTO}")

    def _stop(self, message: str):
        """Back to the last checkpoint, if there is one, and an error that says why."""
        checkpoint = self.checkpoints.newest()
        if checkpoint:
            self._restore(checkpoint)
            message += f" The decoder has the weights of {checkpoint.path} again."
        raise TrainingStopped(message if checkpoint else f"{message} {BEGIN_ANEW}")

    @contextlib.contextmanager
    def _interrupts_after_a_step(self):
        """Lets an interrupt (Ctrl-C) wait until the step is done and counted; a second one does not wait."""
        self._interrupted = False
        if threading.current_thread() is not threading.main_thread():
            yield                                               # only the main thread gets interrupts
            return
        before = signal.getsignal(signal.SIGINT)

        def note(number, frame):
            self._interrupted = True
            signal.signal(signal.SIGINT, before)

        signal.signal(signal.SIGINT, note)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)

    # ------------------------------------------------------------------------------------------ checkpoints

    def _save(self):
        if self._saved_step == self.step:
            return
        arrays = self._arrays()
        if not all(np.isfinite(array).all() for array in arrays.values()):
            self._stop(f"Weights after step {self.step:,} are not all numbers, so they are not saved. {LOOK_AT_NAN}")
        self.checkpoints.save(self.step, arrays, self._about())
        self._saved_step, self._saved_at = self.step, time.monotonic()

    def _about(self) -> dict:
        """What a checkpoint holds beside its arrays."""
        return {
            "step": self.step, "epoch_losses": self._losses, "history": self.history,
            "settings": self.settings.as_dict(), "vocab": self.vocab, "recipe": self.recipe,
            "shapes": {group: [list(variable.shape) for variable in variables]
                       for group, variables in self._variables().items()},
            "models": self._models, "decoder": self._outline, "captions": self._captions,
        }

    def _variables(self) -> dict:
        """All that training changes: weights, the state of dropout's random numbers, the optimizer's, and averages."""
        return {"model": self.loss_model.variables, "optimizer": self.optimizer.variables, "average": self.averages}

    def _arrays(self) -> dict[str, np.ndarray]:
        return {array_name(group, i): np.array(variable) for group, variables in self._variables().items()
                for i, variable in enumerate(variables)}

    def _restore(self, checkpoint):
        self._require_same(checkpoint)
        for group, variables in self._variables().items():
            checkpoint.assign_to(variables, group)
        about = checkpoint.about
        self.step, self.history, self._losses = about["step"], about["history"], about.get("epoch_losses", [])
        self._saved_step, self._strayed = self.step, False

    def _require_same(self, checkpoint):
        """A checkpoint of other words, photos, settings or another decoder is refused with both values."""
        there, here = checkpoint.about, json.loads(json.dumps(self._about()))
        settings, recipe, captions = (
            there[key] if isinstance(there.get(key), dict) else {} for key in ("settings", "recipe", "captions"))
        pairs = [(name, settings.get(name), here["settings"][name]) for name in SAME_ON_RESUME]
        pairs += [(f"embeddings' {key}", recipe.get(key), here["recipe"][key]) for key in here["recipe"]]
        pairs += [(f"digest of the {split} captions", captions.get(split), here["captions"][split])
                  for split in here["captions"]]
        pairs += [("shapes of the decoder's weights", there.get("shapes"), here["shapes"]),
                  ("vocabulary", there.get("vocab"), here["vocab"]),
                  _first_difference(there.get("decoder"), here["decoder"])]
        different = [f"{name}: {str(theirs):.100} there, {str(mine):.100} here"
                     for name, theirs, mine in pairs if theirs != mine]
        if different:
            raise ValueError(
                f"The checkpoint {checkpoint.path} does not fit this run ({'; '.join(different)}). Set back what was "
                f"changed, or begin anew: delete {checkpoint.path.parent}, or set CAPTION_CHECKPOINT_ROOT to another "
                f"folder. {BEGIN_ANEW}"
            )


def _mean_loss(losses) -> float:
    """Mean of [loss, share] pairs, by their shares."""
    of_steps, shares = zip(*losses)
    return float(np.average(of_steps, weights=shares))


def _first_difference(theirs, mine) -> tuple:
    """What to call it, theirs and mine, of the first step in which the outlines of two decoders differ."""
    if not isinstance(theirs, list):
        return "decoder", theirs, mine
    steps = enumerate(zip_longest(theirs, mine))
    return next(((f"step {step} of the decoder", *pair) for step, pair in steps if pair[0] != pair[1]),
                ("decoder", theirs, mine))
