"""Sampling: the next word is taken by chance, likely words more often."""

from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from captioning.decoding import next_word
from captioning.decoding.steps import StepDecoder

COLDEST = 1e-6              # a temperature; logits divided by much less leave float32's range


@dataclass(frozen=True)
class Sampling:
    """Samples a caption for each photo; meant to be compiled."""

    decoder: StepDecoder
    max_len: int                # words of a caption
    top_k: int                  # only so many of the likeliest words are sampled
    ranked: bool                # whether words must be ranked: for top_k or a nucleus

    def __call__(self, embeddings, uniforms, temperature, top_p):
        """Sampled words, (B, max_len) int32, PAD after END; their log-probabilities. uniforms: (B, max_len)."""
        batch, state = tf.shape(embeddings)[0], self.decoder.begin(embeddings)
        word, alive = tf.fill([batch], self.decoder.start), tf.fill([batch], True)
        words, log_probs = tf.fill([batch, self.max_len], self.decoder.pad), tf.zeros([batch, self.max_len])
        for step in tf.range(self.max_len):
            logits, state = self.decoder.step(word, state)
            word = next_word.sample(logits / temperature, uniforms[:, step], self.top_k, top_p, self.ranked)
            log_prob = next_word.log_probabilities(logits, word[:, None])
            here = (tf.range(self.max_len) == step) & alive[:, None]
            words, log_probs = tf.where(here, word[:, None], words), tf.where(here, log_prob, log_probs)
            alive &= word != self.decoder.end
            if not tf.reduce_any(alive):
                break
        return words, log_probs


def require_sampling_options(temperature: float, top_k: int | None, top_p: float):
    """Raises ValueError if an option of `CaptionWriter.sample` is out of range."""
    if not COLDEST <= temperature < np.inf:
        raise ValueError(f"temperature is {temperature}; expected {COLDEST} or more. Near 0, captions are greedy.")
    if top_k is not None and top_k < 1:
        raise ValueError(f"top_k is {top_k}; expected 1 or more, or None for all words.")
    if not 0 < top_p <= 1:
        raise ValueError(f"top_p is {top_p}; expected more than 0 and at most 1.")
