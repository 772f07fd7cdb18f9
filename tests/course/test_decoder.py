"""The course's decoder and its batches: shapes, masking, learning by heart, captions that depend on the photo."""

import keras
import numpy as np
import pytest
from keras import ops

from captioning.datasets.tokens import END, PAD, START, UNK
from captioning.decoder.trainer import Data, Trainer
from captioning.decoding.writer import CaptionWriter
from captioning.settings import Settings

CAPTIONS = [[f"a {colour} {thing} {where}"] for colour in ("red", "green", "blue", "white", "black")
            for thing in ("car", "cat") for where in ("on a street", "by the sea in the early morning")]


@pytest.fixture(scope="module")
def model(course):
    """The course's own solutions on 20 made-up photos, each with a caption of its own."""
    text = course("split_sentence", "generate_vocabulary", "caption_tokens_to_indices", "batch_captions_to_matrix",
                  PAD=PAD, UNK=UNK, START=START, END=END)
    vocab = text.generate_vocabulary(CAPTIONS * 5)
    indexed = text.caption_tokens_to_indices(CAPTIONS, vocab)
    images = np.random.default_rng(0).normal(size=(len(CAPTIONS), 2048)).astype(np.float16)
    keras.utils.set_random_seed(0)
    made = course("generate_batch", "decoder", "final_model", vocab=vocab,
                  settings=Settings(dropout=0.0, image_dropout=0.0),
                  val_img_embeds=images, batch_captions_to_matrix=text.batch_captions_to_matrix,
                  IMG_EMBED_BOTTLENECK=120, WORD_EMBED_SIZE=100, LSTM_UNITS=300, LOGIT_BOTTLENECK=120,
                  PAD=PAD, START=START, END=END, UNK=UNK)
    made.vocab, made.indexed, made.images = vocab, indexed, images
    return made


def loss_of(model, sentences, images=None):
    """Loss of a batch of sentences, for the first photos or for given images."""
    loss = keras.Model([model.decoder.img_embeds, model.decoder.sentences], model.decoder.loss)
    images = model.images[:len(sentences)] if images is None else images
    return float(loss([np.float32(images), np.array(sentences, np.int32)], training=False))


def test_shapes_are_those_of_the_course(model):
    names = "h0 word_embeds hidden_states flat_hidden_states flat_token_logits flat_ground_truth flat_loss_mask loss"
    tensors = [getattr(model.decoder, name) for name in names.split()]
    batch = np.zeros((32, 2048), np.float32), np.zeros((32, 20), np.int32)
    found = [tuple(t.shape) for t in keras.Model([model.decoder.img_embeds, model.decoder.sentences], tensors)(batch)]
    words = len(model.vocab)
    assert found == [(32, 300), (32, 19, 100), (32, 19, 300), (608, 300), (608, words), (608,), (608,), ()]


def test_padding_has_no_effect_on_the_loss(model):
    pad = model.vocab[PAD]
    caption = model.indexed[0][0]
    padded = caption + [pad] * 9
    assert loss_of(model, [padded]) == pytest.approx(loss_of(model, [caption]), rel=1e-6)
    longer = model.indexed[1][0]
    both = [caption + [pad] * (len(longer) - len(caption)), longer]
    words = [len(caption) - 1, len(longer) - 1]
    mean = np.average([loss_of(model, [caption]), loss_of(model, [longer], model.images[1:2])], weights=words)
    assert loss_of(model, both) == pytest.approx(mean, rel=1e-5)


def test_a_batch_holds_each_photo_with_a_caption_of_its_own(model):
    batch = model.generate_batch(model.images, model.indexed, 8, 20, np.random.default_rng(0))
    assert batch["img_embeds"].shape == (8, 2048) and batch["img_embeds"].dtype == np.float32
    for image, sentence in zip(batch["img_embeds"], batch["sentences"]):
        row = int(np.flatnonzero((model.images == image.astype(np.float16)).all(axis=1))[0])
        assert [i for i in sentence if i != model.vocab[PAD]] in model.indexed[row]


def test_every_caption_of_a_photo_is_taken_about_equally_often(model):
    indexed = [[[i], [i + 10], [i + 20]] for i in range(4)]
    rng = np.random.default_rng(0)
    taken = np.concatenate([model.generate_batch(model.images[:4], indexed, 4, None, rng)["sentences"][:, 0]
                            for _ in range(900)])
    counts = np.unique(taken, return_counts=True)[1]
    assert len(counts) == 12 and counts.min() > 240 and counts.max() < 360


def test_twenty_captions_are_learnt_by_heart_and_differ_by_photo(model, tmp_path):
    """A decoder that can't overfit can't learn. Afterwards the photo decides the caption."""
    settings = Settings(epochs=1, batches_per_epoch=150, batch_size=20, val_batches=1, dropout=0.0,
                        learning_rate=5e-3, checkpoint_root=tmp_path)
    data = Data(model.images, model.indexed)
    trainer = Trainer(model.decoder, model.generate_batch, data, data, model.vocab, settings, recipe={})
    trainer.fit()
    matrix = model.generate_batch(model.images, model.indexed, 20, 20, np.random.default_rng(0))
    assert loss_of(model, matrix["sentences"], matrix["img_embeds"]) < 0.1
    writer = CaptionWriter(model.final_model.initial_state, model.final_model.one_step, model.vocab)
    for captions in (writer.greedy(model.images), writer.beam(model.images, width=3)):
        assert [str(caption) for caption in captions] == [photo[0] for photo in CAPTIONS]


def test_one_step_at_a_time_gives_the_logits_of_the_whole_caption(model):
    """The models for captioning compute the same as the layers in training."""
    caption = model.indexed[3][0]
    whole = keras.Model([model.decoder.img_embeds, model.decoder.sentences], model.decoder.flat_token_logits)(
        [np.float32(model.images[3:4]), np.array([caption], np.int32)], training=False)
    h, c = model.final_model.initial_state(np.float32(model.images[3:4]))
    for word, expected in zip(caption, np.array(whole)):
        logits, h, c = model.final_model.one_step([ops.convert_to_tensor([word]), h, c])
        np.testing.assert_allclose(np.array(logits)[0], expected, atol=1e-4)
