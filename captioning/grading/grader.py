"""The grader: checks the six parts, says what to mend, and sends the answers to the course's service.

    grader = Grader(dataset="drawn")
    grader.check_vocabulary(vocab, generate_vocabulary, train_captions)     # a Verdict, which the notebook shows
    ...
    grader.table()                                                          # all parts and points
    grader.save("outputs/grades.json")                                      # the same as a file
    grader.submit()                                                         # asks for e-mail and token

A check compares the solution with the right answer and with the usual wrong ones, so it can name the mistake. An
exception in the learner's code becomes part of the verdict; a check never raises it.
"""

import functools
import platform
import sys
import warnings
from contextlib import contextmanager
from dataclasses import replace

from captioning import settings
from captioning.datasets.tokens import START
from captioning.grading import (
    batch_checks,
    batching_checks,
    caption_steps,
    decoder_checks,
    indexing_checks,
    loss_checks,
    service,
    validation_checks,
    vocabulary_checks,
)
from captioning.grading.decoder_probe import words_of
from captioning.grading.parts import FINAL_MODEL, PARTS, STEPS, TOTAL
from captioning.grading.report import IN_THE_LINE, Problem, explain, short
from captioning.grading.service import Receipt
from captioning.grading.validation_checks import VAL_BATCHES
from captioning.grading.verdicts import Table, Verdict
from captioning.storage import files

KEPT = ("The decoder has been trained since this check passed. The check needs fresh weights, so the points and the "
        "answer from before stay.")
NO_TOKEN = ("E-mail or token is missing. Copy the token from the assignment's page and run this cell again, or set "
            f"{' and '.join(settings.CREDENTIALS)} before Jupyter starts.")
OTHER_DATASET = (
    "The course's grader expects the answers for MSCOCO 2014, and these are for the dataset {!r}, so nothing was sent. "
    "Run the notebook with CAPTION_DATASET=coco2014 to submit; grader.submit(anyway=True) sends these anyway.")


class Grader:
    """Checks the six parts, keeps their answers, and sends them.

    Args:
        dataset: one of settings.DATASETS. The course's service knows the answers for "coco2014" only.
        url: address of the service.
        timeout: seconds to wait for (a connection, an answer).
        assignment: what the service calls this assignment.

    Raises:
        ValueError: the dataset is unknown.
    """

    def __init__(self, dataset: str = "drawn", url: str = service.SERVICE_URL,
                 timeout: tuple[float, float] = service.TIMEOUT, assignment: str = service.ASSIGNMENT_KEY):
        if dataset not in settings.DATASETS:
            raise ValueError(f"dataset is {dataset!r}; expected one of {', '.join(settings.DATASETS)}.")
        self.dataset = dataset
        self.url, self.assignment = url, assignment
        connect, answer = timeout           # a wrong value fails here, before a token is known
        self.timeout = connect, answer
        self.verdicts: dict[str, Verdict] = {}
        self._train_captions = None         # as check_indexing saw them

    def check_vocabulary(self, vocab, generate_vocabulary, train_captions) -> Verdict:
        """Checks exercise 1.

        Args:
            vocab: {token: index}, which generate_vocabulary made of train_captions.
            generate_vocabulary: the learner's function.
            train_captions: a list of captions for each photo.
        """
        return self._judge(
            "19Wpv",
            lambda: vocabulary_checks.vocabulary_problems(vocab, generate_vocabulary, train_captions),
            lambda: vocabulary_checks.vocabulary_answer(vocab),
        )

    def check_indexing(self, train_captions_indexed, vocab, caption_tokens_to_indices) -> Verdict:
        """Checks exercise 2.

        Args:
            train_captions_indexed: what caption_tokens_to_indices made of the training captions with vocab.
            vocab: {token: index}.
            caption_tokens_to_indices: the learner's function.
        """
        self._train_captions = train_captions_indexed
        return self._judge(
            "uJh73",
            lambda: indexing_checks.indexing_problems(train_captions_indexed, vocab, caption_tokens_to_indices),
            lambda: indexing_checks.indexing_answer(train_captions_indexed, vocab),
        )

    def check_batching(self, batch_captions_to_matrix) -> Verdict:
        """Checks exercise 3, the learner's function batch_captions_to_matrix."""
        return self._judge(
            "yiJkt",
            lambda: batching_checks.batching_problems(batch_captions_to_matrix),
            lambda: batching_checks.batching_answer(batch_captions_to_matrix),
        )

    def check_step(self, decoder, vocab, step: str) -> Verdict:
        """Checks the tensors of one step of exercise 4. It gives no points; check_decoder_shapes does.

        Args:
            decoder: a class that holds symbolic Keras tensors. Those of later steps may be absent.
            vocab: {token: index}.
            step: one of parts.STEPS: "states", "words in", "logits" or "loss".

        Raises:
            ValueError: the step is unknown.
        """
        if step not in STEPS:
            raise ValueError(f"step is {step!r}; expected one of {', '.join(STEPS)}.")
        return Verdict(STEPS[step], _found(lambda: _step_problems(decoder, vocab, step)))

    def check_final_model(self, decoder, final_model, vocab) -> Verdict:
        """Checks that captions are written by the function that was trained. It gives no points.

        Args:
            decoder: a class that holds symbolic Keras tensors.
            final_model: has the models initial_state and one_step.
            vocab: {token: index}.
        """
        return Verdict(FINAL_MODEL, _found(lambda: caption_steps.same_function_problems(
            decoder, caption_steps.steps_of_model(final_model), vocab[START], words_of(vocab))))

    def check_decoder_shapes(self, decoder, vocab) -> Verdict:
        """Checks the tensors of exercise 4.

        Args:
            decoder: a class that holds symbolic Keras tensors, named and shaped as in decoder_checks.TENSORS.
            vocab: {token: index}.
        """
        return self._judge(
            "rbpnH",
            lambda: decoder_checks.decoder_problems(decoder, vocab),
            lambda: decoder_checks.shapes_answer(decoder, vocab),
        )

    def check_untrained_loss(self, decoder, vocab) -> Verdict:
        """Checks the loss of exercise 4, before the decoder is trained or restored from a checkpoint.

        If the decoder has been trained since it passed, its points and its answer stay.
        """
        before = self.verdicts.get("E2OIL")
        of_random = functools.cache(lambda: loss_checks.random_loss(decoder, vocab))
        verdict = self._judge(
            "E2OIL",
            lambda: loss_checks.untrained_problems(decoder, vocab, of_random),
            lambda: str(of_random()),           # float32's digits; NumPy's repr would name the type too
        )
        if before and before.passed and loss_checks.is_only_trained(verdict.problems):
            self.verdicts["E2OIL"] = replace(before, note=KEPT)
        return self.verdicts["E2OIL"]

    def check_validation_loss(self, decoder, generate_batch, val_img_embeds, val_captions_indexed,
                              n_batches: int = VAL_BATCHES, final_model=None) -> Verdict:
        """Checks exercise 5: the mean loss of n_batches, with the global random generators seeded as the service does.

        It puts the global generators back into the state in which it found them.

        Args:
            decoder: the trained decoder.
            generate_batch: the notebook's function.
            val_img_embeds: (N, 2048).
            val_captions_indexed: N lists of captions.
            n_batches: fewer than 1,000 give a quick look, but no answer for the service.
            final_model: has the models initial_state and one_step; without it, they are made of the given layers.
        """
        data = val_img_embeds, val_captions_indexed
        whole = n_batches == VAL_BATCHES
        measured = []                       # one ValidationLoss, if the check gets that far

        def problems():
            batches, fills, wrong = batch_checks.batches_looked_at(generate_batch, *data)
            yield from wrong
            yield from validation_checks.same_data_problems(val_captions_indexed, self._train_captions)
            measured.append(validation_checks.validation_loss(decoder, batches, data[1], n_batches, self.dataset))
            yield from (list(validation_checks.honesty_problems(decoder, final_model, fills, *data))
                        or measured[0].problems())

        def note():
            short_of = f" The course asks for {VAL_BATCHES:,} batches." if self._for_course and not whole else ""
            return f"Mean loss of {n_batches:,} batches: {measured[0]}{short_of}" if measured else ""

        return self._judge("YJR7z", problems, lambda: repr(measured[0].mean) if measured and whole else None, note)

    def table(self) -> Table:
        """All parts with their points."""
        return Table(dict(self.verdicts), self._for_course)

    def save(self, path):
        """Writes the points as JSON: each part's with the first hint, the total, the dataset, versions of libraries.

        The file holds nothing of the learner's or the machine's: no answers, no values, no line of code.
        """
        files.write_json(path, _as_json(self.table(), self.dataset))

    def submit(self, email: str | None = None, token: str | None = None, *, anyway: bool = False) -> Receipt:
        """Sends the answers of all checked parts, right or wrong.

        It raises nothing. If sending fails, the receipt says why, and the answers stay here for another try.

        Args:
            email: of the course's account. If it or the token is missing, both are read from the environment or asked
                for. Never write them into a cell. They are used for this one call and kept nowhere.
            token: the submission token.
            anyway: also sends answers for another dataset than MSCOCO.

        Returns:
            What the service said.
        """
        answers = {key: self.verdicts[key].answer if key in self.verdicts else None for key in PARTS}
        if not any(answers.values()):
            return Receipt(False, "There are no answers yet: run the cells that check the parts first.")
        if not self._for_course and not anyway:
            return Receipt(False, OTHER_DATASET.format(self.dataset))
        if not (email and token):
            email, token = service.credentials()
        if not (email and token):
            return Receipt(False, NO_TOKEN)
        receipt = service.submit(answers, email.strip(), token.strip(), self.url, self.timeout, self.assignment)
        return Receipt(receipt.sent, f"{receipt.message} {_unfinished(self.verdicts)}".strip())

    @property
    def _for_course(self):
        return self.dataset == "coco2014"

    def _judge(self, key, problems, answer, note=lambda: ""):
        """The verdict on a part, which replaces an earlier one."""
        found, text = _found(problems), None
        with _without_softmax_warning():
            try:
                text = answer()
            except Exception as error:
                found = found or (explain(error),)
        self.verdicts[key] = Verdict(PARTS[key], found, text, note(), self._for_course)
        return self.verdicts[key]


def _step_problems(decoder, vocab, step):
    """What is wrong with the tensors of a step; for the loss, also with its value."""
    found = list(decoder_checks.step_problems(decoder, vocab, step))
    return found or (list(loss_checks.loss_problems(decoder, vocab)) if step == "loss" else [])


def _as_json(table: Table, dataset: str) -> dict:
    """The points as `Grader.save` writes them."""
    return {
        "parts": [{"id": part.key, "name": part.title, "state": state, "points": points, "of": part.points,
                   "problem": _first_hint(table.verdicts.get(part.key))} for _, part, state, points in table.rows()],
        "total": table.points, "of": TOTAL, "dataset": dataset,
        "versions": {"python": platform.python_version()} | {
            name: sys.modules[name].__version__ for name in ("tensorflow", "keras", "numpy") if name in sys.modules},
    }


def _first_hint(verdict):
    return short(verdict.problems[0].hint.split(IN_THE_LINE)[0], 300) if verdict and verdict.problems else None


def _unfinished(verdicts) -> str:
    """Which parts have not passed."""
    left = [part.title for key, part in PARTS.items() if key not in verdicts or not verdicts[key].passed]
    return f"Not passed here yet: {', '.join(left)}." if left else ""


def _found(problems) -> tuple[Problem, ...]:
    """The problems of a check; an exception in it is the last one."""
    found = []
    with _without_softmax_warning():
        try:
            for problem in problems():          # one by one, to keep those found before an exception
                found.append(problem)
        except Exception as error:
            found.append(explain(error))
    return tuple(found)


@contextmanager
def _without_softmax_warning():
    """Hides what Keras says of a softmax before from_logits=True; the verdict says it too."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*from_logits=True")
        yield
