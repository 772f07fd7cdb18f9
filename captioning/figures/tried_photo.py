"""The parts of the page that app.py shows, as HTML: a photo's captions, and the training photos most like it."""

from pathlib import Path

import numpy as np

from captioning.datasets.photo_folder import Photos, read_photo_file
from captioning.datasets.photo_zip import BadPhoto
from captioning.decoding.caption import Caption
from captioning.decoding.finished_course import Course
from captioning.decoding.photo_captions import NO_REPEAT
from captioning.encoder.cnn import Encoder
from captioning.figures.pictures import jpeg_data_url
from captioning.figures.words import words_of
from captioning.markup import render
from captioning.photos.crop import center_crop
from captioning.photos.decode import decode_photo, readable_photos
from captioning.scoring.nearest import nearest_photos

SAMPLES, WIDTH, NEAREST = 3, 3, 4           # captions; beams; photos
PHOTO_SIDE = 400                            # longer side of a photo, pixels


class TriedPhotos:
    """Captions for photos that people try.

    Args:
        course: The finished run that wrote the decoder.
        encoder: The one that the decoder was trained with.
        photos: The opened training photos.

    Raises:
        ValueError: The encoder is another one.
    """

    def __init__(self, course: Course, encoder: Encoder, photos: Photos):
        course.writer.require_encoder(encoder)
        self.course, self.encoder, self.photos = course, encoder, photos

    def look(self, path: str | None) -> tuple[np.ndarray | None, str, str, str]:
        """Embeds a photo and writes its likeliest captions.

        Args:
            path: The photo's file; None if there is none.

        Returns:
            The embedding, (1, D) float16, and HTML of the photo, its captions, and the nearest training photos. Without
            a usable photo: None, the reason, and nothing.
        """
        if path is None:
            return None, "", "", ""
        try:
            photo = decode_photo(read_photo_file(path))
        except BadPhoto as error:
            return None, _html(problem=f"{Path(path).name} {error}. Choose another file."), "", ""
        embedding = self.encoder(center_crop(photo, self.encoder.size)[None]).astype(np.float16)
        writer = self.course.writer
        captions = _html(groups=[
            ("Greedy", "the likeliest word at each step", writer.greedy(embedding, NO_REPEAT)),
            ("Beam search", f"{WIDTH} sentences, best first",
             writer.beams(embedding, WIDTH, no_repeat=NO_REPEAT)[0])])
        return embedding, _html(photos=[_shown(photo)]), captions, self._nearest(embedding)

    def sample(self, embedding: np.ndarray | None, temperature: float) -> str:
        """HTML of some sampled captions, others each time; empty without an embedding."""
        if embedding is None:
            return ""
        seed = int(np.random.default_rng().integers(2 ** 32))
        captions = self.course.writer.sample(np.repeat(embedding, SAMPLES, axis=0), temperature, seed)
        return _html(groups=[("Sampled", f"each word by chance, at temperature {temperature:g}", captions)])

    def _nearest(self, embedding) -> str:
        """HTML of the training photos with the nearest embeddings."""
        train, embeddings = self.course.train, self.course.train_img_embeds
        rows, cosines = nearest_photos(embeddings, embedding, min(NEAREST, len(embeddings)))
        found = {train.names[row]: (train.captions[row][0], f"cosine {cosine:.2f}")
                 for row, cosine in zip(rows[0], cosines[0])}
        photos = readable_photos(self.photos, found, len(found))
        return _html(title="The training photos that look most alike to the encoder",
                     photos=[_shown(photo, *found[name]) for name, photo in photos.items()])


def _html(problem: str = "", photos=(), title: str = "", groups=()) -> str:
    """A part of the page. groups: (heading, note, captions) of each way to write them."""
    return render("figures/tried_photo.html.j2", problem=problem, photos=photos, title=title, groups=[
        (heading, note, [_percents(caption) for caption in captions]) for heading, note, captions in groups])


def _percents(caption: Caption) -> list[tuple[str, int | None]]:
    """The words of a caption, with their probabilities in per cent."""
    return [(word, None if p is None else round(100 * p)) for word, p in zip(*words_of(caption))]


def _shown(photo, caption: str = "", note: str = "") -> dict:
    """A photo as the template takes it."""
    small = photo.copy()
    small.thumbnail((PHOTO_SIDE, PHOTO_SIDE))
    return {"url": jpeg_data_url(small, quality=85), "caption": caption, "note": note}
