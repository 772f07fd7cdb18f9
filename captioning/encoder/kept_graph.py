"""The encoder's graph, kept in a file: making it takes three seconds, reading it less than one."""

import hashlib
import json
import logging
from collections.abc import Callable
from pathlib import Path

import tensorflow as tf

from captioning.encoder import inference, networks
from captioning.frameworks import keras
from captioning.storage import files

FOLDER = Path(__file__).resolve().parents[2] / "data" / "graphs"
log = logging.getLogger(__name__)


def kept_graph(make: Callable[[], tf.Graph], encoder: str, weights: str) -> tf.Graph:
    """Reads an encoder's graph. If there is none, or of other versions, or damaged, it is made and written.

    A file begins with the SHA-256 of all that the graph depends on and of the graph itself.

    Args:
        make: makes the graph, as `frozen_graph` does.
        encoder: the network's name.
        weights: the recipe's name of its weights, which tells files apart by their content.
    """
    file = FOLDER / f"{encoder}-{hashlib.sha256(weights.encode()).hexdigest()[:12]}.graph"
    code = [files.sha256(module.__file__) for module in (inference, networks)]
    key = json.dumps([encoder, weights, tf.__version__, keras.__version__, code]).encode()
    try:
        content = file.read_bytes()
        digest, graph = content[:32], memoryview(content)[32:]
        if _digest(key, graph) == digest:
            return _graph_of(graph)
    except OSError:
        pass                                        # it was not made yet
    made = make()
    try:
        _write(file, key, made.as_graph_def().SerializeToString(deterministic=True))
    except OSError as error:                        # the project's folder may be read-only, the disk full
        log.debug("The encoder's graph is not kept: %s", error)
    return made


def _digest(key: bytes, graph) -> bytes:
    digest = hashlib.sha256(key)
    digest.update(graph)
    return digest.digest()


def _write(file: Path, key: bytes, graph: bytes):
    with files.written_aside(file) as aside:
        aside.write_bytes(_digest(key, graph) + graph)


def _graph_of(serialised: memoryview) -> tf.Graph:
    graph = tf.Graph()
    with graph.as_default():
        tf.graph_util.import_graph_def(tf.compat.v1.GraphDef.FromString(serialised), name="")
    return graph
