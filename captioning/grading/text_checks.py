"""The checks of captions as text and numbers: vocabulary, indexing, batching.

For each part, `*_problems` compares the learner's solution with the right answer and with the usual wrong ones;
`*_answer` is what the course's service asks for.
"""

import copy
import itertools
import re
from collections import Counter, defaultdict
from collections.abc import Iterator

import numpy as np

from captioning.datasets.tokens import END, PAD, START, UNK
from captioning.grading.report import Problem, Stopped, call, reprs, short, some

SPECIAL_TOKENS = PAD, UNK, START, END
MIN_COUNT = 5                       # occurrences that bring a word into the vocabulary


def _split_sentence(caption):
    """Words as the notebook's split_sentence makes them: lower case, letters and digits."""
    return [word for word in re.split(r"\W+", caption.lower()) if word]


# --------------------------------------------------------------------------------------------------- vocabulary

# big and dog occur 6 times, ball 5, kite 4; big only in 3 captions. red, 5 times, is never next to a dot or a capital.
PRACTICE_CAPTIONS = [
    ["A big, BIG dog.", "Dog and ball", "the ball; a kite"],
    ["Big big dog", "a ball and a kite", "A dog!"],
    ["big dog, big dog", "kite, ball, ball", "a KITE"],
    ["two red cars", "red and red", "one red bus near red cars"],
]
USUAL_SPLITS = str.split, lambda caption: caption.lower().split(), lambda caption: re.findall(r"\w+", caption)


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
    problems = list(_vocabulary_mistakes(practice, PRACTICE_CAPTIONS))
    if not problems:
        problems = list(_vocabulary_mistakes(vocab, train_captions))
        if problems:
            yield Problem("generate_vocabulary is right, but vocab is not what it makes of train_captions: run the "
                          "cells that read the captions and make vocab again.")
    yield from problems


def _count_words(captions_of_photos, split=_split_sentence) -> Counter:
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
    yield from _wrong_indices(vocab)


def _wrong_tokens(vocab, captions_of_photos):
    """Problems of the tokens: missing, rare, foreign."""
    counts = _count_words(captions_of_photos)
    special = [token for token in SPECIAL_TOKENS if token not in vocab]
    if special:
        yield Problem(f"{', '.join(special).replace('#', '')} missing: the four special tokens belong in the "
                      "vocabulary too, beside the words.", ", ".join(SPECIAL_TOKENS), f"no {', '.join(special)}")
    missing = {word for word, count in counts.items() if count >= MIN_COUNT and word not in vocab}
    if missing:
        if {counts[word] for word in missing} == {MIN_COUNT}:
            hint = "Words seen exactly 5 times are missing: use >= 5, not > 5."
        elif _has_words_of_another_split(vocab, captions_of_photos):
            hint = ("The captions are not cut with split_sentence: Dog, dog, and dog. are to be counted as dog, in "
                    "lower case and without punctuation.")
        else:
            hint = ("Frequent words are missing: count every occurrence in every caption of every photo, also the "
                    "second in the same caption.")
        yield Problem(hint, "every word that was seen 5 times or more", f"no {some(missing)}")
    rare = {word for word in vocab if 0 < counts[word] < MIN_COUNT}
    if rare:
        yield Problem(f"Rare words are in: {some(f'{word} (seen {counts[word]} times)' for word in rare)}. "
                      "They are to become UNK.", "only words that were seen 5 times or more", some(rare))
    foreign = {token for token in vocab if not counts[token] and token not in SPECIAL_TOKENS}
    if foreign:
        yield Problem("Tokens are in that split_sentence does not make: cut the captions with it (lower case, no "
                      "punctuation) before you count.", "words like dog", some(map(short, foreign)))


def _has_words_of_another_split(vocab, captions_of_photos):
    """Would the counting be right if words were cut in one of the usual other ways?"""
    frequent = ({word for word, count in _count_words(captions_of_photos, split).items() if count >= MIN_COUNT}
                for split in USUAL_SPLITS)
    return any(words == set(vocab).difference(SPECIAL_TOKENS) for words in frequent)


def _wrong_indices(vocab):
    """Problems of the indices: shared, with gaps, not in sorted order."""
    size, indices, tokens = len(vocab), set(vocab.values()), sorted(vocab)
    if len(indices) < size:
        yield Problem("Some tokens share an index: each needs its own.", f"{size} distinct indices",
                      f"{len(indices)} distinct indices")
    elif indices != set(range(size)):
        yield Problem("The indices should be the places in the list: from 0, without gaps.", f"0 to {size - 1}",
                      f"{short(min(indices))} to {short(max(indices))}")
    elif [vocab[token] for token in tokens] != list(range(size)):
        yield Problem("The tokens should be sorted before they are numbered, special tokens and words together.",
                      short({token: index for index, token in enumerate(tokens[:6])}),
                      short({token: vocab[token] for token in tokens[:6]}))


# ----------------------------------------------------------------------------------------------------- indexing

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
    words = [token for token in vocab if _split_sentence(token.upper()) == [token]][:3] or [UNKNOWN_WORD]
    known = " ".join(words)
    practice = [                            # captions of photos, and what is between START and END
        {f"{known.upper()}.": words, f"{words[0]}, {UNKNOWN_WORD} {words[-1]}": [words[0], UNK, words[-1]]},
        {known: words},
        {" ".join([words[0]] * LONG_CAPTION_WORDS): [words[0]] * LONG_CAPTION_WORDS},
    ]
    numbers = defaultdict(lambda: vocab[UNK], vocab)
    expected = [[[numbers[token] for token in (START, *tokens, END)] for tokens in photo.values()]
                for photo in practice]
    try:
        came = call(caption_tokens_to_indices, [list(photo) for photo in practice], vocab)
    except Stopped as stopped:
        if UNKNOWN_WORD not in stopped.problem.came:
            raise
        return [Problem(f"UNK is not used: a word that is not in the vocabulary is an error. {stopped.problem.hint}",
                        "the index of UNK", stopped.problem.came)]
    return list(_indexing_mistakes(came, expected, vocab)) or list(_stale_indices(captions_indexed, vocab))


def _indexing_mistakes(came, expected, vocab):
    """Problems of what the function made of the practice captions."""
    try:
        as_lists = [[list(caption) for caption in captions] for captions in came]
    except TypeError:
        as_lists = []
    if list(map(len, as_lists)) != list(map(len, expected)):
        yield Problem("The result should be a list for each photo, in it a list for each caption, in it the indices.",
                      "[[[…], […]], [[…]], [[…]]]", short(came))
        return
    came = as_lists
    pairs = list(zip(itertools.chain(*came), itertools.chain(*expected), strict=True))
    indices = [index for caption, _ in pairs for index in caption]
    if any(isinstance(index, str) for index in indices):
        yield Problem("There are words among the indices: look each up in vocab.",
                      short(expected[0][0]), short(came[0][0]))
        return
    yield from _wrong_types(indices, vocab)
    *whole, long = pairs
    problems = [*_wrong_ends(whole, vocab), *_wrong_unknowns(pairs[1], vocab), *_cut(long, vocab)]
    if not problems and came != expected:
        wrong = next((ours, theirs) for ours, theirs in pairs if ours != theirs)
        yield Problem("The words get other indices than they have in vocab: cut the caption with split_sentence, then "
                      "look each word up.", short(wrong[1]), short(wrong[0]))
    yield from problems


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
    if len(came) < LONG_CAPTION_WORDS:
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


# ----------------------------------------------------------------------------------------------------- batching

SERVICE_CASES = [([[1, 2, 3], [4, 5]], -1, max_len) for max_len in (None, 2, 10)]      # captions, pad_idx, max_len
BATCHING_CASES = [
    *SERVICE_CASES,
    ([[7], [1, 2, 3, 4, 5, 6], [8, 9]], 11, 4),
    ([[3, 1], [2, 6]], 9, None),
]
MOST_COLUMNS = 10                   # of any of their matrices
COLUMNS = {                         # each mistake, and how many columns it gives; max_len is the longest if None
    "": lambda longest, shortest, max_len: min(longest, max_len),
    "max_len is ignored: a caption longer than max_len is to be cut.": lambda longest, shortest, max_len: longest,
    "The matrix is padded to max_len: its longest caption says how wide it is, and max_len only cuts it.":
        lambda longest, shortest, max_len: max_len,
    "A column is lost: the last token of a caption that fits (its END) must stay.":
        lambda longest, shortest, max_len: min(longest, max_len) - 1,
    "There is a column too many: the matrix is as wide as its longest caption.":
        lambda longest, shortest, max_len: min(longest, max_len) + 1,
    "Captions are cut to the shortest one: the longest decides how many columns there are.":
        lambda longest, shortest, max_len: min(shortest, max_len),
}
LEFT_PADDING = "The padding is on the left: the words come first and pad_idx fills up the right side."
KEPT_TAIL = "The beginning of a long caption is cut away: keep its first max_len tokens."
KEPT_END = "END takes the place of the last token of a caption that is cut: keep its first max_len tokens as they are."
ZERO_PADDING = "The padding is 0: fill with pad_idx, which is not always 0."


def batching_answer(batch_captions_to_matrix) -> str:
    """What the service asks for: the matrices of its cases, flattened one after the other."""
    matrices = [batch_captions_to_matrix(captions, pad_idx, max_len=max_len)
                for captions, pad_idx, max_len in copy.deepcopy(SERVICE_CASES)]
    return reprs(number for matrix in matrices for number in matrix.ravel().tolist())


def batching_problems(batch_captions_to_matrix) -> Iterator[Problem]:
    """What is wrong with exercise 3.

    Args:
        batch_captions_to_matrix: the learner's function.

    Raises:
        Stopped: the function fails.
    """
    came = []
    for captions, pad_idx, max_len in BATCHING_CASES:
        given = copy.deepcopy(captions)
        came.append(call(batch_captions_to_matrix, given, pad_idx, max_len=max_len))
        if given != captions:
            yield Problem("The captions themselves are changed: the next epoch would get them padded or cut. Work on "
                          "copies.", short(captions), short(given))
            return
    for matrix in came:
        if not isinstance(matrix, np.ndarray) or matrix.ndim != 2:
            yield Problem("The result should be a NumPy array with a row for each caption.",
                          "array([[1, 2, 3], [4, 5, -1]])", f"{type(matrix).__name__}: {short(matrix)}")
            return
    if not all(np.issubdtype(matrix.dtype, np.integer) for matrix in came):
        yield Problem("The matrix holds no whole numbers: make it with dtype=np.int32.", "integers", str(came[0].dtype))
    possible = _possible_matrices()
    hints = next((hints for hints, matrices in possible if all(map(np.array_equal, came, matrices))),
                 ["The matrix differs from the expected one."])
    for hint in hints:
        # The case to show is one where this mistake alone would make a difference.
        alone = next((matrices for hints, matrices in possible if hints == [hint]), came)
        number = next(number for number, other in enumerate(alone) if not np.array_equal(other, _matrix(number)))
        captions, pad_idx, max_len = BATCHING_CASES[number]
        yield Problem(hint, f"{_matrix(number).tolist()} for {captions} with pad_idx={pad_idx}, max_len={max_len}",
                      short(came[number]))


def _possible_matrices():
    """[(hints, matrices for BATCHING_CASES)] of each combination of mistakes, the fewest first; the first has none."""
    grid = itertools.product(COLUMNS, ("", LEFT_PADDING), ("", KEPT_TAIL, KEPT_END), ("", ZERO_PADDING))
    possible = [([hint for hint in mistakes if hint], [_matrix(case, *mistakes) for case in range(len(BATCHING_CASES))])
                for mistakes in grid]
    return sorted(possible, key=lambda row: len(row[0]))


def _matrix(case: int, columns="", left_padding="", wrongly_kept="", zero_padding=""):
    """The right matrix for one of BATCHING_CASES, or the one with the mistakes whose hints are given.

    Learners can read this file, so it serves these cases only. Each row is what a window shows of a caption with
    padding on both sides; mistakes move the window.
    """
    captions, pad_idx, max_len = BATCHING_CASES[case]
    lengths = [len(caption) for caption in captions]
    width = COLUMNS[columns](max(lengths), min(lengths), max_len or max(lengths))
    padding, rows = [0 if zero_padding else pad_idx] * MOST_COLUMNS, []
    for caption, length in zip(captions, lengths, strict=True):
        left = min(length - width, 0) * bool(left_padding) + max(length - width, 0) * (wrongly_kept == KEPT_TAIL)
        window = [*padding, *caption, *padding][MOST_COLUMNS + left:][:width]
        if wrongly_kept == KEPT_END:
            window[min(length, width) - 1 - left] = caption[-1]
        rows.append(window)
    return np.array(rows)
