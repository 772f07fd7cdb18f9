"""TensorFlow and Keras as the project needs them, and what decides which arithmetic they run.

Importing this module sets Keras up, whatever a keras.json says. So take Keras from here where a network is made.
"""

import os
import platform
from importlib.metadata import version

import keras
import tensorflow as tf
from tensorflow.python.util import _pywrap_util_port as build

from captioning.cpu import has_fast_bfloat16, instructions, processor

if keras.backend.backend() != "tensorflow":
    raise ImportError(f"Keras runs on {keras.backend.backend()}, but this project needs TensorFlow. "
                      "Restart the kernel, and import utils before keras: it chooses the backend.")
keras.config.set_floatx("float32")
keras.config.set_dtype_policy("float32")
keras.config.set_epsilon(1e-7)
keras.config.set_image_data_format("channels_last")


def training_precision(precision: str) -> str:
    """The number format of the products in training: "bfloat16" or "float32". precision: CAPTION_PRECISION."""
    return "bfloat16" if precision != "float32" and has_fast_bfloat16() else "float32"


def arithmetic(precision: str) -> dict:
    """What decides which arithmetic training runs, by name. If all is equal, the same steps give the same bits.

    Args:
        precision: CAPTION_PRECISION.
    """
    return {
        "TensorFlow": tf.__version__, "Keras": keras.__version__, "NumPy": version("numpy"),
        "system": f"{platform.system()} {platform.machine()}", "processor": processor(), "instructions": instructions(),
        "oneDNN": build.IsMklEnabled(), "precision": training_precision(precision), "threads": _threads(),
    }


def _threads() -> str:
    """Threads that one operation of TensorFlow uses."""
    of_process = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    chosen = tf.config.threading.get_intra_op_parallelism_threads() or os.environ.get("TF_NUM_INTRAOP_THREADS")
    return str(chosen or of_process)
