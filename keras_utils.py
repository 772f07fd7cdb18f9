"""The encoder: photos to embeddings."""

import platform
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from keras import applications
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

import download_utils
import files
import quantisation
import weights_files

DRAWN_WEIGHTS = Path(__file__).resolve().parent / "data" / "drawn" / "inception_v3_drawn_notop.weights.h5"


@dataclass(frozen=True)
class Architecture:
    """A network that Keras ships, and how photos go into it."""

    build: Callable[..., keras.Model]
    preprocess: Callable                # of its own module: (B, size, size, 3) from 0 to 255 -> what the network takes
    size: int                           # side of the square that it sees, pixels
    width: int                          # values of an embedding: feature maps before the classifier

    def network(self, weights) -> keras.Model:
        """Without classifier; weights: a file, "imagenet", or None for none."""
        return self.build(include_top=False, pooling="avg", weights=weights, input_shape=(self.size, self.size, 3))


# The smaller two scale their input themselves; their `preprocess_input` passes photos on as they are.
ARCHITECTURES = {
    "inception_v3": Architecture(
        applications.InceptionV3, applications.inception_v3.preprocess_input, 299, 2048),
    "mobilenet_v3": Architecture(
        applications.MobileNetV3Large, applications.mobilenet_v3.preprocess_input, 224, 960),
    "efficientnet_v2_b0": Architecture(
        applications.EfficientNetV2B0, applications.efficientnet_v2.preprocess_input, 224, 1280),
}


class Encoder:
    """A network without its classifier: a photo becomes the means of its last feature maps.

    Call it with (B, size, size, 3) uint8; it returns (B, width) float32. `recipe` tells what its embeddings depend on.
    """

    def __init__(self, architecture: Architecture, network: Callable, **recipe):
        self.size, self.width = architecture.size, architecture.width
        self.recipe = {"encoder": architecture.build.__name__} | recipe
        self._network = network

    def __call__(self, photos: np.ndarray) -> np.ndarray:
        return self._network(photos)


def get_cnn_encoder(weights: str = "drawn", precision: str = "auto", encoder: str = "inception_v3",
                    calibration=None, cache_dir=None) -> Encoder:
    """The encoder with the given weights: "drawn", "imagenet" (downloaded by Keras) or a .weights.h5 file.

    precision: "float32", "bfloat16", "int8", or "auto" for the fastest that changes the embeddings next to nothing.
    encoder: one of ARCHITECTURES. calibration, cache_dir: for int8, the training split (utils.Split) whose photos show
    the ranges of values, and the folder where the quantised network is kept.
    Raises an OSError or ValueError that says what to do when weights are missing or do not fit, or packages that int8
    needs are not there.
    """
    architecture, precision = ARCHITECTURES[encoder], _resolve_precision(precision)
    if precision == "int8":
        _require_int8(encoder, calibration, cache_dir)
    path, label = find(weights)

    def graph():
        return frozen_graph(architecture, load(architecture, path))

    if precision != "int8":
        return Encoder(architecture, Session(graph(), precision), weights=label, precision=precision)
    rest = _resolve_precision("auto")
    xml, recipe = quantisation.quantised(graph, {"encoder": encoder, "weights": label}, calibration, architecture.size,
                                         cache_dir)
    network = quantisation.Network(xml, rest)
    return Encoder(architecture, network, weights=label, precision=f"int8, rest {rest}", **recipe)


def _require_int8(encoder, calibration, cache_dir):
    if encoder != "inception_v3":
        raise ValueError(f"CAPTION_PRECISION=int8 is for inception_v3, where its error was measured, and "
                         f"CAPTION_ENCODER is {encoder}: set CAPTION_PRECISION=auto.")
    quantisation.require()
    if calibration is None or cache_dir is None:
        raise ValueError("int8 is calibrated on the training photos: call get_cnn_encoder(..., calibration=train, "
                         "cache_dir=settings.cache_dir).")


def find(weights: str) -> tuple[str | Path, str]:
    """What Keras should load, and what the recipe calls it: files by their content."""
    if weights == "imagenet":
        return weights, weights
    if weights == "drawn":
        return DRAWN_WEIGHTS, f"drawn, sha256 {_verified(DRAWN_WEIGHTS)}"
    path = Path(weights)
    if not path.is_file():
        raise FileNotFoundError(f"CAPTION_ENCODER_WEIGHTS is {weights}: expected `drawn`, `imagenet` or a file.")
    return path, f"file, sha256 {files.sha256(path)}"


def _verified(path: Path) -> str:
    """The digest of weights that come with the project, which is the one in the JSON beside them."""
    about = weights_files.about_path(path)
    again = f"It comes with the project: get it back with `git checkout -- {path.parent.parent.name}`."
    for file in (path, about):
        if not file.is_file():
            raise FileNotFoundError(f"{file} is missing. {again}")
    found, expected = files.sha256(path), files.read_json(about)["sha256"]
    if found != expected:
        raise ValueError(f"{path} is damaged: its sha256 is {found}, expected {expected}. {again}")
    return found


def load(architecture: Architecture, weights) -> keras.Model:
    """The network with its weights. Raises OSError or ValueError when they can't be had or do not fit."""
    name, from_file = architecture.build.__name__, weights != "imagenet"
    try:
        if from_file:
            weights_files.check_weights(weights)
        with warnings.catch_warnings():
            if from_file:
                warnings.simplefilter("error")  # Keras only warns of layers that the file does not have
            return architecture.network(str(weights))
    except Exception as error:                  # h5py, Keras and its download raise many kinds
        reason = (str(error) or type(error).__name__).splitlines()[0]
    if from_file:
        raise ValueError(f"{weights} does not hold weights of {name} without its classifier (include_top=False): "
                         f"{reason}")
    hint = (download_utils.offline_weights_hint() if name == "InceptionV3" else
            "Without a network, fetch that file on another machine and name it in CAPTION_ENCODER_WEIGHTS.")
    raise OSError(f"Keras could not get the ImageNet weights of {name}: {reason}. {hint}")


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


def _resolve_precision(precision: str) -> str:
    if precision != "auto":
        return precision
    return "bfloat16" if has_fast_bfloat16() else "float32"


def has_fast_bfloat16() -> bool:
    """Whether the processor multiplies bfloat16 natively (AVX-512 BF16 or AMX); elsewhere it is slower."""
    if platform.system() != "Linux" or platform.machine() != "x86_64":
        return False
    flags = Path("/proc/cpuinfo").read_text().split()
    return "avx512_bf16" in flags or "amx_bf16" in flags
