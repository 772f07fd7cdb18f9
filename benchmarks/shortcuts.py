"""What the trainer's shortcuts do to learning: validation losses with and without them, epoch by epoch.

    python -m benchmarks.shortcuts [--seeds 1 2 42] [--embeddings FOLDER]

Set CAPTION_DATASET and the other settings as for the notebook. Its decoder is trained in three ways: on batches as they
are made, in float32; on batches of captions of similar length; and on these with logits in bfloat16. The last one is
the trainer's default where the processor has bfloat16. The embeddings come from the folder, where a run of the notebook
leaves them; if it has none, they are made. The table shows means over the seeds. The losses go to outputs/bench.json,
under "shortcuts".
"""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks import notebook_code, report
from captioning.cpu import has_fast_bfloat16
from captioning.datasets.loading import load_dataset
from captioning.decoder import batches
from captioning.decoder.batches import MADE_TOGETHER
from captioning.settings import Settings

WAYS = {                                # batches made together, precision of the logits
    "as made": (1, "float32"),
    "by length": (MADE_TOGETHER, "float32"),
    "and bfloat16": (MADE_TOGETHER, "bfloat16"),
}


def losses(settings: Settings, splits, embeddings, made_together: int) -> list[float]:
    """Trains a decoder and returns its validation loss after each epoch, in nats per word."""
    batches.MADE_TOGETHER = made_together
    return notebook_code.val_losses(settings, splits, embeddings)


def main():
    """Runs the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.shortcuts", description=__doc__.splitlines()[0])
    settings = Settings.from_environment()
    parser.add_argument("--seeds", type=int, nargs="+", default=[settings.seed])
    parser.add_argument("--embeddings", type=Path, default=settings.cache_dir)
    options = parser.parse_args()
    splits = load_dataset(settings)
    settings = settings.completed(len(splits[0].names))
    embeddings = notebook_code.embeddings_of(splits, settings, options.embeddings)
    ways = {name: way for name, way in WAYS.items() if way[1] == "float32" or has_fast_bfloat16()}
    found = {name: [losses(replace(settings, seed=seed, precision=precision), splits, embeddings, together)
                    for seed in options.seeds] for name, (together, precision) in ways.items()}
    means = {name: np.mean(by_seed, axis=0) for name, by_seed in found.items()}
    print(f"\n{'steps':>7}" + "".join(f"{name:>22}" for name in ways))
    for i in range(settings.epochs):
        row = [f"{mean[i]:.4f} {mean[i] / means['as made'][i] - 1:+7.2%}" for mean in means.values()]
        print(f"{(i + 1) * settings.batches_per_epoch:7,}" + "".join(f"{text:>22}" for text in row))
    for name, by_seed in found.items():
        print(f"lowest by seed, {name}: {', '.join(f'{min(of_seed):.4f}' for of_seed in by_seed)}")
    report.record("shortcuts", {"seeds": options.seeds, **found})


if __name__ == "__main__":
    main()
