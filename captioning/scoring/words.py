"""Words by what they tell: function words and colours."""

from collections.abc import Sequence

# Words that say nothing about what a photo shows. Without them, "a dog on a bed" and "a car on a hill" share no word.
FUNCTION_WORDS = frozenset({
    "a", "an", "the", "and", "or", "of", "on", "in", "at", "to", "with", "by", "for", "from", "up", "down", "over",
    "under", "near", "next", "is", "are", "be", "being", "been", "has", "have", "that", "this", "these", "those",
    "its", "it", "his", "her", "their", "there", "some", "as", "into", "onto", "out", "off", "while", "very",
})
COLOURS = frozenset({
    "red", "orange", "yellow", "green", "blue", "purple", "violet", "pink", "brown", "black", "white", "grey", "gray",
})
Words = Sequence[str]
