"""The state of a run: all that training changes."""

import hashlib

import keras
import numpy as np

from captioning.decoder.adam import FusedAdam
from captioning.decoder.averaging import WeightAverage
from captioning.decoder.checkpoints import Checkpoint, array_name


class TrainState:
    """Weights, the optimizer, the averaged weights, and how far the run is.

    Args:
        model: gives the loss; its variables are trained.
        learning_rate: of the optimizer.
    """

    model: keras.Model
    optimizer: FusedAdam
    average: WeightAverage
    step: int                           # steps that are complete
    history: list[dict]                 # a row for each epoch: step, epoch, train_loss, val_loss, maybe caption
    epoch_losses: list[list[float]]     # [loss, share] of each step of the epoch so far
    weights_changed: bool               # whether the weights may be others than those after `step`

    def __init__(self, model: keras.Model, learning_rate: float):
        self.model = model
        self.optimizer = FusedAdam(learning_rate)
        self.optimizer.build(model.trainable_variables)
        self.average = WeightAverage(model.trainable_variables)
        self.step, self.history, self.epoch_losses = 0, [], []
        self.weights_changed = False

    @property
    def variables(self) -> dict[str, list]:
        """All variables that a checkpoint keeps, by group; the model's hold the state of dropout's random numbers."""
        return {"model": self.model.variables, "optimizer": self.optimizer.variables, "average": self.average.variables}

    def shapes(self) -> dict[str, list[list[int]]]:
        """The shape of each variable, by group."""
        return {group: [list(variable.shape) for variable in variables] for group, variables in self.variables.items()}

    def arrays(self) -> dict[str, np.ndarray]:
        """A copy of each variable, by the name that it has in a checkpoint."""
        return {array_name(group, i): np.array(variable) for group, variables in self.variables.items()
                for i, variable in enumerate(variables)}

    def restore(self, checkpoint: Checkpoint):
        """Takes over all that a checkpoint keeps. Raises ValueError when one of its arrays does not fit."""
        for group, variables in self.variables.items():
            checkpoint.assign_to(variables, group)
        about = checkpoint.about
        self.step, self.history, self.epoch_losses = about["step"], about["history"], about.get("epoch_losses", [])
        self.weights_changed = False

    def restore_average(self, checkpoint: Checkpoint):
        """Gives the model a checkpoint's averaged weights; `weights_changed` is true from then on."""
        checkpoint.assign_to(self.model.variables, "model")
        checkpoint.assign_to(self.model.trainable_variables, "average")
        self.weights_changed = True

    def digest(self) -> str:
        """SHA-256 of the model's variables, its first twelve hexadecimal digits."""
        arrays = (np.ascontiguousarray(variable) for variable in self.model.variables)
        return hashlib.sha256(b"".join(array.tobytes() for array in arrays)).hexdigest()[:12]
