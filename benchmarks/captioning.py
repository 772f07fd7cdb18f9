"""Measures how fast captions are written at MSCOCO's sizes: greedy, by beam search, and one photo and word a call.

    python -m benchmarks.captioning [--photos 40000] [--turns 8] [--alone 3] [--for-beam 400] [--width 3]

Embeddings and weights are random. An untrained decoder would never end a caption, so each photo gets a length, spread
like MSCOCO's (see training.py), and the decoder writes #END# when the length is reached.

One photo and word a call is measured twice: with the Keras models, as the notebook's generate_caption calls them, and
with the models compiled. Both are slow, so they write only a few photos in each turn, and rates are compared. The ways
take turns, so that other work on the machine slows all of them alike; ratios are the medians over the turns. The
results go into outputs/bench.json, under "captioning".
"""

import argparse
import time

import numpy as np

from benchmarks import report
from benchmarks.training import BOTTLENECK, EMBEDDING, MEAN_TOKENS, UNITS, WORD_SIZE, lengths
from captioning.datasets.tokens import END, PAD, START, UNK

MAX_LEN, NEVER = 20, 1e4


def random_embeddings(photos: int) -> np.ndarray:
    """Random embeddings, (N, 2048) float16. The first value of each is the length of its caption, #END# included."""
    rng = np.random.default_rng(0)
    embeddings = np.empty((photos, EMBEDDING), np.float16)
    for start in range(0, photos, 4_096):
        part = embeddings[start:start + 4_096]
        part[:] = rng.standard_normal(part.shape, np.float32)
    chances = lengths(MEAN_TOKENS)
    share = np.array(list(chances.values())) / sum(chances.values())
    embeddings[:, 0] = rng.choice(list(chances), photos, p=share) - 1           # #START# is not written
    return embeddings


def make_models(vocab):
    """The two models of the course's decoder for writing. `h` has one more value: how many words are left."""
    import keras
    from keras import layers as L
    from keras import ops

    keras.utils.set_random_seed(0)
    image = keras.Input((EMBEDDING,))
    state = L.Dense(UNITS, activation="elu")(L.Dense(BOTTLENECK, activation="elu")(
        L.BatchNormalization(center=False, scale=False)(image)))
    initial_state = keras.Model(image, [ops.concatenate([state, image[:, :1]], axis=1), state])

    word, h, c = keras.Input((), dtype="int32"), keras.Input((UNITS + 1,)), keras.Input((UNITS,))
    left = h[:, UNITS:] - 1
    new_h, [_, new_c] = L.LSTMCell(UNITS)(L.Embedding(len(vocab), WORD_SIZE)(word), [h[:, :UNITS], c])
    at_end = ops.sign(0.5 - left)                                               # 1 when no word is left, else -1
    logits = L.Dense(len(vocab))
    features = ops.concatenate([L.Dense(BOTTLENECK, activation="elu")(new_h), at_end], axis=1)
    one_step = keras.Model([word, h, c], [logits(features), ops.concatenate([new_h, left], axis=1), new_c])
    kernel = logits.kernel.numpy()
    kernel[-1] = NEVER * (np.arange(len(vocab)) == vocab[END])
    logits.kernel.assign(kernel)
    return initial_state, one_step


def write_alone(initial_state, one_step, vocab, embedding) -> int:
    """Writes one photo's greedy caption with a call for each word; returns how many words it has."""
    import tensorflow as tf

    h, c = initial_state(tf.constant(np.float32(embedding[None])))
    word, words = vocab[START], 0
    while word != vocab[END] and words < MAX_LEN:
        logits, h, c = one_step([tf.constant([word]), h, c])
        word, words = int(np.argmax(logits[0])), words + 1
    return words


def measure(options) -> dict[str, list[float]]:
    """Photos per second of each way to write, in each turn."""
    import tensorflow as tf

    from captioning.decoding.writer import CaptionWriter

    words = sorted([PAD, UNK, START, END, *(f"word{i}" for i in range(options.vocabulary - 4))])
    vocab = {word: index for index, word in enumerate(words)}
    models = make_models(vocab)
    writer = CaptionWriter(*models, vocab, MAX_LEN)
    compiled = [tf.function(lambda x, model=model: model(x, training=False), reduce_retracing=True) for model in models]
    embeddings = random_embeddings(options.photos)
    part = options.photos // options.turns

    def ways(turn):
        few = embeddings[turn * options.alone:(turn + 1) * options.alone]
        for_beam = embeddings[:options.for_beam]
        return {
            "greedy": (lambda: writer.greedy(embeddings[turn * part:(turn + 1) * part]), part),
            "alone": (lambda: [write_alone(*models, vocab, photo) for photo in few], len(few)),
            "alone, compiled": (lambda: [write_alone(*compiled, vocab, photo) for photo in few], len(few)),
            "greedy, fewer": (lambda: writer.greedy(for_beam), len(for_beam)),
            "beam": (lambda: writer.beam(for_beam, options.width), len(for_beam)),
        }

    written = [len(caption.tokens) for caption in writer.greedy(embeddings[:options.for_beam])]
    if written != embeddings[:options.for_beam, 0].astype(int).tolist():
        raise RuntimeError("Captions have other lengths than those that their photos were given.")
    for name in ("beam", "alone", "alone, compiled"):
        ways(0)[name][0]()                                                      # compile, warm up
    found = {name: [] for name in ways(0)}
    for turn in range(options.turns):
        for name, (write, photos) in ways(turn).items():
            began = time.perf_counter()
            write()
            found[name].append(photos / (time.perf_counter() - began))
        print(f"turn {turn + 1} of {options.turns}")
    return found


def summary(found, options) -> dict:
    """The numbers for outputs/bench.json."""
    rates = {name: np.array(values) for name, values in found.items()}
    return {
        "photos_per_s": options.photos / float(np.sum(options.photos / options.turns / rates["greedy"])),
        "greedy_s": float(np.sum(options.photos / options.turns / rates["greedy"])), "photos": options.photos,
        "ratio_to_one_by_one": float(np.median(rates["greedy"] / rates["alone"])),
        "ratio_to_one_by_one_compiled": float(np.median(rates["greedy"] / rates["alone, compiled"])),
        "beam_cost_to_greedy": float(np.median(rates["greedy, fewer"] / rates["beam"])),
        "beam_width": options.width, "photos_for_beam": options.for_beam, "vocabulary": options.vocabulary,
        "one_by_one_photos_per_s": {"Keras models": float(np.median(rates["alone"])),
                                    "compiled": float(np.median(rates["alone, compiled"]))},
    }


def main(arguments=None):
    """Measures, prints and records the rates."""
    parser = argparse.ArgumentParser(description="Measures how fast captions are written at MSCOCO's sizes.")
    parser.add_argument("--photos", type=int, default=40_000, help="default: %(default)s")
    parser.add_argument("--turns", type=int, default=8, help="default: %(default)s")
    parser.add_argument("--alone", type=int, default=3, help="photos of a turn, one at a time (default: %(default)s)")
    parser.add_argument("--for-beam", type=int, default=400, help="photos for beam search (default: %(default)s)")
    parser.add_argument("--width", type=int, default=3, help="of the beam search (default: %(default)s)")
    parser.add_argument("--vocabulary", type=int, default=8_769, help="default: %(default)s")
    options = parser.parse_args(arguments)
    if options.turns < 1 or options.photos % options.turns or options.turns * options.alone > options.photos:
        parser.error(f"--turns is {options.turns}; expected a divisor of the {options.photos:,} photos, with at least "
                     f"{options.alone} photos for each turn")
    result = summary(measure(options), options)
    print(f"{result['photos']:,} photos in {result['greedy_s']:.1f} s: {result['photos_per_s']:,.0f} photos/s, greedy\n"
          f"{result['ratio_to_one_by_one']:.0f} x one photo and word a call of the Keras models, "
          f"{result['ratio_to_one_by_one_compiled']:.0f} x the same compiled (rates of a few photos)\n"
          f"beam search of width {result['beam_width']} takes {result['beam_cost_to_greedy']:.2f} x as long as greedy, "
          f"{result['photos_for_beam']} photos")
    report.record("captioning", result)


if __name__ == "__main__":
    main()
