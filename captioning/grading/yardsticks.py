"""What a validation loss is judged by: the loss of a table of word pairs, and one that no honest decoder reaches."""

import itertools
import math
from collections import Counter

import numpy as np

from captioning.grading.decoder_probe import MAX_LEN

# The loss of a decoder that trained well enough. On MSCOCO learners reached 2.60 nats after 12 epochs. Elsewhere the
# yardstick is a table of word pairs, which knows nothing of photos: the loss must be below this share of the table's.
COCO_VAL_LOSS = 2.8
SHARE_OF_WORD_PAIRS = 0.8
TABLE_PHOTOS = 5_000                # about so many make the table: MSCOCO 2014 has eight times as many
FOLDS = 10                          # parts of the photos; the table is measured on captions that it was not made from

# No honest decoder has a lower loss. People who describe one photo choose among several sentences; which one, nobody
# can know. That gives a bound (see `wording_loss`), and where people differ, no decoder comes near it either: it does
# not get below this share of the table of word pairs.
HONEST_SHARE = 0.25


def bounds(captions, dataset) -> tuple[float, str, float]:
    """The loss to stay below, why, and the loss that no honest decoder passes."""
    known, wording = word_pair_loss(captions[::max(1, len(captions) // TABLE_PHOTOS)]), wording_loss(captions)
    people_differ = wording > 0 and _share_of_different(captions) > 0.5
    floor = max(0.9 * wording, HONEST_SHARE * known if people_differ else 0)
    if dataset == "coco2014":
        return COCO_VAL_LOSS, "well-trained decoders of this size reach 2.5 to 2.6", floor
    share = SHARE_OF_WORD_PAIRS
    return (share * known, f"{share:.0%} of {known:.2f}, the loss of a table that only knows which word follows which",
            min(floor, share * known))


def _share_of_different(captions) -> float:
    """How many of the captions of a photo are different, as a mean over photos with several captions."""
    shares = [len(set(as_key(photo))) / len(photo) for photo in captions if len(photo) > 1]
    return float(np.mean(shares)) if shares else 0.0


def as_key(photo) -> tuple:
    """The captions of a photo, as a key of a dictionary or a set."""
    return tuple(map(tuple, photo))


def wording_loss(captions_of_photos) -> float:
    """The least loss, in nats per word, of a decoder that knows all captions of a photo but not which one is meant.

    No decoder that predicts from photo and words before can be better: the loss of a whole caption, given the photo, is
    at least the entropy of the photo's captions (Gibbs' inequality).
    """
    nats, words = 0.0, 0.0
    for photo in captions_of_photos:
        times = Counter(tuple(caption[:MAX_LEN]) for caption in photo)
        nats -= sum(count / len(photo) * math.log(count / len(photo)) for count in times.values())
        words += sum(len(caption[:MAX_LEN]) - 1 for caption in photo) / len(photo)
    return nats / words if words else 0.0


def word_pair_loss(captions_of_photos) -> float:
    """Cross-entropy, in nats per token, of a table that knows how often each token follows each other one.

    The captions of each tenth of the photos are predicted from those of the others. If these are so few that guessing
    does better, the result is that of guessing. Smoothed after Witten & Bell 1991, method C:
    p(b | a) = (n(a, b) + k(a) p(b)) / (n(a) + k(a)), where k(a) is 1 + the number of different tokens seen after a.
    """
    folds = [
        Counter(itertools.chain.from_iterable(
            itertools.pairwise(caption[:MAX_LEN]) for captions in captions_of_photos[i::FOLDS] for caption in captions))
        for i in range(FOLDS)]
    pairs = sum(folds, Counter())
    tokens, nats = len({token for _, token in pairs}), 0.0
    for held_out in folds:
        known = pairs - held_out
        before, followers, after = Counter(), Counter(), Counter()
        for (first, second), count in known.items():
            before[first] += count
            followers[first] += 1
            after[second] += count
        seen = after.total()
        for (first, second), count in held_out.items():
            share, kinds = (after[second] + 1) / (seen + tokens), followers[first] + 1
            nats -= count * math.log((known[first, second] + kinds * share) / (before[first] + kinds))
    return min(nats / pairs.total(), math.log(tokens))
