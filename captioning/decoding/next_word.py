"""The next word, for many captions at once: its log-probability, the likeliest words, samples."""

import numpy as np
import tensorflow as tf

from captioning.decoder.fast_loss import TINY

GROUP = 128                 # neighbouring words whose maximum or sum is taken first


def log_probabilities(logits, places):
    """The log softmax of each row at some places.

    It is the logarithm of the softmax, because tf.nn.log_softmax takes several times as long on a CPU.

    Args:
        logits: (B, V) float32, -inf for words that can't come.
        places: (B, K) int32.

    Returns:
        (B, K) float32, nats. Values below -87.3, where float32 ends, become that; those of -inf stay -inf.
    """
    probabilities = tf.gather(tf.nn.softmax(logits), places, batch_dims=1)
    possible = tf.gather(logits, places, batch_dims=1) > -np.inf
    return tf.where(possible, tf.math.log(tf.clip_by_value(probabilities, TINY, 1)), -np.inf)


def likeliest(logits, many: int):
    """The places of the `many` greatest values of each row, greatest first. Ties go to the lower index.

    A maximum takes a tenth of the time of a `top_k`. So the words are split into groups of neighbours, and `top_k`
    sees only the `many` groups with the greatest maxima: no other group can hold one of the values sought.

    Args:
        logits: (B, V) float32.
        many: How many places of each row.

    Returns:
        (B, many) int32.
    """
    if many == 1 or 2 * many * GROUP > logits.shape[1]:
        return tf.math.top_k(logits, many).indices
    grouped = _grouped(logits, -np.inf)
    groups = tf.sort(tf.math.top_k(tf.reduce_max(grouped, axis=2), many).indices, axis=1)              # (B, many)
    found = tf.math.top_k(tf.reshape(tf.gather(grouped, groups, batch_dims=1), [-1, many * GROUP]), many).indices
    return tf.gather(groups, found // GROUP, batch_dims=1) * GROUP + found % GROUP


def without_repeats(logits, words, step, run: int):
    """The logits, with -inf for each word that would repeat a run of words.

    Args:
        logits: (B, V) float32.
        words: (B, T) int32, of which the first `step` columns are written.
        step: Words that are written, a scalar.
        run: Length of a run, in words.

    Returns:
        (B, V) float32.
    """
    last = tf.pad(words, [[0, 0], [run - 1, 0]])[:, step:step + run - 1]         # the run - 1 words written last
    followers = words[:, run - 1:]                                               # (B, T - run + 1)
    repeated = tf.range(run - 1, run - 1 + followers.shape[1]) < step            # followers of the same words before
    for i in range(run - 1):
        repeated &= words[:, i:i + followers.shape[1]] == last[:, i:i + 1]
    places = tf.where(tf.broadcast_to(repeated, tf.shape(followers)))
    cells = tf.stack([tf.cast(places[:, 0], tf.int32), tf.gather_nd(followers, places)], axis=1)
    return tf.tensor_scatter_nd_min(logits, cells, tf.fill(tf.shape(cells)[:1], -np.inf))


def sample(logits, uniforms, top_k: int, top_p, ranked: bool):
    """Samples a word of each row from softmax(logits): the first whose running sum exceeds the row's random number.

    Args:
        logits: (B, V) float32.
        uniforms: (B,) float64, random numbers in [0, 1).
        top_k: Samples only from so many of the likeliest words.
        top_p: Of those, samples only from the nucleus, a float64 scalar: the fewest words whose probabilities sum to
            this much.
        ranked: Whether to rank the words, which `top_k` and `top_p` need; without it, both are ignored.

    Returns:
        (B,) int32.
    """
    if not ranked:
        return _sample_of_all(tf.nn.softmax(logits), uniforms)
    logits, words = tf.math.top_k(logits, top_k)
    running = tf.cumsum(tf.cast(tf.nn.softmax(logits), tf.float64), axis=1)
    last = tf.minimum(running.shape[1] - 1, _count(running < top_p))
    limit = uniforms * tf.gather(running, last, batch_dims=1)
    return tf.gather(words, tf.minimum(last, _count(running <= limit[:, None])), batch_dims=1)


def _sample_of_all(probabilities, uniforms):
    """Samples a column of each row. Sums groups of neighbours first: a running sum over all takes twice as long."""
    size, grouped = probabilities.shape[1], tf.cast(_grouped(probabilities, 0), tf.float64)
    running = tf.cumsum(tf.reduce_sum(grouped, axis=2), axis=1)                     # (B, groups)
    limit = (uniforms * running[:, -1])[:, None]
    group = tf.minimum(running.shape[1] - 1, _count(running <= limit))
    before = tf.gather(tf.pad(running, [[0, 0], [1, 0]]), group, batch_dims=1)[:, None]
    inside = before + tf.cumsum(tf.gather(grouped, group, batch_dims=1), axis=1)    # (B, GROUP)
    return tf.minimum(size - 1, group * GROUP + _count(inside <= limit))


def _grouped(values, fill):
    """Groups of neighbours in each row, (B, V) -> (B, groups, GROUP); `fill` fills up the last one."""
    padded = tf.pad(values, [[0, 0], [0, -values.shape[1] % GROUP]], constant_values=fill)
    return tf.reshape(padded, [-1, padded.shape[1] // GROUP, GROUP])


def _count(conditions):
    """How many of each row are true, int32."""
    return tf.math.count_nonzero(conditions, axis=1, dtype=tf.int32)
