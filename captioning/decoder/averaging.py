"""The average of the weights over the last steps, which writes better captions than the last weights do."""

import contextlib

import tensorflow as tf

# Training moves the weights to and fro, so an average over the last quarter or so of all steps is better than the last
# ones. The window of this average grows with the steps: it need not know how many there will be.
ETA = 3
EVERY = 5                   # steps between two looks at the weights


class WeightAverage:
    """Polynomial-decay average of weights: https://arxiv.org/abs/1212.1824, section 4.

    Args:
        weights: the variables to average.
    """

    weights: list
    variables: list             # the average of each weight

    def __init__(self, weights):
        self.weights = weights
        self.variables = [tf.Variable(weight) for weight in weights]
        self._move = tf.function(self._move, input_signature=[tf.TensorSpec([], tf.float32)], autograph=False)

    def update(self, step: int):
        """Takes the weights after this step into the average, if it is a step to look at them."""
        looks, early = divmod(step - 1, EVERY)
        if not early:
            self._move((ETA + 1) / (looks + 1 + ETA))

    def _move(self, share):
        for average, weight in zip(self.variables, self.weights):
            average.assign_add(share * (weight - average))

    @contextlib.contextmanager
    def in_use(self):
        """A context in which the weights are the averages."""
        kept = [tf.identity(weight) for weight in self.weights]
        for weight, average in zip(self.weights, self.variables):
            weight.assign(average)
        try:
            yield
        finally:
            for weight, value in zip(self.weights, kept):
                weight.assign(value)
