"""What a notebook shows for slips with symbolic tensors: one sentence that says what to use, and the learner's line."""

import nbformat
import pytest
from nbclient import NotebookClient

SETUP = """
import grading, keras, numpy as np, tensorflow as tf
from keras import ops
grading.short_errors()
words, states = keras.Input((None,), dtype="int32"), keras.Input((None, 5))
"""
FUNCTION = "Use the function keras.losses.sparse_categorical_crossentropy(..., from_logits=True)."
SLIPS = {
    "flat = tf.reshape(states, [-1, 5])": "Use ops.reshape.",
    "mean = tf.reduce_sum(\n    states) / 3": "Use ops.sum.",
    "mask = tf.cast(tf.math.not_equal(words, 0), tf.float32)": "Use ops.cast and ops.not_equal.",
    "flat = np.reshape(states, [-1])": "Use ops.reshape.",
    "kept = tf.boolean_mask(words, words)": "Use a function of `ops`, such as ops.reshape, ops.cast or ops.sum.",
    "loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)(words, states)": FUNCTION,
}
OTHERS = ["int('x')", "tf.reshape(tf.zeros([3]), [2, 2])",
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
        [text] = shown[source]
        sentence, line = text.split("\n")
        assert sentence.startswith("A Keras tensor has no values yet") and sentence.endswith(said)
        assert line.strip() == source.split("\n")[0]
    for source in OTHERS:
        assert any("Traceback" in line for line in shown[source])


def test_a_step_of_the_decoder_that_is_not_done_is_named_and_other_attributes_show_as_ever(shown):
    for source, said in EARLY.items():
        [text] = shown[source]
        assert text.startswith(said)
    assert all(len(shown[source]) > 1 for source in OTHER_ATTRIBUTES)
