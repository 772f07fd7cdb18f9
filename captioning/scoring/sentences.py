"""Captions and references in the form that the scorers take."""

from collections.abc import Mapping, Sequence

from captioning.scoring import java
from captioning.scoring.java import Sentences
from captioning.scoring.words import Words

Written = Sequence[str] | str           # a list of words, or a sentence


def for_scorers(
    captions: Mapping[str, Words], references: Mapping[str, Sequence[Words]]
) -> tuple[Sentences, Sentences]:
    """Both as name -> strings of words with one space between, sorted by name (sums then never depend on order)."""
    if not captions:
        raise ValueError("There are no captions to score: the dict of captions is empty.")
    unknown = sorted(set(captions) - set(references))
    if unknown:
        raise ValueError(
            f"{len(unknown)} of {len(captions)} captions are for photos that have no references, the first is "
            f"{unknown[0]!r}. Score captions against the references of the same split."
        )
    hypotheses, truths = {}, {}
    for name in sorted(captions):
        hypotheses[name] = [_joined(captions[name], "caption", name)]
        truths[name] = [text for words in references[name] if (text := _joined(words, "reference", name))]
        if not truths[name]:
            raise ValueError(f"Photo {name!r} has no reference with a word in it: leave it out of the captions.")
    return hypotheses, truths


def ptb_words(
    captions: Mapping[str, Written], references: Mapping[str, Sequence[Written]]
) -> tuple[dict[str, list[str]], dict[str, list[list[str]]]]:
    """Captions, and the references of the same photos, in the challenge's words. Sentences or lists of words."""
    def sentence(said):
        return said if isinstance(said, str) else " ".join(said)

    written = {name: references[name] for name in captions if name in references}
    texts = [sentence(said) for said in captions.values()]
    texts += [sentence(said) for all_said in written.values() for said in all_said]
    words = iter(java.ptb_tokenize(texts) if texts else [])
    return ({name: next(words) for name in captions},
            {name: [next(words) for _ in all_said] for name, all_said in written.items()})


def _joined(words: Words, what: str, name: str) -> str:
    if isinstance(words, str):
        raise ValueError(
            f"The {what} of {name!r} is the string {words!r}; a list of words is needed, "
            "from the same tokenizer for captions and references."
        )
    return " ".join(words)
