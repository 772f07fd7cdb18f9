"""Runs a learner's code in a namespace as the notebook has it."""

import contextlib
import re
from collections import Counter

import numpy as np

from captioning.datasets.tokens import END, PAD, START, UNK
from tests.grading import right_solutions

WIDTH = 48                          # of embeddings, so that decoders are small
STEPS = {"states": "STATES", "words in": "WORDS_IN", "logits": "LOGITS", "loss": "LOSS"}
WORDS = [f"w{i}" for i in range(46)]
VOCAB = {token: index for index, token in enumerate(sorted([PAD, UNK, START, END, *WORDS]))}


def split_sentence(sentence):
    return [word for word in re.split(r"\W+", sentence.lower()) if word]


def is_named(verdict, words):
    """The verdict fails, and its hints or what they show have all the words."""
    assert not verdict.passed, verdict
    missing = [word for word in words if word.lower() not in str(verdict).lower()]
    assert not missing, f"{missing} not in\n{verdict}"
    return True


def notebook(**given) -> dict:
    """What the notebook has defined before an exercise."""
    return {"np": np, "re": re, "Counter": Counter, "split_sentence": split_sentence, "vocab": VOCAB,
            "PAD": PAD, "UNK": UNK, "START": START, "END": END, **given}


def defined(code: str, name: str, **given):
    """What a piece of code defines under a name."""
    scope = notebook(**given)
    exec(code, scope)
    return scope[name]


def made_decoder(final_model="", upto="loss", vocab=VOCAB, layers=right_solutions.DECODER, **steps):
    """A decoder whose steps are the course's, but those given; with the final_model that the code defines, if any.

    A step after a wrong one may fail, as its cell would.

    Args:
        final_model: code of class final_model.
        upto: the last step that runs.
        vocab: {token: index}.
        layers: code of the class, with inputs and layers.
        **steps: code by the name of its list in right_solutions, STATES and so on.
    """
    scope = with_keras(vocab=vocab)
    exec(layers, scope)
    for step, name in STEPS.items():
        wrong_before = any(given in steps for given in list(STEPS.values())[:list(STEPS).index(step)])
        with contextlib.suppress(Exception) if wrong_before else contextlib.nullcontext():
            exec(steps.get(name) or getattr(right_solutions, name)["the course's"], scope)
        if step == upto:
            break
    exec(final_model, scope)
    return (scope["decoder"], scope["final_model"]) if final_model else scope["decoder"]


def with_loss(decoder, code):
    """A copy of a decoder, which shares its layers, with the code's last step."""
    attributes = {name: value for name, value in vars(decoder).items() if not name.startswith("__")}
    return defined(code, "decoder", **with_keras(decoder=type("decoder", (), attributes)))


def in_one_class(**lines):
    """A decoder all in one class, without given layers; `lines` replaces some of right_solutions.ONE_CLASS."""
    lines = {"img_embeds": "keras.Input((IMG_EMBED_SIZE,))", "sentences": "keras.Input((None,), dtype='int32')",
             **right_solutions.ONE_CLASS, **lines}
    code = "\n".join(["class decoder:", *(f"    {name} = {line}" for name, line in lines.items())])
    return defined(code, "decoder", **with_keras())


def with_keras(**given) -> dict:
    """What the notebook has defined before a decoder; its layers get the same weights each time."""
    import keras
    import tensorflow as tf
    from keras import layers, ops

    keras.utils.set_random_seed(7)
    return notebook(keras=keras, tf=tf, L=layers, ops=ops, IMG_EMBED_SIZE=WIDTH) | given
