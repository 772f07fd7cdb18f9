"""Imports TensorFlow without its greetings, and Keras without what it does not need here."""

import contextlib
import gc
import os
import shutil
import sys
import tempfile

# Keras imports these for scikit-learn's interface and for plots, which takes 1.1 s of processor time.
EXTRAS_OF_KERAS = "sklearn", "matplotlib"


@contextlib.contextmanager
def hushed():
    """Hides what compiled code writes to the error stream: no setting turns off all of TensorFlow's greetings.

    After an exception, what was hidden is shown. Later errors of TensorFlow are shown, its warnings are not.

    What is imported stays. So Python does not look for garbage in it, now or later, which saves 0.6 s here and 1 s when
    the program ends.
    """
    collects = gc.isenabled()
    gc.disable()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")      # read when TensorFlow is imported: errors only
    with tempfile.TemporaryFile() as hidden:
        kept = os.dup(2)
        os.dup2(hidden.fileno(), 2)
        try:
            yield
        except BaseException:
            os.dup2(kept, 2)
            hidden.seek(0)
            with open(2, "wb", closefd=False) as shown:
                shutil.copyfileobj(hidden, shown)
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            gc.freeze()
            if collects:
                gc.enable()


@contextlib.contextmanager
def modules_hidden(names):
    """Makes `import` find none of these modules while the block runs. Those that are imported already stay.

    Args:
        names: Of modules that a library imports only if they are installed.
    """
    hidden = [name for name in names if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))               # None: the module is not found
    try:
        yield
    finally:
        for name in hidden:
            sys.modules.pop(name, None)
