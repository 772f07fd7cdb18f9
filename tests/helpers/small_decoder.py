"""A decoder of a few words, trained for a moment."""

from pathlib import Path

import keras
import numpy as np
from keras import layers as L
from keras import ops

from captioning.datasets.tokens import END, PAD, START, UNK
from captioning.decoder.trainer import Data, Trainer
from captioning.decoding.writer import CaptionWriter
from captioning.settings import Settings

VOCAB = {token: index for index, token in enumerate(sorted([PAD, UNK, START, END, "a", "b", "c"]))}


def trained_for_a_moment(checkpoint_root, recipe: dict) -> Path:
    """Trains a decoder for embeddings of 2,048 values.

    Args:
        checkpoint_root: CAPTION_CHECKPOINT_ROOT.
        recipe: of the encoder that the checkpoints name.

    Returns:
        The folder of its checkpoints.
    """
    keras.utils.set_random_seed(3)
    size = len(VOCAB)

    class decoder:
        img_embeds, sentences = keras.Input((2048,)), keras.Input((None,), dtype="int32")
        embed, lstm, logits = L.Embedding(size, 6), L.LSTM(8, return_sequences=True), L.Dense(size)
        h0 = c0 = L.Dense(8, activation="elu")(img_embeds)
        hidden = lstm(embed(sentences[:, :-1]), initial_state=[h0, c0])
        loss = ops.mean(keras.losses.sparse_categorical_crossentropy(
            sentences[:, 1:], logits(hidden), from_logits=True))

    word, h, c = keras.Input((), dtype="int32"), keras.Input((8,)), keras.Input((8,))
    new_h, [_, new_c] = decoder.lstm.cell(decoder.embed(word), [h, c])
    writer = CaptionWriter(keras.Model(decoder.img_embeds, [decoder.h0, decoder.c0]),
                           keras.Model([word, h, c], [decoder.logits(new_h), new_h, new_c]), VOCAB)
    rng = np.random.default_rng(0)
    images = rng.normal(size=(20, 2048)).astype(np.float32)
    data = Data(images, [[[VOCAB[START], *rng.choice([VOCAB[w] for w in "abc"], 4).tolist(), VOCAB[END]]]
                         for _ in images])
    settings = Settings(epochs=1, batches_per_epoch=4, batch_size=10, val_batches=1, learning_rate=0.05,
                        checkpoint_root=checkpoint_root)
    trainer = Trainer(decoder, lambda x, captions, size, max_len, rng: {
        "img_embeds": x[:size], "sentences": np.array(captions[:size])[:, 0]}, data, data, VOCAB, settings,
        recipe, models=writer.models)
    trainer.fit()
    return settings.checkpoint_dir
