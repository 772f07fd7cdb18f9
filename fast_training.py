"""What makes training fast on a CPU and leaves the model as it was written: the same formulas in fewer passes."""

import ctypes
import platform

import keras
import numpy as np
import tensorflow as tf

TINY = float(np.finfo(np.float32).tiny)


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


@tf.custom_gradient
def cross_entropy(target, output):
    """-log softmax(output)[target] for each row, with its gradient, softmax - one_hot.

    target: (N,) integers. output: (N, V) float32 logits. Returns (N,), at most 87.3 nats, where float32 ends.
    TensorFlow's own sparse operation takes exponentials one by one; its softmax takes 16 at once: 11 ms, not 53,
    for 768 x 8,769 with the gradient.
    """
    probabilities = tf.nn.softmax(output)
    target = tf.cast(target, tf.int32)
    places = tf.stack([tf.range(tf.shape(target)[0]), target], axis=1)

    def gradient(upstream):
        return None, tf.tensor_scatter_nd_sub(probabilities * upstream[:, None], places, upstream)

    of_target = tf.gather_nd(probabilities, places)
    return -tf.math.log(tf.where(of_target < TINY, TINY, of_target)), gradient         # NaN stays NaN


class CrossEntropy(keras.Operation):
    """`cross_entropy` as a step of a Keras model: target (...), output (..., V) -> (...)."""

    def call(self, target, output):
        flat = cross_entropy(tf.reshape(target, [-1]), tf.reshape(output, [-1, output.shape[-1]]))
        return tf.reshape(flat, tf.shape(output)[:-1])

    def compute_output_spec(self, target, output):
        return keras.KerasTensor(output.shape[:-1], output.dtype)


def with_fast_cross_entropy(model: keras.Model) -> keras.Model:
    """The same model, with the same layers, where sparse cross-entropy of logits is `cross_entropy`."""
    def call(operation, *inputs, **options):
        if type(operation).__name__ == "SparseCategoricalCrossentropy" and operation.from_logits:
            operation = CrossEntropy()
        return operation(*inputs, **options)

    return keras.models.clone_model(model, clone_function=lambda layer: layer, call_function=call)


def training_loss(decoder, images, sentences):
    """The decoder's loss in training, as a function of images (B, 2048) and sentences (B, T), in fewer operations.

    Logits take most of the time, so they are computed for words only, not for padding: of the rows of
    `flat_hidden_states` those go on that `flat_loss_mask` keeps. All of it is the decoder's own layers and formulas.
    Where they are not to be had so, or the loss of the batch given is not the same, padding goes along.
    """
    inputs = [decoder.img_embeds, decoder.sentences]
    whole = with_fast_cross_entropy(keras.Model(inputs, decoder.loss))
    try:
        rows = [decoder.flat_hidden_states, decoder.flat_ground_truth, decoder.flat_loss_mask]
        states, rest = keras.Model(inputs, rows), with_fast_cross_entropy(keras.Model(rows, decoder.loss))
    except (AttributeError, ValueError):        # other names, or a loss that takes another way from the sentences
        return lambda images, sentences: whole([images, sentences], training=True)

    def of_words(images, sentences, training=True):
        found = states([images, sentences], training=training)
        words = tf.where(tf.reshape(found[2], [-1]) > 0)[:, 0]
        return rest([tf.gather(rows, words) for rows in found], training=training)

    expected = whole([images, sentences], training=False)
    if not np.allclose(of_words(images, sentences, training=False), expected, rtol=1e-4):
        return lambda images, sentences: whole([images, sentences], training=True)
    return of_words


def keep_freed_memory():
    """Has the C library keep freed memory for the next step; else the system takes and clears it again each time."""
    if platform.libc_ver()[0] == "glibc":
        trim_threshold, mmap_threshold = -1, -3                 # numbers from malloc.h
        libc = ctypes.CDLL(None)
        libc.mallopt(trim_threshold, 1 << 30)
        libc.mallopt(mmap_threshold, 32 << 20)                  # bytes; the most that it takes
