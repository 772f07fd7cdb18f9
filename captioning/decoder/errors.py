"""What training raises when it can't go on, and what its messages advise."""

LOOK_AT_NAN = (
    "Look at `loss` in the decoder: a division by zero where the mask is empty, a logarithm of zero, a softmax too "
    "many. Otherwise the learning rate may be too high."
)
BEGIN_ANEW = "Run the notebook again from the decoder's cell."


class TrainingStopped(ValueError):
    """Training can't go on in a way that makes sense; the message says what to look at."""
