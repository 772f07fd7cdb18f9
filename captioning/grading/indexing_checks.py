"""The check of exercise 2: captions as lists of indices."""

import itertools
from collections import defaultdict

import numpy as np

from captioning.datasets.tokens import END, START, UNK
from captioning.grading.report import Problem, Stopped, call, reprs, short, some
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
    given = dict(vocab)
    try:
        came = call(function, [list(photo) for photo in practice], given)
    except Stopped as stopped:
        if UNKNOWN_WORD not in stopped.problem.came:
            raise
        return None, [Problem(f"UNK is not used: a word that is not in the vocabulary is an error. "
                              f"{stopped.problem.hint}", "the index of UNK", stopped.problem.came)]
    if given != vocab:
        return came, [Problem("The vocabulary is changed: setdefault, or an assignment to vocab[word], adds unknown "
                              "words to it. vocab.get(word, vocab[UNK]) leaves vocab as it is.",
                              "vocab as it was", f"also {some(set(given) - set(vocab))}")]
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
    return [Problem("The indices do not come from the argument vocab: the function reads a variable of the notebook, "
                    "or has numbers written in it. Look START, END, UNK and the words up in vocab.",
                    short(expected[1][0]), short(came[1][0] if came else came))]


def _indexing_mistakes(came, expected, vocab):
    """Problems of what the function made of the practice captions."""
    as_lists = _as_lists(came)
    if list(map(len, as_lists)) != list(map(len, expected)):
        yield Problem("The result should be a list for each photo, in it a list for each caption, in it the indices.",
                      "[[[…], […]], [[…]], [[…]]]", short(came))
        return
    pairs = list(zip(itertools.chain(*as_lists), itertools.chain(*expected)))
    words = [(ours, theirs) for ours, theirs in pairs if any(isinstance(index, str) for index in ours)]
    if words:
        yield _words_problem(*words[0])
        return
    yield from _wrong_types([index for caption, _ in pairs for index in caption], vocab)
    *whole, long = pairs
    problems = [*_wrong_ends(whole, vocab), *_wrong_unknowns(pairs[1], vocab), *_cut(long, vocab)]
    if not problems and as_lists != expected:
        wrong = next((ours, theirs) for ours, theirs in pairs if ours != theirs)
        yield Problem(_other_indices_hint(*wrong), short(wrong[1]), short(wrong[0]))
    yield from problems


def _as_lists(came):
    """The result as lists in lists; [] if it is something else. What can be read only once is something else."""
    try:
        return [[list(caption) for caption in captions] for captions in came] if len(came) else []
    except TypeError:
        return []


def _words_problem(came, expected):
    """The problem of a caption with strings among its indices."""
    tokens = [index for index in came if isinstance(index, str)]
    if set(tokens) <= set(SPECIAL_TOKENS):
        name = tokens[0].strip("#")
        hint = f"{name} itself is among the indices, a string: look it up, vocab[{name}]."
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
    return ("The words get other indices than they have in vocab: cut the caption with split_sentence, then look each "
            "word up.")


def _wrong_types(indices, vocab):
    """Problems of indices that are not Python ints."""
    kinds = {type(index).__name__ for index in indices if not isinstance(index, int) and index is not None}
    if kinds:
        from_vocab = any(isinstance(index, np.generic) for index in vocab.values())
        where = ("vocab holds them already, so number its tokens with enumerate" if from_vocab else
                 "int(index) or .tolist() turns them into ints")
        yield Problem(f"The indices are NumPy numbers, not Python ints; {where}.", "int", ", ".join(sorted(kinds)))


def _wrong_ends(pairs, vocab):
    """Problems of START and END. pairs: (came, expected) of captions that are too short to be cut."""
    start, end = vocab[START], vocab[END]
    captions = [caption for caption, _ in pairs]
    example = {"expected": short(pairs[0][1]), "came": short(pairs[0][0])}
    if all(caption[:1] == [end] and caption[-1:] == [start] for caption in captions):
        yield Problem("START and END are swapped.", **example)
        return
    if not all(caption[:1] == [start] for caption in captions):
        yield Problem("START is missing: each caption begins with it.", **example)
    elif any(caption.count(start) > 1 for caption in captions):
        yield Problem("START is there twice: once, at the beginning, is enough.", **example)
    if not all(caption[-1:] == [end] for caption in captions):
        yield Problem("END is missing: each caption ends with it.", **example)
    elif any(caption.count(end) > 1 for caption in captions):
        yield Problem("END is there twice: once, at the end, is enough.", **example)


def _wrong_unknowns(pair, vocab):
    """Problems of the caption whose second word is in no vocabulary."""
    came, expected = pair
    if vocab[UNK] in came:
        return
    inner = [index for index in came if index not in (vocab[START], vocab[END])]
    if inner == [index for index in expected[1:-1] if index != vocab[UNK]]:
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
