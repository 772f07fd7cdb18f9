"""How long a run will take on this machine."""

import time

from tqdm.auto import tqdm

WARM_UP = 4             # steps that are not measured: the first one compiles the graph
MEASURED = 20           # steps
LEAST_SECONDS = 10      # shorter runs are not announced


class Forecast:
    """Prints once how long a run will take, as measured on its first steps.

    Args:
        steps: of the run, from the first one that is counted to the last.
    """

    steps: int
    taken: int          # steps that are complete
    since: float        # when the measurement began, seconds of time.monotonic()

    def __init__(self, steps: int):
        self.steps, self.taken, self.since = steps, 0, 0.0

    def count_step(self):
        """Counts a complete step."""
        self.taken += 1
        if self.taken == WARM_UP:
            self.since = time.monotonic()
        elif self.taken == WARM_UP + MEASURED:
            rate = MEASURED / (time.monotonic() - self.since)
            if self.steps / rate >= LEAST_SECONDS:
                tqdm.write(sentence(self.steps, rate))      # a plain print would tear a terminal's progress bar


def sentence(steps: int, rate: float) -> str:
    """For example "About 2 minutes on this machine: 3,000 steps at 28 a second." The rate is in steps per second."""
    seconds = steps / rate
    length, unit = next(((length, unit) for length, unit in ((3600, "hours"), (60, "minutes"))
                         if seconds >= 2 * length), (1, "seconds"))
    return (f"About {seconds / length:.0f} {unit} on this machine: {steps:,} steps at "
            f"{rate:.{0 if rate >= 10 else 1}f} a second.")
