"""What faster precisions of the encoder cost: the decoder's validation loss on embeddings of each.

    export CAPTION_DATASET=folder CAPTION_DATA_DIR=... CAPTION_ENCODER_WEIGHTS=...
    python -m benchmarks.precision [--folder outputs/precision] [--seeds 2] [--precisions bfloat16 int8]

Embeds the settings' dataset once in each precision and keeps the embeddings in the folder. Then it trains the
notebook's decoder on each, with several seeds, and compares the mean of the lowest validation losses with float32's. It
also prints the cosines of the validation photos' embeddings to float32's.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks import notebook_code, report
from benchmarks.embedding import cosines
from captioning.datasets.loading import load_dataset
from captioning.settings import Settings


def main():
    """Embeds, trains and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=report.ROOT / "outputs" / "precision")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--precisions", nargs="+", default=["bfloat16", "int8"])
    options = parser.parse_args()
    options.precisions = list(dict.fromkeys(["float32", *options.precisions]))      # float32 is the baseline
    settings = Settings.from_environment()
    splits = load_dataset(settings)
    settings = settings.completed(len(splits[0].names))
    embeddings = {p: notebook_code.embed(replace(settings, precision=p), splits, options.folder / p)
                  for p in options.precisions}
    losses = {p: [min(notebook_code.val_losses(replace(settings, seed=seed), splits, cached))
                  for seed in range(options.seeds)] for p, cached in embeddings.items()}
    show(losses, {p: np.float32(val.usable()) for p, (_, val) in embeddings.items()})


def show(losses: dict[str, list[float]], rows: dict[str, np.ndarray]):
    """Prints a line for each precision.

    Args:
        losses: The lowest validation loss of each seed, by precision.
        rows: The validation photos' embeddings, (N, width) float32, by precision.
    """
    baseline = np.mean(losses["float32"])
    print(f"\n{'':12}{'val_loss':>9}{'change':>9}{'cosine: mean':>14}{'worst':>9}   losses by seed")
    for precision, found in losses.items():
        cosine = cosines(rows[precision], rows["float32"])
        print(f"{precision:12}{np.mean(found):9.4f}{np.mean(found) / baseline - 1:+9.2%}{cosine.mean():14.5f}"
              f"{cosine.min():9.5f}   {', '.join(f'{loss:.4f}' for loss in found)}")


if __name__ == "__main__":
    main()
