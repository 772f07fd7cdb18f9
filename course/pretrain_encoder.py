"""Trains the drawn world's encoder: InceptionV3 without its classifier, from scratch.

    python -m course.pretrain_encoder [--stages 128x64:1800,299x32:300] [--scenes 16000] [--seed 2014]
    python -m course.pretrain_encoder --export          writes the weights of the newest checkpoint

The scenes are not those of the dataset. The network learns to say what is in a scene: the things with their colours,
counts and actions, the place, time, weather, backdrop and relations, and what is most striking, because people write
about that. One linear layer answers from the 2,048 means of the last feature maps, so embeddings contain the answers
linearly. Two more linear layers say for each cell of two feature maps which kind of thing covers it, and in which
colour. They tell the network where a colour is, so it learns in far fewer steps. Training starts on small photos and
ends on photos of the encoder's size (as in https://arxiv.org/abs/1806.01593). A run that was stopped continues from its
newest checkpoint.

The parts are in course/pretraining: questions, pools (the photos), network, schedule, batches, training (the loop).
"""

import argparse
import json
import sys
from pathlib import Path

import h5py
import numpy as np
import tensorflow as tf

from captioning.cpu import has_fast_bfloat16
from captioning.datasets.photo_zip import BadPhoto
from captioning.encoder.networks import DRAWN_WEIGHTS
from captioning.storage import files, weights_files
from course.pretraining.pools import make_pools
from course.pretraining.schedule import parse_stages
from course.pretraining.training import Training

ROOT = Path(__file__).resolve().parent.parent
SEED = 2014                     # of the training scenes; 0 is the dataset's own
STAGES = "96x64:900,128x64:550,192x32:1300,299x16:1000"
CALIBRATION_SCENES = 512


def main(arguments=None):
    """Runs the command line: trains, exports, and prints what the exported file is."""
    parser = make_parser()
    options = parser.parse_args(arguments)
    if options.quick:
        options.stages, options.scenes, options.held_out = parse_stages("75x4:2,80x2:1"), 16, 4
        tf.config.run_functions_eagerly(True)       # so few steps take less time than tracing
    if has_fast_bfloat16():
        tf.config.optimizer.set_experimental_options({"auto_mixed_precision_onednn_bfloat16": True})
    words = sys.argv[1:] if arguments is None else arguments
    try:
        training = train(options)
        about = export(training, options.output, " ".join(["python -m course.pretrain_encoder", *words]))
    except (BadPhoto, OSError, ValueError) as error:
        parser.error(str(error))
    print(json.dumps(about, indent=1))


def make_parser() -> argparse.ArgumentParser:
    """The options of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m course.pretrain_encoder", description="Pretrain the drawn world's encoder.")
    parser.add_argument("--stages", type=parse_stages, default=STAGES,
                        help="SIZExBATCH:STEPS, separated by commas (default: %(default)s)")
    parser.add_argument("--scenes", type=int, default=16000, help="number to train on (default: %(default)s)")
    parser.add_argument("--held-out", type=int, default=400, help="number to score on (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=SEED, help="of scenes and weights, not 0 (default: %(default)s)")
    parser.add_argument("--folder", type=Path, default=ROOT / "checkpoints" / "pretrain",
                        help="for scenes and checkpoints (default: %(default)s)")
    parser.add_argument("--begin-with", type=Path, metavar="WEIGHTS", help="file of an earlier --export")
    parser.add_argument("--output", type=Path, default=DRAWN_WEIGHTS, help="for the weights (default: %(default)s)")
    parser.add_argument("--export", action="store_true", help="write the newest checkpoint's weights without training")
    parser.add_argument("--quick", action="store_true", help="a few steps on a few small photos, to try it out")
    return parser


def train(options) -> Training:
    """Trains to the last step; with --export, loads the newest checkpoint instead.

    Raises:
        ValueError: there is no checkpoint, or it was made from other scenes.
    """
    pools = make_pools(options.folder / "scenes", options.scenes, options.held_out, options.seed)
    training = Training(options.folder, *pools, options.stages, options.seed, 0 if options.quick else 150)
    if options.begin_with:
        training.begin_with(options.begin_with)
    training.resume() if options.export else training.run()
    if training.step == 0:
        raise ValueError(f"{options.folder} holds no checkpoint to export. Train first, without --export.")
    return training


def export(training: Training, path: Path, command: str):
    """Writes the encoder's weights as float16, and a JSON beside them.

    Args:
        training: a run.
        path: file for the weights.
        command: the command line of the run, for the JSON.

    Returns:
        The content of the JSON: digest, command, stages, scores and more.
    """
    network, size = training.network, training.schedule.stages[-1].size
    network.calibrate(training.pool, size, min(CALIBRATION_SCENES, len(training.pool.scenes)))
    scores = network.score(training.held_out, training.questions, size, len(training.held_out.scenes))
    with files.written_aside(path) as aside:
        whole = aside.with_name(f"{aside.name}.weights.h5")
        network.inception.save_weights(whole)
        _halve(whole, aside)
        whole.unlink()
    about = {
        "sha256": files.sha256(path), "command": command, "steps": training.step,
        "stages": [f"{steps} steps on {stage.batch} photos of {stage.size} pixels"
                   for stage, steps in training.schedule.stages_done(training.step)],
        "scenes": len(training.pool.scenes), "seed": training.seed, "minutes": round(training.minutes, 1),
        "held_out_scenes": len(training.held_out.scenes), "f1": scores, "began_with": training.began_with,
    }
    files.write_json(weights_files.about_path(path), about)
    return about


def _halve(source: Path, target: Path):
    """Copies an HDF5 file of float32 weights as float16, compressed. Raises ValueError if a weight is too large."""
    with h5py.File(source) as old, h5py.File(target, "w") as new:
        new.attrs.update(old.attrs)

        def copy(name, item):
            if isinstance(item, h5py.Dataset):
                values = item[()].astype(np.float16)
                if not np.isfinite(values).all():
                    raise ValueError(f"{name} has values too large for float16. Train again with another --seed.")
                made = new.create_dataset(name, data=values, compression="gzip", shuffle=True)
            else:
                made = new.require_group(name)
            made.attrs.update(item.attrs)

        old.visititems(copy)


if __name__ == "__main__":
    main()
