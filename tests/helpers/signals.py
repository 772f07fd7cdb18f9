"""Ctrl-C in the middle of a run."""

import contextlib
import os
import signal


@contextlib.contextmanager
def interrupted_after(trainer, steps):
    """In the step after so many, the trainer's process gets a Ctrl-C."""
    step = trainer._train_step

    def interrupted(*batch):
        if trainer.step == steps:
            os.kill(os.getpid(), signal.SIGINT)
        return step(*batch)

    trainer._train_step = interrupted
    yield
    trainer._train_step = step
