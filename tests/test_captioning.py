"""Captions: words that are never written, ends, beams against an exhaustive search, one photo at a time or many."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

import captioning
from utils import END, PAD, START, UNK

VOCAB = {token: index for index, token in enumerate(sorted([PAD, UNK, START, END, "a", "b"]))}


def writer_of(seed=0, max_len=4, scale=4.0, bias=(), batch_size=256):
    """A small random decoder: the next word depends on the photo and on all words before."""
    keras.utils.set_random_seed(seed)
    initial = keras.initializers.RandomNormal(stddev=scale / 10, seed=seed)
    image = keras.Input((2048,))
    h = keras.layers.Dense(8, activation="tanh", kernel_initializer=initial)(image)
    initial_state = keras.Model(image, [h, h])
    word, h, c = keras.Input((), dtype="int32"), keras.Input((8,)), keras.Input((8,))
    new_h, [_, new_c] = keras.layers.LSTMCell(8)(keras.layers.Embedding(len(VOCAB), 8)(word), [h, c])
    logits = keras.layers.Dense(len(VOCAB), kernel_initializer=keras.initializers.RandomNormal(stddev=scale, seed=seed),
                                bias_initializer=keras.initializers.Constant(0))
    output = logits(new_h)
    for token, value in dict(bias).items():
        logits.bias.assign(logits.bias + np.float32(value) * np.eye(len(VOCAB), dtype=np.float32)[VOCAB[token]])
    return captioning.CaptionWriter(initial_state, keras.Model([word, h, c], [output, new_h, new_c]), VOCAB, max_len,
                                    batch_size)


def photos(count=12, seed=1):
    return np.random.default_rng(seed).normal(size=(count, 2048)).astype(np.float32)


def log_probabilities(writer, photo, words):
    """log p of each word, step by step in plain NumPy."""
    h, c = writer.initial_state(photo[None])
    found, previous = [], START
    for word in words:
        logits, h, c = writer.one_step([tf.constant([VOCAB[previous]]), h, c])
        logits = np.array(logits[0], np.float64)
        logits[[VOCAB[t] for t in (PAD, UNK, START)]] = -np.inf
        found.append(logits[VOCAB[word]] - np.log(np.exp(logits).sum()))
        previous = word
    return np.array(found)


def tokens_of(caption):
    return [*caption.words, *([END] if caption.ended else [])]


@pytest.mark.parametrize("write", [
    lambda w, x: w.greedy(x), lambda w, x: w.sample(x, 1.0, seed=3), lambda w, x: w.sample(x, 5.0, seed=3),
    lambda w, x: w.beam(x, 3)], ids=["greedy", "sampled", "daring", "beam"])
def test_pad_unk_and_start_are_never_written(write):
    writer = writer_of(bias={PAD: 30, UNK: 30, START: 30})
    for caption in write(writer, photos(40)):
        assert not {PAD, UNK, START, END} & set(caption.words)
        assert len(caption.words) + caption.ended <= 4


@pytest.mark.parametrize("write", [
    lambda w, x: w.greedy(x), lambda w, x: w.sample(x, 1.0, 3), lambda w, x: w.beam(x, 3)])
def test_probabilities_are_the_decoders(write):
    writer, batch = writer_of(max_len=8, scale=1.5), photos(20)
    for photo, caption in zip(batch, write(writer, batch)):
        expected = log_probabilities(writer, photo, tokens_of(caption))
        np.testing.assert_allclose(np.log(caption.word_probabilities), expected, atol=1e-4)
        assert caption.log_probability == pytest.approx(expected.sum(), abs=1e-3)


def test_the_next_words_of_a_caption_are_the_decoders_choices_at_each_of_its_steps():
    writer, batch = writer_of(max_len=8, scale=1.5), photos(20)
    lengths = set()
    for photo, caption in zip(batch, writer.sample(batch, 1.0, seed=1)):
        steps = writer.next_words(photo, caption, top=2)
        everything = writer.next_words(photo, caption, top=100)
        assert len(steps) == len(everything) == len(caption.word_probabilities)
        for step, all_words, taken, p in zip(steps, everything, tokens_of(caption), caption.word_probabilities):
            assert step == all_words[:2] and step[0][1] >= step[1][1]
            assert dict(all_words)[taken] == pytest.approx(p, abs=1e-5)
            assert sum(probability for _, probability in all_words) == pytest.approx(1, abs=1e-5)
        lengths.add((caption.ended, len(caption.words)))
    assert len(lengths) > 3 and {ended for ended, _ in lengths} == {True, False}
    for photo, caption in zip(batch[:5], writer.greedy(batch[:5])):
        assert [step[0][0] for step in writer.next_words(photo, caption)] == tokens_of(caption)


@pytest.mark.parametrize("seed", range(4))
def test_a_beam_as_wide_as_all_captions_finds_the_best_of_all(seed):
    writer = writer_of(seed, max_len=3)
    words = ["a", "b"]
    ended = [[*middle, END] for n in range(3) for middle in itertools.product(words, repeat=n)]
    everything = ended + [list(middle) for middle in itertools.product(words, repeat=3)]
    for photo, caption in zip(photos(5), writer.beam(photos(5), width=27)):
        best = max(everything, key=lambda tokens: log_probabilities(writer, photo, tokens).mean())    # noqa: B023
        assert tokens_of(caption) == best


@pytest.mark.parametrize("seed", range(3))
def test_a_beam_of_one_is_greedy(seed):
    writer = writer_of(seed, max_len=8, scale=2.0)
    assert list(map(str, writer.beam(photos(30), width=1))) == list(map(str, writer.greedy(photos(30))))


def test_sampling_depends_on_the_seed_alone_and_becomes_greedy_when_cold():
    writer, batch = writer_of(max_len=8), photos(30)
    first, again, other = (list(map(str, writer.sample(batch, 1.0, seed))) for seed in (1, 1, 2))
    assert first == again and first != other
    assert list(map(str, writer.sample(batch, 1e-4, 1))) == list(map(str, writer.greedy(batch)))


def test_end_at_once_and_never():
    at_once = writer_of(bias={END: 100}).greedy(photos(3))
    assert all(caption.words == () and caption.ended for caption in at_once)
    for write in (lambda w: w.greedy(photos(3)), lambda w: w.beam(photos(3), 3)):
        never = write(writer_of(bias={END: -100}))
        assert all(len(caption.words) == 4 and not caption.ended for caption in never)


def test_captions_do_not_depend_on_how_photos_are_batched():
    batch = photos(7)
    whole, parts = (writer_of(max_len=8, batch_size=size) for size in (256, 3))
    for write in (lambda w: w.greedy(batch), lambda w: w.beam(batch, 3)):
        assert list(map(str, write(whole))) == list(map(str, write(parts)))
    assert writer_of().greedy(batch[:0]) == []


@pytest.mark.parametrize("call, message", [
    (lambda w: w.sample(photos(1), 0), "temperature is 0"), (lambda w: w.beam(photos(1), 0), "width is 0")])
def test_nonsense_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call(writer_of())
