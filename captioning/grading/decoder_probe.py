"""Values of a decoder's tensors, and which words and photos each of them depends on.

Functions import TensorFlow and Keras themselves, so that importing the grader stays quick.
"""

from dataclasses import dataclass

import numpy as np

from captioning.datasets.tokens import END, PAD, START, UNK
from captioning.grading.report import Problem, Stopped, one_line, short, some

BATCH, MAX_LEN = 32, 20             # captions and tokens of the batches that the service asks about
SEED = 300                          # of everything random here
PROBE_LEN = 5                       # tokens of a probing caption
FIXED_SIZE = "Is the size of a batch or of a caption written in it as a number? ops.reshape takes -1 for what changes."
DIFFERENT = 1e-5                    # results further apart than this share of the largest are not rounding

# What Keras says of some mistakes when values reach the tensor, and what to do.
_ERRORS = {
    "dtype='string'": "A word's index is compared with a string: use its index, vocab[PAD], in place of PAD.",
    "LSTM.call()": "The LSTM fails. It needs two states, by name and in a list: initial_state=[h0, c0].",
    "value (None)": "Keras can't compute this with symbolic tensors. Usual causes are ops.shape(…)[0], for which "
                    "ops.reshape takes -1, and ignore_class: leave it out and multiply by the mask.",
    "not valid, because indices": "An index is too large for the embedding: its first argument should be len(vocab).",
    "is not in [0, ": "An index is too large for the embedding: its first argument should be len(vocab).",
}
_WRONG_TYPES = {
    "flat_loss_mask": "The mask has the wrong type: it should be a tensor with a truth value for each word, which "
                      "ops.not_equal(decoder.flat_ground_truth, pad_idx) makes; == compares no values here.",
    "c0": "decoder.c0 does not come from the image: use the same state as for decoder.h0.",
}


# ------------------------------------------------------------------------------------------------------ evaluation

def evaluate(decoder, images, sentences, names) -> dict[str, np.ndarray]:
    """Values of the decoder's tensors for a batch, without dropout.

    Args:
        decoder: a class that holds symbolic Keras tensors.
        images: (B, 2048) float32.
        sentences: (B, T) int32.
        names: of the tensors.

    Raises:
        Stopped: a tensor is missing, does not come from the inputs, or can't be computed.
    """
    return _values(model_of(decoder, names), images, sentences)


def _values(model, images, sentences, training=False):
    """What a model of `model_of` gives for a batch. Raises Stopped if it fails, or if its weights are NaN."""
    try:
        values = run(model, images, sentences, training)
    except Exception as error:
        raise Stopped(_failure(list(model.output)[-1], error, sentences.shape)) from None
    if not all(np.isfinite(value).all() for value in values.values()):
        broken = [weight.path for weight in model.weights if not np.isfinite(weight.numpy()).all()]
        if broken:
            raise Stopped(Problem("Some weights are not numbers: the training diverged. Lower the learning rate "
                                  "(CAPTION_LEARNING_RATE), run the decoder's cells again and train.",
                                  "finite weights", f"NaN or infinity in {some(broken, 2)}"))
    return values


def value_of(decoder, name, sentences) -> np.ndarray:
    """A tensor for some sentences, of photos that are all 0. Arguments as for evaluate."""
    images = np.zeros((len(sentences), embedding_width(decoder)), np.float32)
    return evaluate(decoder, images, sentences, [name])[name]


def run(model, images, sentences, training=False) -> dict[str, np.ndarray]:
    """What a model of `model_of` gives for a batch; with training=None, as a cell that does not say it."""
    from keras import ops

    return {name: np.asarray(ops.convert_to_numpy(value))
            for name, value in model([images, sentences], training=training).items()}


def model_of(decoder, names):
    """The Keras model from the decoder's two inputs to a dictionary of its tensors. Raises Stopped if there is none."""
    import keras

    inputs = [_tensor(decoder, "img_embeds"), _tensor(decoder, "sentences")]
    outputs = {name: _tensor(decoder, name) for name in names}
    try:
        return keras.Model(inputs, outputs)
    except ValueError:
        cut_off = ", ".join(f"decoder.{name}" for name in names)
        raise Stopped(Problem(f"{cut_off} can't be computed from decoder.img_embeds and decoder.sentences. Is there "
                              "another keras.Input in it, perhaps from an earlier run of the cell?")) from None


def _tensor(decoder, name):
    """The decoder's tensor of this name. Raises Stopped if it is missing or something else."""
    import keras

    tensor = getattr(decoder, name, None)
    if isinstance(tensor, keras.KerasTensor):
        return tensor
    if tensor is None:
        raise Stopped(Problem(f"decoder.{name} is missing.", f"a tensor decoder.{name}"))
    called = f"decoder.{name} is a layer: call it on a tensor, layer(x)." if isinstance(tensor, keras.Layer) else ""
    hint = called or _WRONG_TYPES.get(name, f"decoder.{name} should be a tensor that comes from the decoder's inputs.")
    raise Stopped(Problem(hint, "a Keras tensor", f"{type(tensor).__name__}: {short(tensor)}"))


def embedding_width(decoder) -> int:
    """How many values the decoder takes of a photo: 2,048 from InceptionV3."""
    return _tensor(decoder, "img_embeds").shape[-1]


# --------------------------------------------------------------------------------------------------------- batches

def random_batch(decoder, vocab):
    """Random photos and captions as the service makes them.

    Returns:
        (32, 2048) float32 in [0, 1) and (32, 20) int32 in 0..V-1.
    """
    rng = np.random.default_rng(SEED)
    images = rng.random((BATCH, embedding_width(decoder)), dtype=np.float32)
    return images, rng.integers(0, len(vocab), (BATCH, MAX_LEN)).astype(np.int32)


def padded_sentences(vocab, captions=BATCH, most=MAX_LEN) -> np.ndarray:
    """Random captions of 3 to `most` tokens: START, words and UNK, END, then PAD.

    The first is so long that its END was cut off. The last two are the same.

    Returns:
        (captions, most) int32.
    """
    rng = np.random.default_rng(SEED)
    sentences = rng.choice(words_of(vocab), (captions, most))
    sentences[rng.random(sentences.shape) < 0.15] = vocab[UNK]
    sentences[:, 0] = vocab[START]
    for row, length in enumerate(rng.integers(3, most + 1, captions - 1), 1):
        sentences[row, length - 1] = vocab[END]
        sentences[row, length:] = vocab[PAD]
    sentences[-1] = sentences[-2]
    return sentences


def words_of(vocab) -> np.ndarray:
    """(V - 4,) int32: the indices that are not special tokens; all indices if there are fewer than two words."""
    words = [index for token, index in vocab.items() if token not in (PAD, UNK, START, END)]
    return np.array(words if len(words) > 1 else list(vocab.values()), dtype=np.int32)


# ----------------------------------------------------------------------------------------------------------- probe

@dataclass(frozen=True)
class Probe:
    """One batch that shows what each tensor depends on.

    Row 0 is a caption. Row 1 + c differs from it in column c only. The last row differs in its photo only.
    """

    images: np.ndarray              # (B, 2048) float32
    sentences: np.ndarray           # (B, T) int32
    values: dict[str, np.ndarray]   # of the tensors that could be computed
    again: dict[str, np.ndarray]    # the same, computed once more, as a cell does that says nothing of training
    alone: dict[str, np.ndarray]    # the same for row 0 only
    errors: dict[str, Stopped]      # why the others could not

    def photo_matters(self, name) -> bool:
        """Whether the tensor changes with the photo."""
        rows = self.rows(name)
        return bool(self._different(name, rows[0], rows[-1]).any())

    def words_that_matter(self, name) -> np.ndarray:
        """(T, positions) bool: whether the tensor at a position changes with the token in a column."""
        rows = self.rows(name)
        return self._different(name, rows[1:-1], rows[:1]).any(-1)

    def is_random(self, name) -> bool:
        """Whether the tensor changes from one time to the next."""
        return bool(self._different(name, self.values[name], self.again[name], 1e-4).any())

    def mixes_captions(self, name) -> bool:
        """Whether what a row gives depends on the other rows of the batch."""
        rows = self.rows(name)
        alone = self.alone[name].astype("float64").reshape(1, *rows.shape[1:])
        return bool(self._different(name, rows[:1], alone, 1e-4).any())

    def goes_by_place(self, name) -> bool:
        """Whether the tensor has the rows of all captions for the first place, then for the second, and so on."""
        rows = self.rows(name)
        turned = rows.reshape(rows.shape[1], len(rows), -1).swapaxes(0, 1)
        alone = self.alone[name].astype("float64").reshape(rows.shape[1:])
        return rows.shape[1] > 1 and not self._different(name, turned[0], alone, 1e-4).any()

    def rows(self, name) -> np.ndarray:
        """The tensor as (B, positions, values at a position): tensors have three axes, or two after flattening."""
        value = self.values[name].astype("float64")
        positions = 1 if name in ("h0", "c0") else value.size // (len(self.images) * value.shape[-1])
        return value.reshape(len(self.images), positions, -1)

    def _different(self, name, one, other, share=DIFFERENT):
        return np.abs(one - other) > share * np.abs(self.values[name]).max()


def probe(decoder, words, names, photos=None) -> Probe:
    """Some of the decoder's tensors for the probing batch, or why each could not be computed.

    Args:
        decoder: a class that holds symbolic Keras tensors.
        words: (W,) int32, at least two indices that captions are made of.
        names: of the tensors.
        photos: (2, 2048) embeddings to tell apart; random ones if there are none.
    """
    rng = np.random.default_rng(SEED)
    if photos is None or len(photos) < 2:
        photos = rng.random((2, embedding_width(decoder)), dtype=np.float32)
    places = rng.choice(len(words), PROBE_LEN, replace=len(words) < PROBE_LEN)
    sentences = np.tile(words[places], (PROBE_LEN + 2, 1))
    for column, place in enumerate(places):
        sentences[1 + column, column] = words[(place + 1) % len(words)]
    images = np.float32(photos)[[0] * (len(sentences) - 1) + [1]]
    found = Probe(images, sentences, {}, {}, {}, {})
    if getattr(decoder, "c0", None) is None:
        names = [name for name in names if name != "c0"]        # h0 may serve as both
    try:
        _fill(found, decoder, names)
    except Stopped:
        for name in names:          # one by one, so that a wrong one does not hide the others
            _fill_one(found, decoder, name)
    return found


def _fill(found, decoder, names):
    """Adds the values of some tensors to a probe."""
    model = model_of(decoder, names)
    values, again = (_values(model, found.images, found.sentences, training) for training in (False, None))
    alone = _values(model, found.images[:1], found.sentences[:1])
    found.values.update(values)
    found.again.update(again)
    found.alone.update(alone)


def _fill_one(found, decoder, name):
    """Adds the values of a tensor to a probe, or the reason why there are none."""
    try:
        _fill(found, decoder, [name])
    except Stopped as stopped:
        found.errors[name] = stopped


def _failure(name, error, shape) -> Problem:
    """The Problem of a tensor that Keras can't compute."""
    batch, length = shape
    hint = next((hint for text, hint in _ERRORS.items() if text in str(error)),
                f"decoder.{name} fails for {batch} captions of {length} tokens. {FIXED_SIZE}")
    return Problem(hint, f"values of decoder.{name}", one_line(error))
