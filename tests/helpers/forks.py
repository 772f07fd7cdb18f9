"""Processes that begin with TensorFlow loaded: a new Python takes five seconds of processor time for that."""

import multiprocessing.util
import os
import sys

# The server of forks loads modules but computes nothing, so each process makes TensorFlow's threads for itself.
METHOD = multiprocessing.get_context("forkserver" if sys.platform == "linux" else "spawn")
METHOD.set_forkserver_preload(["captioning.decoder.trainer", "pytest"])
multiprocessing.util.get_temp_dir()     # for its socket; made now, before tests have a temporary folder of their own


def started(function, *arguments) -> multiprocessing.Process:
    """A process that runs a function of a module, without output."""
    process = METHOD.Process(target=_run_silently, args=(function, *arguments))
    process.start()
    return process


def _run_silently(function, *arguments):
    with open(os.devnull, "w") as nowhere:
        for stream in (1, 2):
            os.dup2(nowhere.fileno(), stream)
    function(*arguments)
