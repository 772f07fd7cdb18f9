"""Beam search over tensors, for many photos at once."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from captioning.decoding import next_word
from captioning.decoding.steps import State, StepDecoder

LENGTH_PENALTY = 0.7
ENDED_FIRST = 1e9           # more than any sum of log-probabilities


class Beams(NamedTuple):
    """The beginnings of captions that a search follows: W beams for each of B photos.

    A beam is open, has ended, or does not exist (its total is -inf).
    """

    words: tf.Tensor            # (B, W, max_len) int32, PAD after the last word
    log_probs: tf.Tensor        # (B, W, max_len) float32, nats, of each word
    total: tf.Tensor            # (B, W) float32, the sum of `log_probs`
    last_word: tf.Tensor        # (B, W) int32
    state: State                # B * W rows; the decoder's state before it reads `last_word`
    is_open: tf.Tensor          # (B, W) bool
    ended: tf.Tensor            # (B, W) bool


class Continuations(NamedTuple):
    """The K likeliest next words of each beam."""

    log_probs: tf.Tensor        # (B, W, K) float32, nats; -inf if the beam is not open
    words: tf.Tensor            # (B, W, K) int32
    state: State                # B * W rows; the decoder's state after it has read the beam's last word


@dataclass(frozen=True)
class BeamSearch:
    """Finds the best captions of each photo; made to be called inside a tf.function."""

    decoder: StepDecoder
    max_len: int                # the most words of a caption
    width: int                  # beams of each photo, W
    no_repeat: int              # no run of this many words comes twice; 0 allows all
    keep_all: bool              # False: only the best beam matters, so a search stops when no other can win

    def __call__(self, embeddings, length_penalty):
        """Searches for captions.

        Args:
            embeddings: (B, width of an embedding) float32.
            length_penalty: Exponent of the length by which log p is divided, a float32 scalar.

        Returns:
            Words, (B, W, max_len) int32, PAD after END, the best beam first; their log-probabilities, (B, W, max_len)
            float32, nats; how many beams of each photo exist, (B,) int32.
        """
        def add_word(step, beams):
            beams = self._extended(beams, step)
            return step + 1, beams if self.keep_all else self._while_one_can_win(beams, length_penalty)

        _, beams = tf.while_loop(lambda step, beams: tf.reduce_any(beams.is_open), add_word,
                                 (0, self._begin(embeddings)), maximum_iterations=self.max_len)
        words, log_probs = beams.words, beams.log_probs
        if self.width > 1:
            ranking = self._ranking(beams, length_penalty)
            words, log_probs = (tf.gather(part, ranking, batch_dims=1) for part in (words, log_probs))
        return words, log_probs, tf.reduce_sum(tf.cast(beams.total > -np.inf, tf.int32), axis=1)

    def _begin(self, embeddings) -> Beams:
        """Beams without words. Only the first beam of each photo is open, since all would go on alike."""
        batch, width = tf.shape(embeddings)[0], self.width
        state = State(*(tf.repeat(part, width, axis=0) for part in self.decoder.begin(embeddings)))
        is_open = tf.repeat(tf.range(width)[None] == 0, batch, axis=0)
        return Beams(
            words=tf.fill([batch, width, self.max_len], self.decoder.pad),
            log_probs=tf.zeros([batch, width, self.max_len]), total=tf.where(is_open, 0.0, -np.inf),
            last_word=tf.fill([batch, width], self.decoder.start), state=state,
            is_open=is_open, ended=tf.fill([batch, width], False))

    def _extended(self, beams: Beams, step) -> Beams:
        """The best beams after one word more.

        The decoder sees only open beams. A beam that has ended adds PAD at no cost and is ranked before all open ones,
        so a whole caption stays among the beams.
        """
        batch, further = tf.shape(beams.last_word)[0], self._continuations(beams, step)
        many = further.words.shape[2]
        itself = beams.ended[:, :, None] & (tf.range(many) == 0)
        gained = tf.reshape(tf.where(itself, 0.0, further.log_probs), [batch, self.width * many])
        candidates = tf.repeat(beams.total, many, axis=1) + gained                      # (B, W * K)
        first = tf.where(tf.repeat(beams.ended, many, axis=1), ENDED_FIRST, 0.0)
        chosen = tf.math.top_k(candidates + first, self.width).indices                  # (B, W)
        parent = chosen // many

        def taken(each):
            return tf.gather(tf.reshape(each, [batch, -1]), chosen, batch_dims=1)

        def of_parent(each):
            return tf.gather(each, parent, batch_dims=1)

        word, total, now = taken(further.words), taken(candidates), tf.range(self.max_len) == step
        exists = total > -np.inf
        ended = exists & (of_parent(beams.ended) | (word == self.decoder.end))
        return Beams(
            words=tf.where(now, word[:, :, None], of_parent(beams.words)),
            log_probs=tf.where(now, taken(gained)[:, :, None], of_parent(beams.log_probs)),
            total=total, last_word=word,
            state=further.state.at(tf.reshape(tf.range(batch)[:, None] * self.width + parent, [-1])),
            is_open=exists & ~ended, ended=ended)

    def _continuations(self, beams: Beams, step) -> Continuations:
        """The next words of open beams; the other beams have none and keep their states."""
        rows = _rows(beams.is_open)                                                     # (R, 1)
        logits, after = self._step(beams, rows)
        allowed = logits
        if 0 < self.no_repeat <= self.max_len:
            before = tf.gather(tf.reshape(beams.words, [-1, self.max_len]), rows[:, 0])
            allowed = next_word.without_repeats(logits, before, step, self.no_repeat)
        words = next_word.likeliest(allowed, min(self.width, len(self.decoder.vocab)))
        possible = tf.gather(allowed, words, batch_dims=1) > -np.inf
        log_probs = tf.where(possible, next_word.log_probabilities(logits, words), -np.inf)
        many = words.shape[1]

        def all_beams(of_open, others):
            each = tf.tensor_scatter_nd_update(tf.fill([tf.size(beams.is_open), many], others), rows, of_open)
            return tf.reshape(each, [-1, self.width, many])

        state = State(*(tf.tensor_scatter_nd_update(before, rows, new) for before, new in zip(beams.state, after)))
        return Continuations(all_beams(log_probs, -np.inf), all_beams(words, self.decoder.pad), state)

    def _while_one_can_win(self, beams: Beams, length_penalty) -> Beams:
        """Drops a photo's open beams if none can beat its best ended beam, even with words of probability 1."""
        scores = beams.total / self._length(beams) ** length_penalty
        best = tf.reduce_max(tf.where(beams.ended, scores, -np.inf), axis=1)
        bound = tf.where(beams.is_open, beams.total / (self.max_len + 1.0) ** length_penalty, -np.inf)
        is_open = beams.is_open & tf.reduce_any(bound > best[:, None], axis=1, keepdims=True)
        return beams._replace(is_open=is_open, total=tf.where(is_open | beams.ended, beams.total, -np.inf))

    def _ranking(self, beams: Beams, length_penalty):
        """The beams' places by score, best first, (B, W) int32. Open beams are ranked as if #END# came next."""
        length, rows = self._length(beams) + tf.cast(beams.is_open, tf.float32), _rows(beams.is_open)
        logits, _ = self._step(beams, rows)
        of_end = next_word.log_probabilities(logits, tf.fill(tf.shape(rows), self.decoder.end))
        further = tf.scatter_nd(rows, of_end[:, 0], [tf.size(beams.is_open)])
        total = beams.total + tf.reshape(further, tf.shape(beams.total))
        return tf.math.top_k(total / length ** length_penalty, self.width).indices

    def _step(self, beams: Beams, rows):
        """Logits of the next word of R beams, and their states after the last word. rows: (R, 1), their places."""
        return self.decoder.step(tf.gather(tf.reshape(beams.last_word, [-1]), rows[:, 0]), beams.state.at(rows[:, 0]))

    def _length(self, beams: Beams):
        """How many words each beam has, #END# included, (B, W) float32."""
        return tf.reduce_sum(tf.cast(beams.words != self.decoder.pad, tf.float32), axis=2)


def _rows(is_open):
    """Places of the open beams among all B * W, (R, 1) int64."""
    return tf.where(tf.reshape(is_open, [-1]))


def require_search_options(width: int, length_penalty: float, no_repeat: int):
    """Raises ValueError if an option of `CaptionWriter.beam` is out of range."""
    if width < 1:
        raise ValueError(f"width is {width}; expected 1 or more.")
    if not 0 <= length_penalty < np.inf:
        raise ValueError(f"length_penalty is {length_penalty}; expected 0 or more.")
    if no_repeat < 0:
        raise ValueError(f"no_repeat is {no_repeat}; expected 0 or more words.")
