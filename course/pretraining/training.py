"""The training loop: AdamW with a cosine schedule, and checkpoints from which a run continues."""

import json
import time
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from tqdm.auto import tqdm

from captioning.decoder.checkpoints import CheckpointFolder
from captioning.storage import files, weights_files
from course.pretraining.batches import Batches
from course.pretraining.network import Network
from course.pretraining.pools import Pool
from course.pretraining.questions import Questions
from course.pretraining.schedule import PEAK_LEARNING_RATE, Schedule

WEIGHT_DECAY = 0.02
MAX_GRADIENT_NORM = 10.0


class Training:
    """A run of pretraining.

    Args:
        folder: folder of the checkpoints.
        pool: scenes to train on.
        held_out: scenes to score on.
        stages: sizes of photos and numbers of steps.
        seed: seed of batches, kernels and dropout.
        save_seconds: seconds between two checkpoints.
    """

    def __init__(self, folder: Path, pool: Pool, held_out: Pool, stages, seed: int, save_seconds=150):
        self.pool, self.held_out, self.seed = pool, held_out, seed
        self.questions, self.schedule = Questions.from_scenes(pool.scenes), Schedule(stages)
        self.batches = Batches(pool, self.questions, self.schedule, seed)
        self.network = Network(self.questions, self.batches.answers.mean(0).clip(1e-4, 1 - 1e-4), seed)
        self.optimizer = keras.optimizers.AdamW(PEAK_LEARNING_RATE, weight_decay=WEIGHT_DECAY, beta_2=0.99)
        self.optimizer.exclude_from_weight_decay(var_names=["bias", "beta"])
        self.optimizer.build(self.network.model.trainable_variables)
        self.checkpoints, self.save_seconds = CheckpointFolder(folder), save_seconds
        self.step: int = 0                          # steps so far
        self.minutes: float = 0.0                   # of training, with earlier starts
        self.history: list[dict] = []               # losses and scores at each checkpoint
        self.began_with: dict | None = None         # description of the run whose encoder this one began with
        self._compiled_step = tf.function(self._train_step, reduce_retracing=False)

    def run(self):
        """Trains from the newest checkpoint to the last step."""
        self.resume()
        losses, started, saved = [], time.monotonic() - 60 * self.minutes, time.monotonic()
        with tqdm(total=self.schedule.total, initial=self.step, unit="step", desc="pretraining", smoothing=0.05) as bar:
            for batch in self.batches.from_step(self.step):
                self.optimizer.learning_rate = self.schedule.learning_rate(self.step)
                losses.append([float(loss) for loss in self._compiled_step(*batch)])
                self.step, self.minutes = self.step + 1, (time.monotonic() - started) / 60
                bar.update()
                if self.step % 10 == 0:
                    bar.set_postfix_str("claims {:.2f}, colours {:.2f}, cells {:.2f} {:.2f}, gradient {:.1f}".format(
                        *np.nanmean(losses[-50:], 0)))
                if time.monotonic() - saved > self.save_seconds or self.step == self.schedule.total:
                    self._save(np.nanmean(losses, 0), bar)
                    losses, saved = [], time.monotonic()

    def _train_step(self, photos, answers, *covers):
        """Takes one optimizer step. Returns the losses and the gradient's norm."""
        with tf.GradientTape() as tape:
            losses = self.network.losses(photos, answers, *covers)
            # The first loss sums hundreds of claims, about 30 nats at first; the others are a few nats.
            loss = 0.2 * losses[0] + sum(losses[1:])
        variables = self.network.model.trainable_variables
        gradients = tape.gradient(loss, variables)
        norm = tf.linalg.global_norm(gradients)
        if tf.math.is_finite(norm):             # skips a batch that overflows
            shrink = tf.minimum(1.0, MAX_GRADIENT_NORM / norm)
            self.optimizer.apply([gradient * shrink for gradient in gradients], variables)
        return [*losses, norm]

    def begin_with(self, path: Path):
        """Loads the encoder of an earlier run. The questions may differ from that run's."""
        self.network.inception.load_weights(path)
        self.began_with = files.read_json(weights_files.about_path(path), "what --export wrote")

    def resume(self):
        """Continues from the newest checkpoint, if there is one.

        Raises:
            ValueError: the checkpoint was made from other scenes.
        """
        checkpoint = self.checkpoints.newest()
        if checkpoint is None:
            return
        about = checkpoint.about
        if about["claims"] != [list(claim) for claim in self.questions.claims]:
            raise ValueError(
                f"{checkpoint.path} was made from other scenes. "
                f"Delete {checkpoint.path.parent}, or use another --folder."
            )
        for name, variable in self._variables().items():
            variable.assign(checkpoint.arrays[name])
        self.step, self.minutes, self.history = about["step"], about["minutes"], about["log"]
        self.began_with = about["began_with"]
        print(f"Continuing from {checkpoint.path}, after {self.step:,} steps.")

    def _save(self, losses, bar):
        """Scores the network, shows a line of the history, and writes a checkpoint."""
        size = self.schedule.place_of(self.step - 1)[0].size
        scores = self.network.score(self.held_out, self.questions, size, min(128, len(self.held_out.scenes)))
        self.history.append({"step": self.step, "minutes": round(self.minutes, 1), "size": size,
                             "losses": [round(float(loss), 3) for loss in losses], "f1": scores})
        bar.write(json.dumps(self.history[-1]))
        self.checkpoints.save(self.step, {name: v.numpy() for name, v in self._variables().items()}, {
            "step": self.step, "minutes": self.minutes, "claims": self.questions.claims,
            "log": self.history, "began_with": self.began_with})

    def _variables(self) -> dict:
        """All variables of a checkpoint by their names."""
        groups = {"model": self.network.model.variables, "optimizer": self.optimizer.variables}
        return {f"{group}/{i:03d}": v for group, variables in groups.items() for i, v in enumerate(variables)}
