"""Embeddings of a photo collection that outgrows one machine: `embed_split` on a Ray cluster.

    python -m pip install -r requirements-ray.txt
    python -m captioning.encoder.ray_cluster --workers 2                    # starts a cluster on this machine
    python -m captioning.encoder.ray_cluster --workers 16 --address auto    # uses a cluster that is running

Settings come from the environment, as for the notebook. Cache, recipe, lock and bytes are those of one machine, so the
notebook uses the embeddings when it runs next. Only this process writes. After a stop, it continues from what it saved.

Each machine needs the packages of requirements.txt. It also needs the project's folder, the photos' zip and the
encoder's weights under the same paths, so put them into a folder that all machines share. If a worker dies, Ray starts
another one, which repeats up to TASK_BATCHES batches.
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

from captioning.datasets.loading import load_dataset
from captioning.datasets.photo_folder import Photos, open_photos
from captioning.datasets.splits import Split
from captioning.encoder import cache
from captioning.encoder.batches import EMBED_BATCH, crop_size, embed_batches
from captioning.encoder.cache import Embeddings
from captioning.settings import Settings

TASK_BATCHES = 4                    # batches that a worker gets at once, so that it can decode ahead
RETRIES = 3                         # of a task whose worker died; after that the photos must be at fault
STORE_BYTES = 100_000_000           # Ray's shared memory on this machine; each worker needs 1 MB of it


class Worker:
    """One encoder and the photos' zip, in a process of its own.

    Args:
        make_encoder: Function without arguments that makes the encoder.
        photos: The zip.
    """

    def __init__(self, make_encoder, photos: Path):
        self.make_encoder, self.path = make_encoder, photos
        self.encoder = self.photos = None       # made later: Ray hides the error if __init__ fails

    def about(self) -> dict:
        """What `embed_split` needs to know of the encoder: its recipe and the size of its photos."""
        if self.encoder is None:
            self.encoder = self.make_encoder()
        return {"recipe": self.encoder.recipe, "size": crop_size(self.encoder)}

    def embed(self, names, starts, recipe) -> list:
        """Embeds a few batches.

        Args:
            names: The photos of these batches.
            starts: Where the batches begin among all photos of the split.
            recipe: Of the encoder of the machine that came first.

        Returns:
            The batches, as `embed_batches` yields them.

        Raises:
            ValueError: This machine's encoder has another recipe, such as another precision.
            FileNotFoundError: The photos are not on this machine.
        """
        if (mine := self.about()["recipe"]) != recipe:
            raise ValueError(f"The encoder of {socket.gethostname()} is {mine}, another machine's is {recipe}. "
                             "Use machines with the same kind of processor, set CAPTION_PRECISION to one that all of "
                             "them have, and share the file of weights.")
        if self.photos is None:
            self.photos = self._open()
        here = range(0, len(names), EMBED_BATCH)
        batches = embed_batches(self.photos, names, here, self.encoder, workers=1)
        return [(start, rows, skipped) for start, (_, rows, skipped) in zip(starts, batches)]

    def _open(self) -> Photos:
        """The photos on this machine."""
        try:
            return open_photos(self.path)
        except FileNotFoundError:
            raise FileNotFoundError(
                f"{self.path} is missing on {socket.gethostname()}. Each machine needs the photos under that "
                "path: put it into a folder that all of them share.") from None


@contextlib.contextmanager
def cluster(workers: int, cpus: int = 1, address: str | None = None):
    """Connects to a Ray cluster, or starts one on this machine.

    Args:
        workers: Processes that a cluster started here has room for.
        cpus: Processors of each worker.
        address: Of a running cluster, "auto" or "host:port"; None starts one.

    Raises:
        ModuleNotFoundError: Ray is not installed.
        ConnectionError: There is no cluster at the address.
    """
    ray = _ray()
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"         # the only way to keep Ray from reporting its use
    here = {} if address else {"num_cpus": workers * cpus, "include_dashboard": False,
                               "object_store_memory": STORE_BYTES}
    environment = {"PYTHONPATH": str(Path(__file__).resolve().parents[2]), "TF_NUM_INTRAOP_THREADS": str(cpus)}
    ray.init(address or "local", log_to_driver=False, runtime_env={"env_vars": environment}, **here)
    try:
        yield
    finally:
        ray.shutdown()


def embed_split(split: Split, make_encoder, cache_dir, workers: int, cpus: int = 1) -> Embeddings:
    """Does what `cache.embed_split` does, on the cluster that this process is connected to.

    Args:
        split: The photos.
        make_encoder: Function without arguments that can be pickled. Each worker calls it once.
        cache_dir: Folder of the cache.
        workers: Processes that embed.
        cpus: Processors of each.

    Raises:
        ValueError: As `cache.embed_split`, or two machines have different encoders.
        OSError: The cache can't be written, or a machine lacks the photos.
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
    """Does what `embed_batches` does, with the actors. Batches come in the order in which they are done."""
    from ray.util import ActorPool

    def submit(actor, starts):
        chosen = [name for start in starts for name in names[start:start + EMBED_BATCH]]
        return actor.embed.remote(chosen, starts, encoder.recipe)

    tasks = [starts[i:i + TASK_BATCHES] for i in range(0, len(starts), TASK_BATCHES)]
    for batches in ActorPool(actors).map_unordered(submit, tasks):
        yield from batches


def _ray():
    """Ray, if it is installed."""
    try:
        import ray
    except ModuleNotFoundError:
        raise ModuleNotFoundError("Ray is not installed: python -m pip install -r requirements-ray.txt") from None
    return ray


def main():
    """Embeds both splits of the settings' dataset."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workers", type=int, default=2, help="processes, each with an encoder of its own")
    parser.add_argument("--cpus", type=int, default=1, help="processors of each worker")
    parser.add_argument("--address", help="running cluster: auto or host:port; without it, one is started here")
    options = parser.parse_args()
    try:
        _ray()                                          # before anything is rendered or downloaded
        settings = Settings.from_environment()
        splits = train, _ = load_dataset(settings)
        with cluster(options.workers, options.cpus, options.address):
            for split in splits:
                embed_split(split, encoder_of(settings, train), settings.cache_dir, options.workers, options.cpus)
    except (ModuleNotFoundError, OSError, ValueError) as error:
        sys.exit(str(getattr(error, "cause", error)))       # Ray's own text would be the worker's traceback
    except _ray().exceptions.RayError as error:
        sys.exit(f"A worker died {RETRIES + 1} times at the same photos: {error}. Finished batches are kept: run "
                 "again.")


def encoder_of(settings: Settings, train: Split):
    """A function that makes the settings' encoder, for the workers to call.

    Args:
        settings: Their encoder, weights and precision.
        train: The training split, whose photos calibrate int8. The machine that comes first quantises the network.
    """
    from captioning.encoder.cnn import get_cnn_encoder

    weights = Path(settings.encoder_weights)
    return functools.partial(
        get_cnn_encoder, str(weights.resolve()) if weights.is_file() else str(weights), settings.precision,
        settings.encoder, calibration=replace(train, photos=train.photos.resolve()),
        cache_dir=settings.cache_dir.resolve())


if __name__ == "__main__":
    main()
