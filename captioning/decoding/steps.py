"""A decoder that predicts one word at a time, for many captions at once."""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from captioning.datasets.tokens import END, PAD, START


class State(NamedTuple):
    """What the LSTM remembers of each caption."""

    h: tf.Tensor                # (B, units) float32
    c: tf.Tensor                # (B, units) float32

    def at(self, rows) -> "State":
        """The state of these rows."""
        return State(*(tf.gather(part, rows) for part in self))


class StepDecoder:
    """The two Keras models that write captions, and the words that they never write."""

    def __init__(self, initial_state, one_step, vocab: dict[str, int], never_written=()):
        """Takes the models and words of `CaptionWriter`.

        Args:
            initial_state: (B, width) float32 embeddings -> [h, c], (B, units) each.
            one_step: [word (B,) int32, h, c] -> [logits (B, V), h, c].
            vocab: word -> index.
            never_written: Words whose probability is set to 0.
        """
        self.initial_state, self.one_step, self.vocab = initial_state, one_step, vocab
        self.pad, self.start, self.end = (vocab[token] for token in (PAD, START, END))
        banned = np.zeros(len(vocab), np.float32)
        banned[[vocab[word] for word in never_written]] = -np.inf
        self._banned = tf.constant(banned)

    @property
    def embedding_shape(self) -> tuple[int, ...]:
        """Shape of one photo's embedding."""
        return tuple(self.initial_state.inputs[0].shape[1:])

    def begin(self, embeddings) -> State:
        """The state before #START# is read. embeddings: (B, width) float32."""
        return State(*self.initial_state(embeddings, training=False))

    def step(self, word, state: State):
        """Reads a word and predicts the next one.

        Args:
            word: (B,) int32.
            state: The state before the word.

        Returns:
            Logits of the next word, (B, V) float32, -inf for words that are never written; the state after `word`.
        """
        logits, h, c = self.one_step([word, *state], training=False)
        return logits + self._banned, State(h, c)
