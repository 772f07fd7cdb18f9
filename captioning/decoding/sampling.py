"""Sampling over tensors, for many photos at once: each word is taken by chance, likely words more often."""

from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from captioning.decoding import next_word
from captioning.decoding.steps import StepDecoder

COLDEST = 1e-6              # a temperature; logits divided by much less leave float32's range


@dataclass(frozen=True)
class Sampling:
    """Samples a caption for each photo; made to be called inside a tf.function."""

    decoder: StepDecoder
    max_len: int                # the most words of a caption
    top_k: int                  # samples only from so many of the likeliest words
    ranked: bool                # whether to rank the words, which `top_k` and a nucleus need

    def __call__(self, embeddings, uniforms, temperature, top_p):
        """Samples captions.

        Args:
            embeddings: (B, width of an embedding) float32.
            uniforms: (B, max_len) float64, random numbers in [0, 1).
            temperature: Divides the logits, a float32 scalar.
            top_p: The nucleus's share of the probability, a float64 scalar.

        Returns:
            Words, (B, max_len) int32, PAD after END; their log-probabilities at temperature 1, (B, max_len) float32,
            nats.
        """
        batch = tf.shape(embeddings)[0]

        def add_word(step, rows, word, state, words, log_probs):
            logits, state = self.decoder.step(word, state)
            numbers = tf.gather(uniforms[:, step], rows)
            word = next_word.sample(logits / temperature, numbers, self.top_k, top_p, self.ranked)
            log_prob = next_word.log_probabilities(logits, word[:, None])[:, 0]
            places = tf.stack([rows, tf.fill(tf.shape(rows), step)], axis=1)
            words = tf.tensor_scatter_nd_update(words, places, word)
            log_probs = tf.tensor_scatter_nd_update(log_probs, places, log_prob)
            on = tf.where(word != self.decoder.end)[:, 0]       # captions that go on: the others cost nothing more
            return step + 1, tf.gather(rows, on), tf.gather(word, on), state.at(on), words, log_probs

        start = (tf.constant(0), tf.range(batch), tf.fill([batch], self.decoder.start), self.decoder.begin(embeddings),
                 tf.fill([batch, self.max_len], self.decoder.pad), tf.zeros([batch, self.max_len]))
        *_, words, log_probs = tf.while_loop(
            lambda step, rows, *_: tf.size(rows) > 0, add_word, start, maximum_iterations=self.max_len,
            shape_invariants=tf.nest.map_structure(lambda part: tf.TensorShape([None] * len(part.shape)), start))
        return words, log_probs


def require_sampling_options(temperature: float, top_k: int | None, top_p: float):
    """Raises ValueError if an option of `CaptionWriter.sample` is out of range."""
    if not COLDEST <= temperature < np.inf:
        raise ValueError(f"temperature is {temperature}; expected {COLDEST} or more. Near 0, captions are greedy.")
    if top_k is not None and top_k < 1:
        raise ValueError(f"top_k is {top_k}; expected 1 or more, or None for all words.")
    if not 0 < top_p <= 1:
        raise ValueError(f"top_p is {top_p}; expected more than 0 and at most 1.")
