"""Batches of photos with the answers to the questions, each a function of (seed, step)."""

from collections import deque
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import tensorflow as tf

from course.pretraining.network import CELL_MAPS
from course.pretraining.pools import Pool
from course.pretraining.questions import Questions, cover_of_cells
from course.pretraining.schedule import Schedule


class Batches:
    """The batches of a run; a thread makes them ahead of time."""

    def __init__(self, pool: Pool, questions: Questions, schedule: Schedule, seed: int):
        self.pool, self.schedule, self.seed = pool, schedule, seed
        self.answers = questions.answers(pool.scenes)
        self.covers = [questions.covers(boxes) for boxes in pool.boxes]

    def from_step(self, begin: int):
        """Yields the batches from step `begin` on."""
        with ThreadPoolExecutor(1) as thread:
            ahead = deque()
            for step in range(begin, self.schedule.total):
                stage, first, _ = self.schedule.place_of(step)
                if step in (first, begin) and stage.batch * stage.steps > len(self.pool.scenes):
                    self.pool.keep(stage.size)
                ahead.append(thread.submit(self.batch, step))
                if len(ahead) > 3:
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()

    def batch(self, step: int):
        """Makes the batch of a step.

        Returns:
            Photos (B, S, S, 3) uint8, answers (B, claims) float32, and for each cell map (B, cells, cells, 2) int32.
        """
        stage, _, seen = self.schedule.place_of(step)
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
