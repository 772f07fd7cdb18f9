"""The scores of the MSCOCO challenge that need Java: its tokenizer (PTB), METEOR and SPICE.

Nothing else in the project needs Java. If something is missing, NoJavaScore says in one sentence what to do. The jars
are those of pycocoevalcap. Call these functions through `scores.score_captions`.
"""

import contextlib
import math
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import psutil
import pycocoevalcap
from pycocoevalcap.meteor.meteor import METEOR_JAR
from pycocoevalcap.spice import get_stanford_models
from pycocoevalcap.spice.spice import Spice
from pycocoevalcap.tokenizer.ptbtokenizer import PUNCTUATIONS, STANFORD_CORENLP_3_4_1_JAR

PACKAGE = Path(pycocoevalcap.__path__[0])
METEOR_MEMORY = 2_000_000_000           # bytes that METEOR's Java may take
TIMEOUT = 600                           # seconds for a program; the tokenizer takes about ten for MSCOCO's captions
ENGLISH = ("-Duser.language=en", "-Duser.country=US")       # else numbers may come with a decimal comma
Sentences = Mapping[str, Sequence[str]]         # photo name -> strings of words with one space between


class NoJavaScore(OSError):
    """This machine can't compute a score. The message says why."""


def require_java(purpose: str) -> None:
    """Checks that Java runs.

    Args:
        purpose: what needs Java, the subject of the message.

    Raises:
        NoJavaScore: it does not run.
    """
    try:                    # a `java` on the path is not enough: on macOS it may only say where to get Java
        subprocess.run(["java", "-version"], capture_output=True, check=True, timeout=60)
    except (OSError, subprocess.SubprocessError):
        raise NoJavaScore(f"{purpose} needs Java, but `java` does not run on this machine. Install a Java runtime, "
                          "version 8 or later.") from None


def ptb_tokenize(sentences: Sequence[str]) -> list[list[str]]:
    """Splits sentences as the MSCOCO challenge does: Stanford's PTB tokenizer, lower case, without punctuation.

    pycocoevalcap's PTBTokenizer does the same, but writes a file into its own package, which may be read-only.

    Args:
        sentences: any text; a line break counts as a space.

    Returns:
        The words of each sentence.

    Raises:
        NoJavaScore: Java is missing, or the tokenizer failed.
    """
    require_java("The challenge's tokenizer (PTB)")
    command = ["java", *ENGLISH, "-cp", str(PACKAGE / "tokenizer" / STANFORD_CORENLP_3_4_1_JAR),
               "edu.stanford.nlp.process.PTBTokenizer", "-preserveLines", "-lowerCase", "-encoding", "UTF-8"]
    lines = [" ".join(sentence.split()) for sentence in sentences]          # one line each
    try:
        result = subprocess.run(command, input="\n".join(lines) + "\n", capture_output=True, encoding="utf-8",
                                check=True, timeout=TIMEOUT)
    except (OSError, subprocess.SubprocessError) as error:
        raise NoJavaScore(f"The challenge's tokenizer (PTB) failed: {_last_line(error)}") from None
    tokenized = result.stdout.split("\n")[:-1]
    if len(tokenized) != len(lines):
        raise NoJavaScore(f"The challenge's tokenizer (PTB) failed: it returned {len(tokenized)} lines for "
                          f"{len(lines)} sentences.")
    return [[word for word in line.split(" ") if word and word not in PUNCTUATIONS] for line in tokenized]


def meteor(references: Sentences, captions: Sentences) -> tuple[float, np.ndarray]:
    """Computes METEOR 1.5 (Denkowski and Lavie 2014, https://aclanthology.org/W14-3348).

    Java takes about 1.1 GB and ten seconds to read METEOR's table of paraphrases.

    Args:
        references: photo name -> strings of words.
        captions: photo name -> one string of words, for the same photos in the same order.

    Returns:
        The score of the corpus, which is not the mean of the photos, and (N,) scores of the photos.

    Raises:
        NoJavaScore: Java is missing or failed, or so little memory is free that a notebook might be killed.
    """
    require_java("METEOR")
    free = psutil.virtual_memory().available
    if free < METEOR_MEMORY:
        raise NoJavaScore(f"METEOR was left out: it may take {METEOR_MEMORY / 1e9:.0f} GB of memory, and "
                          f"{free / 1e9:.1f} GB are free.")
    folder = PACKAGE / "meteor"
    command = ["java", *ENGLISH, f"-Xmx{METEOR_MEMORY // 10**6}m", "-jar", METEOR_JAR, "-", "-", "-stdio", "-l", "en",
               "-norm", "-a", "data/paraphrase-en.gz"]      # by itself METEOR does not find it in a path with a space
    try:
        with _conversation(command, folder) as (ask, answer):
            statistics = []
            for name, (caption,) in captions.items():
                ask(" ||| ".join(["SCORE", *references[name], caption.replace("|||", "").replace("  ", " ")]))
                statistics.append(answer())
            ask(" ||| ".join(["EVAL", *statistics]))
            each = [float(answer()) for _ in captions]
            return float(answer()), np.asarray(each)
    except (OSError, ValueError) as error:
        raise NoJavaScore(f"METEOR failed. Perhaps memory ran out (it may take 2 GB): {error}") from None


@contextlib.contextmanager
def _conversation(command: list[str], folder: Path) -> Iterator[tuple[Callable[[str], None], Callable[[], str]]]:
    """Runs a program that answers lines with lines, for TIMEOUT seconds at most.

    Args:
        command: the program and its arguments.
        folder: where it runs.

    Yields:
        (ask, answer): functions that send a line and read one. They raise OSError, with what the program
        complained of first, if it has ended or its time is over.
    """
    with tempfile.TemporaryFile() as errors, subprocess.Popen(
            command, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors) as process:
        watchdog = threading.Timer(TIMEOUT, process.kill)

        def failure() -> OSError:
            process.wait()
            errors.seek(0)
            said = [line for line in errors.read().decode(errors="replace").splitlines()
                    if line.strip() and not line.startswith("Picked up ")]      # its options, which Java names first
            return OSError(said[0] if said else f"it ended, or gave no answer within {TIMEOUT} s")

        def ask(line: str):
            try:
                process.stdin.write(f"{line}\n".encode())
                process.stdin.flush()
            except OSError:
                raise failure() from None

        def answer() -> str:
            line = process.stdout.readline()
            if not line:
                raise failure()
            return line.decode(errors="replace").strip()

        watchdog.start()
        try:
            yield ask, answer
        finally:
            watchdog.cancel()
            process.kill()
            with contextlib.suppress(OSError):          # of what was not sent yet
                process.stdin.close()


def spice(references: Sentences, captions: Sentences) -> tuple[float, np.ndarray]:
    """Computes SPICE (Anderson et al. 2016, https://arxiv.org/abs/1607.08822).

    SPICE needs a parser that is not in the package. pycocoevalcap would download it without asking (400 MB, over plain
    HTTP, without a checksum). This function uses it only if it is there already.

    Args:
        references: photo name -> strings of words.
        captions: photo name -> one string of words, for the same photos in the same order.

    Returns:
        The score of the corpus, which is the mean of the photos, and (N,) scores of the photos.

    Raises:
        NoJavaScore: the parser or Java is missing, or SPICE failed.
    """
    library = PACKAGE / "spice" / get_stanford_models.SPICELIB
    jars = [library / f"{get_stanford_models.JAR}{kind}.jar" for kind in ("", "-models")]
    if not all(jar.is_file() for jar in jars):
        raise NoJavaScore(f"SPICE needs {jars[0].name} and {jars[1].name} of Stanford CoreNLP. Put them into the "
                          "folder spice/lib of the installed pycocoevalcap.")
    require_java("SPICE")
    try:
        _, each = Spice().compute_score(references, captions)
    except (OSError, subprocess.SubprocessError) as error:
        raise NoJavaScore(f"SPICE failed. Try Java 8, with which it is known to run: {error}") from None
    each = np.array([scores["All"]["f"] for scores in each])
    each = np.where(np.isnan(each), 0, each)    # NaN: neither the caption nor the references say anything to compare
    return float(each.mean()) if len(each) else math.nan, each


def _last_line(error: Exception) -> str:
    """The last line that the process wrote to stderr, or else the error itself."""
    lines = (getattr(error, "stderr", None) or "").strip().splitlines()
    return lines[-1] if lines else str(error)
