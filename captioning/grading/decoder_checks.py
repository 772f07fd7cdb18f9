"""The check of the decoder's tensors: shapes, and which words and photos each of them depends on.

Functions import TensorFlow and Keras themselves, so that importing the grader stays quick.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from captioning.datasets.tokens import END, PAD, START, UNK
from captioning.grading.report import Problem, Stopped, one_line, reprs, short, some

STATE_SIZE, WORD_EMBED_SIZE, BOTTLENECK = 300, 100, 120
BATCH, MAX_LEN = 32, 20             # captions and tokens of the batches that the service asks about
SEED = 300                          # of everything random here
PROBE_LEN = 7                       # tokens of a probing caption
DIFFERENT = 1e-6                    # two results further apart than this are not rounding

# What the service asks about, in its order: shapes for a batch of b captions of t tokens and v words in the vocabulary.
TENSORS = {
    "h0": lambda b, t, v: (b, STATE_SIZE),
    "word_embeds": lambda b, t, v: (b, t - 1, WORD_EMBED_SIZE),
    "flat_hidden_states": lambda b, t, v: (b * (t - 1), STATE_SIZE),
    "flat_token_logits": lambda b, t, v: (b * (t - 1), v),
    "flat_ground_truth": lambda b, t, v: (b * (t - 1),),
    "flat_loss_mask": lambda b, t, v: (b * (t - 1),),
    "loss": lambda b, t, v: (),
}

# The tensors of each step of the exercise, in the order of the data. c0 may be absent: h0 then serves as both.
STEPS = {
    "states": ("h0", "c0"),
    "words in": ("word_embeds",),
    "logits": ("flat_hidden_states", "flat_token_logits"),
    "loss": ("flat_ground_truth", "flat_loss_mask", "loss"),
}

# The layers that the notebook gives, in their order on the way to a tensor, and how a learner should use each.
_IMAGE_LAYERS = {
    "standardize": "begin with image, which has been standardized, and not with img_embeds",
    "image_dropout": "begin with image, part of which is hidden in training, and not with img_embeds",
    "img_embed_to_bottleneck": "send image through it",
    "img_embed_bottleneck_to_h0": "send the bottleneck of the image through it",
}
_WORD_LAYERS = {
    "lstm": "give it word_embeds, and initial_state=[h0, c0]",
    "dropout": "send hidden_states through it before you flatten them",
}
_LOGIT_LAYERS = {
    "token_logits_bottleneck": "send flat_hidden_states through it",
    "token_logits": "send the bottleneck of the logits through it",
}
GIVEN_LAYERS = {
    "h0": _IMAGE_LAYERS,
    "c0": _IMAGE_LAYERS,
    "word_embeds": {"word_embed": "send sentences[:, :-1] through it"},
    "flat_hidden_states": _WORD_LAYERS,
    "flat_token_logits": _WORD_LAYERS | _LOGIT_LAYERS,
}


# ------------------------------------------------------------------------------------------- evaluating a decoder

def evaluate(decoder, images, sentences, names=tuple(TENSORS)) -> dict[str, np.ndarray]:
    """Values of the decoder's tensors for a batch, without dropout.

    Args:
        decoder: a class that holds symbolic Keras tensors.
        images: (B, 2048) float32.
        sentences: (B, T) int32.
        names: of the tensors.

    Raises:
        Stopped: a tensor is missing or does not come from the inputs. Also whatever Keras raises.
    """
    from keras import ops

    values = model_of(decoder, names)([images, sentences], training=False)
    return {name: np.asarray(ops.convert_to_numpy(value)) for name, value in values.items()}


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
    hints = {
        "flat_loss_mask": "The mask has the wrong type: it should be a tensor with a truth value for each word, which "
                          "ops.not_equal(decoder.flat_ground_truth, pad_idx) makes; == compares no values here.",
        "c0": "decoder.c0 does not come from the image: use the same state as for decoder.h0.",
    }
    hint = hints.get(name, f"decoder.{name} should be a tensor that comes from the decoder's inputs.")
    raise Stopped(Problem(hint, "a Keras tensor", f"{type(tensor).__name__}: {short(tensor)}"))


def random_batch(decoder, vocab):
    """Random photos and captions as the service makes them.

    Returns:
        (32, 2048) float32 in [0, 1) and (32, 20) int32 in 0..V-1.
    """
    rng = np.random.default_rng(SEED)
    images = rng.random((BATCH, embedding_width(decoder)), dtype=np.float32)
    return images, rng.integers(0, len(vocab), (BATCH, MAX_LEN)).astype(np.int32)


def embedding_width(decoder) -> int:
    """How many values the decoder takes of a photo: 2,048 from InceptionV3."""
    return _tensor(decoder, "img_embeds").shape[-1]


def padded_batch(decoder, vocab):
    """As random_batch, with captions of 3 to 20 tokens: START, words, END, then PAD."""
    images, sentences = random_batch(decoder, vocab)
    rng = np.random.default_rng(SEED)
    sentences[:] = rng.choice(_words(vocab), sentences.shape)
    sentences[:, 0] = vocab[START]
    for row, length in enumerate(rng.integers(3, MAX_LEN + 1, BATCH)):
        sentences[row, length - 1] = vocab[END]
        sentences[row, length:] = vocab[PAD]
    return images, sentences


def _words(vocab):
    """(V - 4,) int32: the indices that are not special tokens."""
    return np.array([index for token, index in vocab.items() if token not in (PAD, UNK, START, END)], dtype=np.int32)


@dataclass(frozen=True)
class _Probe:
    """One batch that shows what each tensor depends on.

    Row 0 is a caption. Row 1 + c differs from it in column c only. The last row differs in its photo only.
    """

    images: np.ndarray              # (B, 2048) float32
    sentences: np.ndarray           # (B, T) int32
    values: dict[str, np.ndarray]   # of the tensors that could be computed
    errors: dict[str, Stopped]      # why the others could not

    def photo_matters(self, name) -> bool:
        """Whether the tensor changes with the photo."""
        rows = self._rows(name, 1)
        return bool((np.abs(rows[0] - rows[-1]) > DIFFERENT).any())

    def words_that_matter(self, name, positions):
        """(T, positions) bool: whether the tensor at a position changes with the token in a column."""
        rows = self._rows(name, positions)
        return (np.abs(rows[1:-1] - rows[:1]) > DIFFERENT).any(-1)

    def _rows(self, name, positions) -> np.ndarray:
        """The tensor as (B, positions, values at a position)."""
        return self.values[name].astype("float64").reshape(len(self.images), positions, -1)


def _probe(decoder, vocab, names) -> _Probe:
    """Some of the decoder's tensors for the probing batch, or why each could not be computed."""
    rng = np.random.default_rng(SEED)
    words = rng.choice(_words(vocab), 2 * PROBE_LEN, replace=len(_words(vocab)) < 2 * PROBE_LEN)
    sentences = np.tile(words[:PROBE_LEN], (PROBE_LEN + 2, 1))
    for column in range(PROBE_LEN):
        sentences[1 + column, column] = words[PROBE_LEN + column]
    width = embedding_width(decoder)
    images = np.tile(rng.random((1, width), dtype=np.float32), (len(sentences), 1))
    images[-1] = rng.random(width, dtype=np.float32)
    probe = _Probe(images, sentences, {}, {})
    for name in names:             # one by one, so that a wrong one does not hide the others
        if name == "c0" and getattr(decoder, "c0", None) is None:
            continue                                # not asked for: h0 may serve as both
        try:
            probe.values.update(evaluate(decoder, images, sentences, [name]))
        except Stopped as stopped:
            probe.errors[name] = stopped
        except Exception as error:
            probe.errors[name] = Stopped(Problem(
                f"decoder.{name} fails for {len(sentences)} captions of {PROBE_LEN} tokens. Is the size of a batch or "
                "of a caption written in it as a number? ops.reshape takes -1 for what changes.",
                came=one_line(error)))
    return probe


# ------------------------------------------------------------------------------------------------------ the check

def shapes_answer(decoder, vocab) -> str:
    """What the service asks for: the sizes of the seven tensors, one after the other."""
    values = evaluate(decoder, *random_batch(decoder, vocab))
    return reprs(size for name in TENSORS for size in values[name].shape)


def decoder_problems(decoder, vocab, step: str = "") -> Iterator[Problem]:
    """What is wrong with the decoder's tensors.

    It looks at them in the order of the data and stops at the first wrong one, because the others depend on it.

    Args:
        decoder: a class that holds symbolic Keras tensors.
        vocab: {token: index}.
        step: looks only at the tensors of this key of STEPS; later ones may be absent.

    Raises:
        Stopped: a tensor can't be computed.
    """
    names = STEPS[step] if step else [name for names in STEPS.values() for name in names]
    probe = _probe(decoder, vocab, {"h0", "c0", *names})
    looks = {
        "h0": lambda: _state_problems("h0", probe),
        "c0": lambda: _state_problems("c0", probe),
        "word_embeds": lambda: _input_word_problems(probe),
        "flat_hidden_states": lambda: _hidden_problems(decoder, probe),
        "flat_token_logits": lambda: logit_problems(probe.values["flat_token_logits"]),
        "flat_ground_truth": lambda: _truth_problems(probe),
        "flat_loss_mask": lambda: _mask_problems(decoder, vocab),
        "loss": lambda: (),
    }
    for name in names:
        if name in probe.errors:
            raise probe.errors[name]
        problems = [*looks[name](), *_shape_problems(name, probe, len(vocab))] if name in probe.values else []
        if problems:
            yield problems[0]
            return
    if not step:
        yield from list(_layer_problems(decoder)) or _bottleneck_problems(decoder, vocab)


def _shape_problems(name, probe, vocab_size):
    """Does the tensor have its shape?"""
    came = probe.values[name].shape
    batch, length = probe.sentences.shape
    expected = TENSORS["h0" if name == "c0" else name](batch, length, vocab_size)
    if came != expected:
        yield Problem(f"decoder.{name} has the wrong shape for {batch} captions of {length} tokens and a vocabulary of "
                      f"{vocab_size}.", str(expected), str(came))


def _state_problems(name, probe):
    """Does the state depend on the photo?"""
    if not probe.photo_matters(name):
        yield Problem(f"decoder.{name} does not come from the image: two photos give the same {name}. Send "
                      "decoder.img_embeds through its bottleneck, then to the state.",
                      "two different states", "the same state twice")


def _input_word_problems(probe):
    """Which words does the LSTM read? Position p should show the token in column p, and the last token be left out."""
    if probe.values["word_embeds"].ndim != 3:
        return                  # the shape says it better
    positions = probe.values["word_embeds"].shape[1]
    matters = probe.words_that_matter("word_embeds", positions)
    steps_ahead = next((by for by in (0, -1, 1) if matters.any()
                        and np.array_equal(matters, np.eye(PROBE_LEN, positions, by, dtype=bool))), None)
    if steps_ahead == 0 and positions == PROBE_LEN:
        yield Problem("The last word is fed as input too, but nothing is to be predicted after it: feed "
                      "sentences[:, :-1].", f"{PROBE_LEN - 1} words for {PROBE_LEN} tokens", f"{positions} words")
    elif steps_ahead == -1:
        yield Problem("The inputs are shifted the wrong way, so the decoder reads the very word that it has to "
                      "predict: feed sentences[:, :-1].", "token 0 at position 0", "token 1 at position 0")
    elif steps_ahead == 1:
        yield Problem("START is fed twice: the sentences begin with it already, so feed sentences[:, :-1] as they are.",
                      "token 1 at position 1", "token 0 at position 1")
    elif not matters.any():
        yield Problem("decoder.word_embeds does not depend on decoder.sentences.")
    elif steps_ahead is None:
        yield Problem("decoder.word_embeds should hold at each position the embedding of the token there, of "
                      "sentences[:, :-1].")


def _truth_problems(probe):
    """Are all tokens but the first of each caption there, in the right order?"""
    came, sentences = probe.values["flat_ground_truth"], probe.sentences
    right = sentences[:, 1:].ravel()
    if not np.array_equal(came, right):
        hint = _named(came, {
            "The ground truth is not shifted: having read token p, the decoder should say token p + 1. Use "
            "sentences[:, 1:].": sentences[:, :-1].ravel(),
            "The first token is in the ground truth too, but START is never predicted. Use sentences[:, 1:].":
                sentences.ravel(),
            "The ground truth is flattened column by column, the hidden states row by row.":
                sentences[:, 1:].T.ravel(),
            "The ground truth is not flattened.": sentences[:, 1:],
        }, otherwise="decoder.flat_ground_truth should be sentences[:, 1:] in one row.")
        yield Problem(hint, short(right[:12]), short(came.ravel()[:12]))


def _hidden_problems(decoder, probe):
    """Does each hidden state depend on the photo and on the words up to its own place only?"""
    shape = probe.values["flat_hidden_states"].shape
    if shape == (len(probe.images), STATE_SIZE):
        yield Problem("Only the last hidden state is there: the LSTM needs return_sequences=True.",
                      "a state for each word", "a state for each caption")
    if shape != (len(probe.images) * (PROBE_LEN - 1), STATE_SIZE):
        return                  # the shape says it better
    matters = probe.words_that_matter("flat_hidden_states", PROBE_LEN - 1)
    if not matters.any():
        yield Problem("decoder.flat_hidden_states does not depend on the words: give decoder.word_embeds to the LSTM.")
    elif not np.array_equal(matters, np.triu(np.ones_like(matters))):
        yield Problem("decoder.flat_hidden_states mixes captions up or sees later words. Each state should know the "
                      f"words up to its own place only; flatten with ops.reshape(hidden_states, (-1, {STATE_SIZE})).")
    elif not probe.photo_matters("flat_hidden_states"):
        yield Problem("The LSTM does not see the image: h0 and c0 are not its first state. Give it "
                      "initial_state=[h0, c0].")
    else:
        yield from _first_state_problems(decoder, probe)


def _first_state_problems(decoder, probe):
    """Does the first hidden state follow from both h0 and c0? The decoder's own LSTM cell tells."""
    import keras

    lstms = [layer for layer in model_of(decoder, ["flat_hidden_states"]).layers
             if isinstance(layer, keras.layers.LSTM)]
    if len(lstms) != 1:
        return                  # built in another style
    h0 = probe.values["h0"]
    c0 = probe.values.get("c0", h0)
    zeros = np.zeros_like(h0)
    came = probe.values["flat_hidden_states"].reshape(len(h0), -1, STATE_SIZE)[:, 0]
    for forgotten, state in {"": [h0, c0], "c0": [h0, zeros], "h0": [zeros, c0]}.items():
        if np.allclose(came, lstms[0].cell(probe.values["word_embeds"][:, 0], state)[0], atol=1e-5):
            if forgotten:
                yield Problem(f"{forgotten} of the LSTM does not come from the image: give it initial_state=[h0, c0].",
                              f"{forgotten} = decoder.{forgotten}", f"{forgotten} = 0")
            return


def logit_problems(logits: np.ndarray) -> Iterator[Problem]:
    """Are they logits and not probabilities? logits: (N, V)."""
    if logits.ndim == 2 and logits.min() >= 0 and np.allclose(logits.sum(-1), 1, atol=1e-3):
        yield Problem("softmax is applied before the loss: decoder.flat_token_logits are probabilities already. Leave "
                      "the last layer without an activation; the loss takes logits.",
                      "any real numbers", "rows that sum to 1")


def _mask_problems(decoder, vocab):
    """Is the mask True for words and False for padding?"""
    images, sentences = padded_batch(decoder, vocab)
    came = evaluate(decoder, images, sentences, ["flat_loss_mask"])["flat_loss_mask"]
    is_word = sentences[:, 1:].ravel() != vocab[PAD]
    if came.shape != is_word.shape:
        return                  # the shape says it better
    if came.dtype.kind not in "biuf" or not np.isin(came, (0, 1)).all():
        yield Problem("The mask has the wrong type: it should hold True for a word and False for PAD (or 1 and 0), as "
                      "ops.not_equal(decoder.flat_ground_truth, pad_idx) does.", "True and False",
                      f"{came.dtype}: {short(came[:12])}")
    elif not np.array_equal(came, is_word):
        hint = _named(came, {
            "The mask is inverted: it should be True for words and False for PAD.": ~is_word,
            "The mask leaves nothing out: it should be False where the ground truth is PAD.": np.ones_like(is_word),
            "The mask belongs to the input words: make it from decoder.flat_ground_truth, which is one word ahead.":
                sentences[:, :-1].ravel() != vocab[PAD],
        }, otherwise=f"The mask should be False where the ground truth is vocab[PAD] = {vocab[PAD]}, True elsewhere.")
        yield Problem(hint, f"{is_word.sum()} of {is_word.size} words count",
                      f"{int(came.sum())} of {came.size} words count")


def _named(came, mistakes, otherwise):
    """The hint of the mistake that explains what came. mistakes: {hint: the value that this mistake gives}."""
    return next((hint for hint, value in mistakes.items() if np.array_equal(came, value)), otherwise)


def _layer_problems(decoder):
    """The first given layer that is unused or in another place. Layers that the decoder does not have don't count."""
    import keras

    for tensor, uses in GIVEN_LAYERS.items():
        if getattr(decoder, tensor, None) is None:
            continue                # c0, where h0 serves as both
        layers = list(_layers_of(model_of(decoder, [tensor])))
        names = [name for name in uses if isinstance(getattr(decoder, name, None), keras.Layer)]
        unused = [name for name in names if getattr(decoder, name) not in layers]
        if unused:
            yield Problem(f"decoder.{unused[0]} is not used for decoder.{tensor}: {uses[unused[0]]}.")
            return
        came = sorted(names, key=lambda name: layers.index(getattr(decoder, name)))
        if came != names:
            yield Problem(f"The layers on the way to decoder.{tensor} stand in another order.", ", ".join(names),
                          ", ".join(came))
            return


def _layers_of(model):
    """All layers of a model and of the models in it, in the order of the data."""
    for layer in model.layers:
        yield layer
        yield from _layers_of(layer) if hasattr(layer, "layers") else ()


def _bottleneck_problems(decoder, vocab):
    """Do the bottlenecks have their sizes? No shape of the seven tensors shows them."""
    shapes = {tuple(weight.shape[-2:]) for weight in model_of(decoder, ["flat_token_logits"]).weights}
    sizes = ("image", embedding_width(decoder), STATE_SIZE), ("logits", STATE_SIZE, len(vocab))
    for name, size_in, size_out in sizes:
        if not shapes.issuperset({(size_in, BOTTLENECK), (BOTTLENECK, size_out)}):
            yield Problem(f"The bottleneck of the {name} is missing or has another size.",
                          f"{size_in} to {BOTTLENECK} to {size_out} values",
                          f"weights of shapes {some((shape for shape in shapes if len(shape) == 2), 12)}")
