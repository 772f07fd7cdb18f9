"""The encoder: photos to embeddings."""

from collections.abc import Callable

import numpy as np

from captioning.cpu import has_fast_bfloat16
from captioning.encoder.inference import Session, frozen_graph
from captioning.encoder.int8 import OpenVinoNetwork, quantised_network, require_packages
from captioning.encoder.networks import ARCHITECTURES, Architecture, find_weights, load_network


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
    architecture, precision = ARCHITECTURES[encoder], resolve_precision(precision)
    if precision == "int8":
        _require_int8(encoder, calibration, cache_dir)
    path, label = find_weights(weights)

    def graph():
        return frozen_graph(architecture, load_network(architecture, path))

    if precision != "int8":
        return Encoder(architecture, Session(graph(), precision), weights=label, precision=precision)
    rest = resolve_precision("auto")
    xml, recipe = quantised_network(
        graph, {"encoder": encoder, "weights": label}, calibration, architecture.size, cache_dir)
    return Encoder(architecture, OpenVinoNetwork(xml, rest), weights=label, precision=f"int8, rest {rest}", **recipe)


def _require_int8(encoder, calibration, cache_dir):
    if encoder != "inception_v3":
        raise ValueError(f"CAPTION_PRECISION=int8 is for inception_v3, where its error was measured, and "
                         f"CAPTION_ENCODER is {encoder}: set CAPTION_PRECISION=auto.")
    require_packages()
    if calibration is None or cache_dir is None:
        raise ValueError("int8 is calibrated on the training photos: call get_cnn_encoder(..., calibration=train, "
                         "cache_dir=settings.cache_dir).")


def resolve_precision(precision: str) -> str:
    if precision != "auto":
        return precision
    return "bfloat16" if has_fast_bfloat16() else "float32"
