"""Ctrl-C waits until a step is complete."""

import contextlib
import signal
import threading


class Interrupts:
    """Whether a Ctrl-C came and waits."""

    waiting: bool = False


@contextlib.contextmanager
def interrupts_wait():
    """A context in which the first Ctrl-C only waits; a second one interrupts at once.

    Yields:
        An `Interrupts`. Its `waiting` turns true when a Ctrl-C came.
    """
    interrupts = Interrupts()
    if threading.current_thread() is not threading.main_thread():
        yield interrupts                                    # only the main thread gets interrupts
        return
    before = signal.getsignal(signal.SIGINT)

    def note(number, frame):
        interrupts.waiting = True
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, note)
    try:
        yield interrupts
    finally:
        signal.signal(signal.SIGINT, before)
