"""Errors of a notebook's cells in one sentence: exercises that are not solved yet, and slips with symbolic tensors."""

import traceback

from captioning.grading import keras_slips
from captioning.grading.report import learners_frames

# Names that an exercise's cells make, and the exercise.
MADE_BY = {"vocab": 1, "vocab_inverse": 1, "train_captions_indexed": 2, "val_captions_indexed": 2, "decoder": 4}
# Attributes of the decoder, and the step of exercise 4 that makes them.
STEP_OF = {"h0": 1, "c0": 1, "word_embeds": 2, "hidden_states": 2, "flat_hidden_states": 3, "flat_token_logits": 3,
           "flat_ground_truth": 4, "flat_loss_mask": 4, "loss": 4}
ERRORS = NotImplementedError, NameError, AttributeError, ValueError, TypeError
IN_A_CELL = "<module>", "decoder"       # names of frames; in a function, the learner's own code may have a slip


def short_errors():
    """Makes an exercise that is not solved yet stop its cell with one sentence instead of a traceback.

    A cell that needs what an exercise makes stops in the same way if that is missing, and so does a slip with a
    symbolic Keras tensor. Other errors, and a library's own NotImplementedError, keep their traceback. Outside a
    notebook this does nothing.
    """
    from IPython import get_ipython

    def show(shell, kind, error, trace, tb_offset=None):
        sentence = _sentence(error, trace)
        if sentence:
            error._render_traceback_ = lambda: [sentence]           # IPython's hook for what to show of an exception
        shell.showtraceback((kind, error, trace), tb_offset=tb_offset)

    if get_ipython() is not None:
        get_ipython().set_custom_exc(ERRORS, show)


def _sentence(error: Exception, trace) -> str:
    """What to show in place of the traceback of one of ERRORS; "" keeps it."""
    return _about_exercises(error, trace) or keras_slips.sentence(error)


def _about_exercises(error, trace) -> str:
    """Which exercise to solve first, if the error is about one."""
    frames = learners_frames(error)
    if frames[-1:] != traceback.extract_tb(trace)[-1:]:
        return ""                                                   # raised by a library
    if isinstance(error, NotImplementedError):
        return str(error)
    if isinstance(error, AttributeError):
        return _about_steps(error)
    if not isinstance(error, NameError) or error.name not in MADE_BY or frames[-1].name not in IN_A_CELL:
        return ""
    return (f"There is no {error.name} yet: exercise {MADE_BY[error.name]} makes it. Solve that first, and run all its "
            "cells.")


def _about_steps(error: AttributeError) -> str:
    """Which step to solve first, if the decoder lacks what it makes."""
    if error.name not in STEP_OF or getattr(error.obj, "__name__", "") != "decoder":
        return ""
    return (f"There is no decoder.{error.name} yet: step {STEP_OF[error.name]} of exercise 4 makes it. Solve that "
            "first, and run its cell.")
