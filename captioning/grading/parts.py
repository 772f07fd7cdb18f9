"""The six graded parts: their keys at the course's service, titles and points."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Part:
    """A graded part."""

    key: str                        # its name at the service
    title: str
    points: int                     # ours; the service weighs the parts itself
    passed: str                     # what is known of a solution that passed


PARTS = {part.key: part for part in (
    Part("19Wpv", "Exercise 1: vocabulary", 10,
         "The words seen 5 times or more and the four special tokens, numbered in sorted order."),
    Part("uJh73", "Exercise 2: from words to indices", 10,
         "START, the words, END; UNK for words that are not in the vocabulary; all of them Python ints."),
    Part("yiJkt", "Exercise 3: batches", 10,
         "As wide as the longest caption, cut at max_len, filled up on the right."),
    Part("rbpnH", "Exercise 4: the decoder's tensors", 20,
         "Every tensor has its shape, goes through its layers, and depends on exactly those words and photos that it "
         "should."),
    Part("E2OIL", "Exercise 4: the decoder's untrained loss", 20,
         "The mean cross-entropy of the words, without padding; about ln V before training."),
    Part("YJR7z", "Exercise 5: validation loss", 30,
         "The decoder knows more than which word follows which, and it looks at the photos."),
)}

# Checks on the way, without points.
STEPS = {
    "states": Part("", "Exercise 4, step 1: states", 0, "h0 and c0 come from the photo."),
    "words in": Part("", "Exercise 4, step 2: words in", 0, "The decoder reads every word but the last."),
    "logits": Part("", "Exercise 4, step 3: logits", 0,
                   "Each row of logits depends on the photo and on the words up to its own place."),
    "loss": Part("", "Exercise 4, step 4: loss", 0, "The loss counts each word that is not PAD."),
}
FINAL_MODEL = Part("", "The decoder at captioning time", 0, "Word by word it gives the logits that it was trained on.")

TOTAL = sum(part.points for part in PARTS.values())
