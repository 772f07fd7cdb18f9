"""The check of exercise 3: captions of a batch as a matrix."""

import copy
import itertools
from collections.abc import Iterator

import numpy as np

from captioning.grading.report import Problem, call, reprs, short

SERVICE_CASES = [([[1, 2, 3], [4, 5]], -1, max_len) for max_len in (None, 2, 10)]      # captions, pad_idx, max_len
MOST_COLUMNS = 70                   # of any of the matrices, and a few more
LARGE = 100_000                     # an index that 16 bits do not hold
CASES = [
    *SERVICE_CASES,
    ([[7], [1, 2, 3, 4, 5, 6], [8, 9]], 11, 4),
    ([[3, 1], [2, 6]], 9, None),
    ([[2, 7, 0], [2, 6, 8, 5, 0], [2, 7, 0]], 1, None),             # 0 is a token, as END often is; two are the same
    ([[2, 7, 7, 5, 7, 0], [2, 0]], 1, None),                        # a token three times
    ([[2, LARGE, 0], [2, 5, 6, 0]], 3, 4),
    ([list(range(40, 100)), [2, 0]], 1, None),                      # a long one
    ([[5, 6, 7]], 4, 2),
]
COLUMNS = {                         # each mistake, and how many columns it gives: of lengths, max_len (None: longest)
    "": lambda lengths, most: min(max(lengths), most),
    "max_len is ignored: cut captions that are longer than max_len.": lambda lengths, most: max(lengths),
    "The matrix is padded to max_len: its longest caption says how wide it is, and max_len only cuts it.":
        lambda lengths, most: most,
    "A column is lost: the last token of a caption that fits (its END) must stay.":
        lambda lengths, most: min(max(lengths), most) - 1,
    "There is a column too many: the matrix is as wide as its longest caption.":
        lambda lengths, most: min(max(lengths), most) + 1,
    "Captions are cut to the shortest one: the longest decides how many columns there are.":
        lambda lengths, most: min(min(lengths), most),
    "The first caption decides how many columns there are: the longest should.":
        lambda lengths, most: min(lengths[0], most),
    "The last caption decides how many columns there are: the longest should.":
        lambda lengths, most: min(lengths[-1], most),
    "Captions are cut to max_len - 1 tokens: keep max_len of them.":
        lambda lengths, most: min(max(lengths), most - 1 if most < max(lengths) else most),
    "Captions are cut to max_len + 1 tokens: keep max_len of them.":
        lambda lengths, most: min(max(lengths), most + 1 if most < max(lengths) else most),
    "The matrix is as wide as the larger of max_len and the longest caption: take the smaller.":
        lambda lengths, most: max(max(lengths), most),
    "Long captions are always cut to 20 tokens: cut them to max_len, and not at all if it is None.":
        lambda lengths, most: min(max(lengths), most, 20),
}
LEFT = "The padding is on the left: the words come first and pad_idx fills up the right side."
KEPT_TAIL = "The beginning of a long caption is cut away: keep its first max_len tokens."
KEPT_END = "END takes the place of the last token of a caption that is cut: keep its first max_len tokens as they are."
LOST_START = "START is left out: the first token of a caption must stay."
LOST_LAST = "The last token of a caption that is cut becomes padding: keep max_len of its tokens."
LOST_END = "END is left out: the last token of a caption that fits must stay."
DIFFERS = "The matrix differs from the expected one."
TURNED = "The matrix is transposed: a row belongs to a caption, a column to a place in it."
ZERO = "The padding is 0: fill with pad_idx, which is not always 0."
LOST_ZEROS = ("Tokens with the index 0 become padding: 0 is an index like any other, often that of END. Fill the "
              "matrix with pad_idx first.")
ROWS = {
    "": lambda rows: rows,
    "Identical captions are there once only: the matrix has a row for each caption.":
        lambda rows: [row for i, row in enumerate(rows) if row not in rows[:i]],
    "A token that comes twice in a caption is there once: keep every token.":
        lambda rows: [list(dict.fromkeys(row)) for row in rows],
    "A token that follows itself is there once: keep every token.":
        lambda rows: [[token for token, _ in itertools.groupby(row)] for row in rows],
    "The tokens of each caption stand in reverse order: keep their order.": lambda rows: [row[::-1] for row in rows],
    "The captions are sorted by length: row i belongs to caption i.": lambda rows: sorted(rows, key=len, reverse=True),
    "The captions are sorted by length, short ones first: row i belongs to caption i.":
        lambda rows: sorted(rows, key=len),
    "The captions stand in reverse order: row i belongs to caption i.": lambda rows: rows[::-1],
}


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
    came, kept = [], []
    for captions, pad_idx, max_len in CASES:
        given = copy.deepcopy(captions)
        came.append(call(batch_captions_to_matrix, given, pad_idx, max_len=max_len))
        kept.append(copy.deepcopy(came[-1]))
        if given != captions:
            yield Problem("The captions themselves are changed: the next epoch would get them padded or cut. Work on "
                          "copies.", short(captions), short(given))
            return
    type_problems = list(_type_problems(came))
    yield from type_problems
    if type_problems and not all(isinstance(matrix, np.ndarray) and matrix.ndim == 2 for matrix in came):
        return
    if type_problems and came[0].dtype.kind not in "biuf":
        return
    if not all(map(np.array_equal, came, kept)):
        yield Problem("All calls return the same array, so a batch changes when the next one is made: make a new array "
                      "in each call.")
        return
    value_problems = list(_value_problems(came))
    if not (type_problems and any(problem.hint == DIFFERS for problem in value_problems)):
        yield from value_problems


def _type_problems(came):
    """Are they matrices of whole numbers, wide enough for any index?"""
    for matrix in came:
        if not isinstance(matrix, np.ndarray) or matrix.ndim != 2:
            yield Problem("The result should be a NumPy array with a row for each caption.",
                          "array([[1, 2, 3], [4, 5, -1]])", f"{type(matrix).__name__}: {short(matrix)}")
            return
    kind = next((matrix.dtype for matrix in came if not np.issubdtype(matrix.dtype, np.integer)), None)
    if kind is not None and (kind.kind in "US" or any(isinstance(token, str) for token in came[0].flat)):
        yield Problem("The matrix holds strings: fill with pad_idx, which is an index, and not with PAD.", "integers",
                      short(came[0].ravel()[-1]))
        return
    if kind is not None:
        yield Problem("The matrix should hold integers: make it with dtype=np.int32.", "integers", str(kind))
        return
    narrow = next((matrix.dtype for matrix in came if np.iinfo(matrix.dtype).max < LARGE), None)
    if narrow is not None:
        yield Problem(f"{narrow} is too narrow: large indices become others. Make the matrix with dtype=np.int32.",
                      f"an index like {LARGE:,} as it is", f"at most {np.iinfo(narrow).max:,}")


def _value_problems(came):
    """The mistakes that explain the matrices."""
    if _equal(came, _matrices()):
        return
    if any(matrix.shape[1] == 0 for matrix in came):
        yield Problem("The matrix has no columns. If max_len is None, captions are not cut at all.",
                      "3 columns for captions of 3 and 2 tokens", "0 columns")
        return
    fill = _fixed_fill(came)
    if fill is not None:
        expected = " and ".join(f"{pad_idx} where pad_idx={pad_idx}" for _, pad_idx, _ in (CASES[0], CASES[3]))
        yield Problem(f"The padding is {fill}, whatever pad_idx is: fill with the argument pad_idx, not with "
                      "vocab[PAD].", expected, str(fill))
        return
    hints = next((hints for hints, mistakes in _combinations() if _equal(came, _matrices(*mistakes))),
                 [TURNED if _equal([matrix.T for matrix in came], _matrices()) else DIFFERS])
    for hint in hints:
        # The case to show is one where this mistake alone would make a difference.
        alone = next((_matrices(*mistakes) for hints, mistakes in _combinations() if hints == [hint]), came)
        case = next(case for case, other in enumerate(alone) if not np.array_equal(other, _matrix(case)))
        yield Problem(hint, *_shown(case, came[case]))


def _shown(case, came):
    """(expected, came) of a case, as values or, where these are too many, as columns."""
    captions, pad_idx, max_len = CASES[case]
    right, given = _matrix(case), f"with pad_idx={pad_idx}, max_len={max_len}"
    if right.shape[1] > 20:
        lengths = " and ".join(str(len(caption)) for caption in captions)
        return f"{right.shape[1]} columns for captions of {lengths} tokens {given}", f"{came.shape[1]} columns"
    return f"{short(right.tolist())} for {short(captions)} {given}", short(came.tolist())


def _equal(came, matrices) -> bool:
    return all(map(np.array_equal, came, matrices))


def _fixed_fill(came):
    """The number that fills up all matrices whatever pad_idx is, if it is not 0; None if more than that is wrong."""
    fills = set()
    for case, matrix in enumerate(came):
        marked = _matrix(case, pad_idx=-7)
        if matrix.shape != marked.shape or not np.array_equal(matrix[marked != -7], marked[marked != -7]):
            return None
        fills |= set(matrix[marked == -7].tolist())
    return fills.pop() if len(fills) == 1 and fills != {0} else None


def _combinations():
    """[(hints, mistakes)] of each combination of up to three mistakes, the fewest first."""
    kept = "", KEPT_TAIL, KEPT_END, LOST_LAST, LOST_END, LOST_START
    grid = itertools.product(COLUMNS, ("", LEFT), kept, ("", ZERO, LOST_ZEROS), ROWS)
    rows = [([hint for hint in mistakes if hint], mistakes) for mistakes in grid]
    return sorted((row for row in rows if 0 < len(row[0]) < 4), key=lambda row: len(row[0]))


def _matrices(*mistakes):
    """The matrices of CASES with these mistakes."""
    return [_matrix(case, *mistakes) for case in range(len(CASES))]


def _matrix(case: int, columns="", left="", kept="", zeros="", order="", pad_idx=None):
    """The right matrix for one of CASES, or the one with the mistakes whose hints are given.

    Learners can read this file, so it serves these cases only. Each row is what a window shows of a caption with
    padding on both sides; mistakes move the window. pad_idx takes the place of the case's own.
    """
    captions, pad, max_len = CASES[case]
    pad = pad if pad_idx is None else pad_idx
    ordered = ROWS[order](captions)
    lengths = [len(caption) - (kept == LOST_START) for caption in ordered]
    width, rows = COLUMNS[columns](lengths, max_len or max(lengths)), []
    padding = [0 if zeros == ZERO else pad] * MOST_COLUMNS
    for caption in ordered:
        tokens = caption[kept == LOST_START:]
        length = len(tokens)
        tokens = [*tokens[:-1], padding[0]] if kept == LOST_END else tokens
        shift = min(length - width, 0) * bool(left) + max(length - width, 0) * (kept == KEPT_TAIL)
        window = [*padding, *tokens, *padding][MOST_COLUMNS + shift:][:width]
        if kept == KEPT_END:
            window[min(length, width) - 1 - shift] = caption[-1]
        if kept == LOST_LAST and length > width:
            window[-1] = padding[0]
        rows.append([pad if token == 0 and zeros == LOST_ZEROS else token for token in window])
    return np.array(rows)
