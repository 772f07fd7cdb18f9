"""The networks that encode photos, and their weights."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from keras import applications

from captioning.datasets.sources import offline_weights_hint
from captioning.frameworks import keras
from captioning.storage import files, weights_files

DRAWN_WEIGHTS = Path(__file__).resolve().parents[2] / "data" / "drawn" / "inception_v3_drawn_notop.weights.h5"


@dataclass(frozen=True)
class Architecture:
    """A network of keras.applications, and how photos go into it."""

    build: Callable[..., keras.Model]
    preprocess: Callable                # (B, size, size, 3) from 0 to 255 -> the network's input
    size: int                           # side of the square photo, pixels
    width: int                          # values of an embedding: feature maps before the classifier
    rounds: int = 1                     # after how many rounds of TensorFlow's rewriting its graph stays as it is

    def network(self, weights) -> keras.Model:
        """The network without its classifier.

        Args:
            weights: A file, "imagenet", or None for random weights.
        """
        return self.build(include_top=False, pooling="avg", weights=weights, input_shape=(self.size, self.size, 3))


# The two smaller networks scale their input themselves; their `preprocess_input` changes nothing.
ARCHITECTURES = {
    "inception_v3": Architecture(
        applications.InceptionV3, applications.inception_v3.preprocess_input, 299, 2048),
    "mobilenet_v3": Architecture(
        applications.MobileNetV3Large, applications.mobilenet_v3.preprocess_input, 224, 960),
    "efficientnet_v2_b0": Architecture(
        applications.EfficientNetV2B0, applications.efficientnet_v2.preprocess_input, 224, 1280, rounds=2),
}


def find_weights(weights: str) -> tuple[str | Path, str]:
    """Finds the encoder's weights.

    Args:
        weights: "drawn", "imagenet" or a file.

    Returns:
        What Keras should load, and the recipe's name for it, which tells files apart by their content.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The project's own weights are damaged.
    """
    if weights == "imagenet":
        return weights, weights
    if weights == "drawn":
        return DRAWN_WEIGHTS, f"drawn, sha256 {_verified(DRAWN_WEIGHTS)}"
    path = Path(weights)
    if not path.is_file():
        raise FileNotFoundError(f"CAPTION_ENCODER_WEIGHTS is {weights}; expected `drawn`, `imagenet` or a file, but "
                                f"{path.absolute()} is not one.")
    return path, f"file, sha256 {files.sha256(path)}"


def _verified(path: Path) -> str:
    """The sha256 of weights that come with the project, checked against the JSON beside them."""
    about = weights_files.about_path(path)
    again = (f"It comes with the project. Get it back with `git checkout -- {path.parent.parent.name}`, or from a new "
             "download of the project.")
    for file in (path, about):
        if not file.is_file():
            raise FileNotFoundError(f"{file} is missing. {again}")
    found, expected = files.sha256(path), files.read_json(about)["sha256"]
    if found != expected:
        raise ValueError(f"{path} is damaged: its sha256 is {found}; expected {expected}. {again}")
    return found


def load_network(architecture: Architecture, weights) -> keras.Model:
    """Loads a network with its weights.

    Args:
        architecture: The network.
        weights: A file or "imagenet", as `find_weights` returns it.

    Raises:
        OSError: Keras can't download the ImageNet weights.
        ValueError: The file is refused or does not fit the network.
    """
    name, from_file = architecture.build.__name__, weights != "imagenet"
    try:
        if from_file and weights != DRAWN_WEIGHTS:      # `find_weights` knows their digest
            weights_files.check_weights(weights)
        with warnings.catch_warnings():
            if from_file:
                warnings.simplefilter("error")  # if the file lacks a layer, Keras only warns
            return architecture.network(str(weights))
    except Exception as error:                  # h5py and Keras raise many kinds
        reason = (str(error) or type(error).__name__).splitlines()[0]
    if from_file:
        raise ValueError(f"{weights} does not hold weights of {name} without its classifier (include_top=False): "
                         f"{reason.rstrip('.')}. Set CAPTION_ENCODER_WEIGHTS to a file of them, `drawn` or `imagenet`.")
    hint = (offline_weights_hint() if name == "InceptionV3" else
            "Without a network, fetch that file on another machine and set CAPTION_ENCODER_WEIGHTS to its path.")
    raise OSError(f"Keras could not get the ImageNet weights of {name}: {reason}. {hint}")
