"""InceptionV3 with linear layers that answer the questions: its losses and its scores."""

import math

import keras
import numpy as np
import tensorflow as tf
from tqdm.auto import tqdm

from course.pretraining.pools import Pool
from course.pretraining.questions import Questions

HEAD_DROPOUT = 0.2
# Feature maps whose cells say what covers them: (layer, pixels between cells, pixel of the first cell).
# The pixels follow from InceptionV3's strides and its convolutions without padding.
CELL_MAPS = (("mixed7", 16, 21), ("mixed10", 32, 37))


class BatchNormalization(keras.layers.BatchNormalization):
    """Keras's layer with TensorFlow's fused kernel in training: a whole training step is 1.7 times as fast.

    It has the same name as Keras's layer, because files of weights identify layers by it.
    """

    def call(self, inputs, training=None, mask=None):
        """Normalises a batch, and updates the moving statistics in training."""
        if not training:
            return super().call(inputs, training=training, mask=mask)
        beta = tf.convert_to_tensor(self.beta)
        outputs, mean, variance = tf.compat.v1.nn.fused_batch_norm(
            inputs, tf.ones_like(beta), beta, epsilon=self.epsilon, is_training=True)
        for moving, now in ((self.moving_mean, mean), (self.moving_variance, variance)):
            moving.assign(moving * self.momentum + now * (1 - self.momentum))
        return outputs


def inception() -> keras.Model:
    """InceptionV3 without its classifier: (B, S, S, 3) float32 from -1 to 1 -> (B, 2048) float32."""
    def layer_like(layer):
        """A new layer of the same kind, with our batch normalisation."""
        normalises = isinstance(layer, keras.layers.BatchNormalization)
        return (BatchNormalization if normalises else type(layer)).from_config(layer.get_config())

    return keras.models.clone_model(keras.applications.InceptionV3(
        include_top=False, pooling="avg", weights=None, input_shape=(None, None, 3)), clone_function=layer_like)


class Network:
    """InceptionV3 with linear layers that answer the questions.

    Args:
        questions: what it is asked.
        base_rates: (claims,) float: share of the scenes for which each claim is true, between 0 and 1.
        seed: seed of kernels and dropout.
    """

    def __init__(self, questions: Questions, base_rates: np.ndarray, seed: int):
        self.inception, self.questions = inception(), questions
        self.norms = [n for n in self.inception.layers if isinstance(n, keras.layers.BatchNormalization)]
        rng = np.random.default_rng(seed)
        for layer in self.inception.layers:
            if isinstance(layer, keras.layers.Conv2D):          # He-normal, https://arxiv.org/abs/1502.01852
                deviation = math.sqrt(2 / math.prod(layer.kernel.shape[:3]))
                layer.kernel.assign(rng.normal(0, deviation, layer.kernel.shape))
        self.set_momentum(0.97)
        bias = keras.initializers.Constant(np.log(base_rates / (1 - base_rates)))
        dropped = keras.layers.Dropout(HEAD_DROPOUT, seed=seed)(self.inception.output)
        claims = keras.layers.Dense(len(questions.claims), bias_initializer=bias, name="claims")(dropped)
        cells = [keras.layers.Dense(len(questions.kinds) + len(questions.colours), name=f"cells_{name}")(
            self.inception.get_layer(name).output) for name, _, _ in CELL_MAPS]
        self.model = keras.Model(self.inception.input, [claims, *cells])
        self.answer = tf.function(lambda photos: self.model(_scaled(photos), training=False)[0], reduce_retracing=True)

    def set_momentum(self, momentum: float):
        """Sets the momentum of all moving statistics."""
        for norm in self.norms:
            norm.momentum = momentum

    def losses(self, photos, answers, *covers) -> list:
        """Computes the losses of a batch, in nats.

        Args:
            photos: (B, S, S, 3) uint8.
            answers: (B, claims) float32.
            *covers: for each map (B, cells, cells, 2) int32.

        Returns:
            Scalars: the loss of a photo's claims, of the colours given the kind, and of each map's cells.
        """
        claims, *cells = self.model(_scaled(photos), training=True)
        told = tf.reduce_sum(tf.nn.sigmoid_cross_entropy_with_logits(answers, claims), -1)
        losses = [tf.reduce_mean(told), colour_loss(self.questions.colour_claims(), answers, claims)]
        for truth, logits in zip(covers, cells):
            parts = tf.split(logits, [len(self.questions.kinds), len(self.questions.colours)], -1)
            losses.append(sum(tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(truth[..., i], part))
                              for i, part in enumerate(parts)))
        return losses

    def calibrate(self, pool: Pool, size: int, number: int, batch_size: int = 32):
        """Sets the moving statistics of batch normalisation to their means over the pool's first photos.

        They depend on the size of the photos, and averages over the last training steps are noisy.

        Args:
            pool: the scenes.
            size: side of the photos in pixels.
            number: number of scenes to use.
            batch_size: photos in a batch.
        """
        for norm in self.norms:
            norm.moving_mean.assign(tf.zeros_like(norm.moving_mean))
            norm.moving_variance.assign(tf.ones_like(norm.moving_variance))
        batches = np.array_split(np.arange(number), math.ceil(number / batch_size))
        for k, batch in enumerate(tqdm(batches, unit="batch", desc="statistics of batch normalisation")):
            self.set_momentum(k / (k + 1))
            self.model(_scaled(tf.constant(pool.photos(batch, size))), training=True)

    def score(self, pool: Pool, questions: Questions, size: int, number: int) -> dict:
        """Computes F1 of each sort of claim on the pool's first scenes.

        Args:
            pool: the scenes.
            questions: the claims.
            size: side of the photos in pixels.
            number: number of scenes to use.

        Returns:
            {sort: F1}, from 0 to 1.
        """
        batches = np.split(np.arange(number), range(32, number, 32))
        told = np.concatenate([self.answer(tf.constant(pool.photos(batch, size))) for batch in batches]) > 0
        truth = questions.answers(pool.scenes[:number]) > 0.5
        sorts = np.array([sort for sort, _ in questions.claims])
        scores = {}
        for sort in dict.fromkeys(sorts.tolist()):
            t, p = truth[:, sorts == sort], told[:, sorts == sort]
            scores[sort] = round(float(2 * (t & p).sum() / max(t.sum() + p.sum(), 1)), 4)
        return scores


def colour_loss(indices, answers, logits):
    """Cross-entropy of the colours, over the kinds that are in the photos.

    Args:
        indices: (K, C) int32, the result of `Questions.colour_claims`.
        answers: (B, claims) float32.
        logits: (B, claims) float32.

    Returns:
        A scalar: nats for each kind that is in a photo.
    """
    there = tf.constant(indices >= 0)
    truth = tf.where(there, tf.gather(answers, np.maximum(indices, 0), axis=1), 0.0)        # (B, K, C)
    colours = tf.nn.log_softmax(tf.where(there, tf.gather(logits, np.maximum(indices, 0), axis=1), -1e9))
    kinds = tf.math.count_nonzero(tf.reduce_sum(truth, -1), dtype=tf.float32)
    return -tf.math.divide_no_nan(tf.reduce_sum(truth * colours), kinds)


def _scaled(photos):
    """Scales photos as the encoder does: (B, S, S, 3) uint8 to float32 from -1 to 1."""
    return tf.cast(photos, tf.float32) / 127.5 - 1
