"""A table of scores is readable, as text and as HTML."""

import re

from captioning.scoring.scores import score_captions
from captioning.scoring.table import ScoreTable


def test_a_table_has_a_row_for_each_label_and_its_numbers_below_the_names(scored):
    captions, references, scores = scored
    table = ScoreTable({"model": scores, "silence": score_captions(dict.fromkeys(captions, ()), references)})
    header, model, silence, _ = str(table).splitlines()
    assert len(header) == len(model) == len(silence)
    assert model.split()[0] == "model" and silence.split()[:2] == ["silence", "5"]
    end = header.index("CIDEr ") + len("CIDEr")
    assert model[:end].endswith(f" {scores['CIDEr']:.3f}") and silence[:end].endswith(" 0.000")


def test_names_of_columns_stay_whole_and_numbers_are_right_aligned(scored):
    page = ScoreTable({"model": scored[2]})._repr_html_()
    cells = re.findall(r'<(?:th scope="col"|td) style="(.*?)">(.*?)<', page)
    assert {"references", "CIDEr", f"{scored[2]['CIDEr']:.3f}"} <= {text for _, text in cells}
    assert re.findall("<small>(.*?)</small>", page) == [
        "{:.3f} to {:.3f}".format(*scored[2].intervals[metric]) for metric in ("BLEU-4", "CIDEr")]
    assert {style for style, _ in cells} == {"text-align: right; white-space: nowrap"}


def test_a_wide_table_scrolls_in_its_own_box_and_breaks_no_word(scored):
    page = ScoreTable({"caption of the nearest photo": scored[2]})._repr_html_()
    assert re.search(r'<div style="overflow-x: auto">\s*<table style="[^"]*; word-break: normal">', page)
    assert not re.search("color|background", page)          # those of the page, light or dark
