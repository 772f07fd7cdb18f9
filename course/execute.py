"""Runs a notebook from top to bottom without a browser.

    python -m course.execute NOTEBOOK RESULT [--folder FOLDER] [--keep-going]

Prints each section as it begins and what its cells print. RESULT is written after each section, so that a run that
fails can be looked at; the first error ends it with exit code 1. Widgets, which are nothing without a kernel, are left
out of it; progress bars leave their last line as text.
"""

import argparse
import copy
import html
import re
import sys
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError

WIDGET = "application/vnd.jupyter.widget-view+json"


def bar_as_text(model_id: str, states: dict) -> str | None:
    """A progress bar as it was last, e.g. "Training: 100% 600/600 [01:02<00:00]"; None for another widget.

    states: of all widgets, by their ids. tqdm's bars are boxes of a text, the bar itself, and a text.
    """
    parts = [states.get(child.removeprefix("IPY_MODEL_"), {}) for child in states.get(model_id, {}).get("children", [])]
    if [part.get("_model_name") for part in parts] != ["HTMLModel", "FloatProgressModel", "HTMLModel"]:
        return None
    text = " ".join(html.unescape(part["value"]).replace("\N{FIGURE SPACE}", " ").strip() for part in parts[::2])
    return re.sub(r" \[[\d:]*<\?.*", "", text)               # of a bar that was full at once, there is no rate to tell


def without_widgets(notebook: nbformat.NotebookNode, states: dict) -> nbformat.NotebookNode:
    """A copy in which each widget is the text that stands for it where there is no kernel."""
    plain = copy.deepcopy(notebook)
    for output in (output for cell in plain.cells for output in cell.get("outputs", [])):
        if WIDGET in output.get("data", {}):
            model_id = output.data.pop(WIDGET)["model_id"]
            output.data["text/plain"] = bar_as_text(model_id, states) or output.data.get("text/plain", "")
    return plain


def execute(source: Path, result: Path, folder: Path | None = None, keep_going: bool = False):
    """Executes `source` and writes it with its outputs to `result`.

    folder: where the kernel starts; without it, the notebook's own.
    keep_going: errors do not end it, and a cell whose metadata have a `timeout` is interrupted after so many seconds.
    Raises CellExecutionError, unless it is to keep going, and DeadKernelError.
    """
    notebook = nbformat.read(source, as_version=4)
    result.parent.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()

    def save():
        aside = result.with_name(result.name + ".tmp")
        nbformat.write(without_widgets(notebook, client.widget_state), aside)
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
        notebook, kernel_name="python3", resources={"metadata": {"path": str((folder or source.parent).resolve())}},
        allow_errors=keep_going, interrupt_on_timeout=keep_going,
        timeout_func=lambda cell: cell.metadata.get("timeout") if keep_going else None,
        on_cell_start=announce, on_cell_executed=tell, record_timing=False,
        extra_arguments=["--log-level=ERROR"])
    try:
        client.execute()
    finally:
        notebook.metadata.pop("widgets", None)
        save()
    print(f"{time.monotonic() - began:6.1f} s  done: {result}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m course.execute", description=__doc__.splitlines()[0])
    parser.add_argument("notebook", type=Path)
    parser.add_argument("result", type=Path)
    parser.add_argument("--folder", type=Path, help="where the kernel starts; without it, the notebook's own folder")
    parser.add_argument("--keep-going", action="store_true", help="go on after errors and cells that take too long")
    asked = parser.parse_args()
    try:
        execute(asked.notebook, asked.result, asked.folder, asked.keep_going)
    except CellExecutionError as error:
        sys.exit(f"\n{error.ename}: {error.evalue:.2000}\nThe notebook as far as it came is {asked.result}.")
    except DeadKernelError:
        sys.exit(f"\nThe kernel died. The notebook as far as it came is {asked.result}.")
