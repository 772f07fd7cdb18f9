"""What makes training fast on a CPU and leaves the model as it was written: the same formulas in fewer passes."""

import keras
import numpy as np
import tensorflow as tf

TINY = float(np.finfo(np.float32).tiny)
WIDE = 1_000                            # outputs of a layer from which bfloat16 pays for its conversions


@tf.custom_gradient
def cross_entropy(target, output):
    """-log softmax(output)[target] for each row, with its gradient, softmax - one_hot.

    target: (N,) integers. output: (N, V) logits, float32 or bfloat16. Returns (N,) float32, at most 87.3 nats, where
    float32 ends. TensorFlow's own sparse operation takes exponentials one by one; its softmax takes 16 at once: 11 ms,
    not 53, for 768 x 8,769 with the gradient.
    """
    probabilities = tf.nn.softmax(output)
    target = tf.cast(target, tf.int32)
    places = tf.stack([tf.range(tf.shape(target)[0]), target], axis=1)

    def gradient(upstream):
        upstream = tf.cast(upstream, output.dtype)
        return None, tf.tensor_scatter_nd_sub(probabilities * upstream[:, None], places, upstream)

    of_target = tf.cast(tf.gather_nd(probabilities, places), tf.float32)
    return -tf.math.log(tf.where(of_target < TINY, TINY, of_target)), gradient         # NaN stays NaN


class CrossEntropy(keras.Operation):
    """`cross_entropy` as a step of a Keras model: target (...), output (..., V) -> (...)."""

    def call(self, target, output):
        flat = cross_entropy(tf.reshape(target, [-1]), tf.reshape(output, [-1, output.shape[-1]]))
        return tf.reshape(flat, tf.shape(output)[:-1])

    def compute_output_spec(self, target, output):
        return keras.KerasTensor(output.shape[:-1], "float32")


class WideDense(keras.Operation):
    """A Dense layer's own kernel and bias, multiplied in bfloat16: (N, D) float32 -> (N, units) bfloat16.

    The product sums in float32 and is rounded once. The bias goes along as one more row of the kernel, so that its
    gradient, a sum over all N, is part of such a product too.
    """

    def __init__(self, dense):
        super().__init__()
        self.dense = dense

    def call(self, inputs):
        rows = tf.pad(tf.cast(inputs, tf.bfloat16), [[0, 0], [0, 1]], constant_values=1)
        return tf.matmul(rows, tf.cast(tf.concat([self.dense.kernel, self.dense.bias[None]], axis=0), tf.bfloat16))

    def compute_output_spec(self, inputs):
        return keras.KerasTensor((inputs.shape[0], self.dense.units), "bfloat16")


def with_fast_logits(model: keras.Model, bfloat16: bool = False) -> keras.Model:
    """The same model, with the same layers, where sparse cross-entropy of logits is `cross_entropy`.

    bfloat16: dense layers of WIDE outputs or more without activation, which logits come from, are `WideDense`.
    """
    def call(operation, *inputs, **options):
        if type(operation).__name__ == "SparseCategoricalCrossentropy" and operation.from_logits:
            operation = CrossEntropy()
        elif bfloat16 and _gives_many_logits(operation) and len(inputs[0].shape) == 2:
            operation = WideDense(operation)
        return operation(*inputs, **options)

    return keras.models.clone_model(model, clone_function=lambda layer: layer, call_function=call)


def _gives_many_logits(operation) -> bool:
    return (type(operation) is keras.layers.Dense and operation.units >= WIDE and operation.use_bias
            and operation.activation is keras.activations.linear)


def training_loss(decoder, images, sentences, bfloat16: bool = False):
    """The decoder's loss in training, as a function of images (B, 2048) and sentences (B, T), in fewer operations.

    Logits take most of the time, so they are computed for words only, not for padding: of the rows of
    `flat_hidden_states` those go on that `flat_loss_mask` keeps. All of it is the decoder's own layers and formulas.
    Where they are not to be had so, or the loss of the batch given is not the same, padding goes along.
    bfloat16: many logits are computed in it, see `WideDense`.
    """
    inputs = [decoder.img_embeds, decoder.sentences]
    whole = with_fast_logits(keras.Model(inputs, decoder.loss))

    def as_written(images, sentences):
        return whole([images, sentences], training=True)

    try:
        rows = [decoder.flat_hidden_states, decoder.flat_ground_truth, decoder.flat_loss_mask]
        states, rest = keras.Model(inputs, rows), keras.Model(rows, decoder.loss)
    except (AttributeError, ValueError):        # other names, or a loss that takes another way from the sentences
        return as_written

    def of_words(rest):
        def loss(images, sentences, training=True):
            found = states([images, sentences], training=training)
            words = tf.where(tf.reshape(found[2], [-1]) > 0)[:, 0]
            return rest([tf.gather(rows, words) for rows in found], training=training)

        return loss

    found, expected = of_words(with_fast_logits(rest)), whole([images, sentences], training=False)
    if not np.allclose(found(images, sentences, training=False), expected, rtol=1e-4):
        return as_written
    return of_words(with_fast_logits(rest, bfloat16=True)) if bfloat16 else found
