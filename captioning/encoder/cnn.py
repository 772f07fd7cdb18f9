"""The encoder: photos to embeddings."""

import hashlib
from collections.abc import Callable

import numpy as np

from captioning.cpu import has_fast_bfloat16
from captioning.encoder.inference import Session, frozen_graph
from captioning.encoder.int8 import OpenVinoNetwork, quantised_network, require_packages
from captioning.encoder.kept_graph import kept_graph
from captioning.encoder.networks import ARCHITECTURES, Architecture, find_weights, load_network
from captioning.encoder.recipes import ARITHMETIC


class NoBfloat16(ValueError):
    """TensorFlow can't compute in bfloat16 on this machine."""


class Encoder:
    """A network without its classifier: the embedding of a photo is the mean of each of its last feature maps.

    Attributes:
        size: Side of the square photos, pixels.
        width: Values of an embedding.
        recipe: What the embeddings depend on, by name.

    Args:
        architecture: The network's kind.
        network: What computes, called as the encoder is.
        recipe: Weights, precision and what else the embeddings depend on.
    """

    def __init__(self, architecture: Architecture, network: Callable, **recipe):
        self.size, self.width = architecture.size, architecture.width
        self._network = network
        self.recipe = {"encoder": architecture.build.__name__} | recipe | {ARITHMETIC: self._arithmetic()}

    def __call__(self, photos: np.ndarray) -> np.ndarray:
        """Embeds photos, (B, size, size, 3) uint8, to (B, width) float32."""
        return self._network(photos)

    def _arithmetic(self) -> str:
        """Digest of a test photo's embedding: what decides on its last bits are the processor and the libraries."""
        noise = np.random.default_rng(0).integers(0, 256, (1, self.size, self.size, 3), np.uint8)
        return hashlib.sha256(self(noise).tobytes()).hexdigest()[:12]


def get_cnn_encoder(weights: str = "drawn", precision: str = "auto", encoder: str = "inception_v3",
                    calibration=None, cache_dir=None) -> Encoder:
    """Makes an encoder, ready to embed photos.

    Args:
        weights: "drawn", "imagenet" (Keras downloads it) or a .weights.h5 file.
        precision: "float32", "bfloat16", "int8", or "auto": the faster of the first two on this processor.
        encoder: One of ARCHITECTURES.
        calibration: For int8, the training split. Its photos show the ranges of values.
        cache_dir: For int8, the folder where the quantised network is kept.

    Raises:
        OSError: The weights are missing, or Keras can't download them.
        NoBfloat16: bfloat16 was asked for, and TensorFlow can't compute in it here.
        ValueError: The weights do not fit, or int8 lacks a package or an argument.
    """
    architecture = ARCHITECTURES[encoder]
    if precision == "int8":
        _require_int8(encoder, calibration, cache_dir)
    path, label = find_weights(weights)

    def graph():
        return frozen_graph(architecture, load_network(architecture, path))

    if precision != "int8":
        own_file = weights not in ("drawn", "imagenet")         # there may be many: their graphs are not kept
        ready = graph() if own_file else kept_graph(graph, encoder, label)
        session = Session(ready, resolve_precision(precision), architecture.rounds)
        if precision == "bfloat16" != session.precision:
            raise NoBfloat16("CAPTION_PRECISION is bfloat16, but TensorFlow computes in float32 on this machine. Set "
                             "CAPTION_PRECISION to auto or float32.")
        return Encoder(architecture, session, weights=label, precision=session.precision)
    rest = resolve_precision("auto")
    xml, recipe = quantised_network(
        graph, {"encoder": encoder, "weights": label}, calibration, architecture.size, cache_dir)
    return Encoder(architecture, OpenVinoNetwork(xml, rest), weights=label, precision=f"int8, rest {rest}", **recipe)


def _require_int8(encoder, calibration, cache_dir):
    """Raises ValueError that says what int8 lacks."""
    if encoder != "inception_v3":
        raise ValueError(f"CAPTION_PRECISION=int8 is for inception_v3, whose error was measured, but CAPTION_ENCODER "
                         f"is {encoder}. Set CAPTION_PRECISION=auto.")
    require_packages()
    if calibration is None or cache_dir is None:
        raise ValueError("int8 is calibrated on the training photos, but calibration or cache_dir is missing. Call "
                         "get_cnn_encoder(..., calibration=train, cache_dir=settings.cache_dir).")


def resolve_precision(precision: str) -> str:
    """The precision that "auto" stands for on this processor; others as they are."""
    if precision != "auto":
        return precision
    return "bfloat16" if has_fast_bfloat16() else "float32"
