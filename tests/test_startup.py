"""TensorFlow starts without greetings, but no error is hidden; modules that were hidden are found again."""

import importlib
import os
import subprocess
import sys

import pytest

from captioning import startup


def test_hushed_hides_what_compiled_code_writes(capfd):
    with startup.hushed():
        os.write(2, b"a greeting")
    os.write(2, b"afterwards")
    assert capfd.readouterr().err == "afterwards"


def test_hushed_shows_everything_after_an_exception(capfd):
    with pytest.raises(ValueError, match="comes through"), startup.hushed():
        os.write(2, b"why it failed")
        raise ValueError("comes through")
    assert capfd.readouterr().err == "why it failed"


def test_hidden_modules_are_found_again_and_those_already_there_stay(monkeypatch):
    monkeypatch.delitem(sys.modules, "wave", raising=False)
    with startup.modules_hidden(["wave", "pytest"]):
        assert importlib.import_module("pytest") is pytest
        with pytest.raises(ImportError):
            importlib.import_module("wave")
    assert importlib.import_module("wave")


def test_keras_starts_without_its_extras_and_the_rest_of_the_project_finds_them():
    code = ("from captioning import startup\nwith startup.hushed(), startup.modules_hidden(startup.EXTRAS_OF_KERAS):\n"
            "    import keras\nimport sys\nprint('sklearn.base' in sys.modules, 'matplotlib.pyplot' in sys.modules)\n"
            "from captioning.datasets.splits import seeded_val_names\nprint(seeded_val_names(list('ab'), 1))")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.splitlines()[0] == "False False" and done.returncode == 0 and done.stderr == ""
