"""Each check passes right solutions, however they are written, and names the mistake of each wrong one."""

import itertools
import math
import random
import re
import subprocess
import sys
import time
from collections import Counter, OrderedDict, defaultdict
from types import SimpleNamespace

import numpy as np
import pytest
from markupsafe import escape

from captioning.datasets.tokens import END, PAD, START, UNK
from captioning.grading import loss_checks, validation_checks, vocabulary_checks, yardsticks
from captioning.grading.decoder_probe import padded_sentences
from captioning.grading.grader import Grader
from captioning.grading.notebook_errors import MADE_BY
from captioning.grading.parts import PARTS
from captioning.settings import Settings
from tests.grading import right_solutions
from tests.grading.learners import defined
from tests.helpers import ROOT, course_cells

SPECIAL = [PAD, UNK, START, END]


def split_sentence(sentence):
    return list(filter(lambda x: len(x) > 0, re.split(r"\W+", sentence.lower())))


# ---------------------------------------------------------------------------------------------- right solutions

def generate_vocabulary(train_captions):
    counts = Counter(word for captions in train_captions for caption in captions for word in split_sentence(caption))
    words = {word for word, count in counts.items() if count >= 5}
    return {token: index for index, token in enumerate(sorted(words | set(SPECIAL)))}


def generate_vocabulary_with_loops(train_captions):
    counts = {}
    for captions in train_captions:
        for caption in captions:
            for word in split_sentence(caption):
                counts[word] = counts.get(word, 0) + 1
    tokens = [PAD, UNK, START, END]
    for word in counts:
        if not counts[word] < 5:
            tokens.append(word)
    tokens.sort()
    vocab = {}
    for token in tokens:
        vocab[token] = len(vocab)
    return vocab


def generate_vocabulary_with_numpy(train_captions):
    words, counts = np.unique(
        [word for captions in train_captions for word in split_sentence(" ".join(captions))], return_counts=True)
    tokens = np.sort(np.concatenate([words[counts >= 5], SPECIAL]))
    return dict(zip(tokens.tolist(), range(len(tokens)), strict=True))


def generate_vocabulary_with_itertools(train_captions):
    counts = Counter(itertools.chain.from_iterable(map(split_sentence, itertools.chain(*train_captions))))
    tokens = sorted({*SPECIAL, *(word for word, count in counts.most_common() if count > 4)})
    return OrderedDict((np.str_(token), tokens.index(token)) for token in tokens)


def caption_tokens_to_indices(captions, vocab):
    return [
        [[vocab[START], *(vocab.get(word, vocab[UNK]) for word in split_sentence(caption)), vocab[END]]
         for caption in photo_captions]
        for photo_captions in captions
    ]


def caption_tokens_to_indices_with_loops(captions, vocab):
    result = []
    for photo in captions:
        indexed = []
        for caption in photo:
            tokens = [START] + split_sentence(caption) + [END]
            indexed.append([vocab[token] if token in vocab else vocab[UNK] for token in tokens])
        result.append(indexed)
    return result


def caption_tokens_to_indices_with_numpy(captions, vocab):
    return [[np.array([vocab[START]] + [vocab.get(w, vocab[UNK]) for w in split_sentence(c)] + [vocab[END]]).tolist()
             for c in photo] for photo in captions]


def caption_tokens_to_indices_as_tuples(captions, vocab):
    index = defaultdict(lambda: vocab[UNK], vocab)
    return tuple(tuple(tuple(index[token] for token in (START, *split_sentence(caption), END)) for caption in photo)
                 for photo in captions)


def batch_captions_to_matrix(batch_captions, pad_idx, max_len=None):
    width = max(map(len, batch_captions))
    if max_len is not None:
        width = min(width, max_len)
    matrix = np.full((len(batch_captions), width), pad_idx, dtype=np.int32)
    for row, caption in zip(matrix, batch_captions, strict=True):
        row[:len(caption)] = caption[:width]
    return matrix


def batch_captions_to_matrix_with_lists(batch_captions, pad_idx, max_len=None):
    rows = [list(caption)[:max_len] for caption in batch_captions]
    longest = max(len(row) for row in rows)
    return np.array([row + [pad_idx] * (longest - len(row)) for row in rows])


def batch_captions_to_matrix_with_a_mask(batch_captions, pad_idx, max_len=None):
    lengths = np.minimum([len(c) for c in batch_captions], max_len or 10 ** 9)
    matrix = np.ones((len(batch_captions), lengths.max()), np.int64) * pad_idx
    matrix[np.arange(lengths.max()) < lengths[:, None]] = np.concatenate(
        [c[:n] for c, n in zip(batch_captions, lengths, strict=True)])
    return matrix


def batch_captions_to_matrix_by_transposing(batch_captions, pad_idx, max_len=None):
    return np.array(list(itertools.zip_longest(*batch_captions, fillvalue=pad_idx))).T[:, :max_len]


def batch_captions_to_matrix_with_keras(batch_captions, pad_idx, max_len=None):
    import keras

    longest = max(map(len, batch_captions))
    return keras.utils.pad_sequences(batch_captions, min(max_len or longest, longest), padding="post",
                                     truncating="post", value=pad_idx)


WORDS = [f"word{i}" for i in range(46)]


@pytest.fixture(scope="module")
def captions():
    """60 photos with 5 captions; WORDS occur often enough, some others do not."""
    rng = np.random.default_rng(1)
    captions = [[" ".join(rng.choice(WORDS, rng.integers(4, 12))) + "." for _ in range(5)] for _ in range(60)]
    captions[0][0] = "A rarely SEEN thing, " + " ".join(WORDS)
    return captions


@pytest.fixture(scope="module")
def vocab(captions):
    return generate_vocabulary(captions)


@pytest.fixture(scope="module")
def indexed(captions, vocab):
    return caption_tokens_to_indices(captions, vocab)


@pytest.fixture
def grader():
    return Grader()


def named(verdict, *texts):
    """The verdict fails, and its message has all `texts`."""
    assert not verdict.passed, verdict
    assert verdict.points == 0
    missing = [text for text in texts if text.lower() not in str(verdict).lower()]
    assert not missing, f"{missing} not in\n{verdict}"
    return True


# --------------------------------------------------------------------------------------------------- vocabulary

@pytest.mark.parametrize("solution", [
    generate_vocabulary, generate_vocabulary_with_loops, generate_vocabulary_with_numpy,
    generate_vocabulary_with_itertools])
def test_a_right_vocabulary_passes_in_any_style(grader, captions, solution):
    verdict = grader.check_vocabulary(solution(captions), solution, captions)
    assert verdict.passed and verdict.points == 10, verdict
    assert verdict.answer == "50 50 1"


def test_the_practice_captions_hold_the_counts_that_the_messages_rely_on():
    captions = vocabulary_checks.PRACTICE_CAPTIONS
    counts = vocabulary_checks._count_words(captions)
    assert [counts[word] for word in ("big", "dog", "ball", "kite", "red")] == [6, 6, 5, 4, 5]
    # What the usual other splits find is none of what counting wrongly gives.
    of_splits = [generate_vocabulary_split_by(split)(captions) for split in vocabulary_checks.USUAL_SPLITS]
    others = [solution(captions) for solution, *_ in WRONG_VOCABULARIES.values() if solution is not unsolved]
    assert len({str(vocab) for vocab in of_splits}) == 3
    assert not [vocab for vocab in of_splits if vocab in others]


def changed_vocabulary(change):
    def solution(train_captions):
        return change(generate_vocabulary(train_captions), train_captions)
    return solution


def numbered(tokens):
    return {token: index for index, token in enumerate(tokens)}


def with_counts(keep):
    def solution(train_captions):
        counts = Counter(w for captions in train_captions for c in captions for w in split_sentence(c))
        return numbered(sorted([w for w in counts if keep(counts[w])] + SPECIAL))
    return solution


def counted_once_a_caption(train_captions):
    counts = Counter(w for captions in train_captions for c in captions for w in set(split_sentence(c)))
    return numbered(sorted([w for w in counts if counts[w] >= 5] + SPECIAL))


def split_at_spaces(train_captions):
    counts = Counter(w for captions in train_captions for c in captions for w in c.split(" "))
    return numbered(sorted([w for w in counts if counts[w] >= 2] + SPECIAL))


def generate_vocabulary_split_by(split):
    def solution(train_captions):
        counts = Counter(w for captions in train_captions for c in captions for w in split(c))
        return numbered(sorted([w for w in counts if counts[w] >= 5] + SPECIAL))
    return solution


def once_a_photo(train_captions):
    return generate_vocabulary([[" ".join(set(split_sentence(" ".join(photo))))] for photo in train_captions])


@pytest.mark.parametrize("split", [
    str.split, lambda caption: caption.split(" "), lambda caption: caption.lower().split(),
    lambda caption: [word for word in re.split(r"\W+", caption) if word]])
def test_words_that_are_cut_in_another_way_are_no_matter_of_counting(grader, captions, split):
    solution = generate_vocabulary_split_by(split)
    verdict = grader.check_vocabulary(solution(captions), solution, captions)
    assert named(verdict, "split_sentence", "without punctuation") and "occurrence" not in str(verdict)


def unsolved(*_, **__):
    raise NotImplementedError("Exercise 1: vocabulary is not solved yet. Write it in this cell.")


WRONG_VOCABULARIES = {
    "no PAD": (changed_vocabulary(lambda v, _: numbered([t for t in v if t != PAD])), "PAD missing"),
    "no START": (changed_vocabulary(lambda v, _: numbered([t for t in v if t != START])), "START missing"),
    "no special tokens": (changed_vocabulary(lambda v, _: numbered([t for t in v if t not in SPECIAL])),
                          "PAD, UNK, START, END missing"),
    "threshold > 5": (with_counts(lambda n: n > 5), ">= 5, not > 5", "no ball"),
    "threshold >= 4": (with_counts(lambda n: n >= 4), "rare words", "kite (seen 4 times)"),
    "all words": (with_counts(lambda n: True), "rare words"),
    "set of a caption": (counted_once_a_caption, "every occurrence", "second in the same caption"),
    "set of a photo": (once_a_photo, "every occurrence"),
    "first caption only": (lambda c: generate_vocabulary([photo[:1] for photo in c]), "every caption of every photo"),
    "split at spaces": (split_at_spaces, "split_sentence"),
    "unsorted": (changed_vocabulary(lambda v, _: numbered(sorted(v, reverse=True))), "sorted"),
    "special tokens first": (changed_vocabulary(
        lambda v, _: numbered(SPECIAL + [t for t in v if t not in SPECIAL])), "sorted"),
    "from 1": (changed_vocabulary(lambda v, _: {t: i + 1 for t, i in v.items()}), "from 0"),
    "gaps": (changed_vocabulary(lambda v, _: {t: 2 * i for t, i in v.items()}), "without gaps"),
    "same index": (changed_vocabulary(lambda v, _: dict.fromkeys(v, 3)), "share an index"),
    "inverse": (changed_vocabulary(lambda v, _: {i: t for t, i in v.items()}), "from token to index"),
    "list": (changed_vocabulary(lambda v, _: list(v)), "dictionary"),
    "None": (lambda c: None, "dictionary"),
    "not solved": (unsolved, "Exercise 1: vocabulary is not solved yet"),
}


@pytest.mark.parametrize("mistake", WRONG_VOCABULARIES)
def test_each_wrong_vocabulary_is_named(grader, captions, vocab, mistake):
    solution, *texts = WRONG_VOCABULARIES[mistake]
    wrong = vocab if mistake == "not solved" else solution(captions)
    assert named(grader.check_vocabulary(wrong, solution, captions), *texts)


def test_a_vocabulary_of_other_captions_is_told_from_a_wrong_function(grader, captions):
    verdict = grader.check_vocabulary(generate_vocabulary(captions[:5]), generate_vocabulary, captions)
    assert named(verdict, "generate_vocabulary is right", "run the cells")


# ----------------------------------------------------------------------------------------------------- indexing

@pytest.mark.parametrize("solution", [
    caption_tokens_to_indices, caption_tokens_to_indices_with_loops, caption_tokens_to_indices_with_numpy,
    caption_tokens_to_indices_as_tuples])
def test_right_indices_pass_in_any_style(grader, captions, vocab, solution):
    verdict = grader.check_indexing(solution(captions, vocab), vocab, solution)
    assert verdict.passed, verdict
    assert verdict.answer == "1 1 47 49 1 4"           # 46 words and UNK between; a, rarely, seen, thing are unknown


def each_caption(change):
    """A wrong solution: change(indices, vocab, words) of each caption."""
    def solution(captions, vocab):
        return [[change(caption_tokens_to_indices([[c]], vocab)[0][0], vocab, split_sentence(c)) for c in photo]
                for photo in captions]
    return solution


WRONG_INDICES = {
    "no START": (each_caption(lambda c, v, w: c[1:]), "START is missing"),
    "no END": (each_caption(lambda c, v, w: c[:-1]), "END is missing"),
    "neither": (each_caption(lambda c, v, w: c[1:-1]), "START is missing", "END is missing"),
    "swapped": (each_caption(lambda c, v, w: [c[-1], *c[1:-1], c[0]]), "swapped"),
    "START twice": (each_caption(lambda c, v, w: [v[START], *c]), "START is there twice"),
    "END twice": (each_caption(lambda c, v, w: [*c, v[END]]), "END is there twice"),
    "unknown words dropped": (each_caption(lambda c, v, w: [i for i in c if i != v[UNK]]), "dropped"),
    "KeyError": (lambda captions, vocab: [[[vocab[START]] + [vocab[w] for w in split_sentence(c)] + [vocab[END]]
                                           for c in photo] for photo in captions],
                 "UNK is not used", "KeyError", "vocab[w]"),
    "unknown words None": (each_caption(lambda c, v, w: [c[0], *map(v.get, w), c[-1]]), "UNK is not used"),
    "unknown words PAD": (each_caption(lambda c, v, w: [v[PAD] if i == v[UNK] else i for i in c]), "UNK is not used"),
    "NumPy ints": (each_caption(lambda c, v, w: list(np.array(c))), "NumPy", "int64"),
    "NumPy arrays": (each_caption(lambda c, v, w: np.array(c, np.int32)), "NumPy", "int32"),
    "cut at 20": (each_caption(lambda c, v, w: c[:20]), "END is lost", "batch_captions_to_matrix cuts"),
    "cut with END": (each_caption(lambda c, v, w: c[:19] + [v[END]] if len(c) > 20 else c), "Long captions are cut"),
    "words": (each_caption(lambda c, v, w: [START, *w, END]), "words among the indices"),
    "case kept": (lambda captions, vocab: [
        [[vocab[START]] + [vocab.get(w, vocab[UNK]) for w in re.split(r"\W+", c) if w] + [vocab[END]] for c in photo]
        for photo in captions], "split_sentence"),
    "flat": (lambda captions, vocab: [c for photo in caption_tokens_to_indices(captions, vocab) for c in photo],
             "list for each photo"),
    "first caption only": (lambda captions, vocab: caption_tokens_to_indices([p[:1] for p in captions], vocab),
                           "list for each caption"),
    "dictionary": (lambda captions, vocab: dict(enumerate(caption_tokens_to_indices(captions, vocab))),
                   "list for each photo", "came: {0: [["),
    "None": (lambda captions, vocab: None, "list for each photo"),
    "not solved": (unsolved, "not solved yet"),
}


@pytest.mark.parametrize("mistake", WRONG_INDICES)
def test_each_wrong_indexing_is_named(grader, captions, vocab, indexed, mistake):
    solution, *texts = WRONG_INDICES[mistake]
    assert named(grader.check_indexing(indexed, vocab, solution), *texts)


def test_numpy_ints_that_come_from_the_vocabulary_are_traced_back_to_it(grader, captions, vocab):
    numpy_vocab = dict(zip(vocab, np.arange(len(vocab)), strict=True))
    indexed = caption_tokens_to_indices(captions, numpy_vocab)
    verdict = grader.check_indexing(indexed, numpy_vocab, caption_tokens_to_indices)
    assert named(verdict, "NumPy", "vocab holds them already")
    assert verdict.answer.split()[4] == "0"             # the service counts this as wrong, so it must be said


def test_indices_made_with_an_older_function_are_found(grader, vocab, indexed):
    stale = [[caption[1:] for caption in photo] for photo in indexed]
    assert named(grader.check_indexing(stale, vocab, caption_tokens_to_indices), "run the cell that indexes")


def test_indexing_with_an_incomplete_vocabulary_points_to_the_vocabulary(grader, vocab, indexed):
    verdict = grader.check_indexing(indexed, {t: i for t, i in vocab.items() if t != UNK}, caption_tokens_to_indices)
    assert named(verdict, "vocabulary lacks #UNK#")


# ----------------------------------------------------------------------------------------------------- batching

@pytest.mark.parametrize("solution", [
    batch_captions_to_matrix, batch_captions_to_matrix_with_lists, batch_captions_to_matrix_with_a_mask,
    batch_captions_to_matrix_by_transposing, batch_captions_to_matrix_with_keras])
def test_a_right_matrix_passes_in_any_style(grader, solution):
    verdict = grader.check_batching(solution)
    assert verdict.passed, verdict
    assert verdict.answer == "1 2 3 4 5 -1 1 2 4 5 1 2 3 4 5 -1"


def padded(width, left=False, tail=False, fill=None, dtype=np.int32):
    """A wrong solution. width: function of (longest, shortest, max_len)."""
    def solution(batch_captions, pad_idx, max_len=None):
        columns = width(max(map(len, batch_captions)), min(map(len, batch_captions)), max_len)
        matrix = np.full((len(batch_captions), columns), pad_idx if fill is None else fill, dtype)
        for row, caption in zip(matrix, batch_captions, strict=True):
            kept = caption[-columns:] if tail else caption[:columns]
            row[columns - len(kept) if left else 0:][:len(kept)] = kept
        return matrix
    return solution


def right_width(longest, shortest, max_len):
    return min(longest, max_len or longest)


def changes_its_input(batch_captions, pad_idx, max_len=None):
    longest = max(map(len, batch_captions))
    for caption in batch_captions:
        caption.extend([pad_idx] * (longest - len(caption)))
    return np.array([caption[:max_len] for caption in batch_captions])


def keeps_end(batch_captions, pad_idx, max_len=None):
    matrix = batch_captions_to_matrix(batch_captions, pad_idx, max_len)
    for row, caption in zip(matrix, batch_captions, strict=True):
        if len(caption) > len(row):
            row[-1] = caption[-1]
    return matrix


WRONG_MATRICES = {
    "left": (padded(right_width, left=True), "padding is on the left"),
    "max_len ignored": (padded(lambda longest, shortest, m: longest), "max_len is ignored"),
    "padded to max_len": (padded(lambda longest, shortest, m: m or longest), "padded to max_len"),
    "a column too few": (padded(lambda *a: right_width(*a) - 1), "column is lost", "END"),
    "a column too many": (padded(lambda *a: right_width(*a) + 1), "column too many"),
    "shortest": (padded(lambda longest, shortest, m: min(shortest, m or shortest)), "cut to the shortest"),
    "the end kept": (padded(right_width, tail=True), "beginning of a long caption is cut"),
    "END kept": (keeps_end, "END takes the place of the last token", "[[1, 2], [4, 5]]", "[[1, 3], [4, 5]]"),
    "zeros": (padded(right_width, fill=0), "fill with pad_idx"),
    "left and max_len ignored": (padded(lambda longest, shortest, m: longest, left=True), "left", "max_len is ignored"),
    "left zeros to max_len": (padded(lambda longest, shortest, m: m or longest, left=True, fill=0),
                              "left", "padded to max_len", "fill with pad_idx"),
    "floats": (padded(right_width, dtype=np.float64), "whole numbers", "float64"),
    "lists": (lambda b, p, max_len=None: batch_captions_to_matrix(b, p, max_len).tolist(), "NumPy array", "list"),
    "transposed": (lambda b, p, max_len=None: batch_captions_to_matrix(b, p, max_len).T, "differs"),
    "flat": (lambda b, p, max_len=None: batch_captions_to_matrix(b, p, max_len).ravel(), "a row for each caption"),
    "input changed": (changes_its_input, "captions themselves are changed"),
    "max_len must be a number": (lambda b, p, max_len=None: padded(lambda a, b, m: min(a, m))(b, p, max_len),
                                 "TypeError", "max_len=None", "min(a, m)"),
    "None": (lambda b, p, max_len=None: None, "NumPy array"),
    "not solved": (unsolved, "not solved yet"),
}


@pytest.mark.parametrize("mistake", WRONG_MATRICES)
def test_each_wrong_matrix_is_named(grader, mistake):
    solution, *texts = WRONG_MATRICES[mistake]
    assert named(grader.check_batching(solution), *texts)


def test_a_failing_part_still_has_the_answer_that_its_code_gives(grader):
    verdict = grader.check_batching(padded(right_width, left=True))
    assert verdict.answer == "1 2 3 -1 4 5 1 2 4 5 1 2 3 -1 4 5"
    assert grader.check_batching(WRONG_MATRICES["lists"][0]).answer is None


# ------------------------------------------------------------------------------------------------------ decoder

def build_decoder(vocab, **steps):
    """The course's decoder as symbolic tensors; `steps` replaces some of its lines."""
    import keras
    from keras import layers as L
    from keras import ops

    keras.utils.set_random_seed(7)
    size, pad = len(vocab), vocab[PAD]
    L_image, L_state = L.Dense(120, activation="elu"), L.Dense(300, activation="elu")
    L_word, L_lstm = L.Embedding(size, 100), L.LSTM(300, return_sequences=True)
    L_bottleneck, L_logits = L.Dense(120, activation="elu"), L.Dense(size)
    lines = {
        "h0": lambda d: L_state(L_image(d.img_embeds)),
        "c0": lambda d: d.h0,
        "word_embeds": lambda d: L_word(d.sentences[:, :-1]),
        "hidden_states": lambda d: L_lstm(d.word_embeds, initial_state=[d.h0, d.c0]),
        "flat_hidden_states": lambda d: ops.reshape(d.hidden_states, (-1, 300)),
        "flat_token_logits": lambda d: L_logits(L_bottleneck(d.flat_hidden_states)),
        "flat_ground_truth": lambda d: ops.reshape(d.sentences[:, 1:], (-1,)),
        "flat_loss_mask": lambda d: ops.not_equal(d.flat_ground_truth, pad),
        "xent": lambda d: keras.losses.sparse_categorical_crossentropy(
            d.flat_ground_truth, d.flat_token_logits, from_logits=True),
        "loss": lambda d: ops.sum(d.xent * ops.cast(d.flat_loss_mask, "float32"))
        / ops.sum(ops.cast(d.flat_loss_mask, "float32")),
    }
    decoder = SimpleNamespace(
        img_embeds=keras.Input((2048,), name="img_embeds"),
        sentences=keras.Input((None,), dtype="int32", name="sentences"), logits_layer=L_logits)
    for name, line in (lines | steps).items():
        if line is not None:
            setattr(decoder, name, line(decoder))
    return decoder


def keras_tools():
    import keras
    from keras import layers as L
    from keras import ops

    return keras, L, ops


@pytest.fixture(scope="module")
def decoder(vocab):
    return build_decoder(vocab)


def other_layers_style(vocab):
    """The same network with other layers around it: normalized photos, dropout, reshapes, an integer mask."""
    keras, L, ops = keras_tools()
    image, state = L.Dense(120, activation="elu"), L.Dense(300, activation="elu")
    return build_decoder(
        vocab,
        h0=lambda d: state(image(L.BatchNormalization()(d.img_embeds))),
        c0=None,
        hidden_states=lambda d: L.Dropout(0.5)(L.LSTM(300, return_sequences=True)(
            d.word_embeds, initial_state=[d.h0, d.h0])),
        flat_ground_truth=lambda d: L.Flatten()(ops.reshape(d.sentences[:, 1:], (-1, 1)))[:, 0],
        flat_loss_mask=lambda d: ops.where(ops.equal(d.flat_ground_truth, vocab[PAD]), 0, 1),
        xent=lambda d: -ops.take_along_axis(
            ops.log_softmax(d.flat_token_logits), d.flat_ground_truth[:, None], axis=1)[:, 0],
        loss=lambda d: ops.mean(ops.where(d.flat_loss_mask > 0, d.xent, 0)) / ops.mean(
            ops.cast(d.flat_loss_mask, "float32")),
    )


def cell_style(vocab):
    """An RNN around an LSTMCell, a float mask, and a weighted Keras loss."""
    keras, L, ops = keras_tools()
    return build_decoder(
        vocab,
        hidden_states=lambda d: L.RNN(L.LSTMCell(300), return_sequences=True)(
            d.word_embeds, initial_state=(d.h0, d.c0)),
        flat_token_logits=lambda d: L.Dense(len(vocab))(L.Dense(120, "elu")(d.flat_hidden_states)),
        flat_loss_mask=lambda d: ops.cast(ops.not_equal(d.flat_ground_truth, vocab[PAD]), "float32"),
        loss=lambda d: ops.average(d.xent, weights=d.flat_loss_mask),
    )


def tensorflow_style(vocab):
    """TensorFlow's own functions in Lambda layers, Sequential models, words cut off after they are embedded."""
    keras, L, _ = keras_tools()
    import tensorflow as tf

    return build_decoder(
        vocab,
        h0=lambda d: keras.Sequential([L.Dense(120, "elu"), L.Dense(300, "elu")])(d.img_embeds),
        word_embeds=lambda d: L.Embedding(len(vocab), 100)(d.sentences)[:, :-1],
        flat_token_logits=lambda d: keras.Sequential([L.Dense(120, "elu"), L.Dense(len(vocab))])(d.flat_hidden_states),
        flat_loss_mask=lambda d: L.Lambda(lambda x: tf.where(tf.equal(x, vocab[PAD]), 0.0, 1.0))(d.flat_ground_truth),
        loss=lambda d: L.Lambda(lambda pair: tf.reduce_mean(tf.boolean_mask(pair[0], pair[1] > 0)), output_shape=())(
            [d.xent, d.flat_loss_mask]),
    )


def weights_style(vocab):
    """A state for c0 of its own, logits before they are flattened, Keras's loss with the mask as weights."""
    keras, L, ops = keras_tools()
    return build_decoder(
        vocab,
        c0=lambda d: L.Dense(300, "elu")(L.Dense(120, "elu")(d.img_embeds)),
        flat_token_logits=lambda d: ops.reshape(
            L.Dense(len(vocab))(L.Dense(120, "elu")(d.hidden_states)), (-1, len(vocab))),
        flat_loss_mask=lambda d: d.flat_ground_truth != vocab[PAD],
        loss=lambda d: keras.losses.SparseCategoricalCrossentropy(
            from_logits=True, reduction="mean_with_sample_weight")(
                d.flat_ground_truth, d.flat_token_logits, ops.cast(d.flat_loss_mask, "float32")),
    )


@pytest.mark.parametrize("style", [build_decoder, other_layers_style, cell_style, tensorflow_style, weights_style])
def test_a_right_decoder_passes_in_any_style(grader, vocab, style):
    decoder = style(vocab)
    shapes, loss = grader.check_decoder_shapes(decoder, vocab), grader.check_untrained_loss(decoder, vocab)
    assert shapes.passed and shapes.points == 20, shapes
    assert shapes.answer == f"32 300 32 19 100 608 300 608 {len(vocab)} 608 608"
    assert loss.passed, loss
    assert abs(float(loss.answer) - np.log(len(vocab))) < 0.3
    assert re.fullmatch(r"\d+\.\d+", loss.answer)


def wrong_decoders(vocab):
    """{mistake: (replaced lines, texts of the shapes' verdict)}"""
    keras, L, ops = keras_tools()
    pad = vocab[PAD]

    def start(d):
        return ops.full_like(d.sentences[:, :1], vocab[START])

    def embedding(words):
        return L.Embedding(len(vocab), 100)(words)

    def lstm(d, **initial):
        return L.LSTM(300, return_sequences=True)(d.word_embeds, **initial)

    def transposed(x):
        return ops.transpose(x, (1, 0, *range(2, len(x.shape))))

    zeros = {"h0": lambda d: ops.zeros_like(L.Dense(300)(d.img_embeds))}
    return {
        "START fed twice": ({"word_embeds": lambda d: embedding(
            ops.concatenate([start(d), d.sentences[:, :-1]], 1))}, "START is fed twice"),
        "START fed twice, right shape": ({"word_embeds": lambda d: embedding(
            ops.concatenate([start(d), d.sentences[:, :-2]], 1))}, "START is fed twice"),
        "last word fed": ({"word_embeds": lambda d: embedding(d.sentences)}, "last word is fed"),
        "answers fed": ({"word_embeds": lambda d: embedding(d.sentences[:, 1:])}, "reads the very word"),
        "words not embedded": ({"word_embeds": lambda d: embedding(d.sentences[:, :-1] * 0)}, "does not depend"),
        "word size": ({"word_embeds": lambda d: L.Embedding(len(vocab), 64)(d.sentences[:, :-1])},
                      "word_embeds has the wrong shape", "(9, 6, 100)", "(9, 6, 64)"),
        "truth not shifted": ({"flat_ground_truth": lambda d: ops.reshape(d.sentences[:, :-1], (-1,))},
                              "ground truth is not shifted"),
        "truth with START": ({"flat_ground_truth": lambda d: ops.reshape(d.sentences, (-1,))},
                             "START is never predicted"),
        "truth transposed": ({"flat_ground_truth": lambda d: ops.reshape(transposed(d.sentences[:, 1:]), (-1,))},
                             "column by column"),
        "h0 zeros": (zeros, "h0 does not come from the image"),
        "h0 from words": ({"h0": lambda d: L.Dense(300)(L.Dense(120)(ops.mean(L.Embedding(
            len(vocab), 7)(d.sentences), 1)))}, "h0 does not come from the image"),
        "c0 zeros": ({"c0": lambda d: ops.zeros_like(d.h0)}, "c0 does not come from the image"),
        "c0 no tensor": ({"c0": lambda d: np.zeros((1, 300))}, "c0 does not come from the image"),
        "c0 not given": ({"hidden_states": lambda d: lstm(d, initial_state=[d.h0, ops.zeros_like(d.h0)])},
                         "c0 of the LSTM does not come"),
        "h0 not given": ({"hidden_states": lambda d: lstm(d, initial_state=[ops.zeros_like(d.h0), d.c0])},
                         "h0 of the LSTM does not come"),
        "no state given": ({"hidden_states": lambda d: lstm(d)}, "LSTM does not see the image", "initial_state"),
        "last state only": ({"hidden_states": lambda d: L.LSTM(300)(d.word_embeds, initial_state=[d.h0, d.c0])},
                            "return_sequences=True"),
        "both directions": ({"hidden_states": lambda d: L.Bidirectional(L.LSTM(150, return_sequences=True))(
            d.word_embeds)}, "sees later words"),
        "states transposed": ({"flat_hidden_states": lambda d: ops.reshape(transposed(d.hidden_states), (-1, 300))},
                              "mixes captions up"),
        "state size": ({"h0": lambda d: L.Dense(256)(L.Dense(120)(d.img_embeds)), "c0": lambda d: d.h0,
                        "hidden_states": lambda d: L.LSTM(256, return_sequences=True)(
                            d.word_embeds, initial_state=[d.h0, d.c0]),
                        "flat_hidden_states": lambda d: ops.reshape(d.hidden_states, (-1, 256))},
                       "h0 has the wrong shape", "(9, 300)", "(9, 256)"),
        "logits size": ({"flat_token_logits": lambda d: L.Dense(len(vocab) + 1)(L.Dense(120)(d.flat_hidden_states))},
                        "flat_token_logits has the wrong shape"),
        "image bottleneck": ({"h0": lambda d: L.Dense(300)(L.Dense(64)(d.img_embeds))}, "bottleneck of the image"),
        "logits bottleneck": ({"flat_token_logits": lambda d: L.Dense(len(vocab))(d.flat_hidden_states)},
                              "bottleneck of the logits"),
        "softmax": ({"flat_token_logits": lambda d: ops.softmax(L.Dense(len(vocab))(L.Dense(120)(
            d.flat_hidden_states)))}, "softmax is applied before the loss"),
        "mask is a bool": ({"flat_loss_mask": lambda d: d.flat_ground_truth is not pad,
                            "loss": lambda d: ops.mean(d.xent)}, "mask has the wrong type", "bool"),
        "mask by ==": ({"flat_loss_mask": lambda d: ops.where(d.flat_ground_truth == pad, 0.0, 1.0),
                        "loss": lambda d: ops.mean(d.xent)}, "mask has the wrong type", "== compares no values"),
        "mask is the words": ({"flat_loss_mask": lambda d: d.flat_ground_truth}, "mask has the wrong type", "int32"),
        "mask inverted": ({"flat_loss_mask": lambda d: ops.equal(d.flat_ground_truth, pad)}, "mask is inverted"),
        "mask of inputs": ({"flat_loss_mask": lambda d: ops.reshape(d.sentences[:, :-1] != pad, (-1,))},
                           "mask belongs to the input words"),
        "mask of ones": ({"flat_loss_mask": lambda d: ops.ones_like(d.flat_ground_truth)}, "leaves nothing out"),
        "mask for another index": ({"flat_loss_mask": lambda d: d.flat_ground_truth != vocab[END]},
                                   "leaves END out", "keeps PAD"),
        "mask not flat": ({"flat_loss_mask": lambda d: d.sentences[:, 1:] != pad,
                           "loss": lambda d: ops.mean(d.xent)}, "mask is not flattened", "(32, 19)"),
        "loss not reduced": ({"loss": lambda d: d.xent}, "loss has the wrong shape", "()"),
        "missing": ({"word_embeds": lambda d: None, "hidden_states": lambda d: embedding(d.sentences[:, 1:]),
                     "flat_hidden_states": lambda d: L.Dense(300)(ops.reshape(d.hidden_states, (-1, 100)))},
                    "decoder.word_embeds is missing"),
        "another input": ({"h0": lambda d: L.Dense(300)(L.Dense(120)(keras.Input((2048,))))},
                          "another keras.Input"),
        "batch size fixed": ({"flat_hidden_states": lambda d: ops.reshape(d.hidden_states, (608, 300)),
                              "flat_ground_truth": lambda d: ops.reshape(d.sentences[:, 1:], (608,))},
                             "decoder.flat_hidden_states", "batch", "came"),
    }


WRONG_DECODERS = [
    "START fed twice", "START fed twice, right shape", "last word fed", "answers fed", "words not embedded",
    "word size", "truth not shifted", "truth with START", "truth transposed", "h0 zeros", "h0 from words", "c0 zeros",
    "c0 no tensor", "c0 not given", "h0 not given", "no state given", "last state only", "both directions",
    "states transposed", "state size", "logits size", "image bottleneck", "logits bottleneck", "softmax",
    "mask is a bool", "mask by ==", "mask is the words", "mask inverted", "mask of inputs", "mask of ones",
    "mask for another index", "mask not flat", "loss not reduced", "missing", "another input", "batch size fixed",
]


@pytest.mark.parametrize("mistake", WRONG_DECODERS)
def test_each_wrong_decoder_is_named(grader, vocab, mistake):
    steps, *texts = wrong_decoders(vocab)[mistake]
    assert named(grader.check_decoder_shapes(build_decoder(vocab, **steps), vocab), *texts)


def test_no_wrong_decoder_is_left_untested(vocab):
    assert set(wrong_decoders(vocab)) == set(WRONG_DECODERS)


IN_ONE_CLASS = right_solutions.DECODER + """
    h0 = c0 = img_embed_bottleneck_to_h0(img_embed_to_bottleneck(image))
    word_embeds = word_embed(sentences[:, :-1])
    hidden_states = lstm(word_embeds, initial_state=[h0, c0])
    flat_hidden_states = ops.reshape(dropout(hidden_states), [-1, 300])
    flat_token_logits = token_logits(token_logits_bottleneck(flat_hidden_states))
    flat_ground_truth = ops.reshape(sentences[:, 1:], [-1])
    flat_loss_mask = ops.cast(ops.not_equal(flat_ground_truth, vocab[PAD]), "float32")
    cross_entropy = keras.losses.sparse_categorical_crossentropy(
        flat_ground_truth, flat_token_logits, from_logits=True)
    loss = ops.sum(cross_entropy * flat_loss_mask) / ops.sum(flat_loss_mask)
"""


@pytest.fixture
def notebooks_decoder(vocab):
    """Makes a decoder all in one class, with some of its lines written otherwise: notebooks_decoder({line: other})."""
    def make(changes):
        keras, L, ops = keras_tools()
        source = IN_ONE_CLASS
        for line, other in changes.items():
            assert line in source
            source = source.replace(line, other)
        return defined(source, "decoder", keras=keras, L=L, ops=ops, vocab=vocab, IMG_EMBED_SIZE=2048)
    return make


def test_a_decoder_all_in_one_class_passes(grader, vocab, notebooks_decoder):
    assert grader.check_decoder_shapes(notebooks_decoder({}), vocab).passed


def test_the_notebooks_decoder_and_its_steps_pass(grader, vocab):
    cells = course_cells.code_cells()
    settings = Settings(dropout=0.3, image_dropout=0.5)
    found = course_cells.define(cells, "decoder", "final_model", vocab=vocab, settings=settings, PAD=PAD)
    assert grader.check_decoder_shapes(found.decoder, vocab).passed
    assert grader.check_untrained_loss(found.decoder, vocab).passed
    assert grader.check_final_model(found.decoder, found.final_model, vocab).passed


OTHER_PLACES = {
    "embeddings as they are": ({"_bottleneck(image)": "_bottleneck(img_embeds)"},
                               "standardize is not used for decoder.h0", "begin with image"),
    "no image dropout": ({"_bottleneck(image)": "_bottleneck(standardize(img_embeds))"}, "image_dropout is not used"),
    "image dropout late": ({"(img_embed_to_bottleneck(image))":
                            "(image_dropout(img_embed_to_bottleneck(standardize(img_embeds))))"},
                           "another order", "image_dropout, img_embed_to_bottleneck"),
    "bottleneck of one's own": ({"h0 = c0": "h0", "img_embed_to_bottleneck(image": "L.Dense(120)(image",
                                 "word_embeds = ": "c0 = h0\n    word_embeds = "},
                                "img_embed_to_bottleneck is not used", "send image through it"),
    "c0 of one's own": ({"h0 = c0": "c0 = L.Dense(300)(L.Dense(120)(image))\n    h0"},
                        "img_embed_to_bottleneck is not used for decoder.c0"),
    "words of one's own": ({"= word_embed(": "= L.Embedding(len(vocab), 100)("}, "word_embed is not used"),
    "LSTM of one's own": ({"= lstm(": "= L.LSTM(300, return_sequences=True)("}, "lstm is not used", "initial_state"),
    "no dropout": ({"dropout(hidden_states)": "hidden_states"}, "dropout is not used", "before you flatten them"),
    "dropout of words": ({"dropout(hidden_states)": "hidden_states", "lstm(word_embeds": "lstm(dropout(word_embeds)"},
                         "another order", "came: dropout, lstm"),
    "dropout of logits": ({"token_logits(token_logits_bottleneck(flat_hidden_states))":
                           "token_logits(dropout(token_logits_bottleneck(ops.reshape(hidden_states, [-1, 300]))))"},
                          "another order", "came: lstm, token_logits_bottleneck, dropout, token_logits"),
    "logits of one's own": ({"= token_logits(": "= L.Dense(len(vocab))("}, "token_logits is not used"),
    "logits bottleneck of one's own": ({"token_logits_bottleneck(flat": "L.Dense(120)(flat"},
                                       "token_logits_bottleneck is not used"),
}


@pytest.mark.parametrize("mistake", OTHER_PLACES)
def test_each_given_layer_that_is_not_where_it_belongs_is_named(grader, vocab, notebooks_decoder, mistake):
    changes, *texts = OTHER_PLACES[mistake]
    verdict = grader.check_decoder_shapes(notebooks_decoder(changes), vocab)
    assert named(verdict, *texts) and len(verdict.problems) == 1


@pytest.mark.parametrize("changes", [
    {"image_dropout(standardize(img_embeds))": "standardize(img_embeds)", "image_dropout =": "hidden ="},
    {"dropout(hidden_states)": "hidden_states", "    dropout =": "    hide ="},
    {"    loss =": "    dropout = flat_loss_mask\n    loss ="},
    {"img_embed_bottleneck_to_h0(img_embed_to_bottleneck(image))":
     "keras.Sequential([img_embed_to_bottleneck, img_embed_bottleneck_to_h0])(image)"},
    {"    flat_hidden": "    hidden_states = dropout(hidden_states)\n    flat_hidden", "dropout(hidden_states), [":
     "hidden_states, ["},
    {"token_logits(token_logits_bottleneck(flat_hidden_states))":
     "ops.reshape(token_logits(token_logits_bottleneck(dropout(hidden_states))), [-1, len(vocab)])"},
], ids=["no image_dropout to use", "no dropout to use", "the name is another thing's", "Sequential", "line by line",
        "flattened later"])
def test_layers_that_a_decoder_lacks_or_uses_in_its_own_way_are_no_mistake(
        grader, vocab, notebooks_decoder, changes):
    verdict = grader.check_decoder_shapes(notebooks_decoder(changes), vocab)
    assert verdict.passed, verdict


def test_a_class_that_is_no_decoder_is_explained(grader, vocab):
    class decoder:
        pass

    assert named(grader.check_decoder_shapes(decoder, vocab), "img_embeds is missing")
    assert named(grader.check_untrained_loss(None, vocab), "missing")


# ------------------------------------------------------------------------------------------------ untrained loss

def wrong_losses(vocab):
    keras, L, ops = keras_tools()

    def mask(d):
        return ops.cast(d.flat_loss_mask, "float32")

    def crossentropy(d, output, **named):
        return keras.losses.sparse_categorical_crossentropy(d.flat_ground_truth, output, **named)

    def softmax(x):
        return ops.exp(x) / ops.sum(ops.exp(x), -1, keepdims=True)

    softmax_again = {"xent": lambda d: crossentropy(d, softmax(d.flat_token_logits), from_logits=True)}
    mean_of_all = {"loss": lambda d: ops.mean(d.xent)}
    return {
        "mean over padding": (mean_of_all, "mean is taken over padding too", "mask"),
        "masked sum over all": ({"loss": lambda d: ops.mean(d.xent * mask(d))}, "over padding too", "number of words"),
        "softmax that Keras undoes": ({"xent": lambda d: crossentropy(
            d, ops.softmax(d.flat_token_logits), from_logits=True)}, "softmax is applied before the loss"),
        "softmax twice": (softmax_again, "softmax is applied before the loss"),
        "softmax twice, mean over padding": (softmax_again | mean_of_all, "softmax is applied", "over padding too"),
        "logits are probabilities": ({"flat_token_logits": lambda d: L.Dense(len(vocab), "softmax")(
            d.flat_hidden_states)}, "softmax is applied before the loss"),
        "from_logits forgotten": ({"xent": lambda d: crossentropy(d, d.flat_token_logits)}, "from_logits=True"),
        "mask inverted": ({"loss": lambda d: ops.sum(d.xent * (1 - mask(d))) / ops.sum(1 - mask(d))}, "inverted"),
        "sum": ({"loss": lambda d: ops.sum(d.xent * mask(d))}, "added up"),
        "sum of all": ({"loss": lambda d: ops.sum(d.xent)}, "added up, padding too"),
        "mean of sums": ({"loss": lambda d: ops.sum(d.xent * mask(d)) / ops.sum(
            ops.ones_like(d.img_embeds[:, 0]))}, "number of captions"),
        "something else": ({"loss": lambda d: ops.mean(ops.square(d.xent))}, "differs from the mean cross-entropy"),
        "no number": ({"loss": lambda d: d.xent}, "one number"),
    }


WRONG_LOSSES = [
    "mean over padding", "masked sum over all", "softmax that Keras undoes", "softmax twice",
    "softmax twice, mean over padding", "logits are probabilities", "from_logits forgotten", "mask inverted", "sum",
    "sum of all", "mean of sums", "something else", "no number",
]


@pytest.mark.parametrize("mistake", WRONG_LOSSES)
def test_each_wrong_loss_is_named(grader, vocab, mistake):
    steps, *texts = wrong_losses(vocab)[mistake]
    assert named(grader.check_untrained_loss(build_decoder(vocab, **steps), vocab), *texts)


def test_no_wrong_loss_is_left_untested(vocab):
    assert set(wrong_losses(vocab)) == set(WRONG_LOSSES)


def test_a_trained_decoder_is_told_from_an_untrained_one(grader, vocab):
    decoder = build_decoder(vocab)
    bias = np.full(len(vocab), 5.0, np.float32)
    bias[5:] = -5.0
    decoder.logits_layer.bias.assign(bias)
    verdict = grader.check_untrained_loss(decoder, vocab)
    assert named(verdict, "untrained", "run the decoder's cells again", "ln 50 = 3.91")


@pytest.mark.parametrize("size", [50, 8769])
def test_losses_with_a_mistake_are_far_from_the_right_one_and_from_each_other(size):
    """In both batches at once, because a mistake is named if it explains both."""
    vocab = dict(zip([PAD, UNK, START, END, *map(str, range(size - 4))], [1, 3, 2, 0, *range(4, size)], strict=True))
    batches = [padded_sentences(vocab, *batch)[:, 1:] for batch in loss_checks.SIZES]
    both = [loss_checks.possible_losses(loss_checks.chosen_logits(words, size).astype("float64"), words, vocab)
            for words in batches]
    (right, *mistakes) = [(one[0], one[1], other[1]) for one, other in zip(*both, strict=True) if len(one[0]) < 2]
    assert not right[0] and len(mistakes) > 30
    losses = np.array([values for _, *values in mistakes])
    losses = losses[np.isfinite(losses).all(1)]
    assert (abs(losses / right[1:] - 1).max(1) > 3 * loss_checks.RIGHT).all()
    for i, row in enumerate(losses):
        apart = abs(np.delete(losses, i, 0) / row - 1).max(1)
        assert apart.min() > 3 * loss_checks.EXACT, mistakes[i]


# ----------------------------------------------------------------------------------------------- validation loss

@pytest.fixture(scope="module")
def embeds(captions):
    return np.random.default_rng(2).random((len(captions), 2048)).astype(np.float16)


@pytest.fixture(scope="module")
def generate_batch(vocab):
    return make_generate_batch(vocab)


def make_generate_batch(vocab, rows_of=None, finish=lambda batch: batch):
    def generate_batch(images_embeddings, indexed_captions, batch_size, max_len=None):
        rows = np.random.choice(len(images_embeddings), batch_size, replace=False)
        captions = [random.choice(indexed_captions[row]) for row in (rows if rows_of is None else rows_of(rows))]
        return finish({"img_embeds": images_embeddings[rows].astype("float32"),
                       "sentences": batch_captions_to_matrix(captions, vocab[PAD], max_len)})
    return generate_batch


def test_the_validation_loss_is_the_services_mean_over_seeded_batches(
        grader, decoder, generate_batch, embeds, indexed):
    import keras

    random.seed(300)
    np.random.seed(300)
    model, losses = keras.Model([decoder.img_embeds, decoder.sentences], decoder.loss), []
    for _ in range(4):
        batch = generate_batch(embeds, indexed, 32, 20)
        losses.append(float(model([batch["img_embeds"], batch["sentences"]], training=False)))
    verdict = grader.check_validation_loss(decoder, generate_batch, embeds, indexed, n_batches=4)
    assert f"{np.mean(losses):.4f}" in verdict.note
    assert verdict.answer is None and "The course asks" not in verdict.note
    of_coco = Grader("coco2014").check_validation_loss(decoder, generate_batch, embeds, indexed, n_batches=4)
    assert of_coco.answer is None and "The course asks for 1,000 batches" in of_coco.note


def test_the_global_generators_are_left_as_they_were(grader, decoder, generate_batch, embeds, indexed):
    random.seed(5)
    np.random.seed(5)
    expected = random.random(), np.random.random()
    random.seed(5)
    np.random.seed(5)
    grader.check_validation_loss(decoder, generate_batch, embeds, indexed, n_batches=2)
    assert (random.random(), np.random.random()) == expected


@pytest.mark.parametrize("mistake", ["", "softmax that Keras undoes"])
def test_the_checks_of_a_decoder_print_no_warnings(
        grader, decoder, generate_batch, vocab, embeds, indexed, mistake, recwarn, caplog, capsys):
    tested = build_decoder(vocab, **wrong_losses(vocab)[mistake][0]) if mistake else decoder
    grader.check_decoder_shapes(tested, vocab)
    grader.check_untrained_loss(tested, vocab)
    grader.check_validation_loss(tested, generate_batch, embeds, indexed, n_batches=2)
    printed = capsys.readouterr()
    assert not recwarn.list and not caplog.records
    assert not printed.out and "warning" not in printed.err.lower()     # of which only the progress bar is a part


def train(decoder, batch, steps):
    import keras
    import tensorflow as tf

    model = keras.Model([decoder.img_embeds, decoder.sentences], decoder.loss)
    optimizer = keras.optimizers.Adam(0.01)

    @tf.function
    def step():
        with tf.GradientTape() as tape:
            loss = model([batch["img_embeds"], batch["sentences"]], training=True)
        optimizer.apply_gradients(zip(tape.gradient(loss, model.trainable_variables), model.trainable_variables,
                                      strict=True))
    for _ in range(steps):
        step()


def test_a_trained_decoder_passes_with_the_mean_of_a_thousand_batches(grader, vocab, generate_batch, embeds):
    """What a photo's captions say, its embedding tells, and no word tells of the next."""
    rng = np.random.default_rng(4)
    captions = [[[vocab[START], *map(int, rng.integers(10, 20, 5)), vocab[END]]] * 5 for _ in embeds]
    photos = 5 * (embeds - 0.5)
    decoder = build_decoder(vocab)
    untrained = grader.check_validation_loss(decoder, generate_batch, photos, captions, n_batches=10)
    assert named(untrained, "has not learnt yet", "hardly looks at the photos")

    train(decoder, generate_batch(photos, captions, len(photos), 20), steps=60)
    started = time.process_time()       # wall time depends on what else runs here
    trained = grader.check_validation_loss(decoder, generate_batch, photos, captions)
    assert time.process_time() - started < 30
    assert trained.passed and trained.points == 30, trained
    assert repr(float(trained.answer)) == trained.answer
    limit, rise = re.search(r"the limit is ([\d.]+) .* it is ([\d.]+) higher", trained.note).groups()
    assert float(trained.answer) < float(limit) < 2.5 and float(rise) > 0.5


def test_a_decoder_that_does_not_look_at_photos_fails_however_low_its_loss_is(grader, vocab, generate_batch, embeds):
    """Every caption says the same here, so that a decoder needs no photo."""
    captions = [[[vocab[START], *range(10, 14), vocab[END]]] * 5 for _ in embeds]
    decoder = build_decoder(vocab)
    train(decoder, generate_batch(embeds, captions, 32, 20) | {"img_embeds": np.zeros((32, 2048))}, steps=30)
    verdict = grader.check_validation_loss(decoder, generate_batch, embeds, captions, n_batches=10)
    assert verdict.problems[-1].hint.startswith("The decoder hardly looks at the photos"), verdict


def test_where_all_photos_are_alike_those_of_others_raise_the_loss_by_nothing(grader, vocab, generate_batch, embeds):
    """The photos change places among the captions; no photo itself is changed."""
    captions, decoder = [[[vocab[START], *range(10, 14), vocab[END]]] * 5 for _ in embeds], build_decoder(vocab)
    alike = np.repeat(100 * (embeds[:1] - 0.5), len(embeds), axis=0)
    found, of_turned = (validation_checks.validation_loss(decoder, generate_batch, photos, captions, 5, "drawn")
                        for photos in (alike, np.roll(alike, 1, axis=1)))
    assert found.rise == of_turned.rise == 0
    assert abs(of_turned.mean - found.mean) > 0.01      # so much does the decoder see of what is in a photo


def test_without_a_second_photo_there_is_none_to_take_in_its_place(grader, vocab, embeds):
    decoder, caption = build_decoder(vocab), [vocab[START], 10, vocab[END]]

    def generate_batch(images_embeddings, indexed_captions, batch_size, max_len=None):
        return {"img_embeds": np.float32(images_embeddings), "sentences": np.array(indexed_captions[0])}

    verdict = grader.check_validation_loss(decoder, generate_batch, embeds[:1], [[caption]], n_batches=2)
    assert [problem.hint[:30] for problem in verdict.problems] == ["The decoder has not learnt yet"]
    assert "higher" not in verdict.note


def test_a_table_of_word_pairs_is_measured_on_photos_that_it_was_not_made_from():
    alike = [[[0, 1, 2, 3]] * 5] * 40
    assert yardsticks.word_pair_loss(alike) < 0.1
    rng = np.random.default_rng(0)
    apart = [[[0, *map(int, rng.integers(1, 50, 10))]] * 5 for _ in range(40)]
    for n in (1, 2, 9, 11):
        words = {word for [caption, *_] in apart[:n] for word in caption[1:]}
        assert yardsticks.word_pair_loss(apart[:n]) == pytest.approx(math.log(len(words)))
    follow = [[[0, *((start + np.arange(10)) % 49 + 1).tolist()]] for start in rng.integers(0, 49, 400)]
    assert yardsticks.word_pair_loss(follow) < 1.2 * math.log(49) / 10             # only the first word is open


@pytest.mark.parametrize("loss, rise, hints", [
    (1.5, 0.3, []), (2.1, 0.3, ["not learnt enough"]), (1.5, 0.1, ["hardly looks"]), (1.5, None, []),
    (2.1, -0.1, ["not learnt enough", "hardly looks"]), (float("nan"), float("nan"), ["diverged"])])
def test_a_loss_is_to_be_below_its_limit_and_higher_with_other_photos(loss, rise, hints):
    problems = list(validation_checks.ValidationLoss(loss, rise, 2.0, "").problems())
    assert len(problems) == len(hints) and all(text in problem.hint for text, problem in zip(hints, problems))


def test_the_limit_is_the_courses_for_mscoco_and_else_a_share_of_what_word_pairs_tell(indexed):
    assert yardsticks.bounds(indexed, "coco2014")[0] == 2.8
    for dataset in ("drawn", "folder"):
        assert yardsticks.bounds(indexed, dataset)[0] == 0.8 * yardsticks.word_pair_loss(indexed)


def seeded_inside(vocab):
    inner = make_generate_batch(vocab)

    def generate_batch(*arguments):
        random.seed(1)
        np.random.seed(1)
        return inner(*arguments)
    return generate_batch


WRONG_BATCHES = {
    "captions of other photos": (lambda v: make_generate_batch(v, rows_of=lambda rows: np.roll(rows, 1)),
                                 "do not belong together"),
    "seeded inside": (seeded_inside, "the same", "seed no generator"),
    "a tuple": (lambda v: make_generate_batch(v, finish=lambda b: tuple(b.values())), "dictionary"),
    "another key": (lambda v: make_generate_batch(v, finish=lambda b: {"images": 1, "captions": 2}), "dictionary"),
    "max_len ignored": (lambda v: make_generate_batch(
        v, finish=lambda b: b | {"sentences": np.zeros((32, 25), "int32")}), "ignores max_len"),
    "half a batch": (lambda v: make_generate_batch(v, finish=lambda b: {k: x[:16] for k, x in b.items()}),
                     "other shapes", "(32, 2048)", "(16, 2048)"),
    "an exception": (lambda v: make_generate_batch(v, finish=lambda b: b["pictures"]), "KeyError", "pictures"),
    "not solved": (lambda v: unsolved, "not solved yet"),
}


@pytest.mark.parametrize("mistake", WRONG_BATCHES)
def test_each_wrong_generate_batch_is_named(grader, decoder, vocab, embeds, indexed, mistake):
    make, *texts = WRONG_BATCHES[mistake]
    assert named(grader.check_validation_loss(decoder, make(vocab), embeds, indexed, n_batches=2), *texts)


def test_an_exception_over_all_of_cocos_photos_is_told_without_looking_through_them(grader, decoder):
    photos = np.broadcast_to(np.float16(0), (40_504, 2048))
    captions = [[list(range(12))] * 5] * 40_504
    started = time.process_time()
    verdict = grader.check_validation_loss(decoder, lambda *batch: 1 / 0, photos, captions)
    assert named(verdict, "ZeroDivisionError", "array of shape (40504, 2048)", "[[[0, 1, 2")
    assert time.process_time() - started < 1


def test_fewer_validation_photos_than_a_batch_are_no_mistake(grader, decoder, vocab, embeds, indexed):
    def generate_batch(images_embeddings, indexed_captions, batch_size, max_len=None):
        rows = np.random.permutation(len(images_embeddings))[:batch_size]
        return {"img_embeds": images_embeddings[rows].astype("float32"), "sentences": batch_captions_to_matrix(
            [random.choice(indexed_captions[row]) for row in rows], vocab[PAD], max_len)}

    verdict = grader.check_validation_loss(decoder, generate_batch, embeds[:8], indexed[:8], n_batches=2)
    assert "Mean loss" in verdict.note


# ------------------------------------------------------------------------------------- verdicts, table, notebook

def test_a_verdict_keeps_no_markup_of_the_learners(grader):
    verdict = grader.check_batching(lambda b, p, max_len=None: "<script>alert('x')</script>")
    assert "<script>" in str(verdict)
    assert "<script>" not in verdict._repr_html_() and "&lt;script&gt;" in verdict._repr_html_()


def test_an_exception_is_shown_with_the_line_of_the_learners_code(grader):
    def broken(batch_captions, pad_idx, max_len=None):
        return batch_captions["no such key"]

    assert named(grader.check_batching(broken), "TypeError", 'return batch_captions["no such key"]')
    assert grader.verdicts["yiJkt"].answer is None


def test_the_table_shows_all_parts_and_adds_the_points(grader, captions, vocab):
    grader.check_vocabulary(vocab, generate_vocabulary, captions)
    grader.check_batching(WRONG_MATRICES["left"][0])
    text, page = str(grader.table()), grader.table()._repr_html_()
    assert grader.table().points == 10
    for part in PARTS.values():
        assert part.title in text and str(escape(part.title)) in page
    assert text.count("not checked") == 4 and "not yet" in text and "10 of 100" in text.replace("  ", " ")


def test_keys_and_answers_are_shown_where_the_course_knows_them():
    """Elsewhere they are nothing to understand, nor to type."""
    right, wrong = batch_captions_to_matrix, WRONG_MATRICES["left"][0]
    of_drawn, of_coco = ([grader.check_batching(right), grader.check_batching(wrong), grader.table()]
                         for grader in (Grader("drawn"), Grader("coco2014")))
    for shown in (str, lambda x: x._repr_html_()):
        assert not [x for x in of_drawn if "yiJkt" in shown(x) or "-1 1 2 4 5" in shown(x)]
        assert all("part yiJkt" in shown(x) for x in of_coco)
        assert "Goes to the course as part yiJkt: 1 2 3 4 5 -1" in shown(of_coco[0])


def test_each_part_has_the_name_of_its_exercise():
    from course import build

    text = "\n".join(cell.source for cell in build.build(student=True).cells)
    exercises = re.findall(r"^## (Exercise \d: .*)$", text, re.MULTILINE)
    assert len(exercises) == 5
    assert all(any(part.title.startswith(name) for name in exercises) for part in PARTS.values())


def test_a_newer_check_replaces_an_older_one(grader):
    assert not grader.check_batching(WRONG_MATRICES["left"][0]).passed
    assert grader.check_batching(batch_captions_to_matrix).passed
    assert grader.table().points == 10


def test_an_unknown_dataset_is_refused():
    with pytest.raises(ValueError, match="expected one of drawn, .*, folder"):
        Grader(dataset="flickr")


def test_importing_the_grader_does_not_load_tensorflow():
    code = "import sys, grading; sys.exit('tensorflow' in sys.modules or 'keras' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


def test_the_plain_checks_of_coco_sized_captions_take_seconds(grader):
    """40,000 captions here; MSCOCO has ten times as many, and took 3.0 and 0.7 s."""
    rng = np.random.default_rng(0)
    words = [f"w{i}" for i in range(5000)]
    captions = [[" ".join(words[i] for i in row) for row in photo] for photo in rng.integers(0, 5000, (8000, 5, 10))]
    vocab = generate_vocabulary(captions)
    indexed = caption_tokens_to_indices(captions, vocab)
    started = time.process_time()
    assert grader.check_vocabulary(vocab, generate_vocabulary, captions).passed
    assert grader.check_indexing(indexed, vocab, caption_tokens_to_indices).passed
    assert time.process_time() - started < 3


def test_an_unsolved_exercise_stops_its_cells_with_a_sentence_and_other_errors_show_as_ever(tmp_path):
    import nbformat
    from nbclient import NotebookClient

    sources = [
        "import grading\ngrading.short_errors()",
        'def f():\n    raise NotImplementedError("Exercise 3 is not solved yet.")\nf()',
        "grader.check_decoder_shapes(decoder, vocab)".replace("grader", "grading.Grader()"),
        "1 / 0",
        "vocabulary",                                                       # a learner's own slips
        "def f():\n    return vocab\nf()",
        "import asyncio\nasyncio.AbstractEventLoop().run_forever()",        # a library's own NotImplementedError
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
    NotebookClient(notebook, timeout=60, allow_errors=True, resources={"metadata": {"path": str(tmp_path)}}).execute()
    unsolved_cell, check, division, *slips, library = [cell.outputs[-1] for cell in notebook.cells[1:]]
    assert unsolved_cell.output_type == check.output_type == "error"        # so that "run all" stops here
    assert unsolved_cell.traceback == ["Exercise 3 is not solved yet."]
    assert check.traceback == ["There is no decoder yet: exercise 4 makes it. Solve that first, and run all its cells."]
    assert all(any("Traceback" in line for line in output.traceback) for output in (division, *slips))
    assert any("run_forever" in line for line in library.traceback)


def test_the_names_that_exercises_make_are_the_notebooks():
    from course import build

    cells = [cell.source for cell in build.build(student=True).cells]
    exercise = {}
    for source in cells:
        number = re.search(r"^## Exercise (\d)", source, re.MULTILINE)
        exercise["now"] = int(number[1]) if number else exercise.get("now")
        for name in MADE_BY:
            if re.search(rf"^(class )?{name}( =|:)", source, re.MULTILINE):
                exercise[name] = exercise["now"]
    assert {name: exercise.get(name) for name in MADE_BY} == MADE_BY
