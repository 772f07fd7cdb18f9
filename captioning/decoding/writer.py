"""Captions from a trained decoder: greedy, by beam search and sampled, for many photos at once in one graph."""

import numpy as np
import tensorflow as tf

from captioning.datasets.tokens import PAD, START, UNK
from captioning.decoding.beam import BeamSearch
from captioning.decoding.caption import Caption
from captioning.decoding.from_checkpoint import read_decoder
from captioning.decoding.sampling import Sampling
from captioning.decoding.steps import StepDecoder

NEVER_WRITTEN = (PAD, UNK, START)
LENGTH_PENALTY = 0.7
COLDEST = 1e-6              # a temperature; logits divided by much less leave float32's range


class CaptionWriter:
    """Writes captions with a decoder given as two Keras models.

    initial_state: (B, 2048) float32 embeddings -> [h, c], (B, 300) each.
    one_step: [word (B,) int32, h, c] -> [logits (B, V), h, c].
    vocab: word -> index. #PAD#, #UNK# and #START# are never written.
    max_len: most words of a caption. batch_size: captions written at a time, also those of a beam search.
    """

    def __init__(self, initial_state, one_step, vocab: dict[str, int], max_len: int = 20, batch_size: int = 256):
        self.initial_state, self.one_step = initial_state, one_step
        self.decoder = StepDecoder(initial_state, one_step, vocab, NEVER_WRITTEN)
        self.vocab, self.words = vocab, sorted(vocab, key=vocab.get)
        self.max_len, self.batch_size = max_len, batch_size
        self._graphs = {}               # compiled ways to write

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
        return cls(*read_decoder(folder), max_len, batch_size)

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
        uniforms = np.random.default_rng(seed).random((len(embeddings), self.max_len))
        sampling = Sampling(self.decoder, self.max_len, top_k, ranked=top_k < len(self.vocab) or top_p < 1)
        further = tf.TensorSpec([None, self.max_len], tf.float64), tf.TensorSpec([]), tf.TensorSpec([], tf.float64)
        write, captions = self._compiled(sampling, *further), []
        for start, batch in self._batches(embeddings, self.batch_size):
            sampled = write(batch, uniforms[start:start + len(batch)], np.float32(temperature), np.float64(top_p))
            captions += map(self._caption, *(tensor.numpy() for tensor in sampled))
        return captions

    def next_words(self, embedding, caption: Caption, top: int = 5) -> list[list[tuple[str, float]]]:
        """What the decoder would have written at each step of a caption, the words before it being the caption's.

        embedding: (2048,). Returns for each word, and for #END# if the caption ended, the `top` likeliest words with
        their probabilities, the likeliest first.
        """
        steps, word = [], START
        state = self.decoder.begin(np.asarray(embedding, np.float32)[None])
        for taken in caption.tokens:
            logits, state = self.decoder.step(tf.constant([self.vocab[word]]), state)
            probabilities, indices = tf.math.top_k(tf.nn.softmax(logits)[0], min(top, len(self.vocab)))
            steps.append([(self.words[i], float(p)) for i, p in zip(indices.numpy(), probabilities.numpy())])
            word = taken
        return steps

    def _searched(self, embeddings, width, length_penalty, no_repeat, keep_all) -> list[list[Caption]]:
        if width < 1:
            raise ValueError(f"width is {width}; expected 1 or more.")
        if not 0 <= length_penalty < np.inf:
            raise ValueError(f"length_penalty is {length_penalty}; expected 0 or more.")
        if no_repeat < 0:
            raise ValueError(f"no_repeat is {no_repeat}; expected 0 or more words.")
        search = BeamSearch(self.decoder, self.max_len, width, no_repeat, keep_all)
        write, captions = self._compiled(search, tf.TensorSpec([])), []
        for _, batch in self._batches(embeddings, max(1, self.batch_size // width)):
            words, log_probs, found = (tensor.numpy() for tensor in write(batch, np.float32(length_penalty)))
            captions += [[self._caption(*beam) for beam in zip(words[i, :n], log_probs[i, :n])]
                         for i, n in enumerate(found)]
        return captions

    def _batches(self, embeddings, size):
        for start in range(0, len(embeddings), size):
            yield start, np.asarray(embeddings[start:start + size], np.float32)

    def _compiled(self, way: BeamSearch | Sampling, *further):
        """`way` as a graph, for embeddings and `further` inputs; compiled once."""
        if way not in self._graphs:
            images = tf.TensorSpec([None, *self.decoder.embedding_shape])
            self._graphs[way] = tf.function(way, input_signature=[images, *further])
        return self._graphs[way]

    def _caption(self, indices, log_probs) -> Caption:
        ends = np.flatnonzero(indices == self.decoder.end)
        length = ends[0] if len(ends) else len(indices)
        probabilities = np.exp(log_probs[:length + 1].astype(np.float64)).tolist()
        return Caption(tuple(self.words[i] for i in indices[:length]), tuple(probabilities[:length]),
                       probabilities[length] if len(ends) else None)
