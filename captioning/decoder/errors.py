"""The errors that stop training, and advice for their messages."""

LOOK_AT_NAN = (
    "Look at `loss` in the decoder: a division by zero where the mask is empty, a logarithm of zero, an extra softmax. "
    "Otherwise the learning rate may be too high."
)
BEGIN_ANEW = "Run the notebook again from the decoder's cell."


class ShownAlone:
    """An exception that a notebook shows without its traceback."""

    def _render_traceback_(self) -> list[str]:
        """The lines that IPython shows for this exception."""
        return str(self).splitlines()


class TrainingStopped(ShownAlone, ValueError):
    """It makes no sense to train on; the message says what to look at."""


class Interrupted(ShownAlone, KeyboardInterrupt):
    """Ctrl-C stopped training after a step, which is saved."""


class OtherRun(ShownAlone, ValueError):
    """A checkpoint belongs to another run; the message says what differs."""
