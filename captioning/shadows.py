"""Files in the project's folder that would be imported in place of a module that the project needs.

This runs before all else, so it imports only what Python itself has loaded already.
"""

import os
import sys

PACKAGES = {"h5py", "ipywidgets", "jinja2", "keras", "matplotlib", "numpy", "PIL", "psutil", "requests", "scipy",
            "sklearn", "tensorflow", "tqdm"}
NOT_NEEDED = {"antigravity", "test", "this"}        # modules of Python that nothing imports


def require_no_shadows(folder: str):
    """Checks that no file of a folder that stands in `sys.path` has the name of a module of Python or of PACKAGES.

    Args:
        folder: the project's folder.

    Raises:
        ImportError: one has. The message names it.
    """
    hidden = (sys.stdlib_module_names | PACKAGES) - NOT_NEEDED
    for file in sorted(os.listdir(folder)):
        name, ending = os.path.splitext(file)
        if ending == ".py" and name in hidden:
            raise ImportError(f"{os.path.join(folder, file)} hides the module `{name}`, which the project needs. Give "
                              "your file another name. If a notebook is open, restart its kernel too.")
