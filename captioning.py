"""Captions from a trained decoder: greedy, sampled and by beam search, for many photos at once in one graph."""

from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from utils import END, PAD, START, UNK

NEVER_WRITTEN = (PAD, UNK, START)


@dataclass(frozen=True)
class Caption:
    """A caption with what the decoder thought of it."""

    words: tuple[str, ...]              # without #START# and #END#
    word_probabilities: tuple[float, ...]   # of each word, and of #END# when the caption ended by itself
    ended: bool                         # False when it was cut at the greatest length

    @property
    def log_probability(self) -> float:
        return float(np.sum(np.log(self.word_probabilities)))

    def __str__(self):
        return " ".join(self.words)


class CaptionWriter:
    """Writes captions with a decoder given as two Keras models.

    initial_state: (B, 2048) float32 embeddings -> [h, c], (B, 300) each.
    one_step: [word (B,) int32, h, c] -> [logits (B, V), h, c].
    vocab: word -> index. #PAD#, #UNK# and #START# are never written.
    """

    def __init__(self, initial_state, one_step, vocab: dict[str, int], max_len: int = 20, batch_size: int = 256):
        self.initial_state, self.one_step = initial_state, one_step
        self.vocab, self.words = vocab, sorted(vocab, key=vocab.get)
        self.max_len, self.batch_size = max_len, batch_size
        banned = np.zeros(len(vocab), np.float32)
        banned[[vocab[word] for word in NEVER_WRITTEN]] = -np.inf
        self._banned = tf.constant(banned)
        self._searches = {}             # compiled beam searches by width
        self._batch = tf.TensorSpec(initial_state.inputs[0].shape, tf.float32)
        self._greedy = tf.function(lambda batch: self._write(batch), input_signature=[self._batch])
        self._sample = tf.function(self._write, input_signature=[
            self._batch, tf.TensorSpec([], tf.float32), tf.TensorSpec([2], tf.int32)])

    def greedy(self, embeddings) -> list[Caption]:
        """The most likely word at each step. embeddings: (N, 2048)."""
        return self._in_batches(embeddings, lambda batch, start: self._greedy(batch))

    def sample(self, embeddings, temperature: float = 1.0, seed: int = 0) -> list[Caption]:
        """Words drawn from softmax(logits / temperature); the same seed gives the same captions."""
        if not temperature > 0:
            raise ValueError(f"temperature is {temperature}; expected more than 0, where captions become greedy.")
        return self._in_batches(embeddings, lambda batch, start: self._sample(batch, temperature, [seed, start]))

    def beam(self, embeddings, width: int = 3) -> list[Caption]:
        """The caption with the highest mean log-probability per word among those that a beam search ends with."""
        if width < 1:
            raise ValueError(f"width is {width}; expected 1 or more.")
        if width not in self._searches:
            self._searches[width] = tf.function(lambda batch: self._search(batch, width), input_signature=[self._batch])
        return self._in_batches(embeddings, lambda batch, start: self._searches[width](batch))

    def _in_batches(self, embeddings, write) -> list[Caption]:
        captions = []
        for start in range(0, len(embeddings), self.batch_size):
            batch = tf.constant(np.asarray(embeddings[start:start + self.batch_size], np.float32))
            words, log_probs = (tensor.numpy() for tensor in write(batch, start))
            captions += map(self._caption, words, log_probs)
        return captions

    def _caption(self, indices, log_probs) -> Caption:
        ended = np.flatnonzero(indices == self.vocab[END])
        length = ended[0] if len(ended) else len(indices)
        probabilities = np.exp(log_probs[:length + len(ended[:1])].astype(np.float64))
        return Caption(tuple(self.words[i] for i in indices[:length]), tuple(probabilities.tolist()), len(ended) > 0)

    def _log_probs(self, word, h, c):
        """log p(next word | state), (B, V), and the state after it."""
        logits, h, c = self.one_step([word, h, c], training=False)
        return tf.nn.log_softmax(logits + self._banned), h, c

    def _write(self, embeddings, temperature=None, seed=None):
        """Greedy (temperature None) or sampled words, (B, max_len) int32, PAD after END; their log-probabilities."""
        h, c = self.initial_state(embeddings, training=False)
        batch = tf.shape(embeddings)[0]
        word, alive = tf.fill([batch], self.vocab[START]), tf.fill([batch], True)
        words = tf.fill([batch, self.max_len], self.vocab[PAD])
        scores = tf.zeros([batch, self.max_len])
        for step in tf.range(self.max_len):
            log_probs, h, c = self._log_probs(word, h, c)
            if temperature is not None:
                at_step = tf.random.experimental.stateless_fold_in(seed, step)
                word = tf.random.stateless_categorical(log_probs / temperature, 1, at_step, dtype=tf.int32)[:, 0]
            else:
                word = tf.argmax(log_probs, axis=1, output_type=tf.int32)
            score = tf.gather(log_probs, word, batch_dims=1)
            here = (tf.range(self.max_len) == step) & alive[:, None]
            words, scores = tf.where(here, word[:, None], words), tf.where(here, score[:, None], scores)
            alive &= word != self.vocab[END]
            if not tf.reduce_any(alive):
                break
        return words, scores

    def _search(self, embeddings, width):
        """Beam search. An ended beam goes on as PAD at no cost. Returns the best beam's (words, log-probabilities)."""
        vocab_size, batch = len(self.vocab), tf.shape(embeddings)[0]
        h, c = (tf.repeat(state, width, axis=0) for state in self.initial_state(embeddings, training=False))
        words = tf.fill([batch, width, self.max_len], self.vocab[PAD])
        scores = tf.zeros([batch, width, self.max_len])
        word, alive = tf.fill([batch, width], self.vocab[START]), tf.fill([batch, width], True)
        # All beams begin equal, so only the first may be continued at the first step.
        total = tf.where(tf.range(width) == 0, 0.0, -np.inf) * tf.ones([batch, 1])
        only_pad = tf.where(tf.range(vocab_size) == self.vocab[PAD], 0.0, -np.inf)
        for step in tf.range(self.max_len):
            log_probs, h, c = self._log_probs(tf.reshape(word, [-1]), h, c)
            log_probs = tf.reshape(log_probs, [batch, width, vocab_size])
            log_probs = tf.where(alive[:, :, None], log_probs, only_pad)
            flat = tf.reshape(total[:, :, None] + log_probs, [batch, width * vocab_size])
            total, chosen = tf.math.top_k(flat, width)                                  # (B, W)
            beam, word = chosen // vocab_size, chosen % vocab_size
            gained = tf.gather(tf.reshape(log_probs, [batch, -1]), chosen, batch_dims=1)
            at_step = tf.range(self.max_len) == step
            words = tf.where(at_step, word[:, :, None], tf.gather(words, beam, batch_dims=1))
            scores = tf.where(at_step, gained[:, :, None], tf.gather(scores, beam, batch_dims=1))
            alive = tf.gather(alive, beam, batch_dims=1) & (word != self.vocab[END])
            rows = tf.reshape(tf.range(batch)[:, None] * width + beam, [-1])
            h, c = tf.gather(h, rows), tf.gather(c, rows)
        length = tf.reduce_sum(tf.cast(words != self.vocab[PAD], tf.float32), axis=2)
        best = tf.argmax(total / length, axis=1)
        return tf.gather(words, best, batch_dims=1), tf.gather(scores, best, batch_dims=1)

    def next_words(self, embedding, caption: Caption, top: int = 5) -> list[list[tuple[str, float]]]:
        """What the decoder would have written at each step of a caption, the words before it being the caption's.

        embedding: (2048,). Returns for each word, and for #END# if the caption ended, the `top` likeliest words with
        their probabilities, the likeliest first.
        """
        steps, word = [], START
        h, c = self.initial_state(np.asarray(embedding, np.float32)[None], training=False)
        for taken in (*caption.words, END)[:len(caption.words) + caption.ended]:
            logits, h, c = self.one_step([tf.constant([self.vocab[word]]), h, c], training=False)
            probabilities, indices = tf.math.top_k(tf.nn.softmax(logits + self._banned)[0], min(top, len(self.vocab)))
            steps.append([(self.words[i], float(p)) for i, p in zip(indices.numpy(), probabilities.numpy())])
            word = taken
        return steps
