"""Where training begins: with words as frequent as in people's captions."""

from itertools import chain

import keras
import numpy as np

from captioning.decoder.batches import Data


def begin_with_frequencies(model: keras.Model, data: Data, words: int):
    """Sets the bias of an untrained decoder's logits to the log of the words' frequencies.

    Otherwise the first few hundred steps learn little else. A layer whose bias is not zero is not untrained, and stays
    as it is.

    Args:
        model: the decoder; the logits are those of dense layers with an output for each word.
        data: the training captions; all tokens but the first of each caption are targets.
        words: size of the vocabulary.
    """
    targets = chain.from_iterable(caption[1:] for of_photo in data.captions_indexed for caption in of_photo)
    counts = np.bincount(np.fromiter(targets, np.int32), minlength=words) + 0.5     # PAD is never a target
    for layer in model.layers:
        if type(layer) is keras.layers.Dense and layer.units == words and layer.use_bias and not np.any(layer.bias):
            layer.bias.assign(np.log(counts / counts.sum()))
