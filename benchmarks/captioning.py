"""How fast captions are written at MSCOCO's sizes: many photos at once, by beam search, and one photo and word a call.

    python -m benchmarks.captioning [--photos 40000] [--turns 8] [--alone 3] [--for-beam 400] [--width 3]

Embeddings and weights are made up. As a decoder that has learnt nothing would never end, each photo is given a length,
spread much as MSCOCO's (see training.py), and #END# comes when it is reached. Who writes one photo and one word a call
takes part with a few photos in each turn; rates are compared. There are two: one calls the Keras models, as the
notebook's generate_caption does, and one has them compiled. Turns are taken, so that what else the machine does slows
all alike; ratios are the medians of the turns'. The results go under "captioning" into outputs/bench.json.
"""

import argparse
import time

import numpy as np

from benchmarks import report
from benchmarks.training import BOTTLENECK, EMBEDDING, MEAN_TOKENS, UNITS, WORD_SIZE, lengths
from captioning.datasets.tokens import END, PAD, START, UNK

MAX_LEN, NEVER = 20, 1e4


def made_up(photos: int):
    """Embeddings (N, 2048) float16; the first value is how many words, #END# among them, the caption will have."""
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
    """The course's decoder at captioning time; `h` has one value more, the words that are left."""
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


def alone(initial_state, one_step, vocab, embedding) -> int:
    """Words of one photo's greedy caption, a call each, as one writes it first."""
    import tensorflow as tf

    h, c = initial_state(tf.constant(np.float32(embedding[None])))
    word, words = vocab[START], 0
    while word != vocab[END] and words < MAX_LEN:
        logits, h, c = one_step([tf.constant([word]), h, c])
        word, words = int(np.argmax(logits[0])), words + 1
    return words


def measure(options) -> dict[str, list[float]]:
    """Photos per second of each way, by turn."""
    import tensorflow as tf

    from captioning.decoding.writer import CaptionWriter

    words = sorted([PAD, UNK, START, END, *(f"word{i}" for i in range(options.vocabulary - 4))])
    vocab = {word: index for index, word in enumerate(words)}
    models = make_models(vocab)
    writer = CaptionWriter(*models, vocab, MAX_LEN)
    compiled = [tf.function(lambda x, model=model: model(x, training=False), reduce_retracing=True) for model in models]
    embeddings = made_up(options.photos)
    part = options.photos // options.turns

    def ways(turn):
        few = embeddings[turn * options.alone:(turn + 1) * options.alone]
        for_beam = embeddings[:options.for_beam]
        return {
            "greedy": (lambda: writer.greedy(embeddings[turn * part:(turn + 1) * part]), part),
            "alone": (lambda: [alone(*models, vocab, photo) for photo in few], len(few)),
            "alone, compiled": (lambda: [alone(*compiled, vocab, photo) for photo in few], len(few)),
            "greedy, fewer": (lambda: writer.greedy(for_beam), len(for_beam)),
            "beam": (lambda: writer.beam(for_beam, options.width), len(for_beam)),
        }

    written = [len(caption.tokens) for caption in writer.greedy(embeddings[:options.for_beam])]
    if written != embeddings[:options.for_beam, 0].astype(int).tolist():
        raise RuntimeError("The captions are not of the lengths that they were given.")
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
    """What goes into outputs/bench.json."""
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
    parser = argparse.ArgumentParser(description="How fast captions are written at MSCOCO's sizes.")
    parser.add_argument("--photos", type=int, default=40_000, help="default: %(default)s")
    parser.add_argument("--turns", type=int, default=8, help="default: %(default)s")
    parser.add_argument("--alone", type=int, default=3, help="photos of a turn, one by one (default: %(default)s)")
    parser.add_argument("--for-beam", type=int, default=400, help="photos by beam search (default: %(default)s)")
    parser.add_argument("--width", type=int, default=3, help="of the beam search (default: %(default)s)")
    parser.add_argument("--vocabulary", type=int, default=8_769, help="default: %(default)s")
    options = parser.parse_args(arguments)
    if options.turns < 1 or options.photos % options.turns or options.turns * options.alone > options.photos:
        parser.error(f"--turns is {options.turns}; expected a number that divides the {options.photos:,} photos, and "
                     f"no more turns than there are photos for, {options.alone} each")
    result = summary(measure(options), options)
    print(f"{result['photos']:,} photos in {result['greedy_s']:.1f} s: {result['photos_per_s']:,.0f} photos/s, greedy\n"
          f"{result['ratio_to_one_by_one']:.0f} x one photo and word a call of the Keras models, "
          f"{result['ratio_to_one_by_one_compiled']:.0f} x the same compiled (rates of a few photos)\n"
          f"beam search of width {result['beam_width']} takes {result['beam_cost_to_greedy']:.2f} x as long as greedy, "
          f"{result['photos_for_beam']} photos")
    report.record("captioning", result)


if __name__ == "__main__":
    main()
