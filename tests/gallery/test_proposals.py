"""Proposed examples fit or fail, are varied, and the same for the same input."""

import random
from collections import Counter

import pytest

from captioning.gallery.proposals import caption_confidence, propose_examples
from captioning.gallery.reasons import REASONS, likely_reason
from captioning.scoring.scores import score_captions
from tests.helpers.captions import made_up_captions, words


@pytest.fixture(scope="module")
def scored():
    """(captions, references, scores) of 40 photos."""
    captions, references = made_up_captions()
    return captions, references, score_captions(captions, references)


def test_good_proposals_beat_bad_ones_and_no_photo_is_both(scored):
    captions, references, scores = scored
    proposal = propose_examples(captions, captions, references, scores, n=10)
    assert len(proposal.good) == len(proposal.bad) == 10
    assert min(c.cider for c in proposal.good) > max(c.cider for c in proposal.bad)
    assert not {c.name for c in proposal.good} & {c.name for c in proposal.bad}
    assert all(c.hint in REASONS for c in proposal.bad) and not any(c.hint for c in proposal.good)


def test_the_same_input_in_any_order_gives_the_same_proposal(scored):
    captions, references, scores = scored
    confidence = {name: random.Random(name).random() for name in captions}
    shuffled = random.Random(1).sample(sorted(captions), len(captions))
    assert (propose_examples(captions, captions, references, scores, confidence)
            == propose_examples(shuffled, captions, references, scores, confidence))


def test_a_proposal_does_not_say_ten_times_the_same():
    captions, references = made_up_captions(60)
    wave = words("a man riding a wave on a surfboard")
    for name in list(captions)[:20]:                       # a third of the photos have the same, right caption
        captions[name], references[name] = wave, [wave] * 5
    proposal = propose_examples(captions, captions, references, score_captions(captions, references), n=5)
    assert [c.caption for c in proposal.good].count(tuple(wave)) == 1
    assert len({c.caption for c in proposal.good}) == len({c.caption for c in proposal.bad}) == 5


def test_equal_captions_come_only_if_there_are_no_others():
    captions = {f"{n}.jpg": ["a", "dog"] for n in range(8)}
    references = {name: [["a", "dog"], ["a", "cat"]] for name in captions}
    scores = score_captions(captions, references)
    proposal = propose_examples(captions, captions, references, scores, n=3)
    assert len(proposal.good) == len(proposal.bad) == 3
    assert proposal == propose_examples(sorted(captions, reverse=True), captions, references, scores, n=3)


def test_surer_mistakes_come_first():
    captions = {f"{n}.jpg": [word] for n, word in enumerate(["dog", "cat", "cow", "bird"])}
    references = {name: [["a", "red", "kite"]] for name in captions}
    scores = score_captions(captions, references)
    confidence = {"0.jpg": 0.1, "1.jpg": 0.2, "2.jpg": 0.3, "3.jpg": 0.9}
    assert propose_examples(captions, captions, references, scores, confidence, n=1).bad[0].name == "3.jpg"
    del confidence["3.jpg"]                                 # a photo without a confidence ranks lowest
    assert propose_examples(captions, captions, references, scores, confidence).bad[-1].name == "3.jpg"
    unknown_before_zero = {"3.jpg": 0.0}                    # by name
    assert propose_examples(captions, captions, references, scores, unknown_before_zero).bad[-1].name == "2.jpg"


def test_confidence_counts_half_as_much_as_each_score():
    """Both scores rank the eight photos alike, so a photo that is one place worse has to be five places surer."""
    confidence = {"h": 0.2, "g": 0.7, "f": 0.5, "e": 0.8, "d": 0.3, "c": 0.4, "b": 0.6, "a": 0.1}      # best fit first
    references = {name: [[f"{name}{place}" for place in range(9)]] for name in confidence}
    captions = {name: references[name][0][:right] + [f"not-{name}{n}" for n in range(9 - right)]
                for name, right in zip(confidence, range(8, 0, -1))}
    proposal = propose_examples(captions, captions, references, score_captions(captions, references), confidence)
    assert [c.name for c in proposal.good] == ["g", "h", "f", "e"]
    assert [c.name for c in proposal.bad] == ["b", "a", "c", "d"]


def test_captions_that_are_nearly_the_same_come_before_equal_ones():
    sentences = ["dog bed red car", "dog bed red car", "dog bed red bus"]       # 3 of 5 words are in common
    captions = {f"{n}.jpg": words(text) for n, text in enumerate(sentences + ["mist"] * 3)}
    written = [*sentences[:2], "dog bed red bus under trees", *["kite over sea"] * 3]       # the third fits least
    references = {name: [words(text)] for name, text in zip(captions, written)}
    proposal = propose_examples(captions, captions, references, score_captions(captions, references), n=2)
    assert [c.name for c in proposal.good] == ["0.jpg", "2.jpg"]


def test_two_photos_give_one_example_of_each_kind():
    captions = {"0.jpg": words("a dog"), "1.jpg": words("a cat")}
    references = {name: [words("a dog")] for name in captions}
    proposal = propose_examples(captions, captions, references, score_captions(captions, references))
    assert [c.name for c in proposal.good] == ["0.jpg"] and [c.name for c in proposal.bad] == ["1.jpg"]


def test_captions_that_contradict_a_reference_come_before_those_that_are_only_unlike_them():
    captions = {"0.jpg": words("a red kite over the beach"), "1.jpg": words("a red kite flying high"),
                "2.jpg": words("a blue kite over a hill"), "3.jpg": words("somebody out walking")}
    references = {name: [words("a red kite over the beach"), words("a kite flying high")] for name in captions}
    scores = score_captions(captions, references)
    assert scores.by_photo("ROUGE-L")["2.jpg"] > scores.by_photo("ROUGE-L")["3.jpg"] == 0
    bad = propose_examples(captions, captions, references, scores).bad
    assert [(c.name, c.hint) for c in bad] == [("2.jpg", "wrong colour"), ("3.jpg", "wrong object")]


def test_a_repetition_is_the_first_bad_example_even_if_it_fits_best_and_the_model_is_least_sure():
    animals = ["bird", "cat", "cow", "dog"]                         # equally good; the last is among the bad
    captions = {name: [name, name, "and", name] for name in animals}
    references = {name: [[name, "by", "the", name]] for name in animals}
    captions |= {"e": words("tree on hill"), "f": words("bus road")}
    references |= {"e": [words("tree by lake")], "f": [words("boat")]}
    confidence = {"dog": 0.1, "bird": 0.2, "cat": 0.3, "cow": 0.4, "e": 0.5, "f": 0.6}
    scores = score_captions(captions, references)
    for fits in (scores.by_photo("CIDEr"), scores.by_photo("ROUGE-L")):
        assert fits["bird"] == fits["dog"] > fits["e"] > fits["f"]
    bad = propose_examples(captions, captions, references, scores, confidence).bad
    assert [(c.name, c.hint) for c in bad] == [("dog", "repetition"), ("f", "wrong object"), ("e", "wrong object")]


def test_where_the_truth_is_known_it_decides_and_not_the_scores(scored):
    captions, references, scores = scored
    by_score = sorted(captions, key=scores.by_photo("CIDEr").get)
    wrong = dict.fromkeys(by_score[-12:], "wrong count")                # the captions with the best scores
    truth = dict.fromkeys(captions, "") | wrong
    proposal = propose_examples(captions, captions, references, scores, true_reasons=truth)
    assert not wrong.keys() & {c.name for c in proposal.good}
    assert wrong.keys() >= {c.name for c in proposal.bad} and {c.hint for c in proposal.bad} == {"wrong count"}
    assert len({c.caption for c in proposal.good}) == len(proposal.good) == len(proposal.bad) == 10


@pytest.mark.parametrize("wrong", [0, 3, 37, 40])
def test_where_nearly_all_are_right_or_wrong_the_lists_are_full_and_the_clear_ones_come_first(scored, wrong):
    captions, references, scores = scored
    names = sorted(captions, key=scores.by_photo("CIDEr").get)
    truth = dict.fromkeys(names, "") | dict.fromkeys(names[-wrong:] if wrong else [], "wrong colour")
    proposal = propose_examples(names, captions, references, scores, true_reasons=truth)
    good, bad = ([truth[c.name] for c in of_kind] for of_kind in (proposal.good, proposal.bad))
    assert len(good) == len(bad) == 10 and not {c.name for c in proposal.good} & {c.name for c in proposal.bad}
    assert sum(map(bool, bad)) == min(10, wrong) and good.count("") == min(10, 40 - wrong)
    assert all(c.hint in REASONS for c in proposal.bad)                 # of right captions, the guess from words


def test_few_photos_give_short_lists_and_unknown_photos_are_named(scored):
    captions, references, scores = scored
    proposal = propose_examples(list(captions)[:5], captions, references, scores, n=10)
    assert (len(proposal.good), len(proposal.bad)) == (2, 3)
    with pytest.raises(ValueError, match="'stranger.jpg'"):
        propose_examples([*captions, "stranger.jpg"], captions, references, scores)
    with pytest.raises(ValueError, match="two photos"):
        propose_examples(list(captions)[:1], captions, references, scores)


@pytest.mark.parametrize(("caption", "reason"), [
    ("a man and a man on a beach", "repetition"),
    ("three dogs on a beach", "wrong count"),
    ("two blue dogs on a beach", "wrong colour"),
    ("two dogs on a beach", "too general"),
    ("two red dogs on a beach under an umbrella", "invented detail"),
    ("a train", "wrong object"),
    ("", "too general"),
    ("two dogs by a blue man on a beach", "invented detail"),       # no reference gives the man a colour
    ("two red red dogs running", "too general"),                    # a colour may come twice,
    ("two dogs on a beach by two trains", "invented detail"),        # and a number
    ("a train on a beach", "wrong object"),                         # half of the things
])
def test_the_likely_reason_is_guessed_from_words(caption, reason):
    references = [words("two red dogs running on the beach"), words("two dogs by a man on a beach")]
    assert likely_reason(caption.split(), references) == reason


def test_confidence_does_not_fall_with_length():
    assert caption_confidence([0.5, 0.5]) == pytest.approx(caption_confidence([0.5] * 12)) == pytest.approx(0.5)
    assert caption_confidence([]) == caption_confidence([0.9, 0.0]) == 0


def mistaken(count):
    """Makes captions with mistakes, most of them in a colour, and as many that are right."""
    captions, references = {}, {}
    things = words("dog cat cow bus van hat cup kite boat bird fish tree lamp door sofa bike")
    for n in range(count):
        thing, other = things[n % len(things)], things[(n + 5) % len(things)]
        said, true = {
            2: (f"three {thing} by {other} {n}", f"two {thing} by {other} {n}"),
            5: (f"a {thing} {n} and a {thing} {n}", f"a {thing} {n}"),
        }.get(n % 8, (f"a red {thing} by {other} {n}", f"a blue {thing} by {other} {n}"))
        captions[f"bad{n:02}"], references[f"bad{n:02}"] = words(said), [words(true)]
        captions[f"good{n:02}"] = words(f"a {thing} in view of {other} {n}")
        references[f"good{n:02}"] = [captions[f"good{n:02}"]]
    return captions, references


def test_the_first_bad_proposals_differ_in_their_reasons():
    captions, references = mistaken(40)
    proposal = propose_examples(captions, captions, references, score_captions(captions, references), n=16)
    counts = Counter(candidate.hint for candidate in proposal.bad[:9])
    assert counts.keys() == {"wrong colour", "wrong count", "repetition"} and max(counts.values()) <= 4


def test_no_two_of_the_first_good_proposals_say_the_same_while_there_are_others():
    captions, references = made_up_captions(60)
    wave = words("a man riding a wave on a surfboard")
    for name in list(captions)[:20]:
        captions[name], references[name] = wave, [wave] * 5
    distinct = len({tuple(caption) for caption in captions.values()})
    proposal = propose_examples(captions, captions, references, score_captions(captions, references), n=16)
    good = [candidate.caption for candidate in proposal.good]
    assert distinct > 10 and len(set(good[:10])) == 10 and len(good) == 16
