"""Why captions fail: the common reasons, and a guess at the reason from words alone."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from captioning.scoring.words import COLOURS, FUNCTION_WORDS, Words

REASONS = {
    "wrong object": "names a thing that is not in the photo",
    "wrong count": "says another number of things",
    "wrong colour": "gives a thing a colour that it does not have",
    "wrong place": "puts the scene somewhere else, or things in another relation",
    "invented detail": "is right on the whole, but adds what is not there",
    "repetition": "says the same thing twice",
    "too general": "would fit hundreds of photos",
    "broken sentence": "is not a sentence a person would say",
}
COUNTS = {word: count for count, word in enumerate(
    ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"), 1)}
COUNTS |= {"a": 1, "an": 1, "couple": 2, "pair": 2}
SINGULAR = {"men": "man", "women": "woman", "children": "child"}


class Phrase(NamedTuple):
    """A thing in a sentence.

    Attributes:
        count: how many there are; None if the sentence does not say.
        colour: "" if the sentence does not say.
        thing: in the singular.
        last: whether no other thing follows at once: of "a cloudy sky", the sky.
    """

    count: int | None
    colour: str
    thing: str
    last: bool = True


def likely_reason(caption: Words, references: Sequence[Words]) -> str:
    """Guesses from words alone why a caption fails. A person should look at the photo and decide.

    Args:
        caption: words.
        references: lists of words.

    Returns:
        A key of REASONS.
    """
    said, told = phrases(caption), [phrases(words) for words in references]
    for reason, applies in (("repetition", _repeats), ("wrong count", _miscounts), ("wrong colour", _miscolours)):
        if applies(said, told):
            return reason
    content = _content(caption)
    strange = len(content.difference(*map(_content, references)))
    if not strange:
        return "too general"
    return "wrong object" if strange * 2 >= len(content) else "invented detail"


def phrases(words: Words) -> list[Phrase]:
    """Finds the things in a sentence, each with its count and its colour.

    Two descriptions of one word are two phrases: "two green and one yellow balloon". In "a red kite and a blue one",
    "one" stands for the kite. Verbs count as things; that does no harm.

    Args:
        words: of the sentence.

    Returns:
        The phrases in the order of the words.
    """
    found: list[Phrase] = []
    before, count, colour, after_thing = [], None, "", False
    for word in words:
        if word == "of":                                            # "a pair of kites"
            continue
        if word in ("one", "ones") and colour and found:
            word = found[-1].thing
        thing = word not in COUNTS and word not in COLOURS and word not in FUNCTION_WORDS
        if thing and after_thing and found[-1].thing != _singular(word):
            found[-1] = found[-1]._replace(last=False)
        after_thing = thing
        if word in COUNTS:
            count, colour = COUNTS[word], ""
        elif word in COLOURS:
            colour = word
        elif word == "and" and colour:
            before.append((count, colour))
            count, colour = None, ""
        elif word in FUNCTION_WORDS:
            before, count, colour = [], None, ""
        else:
            found += [Phrase(*described, _singular(word)) for described in (*before, (count, colour))]
            before, count, colour = [], None, ""
    return found


def _content(words: Words) -> set[str]:
    """Things and colours of a sentence, in the singular."""
    return {_singular(word) for word in words if word not in FUNCTION_WORDS and word not in COUNTS}


def _singular(word: str) -> str:
    """Takes the plural's s off a word."""
    return SINGULAR.get(word, word[:-1] if word.endswith("s") and not word.endswith(("ss", "us")) else word)


def _repeats(said: Sequence[Phrase], told: Sequence[Sequence[Phrase]]) -> bool:
    """Whether a phrase occurs twice or more, and more often than in each reference: "a cat and a cat"."""
    return any(count > 1 and phrase.last and all(count > phrases.count(phrase) for phrases in told)
               for phrase, count in Counter(said).items())


def _miscounts(said: Sequence[Phrase], told: Sequence[Sequence[Phrase]]) -> bool:
    """Whether the caption has another number of a thing (of one colour, if it says the colour) than all references."""
    for colour, thing in dict.fromkeys((phrase.colour, phrase.thing) for phrase in said if phrase.last):
        totals = [_total(phrases, colour, thing) for phrases in told]
        totals = [total for total in totals if total != 0]
        ours = _total(said, colour, thing)
        if ours and totals and not {ours, None} & {*totals}:
            return True
    return False


def _total(phrases: Sequence[Phrase], colour: str, thing: str) -> int | None:
    """How many of a thing a sentence has: 0 if it names none, None if it does not say. colour: "" for any."""
    counts = [phrase.count for phrase in phrases if phrase.thing == thing and colour in ("", phrase.colour)]
    return None if None in counts else sum(counts)


def _miscolours(said: Sequence[Phrase], told: Sequence[Sequence[Phrase]]) -> bool:
    """Whether the caption gives a thing a colour, and the references give it other colours only."""
    coloured = {(phrase.colour, phrase.thing) for phrases in told for phrase in phrases if phrase.colour}
    things = {thing for _, thing in coloured}
    return any(phrase.colour and phrase.thing in things and (phrase.colour, phrase.thing) not in coloured
               for phrase in said)
