"""Trains the drawn world's encoder: InceptionV3 without its classifier, from scratch, on scenes of its own.

    python -m course.pretrain_encoder [--stages 128x64:1800,299x32:300] [--scenes 16000] [--seed 2014]
    python -m course.pretrain_encoder --export          writes the weights of the newest checkpoint

It learns to tell what a scene holds: which things, their colours, counts and actions, the place, time, weather,
backdrop and relations, and what of it strikes the eye, which is what people write about. All of it is asked of the
2,048 means of the last feature maps through one linear layer, so that an embedding says these things linearly. Two
more linear layers ask each cell of two feature maps which kind of thing covers it and in which colour: a box tells
where a colour is, which its presence in the whole photo does not, and the network learns in far fewer steps. Training
starts on small photos and ends on photos of the size that the encoder sees (https://arxiv.org/abs/1806.01593 and
others train so). A run that was stopped goes on from its newest checkpoint.
"""

import argparse
import json
import math
import sys
import time
import zipfile
from collections import Counter, deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import h5py
import keras
import numpy as np
import tensorflow as tf
from tqdm.auto import tqdm

from captioning.cpu import has_fast_bfloat16
from captioning.datasets.drawn.scenes import Scene, most_striking
from captioning.datasets.drawn.world import render_dataset
from captioning.datasets.photo_zip import BadPhoto, PhotoZip
from captioning.decoder.checkpoints import CheckpointFolder
from captioning.encoder.networks import DRAWN_WEIGHTS
from captioning.photos.crop import center_crop
from captioning.photos.decode import decode_photo
from captioning.storage import (
    files,
    weights_files,
)

ROOT = Path(__file__).resolve().parent.parent
SEED = 2014                     # of the training scenes; the dataset's is 0
MIN_EXAMPLES = 8                # claims that fewer training scenes make are not asked for
STAGES = "96x64:900,128x64:550,192x32:1300,299x16:1000"
PEAK_LEARNING_RATE, WARM_UP, WEIGHT_DECAY = 1.5e-3, 200, 0.02
HEAD_DROPOUT = 0.2
MAX_GRADIENT_NORM = 10.0
CALIBRATION_SCENES = 512
# Feature maps whose cells are asked what covers them: (layer, pixels between cells, pixel of the first one).
# Both follow from InceptionV3's strides and its convolutions without padding.
CELL_MAPS = (("mixed7", 16, 21), ("mixed10", 32, 37))


# ------------------------------------------------------------------------------------------- what scenes hold


def claims_of(scene: dict) -> set:
    """(sort, words) of each thing that is true of a scene, none of which a mirror image would change."""
    claims = {(sort, scene[sort]) for sort in ("place", "time", "weather")}
    claims.add(("backdrop", scene["backdrop"] or "none"))
    things = scene["things"]
    striking = things[most_striking(Scene.from_json(scene).things)]
    claims |= {("striking", striking["kind"]), ("striking", str(striking["count"])),
               ("striking", striking["colour"] or "no colour"), ("number", f"{len(things)} things")}
    for thing in things:
        kind = thing["kind"]
        claims |= {("thing", kind), ("count", f"{thing['count']} {kind}")}
        if thing["colour"]:
            claims.add(("colour", f"{thing['colour']} {kind}"))
        if thing["pose"]:
            claims.add(("action", f"{kind} {thing['pose']}"))
    for relation in scene["relations"]:
        subject, other = (things[relation[end]]["kind"] for end in ("subject", "object"))
        claims |= {("relation", f"{subject} {relation['name']}"), ("relation", f"{relation['name']} {other}")}
    return claims


def boxes_of(scene: dict) -> list:
    """((kind, colour), x0, y0, x1, y1) of each thing's boxes as shares of the central square, those in front last."""
    side = min(scene["width"], scene["height"])
    left, top = (scene["width"] - side) / 2, (scene["height"] - side) / 2
    return [((thing["kind"], thing["colour"] or ""), (x0 - left) / side, (y0 - top) / side,
             (x1 - left) / side, (y1 - top) / side)
            for thing in sorted(scene["things"], key=lambda thing: thing["layer"])
            for x0, y0, x1, y1 in thing["boxes"]]


@dataclass(frozen=True)
class Questions:
    """What the network is asked: claims (of the photo), and the kind and colour of what covers a cell ("" is none)."""

    claims: list
    kinds: list
    colours: list

    @classmethod
    def from_scenes(cls, scenes):
        counts = Counter(claim for scene in scenes for claim in claims_of(scene))
        covers = {cover for scene in scenes for cover, *_ in boxes_of(scene)}
        return cls(sorted(c for c, n in counts.items() if n >= min(MIN_EXAMPLES, len(scenes))),
                   ["", *sorted({kind for kind, _ in covers})], sorted({"", *(colour for _, colour in covers)}))

    def answers(self, scenes) -> np.ndarray:
        """(N, claims) float32: 1 where the scene makes the claim."""
        rows = (claims_of(scene) for scene in scenes)
        return np.array([[claim in row for claim in self.claims] for row in rows], np.float32)

    def colour_claims(self) -> np.ndarray:
        """(K, C) int32: for each kind that has colours the indices of its claims of colour, filled up with -1."""
        by_kind = {}
        for i, (sort, words) in enumerate(self.claims):
            if sort == "colour":
                by_kind.setdefault(words.split()[-1], []).append(i)
        rows = np.full((len(by_kind), max(map(len, by_kind.values()), default=0)), -1, np.int32)
        for row, indices in zip(rows, by_kind.values()):
            row[:len(indices)] = indices
        return rows

    def covers(self, boxes) -> list:
        """boxes_of's result with (index of the kind, index of the colour) in place of the words; 0 is none."""
        return [((_index(self.kinds, kind), _index(self.colours, colour)), *box) for (kind, colour), *box in boxes]


def _index(words: list, word: str) -> int:
    return words.index(word) if word in words else 0


def cover_of_cells(covers, size: int, stride: int, first: int, mirrored: bool) -> np.ndarray:
    """(cells, cells, 2) int32: kind and colour of what covers the middle of each cell in a photo of size² pixels."""
    middles = np.arange(first, size - first + 1, stride) / size
    cells = np.zeros((len(middles), len(middles), 2), np.int32)
    for cover, x0, y0, x1, y1 in covers:
        rows, columns = (middles >= y0) & (middles <= y1), (middles >= x0) & (middles <= x1)
        cells[np.ix_(rows, columns)] = cover
    return cells[:, ::-1] if mirrored else cells


# --------------------------------------------------------------------------------------------------- the pool


class Pool:
    """Scenes of one split, rendered once, and their photos as the encoder sees them, at any size."""

    def __init__(self, folder: Path, split: str):
        self.folder, self.split = folder, split
        with zipfile.ZipFile(folder / "annotations_trainval2014.zip") as archive:
            self.scenes = json.loads(archive.read(f"annotations/scenes_{split}2014.json"))["scenes"]
        self.boxes = [boxes_of(scene) for scene in self.scenes]
        self.zip = PhotoZip(folder / f"{split}2014.zip")
        self._kept = {}                         # arrays of crops by size

    def photos(self, indices, size: int) -> np.ndarray:
        """(B, size, size, 3) uint8: centre crops of these scenes."""
        if size in self._kept:
            return self._kept[size][indices]
        return np.stack([self._crop(i, size) for i in indices])

    def keep(self, size: int):
        """Makes the crops of all scenes at this size and keeps them in a file, for a stage that needs them often."""
        path = self.folder / f"crops_{self.split}_{size}.npy"
        if not path.exists():
            with files.written_aside(path) as aside, ThreadPoolExecutor(2) as threads:
                crops = np.lib.format.open_memmap(aside, "w+", np.uint8, (len(self.scenes), size, size, 3))
                made = threads.map(lambda i: self._crop(i, size), range(len(crops)))
                for i, crop in enumerate(tqdm(made, total=len(crops), unit="photo", desc=f"cropping to {size}")):
                    crops[i] = crop
                crops.flush()
        self._kept[size] = np.load(path, mmap_mode="r")

    def _crop(self, index: int, size: int) -> np.ndarray:
        return center_crop(decode_photo(self.zip.read(self.zip.names[index])), size)


def make_pools(folder: Path, scenes: int, held_out: int, seed: int):
    """Renders the scenes unless they are there; returns the pools to train on and to score on."""
    if seed == 0:
        raise ValueError("seed 0 is the dataset's own: the encoder would be trained on the photos it is tried on.")
    if not (folder / "annotations_trainval2014.zip").exists():
        render_dataset(folder, scenes, held_out, seed)
    pools = Pool(folder, "train"), Pool(folder, "val")
    found = tuple(len(pool.scenes) for pool in pools)
    if found != (scenes, held_out):
        raise ValueError(f"{folder} holds {found[0]} + {found[1]} scenes, not {scenes} + {held_out}: delete it, or "
                         f"give --scenes {found[0]} --held-out {found[1]}.")
    return pools


# ------------------------------------------------------------------------------------------------ the network


class BatchNormalization(keras.layers.BatchNormalization):
    """Keras's layer with TensorFlow's fused kernel in training, which makes a whole training step 1.7 times as fast.

    It has the name of Keras's own, by which files of weights know a layer.
    """

    def call(self, inputs, training=None, mask=None):
        if not training:
            return super().call(inputs, training=training, mask=mask)
        beta = tf.convert_to_tensor(self.beta)
        outputs, mean, variance = tf.compat.v1.nn.fused_batch_norm(
            inputs, tf.ones_like(beta), beta, epsilon=self.epsilon, is_training=True)
        for moving, now in ((self.moving_mean, mean), (self.moving_variance, variance)):
            moving.assign(moving * self.momentum + now * (1 - self.momentum))
        return outputs


def inception() -> keras.Model:
    """InceptionV3 without its classifier, (B, S, S, 3) float32 from -1 to 1 -> (B, 2048) float32, fast to train."""
    def layer_like(layer):
        normalises = isinstance(layer, keras.layers.BatchNormalization)
        return (BatchNormalization if normalises else type(layer)).from_config(layer.get_config())

    return keras.models.clone_model(keras.applications.InceptionV3(
        include_top=False, pooling="avg", weights=None, input_shape=(None, None, 3)), clone_function=layer_like)


class Network:
    """InceptionV3 with linear layers that answer the questions."""

    def __init__(self, questions: Questions, base_rates: np.ndarray, seed: int):
        self.inception, self.questions = inception(), questions
        self.norms = [n for n in self.inception.layers if isinstance(n, keras.layers.BatchNormalization)]
        rng = np.random.default_rng(seed)
        for layer in self.inception.layers:
            if isinstance(layer, keras.layers.Conv2D):          # He-normal, https://arxiv.org/abs/1502.01852
                deviation = math.sqrt(2 / math.prod(layer.kernel.shape[:3]))
                layer.kernel.assign(rng.normal(0, deviation, layer.kernel.shape))
        self.set_momentum(0.97)
        bias = keras.initializers.Constant(np.log(base_rates / (1 - base_rates)))
        dropped = keras.layers.Dropout(HEAD_DROPOUT, seed=seed)(self.inception.output)
        claims = keras.layers.Dense(len(questions.claims), bias_initializer=bias, name="claims")(dropped)
        cells = [keras.layers.Dense(len(questions.kinds) + len(questions.colours), name=f"cells_{name}")(
            self.inception.get_layer(name).output) for name, _, _ in CELL_MAPS]
        self.model = keras.Model(self.inception.input, [claims, *cells])
        self.answer = tf.function(lambda photos: self.model(_scaled(photos), training=False)[0], reduce_retracing=True)

    def set_momentum(self, momentum: float):
        for norm in self.norms:
            norm.momentum = momentum

    def losses(self, photos, answers, *covers) -> list:
        """Scalars, in nats: of all claims of a photo, of colours given the kind, of each map's cells."""
        claims, *cells = self.model(_scaled(photos), training=True)
        told = tf.reduce_sum(tf.nn.sigmoid_cross_entropy_with_logits(answers, claims), -1)
        losses = [tf.reduce_mean(told), colour_loss(self.questions.colour_claims(), answers, claims)]
        for truth, logits in zip(covers, cells):
            parts = tf.split(logits, [len(self.questions.kinds), len(self.questions.colours)], -1)
            losses.append(sum(tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(truth[..., i], part))
                              for i, part in enumerate(parts)))
        return losses

    def calibrate(self, pool: Pool, size: int, number: int, batch_size: int = 32):
        """Sets the moving statistics of batch normalisation to the means over the pool's first photos.

        They depend on the photos' size, and moving averages of the last steps would be noisy.
        """
        for norm in self.norms:
            norm.moving_mean.assign(tf.zeros_like(norm.moving_mean))
            norm.moving_variance.assign(tf.ones_like(norm.moving_variance))
        batches = np.array_split(np.arange(number), math.ceil(number / batch_size))
        for k, batch in enumerate(tqdm(batches, unit="batch", desc="statistics of batch normalisation")):
            self.set_momentum(k / (k + 1))
            self.model(_scaled(tf.constant(pool.photos(batch, size))), training=True)

    def score(self, pool: Pool, questions: Questions, size: int, number: int) -> dict:
        """F1 of each sort of claim on the pool's first scenes: 1 is every claim told and none made up."""
        batches = np.split(np.arange(number), range(32, number, 32))
        told = np.concatenate([self.answer(tf.constant(pool.photos(batch, size))) for batch in batches]) > 0
        truth = questions.answers(pool.scenes[:number]) > 0.5
        sorts = np.array([sort for sort, _ in questions.claims])
        scores = {}
        for sort in dict.fromkeys(sorts.tolist()):
            t, p = truth[:, sorts == sort], told[:, sorts == sort]
            scores[sort] = round(float(2 * (t & p).sum() / max(t.sum() + p.sum(), 1)), 4)
        return scores


def colour_loss(indices, answers, logits):
    """Cross-entropy of the colours of a kind that is there, in nats for each such kind.

    indices: (K, C), Questions.colour_claims' result. answers, logits: (B, claims) float32. Returns a scalar.
    """
    there = tf.constant(indices >= 0)
    truth = tf.where(there, tf.gather(answers, np.maximum(indices, 0), axis=1), 0.0)        # (B, K, C)
    colours = tf.nn.log_softmax(tf.where(there, tf.gather(logits, np.maximum(indices, 0), axis=1), -1e9))
    kinds = tf.math.count_nonzero(tf.reduce_sum(truth, -1), dtype=tf.float32)
    return -tf.math.divide_no_nan(tf.reduce_sum(truth * colours), kinds)


def _scaled(photos):
    """As the encoder scales them: (B, S, S, 3) uint8 to float32 from -1 to 1."""
    return tf.cast(photos, tf.float32) / 127.5 - 1


# -------------------------------------------------------------------------------------------------- training


@dataclass(frozen=True)
class Stage:
    """A number of steps, each on a batch of photos of one size."""

    size: int
    batch: int
    steps: int

    @property
    def pixels(self) -> int:
        return self.size ** 2 * self.batch * self.steps


def parse_stages(text: str) -> list[Stage]:
    """"128x64:1800,299x32:300" is 1,800 steps on 64 photos of 128 pixels, then 300 on 32 of 299."""
    try:
        stages = [Stage(*map(int, part.replace("x", ":").split(":"))) for part in text.split(",")]
    except (TypeError, ValueError):
        raise argparse.ArgumentTypeError(f"{text!r}: expected sizexbatch:steps,sizexbatch:steps ...") from None
    if not all(stage.size >= 75 and stage.batch > 0 and stage.steps > 0 for stage in stages):
        raise argparse.ArgumentTypeError(f"{text!r}: sizes are at least 75 pixels, batches and steps at least 1")
    return stages


class Training:
    """The run: batches that are functions of (seed, step), AdamW on a cosine, checkpoints."""

    def __init__(self, folder: Path, pool: Pool, held_out: Pool, stages, seed: int, save_seconds=150):
        self.pool, self.held_out, self.stages, self.seed = pool, held_out, stages, seed
        self.total = sum(stage.steps for stage in stages)
        self.questions = Questions.from_scenes(pool.scenes)
        self.covers = [self.questions.covers(boxes) for boxes in pool.boxes]
        self.answers = self.questions.answers(pool.scenes)
        self.network = Network(self.questions, self.answers.mean(0).clip(1e-4, 1 - 1e-4), seed)
        self.optimizer = keras.optimizers.AdamW(PEAK_LEARNING_RATE, weight_decay=WEIGHT_DECAY, beta_2=0.99)
        self.optimizer.exclude_from_weight_decay(var_names=["bias", "beta"])
        self.optimizer.build(self.network.model.trainable_variables)
        self.checkpoints, self.save_seconds = CheckpointFolder(folder), save_seconds
        self.step, self.minutes, self.history, self.began_with = 0, 0.0, [], None
        self._train_step = tf.function(self._train_step, reduce_retracing=False)

    def run(self):
        self.resume()
        losses, started, saved = [], time.monotonic() - 60 * self.minutes, time.monotonic()
        bar = tqdm(total=self.total, initial=self.step, unit="step", desc="pretraining", smoothing=0.05)
        with bar:
            for batch in self._batches():
                self.optimizer.learning_rate = self.learning_rate(self.step)
                losses.append([float(loss) for loss in self._train_step(*batch)])
                self.step, self.minutes = self.step + 1, (time.monotonic() - started) / 60
                bar.update()
                if self.step % 10 == 0:
                    recent = np.nanmean(losses[-50:], 0)
                    bar.set_postfix_str("claims {:.2f}, colours {:.2f}, cells {:.2f} {:.2f}, gradient {:.1f}".format(
                        *recent))
                if time.monotonic() - saved > self.save_seconds or self.step == self.total:
                    self._save(np.nanmean(losses, 0), bar)
                    losses, saved = [], time.monotonic()

    def learning_rate(self, step: int) -> float:
        """Linear warm-up, then a cosine to zero (https://arxiv.org/abs/1608.03983 without restarts).

        The cosine's argument is the share of all pixels seen, as time is: by steps, little would be left for the
        large photos.
        """
        stage, first, _ = self.place_of(step)
        before = sum(s.pixels for s in self.stages[:self.stages.index(stage)])
        seen = (before + stage.pixels * (step - first) / stage.steps) / sum(s.pixels for s in self.stages)
        return PEAK_LEARNING_RATE * min(1, (step + 1) / WARM_UP) * (1 + math.cos(math.pi * seen)) / 2

    def place_of(self, step: int):
        """(stage, its first step, photos that were seen before `step`) for a step of the run."""
        first = photos = 0
        for stage in self.stages:
            if step < first + stage.steps:
                break
            first, photos = first + stage.steps, photos + stage.steps * stage.batch
        return stage, first, photos + (step - first) * stage.batch

    def stages_done(self):
        """(stage, steps taken of it) of each stage that the run has reached."""
        left = self.step
        for stage in self.stages:
            if left > 0:
                yield stage, min(left, stage.steps)
            left -= stage.steps

    def begin_with(self, path: Path):
        """Takes over the encoder of an earlier run; what is asked of it may have changed since."""
        self.network.inception.load_weights(path)
        self.began_with = files.read_json(weights_files.about_path(path), "what --export wrote")

    def resume(self):
        checkpoint = self.checkpoints.newest()
        if checkpoint is None:
            return
        about = checkpoint.about
        if about["claims"] != [list(claim) for claim in self.questions.claims]:
            raise ValueError(f"{checkpoint.path} was made from other scenes: delete {checkpoint.path.parent}.")
        for name, variable in self._variables().items():
            variable.assign(checkpoint.arrays[name])
        self.step, self.minutes, self.history = about["step"], about["minutes"], about["log"]
        self.began_with = about["began_with"]
        print(f"Going on from {checkpoint.path}, after {self.step:,} steps.")

    def _save(self, losses, bar):
        size = self.place_of(self.step - 1)[0].size
        scores = self.network.score(self.held_out, self.questions, size, min(128, len(self.held_out.scenes)))
        self.history.append({"step": self.step, "minutes": round(self.minutes, 1), "size": size,
                             "losses": [round(float(loss), 3) for loss in losses], "f1": scores})
        bar.write(json.dumps(self.history[-1]))
        self.checkpoints.save(self.step, {name: v.numpy() for name, v in self._variables().items()}, {
            "step": self.step, "minutes": self.minutes, "claims": self.questions.claims,
            "log": self.history, "began_with": self.began_with})

    def _variables(self) -> dict:
        groups = {"model": self.network.model.variables, "optimizer": self.optimizer.variables}
        return {f"{group}/{i:03d}": v for group, variables in groups.items() for i, v in enumerate(variables)}

    def _train_step(self, photos, answers, *covers):
        with tf.GradientTape() as tape:
            losses = self.network.losses(photos, answers, *covers)
            # A sum over hundreds of claims, about 30 nats at first, must not drown the few nats of the others.
            loss = 0.2 * losses[0] + sum(losses[1:])
        variables = self.network.model.trainable_variables
        gradients = tape.gradient(loss, variables)
        norm = tf.linalg.global_norm(gradients)
        if tf.math.is_finite(norm):             # a batch that overflows is passed over
            shrink = tf.minimum(1.0, MAX_GRADIENT_NORM / norm)
            self.optimizer.apply([gradient * shrink for gradient in gradients], variables)
        return [*losses, norm]

    def _batches(self):
        """The batches from self.step on, made by a thread while the network works on earlier ones."""
        with ThreadPoolExecutor(1) as thread:
            ahead = deque()
            for step in range(self.step, self.total):
                stage, first, _ = self.place_of(step)
                if step in (first, self.step) and stage.batch * stage.steps > len(self.pool.scenes):
                    self.pool.keep(stage.size)
                ahead.append(thread.submit(self._batch, step))
                if len(ahead) > 3:
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()

    def _batch(self, step: int):
        """Photos (B, S, S, 3) uint8, answers (B, claims) float32, and for each cell map (B, cells, cells, 2) int32."""
        stage, _, seen = self.place_of(step)
        size, (epoch, first) = stage.size, divmod(seen, len(self.pool.scenes))
        orders = (np.random.default_rng([self.seed, 0, e]).permutation(len(self.pool.scenes))
                  for e in (epoch, epoch + 1))
        chosen = np.sort(np.concatenate(list(orders))[first:first + stage.batch])
        mirrored = np.random.default_rng([self.seed, 1, step]).random(stage.batch) < 0.5
        photos = self.pool.photos(chosen, size)
        photos[mirrored] = photos[mirrored, :, ::-1]
        covers = [np.stack([cover_of_cells(self.covers[i], size, stride, first, m)
                            for i, m in zip(chosen, mirrored)]) for _, stride, first in CELL_MAPS]
        return tuple(map(tf.constant, (photos, self.answers[chosen], *covers)))


# ---------------------------------------------------------------------------------------------------- export


def export(training: Training, path: Path, command: str):
    """Writes the encoder's weights as float16, and a JSON beside them that says how they came about."""
    network, size = training.network, training.stages[-1].size
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
                   for stage, steps in training.stages_done()],
        "scenes": len(training.pool.scenes), "seed": training.seed, "minutes": round(training.minutes, 1),
        "held_out_scenes": len(training.held_out.scenes), "f1": scores, "began_with": training.began_with,
    }
    files.write_json(weights_files.about_path(path), about)
    return about


def _halve(source: Path, target: Path):
    """Copies an HDF5 file of weights with float32 arrays as float16, compressed."""
    with h5py.File(source) as old, h5py.File(target, "w") as new:
        new.attrs.update(old.attrs)

        def copy(name, item):
            if isinstance(item, h5py.Dataset):
                values = item[()].astype(np.float16)
                if not np.isfinite(values).all():
                    raise ValueError(f"{name} does not fit float16")
                made = new.create_dataset(name, data=values, compression="gzip", shuffle=True)
            else:
                made = new.require_group(name)
            made.attrs.update(item.attrs)

        old.visititems(copy)


def main(arguments=None):
    parser = argparse.ArgumentParser(description="Pretrain the drawn world's encoder.")
    parser.add_argument("--stages", type=parse_stages, default=STAGES,
                        help="sizexbatch:steps, one after another (default: %(default)s)")
    parser.add_argument("--scenes", type=int, default=16000, help="rendered to train on (default: %(default)s)")
    parser.add_argument("--held-out", type=int, default=400, help="rendered to score on (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=SEED, help="of scenes and kernels, not 0 (default: %(default)s)")
    parser.add_argument("--folder", type=Path, default=ROOT / "checkpoints" / "pretrain",
                        help="of scenes and checkpoints (default: %(default)s)")
    parser.add_argument("--begin-with", type=Path, metavar="WEIGHTS", help="of an earlier run, that --export wrote")
    parser.add_argument("--output", type=Path, default=DRAWN_WEIGHTS, help="default: %(default)s")
    parser.add_argument("--export", action="store_true", help="do not train: write the newest checkpoint's weights")
    parser.add_argument("--quick", action="store_true", help="a few steps on a few small photos, to try the way")
    options = parser.parse_args(arguments)
    if options.quick:
        options.stages, options.scenes, options.held_out = parse_stages("75x4:2,80x2:1"), 16, 4
        tf.config.run_functions_eagerly(True)       # tracing takes longer than the few steps
    if has_fast_bfloat16():
        tf.config.optimizer.set_experimental_options({"auto_mixed_precision_onednn_bfloat16": True})
    try:
        pools = make_pools(options.folder / "scenes", options.scenes, options.held_out, options.seed)
        training = Training(options.folder, *pools, options.stages, options.seed, 0 if options.quick else 150)
        if options.begin_with:
            training.begin_with(options.begin_with)
        training.resume() if options.export else training.run()
        if training.step == 0:
            raise ValueError(f"{options.folder} holds no checkpoint to export.")
        words = sys.argv[1:] if arguments is None else arguments
        about = export(training, options.output, " ".join(["python -m course.pretrain_encoder", *words]))
    except (BadPhoto, OSError, ValueError) as error:
        parser.error(str(error))
    print(json.dumps(about, indent=1))


if __name__ == "__main__":
    main()
