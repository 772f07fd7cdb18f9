"""What the notebook shows of the checks: verdicts, the table of points, errors of cells that came too early."""

import re
import subprocess
import sys
import time

import numpy as np
import pytest
from markupsafe import escape

from captioning.grading.grader import Grader
from captioning.grading.notebook_errors import MADE_BY
from captioning.grading.parts import PARTS
from tests.grading import right_solutions, wrong_solutions
from tests.grading.learners import VOCAB, defined, is_named
from tests.helpers import ROOT


@pytest.fixture
def right():
    return defined(right_solutions.BATCHING["lists"], "batch_captions_to_matrix")


@pytest.fixture
def left():
    """A wrong solution of exercise 3: the padding is on the left."""
    return defined(wrong_solutions.BATCHING["left"][0], "batch_captions_to_matrix")


def test_a_failing_part_still_has_the_answer_that_its_code_gives(grader, left):
    assert grader.check_batching(left).answer == "1 2 3 -1 4 5 1 2 4 5 1 2 3 -1 4 5"
    assert grader.check_batching(lambda *given, max_len: [[0]]).answer is None


def test_an_exercise_that_is_not_solved_says_so(grader, captions):
    def unsolved(*_, **__):
        raise NotImplementedError("Exercise 1: vocabulary is not solved yet. Write it in this cell.")

    for verdict in (grader.check_vocabulary(VOCAB, unsolved, captions), grader.check_indexing([], VOCAB, unsolved),
                    grader.check_batching(unsolved)):
        assert is_named(verdict, ["Exercise 1: vocabulary is not solved yet"]) and "in the line" not in str(verdict)


    verdict = grader.check_batching(lambda b, p, max_len=None: "<script>alert('x')</script>")
    assert "<script>" in str(verdict)
    assert "<script>" not in verdict._repr_html_() and "&lt;script&gt;" in verdict._repr_html_()


def test_an_exception_is_shown_with_the_line_of_the_learners_code(grader):
    def broken(batch_captions, pad_idx, max_len=None):
        return batch_captions["no such key"]

    assert is_named(grader.check_batching(broken), ["TypeError", 'return batch_captions["no such key"]'])
    assert grader.verdicts["yiJkt"].answer is None


def test_the_table_shows_all_parts_and_adds_the_points(grader, captions, left):
    generate_vocabulary = defined(right_solutions.VOCABULARY["loops"], "generate_vocabulary")
    grader.check_vocabulary(VOCAB, generate_vocabulary, captions)
    grader.check_batching(left)
    text, page = str(grader.table()), grader.table()._repr_html_()
    assert grader.table().points == 10
    for part in PARTS.values():
        assert part.title in text and str(escape(part.title)) in page
    assert text.count("not checked") == 4 and "not yet" in text and "10 of 100" in text.replace("  ", " ")


def test_keys_and_answers_are_shown_where_the_course_knows_them(right, left):
    """Elsewhere they are nothing to understand, nor to type."""
    of_drawn, of_coco = ([grader.check_batching(right), grader.check_batching(left), grader.table()]
                         for grader in (Grader("drawn"), Grader("coco2014")))
    for shown in (str, lambda x: x._repr_html_()):
        assert not [x for x in of_drawn if "yiJkt" in shown(x) or "-1 1 2 4 5" in shown(x)]
        assert all("part yiJkt" in shown(x) for x in of_coco)
        assert "Goes to the course as part yiJkt: 1 2 3 4 5 -1" in shown(of_coco[0])


def test_each_part_has_the_name_of_its_exercise():
    from course import build

    text = "\n".join(cell.source for cell in build.build(student=True).cells)
    exercises = re.findall(r"^## (Exercise \d: .*)$", text, re.MULTILINE)
    assert len(exercises) == 5
    assert all(any(part.title.startswith(name) for name in exercises) for part in PARTS.values())


def test_a_newer_check_replaces_an_older_one(grader, right, left):
    assert not grader.check_batching(left).passed
    assert grader.check_batching(right).passed
    assert grader.table().points == 10


def test_an_unknown_dataset_is_refused():
    with pytest.raises(ValueError, match="expected one of drawn, .*, folder"):
        Grader(dataset="flickr")


def test_importing_the_grader_does_not_load_tensorflow():
    code = "import sys, grading; sys.exit('tensorflow' in sys.modules or 'keras' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


def test_the_plain_checks_of_coco_sized_captions_take_seconds(grader):
    """40,000 captions here; as many photos as MSCOCO has, with 414,000 captions, took 1.9 and 0.3 s."""
    rng = np.random.default_rng(0)
    words = [f"w{i}" for i in range(5000)]
    captions = [[" ".join(words[i] for i in row) for row in photo] for photo in rng.integers(0, 5000, (8000, 5, 10))]
    generate_vocabulary, caption_tokens_to_indices = (
        defined(right_solutions.VOCABULARY["loops"], "generate_vocabulary"),
        defined(right_solutions.INDEXING["loops"], "caption_tokens_to_indices"))
    vocab = generate_vocabulary(captions)
    indexed = caption_tokens_to_indices(captions, vocab)
    started = time.process_time()
    assert grader.check_vocabulary(vocab, generate_vocabulary, captions).passed
    assert grader.check_indexing(indexed, vocab, caption_tokens_to_indices).passed
    assert time.process_time() - started < 3


def test_an_unsolved_exercise_stops_its_cells_with_a_sentence_and_other_errors_show_as_ever(tmp_path):
    import nbformat
    from nbclient import NotebookClient

    sources = [
        "import grading\ngrading.short_errors()",
        'def f():\n    raise NotImplementedError("Exercise 3 is not solved yet.")\nf()',
        "grader.check_decoder_shapes(decoder, vocab)".replace("grader", "grading.Grader()"),
        "1 / 0",
        "vocabulary",                                                       # a learner's own slips
        "def f():\n    return vocab\nf()",
        "import asyncio\nasyncio.AbstractEventLoop().run_forever()",        # a library's own NotImplementedError
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
    NotebookClient(notebook, timeout=60, allow_errors=True, resources={"metadata": {"path": str(tmp_path)}}).execute()
    unsolved_cell, check, division, *slips, library = [cell.outputs[-1] for cell in notebook.cells[1:]]
    assert unsolved_cell.output_type == check.output_type == "error"        # so that "run all" stops here
    assert unsolved_cell.traceback == ["Exercise 3 is not solved yet."]
    assert check.traceback == ["There is no decoder yet: exercise 4 makes it. Solve that first, and run all its cells."]
    assert all(any("Traceback" in line for line in output.traceback) for output in (division, *slips))
    assert any("run_forever" in line for line in library.traceback)


def test_the_names_that_exercises_make_are_the_notebooks():
    from course import build

    cells = [cell.source for cell in build.build(student=True).cells]
    exercise = {}
    for source in cells:
        number = re.search(r"^## Exercise (\d)", source, re.MULTILINE)
        exercise["now"] = int(number[1]) if number else exercise.get("now")
        for name in MADE_BY:
            if re.search(rf"^(class )?{name}( =|:)", source, re.MULTILINE):
                exercise[name] = exercise["now"]
    assert {name: exercise.get(name) for name in MADE_BY} == MADE_BY
