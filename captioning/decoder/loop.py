"""The training loop: steps, an evaluation after each epoch, checkpoints. Both stages of training use it."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import tensorflow as tf
from tqdm.auto import tqdm

from captioning.cpu import keep_freed_memory
from captioning.decoder.checkpointer import Checkpointer
from captioning.decoder.compatibility import other_arithmetic
from captioning.decoder.errors import LOOK_AT_NAN, Interrupted
from captioning.decoder.forecast import Forecast
from captioning.decoder.interrupts import interrupts_wait
from captioning.decoder.train_state import TrainState
from captioning.settings import Settings


@dataclass
class Stage:
    """What is different between stages of training."""

    label: str                          # of the progress bar
    batch_of: Callable                  # step -> its batch, a NamedTuple with `images` first and a `share`
    objective: Callable                 # the batch's arrays -> what a step lowers, the loss to report
    signature: list[tf.TensorSpec]      # of the batch's arrays
    evaluate: Callable                  # () -> loss on the validation photos
    check: Callable                     # () -> None; raises TrainingStopped when training makes no sense
    evaluate_first: bool = False        # whether the history begins with the weights before the first step


class Loop:
    """Trains a stage up to the last step of the settings.

    Args:
        stage: its batches, its objective, its evaluation.
        settings: how many steps and epochs, and how often to save.
        checkpointer: saves the run's state and restores it.
    """

    stage: Stage
    settings: Settings
    checkpointer: Checkpointer
    state: TrainState
    train_step: Callable                # `gradient_step`, compiled

    def __init__(self, stage: Stage, settings: Settings, checkpointer: Checkpointer):
        self.stage, self.settings, self.checkpointer = stage, settings, checkpointer
        self.state = checkpointer.state
        self.train_step = tf.function(self.gradient_step, input_signature=stage.signature, autograph=False)

    def fit(self, sample_caption=None, show=None, before_step=None) -> list[dict]:
        """Trains from the newest checkpoint, if there is one, to the last step.

        Args:
            sample_caption: function () -> a caption by the decoder as it is; the history keeps it after each epoch.
            show: function (history), called below the progress bar at the start and after each epoch, to plot it.
            before_step: function (step, batch), called before each step with the number of steps before it.

        Returns:
            The history: rows with step, epoch, train_loss, val_loss and maybe caption.

        Raises:
            TrainingStopped: the loss is not a number, or the stage's check found a fault.
            OSError: another process trains into the same folder, or a checkpoint can't be written.
            Interrupted: a Ctrl-C came. The step is complete and saved, the decoder is as after it.
        """
        with self.checkpointer.checkpoints.alone():
            self.resume()
            if self.state.step:
                self.checkpointer.save()        # does nothing, unless the disk was full when it last tried
            return self._run(sample_caption, show or (lambda history: None), before_step)

    def _run(self, sample_caption, show, before_step):
        state, settings, checkpointer = self.state, self.settings, self.checkpointer
        if state.step < settings.steps:
            self.stage.check()
            keep_freed_memory()
        checkpointer.saved_at = time.monotonic()
        with self._progress_bar() as bar, interrupts_wait() as interrupts:
            show(state.history)
            forecast = Forecast(settings.steps - state.step)
            while state.step < settings.steps:
                # 1. one step
                self.take_step(before_step)
                bar.update()
                forecast.count_step()
                if state.step % 20 == 0:
                    bar.set_postfix(loss=f"{mean_loss(state.epoch_losses[-100:]):.3f}")
                # 2. after an epoch, evaluate and save; inside one, save every few minutes
                if state.step % settings.batches_per_epoch == 0:
                    self._end_epoch(sample_caption)
                    show(state.history)
                else:
                    checkpointer.save_if_due(settings.checkpoint_minutes)
                # 3. stop if Ctrl-C was pressed
                if interrupts.waiting:
                    checkpointer.save()
                    bar.set_description("Stopped and saved")
                    raise Interrupted(
                        f"Training stopped at step {state.step:,}. Run the cell again to go on there.")
        return state.history

    def take_step(self, before_step=None):
        """Takes the next step and counts it. Raises TrainingStopped when the loss is not a number."""
        state = self.state
        batch = self.stage.batch_of(state.step)
        if before_step:
            before_step(state.step, batch)
        state.weights_changed = True
        loss = float(self.train_step(*batch))
        if not np.isfinite(loss):
            images = "" if np.isfinite(batch.images).all() else (
                "Some embeddings of this batch are NaN or infinite. ")
            self.checkpointer.stop(
                f"The loss at step {state.step + 1:,} is not a number ({loss}). {images}{LOOK_AT_NAN}")
        state.epoch_losses.append([loss, float(batch.share)])
        state.step += 1
        state.average.update(state.step)
        state.weights_changed = False

    def gradient_step(self, *batch):
        """Changes the weights by the gradient of the stage's objective; returns the loss to report."""
        weights = self.state.model.trainable_variables
        with tf.GradientTape() as tape:
            objective, loss = self.stage.objective(*batch)
        gradients = tape.gradient(objective, weights)
        self.state.optimizer.apply(gradients, weights)
        return loss

    def resume(self):
        """Takes over the newest whole checkpoint, if there is one. Raises ValueError when it does not fit."""
        checkpoint, state = self.checkpointer.resume(), self.state
        steps = self.settings.steps
        if checkpoint and state.step <= steps:
            print(f"Continuing from {checkpoint.path}, after {state.step:,} of {steps:,} steps.")
            if different := other_arithmetic(checkpoint, self.checkpointer.run):
                print("From here on, the weights will not be those of an uninterrupted run, bit for bit: the checkpoint"
                      f" was computed in another way ({different}).")
        elif checkpoint:
            print(f"{checkpoint.path} has {state.step:,} steps behind it, more than the {steps:,} of the settings. "
                  "Nothing is trained. To train for fewer, name another folder in CAPTION_CHECKPOINT_ROOT.")
        if self.stage.evaluate_first and self.checkpointer.saved_step is None:
            state.history = [{"step": 0, "epoch": 0, "train_loss": None, "val_loss": self.stage.evaluate()}]
            self.checkpointer.save()

    def restore_best(self) -> dict:
        """Gives the decoder the averaged weights with the lowest validation loss.

        Returns:
            Their row of the history.

        Raises:
            ValueError: no epoch is complete, or no checkpoint is left.
        """
        step = self.checkpointer.restore_best().about["step"]
        for row in self.state.history:
            if row["step"] == step:
                return row
        epoch = step // self.settings.batches_per_epoch         # one that is not complete
        return {"step": step, "epoch": epoch, "train_loss": None, "val_loss": self.stage.evaluate()}

    def _end_epoch(self, sample_caption):
        state = self.state
        epoch_losses, state.epoch_losses = state.epoch_losses, []
        with state.average.in_use():
            row = {"step": state.step, "epoch": state.step // self.settings.batches_per_epoch,
                   "train_loss": mean_loss(epoch_losses), "val_loss": self.stage.evaluate()}
            state.history.append(row)
            if sample_caption:
                row["caption"] = sample_caption()
        self.checkpointer.save()

    def _progress_bar(self):
        return tqdm(total=self.settings.steps, initial=min(self.state.step, self.settings.steps), unit="step",
                    desc=self.stage.label)


def mean_loss(losses) -> float:
    """Mean of [loss, share] pairs, by their shares."""
    of_steps, shares = zip(*losses)
    return float(np.average(of_steps, weights=shares))
