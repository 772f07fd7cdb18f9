"""Captions from a trained decoder: greedy, by beam search and sampled, for many photos at once in one graph."""

import numpy as np
import tensorflow as tf
from tqdm.auto import tqdm

from captioning.datasets.tokens import NEVER_WRITTEN, START
from captioning.decoding import inputs
from captioning.decoding.beam import LENGTH_PENALTY, BeamSearch, require_search_options
from captioning.decoding.caption import Caption
from captioning.decoding.from_checkpoint import read_decoder
from captioning.decoding.sampling import Sampling, require_sampling_options
from captioning.decoding.steps import StepDecoder
from captioning.encoder.batches import EMBED_BATCH

BATCHES_WITHOUT_BAR = 16        # a notebook makes widgets for each bar, shown or not; fine-tuning writes at each step


class CaptionWriter:
    """Writes captions with a decoder.

    Embeddings are an array, (N, width) for N photos, or `Embeddings` as `embed_split` returns them. `Embeddings` know
    their encoder, and are refused if it is not the decoder's. Of an array, only the shape and the values are checked.

    Attributes:
        recipe: `recipe` of the embeddings that the decoder was trained with; None if it is unknown.
        vocab: word -> index.
        max_len: The most words of a caption.
        batch_size: Captions to write at a time; each beam counts as one.
    """

    def __init__(self, initial_state, one_step, vocab: dict[str, int], max_len: int = 20, batch_size: int = 256,
                 recipe: dict | None = None):
        """Takes the decoder as two Keras models.

        Args:
            initial_state: (B, width) float32 embeddings -> [h, c], (B, units) each.
            one_step: [word (B,) int32, h, c] -> [logits (B, V), h, c].
            vocab: word -> index. #PAD#, #UNK# and #START# are never written.
            max_len: The most words of a caption.
            batch_size: Captions to write at a time; each beam counts as one.
            recipe: `recipe` of the embeddings that the decoder was trained with. With it, others are refused.
        """
        self.initial_state, self.one_step = initial_state, one_step
        self.vocab, self.max_len, self.batch_size, self.recipe = vocab, max_len, batch_size, recipe
        self._decoder = StepDecoder(initial_state, one_step, vocab, NEVER_WRITTEN)
        self._words = sorted(vocab, key=vocab.get)
        self._graphs = {}               # compiled searches and samplings

    @property
    def models(self) -> dict:
        """The two Keras models by name, as `Trainer` keeps them in its checkpoints."""
        return {"initial_state": self.initial_state, "one_step": self.one_step}

    @classmethod
    def from_checkpoint(cls, folder, max_len: int = 20, batch_size: int = 256) -> "CaptionWriter":
        """A writer from a checkpoint alone, without the dataset or the code that made the decoder.

        It has the averaged weights, as after `Trainer.restore_best`. The checkpoint holds the models if the trainer
        was given `models=writer.models`.

        Args:
            folder: A checkpoint, or a folder of checkpoints, such as checkpoints/drawn or checkpoints/drawn/fine-tuned.
                Of several, the checkpoint with the lowest validation loss is read.
            max_len: The most words of a caption.
            batch_size: Captions to write at a time; each beam counts as one.

        Raises:
            ValueError: There is no checkpoint, it is damaged, or it does not hold the models, vocabulary and recipe.
        """
        decoder = read_decoder(folder)
        return cls(decoder.initial_state, decoder.one_step, decoder.vocab, max_len, batch_size, decoder.recipe)

    def require_encoder(self, encoder):
        """Raises ValueError, with both values, if an encoder is not the one that the decoder was trained with."""
        inputs.require_encoder(encoder, self.recipe)

    def caption_photos(self, encoder, crops, width: int = 3, length_penalty: float = LENGTH_PENALTY,
                       no_repeat: int = 0) -> list[Caption]:
        """Captions for photos, by beam search.

        Args:
            encoder: The one that the decoder was trained with.
            crops: (N, size, size, 3) uint8, the photos' centre crops; `size` is the encoder's.
            width: As for `beam`.
            length_penalty: As for `beam`.
            no_repeat: As for `beam`.

        Raises:
            ValueError: The encoder is another one, or this writer does not know its encoder.
        """
        self.require_encoder(encoder)
        embeddings = [encoder(crops[start:start + EMBED_BATCH]) for start in range(0, len(crops), EMBED_BATCH)]
        return self.beam(np.concatenate(embeddings), width, length_penalty, no_repeat) if embeddings else []

    def greedy(self, embeddings, no_repeat: int = 0) -> list[Caption]:
        """Captions of the most probable word at each step, one for each photo: a beam search of width 1.

        Args:
            embeddings: (N, width) or `Embeddings`.
            no_repeat: As for `beam`.

        Raises:
            ValueError: The embeddings are of another encoder, have another shape, or are not all finite.
        """
        return self.beam(embeddings, 1, no_repeat=no_repeat)

    def beam(self, embeddings, width: int = 3, length_penalty: float = LENGTH_PENALTY,
             no_repeat: int = 0) -> list[Caption]:
        """The best caption that a beam search finds for each photo.

        Each step keeps the `width` most probable beginnings. A caption that has ended keeps its place among them. The
        best caption has the greatest log p / length ** length_penalty, where length counts the words and #END#. A
        caption that was cut at the greatest length is ranked as if #END# came next, so half a sentence seldom wins.
        Ties go to the lower index.

        Args:
            embeddings: (N, width of an embedding) or `Embeddings`.
            width: How many beginnings each step keeps.
            length_penalty: With 0, short captions win, since each word costs. The best exponent was 0.6 to 0.7 in
                https://arxiv.org/abs/1609.08144, section 7.
            no_repeat: No run of this many words comes twice in a caption; 0 allows all. It is 3 in
                https://arxiv.org/abs/1705.04304, section 2.5.

        Raises:
            ValueError: An option is out of range, or the embeddings are of another encoder, have another shape, or
                are not all finite.
        """
        return [captions[0] for captions in self._searched(embeddings, width, length_penalty, no_repeat, False)]

    def beams(self, embeddings, width: int = 3, length_penalty: float = LENGTH_PENALTY,
              no_repeat: int = 0) -> list[list[Caption]]:
        """All captions that the beam search ends with, for each photo, best first; the first is that of `beam`.

        Takes the arguments of `beam` and raises the same errors. Each photo has `width` captions, or all possible
        captions if those are fewer.
        """
        return self._searched(embeddings, width, length_penalty, no_repeat, True)

    def sample(self, embeddings, temperature: float = 1.0, seed: int = 0, top_k: int | None = None,
               top_p: float = 1.0) -> list[Caption]:
        """A caption for each photo with words sampled from softmax(logits / temperature).

        The same seed gives the same captions, whatever the batch size and whatever photos follow.

        Args:
            embeddings: (N, width) or `Embeddings`.
            temperature: Below 1, likely words become likelier. Near 0, captions are greedy.
            seed: Of the random numbers.
            top_k: Samples only from so many of the most probable words; None for all.
            top_p: Of those, samples only from the nucleus: the fewest words whose probabilities sum to this much,
                https://arxiv.org/abs/1904.09751, section 3.1.

        Raises:
            ValueError: An option is out of range, or the embeddings are of another encoder, have another shape, or
                are not all finite.
        """
        require_sampling_options(temperature, top_k, top_p)
        top_k, rows = min(top_k or len(self.vocab), len(self.vocab)), self._rows(embeddings)
        uniforms = np.random.default_rng(seed).random((len(rows), self.max_len))
        sampling = Sampling(self._decoder, self.max_len, top_k, ranked=top_k < len(self.vocab) or top_p < 1)
        further = tf.TensorSpec([None, self.max_len], tf.float64), tf.TensorSpec([]), tf.TensorSpec([], tf.float64)
        write, captions = self._compiled(sampling, *further), []
        for start, batch in _batches(rows, self.batch_size):
            sampled = write(batch, uniforms[start:start + len(batch)], np.float32(temperature), np.float64(top_p))
            captions += map(self._caption, *(tensor.numpy() for tensor in sampled))
        return captions

    def next_words(self, embedding, caption: Caption, top: int = 5) -> list[list[tuple[str, float]]]:
        """The likeliest words at each step of a caption, given the caption's words before it.

        Args:
            embedding: (width,), of one photo.
            caption: A caption of this writer's vocabulary.
            top: Words at each step.

        Returns:
            For each of `caption.tokens`, `top` words with their probabilities, the likeliest first.

        Raises:
            ValueError: The embedding has another shape or is not finite.
        """
        steps, word = [], START
        state = self._decoder.begin(inputs.row_of(embedding, self._decoder.embedding_shape)[None])
        for taken in caption.tokens:
            logits, state = self._decoder.step(tf.constant([self.vocab[word]]), state)
            probabilities, indices = tf.math.top_k(tf.nn.softmax(logits)[0], min(top, len(self.vocab)))
            steps.append([(self._words[i], float(p)) for i, p in zip(indices.numpy(), probabilities.numpy())])
            word = taken
        return steps

    def _searched(self, embeddings, width, length_penalty, no_repeat, keep_all) -> list[list[Caption]]:
        """The captions of each photo that a beam search ends with, best first."""
        require_search_options(width, length_penalty, no_repeat)
        search = BeamSearch(self._decoder, self.max_len, width, no_repeat, keep_all)
        write, captions = self._compiled(search, tf.TensorSpec([])), []
        for _, batch in _batches(self._rows(embeddings), max(1, self.batch_size // width)):
            words, log_probs, found = (tensor.numpy() for tensor in write(batch, np.float32(length_penalty)))
            captions += [[self._caption(*beam) for beam in zip(words[i, :n], log_probs[i, :n])]
                         for i, n in enumerate(found)]
        return captions

    def _rows(self, embeddings) -> np.ndarray:
        """The embeddings as an array, after a check of their encoder and shape."""
        return inputs.rows_of(embeddings, self.recipe, self._decoder.embedding_shape)

    def _compiled(self, way: BeamSearch | Sampling, *further):
        """The search or sampling as a graph of embeddings and `further` inputs; compiled once."""
        if way not in self._graphs:
            images = tf.TensorSpec([None, *self._decoder.embedding_shape])
            self._graphs[way] = tf.function(way, input_signature=[images, *further], autograph=False)
        return self._graphs[way]

    def _caption(self, indices, log_probs) -> Caption:
        """A caption from the indices of its words, (max_len,), and their log-probabilities."""
        return Caption.from_tokens([self._words[i] for i in indices], np.exp(log_probs.astype(np.float64)).tolist())


def _batches(rows, size: int):
    """(place of the first row, rows as finite float32) of each batch. A bar shows how far it is, if it takes long."""
    few = len(rows) <= BATCHES_WITHOUT_BAR * size
    with tqdm(total=len(rows), desc="Captions", unit="photo", delay=5, leave=False, disable=few) as bar:
        for start in range(0, len(rows), size):
            batch = inputs.finite(rows[start:start + size], start)
            yield start, batch
            bar.update(len(batch))
