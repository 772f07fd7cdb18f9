"""Errors of a notebook's cells in one sentence: exercises that are not solved yet, and slips with symbolic tensors."""

import re
import traceback

from captioning.grading.report import learners_frames

# Names that an exercise's cells make, and the exercise.
MADE_BY = {"vocab": 1, "vocab_inverse": 1, "train_captions_indexed": 2, "val_captions_indexed": 2, "decoder": 4}
# Attributes of the decoder, and the step of exercise 4 that makes them.
STEP_OF = {"h0": 1, "c0": 1, "word_embeds": 2, "hidden_states": 2, "flat_hidden_states": 3, "flat_token_logits": 3,
           "flat_ground_truth": 4, "flat_loss_mask": 4, "loss": 4}
IN_A_CELL = "<module>", "decoder"       # names of frames; in a function, the learner's own code may have a slip
NO_VALUES = "A KerasTensor cannot be used as input to a TensorFlow function", "A KerasTensor is symbolic"


def short_errors():
    """Makes an exercise that is not solved yet stop its cell with one sentence instead of a traceback.

    A cell that needs what an exercise makes stops in the same way if that is missing, and so does a call of TensorFlow,
    of NumPy or of a loss's class with a symbolic Keras tensor. Other errors, and a library's own NotImplementedError,
    keep their traceback. Outside a notebook this does nothing.
    """
    from IPython import get_ipython

    def show(shell, kind, error, trace, tb_offset=None):
        sentence = _sentence(error, trace)
        if sentence:
            error._render_traceback_ = lambda: [sentence]           # IPython's hook for what to show of an exception
        shell.showtraceback((kind, error, trace), tb_offset=tb_offset)

    if get_ipython() is not None:
        get_ipython().set_custom_exc((NotImplementedError, NameError, AttributeError, ValueError), show)


def _sentence(error: NotImplementedError | NameError | AttributeError | ValueError, trace) -> str:
    """What to show in place of the traceback; "" keeps it."""
    frames = learners_frames(error)
    if isinstance(error, ValueError):
        return _about_symbols(error, frames)
    if frames[-1:] != traceback.extract_tb(trace)[-1:]:
        return ""                                                   # raised by a library
    if isinstance(error, NotImplementedError):
        return str(error)
    if isinstance(error, AttributeError):
        return _about_steps(error)
    if error.name not in MADE_BY or frames[-1].name not in IN_A_CELL:
        return ""
    return (f"There is no {error.name} yet: exercise {MADE_BY[error.name]} makes it. Solve that first, and run all its "
            "cells.")


def _about_steps(error: AttributeError) -> str:
    """Which step to solve first, if the decoder lacks what it makes."""
    if error.name not in STEP_OF or getattr(error.obj, "__name__", "") != "decoder":
        return ""
    return (f"There is no decoder.{error.name} yet: step {STEP_OF[error.name]} of exercise 4 makes it. Solve that "
            "first, and run its cell.")


def _about_symbols(error: ValueError, frames) -> str:
    """What to use for a symbolic tensor, if the error is about one."""
    line = f"\n    {frames[-1].line}" if frames else ""
    if str(error).startswith(NO_VALUES):
        return f"A Keras tensor has no values yet, so `tf.` and `np.` can't take it. Use {_of_ops(line)}.{line}"
    files = [frame.filename for frame in traceback.extract_tb(error.__traceback__)]
    if "NoneType" in str(error) and any(re.search(r"keras.src.losses.loss\.py$", file) for file in files):
        return ("A Keras tensor has no values yet, so a loss's class can't take it. Use the function "
                f"keras.losses.sparse_categorical_crossentropy(..., from_logits=True).{line}")
    return ""


def _of_ops(line: str) -> str:
    """The functions of `keras.ops` that serve in place of those in a line of code, or a few as examples."""
    from keras import ops

    called = (name.removeprefix("reduce_") for name in re.findall(r"\b(?:tf|np)\.(?:\w+\.)*(\w+)\(", line))
    named = [f"ops.{name}" for name in called if hasattr(ops, name)]
    return " and ".join(named) or "a function of `ops`, such as ops.reshape, ops.cast or ops.sum"
