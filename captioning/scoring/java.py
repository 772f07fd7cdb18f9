"""The scores of the MSCOCO challenge that need Java: its tokenizer (PTB), METEOR and SPICE.

Nothing else in the project needs Java. If something is missing, NoJavaScore says in one sentence what to do. The jars
are those of pycocoevalcap. Call these functions through `scores.score_captions`.
"""

import contextlib
import json
import math
import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import psutil
import pycocoevalcap
from pycocoevalcap.meteor.meteor import METEOR_JAR
from pycocoevalcap.spice import get_stanford_models
from pycocoevalcap.spice.spice import SPICE_JAR
from pycocoevalcap.tokenizer.ptbtokenizer import PUNCTUATIONS, STANFORD_CORENLP_3_4_1_JAR

PACKAGE = Path(pycocoevalcap.__path__[0])
METEOR_MEMORY, SPICE_MEMORY = 2_000_000_000, 8_000_000_000      # bytes that Java may take for them
TIMEOUT = 600                           # seconds for a program; the tokenizer takes about ten for MSCOCO's captions
SPICE_SECONDS = 0.1                     # more for each sentence that SPICE parses
# Otherwise numbers may come with a decimal comma, and letters beyond ASCII may get lost.
ENGLISH = [f"-Duser.{name}{kind}={value}" for name, value in (("language", "en"), ("country", "US"))
           for kind in ("", ".format")] + ["-Dfile.encoding=UTF-8"]
OVERRIDES = ("_JAVA_OPTIONS", "JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS")      # of the locale, of the limit on memory
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
        subprocess.run(["java", "-version"], env=_environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                       check=True, timeout=60)
    except (OSError, subprocess.SubprocessError):
        raise NoJavaScore(f"{purpose} needs Java, but `java` does not run on this machine. Install a Java runtime, "
                          "version 8 or later.") from None


def require_memory(metric: str, most: int) -> None:
    """Raises NoJavaScore if less memory is free than a metric's program may take. most: bytes."""
    free = psutil.virtual_memory().available
    if free < most:
        raise NoJavaScore(f"{metric} was left out: it may take {most / 1e9:.0f} GB of memory, and {free / 1e9:.1f} GB "
                          "are free.")


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
    purpose = "The challenge's tokenizer (PTB)"
    require_java(purpose)
    program = ["-cp", str(PACKAGE / "tokenizer" / STANFORD_CORENLP_3_4_1_JAR), "edu.stanford.nlp.process.PTBTokenizer",
               "-preserveLines", "-lowerCase", "-encoding", "UTF-8"]
    lines = [" ".join(sentence.split()) for sentence in sentences]          # one line each
    text = "\n".join(lines) + "\n"
    try:
        output = _output(program, PACKAGE, TIMEOUT, text.encode("utf-8", "replace")).decode("utf-8", "replace")
    except OSError as error:
        raise NoJavaScore(f"{purpose} failed: {error}") from None
    tokenized = output.split("\n")[:-1]
    if len(tokenized) != len(lines):
        raise NoJavaScore(f"{purpose} failed: it returned {len(tokenized)} lines for {len(lines)} sentences.")
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
    require_memory("METEOR", METEOR_MEMORY)
    program = [f"-Xmx{METEOR_MEMORY // 10**6}m", "-jar", METEOR_JAR, "-", "-", "-stdio", "-l", "en", "-norm",
               "-a", "data/paraphrase-en.gz"]               # by itself METEOR does not find it in a path with a space
    try:
        with _conversation(program, PACKAGE / "meteor") as (ask, answer):
            statistics = []
            for name, (caption,) in captions.items():
                ask(" ||| ".join(["SCORE", *references[name], caption.replace("|||", "").replace("  ", " ")]))
                statistics.append(answer())
            ask(" ||| ".join(["EVAL", *statistics]))
            each = [float(answer()) for _ in captions]
            return float(answer()), np.asarray(each)
    except (OSError, ValueError) as error:
        raise NoJavaScore(f"METEOR failed. Perhaps memory ran out (it may take 2 GB): {error}") from None


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
    require_memory("SPICE", SPICE_MEMORY)
    asked = [{"image_id": name, "test": caption, "refs": list(references[name])}
             for name, (caption,) in captions.items()]
    sentences = len(asked) + sum(map(len, references.values()))
    try:
        found = _spice_scores(asked, TIMEOUT + SPICE_SECONDS * sentences)
        # NaN: neither the caption nor the references say anything to compare.
        each = np.nan_to_num(np.array([found[name] for name in captions], np.float64))
    except (OSError, ValueError, TypeError, KeyError) as error:
        reason = error if isinstance(error, OSError) else "its results can't be read"
        raise NoJavaScore(f"SPICE failed. Try Java 8, with which it is known to run: {reason}") from None
    return float(each.mean()) if len(each) else math.nan, each


def _spice_scores(asked: list[dict], seconds: float) -> dict[str, float | None]:
    """The F score of each photo, as SPICE's program writes it. asked: what the program reads."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        given, written = Path(folder) / "captions.json", Path(folder) / "scores.json"
        given.write_text(json.dumps(asked), encoding="utf-8")
        _output([f"-Xmx{SPICE_MEMORY // 10**6}m", "-jar", SPICE_JAR, str(given), "-out", str(written), "-subset",
                 "-silent"], PACKAGE / "spice", seconds)
        results = json.loads(written.read_bytes())
    return {result["image_id"]: result["scores"]["All"]["f"] for result in results}


def _started(program: list[str], folder: Path, **streams) -> subprocess.Popen:
    """Starts a Java program in an English locale, with the limits that its arguments name. streams: those of Popen."""
    return subprocess.Popen(["java", *ENGLISH, *program], cwd=folder, env=_environment(), **streams)


def _environment() -> dict[str, str]:
    """The environment without variables that would override a program's arguments."""
    return {name: text for name, text in os.environ.items() if name not in OVERRIDES}


def _output(program: list[str], folder: Path, seconds: float, text: bytes = b"") -> bytes:
    """Runs a Java program to its end and returns what it wrote.

    Its streams are files: no pipe can keep us waiting.

    Args:
        program: its arguments for Java.
        folder: where it runs.
        seconds: after which it is ended.
        text: what it reads.

    Raises:
        OSError: it failed or took too long. The message is its last complaint.
    """
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors:
        given.write(text)
        given.seek(0)
        process = _started(program, folder, stdin=given, stdout=out, stderr=errors)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise OSError(f"it did not end within {seconds:,.0f} s") from None
        finally:
            _end(process)
        if process.returncode:
            raise OSError((_complaints(errors) or [f"it ended with status {process.returncode}"])[-1])
        out.seek(0)
        return out.read()


@contextlib.contextmanager
def _conversation(program: list[str], folder: Path) -> Iterator[tuple[Callable[[str], None], Callable[[], str]]]:
    """Runs a Java program that answers lines with lines, for TIMEOUT seconds at most.

    Args:
        program: its arguments for Java.
        folder: where it runs.

    Yields:
        (ask, answer): functions that send a line and read one. They raise OSError, with what the program
        complained of first, if it has ended or its time is over.
    """
    with tempfile.TemporaryFile() as errors, _started(
            program, folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors) as process:
        watchdog = threading.Timer(TIMEOUT, _end, [process])
        deadline = time.monotonic() + TIMEOUT

        def failure() -> OSError:
            if time.monotonic() >= deadline:            # whatever it complained of, it did not end by that
                return OSError(f"it gave no answer within {TIMEOUT} s")
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(5)                         # it may still be complaining
            _end(process)
            return OSError((_complaints(errors) or [f"it ended with status {process.returncode}"])[0])

        def ask(line: str):
            try:
                process.stdin.write(f"{line}\n".encode("utf-8", "replace"))
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
            _end(process)
            with contextlib.suppress(OSError):          # of what was not sent yet
                process.stdin.close()


def _end(process: subprocess.Popen):
    """Ends a program, then those that it started: `java` may be a script that starts the real one."""
    started = []
    if process.poll() is None:
        with contextlib.suppress(psutil.Error):
            started = psutil.Process(process.pid).children(recursive=True)
    process.kill()          # first: a script would go on when the program in it ends
    for each in started:
        with contextlib.suppress(psutil.Error):
            each.kill()
    process.wait()


def _complaints(errors) -> list[str]:
    """What a program wrote to its file of errors, without empty lines."""
    errors.seek(0)
    return [line for line in errors.read().decode(errors="replace").splitlines() if line.strip()]
