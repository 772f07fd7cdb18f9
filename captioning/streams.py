"""The standard streams: there is somewhere to print to, whatever the text."""

import atexit
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


def end_with_reader():
    """Ends the program without a traceback when nobody reads its output any more, as in `… | head -1`."""
    usual = sys.excepthook

    def show(kind, error, trace):
        if not (issubclass(kind, BrokenPipeError) and _reader_has_gone()):
            usual(kind, error, trace)

    sys.excepthook = show
    atexit.register(_reader_has_gone)       # what is printed last may still wait to be written


def _reader_has_gone() -> bool:
    """Whether the output is a pipe that nobody reads. If so, it leads nowhere from now on."""
    import select  # not above: a learner's select.py would be found before its sentence

    if not hasattr(select, "poll"):     # Windows
        return False
    output = select.poll()
    output.register(1, 0)
    gone = any(event & select.POLLERR for _, event in output.poll(0))
    if gone:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    return gone
