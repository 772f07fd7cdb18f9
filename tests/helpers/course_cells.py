"""Gives tests what the course's cells define, without running the notebook."""

import ast
import re
from types import SimpleNamespace


def code_cells() -> list[str]:
    """Sources of the solved notebook's code cells."""
    from course import build

    return [cell.source for cell in build.build(student=False).cells if cell.cell_type == "code"]


def solution_lines() -> set[str]:
    """Lines of the solutions that are long enough to be recognised."""
    from course import build

    solutions = [m[0] for m in build.SOLUTION.finditer(build.SOURCE.read_text("utf-8"))]
    lines = {line.strip() for solution in solutions for line in solution.splitlines() if len(line.strip()) > 12}
    assert len(solutions) == 7 and len(lines) > 20
    return lines - {"# BEGIN SOLUTION", "# END SOLUTION"}


def define(cells, *names, **given):
    """Runs some of the course's cells.

    Args:
        cells: sources of the code cells.
        *names: for each name, the first cell that defines it runs, then those that add attributes to it.
        **given: names that these cells need from earlier ones.

    Returns:
        A namespace with what the cells define.
    """
    import keras
    import numpy as np
    import tensorflow as tf
    from keras import layers, ops

    import keras_utils
    import utils

    scope = {"keras": keras, "np": np, "tf": tf, "L": layers, "ops": ops, "utils": utils, "keras_utils": keras_utils,
             "IMG_EMBED_SIZE": 2048, "train_captions": [["a cat"]], **given}
    exec("import re\nfrom collections import Counter", scope)
    for name in names:
        defines, adds = (re.compile(rf"^(def {name}\(|class {name}:|{name} = )", re.MULTILINE),
                         re.compile(rf"^{name}\.\w+ = ", re.MULTILINE))
        for source in (next(filter(defines.search, cells)), *filter(adds.search, cells)):
            exec(_definitions(source), scope)
    return SimpleNamespace(**scope)


def _definitions(source: str) -> str:
    """A cell's functions, classes and constants, without the calls that show results."""
    module = ast.parse(source)
    kinds = (ast.FunctionDef, ast.ClassDef, ast.Assign)
    module.body = [node for node in module.body if isinstance(node, kinds) and "writer" not in ast.unparse(node)[:6]]
    return ast.unparse(module)
