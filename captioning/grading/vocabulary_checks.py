"""The check of exercise 1: which words are in the vocabulary, and how they are numbered."""

import copy
import itertools
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from captioning.datasets.tokens import END, PAD, START, UNK, split_sentence
from captioning.grading.report import Problem, argument_name, call, reprs, short, some

SPECIAL_TOKENS = PAD, UNK, START, END
MIN_COUNT = 5                       # occurrences that bring a word into the vocabulary


# Each usual mistake finds other words here. ball, red, blue and up occur 5 times, kite 4 times. big is in every photo;
# so, red, blue and up are in one photo each. red is never next to a dot or a capital.
PRACTICE_CAPTIONS = [
    ["A big, BIG dog.", "Dog and ball", "the Ball; a kite", "up up up up up"],
    ["Big big dog", "a ball and a kite", "A dog!", "so so so so so so sunny"],
    ["big dog, big dog", "kite, ball, ball", "a KITE"],
    ["a dog, two red cars", "red and red", "one big red bus near red cars"],
    ["blue, blue and blue", "the big blue hat is blue"],
]


def vocabulary_answer(vocab) -> str:
    """What the service asks for: size, distinct indices, 1 if the special tokens are in."""
    return reprs([len(vocab), len(set(vocab.values())), int(all(token in vocab for token in SPECIAL_TOKENS))])


def vocabulary_problems(vocab, generate_vocabulary, train_captions) -> Iterator[Problem]:
    """What is wrong with exercise 1: first with the function on practice captions, then with the vocabulary itself.

    Args:
        vocab: what should be {token: index}.
        generate_vocabulary: the learner's function.
        train_captions: a list of captions for each photo.

    Raises:
        Stopped: the function fails.
    """
    practice = call(generate_vocabulary, copy.deepcopy(PRACTICE_CAPTIONS))
    if _ignores_its_argument(practice, generate_vocabulary):
        name = argument_name(generate_vocabulary, 0, "train_captions")
        yield Problem("generate_vocabulary makes the same vocabulary for all captions: it reads a variable of the "
                      f"notebook. Its argument is called {name}: use that.",
                      "the words of the argument", some(set(practice).difference(SPECIAL_TOKENS)))
        return
    problems = [replace(problem, came=f"{problem.came}, in a few captions that the check made up")
                for problem in _vocabulary_mistakes(practice, PRACTICE_CAPTIONS)]
    if not problems:
        problems = list(_vocabulary_mistakes(vocab, train_captions))
        if problems:
            problems = _not_from_all_captions(vocab, generate_vocabulary, train_captions) or problems
    yield from problems


def _ignores_its_argument(practice, generate_vocabulary):
    """Whether the vocabulary holds words of other captions, and is the same for any."""
    if not isinstance(practice, dict) or set(practice) <= {*SPECIAL_TOKENS, *_count_words(PRACTICE_CAPTIONS)}:
        return False
    other = call(generate_vocabulary, [["a bird"] * MIN_COUNT, ["a bird"]])
    return isinstance(other, dict) and dict(other) == dict(practice) and "bird" not in practice


def _not_from_all_captions(vocab, generate_vocabulary, train_captions) -> list[Problem]:
    """The problem of a vocabulary that is wrong though the function is right for the few practice captions."""
    if call(generate_vocabulary, train_captions) != vocab:
        return [Problem("generate_vocabulary is right, but vocab is not what it makes of train_captions: run the cells "
                        "that read the captions and make vocab again.")]
    photos = _first_photos(vocab, train_captions)
    if photos is not None:
        return [Problem(f"generate_vocabulary counts the first {photos:,} photos only: count the captions of all. Look "
                        "for a slice such as train_captions[:500].",
                        f"{len(train_captions):,} photos", f"{photos:,} photos")]
    return []


def _first_photos(vocab, train_captions) -> int | None:
    """How many photos at the beginning give this vocabulary; None if no such number does.

    A vocabulary tells the number within bounds, and the roundest number there is the likeliest.
    """
    counts, frequent_from = Counter(), {}
    for number, captions in enumerate(train_captions, 1):
        of_photo = _count_words([captions])
        counts.update(of_photo)
        for word in of_photo:
            if counts[word] >= MIN_COUNT:
                frequent_from.setdefault(word, number)
    least = max((number for word, number in frequent_from.items() if word in vocab), default=1)
    most = min((number for word, number in frequent_from.items() if word not in vocab), default=0) - 1
    if most < least:
        return None
    return max(range(least, most + 1), key=lambda number: len(str(number)) - len(str(number).rstrip("0")))


def _count_words(captions_of_photos, split=split_sentence) -> Counter:
    """How often each word occurs."""
    captions = itertools.chain.from_iterable(captions_of_photos)
    return Counter(word for caption in captions for word in split(caption))


def _vocabulary_mistakes(vocab, captions_of_photos):
    """Problems of what should be the vocabulary of the captions."""
    if not isinstance(vocab, dict) or not all(isinstance(token, str) for token in vocab):
        yield Problem("The vocabulary should be a dictionary that goes from token to index: its keys are the words.",
                      "{'a': 4, …}", short(vocab))
        return
    yield from _wrong_tokens(vocab, captions_of_photos)
    yield from _wrong_kinds(vocab) or _wrong_indices(vocab)


def _wrong_tokens(vocab, captions_of_photos):
    """Problems of the tokens: missing, rare, foreign."""
    counts = _count_words(captions_of_photos)
    special = [token for token in SPECIAL_TOKENS if token not in vocab]
    words = set(vocab).difference(SPECIAL_TOKENS)
    names = {token.strip("#") for token in special} & words
    if names:
        yield Problem("The names of the special tokens are in, not the tokens: write PAD without quotes, which is "
                      "'#PAD#'.", ", ".join(SPECIAL_TOKENS), some(names))
        return
    if special:
        yield Problem(f"{', '.join(special).replace('#', '')} missing: the four special tokens belong in the "
                      "vocabulary too, whatever their count.", ", ".join(SPECIAL_TOKENS), f"no {', '.join(special)}")
    missing = {word for word, count in counts.items() if count >= MIN_COUNT and word not in vocab}
    rare = {word for word in vocab if 0 < counts[word] < MIN_COUNT}
    foreign = {token for token in words if not counts[token]}
    if not (missing or rare or foreign):
        return
    counted = next((hint for hint, count in USUAL_COUNTS if words and words == count(captions_of_photos)), "")
    if counted:
        yield Problem(counted, "every word that was seen 5 times or more",
                      f"missing: {some(missing)}" if missing else some(map(short, foreign or rare)))
        return
    if missing:
        hint = ("Words seen exactly 5 times are missing: use >= 5, not > 5, and begin each count at 1."
                if missing == {word for word, count in counts.items() if count == MIN_COUNT} else
                "Some frequent words are missing. Does the function leave words out, or captions?")
        yield Problem(hint, "every word that was seen 5 times or more", f"missing: {some(missing)}")
    if rare:
        yield Problem(f"Rare words are in: {some(f'{word} (seen {_times(counts[word])})' for word in rare)}. Leave "
                      "them out: they become UNK.", "only words that were seen 5 times or more", some(rare))
    if foreign:
        yield Problem(_foreign_hint(foreign), "words like dog", some(map(short, foreign)))


def _times(count):
    return "once" if count == 1 else f"{count} times"


def _foreign_hint(foreign):
    """Where tokens come from that are neither special nor words of the captions."""
    if len(foreign) > 4 and all(len(token) == 1 for token in foreign):
        return "Single letters are in: a caption is a string, so a loop over it gives its letters. Split it first."
    return ("Tokens are in that split_sentence does not make: cut the captions with it (lower case, no punctuation) "
            "before you count.")


def _frequent(counts) -> set[str]:
    """The words that were seen often enough."""
    return {word for word, count in counts.items() if count >= MIN_COUNT}


def _each(groups, split=split_sentence) -> set[str]:
    """The words that are frequent in one of some groups of captions, each group counted by itself."""
    return set().union(*(_frequent(_count_words([captions], split)) for captions in groups))


USUAL_SPLITS = str.split, lambda caption: caption.lower().split(), lambda caption: re.findall(r"\w+", caption)
_OTHER_SPLIT = ('The captions are not cut with split_sentence: "Dog", "dog," and "dog." all count as dog, in lower '
                "case and without punctuation.")
_TOGETHER = ('Captions are joined without a space, so the last word of one and the first of the next become one word: '
             'use " ".join, or cut each caption by itself.')
_ANEW = "The counter begins anew for each {}: make it once, before the loops, and count all captions together."

# (hint, which words the mistake finds in captions)
USUAL_COUNTS = (
    (_ANEW.format("photo"), _each),
    (_ANEW.format("caption"), lambda photos: _each([caption] for photo in photos for caption in photo)),
    ("Only the first photo's words are there. Does return stand inside the loop? It belongs after it.",
     lambda photos: _each(photos[:1])),
    ("Only the last photo's words are left: make the counter once, before the loops.",
     lambda photos: _each(photos[-1:])),
    ("Only the first caption of each photo is counted: count every caption of every photo.",
     lambda photos: _frequent(_count_words([photo[:1] for photo in photos]))),
    ("Captions are counted, not words: count every occurrence of a word, also the second in the same caption.",
     lambda photos: _frequent(_count_words(photos, lambda caption: set(split_sentence(caption))))),
    ("Photos are counted, not words: count every occurrence of a word in every caption.",
     lambda photos: _frequent(Counter(word for photo in photos for word in _count_words([photo])))),
    ("Letters are counted, not words: cut each caption with split_sentence.",
     lambda photos: _frequent(_count_words(photos, lambda caption: list(caption.lower())))),
    ("Letters are counted, not words: Counter.update takes a list of words; of a single word it counts the letters.",
     lambda photos: _frequent(_count_words(photos, lambda caption: "".join(split_sentence(caption))))),
    (_TOGETHER, lambda photos: _frequent(_count_words([["".join(itertools.chain(*photos))]]))),
    (_TOGETHER, lambda photos: _frequent(_count_words([map("".join, photos)]))),
    *((_OTHER_SPLIT, lambda photos, split=split: _frequent(_count_words(photos, split))) for split in USUAL_SPLITS),
)


def _wrong_kinds(vocab):
    """Problems of indices that are not Python ints."""
    kinds = {type(index).__name__ for index in vocab.values() if type(index) is not int}
    return [Problem("The indices are not Python ints, which later cells need: number the tokens with enumerate, or "
                    "take int(index).", "int", ", ".join(sorted(kinds)))] if kinds else []


def _wrong_indices(vocab):
    """Problems of the indices: shared, with gaps, not in sorted order."""
    size, indices, tokens = len(vocab), set(vocab.values()), sorted(vocab)
    if len(indices) < size:
        yield Problem("Some tokens share an index: each needs its own.", f"{size} distinct indices",
                      f"{len(indices)} distinct indices")
    elif indices != set(range(size)):
        yield Problem("The indices should be the places in the list: from 0, without gaps. If words come several times "
                      "in your list, make it a set first.", f"0 to {size - 1}",
                      f"{short(min(indices))} to {short(max(indices))}")
    elif [vocab[token] for token in tokens] != list(range(size)):
        yield Problem("The tokens should be sorted before they are numbered, special tokens and words together.",
                      short({token: index for index, token in enumerate(tokens[:6])}),
                      short({token: vocab[token] for token in tokens[:6]}))
