"""The next word, for many captions at once: probabilities, the likeliest words, samples."""

import numpy as np
import tensorflow as tf

from captioning.decoder.fast_loss import TINY

GROUP = 128                 # words; `likeliest` looks at so many together


def log_probabilities(logits, places):
    """log softmax of each row at some places, (B, V) and (B, K) -> (B, K); at least -87.3, where float32 ends.

    Of the softmax, since tf.nn.log_softmax takes several times as long on a CPU.
    """
    probabilities = tf.gather(tf.nn.softmax(logits), places, batch_dims=1)
    possible = tf.gather(logits, places, batch_dims=1) > -np.inf
    return tf.where(possible, tf.math.log(tf.clip_by_value(probabilities, TINY, 1)), -np.inf)


def likeliest(logits, many: int):
    """Places of the `many` greatest values of each row, (B, V) -> (B, many); of equals, lower places come first.

    They are sought in as many groups of neighbours, those with the greatest maxima: a maximum is taken in a tenth of
    the time of a `top_k`.
    """
    if many == 1 or 2 * many * GROUP > logits.shape[1]:
        return tf.math.top_k(logits, many).indices
    padded = tf.pad(logits, [[0, 0], [0, -logits.shape[1] % GROUP]], constant_values=-np.inf)
    grouped = tf.reshape(padded, [-1, padded.shape[1] // GROUP, GROUP])
    groups = tf.sort(tf.math.top_k(tf.reduce_max(grouped, axis=2), many).indices, axis=1)              # (B, many)
    found = tf.math.top_k(tf.reshape(tf.gather(grouped, groups, batch_dims=1), [-1, many * GROUP]), many).indices
    return tf.gather(groups, found // GROUP, batch_dims=1) * GROUP + found % GROUP


def without_repeats(logits, words, step, run: int):
    """Logits (B, V) with -inf for each word that would bring back a run of `run` words.

    words: (B, T), those so far, in the first `step` columns.
    """
    begun = tf.pad(words, [[0, 0], [run - 1, 0]])[:, step:step + run - 1]        # the last words, and which followed
    followers = words[:, run - 1:]                                               # on them before: (B, T - run + 1)
    known = tf.range(run - 1, run - 1 + followers.shape[1]) < step
    for i in range(run - 1):
        known &= words[:, i:i + followers.shape[1]] == begun[:, i:i + 1]
    places = tf.where(tf.broadcast_to(known, tf.shape(followers)))
    cells = tf.stack([tf.cast(places[:, 0], tf.int32), tf.gather_nd(followers, places)], axis=1)
    return tf.tensor_scatter_nd_min(logits, cells, tf.fill(tf.shape(cells)[:1], -np.inf))


def sample(logits, uniforms, top_k: int, top_p, ranked: bool):
    """A word of each row from softmax(logits), (B, V) -> (B,) int32: the first whose running sum exceeds its number.

    uniforms: (B,) in [0, 1). ranked: words are ranked, and sampled from the top_k greatest, of those from the nucleus.
    """
    if ranked:
        logits, words = tf.math.top_k(logits, top_k)
    running = tf.cumsum(tf.cast(tf.nn.softmax(logits), tf.float64), axis=1)
    last = tf.fill(tf.shape(uniforms), tf.shape(running)[1] - 1)
    if ranked:
        last = tf.minimum(last, tf.reduce_sum(tf.cast(running < top_p, tf.int32), axis=1))
    limit = uniforms * tf.gather(running, last, batch_dims=1)
    place = tf.minimum(last, tf.reduce_sum(tf.cast(running <= limit[:, None], tf.int32), axis=1))
    return tf.gather(words, place, batch_dims=1) if ranked else place
