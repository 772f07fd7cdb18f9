"""Each encoder returns Keras's own embeddings, its recipe names its weights, and wrong weights are refused."""

import os
import re
import shutil
import subprocess
import sys

import h5py
import keras
import numpy as np
import pytest

from captioning import settings
from captioning.datasets.drawn.rendering import render_photo
from captioning.datasets.photo_zip import PhotoZip
from captioning.datasets.splits import load_split
from captioning.encoder import networks
from captioning.encoder.cnn import get_cnn_encoder, resolve_precision
from captioning.encoder.inference import Session, frozen_graph
from captioning.encoder.int8 import evenly_spread
from captioning.encoder.networks import ARCHITECTURES, DRAWN_WEIGHTS, find_weights, load_network
from captioning.encoder.recipes import ARITHMETIC, without
from captioning.photos.crop import center_crop
from captioning.photos.decode import decode_photo
from captioning.storage import files
from tests.helpers import ROOT, SAMPLE

ENCODERS = list(ARCHITECTURES)


@pytest.fixture(scope="module")
def scenes():
    """18 rendered photos."""
    photos = [render_photo(seed=5, split="val2014", index=i) for i in range(18)]
    return [decode_photo(photo.jpeg) for photo in photos]


@pytest.fixture(scope="module")
def crops(scenes):
    """Their centre crops, (18, 299, 299, 3) uint8."""
    return np.stack([center_crop(scene) for scene in scenes])


def cosines(one, other):
    """Cosine of each row of one array to the same row of the other."""
    return (one * other).sum(axis=1) / np.linalg.norm(one, axis=1) / np.linalg.norm(other, axis=1)


# From Keras's documentation: function, module of its preprocessing, size and width.
PUBLISHED = {
    "inception_v3": (keras.applications.InceptionV3, keras.applications.inception_v3, 299, 2048),
    "mobilenet_v3": (keras.applications.MobileNetV3Large, keras.applications.mobilenet_v3, 224, 960),
    "efficientnet_v2_b0": (keras.applications.EfficientNetV2B0, keras.applications.efficientnet_v2, 224, 1280),
}


def give_random_kernels(model, seed):
    """Sets He-normal kernels (https://arxiv.org/abs/1502.01852), as there are no trained weights of the smaller two."""
    rng = np.random.default_rng(seed)
    for layer in model.layers:
        if isinstance(layer, (keras.layers.Conv2D, keras.layers.DepthwiseConv2D)):
            inputs = np.prod(layer.kernel.shape[:2 if isinstance(layer, keras.layers.DepthwiseConv2D) else 3])
            layer.kernel.assign(rng.normal(0, np.sqrt(2 / inputs), layer.kernel.shape))


@pytest.mark.parametrize("name", ENCODERS)
def test_embeddings_are_those_of_keras_and_bfloat16_stays_close(name, scenes, drawn_encoder):
    build, module, size, width = PUBLISHED[name]
    architecture = ARCHITECTURES[name]
    assert (architecture.build, architecture.size, architecture.width) == (build, size, width)
    model = build(include_top=False, pooling="avg", weights=None, input_shape=(size, size, 3))
    if name == "inception_v3":
        model.load_weights(DRAWN_WEIGHTS)
    else:
        give_random_kernels(model, seed=1)
    crops = np.stack([center_crop(scene, size) for scene in scenes[:6]])
    expected = model(module.preprocess_input(crops.astype(np.float32)), training=False).numpy()
    graph = frozen_graph(architecture, model)
    float32 = (drawn_encoder if name == "inception_v3" else Session(graph, "float32"))(crops)
    bfloat16 = Session(graph, "bfloat16")(crops)
    assert float32.shape == (6, width) and float32.dtype == bfloat16.dtype == np.float32
    # Batch normalisation is folded into the kernels, so up to 100 layers round differently, by some 1e-7 each.
    # Wrong preprocessing changes embeddings by tens of percent.
    np.testing.assert_allclose(float32, expected, rtol=1e-3, atol=1e-4 * np.abs(expected).max())
    assert not np.array_equal(float32, bfloat16)
    # More rounds of rewriting change nothing.
    assert np.array_equal(Session(graph, "bfloat16", architecture.rounds)(crops[:2]), bfloat16[:2])
    # Random kernels magnify rounding; with trained ones the cosine is above 0.999.
    assert cosines(float32, bfloat16).min() > (0.999 if name == "inception_v3" else 0.99)


def test_photos_keep_their_order_in_batches_of_any_size(drawn_encoder, crops):
    together = drawn_encoder(crops)                 # in pieces of 16 and 2
    for i in (0, 15, 17):
        np.testing.assert_allclose(drawn_encoder(crops[i:i + 1])[0], together[i], rtol=1e-3, atol=1e-5)
    assert cosines(together[:1], together[1:]).max() < 0.99


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_the_encoder_leaves_room_on_a_machine_of_4_gb():
    """TensorFlow, Keras and making the network take 1.4 GB. The peak is 2.1 GB; 3.1 if two runs rewrite the graph."""
    code = ("import numpy as np; from captioning.encoder.cnn import get_cnn_encoder\n"
            "get_cnn_encoder('drawn')(np.zeros((32, 299, 299, 3), np.uint8))\n"
            "print(open('/proc/self/status').read().split('VmHWM:')[1].split()[0])")
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert int(result.stdout) / 1e6 < 2.6           # GB


def test_the_recipe_names_weights_by_content_and_the_precision_that_is_used(drawn_encoder, tmp_path):
    copy = tmp_path / "copy.weights.h5"
    shutil.copy(DRAWN_WEIGHTS, copy)
    digest = files.sha256(copy)
    assert without(drawn_encoder.recipe, ARITHMETIC) == {
        "encoder": "InceptionV3", "weights": f"drawn, sha256 {digest}", "precision": "float32"}
    assert find_weights(str(copy)) == (copy, f"file, sha256 {digest}")
    assert resolve_precision("auto") in ("float32", "bfloat16")


def test_the_settings_know_the_same_encoders():
    assert list(settings.ENCODERS) == ENCODERS


def test_only_inception_has_weights_of_the_drawn_world():
    with pytest.raises(ValueError, match="CAPTION_ENCODER is mobilenet_v3.*CAPTION_ENCODER_WEIGHTS to `imagenet`"):
        settings.Settings(encoder="mobilenet_v3")


def test_missing_weights_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere.h5"):
        get_cnn_encoder(str(tmp_path / "nowhere.h5"))


WITHOUT_NETWORK = """
from pathlib import Path

from captioning.encoder import kept_graph
from captioning.encoder.cnn import get_cnn_encoder
from captioning.encoder.networks import ARCHITECTURES
kept_graph.FOLDER = Path("not", "there")                # the developer's own may hold one of these weights
for name in ARCHITECTURES:
    try:
        get_cnn_encoder("imagenet", encoder=name)
    except OSError as error:
        print(error)
"""


def test_without_network_keras_weights_come_with_a_hint(tmp_path):
    """In a process of its own, whose folder of Keras holds no weights."""
    environment = os.environ | {"KERAS_HOME": str(tmp_path), "https_proxy": "http://127.0.0.1:9"}   # nobody listens
    found = subprocess.run([sys.executable, "-c", WITHOUT_NETWORK], env=environment, cwd=ROOT, capture_output=True,
                           text=True, check=True).stdout
    hints = re.findall("Keras could not get the ImageNet weights.*Without a network, fetch", found)
    assert len(hints) == len(ENCODERS), found


def test_weights_of_the_project_that_are_missing_or_damaged_are_named(tmp_path, monkeypatch):
    path = tmp_path / DRAWN_WEIGHTS.name
    monkeypatch.setattr(networks, "DRAWN_WEIGHTS", path)
    with pytest.raises(FileNotFoundError, match=f"{path.name} is missing.*git checkout.*new download"):
        get_cnn_encoder("drawn")
    path.write_bytes(b"cut short")
    with pytest.raises(FileNotFoundError, match="inception_v3_drawn_notop.json is missing"):
        get_cnn_encoder("drawn")
    files.write_json(tmp_path / "inception_v3_drawn_notop.json", {"sha256": "0" * 64})
    with pytest.raises(ValueError, match=f"{path.name} is damaged: .* expected 0000.*git checkout.*new download"):
        get_cnn_encoder("drawn")


@pytest.mark.parametrize("content", [b"no weights", "another architecture", "cut short", "a missing layer"])
def test_a_file_without_inceptions_weights_is_refused_by_name(tmp_path, content):
    path = tmp_path / "odd.weights.h5"
    if content == "another architecture":
        keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)]).save_weights(path)
    elif content == "cut short":
        path.write_bytes(DRAWN_WEIGHTS.read_bytes()[:1_000_000])
    elif content == "a missing layer":
        path.write_bytes(DRAWN_WEIGHTS.read_bytes())
        with h5py.File(path, "r+") as file:
            del file["layers/conv2d_5"]
    else:
        path.write_bytes(content)
    with pytest.raises(ValueError, match="odd.weights.h5 does not hold weights of InceptionV3"):
        get_cnn_encoder(str(path))


@pytest.mark.skipif(not SAMPLE.exists(), reason="the real weights are not here")
def test_real_weights_tell_real_photos_apart():
    path = SAMPLE / "inception_v3_imagenet_partial_notop.weights.h5"
    with PhotoZip(SAMPLE / "val2014.zip") as photos:
        crops = np.stack([center_crop(decode_photo(photos.read(name))) for name in photos.names[:8]])
    inception = ARCHITECTURES["inception_v3"]
    graph = frozen_graph(inception, load_network(inception, path))
    float32, bfloat16 = (Session(graph, precision)(crops) for precision in ("float32", "bfloat16"))
    assert cosines(float32[:1], float32[1:]).max() < 0.95
    assert cosines(float32, bfloat16).min() > 0.999


# ------------------------------------------------------------------------------------------------ int8

def test_int8_without_its_packages_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "openvino", None)      # as if it were not installed
    with pytest.raises(ValueError, match="pip install -r requirements-int8.txt"):
        get_cnn_encoder("drawn", "int8")


def test_int8_is_refused_for_encoders_whose_error_is_unknown():
    with pytest.raises(ValueError, match="int8 is for inception_v3.*CAPTION_ENCODER is mobilenet_v3"):
        get_cnn_encoder("imagenet", "int8", "mobilenet_v3")


def test_calibration_photos_are_spread_over_the_split():
    names = [f"{i:04d}" for i in range(1000)]
    chosen = evenly_spread(names, 300)
    assert len(set(chosen)) == 300 and chosen[0] == "0000" and chosen[-1] >= "0996"
    assert {int(b) - int(a) for a, b in zip(chosen, chosen[1:])} == {3, 4}
    assert evenly_spread(names[:7], 300) == names[:7]


@pytest.mark.slow
def test_int8_stays_close_and_is_made_again_bit_for_bit(drawn_encoder, crops, small_world, tmp_path):
    for package in ("openvino", "nncf"):
        pytest.importorskip(package)
    split = load_split(small_world, "train")

    def int8():
        return get_cnn_encoder("drawn", "int8", calibration=split, cache_dir=tmp_path)

    first = int8()
    embeddings = first(crops)
    assert cosines(embeddings, drawn_encoder(crops)).min() > 0.98
    assert first.recipe["precision"].startswith("int8") and first.recipe["calibration"].startswith("48 photos, sha256")
    home, = tmp_path.glob("int8-*/")
    written = (home / "network.bin").stat().st_mtime_ns
    assert int8().recipe == first.recipe and (home / "network.bin").stat().st_mtime_ns == written   # read back
    for damage in (lambda: (home / "network.bin").write_bytes(b"damaged"), lambda: shutil.rmtree(home)):
        damage()
        again = int8()
        assert again.recipe == first.recipe
        np.testing.assert_array_equal(again(crops), embeddings)
