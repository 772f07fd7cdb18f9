"""The decoder's loss, computed faster on a CPU. The formulas are the same, in fewer passes over the data."""

import logging
from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

TINY = float(np.finfo(np.float32).tiny)
WIDE = 1_000                # outputs of a layer from which bfloat16 pays for its conversions
log = logging.getLogger(__name__)


class TrainingLoss(NamedTuple):
    """The decoder's loss in training, and how it is computed.

    Attributes:
        compute: function of images (B, D), sentences (B, T) and training, that returns a scalar.
        way: what it computes and why, for people: "words only, logits in float32".
    """

    compute: Callable
    way: str

    def __call__(self, images, sentences, training: bool = True):
        """The loss of a batch, a float32 scalar in nats per word."""
        return self.compute(images, sentences, training)


def training_loss(decoder, images, sentences, bfloat16: bool = False, smoothing: float = 0.0) -> TrainingLoss:
    """The decoder's loss in training, in fewer operations.

    Logits take most of the time. So they are computed for words only, not for padding: only from those rows of
    `flat_hidden_states` that `flat_loss_mask` keeps. All layers and formulas are the decoder's own. Falls back to the
    loss over all places, padding too, if a tensor is missing or if the loss of the batch comes out differently.

    Args:
        decoder: has the symbolic tensors `img_embeds`, `sentences`, `loss`, and for the fast way `flat_hidden_states`,
            `flat_ground_truth` and `flat_loss_mask`.
        images: (B, D) float32, a batch to compare both ways on.
        sentences: (B, T) int32, its sentences.
        bfloat16: computes the logits of a large vocabulary in bfloat16, see `WideDense`.
        smoothing: of labels; it changes the gradient only, see `cross_entropy`.

    Returns:
        The loss; its `way` says which way it takes and why.
    """
    inputs = [decoder.img_embeds, decoder.sentences]
    whole = with_fast_logits(keras.Model(inputs, decoder.loss), smoothing=smoothing)
    try:
        rows = [decoder.flat_hidden_states, decoder.flat_ground_truth, decoder.flat_loss_mask]
        states, rest = keras.Model(inputs, rows), keras.Model(rows, decoder.loss)
    except AttributeError as error:
        return _of_all_places(whole, f"the decoder has no `{error.name}`")
    except ValueError:
        return _of_all_places(whole, "the loss needs more than the rows of `flat_hidden_states`, `flat_ground_truth` "
                                     "and `flat_loss_mask`")
    exact = _of_words(states, with_fast_logits(rest, smoothing=smoothing))
    expected = whole([images, sentences], training=False)
    if not np.allclose(exact(images, sentences, training=False), expected, rtol=1e-4):
        return _of_all_places(whole, "without padding the loss comes out differently")
    return _of_words(states, with_fast_logits(rest, bfloat16=True, smoothing=smoothing)) if bfloat16 else exact


def _of_all_places(whole: keras.Model, reason: str) -> TrainingLoss:
    """The loss as it is written, over words and padding."""
    way = f"padding too, because {reason}"
    log.debug("The training loss counts %s.", way)
    return TrainingLoss(lambda images, sentences, training: whole([images, sentences], training=training), way)


def _of_words(states: keras.Model, rest: keras.Model) -> TrainingLoss:
    """The loss of words only: `states` gives the rows of all places, `rest` the loss of rows."""
    def compute(images, sentences, training):
        rows = states([images, sentences], training=training)
        words = tf.where(tf.reshape(rows[2], [-1]) > 0)[:, 0]
        return rest([tf.gather(each, words) for each in rows], training=training)

    wide = any(isinstance(operation, WideDense) for operation in rest.operations)
    way = f"words only, logits in {'bfloat16' if wide else 'float32'}"
    log.debug("The training loss counts %s.", way)
    return TrainingLoss(compute, way)


def with_fast_logits(model: keras.Model, bfloat16: bool = False, smoothing: float = 0.0) -> keras.Model:
    """The same model with the same layers, in which sparse cross-entropy of logits is `cross_entropy`.

    Args:
        model: any functional model.
        bfloat16: also replaces dense layers that have WIDE outputs or more and no activation by `WideDense`.
        smoothing: of labels, see `cross_entropy`.
    """
    def call(operation, *inputs, **options):
        if isinstance(operation, _slow_cross_entropy()) and operation.from_logits:
            operation = CrossEntropy(smoothing)
        elif bfloat16 and _gives_many_logits(operation) and len(inputs[0].shape) == 2:
            operation = WideDense(operation)
        return operation(*inputs, **options)

    return keras.models.clone_model(model, clone_function=lambda layer: layer, call_function=call)


@cache
def _slow_cross_entropy() -> type:
    """The class of Keras's operation behind `sparse_categorical_crossentropy`, which has no public name."""
    # With names of their own, these take none of the numbers in which Keras counts a learner's layers.
    target, output = keras.Input((), dtype="int32", name="target"), keras.Input((2,), name="output")
    loss = keras.ops.sparse_categorical_crossentropy(target, output, from_logits=True)
    return type(keras.Model([target, output], loss, name="cross_entropy").operations[-1])


def _gives_many_logits(operation) -> bool:
    # No subclass of Dense: it may compute something else.
    return (type(operation) is keras.layers.Dense and operation.units >= WIDE and operation.use_bias
            and operation.activation is keras.activations.linear)


def cross_entropy(target, output, smoothing: float = 0.0):
    """-log softmax(output)[target] for each row, with its gradient, softmax - one_hot.

    TensorFlow's own sparse operation takes exponentials one by one; its softmax takes 16 at once. For 768 x 8,769
    logits with the gradient this takes 11 ms, not 53.

    Args:
        target: (N,) integers.
        output: (N, V) logits, float32 or bfloat16.
        smoothing: share of each target that is spread over all V words: label smoothing,
            https://arxiv.org/abs/1512.00567, section 7. It changes only the gradient, which becomes
            softmax - (1 - smoothing) one_hot - smoothing / V. The result stays the plain cross-entropy, so that losses
            can be compared.

    Returns:
        (N,) float32 in nats, at most 87.3, where float32 ends.
    """
    target = tf.cast(target, tf.int32)
    places = tf.stack([tf.range(tf.shape(target)[0]), target], axis=1)

    @tf.custom_gradient
    def of(output):
        probabilities = tf.nn.softmax(output)

        def gradient(upstream):
            upstream = tf.cast(upstream, output.dtype)
            rest = probabilities - tf.cast(smoothing / output.shape[-1], output.dtype) if smoothing else probabilities
            on_target = tf.cast(1 - smoothing, output.dtype) * upstream
            return tf.tensor_scatter_nd_sub(rest * upstream[:, None], places, on_target)

        of_target = tf.cast(tf.gather_nd(probabilities, places), tf.float32)
        return -tf.math.log(tf.where(of_target < TINY, TINY, of_target)), gradient     # NaN stays NaN

    return of(output)


class CrossEntropy(keras.Operation):
    """`cross_entropy` as a step of a Keras model: target (...), output (..., V) -> (...).

    Args:
        smoothing: of labels, see `cross_entropy`.
    """

    def __init__(self, smoothing: float = 0.0):
        super().__init__()
        self.smoothing = smoothing

    def call(self, target, output):
        """The loss at each place, (...) float32 in nats."""
        rows = tf.reshape(output, [-1, output.shape[-1]])
        return tf.reshape(cross_entropy(tf.reshape(target, [-1]), rows, self.smoothing), tf.shape(output)[:-1])

    def compute_output_spec(self, target, output):
        """Shape and type of the loss."""
        return keras.KerasTensor(output.shape[:-1], "float32")


class WideDense(keras.Operation):
    """A Dense layer's own kernel and bias, multiplied in bfloat16: (N, D) float32 -> (N, units) bfloat16.

    The product sums in float32 and is rounded once. The bias is one more row of the kernel, so that its gradient, a
    sum over all N, is part of such a product too.

    Args:
        dense: the layer, which has a bias.
    """

    def __init__(self, dense):
        super().__init__()
        self.dense = dense

    def call(self, inputs):
        """The layer's outputs, (N, units) bfloat16."""
        rows = tf.pad(tf.cast(inputs, tf.bfloat16), [[0, 0], [0, 1]], constant_values=1)
        return tf.matmul(rows, tf.cast(tf.concat([self.dense.kernel, self.dense.bias[None]], axis=0), tf.bfloat16))

    def compute_output_spec(self, inputs):
        """Shape and type of the outputs."""
        return keras.KerasTensor((inputs.shape[0], self.dense.units), "bfloat16")
