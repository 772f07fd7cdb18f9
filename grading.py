"""What the notebooks use of the grader, listed by purpose. No logic stands here.

    checks        Grader, short_errors
    parts         PARTS, TOTAL, Part
    results       Verdict, Table, Receipt
"""

from captioning.grading.grader import PARTS, TOTAL, Grader, Part, Table, Verdict, short_errors
from captioning.grading.service import Receipt

__all__ = [
    "Grader", "short_errors",
    "PARTS", "TOTAL", "Part",
    "Verdict", "Table", "Receipt",
]
