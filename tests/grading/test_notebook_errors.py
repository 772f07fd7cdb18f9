"""What a notebook shows for slips with symbolic tensors: one sentence that says what to use, and the learner's line."""

import nbformat
import pytest
from nbclient import NotebookClient

SETUP = """
import grading, keras, numpy as np, tensorflow as tf
from keras import layers as L, ops
grading.short_errors()
words, states = keras.Input((None,), dtype="int32"), keras.Input((None, 5))
truth, logits = keras.Input((), dtype="int32"), keras.Input((50,))
nats, mask = keras.Input(()), keras.Input(())
embed, lstm = L.Embedding(50, 100), L.LSTM(300, return_sequences=True)
dense = L.Dense(50)
dense(keras.Input((300,)))
"""
FUNCTION = "Use the function keras.losses.sparse_categorical_crossentropy(..., from_logits=True)."
LOSS = "keras.losses.sparse_categorical_crossentropy"
NO_SIZE, NO_TRUTH = "The size of a batch", "`if`, `and`, `or` and `not` can't take it"
SLIPS = {
    "flat = tf.reshape(states, [-1, 5])": "Use ops.reshape.",
    "mean = tf.reduce_sum(\n    states) / 3": "Use ops.sum.",
    "mask = tf.cast(tf.math.not_equal(words, 0), tf.float32)": "Use ops.cast and ops.not_equal.",
    "flat = np.reshape(states, [-1])": "Use ops.reshape.",
    "kept = tf.boolean_mask(words, words)": "Use a function of `ops`, such as ops.reshape, ops.cast or ops.sum.",
    "loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)(words, states)": FUNCTION,
    "embeds = embed(words[:-1])": "as in sentences[:, :-1]",
    "ten = nats[:10]": "cuts the first axis",
    "loss = ops.mean(nats[mask > 0])": "takes no other tensor in brackets. Multiply by the mask",
    "kept = words[:, mask > 0]": "takes no other tensor in brackets",
    f"loss = {LOSS}(logits, truth, from_logits=True)": "arguments are swapped: the ground truth comes first",
    f"loss = {LOSS}(truth, states, from_logits=True)": "send flat_hidden_states through the layers",
    f"loss = {LOSS}(words[:, 1:], logits, from_logits=True)": "ground truth is not flattened",
    "loss = keras.losses.categorical_crossentropy(truth, logits)":
        f"holds indices, which this loss does not take: use {LOSS}",
    "loss = ops.sum(nats) / ops.shape(words)[0]": NO_SIZE,
    "rows = ops.shape(words)[0] * 19": NO_SIZE,
    "places = range(words.shape[1])": NO_SIZE,
    "zeros = ops.zeros((ops.shape(words)[0], 300))": NO_SIZE,
    "loss = ops.sum(nats) / len(nats)": "The number of words is the sum of the mask",
    "loss = nats if mask else 0": NO_TRUTH,
    "kept = words > 0 and words < 9": NO_TRUTH,
    "rows = [row for row in words]": "no loop can go through it",
    "loss = ops.mean(nats, mask)": "an argument `axis`, that is a number",
    "words[:, 0] = 1": "ops.where(condition, x, y)",
    "loss = nats.sum()": "has no method sum: use ops.sum",
    "value = nats.numpy()": ".numpy() can't show them",
    "state = L.Dense(120)(L.Flatten()(states))": "not with L.Flatten",
    "state = L.Dense(120)(words)": "Indices of words go through word_embed",
    "state = dense(logits)": "run the cell of class decoder again",
    "states = lstm(ops.reshape(embed(words), [-1, 100]))": "an input of three axes: word_embeds",
    "flat = ops.reshape(L.LSTM(300, return_sequences=True, return_state=True)(embed(words)), [-1, 300])":
        "leave return_state out",
    "state = dense(L.Dense(300))": "call it on a tensor first",
    "flat = ops.reshape(dense, [-1, 50])": "call it on a tensor first",
}
OTHERS = ["int('x')", "tf.reshape(tf.zeros([3]), [2, 2])", "words['a']", "(1, 2).shape", "3 * None", "len(3)",
          "words.no_method", "np.zeros(3)[:, 1:]", "ops.shape(words) + 1", "for x in 3: pass",
          "keras.losses.SparseCategoricalCrossentropy()(tf.zeros([3]), 'x')", "ops.reshape(states, [-1, -1])"]

DECODER = "class decoder: pass"
EARLY = {
    "decoder.hidden_states": "There is no decoder.hidden_states yet: step 2 of exercise 4 makes it.",
    "x = [decoder.h0, decoder.c0]": "There is no decoder.h0 yet: step 1 of exercise 4 makes it.",
}
OTHER_ATTRIBUTES = "decoder.hO", "ops.loss"


@pytest.fixture(scope="module")
def shown():
    """{code: the traceback that its cell ends with, None where it has no error}"""
    sources = [SETUP, *SLIPS, *OTHERS, DECODER, *EARLY, *OTHER_ATTRIBUTES]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
    NotebookClient(notebook, timeout=120, allow_errors=True).execute()
    return {cell.source: next((output.traceback for output in cell.outputs if output.output_type == "error"), None)
            for cell in notebook.cells}


def test_a_slip_with_a_symbolic_tensor_is_told_in_a_sentence_and_other_errors_show_as_ever(shown):
    assert shown[SETUP] is None
    for source, said in SLIPS.items():
        text = "\n".join(shown[source] or ["no error"])
        assert said in text and text.splitlines()[1:] == [f"    {source.splitlines()[0]}"], (source, text)
    for source in OTHERS:
        assert any("Traceback" in line for line in shown[source]), source


def test_a_step_of_the_decoder_that_is_not_done_is_named_and_other_attributes_show_as_ever(shown):
    for source, said in EARLY.items():
        [text] = shown[source]
        assert text.startswith(said)
    assert all(len(shown[source]) > 1 for source in OTHER_ATTRIBUTES)
