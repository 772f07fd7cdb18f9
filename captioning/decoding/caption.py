"""A caption and the probabilities that the decoder gave to its words."""

from dataclasses import dataclass

import numpy as np

from captioning.datasets.tokens import END


@dataclass(frozen=True)
class Caption:
    """A caption with the decoder's probabilities.

    Each is p(word | photo, words before) over all words that may be written. Temperature, top-k, nucleus and the ban
    on repetition decide which word is taken; they do not change these numbers.
    """

    words: tuple[str, ...]                      # without #START# and #END#
    word_probabilities: tuple[float, ...]       # one for each word
    end_probability: float | None = None        # of #END#; None if the caption was cut at the greatest length

    @classmethod
    def from_tokens(cls, tokens: list[str], probabilities: list[float]) -> "Caption":
        """The caption up to the first #END#, or of all tokens if there is none. probabilities: one for each token."""
        length = tokens.index(END) if END in tokens else len(tokens)
        end_probability = probabilities[length] if length < len(tokens) else None
        return cls(tuple(tokens[:length]), tuple(probabilities[:length]), end_probability)

    @property
    def ended(self) -> bool:
        """Whether the decoder wrote #END#; False if the caption was cut at the greatest length."""
        return self.end_probability is not None

    @property
    def tokens(self) -> tuple[str, ...]:
        """The words, and #END# if the caption ended."""
        return (*self.words, END) if self.ended else self.words

    @property
    def token_probabilities(self) -> tuple[float, ...]:
        """The probability of each of `tokens`."""
        return (*self.word_probabilities, self.end_probability) if self.ended else self.word_probabilities

    @property
    def log_probability(self) -> float:
        """Logarithm of p(tokens | photo), nats."""
        return float(np.sum(np.log(self.token_probabilities)))

    def __str__(self):
        return " ".join(self.words)
