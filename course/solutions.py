"""Finds a learner's solutions in their notebook, and puts them into ours."""

import ast
import re
from dataclasses import dataclass, field

import nbformat
from IPython.core.inputtransformer2 import TransformerManager

from course import build

OWN = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef, ast.Assign, ast.AnnAssign)    # what we take over
SAVE = 'grader.save(settings.output_dir / "grades.json")'
TO_SCRATCH = "import os, pathlib\n\nos.chdir(pathlib.Path.home())"      # which is a scratch folder, see sandbox.py
DECODER = "decoder"                 # the exercise whose cells add tensors to this class, step by step
CHECK = re.compile(r"^grader\.check_.*(?:\n .*)*", re.MULTILINE)
CELL_MAGIC = re.compile(r"\A(\s*%%.*\n)+")


def assemble(learners, cell_timeout: float) -> nbformat.NotebookNode:
    """Puts a learner's solutions into our solved notebook.

    Args:
        learners: the learner's notebook.
        cell_timeout: time limit of each cell between the first exercise and the second last check, in seconds.

    Returns:
        Our notebook up to its last check, with the learner's solutions. It saves the points after each check.
    """
    solved, stubs = read_ours()
    exercises = exercises_of(stubs)
    checks = [number for number, cell in enumerate(solved.cells) if "grader.check_" in cell.source]
    theirs = _solutions_of(learners, stubs, checks[-1])
    cells, to_redo = [], None
    for number, cell in enumerate(solved.cells[:checks[-1] + 1]):
        sources = [cell.source]
        if number in exercises:
            to_redo = number
            if exercises[number] == DECODER:
                sources = _step_by_learner(stubs.cells[number].source, cell.source, theirs[DECODER])
            else:
                sources = _solved_by_learner(stubs.cells[number].source, exercises[number], theirs)
            if number == min(exercises):
                sources.insert(0, TO_SCRATCH)
        if number in checks:
            sources.append(SAVE)
            if to_redo is not None and exercises[to_redo] != DECODER:   # later cells use the results of our solution
                sources += [CHECK.sub("", source).rstrip() for source in code_of(solved.cells[to_redo:number + 1])]
            to_redo = None
        metadata = {"timeout": cell_timeout} if min(exercises) <= number <= checks[-2] else {}
        make = nbformat.v4.new_code_cell if cell.cell_type == "code" else nbformat.v4.new_markdown_cell
        cells += [make(source, metadata=dict(metadata)) for source in sources]
    solved.cells = cells
    return solved


def before_exercises() -> nbformat.NotebookNode:
    """Our solved notebook up to the first exercise."""
    solved, stubs = read_ours()
    solved.cells = solved.cells[:min(exercises_of(stubs))]
    return solved


def read_ours() -> list[nbformat.NotebookNode]:
    """Our solved notebook and the student notebook, whose cells correspond."""
    return [nbformat.read(path, as_version=4) for path in (build.SOLVED, build.STUDENT)]


def exercises_of(stubs: nbformat.NotebookNode) -> dict[int, str]:
    """Finds the exercises of the student notebook: {number of the cell: name that it must define or add to}."""
    unsolved = {number: cell.source for number, cell in enumerate(stubs.cells)
                if "raise NotImplementedError" in cell.source}
    return {number: (re.search(r"^def (\w+)", source, re.MULTILINE) or ["", DECODER])[1]
            for number, source in unsolved.items()}


def code_of(cells) -> list[str]:
    """Sources of the code cells."""
    return [cell.source for cell in cells if cell.cell_type == "code"]


# ------------------------------------------------------------------------------------------- what the learner wrote

@dataclass
class Solution:
    """What a learner wrote for an exercise.

    Attributes:
        own: the learner's statements that it may need.
        text: the definition itself; None if there is none. The decoder's tensors have many: they are in `own`.
        tensors: those of the decoder, such as "decoder.h0".
    """

    own: list[str] = field(default_factory=list)
    text: str | None = None
    tensors: set[str] = field(default_factory=set)


def _solutions_of(learners, stubs, last_check: int) -> dict[str, Solution]:
    """Finds the learner's solution for each name that an exercise asks for."""
    ours = {name for source in code_of(stubs.cells[:last_check]) for bound, _ in _statements(source) for name in bound}
    handed_out = set(code_of(stubs.cells))
    changed = [source for source in code_of(learners.cells) if source not in handed_out]
    return _find_solutions(changed, list(dict.fromkeys(exercises_of(stubs).values())), ours)


def _find_solutions(sources: list[str], names: list[str], ours: set[str]) -> dict[str, Solution]:
    """Finds the last definition of each name, and the learner's own statements between it and the solution before it.

    Of the decoder, all statements count that define it or add to it, in their order.

    Args:
        sources: code cells that the learner wrote or changed.
        names: names that the exercises ask for.
        ours: names that our notebook binds; a learner's statement that binds one of them is left out.
    """
    found = [statement for source in sources for statement in _statements_of_stranger(source, names)]
    last = {name: place for place, (bound, _) in enumerate(found) for name in bound & set(names) - {DECODER}}
    result, own = {name: Solution() for name in names}, []
    for place, (bound, text) in enumerate(found):
        here = [name for name in names if last.get(name) == place]
        result.update({name: Solution(own, text) for name in here})
        if here:
            own = []
        elif DECODER in bound:
            result[DECODER].own += [*own, text]
            result[DECODER].tensors |= bound
            own = []
        elif bound and not bound & (ours | set(names)):
            own = [*own, text]
    return result


def _solved_by_learner(stub_cell: str, name: str, theirs: dict[str, Solution]) -> list[str]:
    """Sources of the cells that replace an exercise: the learner's own statements, then the solved exercise."""
    solution = theirs[name]
    stub = next(text for bound, text in _statements(stub_cell) if bound == {name})
    return [*solution.own, stub_cell.replace(stub, solution.text or stub)]


def _step_by_learner(stub_cell: str, our_cell: str, solution: Solution) -> list[str]:
    """Sources of the cells that replace a step of the decoder: the learner's statements, once, and the step's check.

    The step stays unsolved if the learner's statements make none of the tensors that ours make.
    """
    ours = {name for bound, _ in _statements(our_cell) for name in bound if name.startswith(f"{DECODER}.")}
    begun, solution.own = solution.own, []
    return [*begun, CHECK.search(stub_cell)[0] if ours & solution.tensors else stub_cell]


def _statements_of_stranger(source: str, names: list[str]) -> list[tuple[set[str], str]]:
    """Like `_statements`. A cell that can't be parsed counts as one statement that binds all `names` in its text."""
    try:
        return _statements(source)
    except Exception:               # a slip in the syntax, or anything else that a stranger's text does to a parser
        defined = re.findall(r"^(?:def|class)\s+(\w+)", source, re.MULTILINE)
        tensors = re.findall(rf"^({DECODER}\.\w+)\s*=", source, re.MULTILINE)
        return [({*defined, *(DECODER for _ in tensors)} & set(names) | {*tensors}, source)]


def _statements(source: str) -> list[tuple[set[str], str]]:
    """Splits a cell into imports, functions, classes and assignments at its top level; skips IPython's own syntax.

    Returns:
        (names that it binds, text) of each.

    Raises:
        SyntaxError: the cell can't be parsed.
    """
    python = TransformerManager().transform_cell(CELL_MAGIC.sub("", source))
    return [(_names_bound_by(node), _text_of(node, python)) for node in ast.parse(python).body if isinstance(node, OWN)]


def _names_bound_by(node: ast.stmt) -> set[str]:
    """Names that a statement binds."""
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        return {alias.asname or alias.name.split(".")[0] for alias in node.names}
    stored = [each for each in ast.walk(node) if isinstance(getattr(each, "ctx", None), ast.Store)]
    names = {each.id for each in stored if isinstance(each, ast.Name)}
    if isinstance(node, ast.ClassDef):
        return {node.name, *(f"{node.name}.{name}" for name in names)} if node.name == DECODER else {node.name}
    if isinstance(node, ast.FunctionDef):
        return {node.name}
    tensors = {ast.unparse(each) for each in stored if isinstance(each, ast.Attribute)}
    tensors = {name for name in tensors if name.startswith(f"{DECODER}.")}
    return names | tensors | ({DECODER} if tensors else set())


def _text_of(node: ast.stmt, python: str) -> str:
    """The text of a node. `get_source_segment` leaves decorators out, so it does not serve decorated nodes."""
    return ast.unparse(node) if getattr(node, "decorator_list", []) else ast.get_source_segment(python, node)
