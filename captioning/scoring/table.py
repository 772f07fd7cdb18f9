"""A table of scores for a notebook or a terminal."""

from collections.abc import Mapping
from dataclasses import dataclass

from captioning.markup import render
from captioning.scoring.metrics import JAVA_METRICS, METRICS, SCALE

WITH_INTERVAL = ("BLEU-4", "CIDEr")     # metrics whose 95 % interval is shown


@dataclass(frozen=True)
class ScoreTable:
    """Scores side by side.

    Attributes:
        rows: label -> Scores, one row each.
    """

    rows: Mapping

    @property
    def _metrics(self) -> list[str]:
        """The metrics that any row has."""
        return [m for m in (*METRICS, *JAVA_METRICS) if any(m in scores.values for scores in self.rows.values())]

    def _cells(self) -> list[list[str]]:
        """The header and the rows of the table as text. The first cell of each is the label."""
        header = ["", "references", *self._metrics, *(f"{metric}, 95 %" for metric in WITH_INTERVAL)]
        return [header] + [
            [label, f"{scores.references:.3g}", *(_value(scores, metric) for metric in self._metrics),
             *(_interval(scores, metric) for metric in WITH_INTERVAL)]
            for label, scores in self.rows.items()
        ]

    def _notes(self) -> str:
        """What stands below the table: photos, tokenizers, scale, intervals, and which metrics are missing."""
        photos = sorted({scores.photos for scores in self.rows.values()})
        tokenizers = sorted({scores.tokenizer for scores in self.rows.values()})
        left_out = sorted({reason for scores in self.rows.values() for reason in scores.left_out})
        return " ".join([f"{' / '.join(map(str, photos))} photos, tokenizer: {' / '.join(tokenizers)}. {SCALE}.",
                         "95 % intervals by bootstrap over photos.", *left_out])

    def __str__(self) -> str:
        cells = self._cells()
        label_width, *widths = (max(map(len, column)) for column in zip(*cells, strict=True))
        lines = ["  ".join([label.ljust(label_width), *map(str.rjust, numbers, widths)]) for label, *numbers in cells]
        return "\n".join([*lines, self._notes()])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        rows = [(label, f"{scores.references:.3g}", [
            (_value(scores, metric), _interval(scores, metric) if metric in WITH_INTERVAL else "")
            for metric in self._metrics]) for label, scores in self.rows.items()]
        return render("scoring/score_table.html.j2", metrics=self._metrics, rows=rows, notes=self._notes())


def _value(scores, metric: str) -> str:
    """A score, or a dash where it was not measured."""
    return f"{scores[metric]:.3f}" if metric in scores.values else "–"


def _interval(scores, metric: str) -> str:
    """The ends of a score's 95 % interval."""
    return "{:.3f} to {:.3f}".format(*scores.intervals[metric])
