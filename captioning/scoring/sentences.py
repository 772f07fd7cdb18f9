"""Checks captions and references, and splits them as the MSCOCO challenge does."""

from collections.abc import Mapping, Sequence

from captioning.scoring import java
from captioning.scoring.words import Words

Written = Sequence[str] | str           # a list of words, or a sentence


def checked(
    captions: Mapping[str, Words], references: Mapping[str, Sequence[Words]]
) -> tuple[dict[str, Words], dict[str, list[Words]]]:
    """Checks captions and references.

    Args:
        captions: photo name -> words.
        references: photo name -> lists of words.

    Returns:
        Captions and references of the same photos. References without a word are left out. Photos are sorted by name,
        because sums of floats depend on their order.

    Raises:
        ValueError: there are no captions, a photo has no reference with a word, or words are a string, not a list.
    """
    if not captions:
        raise ValueError("There are no captions to score: the dict of captions is empty.")
    unknown = sorted(set(captions) - set(references))
    if unknown:
        raise ValueError(
            f"{len(unknown)} of {len(captions)} captions are for photos that have no references, such as "
            f"{unknown[0]!r}. Score captions against the references of the same split."
        )
    of_captions, of_references = {}, {}
    for name in sorted(captions):
        of_captions[name] = _no_string(captions[name], "caption", name)
        of_references[name] = [words for words in references[name] if len(_no_string(words, "reference", name))]
        if not of_references[name]:
            raise ValueError(f"Photo {name!r} has no reference with a word in it. Leave it out of the captions.")
    return of_captions, of_references


def ptb_words(
    captions: Mapping[str, Written], references: Mapping[str, Sequence[Written]]
) -> tuple[dict[str, list[str]], dict[str, list[list[str]]], tuple[str, ...]]:
    """Splits captions and references with the tokenizer of the MSCOCO challenge.

    It knows no word of some scripts and symbols. Photos of whose references it leaves no word can't be scored.

    Args:
        captions: photo name -> words or a sentence.
        references: photo name -> lists of words, or sentences.

    Returns:
        Captions as words by name, the references of the same photos as lists of words, and a sentence if photos are
        left out.

    Raises:
        NoJavaScore: Java is missing or failed, or no photo has a reference with a word.
    """
    def sentence(written):
        return written if isinstance(written, str) else " ".join(written)

    of_photos = {name: references[name] for name in captions if name in references}
    texts = [sentence(written) for written in captions.values()]
    texts += [sentence(written) for all_written in of_photos.values() for written in all_written]
    words = iter(java.ptb_tokenize(texts) if texts else [])
    captions = {name: next(words) for name in captions}
    references = {name: [next(words) for _ in all_written] for name, all_written in of_photos.items()}
    emptied = [name for name, of_photo in references.items() if not any(of_photo)]
    if not emptied:
        return captions, references, ()
    reason = (f"Not scored: {len(emptied):,} of {len(captions):,} photos, such as {emptied[0]!r:.80}. The challenge's "
              "tokenizer (PTB) leaves no word of their references.")
    if len(emptied) == len(captions):
        raise java.NoJavaScore(reason)
    kept = captions.keys() - set(emptied)
    return ({name: captions[name] for name in captions if name in kept},
            {name: references[name] for name in references if name in kept}, (reason,))


def _no_string(words: Words, what: str, name: str) -> Words:
    """The words. Raises ValueError, with `what` of which photo, if they are a string."""
    if isinstance(words, str):
        raise ValueError(
            f"The {what} of {name!r} is the string {words!r}, but a list of words is needed. "
            "Split captions and references with the same tokenizer."
        )
    return words
