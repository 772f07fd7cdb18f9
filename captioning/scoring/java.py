"""The scores of the MSCOCO challenge that need Java: its tokenizer (PTB), METEOR and SPICE.

Nothing else in this project needs Java. Whatever is missing raises NoJavaScore, whose message is one sentence that
says what to do; scores.score_captions is the way to use what is here. The jars are pycocoevalcap's own.
"""

import math
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import psutil
import pycocoevalcap
from pycocoevalcap.meteor.meteor import Meteor
from pycocoevalcap.spice import get_stanford_models
from pycocoevalcap.spice.spice import Spice
from pycocoevalcap.tokenizer.ptbtokenizer import PUNCTUATIONS, STANFORD_CORENLP_3_4_1_JAR

PACKAGE = Path(pycocoevalcap.__path__[0])
METEOR_MEMORY = 2_000_000_000           # bytes that its Java may take
TIMEOUT = 600               # seconds for the tokenizer: MSCOCO's million captions take it about ten
Sentences = Mapping[str, Sequence[str]]


class NoJavaScore(OSError):
    """A score that this machine can't give; the message says why."""


def require_java(purpose: str) -> None:
    """Raises NoJavaScore where no Java runs. purpose: what it is needed for, the subject of the message."""
    try:                    # run, not looked for: macOS has a `java` that only says where to get one
        subprocess.run(["java", "-version"], capture_output=True, check=True, timeout=60)
    except (OSError, subprocess.SubprocessError):
        raise NoJavaScore(f"{purpose} needs Java, and there is no `java` to run here: install a Java runtime, "
                          "version 8 or later, to have it.") from None


def ptb_tokenize(sentences: Sequence[str]) -> list[list[str]]:
    """Words of each sentence as the MSCOCO challenge cuts them: Stanford's PTB tokenizer, lower case, no punctuation.

    pycocoevalcap's PTBTokenizer does the same by way of a file in its own package, which may be read-only.
    Raises NoJavaScore.
    """
    require_java("The challenge's tokenizer (PTB)")
    command = ["java", "-cp", str(PACKAGE / "tokenizer" / STANFORD_CORENLP_3_4_1_JAR),
               "edu.stanford.nlp.process.PTBTokenizer", "-preserveLines", "-lowerCase", "-encoding", "UTF-8"]
    lines = [" ".join(sentence.split()) for sentence in sentences]          # one line each, whatever was in it
    try:
        result = subprocess.run(command, input="\n".join(lines) + "\n", capture_output=True, encoding="utf-8",
                                check=True, timeout=TIMEOUT)
    except (OSError, subprocess.SubprocessError) as error:
        raise NoJavaScore(f"The challenge's tokenizer (PTB) failed: {_last_line(error)}") from None
    tokenized = result.stdout.split("\n")[:-1]
    if len(tokenized) != len(lines):
        raise NoJavaScore(f"The challenge's tokenizer (PTB) gave {len(tokenized)} lines for {len(lines)} sentences.")
    return [[word for word in line.split(" ") if word and word not in PUNCTUATIONS] for line in tokenized]


def meteor(references: Sentences, captions: Sentences) -> tuple[float, np.ndarray]:
    """METEOR 1.5 (Denkowski and Lavie 2014) of the corpus, which is not the photos' mean, and of each photo, (N,).

    Both name -> tokenized sentences, one for a caption, in the same order. Java takes about 1.1 GB and ten seconds for
    its table of paraphrases.  Raises NoJavaScore, also where so little memory is left that a notebook might be killed.
    """
    require_java("METEOR")
    left = psutil.virtual_memory().available
    if left < METEOR_MEMORY:
        raise NoJavaScore(f"METEOR was left out: it may take {METEOR_MEMORY / 1e9:.0f} GB of memory, and "
                          f"{left / 1e9:.1f} GB are free.")
    try:
        corpus, each = Meteor().compute_score(references, captions)
    except (OSError, ValueError) as error:      # a Java that died answers nothing, which is no number
        raise NoJavaScore(f"METEOR failed, perhaps for want of memory (it may take 2 GB): {error}") from None
    return corpus, np.asarray(each)


def spice(references: Sentences, captions: Sentences) -> tuple[float, np.ndarray]:
    """SPICE (Anderson et al. 2016), arguments and result as for `meteor`; the corpus is the mean of the photos.

    Its parser is not in the package. pycocoevalcap would fetch it unasked (400 MB, by plain HTTP, without a digest);
    here it is only used if it is there already.  Raises NoJavaScore.
    """
    library = PACKAGE / "spice" / get_stanford_models.SPICELIB
    jars = [library / f"{get_stanford_models.JAR}{kind}.jar" for kind in ("", "-models")]
    if not all(jar.is_file() for jar in jars):
        raise NoJavaScore(f"SPICE needs {jars[0].name} and {jars[1].name} of Stanford CoreNLP: put them into the "
                          "folder spice/lib of the installed pycocoevalcap to have it.")
    require_java("SPICE")
    try:
        _, each = Spice().compute_score(references, captions)
    except (OSError, subprocess.SubprocessError) as error:
        raise NoJavaScore(f"SPICE failed (it is known to run on Java 8): {error}") from None
    each = np.array([scores["All"]["f"] for scores in each])
    each = np.where(np.isnan(each), 0, each)    # nothing to compare on either side
    return float(each.mean()) if len(each) else math.nan, each


def _last_line(error: Exception) -> str:
    lines = (getattr(error, "stderr", None) or "").strip().splitlines()
    return lines[-1] if lines else str(error)
