"""What a learner sees of the checks: a verdict for each part, and the table of all points."""

from collections.abc import Iterator
from dataclasses import dataclass

from captioning.grading.parts import PARTS, TOTAL, Part
from captioning.grading.report import FAILED, OPEN, PASSED, Problem, short
from captioning.markup import render

COLOURS = {"passed": PASSED, "right so far": PASSED, "not yet": FAILED, "not checked": OPEN}
MARKS = {"passed": "✓", "right so far": "✓", "not yet": "✗", "not checked": "○"}


@dataclass(frozen=True, repr=False)
class Verdict:
    """What a check found."""

    part: Part
    problems: tuple[Problem, ...] = ()
    answer: str | None = None       # what the service would get; None if it could not be computed
    note: str = ""
    for_course: bool = False        # whether the answer is worth sending

    @property
    def passed(self) -> bool:
        """Whether the check found no problem."""
        return not self.problems

    @property
    def state(self) -> str:
        """A key of COLOURS and MARKS."""
        if not self.passed:
            return "not yet"
        return "passed" if self.part.points else "right so far"

    @property
    def points(self) -> int:
        """All points of the part or none."""
        return self.part.points if self.passed else 0

    def remarks(self) -> list[str]:
        """What there is to say beside the problems."""
        remarks = [self.part.passed if self.passed else "", self.note,
                   f"Goes to the course as part {self.part.key}: {short(self.answer)}"
                   if self.for_course and self.answer is not None else ""]
        return [remark for remark in remarks if remark]

    def __str__(self):
        points = f", {self.points} of {self.part.points} points" if self.part.points else ""
        lines = [f"{self.part.title}: {self.state}{points}"]
        for problem in self.problems:
            lines.append(f"  - {problem.hint}")
            lines += [f"      {name}: {text}" for name, text in problem.rows()]
        return "\n".join(lines + [f"  {remark}" for remark in self.remarks()])

    __repr__ = __str__

    def _repr_html_(self):
        return render("grading/verdict.html.j2", verdict=self, edge=COLOURS[self.state], mark=MARKS[self.state])


@dataclass(frozen=True, repr=False)
class Table:
    """All six parts with their points."""

    verdicts: dict[str, Verdict]    # of the parts that were checked, by key
    for_course: bool = False        # as in Verdict

    @property
    def points(self) -> int:
        """Points of all parts together."""
        return sum(verdict.points for verdict in self.verdicts.values())

    def rows(self) -> Iterator[tuple[str, Part, str, int]]:
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
        return render("grading/points.html.j2", table=self, colours=COLOURS, marks=MARKS, total=TOTAL)
