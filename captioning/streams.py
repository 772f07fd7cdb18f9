"""The standard streams: there is somewhere to print to, whatever the text."""

import os
import sys


def open_closed():
    """Lets those of input, output and errors that are closed lead nowhere.

    A process may begin without them: by `2>&-` in a shell, by pythonw on Windows, in some services. Progress bars then
    fail, and the next file that is opened takes the stream's number, so what compiled code prints would go into it.
    """
    number = os.open(os.devnull, os.O_RDWR)
    while number <= 2:                      # the number of a closed stream is the first to be taken
        os.set_inheritable(number, True)
        number = os.open(os.devnull, os.O_RDWR)
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.dup(number), mode, encoding="utf-8", errors="replace"))
    os.close(number)


def print_any_text():
    """Prints the codes of letters that a console, a pipe or a log lacks, for instance on Windows."""
    for stream in sys.stdout, sys.stderr:
        if hasattr(stream, "reconfigure"):      # those of a notebook take any text
            stream.reconfigure(errors="backslashreplace")
