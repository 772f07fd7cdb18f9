"""What a notebook shows for slips with symbolic tensors: one sentence that says what to use, and the learner's line."""

import nbformat
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


def shown(*sources):
    """The traceback that each cell ends with; None where it has no error."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
    NotebookClient(notebook, timeout=120, allow_errors=True).execute()
    return [next((output.traceback for output in cell.outputs if output.output_type == "error"), None)
            for cell in notebook.cells]


def test_a_slip_with_a_symbolic_tensor_is_told_in_a_sentence_and_other_errors_show_as_ever():
    setup, *tracebacks = shown(SETUP, *SLIPS, *OTHERS)
    assert setup is None
    for (source, said), traceback in zip(SLIPS.items(), tracebacks):
        [text] = traceback
        sentence, line = text.split("\n")
        assert sentence.startswith("A Keras tensor has no values yet") and sentence.endswith(said)
        assert line.strip() == source.split("\n")[0]
    for traceback in tracebacks[len(SLIPS):]:
        assert any("Traceback" in line for line in traceback)


def test_a_step_of_the_decoder_that_is_not_done_is_named_and_other_attributes_show_as_ever():
    _, _, *tracebacks, other, of_another = shown(SETUP, DECODER, *EARLY, "decoder.hO", "ops.loss")
    for said, [text] in zip(EARLY.values(), tracebacks, strict=True):
        assert text.startswith(said)
    assert len(other) > 1 and len(of_another) > 1
