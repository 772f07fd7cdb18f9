"""What faster precisions of the encoder cost: the decoder's validation loss on embeddings of each.

    CAPTION_DATASET=folder CAPTION_DATA_DIR=... CAPTION_ENCODER_WEIGHTS=... \\
        python benchmarks/precision.py [--folder outputs/precision] [--seeds 2] [--precisions float32 bfloat16 int8]

The dataset of the settings is embedded once in each precision and kept in the folder. On each, the notebook's decoder
is trained as the settings say, with several seeds; the mean of the lowest validation losses is compared with float32's.
The cosines between the validation photos' embeddings are printed too.
"""

import argparse
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import report  # isort: skip
import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

import keras_utils
import utils
from settings import Settings
from trainer import Data, Trainer

sys.path.insert(0, str(report.ROOT / "course"))
import build  # noqa: E402


class Silence:
    """Stands in for the grader and for figures, which the notebook's cells call."""

    def __getattr__(self, name):
        return lambda *_, **__: None


def notebook_cells() -> list[str]:
    """Source of the solved notebook's cells from the captions to the decoder."""
    cells = [cell.source for cell in build.build(student=False).cells if cell.cell_type == "code"]
    first, = (i for i, cell in enumerate(cells) if "def split_sentence(" in cell)
    last, = (i for i, cell in enumerate(cells) if "class decoder:" in cell)
    return cells[first:last + 1]


def embed(settings: Settings, splits, precision: str, folder: Path):
    encoder = keras_utils.get_cnn_encoder(
        settings.encoder_weights, precision, settings.encoder, calibration=splits[0], cache_dir=folder / precision)
    return [utils.embed_split(split, encoder, folder / precision) for split in splits]


def lowest_loss(settings: Settings, splits, embeddings) -> float:
    """Trains a decoder; its lowest validation loss, nats per word."""
    train, val = (split.without(cached.skipped) for split, cached in zip(splits, embeddings))
    train_rows, val_rows = (cached.usable() for cached in embeddings)
    scope = {"keras": keras, "L": layers, "ops": ops, "np": np, "tf": tf, "utils": utils, "grader": Silence(),
             "figures": Silence(), "display": Silence().any, "settings": settings,
             "IMG_EMBED_SIZE": train_rows.shape[1],
             **{name: getattr(utils, name) for name in ("PAD", "UNK", "START", "END")},
             "train_captions": train.captions, "val_captions": val.captions,
             "train_img_fns": train.names, "val_img_fns": val.names,
             "train_img_embeds": train_rows, "val_img_embeds": val_rows}
    exec("import re\nfrom collections import Counter", scope)
    keras.utils.set_random_seed(settings.seed)
    for cell in notebook_cells():
        exec(cell, scope)
    with tempfile.TemporaryDirectory() as checkpoints:
        trainer = Trainer(
            scope["decoder"], scope["generate_batch"], Data(train_rows, scope["train_captions_indexed"]),
            Data(val_rows, scope["val_captions_indexed"]), scope["vocab"],
            replace(settings, checkpoint_root=Path(checkpoints)), embeddings[0].recipe)
        return min(row["val_loss"] for row in trainer.fit())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=report.ROOT / "outputs" / "precision")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--precisions", nargs="+", default=["float32", "bfloat16", "int8"])
    options = parser.parse_args()
    settings = Settings.from_environment()
    splits = utils.load_dataset(settings)
    settings = settings.completed(len(splits[0].names))
    embeddings = {p: embed(settings, splits, p, options.folder) for p in options.precisions}
    exact = np.float32(embeddings["float32"][1].usable())
    losses = {p: [lowest_loss(replace(settings, seed=seed), splits, cached) for seed in range(options.seeds)]
              for p, cached in embeddings.items()}
    baseline = np.mean(losses["float32"])
    print(f"\n{'':12}{'val_loss':>9}{'change':>9}{'cosine: mean':>14}{'worst':>9}   losses by seed")
    for precision, found in losses.items():
        rows = np.float32(embeddings[precision][1].usable())
        cosine = (rows * exact).sum(1) / np.linalg.norm(rows, axis=1) / np.linalg.norm(exact, axis=1)
        print(f"{precision:12}{np.mean(found):9.4f}{np.mean(found) / baseline - 1:+9.2%}{cosine.mean():14.5f}"
              f"{cosine.min():9.5f}   {', '.join(f'{loss:.4f}' for loss in found)}")


if __name__ == "__main__":
    main()
