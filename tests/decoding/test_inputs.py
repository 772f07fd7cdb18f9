"""A caption writer knows its encoder. It refuses other embeddings and encoders, wrong shapes, NaN and infinity."""

import re
import warnings

import keras
import numpy as np
import pytest
from keras import layers as L

from captioning.datasets.tokens import END, PAD, START, UNK
from captioning.decoding.inputs import OF_PHOTOS
from captioning.decoding.writer import CaptionWriter
from captioning.encoder.cache import Embeddings, embed_split
from captioning.encoder.recipes import ARITHMETIC
from tests.helpers.photo_files import MeanColour, coloured_zip, split_of

VOCAB = {token: index for index, token in enumerate(sorted([PAD, UNK, START, END, "a", "b"]))}
WIDTH = 16
ENCODER = {"encoder": "mean colour", "weights": "none", "precision": "float32"}
RECIPE = ENCODER | {"photos": "sha256 of the training photos", "resize": "bicubic", "batch": 32, "crop": "centre"}

WAYS = {
    "greedy": lambda w, x: w.greedy(x), "beam": lambda w, x: w.beam(x, 2), "beams": lambda w, x: w.beams(x, 2),
    "sample": lambda w, x: w.sample(x, seed=1),
}
of_each_way = pytest.mark.parametrize("write", WAYS.values(), ids=WAYS)


class SmallEncoder:
    """Embeds a photo as its first WIDTH values, and counts the photos of each call."""

    def __init__(self, **recipe):
        self.recipe, self.calls = ENCODER | recipe, []

    def __call__(self, photos):
        """Embeddings, (B, WIDTH) float32."""
        self.calls.append(len(photos))
        return photos.reshape(len(photos), -1)[:, :WIDTH].astype(np.float32) / 255


def writer_with(recipe):
    """A random decoder that was trained with such embeddings."""
    keras.utils.set_random_seed(0)
    embedding = keras.Input((WIDTH,))
    state = L.Dense(4, activation="tanh")(embedding)
    word, h, c = keras.Input((), dtype="int32"), keras.Input((4,)), keras.Input((4,))
    new_h, [_, new_c] = L.LSTMCell(4)(L.Embedding(len(VOCAB), 4)(word), [h, c])
    one_step = keras.Model([word, h, c], [L.Dense(len(VOCAB))(new_h), new_h, new_c])
    return CaptionWriter(keras.Model(embedding, [state, state]), one_step, VOCAB, 4, recipe=recipe)


@pytest.fixture(scope="module")
def writer():
    """A writer that knows its encoder."""
    return writer_with(RECIPE)


@pytest.fixture(scope="module")
def few_at_a_time():
    """A writer that takes two photos at a time."""
    writer = writer_with(RECIPE)
    writer.batch_size = 2
    return writer


def rows():
    """Embeddings of five photos."""
    return np.random.default_rng(0).normal(size=(5, WIDTH)).astype(np.float16)


def embeddings(skipped=(), **recipe):
    """`rows()` as they come from a cache."""
    names = [f"{i}.jpg" for i in range(5)]
    return Embeddings(names, rows(), dict.fromkeys(skipped, "is broken"), RECIPE | recipe)


# ------------------------------------------------------------------------------------------ which encoder

@of_each_way
@pytest.mark.parametrize("other, message", [
    ({"weights": "imagenet"}, "weights: 'imagenet' in the embeddings, 'none' in the decoder"),
    ({"encoder": "MobileNetV3"}, "encoder: 'MobileNetV3' in the embeddings, 'mean colour' in the decoder"),
    ({"precision": "int8", "quantised": "x"}, "precision: 'int8' in the embeddings, 'float32' in the decoder; "
                                              "quantised: 'x' in the embeddings, None in the decoder"),
    ({"crop": "all"}, "crop: 'all' in the embeddings, 'centre' in the decoder"),
], ids=lambda each: next(iter(each)) if isinstance(each, dict) else "")
def test_embeddings_of_another_encoder_are_refused_with_both_values(writer, write, other, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        write(writer, embeddings(**other))


@of_each_way
def test_embeddings_of_other_photos_are_taken_without_the_rows_that_were_skipped(writer, write):
    found = write(writer, embeddings(skipped=("1.jpg", "4.jpg"), photos="sha256 of other photos"))
    assert found == write(writer, rows()[[0, 2, 3]])


def test_a_writer_that_does_not_know_its_encoder_takes_embeddings_and_compares_no_encoder():
    unknown = writer_with(None)
    assert unknown.greedy(embeddings(weights="imagenet")) == unknown.greedy(rows())
    for check in (unknown.require_encoder, lambda encoder: unknown.caption_photos(encoder, rows())):
        with pytest.raises(ValueError, match=r"does not know its encoder.*recipe=embeddings\.recipe"):
            check(SmallEncoder())


def test_an_encoder_is_known_by_its_recipe(writer):
    writer.require_encoder(SmallEncoder())
    for changed, message in (({"weights": "x"}, "weights: 'x' in the encoder, 'none' in the decoder"),
                             ({"calibration": "y"}, "calibration: 'y' in the encoder, None in the decoder")):
        with pytest.raises(ValueError, match=re.escape(message)):
            writer.require_encoder(SmallEncoder(**changed))
    with pytest.raises(ValueError, match="quantised: None in the encoder, 'z' in the decoder"):
        writer_with(RECIPE | {"quantised": "z"}).require_encoder(SmallEncoder())


def test_an_encoder_on_another_machine_is_known_and_a_warning_names_both_values(writer):
    """Another processor rounds otherwise, and may lack bfloat16."""
    with pytest.warns(UserWarning, match="arithmetic: 'x' in the encoder, None in the decoder") as warned:
        writer.require_encoder(SmallEncoder(**{ARITHMETIC: "x"}))
    assert warned[0].filename == __file__
    with pytest.warns(UserWarning, match="arithmetic: 'x' in the embeddings, None in the decoder"):
        writer.greedy(embeddings(**{ARITHMETIC: "x"}))
    with pytest.warns(UserWarning, match="precision: 'float32' in the encoder, 'bfloat16' in the decoder"):
        writer_with(RECIPE | {"precision": "bfloat16"}).require_encoder(SmallEncoder())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        writer.require_encoder(SmallEncoder())
        writer.greedy(embeddings(photos="others"))
    with pytest.raises(ValueError, match="precision: 'bfloat16' in the encoder, 'float32' in the decoder"):
        writer.require_encoder(SmallEncoder(precision="bfloat16"))


def test_photos_are_captioned_with_the_decoders_encoder_and_no_other(writer):
    crops = np.random.default_rng(0).integers(0, 256, (70, 8, 8, 3), np.uint8)
    encoder, other = SmallEncoder(), SmallEncoder(weights="x")
    assert writer.caption_photos(encoder, crops, no_repeat=2) == writer.beam(encoder(crops), no_repeat=2)
    assert max(encoder.calls[:-1]) <= 32                    # a network's memory grows with the photos of a call
    assert writer.caption_photos(encoder, crops[:0]) == []
    with pytest.raises(ValueError, match="in the encoder"):
        writer.caption_photos(other, crops)
    assert other.calls == []


def test_what_embedding_adds_to_an_encoders_recipe_is_known(tmp_path):
    """A key that is missing from the list would be compared, and the decoder's own encoder refused."""
    encoder = MeanColour()
    made = embed_split(split_of(coloured_zip(tmp_path / "photos.zip", 3)), encoder, tmp_path / "cache")
    assert set(made.recipe) == {*encoder.recipe, *OF_PHOTOS}
    assert not set(OF_PHOTOS) & set(encoder.recipe)
    writer_with(made.recipe).require_encoder(encoder)


# ---------------------------------------------------------------------------------------- shapes and values

@of_each_way
@pytest.mark.parametrize("wrong", [(WIDTH,), (3, WIDTH - 1), (3, 2048), (3, 1, WIDTH), (0,), ()], ids=str)
def test_embeddings_of_another_shape_are_refused_with_both_shapes(writer, write, wrong):
    message = f"have the shape {wrong}, but this decoder takes (photos, {WIDTH})"
    with pytest.raises(ValueError, match=re.escape(message)):
        write(writer, np.zeros(wrong, np.float32))


@of_each_way
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_embeddings_that_are_not_finite_are_refused_with_their_row(few_at_a_time, write, value):
    for row in (0, 4):
        broken = rows()
        broken[row, 3] = value
        with pytest.raises(ValueError, match=f"^Row {row} of the embeddings has NaN or infinite values"):
            write(few_at_a_time, broken)


def test_next_words_checks_its_embedding_too(writer):
    [caption] = writer.greedy(rows()[:1])
    assert writer.next_words(rows()[0], caption)
    with pytest.raises(ValueError, match=r"has the shape \(1, 16\), but this decoder takes \(16,\)"):
        writer.next_words(rows()[:1], caption)
    with pytest.raises(ValueError, match="NaN or infinite"):
        writer.next_words(np.full(WIDTH, np.nan), caption)
