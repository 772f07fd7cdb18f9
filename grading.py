"""The six graded parts: each is checked where it is solved, says what to mend, and can be sent to the course's service.

    grader = Grader(dataset="drawn")
    grader.check_vocabulary(vocab, generate_vocabulary, train_captions)     # a Verdict, shown by the notebook
    ...
    grader.table()                                                          # all parts and points
    grader.submit()                                                         # e-mail and token are asked for

A check compares the solution with the right answer and with the usual wrong ones, so that it can name the mistake.
It never raises for a mistake of the learner's: an exception in the solution is part of the verdict.
"""

import html
import itertools
import json
import math
import random
import re
import reprlib
import sysconfig
import time
import traceback
import warnings
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

import numpy as np
import requests
from tqdm.auto import tqdm

import settings

PAD, UNK, START, END = SPECIAL_TOKENS = "#PAD#", "#UNK#", "#START#", "#END#"
MIN_COUNT = 5                       # a word seen so often is in the vocabulary
IMG_EMBED_SIZE, STATE_SIZE, WORD_EMBED_SIZE, BOTTLENECK = 2048, 300, 100, 120
BATCH, MAX_LEN = 32, 20             # of the batches that the service asks about
VAL_BATCHES = 1_000                 # batches whose mean loss the service asks for
VAL_SEED = 300                      # of both global generators, before the first of them

# A decoder that trained well enough: learners reached 2.60 nats on MSCOCO after 12 epochs. Elsewhere the yardstick is a
# decoder that knows how often each word occurs and nothing else; ours must leave at most this share of its loss.
COCO_VAL_LOSS = 2.8
SHARE_OF_WORD_ENTROPY = 0.75

SERVICE_URL = "https://www.coursera.org/api/onDemandProgrammingScriptSubmissions.v1"
ASSIGNMENT_KEY = "NEDBg6CgEee8nQ6uE8a7OA"
LONGEST_ANSWER = 16 * 1024          # bytes read of what the service says; it says a few hundred


# ------------------------------------------------------------------------------------------ what a learner sees

@dataclass(frozen=True)
class Part:
    """A graded part. key: its name at the service; points: ours, the service weighs the parts itself."""

    key: str
    title: str
    points: int
    passed: str                     # what is known of a solution that passed


PARTS = {part.key: part for part in (
    Part("19Wpv", "Vocabulary", 10,
         "The words seen 5 times or more and the four special tokens, numbered in sorted order."),
    Part("uJh73", "Captions as indices", 10,
         "START, the words, END; UNK for words that are not in the vocabulary; all of them Python ints."),
    Part("yiJkt", "Batches as matrices", 10,
         "As wide as the longest caption, cut at max_len, filled up on the right."),
    Part("rbpnH", "Decoder: tensors and shapes", 20,
         "Every tensor has its shape and depends on just those words and photos that it should."),
    Part("E2OIL", "Decoder: untrained loss", 20,
         "The mean cross-entropy of the words, padding left out; about ln V before training."),
    Part("YJR7z", "Validation loss", 30,
         "The decoder has learnt far more than how often each word occurs."),
)}
PASSED, FAILED, OPEN = "#2e9d58", "#d4553f", "#8a8f98"     # readable on white and on black
BOX = "padding:.4em 1em;margin:.4em 0;max-width:60em;line-height:1.5"
REPR = reprlib.Repr()
REPR.maxlist = REPR.maxtuple = REPR.maxdict = REPR.maxset = 40
REPR.maxstring = REPR.maxother = 160


@dataclass(frozen=True)
class Problem:
    """One thing to mend: a hint in plain words, and where there is one, what was expected and what came."""

    hint: str
    expected: str = ""
    came: str = ""


@dataclass(frozen=True, repr=False)
class Verdict:
    """What a check found. `answer` is what the service would get, or None if it could not be computed."""

    part: Part
    problems: tuple[Problem, ...] = ()
    answer: str | None = None
    note: str = ""

    @property
    def passed(self) -> bool:
        return not self.problems

    @property
    def points(self) -> int:
        return self.part.points if self.passed else 0

    def __str__(self):
        state = "passed" if self.passed else "not yet"
        lines = [f"{self.part.title} (part {self.part.key}): {state}, {self.points} of {self.part.points} points"]
        for problem in self.problems:
            lines.append(f"  - {problem.hint}")
            lines += [f"      {name}: {text}" for name, text in _expected_and_came(problem)]
        lines += [f"  {line}" for line in self._remarks()]
        return "\n".join(lines)

    __repr__ = __str__

    def _remarks(self):
        if self.passed:
            yield self.part.passed
        if self.note:
            yield self.note
        if self.answer is not None:
            yield f"Answer for the course: {_short(self.answer)}"

    def _repr_html_(self):
        mark, colour = ("&#10003;", PASSED) if self.passed else ("&#10007;", FAILED)
        problems = "".join(
            f'<div style="margin:.5em 0 0 1.5em">{html.escape(problem.hint)}'
            f"{_rows_html(_expected_and_came(problem))}</div>"
            for problem in self.problems
        )
        remarks = "".join(
            f'<div style="margin:.3em 0 0 1.5em;opacity:.75;overflow-wrap:anywhere">{html.escape(line)}</div>'
            for line in self._remarks()
        )
        return (
            f'<div style="border-left:4px solid {colour};{BOX}">'
            f'<div style="display:flex;gap:.6em;align-items:baseline"><b style="color:{colour}">{mark}</b>'
            f"<b>{html.escape(self.part.title)}</b>"
            f'<span style="opacity:.75">{"passed" if self.passed else "not yet"}</span>'
            f'<span style="margin-left:auto;white-space:nowrap">{self.points} of {self.part.points} points</span></div>'
            f"{problems}{remarks}</div>"
        )


def _expected_and_came(problem):
    return [(name, text) for name, text in (("expected", problem.expected), ("came", problem.came)) if text]


def _rows_html(rows):
    cells = "".join(
        '<div style="display:flex;gap:1em;overflow-wrap:anywhere">'
        f'<span style="opacity:.75;flex:0 0 5em;white-space:nowrap">{name}</span><code>{html.escape(text)}</code></div>'
        for name, text in rows
    )
    return f'<div style="margin:.2em 0 0 1em">{cells}</div>' if cells else ""


@dataclass(frozen=True, repr=False)
class Table:
    """All six parts with their points; `verdicts` holds those that were checked."""

    verdicts: dict[str, Verdict]

    @property
    def points(self) -> int:
        return sum(verdict.points for verdict in self.verdicts.values())

    def _rows(self):
        for key, part in PARTS.items():
            verdict = self.verdicts.get(key)
            state = "not checked" if verdict is None else "passed" if verdict.passed else "not yet"
            yield part, state, verdict.points if verdict else 0

    def __str__(self):
        lines = [f"{part.title:30}{part.key:8}{state:14}{points:3} of {part.points:3}"
                 for part, state, points in self._rows()]
        total = f"{'Total':30}{'':8}{'':14}{self.points:3} of {TOTAL:3}"
        return "\n".join([*lines, "-" * len(total), total])

    __repr__ = __str__

    def _repr_html_(self):
        colours = {"passed": PASSED, "not yet": FAILED, "not checked": OPEN}
        left, right = "text-align:left;padding:.3em 1em", "text-align:right;padding:.3em 1em"
        rows = "".join(
            f'<tr><td style="{left}">{html.escape(part.title)}</td><td style="{left}"><code>{part.key}</code></td>'
            f'<td style="{left};color:{colours[state]}">{state}</td>'
            f'<td style="{right}">{points} of {part.points}</td></tr>'
            for part, state, points in self._rows()
        )
        head = "".join(f'<th scope="col" style="{align}">{name}</th>' for name, align in
                       (("Part", left), ("Key", left), ("State", left), ("Points", right)))
        total = (f'<tr style="border-top:1px solid {OPEN}"><th scope="row" colspan="3" style="{left}">Total</th>'
                 f'<th style="{right}">{self.points} of {TOTAL}</th></tr>')
        return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}{total}</tbody></table>"


TOTAL = sum(part.points for part in PARTS.values())


@dataclass(frozen=True, repr=False)
class Receipt:
    """What became of a submission. sent: the service said that it took the answers."""

    sent: bool
    message: str

    def __str__(self):
        return f"{'Submitted' if self.sent else 'Not submitted'}. {self.message}"

    __repr__ = __str__

    def _repr_html_(self):
        colour = PASSED if self.sent else FAILED
        return (f'<div style="border-left:4px solid {colour};{BOX}">'
                f"<b>{'Submitted' if self.sent else 'Not submitted'}.</b> {html.escape(self.message)}</div>")


# --------------------------------------------------------------------------------------------------- the grader

class Grader:
    """Checks the six parts, keeps their answers, and sends them.

    dataset: one of settings.DATASETS; the course's service knows the answers for "coco2014" alone.
    url, timeout: the service, and how many seconds to wait for (a connection, an answer).
    """

    def __init__(self, dataset: str = "drawn", url: str = SERVICE_URL, timeout: tuple[float, float] = (10, 60)):
        if dataset not in settings.DATASETS:
            raise ValueError(f"dataset is {dataset!r}; expected one of {', '.join(settings.DATASETS)}.")
        self.dataset = dataset
        self.url = url
        self.timeout = timeout
        self.verdicts: dict[str, Verdict] = {}

    def check_vocabulary(self, vocab, generate_vocabulary, train_captions) -> Verdict:
        """vocab: {token: index} that generate_vocabulary made of train_captions, a list of captions for each photo."""
        return self._judge(
            "19Wpv",
            lambda: _vocabulary_problems(vocab, generate_vocabulary, train_captions),
            lambda: _vocabulary_answer(vocab),
        )

    def check_indexing(self, train_captions_indexed, vocab, caption_tokens_to_indices) -> Verdict:
        """train_captions_indexed: what caption_tokens_to_indices made of the training captions with vocab."""
        return self._judge(
            "uJh73",
            lambda: _indexing_problems(train_captions_indexed, vocab, caption_tokens_to_indices),
            lambda: _indexing_answer(train_captions_indexed, vocab),
        )

    def check_batching(self, batch_captions_to_matrix) -> Verdict:
        return self._judge(
            "yiJkt",
            lambda: _batching_problems(batch_captions_to_matrix),
            lambda: _batching_answer(batch_captions_to_matrix),
        )

    def check_decoder_shapes(self, decoder, vocab) -> Verdict:
        """decoder: a class that holds symbolic Keras tensors; see TENSORS for their names and shapes."""
        return self._judge("rbpnH", lambda: _decoder_problems(decoder, vocab), lambda: _shapes_answer(decoder, vocab))

    def check_untrained_loss(self, decoder, vocab) -> Verdict:
        """To be called before the decoder is trained or restored from a checkpoint."""
        return self._judge("E2OIL", lambda: _loss_problems(decoder, vocab), lambda: _loss_answer(decoder, vocab))

    def check_validation_loss(self, decoder, generate_batch, val_img_embeds, val_captions_indexed,
                              n_batches: int = VAL_BATCHES) -> Verdict:
        """Mean loss over n_batches that generate_batch draws from the global generators, seeded as the service does.

        val_img_embeds: (N, 2048); val_captions_indexed: N lists of captions. Fewer than 1,000 batches give a quick
        look, but no answer for the service. The global generators are left as they were found.
        """
        measured = {}

        def problems():
            yield from _batch_problems(generate_batch, val_img_embeds, val_captions_indexed)
            measured["loss"] = _mean_loss(decoder, generate_batch, val_img_embeds, val_captions_indexed, n_batches)
            yield from _trained_problems(measured["loss"], val_captions_indexed, self.dataset)

        def answer():
            return repr(measured["loss"]) if "loss" in measured and n_batches == VAL_BATCHES else None

        def note():
            if "loss" not in measured:
                return ""
            short = "" if n_batches == VAL_BATCHES else f"; the course asks for {VAL_BATCHES:,}, so this is not sent"
            return f"Mean loss of {n_batches:,} batches: {measured['loss']:.4f} nats a word{short}."

        return self._judge("YJR7z", problems, answer, note)

    def table(self) -> Table:
        return Table(dict(self.verdicts))

    def submit(self, email: str | None = None, token: str | None = None, *, anyway: bool = False) -> Receipt:
        """Sends the answers of all checked parts, right or wrong, and says what the service made of it.

        Without e-mail and token they are read from the environment or asked for; do not write them into a cell.
        They are used for this one call and kept nowhere. anyway: send answers for another dataset than MSCOCO too.
        Raises nothing: what fails is said in the Receipt, and the answers stay here for another try.
        """
        if not any(verdict.answer for verdict in self.verdicts.values()):
            return Receipt(False, "There are no answers yet: run the cells that check the parts first.")
        if self.dataset != "coco2014" and not anyway:
            return Receipt(False, (
                "The course's grader expects the answers for MSCOCO 2014, and these are for the dataset "
                f"{self.dataset!r}, so nothing was sent. Run the notebook with CAPTION_DATASET=coco2014 to submit; "
                "grader.submit(anyway=True) sends these all the same."
            ))
        if not (email and token):
            try:
                email, token = settings.grader_credentials(ask=True) or ("", "")
            except (EOFError, NotImplementedError):       # nobody there to ask: ipykernel's error is of the second kind
                email = token = ""
        if not (email and token):
            return Receipt(False, (
                "E-mail or token is missing. Copy the token from the assignment's page and run this cell again, or set "
                f"{' and '.join(settings.CREDENTIALS)} before Jupyter starts."
            ))
        answers = {key: {"output": verdict.answer} if (verdict := self.verdicts.get(key)) and verdict.answer else {}
                   for key in PARTS}
        receipt = _post(self.url, email.strip(), token.strip(), answers, self.timeout)
        return Receipt(receipt.sent, f"{receipt.message} {self._unfinished()}".strip())

    def _unfinished(self):
        left = [part.title for key, part in PARTS.items() if key not in self.verdicts or not self.verdicts[key].passed]
        return f"Not passed here yet: {', '.join(left)}." if left else ""

    def _judge(self, key, problems, answer, note=lambda: ""):
        """Runs the learner's code through `problems` and `answer`, and keeps the verdict in place of an earlier one."""
        found, text = [], None
        try:
            for problem in problems():          # one by one: those before an exception are kept
                found.append(problem)
        except Exception as error:
            found.append(_explain(error))
        try:
            text = answer()
        except Exception as error:
            if not found:
                found.append(_explain(error))
        self.verdicts[key] = Verdict(PARTS[key], tuple(found), text, note())
        return self.verdicts[key]


# -------------------------------------------------------------------------------------------- the learner's code

class _Stopped(Exception):
    """Carries a Problem after which the rest of a check makes no sense."""

    def __init__(self, problem: Problem):
        super().__init__(problem.hint)
        self.problem = problem


def _call(function, *arguments, **named):
    """function(*arguments, **named); an exception comes out as a _Stopped that shows the call."""
    name = getattr(function, "__name__", "your function")
    if not callable(function):
        raise _Stopped(Problem("This should be a function.", came=_short(function)))
    try:
        return function(*arguments, **named)
    except Exception as error:
        shown = ", ".join([*(_short(argument, 60) for argument in arguments),
                           *(f"{key}={_short(value, 60)}" for key, value in named.items())])
        raise _Stopped(_explain(error, f"{name}({shown})", name)) from None


def _explain(error, call="", exercise="") -> Problem:
    """An exception as a Problem: what Python said and where in the learner's code, without the traceback."""
    if isinstance(error, _Stopped):
        return error.problem
    if isinstance(error, NotImplementedError):
        return Problem(str(error).strip() or f"{exercise or 'This exercise'} is not solved yet.")
    line = _learners_line(error)
    return Problem(
        f"Your code stopped with {type(error).__name__}" + (f" in the line: {line}" if line else "."),
        expected=f"a result of {call}" if call else "",
        came=_short(f"{type(error).__name__}: {_first_line(error)}"),
    )


def _first_line(error):
    """What an exception says, in one line; of Keras's and TensorFlow's the one that says what happened."""
    text = re.sub(r"\x1b\[[0-9;]*m|\{\{.*?\}\}\s*", "", str(error))          # colours and names of graph nodes
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("Exception encountered")]
    return lines[0] if lines else ""


def _frames_outside_libraries(error):
    """The frames of an exception's traceback that are neither ours nor a library's, outermost first."""
    ours = (__file__, *(sysconfig.get_paths()[name] for name in ("stdlib", "purelib", "platlib")), "<frozen")
    return [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith(ours)]


def _learners_line(error):
    """Source of the line of the learner's in which an exception arose; empty if there is none."""
    frames = _frames_outside_libraries(error)
    return frames[-1].line or "" if frames else ""


def short_errors():
    """In a notebook: an exercise that is not solved yet stops its cell with one sentence instead of a traceback.

    Errors of other kinds, and a library's own NotImplementedError, are shown as ever. Outside a notebook: does nothing.
    """
    from IPython import get_ipython

    def show(shell, kind, error, trace, tb_offset=None):
        if _frames_outside_libraries(error)[-1:] == traceback.extract_tb(trace)[-1:]:
            error._render_traceback_ = lambda: [f"{error}"]         # IPython's hook for what to show of an exception
        shell.showtraceback((kind, error, trace), tb_offset=tb_offset)

    if get_ipython() is not None:
        get_ipython().set_custom_exc((NotImplementedError,), show)


def _short(value, limit=160):
    """A text as it is, else repr of the value, cut to `limit` characters. Large values are not looked through."""
    if isinstance(value, np.ndarray):
        value = value.tolist() if value.size <= REPR.maxlist else f"array of shape {value.shape}"
    text = value if isinstance(value, str) else REPR.repr(value)
    return text if len(text) <= limit else f"{text[:limit - 2]} …"


def _some(words, limit=6):
    """The first few of some words, as text."""
    words = sorted(words)
    return ", ".join(map(str, words[:limit])) + (f" and {len(words) - limit:,} more" if len(words) > limit else "")


def _reprs(numbers):
    """Numbers as the service wants them: Python's reprs with a space between, whatever NumPy calls its own."""
    return " ".join(repr(number.item() if isinstance(number, np.generic) else number) for number in numbers)


# --------------------------------------------------------------------------------------------------- vocabulary

# big and dog occur 6 times, ball 5, kite 4; big only in 3 captions.
PRACTICE_CAPTIONS = [
    ["A big, BIG dog.", "Dog and ball", "the ball; a kite"],
    ["Big big dog", "a ball and a kite", "A dog!"],
    ["big dog, big dog", "kite, ball, ball", "a KITE"],
]


def _count_words(captions_of_photos):
    """Counter of the words as split_sentence cuts them: lower case, letters and digits."""
    counts = Counter()
    for captions in captions_of_photos:
        for caption in captions:
            counts.update(word for word in re.split(r"\W+", caption.lower()) if word)
    return counts


def _vocabulary_answer(vocab):
    return _reprs([len(vocab), len(set(vocab.values())), int(all(token in vocab for token in SPECIAL_TOKENS))])


def _vocabulary_problems(vocab, generate_vocabulary, train_captions):
    practice = _call(generate_vocabulary, [list(captions) for captions in PRACTICE_CAPTIONS])
    problems = list(_vocabulary_mistakes(practice, _count_words(PRACTICE_CAPTIONS)))
    if not problems:
        problems = list(_vocabulary_mistakes(vocab, _count_words(train_captions)))
        if problems:
            yield Problem("generate_vocabulary is right, but vocab is not what it makes of train_captions: run the "
                          "cells that read the captions and make vocab again.")
    yield from problems


def _vocabulary_mistakes(vocab, counts):
    """Problems of a vocabulary, given how often each word was seen."""
    if not isinstance(vocab, dict):
        yield Problem("The vocabulary should be a dictionary from token to index.", "{'a': 4, …}", _short(vocab))
        return
    if not all(isinstance(token, str) for token in vocab):
        yield Problem("The vocabulary goes from token to index: its keys are the words.", "{'a': 4, …}", _short(vocab))
        return
    yield from _wrong_tokens(vocab, counts)
    yield from _wrong_indices(vocab)


def _wrong_tokens(vocab, counts):
    special = [token for token in SPECIAL_TOKENS if token not in vocab]
    if special:
        names = {PAD: "PAD", UNK: "UNK", START: "START", END: "END"}
        yield Problem(f"{', '.join(names[token] for token in special)} missing: the four special tokens belong in the "
                      "vocabulary too, beside the words.", ", ".join(SPECIAL_TOKENS), f"no {', '.join(special)}")
    missing = {word for word, count in counts.items() if count >= MIN_COUNT and word not in vocab}
    if missing:
        only_fives = {counts[word] for word in missing} == {MIN_COUNT}
        hint = ("Words seen exactly 5 times are missing: use >= 5, not > 5." if only_fives else
                "Frequent words are missing: count every occurrence in every caption of every photo, also the second "
                "in the same caption.")
        yield Problem(hint, "every word that was seen 5 times or more", f"no {_some(missing)}")
    rare = {word for word in vocab if 0 < counts[word] < MIN_COUNT}
    if rare:
        yield Problem(f"Rare words are in: {_some(f'{word} (seen {counts[word]} times)' for word in rare)}. "
                      "They are to become UNK.", "only words that were seen 5 times or more", _some(rare))
    foreign = {token for token in vocab if not counts[token] and token not in SPECIAL_TOKENS}
    if foreign:
        yield Problem("Tokens are in that split_sentence does not make: cut the captions with it (lower case, no "
                      "punctuation) before you count.", "words like dog", _some(map(_short, foreign)))


def _wrong_indices(vocab):
    indices = list(vocab.values())
    size = len(vocab)
    if len(set(indices)) < size:
        yield Problem("Some tokens share an index: each needs its own.", f"{size} distinct indices",
                      f"{len(set(indices))} distinct indices")
    elif set(indices) != set(range(size)):
        yield Problem("The indices should be the places in the list: from 0, without gaps.", f"0 to {size - 1}",
                      f"{_short(min(indices))} to {_short(max(indices))}")
    elif [vocab[token] for token in sorted(vocab)] != list(range(size)):
        yield Problem("The tokens should be sorted before they are numbered, special tokens and words together.",
                      _short({token: index for index, token in enumerate(sorted(vocab)[:6])}),
                      _short({token: vocab[token] for token in sorted(vocab)[:6]}))


# ----------------------------------------------------------------------------------------------------- indexing

UNKNOWN_WORD = "zyzzyvaish"         # in no caption
LONG_CAPTION_WORDS = 40             # more than any batch keeps


def _indexing_answer(captions_indexed, vocab):
    first, last, inner, unknown = set(), set(), set(), 0
    for captions in captions_indexed:
        for caption in captions:
            first.add(caption[0])
            last.add(caption[-1])
            inner.update(caption[1:-1])
            unknown += list(caption).count(vocab.get(UNK))
    every = first | last | inner
    return _reprs([len(first), len(last), len(inner), len(every), int(all(isinstance(i, int) for i in every)), unknown])


def _indexing_problems(captions_indexed, vocab, caption_tokens_to_indices):
    absent = [token for token in SPECIAL_TOKENS if token not in vocab]
    if absent:
        yield Problem(f"The vocabulary lacks {', '.join(absent)}: mend and check the vocabulary first.")
        return
    words = [token for token in vocab if token not in SPECIAL_TOKENS][:3] or [UNKNOWN_WORD]
    known = " ".join(words)
    practice = [
        [f"{known.upper()}.", f"{words[0]}, {UNKNOWN_WORD} {words[-1]}"],
        [known],
        [" ".join([words[0]] * LONG_CAPTION_WORDS)],
    ]
    try:
        came = _call(caption_tokens_to_indices, practice, vocab)
    except _Stopped as stopped:
        if UNKNOWN_WORD not in stopped.problem.came:
            raise
        yield Problem("UNK is not used: a word that is not in the vocabulary is an error. " + stopped.problem.hint,
                      "the index of UNK", stopped.problem.came)
        return
    problems = list(_indexing_mistakes(came, practice, vocab))
    if not problems:
        problems = list(_stale_indices(captions_indexed, vocab))
    yield from problems


def _index(caption, vocab):
    """The right indices of one caption."""
    words = [word for word in re.split(r"\W+", caption.lower()) if word]
    return [vocab[START], *(vocab.get(word, vocab[UNK]) for word in words), vocab[END]]


def _indexing_mistakes(came, practice, vocab):
    expected = [[_index(caption, vocab) for caption in captions] for captions in practice]
    try:
        came = [[list(caption) for caption in captions] for captions in came]
    except TypeError:
        came = None
    if came is None or [len(captions) for captions in came] != [len(captions) for captions in expected]:
        yield Problem("The result should be a list for each photo, in it a list for each caption, in it the indices.",
                      "[[[…], […]], [[…]], [[…]]]", _short(came))
        return
    pairs = [pair for photos in zip(came, expected, strict=True) for pair in zip(*photos, strict=True)]
    if any(isinstance(index, str) for caption, _ in pairs for index in caption):
        yield Problem("There are words among the indices: look each up in vocab.",
                      _short(expected[0][0]), _short(came[0][0]))
        return
    yield from _wrong_types(came, expected, vocab)
    wrong_ends = list(_wrong_ends(pairs, vocab))
    yield from wrong_ends
    yield from _wrong_words(pairs[1], vocab)
    long_came, long_expected = pairs[-1]
    if len(long_came) < LONG_CAPTION_WORDS:
        yield Problem(
            "Long captions are cut" + (" and their END is lost" if vocab[END] not in long_came else "")
            + ": index the whole caption; batch_captions_to_matrix cuts it to max_len later.",
            f"{len(long_expected)} indices for {LONG_CAPTION_WORDS} words", f"{len(long_came)} indices",
        )
    elif not wrong_ends and came != expected and not list(_wrong_words(pairs[1], vocab)):
        wrong = next((ours, theirs) for ours, theirs in pairs if ours != theirs)
        yield Problem("The words get other indices than they have in vocab: cut the caption with split_sentence, then "
                      "look each word up.", _short(wrong[1]), _short(wrong[0]))


def _wrong_types(came, expected, vocab):
    kinds = {type(index).__name__ for captions in came for caption in captions for index in caption
             if not isinstance(index, int) and index is not None}
    if kinds:
        from_vocab = any(isinstance(index, np.generic) for index in vocab.values())
        where = ("vocab holds them already, so number its tokens with enumerate" if from_vocab else
                 "int(index) or .tolist() turns them into ints")
        yield Problem(f"The indices are NumPy numbers, not Python ints; {where}.", "int", ", ".join(sorted(kinds)))


def _wrong_ends(pairs, vocab):
    """Problems of START and END. The last pair is the long caption, whose END may have been cut away."""
    start, end = vocab[START], vocab[END]
    short = pairs[:-1]
    example = {"expected": _short(pairs[0][1]), "came": _short(pairs[0][0])}
    if all(caption[:1] == [end] and caption[-1:] == [start] for caption, _ in short):
        yield Problem("START and END are swapped.", **example)
        return
    if not all(caption[:1] == [start] for caption, _ in short):
        yield Problem("START is missing: each caption begins with it.", **example)
    elif any(caption.count(start) > 1 for caption, _ in pairs):
        yield Problem("START is there twice: once, at the beginning, is enough.", **example)
    if not all(caption[-1:] == [end] for caption, _ in short):
        yield Problem("END is missing: each caption ends with it.", **example)
    elif any(caption.count(end) > 1 for caption, _ in pairs):
        yield Problem("END is there twice: once, at the end, is enough.", **example)


def _wrong_words(pair, vocab):
    """Problems of the caption whose second word is in no vocabulary."""
    came, expected = pair
    if vocab[UNK] in came:
        return
    inner = [index for index in came if index not in (vocab[START], vocab[END])]
    if inner == [index for index in expected[1:-1] if index != vocab[UNK]]:
        yield Problem("Words that are not in the vocabulary are dropped: put UNK in their place.",
                      _short(expected), _short(came))
    else:
        yield Problem("UNK is not used: it stands for each word that is not in the vocabulary.",
                      _short(expected), _short(came))


def _stale_indices(captions_indexed, vocab):
    """Problems of the real captions, where the function has turned out right."""
    every = set()
    ends = set()
    for captions in captions_indexed:
        for caption in captions:
            every.update(caption)
            ends.add((caption[0], caption[-1]))
    whole = ends == {(vocab[START], vocab[END])} and every <= set(vocab.values())
    if not whole or not all(isinstance(index, int) for index in every):
        yield Problem("caption_tokens_to_indices is right, but train_captions_indexed was not made by it with this "
                      "vocab: run the cell that indexes the captions again.")


# ----------------------------------------------------------------------------------------------------- batching

BATCHING_CASES = [                  # captions, pad_idx, max_len
    *(([[1, 2, 3], [4, 5]], -1, max_len) for max_len in (None, 2, 10)),                # the service's
    ([[7], [1, 2, 3, 4, 5, 6], [8, 9]], 11, 4),
    ([[3, 1], [2, 6]], 9, None),
]
COLUMNS = {                         # how many columns, of (longest, shortest, max_len or None), and what is wrong
    "": lambda longest, shortest, limit: min(longest, limit or longest),
    "max_len is ignored: a caption longer than max_len is to be cut.": lambda longest, shortest, limit: longest,
    "The matrix is padded to max_len: its longest caption says how wide it is, and max_len only cuts it.":
        lambda longest, shortest, limit: limit or longest,
    "A column is lost: the last token of a caption that fits (its END) must stay.":
        lambda longest, shortest, limit: min(longest, limit or longest) - 1,
    "There is a column too many: the matrix is as wide as its longest caption.":
        lambda longest, shortest, limit: min(longest, limit or longest) + 1,
    "Captions are cut to the shortest one: the longest decides how many columns there are.":
        lambda longest, shortest, limit: min(shortest, limit or shortest),
}
LEFT_PADDING = "The padding is on the left: the words come first and pad_idx fills up the right side."
KEPT_TAIL = "The beginning of a long caption is cut away: keep its first max_len tokens."
ZERO_PADDING = "The padding is 0: fill with pad_idx, which is not always 0."


def _matrix(captions, pad_idx, max_len, columns=COLUMNS[""], left=False, tail=False):
    """Captions in one matrix; with the defaults the right one, else one with the mistakes that are asked for."""
    lengths = list(map(len, captions))
    width = columns(max(lengths), min(lengths), max_len)
    rows = []
    for caption in captions:
        kept = caption[max(0, len(caption) - width):] if tail else caption[:width]
        padding = [pad_idx] * (width - len(kept))
        rows.append(padding + kept if left else kept + padding)
    return np.array(rows, dtype=np.int64).reshape(len(captions), width)


def _possible_matrices():
    """[(hints, matrices for BATCHING_CASES)] for each combination of mistakes, the fewest first; the first has none."""
    grid = itertools.product(COLUMNS.items(), ("", LEFT_PADDING), ("", KEPT_TAIL), ("", ZERO_PADDING))
    wrong = []
    for (hint, columns), left, tail, zero in grid:
        matrices = [_matrix(captions, 0 if zero else pad_idx, max_len, columns, bool(left), bool(tail))
                    for captions, pad_idx, max_len in BATCHING_CASES]
        wrong.append(([text for text in (hint, left, tail, zero) if text], matrices))
    return sorted(wrong, key=lambda row: len(row[0]))


def _batching_answer(batch_captions_to_matrix):
    matrices = [batch_captions_to_matrix([[1, 2, 3], [4, 5]], -1, max_len=max_len) for max_len in (None, 2, 10)]
    return _reprs(number for matrix in matrices for number in matrix.ravel().tolist())


def _batching_problems(batch_captions_to_matrix):
    came = []
    for captions, pad_idx, max_len in BATCHING_CASES:
        given = [list(caption) for caption in captions]
        came.append(_call(batch_captions_to_matrix, given, pad_idx, max_len=max_len))
        if given != captions:
            yield Problem("The captions themselves are changed: the next epoch would get them padded or cut. Work on "
                          "copies.", _short(captions), _short(given))
            return
    if not all(isinstance(matrix, np.ndarray) and matrix.ndim == 2 for matrix in came):
        shown = next(matrix for matrix in came if not (isinstance(matrix, np.ndarray) and matrix.ndim == 2))
        yield Problem("The result should be a NumPy array with a row for each caption.",
                      "array([[1, 2, 3], [4, 5, -1]])",
                      f"{type(shown).__name__}: {_short(shown)}")
        return
    if not all(np.issubdtype(matrix.dtype, np.integer) for matrix in came):
        yield Problem("The matrix holds no whole numbers: make it with dtype=np.int32.", "int32", str(came[0].dtype))
    possible = _possible_matrices()
    hints = next((hints for hints, matrices in possible if all(map(np.array_equal, came, matrices))),
                 ["The matrix differs from the expected one."])
    for hint in hints:
        # The case to show is one where this mistake alone would make a difference.
        alone = next((matrices for hints, matrices in possible if hints == [hint]), came)
        case, matrix = next((case, matrix) for case, matrix, other in zip(BATCHING_CASES, came, alone, strict=True)
                            if not np.array_equal(other, _matrix(*case)))
        yield Problem(hint, f"{_matrix(*case).tolist()} for {case[0]} with pad_idx={case[1]}, max_len={case[2]}",
                      _short(matrix))


# ------------------------------------------------------------------------------------------------------ decoder

# Shapes for a batch of B captions of T tokens and V words in the vocabulary.
TENSORS = {
    "h0": lambda b, t, v: (b, STATE_SIZE),
    "word_embeds": lambda b, t, v: (b, t - 1, WORD_EMBED_SIZE),
    "flat_hidden_states": lambda b, t, v: (b * (t - 1), STATE_SIZE),
    "flat_token_logits": lambda b, t, v: (b * (t - 1), v),
    "flat_ground_truth": lambda b, t, v: (b * (t - 1),),
    "flat_loss_mask": lambda b, t, v: (b * (t - 1),),
    "loss": lambda b, t, v: (),
}
PROBE_LEN = 7                       # tokens of a probing caption
DIFFERENT = 1e-6                    # two results further apart than this are not rounding


@dataclass(frozen=True)
class _Probe:
    """One batch that shows what each tensor depends on.

    Row 0 is a caption; row 1 + c differs from it in column c alone; the last row differs in its photo alone.
    values, errors: what came of each tensor.
    """

    images: np.ndarray              # (B, 2048) float32
    sentences: np.ndarray           # (B, T) int32
    values: dict[str, np.ndarray]
    errors: dict[str, Exception]

    def _rows(self, name, positions=1):
        return self.values[name].astype("float64").reshape(len(self.images), positions, -1)

    def photo_matters(self, name) -> bool:
        rows = self._rows(name)
        return bool((np.abs(rows[0] - rows[-1]) > DIFFERENT).any())

    def words_that_matter(self, name, positions):
        """(T, positions) bool: does the tensor at a position change with the token in a column?"""
        rows = self._rows(name, positions)
        return (np.abs(rows[1:-1] - rows[:1]) > DIFFERENT).any(-1)


def _probe(decoder, vocab):
    rng = np.random.default_rng(VAL_SEED)
    words = rng.choice(_words(vocab), 2 * PROBE_LEN, replace=len(_words(vocab)) < 2 * PROBE_LEN)
    sentences = np.tile(words[:PROBE_LEN], (PROBE_LEN + 2, 1))
    for column in range(PROBE_LEN):
        sentences[1 + column, column] = words[PROBE_LEN + column]
    images = np.tile(rng.random((1, IMG_EMBED_SIZE), dtype=np.float32), (len(sentences), 1))
    images[-1] = rng.random(IMG_EMBED_SIZE, dtype=np.float32)
    names = [*TENSORS, "c0"] if getattr(decoder, "c0", None) is not None else [*TENSORS]
    try:
        return _Probe(images, sentences, _evaluate(decoder, images, sentences, names), {})
    except Exception:
        values, errors = {}, {}
        for name in names:
            try:
                values |= _evaluate(decoder, images, sentences, [name])
            except Exception as error:
                errors[name] = error if isinstance(error, _Stopped) else _Stopped(Problem(
                    f"decoder.{name} fails for {len(sentences)} captions of {PROBE_LEN} tokens. Is the size of a batch "
                    "or of a caption written in it as a number? ops.reshape takes -1 for what changes.",
                    came=_short(f"{type(error).__name__}: {_first_line(error)}")))
        return _Probe(images, sentences, values, errors)


def _tensor(decoder, name):
    import keras

    tensor = getattr(decoder, name, None)
    if isinstance(tensor, keras.KerasTensor):
        return tensor
    if tensor is None:
        raise _Stopped(Problem(f"decoder.{name} is missing.", f"a tensor decoder.{name}"))
    hints = {
        "flat_loss_mask": "The mask has the wrong type: it should be a tensor with a truth value for each word, which "
                          "ops.not_equal(decoder.flat_ground_truth, pad_idx) makes.",
        "c0": "decoder.c0 does not come from the image: use the same state as for decoder.h0.",
    }
    hint = hints.get(name, f"decoder.{name} should be a tensor that comes from the decoder's inputs.")
    raise _Stopped(Problem(hint, "a Keras tensor", f"{type(tensor).__name__}: {_short(tensor)}"))


def _model(decoder, names):
    """Keras model from the decoder's two inputs to a dictionary of its tensors."""
    import keras

    inputs = [_tensor(decoder, "img_embeds"), _tensor(decoder, "sentences")]
    outputs = {name: _tensor(decoder, name) for name in names}
    try:
        return keras.Model(inputs, outputs)
    except ValueError:
        cut_off = ", ".join(f"decoder.{name}" for name in names)
        raise _Stopped(Problem(f"{cut_off} can't be computed from decoder.img_embeds and decoder.sentences. Is there "
                               "another keras.Input in it, perhaps from an earlier run of the cell?")) from None


def _evaluate(decoder, images, sentences, names=tuple(TENSORS)):
    """{name: NumPy array} of the decoder's tensors for a batch, without dropout. Raises what Keras raises."""
    from keras import ops

    values = _model(decoder, names)([images, sentences], training=False)
    return {name: np.asarray(ops.convert_to_numpy(value)) for name, value in values.items()}


def _random_batch(vocab):
    """Made-up photos and captions as the service makes them: (32, 2048) float32 in [0, 1), (32, 20) int32 in 0..V-1."""
    rng = np.random.default_rng(VAL_SEED)
    images = rng.random((BATCH, IMG_EMBED_SIZE), dtype=np.float32)
    return images, rng.integers(0, len(vocab), (BATCH, MAX_LEN)).astype(np.int32)


def _words(vocab):
    """(V - 4,) int32: the indices that are not special tokens."""
    return np.array([index for token, index in vocab.items() if token not in SPECIAL_TOKENS], dtype=np.int32)


def _shapes_answer(decoder, vocab):
    values = _evaluate(decoder, *_random_batch(vocab))
    return _reprs(size for name in TENSORS for size in values[name].shape)


def _decoder_problems(decoder, vocab):
    """Looks at the tensors in the order of the data, and stops at the first that is wrong: the rest hangs on it."""
    probe = _probe(decoder, vocab)
    checks = {
        "h0": lambda: _state_problems("h0", probe),
        "c0": lambda: _state_problems("c0", probe),
        "word_embeds": lambda: _input_word_problems(probe),
        "flat_ground_truth": lambda: _truth_problems(probe),
        "flat_hidden_states": lambda: _hidden_problems(decoder, probe),
        "flat_token_logits": lambda: _logit_problems(probe.values["flat_token_logits"]),
        "flat_loss_mask": lambda: _mask_problems(decoder, vocab),
        "loss": lambda: (),
    }
    for name, check in checks.items():
        if name in probe.errors:
            raise probe.errors[name]
        problems = [*check(), *_shape_problems(name, probe, len(vocab))] if name in probe.values else []
        if problems:
            yield problems[0]
            return
    yield from _bottleneck_problems(decoder, vocab)


def _shape_problems(name, probe, vocab_size):
    came = probe.values[name].shape
    batch, length = probe.sentences.shape
    expected = TENSORS["h0" if name == "c0" else name](batch, length, vocab_size)
    if came != expected:
        yield Problem(f"decoder.{name} has the wrong shape for {batch} captions of {length} tokens and a vocabulary of "
                      f"{vocab_size}.", str(expected), str(came))


def _state_problems(name, probe):
    if not probe.photo_matters(name):
        yield Problem(f"decoder.{name} does not come from the image: two photos give the same {name}. Send "
                      "decoder.img_embeds through its bottleneck, then to the state.",
                      "two different states", "the same state twice")


def _input_word_problems(probe):
    """Which words does the LSTM read? Position p should show the token in column p, and the last token be left out."""
    if probe.values["word_embeds"].ndim != 3:
        return                  # the shape says it better
    positions = probe.values["word_embeds"].shape[1]
    matters = probe.words_that_matter("word_embeds", positions)
    steps_ahead = next((by for by in (0, -1, 1) if matters.any()
                        and np.array_equal(matters, np.eye(PROBE_LEN, positions, by, dtype=bool))), None)
    if steps_ahead == 0 and positions == PROBE_LEN:
        yield Problem("The last word is fed as input too, but nothing is to be predicted after it: feed "
                      "sentences[:, :-1].", f"{PROBE_LEN - 1} words for {PROBE_LEN} tokens", f"{positions} words")
    elif steps_ahead == -1:
        yield Problem("The inputs are shifted the wrong way, so the decoder reads the very word that it has to "
                      "predict: feed sentences[:, :-1].", "token 0 at position 0", "token 1 at position 0")
    elif steps_ahead == 1:
        yield Problem("START is fed twice: the sentences begin with it already, so feed sentences[:, :-1] as they are.",
                      "token 1 at position 1", "token 0 at position 1")
    elif not matters.any():
        yield Problem("decoder.word_embeds does not depend on decoder.sentences.")
    elif steps_ahead is None:
        yield Problem("decoder.word_embeds should hold at each position the embedding of the token there, of "
                      "sentences[:, :-1].")


def _truth_problems(probe):
    came, sentences = probe.values["flat_ground_truth"], probe.sentences
    right = sentences[:, 1:].ravel()
    mistakes = {
        "The ground truth is not shifted: having read token p, the decoder should say token p + 1. Use "
        "sentences[:, 1:].": sentences[:, :-1].ravel(),
        "The first token is in the ground truth too, but START is never predicted. Use sentences[:, 1:].":
            sentences.ravel(),
        "The ground truth is flattened column by column, the hidden states row by row.": sentences[:, 1:].T.ravel(),
        "The ground truth is not flattened.": sentences[:, 1:],
    }
    if not np.array_equal(came, right):
        hint = next((hint for hint, value in mistakes.items() if np.array_equal(came, value)),
                    "decoder.flat_ground_truth should be sentences[:, 1:] in one row.")
        yield Problem(hint, _short(right[:12]), _short(came.ravel()[:12]))


def _hidden_problems(decoder, probe):
    shape = probe.values["flat_hidden_states"].shape
    if shape == (len(probe.images), STATE_SIZE):
        yield Problem("Only the last hidden state is there: the LSTM needs return_sequences=True.",
                      "a state for each word", "a state for each caption")
    if shape != (len(probe.images) * (PROBE_LEN - 1), STATE_SIZE):
        return                  # the shape says it better
    matters = probe.words_that_matter("flat_hidden_states", PROBE_LEN - 1)
    if not matters.any():
        yield Problem("decoder.flat_hidden_states does not depend on the words: give decoder.word_embeds to the LSTM.")
    elif not np.array_equal(matters, np.triu(np.ones_like(matters))):
        yield Problem("decoder.flat_hidden_states mixes captions up or sees later words. Each state should know the "
                      f"words up to its own place only; flatten with ops.reshape(hidden_states, (-1, {STATE_SIZE})).")
    elif not probe.photo_matters("flat_hidden_states"):
        yield Problem("The LSTM does not see the image: h0 and c0 are not its first state. Give it "
                      "initial_state=[h0, c0].")
    else:
        yield from _first_state_problems(decoder, probe)


def _first_state_problems(decoder, probe):
    """Does the first hidden state follow from both h0 and c0? Asked of the decoder's own LSTM cell."""
    import keras

    lstms = [layer for layer in _model(decoder, ["flat_hidden_states"]).layers if isinstance(layer, keras.layers.LSTM)]
    if len(lstms) != 1:
        return                  # built in another style
    h0 = probe.values["h0"]
    c0 = probe.values.get("c0", h0)
    zeros = np.zeros_like(h0)
    came = probe.values["flat_hidden_states"].reshape(len(h0), -1, STATE_SIZE)[:, 0]
    for name, state in {"": [h0, c0], "c0": [h0, zeros], "h0": [zeros, c0]}.items():
        if np.allclose(came, lstms[0].cell(probe.values["word_embeds"][:, 0], state)[0], atol=1e-5):
            if name:
                yield Problem(f"{name} of the LSTM does not come from the image: give it initial_state=[h0, c0].",
                              f"{name} = decoder.{name}", f"{name} = 0")
            return


def _logit_problems(logits):
    if _are_probabilities(logits):
        yield Problem("softmax is applied before the loss: decoder.flat_token_logits are probabilities already. Leave "
                      "the last layer without an activation; the loss takes logits.",
                      "any real numbers", "rows that sum to 1")


def _are_probabilities(logits):
    return bool(logits.ndim == 2 and logits.min() >= 0 and np.allclose(logits.sum(-1), 1, atol=1e-3))


def _padded_batch(vocab):
    """As _random_batch, but with captions of 3 to 20 tokens: START, words, END, then PAD."""
    images, sentences = _random_batch(vocab)
    rng = np.random.default_rng(VAL_SEED)
    sentences[:] = rng.choice(_words(vocab), sentences.shape)
    sentences[:, 0] = vocab[START]
    for row, length in enumerate(rng.integers(3, MAX_LEN + 1, BATCH)):
        sentences[row, length - 1] = vocab[END]
        sentences[row, length:] = vocab[PAD]
    return images, sentences


def _mask_problems(decoder, vocab):
    images, sentences = _padded_batch(vocab)
    came = _evaluate(decoder, images, sentences, ["flat_loss_mask"])["flat_loss_mask"]
    is_word = sentences[:, 1:].ravel() != vocab[PAD]
    mistakes = {
        "The mask is inverted: it should be True for words and False for PAD.": ~is_word,
        "The mask leaves nothing out: it should be False where the ground truth is PAD.": np.ones_like(is_word),
        "The mask belongs to the input words: make it from decoder.flat_ground_truth, which is one word ahead.":
            sentences[:, :-1].ravel() != vocab[PAD],
    }
    if came.shape != is_word.shape:
        return                  # the shape says it better
    if came.dtype.kind not in "biuf" or not np.isin(came, (0, 1)).all():
        yield Problem("The mask has the wrong type: it should hold True for a word and False for PAD (or 1 and 0), as "
                      "ops.not_equal(decoder.flat_ground_truth, pad_idx) does.", "True and False",
                      f"{came.dtype}: {_short(came[:12])}")
    elif not np.array_equal(came, is_word):
        hint = next((hint for hint, value in mistakes.items() if np.array_equal(came, value)),
                    f"The mask should be False where the ground truth is vocab[PAD] = {vocab[PAD]}, True elsewhere.")
        yield Problem(hint, f"{is_word.sum()} of {is_word.size} words count",
                      f"{int(came.sum())} of {came.size} words count")


def _bottleneck_problems(decoder, vocab):
    """Sizes that no shape of the seven tensors shows: the layers between."""
    shapes = {tuple(weight.shape[-2:]) for weight in _model(decoder, ["flat_token_logits"]).weights}
    for name, size_in, size_out in (("image", IMG_EMBED_SIZE, STATE_SIZE), ("logits", STATE_SIZE, len(vocab))):
        if not shapes.issuperset({(size_in, BOTTLENECK), (BOTTLENECK, size_out)}):
            yield Problem(f"The bottleneck of the {name} is missing or has another size.",
                          f"{size_in} to {BOTTLENECK} to {size_out} values",
                          f"weights of shapes {_some((shape for shape in shapes if len(shape) == 2), 12)}")


# ------------------------------------------------------------------------------------------------ untrained loss

def _loss_answer(decoder, vocab):
    loss = _evaluate(decoder, *_random_batch(vocab), ["loss"])["loss"]
    return str(loss[()])        # str gives the digits that float32 has, 9.077761; NumPy 2's repr adds its type's name


def _loss_problems(decoder, vocab):
    images, sentences = _padded_batch(vocab)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        values = _evaluate(decoder, images, sentences, ("flat_token_logits", "loss"))
    logits, loss = values["flat_token_logits"].astype("float64"), values["loss"]
    words, is_word = sentences[:, 1:], sentences[:, 1:] != vocab[PAD]
    if loss.shape != ():
        yield Problem("The loss should be one number for the whole batch: the mean over its words.", "()",
                      str(loss.shape))
    elif logits.shape != (words.size, len(vocab)):
        yield Problem("The logits have the wrong shape: check and mend the decoder's shapes first.",
                      str((words.size, len(vocab))), str(logits.shape))
    elif _are_probabilities(logits):
        yield from _logit_problems(logits)
    elif any("from_logits=True" in str(warning.message) for warning in caught):
        # Keras takes such a softmax away again, so the value does not show it; other code would not.
        yield Problem("softmax is applied before the loss, which applies it again (from_logits=True): give the loss "
                      "the logits.", "logits", "probabilities")
    else:
        losses = _possible_losses(logits, words, is_word)
        hints = next((hints for hints, value in losses if math.isclose(value, loss, rel_tol=2e-6)),
                     ["The loss differs from the mean cross-entropy of the words, padding left out."])
        yield from (Problem(hint, f"{losses[0][1]:.6f}", f"{loss:.6f}") for hint in hints)
        if not hints:
            yield from _already_trained(decoder, vocab)


def _already_trained(decoder, vocab):
    """An untrained decoder finds all words about equally likely, so its loss is about ln V."""
    loss = float(_evaluate(decoder, *_random_batch(vocab), ["loss"])["loss"])
    guess = math.log(len(vocab))
    if not abs(loss - guess) < 0.3 + 0.05 * guess:
        yield Problem("An untrained decoder should find all words about equally likely. If this one was trained "
                      "already, run its cell again before this check; training goes on from its checkpoint.",
                      f"about ln {len(vocab):,} = {guess:.2f}", f"{loss:.2f}")


def _cross_entropy(logits, words):
    """(N,) nats, from logits (N, V) and word indices (N,): -log softmax(logits)[word]."""
    top = logits.max(-1, keepdims=True)
    log_sum = top[:, 0] + np.log(np.exp(logits - top).sum(-1))
    return log_sum - logits[np.arange(len(words)), words]


def _possible_losses(logits, words, is_word):
    """[(hints, loss)] for each combination of mistakes, the fewest first; the first has none.

    logits: (B·(T-1), V) float64; words, is_word: (B, T-1).
    """
    exponents = np.exp(logits - logits.max(-1, keepdims=True))
    readings = {
        "": logits,
        "softmax is applied before the loss, which applies it again: give the loss the logits.":
            exponents / exponents.sum(-1, keepdims=True),
        "The loss takes the logits for probabilities: pass from_logits=True.":
            np.log(np.clip(logits, 1e-7, 1 - 1e-7)),            # Keras's reading of probabilities
    }
    reductions = {
        "": lambda each: each[is_word].mean(),
        "The mean is taken over padding too: leave PAD out with the mask.": lambda each: each.mean(),
        "The mean is taken over padding too: divide by the number of words, which is the sum of the mask.":
            lambda each: each[is_word].sum() / each.size,
        "The mask is inverted: the loss counts PAD and leaves the words out.": lambda each: each[~is_word].mean(),
        "The losses are added up: take their mean.": lambda each: each[is_word].sum(),
        "The losses are added up, padding too: take the mean over the words.": lambda each: each.sum(),
        "The sum is divided by the number of captions: divide it by the number of words.":
            lambda each: each[is_word].sum() / len(each),
        "The mean is taken for each caption first, so words of short captions weigh more: take it over all at once.":
            lambda each: np.mean([row[kept].mean() for row, kept in zip(each, is_word, strict=True)]),
    }
    losses = []
    for reading, values in readings.items():
        each = _cross_entropy(values, words.ravel()).reshape(words.shape)
        losses += [([hint for hint in (reading, reduction) if hint], float(reduce(each)))
                   for reduction, reduce in reductions.items()]
    return sorted(losses, key=lambda row: len(row[0]))


# ----------------------------------------------------------------------------------------------- validation loss

@contextmanager
def _seeded_globals():
    """The two global generators seeded as the service does, and put back afterwards."""
    states = random.getstate(), np.random.get_state()
    random.seed(VAL_SEED)
    np.random.seed(VAL_SEED)
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])


def _draw(generate_batch, images, captions):
    """(images, sentences) of one batch; raises _Stopped if it is no batch."""
    batch = _call(generate_batch, images, captions, BATCH, MAX_LEN)
    try:
        embeds, sentences = np.asarray(batch["img_embeds"]), np.asarray(batch["sentences"])
    except (KeyError, TypeError, IndexError, ValueError):
        raise _Stopped(Problem("generate_batch should return a dictionary with the batch's two arrays.",
                               '{"img_embeds": …, "sentences": …}',
                               _short(list(batch) if isinstance(batch, dict) else batch))) from None
    rows = min(BATCH, len(images))
    if embeds.shape != (rows, IMG_EMBED_SIZE) or sentences.ndim != 2 or len(sentences) != rows:
        raise _Stopped(Problem("The arrays of generate_batch have other shapes than expected.",
                               f"img_embeds ({rows}, {IMG_EMBED_SIZE}), sentences ({rows}, at most {MAX_LEN})",
                               f"img_embeds {embeds.shape}, sentences {sentences.shape}"))
    if sentences.shape[1] > MAX_LEN:
        raise _Stopped(Problem("generate_batch ignores max_len: pass it on to batch_captions_to_matrix.",
                               f"at most {MAX_LEN} columns", f"{sentences.shape[1]} columns"))
    return embeds, sentences


def _batch_problems(generate_batch, images, captions):
    """Problems of the first two batches; raises _Stopped if the loss can't be measured with them."""
    with _seeded_globals():
        embeds, sentences = _draw(generate_batch, images, captions)
        again = _draw(generate_batch, images, captions)
    if np.array_equal(embeds, again[0]) and np.array_equal(sentences, again[1]) and len(images) > 1:
        yield Problem("Two batches in a row are the same: draw anew each time, and seed no generator in "
                      "generate_batch.")
    first_values = np.asarray(images[:, 0], dtype=embeds.dtype)
    strangers = 0
    for embed, sentence in zip(embeds, sentences, strict=True):
        photos = [row for row in np.flatnonzero(first_values == embed[0])
                  if np.array_equal(np.asarray(images[row], dtype=embeds.dtype), embed)]
        own = [list(caption[:len(sentence)]) for row in photos for caption in captions[row]]
        strangers += bool(photos) and not any(sentence[:len(caption)].tolist() == caption for caption in own)
    if strangers:
        yield Problem("Captions and photos do not belong together: draw the photos' numbers once, and take both the "
                      "embeddings and the captions with them.", "each caption beside its own photo",
                      f"{strangers} of {len(embeds)} captions beside another photo")


def _mean_loss(decoder, generate_batch, images, captions, n_batches):
    """Mean of the batches' losses, float64 nats. One graph serves all lengths, so that nothing is traced again."""
    import tensorflow as tf

    model = _model(decoder, ["loss"])
    batch_of_any_size = [tf.TensorSpec([None, IMG_EMBED_SIZE], tf.float32), tf.TensorSpec([None, None], tf.int32)]

    @tf.function(input_signature=batch_of_any_size)
    def loss(embeds, sentences):
        return model([embeds, sentences], training=False)["loss"]

    total = 0.0
    with _seeded_globals():
        for _ in tqdm(range(n_batches), desc="validation", unit="batch", leave=False):
            embeds, sentences = _draw(generate_batch, images, captions)
            total += float(loss(embeds.astype(np.float32, copy=False), sentences.astype(np.int32, copy=False)))
    return total / n_batches


def _trained_problems(loss, captions, dataset):
    if dataset == "coco2014":
        limit, yardstick = COCO_VAL_LOSS, "well-trained decoders of this size reach 2.5 to 2.6"
    else:
        entropy = _word_entropy(captions)
        limit = SHARE_OF_WORD_ENTROPY * entropy
        yardstick = f"a decoder that only knows how often each word occurs would reach {entropy:.2f}"
    if not math.isfinite(loss):
        yield Problem("The loss is not a number: the training diverged. Lower the learning rate and train again.",
                      f"below {limit:.2f}", repr(loss))
    elif loss >= limit:
        yield Problem("The decoder has not learnt enough yet: train it longer, or restore its best checkpoint "
                      f"({yardstick}).", f"below {limit:.2f}", f"{loss:.2f}")


def _word_entropy(captions_of_photos):
    """Entropy in nats of the tokens to be predicted: all but the first, captions cut at MAX_LEN."""
    counts = Counter()
    for captions in captions_of_photos:
        for caption in captions:
            counts.update(caption[1:MAX_LEN])
    share = np.array(list(counts.values())) / sum(counts.values())
    return float(-(share * np.log(share)).sum())


# --------------------------------------------------------------------------------------------------- submission

KEPT = "Your answers are kept: run this cell again."
NEW_TOKEN = f"Tokens live for 30 minutes: make a new one on the assignment's page, check the e-mail. {KEPT}"


def _post(url, email, token, answers, timeout) -> Receipt:
    """One POST to the service. A failure becomes a sentence: an exception would carry the request with its token."""
    host = urlsplit(url).hostname or url
    submission = {"assignmentKey": ASSIGNMENT_KEY, "submitterEmail": email, "secret": token, "parts": answers}
    taken = False
    try:
        # A redirect is not followed: it would take the token to another host.
        with requests.post(url, json=submission, timeout=timeout, allow_redirects=False, stream=True) as response:
            taken = response.status_code == 201
            message = _understood(response.status_code, b"" if taken else _read(response, timeout[1]), host)
    except KeyboardInterrupt:
        message = f"Stopped while waiting for {host}. Look at the assignment's page whether the answers came in."
    except (requests.exceptions.RequestException, UnicodeError, OSError) as error:
        message = _failed(error, host, timeout)
    for secret in (email, token):
        message = message.replace(secret, "…")          # the service may repeat what it was sent
    return Receipt(taken, message)


def _read(response, seconds):
    """At most LONGEST_ANSWER bytes of an answer, and no longer than `seconds` of a trickle."""
    body, until = bytearray(), time.monotonic() + seconds
    for byte in response.iter_content(1):               # larger pieces would be waited for
        body += byte
        if len(body) >= LONGEST_ANSWER or time.monotonic() > until:
            break
    return bytes(body)


def _failed(error, host, timeout):
    """What an exception of requests means, as a sentence that says what to do."""
    problems = requests.exceptions
    sentences = (                                       # the first that fits counts; the later ones are wider
        (problems.ConnectTimeout, f"No connection to {host} within {timeout[0]:g} s: check the network or try later."),
        (problems.ReadTimeout, f"{host} did not answer within {timeout[1]:g} s. It may have taken the answers all the "
                               "same: look at the assignment's page first."),
        (problems.SSLError, f"No secure connection to {host}: something on the way reads along, or this computer's "
                            "clock is wrong. Try another network."),
        (problems.ProxyError, "The proxy of this network refused the connection: check its settings."),
        (problems.ConnectionError, f"No connection to {host}: check that this computer is online."),
        (Exception, f"The submission failed ({type(error).__name__})."),
    )
    return f"{next(sentence for kind, sentence in sentences if isinstance(error, kind))} {KEPT}"


def _understood(status, body, host):
    """What an answer of the service means, as a sentence that says what to do."""
    if status == 201:
        return "The service took the answers; the result is on the assignment's page."
    learner_message = _learner_message(body)
    if learner_message:
        return f"The service says: {learner_message} (HTTP {status}). {NEW_TOKEN}"
    if status in (407, 511) or 300 <= status < 400 or (status < 500 and b"<html" in body[:2048].lower()):
        return (f"Instead of {host} something else answered (HTTP {status}), perhaps this network's sign-in page or a "
                f"proxy. Open any page in the browser and sign in there, or use another network. {KEPT}")
    if status == 429:
        return f"Too many submissions in a short time (HTTP 429): wait a few minutes. {KEPT}"
    if status >= 500:
        return f"The service is out of order (HTTP {status}): wait a few minutes. {KEPT}"
    if status >= 400:
        return f"The service refused the submission without a reason (HTTP {status}). {NEW_TOKEN}"
    return f"The service answered HTTP {status} instead of 201, so it did not take the answers. {KEPT}"


def _learner_message(body):
    """details.learnerMessage of the service's JSON, as one line of at most 300 characters; else empty."""
    try:
        message = json.loads(body)["details"]["learnerMessage"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""
    return " ".join(message.split())[:300].rstrip(".") if isinstance(message, str) else ""
