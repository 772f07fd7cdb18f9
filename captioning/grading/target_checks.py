"""The check of what the decoder should say: the ground truth and the mask of the loss."""

import numpy as np

from captioning.datasets.tokens import END, PAD, START, UNK
from captioning.grading.decoder_probe import padded_sentences, value_of
from captioning.grading.report import Problem, short, some


def truth_problems(found):
    """Are all tokens but the first of each caption there, in the right order?"""
    came, sentences = found.values["flat_ground_truth"], found.sentences
    right = sentences[:, 1:].ravel()
    if came.ndim > 1 and np.array_equal(came.ravel(), right):
        yield Problem("The ground truth is not flattened: it should be one row, ops.reshape(sentences[:, 1:], [-1]).",
                      f"shape {right.shape}", f"shape {came.shape}")
    elif not np.array_equal(came, right):
        hint = _named(came, {
            "The ground truth is not shifted: having read token p, the decoder should say token p + 1. Use "
            "sentences[:, 1:].": sentences[:, :-1].ravel(),
            "The first token is in the ground truth too, but START is never predicted. Use sentences[:, 1:].":
                sentences.ravel(),
            "The ground truth is flattened column by column, the hidden states row by row.":
                sentences[:, 1:].T.ravel(),
            "The ground truth is one word too far ahead: from START the first word is predicted. Use sentences[:, 1:].":
                sentences[:, 2:].ravel(),
        }, otherwise="decoder.flat_ground_truth should be sentences[:, 1:] in one row.")
        yield Problem(hint, short(right[:12]), short(came.ravel()[:12]))


def mask_problems(decoder, vocab):
    """Is the mask True for words and False for padding?"""
    sentences = padded_sentences(vocab)
    is_word = sentences[:, 1:].ravel() != vocab[PAD]
    came = value_of(decoder, "flat_loss_mask", sentences)
    if came.shape != is_word.shape:
        yield Problem("The mask is not flattened: it should be one row, as decoder.flat_ground_truth.",
                      f"shape {is_word.shape}", f"shape {came.shape}")
    elif came.dtype.kind not in "biuf" or not np.isin(came, (0, 1)).all():
        yield Problem("The mask has the wrong type: it should hold True for a word and False for PAD (or 1 and 0), as "
                      "ops.not_equal(decoder.flat_ground_truth, pad_idx) does.", "True and False",
                      f"{came.dtype}: {short(np.unique(came)[:12].round(3))}")
    elif not np.array_equal(came, is_word):
        truth, pad = sentences[:, 1:].ravel(), vocab[PAD]
        hint = _named(came, {
            "The mask is inverted: it should be True for words and False for PAD.": ~is_word,
            "The mask leaves nothing out: it should be False where the ground truth is PAD.": np.ones_like(is_word),
            "The mask belongs to the input words: make it from decoder.flat_ground_truth, which is one word ahead.":
                sentences[:, :-1].ravel() != pad,
            "The mask is flattened column by column: make it from decoder.flat_ground_truth.":
                (sentences[:, 1:].T.ravel() != pad),
            "The mask leaves UNK out too: the decoder should learn where unknown words stand. Leave PAD out only.":
                is_word & (truth != vocab[UNK]),
            "The mask leaves END out too: the decoder has to learn where a caption ends. Leave PAD out only.":
                is_word & (truth != vocab[END]),
            f"The mask leaves END out, index {vocab[END]}, and keeps PAD: compare with vocab[PAD].":
                truth != vocab[END],
            "The mask leaves UNK out and keeps PAD: compare with vocab[PAD].": truth != vocab[UNK],
        }, otherwise=f"The mask should be False where the ground truth is vocab[PAD] = {pad}, True elsewhere.")
        yield Problem(hint, f"{is_word.sum()} of {is_word.size} tokens count",
                      f"{int(came.sum())} of {came.size} tokens count")
    else:
        yield from _uncounted_token_problems(decoder, vocab)


def _uncounted_token_problems(decoder, vocab):
    """Does the mask keep each token but PAD?"""
    tokens = np.array(list(vocab))
    kept = value_of(decoder, "flat_loss_mask", np.array([[vocab[START], *vocab.values()]], np.int32)).astype(bool)
    lost = tokens[~kept & (tokens != PAD)]
    if lost.size:
        yield Problem("The mask leaves some words out: only PAD should not count.", "a loss for each word",
                      f"none for {some(lost.tolist())}")


def _named(came, mistakes, otherwise):
    """The hint of the mistake that explains what came. mistakes: {hint: the value that this mistake gives}."""
    return next((hint for hint, value in mistakes.items() if np.array_equal(came, value)), otherwise)
