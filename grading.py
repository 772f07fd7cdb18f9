"""What the notebooks use of the grader, listed by purpose. No logic stands here.

checks:     Grader, short_errors
parts:      PARTS, TOTAL, Part
results:    Verdict, Table, Receipt
"""

from captioning.grading.grader import Grader
from captioning.grading.notebook_errors import short_errors
from captioning.grading.parts import PARTS, TOTAL, Part
from captioning.grading.service import Receipt
from captioning.grading.verdicts import Table, Verdict

__all__ = [
    "Grader", "short_errors",
    "PARTS", "TOTAL", "Part",
    "Verdict", "Table", "Receipt",
]
