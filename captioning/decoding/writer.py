"""Captions from a trained decoder: greedy, by beam search and sampled, for many photos at once in one graph."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import tensorflow as tf

from captioning.datasets.tokens import END, NEVER_WRITTEN, PAD, START
from captioning.decoder import checkpoints, model_text
from captioning.decoding.words import draw, likeliest, log_probabilities, without_repeats

LENGTH_PENALTY = 0.7
COLDEST = 1e-6              # a temperature; logits divided by much less leave float32's range


@dataclass(frozen=True)
class Caption:
    """A caption with what the decoder thought of it.

    Its probabilities are the decoder's own, p(word | photo, words before) over all words that may be written, however
    the word was chosen: no temperature, top-k, nucleus or ban on repetition is in them.
    """

    words: tuple[str, ...]              # without #START# and #END#
    word_probabilities: tuple[float, ...]   # of each word, and of #END# when the caption ended by itself
    ended: bool                         # False when it was cut at the greatest length

    @property
    def log_probability(self) -> float:
        """log p(words | photo) in nats, that of #END# included when the caption ended by itself."""
        return float(np.sum(np.log(self.word_probabilities)))

    def __str__(self):
        return " ".join(self.words)


class CaptionWriter:
    """Writes captions with a decoder given as two Keras models.

    initial_state: (B, 2048) float32 embeddings -> [h, c], (B, 300) each.
    one_step: [word (B,) int32, h, c] -> [logits (B, V), h, c].
    vocab: word -> index. #PAD#, #UNK# and #START# are never written.
    max_len: most words of a caption. batch_size: captions written at a time, also those of a beam search.
    """

    def __init__(self, initial_state, one_step, vocab: dict[str, int], max_len: int = 20, batch_size: int = 256):
        self.initial_state, self.one_step = initial_state, one_step
        self.vocab, self.words = vocab, sorted(vocab, key=vocab.get)
        self.max_len, self.batch_size = max_len, batch_size
        banned = np.zeros(len(vocab), np.float32)
        banned[[vocab[word] for word in NEVER_WRITTEN]] = -np.inf
        self._banned = tf.constant(banned)
        self._graphs = {}               # compiled ways to write, by what fixes their operations

    @property
    def models(self) -> dict:
        """The two Keras models by name, as `Trainer` keeps them in its checkpoints."""
        return {"initial_state": self.initial_state, "one_step": self.one_step}

    @classmethod
    def from_checkpoint(cls, folder, max_len: int = 20, batch_size: int = 256) -> "CaptionWriter":
        """A writer with all that it needs from a checkpoint: no dataset, and no code of the decoder's.

        folder: a checkpoint, or the folder of a run's checkpoints, of which the one with the lowest validation loss
        is taken. max_len, batch_size: as for CaptionWriter.
        The models come from the description that `Trainer` keeps when it is given `models=writer.models`, with the
        averaged weights, so captions are those after `Trainer.restore_best`. Raises ValueError when there is no
        checkpoint, or it is damaged or holds no such description.
        """
        checkpoint = _checkpoint_of(Path(folder))
        vocab = checkpoint.about.get("vocab")
        try:
            if not isinstance(vocab, dict) or sorted(vocab.values()) != list(range(len(vocab))):
                raise ValueError("it has no vocabulary")
            names = "initial_state", "one_step"
            models = model_text.rebuild(checkpoint.about.get("models"), checkpoint.arrays, names)
        except (ValueError, TypeError, KeyError) as error:
            raise ValueError(
                f"The checkpoint {checkpoint.path} can't write captions by itself: {error}. Build the decoder in the "
                "notebook, and take its weights with trainer.restore_best().") from None
        return cls(*models, vocab, max_len, batch_size)

    def greedy(self, embeddings, no_repeat: int = 0) -> list[Caption]:
        """The most likely word at each step: a beam search of width 1. embeddings: (N, 2048); `no_repeat` as there."""
        return self.beam(embeddings, 1, no_repeat=no_repeat)

    def beam(self, embeddings, width: int = 3, length_penalty: float = LENGTH_PENALTY,
             no_repeat: int = 0) -> list[Caption]:
        """The best caption that a beam search finds for each photo. embeddings: (N, 2048).

        At each step, the `width` most probable beginnings go on; a caption that has ended keeps its place among them.
        The best has the greatest log p / length ** length_penalty, where length counts words and #END#: without it,
        short captions win, since each word costs (https://arxiv.org/abs/1609.08144, section 7; there the best
        exponent was 0.6 to 0.7). A caption cut at the greatest length is ranked as if #END# came next, so half a
        sentence seldom wins over a whole one. Of equals, words of lower indices win.
        no_repeat: no run of so many words comes twice in a caption (https://arxiv.org/abs/1705.04304, section 2.5,
        has 3); 0 allows all.
        """
        return [captions[0] for captions in self._searched(embeddings, width, length_penalty, no_repeat, False)]

    def beams(self, embeddings, width: int = 3, length_penalty: float = LENGTH_PENALTY,
              no_repeat: int = 0) -> list[list[Caption]]:
        """All captions that the beam search ends with, for each photo, best first; the first is that of `beam`.

        They are `width` many, or fewer where there are no more.
        """
        return self._searched(embeddings, width, length_penalty, no_repeat, True)

    def sample(self, embeddings, temperature: float = 1.0, seed: int = 0, top_k: int | None = None,
               top_p: float = 1.0) -> list[Caption]:
        """Words drawn from softmax(logits / temperature), of these only from the likeliest. embeddings: (N, 2048).

        top_k: only the so many most probable words. top_p: of those, only the fewest whose probabilities sum to this
        much, the nucleus (https://arxiv.org/abs/1904.09751, section 3.1).
        The same seed gives the same captions, whatever the batch size and whatever photos follow.
        """
        if not COLDEST <= temperature < np.inf:
            raise ValueError(f"temperature is {temperature}; expected {COLDEST} or more. Near 0, captions are greedy.")
        if top_k is not None and top_k < 1:
            raise ValueError(f"top_k is {top_k}; expected 1 or more, or None for all words.")
        if not 0 < top_p <= 1:
            raise ValueError(f"top_p is {top_p}; expected more than 0 and at most 1.")
        top_k = min(top_k or len(self.vocab), len(self.vocab))
        chances = np.random.default_rng(seed).random((len(embeddings), self.max_len))
        further = [tf.TensorSpec([None, self.max_len], tf.float64), tf.TensorSpec([]), tf.TensorSpec([], tf.float64)]
        write = self._graph(self._sample, further, top_k=top_k, in_order=top_k < len(self.vocab) or top_p < 1)
        captions = []
        for start, batch in self._batches(embeddings, self.batch_size):
            drawn = write(batch, chances[start:start + len(batch)], np.float32(temperature), np.float64(top_p))
            captions += map(self._caption, *(tensor.numpy() for tensor in drawn))
        return captions

    def next_words(self, embedding, caption: Caption, top: int = 5) -> list[list[tuple[str, float]]]:
        """What the decoder would have written at each step of a caption, the words before it being the caption's.

        embedding: (2048,). Returns for each word, and for #END# if the caption ended, the `top` likeliest words with
        their probabilities, the likeliest first.
        """
        steps, word = [], START
        h, c = self.initial_state(np.asarray(embedding, np.float32)[None], training=False)
        for taken in (*caption.words, END)[:len(caption.words) + caption.ended]:
            logits, h, c = self._step(tf.constant([self.vocab[word]]), h, c)
            probabilities, indices = tf.math.top_k(tf.nn.softmax(logits)[0], min(top, len(self.vocab)))
            steps.append([(self.words[i], float(p)) for i, p in zip(indices.numpy(), probabilities.numpy())])
            word = taken
        return steps

    # ---------------------------------------------------------------------------------------------- arrays

    def _searched(self, embeddings, width, length_penalty, no_repeat, keep_all) -> list[list[Caption]]:
        if width < 1:
            raise ValueError(f"width is {width}; expected 1 or more.")
        if not 0 <= length_penalty < np.inf:
            raise ValueError(f"length_penalty is {length_penalty}; expected 0 or more.")
        if no_repeat < 0:
            raise ValueError(f"no_repeat is {no_repeat}; expected 0 or more words.")
        search = self._graph(self._search, [tf.TensorSpec([])], width=width, no_repeat=no_repeat, keep_all=keep_all)
        captions = []
        for _, batch in self._batches(embeddings, max(1, self.batch_size // width)):
            words, log_probs, found = (tensor.numpy() for tensor in search(batch, np.float32(length_penalty)))
            captions += [[self._caption(*beam) for beam in zip(words[i, :n], log_probs[i, :n])]
                         for i, n in enumerate(found)]
        return captions

    def _batches(self, embeddings, size):
        for start in range(0, len(embeddings), size):
            yield start, np.asarray(embeddings[start:start + size], np.float32)

    def _graph(self, write, further, **fixed):
        """`write` compiled for embeddings and `further` inputs; compiled once."""
        key = write.__name__, *fixed.values()
        if key not in self._graphs:
            images = tf.TensorSpec(self.initial_state.inputs[0].shape, tf.float32)
            self._graphs[key] = tf.function(partial(write, **fixed), input_signature=[images, *further])
        return self._graphs[key]

    def _caption(self, indices, log_probs) -> Caption:
        ended = np.flatnonzero(indices == self.vocab[END])
        length = ended[0] if len(ended) else len(indices)
        probabilities = np.exp(log_probs[:length + len(ended[:1])].astype(np.float64))
        return Caption(tuple(self.words[i] for i in indices[:length]), tuple(probabilities.tolist()), len(ended) > 0)

    # ---------------------------------------------------------------------------------------------- graphs

    def _search(self, embeddings, length_penalty, *, width, no_repeat, keep_all):
        """Beam search for B photos: words (B, W, T) int32, their log-probabilities (B, W, T), how many beams (B,).

        A beam is open, has ended, or is none (its total is -inf). Only open ones go through the decoder. One that has
        ended goes on as itself, PAD at no cost, ahead of all others: what is whole can't fall out of the beams.
        """
        batch, many = tf.shape(embeddings)[0], min(width, len(self.vocab))
        h, c = (tf.repeat(state, width, axis=0) for state in self.initial_state(embeddings, training=False))
        words, scores = tf.fill([batch, width, self.max_len], self.vocab[PAD]), tf.zeros([batch, width, self.max_len])
        word, ended = tf.fill([batch, width], self.vocab[START]), tf.fill([batch, width], False)
        # All beams begin equal, so only the first may be continued at the first step.
        is_open = tf.repeat(tf.range(width)[None] == 0, batch, axis=0)
        total = tf.where(is_open, 0.0, -np.inf)
        for step in tf.range(self.max_len):
            rows = tf.where(tf.reshape(is_open, [-1]))                                  # (R, 1)
            gained, following, h, c = self._continuations(word, h, c, words, rows, step, many, no_repeat)
            itself = ended[:, :, None] & (tf.range(many) == 0)
            gained = tf.reshape(tf.where(itself, 0.0, gained), [batch, width * many])
            candidates = tf.repeat(total, many, axis=1) + gained                        # (B, W * K)
            chosen = tf.math.top_k(candidates + tf.where(tf.repeat(ended, many, axis=1), 1e9, 0.0), width).indices
            beam = chosen // many                                                       # (B, W), the one it continues
            word = tf.gather(tf.reshape(following, [batch, -1]), chosen, batch_dims=1)
            total = tf.gather(candidates, chosen, batch_dims=1)
            at_step = tf.range(self.max_len) == step
            words = tf.where(at_step, word[:, :, None], tf.gather(words, beam, batch_dims=1))
            gained = tf.gather(gained, chosen, batch_dims=1)
            scores = tf.where(at_step, gained[:, :, None], tf.gather(scores, beam, batch_dims=1))
            of_beam = tf.reshape(tf.range(batch)[:, None] * width + beam, [-1])
            h, c = tf.gather(h, of_beam), tf.gather(c, of_beam)
            ended = (total > -np.inf) & (tf.gather(ended, beam, batch_dims=1) | (word == self.vocab[END]))
            is_open = (total > -np.inf) & ~ended
            if not keep_all:
                is_open &= self._can_win(words, total, is_open, ended, length_penalty)
                total = tf.where(is_open | ended, total, -np.inf)
            if not tf.reduce_any(is_open):
                break
        if width > 1:
            ranking = self._ranking(word, h, c, words, total, is_open, length_penalty)
            words, scores = tf.gather(words, ranking, batch_dims=1), tf.gather(scores, ranking, batch_dims=1)
        return words, scores, tf.reduce_sum(tf.cast(total > -np.inf, tf.int32), axis=1)

    def _continuations(self, word, h, c, words, rows, step, many, no_repeat):
        """How beams may go on: log p (B, W, K) and index (B, W, K) of the likeliest words, states after them.

        rows: (R, 1), the open beams' places among all B * W; log p of others is -inf, and their states stay.
        """
        open_rows = rows[:, 0]
        logits, h_after, c_after = self._step(*(tf.gather(x, open_rows) for x in (tf.reshape(word, [-1]), h, c)))
        allowed = logits
        if 0 < no_repeat <= self.max_len:
            before = tf.gather(tf.reshape(words, [-1, self.max_len]), open_rows)
            allowed = without_repeats(logits, before, step, no_repeat)
        places = likeliest(allowed, many)
        possible = tf.gather(allowed, places, batch_dims=1) > -np.inf
        gained = tf.where(possible, log_probabilities(logits, places), -np.inf)
        shape = [tf.size(word), many]
        log_probs = tf.tensor_scatter_nd_update(tf.fill(shape, -np.inf), rows, gained)
        following = tf.tensor_scatter_nd_update(tf.fill(shape, self.vocab[PAD]), rows, places)
        h, c = (tf.tensor_scatter_nd_update(*pair) for pair in ((h, rows, h_after), (c, rows, c_after)))
        shape = [*tf.unstack(tf.shape(word)), many]
        return tf.reshape(log_probs, shape), tf.reshape(following, shape), h, c

    def _can_win(self, words, total, is_open, ended, length_penalty):
        """(B, 1), whether an open beam may still beat the best ended one: at most if all words to come were certain."""
        best = tf.reduce_max(tf.where(ended, total / self._length(words) ** length_penalty, -np.inf), axis=1)
        bound = tf.where(is_open, total / (self.max_len + 1.0) ** length_penalty, -np.inf)
        return tf.reduce_any(bound > best[:, None], axis=1, keepdims=True)

    def _ranking(self, word, h, c, words, total, is_open, length_penalty):
        """(B, W), beams by score, best first. To those that are still open, #END# is added first."""
        length = self._length(words) + tf.cast(is_open, tf.float32)
        if tf.reduce_any(is_open):
            rows = tf.where(tf.reshape(is_open, [-1]))
            logits, _, _ = self._step(*(tf.gather(x, rows[:, 0]) for x in (tf.reshape(word, [-1]), h, c)))
            of_end = log_probabilities(logits, tf.fill(tf.shape(rows), self.vocab[END]))
            total += tf.reshape(tf.scatter_nd(rows, of_end[:, 0], [tf.size(word)]), tf.shape(total))
        return tf.math.top_k(total / length ** length_penalty, total.shape[1]).indices

    def _length(self, words):
        """Words and #END# of each beam, (B, W) float32."""
        return tf.reduce_sum(tf.cast(words != self.vocab[PAD], tf.float32), axis=2)

    def _sample(self, embeddings, chances, temperature, top_p, *, top_k, in_order):
        """Drawn words, (B, max_len) int32, PAD after END; their log-probabilities. chances: (B, max_len) in [0, 1)."""
        h, c = self.initial_state(embeddings, training=False)
        batch = tf.shape(embeddings)[0]
        word, alive = tf.fill([batch], self.vocab[START]), tf.fill([batch], True)
        words, scores = tf.fill([batch, self.max_len], self.vocab[PAD]), tf.zeros([batch, self.max_len])
        for step in tf.range(self.max_len):
            logits, h, c = self._step(word, h, c)
            word = draw(logits / temperature, chances[:, step], top_k, top_p, in_order)
            score = log_probabilities(logits, word[:, None])[:, 0]
            here = (tf.range(self.max_len) == step) & alive[:, None]
            words, scores = tf.where(here, word[:, None], words), tf.where(here, score[:, None], scores)
            alive &= word != self.vocab[END]
            if not tf.reduce_any(alive):
                break
        return words, scores

    def _step(self, word, h, c):
        """Logits of the next word, (B, V), -inf for those never written, and the state after it."""
        logits, h, c = self.one_step([word, h, c], training=False)
        return logits + self._banned, h, c


def _checkpoint_of(folder: Path) -> checkpoints.Checkpoint:
    """This checkpoint, or the best of this folder of them."""
    if (folder / checkpoints.ABOUT).is_file():
        return checkpoints.read_checkpoint(folder)
    of_run = checkpoints.CheckpointFolder(folder)
    newest = of_run.newest()
    if newest is None:
        raise ValueError(f"{folder} holds no checkpoint; expected folders such as step-00002400 in it.")
    return of_run.best(newest.about.get("history", []))
