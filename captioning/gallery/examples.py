"""One photo of the gallery with its caption."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from PIL import Image, ImageOps

from captioning.datasets.photo_zip import BadPhoto
from captioning.gallery.proposals import caption_confidence
from captioning.photos.decode import decode_photo
from captioning.scoring.words import Words


@dataclass(frozen=True, eq=False)
class Example:
    """One photo with the caption that the model wrote.

    Attributes:
        name: of the photo.
        photo: encoded bytes (JPEG, PNG, ...) or a PIL image.
        caption: its words.
        references: what people wrote, each a sentence or a list of words. The author's own photos have none.
        score: CIDEr of this photo, 0..10, or None.
        word_probabilities: one for each word of the caption, 0..1, or None.
        good: whether the caption fits.
        reason: why a bad caption fails, a key of REASONS or any sentence.
        number: of the photo on the contact sheets, or None.
        proposed: whether a program chose the photo and guessed the reason, and no person has yet.

    Raises:
        ValueError: if the caption is a string, or the probabilities do not match the words.
    """

    name: str
    photo: bytes | Image.Image = field(repr=False)
    caption: Words
    references: Sequence[str | Words] = ()
    score: float | None = None
    word_probabilities: Sequence[float] | None = None
    good: bool = True
    reason: str = ""
    number: int | None = None
    proposed: bool = False

    def __post_init__(self):
        if isinstance(self.caption, str):
            raise ValueError(f"The caption of {self.name!r} is the string {self.caption!r}. Give a list of words.")
        object.__setattr__(self, "caption", tuple(self.caption))
        if self.word_probabilities is None:
            return
        object.__setattr__(self, "word_probabilities", tuple(map(float, self.word_probabilities)))
        if len(self.word_probabilities) != len(self.caption):
            raise ValueError(
                f"{self.name!r} has {len(self.caption)} words and {len(self.word_probabilities)} probabilities. "
                "Give one probability for each word, and none for END."
            )
        if not all(0 <= probability <= 1 for probability in self.word_probabilities):
            raise ValueError(f"{self.name!r} has probabilities outside 0 to 1: {list(self.word_probabilities)}.")

    @property
    def text(self) -> str:
        """The caption as a sentence, "(no words)" if it is empty."""
        return " ".join(self.caption) or "(no words)"

    @property
    def written(self) -> list[str]:
        """The references as sentences."""
        return [words if isinstance(words, str) else " ".join(words) for words in self.references]

    @property
    def own(self) -> bool:
        """Whether it is the author's own photo, without score and references."""
        return self.score is None and not self.references

    @property
    def confidence(self) -> float | None:
        """Geometric mean of the word probabilities, 0..1."""
        return None if self.word_probabilities is None else caption_confidence(self.word_probabilities)

    @property
    def image(self) -> Image.Image:
        """The photo as RGB, turned as its EXIF says.

        Raises:
            ValueError: if it can't be decoded. The message names it.
        """
        if isinstance(self.photo, Image.Image):
            return ImageOps.exif_transpose(self.photo).convert("RGB")
        try:
            return decode_photo(self.photo)
        except BadPhoto as error:
            raise ValueError(f"{self.name!r} {error}. Choose another photo for the gallery.") from None
