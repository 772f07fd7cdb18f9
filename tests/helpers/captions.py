"""Captions and references for tests of scores."""

import random

from captioning.scoring.words import COLOURS


def words(text):
    """The words of a text without punctuation."""
    return text.split()


def made_up_captions(photos=40, seed=0):
    """Captions and five references per photo from a small grammar. About half of the captions are wrong."""
    rng = random.Random(seed)
    animals = ["dog", "cat", "horse", "sheep", "bird", "cow"]
    places = ["beach", "street", "field", "bed", "hill"]

    def sentence(animal, colour, place):
        return rng.choice([f"a {colour} {animal} on the {place}", f"a {animal} standing on a {place}",
                           f"there is a {colour} {animal} on a {place}", f"the {place} with a {animal}"]).split()

    captions, references = {}, {}
    for number in range(photos):
        scene = rng.choice(animals), rng.choice(sorted(COLOURS)), rng.choice(places)
        told = scene if rng.random() < 0.5 else (rng.choice(animals), scene[1], rng.choice(places))
        name = f"photo_{number:03}.jpg"
        references[name] = [sentence(*scene) for _ in range(5)]
        captions[name] = sentence(*told)
    return captions, references


def scored_strings(captions, references):
    """References and captions as pycocoevalcap expects them."""
    return ({name: [" ".join(words) for words in references[name]] for name in sorted(captions)},
            {name: [" ".join(captions[name])] for name in sorted(captions)})
