"""Adam in one pass over the weights."""

import keras
import tensorflow as tf


class FusedAdam(keras.optimizers.Adam):
    """Keras's Adam with the update of a variable as one operation, which reads and writes each weight once.

    The formula is that of https://arxiv.org/abs/1412.6980, section 2, with "epsilon hat", in Keras as in TensorFlow.
    """

    def update_step(self, gradient, variable, learning_rate):
        index = self._get_variable_index(variable)
        time = tf.cast(self.iterations + 1, tf.float32)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle, m=self._momentums[index].value.handle, v=self._velocities[index].value.handle,
            beta1_power=self.beta_1 ** time, beta2_power=self.beta_2 ** time, lr=tf.cast(learning_rate, tf.float32),
            beta1=self.beta_1, beta2=self.beta_2, epsilon=self.epsilon, grad=tf.convert_to_tensor(gradient))
