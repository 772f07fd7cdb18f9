"""Credentials come from the environment and stay out of settings and of other processes."""

import warnings
from pathlib import Path

from captioning.credentials import environment_without_credentials, grader_credentials
from captioning.settings import CREDENTIALS, Settings


def test_credentials_come_from_the_environment_and_stay_out_of_settings(monkeypatch):
    monkeypatch.setenv("CAPTION_GRADER_EMAIL", "a@b.example")
    monkeypatch.setenv("CAPTION_GRADER_TOKEN", "a-secret-token")
    assert grader_credentials() == ("a@b.example", "a-secret-token")
    with warnings.catch_warnings():
        warnings.simplefilter("error")          # they are not misspelt settings
        assert "secret" not in repr(Settings.from_environment())


def test_other_peoples_code_gets_the_settings_without_the_credentials(monkeypatch):
    for name in (*CREDENTIALS, "CAPTION_EPOCHS", "CAPTION_OUTPUT_DIR"):
        monkeypatch.setenv(name, "3")
    found = environment_without_credentials(output_dir=Path("there"))
    assert not set(CREDENTIALS) & set(found)
    assert (found["CAPTION_EPOCHS"], found["CAPTION_OUTPUT_DIR"], "PATH" in found) == ("3", "there", True)
