"""Embeddings of a photo collection that outgrows one machine: the extraction of utils.embed_split on Ray.

    pip install -r requirements-ray.txt
    python -m captioning.encoder.ray_cluster --workers 2                         # a cluster of this machine alone
    python -m captioning.encoder.ray_cluster --workers 16 --address auto         # one that is running

Settings come from the environment as for the notebook, which finds the embeddings when it is run next: cache, recipe
and lock are the same, and so are the bytes. This process alone writes; what it has kept when it dies, it does not
compute again. Each machine needs this folder, the photos' zip and the encoder's weights under the same path, in a
folder that all of them share, and the packages of requirements.txt. If a worker dies, Ray starts another one and has
it repeat at most TASK_BATCHES batches.
"""

import argparse
import contextlib
import functools
import os
import socket
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

from captioning.datasets.photo_zip import PhotoZip
from captioning.datasets.splits import Split, load_dataset
from captioning.encoder import cache
from captioning.encoder.batches import EMBED_BATCH, crop_size, embed_batches
from captioning.encoder.cache import Embeddings
from captioning.settings import Settings

TASK_BATCHES = 4                    # batches that a worker is given at once, so that it can decode ahead
RETRIES = 3                         # of a task whose worker died; then its photos are at fault, not the machine
STORE_BYTES = 100_000_000           # Ray's shared memory on this machine; embeddings under way need 1 MB a worker


class Worker:
    """One encoder and the photos' zip, in a process of its own."""

    def __init__(self, make_encoder, photos: Path):
        self.make_encoder, self.path = make_encoder, photos
        self.encoder = self.photos = None       # made later: of what goes wrong here, Ray says that a worker died

    def about(self) -> dict:
        """What utils.embed_split needs to know of the encoder."""
        if self.encoder is None:
            self.encoder = self.make_encoder()
        return {"recipe": self.encoder.recipe, "size": crop_size(self.encoder)}

    def embed(self, names, starts, recipe) -> list:
        """As utils.embed_batches gives them, the batches of `names`, which begin at `starts` among all photos.

        Raises ValueError when this machine's encoder has another recipe, such as another precision, and
        FileNotFoundError when the photos are not there.
        """
        if (mine := self.about()["recipe"]) != recipe:
            raise ValueError(f"The encoder of {socket.gethostname()} is {mine}, another machine's is {recipe}. "
                             "Set CAPTION_PRECISION to what all of them have, and share the weights' file.")
        if self.photos is None:
            self.photos = self._open()
        here = range(0, len(names), EMBED_BATCH)
        batches = embed_batches(self.photos, names, here, self.encoder, workers=1)
        return [(start, rows, skipped) for start, (_, rows, skipped) in zip(starts, batches)]

    def _open(self) -> PhotoZip:
        try:
            return PhotoZip(self.path)
        except FileNotFoundError:
            raise FileNotFoundError(
                f"{self.path} is not there on {socket.gethostname()}. Each machine needs the photos' zip under that "
                "path: put it into a folder that all of them share."
            ) from None


@contextlib.contextmanager
def cluster(workers: int, cpus: int = 1, address: str | None = None):
    """Connects to the Ray cluster at `address` ("auto", "host:port"), or starts one here for `workers` of `cpus` each.

    Raises ModuleNotFoundError when Ray is not installed, ConnectionError when there is no cluster.
    """
    ray = _ray()
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"         # its only switch; else Ray reports to its makers
    here = {} if address else {"num_cpus": workers * cpus, "include_dashboard": False,
                               "object_store_memory": STORE_BYTES}
    environment = {"PYTHONPATH": str(Path(__file__).resolve().parents[2]), "TF_NUM_INTRAOP_THREADS": str(cpus)}
    ray.init(address or "local", log_to_driver=False, runtime_env={"env_vars": environment}, **here)
    try:
        yield
    finally:
        ray.shutdown()


def embed_split(split: Split, make_encoder, cache_dir, workers: int, cpus: int = 1) -> Embeddings:
    """As utils.embed_split, by `workers` processes of the cluster that this process is connected to.

    make_encoder: a function without arguments, that can be pickled; each worker calls it once.
    """
    ray = _ray()
    worker = ray.remote(num_cpus=cpus, max_restarts=-1, max_task_retries=RETRIES)(Worker)
    actors = [worker.remote(make_encoder, split.photos.resolve()) for _ in range(workers)]
    try:
        encoder = SimpleNamespace(**ray.get(actors[0].about.remote()))
        return cache.embed_split(split, encoder, cache_dir, compute=functools.partial(_embed_batches, actors))
    finally:
        for actor in actors:
            ray.kill(actor)


def _embed_batches(actors, photos, names, starts, encoder):
    """utils.embed_batches, by the actors; batches come in the order in which they are done."""
    from ray.util import ActorPool

    def submit(actor, starts):
        chosen = [name for start in starts for name in names[start:start + EMBED_BATCH]]
        return actor.embed.remote(chosen, starts, encoder.recipe)

    tasks = [starts[i:i + TASK_BATCHES] for i in range(0, len(starts), TASK_BATCHES)]
    for batches in ActorPool(actors).map_unordered(submit, tasks):
        yield from batches


def _ray():
    try:
        import ray
    except ModuleNotFoundError:
        raise ModuleNotFoundError("Ray is not installed: pip install -r requirements-ray.txt") from None
    return ray


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workers", type=int, default=2, help="processes, each with an encoder of its own")
    parser.add_argument("--cpus", type=int, default=1, help="processors of each worker")
    parser.add_argument("--address", help="of a running cluster: auto, or host:port; without it one is started here")
    options = parser.parse_args()
    try:
        _ray()                                          # said before anything is drawn or downloaded
        settings = Settings.from_environment()
        splits = train, _ = load_dataset(settings)
        with cluster(options.workers, options.cpus, options.address):
            for split in splits:
                embed_split(split, encoder_of(settings, train), settings.cache_dir, options.workers, options.cpus)
    except (ModuleNotFoundError, OSError, ValueError) as error:
        sys.exit(str(getattr(error, "cause", error)))       # of an error in a worker, Ray's text is its traceback
    except _ray().exceptions.RayError as error:
        sys.exit(f"A worker died {RETRIES + 1} times at the same photos: {error}. What is done is kept; run again.")


def encoder_of(settings: Settings, train: Split):
    """A function that makes the settings' encoder, to be called where its network is to run.

    train: the training split, whose photos calibrate int8; the machine that comes first makes the quantised network.
    """
    from captioning.encoder.cnn import get_cnn_encoder

    weights = Path(settings.encoder_weights)
    return functools.partial(
        get_cnn_encoder, str(weights.resolve()) if weights.is_file() else str(weights), settings.precision,
        settings.encoder, calibration=replace(train, photos=train.photos.resolve()),
        cache_dir=settings.cache_dir.resolve())


if __name__ == "__main__":
    main()
