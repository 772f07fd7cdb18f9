"""int8: the encoder's network quantised after training, with OpenVINO and NNCF (requirements-int8.txt).

Weights become 8-bit integers with a scale for each output channel, activations with a scale for each tensor
(https://arxiv.org/abs/1712.05877), taken from the values that photos of the dataset itself cause. They depend on
nothing but the photos, so the quantised network could be made anew each time; it is kept, because that takes a minute.
"""

import hashlib
import importlib.util
import json
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np

from captioning.datasets.photo_zip import PhotoZip
from captioning.datasets.splits import Split
from captioning.encoder.batches import read_crop
from captioning.storage import files

PHOTOS = 300                    # to calibrate with
PIECE = 8                       # photos that go through the network at once
FLOAT_CONVOLUTIONS = 3          # the first ones: in floating point they take 29 % of the cosines' loss away


def require_packages():
    """Raises ValueError that says what to install where int8 can't be had."""
    if not all(importlib.util.find_spec(name) for name in ("openvino", "nncf")):
        raise ValueError("CAPTION_PRECISION=int8 needs OpenVINO and NNCF: pip install -r requirements-int8.txt, or set "
                         "CAPTION_PRECISION=auto.")


def quantised_network(graph, key: dict, calibration: Split, size: int, folder) -> tuple[Path, dict]:
    """The quantised network's file (OpenVINO's .xml), made if it is not in `folder` yet, and its part of the recipe.

    graph: function that gives the GraphDef to quantise, with photos (B, size, size, 3) uint8 as its input. key: what
    tells that graph from others. Damaged files are made again.
    """
    with PhotoZip(calibration.photos) as photos:
        names = evenly_spread(calibration.names, PHOTOS)
        key = key | {"calibration": f"{len(names)} photos, sha256 {photos.digest(names)}",
                     "openvino": version("openvino"), "nncf": version("nncf")}
        home = Path(folder) / f"int8-{hashlib.sha256(json.dumps(key).encode()).hexdigest()[:12]}"
        with files.locked(home.with_suffix(".lock"), lambda: print(f"Another process is making {home}; waiting.")):
            if not _whole(home):
                _make(home, graph(), [read_crop(photos, name, size) for name in names])
    about = files.read_json(home / "about.json")
    # Of the two files only the numbers count: the other one's names differ from process to process.
    return home / "network.xml", {"calibration": key["calibration"], "quantised": f"sha256 {about['network.bin']}"}


def evenly_spread(names: list[str], count: int) -> list[str]:
    """`count` of the names, or all if there are fewer, at even distances."""
    count = min(count, len(names))
    return [names[i * len(names) // count] for i in range(count)]


class OpenVinoNetwork:
    """Runs a quantised network; what was left in floating point runs in `rest`, "float32" or "bfloat16"."""

    def __init__(self, xml: Path, rest: str):
        openvino, _ = import_packages()
        network = openvino.Core().compile_model(str(xml), "CPU", {
            "INFERENCE_PRECISION_HINT": {"float32": "f32", "bfloat16": "bf16"}[rest], "PERFORMANCE_HINT": "THROUGHPUT"})
        self._width = network.output(0).partial_shape[1].get_length()
        self._queue = openvino.AsyncInferQueue(network)

    def __call__(self, photos: np.ndarray) -> np.ndarray:
        embeddings = np.empty((len(photos), self._width), np.float32)

        def keep(request, start):
            embeddings[start:start + PIECE] = request.get_output_tensor(0).data

        self._queue.set_callback(keep)
        for start in range(0, len(photos), PIECE):
            self._queue.start_async({0: photos[start:start + PIECE]}, start)
        self._queue.wait_all()
        return embeddings


def import_packages():
    """OpenVINO and NNCF, without the module through which they report over the network that they are used."""
    sys.modules.setdefault("openvino_telemetry", None)      # importing it fails now, and they do without
    import nncf
    import openvino

    return openvino, nncf


def _whole(home: Path) -> bool:
    names = ("network.xml", "network.bin")
    if not all((home / name).is_file() for name in (*names, "about.json")):
        return False
    about = files.read_json(home / "about.json")
    return all(files.sha256(home / name) == about[name] for name in names)


def _make(home: Path, graph_def, crops: list[np.ndarray | str]):
    openvino, nncf = import_packages()
    crops = [crop[None] for crop in crops if not isinstance(crop, str)]     # embedding lists the others
    nncf.set_log_level(30)                                  # warnings and errors
    print(f"Calibrating int8 on {len(crops)} photos, once.")
    network = openvino.convert_model(graph_def)
    convolutions = [node.get_friendly_name() for node in network.get_ordered_ops()
                    if node.get_type_name() == "Convolution"]
    extremes = nncf.quantization.range_estimator.RangeEstimatorParametersSet.MINMAX
    network = nncf.quantize(
        network, nncf.Dataset(crops), subset_size=len(crops),
        # The last mean gives the embedding itself, at next to no cost: it takes floating-point feature maps.
        ignored_scope=nncf.IgnoredScope(names=convolutions[:FLOAT_CONVOLUTIONS], types=["ReduceMean"]),
        # By default, ranges are means of each photo's extremes, and what is beyond them is cut off.
        advanced_parameters=nncf.AdvancedQuantizationParameters(activations_range_estimator_params=extremes))
    with files.written_aside(home) as aside:
        aside.mkdir()
        openvino.save_model(network, aside / "network.xml", compress_to_fp16=False)
        files.write_json(aside / "about.json", {
            name: files.sha256(aside / name) for name in ("network.xml", "network.bin")})
