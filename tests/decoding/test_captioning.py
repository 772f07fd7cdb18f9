"""Captions are those of plain searches and exact probabilities, in batches of any size and from a checkpoint alone."""

import functools
import itertools
import json
import shutil
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers as L
from keras import ops

from captioning.datasets.tokens import END, PAD, START, UNK
from captioning.decoder import model_text
from captioning.decoder.checkpoints import Checkpoint, CheckpointFolder, read_checkpoint
from captioning.decoder.trainer import Data, Trainer
from captioning.decoding.next_word import likeliest, sample
from captioning.decoding.writer import CaptionWriter
from captioning.encoder.cache import Embeddings
from captioning.settings import Settings

VOCAB = {token: index for index, token in enumerate(sorted([PAD, UNK, START, END, "a", "b"]))}
WORDS = ("a", "b")


@pytest.fixture(scope="module")
def a_writer():
    """A writer whose captions have many lengths."""
    return writer_of(max_len=8, scale=1.5)


@pytest.fixture(scope="module")
def one_word():
    """A writer of captions of one word."""
    return writer_of(2, max_len=1, scale=0.7, batch_size=10_000)


class Counted(L.Layer):
    """Counts how often it is run."""

    def build(self, _):
        """Makes the counter."""
        self.runs = self.add_weight(shape=(), dtype="int32", initializer="zeros", trainable=False)

    def call(self, x):
        """Counts, and passes the values on."""
        self.runs.assign_add(1)
        return x + 0


def writer_of(seed=0, max_len=4, scale=4.0, bias=(), batch_size=256):
    """A small random decoder: the next word depends on the photo and on all words before."""
    keras.utils.set_random_seed(seed)
    initial = keras.initializers.RandomNormal(stddev=scale / 10, seed=seed)
    image = keras.Input((2048,))
    h = L.Dense(8, activation="tanh", kernel_initializer=initial)(image)
    initial_state = keras.Model(image, [h, h])
    word, h, c = keras.Input((), dtype="int32"), keras.Input((8,)), keras.Input((8,))
    new_h, [_, new_c] = L.LSTMCell(8)(L.Embedding(len(VOCAB), 8)(word), [h, c])
    logits = L.Dense(len(VOCAB), kernel_initializer=keras.initializers.RandomNormal(stddev=scale, seed=seed),
                     name="logits")
    output = Counted(name="counted")(logits(new_h))
    one_step = keras.Model([word, h, c], [output, new_h, new_c])
    writer = CaptionWriter(initial_state, one_step, VOCAB, max_len, batch_size)
    set_bias(writer, dict(bias))
    return writer


def set_bias(writer, bias):
    """Makes words likelier, {word: by how much}. What the writer has compiled stays."""
    writer.one_step.get_layer("logits").bias.assign([bias.get(word, 0.0) for word in sorted(VOCAB)])


def photos(count=12, seed=1):
    """Random embeddings."""
    return np.random.default_rng(seed).normal(size=(count, 2048)).astype(np.float32)


def next_words(writer, photo):
    """A function of the words so far: {word: log p} for each word that may be written next, in plain NumPy."""
    @functools.cache
    def state(words):
        if not words:
            return START, *writer.initial_state(photo[None])
        _, h, c = after(words[:-1])
        return words[-1], h, c

    @functools.cache
    def after(words):
        word, h, c = state(words)
        logits, h, c = writer.one_step([tf.constant([VOCAB[word]]), h, c])
        return np.array(logits[0], np.float64), h, c

    @functools.cache
    def log_probabilities(words):
        logits = after(words)[0][[VOCAB[word] for word in (END, *WORDS)]]
        return dict(zip((END, *WORDS), logits - np.log(np.exp(logits).sum())))

    return log_probabilities


def log_probabilities(writer, photo, words):
    """Logarithm of the probability of each word of a caption, in plain NumPy."""
    following = next_words(writer, photo)
    return np.array([following(tuple(words[:i]))[word] for i, word in enumerate(words)])


def score(following, tokens, length_penalty):
    """What beam search ranks by: a caption that was cut counts as if #END# came next."""
    whole = tokens if tokens[-1] == END else (*tokens, END)
    return sum(following(whole[:i])[word] for i, word in enumerate(whole)) / len(whole) ** length_penalty


def best_first(following, length_penalty):
    """A key to sort captions by, given as tokens."""
    return lambda tokens: -score(following, tokens, length_penalty)


def repeats(words, run):
    """Whether a run of this many words comes twice."""
    runs = [tuple(words[i:i + run]) for i in range(len(words) - run + 1)]
    return len(set(runs)) < len(runs)


def plain_beams(following, max_len, width, length_penalty, no_repeat):
    """Beam search for one photo in plain Python: [tokens], best first."""
    beams = [((), 0.0)]
    for _ in range(max_len):
        ended = [beam for beam in beams if beam[0] and beam[0][-1] == END]
        ways = [((*tokens, word), total + log_p) for tokens, total in beams if not tokens or tokens[-1] != END
                for word, log_p in following(tokens).items()
                if not (no_repeat and repeats((*tokens, word), no_repeat))]
        beams = ended + sorted(ways, key=lambda way: -way[1])[:width - len(ended)]
    return sorted((tokens for tokens, _ in beams), key=best_first(following, length_penalty))


def tokens_of(caption):
    """The words of a caption, and #END# if it ended."""
    return *caption.words, *([END] if caption.ended else [])


WAYS = {
    "greedy": lambda w, x: w.greedy(x), "beam": lambda w, x: w.beam(x, 3), "no repeat": lambda w, x: w.beam(x, 3, 1, 2),
    "sampled": lambda w, x: w.sample(x, 1.0, seed=3), "daring": lambda w, x: w.sample(x, 5.0, seed=3),
    "nucleus": lambda w, x: w.sample(x, 1.3, 3, top_k=2, top_p=0.9),
}
of_each_way = pytest.mark.parametrize("write", WAYS.values(), ids=WAYS)


@of_each_way
def test_pad_unk_and_start_are_never_written(write):
    writer = writer_of(bias={PAD: 30, UNK: 30, START: 30})
    for caption in write(writer, photos(40)):
        assert not {PAD, UNK, START, END} & set(caption.words)
        assert len(caption.words) + caption.ended <= 4


@of_each_way
def test_probabilities_are_the_decoders(a_writer, write):
    """Temperature, top-k, nucleus and banned words do not change them."""
    writer, batch = a_writer, photos(10)
    for photo, caption in zip(batch, write(writer, batch)):
        expected = log_probabilities(writer, photo, tokens_of(caption))
        np.testing.assert_allclose(np.log(caption.token_probabilities), expected, atol=1e-4)
        assert caption.log_probability == pytest.approx(expected.sum(), abs=1e-3) and caption.log_probability <= 0


@of_each_way
def test_word_probabilities_are_one_for_each_word_and_that_of_the_end_stands_apart(a_writer, write):
    captions = write(a_writer, photos(40))
    some_are_cut = write is not WAYS["no repeat"]       # two words make four pairs, so that one ends before 8 words
    assert {caption.ended for caption in captions} == {True, not some_are_cut}
    for caption in captions:
        assert len(caption.word_probabilities) == len(caption.words)
        assert (caption.end_probability is not None) == caption.ended == (len(caption.words) < 8)
        assert caption.tokens == tokens_of(caption) and len(caption.token_probabilities) == len(caption.tokens)
        assert caption.log_probability == pytest.approx(
            np.log(caption.word_probabilities).sum() + np.log(caption.end_probability or 1), abs=1e-9)


def test_the_next_words_of_a_caption_are_the_decoders_choices_at_each_of_its_steps(a_writer):
    writer, batch = a_writer, photos(20)
    lengths = set()
    for photo, caption in zip(batch, writer.sample(batch, 1.0, seed=1)):
        steps = writer.next_words(photo, caption, top=2)
        everything = writer.next_words(photo, caption, top=100)
        assert len(steps) == len(everything) == len(caption.tokens)
        for step, all_words, taken, p in zip(steps, everything, tokens_of(caption), caption.token_probabilities):
            assert step == all_words[:2] and step[0][1] >= step[1][1]
            assert dict(all_words)[taken] == pytest.approx(p, abs=1e-5)
            assert sum(probability for _, probability in all_words) == pytest.approx(1, abs=1e-5)
        lengths.add((caption.ended, len(caption.words)))
    assert len(lengths) > 3 and {ended for ended, _ in lengths} == {True, False}
    for photo, caption in zip(batch[:5], writer.greedy(batch[:5])):
        assert tokens_of(caption) == tuple(step[0][0] for step in writer.next_words(photo, caption))


# ------------------------------------------------------------------------------------------------ searches

def test_a_beam_as_wide_as_all_captions_finds_the_best_of_all():
    writer = writer_of(max_len=3)
    everything = [(*middle, END) for n in range(3) for middle in itertools.product(WORDS, repeat=n)]
    everything += itertools.product(WORDS, repeat=3)
    searches = [next_words(writer, photo) for photo in photos(12)]
    for length_penalty in (0.0, 0.7, 1.0):
        for following, found in zip(searches, writer.beams(photos(12), 27, length_penalty)):
            assert list(map(tokens_of, found)) == sorted(everything, key=best_first(following, length_penalty))


@pytest.mark.parametrize("width, no_repeat", [(1, 0), (2, 2), (3, 0), (5, 3)])
def test_beams_are_those_of_a_plain_search(width, no_repeat):
    writer = writer_of(seed=width, max_len=6, scale=1.5)
    searches = [next_words(writer, photo) for photo in photos(5)]
    for length_penalty in (0.0, 0.7, 1.0):
        found = writer.beams(photos(5), width, length_penalty, no_repeat)
        best = writer.beam(photos(5), width, length_penalty, no_repeat)
        for following, captions, caption in zip(searches, found, best):
            expected = plain_beams(following, 6, width, length_penalty, no_repeat)
            assert list(map(tokens_of, captions)) == expected and tokens_of(caption) == expected[0]


@pytest.mark.parametrize("max_len, width", [(2, 2), (2, 5), (3, 3), (4, 4)])
def test_the_best_caption_is_never_given_up_for_speed(max_len, width):
    """`beam` stops when no open caption can win, `beams` goes on to the end. High penalties favour long captions."""
    writer, batch = writer_of(width, max_len, scale=1.0), photos(300)
    for length_penalty in (1.0, 2.0, 3.0):
        best, all_of_them = writer.beam(batch, width, length_penalty), writer.beams(batch, width, length_penalty)
        assert list(map(tokens_of, best)) == [tokens_of(captions[0]) for captions in all_of_them]


def test_a_beam_of_one_is_greedy(a_writer):
    writer, batch = a_writer, photos(30)
    for no_repeat in (0, 2):
        assert writer.beam(batch, 1, no_repeat=no_repeat) == writer.greedy(batch, no_repeat=no_repeat)
    for photo, caption in zip(batch[:8], writer.greedy(batch)):
        following, tokens = next_words(writer, photo), ()
        while len(tokens) < 8 and END not in tokens:
            tokens += (max(following(tokens), key=following(tokens).get),)
        assert tokens_of(caption) == tokens


def two_step_writer(first, later, max_len=20):
    """A decoder whose next word depends on one thing only, whether it is the first: {word: probability}."""
    initial_state = keras.Model(image := keras.Input((2048,)), [image[:, :1] * 0, image[:, :1] * 0])
    word, h, c = keras.Input((), dtype="int32"), keras.Input((1,)), keras.Input((1,))
    chances = np.array([[np.log(given.get(token, 1e-20)) for token in sorted(VOCAB)] for given in (first, later)])
    logits = ops.where(ops.equal(word, VOCAB[START])[:, None], *np.float32(chances[:, None]))
    one_step = keras.Model([word, h, c], [Counted(name="counted")(logits), h, c])
    return CaptionWriter(initial_state, one_step, VOCAB, max_len)


def test_a_caption_that_has_ended_stays_among_the_beams():
    """The caption that ended has p = 0.02, far less than the open ones. But it is whole, and they never end."""
    writer = two_step_writer({END: 0.02, "a": 0.98}, {"a": 0.5, "b": 0.5})
    caption = writer.beam(photos(1), width=2, length_penalty=0)[0]
    assert caption.ended and caption.words == () and caption.log_probability == pytest.approx(np.log(0.02), abs=1e-3)


def test_ties_go_to_the_lower_index():
    writer = writer_of(scale=0.0, bias={END: -9})
    assert [tokens_of(caption) for caption in writer.greedy(photos(2))] == [("a",) * 4] * 2
    first, second = ("a", "a", "a", "a"), ("a", "a", "a", "b")
    assert [list(map(tokens_of, beams)) for beams in writer.beams(photos(2), 2)] == [[first, second]] * 2


@pytest.mark.parametrize("many", [1, 2, 3, 5, 40])
def test_the_likeliest_words_are_those_of_a_sort(many):
    rng = np.random.default_rng(0)
    for logits in (rng.normal(size=(40, 900)), rng.integers(0, 300, (40, 900)), np.zeros((2, 900))):    # with ties
        places = likeliest(tf.constant(logits, tf.float32), many)
        np.testing.assert_array_equal(places, np.argsort(-logits, axis=1, kind="stable")[:, :many])


def test_end_at_once_and_never():
    writer = writer_of(bias={END: 100})
    for captions in (writer.greedy(photos(3)), writer.beam(photos(3), 3), writer.sample(photos(3))):
        assert all(caption.words == () and caption.ended and caption.end_probability for caption in captions)
    for bias in (-100, -np.inf):
        set_bias(writer, {END: bias})
        for captions in (writer.greedy(photos(3)), writer.beam(photos(3), 3), writer.sample(photos(3))):
            assert all(len(caption.words) == 4 and not caption.ended for caption in captions)


def test_a_whole_caption_wins_over_half_a_sentence():
    """A caption that is cut at the greatest length does not win because it saves the cost of #END#."""
    writer, cut = writer_of(3, max_len=3, scale=2.0), 0
    for photo, beams in zip(photos(20), writer.beams(photos(20), 4, length_penalty=1)):
        following = next_words(writer, photo)
        means = [log_probabilities(writer, photo, tokens_of(caption)).mean() for caption in beams]
        cut += not beams[int(np.argmax(means))].ended and beams[0].ended
        assert tokens_of(beams[0]) == min(map(tokens_of, beams), key=best_first(following, 1))
    assert cut > 0


def test_the_search_stops_when_no_beam_can_win():
    """The other beams would go on for 500 words."""
    writer = two_step_writer({END: 0.9, "a": 0.1}, {"a": 0.9, "b": 0.1}, max_len=500)
    assert writer.beam(photos(4), 3, length_penalty=0)[0].words == ()
    assert int(writer.one_step.get_layer("counted").runs) <= 2


def test_a_search_wider_than_all_captions_finds_each_once():
    found = writer_of(max_len=1).beams(photos(2), width=50)
    assert [sorted(map(tokens_of, beams)) for beams in found] == [[(END,), ("a",), ("b",)]] * 2


def test_no_run_of_words_comes_twice():
    writer = writer_of(max_len=12, bias={END: -12})
    assert all(repeats(caption.words, 3) for caption in writer.beam(photos(20)))
    for run in (1, 3):
        assert not any(repeats(caption.words, run) for caption in writer.beam(photos(20), no_repeat=run))
    assert writer.greedy(photos(20), no_repeat=13) == writer.greedy(photos(20))


# ------------------------------------------------------------------------------------------------ sampling

def test_samples_depend_on_the_seed_alone_and_are_greedy_near_temperature_0(a_writer):
    writer, batch = a_writer, photos(30)
    first, again, other = (list(map(str, writer.sample(batch, 1.0, seed))) for seed in (1, 1, 2))
    assert first == again and first != other
    greedy = list(map(str, writer.greedy(batch)))
    for cold in ({"temperature": 1e-4}, {"top_k": 1}, {"top_p": 1e-6}):
        assert list(map(str, writer.sample(batch, seed=1, **cold))) == greedy
    assert list(map(str, writer.sample(batch[:7], 1.0, 1))) == first[:7]         # whatever photos follow


@pytest.mark.parametrize("how", [
    {}, {"temperature": 0.5}, {"temperature": 3.0}, {"top_k": 2}, {"top_p": 0.6}, {"top_p": 0.999},
    {"temperature": 2.0, "top_k": 2, "top_p": 0.55}], ids=str)
def test_words_are_sampled_as_often_as_they_are_probable(one_word, how):
    """Compares with exact probabilities. The seed is fixed, so the result is always the same."""
    writer, count = one_word, 10_000
    photo = photos(1)
    log_p = next_words(writer, photo[0])(())
    p = np.exp(np.array(list(log_p.values())) / how.get("temperature", 1))
    ranked = np.argsort(-p, kind="stable")[:how.get("top_k")]
    p = np.where(np.isin(np.arange(3), ranked), p, 0) / p[ranked].sum()
    before = np.cumsum(p[ranked]) - p[ranked]
    p[ranked[before >= how.get("top_p", 1)]] = 0                    # the nucleus: until the sum reaches top_p
    p /= p.sum()
    sampled = [tokens_of(caption)[0] for caption in writer.sample(np.repeat(photo, count, axis=0), seed=5, **how)]
    share = np.array([sampled.count(word) for word in log_p]) / count
    assert (share[p == 0] == 0).all()
    assert (np.abs(share - p) < 4 * np.sqrt(p * (1 - p) / count) + 1e-9).all()


@pytest.mark.parametrize("in_order", [False, True])
def test_the_least_and_the_greatest_chance_draw_no_impossible_word(in_order):
    logits = tf.constant([[-np.inf, 0.5, 0.5, -np.inf]] * 2)
    chances = tf.constant([0.0, np.nextafter(1, 0)], tf.float64)
    sampled = sample(logits, chances, 4, tf.constant(1.0, tf.float64), in_order)
    assert sampled.numpy().tolist() == [1, 2]


@pytest.mark.parametrize("size", [5, 128, 300])            # words are summed in groups of 128
def test_a_sample_is_the_first_word_whose_running_sum_exceeds_the_chance(size):
    rng = np.random.default_rng(size)
    logits = np.where(rng.random((400, size)) < 0.2, -np.inf, rng.normal(0, 3, (400, size))).astype(np.float32)
    chances = np.append(rng.random(398), [0.0, np.nextafter(1, 0)])
    running = np.cumsum(tf.nn.softmax(logits).numpy().astype(np.float64), axis=1)
    expected = (running <= (chances * running[:, -1])[:, None]).sum(axis=1)
    sampled = sample(tf.constant(logits), tf.constant(chances), size, tf.constant(1.0, tf.float64), False)
    np.testing.assert_array_equal(sampled, expected)


def test_more_words_to_draw_from_than_there_are_is_all_words(a_writer):
    for top_p in (1.0, 0.9):
        few, all_words = (a_writer.sample(photos(5), seed=1, top_k=top_k, top_p=top_p) for top_k in (1_000, None))
        assert few == all_words


# ----------------------------------------------------------------------------------------------- batches

def test_captions_do_not_depend_on_how_photos_are_batched(a_writer, monkeypatch):
    batch = photos(7)
    together = {name: list(map(str, write(a_writer, batch))) for name, write in WAYS.items()}
    monkeypatch.setattr(a_writer, "batch_size", 3)
    assert {name: list(map(str, write(a_writer, batch))) for name, write in WAYS.items()} == together
    assert a_writer.greedy(batch[:0]) == [] and a_writer.sample(batch[:0]) == []


@pytest.mark.parametrize("call, message", [
    (lambda w: w.sample(photos(1), 0), "temperature is 0"), (lambda w: w.beam(photos(1), 0), "width is 0"),
    (lambda w: w.sample(photos(1), 1e-39), "temperature is 1e-39"),
    (lambda w: w.sample(photos(1), float("nan")), "temperature is nan"),
    (lambda w: w.sample(photos(1), top_k=0), "top_k is 0"), (lambda w: w.sample(photos(1), top_p=0), "top_p is 0"),
    (lambda w: w.sample(photos(1), top_p=1.5), "top_p is 1.5"),
    (lambda w: w.beam(photos(1), 2, -1), "length_penalty is -1"),
    (lambda w: w.greedy(photos(1), no_repeat=-2), "no_repeat is -2")])
def test_nonsense_is_refused(a_writer, call, message):
    with pytest.raises(ValueError, match=message):
        call(a_writer)


# --------------------------------------------------------------------------------- from a checkpoint alone

def made_decoder():
    """A small decoder like the course's, and its two models for writing."""
    size = len(VOCAB)

    class decoder:
        img_embeds, sentences = keras.Input((16,)), keras.Input((None,), dtype="int32")
        embed, lstm, logits = L.Embedding(size, 6), L.LSTM(8, return_sequences=True), L.Dense(size)
        h0 = c0 = L.Dense(8, activation="elu")(L.BatchNormalization(scale=False)(img_embeds))
        hidden = L.Dropout(0.1, seed=1)(lstm(embed(sentences[:, :-1]), initial_state=[h0, c0]))
        truth = sentences[:, 1:]
        loss = ops.mean(keras.losses.sparse_categorical_crossentropy(truth, logits(hidden), from_logits=True))

    word, h, c = keras.Input((), dtype="int32"), keras.Input((8,)), keras.Input((8,))
    new_h, [_, new_c] = decoder.lstm.cell(decoder.embed(word), [h, c])
    return (decoder, keras.Model(decoder.img_embeds, [decoder.h0, decoder.c0]),
            keras.Model([word, h, c], [decoder.logits(new_h), new_h, new_c]))


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The folder of a short run's checkpoints, the embeddings, and a writer with the run's best weights."""
    keras.utils.set_random_seed(3)
    decoder, *models = made_decoder()
    writer = CaptionWriter(*models, VOCAB, max_len=5)
    rng = np.random.default_rng(0)
    images = rng.normal(size=(20, 16)).astype(np.float32)
    captions = [[[VOCAB[START], *rng.choice([VOCAB["a"], VOCAB["b"]], 3).tolist(), VOCAB[END]]] for _ in images]
    data = Data(images, captions)
    settings = Settings(epochs=2, batches_per_epoch=8, batch_size=10, val_batches=1, learning_rate=0.05,
                        checkpoint_root=tmp_path_factory.mktemp("run"))
    trainer = Trainer(decoder, lambda x, captions, size, max_len, rng: {
        "img_embeds": x[:size], "sentences": np.array(captions[:size])[:, 0]}, data, data, VOCAB, settings, {},
        models=writer.models)
    trainer.fit()
    trainer.restore_best()
    return settings.checkpoint_dir, images, writer


def test_a_process_without_dataset_or_decoder_writes_the_same_captions(trained, tmp_path):
    folder, images, writer = trained
    np.save(tmp_path / "images.npy", images)
    code = ("import json, sys; import numpy as np; from captioning.decoding.writer import CaptionWriter\n"
            "writer = CaptionWriter.from_checkpoint(sys.argv[1], max_len=5)\n"
            "captions = writer.beam(np.load('images.npy'), 3)\n"
            "print(json.dumps([[c.words, c.token_probabilities] for c in captions]))")
    run = subprocess.run([sys.executable, "-c", code, folder], cwd=tmp_path, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    found = json.loads(run.stdout.splitlines()[-1])
    expected = writer.beam(images, 3)
    assert [tuple(words) for words, _ in found] == [caption.words for caption in expected]
    for (_, probabilities), caption in zip(found, expected):
        np.testing.assert_allclose(probabilities, caption.token_probabilities, rtol=1e-5)


def test_of_a_runs_checkpoints_the_best_writes_and_not_the_newest(trained, tmp_path):
    folder, images, _ = trained
    checkpoint = read_checkpoint(max(folder.glob("step-*")))
    history = [{"step": 1, "val_loss": 1.0}, {"step": 2, "val_loss": 2.0}]
    for step, scale in ((1, 1), (2, 0)):
        arrays = {name: scale * array for name, array in checkpoint.arrays.items()}
        CheckpointFolder(tmp_path).save(step, arrays, checkpoint.about | {"step": step, "history": history[:step]})
    best, newest, found = (CaptionWriter.from_checkpoint(path).beam(images) for path in (
        tmp_path / "step-00000001", tmp_path / "step-00000002", tmp_path))
    assert found == best != newest


def saved_in(folder, checkpoint, **changes):
    """The checkpoint once more, in a folder of checkpoints, its description changed."""
    about = checkpoint.about | changes
    CheckpointFolder(folder).save(about["step"], checkpoint.arrays, about)
    return folder


def test_a_checkpoint_knows_the_encoder_that_its_decoder_was_trained_with(trained, tmp_path):
    folder, images, _ = trained
    checkpoint, recipe = read_checkpoint(max(folder.glob("step-*"))), {"weights": "drawn", "photos": "some"}
    writer = CaptionWriter.from_checkpoint(saved_in(tmp_path / "known", checkpoint, recipe=recipe))
    assert writer.recipe == recipe and len(writer.greedy(images)) == len(images)
    others = Embeddings(list(map(str, range(20))), images, {}, {"weights": "imagenet", "photos": "others"})
    with pytest.raises(ValueError, match="weights: 'imagenet' in the embeddings, 'drawn' in the decoder"):
        writer.greedy(others)
    with pytest.raises(ValueError, match="does not say which encoder it was trained with"):
        CaptionWriter.from_checkpoint(saved_in(tmp_path / "unknown", checkpoint, recipe=None))


def test_fine_tuned_weights_are_reached_by_their_folder_and_do_not_hide_the_runs_own(trained, tmp_path):
    folder, images, writer = trained
    shutil.copytree(folder, tmp_path / "run")
    checkpoint = read_checkpoint(max(folder.glob("step-*")))
    zeros = {name: 0 * array for name, array in checkpoint.arrays.items()}
    saved_in(tmp_path / "run" / "fine-tuned", Checkpoint(checkpoint.path, zeros, checkpoint.about))
    of_run, of_tuned = (CaptionWriter.from_checkpoint(tmp_path / "run" / name, 5) for name in ("", "fine-tuned"))
    assert list(map(str, of_run.greedy(images))) == list(map(str, writer.greedy(images)))
    assert {caption.tokens for caption in of_tuned.greedy(images)} == {(END,)}      # all logits are 0


def test_one_checkpoint_is_enough_and_a_folder_without_any_is_refused(trained, tmp_path):
    folder, images, _ = trained
    last = max(folder.glob("step-*"))
    writer = CaptionWriter.from_checkpoint(last, max_len=3, batch_size=7)
    assert len(writer.greedy(images)) == 20 and (writer.max_len, writer.batch_size) == (3, 7)
    with pytest.raises(ValueError, match="holds no checkpoint"):
        CaptionWriter.from_checkpoint(tmp_path)


def described_with_arrays(writer):
    """A writer's models as a checkpoint holds them: the description, and the arrays by name."""
    variables = [v for model in writer.models.values() for v in model.variables]
    described = model_text.describe(writer.models, {"model": variables})
    return json.loads(json.dumps(described)), {f"model/{i:03d}": v.numpy() for i, v in enumerate(variables)}


@pytest.mark.parametrize("change, message", [
    (lambda d: d["one_step"]["config"]["layers"][1].update({"class_name": "Lambda"}), "Lambda of keras.layers"),
    (lambda d: d["one_step"]["config"]["layers"][1].update({"module": "os", "class_name": "system"}), "system of os"),
    (lambda d: d["one_step"]["config"]["layers"][1].update({"registered_name": "a>B"}), "none of the layers"),
    (lambda d: d["one_step"]["config"]["layers"][-1]["config"].update({"units": 10**9}), "size 1,000,000,000"),
    (lambda d: d["one_step"]["config"]["layers"][-1]["config"].update({"units": 5}), "not of the shapes"),
    (lambda d: d["one_step"].update({"config": "text"}), "can't be made"),
    (lambda d: d["one_step"]["arrays"].pop(), "not of the shapes"),
    (lambda d: d["one_step"].update({"arrays": None}), "can't be made"),
    (lambda d: d.pop("one_step"), "does not hold the models"),
])
def test_only_known_layers_of_fitting_sizes_are_made_from_text(trained, change, message):
    described, arrays = described_with_arrays(trained[2])
    names = ("initial_state", "one_step")
    assert len(model_text.rebuild(described, arrays, names)) == 2
    change(described)
    with pytest.raises(ValueError, match=message):
        model_text.rebuild(described, arrays, names)


def test_a_model_that_can_not_be_text_says_why():
    x = keras.Input((4,))
    described = model_text.describe({"odd": keras.Model(x, L.Lambda(lambda y: y * 2)(x))}, {})
    with pytest.raises(ValueError, match="odd: Lambda of keras.layers"):
        model_text.rebuild(described, {}, ("odd",))
    model = keras.Model(x, L.Dense(2)(x))
    with pytest.raises(ValueError, match="weights that are not trained"):
        model_text.rebuild(model_text.describe({"model": model}, {}), {}, ("model",))
    with pytest.raises(ValueError, match="none were given"):
        model_text.rebuild(model_text.describe({}, {}), {}, ("model",))
