"""Which photo sizes the encoder trains on, for how many steps, and at which learning rate."""

import argparse
import math
from dataclasses import dataclass

PEAK_LEARNING_RATE, WARM_UP = 1.5e-3, 200


@dataclass(frozen=True)
class Stage:
    """A number of steps on photos of one size.

    Attributes:
        size: side of the photos in pixels.
        batch: photos in a batch.
        steps: number of steps.
    """

    size: int
    batch: int
    steps: int

    @property
    def pixels(self) -> int:
        """Number of pixels that the stage sees, without the three colours."""
        return self.size ** 2 * self.batch * self.steps


def parse_stages(text: str) -> list[Stage]:
    """Reads stages from text.

    Args:
        text: such as "128x64:1800,299x32:300", for 1,800 steps on 64 photos of 128 pixels, then 300 on 32 of 299.

    Raises:
        argparse.ArgumentTypeError: the text has another form, or a number is too small.
    """
    try:
        stages = [Stage(*map(int, part.replace("x", ":").split(":"))) for part in text.split(",")]
    except (TypeError, ValueError):
        raise argparse.ArgumentTypeError(f"{text!r}: expected SIZExBATCH:STEPS, more of them after commas") from None
    if not all(stage.size >= 75 and stage.batch > 0 and stage.steps > 0 for stage in stages):
        raise argparse.ArgumentTypeError(f"{text!r}: a size must be at least 75 pixels, a batch and steps at least 1")
    return stages


class Schedule:
    """The stages of a run, and where in them a step is."""

    def __init__(self, stages: list[Stage]):
        self.stages = stages
        self.total = sum(stage.steps for stage in stages)

    def learning_rate(self, step: int) -> float:
        """Learning rate of a step: linear warm-up, then a cosine to zero.

        The cosine is that of https://arxiv.org/abs/1608.03983, without restarts. It follows the share of pixels seen,
        which grows like time. If it followed steps, the rate would be too small for the large photos at the end.
        """
        stage, first, _ = self.place_of(step)
        before = sum(s.pixels for s in self.stages[:self.stages.index(stage)])
        seen = (before + stage.pixels * (step - first) / stage.steps) / sum(s.pixels for s in self.stages)
        return PEAK_LEARNING_RATE * min(1, (step + 1) / WARM_UP) * (1 + math.cos(math.pi * seen)) / 2

    def place_of(self, step: int):
        """(stage, the stage's first step, number of photos before this step) of a step."""
        first = photos = 0
        for stage in self.stages:
            if step < first + stage.steps:
                break
            first, photos = first + stage.steps, photos + stage.steps * stage.batch
        return stage, first, photos + (step - first) * stage.batch

    def stages_done(self, step: int):
        """Yields (stage, its steps so far) of each stage that a run has reached after `step` steps."""
        left = step
        for stage in self.stages:
            if left > 0:
                yield stage, min(left, stage.steps)
            left -= stage.steps
