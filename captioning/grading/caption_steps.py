"""Does the decoder write captions with the same function that it was trained with?

In training it reads a whole caption at once; at captioning time it reads word by word. The same words must give the
same predictions both ways.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from scipy.special import log_softmax

from captioning.grading.decoder_probe import SEED, embedding_width, evaluate, model_of
from captioning.grading.report import Problem, Stopped, one_line

CAPTIONS, LENGTH = 4, 6             # of the probe
TOLERANCE = 1e-3                    # of the largest value: GPUs round this much
SAME_LAYERS = "Use the same layers, in the same order, in class decoder and in class final_model."
PARTS = "initial_state", "one_step"
TAKES_AND_GIVES = {                 # by the number of outputs
    2: "It should take decoder.img_embeds and give [h, c].",
    3: "It should take [word, h, c] and give [logits, h, c], in this order.",
}


@dataclass(frozen=True)
class Steps:
    """How captions are written.

    Attributes:
        initial_state: (B, 2048) float32 embeddings -> h, c, each (B, 300).
        one_step: [word (B,) int32, h, c] -> logits (B, V), h, c.
        name: where they come from, for messages.
    """

    initial_state: Callable
    one_step: Callable
    name: str = "final_model"


def steps_of(decoder, final_model) -> Steps | None:
    """The steps of final_model; if it is None, those of the decoder's layers. Raises Stopped if it lacks one."""
    return steps_of_layers(decoder) if final_model is None else steps_of_model(final_model)


def steps_of_model(final_model) -> Steps:
    """The steps of the notebook's final_model. Raises Stopped if it lacks one."""
    for part in PARTS:
        if not callable(getattr(final_model, part, None)):
            raise Stopped(Problem(f"final_model.{part} is missing.", f"a Keras model final_model.{part}"))
    return Steps(*(getattr(final_model, part) for part in PARTS))


def steps_of_layers(decoder) -> Steps | None:
    """The steps that the notebook's final_model makes of the decoder's layers; None if a layer is missing."""
    names = ("lstm", "word_embed", "token_logits_bottleneck", "token_logits")
    layers = [getattr(decoder, name, None) for name in names]
    if not all(callable(layer) and getattr(layer, "built", True) for layer in layers) or not hasattr(layers[0], "cell"):
        return None
    lstm, word_embed, bottleneck, token_logits = layers
    states = _states_of(decoder)
    model = model_of(decoder, states)

    def initial_state(images):
        found = model([images, np.zeros((len(images), 2), np.int32)])
        return found[states[0]], found[states[-1]]

    def one_step(inputs):
        word, h, c = inputs
        new_h, (_, new_c) = lstm.cell(word_embed(word), [h, c])
        return token_logits(bottleneck(new_h)), new_h, new_c

    return Steps(initial_state, one_step, "the given layers, one word at a time")


def _states_of(decoder) -> list[str]:
    """The names of the decoder's first state: h0 may serve as both."""
    return ["h0", "c0"] if getattr(decoder, "c0", None) is not None else ["h0"]


def same_function_problems(decoder, steps: Steps, start: int, words) -> Iterator[Problem]:
    """Where the predictions for whole captions and those of single steps part, for random words and photos.

    Args:
        decoder: a class that holds symbolic Keras tensors.
        steps: how captions are written.
        start: index of START.
        words: (W,) indices of words.

    Raises:
        Stopped: one of the two can't be computed.
    """
    rng = np.random.default_rng(SEED)
    images = rng.normal(size=(CAPTIONS, embedding_width(decoder))).astype(np.float32)
    sentences = rng.choice(words, (CAPTIONS, LENGTH)).astype(np.int32)
    sentences[:, 0] = start
    states = _states_of(decoder)
    names = [*states, "flat_hidden_states", "flat_token_logits"]
    at_once = evaluate(decoder, images, sentences, names)
    h, c = _outputs(steps.initial_state, images, f"{steps.name}: initial_state", 2)
    apart = _first_apart({"h0": (at_once["h0"], h), "c0": (at_once[states[-1]], c)})
    hidden, logits = (at_once[name].reshape(CAPTIONS, LENGTH - 1, -1) for name in names[-2:])
    path = []
    for place in range(LENGTH - 1):
        path.append([sentences[:, place], h, c])
        came, h, c = _outputs(steps.one_step, path[-1], f"{steps.name}: one_step", 3)
        if not apart and _apart(hidden[:, place], h):
            apart = _where_states_part(decoder, steps.one_step, hidden[:, place], path, c)
        if _apart(*map(_log_probabilities, (logits[:, place], came))):
            yield _difference(apart or f"the logits after word {place + 1}", logits[:, place], came, steps.name)
            return


def _where_states_part(decoder, one_step, expected, path, c) -> str:
    """Where the state h after a step is another one than in training.

    Args:
        decoder: a class that holds symbolic Keras tensors.
        one_step: as in Steps.
        expected: (B, 300) of h after the last step.
        path: [word, h, c] that the steps so far took.
        c: (B, 300) that the last step gave.
    """
    word, h_before, c_before = path[-1]
    if not _apart(expected, c):
        return f"the states after word {len(path)}: one_step gives h and c in the wrong order"
    if not _apart(expected, np.asarray(one_step([word, c_before, h_before])[1])):
        return f"the state h after word {len(path)}: one_step hands h and c to the cell in the wrong order"
    if len(path) > 1 and not _is_cells_c(decoder, path[-2], c_before):
        return f"the state c after word {len(path) - 1}: one_step should give the cell's new c"
    return f"the state h after word {len(path)} (decoder.flat_hidden_states)"


def _is_cells_c(decoder, inputs, c) -> bool:
    """Whether c is what the given LSTM makes of [word, h, c]; False also if the decoder has no such layers."""
    cell, embed = getattr(getattr(decoder, "lstm", None), "cell", None), getattr(decoder, "word_embed", None)
    if not (callable(cell) and callable(embed)):
        return False
    word, *states = inputs
    return not _apart(np.asarray(cell(embed(word), states)[1][1]), c)


def _difference(where, expected, came, name) -> Problem:
    """The problem of predictions that differ."""
    if came.min() >= 0 and np.allclose(came.sum(-1), 1, atol=1e-3):
        return Problem("final_model.one_step gives probabilities, but the caption writer takes the softmax itself: "
                       "leave softmax out.", "logits", "rows that sum to 1")
    if expected.shape != came.shape:
        return Problem("The logits of one step have another shape than those of a whole caption. "
                       f"{TAKES_AND_GIVES[3]}", str(expected.shape), str(came.shape))
    gap = np.abs(_log_probabilities(expected) - _log_probabilities(came)).max()
    return Problem(f"Captions are not written by the function that was trained: they first differ at {where}. "
                   f"{SAME_LAYERS}",
                   f"the same predictions from decoder.flat_token_logits and {name}",
                   f"log-probabilities up to {gap:.2g} apart")


def _outputs(model, inputs, name, count):
    """A model's outputs as arrays. Raises Stopped if it fails or if they are not `count`."""
    order = TAKES_AND_GIVES[count]
    try:
        outputs = model(inputs)                     # as the notebook's cells call it, without a word on training
        outputs = [np.asarray(output) for output in (outputs if isinstance(outputs, (list, tuple)) else [outputs])]
    except Exception as error:
        raise Stopped(Problem(f"{name} fails. {order}", came=one_line(error))) from None
    if len(outputs) != count:
        raise Stopped(Problem(f"{name} has the wrong number of outputs. {order}", str(count), str(len(outputs))))
    return outputs


def _first_apart(pairs) -> str:
    """The name of the first pair that is not equal, or ""."""
    return next((name for name, pair in pairs.items() if _apart(*pair)), "")


def _apart(expected, came) -> bool:
    return expected.shape != came.shape or not np.allclose(expected, came, atol=TOLERANCE * np.abs(expected).max())


def _log_probabilities(logits) -> np.ndarray:
    """Ln of the probabilities, (B, V) float64; logits may be shifted, the probabilities are the same."""
    return log_softmax(logits.astype("float64"), axis=-1)
