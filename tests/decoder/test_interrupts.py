"""The first Ctrl-C waits until a step is complete; the second one does not wait."""

import os
import signal
import threading
import time

import pytest

from captioning.decoder.interrupts import interrupts_wait


def press_ctrl_c():
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(0.1)


def test_the_first_interrupt_waits_and_the_second_does_not():
    before = signal.getsignal(signal.SIGINT)
    with interrupts_wait() as interrupts:
        assert not interrupts.waiting
        press_ctrl_c()
        assert interrupts.waiting
        with pytest.raises(KeyboardInterrupt):
            press_ctrl_c()
    assert signal.getsignal(signal.SIGINT) is before


def test_interrupts_are_as_before_after_an_error():
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(ValueError, match="inside"), interrupts_wait():
        assert signal.getsignal(signal.SIGINT) is not before
        raise ValueError("inside")
    assert signal.getsignal(signal.SIGINT) is before


def test_outside_the_main_thread_nothing_is_changed():
    found = []

    def in_thread():
        with interrupts_wait() as interrupts:
            found.append((interrupts.waiting, signal.getsignal(signal.SIGINT)))

    before = signal.getsignal(signal.SIGINT)
    thread = threading.Thread(target=in_thread)
    thread.start()
    thread.join()
    assert found == [(False, before)]
