"""A file of a learner that hides a module is named, whatever would have failed, by each way to start."""

import shutil
import subprocess
import sys

import pytest

from course import project_files
from tests.helpers import ROOT


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A copy of the project's modules."""
    folder = tmp_path_factory.mktemp("project")
    for name in project_files.names():
        if name.startswith(("captioning/", "course/", "benchmarks/")) or ("/" not in name and name.endswith(".py")):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    return folder


COMMANDS = {"a notebook": ["-c", "import utils"], "caption.py": ["caption.py", "photo.jpg"], "app.py": ["app.py"],
            "download_utils.py": ["download_utils.py", "--list"],
            "course": ["-m", "course.execute", "given.ipynb", "done.ipynb"], "benchmarks": ["-m", "benchmarks.scores"],
            "settings": ["-m", "captioning.settings"]}


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
@pytest.mark.parametrize("name", ["random", "argparse", "pathlib", "select", "keras", "PIL", "code"])
def test_a_file_that_hides_a_module_is_named(project, name, command):
    (project / f"{name}.py").write_text("x = 1\n")
    done = subprocess.run([sys.executable, *command], cwd=project, env={"PYTHONPATH": str(project)},
                          capture_output=True, text=True)
    (project / f"{name}.py").unlink()
    assert f"ImportError: {project / name}.py hides the module `{name}`" in done.stderr.splitlines()[-1]


def test_other_files_hide_nothing(project):
    for name in ("test.py", "my_helpers.py", "random.ipynb"):
        (project / name).write_text("x = 1\n")
    subprocess.run([sys.executable, "-c", "import utils"], cwd=project, env={"PYTHONPATH": str(project)}, check=True)
