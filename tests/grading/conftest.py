"""What the tests of the checks share: a grader, and 60 photos with captions."""

import numpy as np
import pytest

from captioning.grading.grader import Grader
from tests.grading import learners
from tests.grading.learners import VOCAB


@pytest.fixture
def grader():
    return Grader()


@pytest.fixture(scope="session")
def captions():
    """60 photos with 5 captions; 46 words occur often enough, at first few of them."""
    rng = np.random.default_rng(1)
    photos = [[" ".join(rng.choice(learners.WORDS[:8 + number], rng.integers(4, 12))) + "." for _ in range(5)]
              for number in range(60)]
    photos[0][0] = "A rarely SEEN thing"
    return photos


@pytest.fixture(scope="session")
def indexed(captions):
    return [[[VOCAB[learners.START], *(VOCAB.get(word, VOCAB[learners.UNK]) for word in learners.split_sentence(c)),
              VOCAB[learners.END]] for c in photo] for photo in captions]
