"""What signs in to the course's grader, and the environment without it."""

import getpass
import os

from captioning.settings import CREDENTIALS, ENVIRONMENT_PREFIX


def grader_credentials() -> tuple[str, str]:
    """E-mail and submission token for the course's grader: from the environment, else asked for.

    No cell, file or message may hold the values. What is typed is not shown, because JupyterLab would keep it in the
    cell's output.

    Returns:
        E-mail and token. Either is empty if it was not given.
    """
    email, token = (os.environ.get(variable, "").strip() for variable in CREDENTIALS)
    email = email or getpass.getpass("E-mail of your course account (not shown): ").strip()
    token = token or getpass.getpass("Submission token (not shown): ").strip()
    return email, token


def environment_without_credentials(**settings) -> dict[str, str]:
    """The environment for a process that runs other people's code: without credentials, with these settings.

    Args:
        settings: Values by the names of the fields of `Settings`.

    Returns:
        Variables and their text.
    """
    ours = {ENVIRONMENT_PREFIX + name.upper(): str(value) for name, value in settings.items()}
    return {variable: text for variable, text in os.environ.items() if variable not in CREDENTIALS} | ours
