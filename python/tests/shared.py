"""What tests of several parts of the package use."""

import contextlib
import os
import signal
import threading
import time

import pytest


class Lender:
    """A tensor of another library, by DLPack."""

    def __init__(self, array):
        self.array = array

    def __dlpack__(self, **options):
        return self.array.__dlpack__(**options)

    def __dlpack_device__(self):
        return self.array.__dlpack_device__()


@contextlib.contextmanager
def interrupted_after(seconds):
    """Ctrl-C ends what stands inside, and soon."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # who starts the tests may have ignored it
    sent = []

    def interrupt():
        sent.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)

    timer = threading.Timer(seconds, interrupt)
    try:
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            yield
        assert time.monotonic() - sent[0] < 5  # 0.1 on a machine that does nothing else
    finally:
        timer.cancel()
        signal.signal(signal.SIGINT, before)
