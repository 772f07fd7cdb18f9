"""An encoder's graph is read from its file, made again if that file is another's or damaged, and never needed."""

from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf

from captioning.encoder import cnn, kept_graph
from captioning.encoder.cnn import get_cnn_encoder
from tests.helpers import ROOT


class Maker:
    """Makes a graph of one constant, and counts how often."""

    def __init__(self):
        self.times = 0

    def __call__(self):
        self.times += 1
        graph = tf.Graph()
        with graph.as_default():
            tf.constant([1.5, 2.5], name="embeddings")
        return graph


def value_of(graph):
    with tf.compat.v1.Session(graph=graph) as session:
        return session.run("embeddings:0").tolist()


@pytest.fixture
def make(tmp_path, monkeypatch):
    monkeypatch.setattr(kept_graph, "FOLDER", tmp_path / "graphs")
    return Maker()


@pytest.fixture
def kept(make, tmp_path):
    """The file of a graph that was made once."""
    assert value_of(kept_graph.kept_graph(make, "a", "drawn")) == [1.5, 2.5]
    [file] = (tmp_path / "graphs").iterdir()
    return file


def test_a_graph_is_made_once_for_each_network_and_weights(make, kept):
    assert value_of(kept_graph.kept_graph(make, "a", "drawn")) == [1.5, 2.5] and make.times == 1
    kept_graph.kept_graph(make, "a", "other")
    kept_graph.kept_graph(make, "b", "drawn")
    assert make.times == 3 and len(list(kept.parent.iterdir())) == 3


@pytest.mark.parametrize("place", [0, 31, 32, -1])
def test_a_damaged_graph_is_made_again(make, kept, place):
    whole = kept.read_bytes()
    content = bytearray(whole)
    content[place] ^= 1
    for damaged in (content, whole[:-1], whole[:20], b""):
        kept.write_bytes(damaged)
        assert value_of(kept_graph.kept_graph(make, "a", "drawn")) == [1.5, 2.5]
        assert kept.read_bytes() == whole
    assert make.times == 5


@pytest.mark.parametrize("module", [tf, kept_graph.keras])
def test_a_graph_of_another_version_is_made_again(make, kept, module, monkeypatch):
    monkeypatch.setattr(module, "__version__", "0.0")
    kept_graph.kept_graph(make, "a", "drawn")
    assert make.times == 2 and len(list(kept.parent.iterdir())) == 1


@pytest.mark.parametrize("module", [kept_graph.inference, kept_graph.networks])
def test_a_graph_of_other_code_is_made_again(make, kept, module, monkeypatch, tmp_path):
    (tmp_path / "other.py").write_text("")
    monkeypatch.setattr(module, "__file__", tmp_path / "other.py")
    kept_graph.kept_graph(make, "a", "drawn")
    assert make.times == 2


def test_where_nothing_can_be_written_the_graph_is_made_each_time(make, tmp_path):
    (tmp_path / "graphs").write_text("no folder")
    for times in (1, 2):
        assert value_of(kept_graph.kept_graph(make, "a", "drawn")) == [1.5, 2.5] and make.times == times


def test_an_encoder_from_its_file_embeds_alike(drawn_encoder, monkeypatch):
    def no_network(*_):
        raise AssertionError("the network is made")

    assert kept_graph.FOLDER == ROOT / "data" / "graphs"
    monkeypatch.setattr(cnn, "load_network", no_network)
    again = get_cnn_encoder("drawn", "float32")
    photos = np.random.default_rng(1).integers(0, 256, (2, 299, 299, 3), np.uint8)
    assert again.recipe == drawn_encoder.recipe and np.array_equal(again(photos), drawn_encoder(photos))


@pytest.mark.parametrize("weights, kept", [("drawn", 1), ("a file", 0)])
def test_only_graphs_of_known_weights_are_kept(make, weights, kept, tmp_path, monkeypatch):
    """A user may have many files of weights, and a graph takes 87 MB."""
    monkeypatch.setattr(cnn, "Session", lambda *_: SimpleNamespace(precision="float32"))
    monkeypatch.setattr(cnn, "Encoder", lambda *_, **recipe: recipe)
    monkeypatch.setattr(cnn, "load_network", lambda *_: None)
    monkeypatch.setattr(cnn, "frozen_graph", lambda *_: make())
    if weights == "a file":
        weights = tmp_path / "own.weights.h5"
        weights.write_bytes(b"a user's")
    for times in (1, 2):
        get_cnn_encoder(str(weights), "float32")
        assert len(list(tmp_path.glob("graphs/*"))) == kept and make.times == (1 if kept else times)
