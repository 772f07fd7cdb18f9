"""Errors of a notebook's cells in one sentence, where an exercise is not solved yet."""

import traceback

from captioning.grading.report import learners_frames

# Names that an exercise's cells make, and the exercise.
MADE_BY = {"vocab": 1, "vocab_inverse": 1, "train_captions_indexed": 2, "val_captions_indexed": 2, "decoder": 4}


def short_errors():
    """Makes an exercise that is not solved yet stop its cell with one sentence instead of a traceback.

    A cell that needs what an exercise makes stops in the same way if that is missing. Other errors, and a library's own
    NotImplementedError, keep their traceback. Outside a notebook this does nothing.
    """
    from IPython import get_ipython

    def show(shell, kind, error, trace, tb_offset=None):
        sentence = _sentence(error, trace)
        if sentence:
            error._render_traceback_ = lambda: [sentence]           # IPython's hook for what to show of an exception
        shell.showtraceback((kind, error, trace), tb_offset=tb_offset)

    if get_ipython() is not None:
        get_ipython().set_custom_exc((NotImplementedError, NameError), show)


def _sentence(error: NotImplementedError | NameError, trace) -> str:
    """What to show in place of the traceback; "" keeps it."""
    frames = learners_frames(error)
    if frames[-1:] != traceback.extract_tb(trace)[-1:]:
        return ""                                                   # raised by a library
    if isinstance(error, NotImplementedError):
        return str(error)
    in_a_cell = frames[-1].name in ("<module>", "decoder")          # not in a function, which may have a slip
    if error.name not in MADE_BY or not in_a_cell:
        return ""
    return (f"There is no {error.name} yet: exercise {MADE_BY[error.name]} makes it. Solve that first, and run all its "
            "cells.")
