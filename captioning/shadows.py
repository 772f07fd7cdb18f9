"""Files in the project's folder that would be imported in place of a module that the project needs."""

import sys
from pathlib import Path

PACKAGES = {"h5py", "ipywidgets", "jinja2", "keras", "matplotlib", "numpy", "PIL", "psutil", "requests", "scipy",
            "sklearn", "tensorflow", "tqdm"}
NOT_NEEDED = {"antigravity", "test", "this"}        # modules of Python that nothing imports


def require_no_shadows(folder: Path):
    """Checks that no file of a folder that stands in `sys.path` has the name of a module of Python or of PACKAGES.

    Args:
        folder: the project's folder.

    Raises:
        ImportError: one has. The message names it.
    """
    hidden = (sys.stdlib_module_names | PACKAGES) - NOT_NEEDED
    for path in sorted(folder.glob("*.py")):
        if path.stem in hidden:
            raise ImportError(f"{path} hides the module `{path.stem}`, which the project needs. Give your file another "
                              "name, and restart the kernel.")
