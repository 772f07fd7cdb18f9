"""How fast the decoder trains at MSCOCO's sizes, beside Keras's `fit` and PyTorch, in one run.

    python -m benchmarks.training [--steps 16] [--turns 9] [--vocabulary 8769] [--batch-size 64] [--tokens 12.5]
    python -m benchmarks.training --sweep

Captions and embeddings are random: 82,783 photos with five captions each, and memory-mapped float16 embeddings. The
captions' lengths are distributed like MSCOCO's. Each contender runs in its own process. They take turns of a few steps,
so other work on the machine slows all of them; the medians of the turns are compared. PyTorch takes part if it is
installed (requirements-bench.txt). All compute in float32, except that ours uses bfloat16 for the logits where the
processor has it; a second row shows ours without. --sweep shows how the time of a step grows with the vocabulary, the
batch and the length of captions. The results go to outputs/bench.json, under "training" and "training_sweep".
"""

import argparse
import importlib.util
import math
import multiprocessing
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks import report

PHOTOS, CAPTIONS_EACH, EMBEDDING, PAD_INDEX = 82_783, 5, 2_048, 0
COURSE_STEPS = 12 * 1_000
BOTTLENECK, UNITS, WORD_SIZE = 120, 300, 100
MEAN_TOKENS = 12.5                      # of MSCOCO's captions, #START# and #END# included
MORE = 10                               # the longest caption has so many tokens more than the shortest

# What --sweep changes, one at a time. The first value of each is MSCOCO's.
SWEEP = {
    "vocabulary": (8_769, 1_000, 4_000, 16_000),
    "batch_size": (64, 16, 32, 128, 256),
    "tokens": (MEAN_TOKENS, 22.5, 42.5),
}


def lengths(mean_tokens: float) -> dict[int, float]:
    """Probability of each caption length.

    The writers of MSCOCO's captions were asked for at least eight words; the mean is about 10.5 words. So the shortest
    caption here has ten tokens, and a Poisson number with mean 2.5 is added. Another mean shifts the distribution.

    Args:
        mean_tokens: mean length in tokens, #START# and #END# included.

    Returns:
        {length in tokens: probability}; the sum is slightly below 1, because the tail is cut.
    """
    shortest = round(mean_tokens - 2.5)
    return {shortest + more: math.exp(-2.5) * 2.5 ** more / math.factorial(more) for more in range(MORE + 1)}


# ------------------------------------------------------------------------------------------------------ data

def write_embeddings(path: Path):
    """Writes random embeddings, (PHOTOS, 2048) float16, to a .npy file of 339 MB."""
    rng = np.random.default_rng(0)
    rows = np.lib.format.open_memmap(path, "w+", np.float16, (PHOTOS, EMBEDDING))
    for start in range(0, PHOTOS, 8_192):
        part = rows[start:start + 8_192]
        part[:] = rng.standard_normal(part.shape, np.float32)
    rows.flush()


def made_up_captions(options) -> list[list[list[int]]]:
    """Captions of random words for all photos: for each photo, five lists of indices."""
    rng, chances = np.random.default_rng(1), lengths(options.tokens)
    share = np.array(list(chances.values())) / sum(chances.values())
    tokens = rng.choice(list(chances), PHOTOS * CAPTIONS_EACH, p=share)
    words = rng.integers(1, options.vocabulary, tokens.sum(), dtype=np.int32)
    captions = [part.tolist() for part in np.split(words, tokens.cumsum()[:-1])]
    return [captions[i:i + CAPTIONS_EACH] for i in range(0, len(captions), CAPTIONS_EACH)]


def generate_batch(img_embeds, captions_indexed, batch_size, max_len, rng):
    """A random batch, made as in the notebook: (B, 2048) float32 embeddings and (B, T) int32 sentences."""
    rows = rng.choice(len(img_embeds), batch_size, replace=False)
    picks = rng.integers(CAPTIONS_EACH, size=batch_size)
    captions = [captions_indexed[row][pick][:max_len] for row, pick in zip(rows, picks)]
    sentences = np.full((batch_size, max(map(len, captions))), PAD_INDEX, np.int32)
    for sentence, caption in zip(sentences, captions):
        sentence[:len(caption)] = caption
    return {"img_embeds": np.asarray(img_embeds[rows], np.float32), "sentences": sentences}


def padded_batches(embeddings, captions, options):
    """Yields (embeddings, sentences) forever; all sentences are padded to `options.max_len`."""
    rng = np.random.default_rng(2)
    while True:
        batch = generate_batch(embeddings, captions, options.batch_size, options.max_len, rng)
        sentences = np.pad(batch["sentences"], ((0, 0), (0, options.max_len - batch["sentences"].shape[1])))
        yield batch["img_embeds"], sentences


# ------------------------------------------------------------------------------------------------ contenders
# Each is built once and returns a function: train(steps).

def make_decoder(vocabulary: int):
    """The course's decoder, as a class of symbolic tensors."""
    import keras
    from keras import layers as L
    from keras import ops

    keras.utils.set_random_seed(0)

    class decoder:
        img_embeds = keras.Input((EMBEDDING,))
        sentences = keras.Input((None,), dtype="int32")
        image = L.BatchNormalization(center=False, scale=False)(img_embeds)
        h0 = L.Dense(UNITS, activation="elu")(L.Dense(BOTTLENECK, activation="elu")(image))
        words = L.Embedding(vocabulary, WORD_SIZE)(sentences[:, :-1])
        flat_hidden_states = ops.reshape(
            L.LSTM(UNITS, return_sequences=True)(words, initial_state=[h0, h0]), [-1, UNITS])
        flat_token_logits = L.Dense(vocabulary)(L.Dense(BOTTLENECK, activation="elu")(flat_hidden_states))
        flat_ground_truth = ops.reshape(sentences[:, 1:], [-1])
        flat_loss_mask = ops.cast(ops.not_equal(flat_ground_truth, PAD_INDEX), "float32")
        cross_entropy = keras.losses.sparse_categorical_crossentropy(
            flat_ground_truth, flat_token_logits, from_logits=True)
        loss = ops.sum(cross_entropy * flat_loss_mask) / ops.sum(flat_loss_mask)

    return decoder


def keras_fit(embeddings, captions, options):
    """The usual way: `model.fit` on captions padded to 20 tokens, with weight 0 for padding."""
    import keras
    from keras import ops

    decoder = make_decoder(options.vocabulary)
    by_word = ops.reshape(decoder.flat_token_logits, [-1, options.max_len - 1, options.vocabulary])
    model = keras.Model([decoder.img_embeds, decoder.sentences], by_word)
    model.compile(optimizer="adam", loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))

    def batches():
        for images, sentences in padded_batches(embeddings, captions, options):
            truth = sentences[:, 1:]
            yield (images, sentences), truth, np.float32(truth != PAD_INDEX)

    endless = batches()
    return lambda steps: model.fit(endless, steps_per_epoch=steps, verbose=0)


def pytorch(embeddings, captions, options):
    """A plain PyTorch loop: nn.LSTM, logits for real words only, fused Adam."""
    import torch
    from torch import nn

    torch.manual_seed(0)

    class Decoder(nn.Module):
        def __init__(self):
            super().__init__()
            self.standardize = nn.BatchNorm1d(EMBEDDING, affine=False)
            self.state = nn.Sequential(
                nn.Linear(EMBEDDING, BOTTLENECK), nn.ELU(), nn.Linear(BOTTLENECK, UNITS), nn.ELU())
            self.words = nn.Embedding(options.vocabulary, WORD_SIZE)
            self.lstm = nn.LSTM(WORD_SIZE, UNITS, batch_first=True)
            self.logits = nn.Sequential(
                nn.Linear(UNITS, BOTTLENECK), nn.ELU(), nn.Linear(BOTTLENECK, options.vocabulary))

        def forward(self, images, sentences):
            h0 = self.state(self.standardize(images))[None]
            hidden, _ = self.lstm(self.words(sentences[:, :-1]), (h0, h0))
            truth = sentences[:, 1:]
            mask = truth != PAD_INDEX
            return nn.functional.cross_entropy(self.logits(hidden[mask]), truth[mask])

    decoder, rng = Decoder(), np.random.default_rng(2)
    optimizer = torch.optim.Adam(decoder.parameters(), fused=True)

    def train(steps):
        for _ in range(steps):
            batch = generate_batch(embeddings, captions, options.batch_size, options.max_len, rng)
            optimizer.zero_grad()
            loss = decoder(torch.from_numpy(batch["img_embeds"]), torch.from_numpy(batch["sentences"]).long())
            loss.backward()
            optimizer.step()
            loss.item()

    return train


def ours(embeddings, captions, options, precision="auto"):
    """The project's trainer with the notebook's decoder."""
    from captioning.cpu import keep_freed_memory
    from captioning.decoder.trainer import Data, Trainer
    from captioning.settings import Settings

    data = Data(embeddings, captions)
    settings = Settings(epochs=1, batches_per_epoch=COURSE_STEPS, batch_size=options.batch_size,
                        max_len=options.max_len, dropout=0.0, learning_rate=1e-3, precision=precision,
                        checkpoint_root=options.folder)
    decoder = make_decoder(options.vocabulary)
    trainer = Trainer(decoder, generate_batch, data, data, {"#PAD#": PAD_INDEX}, settings, recipe={})
    print(f"the loss counts {trainer.loss.way}", file=sys.stderr)
    keep_freed_memory()

    def train(steps):
        for _ in range(steps):
            trainer.loop.take_step()

    return train


def ours_float32(embeddings, captions, options):
    """The project's trainer as on a processor without bfloat16."""
    return ours(embeddings, captions, options, "float32")


def product(embeddings, captions, options):
    """The yardstick, not a contender: float32 products of two 2,048 x 2,048 matrices, 17.2 GFLOP each."""
    import tensorflow as tf

    one, other = (tf.random.stateless_normal([2_048, 2_048], [0, i]) for i in range(2))

    def multiply(steps):
        for _ in range(steps):
            result = tf.matmul(one, other)
        float(result[0, 0])

    return multiply


CONTENDERS = {each.__name__: each for each in (keras_fit, pytorch, ours, ours_float32, product)}
RATIOS = {"keras_fit": "ratio_to_fit", "pytorch": "ratio_to_torch", "ours_float32": "ratio_to_float32"}
PRODUCT_FLOP = 2 * 2_048 ** 3


def work(name, options, pipe):
    """A contender's process: receives numbers of steps and answers with the seconds that they took.

    First it sends (seconds to build, seconds of the warm-up). The number 0 ends it: it sends its peak memory in MiB.
    """
    began = time.perf_counter()
    embeddings = np.load(options.folder / "embeddings.npy", mmap_mode="r")
    train = CONTENDERS[name](embeddings, made_up_captions(options), options)
    made = time.perf_counter()
    train(options.warm_up)
    pipe.send((made - began, time.perf_counter() - made))
    while steps := pipe.recv():
        began = time.perf_counter()
        train(steps)
        pipe.send(time.perf_counter() - began)
    pipe.send(report.peak_memory() / 2 ** 20)


# ------------------------------------------------------------------------------------------------------- run

def measure(runs, turns) -> dict[str, dict]:
    """Lets contenders take turns.

    Args:
        runs: {label: (contender's name, options)}.
        turns: number of turns of each contender.

    Returns:
        By label: "turns" (steps per second of each), "made_s", "first_steps_s" and "peak_memory_mib".
    """
    context, pipes, found = multiprocessing.get_context("spawn"), {}, {}
    for label, (name, options) in runs.items():     # one after the other, so that starts do not slow each other
        pipes[label], end = context.Pipe()
        context.Process(target=work, args=(name, options, end), daemon=True).start()
        end.close()                                 # then `recv` raises if the process dies
        made, warm = pipes[label].recv()
        found[label] = {"made_s": made, "first_steps_s": warm, "turns": []}
        print(f"{label}: ready after {made + warm:.0f} s", file=sys.stderr)
    for turn in range(turns):
        for label, (_, options) in runs.items():
            pipes[label].send(options.steps)
            found[label]["turns"].append(options.steps / pipes[label].recv())
        print(f"turn {turn + 1} of {turns}", file=sys.stderr)
    for label in runs:
        pipes[label].send(0)
        found[label]["peak_memory_mib"] = pipes[label].recv()
    return found


def flop_per_step(options) -> float:
    """Operations of a step, for real words only: two for each weight forwards, four backwards."""
    chances = lengths(options.tokens)
    mean_words = np.average(list(chances), weights=list(chances.values())) - 1          # #START# is never predicted
    by_word = (WORD_SIZE + UNITS) * 4 * UNITS + UNITS * BOTTLENECK + BOTTLENECK * options.vocabulary
    by_photo = EMBEDDING * BOTTLENECK + BOTTLENECK * UNITS
    return 6 * options.batch_size * (mean_words * by_word + by_photo)


def compare(options) -> dict:
    """Measures all contenders. A rate is the median of the turns; a ratio is the median of the turns' ratios."""
    names = [name for name in CONTENDERS if name != "pytorch" or importlib.util.find_spec("torch")]
    found = measure({name: (name, options) for name in names}, options.turns)
    ours, flop = np.array(found["ours"]["turns"]), flop_per_step(options)
    result = {"steps_per_s": float(np.median(ours))}
    for name, key in RATIOS.items():
        result[key] = float(np.median(ours / found[name]["turns"])) if name in found else None
    peak = np.array(found["product"]["turns"]) * PRODUCT_FLOP
    return result | {
        "share_of_peak": float(np.median(ours * flop / peak)), "peak_gflop_per_s": float(np.median(peak)) / 1e9,
        "minutes_for_12000_steps": COURSE_STEPS / result["steps_per_s"] / 60,
        "vocabulary": options.vocabulary, "batch_size": options.batch_size, "tokens": options.tokens,
        "steps_per_turn": options.steps,
        "contenders": {name: values | {"steps_per_s": float(np.median(values["turns"]))}
                       for name, values in found.items() if name != "product"},
    }


def table(result) -> str:
    """The result of `compare` as text."""
    lines = [f"{'':12}  steps/s  ours is  peak memory  start  12 x 1,000 batches"]
    for name, values in result["contenders"].items():
        ratio = result[RATIOS[name]] if name in RATIOS else None
        lines.append(f"{name:12}  {values['steps_per_s']:7.2f}  {f'{ratio:.2f} x' if ratio else '':>7}  "
                     f"{values['peak_memory_mib']:7,.0f} MiB  {values['first_steps_s']:3.0f} s  "
                     f"{COURSE_STEPS / values['steps_per_s'] / 60:14.0f} min")
    lines.append(f"ours uses {result['share_of_peak']:.0%} of this machine's float32 matrix product, "
                 f"{result['peak_gflop_per_s']:.0f} GFLOP/s, counting real words only")
    return "\n".join(lines)


def sweep(options) -> list[dict]:
    """Changes one of MSCOCO's sizes at a time, and compares the time of a step with that at the usual sizes."""
    rows = []
    for name, (usual, *others) in SWEEP.items():
        base = argparse.Namespace(**vars(options) | {name: usual})
        for other in others:
            changed = argparse.Namespace(**vars(options) | {name: other})
            changed.max_len = round(other - 2.5) + MORE if name == "tokens" else options.max_len
            found = measure({"usual": ("ours", base), "changed": ("ours", changed)}, options.turns)
            ratios = np.array(found["usual"]["turns"]) / found["changed"]["turns"]
            rows.append({"changed": name, "usual": usual, "to": other, "time_ratio": float(np.median(ratios)),
                         "work_ratio": flop_per_step(changed) / flop_per_step(base),
                         "peak_memory_mib": found["changed"]["peak_memory_mib"]})
    return rows


def sweep_table(rows) -> str:
    """The rows of `sweep` as text."""
    lines = [f"{'':12}  {'usual':>7}  {'here':>7}  time of a step  its work  peak memory"]
    lines += [f"{row['changed']:12}  {row['usual']:7,}  {row['to']:7,}  {row['time_ratio']:12.2f} x  "
              f"{row['work_ratio']:6.2f} x  {row['peak_memory_mib']:7,.0f} MiB" for row in rows]
    return "\n".join(lines)


def main(arguments=None):
    """Runs the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.training", description=__doc__.splitlines()[0])
    parser.add_argument("--vocabulary", type=int, default=8_769)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--tokens", type=float, default=MEAN_TOKENS,
                        help="mean length of a caption (default: %(default)s)")
    parser.add_argument("--max-len", type=int, default=20, help="longer captions are cut (default: %(default)s)")
    parser.add_argument("--steps", type=int, default=16, help="in each turn (default: %(default)s)")
    parser.add_argument("--turns", type=int, default=9, help="of each contender (default: %(default)s)")
    parser.add_argument("--warm-up", type=int, default=16, help="first steps, not measured (default: %(default)s)")
    parser.add_argument("--sweep", action="store_true", help="measure how a step's time grows with the sizes")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        options.folder = Path(folder)
        write_embeddings(options.folder / "embeddings.npy")
        if options.sweep:
            rows = sweep(options)
            print(sweep_table(rows))
            report.record("training_sweep", {"rows": rows})
        else:
            result = compare(options)
            print(table(result))
            report.record("training", result)


if __name__ == "__main__":
    main()
