"""The six graded parts: each is checked where it is solved, says what to mend, and can be sent to the course's service.

    grader = Grader(dataset="drawn")
    grader.check_vocabulary(vocab, generate_vocabulary, train_captions)     # a Verdict, shown by the notebook
    ...
    grader.table()                                                          # all parts and points
    grader.save("outputs/grades.json")                                      # the same as a file
    grader.submit()                                                         # e-mail and token are asked for

A check compares the solution with the right answer and with the usual wrong ones, so that it can name the mistake.
It never raises for a mistake of the learner's: an exception in the solution is part of the verdict.
"""

import html
import platform
import sys
import traceback
import warnings
from dataclasses import dataclass

from captioning import settings
from captioning.grading import decoder_checks, loss_checks, service, text_checks
from captioning.grading.loss_checks import VAL_BATCHES
from captioning.grading.report import FAILED, IN_THE_LINE, OPEN, PASSED, Problem, explain, learners_frames, panel, short
from captioning.grading.service import Receipt
from captioning.storage import files


@dataclass(frozen=True)
class Part:
    """A graded part. key: its name at the service; points: ours, the service weighs the parts itself."""

    key: str
    title: str
    points: int
    passed: str                     # what is known of a solution that passed


PARTS = {part.key: part for part in (
    Part("19Wpv", "Exercise 1: vocabulary", 10,
         "The words seen 5 times or more and the four special tokens, numbered in sorted order."),
    Part("uJh73", "Exercise 2: from words to indices", 10,
         "START, the words, END; UNK for words that are not in the vocabulary; all of them Python ints."),
    Part("yiJkt", "Exercise 3: batches", 10,
         "As wide as the longest caption, cut at max_len, filled up on the right."),
    Part("rbpnH", "Exercise 4: the decoder's tensors", 20,
         "Every tensor has its shape, comes through its layers, and depends on just those words and photos that it "
         "should."),
    Part("E2OIL", "Exercise 4: the decoder's untrained loss", 20,
         "The mean cross-entropy of the words, padding left out; about ln V before training."),
    Part("YJR7z", "Exercise 5: validation loss", 30,
         "The decoder knows more than which word follows which, and it looks at the photos."),
)}
TOTAL = sum(part.points for part in PARTS.values())
COLOURS = {"passed": PASSED, "not yet": FAILED, "not checked": OPEN}
MARKS = {"passed": "&#10003;", "not yet": "&#10007;", "not checked": "&#9675;"}


# ------------------------------------------------------------------------------------------ what a learner sees

@dataclass(frozen=True, repr=False)
class Verdict:
    """What a check found.

    answer: what the service would get, or None if it could not be computed. for_course: whether it is worth sending.
    """

    part: Part
    problems: tuple[Problem, ...] = ()
    answer: str | None = None
    note: str = ""
    for_course: bool = False

    @property
    def passed(self) -> bool:
        return not self.problems

    @property
    def state(self) -> str:
        return "passed" if self.passed else "not yet"

    @property
    def points(self) -> int:
        return self.part.points if self.passed else 0

    def _remarks(self):
        remarks = [self.part.passed if self.passed else "", self.note,
                   f"Goes to the course as part {self.part.key}: {short(self.answer)}"
                   if self.for_course and self.answer is not None else ""]
        return [remark for remark in remarks if remark]

    def __str__(self):
        lines = [f"{self.part.title}: {self.state}, {self.points} of {self.part.points} points"]
        for problem in self.problems:
            lines.append(f"  - {problem.hint}")
            lines += [f"      {name}: {text}" for name, text in problem.rows()]
        return "\n".join(lines + [f"  {remark}" for remark in self._remarks()])

    __repr__ = __str__

    def _repr_html_(self):
        head = (
            '<div style="display:flex;gap:.6em;align-items:baseline">'
            f'<b style="color:{COLOURS[self.state]}">{MARKS[self.state]}</b>'
            f'<b>{html.escape(self.part.title)}</b><span style="opacity:.75">{self.state}</span>'
            f'<span style="margin-left:auto;white-space:nowrap">{self.points} of {self.part.points} points</span></div>'
        )
        remarks = (
            f'<div style="margin:.3em 0 0 1.5em;opacity:.75;overflow-wrap:anywhere">{html.escape(remark)}</div>'
            for remark in self._remarks()
        )
        return panel(self.passed, "".join([head, *map(_problem_html, self.problems), *remarks]))


def _problem_html(problem):
    rows = "".join(
        '<div style="display:flex;gap:1em;overflow-wrap:anywhere">'
        f'<span style="opacity:.75;flex:0 0 5em;white-space:nowrap">{name}</span><code>{html.escape(text)}</code></div>'
        for name, text in problem.rows()
    )
    rows = f'<div style="margin:.2em 0 0 1em">{rows}</div>' if rows else ""
    return f'<div style="margin:.5em 0 0 1.5em">{html.escape(problem.hint)}{rows}</div>'


@dataclass(frozen=True, repr=False)
class Table:
    """All six parts with their points; `verdicts` holds those that were checked, `for_course` is as in Verdict."""

    verdicts: dict[str, Verdict]
    for_course: bool = False

    @property
    def points(self) -> int:
        return sum(verdict.points for verdict in self.verdicts.values())

    def rows(self):
        """(name as shown, part, state, points) of each part."""
        for key, part in PARTS.items():
            verdict = self.verdicts.get(key)
            name = f"{part.title} (part {key})" if self.for_course else part.title
            yield (name, part, verdict.state, verdict.points) if verdict else (name, part, "not checked", 0)

    def __str__(self):
        lines = [f"{name:56}{state:14}{points:3} of {part.points:3}" for name, part, state, points in self.rows()]
        total = f"{'Total':70}{self.points:3} of {TOTAL:3}"
        return "\n".join([*lines, "-" * len(total), total])

    __repr__ = __str__

    def _repr_html_(self):
        left, right = "text-align:left;padding:.3em 1em", "text-align:right;padding:.3em 1em"
        head = "".join(f'<th scope="col" style="{align}">{name}</th>' for name, align in
                       (("Part", left), ("State", left), ("Points", right)))
        rows = "".join(
            f'<tr><td style="{left}">{html.escape(name)}</td>'
            f'<td style="{left}"><span style="color:{COLOURS[state]}">{MARKS[state]}</span> {state}</td>'
            f'<td style="{right}">{points} of {part.points}</td></tr>'
            for name, part, state, points in self.rows()
        )
        total = (f'<tr style="border-top:1px solid {OPEN}"><th scope="row" colspan="2" style="{left}">Total</th>'
                 f'<th style="{right}">{self.points} of {TOTAL}</th></tr>')
        return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}{total}</tbody></table>"


MADE_BY = {                         # names that an exercise's cells make, for those who come to a check too early
    "vocab": 1, "vocab_inverse": 1, "train_captions_indexed": 2, "val_captions_indexed": 2, "decoder": 4,
}


def short_errors():
    """In a notebook: an exercise that is not solved yet stops its cell with one sentence instead of a traceback.

    So does a cell that needs what an exercise makes, if that is not there. Errors of other kinds, and a library's own
    NotImplementedError, are shown as ever. Outside a notebook: does nothing.
    """
    from IPython import get_ipython

    def show(shell, kind, error, trace, tb_offset=None):
        sentence, frames = "", learners_frames(error)
        if frames[-1:] == traceback.extract_tb(trace)[-1:]:         # else a library's own
            in_a_cell = frames[-1].name in ("<module>", "decoder")  # not in a function, which may have a slip
            if isinstance(error, NotImplementedError):
                sentence = str(error)
            elif error.name in MADE_BY and in_a_cell:
                sentence = (f"There is no {error.name} yet: exercise {MADE_BY[error.name]} makes it. Solve that first, "
                            "and run all its cells.")
        if sentence:
            error._render_traceback_ = lambda: [sentence]           # IPython's hook for what to show of an exception
        shell.showtraceback((kind, error, trace), tb_offset=tb_offset)

    if get_ipython() is not None:
        get_ipython().set_custom_exc((NotImplementedError, NameError), show)


# --------------------------------------------------------------------------------------------------- the grader

class Grader:
    """Checks the six parts, keeps their answers, and sends them.

    dataset: one of settings.DATASETS; the course's service knows the answers for "coco2014" alone.
    url, timeout: the service, and how many seconds to wait for (a connection, an answer).
    assignment: what the service calls this assignment.
    """

    def __init__(self, dataset: str = "drawn", url: str = service.SERVICE_URL,
                 timeout: tuple[float, float] = service.TIMEOUT, assignment: str = service.ASSIGNMENT_KEY):
        if dataset not in settings.DATASETS:
            raise ValueError(f"dataset is {dataset!r}; expected one of {', '.join(settings.DATASETS)}.")
        self.dataset = dataset
        self.url, self.assignment = url, assignment
        connect, answer = timeout           # what is wrong is to fail here, where no token is about
        self.timeout = connect, answer
        self.verdicts: dict[str, Verdict] = {}

    def check_vocabulary(self, vocab, generate_vocabulary, train_captions) -> Verdict:
        """vocab: {token: index} that generate_vocabulary made of train_captions, a list of captions for each photo."""
        return self._judge(
            "19Wpv",
            lambda: text_checks.vocabulary_problems(vocab, generate_vocabulary, train_captions),
            lambda: text_checks.vocabulary_answer(vocab),
        )

    def check_indexing(self, train_captions_indexed, vocab, caption_tokens_to_indices) -> Verdict:
        """train_captions_indexed: what caption_tokens_to_indices made of the training captions with vocab."""
        return self._judge(
            "uJh73",
            lambda: text_checks.indexing_problems(train_captions_indexed, vocab, caption_tokens_to_indices),
            lambda: text_checks.indexing_answer(train_captions_indexed, vocab),
        )

    def check_batching(self, batch_captions_to_matrix) -> Verdict:
        return self._judge(
            "yiJkt",
            lambda: text_checks.batching_problems(batch_captions_to_matrix),
            lambda: text_checks.batching_answer(batch_captions_to_matrix),
        )

    def check_decoder_shapes(self, decoder, vocab) -> Verdict:
        """decoder: a class that holds symbolic Keras tensors, with names and shapes as in grading_decoder.TENSORS."""
        return self._judge(
            "rbpnH",
            lambda: decoder_checks.decoder_problems(decoder, vocab),
            lambda: decoder_checks.shapes_answer(decoder, vocab),
        )

    def check_untrained_loss(self, decoder, vocab) -> Verdict:
        """To be called before the decoder is trained or restored from a checkpoint."""
        return self._judge(
            "E2OIL",
            lambda: loss_checks.untrained_problems(decoder, vocab),
            lambda: loss_checks.untrained_answer(decoder, vocab),
        )

    def check_validation_loss(self, decoder, generate_batch, val_img_embeds, val_captions_indexed,
                              n_batches: int = VAL_BATCHES) -> Verdict:
        """Mean loss over n_batches that generate_batch draws from the global generators, seeded as the service does.

        val_img_embeds: (N, 2048); val_captions_indexed: N lists of captions. Fewer than 1,000 batches give a quick
        look, but no answer for the service. The global generators are left as they were found.
        """
        data = val_img_embeds, val_captions_indexed
        whole = n_batches == VAL_BATCHES
        measured = []                       # one ValidationLoss, if the check comes so far

        def problems():
            yield from loss_checks.batch_problems(generate_batch, *data)
            measured.append(loss_checks.validation_loss(decoder, generate_batch, *data, n_batches, self.dataset))
            yield from measured[0].problems()

        def note():
            short_of = f" The course asks for {VAL_BATCHES:,} batches." if self._for_course and not whole else ""
            return f"Mean loss of {n_batches:,} batches: {measured[0]}{short_of}" if measured else ""

        return self._judge("YJR7z", problems, lambda: repr(measured[0].mean) if measured and whole else None, note)

    def table(self) -> Table:
        return Table(dict(self.verdicts), self._for_course)

    def save(self, path):
        """Writes the points as JSON: each part's with the first hint, their total, the dataset, the versions.

        It holds nothing of the learner's or the machine's: no answers, no values that came, no line of code.
        """
        table, libraries = self.table(), ("tensorflow", "keras", "numpy")
        files.write_json(path, {
            "parts": [{"id": part.key, "name": part.title, "state": state, "points": points, "of": part.points,
                       "problem": self._first_hint(part.key)} for _, part, state, points in table.rows()],
            "total": table.points, "of": TOTAL, "dataset": self.dataset,
            "versions": {"python": platform.python_version()} | {
                name: sys.modules[name].__version__ for name in libraries if name in sys.modules},
        })

    def _first_hint(self, key):
        problems = self.verdicts[key].problems if key in self.verdicts else ()
        return short(problems[0].hint.split(IN_THE_LINE)[0], 300) if problems else None

    def submit(self, email: str | None = None, token: str | None = None, *, anyway: bool = False) -> Receipt:
        """Sends the answers of all checked parts, right or wrong, and says what the service made of it.

        Without e-mail and token they are read from the environment or asked for; do not write them into a cell.
        They are used for this one call and kept nowhere. anyway: send answers for another dataset than MSCOCO too.
        Raises nothing: what fails is said in the Receipt, and the answers stay here for another try.
        """
        answers = {key: self.verdicts[key].answer if key in self.verdicts else None for key in PARTS}
        if not any(answers.values()):
            return Receipt(False, "There are no answers yet: run the cells that check the parts first.")
        if not self._for_course and not anyway:
            return Receipt(False, (
                "The course's grader expects the answers for MSCOCO 2014, and these are for the dataset "
                f"{self.dataset!r}, so nothing was sent. Run the notebook with CAPTION_DATASET=coco2014 to submit; "
                "grader.submit(anyway=True) sends these all the same."
            ))
        if not (email and token):
            email, token = service.credentials()
        if not (email and token):
            return Receipt(False, (
                "E-mail or token is missing. Copy the token from the assignment's page and run this cell again, or set "
                f"{' and '.join(settings.CREDENTIALS)} before Jupyter starts."
            ))
        receipt = service.submit(answers, email.strip(), token.strip(), self.url, self.timeout,
                                    self.assignment)
        return Receipt(receipt.sent, f"{receipt.message} {self._unfinished()}".strip())

    @property
    def _for_course(self):
        return self.dataset == "coco2014"

    def _unfinished(self):
        left = [part.title for key, part in PARTS.items() if key not in self.verdicts or not self.verdicts[key].passed]
        return f"Not passed here yet: {', '.join(left)}." if left else ""

    def _judge(self, key, problems, answer, note=lambda: ""):
        """Runs the learner's code through `problems` and `answer`, and keeps the verdict in place of an earlier one."""
        found, text = [], None
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", ".*from_logits=True")     # Keras's; the verdict says it
            try:
                for problem in problems():          # one by one: those before an exception are kept
                    found.append(problem)
            except Exception as error:
                found.append(explain(error))
            try:
                text = answer()
            except Exception as error:
                if not found:
                    found.append(explain(error))
        self.verdicts[key] = Verdict(PARTS[key], tuple(found), text, note(), self._for_course)
        return self.verdicts[key]
