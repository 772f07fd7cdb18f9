"""A network as a frozen graph, run fast on a CPU."""

from concurrent.futures import ThreadPoolExecutor

import keras
import numpy as np
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from captioning.encoder.networks import Architecture


def frozen_graph(architecture: Architecture, model: keras.Model):
    """The network as a GraphDef of constants: one input, uint8 photos, and one output, their embeddings."""
    def embed(photos):
        embeddings = model(architecture.preprocess(tf.cast(photos, tf.float32)), training=False)
        return tf.identity(embeddings, name="embeddings")

    function = tf.function(embed)
    photos = tf.TensorSpec([None, architecture.size, architecture.size, 3], tf.uint8, name="photos")
    return convert_variables_to_constants_v2(function.get_concrete_function(photos)).graph.as_graph_def()


class Session:
    """Runs a frozen graph in "float32" or "bfloat16".

    A session of its own, because in eager mode the options would hold for the decoder too. Photos go through it in
    small pieces, whose feature maps stay in the processor's caches, and two pieces at a time, so that one computes
    while the other waits for its threads.
    """

    PIECE, AT_A_TIME = 16, 2

    def __init__(self, graph_def, precision: str):
        config = tf.compat.v1.ConfigProto()
        rewriter = config.graph_options.rewrite_options
        # It would move activations behind concatenations, where they are no longer one operation with a convolution.
        rewriter.arithmetic_optimization = type(rewriter).OFF
        if precision == "bfloat16":
            rewriter.auto_mixed_precision_onednn_bfloat16 = type(rewriter).ON
        graph = tf.Graph()
        with graph.as_default():
            tf.import_graph_def(graph_def, name="")
        self._session = tf.compat.v1.Session(graph=graph, config=config)
        side = graph.get_tensor_by_name("photos:0").shape[1]
        self._embed(np.zeros((1, side, side, 3), np.uint8))     # rewrites the graph; two at once take 1 GB more
        self._pool = ThreadPoolExecutor(self.AT_A_TIME)

    def __call__(self, photos: np.ndarray) -> np.ndarray:
        pieces = [photos[i:i + self.PIECE] for i in range(0, len(photos), self.PIECE)]
        return np.concatenate(list(self._pool.map(self._embed, pieces)))

    def _embed(self, photos):
        return self._session.run("embeddings:0", {"photos:0": photos})
