"""How long the encoder trains on photos of which size, and how fast."""

import argparse
import math
from dataclasses import dataclass

PEAK_LEARNING_RATE, WARM_UP = 1.5e-3, 200


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


class Schedule:
    """The stages of a run, and where in them a step is."""

    def __init__(self, stages: list[Stage]):
        self.stages = stages
        self.total = sum(stage.steps for stage in stages)

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

    def stages_done(self, step: int):
        """(stage, steps taken of it) of each stage that a run has reached after `step` steps."""
        left = step
        for stage in self.stages:
            if left > 0:
                yield stage, min(left, stage.steps)
            left -= stage.steps
