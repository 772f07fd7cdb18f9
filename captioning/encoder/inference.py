"""Fast inference on a CPU: the network as a graph of constants, run in a session of its own."""

from concurrent.futures import ThreadPoolExecutor

import keras
import numpy as np
import tensorflow as tf

from captioning.cpu import return_freed_memory
from captioning.encoder.networks import Architecture


def frozen_graph(architecture: Architecture, model: keras.Model):
    """The network as a graph whose weights are constants.

    Args:
        architecture: How photos go into the network.
        model: The network with its weights.

    Returns:
        A tf.Graph with one input, "photos", (B, size, size, 3) uint8, and one output, "embeddings", (B, width) float32.
    """
    weights = [[keras.ops.convert_to_numpy(variable) for variable in variables]
               for variables in (model.trainable_variables, model.non_trainable_variables)]

    def embed(photos):
        inputs = architecture.preprocess(tf.cast(photos, tf.float32))
        constants = [[tf.constant(values) for values in group] for group in weights]
        embeddings, _ = model.stateless_call(*constants, inputs, training=False)
        return tf.identity(embeddings, name="embeddings")

    photos = tf.TensorSpec([None, architecture.size, architecture.size, 3], tf.uint8, name="photos")
    return tf.function(embed, autograph=False).get_concrete_function(photos).graph


class Session:
    """Runs a frozen graph.

    It is a session of its own, because in eager mode its options would also change the decoder. Photos are run in
    small pieces, so that feature maps stay in the processor's caches. Two pieces run at a time, so that one computes
    while the other waits for its threads.

    Args:
        graph: As `frozen_graph` returns it.
        precision: "float32" or "bfloat16".
        rounds: Rounds of rewriting, as in `Architecture`.

    Attributes:
        precision: the one that it computes in: float32 if TensorFlow can't compute in bfloat16 here.
    """

    PIECE, AT_A_TIME = 16, 2            # photos of a piece; pieces

    def __init__(self, graph: tf.Graph, precision: str, rounds: int = 2):
        config = _config(precision, rounds)
        self.precision = _precision_here(config)
        self._session = tf.compat.v1.Session(graph=graph, config=config)
        side = graph.get_tensor_by_name("photos:0").shape[1]
        self._embed(np.zeros((1, side, side, 3), np.uint8))     # rewrites the graph; two runs would do it twice
        self._pool = ThreadPoolExecutor(self.AT_A_TIME)
        return_freed_memory()                                   # of the rewriting, 0.75 GB for InceptionV3

    def __call__(self, photos: np.ndarray) -> np.ndarray:
        """Embeds photos, (B, size, size, 3) uint8, to (B, width) float32."""
        pieces = [photos[i:i + self.PIECE] for i in range(0, len(photos), self.PIECE)]
        return np.concatenate(list(self._pool.map(self._embed, pieces)))

    def _embed(self, photos):
        return self._session.run("embeddings:0", {"photos:0": photos})


def _config(precision: str, rounds: int):
    """How a session rewrites its graph. Its arguments are those of `Session`."""
    config = tf.compat.v1.ConfigProto()
    rewriter = config.graph_options.rewrite_options
    # This optimisation moves activations behind concatenations. There they can't be fused with a convolution.
    rewriter.arithmetic_optimization = type(rewriter).OFF
    rewriter.meta_optimizer_iterations = rounds
    if precision == "bfloat16":
        rewriter.auto_mixed_precision_onednn_bfloat16 = type(rewriter).ON
    return config


def _precision_here(config) -> str:
    """The precision in which a session of this configuration computes, by the rewritten graph of one convolution."""
    graph, ran = tf.Graph(), tf.compat.v1.RunMetadata()
    with graph.as_default():
        photo = tf.compat.v1.placeholder(tf.float32, [1, 1, 1, 1])
        features = tf.nn.relu(tf.nn.conv2d(photo, tf.ones([1, 1, 1, 1]), 1, "SAME"))
    with tf.compat.v1.Session(graph=graph, config=config) as session:
        look = tf.compat.v1.RunOptions(output_partition_graphs=True)
        session.run(features, {photo: np.zeros([1, 1, 1, 1])}, look, ran)
    kinds = {node.attr["T"].type for partition in ran.partition_graphs for node in partition.node}
    return "bfloat16" if tf.bfloat16.as_datatype_enum in kinds else "float32"
