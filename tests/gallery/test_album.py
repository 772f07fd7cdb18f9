"""A learner chooses examples by number, by name or from files. Each mistake gets a sentence."""

import base64
import io
import os
import re
from pathlib import Path

import numpy as np
import pytest
from IPython.core.interactiveshell import InteractiveShell
from PIL import Image

from captioning.datasets import photo_folder
from captioning.gallery.album import Album, WrongChoice
from captioning.gallery.figure import plot_gallery
from captioning.gallery.page import PHOTO_SIDE, write_gallery
from captioning.gallery.proposals import Candidate, Proposal
from captioning.gallery.reasons import REASONS
from captioning.photos import own_files
from captioning.scoring.scores import score_captions
from tests.helpers.photo_files import encoded, plain, png

NAMES = [f"COCO_val2014_{number:012}.jpg" for number in range(1, 31)]
GOOD, BAD = NAMES[:15], NAMES[15:]          # numbers 1 to 15 and 16 to 30 of the sheets
REASON_OF_ALL = dict.fromkeys(range(16, 26), "wrong count")


@pytest.fixture(scope="module")
def album():
    captions = {name: ["a", "dog", "on", "a", "beach"] for name in NAMES}
    references = {name: ["A dog on a beach.", "Two dogs."] for name in NAMES}
    scores = score_captions(captions, {name: [["a", "dog", "on", "a", "beach"]] for name in NAMES})

    def candidate(name, hint=""):
        return Candidate(name, tuple(captions[name]), 1.0, 1.0, 0.5, hint)

    proposal = Proposal(tuple(map(candidate, GOOD)), tuple(candidate(name, "wrong count") for name in BAD))
    photo = encoded(plain())
    return Album(proposal, lambda name: photo, captions, references, scores,
                 {name: [0.5] * 5 for name in NAMES}, lambda photo: (("a", "street"), (0.5, 0.25)))


def problems(album, good, bad):
    with pytest.raises(WrongChoice) as caught:
        album.choose(good, bad)
    return str(caught.value)


# ------------------------------------------------------------------------------------------- a choice that is right

def test_photos_are_chosen_by_number_or_name_in_the_order_given(album):
    choice = album.choose([3, GOOD[0], "2", np.int64(4), *range(5, 11)], REASON_OF_ALL)
    assert [example.name for example in choice.good] == [NAMES[i] for i in (2, 0, 1, *range(3, 10))]
    assert [example.name for example in choice.bad] == BAD[:10]
    assert all(example.good for example in choice.good) and not any(example.good for example in choice.bad)
    assert {example.reason for example in choice.bad} == {"wrong count"}
    first = choice.good[0]
    assert first.score == album.scores.by_photo()[first.name] and first.written == album.references[first.name]
    assert first.confidence == pytest.approx(0.5)
    assert choice.good[0].number == 3 and choice.bad[0].number == 16
    assert str(album.choose(range(2, 12), REASON_OF_ALL | {16: "too general"})) == "10 good and 10 bad."


def test_the_programs_choice_is_said_to_be_one_until_the_learner_chooses(album, tmp_path):
    """The notebook's default names the first ten of each."""
    good, bad = GOOD[:10], dict.fromkeys(BAD[:10], "wrong count")
    default = album.choose(good, bad)
    assert str(default) == repr(default)
    assert str(default) == ("10 good and 10 bad. A program chose the good and the bad ones. "
                            "Look at the photos and choose your own.")
    text = write_gallery(tmp_path / "gallery.html", default.good, default.bad).read_text()
    assert text.count("No person has looked at them yet") == 2 and text.count("A program’s guess:") == 10
    assert "A person looked" not in text
    chosen = album.choose([*good[:9], 11], {**bad, BAD[0]: "the dog is a cat"})
    assert str(chosen) == "10 good and 10 bad."
    text = write_gallery(tmp_path / "gallery.html", chosen.good, chosen.bad).read_text()
    assert "program" not in text and text.count("A person looked at these photos") == 2
    half = album.choose([*good[:9], 11], bad)
    assert "A program chose the bad ones." in str(half) and not any(example.proposed for example in half.good)


def test_cards_carry_the_numbers_of_the_sheets(album, tmp_path):
    choice = album.choose([3, 20], {NAMES[15]: "wrong count"})
    text = write_gallery(tmp_path / "gallery.html", choice.good, choice.bad).read_text()
    assert re.findall(r"<dt>Photo</dt> <dd>(\d+)<", text) == ["3", "20", "16"]
    shown = " ".join(text.get_text() for text in plot_gallery(choice.good, choice.bad).axes[0].texts)
    assert all(f"{number}. a dog" in shown for number in (3, 20, 16))


def test_a_photo_of_either_sheet_may_be_found_good_or_bad(album):
    choice = album.choose([20], {1: "The dog is a cat."})
    assert choice.good[0].name == NAMES[19] and choice.bad[0].name == NAMES[0]
    assert choice.bad[0].reason == "The dog is a cat."
    assert album.choose([], {"16": "wrong count"}).bad[0].name == NAMES[15]


def test_too_few_are_no_mistake_but_are_said(album):
    choice = album.choose(range(1, 8), {16: "wrong count"})
    assert str(choice) == "7 good and 1 bad. Your peers expect 10 of each: choose 3 more good and 9 more bad."
    assert "Your peers" in str(album.choose([], {}))


@pytest.mark.parametrize("written", ["Wrong count.", " wrong count ", "WRONG COUNT"])
def test_a_common_reason_is_known_in_other_spellings_and_ones_own_words_stay(album, written):
    assert album.choose([], {16: written}).bad[0].reason == "wrong count"
    assert album.choose([], {16: f"{written} of dogs!"}).bad[0].reason == f"{written} of dogs!".strip()


def test_the_sheets_number_all_candidates_and_guess_what_is_wrong(album):
    texts = [" ".join(text.get_text() for text in album.sheet(good).axes[0].texts) for good in (True, False)]
    assert all(f"{number}. a dog" in texts[0] for number in range(1, 16)) and "16." not in texts[0]
    assert all(f"{number}. a dog" in texts[1] for number in range(16, 31)) and " 15." not in texts[1]
    assert texts[1].count("Perhaps wrong count?") == 15 and "Perhaps" not in texts[0]


# --------------------------------------------------------------------------------------------- photos of one's own

def test_a_photo_of_ones_own_is_captioned_and_stands_without_a_score(album, tmp_path):
    (tmp_path / "home of somebody").mkdir()
    path = tmp_path / "home of somebody" / "holiday.jpg"
    path.write_bytes(encoded(plain()))
    other = path.with_name("other.PNG")
    other.write_bytes(encoded(plain(), "PNG"))
    choice = album.choose([1, str(path)], {other: "too general"})
    own = choice.good[1], choice.bad[0]
    assert [example.name for example in own] == ["holiday.jpg", "other.PNG"]
    assert [(example.good, example.reason) for example in own] == [(True, ""), (False, "too general")]
    for example in own:
        assert example.caption == ("a", "street") and example.word_probabilities == (0.5, 0.25)
        assert example.score is None and example.written == []
    page = write_gallery(tmp_path / "gallery.html", choice.good, choice.bad).read_text()
    assert "holiday.jpg" in page and "not scored" in page and "home of somebody" not in page
    assert plot_gallery(choice.good, choice.bad)


def test_a_photo_of_ones_own_is_turned_as_its_exif_says_and_says_not_where_it_was_taken(album, tmp_path):
    exif = Image.Exif()
    exif[0x0112], exif[0x8825] = 6, {1: "N", 2: (48.0, 51.0, 29.0)}
    (tmp_path / "turned.jpg").write_bytes(encoded(plain(size=(400, 200)), exif=exif))
    seen = []
    album = Album(**{**album.__dict__, "caption_photo": lambda photo: (seen.append(photo.size), ((), ()))[1]})
    [example] = album.choose([tmp_path / "turned.jpg"], {}).good
    assert seen == [(200, 400)]
    source = write_gallery(tmp_path / "gallery.html", [example], []).read_text()
    embedded = Image.open(io.BytesIO(base64.b64decode(re.search(r"base64,([^\"]+)", source)[1])))
    assert embedded.size == (200, 400) and not embedded.getexif()


def test_a_large_photo_of_ones_own_is_captioned_and_kept_small(album, tmp_path):
    (tmp_path / "large.png").write_bytes(encoded(plain(size=(5000, 4000)), "PNG"))
    [example] = album.choose([tmp_path / "large.png"], {}).good
    assert max(example.image.size) <= 2 * PHOTO_SIDE


def test_one_file_named_in_two_ways_is_one_photo(album, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "holiday.jpg"
    path.write_bytes(encoded(plain()))
    Path("link.jpg").symlink_to(path)
    Path("folder").mkdir()
    for other in ("holiday.jpg", Path("holiday.jpg"), "folder/../holiday.jpg", "link.jpg"):
        assert f"{other!r} is among the good twice (as {str(path)!r} too)" in problems(album, [str(path), other], {})
        assert "Leave it in one of them" in problems(album, [str(path)], {other: "too general"})


def test_a_file_beside_the_notebook_is_found_from_the_projects_folder(album, tmp_path, monkeypatch):
    """The notebook changes to the project's folder, but people name files from where the notebook is."""
    for folder in ("student", "project"):
        (tmp_path / folder).mkdir()
    (tmp_path / "student" / "cafe\u0301.jpg").write_bytes(encoded(plain()))
    monkeypatch.chdir(tmp_path / "student")
    notebook = InteractiveShell()
    monkeypatch.setattr(own_files, "get_ipython", lambda: notebook)
    monkeypatch.chdir(tmp_path / "project")
    [example] = album.choose(["caf\u00e9.jpg"], {}).good
    assert example.image.size == plain().size
    said = problems(album, ["tea.jpg"], {})
    assert f"it is not in {tmp_path / 'project'} or in {tmp_path / 'student'}." in said
    assert "nor a file here: it is not there." in problems(album, [str(tmp_path / "tea.jpg")], {})


def broken_files(folder, monkeypatch):
    """Writes broken files and returns {path: what the message says}."""
    monkeypatch.setattr(photo_folder, "MAX_PHOTO_BYTES", 50_000)
    contents = {
        "cut.jpg": (encoded(plain(size=(640, 480)))[:400], "can't be decoded"),
        "text.jpg": (b"not a photo", "is not a photo (JPEG, PNG"),
        "empty.jpg": (b"", "is empty"),
        "heavy.jpg": (bytes(50_001), "has 50,001 bytes, more than 50,000"),
        "bomb.png": (png(9_000, 9_000, 8, 2, b""), "9000 x 9000 pixels are too many"),
    }
    for name, (content, _) in contents.items():
        (folder / name).write_bytes(content)
    (folder / "folder.jpg").mkdir()
    os.mkfifo(folder / "pipe.jpg")              # reading a pipe would wait forever
    said = {name: text for name, (_, text) in contents.items()}
    said |= dict.fromkeys(("folder.jpg", "pipe.jpg"), "not a file")
    return {folder / name: text for name, text in said.items()}


def test_all_broken_files_of_a_choice_are_named_with_their_reasons(album, tmp_path, monkeypatch):
    broken = broken_files(tmp_path, monkeypatch)
    lines = problems(album, list(broken), {}).splitlines()
    assert len(lines) == len(broken)
    for line, (path, said) in zip(lines, broken.items()):
        assert str(path) in line and said in line, line


# ---------------------------------------------------------------------------------------- what is wrong with a choice

WRONG = {
    "number 0": ([0], {}, "0 is no number on the sheets. They go from 1 to 30"),
    "a number too high": ([1], {31: "wrong count"}, "31 is no number"),
    "twice": ([1, 2, 1], {}, "1 is among the good twice. Name it once."),
    "number and name": ([1, NAMES[0]], {}, f"'{NAMES[0]}' is among the good twice (as 1 too)"),
    "in both lists": ([1, 16], {16: "wrong count"}, "16 is among the good and among the bad"),
    "in both, another way": ([NAMES[15]], {16: "wrong count"}, "Leave it in one of them"),
    "unknown name": (["COCO_val2014_9.jpg"], {}, "is neither the name of a validation photo nor a file here"),
    "part of a name": (["000007"], {}, "Did you mean 'COCO_val2014_000000000007.jpg'?"),
    "part of a name in capitals": (["VAL2014_000000000007"], {}, "Did you mean 'COCO_val2014_000000000007.jpg'?"),
    "a number of three digits as text": (["100"], {}, "100 is no number on the sheets"),
    "no reason": ([], {16: " "}, "16 has no reason. Say why its caption fails", "too general"),
    "None as a reason": ([], {16: None}, "16 has no reason"),
    "a list of bad ones": ([1], [16, 17], 'need a reason each: write {16: "wrong count"', "[16, 17]"),
    "one number": (3, {}, "3 is no list of good ones. Write a list like [1, 4, 7]."),
    "a string": ("1, 2", {}, "'1, 2' is no list of good ones"),
    "a list in a list": ([[1, 2]], {}, "[1, 2] names no photo"),
    "True": ([True], {}, "True names no photo"),
    "a float": ([1.5], {}, "1.5 names no photo"),
    "markup": (["<script>alert(1)</script>"], {}, "neither the name"),
    "another's home": (["~nobody-of-this-name/x.jpg"], {}, "neither the name"),
    "a null byte": (["a\0b"], {}, "neither the name"),
    "a name too long": (["x" * 9000], {}, "neither the name"),
}


@pytest.mark.parametrize("mistake", WRONG)
def test_each_wrong_choice_is_said_in_a_sentence(album, mistake):
    good, bad, *texts = WRONG[mistake]
    said = problems(album, good, bad)
    assert all(text in said for text in texts), said
    assert len(said) < 500


def test_a_part_of_several_names_is_not_guessed_at(album):
    assert "meant?" not in problems(album, ["COCO_val2014"], {})


def test_all_that_is_wrong_with_a_choice_is_said_at_once(album):
    said = problems(album, [0, 1, 1, "nowhere.jpg"], {1: "", 99: "wrong count"})
    assert len(said.splitlines()) == 6
    assert all(reason in said for reason in REASONS)


def test_a_notebook_shows_a_wrong_choice_without_a_traceback(tmp_path):
    import nbformat
    from nbclient import NotebookClient

    sources = ["from captioning.gallery.album import WrongChoice",
               "def f():\n    raise WrongChoice(['0 is no number.', '99 is no number.'])\nf()"]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
    NotebookClient(notebook, timeout=60, allow_errors=True, resources={"metadata": {"path": str(tmp_path)}}).execute()
    [output] = notebook.cells[1].outputs
    assert output.output_type == "error" and output.traceback == ["0 is no number.", "99 is no number."]


def test_names_of_photos_are_found_before_files(album, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path(NAMES[0]).write_bytes(b"another photo of the same name")
    assert album.choose([NAMES[0]], {}).good[0].score is not None
