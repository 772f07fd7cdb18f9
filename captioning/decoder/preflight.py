"""The pre-flight: a few captions are learnt by heart, to find a broken decoder before the long run."""

import numpy as np

from captioning.decoder.errors import LOOK_AT_NAN, TrainingStopped
from captioning.decoder.train_state import TrainState

LEARNING_RATE = 5e-3


def learn_by_heart(state: TrainState, train_step, batch, steps: int) -> str:
    """Trains on one batch again and again, then undoes all of it.

    Args:
        state: what training changes; it is as before afterwards.
        train_step: function of a batch's arrays that takes a step and returns the loss.
        batch: a `Batch`.
        steps: how many to take.

    Returns:
        A sentence with the loss before and after.

    Raises:
        TrainingStopped: the loss is not a number, or has not halved.
    """
    kept = state.arrays()
    state.optimizer.learning_rate.assign(LEARNING_RATE)
    try:
        losses = [float(train_step(*batch)) for _ in range(steps)]
    finally:
        state.assign(kept)
    if not np.isfinite(losses).all():
        raise TrainingStopped(f"The pre-flight's loss is not a number ({losses[-1]}). {LOOK_AT_NAN}")
    if losses[-1] > losses[0] / 2:
        raise TrainingStopped(
            f"{len(batch.images)} captions could not be learnt by heart: in {steps} steps the loss went from "
            f"{losses[0]:.2f} to {losses[-1]:.2f}, and it should fall below half. Look at the decoder: "
            "`sentences[:, :-1]` goes in, `sentences[:, 1:]` is the truth, and the last layer has no activation. "
            "Too much dropout can also be the cause.")
    return f"Pre-flight: {len(batch.images)} captions, loss from {losses[0]:.2f} to {losses[-1]:.2f}."
