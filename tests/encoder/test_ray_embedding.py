"""Embedding on a Ray cluster gives the bytes of one machine, even if a worker is killed."""

import importlib.util
import inspect
import os
import signal
import subprocess
import sys

import numpy as np
import pytest

from captioning.datasets.splits import load_split
from captioning.encoder import ray_cluster
from captioning.encoder.cache import embed_split
from captioning.encoder.ray_cluster import Worker, cluster, encoder_of
from captioning.settings import Settings
from captioning.storage import files
from tests.helpers.photo_files import MeanColour, coloured_zip, split_of


class Alone(MeanColour):
    """The workers' encoder, in this process. Its crops are smaller than most."""

    size = 224


HAS_RAY = importlib.util.find_spec("ray") is not None
needs_ray = pytest.mark.skipif(not HAS_RAY, reason="Ray is not installed (requirements-ray.txt)")


@pytest.mark.skipif(HAS_RAY, reason="Ray is installed")
def test_without_ray_one_sentence_says_what_to_install(tmp_path):
    result = subprocess.run([sys.executable, "-m", "captioning.encoder.ray_cluster"], cwd=tmp_path,
                            capture_output=True, text=True)
    assert result.returncode == 1
    assert result.stderr == "Ray is not installed: python -m pip install -r requirements-ray.txt\n"
    assert not list(tmp_path.iterdir())


@pytest.fixture(scope="module")
def two_workers():
    """A cluster for two workers."""
    with cluster(2):
        yield


@pytest.fixture
def photos(tmp_path):
    """A split of 500 photos, two of them broken."""
    return split_of(coloured_zip(tmp_path / "train2014.zip", count=500, bad={40, 270}, size=(8, 8)))


def encoders(folder, limit=10**6, recipe=MeanColour.recipe):
    """A function that makes encoders. The first encoder that embeds more than `limit` batches kills its worker.

    The class is local, so Ray sends it to the workers, which could not import it from this module.
    """
    class Mortal:
        size = 224

        def __init__(self):
            self.recipe, self.calls = recipe or {"encoder": f"of process {os.getpid()}"}, 0

        def __call__(self, photos):
            self.calls += 1
            if self.calls > limit and not (folder / "killed").exists():
                (folder / "killed").write_text(str(os.getpid()))
                os.kill(os.getpid(), signal.SIGKILL)
            (folder / f"{os.getpid()}-{self.calls}").touch()
            means = photos[:, ::9, ::9].mean(axis=(1, 2), dtype=np.float32) / 255 + 1
            return np.tile(means, 683)[:, :2048]

    folder.mkdir(exist_ok=True)
    return Mortal


def written(folder):
    """Bytes of the finished files."""
    return (folder / "train.npy").read_bytes(), (folder / "train.json").read_bytes()


@needs_ray
@pytest.mark.filterwarnings("ignore:.*can't be used")
def test_a_killed_worker_loses_nothing_and_the_bytes_are_those_of_one_machine(two_workers, photos, tmp_path):
    embed_split(photos, Alone(), tmp_path / "alone")
    make_encoder = encoders(tmp_path / "calls", limit=5)            # in the middle of its second task
    found = ray_cluster.embed_split(photos, make_encoder, tmp_path / "ray", workers=2)
    workers = {path.name.split("-")[0] for path in (tmp_path / "calls").glob("*-*")}
    assert (tmp_path / "calls" / "killed").read_text() in workers and len(workers) == 3
    assert list(found.skipped) == ["040.jpg", "270.jpg"]
    assert written(tmp_path / "ray") == written(tmp_path / "alone")


@needs_ray
@pytest.mark.filterwarnings("ignore:.*can't be used")
def test_ray_finishes_what_one_machine_began(two_workers, photos, tmp_path):
    class Interrupted(Alone):
        calls = 0

        def __call__(self, batch):
            self.calls += 1
            if self.calls > 9:
                raise KeyboardInterrupt
            return super().__call__(batch)

    with pytest.raises(KeyboardInterrupt):
        embed_split(photos, Interrupted(), tmp_path / "cache")
    there = list((tmp_path / "cache").glob(f"train{files.TEMPORARY}*/*.npz"))
    ray_cluster.embed_split(photos, encoders(tmp_path / "calls"), tmp_path / "cache", workers=2)
    assert len(there) == 9 and len(list((tmp_path / "calls").iterdir())) == 16 - 9
    embed_split(photos, Alone(), tmp_path / "alone")
    assert written(tmp_path / "cache") == written(tmp_path / "alone")


@needs_ray
def test_a_worker_with_another_encoder_is_refused_with_both_recipes(two_workers, photos, tmp_path):
    with pytest.raises(ValueError, match=r"of process \d+'}, another machine's is .*of process \d+'"):
        ray_cluster.embed_split(photos, encoders(tmp_path / "calls", recipe=None), tmp_path / "cache", workers=2)


@needs_ray
def test_photos_that_a_worker_cannot_see_are_named(two_workers, tmp_path):
    import ray

    missing = tmp_path / "train2014.zip"
    worker = ray.remote(Worker).remote(encoders(tmp_path), missing)
    with pytest.raises(FileNotFoundError, match=f"{missing} is missing on .*a folder that all of them share"):
        ray.get(worker.embed.remote(["a.jpg"], [0], MeanColour.recipe))


@needs_ray
def test_ray_reports_nothing_and_opens_no_dashboard(two_workers):
    import ray
    from ray._common.usage import usage_lib

    assert not usage_lib.usage_stats_enabled()
    assert not ray._private.worker.get_dashboard_url()


def test_workers_make_the_encoder_of_the_settings(tmp_path, photos):
    settings = Settings(encoder="mobilenet_v3", encoder_weights="imagenet", precision="float32", data_dir="elsewhere")
    make = encoder_of(settings, photos)
    given = inspect.signature(make.func).bind(*make.args, **make.keywords).arguments
    assert (given["encoder"], given["weights"], given["precision"]) == ("mobilenet_v3", "imagenet", "float32")
    assert given["calibration"].names == photos.names
    assert given["cache_dir"].is_absolute() and given["cache_dir"].parts[-2:] == ("elsewhere", "embeddings")


@needs_ray
@pytest.mark.slow
def test_the_command_makes_what_the_notebook_would(small_world, tmp_path):
    """The real network's bytes depend neither on the worker nor on its number of threads."""
    environment = os.environ | {"CAPTION_DATASET": "folder", "CAPTION_DATA_DIR": str(small_world),
                                "CAPTION_ENCODER_WEIGHTS": "drawn"}
    subprocess.run([sys.executable, "-m", "captioning.encoder.ray_cluster"], cwd=tmp_path, env=environment, check=True)
    [made] = tmp_path.glob("data/*/embeddings")
    from captioning.encoder.cnn import get_cnn_encoder

    embed_split(load_split(small_world, "train"), get_cnn_encoder("drawn"), tmp_path / "alone")
    assert written(made) == written(tmp_path / "alone")
