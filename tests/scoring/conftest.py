"""Captions, references and their scores, for all tests of scoring."""

import pytest

from captioning.scoring.scores import score_captions
from tests.helpers.captions import made_up_captions


@pytest.fixture(scope="session")
def scored():
    """(captions, references, scores) of 40 photos."""
    captions, references = made_up_captions()
    return captions, references, score_captions(captions, references)
