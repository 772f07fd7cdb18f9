"""Makes a dataset of MSCOCO's size in minutes: captions of our own, tiny photos, embeddings that carry the captions.

    python -m benchmarks.full_size_data [FOLDER] [--photos 123287]

The folder has MSCOCO's layout. Its captions are those of the drawn world's grammar, with rare words strewn in, so that
there are about as many tokens and words as in MSCOCO. All photos are alike, a grey square: the encoder never sees them.
The same seed gives the same bytes.
"""

import argparse
import io
import json
import re
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.sparse import csr_array
from tqdm import tqdm

from captioning.datasets.drawn.captions import captions_of
from captioning.datasets.drawn.situations import make_scene
from captioning.datasets.splits import Split
from captioning.datasets.tokens import split_sentence
from captioning.encoder.batches import EMBED_BATCH
from captioning.storage.files import written_aside

PHOTOS = {"train": 82_783, "val": 40_504}           # MSCOCO 2014's
RARE_WORDS = 15_000         # that there are; of them, about 8,600 occur five times or more in the training captions
RARE_PER_PHOTO = 2          # each caption has each of them with a probability of RARE_SHARE
RARE_SHARE = 0.45
NOISE = 0.5                 # of an embedding, where each word adds numbers of variance 1
SYLLABLES = [consonant + vowel for consonant in "bdfgklmnprstvz" for vowel in "aeiou"]


def rare_word(rank: int) -> str:
    """The word of this rank, 0 for the most frequent one: three syllables that are no other's."""
    return "".join(SYLLABLES[rank // len(SYLLABLES) ** place % len(SYLLABLES)] for place in range(3))


def make_captions(seed: int, split: str, index: int) -> list[str]:
    """Five captions of a photo. They depend on these three alone."""
    rng = np.random.default_rng([seed, list(PHOTOS).index(split), index])
    ranks = (RARE_WORDS ** rng.random(RARE_PER_PHOTO)).astype(int) - 1              # by Zipf's law
    captions = captions_of(make_scene(rng), rng)
    for rank in ranks:
        captions = [re.sub(r"\b(an?|the|some|two|three)\b", rf"\1 {rare_word(rank)}", caption, count=1, flags=re.I)
                    if rng.random() < RARE_SHARE else caption for caption in captions]
    return captions


def make_dataset(folder, photos: int = sum(PHOTOS.values()), seed: int = 0):
    """Writes the photos and the captions, in the layout of MSCOCO 2014. What is there already stays.

    Args:
        folder: where the three zips go.
        photos: of both splits; they keep MSCOCO's proportion.
        seed: another seed gives other captions.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    annotations = folder / "annotations_trainval2014.zip"
    if annotations.exists():
        return
    train = round(photos * PHOTOS["train"] / sum(PHOTOS.values()))
    with written_aside(annotations) as aside, zipfile.ZipFile(aside, "w", zipfile.ZIP_DEFLATED) as archive:
        for split, total in (("train", train), ("val", photos - train)):
            ids = range(1, total + 1)
            _write_photos(folder / f"{split}2014.zip", split, ids)
            entries = [(i, caption) for i in tqdm(ids, f"captions, {split}")
                       for caption in make_captions(seed, split, i)]
            archive.writestr(f"annotations/captions_{split}2014.json", json.dumps({
                "images": [_image(split, i) for i in ids],
                "annotations": [{"image_id": i, "id": number, "caption": caption}
                                for number, (i, caption) in enumerate(entries)]}))


def _name(split: str, image_id: int) -> str:
    return f"COCO_{split}2014_{image_id:012d}.jpg"


def _image(split: str, image_id: int) -> dict:
    """What MSCOCO says about a photo, with as many values."""
    name = _name(split, image_id)
    return {"license": 3, "file_name": name, "coco_url": f"http://images.invalid/{split}2014/{name}", "height": 32,
            "width": 32, "date_captured": "2014-01-01 00:00:00", "flickr_url": f"http://photos.invalid/{name}",
            "id": image_id}


def _write_photos(path: Path, split: str, ids):
    """Writes a zip of photos that are all alike."""
    jpeg = io.BytesIO()
    Image.new("RGB", (32, 32), (128, 128, 128)).save(jpeg, "JPEG")
    with written_aside(path) as aside, zipfile.ZipFile(aside, "w") as archive:
        for image_id in ids:
            archive.writestr(zipfile.ZipInfo(f"{split}2014/{_name(split, image_id)}"), jpeg.getvalue())


def made_up_embeddings(split: Split, width: int, seed: int = 0):
    """Computes embeddings from captions, in place of a network; for `embed_split`.

    Each word adds its own random numbers, and there is noise. So photos of like content have like embeddings.

    Args:
        split: the photos, with captions.
        width: of an embedding.
        seed: of the words' numbers and of the noise.

    Returns:
        A function as `captioning.encoder.batches.embed_batches`.
    """
    words = [{word for caption in of_photo for word in split_sentence(caption)} for of_photo in split.captions]
    column = {word: place for place, word in enumerate(sorted(set().union(*words)))}
    starts = np.cumsum([0, *map(len, words)])
    places = [column[word] for of_photo in words for word in sorted(of_photo)]
    present = csr_array((np.ones(len(places), np.float32), places, starts), shape=(len(words), len(column)))
    numbers = np.stack([_numbers(word, width, seed) for word in column])

    def compute(photos, names, missing, encoder):
        for start in missing:
            rows = present[start:start + EMBED_BATCH] @ numbers
            rows += NOISE * np.random.default_rng([seed, start]).standard_normal(rows.shape, np.float32)
            yield start, rows.astype(np.float16), {}

    return compute


def _numbers(word: str, width: int, seed: int) -> np.ndarray:
    """The numbers of a word, (width,) float32: the same in both splits."""
    return np.random.default_rng([seed, *word.encode()]).standard_normal(width, np.float32)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.full_size_data", description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", default="data/full_size", help="where the zips go (default: %(default)s)")
    parser.add_argument("--photos", type=int, default=sum(PHOTOS.values()), help="of both splits (default: MSCOCO's)")
    asked = parser.parse_args()
    make_dataset(asked.folder, asked.photos)
