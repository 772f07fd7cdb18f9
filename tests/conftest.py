"""What several tests share: a small drawn world, and the solutions as the course's source has them."""

import ast
import os
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "course"))
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
for variable in [v for v in os.environ if v.startswith("CAPTION_")]:
    del os.environ[variable]            # a developer's own settings are no part of the tests

SAMPLE = ROOT.parent / "shared" / "coco_sample"     # real photos; where they are absent, tests that use them skip


@pytest.fixture(scope="session")
def small_world(tmp_path_factory):
    """Folder of a drawn world of 48 + 16 scenes."""
    import drawn_world

    folder = tmp_path_factory.mktemp("world")
    drawn_world.render_dataset(folder, n_train=48, n_val=16, workers=1, progress=False)
    return folder


@pytest.fixture(scope="session")
def course():
    """Makes what the course's cells define: course("split_sentence", "generate_vocabulary") -> namespace.

    Each name stands for the first cell of the solved notebook that defines it. Further keyword arguments are names
    that the cells need from earlier ones.
    """
    import build

    cells = [cell.source for cell in build.build(student=False).cells if cell.cell_type == "code"]

    def define(*names, **given):
        import keras
        import numpy as np
        import tensorflow as tf
        from keras import layers, ops

        import utils

        scope = {"keras": keras, "np": np, "tf": tf, "L": layers, "ops": ops, "utils": utils,
                 "IMG_EMBED_SIZE": 2048, "train_captions": [["a cat"]], **given}
        exec("import re\nfrom collections import Counter", scope)
        for name in names:
            source = next(c for c in cells if f"def {name}(" in c or f"class {name}:" in c)
            exec(_definitions(source), scope)
        return SimpleNamespace(**scope)

    return define


def _definitions(source: str) -> str:
    """A cell's functions, classes and constants: without calls that show something of the notebook's own run."""
    module = ast.parse(source)
    kinds = (ast.FunctionDef, ast.ClassDef, ast.Assign)
    module.body = [node for node in module.body if isinstance(node, kinds) and "writer" not in ast.unparse(node)[:6]]
    return ast.unparse(module)
