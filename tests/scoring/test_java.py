"""Scores that need Java equal pycocoevalcap's. Without Java, all others still work."""

import json
import os
import shutil
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import psutil
import pytest
from pycocoevalcap.bleu.bleu import Bleu
from pycocoevalcap.cider.cider import Cider
from pycocoevalcap.meteor.meteor import Meteor
from pycocoevalcap.rouge.rouge import Rouge
from pycocoevalcap.tokenizer.ptbtokenizer import PTBTokenizer

from captioning.scoring import java, metrics
from captioning.scoring.baselines import human_agreement
from captioning.scoring.metrics import METRICS
from captioning.scoring.scores import score_captions
from tests.helpers import ROOT
from tests.helpers.captions import scored_strings, words

with_java = pytest.mark.skipif(shutil.which("java") is None, reason="no Java on this machine")
SENTENCES = {
    "a": ["A man's dog (brown) can't sit!", "Two dogs - one brown - in the U.S.", 'A dog, "sitting"', "", "One dog;"],
    "b": ["3 1/2 kites & a boat.", "A well-known beach at 5 o'clock", "Kites?", "The kites fly.", "It cannot fly:"],
    "c": ["A cat", "A cat on a bed", "a black cat", "Cats", "The bed and the cat"],
}
SAID = {"a": "a brown dog sitting", "b": ["two", "kites", "fly"], "c": "a black cat on the bed"}


@with_java
def test_ptb_scores_equal_those_of_the_challenges_own_pipeline():
    hypotheses = {name: [{"caption": said if isinstance(said, str) else " ".join(said)}] for name, said in SAID.items()}
    truths = {name: [{"caption": text} for text in texts if text] for name, texts in SENTENCES.items()}
    hypotheses, truths = PTBTokenizer().tokenize(hypotheses), PTBTokenizer().tokenize(truths)
    scores = score_captions(SAID, SENTENCES, tokenizer="ptb")
    expected = [*Bleu(4).compute_score(truths, hypotheses, verbose=0)[0], Rouge().compute_score(truths, hypotheses)[0],
                Cider().compute_score(truths, hypotheses)[0]]
    assert [scores[metric] for metric in METRICS] == pytest.approx(expected, abs=1e-6)
    by_words = score_captions({name: words("x y") for name in SAID},
                              {name: [text.split() for text in texts] for name, texts in SENTENCES.items()})
    assert scores.tokenizer == "ptb" and scores.references == by_words.references == pytest.approx(14 / 3)


@with_java
def test_line_breaks_and_empty_sentences_move_no_words_to_another_photo():
    texts = ["one\ntwo", "", "three\r\nfour\u2028five\x0bsix", "  ", "caf\u00e9", "..."]
    assert java.ptb_tokenize(texts) == [
        ["one", "two"], [], ["three", "four", "five", "six"], [], ["caf\u00e9"], []]


@with_java
def test_photos_whose_references_the_challenges_tokenizer_empties_are_left_out_and_it_is_said():
    fancy = "\U0001d4ea \U0001d4ec\U0001d4ea\U0001d4fd"            # "a cat" in mathematical script
    captions = {"a": "a cat", "b": "a dog", "c": fancy}
    references = {"a": [fancy, "\U0001f408"], "b": ["a dog runs", fancy], "c": ["a cat", "the cat"]}
    scores = score_captions(captions, references, tokenizer="ptb", extra=["METEOR"])
    assert scores.names == ("b", "c") and scores.by_photo("ROUGE-L")["b"] > 0.5 > scores.by_photo("ROUGE-L")["c"]
    assert scores.left_out == ("Not scored: 1 of 3 photos, such as 'a'. The challenge's tokenizer (PTB) leaves no word "
                               "of their references.",)
    assert scores.left_out[0] in str(scores) and "METEOR" in scores.values
    rest = [{name: of[name] for name in "bc"} for of in (captions, references)]
    assert scores.values == score_captions(*rest, tokenizer="ptb", extra=["METEOR"]).values
    with pytest.raises(java.NoJavaScore, match="Not scored: 1 of 1 photos"):
        score_captions({"a": "a cat"}, references, tokenizer="ptb")
    with pytest.raises(java.NoJavaScore, match="leaves no word"):
        human_agreement({"a": references["a"]}, tokenizer="ptb")


@with_java
def test_meteor_is_left_out_if_memory_is_short(monkeypatch):
    monkeypatch.setattr(java.psutil, "virtual_memory", lambda: SimpleNamespace(available=1_500_000_000))
    scores = score_captions({"a": ["a", "dog"]}, {"a": [["a", "dog"]]}, extra=["METEOR"])
    assert "METEOR" not in scores.values
    assert scores.left_out == ("METEOR was left out: it may take 2 GB of memory, and 1.5 GB are free.",)


@with_java
@pytest.mark.slow           # METEOR reads its paraphrases for ten seconds and takes 1.1 GB
@pytest.mark.parametrize("options", ["", "-Duser.language=it -Duser.country=IT -Duser.language.format=it"])
def test_meteor_equals_pycocoevalcaps_in_any_locale_and_folder(tmp_path, monkeypatch, options):
    captions = {"a": words("a brown dog sitting"), "b": [], "c": words("a black cat")}
    references = {name: [text.split() for text in texts if text] for name, texts in SENTENCES.items()}
    corpus, each = Meteor().compute_score(*scored_strings(captions, references))
    monkeypatch.setenv("_JAVA_OPTIONS", options)
    monkeypatch.setenv("LC_ALL", "C")
    package = shutil.copytree(java.PACKAGE / "meteor", tmp_path / "a folder" / "meteor").parent
    monkeypatch.setattr(java, "PACKAGE", package)
    scores = score_captions(captions, references, extra=["METEOR"])
    assert scores["METEOR"] == pytest.approx(corpus, abs=1e-6) and scores.left_out == ()
    assert scores.by_photo("METEOR") == pytest.approx(dict(zip("abc", each)), abs=1e-6)
    assert "METEOR" in str(scores) and f"{corpus:.3f}" in scores._repr_html_() and scores.as_dict()["METEOR"]


JAVA_THAT = {
    "dies at once": ("exit 3", "it ended with status 3"),
    "dies with words": ("echo 'Error: no room for the heap' >&2; exit 1", "it may take 2 GB): Error: no room for the"),
    "prints rubbish": ("while read line; do echo rubbish; done", "could not convert string to float: 'rubbish'"),
    "writes a decimal comma": ("while read line; do echo 0,5; done", "could not convert string to float: '0,5'"),
    "never answers": ("exec sleep 100", "gave no answer within 1 s"),
    "warns, then never answers": ("echo 'an old version' >&2; exec sleep 100", "gave no answer within 1 s"),
    "is a script whose program never answers": ("sleep 100; exit 0", "gave no answer within 1 s"),
    "answers, then dies": ("read line; echo 1.0; echo 'killed' >&2; exit 1", "killed"),
}
needs_shell = pytest.mark.skipif(sys.platform == "win32", reason="needs a shell")


@pytest.fixture
def stub_java(tmp_path, monkeypatch):
    """Makes a script the machine's Java: stub_java(script). Java programs then have a second."""
    def stub(script):
        (tmp_path / "java").write_text(f'#!/bin/sh\n[ "$1" = -version ] && exit 0\n{script}\n')
        (tmp_path / "java").chmod(0o755)

    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(java, "TIMEOUT", 1)
    return stub


@needs_shell
@pytest.mark.parametrize("script, why", JAVA_THAT.values(), ids=JAVA_THAT)
def test_whatever_java_does_meteor_ends_and_says_why(stub_java, script, why):
    stub_java(script)
    scores = score_captions({"a": ["a", "dog"], "b": ["kites"]}, {"a": [["a", "dog"]], "b": [["kites"]]},
                            extra=["METEOR"])
    [left_out] = scores.left_out
    assert left_out.startswith("METEOR failed") and why in left_out
    assert tuple(scores.values) == METRICS and scores["ROUGE-L"] == 1


METEOR_THAT_ANSWERS = """#!/bin/sh
n=0
while read -r line; do
    case "$line" in
        SCORE*) n=$((n + 1)); echo 1;;
        EVAL*) for _ in $(seq $((n + 1))); do echo 0.$n; done;;
    esac
done
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs a shell")
def test_of_many_photos_java_scores_always_the_same_ones_and_says_so(tmp_path, monkeypatch, scored):
    captions, references, scores = scored
    (tmp_path / "java").write_text(METEOR_THAT_ANSWERS)
    (tmp_path / "java").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert "left_out" not in score_captions(captions, references, extra=["METEOR"]).as_dict()
    monkeypatch.setattr(metrics, "JAVA_PHOTOS", 7)
    some, again = (score_captions(captions, references, extra=["METEOR"]) for _ in range(2))
    measured = ~np.isnan(some.per_photo["METEOR"])
    assert some["METEOR"] == 0.7 and measured.sum() == 7 and (measured == ~np.isnan(again.per_photo["METEOR"])).all()
    assert some.left_out == ("METEOR is that of 7 of the photos, always the same ones.",)
    assert {metric: some[metric] for metric in METRICS} == scores.values and some.left_out[0] in str(some)


def test_spice_downloads_nothing_and_says_what_is_missing(scored, monkeypatch):
    captions, references, scores = scored
    if (java.PACKAGE / "spice" / "lib" / "stanford-corenlp-3.6.0-models.jar").is_file():
        pytest.skip("SPICE's parser is here")
    asked = score_captions(captions, references, extra=["SPICE"])
    assert asked.values == scores.values
    assert len(asked.left_out) == 1 and "stanford-corenlp-3.6.0.jar" in asked.left_out[0]
    assert asked.left_out[0] in str(asked) and asked.as_dict()["left_out"] == list(asked.left_out)


@pytest.fixture
def spice_with(tmp_path, monkeypatch, stub_java):
    """Scores three photos with SPICE, whose program is a script: spice_with(script) -> scores.

    The script has its input in $given and writes to $scores. SPICE's own program needs a parser of 400 MB.
    """
    for jar in ("stanford-corenlp-3.6.0.jar", "stanford-corenlp-3.6.0-models.jar"):
        path = tmp_path / "package" / "spice" / "lib" / jar
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    monkeypatch.setattr(java, "PACKAGE", tmp_path / "package")
    monkeypatch.setattr(java.psutil, "virtual_memory", lambda: SimpleNamespace(available=9_000_000_000))

    def scored_by(script):
        stub_java('while [ "$1" != -jar ]; do shift; done; given=$3; scores=$5\n' + script)
        captions = {"a": ["a", "dog"], "b": ["kites"], "\u0909": ["sea"]}
        references = {"b": [["kites"]], "a": [["a", "dog"]], "\u0909": [["sea"], ["the", "sea"]]}
        return score_captions(captions, references, extra=["SPICE"])

    return scored_by


SPICE_THAT_ANSWERS = """
import json, sys
given, written = sys.argv[1:]
results = []
for asked in json.load(open(given, encoding="utf-8")):
    said, meant = set(asked["test"].split()), set(" ".join(asked["refs"]).split())
    score = {"pr": len(said & meant) / len(said), "re": len(said & meant) / len(meant),
             "f": 2 * len(said & meant) / (len(said) + len(meant)), "numImages": 1.0}
    results.insert(0, {"image_id": asked["image_id"], "scores": {"Object": dict(score, f=None), "All": score}})
json.dump(results, open(written, "w", encoding="utf-8"), ensure_ascii=False)
"""


def spice_results(**scores) -> str:
    """What SPICE's program writes: the photos in any order, null for a score that is not a number."""
    return json.dumps([{"image_id": name, "scores": {"All": {"pr": 1.0, "re": 1.0, "f": score}}}
                       for name, score in scores.items()])


@needs_shell
def test_spice_reads_what_a_program_makes_of_its_captions(spice_with, tmp_path, monkeypatch):
    """The stand-in reads and writes the files that SPICE does; its score is the F of words instead of facts."""
    monkeypatch.setattr(java, "TIMEOUT", 60)
    (tmp_path / "spice.py").write_text(SPICE_THAT_ANSWERS)
    scores = spice_with(f'exec "{sys.executable}" "{tmp_path}/spice.py" "$given" "$scores"')
    assert scores.left_out == () and scores.by_photo("SPICE") == {"a": 1, "b": 1, "\u0909": pytest.approx(2 / 3)}
    assert scores["SPICE"] == pytest.approx(8 / 9) and "SPICE" in scores.intervals


@needs_shell
def test_spice_reads_the_scores_of_all_photos_whatever_their_order(spice_with, tmp_path):
    (tmp_path / "results").write_text(spice_results(b=None, **{"\u0909": 0.9}, a=0.6))
    scores = spice_with(f"cp $given {tmp_path}/asked; cp {tmp_path}/results $scores")
    assert scores.left_out == () and scores.by_photo("SPICE") == {"a": 0.6, "b": 0, "\u0909": 0.9}
    assert scores["SPICE"] == pytest.approx(0.5)
    assert json.loads((tmp_path / "asked").read_text()) == [
        {"image_id": "a", "test": "a dog", "refs": ["a dog"]}, {"image_id": "b", "test": "kites", "refs": ["kites"]},
        {"image_id": "\u0909", "test": "sea", "refs": ["sea", "the sea"]}]


@needs_shell
@pytest.mark.parametrize("script, why", {
    "dies with words": ("echo 'Exception in thread main' >&2; exit 1", "it is known to run: Exception in thread main"),
    "dies silently": ("exit 3", "ended with status 3"),
    "runs out of memory": ("echo 'java.lang.OutOfMemoryError: Java heap space' >&2; exit 1", "OutOfMemoryError"),
    "is killed": ("kill -9 $$", "ended with status -9"),
    "writes nothing": ("exit 0", "scores.json"),
    "writes rubbish": ("echo 0,5 > $scores", "its results can't be read"),
    "writes half of it": ("""echo '[{"image_id": "a"' > $scores""", "its results can't be read"),
    "forgets a photo": (f"echo '{spice_results(a=0.5)}' > $scores", "its results can't be read"),
    "writes words for scores": (f"echo '{spice_results(a='x', b='y')}' > $scores", "its results can't be read"),
    "never ends": ("exec sleep 100", "did not end within 2 s"),
    "is a script whose program never ends": ("sleep 100; exit 0", "did not end within 2 s"),
}.values())
def test_whatever_java_does_spice_ends_and_says_why(spice_with, script, why):
    scores = spice_with(script)
    [left_out] = scores.left_out
    assert left_out.startswith("SPICE failed") and why in left_out
    assert tuple(scores.values) == METRICS and scores["ROUGE-L"] == 1


@needs_shell
@pytest.mark.parametrize("metric", ["METEOR", "SPICE"])
def test_no_program_outlives_its_time(spice_with, stub_java, tmp_path, metric):
    """`java` may be a script that starts the real one, which goes on when only the script is ended."""
    script = f"sleep 1000 & echo $! > {tmp_path}/number; wait; exit 0"
    if metric == "SPICE":
        spice_with(script)
    else:
        (tmp_path / "package" / "meteor").mkdir()
        stub_java(script)
        score_captions({"a": ["a", "dog"]}, {"a": [["a", "dog"]]}, extra=["METEOR"])
    number = int((tmp_path / "number").read_text())
    assert not psutil.pid_exists(number) or psutil.Process(number).status() == psutil.STATUS_ZOMBIE


@needs_shell
def test_spice_is_left_out_if_memory_is_short(spice_with, monkeypatch):
    monkeypatch.setattr(java.psutil, "virtual_memory", lambda: SimpleNamespace(available=7_500_000_000))
    scores = spice_with("exit 1")
    assert scores.left_out == ("SPICE was left out: it may take 8 GB of memory, and 7.5 GB are free.",)
    assert tuple(scores.values) == METRICS


OPTIONS = "-Duser.language=it -Duser.country=IT -Duser.language.format=it -Xmx3m"


@with_java
@pytest.mark.parametrize("variable", ["_JAVA_OPTIONS", "JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS"])
def test_the_machines_options_for_java_reach_no_program_of_ours(monkeypatch, variable):
    """They would make decimal commas, and let Java take more memory or less than we allow."""
    monkeypatch.setenv(variable, OPTIONS)
    assert java.ptb_tokenize(["A dog."]) == [["a", "dog"]]


@pytest.mark.parametrize("kind", ["absent", "a stub that fails"])
def test_without_java_only_its_own_scores_are_missing(tmp_path, kind):
    if kind != "absent":
        (tmp_path / "java").write_text("#!/bin/sh\nexit 1\n")
        (tmp_path / "java").chmod(0o755)
    code = """
import json
from captioning.scoring import java
from captioning.scoring.scores import score_captions
captions, references = {"a": ["a", "dog"], "b": ["kites"]}, {"a": [["a", "dog"]], "b": [["two", "kites"]]}
scores = score_captions(captions, references, extra=["METEOR"])
try:
    score_captions(captions, references, tokenizer="ptb")
except java.NoJavaScore as reason:
    print(json.dumps([scores["ROUGE-L"], scores.left_out, str(reason)]))
"""
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env={"PATH": str(tmp_path)}, capture_output=True,
                            text=True)
    assert result.returncode == 0 and result.stderr == ""
    rouge, (left_out,), reason = json.loads(result.stdout)
    assert rouge > 0.5
    assert left_out.startswith("METEOR needs Java") and reason.startswith("The challenge's tokenizer (PTB) needs Java")
