"""Slips with symbolic Keras tensors: what to do, in place of Keras's traceback.

A symbolic tensor stands for a batch that comes later. It has a shape, in which None is not known yet, but no values.
"""

import re
import traceback

from captioning.grading.report import learners_frames

_NO_VALUES = "A Keras tensor has no values yet"
_NO_SIZE = ("There is None where a number is needed. The size of a batch, ops.shape(…)[0], is None until a batch "
            "comes: ops.reshape takes -1 for it, and the number of words is the sum of the mask.")
_FLATTEN = "ops.reshape(hidden_states, [-1, LSTM_UNITS])"
_CROSS_ENTROPY = "keras.losses.sparse_categorical_crossentropy"
_TAKES_ONE = "A layer is given where a tensor is needed: call it on a tensor first, layer(x)."
_SHAPES = r"must have the same shape up until the last dimension: target\.shape="

# What an error says that Keras raises, and what to do.
_OF_KERAS = {
    r"Unsupported key type for array slice\. Received: `slice\(":
        "One slice in brackets cuts the first axis, the batch, and Keras does not allow that. To cut words, name both "
        "axes, as in sentences[:, :-1].",
    r"Unsupported key type for array slice\. Received: `\(?.*<KerasTensor":
        "A Keras tensor takes no other tensor in brackets. Multiply by the mask, and divide by its sum: "
        "ops.sum(x * mask) / ops.sum(mask).",
    _SHAPES + r"\(\w+, \d+\), output\.shape=\(\w+,\)":
        f"The arguments are swapped: the ground truth comes first, {_CROSS_ENTROPY}(truth, logits, from_logits=True).",
    _SHAPES + r"\(\w+,\), output\.shape=\(\w+, \w+, \w+\)":
        "The ground truth is flattened, and the logits are not: send flat_hidden_states through the layers for logits.",
    _SHAPES + r"\(\w+, \w+\), output\.shape=\(\w+, \w+\)":
        "The ground truth is not flattened, and the logits are: ops.reshape(sentences[:, 1:], [-1]) makes one row.",
    r"`target` and `output` must have the same shape\. Received":
        f"The ground truth holds indices, which this loss does not take: use {_CROSS_ENTROPY}.",
    r"Invalid dtype: NoneType|convert a value \(None\)": _NO_SIZE,
    r"Shapes used to initialize variables must be fully-defined":
        "The layer has to know the size of its input's last axis, which is None here. Indices of words go through "
        f"word_embed first. Hidden states are flattened with {_FLATTEN}, not with L.Flatten.",
    r"expected axis -1 of input shape to have value":
        "The layer was called before on an input of another size. If that was a slip in an earlier run of this cell, "
        "run the cell of class decoder again, then this one.",
    r"expected ndim=3, found ndim=":
        "The LSTM needs an input of three axes: word_embeds, (B, T-1, WORD_EMBED_SIZE), not flattened.",
    r"'tuple' object has no attribute 'shape'":
        "Several tensors are given where one is needed. An LSTM with return_state=True gives three: leave return_state "
        "out, or take the first of them.",
    r"Only input tensors may be passed as positional arguments\. .*<(?!class)\w+ name=": _TAKES_ONE,
    r"convert a value \(<\w+ name=": _TAKES_ONE,
}
# The same for what Python says of a symbolic tensor.
_OF_PYTHON = {
    r"'KerasTensor' has no len": f"{_NO_VALUES}, and no length. The number of words is the sum of the mask.",
    r"KerasTensor cannot be used as a boolean":
        f"{_NO_VALUES}, so `if`, `and`, `or` and `not` can't take it. Use ops.where, ops.logical_and or "
        "ops.logical_not.",
    r"Iterating over a symbolic KerasTensor":
        f"{_NO_VALUES}, so no loop can go through it. A function of `ops` takes all rows at once. Where it has an "
        "argument `axis`, that is a number.",
    r"'KerasTensor' object does not support item assignment":
        "The elements of a Keras tensor can't be set. ops.where(condition, x, y) makes another tensor.",
}


def sentence(error: Exception) -> str:
    """What to do about an error with symbolic tensors, and the learner's line; "" if it is another error."""
    frames = learners_frames(error)
    line = f"\n    {frames[-1].line}" if frames else ""
    advice = _advice(error, line)
    return advice + line if advice else ""


def _advice(error, line) -> str:
    files = [frame.filename for frame in traceback.extract_tb(error.__traceback__)]
    text = re.sub(r"\x1b\[[0-9;]*m", "", str(error))
    if text.startswith(("A KerasTensor cannot be used as input to a TensorFlow function", "A KerasTensor is symbolic")):
        return f"{_NO_VALUES}, so `tf.` and `np.` can't take it. Use {_of_ops(line)}."
    if "NoneType" in text and any(re.search(r"keras.src.losses.loss\.py$", file) for file in files):
        return (f"{_NO_VALUES}, so a loss's class can't take it. Use the function "
                f"{_CROSS_ENTROPY}(..., from_logits=True).")
    if isinstance(error, AttributeError) and type(error.obj).__name__ == "KerasTensor":
        return _about_method(error.name)
    if "NoneType" in text and "shape" in line and isinstance(error, TypeError):
        return _NO_SIZE
    known = _OF_PYTHON | (_OF_KERAS if any(re.search(r"[/\\]keras[/\\]src[/\\]", file) for file in files) else {})
    return next((advice for said, advice in known.items() if re.search(said, text, re.DOTALL)), "")


def _of_ops(line: str) -> str:
    """The functions of `keras.ops` that serve in place of those in a line of code, or a few as examples."""
    from keras import ops

    called = (name.removeprefix("reduce_") for name in re.findall(r"\b(?:tf|np)\.(?:\w+\.)*(\w+)\(", line))
    named = [f"ops.{name}" for name in called if hasattr(ops, name)]
    return " and ".join(named) or "a function of `ops`, such as ops.reshape, ops.cast or ops.sum"


def _about_method(name: str) -> str:
    """What to use in place of a method that symbolic tensors lack; "" if nothing is known of it."""
    from keras import ops

    if name in ("numpy", "item", "tolist", "eval"):
        return f"{_NO_VALUES}, so .{name}() can't show them."
    return f"A Keras tensor has no method {name}: use ops.{name}." if hasattr(ops, name) else ""
