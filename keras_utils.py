"""The encoder: photos to embeddings."""

import platform
import warnings
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

import drawn_world
import files
from utils import IMG_SIZE, center_crop


class Encoder:
    """InceptionV3 without its classifier: a photo becomes the 2,048 means of its last feature maps.

    Call it with (B, 299, 299, 3) uint8; it returns (B, 2048) float32. `recipe` tells what its embeddings depend on.
    """

    def __init__(self, model: keras.Model, weights: str, precision: str):
        self.recipe = {"encoder": "InceptionV3", "weights": weights, "precision": precision}
        function = tf.function(lambda photos: model(tf.cast(photos, tf.float32) / 127.5 - 1, training=False))
        photos = tf.TensorSpec([None, IMG_SIZE, IMG_SIZE, 3], tf.uint8)
        frozen = convert_variables_to_constants_v2(function.get_concrete_function(photos))
        self._input, self._output = frozen.inputs[0].name, frozen.outputs[0].name
        # A session of its own, because in eager mode the option for bfloat16 would hold for the decoder too.
        config = tf.compat.v1.ConfigProto()
        if precision == "bfloat16":
            rewriter = config.graph_options.rewrite_options
            rewriter.auto_mixed_precision_onednn_bfloat16 = type(rewriter).ON
        graph = tf.Graph()
        with graph.as_default():
            tf.import_graph_def(frozen.graph.as_graph_def(), name="")
        self._session = tf.compat.v1.Session(graph=graph, config=config)

    def __call__(self, photos: np.ndarray) -> np.ndarray:
        return self._session.run(self._output, {self._input: photos})


def get_cnn_encoder(weights: str = "drawn", precision: str = "auto") -> Encoder:
    """The encoder with the given weights: "drawn", "imagenet" (downloaded by Keras) or a .weights.h5 file.

    precision: "float32", "bfloat16", or "auto" for the fastest that this processor has.
    Raises FileNotFoundError or ValueError that names the file when the weights do not fit InceptionV3.
    """
    precision = _resolve_precision(precision)
    if weights == "drawn":
        return Encoder(_random_inception(seed=0), "random, seed 0, 16 scenes", precision)
    if weights == "imagenet":
        return Encoder(_inception("imagenet"), "imagenet", precision)
    path = Path(weights)
    if not path.is_file():
        raise FileNotFoundError(f"CAPTION_ENCODER_WEIGHTS is {weights}: expected `drawn`, `imagenet` or a file.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")      # Keras only warns of layers that the file does not have
            model = _inception(str(path))
    except Exception as error:                  # h5py and Keras raise many kinds for a file that is no weights
        raise ValueError(f"{path} does not hold weights of InceptionV3 without its classifier "
                         f"(include_top=False): {str(error).splitlines()[0]}") from None
    return Encoder(model, f"file, sha256 {files.sha256(path)}", precision)


def _inception(weights) -> keras.Model:
    return keras.applications.InceptionV3(
        include_top=False, pooling="avg", weights=weights, input_shape=(IMG_SIZE, IMG_SIZE, 3))


def _random_inception(seed: int) -> keras.Model:
    """InceptionV3 with random kernels, and batch statistics taken from drawn scenes.

    Kernels are He-normal (https://arxiv.org/abs/1502.01852). Without statistics that fit, all photos would get
    nearly the same embedding.
    """
    model, rng = _inception(None), np.random.default_rng(seed)
    for layer in model.layers:
        if isinstance(layer, keras.layers.Conv2D):
            deviation = np.sqrt(2 / np.prod(layer.kernel.shape[:3]))
            layer.kernel.assign(rng.normal(0, deviation, layer.kernel.shape))
        elif isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0                  # the statistics of the last batch are taken as they are
    scenes = [drawn_world.draw(drawn_world.make_scene(rng), rng) for _ in range(16)]
    photos = np.stack([center_crop(scene) for scene in scenes]) / np.float32(127.5) - 1
    tf.function(model)(photos, training=True)   # in a graph: eagerly, all layers' outputs would be kept
    return model


def _resolve_precision(precision: str) -> str:
    if precision == "int8":
        raise ValueError("CAPTION_PRECISION=int8 is not there yet; expected auto, float32 or bfloat16.")
    if precision != "auto":
        return precision
    return "bfloat16" if _has_fast_bfloat16() else "float32"


def _has_fast_bfloat16() -> bool:
    """Whether the processor multiplies bfloat16 natively (AVX-512 BF16 or AMX); elsewhere it is slower."""
    if platform.system() != "Linux" or platform.machine() != "x86_64":
        return False
    flags = Path("/proc/cpuinfo").read_text().split()
    return "avx512_bf16" in flags or "amx_bf16" in flags
