"""The check of exercise 2: captions as lists of indices."""

import copy
import inspect
import itertools
from collections import Counter, defaultdict
from collections.abc import Iterator

import numpy as np

from captioning.datasets.tokens import END, PAD, START, UNK
from captioning.grading.report import Problem, Stopped, argument_name, call, reprs, short, some
from captioning.grading.vocabulary_checks import SPECIAL_TOKENS, split_sentence

_ONCE = "A word that comes twice is there once: keep every word, in the order of the caption."
UNKNOWN_WORD = "zyzzyvaish"         # in no caption
LONG_CAPTION_WORDS = 40             # more than any batch keeps


def indexing_answer(captions_indexed, vocab) -> str:
    """What the service asks for: distinct first, last, inner and all indices, 1 if all are ints, count of UNK."""
    first, last, inner, unknown = set(), set(), set(), 0
    for caption in itertools.chain.from_iterable(captions_indexed):
        first.add(caption[0])
        last.add(caption[-1])
        inner.update(caption[1:-1])
        unknown += list(caption).count(vocab.get(UNK))
    every = first | last | inner
    return reprs([len(first), len(last), len(inner), len(every), int(all(isinstance(i, int) for i in every)), unknown])


def indexing_problems(captions_indexed, vocab, caption_tokens_to_indices) -> list[Problem]:
    """What is wrong with exercise 2: first with the function on practice captions, then with the indexed captions.

    Args:
        captions_indexed: what the function made of the training captions.
        vocab: {token: index}.
        caption_tokens_to_indices: the learner's function.

    Raises:
        Stopped: the function fails.
    """
    absent = [token for token in SPECIAL_TOKENS if token not in vocab]
    if absent:
        return [Problem(f"The vocabulary lacks {', '.join(absent)}: mend and check the vocabulary first.")]
    grown = list(_grown_vocabulary(vocab))
    if grown:
        return grown
    practice = _practice(vocab)
    expected = _numbered(practice, vocab)
    came, problems = _try(caption_tokens_to_indices, practice, vocab)
    problems = problems or list(_indexing_mistakes(came, expected, vocab))
    return (problems or _argument_ignored(caption_tokens_to_indices, practice, vocab)
            or list(_stale_indices(captions_indexed, vocab)))


def _practice(vocab):
    """Captions of three photos, each with the tokens between START and END: known, unknown, and many."""
    words = [token for token in vocab if split_sentence(token.upper()) == [token]][:3] or [UNKNOWN_WORD]
    words = words[1:] + words[:1]           # not in the order of their indices
    known = " ".join(words)
    return [
        {f"{known.upper()}.": words, f"{words[0]}, {UNKNOWN_WORD} {words[-1]}": [words[0], UNK, words[-1]]},
        {known: words},
        {" ".join([words[0]] * LONG_CAPTION_WORDS): [words[0]] * LONG_CAPTION_WORDS},
    ]


def _numbered(practice, vocab):
    """The right indices of the practice captions."""
    numbers = defaultdict(lambda: vocab[UNK], vocab)
    return [[[numbers[token] for token in (START, *tokens, END)] for tokens in photo.values()] for photo in practice]


def _try(function, practice, vocab):
    """(result, problems) of the function on copies of its arguments."""
    given, captions = dict(vocab), [list(photo) for photo in practice]
    kept = copy.deepcopy(captions)
    try:
        came = call(function, captions, given)
    except Stopped as stopped:
        quoted = [token for token in SPECIAL_TOKENS if stopped.problem.came == f"KeyError: {token.strip('#')!r}"]
        if quoted:
            name = quoted[0].strip("#")
            raise Stopped(Problem(f"vocab has no token {name!r}: write vocab[{name}], without quotes.", repr(quoted[0]),
                                  repr(name))) from None
        if UNKNOWN_WORD not in stopped.problem.came:
            raise
        return None, [Problem(f"UNK is not used: a word that is not in the vocabulary is an error. "
                              f"{stopped.problem.hint}", "the index of UNK", stopped.problem.came)]
    if given != vocab:
        return came, [Problem("The vocabulary is changed: setdefault, or an assignment to vocab[word], adds unknown "
                              "words to it. vocab.get(word, vocab[UNK]) leaves vocab as it is.",
                              "vocab as it was", f"also {some(set(given) - set(vocab))}, which the check made up")]
    if captions != kept:
        return came, [Problem("The captions themselves are changed, and later cells need them: build a new list.",
                              short(kept[1]), short(captions[1]))]
    return came, []


def _grown_vocabulary(vocab):
    """Problems of a vocabulary that is no numbering any more."""
    if len(set(vocab.values())) < len(vocab):
        yield Problem("Some tokens of vocab share an index. If an earlier version of the function added words to it, "
                      "run the cell that makes vocab again.",
                      f"{len(vocab):,} indices", f"{len(set(vocab.values())):,} indices")


def _argument_ignored(function, practice, vocab):
    """The problem of a function that finds indices elsewhere than in its argument."""
    other = dict(zip(vocab, reversed(vocab.values())))
    came = _as_lists(call(function, [list(photo) for photo in practice], dict(other)))
    expected = _numbered(practice, other)
    if came == expected:
        return []
    name = argument_name(function, 1, "vocab")
    return [Problem("The indices are the same for another vocabulary: the function reads a variable of the notebook, "
                    f"or has numbers written in it. Its argument is called {name}: look START, END, UNK and the words "
                    "up there.", f"{short(expected[1][0])} for a vocabulary numbered the other way round",
                    short(came[1][0] if came else came))]


def _indexing_mistakes(came, expected, vocab):
    """Problems of what the function made of the practice captions."""
    as_lists = _as_lists(came)
    if list(map(len, as_lists)) != list(map(len, expected)):
        yield _other_structure(came, as_lists, expected)
        return
    pairs = list(zip(itertools.chain(*as_lists), itertools.chain(*expected)))
    words = [(ours, theirs) for ours, theirs in pairs if any(isinstance(index, str) for index in ours)]
    if words:
        yield _words_problem(*words[0])
        return
    nested = next((ours for ours, _ in pairs if any(isinstance(index, (list, tuple)) for index in ours)), None)
    if nested is not None:
        kind = next(type(index).__name__ for index in nested if isinstance(index, (list, tuple)))
        yield Problem(f"There is a {kind} inside a caption, where only indices belong: join lists with + or *, not "
                      "with a comma.", short(pairs[0][1]), short(nested))
        return
    yield from _wrong_types([index for caption, _ in pairs for index in caption], vocab)
    *whole, long = pairs
    problems = [*_wrong_ends(whole, vocab), *_wrong_unknowns(pairs[1], vocab), *_cut(long, vocab)]
    if not problems and as_lists != expected:
        wrong = next((ours, theirs) for ours, theirs in pairs if ours != theirs)
        yield Problem(_other_indices_hint(*wrong), short(wrong[1]), short(wrong[0]))
    yield from problems


def _other_structure(came, as_lists, expected):
    """The problem of a result that is not a list for each photo with a list for each caption."""
    hint = "The result should be a list for each photo, in it a list for each caption, in it the indices."
    if inspect.isgenerator(came):
        hint = "The function has yield, so it gives a generator: collect the lists, and return them. " + hint
    if any(caption is None for caption in _captions_of(came)):
        hint = f"A caption is None, which append and extend give: put + between lists. {hint}"
    lazy = _lazy_caption(came)
    if lazy is not None:
        hint = f"A caption is a {lazy}, which can be read only once: make it a list. {hint}"
    counts = ", ".join(map(str, map(len, expected)))
    return Problem(hint, f"[[[…], […]], [[…]], [[…]]]: {counts} captions",
                   f"{short(came)}: {', '.join(map(str, map(len, as_lists)))} captions" if as_lists else short(came))


def _lazy_caption(came):
    """The type of a caption that is no list, such as map; None if there is none."""
    return next((type(caption).__name__ for caption in _captions_of(came) if isinstance(caption, Iterator)), None)


def _captions_of(came) -> list:
    """What is in the lists in a list; [] if there are none."""
    photos = came if isinstance(came, (list, tuple)) else []
    return [caption for photo in photos if isinstance(photo, (list, tuple)) for caption in photo]


def _as_lists(came):
    """The result as lists in lists; [] if it is something else. What can be read only once is something else."""
    if _lazy_caption(came) is not None:
        return []
    try:
        return [[list(caption) for caption in captions] for captions in came] if len(came) else []
    except TypeError:
        return []


def _words_problem(came, expected):
    """The problem of a caption with strings among its indices."""
    tokens = [index for index in came if isinstance(index, str)]
    if set(tokens) <= set(SPECIAL_TOKENS):
        names = " and ".join(dict.fromkeys(token.strip("#") for token in tokens))
        hint = f"{names} among the indices, as a string: look it up, such as vocab[{tokens[0].strip('#')}]."
    elif all(token.isdigit() for token in tokens):
        hint = "The indices are strings: leave str() out."
    else:
        hint = "There are words among the indices: look each up in vocab."
    return Problem(hint, short(expected), short(came))


def _other_indices_hint(came, expected):
    """What is wrong with a caption that begins and ends as it should."""
    inner, right = came[1:-1], expected[1:-1]
    if len(inner) > len(right):
        return ("A caption gets more indices than it has words: a loop over the caption itself gives letters, and "
                "split(' ') gives empty words. Cut it with split_sentence.")
    if inner == right[::-1]:
        return "The words are in reverse order: keep the order of the caption."
    if Counter(inner) == Counter(right):
        return "The words are in another order: keep the order of the caption."
    if inner == right[:len(inner)]:
        return "The words at the end of a caption are missing, perhaps those after an unknown one: go on to its end."
    if inner == right[len(right) - len(inner):]:
        return "The words at the beginning of a caption are missing: keep every word."
    return ("The words get other indices than they have in vocab: cut the caption with split_sentence, then look each "
            "word up.")


def _wrong_types(indices, vocab):
    """Problems of indices that are not Python ints."""
    kinds = {type(index).__name__ for index in indices if not isinstance(index, int) and index is not None}
    if kinds:
        from_vocab = any(isinstance(index, np.generic) for index in vocab.values())
        where = ("vocab holds them already, so number its tokens with enumerate" if from_vocab else
                 "int(index) or .tolist() turns them into ints")
        of_numpy = "NumPy numbers, " if any(isinstance(index, np.generic) for index in indices) else ""
        yield Problem(f"The indices are {of_numpy}not Python ints; {where}.", "int", ", ".join(sorted(kinds)))


def _wrong_ends(pairs, vocab):
    """Problems of START and END. pairs: (came, expected) of captions that are too short to be cut."""
    start, end = vocab[START], vocab[END]
    captions = [caption for caption, _ in pairs]
    example = {"expected": short(pairs[0][1]), "came": short(pairs[0][0])}
    if all(caption[:1] == [end] and caption[-1:] == [start] for caption in captions):
        yield Problem("START and END are swapped.", **example)
        return
    after_end = {caption[caption.index(end, 1) + 1] for caption, right in pairs
                 if end in caption[1:-1] and len(_inner(caption, vocab)) > len(right) - 2}
    if after_end - {end, vocab[PAD]}:
        yield Problem("The captions of a photo run together: begin a new list for each caption.", **example)
        return
    if all(caption[:1] == caption[-1:] == [vocab[UNK]] for caption in captions):
        yield Problem("split_sentence cuts the # off START and END, so they become UNK: put vocab[START] and "
                      "vocab[END] around the words after cutting.", **example)
        return
    if all(vocab[PAD] in caption for caption in captions):
        yield Problem("PAD is in the captions: do not fill up here, batch_captions_to_matrix does.", **example)
        return
    if not all(caption[:1] == [start] for caption in captions):
        yield Problem("START is missing: each caption begins with it.", **example)
    elif _is_twice(start, pairs):
        yield Problem("START is there more than once: once, at the beginning, is enough.", **example)
    if not all(caption[-1:] == [end] for caption in captions):
        yield Problem("END is missing: each caption ends with it.", **example)
    elif _is_twice(end, pairs):
        yield Problem("END is there more than once: once, at the end, is enough.", **example)


def _inner(caption, vocab) -> list:
    """A caption without START and END."""
    return [index for index in caption if index not in (vocab[START], vocab[END])]


def _is_twice(token, pairs) -> bool:
    """Whether a token is at both ends of a caption, or is there once too often."""
    return any(caption.count(token) > 1 and (len(caption) > len(right) or caption[0] == caption[-1])
               for caption, right in pairs)


def _wrong_unknowns(pair, vocab):
    """Problems of the caption whose second word is in no vocabulary."""
    came, expected = pair
    if vocab[UNK] in came:
        return
    inner = _inner(came, vocab)
    if len(came) < len(expected) and inner == [index for index in expected[1:-1] if index != vocab[UNK]]:
        hint = "Words that are not in the vocabulary are dropped: put UNK in their place."
    else:
        hint = "UNK is not used: it stands for each word that is not in the vocabulary."
    yield Problem(hint, short(expected), short(came))


def _cut(pair, vocab):
    """Problems of a long caption that was cut."""
    came, expected = pair
    if len(came) == 3:
        yield Problem(_ONCE, f"{len(expected)} indices for {LONG_CAPTION_WORDS} words", f"{len(came)} indices")
    elif len(came) < LONG_CAPTION_WORDS:
        end_too = "" if vocab[END] in came else " and their END is lost"
        yield Problem(f"Long captions are cut{end_too}: index the whole caption; batch_captions_to_matrix cuts it to "
                      "max_len later.",
                      f"{len(expected)} indices for {LONG_CAPTION_WORDS} words", f"{len(came)} indices")


def _stale_indices(captions_indexed, vocab):
    """Problems of the real captions, once the function is known to be right."""
    indices, ends = set(), set()
    for caption in itertools.chain.from_iterable(captions_indexed):
        indices.update(caption)
        ends.add((caption[0], caption[-1]))
    whole = ends == {(vocab[START], vocab[END])} and indices <= set(vocab.values())
    if not whole or not all(isinstance(index, int) for index in indices):
        yield Problem("caption_tokens_to_indices is right, but train_captions_indexed was not made by it with this "
                      "vocab: run the cell that indexes the captions again.")
