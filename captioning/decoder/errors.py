"""The error that stops training, and advice for its messages."""

LOOK_AT_NAN = (
    "Look at `loss` in the decoder: a division by zero where the mask is empty, a logarithm of zero, a softmax too "
    "many. Otherwise the learning rate may be too high."
)
BEGIN_ANEW = "Run the notebook again from the decoder's cell."


class TrainingStopped(ValueError):
    """It makes no sense to train on; the message says what to look at."""
