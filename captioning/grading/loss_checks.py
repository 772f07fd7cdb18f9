"""The check of the decoder's loss before training, where its value shows a mistake.

The loss is computed for logits that we choose, if it comes from decoder.flat_token_logits: some words are then far
likelier than others, so that each mistake gives another value.
"""

import itertools
import math
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from scipy.special import log_softmax, logsumexp, softmax

from captioning.datasets.tokens import END, PAD, UNK
from captioning.grading.decoder_checks import ONE_NUMBER, logit_problems
from captioning.grading.decoder_probe import (
    FIXED_SIZE,
    SEED,
    embedding_width,
    evaluate,
    model_of,
    padded_sentences,
    random_batch,
)
from captioning.grading.report import Problem, Stopped

RIGHT = 1e-3                        # a loss so near the right one is right, with an epsilon in a logarithm, say
EXACT = 1e-4                        # a loss so near that of a mistake is that mistake's
SAME_FACTOR = 1e-5                  # what multiplies the loss is the same in both batches, but for float32's rounding
SIZES = (13, 11), (9, 8)            # captions and tokens of two batches
TRAINED = "An untrained decoder should find all words about equally likely, and this one has learnt already"

_FUNCTION = "use keras.losses.sparse_categorical_crossentropy(..., from_logits=True)."
MASK_IT = "leave PAD out with the mask."


def random_loss(decoder, vocab) -> np.float32:
    """What the service asks for: the loss of its random batch."""
    return evaluate(decoder, *random_batch(decoder, vocab), ["loss"])["loss"][()]


def untrained_problems(decoder, vocab, of_random: Callable) -> Iterator[Problem]:
    """What is wrong with the loss of an untrained decoder.

    Args:
        decoder: a class that holds symbolic Keras tensors.
        vocab: {token: index}.
        of_random: returns the loss of random_loss.

    Raises:
        Stopped: the tensors can't be computed.
    """
    yield from list(loss_problems(decoder, vocab)) or _unlikely_problems(decoder, vocab, of_random)


def loss_problems(decoder, vocab) -> Iterator[Problem]:
    """What is wrong with the loss, trained or not: is it the mean cross-entropy of the words?

    Args:
        decoder: a class that holds symbolic Keras tensors.
        vocab: {token: index}.

    Raises:
        Stopped: the tensors can't be computed.
    """
    sentences = padded_sentences(vocab, *SIZES[-1])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = _evaluate(decoder, sentences)
        problems = list(_shape_problems(found, sentences, vocab)) or list(logit_problems(found["flat_token_logits"]))
        if not problems:
            measured = [_measure(decoder, padded_sentences(vocab, *size), vocab) for size in SIZES]
            problems = _value_problems(measured, vocab)
    if not problems and any("from_logits=True" in str(warning.message) for warning in caught):
        # Keras removes such a softmax again, so the value does not show it. Other code would not remove it.
        problems = [Problem("softmax is applied before the loss, which applies it again (from_logits=True): give the "
                            "loss the logits.", "logits", "probabilities")]
    yield from problems


def _evaluate(decoder, sentences):
    """Logits and loss of some sentences, for random photos."""
    images = np.random.default_rng(SEED).random((len(sentences), embedding_width(decoder)), dtype=np.float32)
    try:
        return evaluate(decoder, images, sentences, ["flat_token_logits", "loss"])
    except Stopped as stopped:
        if FIXED_SIZE not in stopped.problem.hint:
            raise
        problem = Problem("The loss can't be computed. Mend the decoder's tensors first: grader.check_decoder_shapes "
                          "says what is wrong.", "a loss", stopped.problem.came)
        raise Stopped(problem) from None


def _shape_problems(found, sentences, vocab):
    """Do loss and logits have their shapes?"""
    logits, loss, rows = found["flat_token_logits"], found["loss"], sentences[:, 1:].size
    if loss.shape != ():
        yield Problem(ONE_NUMBER, "()", str(loss.shape))
    elif logits.shape != (rows, len(vocab)):
        yield Problem("The logits have the wrong shape: check and mend the decoder's shapes first.",
                      str((rows, len(vocab))), str(logits.shape))


# ----------------------------------------------------------------------------------------------- value of the loss

@dataclass(frozen=True)
class Measured:
    """The loss of some logits.

    Attributes:
        logits: (B·(T-1), V) float64.
        words: (B, T-1) indices of the words to predict.
        loss: what the decoder's loss says.
    """

    logits: np.ndarray
    words: np.ndarray
    loss: float


def _measure(decoder, sentences, vocab) -> Measured:
    """The loss for chosen logits, or for the decoder's own if the loss does not come from flat_token_logits."""
    import keras

    words = sentences[:, 1:]
    try:
        rest = keras.Model([decoder.flat_token_logits, decoder.sentences], decoder.loss)
    except ValueError:
        found = _evaluate(decoder, sentences)
        return Measured(found["flat_token_logits"].astype("float64"), words, float(found["loss"]))
    logits = chosen_logits(words, len(vocab))
    return Measured(logits.astype("float64"), words, float(rest([logits, sentences], training=False)))


def chosen_logits(words, size) -> np.ndarray:
    """Logits for which no two words of a batch have nearly the same loss.

    Args:
        words: (B, T-1) indices of the words to predict.
        size: of the vocabulary, V.

    Returns:
        (B·(T-1), V) float32.
    """
    rng = np.random.default_rng([SEED, *words.shape])
    logits = rng.normal(size=(words.size, size)).astype(np.float32)
    likelier = rng.uniform(0, 2, words.shape) * rng.choice([0, 1, 2], (len(words), 1))
    likelier[-1] = likelier[-2]                         # the last two captions are the same, with the same logits
    logits[-words.shape[1]:] = logits[-2 * words.shape[1]:-words.shape[1]]
    logits[np.arange(words.size), words.ravel()] += likelier.ravel()
    return logits


def _value_problems(measured, vocab) -> list[Problem]:
    """The mistakes that explain the value of the loss in both batches; [] if it is right."""
    right, came = [_right_loss(each, vocab) for each in measured], [each.loss for each in measured]
    if _close(came, right, EXACT):
        return []
    mistakes = zip(*(possible_losses(each.logits, each.words, vocab) for each in measured))
    hints = next((mistake[0][0] for mistake in mistakes if _close(came, [loss for _, loss in mistake], EXACT)), [])
    if not hints and _close(came, right, RIGHT):
        return []
    hints = hints or [_other_hint(measured, right, vocab)]
    expected, shown = max(zip(right, came), key=lambda pair: abs(pair[1] / pair[0] - 1))
    return [Problem(hint, f"{expected:.6f}", f"{shown:.6f}") for hint in hints]


def _right_loss(measured, vocab) -> float:
    """The mean cross-entropy of the words."""
    words = measured.words.ravel()
    nats = -log_softmax(measured.logits, axis=-1)[np.arange(words.size), words]
    return float(nats[words != vocab[PAD]].mean())


def _close(came, expected, share) -> bool:
    return all(math.isclose(a, b, rel_tol=share) for a, b in zip(came, expected))


def _other_hint(measured, right, vocab):
    """What is said of a loss that no usual mistake explains."""
    divisors = [value * np.count_nonzero(each.words != vocab[PAD]) / each.loss if each.loss else 0
                for each, value in zip(measured, right)]
    if not all(math.isfinite(each.loss) for each in measured):
        return ("The loss is not a finite number. Is something divided by 0, such as by an empty mask's sum? A "
                "logarithm of 0 does the same, and from_logits=True avoids it.")
    if math.isclose(*divisors, rel_tol=EXACT):
        return (f"The sum is divided by {divisors[0]:.6g}, whatever the batch: divide it by the number of words, which "
                "is the sum of the mask.")
    hint = "The loss differs from the mean cross-entropy of the words, padding left out"
    added, times = ([change(each.loss, value) for each, value in zip(measured, right)]
                    for change in (lambda a, b: a - b, lambda a, b: a / b))
    if math.isclose(*added, rel_tol=EXACT):
        return f"{hint}: {added[0]:.4g} is added to it, perhaps a penalty on weights."
    if math.isclose(*times, rel_tol=SAME_FACTOR) and abs(times[0] - 1) > 0.01:
        return f"{hint}: it is {times[0]:.4g} times as high."
    return f"{hint}."


def possible_losses(logits, words, vocab):
    """[(hints, loss)] of each combination of mistakes, the fewest mistakes first; the first has none.

    Args:
        logits: (B·(T-1), V) float64.
        words: (B, T-1) indices.
        vocab: {token: index}.
    """
    is_word = words != vocab[PAD]
    reductions, losses = _reductions(words, is_word, vocab), []
    with np.errstate(all="ignore"):
        for (reading, each), (reduction, reduce) in itertools.product(_readings(logits, words), reductions.items()):
            reduced = reduce(each)
            for form, change in _FORMS.items():
                hints = [hint for hint in (reading, reduction, form) if hint]
                if len(hints) < 3:
                    losses.append((hints, float(change(reduced))))
    return sorted(losses, key=lambda row: len(row[0]))


_FORMS = {
    "": lambda loss: loss,
    "The sign is wrong, so the loss is negative: it is the mean of -ln p. sparse_categorical_crossentropy gives -ln p "
    "already.": lambda loss: -loss,
    "This is the perplexity, exp(loss): leave out the exponential.": np.exp,
    "The loss is in bits, divided by ln 2 or with a logarithm of base 2: take natural logarithms, and divide by the "
    "number of words only.": lambda loss: loss / np.log(2),
    "The loss is divided by ln 10, or its logarithm has base 10: take natural logarithms, and divide by the number of "
    "words only.": lambda loss: loss / np.log(10),
    "The division is the wrong way round: divide the sum of the losses by the number of words.":
        lambda loss: 1 / loss,
    "The loss is the probability, not its logarithm: take the mean of -ln p.": lambda loss: np.exp(-loss),
}


def _readings(logits, words):
    """(hint, loss of each word (B, T-1)) for what the loss may take the logits for; the first is right."""
    as_probabilities = np.clip(logits, 1e-7, 1 - 1e-7)                  # as Keras reads them
    truth = np.arange(words.size), words.ravel()
    for hint, values in {
        "": logits,
        "softmax is applied before the loss, which applies it again: give the loss the logits.": softmax(
            logits, axis=-1),
        "The loss takes the logits for probabilities: pass from_logits=True.": np.log(as_probabilities),
        "softmax is taken along the wrong axis: over the words of the vocabulary, axis=-1.": log_softmax(
            logits, axis=0),
    }.items():
        normalized = values if "axis" in hint else log_softmax(values, axis=-1)
        yield hint, -normalized[truth].reshape(words.shape)
    for hint, losses in _other_losses(logits, truth):
        yield hint, losses.reshape(words.shape)


def _other_losses(logits, truth):
    """(hint, loss of each word) of losses that are not the cross-entropy of the true word.

    Args:
        logits: (N, V) float64.
        truth: N rows and N indices of the true words.
    """
    p = softmax(logits, axis=-1)
    yield ("The mean is taken over the vocabulary too: of each row, take the sum of -ln p times the one-hot truth.",
           (logsumexp(logits, axis=-1) - logits[truth]) / logits.shape[1])
    smooth = 0.9 * logits[truth] + 0.1 * logits.mean(-1)
    yield ("The true words are smoothed (label_smoothing): the loss should be -ln p of the true word.",
           logsumexp(logits, axis=-1) - smooth)
    yes_or_no = f"This is the binary cross-entropy, which asks of each word of the vocabulary, yes or no: {_FUNCTION}"
    yield yes_or_no, np.logaddexp(0, logits).mean(-1) - logits[truth] / logits.shape[1]
    log_others = np.log1p(-p)
    yield yes_or_no, -(log_others.sum(-1) - log_others[truth] + np.log(p[truth])) / logits.shape[1]
    for values in p, logits:
        yield (f"This is the squared error, not the cross-entropy: {_FUNCTION}",
               (np.square(values).sum(-1) - 2 * values[truth] + 1) / logits.shape[1])


def _words_counted(words, is_word, vocab):
    """{hint: which of the words' losses (B, T-1) the mean is taken over}; the first is right."""
    _, first_of_kind = np.unique(words, axis=0, return_index=True)
    distinct = np.isin(np.arange(len(words)), first_of_kind)[:, None] & is_word
    places = np.broadcast_to(np.arange(words.shape[1]), words.shape)
    last = places == is_word.sum(1, keepdims=True) - 1
    return {
        "": is_word,
        f"The mean is taken over padding too: {MASK_IT}": np.ones_like(is_word),
        "The mask is inverted: the loss counts PAD and leaves the words out.": ~is_word,
        "UNK is left out of the loss: the decoder should learn where unknown words stand. Leave PAD out only.":
            is_word & (words != vocab[UNK]),
        "END is left out of the loss: the decoder has to learn where a caption ends. Leave PAD out only.":
            is_word & (words != vocab[END]),
        f"END, index {vocab[END]}, is left out of the loss in place of PAD: compare with vocab[PAD].":
            words != vocab[END],
        "UNK is left out of the loss in place of PAD: compare with vocab[PAD].": words != vocab[UNK],
        "Identical captions count once: each caption of the batch should count.": distinct,
        "The first word of each caption is left out: it is predicted from START.": is_word & (places > 0),
        "Only the first word of each caption counts: all of them should.": is_word & (places == 0),
        "Only the last word of each caption counts: all of them should.": last,
        "The last word of each caption is left out: all of them should count.": is_word & ~last,
        "The last column is left out: sentences[:, 1:] goes to the end.": is_word & (places < words.shape[1] - 1),
        "Only the first caption counts: each caption of the batch should.":
            is_word & (np.arange(len(words)) == 0)[:, None],
    }


def _reductions(words, is_word, vocab):
    """{hint: function of the words' losses (B, T-1) that returns the loss}."""
    counted = {hint: lambda each, kept=kept: each[kept].mean() if kept.any() else np.nan
               for hint, kept in _words_counted(words, is_word, vocab).items()}
    return counted | _sums(words, is_word, vocab) | _means(is_word) | _weighted(words, is_word, vocab)


def _sums(words, is_word, vocab):
    """As _reductions: sums that are not divided, or divided by another number."""
    number = "divide by the number of words, which is the sum of the mask."
    zero = next((token.strip("#") for token, index in vocab.items() if index == 0), "0")
    sums = {
        "The losses are added up: take their mean.": 1,
        f"The mean is taken over padding too: {number}": words.size,
        f"The sum is divided by the number of captions: {number}": len(words),
        f"The sum is divided by the number of columns: {number}": words.shape[1],
        f"The sum is divided by the number of all tokens, START too: {number}": is_word.sum() + len(words),
        f"The sum is divided by the number of all tokens, START and PAD too: {number}": words.size + len(words),
        f"The sum is divided by the number of indices that are not 0, which counts PAD, but not {zero}: {number}":
            np.count_nonzero(words),
        "The loss is divided twice: a mean needs no other division.": words.size * is_word.sum(),
    }
    return {hint: lambda each, by=by: each[is_word].sum() / by for hint, by in sums.items()} | {
        "The losses are added up, padding too: take the mean over the words. If the losses are a column and the mask "
        "is a row, make both rows.": lambda each: each.sum(),
        f"The sum of all losses, padding too, is divided by the number of words: {MASK_IT}":
            lambda each: each.sum() / is_word.sum(),
    }


def _means(is_word):
    """As _reductions: means that are taken in another way."""
    return {
        "A column times a row gives a matrix, of which the mean is taken: make the losses and the mask both rows.":
            lambda each: each.mean() * is_word.mean(),
        "The mean is taken for each caption first, so words of short captions weigh more: take it over all at once.":
            lambda each: np.mean([row[kept].mean() for row, kept in zip(each, is_word) if kept.any()]),
        "The mean is taken for each place first, so words of long captions weigh more: take it over all at once.":
            lambda each: np.mean([row[kept].mean() for row, kept in zip(each.T, is_word.T) if kept.any()]),
        "The loss is that of the worst word: take the mean.": lambda each: each[is_word].max(),
        "The losses are squared: take the mean of -ln p as it is.": lambda each: np.square(each[is_word]).mean(),
        "Probabilities are averaged before the logarithm: take the mean of -ln p.":
            lambda each: -np.log(np.exp(-each[is_word]).mean()),
    }


def _weighted(words, is_word, vocab):
    """As _reductions: means in which some tokens count more, or the mask changes something else than the losses."""
    with_losses = "multiply it with the losses, and divide by its sum."
    is_end, of_padding = words == vocab[END], (~is_word).sum() * math.log(len(vocab))
    return {
        "END counts twice: each word should count once.":
            lambda each: (each[is_word].sum() + each[is_end].sum()) / (is_word.sum() + is_end.sum()),
        f"The mask is multiplied with the logits: {with_losses}":
            lambda each: (each[is_word].sum() + of_padding) / is_word.sum(),
        f"The mask is multiplied with the logits, and padding counts: {with_losses}":
            lambda each: (each[is_word].sum() + of_padding) / each.size,
    }


# ---------------------------------------------------------------------------------------------------- initial loss

def _unlikely_problems(decoder, vocab, of_random):
    """An untrained decoder finds all words about equally likely, so its loss is about ln V."""
    loss, guess = float(of_random()), math.log(len(vocab))
    if abs(loss - guess) < 0.3 + 0.05 * guess:              # never true of nan
        return
    if _has_learnt(decoder):
        hint = (f"{TRAINED}. For fresh weights, run the decoder's cells again and then this one; training goes on from "
                "its checkpoint.")
    else:
        hint = ("An untrained decoder should find all words about equally likely, so its initial weights should be "
                "small: leave kernel_initializer and embeddings_initializer out, and scale nothing up.")
    yield Problem(hint, f"about ln {len(vocab):,} = {guess:.2f}", f"{loss:.2f}")


def _has_learnt(decoder) -> bool:
    """Whether a bias has other values than those that it begins with, all the same or 0 and 1."""
    biases = [weight.numpy() for weight in model_of(decoder, ["loss"]).trainable_weights if len(weight.shape) == 1]
    return any(len(values := set(bias.tolist())) > 1 and not values <= {0, 1} for bias in biases)


def is_only_trained(problems) -> bool:
    """Whether nothing is wrong but that the decoder was trained already."""
    return len(problems) == 1 and problems[0].hint.startswith(TRAINED)


