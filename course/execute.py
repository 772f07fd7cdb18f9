"""Runs a notebook from top to bottom without a browser.

    python course/execute.py NOTEBOOK RESULT

Prints each section as it begins and what its cells print. RESULT is written after each section, so that a run that
fails can be looked at; the first error ends it with exit code 1.
"""

import re
import sys
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError


def execute(source: Path, result: Path):
    """Executes `source` in its folder and writes it with its outputs to `result`. Raises CellExecutionError."""
    notebook = nbformat.read(source, as_version=4)
    result.parent.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()

    def save():
        aside = result.with_name(result.name + ".tmp")
        nbformat.write(notebook, aside)
        aside.replace(result)

    def announce(cell, cell_index):
        if cell.cell_type == "markdown" and (headings := re.findall(r"^#+ (.*)$", cell.source, re.MULTILINE)):
            save()
            print(f"{time.monotonic() - began:6.1f} s  {headings[0]}", flush=True)

    def tell(cell, cell_index, execute_reply):
        for output in cell.get("outputs", []):
            if output.output_type == "stream" and output.name == "stdout":
                print("".join(f"          {line}\n" for line in output.text.splitlines()), end="", flush=True)

    client = NotebookClient(
        notebook, timeout=None, kernel_name="python3", resources={"metadata": {"path": str(source.parent.resolve())}},
        on_cell_start=announce, on_cell_executed=tell, record_timing=False,
        extra_arguments=["--log-level=ERROR"])
    try:
        client.execute()
    finally:
        save()
    print(f"{time.monotonic() - began:6.1f} s  done: {result}")


if __name__ == "__main__":
    try:
        execute(Path(sys.argv[1]), Path(sys.argv[2]))
    except CellExecutionError as error:
        sys.exit(f"\n{error.ename}: {error.evalue:.2000}\nThe notebook as far as it came is {sys.argv[2]}.")
