"""InceptionV3 with linear layers that answer the questions: its losses and its scores."""

import math

import keras
import numpy as np
import tensorflow as tf
from tqdm.auto import tqdm

from course.pretraining.pools import Pool
from course.pretraining.questions import Questions

HEAD_DROPOUT = 0.2
# Feature maps whose cells are asked what covers them: (layer, pixels between cells, pixel of the first one).
# Both follow from InceptionV3's strides and its convolutions without padding.
CELL_MAPS = (("mixed7", 16, 21), ("mixed10", 32, 37))


class BatchNormalization(keras.layers.BatchNormalization):
    """Keras's layer with TensorFlow's fused kernel in training, which makes a whole training step 1.7 times as fast.

    It has the name of Keras's own, by which files of weights know a layer.
    """

    def call(self, inputs, training=None, mask=None):
        if not training:
            return super().call(inputs, training=training, mask=mask)
        beta = tf.convert_to_tensor(self.beta)
        outputs, mean, variance = tf.compat.v1.nn.fused_batch_norm(
            inputs, tf.ones_like(beta), beta, epsilon=self.epsilon, is_training=True)
        for moving, now in ((self.moving_mean, mean), (self.moving_variance, variance)):
            moving.assign(moving * self.momentum + now * (1 - self.momentum))
        return outputs


def inception() -> keras.Model:
    """InceptionV3 without its classifier, (B, S, S, 3) float32 from -1 to 1 -> (B, 2048) float32, fast to train."""
    def layer_like(layer):
        normalises = isinstance(layer, keras.layers.BatchNormalization)
        return (BatchNormalization if normalises else type(layer)).from_config(layer.get_config())

    return keras.models.clone_model(keras.applications.InceptionV3(
        include_top=False, pooling="avg", weights=None, input_shape=(None, None, 3)), clone_function=layer_like)


class Network:
    """InceptionV3 with linear layers that answer the questions."""

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
        for norm in self.norms:
            norm.momentum = momentum

    def losses(self, photos, answers, *covers) -> list:
        """Scalars, in nats: of all claims of a photo, of colours given the kind, of each map's cells."""
        claims, *cells = self.model(_scaled(photos), training=True)
        told = tf.reduce_sum(tf.nn.sigmoid_cross_entropy_with_logits(answers, claims), -1)
        losses = [tf.reduce_mean(told), colour_loss(self.questions.colour_claims(), answers, claims)]
        for truth, logits in zip(covers, cells):
            parts = tf.split(logits, [len(self.questions.kinds), len(self.questions.colours)], -1)
            losses.append(sum(tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(truth[..., i], part))
                              for i, part in enumerate(parts)))
        return losses

    def calibrate(self, pool: Pool, size: int, number: int, batch_size: int = 32):
        """Sets the moving statistics of batch normalisation to the means over the pool's first photos.

        They depend on the photos' size, and moving averages of the last steps would be noisy.
        """
        for norm in self.norms:
            norm.moving_mean.assign(tf.zeros_like(norm.moving_mean))
            norm.moving_variance.assign(tf.ones_like(norm.moving_variance))
        batches = np.array_split(np.arange(number), math.ceil(number / batch_size))
        for k, batch in enumerate(tqdm(batches, unit="batch", desc="statistics of batch normalisation")):
            self.set_momentum(k / (k + 1))
            self.model(_scaled(tf.constant(pool.photos(batch, size))), training=True)

    def score(self, pool: Pool, questions: Questions, size: int, number: int) -> dict:
        """F1 of each sort of claim on the pool's first scenes: 1 is every claim told and none made up."""
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
    """Cross-entropy of the colours of a kind that is there, in nats for each such kind.

    indices: (K, C), Questions.colour_claims' result. answers, logits: (B, claims) float32. Returns a scalar.
    """
    there = tf.constant(indices >= 0)
    truth = tf.where(there, tf.gather(answers, np.maximum(indices, 0), axis=1), 0.0)        # (B, K, C)
    colours = tf.nn.log_softmax(tf.where(there, tf.gather(logits, np.maximum(indices, 0), axis=1), -1e9))
    kinds = tf.math.count_nonzero(tf.reduce_sum(truth, -1), dtype=tf.float32)
    return -tf.math.divide_no_nan(tf.reduce_sum(truth * colours), kinds)


def _scaled(photos):
    """As the encoder scales them: (B, S, S, 3) uint8 to float32 from -1 to 1."""
    return tf.cast(photos, tf.float32) / 127.5 - 1
