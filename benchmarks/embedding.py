"""Speed of embedding: Keras's model.predict, our encoder in each precision, PyTorch and OpenVINO.

    python -m benchmarks.embedding [--photos 96] [--repeats 5] [--weights drawn] [--zip train2014.zip]

All take turns on the same photos: those of the zip, or rendered scenes of MSCOCO's size, 640 x 480. They start from
finished crops; our encoder also starts from the JPEGs in the zip. PyTorch and OpenVINO come with requirements-bench.txt
and are left out if they are not installed. It also prints the cosines of embeddings in other precisions to float32's.
"""

import argparse
import importlib.util
import tempfile
import zipfile
from io import BytesIO
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from PIL import Image

from benchmarks import report
from captioning.cpu import has_fast_bfloat16
from captioning.datasets.drawn.rendering import render_photo
from captioning.datasets.photo_zip import PhotoZip
from captioning.datasets.splits import Split
from captioning.encoder.batches import EMBED_BATCH
from captioning.encoder.cache import embed_split
from captioning.encoder.cnn import get_cnn_encoder
from captioning.encoder.inference import frozen_graph
from captioning.encoder.int8 import OpenVinoNetwork, import_packages
from captioning.encoder.networks import ARCHITECTURES, find_weights, load_network
from captioning.photos.crop import center_crop
from captioning.photos.decode import decode_photo

COCO_PHOTOS = 123_287
GFLOP_PER_PHOTO = 11.4
PRODUCT_SIZE = 2048                 # rows and columns of the matrices whose product measures the machine's peak
NAME = "inception_v3"


def photo_zip(path: Path, count: int) -> Path:
    """Writes a zip of rendered scenes of MSCOCO's usual size. Returns its path."""
    with zipfile.ZipFile(path, "w") as archive:
        for i in range(count):
            photo = Image.open(BytesIO(render_photo(99, "train2014", i).jpeg)).resize((640, 480))
            jpeg = BytesIO()
            photo.save(jpeg, "JPEG", quality=90)
            archive.writestr(f"{i:06d}.jpg", jpeg.getvalue())
    return path


def torch_convolution(layer, norm, dtype):
    """A convolution of PyTorch, with the batch normalisation that follows it folded in."""
    import torch
    from torch.nn import functional

    kernel, variance, mean, beta = map(keras.ops.convert_to_numpy, (
        layer.kernel, norm.moving_variance, norm.moving_mean, norm.beta))
    scale = 1 / np.sqrt(variance + norm.epsilon)
    kernel = torch.tensor((kernel * scale).transpose(3, 2, 0, 1), dtype=dtype).to(memory_format=torch.channels_last)
    bias = torch.tensor(beta - mean * scale, dtype=dtype)
    return lambda x: functional.conv2d(x, kernel, bias, layer.strides, layer.padding)


def torch_step(layer, following, dtype):
    """A function of PyTorch that does what a layer of Keras does.

    Args:
        layer: The layer.
        following: The batch normalisation that follows, if the layer is a convolution.
        dtype: Of the weights.
    """
    import torch
    from torch.nn import functional

    kind, same = type(layer), {}
    if kind is keras.layers.Conv2D:
        return torch_convolution(layer, following, dtype)
    if kind in (keras.layers.MaxPooling2D, keras.layers.AveragePooling2D):
        pool = functional.max_pool2d
        if layer.padding == "same":
            same["padding"] = layer.pool_size[0] // 2
        if kind is keras.layers.AveragePooling2D:
            pool, same["count_include_pad"] = functional.avg_pool2d, False
        return lambda x: pool(x, layer.pool_size, layer.strides, **same)
    return {keras.layers.BatchNormalization: lambda x: x, keras.layers.Activation: torch.relu_,
            keras.layers.Concatenate: lambda *xs: torch.cat(xs, 1),
            keras.layers.GlobalAveragePooling2D: lambda x: x.mean((2, 3))}[kind]


def torch_network(model: keras.Model, precision: str):
    """The same network in PyTorch, layer by layer, with batch normalisation folded into the convolutions.

    Returns:
        A function from (B, S, S, 3) uint8 to (B, width) float32.
    """
    import torch

    dtype = getattr(torch, precision)
    consumers = {id(layer.input): layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)}
    steps = [([id(t) for t in (layer.input if isinstance(layer.input, list) else [layer.input])],
              id(layer.output), torch_step(layer, consumers.get(id(layer.output)), dtype))
             for layer in model.layers[1:]]

    @torch.inference_mode()
    def run(photos):
        x = torch.from_numpy(photos).permute(0, 3, 1, 2).to(dtype) / 127.5 - 1      # channels last in memory
        values = {id(model.layers[0].output): x}
        for inputs, output, function in steps:
            values[output] = function(*(values[i] for i in inputs))
        return values[id(model.layers[-1].output)].float().numpy()

    return run


def peers(model, precisions, folder: Path) -> dict:
    """Networks of PyTorch and OpenVINO by name, as far as they are installed. Prints what is missing."""
    found = {}
    if importlib.util.find_spec("torch"):
        found |= {f"PyTorch {p}": torch_network(model, p) for p in precisions}
    else:
        print("PyTorch is left out: it is not installed (requirements-bench.txt).")
    if importlib.util.find_spec("openvino"):
        xml = folder / "peer.xml"
        openvino, _ = import_packages()
        graph = frozen_graph(ARCHITECTURES[NAME], model).as_graph_def()
        openvino.save_model(openvino.convert_model(graph), xml, compress_to_fp16=False)
        found |= {f"OpenVINO {p}": OpenVinoNetwork(xml, p) for p in precisions}
    else:
        print("OpenVINO and int8 are left out: OpenVINO is not installed (requirements-bench.txt).")
    return found


def matrix_products(precisions) -> dict:
    """Functions that multiply two square matrices, by precision.

    With AMX such a product waits for memory. Convolutions of photos that stay in the caches can be faster.
    """
    matrix = tf.random.stateless_normal((PRODUCT_SIZE, PRODUCT_SIZE), seed=(0, 0))
    matrices = {p: tf.cast(matrix, p) for p in precisions}
    product = tf.function(lambda m: tf.linalg.matmul(m, m, transpose_b=True))
    return {p: lambda p=p: product(matrices[p])[0, 0].numpy() for p in precisions}


def cosines(one, other):
    """Cosine of each row of one array, (N, width), to the same row of the other, (N,)."""
    return (one * other).sum(axis=1) / np.linalg.norm(one, axis=1) / np.linalg.norm(other, axis=1)


def main():
    """Prepares the photos, then compares."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=int, default=96)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--weights", default="drawn", help="drawn, imagenet or a file")
    parser.add_argument("--zip", type=Path, help="photos to use instead of rendered ones")
    options = parser.parse_args()
    count = -(-options.photos // EMBED_BATCH) * EMBED_BATCH
    with tempfile.TemporaryDirectory() as folder:
        path = options.zip or photo_zip(Path(folder) / "train2014.zip", count)
        with PhotoZip(path) as photos:
            names = photos.names
            crops = np.stack([center_crop(decode_photo(photos.read(name))) for name in names[:count]])
        everything = Split("train", path, names, [["a photo"]] * len(names), list(range(len(names))))
        split = Split("train", path, *(rows[:count] for rows in (names, everything.captions, range(count))))
        compare(options, split, everything, crops, Path(folder))


def compare(options, split, everything, crops, folder: Path):
    """Times all ways in turns, prints and records the results.

    Args:
        options: Of the command line.
        split: The photos that are embedded.
        everything: The split that int8 is calibrated on.
        crops: The photos of `split`, (N, size, size, 3) uint8.
        folder: For temporary files.
    """
    count, precisions = len(crops), ["float32", *(["bfloat16"] if has_fast_bfloat16() else [])]
    encoders = {p: get_cnn_encoder(options.weights, p) for p in precisions}
    if importlib.util.find_spec("openvino") and importlib.util.find_spec("nncf"):
        encoders["int8"] = get_cnn_encoder(options.weights, "int8", calibration=everything, cache_dir=folder)
    model = load_network(ARCHITECTURES[NAME], find_weights(options.weights)[0])

    products = {f"product {p}": product for p, product in matrix_products(precisions).items()}
    ways = ways_to_embed(model, encoders, peers(model, precisions, folder), split, crops, folder)
    rates = report.rates(ways | products, count, options.repeats)
    gflops = {p: 2e-9 * PRODUCT_SIZE**3 * rates.pop(f"product {p}") / count for p in precisions}
    found = {p: np.concatenate([encoder(batch) for batch in in_batches(crops)]) for p, encoder in encoders.items()}
    exact = {p: cosines(rows, found["float32"]) for p, rows in found.items() if p != "float32"}
    show(rates, gflops, exact, count, options.repeats)
    record(rates, gflops, exact, precisions)


def ways_to_embed(model, encoders, others, split, crops, folder: Path) -> dict:
    """Functions that embed all photos, by name: Keras's, our encoders, the others, ours from the zip."""
    ready, batches = ARCHITECTURES[NAME].preprocess(crops.astype(np.float32)), in_batches(crops)

    def end_to_end(encoder):
        with tempfile.TemporaryDirectory(dir=folder) as cache:
            embed_split(split, encoder, cache)

    ways = {"model.predict": lambda: model.predict(ready, batch_size=EMBED_BATCH, verbose=0)}
    for name, network in {**{f"ours {p}": e for p, e in encoders.items()}, **others}.items():
        ways[name] = lambda network=network: [network(batch) for batch in batches]
    return ways | {f"ours {p}, from the zip": lambda e=e: end_to_end(e) for p, e in encoders.items()}


def in_batches(crops) -> list:
    """The crops in batches, as they are embedded."""
    return [crops[i:i + EMBED_BATCH] for i in range(0, len(crops), EMBED_BATCH)]


def record(rates, gflops, exact, precisions):
    """Puts the results into outputs/bench.json."""
    best = {p: max((r for name, r in rates.items() if name in (f"PyTorch {p}", f"OpenVINO {p}")), default=None)
            for p in precisions}
    end, predict = rates[f"ours {precisions[-1]}, from the zip"], rates["model.predict"]
    report.record("embedding", {
        "ratio_to_predict": end / predict, "images_per_s": end, "photos_per_s": rates, "matrix_product_gflops": gflops,
        "ratio_to_best_peer": {p: rates[f"ours {p}"] / best[p] for p in precisions if best[p]},
        "cosine_to_float32": {p: {"mean": float(c.mean()), "worst": float(c.min())} for p, c in exact.items()}})


def show(rates, gflops, exact, count, repeats):
    """Prints the table of rates and the cosines."""
    print(f"\n{count} photos, {repeats} rounds; matrix products: "
          + ", ".join(f"{p} {value:,.0f} GFLOP/s" for p, value in gflops.items()) + "\n")
    print(f"{'':28}{'photos/s':>9}{'ratio':>7}{'of peak':>9}{'MSCOCO':>10}")
    for name, rate in rates.items():
        precision = next((p for p in gflops if p in name), None if "int8" in name else "float32")
        share = f"{rate * GFLOP_PER_PHOTO / gflops[precision]:9.0%}" if precision else f"{'':9}"
        print(f"{name:28}{rate:9.1f}{rate / rates['model.predict']:7.2f}{share}{COCO_PHOTOS / rate / 3600:8.2f} h")
    for precision, cosine in exact.items():
        print(f"cosine of {precision} to float32: {cosine.mean():.5f} on average, {cosine.min():.5f} at worst")


if __name__ == "__main__":
    main()
