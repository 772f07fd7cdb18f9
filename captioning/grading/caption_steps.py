"""Does the decoder write captions with the same function that it was trained with?

In training it reads a whole caption at once; at captioning time it reads word by word. The same words must give the
same logits both ways.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from captioning.datasets.tokens import START
from captioning.grading.decoder_checks import SEED, embedding_width, evaluate
from captioning.grading.report import Problem, Stopped, one_line

CAPTIONS, LENGTH = 4, 6             # of the probe; its words are random
TOLERANCE = 1e-3                    # of the largest value: GPUs round this much


@dataclass(frozen=True)
class Steps:
    """How captions are written.

    Attributes:
        initial_state: (B, 2048) float32 embeddings -> h, c, each (B, 300).
        one_step: [word (B,) int32, h, c] -> logits (B, V), h, c.
        names: what the message calls the two.
    """

    initial_state: Callable
    one_step: Callable
    names: tuple[str, str] = ("final_model.initial_state", "final_model.one_step")


def steps_of(final_model) -> Steps:
    """The steps of the notebook's final_model. Raises Stopped if it lacks one."""
    for name in ("initial_state", "one_step"):
        if not callable(getattr(final_model, name, None)):
            raise Stopped(Problem(f"final_model.{name} is missing.", f"a Keras model final_model.{name}"))
    return Steps(final_model.initial_state, final_model.one_step)


def same_function_problems(decoder, steps: Steps, vocab) -> Iterator[Problem]:
    """Where the logits of whole captions and those of single steps part, for random words and photos.

    Args:
        decoder: a class that holds symbolic Keras tensors.
        steps: how captions are written.
        vocab: {token: index}.

    Raises:
        Stopped: one of the two can't be computed.
    """
    rng = np.random.default_rng(SEED)
    images = rng.normal(size=(CAPTIONS, embedding_width(decoder))).astype(np.float32)
    sentences = rng.integers(0, len(vocab), (CAPTIONS, LENGTH)).astype(np.int32)
    sentences[:, 0] = vocab[START]
    at_once = evaluate(decoder, images, sentences, ["h0", "flat_hidden_states", "flat_token_logits"])
    at_once["c0"] = evaluate(decoder, images, sentences, ["c0"])["c0"] if hasattr(decoder, "c0") else at_once["h0"]
    hidden, logits = (at_once[name].reshape(CAPTIONS, LENGTH - 1, -1)
                      for name in ("flat_hidden_states", "flat_token_logits"))
    h, c = _run(steps.initial_state, images, steps.names[0], 2)
    where = _first_apart({"h0": (at_once["h0"], h), "c0": (at_once["c0"], c)})
    for step in range(LENGTH - 1):
        came, h, c = _run(steps.one_step, [sentences[:, step], h, c], steps.names[1], 3)
        where = where or _first_apart({f"the state after word {step + 1}": (hidden[:, step], h)})
        if _apart(logits[:, step], came):
            where = where or f"the logits after word {step + 1}"
            yield Problem(f"Captions are not written as the decoder was trained: {where} differs. Use the same layers "
                          "in the same order in class decoder and in class final_model.",
                          f"equal logits from decoder.flat_token_logits and {steps.names[1]}",
                          f"logits up to {np.abs(logits[:, step] - came).max():.2g} apart")
            return


def _run(model, inputs, name, count):
    """A model's outputs as arrays. Raises Stopped if it fails or if they are not `count`."""
    try:
        outputs = [np.asarray(output) for output in model(inputs, training=False)]
    except Exception as error:
        raise Stopped(Problem(f"{name} fails.", came=one_line(error))) from None
    if len(outputs) != count:
        raise Stopped(Problem(f"{name} has the wrong number of outputs.", str(count), str(len(outputs))))
    return outputs


def _first_apart(pairs) -> str:
    """The name of the first pair that is not equal, or ""."""
    return next((name for name, pair in pairs.items() if _apart(*pair)), "")


def _apart(expected, came) -> bool:
    return expected.shape != came.shape or not np.allclose(expected, came, atol=TOLERANCE * np.abs(expected).max())
