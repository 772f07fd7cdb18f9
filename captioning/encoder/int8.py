"""int8: the encoder's network quantised after training, with OpenVINO and NNCF (requirements-int8.txt).

Weights become 8-bit integers with a scale for each output channel, activations with a scale for each tensor
(https://arxiv.org/abs/1712.05877). The scales come from the values that photos of the dataset cause, so the same photos
give the same network. It is kept, because making it takes a minute.
"""

import hashlib
import importlib.util
import json
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np

from captioning.datasets.photo_folder import open_photos
from captioning.datasets.splits import Split
from captioning.encoder.batches import read_crop
from captioning.storage import files

PHOTOS = 300                    # to calibrate with
PIECE = 8                       # photos that go through the network at once
FLOAT_CONVOLUTIONS = 3          # the first ones stay in floating point: that undoes 29 % of the cosines' loss


def require_packages():
    """Raises ValueError that says what to install, if a package is missing."""
    if not all(importlib.util.find_spec(name) for name in ("openvino", "nncf")):
        raise ValueError("CAPTION_PRECISION=int8 needs OpenVINO and NNCF, which are not installed. Run python -m pip "
                         "install -r requirements-int8.txt, or set CAPTION_PRECISION=auto.")


def quantised_network(graph, key: dict, calibration: Split, size: int, folder) -> tuple[Path, dict]:
    """Quantises a network, unless `folder` holds it already. Damaged files are made again.

    Args:
        graph: Function that returns the tf.Graph to quantise. Its input is photos, (B, size, size, 3) uint8.
        key: What tells that graph from others.
        calibration: The training split, whose photos show the ranges of values.
        size: Side of the square photos, pixels.
        folder: Where quantised networks are kept.

    Returns:
        The network's file (OpenVINO's .xml), and its part of the recipe.
    """
    with open_photos(calibration.photos) as photos:
        names = evenly_spread(calibration.names, PHOTOS)
        key = key | {"calibration": f"{len(names)} photos, sha256 {photos.digest(names)}",
                     "openvino": version("openvino"), "nncf": version("nncf")}
        home = Path(folder) / f"int8-{hashlib.sha256(json.dumps(key).encode()).hexdigest()[:12]}"
        with files.locked(home.with_suffix(".lock"), lambda: print(f"Another process is making {home}; waiting.")):
            if not _whole(home):
                _make(home, graph(), [read_crop(photos, name, size) for name in names])
    about = files.read_json(home / "about.json")
    # The recipe names the file of numbers only: the names in the other file differ from process to process.
    return home / "network.xml", {"calibration": key["calibration"], "quantised": f"sha256 {about['network.bin']}"}


def evenly_spread(names: list[str], count: int) -> list[str]:
    """Names at even distances: `count` of them, or all if there are fewer."""
    count = min(count, len(names))
    return [names[i * len(names) // count] for i in range(count)]


class OpenVinoNetwork:
    """Runs a network in OpenVINO.

    Args:
        xml: The network's file, whose .bin is beside it.
        rest: "float32" or "bfloat16", for the operations that are not in int8.
    """

    def __init__(self, xml: Path, rest: str):
        openvino, _ = import_packages()
        network = openvino.Core().compile_model(str(xml), "CPU", {
            "INFERENCE_PRECISION_HINT": {"float32": "f32", "bfloat16": "bf16"}[rest], "PERFORMANCE_HINT": "THROUGHPUT"})
        self._width = network.output(0).partial_shape[1].get_length()
        self._queue = openvino.AsyncInferQueue(network)

    def __call__(self, photos: np.ndarray) -> np.ndarray:
        """Embeds photos, (B, size, size, 3) uint8, to (B, width) float32."""
        embeddings = np.empty((len(photos), self._width), np.float32)

        def keep(request, start):
            embeddings[start:start + PIECE] = request.get_output_tensor(0).data

        self._queue.set_callback(keep)
        for start in range(0, len(photos), PIECE):
            self._queue.start_async({0: photos[start:start + PIECE]}, start)
        self._queue.wait_all()
        return embeddings


def import_packages():
    """OpenVINO and NNCF, without the module by which they report their use over the network."""
    sys.modules.setdefault("openvino_telemetry", None)      # now importing it fails, and they work without it
    import nncf
    import openvino

    return openvino, nncf


def _whole(home: Path) -> bool:
    """Whether the files of a quantised network are there and undamaged."""
    names = ("network.xml", "network.bin")
    if not all((home / name).is_file() for name in (*names, "about.json")):
        return False
    about = files.read_json(home / "about.json")
    return all(files.sha256(home / name) == about[name] for name in names)


def _make(home: Path, graph, crops: list[np.ndarray | str]):
    """Quantises the graph and saves it. crops: as `read_crop` returns them."""
    openvino, nncf = import_packages()
    crops = [crop[None] for crop in crops if not isinstance(crop, str)]     # embedding lists the others
    nncf.set_log_level(30)                                  # warnings and errors
    print(f"Calibrating int8 on {len(crops)} photos, once.")
    network = openvino.convert_model(graph.as_graph_def())
    convolutions = [node.get_friendly_name() for node in network.get_ordered_ops()
                    if node.get_type_name() == "Convolution"]
    extremes = nncf.quantization.range_estimator.RangeEstimatorParametersSet.MINMAX
    network = nncf.quantize(
        network, nncf.Dataset(crops), subset_size=len(crops),
        # The last mean is the embedding itself and costs little, so it stays in floating point.
        ignored_scope=nncf.IgnoredScope(names=convolutions[:FLOAT_CONVOLUTIONS], types=["ReduceMean"]),
        # By default a range is the mean of the photos' extremes, and values beyond it are cut off.
        advanced_parameters=nncf.AdvancedQuantizationParameters(activations_range_estimator_params=extremes))
    with files.written_aside(home) as aside:
        aside.mkdir()
        openvino.save_model(network, aside / "network.xml", compress_to_fp16=False)
        files.write_json(aside / "about.json", {
            name: files.sha256(aside / name) for name in ("network.xml", "network.bin")})
