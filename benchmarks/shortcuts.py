"""What the trainer's shortcuts do to learning: validation losses with them and without, epoch by epoch.

    CAPTION_DATASET=folder CAPTION_DATA_DIR=... CAPTION_ENCODER_WEIGHTS=... \\
        python -m benchmarks.shortcuts [--seeds 1 2 42] [--embeddings FOLDER]

The notebook's decoder is trained as the settings say: on batches as they are drawn, computed in float32; on batches of
nearly equal lengths; and on these with logits in bfloat16, which is how it is trained where the processor has it. The
embeddings are those in the folder, where a run of the notebook leaves them, or are made. The mean over the seeds is
compared. The losses go under "shortcuts" into outputs/bench.json.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks import notebook_code, report
from captioning.cpu import has_fast_bfloat16
from captioning.datasets.splits import load_dataset
from captioning.decoder import trainer
from captioning.decoder.trainer import DRAWN_TOGETHER
from captioning.settings import Settings

WAYS = {                                # batches drawn together, precision of the logits
    "as drawn": (1, "float32"),
    "by length": (DRAWN_TOGETHER, "float32"),
    "and bfloat16": (DRAWN_TOGETHER, "bfloat16"),
}


def losses(settings: Settings, splits, embeddings, drawn_together: int) -> list[float]:
    """Trains a decoder; its validation loss after each epoch, nats per word."""
    trainer.DRAWN_TOGETHER = drawn_together
    return notebook_code.val_losses(settings, splits, embeddings)


def main():
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
        row = [f"{mean[i]:.4f} {mean[i] / means['as drawn'][i] - 1:+7.2%}" for mean in means.values()]
        print(f"{(i + 1) * settings.batches_per_epoch:7,}" + "".join(f"{text:>22}" for text in row))
    for name, by_seed in found.items():
        print(f"lowest by seed, {name}: {', '.join(f'{min(of_seed):.4f}' for of_seed in by_seed)}")
    report.record("shortcuts", {"seeds": options.seeds, **found})


if __name__ == "__main__":
    main()
