"""What checks report: problems, exceptions of the learner's code, values as short text.

A check yields a Problem for each thing to mend. If it can't continue, it raises Stopped, which carries one.
"""

import inspect
import re
import reprlib
import sysconfig
import traceback
from dataclasses import dataclass
from pathlib import Path

import numpy as np

PASSED, FAILED, OPEN = "#2e9d58", "#d4553f", "#8a8f98"     # colours of marks and edges, on white and on black
SPLIT = "split_sentence"            # the notebook's function that cuts a caption into words
IN_THE_LINE = " in the line: "      # in a hint: the learner's own code follows
REPR = reprlib.Repr()
REPR.maxlist = REPR.maxtuple = REPR.maxdict = REPR.maxset = 40
REPR.maxstring = REPR.maxother = 160


@dataclass(frozen=True)
class Problem:
    """One thing to mend: a hint in plain words, and perhaps what was expected and what came."""

    hint: str
    expected: str = ""
    came: str = ""

    def rows(self) -> list[tuple[str, str]]:
        """(name, text) of what was expected and what came, if given."""
        return [(name, text) for name, text in (("expected", self.expected), ("came", self.came)) if text]


class Stopped(Exception):
    """Carries a Problem after which the rest of a check makes no sense."""

    def __init__(self, problem: Problem):
        super().__init__(problem.hint)
        self.problem = problem


# -------------------------------------------------------------------------------------------- the learner's code

def call(function, *arguments, **named):
    """function(*arguments, **named). Raises Stopped, which shows the call, for any exception in it, or for None."""
    if not callable(function):
        raise Stopped(Problem("This should be a function.", came=short(function)))
    name = getattr(function, "__name__", "your function")
    try:
        came = function(*arguments, **named)
    except Exception as error:
        raise Stopped(explain(error, _call_as_text(name, arguments, named), name)) from None
    if came is None:
        raise Stopped(Problem(f"{name} gives None: end it with return and the result.",
                              f"a result of {_call_as_text(name, arguments, named)}", "None"))
    return came


def _call_as_text(name, arguments, named) -> str:
    shown = [*(short(argument, 60) for argument in arguments),
             *(f"{key}={short(value, 60)}" for key, value in named.items())]
    return f"{name}({', '.join(shown)})"


def argument_name(function, place: int, otherwise: str) -> str:
    """What a function calls one of its arguments."""
    try:
        return list(inspect.signature(function).parameters)[place]
    except (ValueError, TypeError, IndexError):
        return otherwise


def explain(error, call="", exercise="") -> Problem:
    """The Problem of an exception: what Python said and where in the learner's code, without the traceback."""
    if isinstance(error, Stopped):
        return error.problem
    if isinstance(error, NotImplementedError):
        return Problem(str(error).strip() or f"{exercise or 'This exercise'} is not solved yet.")
    frames = learners_frames(error)
    if isinstance(error, (TypeError, AttributeError)) and SPLIT in _functions(error):
        return Problem(f"{SPLIT} takes one caption, which is a string, and got something else: loop over the photos, "
                       "and for each photo over its captions.", "a string", one_line(error))
    where = f"{IN_THE_LINE}{frames[-1].line}" if frames and frames[-1].line else "."
    return Problem(f"Your code stopped with {type(error).__name__}{where}",
                   f"a result of {call}" if call else "", one_line(error))


def _functions(error) -> list[str]:
    """Names of the functions of an exception's traceback."""
    return [frame.name for frame in traceback.extract_tb(error.__traceback__)]


def one_line(error) -> str:
    """An exception's type and message; of Keras's and TensorFlow's many lines, the one that says what happened."""
    text = re.sub(r"\x1b\[[0-9;]*m|\{\{.*?\}\}\s*", "", str(error))          # colours and names of graph nodes
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("Exception encountered")]
    return short(f"{type(error).__name__}: {lines[0] if lines else ''}")


def learners_frames(error) -> list[traceback.FrameSummary]:
    """The frames of an exception's traceback in the learner's own code, outermost first."""
    package = str(Path(__file__).parent.parent)
    others = (package, *(sysconfig.get_paths()[name] for name in ("stdlib", "purelib", "platlib")), "<frozen")
    return [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith(others)]


# ------------------------------------------------------------------------------------------------ values as text

def short(value, limit=160) -> str:
    """The text itself, or the value's repr, cut to `limit` characters. Large values are not read to their end."""
    if isinstance(value, np.ndarray):
        value = value.tolist() if value.size <= REPR.maxlist else f"array of shape {value.shape}"
    text = value if isinstance(value, str) else REPR.repr(value)
    return text if len(text) <= limit else f"{text[:limit - 2]} …"


def some(words, limit=6) -> str:
    """The first few of some words, as text."""
    words = sorted(words)
    return ", ".join(map(str, words[:limit])) + (f" and {len(words) - limit:,} more" if len(words) > limit else "")


def reprs(numbers) -> str:
    """Numbers as the service wants them: Python's reprs with a space between, also for NumPy's numbers."""
    return " ".join(repr(number.item() if isinstance(number, np.generic) else number) for number in numbers)
