"""The check of generate_batch: do the batches hold photos beside their own captions, filled up with PAD?"""

import itertools
import random
from collections.abc import Iterator

import numpy as np

from captioning.grading.decoder_probe import BATCH, MAX_LEN, SEED
from captioning.grading.report import Problem, Stopped, call, short


def service_batches(generate_batch, images, captions) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The batches that the service takes, without end: (B, 2048) float32 and (B, T) int32.

    The two global generators are seeded as the service does. After each batch they are put back, so that nothing
    between two batches changes the next one.

    Args:
        generate_batch: the notebook's function.
        images: (N, 2048) embeddings.
        captions: N lists of captions, as lists of indices.

    Raises:
        Stopped: the loss can't be measured with such batches.
    """
    if len(images) != len(captions):
        raise Stopped(Problem("Photos and captions do not belong together: there should be a list of captions for each "
                              "photo.", f"{len(images):,} lists", f"{len(captions):,} lists"))
    seeded = random.Random(SEED).getstate(), np.random.RandomState(SEED).get_state()
    while True:
        before = random.getstate(), np.random.get_state()
        _set_globals(seeded)
        try:
            batch = _take_batch(generate_batch, images, captions)
        finally:
            seeded = random.getstate(), np.random.get_state()
            _set_globals(before)
        yield batch


def _set_globals(states):
    random.setstate(states[0])
    np.random.set_state(states[1])


def _take_batch(generate_batch, images, captions):
    """(images, sentences) of one batch. Raises Stopped if generate_batch returns something else."""
    batch = call(generate_batch, images, captions, BATCH, MAX_LEN)
    try:
        embeds, sentences = np.asarray(batch["img_embeds"]), np.asarray(batch["sentences"])
    except (KeyError, TypeError, IndexError, ValueError):
        raise Stopped(Problem("generate_batch should return a dictionary with the batch's two arrays.",
                              '{"img_embeds": …, "sentences": …}',
                              short(list(batch) if isinstance(batch, dict) else batch))) from None
    rows, width = min(BATCH, len(images)), np.shape(images)[1]
    if embeds.shape != (rows, width) or sentences.ndim != 2 or len(sentences) != rows:
        raise Stopped(Problem("The arrays of generate_batch have other shapes than expected.",
                              f"img_embeds ({rows}, {width}), sentences ({rows}, at most {MAX_LEN})",
                              f"img_embeds {embeds.shape}, sentences {sentences.shape}"))
    if sentences.shape[1] > MAX_LEN:
        raise Stopped(Problem("generate_batch ignores max_len: pass it on to batch_captions_to_matrix.",
                              f"at most {MAX_LEN} columns", f"{sentences.shape[1]} columns"))
    return embeds.astype(np.float32, copy=False), sentences.astype(np.int32, copy=False)


def batches_looked_at(generate_batch, images, captions):
    """What is known of the service's batches from the first two. Arguments as for service_batches, and the same errors.

    Returns:
        The batches, the set of indices that fill up sentences, and the problems.
    """
    batches = service_batches(generate_batch, images, captions)
    first, second = next(batches), next(batches)
    own = [_captions_of(embed, images, captions) for embed in first[0]]
    return itertools.chain([first, second], batches), _fills(first[1], own), list(_problems(first, second, own))


def _problems(first, second, own):
    """What is wrong with two batches. own: the captions of each photo of the first."""
    embeds, sentences = first
    if np.array_equal(embeds, second[0]) and np.array_equal(sentences, second[1]) and len(embeds) > 1:
        yield Problem("Two batches in a row are the same: choose other photos each time, and seed no generator in "
                      "generate_batch.")
    yield from _sentence_problems(sentences, own)


def _sentence_problems(sentences, own):
    """Does each sentence belong to its photo, whole and filled up with something that is no word?"""
    width = sentences.shape[1]
    strangers = [row for row, (sentence, choices) in enumerate(zip(sentences, own))
                 if choices and not any(np.array_equal(sentence[:len(c)], c[:width]) for c in choices)]
    if strangers:
        row = strangers[0]
        lost = next((c for c in own[row] if len(c) <= width and np.array_equal(sentences[row, :len(c) - 1], c[:-1])),
                    None)
        if lost is not None:
            yield Problem("END is lost in the batches: the last token of a caption is another one than END. Look at "
                          "batch_captions_to_matrix.", short(lost), short(sentences[row].tolist()))
            return
        right = next((c for c in own[row] if np.array_equal(sentences[row, -len(c):], c)), None)
        if right is not None:
            yield Problem("PAD stands before the words in the batches: batch_captions_to_matrix should fill up on the "
                          "right.", short(right), short(sentences[row].tolist()))
            return
        yield Problem("Captions and photos do not belong together: draw the photos' numbers once, and take both the "
                      "embeddings and the captions with them.", "each caption beside its own photo",
                      f"{len(strangers)} of {len(own)} captions beside another photo")
        return
    yield from _fill_problems(sentences, own)


def _captions_of(embed, images, captions):
    """The captions of all photos with this embedding."""
    same = [row for row in np.flatnonzero(np.asarray(images[:, 0], embed.dtype) == embed[0])
            if np.array_equal(np.asarray(images[row], embed.dtype), embed)]
    return [list(caption) for row in same for caption in captions[row]]


def _fills(sentences, own) -> set[int]:
    """The indices that fill up the sentences of a batch after the captions' own."""
    width, fills = sentences.shape[1], set()
    for sentence, choices in zip(sentences, own):
        lengths = [len(c) for c in choices if np.array_equal(sentence[:len(c)], c[:width])]
        fills |= set(sentence[max(lengths, default=width):].tolist())
    return fills


def _fill_problems(sentences, own):
    """Is what fills up the sentences no token of a caption?"""
    fills = _fills(sentences, own)
    for name, place in (("END", -1), ("START", 0)):
        taken = fills & {caption[place] for choices in own for caption in choices}
        if taken:
            yield Problem(f"The sentences are filled up with {name}: pass vocab[PAD] as pad_idx, which the loss leaves "
                          "out.", "vocab[PAD] after END", f"{min(taken)}, the index of {name}")
            return
    if len(fills) > 1:
        yield Problem("The sentences are filled up with several indices: fill with vocab[PAD] alone.",
                      "one index", str(sorted(fills)))
