"""Saves the state of a run in checkpoints, and takes it up again."""

import time
from typing import NoReturn

import numpy as np

from captioning.decoder.checkpoints import Checkpoint, CheckpointFolder, best_row
from captioning.decoder.compatibility import require_same_run
from captioning.decoder.errors import BEGIN_ANEW, LOOK_AT_NAN, TrainingStopped
from captioning.decoder.train_state import TrainState


class Checkpointer:
    """Saves and restores a run's state. Checkpoints of other runs are refused.

    Args:
        state: what is saved and restored.
        run: what `compatibility.describe_run` says of the run.
        checkpoints: the folder to save them in.
        owner: what the notebooks call the object that trains, for messages.
    """

    state: TrainState
    run: dict
    checkpoints: CheckpointFolder
    owner: str
    saved_step: int | None              # the step of the newest checkpoint, once it is known
    saved_at: float                     # when it was saved, seconds of time.monotonic()

    def __init__(self, state: TrainState, run: dict, checkpoints: CheckpointFolder, owner: str):
        self.state, self.run, self.checkpoints, self.owner = state, run, checkpoints, owner
        self.saved_step, self.saved_at = None, time.monotonic()

    def save(self):
        """Writes a checkpoint of the state as it is, unless there is one of this step.

        Raises:
            TrainingStopped: weights are NaN or infinite. The state is that of the last checkpoint then.
            OSError: the checkpoint can't be written.
        """
        state = self.state
        if self.saved_step == state.step:
            return
        arrays = state.arrays()
        if not all(np.isfinite(array).all() for array in arrays.values()):
            self.stop(f"Weights are NaN or infinite after step {state.step:,}, so they are not saved. {LOOK_AT_NAN}")
        progress = {"step": state.step, "epoch_losses": state.epoch_losses, "history": state.history}
        self.checkpoints.save(state.step, arrays, progress | self.run)
        self.saved_step, self.saved_at = state.step, time.monotonic()

    def save_if_due(self, minutes: float):
        """Saves when the last checkpoint is so many minutes old."""
        if time.monotonic() - self.saved_at >= 60 * minutes:
            self.save()

    def resume(self) -> Checkpoint | None:
        """Takes over the newest whole checkpoint if the state is not that of one already.

        Returns:
            The checkpoint that was taken; None if the state stays as it is.

        Raises:
            OtherRun: the checkpoint does not fit this run.
            ValueError: the weights were changed and there is no checkpoint.
        """
        checkpoint, state = self.checkpoints.newest(), self.state
        if state.weights_changed and checkpoint is None:
            raise ValueError(f"The decoder's weights have changed since step {state.step:,}, and "
                             f"{self.checkpoints.folder} has no checkpoint to continue from. {BEGIN_ANEW}")
        if checkpoint is None or not (checkpoint.about["step"] > state.step or state.weights_changed):
            return None
        self._restore(checkpoint)
        return checkpoint

    def set_aside(self):
        """Renames the folder of checkpoints, so that the run can start again, and prints its new name.

        Raises:
            OSError: another process trains into the folder, or it can't be renamed.
        """
        aside = self.checkpoints.set_aside()
        self.saved_step = None
        print(f"{self.checkpoints.folder} is now called {aside.name}; nothing was deleted. {BEGIN_ANEW} Training "
              "then starts from step 0.")

    def restore_best(self) -> Checkpoint:
        """Gives the decoder the averaged weights with the lowest validation loss, and returns their checkpoint.

        Raises:
            ValueError: no epoch is complete, or no checkpoint is left.
        """
        history = self.state.history
        if best_row(history) is None:
            raise ValueError("No epoch is complete yet, so there are no best weights. Run trainer.fit() again; "
                             "it continues.")
        checkpoint = self.checkpoints.best(history)
        if checkpoint is None:
            raise ValueError(f"{self.checkpoints.folder} has no whole checkpoint left, so the best weights are lost. "
                             f"{BEGIN_ANEW}")
        self.state.restore_average(checkpoint)
        return checkpoint

    def stop(self, message: str) -> NoReturn:
        """Goes back to the last checkpoint, if there is one, and raises TrainingStopped with the message."""
        checkpoint = self.checkpoints.newest()
        if checkpoint:
            self._restore(checkpoint)
            message += f" The decoder has the weights of {checkpoint.path} again."
        raise TrainingStopped(message if checkpoint else f"{message} {BEGIN_ANEW}")

    def _restore(self, checkpoint):
        require_same_run(checkpoint, self.run, self.owner)
        self.state.restore(checkpoint)
        self.saved_step = self.state.step
