"""Batches of captions that are of nearly one length."""

import numpy as np


def by_length(batches, pad: int, rng):
    """The captions of some batches, divided anew so that those of a batch are of nearly one length.

    The LSTM reads as many words of each sentence as the longest has, so that is fewer steps, over less padding.

    batches: of images (B, D) and sentences (B, T), T of each batch its own. pad: index that fills up sentences.
    Returns as many batches, in random order: images (B, D), sentences (B, T) cut after the last word, and the batch's
    share, by which its mean loss over words is to be multiplied: its number of words by that of the average batch, so
    that the mean over these batches is the mean over all their words.
    """
    images = np.concatenate([images for images, _ in batches])
    widest = max(sentences.shape[1] for _, sentences in batches)
    sentences = np.concatenate([
        np.pad(sentences, [(0, 0), (0, widest - sentences.shape[1])], constant_values=pad) for _, sentences in batches])
    ends = widest - np.argmax(sentences[:, ::-1] != pad, axis=1)
    parts = np.array_split(np.argsort(ends, kind="stable"), len(batches))
    words = np.array([np.count_nonzero(sentences[part, 1:] != pad) for part in parts])
    shares = (words / words.mean()).astype(np.float32)
    return [(images[parts[i]], sentences[parts[i], :ends[parts[i]].max()], shares[i])
            for i in rng.permutation(len(parts))]
