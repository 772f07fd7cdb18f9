"""The house keeps its plan: what stands at the root, who imports whom, how long classes and functions are."""

import ast
import graphlib
import statistics

import pytest

from course import project_files
from tests.helpers import ROOT

ORDER = ("storage", "datasets", "photos", "encoder", "decoder", "decoding", "scoring", "figures", "gallery", "grading")
SOURCES = {name: (ROOT / name).read_text("utf-8") for name in project_files.names() if name.endswith(".py")}
TREES = {name: ast.parse(source) for name, source in SOURCES.items()}
PACKAGE = {name: tree for name, tree in TREES.items() if name.startswith("captioning/")}
NOTEBOOKS = ["course/going_further.py", "course/week6_final_project_image_captioning.py"]
RE_EXPORTS = ("utils.py", "keras_utils.py", "grading.py", "download_utils.py")

# Functions of more than 45 lines, and why they are not divided.
LONG = {}


def module_of(name: str) -> str:
    """captioning/a/b.py -> captioning.a.b"""
    return name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


MODULES = {module_of(name) for name in PACKAGE}


def imports_of(tree) -> set[str]:
    """Modules of the package that a module imports, also inside functions."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
    return found & MODULES - {"captioning"}


def place(module: str) -> int:
    """Where a module stands in the order; modules beside the folders come first."""
    _, *folders = module.split(".")
    return ORDER.index(folders[0]) if folders and folders[0] in ORDER else -1


def test_the_root_holds_what_people_look_for():
    assert len([name for name in SOURCES if "/" not in name]) <= 6


def test_a_folder_imports_only_those_before_it():
    backwards = [(name, module) for name, tree in PACKAGE.items() for module in imports_of(tree)
                 if place(module) > place(module_of(name)) and name != "captioning/__init__.py"]
    assert backwards == []


def test_no_module_imports_itself_by_way_of_others():
    graph = {module_of(name): imports_of(tree) - {module_of(name)} for name, tree in PACKAGE.items()}
    assert len(list(graphlib.TopologicalSorter(graph).static_order())) >= len(PACKAGE)


def test_the_package_does_not_need_what_stands_at_the_root():
    root = {name.removesuffix(".py") for name in SOURCES if "/" not in name} | {"course", "benchmarks", "tests"}
    for name, tree in PACKAGE.items():
        found = {node.module.split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        found |= {alias.name.split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.Import)
                  for alias in node.names}
        assert not found & root, name


@pytest.mark.parametrize("name", RE_EXPORTS)
def test_what_notebooks_import_is_listed_and_has_no_logic(name):
    """A docstring that names all, imports, and __all__; download_utils has its command line too."""
    docstring, *rest = TREES[name].body
    listed = next(ast.literal_eval(node.value) for node in rest if isinstance(node, ast.Assign))
    imported = [alias.name for node in rest if isinstance(node, ast.ImportFrom) for alias in node.names]
    assert [each for each in listed if each not in imported or each not in docstring.value.value] == []
    if name != "download_utils.py":
        assert {type(node) for node in rest} == {ast.ImportFrom, ast.Assign} and sorted(listed) == sorted(imported)


def test_the_notebooks_alone_say_where_modules_are():
    edits = [name for name, tree in TREES.items() for node in ast.walk(tree)
             if isinstance(node, ast.Attribute) and ast.unparse(node) == "sys.path"]
    assert edits == NOTEBOOKS
    marks = [f"noqa: {code}" for code in ("E402",)] + ["fmt: " + "skip"]
    assert [name for name, source in SOURCES.items() for mark in marks if mark in source] == []


def lengths(kind) -> dict[str, int]:
    """Lines of the classes or functions of the package, the course and the benchmarks, by file and name."""
    return {f"{name}:{node.name}": node.end_lineno - node.lineno + 1 for name, tree in TREES.items()
            if not name.startswith("tests/") and name not in NOTEBOOKS
            for node in ast.walk(tree) if isinstance(node, kind)}


def test_classes_and_functions_are_short():
    functions = lengths(ast.FunctionDef)
    assert {name: lines for name, lines in lengths(ast.ClassDef).items() if lines >= 200} == {}
    assert {name: lines for name, lines in functions.items() if lines > 45 and name not in LONG} == {}
    assert [name for name in LONG if functions[name] <= 45] == []
    assert statistics.median(functions.values()) <= 10
