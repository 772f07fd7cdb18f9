"""The encoder gives Keras's own embeddings, its recipe names its weights, and wrong weights are told apart."""

import h5py
import keras
import numpy as np
import pytest
from conftest import SAMPLE

import drawn_world
import files
import keras_utils
import utils


@pytest.fixture(scope="module")
def crops():
    scenes = [drawn_world.render_photo(seed=5, split="val2014", index=i) for i in range(4)]
    return np.stack([utils.center_crop(utils.decode_photo(scene.jpeg)) for scene in scenes])


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """A file with the weights of an InceptionV3 that tells drawn scenes apart."""
    path = tmp_path_factory.mktemp("weights") / "inception.weights.h5"
    keras_utils._random_inception(seed=1).save_weights(path)
    return path


@pytest.fixture(scope="module")
def encoder(weights):
    return keras_utils.get_cnn_encoder(str(weights), "float32")


def cosines(one, other):
    return (one * other).sum(axis=1) / np.linalg.norm(one, axis=1) / np.linalg.norm(other, axis=1)


def test_float32_embeddings_are_those_of_the_keras_model(encoder, weights, crops):
    model = keras.applications.InceptionV3(include_top=False, pooling="avg", weights=str(weights))
    expected = model.predict(keras.applications.inception_v3.preprocess_input(crops.astype(np.float32)), verbose=0)
    found = encoder(crops)
    assert found.shape == (4, utils.IMG_EMBED_SIZE) and found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4 * expected.std())


def test_bfloat16_embeddings_tell_the_same_photos_apart(encoder, weights, crops):
    float32, bfloat16 = encoder(crops), keras_utils.get_cnn_encoder(str(weights), "bfloat16")(crops)
    same, different = cosines(float32, bfloat16), cosines(float32[:1], float32[1:])
    assert not np.array_equal(float32, bfloat16)
    assert same.min() > 0.99 > different.max()      # random weights magnify rounding; trained ones keep 0.999


def test_the_recipe_names_weights_by_content_and_the_precision_that_is_used(encoder, weights, tmp_path):
    copy = tmp_path / "copy.weights.h5"
    copy.write_bytes(weights.read_bytes())
    assert keras_utils.get_cnn_encoder(str(copy), "float32").recipe == encoder.recipe == {
        "encoder": "InceptionV3", "weights": f"file, sha256 {files.sha256(weights)}", "precision": "float32"}
    assert keras_utils._resolve_precision("auto") in ("float32", "bfloat16")


def test_missing_weights_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere.h5"):
        keras_utils.get_cnn_encoder(str(tmp_path / "nowhere.h5"))


@pytest.mark.parametrize("content", [b"", b"no weights", "another architecture", "cut short", "a layer less"])
def test_what_is_no_inception_is_refused_by_name(tmp_path, weights, content):
    path = tmp_path / "odd.weights.h5"
    if content == "another architecture":
        keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)]).save_weights(path)
    elif content == "cut short":
        path.write_bytes(weights.read_bytes()[:1_000_000])
    elif content == "a layer less":
        path.write_bytes(weights.read_bytes())
        with h5py.File(path, "r+") as file:
            del file["layers/conv2d_5"]
    else:
        path.write_bytes(content)
    with pytest.raises(ValueError, match="odd.weights.h5 does not hold weights of InceptionV3"):
        keras_utils.get_cnn_encoder(str(path))


@pytest.mark.skipif(not SAMPLE.exists(), reason="no real weights here")
def test_real_weights_tell_real_photos_apart():
    path = SAMPLE / "inception_v3_imagenet_partial_notop.weights.h5"
    with utils.PhotoZip(SAMPLE / "val2014.zip") as photos:
        crops = np.stack([utils.center_crop(photos.photo(name)) for name in photos.names[:8]])
    float32, bfloat16 = (keras_utils.get_cnn_encoder(str(path), p)(crops) for p in ("float32", "bfloat16"))
    assert cosines(float32[:1], float32[1:]).max() < 0.95
    assert cosines(float32, bfloat16).min() > 0.999
