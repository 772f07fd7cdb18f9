"""A table of scores for a notebook or a terminal."""

from collections.abc import Mapping
from dataclasses import dataclass

from captioning.markup import render
from captioning.scoring.metrics import JAVA_METRICS, METRICS, SCALE


@dataclass(frozen=True)
class ScoreTable:
    """Scores side by side.

    Attributes:
        rows: label -> Scores, one row each.
    """

    rows: Mapping

    def _cells(self) -> list[list[str]]:
        """The header and the rows. The first cell of each is the label."""
        metrics = [m for m in (*METRICS, *JAVA_METRICS) if any(m in scores.values for scores in self.rows.values())]
        header = ["", "references", *metrics, "BLEU-4, 95 %", "CIDEr, 95 %"]
        return [header] + [
            [label, f"{scores.references:.3g}",
             *(f"{scores[metric]:.3f}" if metric in scores.values else "–" for metric in metrics),
             *("{:.3f} to {:.3f}".format(*scores.intervals[metric]) for metric in ("BLEU-4", "CIDEr"))]
            for label, scores in self.rows.items()
        ]

    def _notes(self) -> str:
        """What stands below the table: photos, tokenizers, scale, intervals, and which metrics are missing."""
        photos = sorted({scores.photos for scores in self.rows.values()})
        tokenizers = sorted({scores.tokenizer for scores in self.rows.values()})
        left_out = sorted({reason for scores in self.rows.values() for reason in scores.left_out})
        return " ".join([f"{' / '.join(map(str, photos))} photos, tokenizer: {' / '.join(tokenizers)}. {SCALE}.",
                         "Intervals by bootstrap over photos.", *left_out])

    def __str__(self) -> str:
        cells = self._cells()
        label_width, *widths = (max(map(len, column)) for column in zip(*cells, strict=True))
        lines = ["  ".join([label.ljust(label_width), *map(str.rjust, numbers, widths)]) for label, *numbers in cells]
        return "\n".join([*lines, self._notes()])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        (_, *columns), *rows = self._cells()
        return render("scoring/score_table.html.j2", columns=columns, rows=rows, notes=self._notes())
