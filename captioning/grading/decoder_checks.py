"""The check of the decoder's tensors: shapes, and which words and photos each of them depends on."""

from collections.abc import Iterator

import numpy as np
from scipy.special import logsumexp

from captioning.datasets.tokens import PAD
from captioning.grading import given_layers, target_checks
from captioning.grading.decoder_probe import (
    MAX_LEN,
    PROBE_LEN,
    SEED,
    embedding_width,
    evaluate,
    model_of,
    probe,
    random_batch,
    value_of,
    words_of,
)
from captioning.grading.report import Problem, reprs, some

STATE_SIZE, WORD_EMBED_SIZE, BOTTLENECK = 300, 100, 120
FEWEST_WAYS = 4                     # independent ways in which a state should change with a photo; it has up to 120

ONE_NUMBER = "The loss should be one number for the whole batch: the mean over its words."

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

_FLATTEN = f"ops.reshape(…, [-1, {STATE_SIZE}])"

# The tensors of each step of the exercise, in the order of the data. c0 may be absent: h0 then serves as both.
STEPS = {
    "states": ("h0", "c0"),
    "words in": ("word_embeds",),
    "logits": ("flat_hidden_states", "flat_token_logits"),
    "loss": ("flat_ground_truth", "flat_loss_mask", "loss"),
}
NEEDED_BEFORE = {"states": (), "words in": (), "logits": ("h0", "c0", "word_embeds"), "loss": ()}


def shapes_answer(decoder, vocab) -> str:
    """What the service asks for: the sizes of the seven tensors, one after the other."""
    values = evaluate(decoder, *random_batch(decoder, vocab), TENSORS)
    return reprs(size for name in TENSORS for size in values[name].shape)


def decoder_problems(decoder, vocab) -> Iterator[Problem]:
    """What is wrong with the decoder's tensors.

    It looks at them in the order of the data and stops at the first wrong one, because the others depend on it.

    Args:
        decoder: a class that holds symbolic Keras tensors.
        vocab: {token: index}.

    Raises:
        Stopped: a tensor can't be computed.
    """
    names = [name for names in STEPS.values() for name in names]
    yield from _first_problems(decoder, vocab, names, probe(decoder, words_of(vocab), names))


def step_problems(decoder, vocab, step: str) -> Iterator[Problem]:
    """As decoder_problems, for the tensors of one of STEPS. Those of later steps may be absent."""
    names = STEPS[step]
    if step == "states" and hasattr(decoder, "h0") and not hasattr(decoder, "c0"):
        yield Problem("decoder.c0 is missing: assign the state to it too, as later cells read both decoder.h0 and "
                      "decoder.c0.", "a tensor decoder.c0")
        return
    yield from _first_problems(decoder, vocab, names, probe(decoder, words_of(vocab), [*NEEDED_BEFORE[step], *names]))


def _first_problems(decoder, vocab, names, found):
    """The problems of the first wrong tensor: of its values first, then of the layers that it comes from."""
    looks = {
        "h0": lambda: _state_problems("h0", decoder, found),
        "c0": lambda: _state_problems("c0", decoder, found),
        "word_embeds": lambda: _input_word_problems(decoder, vocab, found),
        "flat_hidden_states": lambda: _hidden_problems(decoder, found),
        "flat_token_logits": lambda: _logits_problems(decoder, found),
        "flat_ground_truth": lambda: target_checks.truth_problems(found),
        "flat_loss_mask": lambda: target_checks.mask_problems(decoder, vocab),
        "loss": lambda: (),
    }
    for name in names:
        if name in found.errors:
            raise found.errors[name]
        if name not in found.values:
            continue                    # c0, where h0 serves as both
        problems = [*looks[name](), *_shape_problems(name, found, len(vocab))]
        if problems:
            yield problems[0]
            return
    present = [name for name in names if name in found.values]
    yield from (list(given_layers.problems(decoder, present, found))
                or list(_bottleneck_problems(decoder, vocab, present))
                or given_layers.training_problems(decoder, present, found))


def _shape_problems(name, found, vocab_size):
    """Does the tensor have its shape?"""
    came = found.values[name].shape
    batch, length = found.sentences.shape
    expected = TENSORS["h0" if name == "c0" else name](batch, length, vocab_size)
    if came == expected:
        return
    if name == "loss":
        yield Problem(ONE_NUMBER, str(expected), str(came))
        return
    if np.prod(came) == np.prod(expected) and came[-1] == expected[-1] and len(came) > len(expected):
        yield Problem(f"decoder.{name} is not flattened: use ops.reshape(…, [-1, {expected[-1]}]).", str(expected),
                      str(came))
        return
    of_words = f" of {length} tokens and a vocabulary of {vocab_size}" if name not in ("h0", "c0") else ""
    yield Problem(f"decoder.{name} has the wrong shape for {batch} captions{of_words}.", str(expected), str(came))


def _batch_problems(name, found):
    """Is the tensor the same each time, and the same for a caption alone as in a batch?"""
    if found.is_random(name):
        yield Problem(f"decoder.{name} changes from one time to the next, also outside training. Use the given dropout "
                      "layers, which rest then, and leave training=True out.",
                      "the same values twice", "two different values")
    elif found.mixes_captions(name):
        if found.goes_by_place(name):
            advice = f"The rows stand place by place: leave ops.transpose out, and flatten with {_FLATTEN}."
        elif name in ("h0", "c0"):
            advice = "Take out what mixes photos: a mean over axis 0, or a reshape."
        else:
            advice = f"Flatten with {_FLATTEN}, and take out what mixes captions, such as a mean over axis 0."
        yield Problem(f"decoder.{name} mixes captions up: what it gives for one depends on the others of the batch. "
                      f"{advice}", "the same values for a caption alone as in a batch", "different values")


# ---------------------------------------------------------------------------------------------------------- states

def _state_problems(name, decoder, found):
    """Does the state depend on the photo, and on all its numbers?"""
    if found.values[name].ndim != 2 or len(found.values[name]) != len(found.images):
        return                  # the shape says it better
    mixed = list(_batch_problems(name, found))
    if mixed:
        yield from mixed
    elif not found.photo_matters(name):
        zero = given_layers.weights_of_zeros(model_of(decoder, [name]))
        if zero:
            yield Problem(f"The weights {some(zero)} are all 0, so nothing of the photo gets through, and training "
                          "can't change that: leave kernel_initializer out.", "small random weights", "zeros")
        advice = ("Use the same state as for decoder.h0." if name == "c0" else
                  f"Send {_image_of(decoder)} through its bottleneck, then to the state.")
        yield Problem(f"decoder.{name} does not come from the image: two photos give the same {name}. {advice}",
                      "two different states", "the same state twice")
    else:
        yield from _photo_number_problems(name, decoder, found)


def _photo_number_problems(name, decoder, found):
    """Does each number of the photo matter, in its own way?"""
    slopes = _slopes(model_of(decoder, [name]), name, found)
    width = slopes.shape[1]
    matter = np.count_nonzero(np.abs(slopes).max(axis=0))
    if not matter:
        yield Problem(f"No gradient comes from decoder.{name} back to the photo, so its layers can't learn: take out "
                      "what has none, such as stop_gradient, argmax or rounding.")
    elif matter < 0.9 * width:
        yield Problem(f"decoder.{name} depends on a part of the photo's numbers only: send all of {_image_of(decoder)} "
                      "to the bottleneck.", f"{width:,} numbers", f"{matter:,} numbers")
    elif np.linalg.matrix_rank(slopes, tol=1e-3 * np.abs(slopes).max()) < FEWEST_WAYS:
        yield Problem(f"decoder.{name} depends on one sum of the photo's numbers, such as their mean, and not on each "
                      f"of them: send {_image_of(decoder)} to the bottleneck as it is.",
                      f"{width:,} numbers that count by themselves", "a sum of them")


def _image_of(decoder) -> str:
    """What the notebook calls the embeddings that go to the bottleneck."""
    return "decoder.image" if hasattr(decoder, "image") else "decoder.img_embeds"


def _slopes(model, name, found):
    """(8, 2048): slopes of eight random mixtures of the state's values along each number of a photo."""
    import tensorflow as tf

    images = tf.constant(np.tile(found.images[:1], (8, 1)))
    sentences = tf.constant(np.tile(found.sentences[:1], (8, 1)))
    mixtures = np.random.default_rng(SEED).normal(size=(8, found.values[name].shape[-1]))
    with tf.GradientTape() as tape:
        tape.watch(images)
        total = tf.reduce_sum(model([images, sentences], training=False)[name] * mixtures.astype(np.float32))
    slopes = tape.gradient(total, images)
    return np.zeros(images.shape) if slopes is None else np.asarray(slopes)


# -------------------------------------------------------------------------------------------------------- words in

def _input_word_problems(decoder, vocab, found):
    """Which words does the LSTM read? Position p should show the token in column p, and the last token be left out."""
    if found.values["word_embeds"].ndim != 3 or len(found.values["word_embeds"]) != len(found.images):
        return                  # the shape says it better
    matters = found.words_that_matter("word_embeds")
    positions = matters.shape[1]
    steps_ahead = next((by for by in (0, -1, 1) if matters.any()
                        and np.array_equal(matters, np.eye(PROBE_LEN, positions, by, dtype=bool))), None)
    if steps_ahead == 0 and positions == PROBE_LEN:
        yield Problem("The last word is fed as input too, but nothing is to be predicted after it: feed "
                      "sentences[:, :-1].", f"{PROBE_LEN - 1} words for {PROBE_LEN} tokens", f"{positions} words")
    elif steps_ahead == 0 and positions < PROBE_LEN - 1:
        yield Problem("Words at the end are left out: feed all but the last, sentences[:, :-1].",
                      f"{PROBE_LEN - 1} words for {PROBE_LEN} tokens", f"{positions} words")
    elif steps_ahead == -1:
        yield Problem("The inputs are shifted the wrong way, so the decoder reads the very word that it has to "
                      "predict: feed sentences[:, :-1].", "token 0 at position 0", "token 1 at position 0")
    elif steps_ahead == 1:
        yield Problem("START is fed twice: the sentences begin with it already, so feed sentences[:, :-1] as they are.",
                      "token 1 at position 1", "token 0 at position 1")
    elif not matters.any():
        yield Problem("decoder.word_embeds does not depend on decoder.sentences: send sentences[:, :-1] through "
                      "word_embed, and not the image.")
    elif np.array_equal(matters, np.eye(PROBE_LEN, positions, dtype=bool)[:, ::-1]):
        yield Problem("The words are in reverse order: feed sentences[:, :-1] as they are.",
                      "token 0 at position 0", f"token {positions - 1} at position 0")
    elif steps_ahead is None:
        position = int(np.argmax((matters != np.eye(PROBE_LEN, positions, dtype=bool)).any(axis=0)))
        yield Problem("decoder.word_embeds should hold at each position the embedding of the token there alone. Take "
                      "out what mixes positions, such as a mean or a sum over axis 1.",
                      f"token {position} at position {position}",
                      f"tokens {some(np.flatnonzero(matters[:, position]).tolist())} at position {position}")
    else:
        yield from [*_batch_problems("word_embeds", found), *_shared_embedding_problems(decoder, vocab)]


def _shared_embedding_problems(decoder, vocab):
    """Does each token have an embedding of its own?"""
    tokens, words = list(vocab), MAX_LEN - 1
    indices = np.resize(np.array(list(vocab.values()), np.int32), (-(-len(tokens) // words), words))
    sentences = np.pad(indices, ((0, 0), (0, 1)), constant_values=vocab[PAD])       # the last token is not fed
    rows = value_of(decoder, "word_embeds", sentences).reshape(indices.size, -1)[:len(tokens)]
    _, group, sizes = np.unique(rows, axis=0, return_inverse=True, return_counts=True)
    alike = [token for token, size in zip(tokens, sizes[group.ravel()]) if size > 1]
    if alike:
        yield Problem("Some tokens share an embedding, so the decoder can't tell them apart: send the indices to the "
                      "embedding as they are.", f"{len(tokens)} different embeddings",
                      f"{len(sizes)} different ones, so {some(alike)} share theirs")


# ---------------------------------------------------------------------------------------------------------- logits

def _hidden_problems(decoder, found):
    """Does each hidden state depend on the photo and on the words up to its own place only?"""
    shape = found.values["flat_hidden_states"].shape
    if shape == (len(found.images), STATE_SIZE):
        all_there = len(getattr(getattr(decoder, "hidden_states", None), "shape", ())) == 3
        cause = "take all of hidden_states, and not [:, -1]" if all_there else "the LSTM needs return_sequences=True"
        yield Problem(f"Only the last hidden state of each caption is there: {cause}.",
                      "a state for each word", "a state for each caption")
    if shape != (len(found.images) * (PROBE_LEN - 1), STATE_SIZE):
        return                  # the shape says it better
    advice = f"flatten with ops.reshape(hidden_states, [-1, {STATE_SIZE}])."
    problems = list(_dependence_problems("flat_hidden_states", decoder, found, advice))
    yield from problems or given_layers.first_state_problems(decoder, found)


def _logits_problems(decoder, found):
    """Are they logits, each row for the photo and the words up to its own place?"""
    logits = found.values["flat_token_logits"]
    problems = list(logit_problems(logits))
    if not problems and logits.ndim == 2 and len(logits) == len(found.images) * (PROBE_LEN - 1):
        problems = list(_dependence_problems(
            "flat_token_logits", decoder, found, "send flat_hidden_states through the layers for logits."))
    yield from problems


def _dependence_problems(name, decoder, found, advice):
    """Does the tensor depend on the photo and, at each place, on the words up to there?"""
    matters = found.words_that_matter(name)
    right = np.triu(np.ones_like(matters))
    mixed = list(_batch_problems(name, found))
    if mixed:
        yield from mixed
    elif not matters.any():
        yield Problem(f"decoder.{name} does not depend on the words: give decoder.word_embeds to the LSTM.")
    elif (matters & ~right).any():
        cause = _cause_of_later_words(matters, given_layers.other_steps(decoder, name, found))
        yield Problem(f"decoder.{name} sees later words: at each place it should know the words up to there only. "
                      f"{cause}; {advice}")
    elif not np.array_equal(matters, right):
        yield Problem(f"decoder.{name} does not know all words before its place: let the LSTM read all of word_embeds; "
                      f"{advice}")
    elif not found.photo_matters(name):
        yield Problem("The LSTM does not see the image: h0 and c0 are not its first state. Give it "
                      "initial_state=[h0, c0].")


def _cause_of_later_words(matters, others) -> str:
    """What lets a tensor see later words. matters: (T, positions) bool; others: names of layers that are not given."""
    token, position = np.indices(matters.shape)
    last = matters.shape[1] - 1
    if np.array_equal(matters, (token >= last - position) & (token <= last)):
        return "The LSTM reads from right to left: leave go_backwards out"
    if np.array_equal(matters, token <= last - position):
        return "The states stand in reverse order: leave [:, ::-1] or ops.flip out"
    return f"Take {some(others)} out" if others else "The LSTM reads from left to right"


def logit_problems(logits: np.ndarray) -> Iterator[Problem]:
    """Are they logits and not probabilities? logits: (N, V)."""
    if logits.ndim != 2 or not np.isfinite(logits).all():
        return
    if np.allclose(logsumexp(logits, axis=-1), 0, atol=1e-4):
        yield Problem("log_softmax is applied to decoder.flat_token_logits already: leave it out; the loss does it.",
                      "any real numbers", "logarithms of probabilities")
    if logits.min() < 0:
        return
    if np.allclose(logits.sum(-1), 1, atol=1e-3):
        yield Problem("softmax is applied before the loss: decoder.flat_token_logits are probabilities already. Leave "
                      "the last layer without an activation; the loss takes logits.",
                      "any real numbers", "rows that sum to 1")
    else:
        yield Problem("decoder.flat_token_logits are never negative: leave the last layer without an activation.",
                      "any real numbers", f"{logits.min():.3g} to {logits.max():.3g}")


def _bottleneck_problems(decoder, vocab, names):
    """Do the bottlenecks have their sizes? No shape of the seven tensors shows them."""
    sizes = {"h0": ("image", embedding_width(decoder), STATE_SIZE),
             "flat_token_logits": ("logits", STATE_SIZE, len(vocab))}
    for tensor, (name, size_in, size_out) in sizes.items():
        if tensor not in names:
            continue
        shapes = {tuple(weight.shape[-2:]) for weight in model_of(decoder, [tensor]).weights}
        if not shapes.issuperset({(size_in, BOTTLENECK), (BOTTLENECK, size_out)}):
            yield Problem(f"The bottleneck of the {name} is missing or has another size.",
                          f"{size_in} to {BOTTLENECK} to {size_out} values",
                          f"weights of shapes {some((shape for shape in shapes if len(shape) == 2), 12)}")
