"""Runs a notebook from top to bottom without a browser.

    python -m course.execute NOTEBOOK RESULT [--folder FOLDER] [--keep-going]

Prints the heading of each section when it begins, and what its cells print. Writes RESULT after each section, so a run
that failed can be looked at. The first error ends the run with exit status 1. Widgets need a kernel, so RESULT has text
in their place: the last line of a progress bar, for example.
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
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

from captioning.storage import files

WIDGET = "application/vnd.jupyter.widget-view+json"
OUTPUT_LATE = 60                    # seconds that a cell's last output may come after its end


def bar_as_text(model_id: str, states: dict) -> str | None:
    """The last state of a progress bar as text, such as "Training: 100% 600/600 [01:02<00:00]".

    A bar of tqdm is a box that holds a text, the bar itself, and another text.

    Args:
        model_id: the widget's id.
        states: the states of all widgets by their ids.

    Returns:
        The text, or None if the widget is not a progress bar.
    """
    parts = [states.get(child.removeprefix("IPY_MODEL_"), {}) for child in states.get(model_id, {}).get("children", [])]
    if [part.get("_model_name") for part in parts] != ["HTMLModel", "FloatProgressModel", "HTMLModel"]:
        return None
    text = " ".join(html.unescape(part["value"]).replace("\N{FIGURE SPACE}", " ").strip() for part in parts[::2])
    return re.sub(r" \[[\d:]*<\?.*", "", text)               # a bar that was full at once has no rate


def without_widgets(notebook: nbformat.NotebookNode, states: dict) -> nbformat.NotebookNode:
    """A copy of the notebook with text in place of each widget.

    Args:
        notebook: an executed notebook.
        states: the states of its widgets by their ids.
    """
    plain = copy.deepcopy(notebook)
    for output in (output for cell in plain.cells for output in cell.get("outputs", [])):
        if WIDGET in output.get("data", {}):
            model_id = output.data.pop(WIDGET)["model_id"]
            output.data["text/plain"] = bar_as_text(model_id, states) or output.data.get("text/plain", "")
    return plain


def execute(source: Path, result: Path, folder: Path | None = None, keep_going: bool = False):
    """Executes a notebook and writes it with its outputs.

    Args:
        source: the notebook.
        result: file for the executed notebook.
        folder: working folder of the kernel; by default the notebook's own.
        keep_going: go on after errors, and interrupt a cell after the `timeout` in its metadata, in seconds.

    Raises:
        CellExecutionError: a cell failed, and `keep_going` is False.
        CellTimeoutError: outputs of a cell got lost, and `keep_going` is False.
        DeadKernelError: the kernel died.
    """
    notebook = nbformat.read(source, as_version=4)
    began = time.monotonic()

    def save():
        with files.written_aside(result) as aside:
            nbformat.write(without_widgets(notebook, client.widget_state), aside)

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
        # Of a cell that prints very much, messages may get lost. By default nbclient then drops the rest in silence.
        iopub_timeout=OUTPUT_LATE, raise_on_iopub_timeout=not keep_going,
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
    parser.add_argument("--folder", type=Path, help="working folder of the kernel (default: the notebook's own)")
    parser.add_argument("--keep-going", action="store_true", help="go on after errors and slow cells")
    asked = parser.parse_args()
    try:
        execute(asked.notebook, asked.result, asked.folder, asked.keep_going)
    except CellExecutionError as error:
        sys.exit(f"\n{error.ename}: {error.evalue:.2000}\n{asked.result} holds the notebook up to this error.")
    except OSError as error:
        sys.exit(str(error))
    except CellTimeoutError:
        sys.exit(f"\nA cell printed so much that a part of it got lost. Print less in a cell. {asked.result} holds the "
                 "notebook with what arrived.")
    except DeadKernelError:
        sys.exit(f"\nThe kernel died. {asked.result} holds the notebook up to its last section.")
