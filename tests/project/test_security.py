"""Nothing from outside runs: no pickle, no eval, no shell, no markup. Checked on the sources."""

import ast
import re
from html.parser import HTMLParser

import pytest
from PIL import Image

from captioning.figures.live import TrainingPicture
from captioning.grading import service
from captioning.grading.parts import PARTS
from captioning.grading.report import Problem
from captioning.grading.verdicts import Verdict
from captioning.scoring.scores import score_captions
from captioning.scoring.table import ScoreTable
from course import project_files
from tests.helpers import ROOT

SOURCES = [ROOT / name for name in project_files.names() if name.endswith(".py")]
OURS = [path for path in SOURCES                        # tests and benchmarks run the course's own cells
        if path.relative_to(ROOT).parts[0] not in ("tests", "benchmarks")]

# Modules that run what they read, or that exist to run code.
MODULES = {"pickle", "cPickle", "_pickle", "cloudpickle", "dill", "joblib", "shelve", "marshal", "code", "runpy", "imp"}
# Calls that run text, start a shell, unpack without checks, or load files that may hold code.
CALLS = {"eval", "exec", "compile", "__import__", "system", "popen", "extractall", "extract", "unpack_archive",
         "load_model", "mktemp", "unsafe_load", "enable_unsafe_deserialization"}
CALLS_BUT = {"re.compile", "model.compile", "platform.system"}
# Arguments that switch off a protection, with that value.
ARGUMENTS = {("shell", True), ("allow_pickle", True), ("safe_mode", False), ("verify", False), ("weights_only", False)}


def dangers(source: str) -> list[str]:
    """What a source uses of the lists above, with line numbers."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
            found += [f"{node.lineno}: imports {name}" for name in names if name.split(".")[0] in MODULES]
        elif isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            if name.split(".")[-1] in CALLS and name not in CALLS_BUT:
                found.append(f"{node.lineno}: calls {name}")
            found += [f"{node.lineno}: {keyword.arg}={keyword.value.value}" for keyword in node.keywords
                      if isinstance(keyword.value, ast.Constant) and (keyword.arg, keyword.value.value) in ARGUMENTS]
    return found


def test_no_source_runs_what_it_reads():
    assert len(OURS) > 20
    assert {str(path.relative_to(ROOT)): found for path in OURS if (found := dangers(path.read_text("utf-8")))} == {}


@pytest.mark.parametrize("source", [
    "import pickle", "from pickle import loads", "import joblib.x", "eval(x)", "a.b.exec(x)", "os.system('ls')",
    "np.load(f, allow_pickle=True)", "run('ls', shell=True)", "keras.models.load_model(f)", "z.extractall()",
    "requests.get(u, verify=False)", "compile(x, '', 'exec')",
])
def test_the_check_of_the_sources_sees_what_it_should(source):
    assert dangers(source) and not dangers("import re\nre.compile('a')\nnp.load(f, allow_pickle=False)")


def test_only_the_settings_and_the_credentials_come_from_the_environment():
    """Others may set or remove variables that a library reads, and look at them: how TensorFlow computes, who connects.

    What runs other programs hands on the environment, without what does not belong there.
    """
    readers = {path.relative_to(ROOT).as_posix() for path in OURS for line in path.read_text("utf-8").splitlines()
               if re.search(r"\benviron\b(?!\.setdefault\(|\.pop\(| \|= |\[[^]]*\] = )|\bgetenv\b", line.split("#")[0])}
    of_libraries = {"captioning/frameworks.py", "captioning/datasets/transfer/proxies.py"}
    of_programs = {"course/sandbox.py", "captioning/scoring/java.py"}
    assert readers == {"captioning/settings.py", "captioning/credentials.py"} | of_libraries | of_programs


# ------------------------------------------------------------------------------------------------ HTML

HOSTILE = "<img src=x onerror=alert(1)>\"'><script>alert(1)</script>&amp;{{7*7}}"


class Tags(HTMLParser):
    """Finds the elements of a page, with the names of their attributes."""

    def __init__(self, page):
        super().__init__()
        self.seen = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attributes):
        """Notes an element."""
        self.seen.append((tag, *(name for name, _ in attributes)))


def picture(text):
    """The page of the training picture with a text from outside."""
    return TrainingPicture(Image.new("RGB", (8, 8))).table([{"epoch": text, "caption": text}])


def scores(text):
    """The page of a table of scores with a text from outside."""
    found = score_captions({"a": ["cat"], "b": ["dog"]}, {"a": [["cat"]], "b": [["dog"]]}, text, text)
    return ScoreTable({text: found})._repr_html_()


def verdict(text):
    """The page of a check's verdict with a text from outside."""
    part = next(iter(PARTS.values()))
    return Verdict(part, (Problem(text, text, text),), text, text)._repr_html_()


def receipt(text):
    """The page of the service's answer with a text from outside."""
    return service.Receipt(False, text)._repr_html_()


@pytest.mark.parametrize("page", [picture, scores, verdict, receipt])
def test_text_from_outside_adds_no_element_to_what_a_notebook_shows(page):
    hostile = page(HOSTILE)
    assert Tags(hostile).seen == Tags(page("plain")).seen
    assert "&lt;img src=x onerror=alert(1)&gt;" in hostile
