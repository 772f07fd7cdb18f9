"""Adam in one pass over the weights."""

import keras
import tensorflow as tf


class FusedAdam(keras.optimizers.Optimizer):
    """Adam with the update of a variable as one operation, which reads and writes each weight once.

    The formula is that of https://arxiv.org/abs/1412.6980, section 2, with "epsilon hat"; Keras and TensorFlow use the
    same. The variables and their order are those of `keras.optimizers.Adam`.
    """

    def __init__(self, learning_rate=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
        super().__init__(learning_rate)
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon

    def build(self, variables):
        """Makes both moments of each variable."""
        if self.built:
            return
        super().build(variables)
        momentums, velocities = self.add_optimizer_variables(variables, ["momentum", "velocity"])
        self.moments = {_reference(variable): (momentum.value, velocity.value)
                        for variable, momentum, velocity in zip(variables, momentums, velocities)}

    def update_step(self, gradient, variable, learning_rate):
        """Changes a variable and its moments by its gradient."""
        momentum, velocity = self.moments[_reference(variable)]
        time = tf.cast(self.iterations + 1, tf.float32)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle, m=momentum.handle, v=velocity.handle,
            beta1_power=self.beta_1 ** time, beta2_power=self.beta_2 ** time, lr=tf.cast(learning_rate, tf.float32),
            beta1=self.beta_1, beta2=self.beta_2, epsilon=self.epsilon, grad=tf.convert_to_tensor(gradient))


def _reference(variable):
    """A key for a variable: Keras wraps TensorFlow's, and hands the inner one to `update_step`."""
    return (variable.value if isinstance(variable, keras.Variable) else variable).ref()
