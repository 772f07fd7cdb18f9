"""Choosing examples for the gallery: by number on the contact sheets, by name, or from the author's own files.

Example:
    album = Album(proposal, val_photos.read, captions, references, by_beam, probabilities, caption_photo)
    album.sheet(good=True)                                              # a figure with numbered photos
    choice = album.choose([1, 4, "holiday.jpg"], {16: "wrong count", 21: "the kite is a bird"})
    write_gallery("outputs/gallery.html", choice.good, choice.bad)
"""

import numbers
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from matplotlib.figure import Figure
from PIL import Image

from captioning.datasets.photo_folder import read_photo_file
from captioning.datasets.photo_zip import BadPhoto, composed
from captioning.decoder.errors import ShownAlone
from captioning.gallery.examples import Example
from captioning.gallery.figure import plot_contact_sheet
from captioning.gallery.page import PHOTO_SIDE
from captioning.gallery.proposals import Candidate, Proposal
from captioning.gallery.reasons import REASONS
from captioning.photos import own_files
from captioning.photos.decode import decode_photo
from captioning.scoring.scores import Scores
from captioning.scoring.words import Words

EXPECTED = 10               # good examples, and bad ones, that peers expect to review
Entry = int | str | Path    # how a learner names a photo


class WrongChoice(ShownAlone, ValueError):
    """Lists all mistakes in a choice, one a line."""

    def __init__(self, problems: Iterable[str]):
        """Makes the error.

        Args:
            problems: a sentence for each mistake.
        """
        super().__init__("\n".join(problems))


@dataclass(frozen=True, repr=False)
class Choice:
    """The chosen examples. As text, it says how many there are, how many are missing, and whether a program chose."""

    good: tuple[Example, ...]
    bad: tuple[Example, ...]

    def __str__(self) -> str:
        kinds = (("good", self.good), ("bad", self.bad))
        missing = [f"{EXPECTED - len(examples)} more {kind}" for kind, examples in kinds if len(examples) < EXPECTED]
        proposed = [kind for kind, examples in kinds if any(example.proposed for example in examples)]
        return (f"{len(self.good)} good and {len(self.bad)} bad."
                + (f" Your peers expect {EXPECTED} of each: choose {' and '.join(missing)}." if missing else "")
                + (f" A program chose the {' and the '.join(proposed)} ones. Look at the photos and choose your own."
                   if proposed else ""))

    __repr__ = __str__


@dataclass(frozen=True, repr=False)
class Album:
    """The photos to choose from, and what is known of them.

    Attributes:
        proposal: its candidates are numbered from 1, first the good ones, then the bad ones.
        read: returns the bytes of a photo by its name.
        captions: name -> words.
        references: name -> what people wrote, sentences or lists of words.
        scores: of the captions.
        word_probabilities: name -> the probability of each word, 0..1.
        caption_photo: writes a caption for the learner's own photo: its words, and the probability of each.
    """

    proposal: Proposal
    read: Callable[[str], bytes]
    captions: Mapping[str, Words]
    references: Mapping[str, Sequence[str | Words]]
    scores: Scores
    word_probabilities: Mapping[str, Sequence[float]]
    caption_photo: Callable[[Image.Image], tuple[Words, Sequence[float]]]

    def sheet(self, good: bool) -> Figure:
        """Plots the good or the bad candidates with their numbers.

        Args:
            good: True for the good ones; False for the bad ones, with a guess at what is wrong with each.

        Returns:
            A Figure.
        """
        candidates, cider = self.proposal.good if good else self.proposal.bad, self.scores.by_photo("CIDEr")
        return plot_contact_sheet([self._known(each.name, good, each.hint, cider) for each in candidates])

    def choose(self, good: Iterable[Entry], bad: Mapping[Entry, str]) -> Choice:
        """Makes the examples that a learner names, in the same order.

        A photo is named by its number on the sheets, by its name, or by the path of a file. A photo from a file gets
        its caption now, and has no references and no score.

        Args:
            good: photos with captions that fit.
            bad: photo -> the reason why its caption fails.

        Returns:
            The examples.

        Raises:
            WrongChoice: if there are mistakes. It lists all of them.
        """
        _check_kinds(good, bad)
        problems: list[str] = []
        fit, fail = self._picks(good, "good", problems), self._picks(bad, "bad", problems)
        problems += [f"{fail[key].entry!r} is among the good and among the bad. Leave it in one of them."
                     for key in fail if key in fit]
        common = ", ".join(REASONS)
        problems += [f"{pick.entry!r} has no reason. Say why its caption fails, in your own words or with one of "
                     f"these: {common}." for pick in fail.values() if not _reason(bad[pick.entry])]
        if problems:
            raise WrongChoice(problems)
        cider = self.scores.by_photo("CIDEr")
        return Choice(
            _marked([self._example(pick, True, "", cider) for pick in fit.values()], self.proposal.good),
            _marked([self._example(pick, False, _reason(bad[pick.entry]), cider) for pick in fail.values()],
                    self.proposal.bad))

    def _picks(self, entries: Iterable[Entry], kind: str, problems: list[str]) -> dict[str | Path, "_Pick"]:
        """Finds the photos that `entries` name, and adds a sentence to `problems` for each mistake."""
        picks: dict[str | Path, _Pick] = {}
        for entry in entries:
            try:
                pick = self._pick(entry)
            except ValueError as error:
                problems.append(str(error))
                continue
            if pick.key in picks:
                other = picks[pick.key].entry
                again = f" (as {other!r} too)" if other != entry else ""
                problems.append(f"{entry!r} is among the {kind} twice{again}. Name it once.")
            picks[pick.key] = pick
        return picks

    def _pick(self, entry: Entry) -> "_Pick":
        """Finds the photo that an entry names. Raises ValueError if there is none."""
        numbered = self.proposal.numbered
        number = int(entry) if isinstance(entry, str) and re.fullmatch("[1-9][0-9]{0,2}", entry.strip()) else entry
        if isinstance(number, numbers.Integral) and not isinstance(number, bool):
            if not 1 <= number <= len(numbered):
                raise ValueError(f"{number} is no number on the sheets. They go from 1 to {len(numbered)}.")
            return _Pick(entry, numbered[number - 1].name)
        if not isinstance(entry, (str, Path)):
            raise ValueError(f"{entry!r:.80} names no photo. Give a number on the sheets, a name, or a path.")
        if composed(str(entry)) in self.captions:
            return _Pick(entry, composed(str(entry)))
        path = own_files.find(entry)
        if path is None:
            raise ValueError(f"{str(entry)!r:.200} is neither the name of a validation photo nor a file here: "
                             f"it {own_files.not_found(entry)}.{self._nearly(str(entry))}")
        try:
            return _Pick(entry, path.resolve(), decode_photo(read_photo_file(path)))
        except BadPhoto as error:
            raise ValueError(f"{str(entry)!r:.200} {error}.") from None

    def _nearly(self, text: str) -> str:
        """Asks whether the only name that contains `text` is meant: people leave out zeros and endings."""
        names = [name for name in self.captions if text.strip() and text.strip().lower() in name.lower()]
        return f" Did you mean {names[0]!r}?" if len(names) == 1 else ""

    def _example(self, pick: "_Pick", good: bool, reason: str, cider: Mapping[str, float]) -> Example:
        """Makes the example of a chosen photo, and a caption if the photo is from a file."""
        if pick.photo is None:
            return self._known(pick.key, good, reason, cider)
        words, probabilities = self.caption_photo(pick.photo)
        pick.photo.thumbnail((2 * PHOTO_SIDE, 2 * PHOTO_SIDE))          # the page needs no more pixels
        return Example(pick.key.name, pick.photo, words, word_probabilities=probabilities, good=good, reason=reason)

    def _known(self, name: str, good: bool, reason: str, cider: Mapping[str, float]) -> Example:
        """Makes the example of a photo that already has a caption and a score."""
        number = next((place for place, each in enumerate(self.proposal.numbered, 1) if each.name == name), None)
        return Example(name, self.read(name), self.captions[name], self.references[name], cider[name],
                       self.word_probabilities[name], good, reason, number)


@dataclass(frozen=True)
class _Pick:
    """A chosen photo.

    Attributes:
        entry: how the learner named it.
        key: its name, or the path of its file.
        photo: if it is from a file, the photo.
    """

    entry: Entry
    key: str | Path
    photo: Image.Image | None = None


def _marked(examples: list[Example], proposed: Sequence[Candidate]) -> tuple[Example, ...]:
    """Marks the examples as proposed if they are the first candidates with their hints: the notebook's default."""
    ours = [(example.name, example.reason) for example in examples]
    default = ours == [(candidate.name, candidate.hint) for candidate in proposed[:EXPECTED]]
    return tuple(replace(example, proposed=default) for example in examples)


def _reason(text) -> str:
    """Cleans a reason. If it is in REASONS but for upper case and full stop, returns it as written there."""
    text = text.strip() if isinstance(text, str) else ""
    plain = text.lower().rstrip(".")
    return plain if plain in REASONS else text


def _check_kinds(good, bad):
    """Raises WrongChoice unless `good` is like a list and `bad` like a dictionary."""
    problems = []
    if isinstance(good, (str, bytes)) or not isinstance(good, Iterable):
        problems.append(f"{good!r:.80} is no list of good ones. Write a list like [1, 4, 7].")
    if not isinstance(bad, Mapping):
        problems.append(f"{bad!r:.80} has no reasons. The bad ones need a reason each: "
                        "write {16: \"wrong count\", 17: \"…\"}.")
    if problems:
        raise WrongChoice(problems)
