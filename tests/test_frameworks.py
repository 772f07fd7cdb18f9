"""The project computes the same, whatever the environment and a keras.json say."""

import json
import os
import platform
import subprocess
import sys

import numpy as np
import pytest

from captioning.cpu import instructions
from tests.helpers import ROOT

# As the notebook does: utils first, then Keras, then the modules that need it.
NUMBERS = """
import hashlib, json, sys, utils
import keras, numpy as np
import grading, keras_utils
from tests.helpers import course_cells

def digest(values):
    return hashlib.sha256(np.ascontiguousarray(values).tobytes()).hexdigest()[:8]

encoder = keras_utils.get_cnn_encoder(sys.argv[1], "auto", "mobilenet_v3")
embeddings = encoder(np.random.default_rng(1).integers(0, 256, (4, 224, 224, 3), np.uint8))
words = "#END# #PAD# #START# #UNK# a cat dog on sits the".split()
vocab = {word: index for index, word in enumerate(words)}
keras.utils.set_random_seed(0)
made = course_cells.define(
    course_cells.code_cells(), "decoder", vocab=vocab, settings=utils.Settings(dropout=0.0, image_dropout=0.0),
    PAD=utils.PAD, IMG_EMBED_SIZE=encoder.width, IMG_EMBED_BOTTLENECK=120, WORD_EMBED_SIZE=100, LSTM_UNITS=300,
    LOGIT_BOTTLENECK=120)
decoder = made.decoder
loss = keras.Model([decoder.img_embeds, decoder.sentences], decoder.loss)
points = grading.Grader().check_decoder_shapes(decoder, vocab).points
print(json.dumps([encoder.recipe, digest(embeddings), digest(loss([embeddings, np.ones((4, 5), int) * 5])), points,
                  keras.config.floatx(), keras.config.epsilon()]))
"""


def run(code, *arguments, **variables):
    """Runs Python code in a process with these arguments and environment variables."""
    return subprocess.run([sys.executable, "-c", code, *arguments], cwd=ROOT, capture_output=True, text=True,
                          env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"} | variables)


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """A file of random weights of the smallest encoder."""
    from captioning.encoder.networks import ARCHITECTURES

    path = str(tmp_path_factory.mktemp("weights") / "random.weights.h5")
    ARCHITECTURES["mobilenet_v3"].network(None).save_weights(path)
    return path


@pytest.fixture(scope="module")
def usual_numbers(weights):
    """What `NUMBERS` prints in the usual environment."""
    done = run(NUMBERS, weights)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


@pytest.mark.parametrize("keras_json, variables", [
    ({"floatx": "float64", "epsilon": 0.01}, {"TF_ENABLE_ONEDNN_OPTS": "0", "KERAS_BACKEND": "jax"}),
    ({"floatx": "float16", "image_data_format": "channels_first", "backend": "torch"},
     {"ONEDNN_MAX_CPU_ISA": "SSE41", "ONEDNN_DEFAULT_FPMATH_MODE": "BF16",
      "TF_XLA_FLAGS": "--tf_xla_auto_jit=2 --tf_xla_cpu_global_jit", "KERAS_BACKEND": "torch"}),
], ids=["float64", "float16"])
def test_numbers_do_not_depend_on_the_environment_or_a_keras_json(
        usual_numbers, weights, tmp_path, keras_json, variables):
    (tmp_path / "keras.json").write_text(json.dumps(keras_json))
    done = run(NUMBERS, weights, KERAS_HOME=str(tmp_path), **variables)
    assert done.returncode == 0, done.stderr[-2000:]
    assert json.loads(done.stdout) == usual_numbers


def test_another_backend_that_is_there_already_is_named():
    done = run("import keras; keras.backend.backend = lambda: \"numpy\"; import captioning.frameworks")
    assert "Keras runs on numpy, but this project needs TensorFlow. Restart the kernel" in done.stderr.splitlines()[-1]


@pytest.mark.skipif("avx512f" not in instructions(), reason="needs a processor that can be made an older one")
def test_another_processor_changes_embeddings_less_than_float16_does(tmp_path):
    """That is why a cache from another machine is used, with a warning, and not refused."""
    code = """
import os, sys, captioning
os.environ |= {"ONEDNN_MAX_CPU_ISA": sys.argv[1]}       # which captioning would have removed
import numpy as np
from captioning.encoder.cnn import get_cnn_encoder
photos = np.random.default_rng(1).integers(0, 256, (4, 299, 299, 3), np.uint8)
np.save(sys.argv[2], get_cnn_encoder("drawn", "float32")(photos))
"""
    for name in ("DEFAULT", "AVX2"):
        subprocess.run([sys.executable, "-c", code, name, str(tmp_path / f"{name}.npy")], cwd=ROOT, check=True)
    here, there = (np.load(tmp_path / f"{name}.npy") for name in ("DEFAULT", "AVX2"))
    rounded_off = np.abs(here - here.astype(np.float16)).max()
    assert 0 < np.abs(here - there).max() < rounded_off / 500


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="needs oneDNN")
def test_a_recipe_says_what_is_computed_not_what_was_asked_for(weights):
    """TensorFlow without oneDNN computes in float32, whatever its options ask for."""
    code = """
import sys, tensorflow, captioning
from captioning.encoder.cnn import get_cnn_encoder
print(get_cnn_encoder(sys.argv[1], "auto", "mobilenet_v3").recipe["precision"])
get_cnn_encoder(sys.argv[1], "bfloat16", "mobilenet_v3")
"""
    done = run(code, weights, TF_ENABLE_ONEDNN_OPTS="0")
    assert done.stdout.strip() == "float32"
    assert done.stderr.splitlines()[-1].endswith("CAPTION_PRECISION is bfloat16, but TensorFlow computes in float32 on "
                                                 "this machine. Set CAPTION_PRECISION to auto or float32.")
