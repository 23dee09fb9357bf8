"""SIGTERM and Ctrl-C, noted until a training can stop."""

import contextlib
import signal
import threading


class Interruption:
    """Notes the first signal; a second one does what it always does.

    Attributes:
        signal: Number of the signal that came; `None` so far.
    """

    def __init__(self):
        self.signal = None

    @contextlib.contextmanager
    def noted(self):
        """Signals are noted while the block runs.

        Python gives signals to the main thread only: in any other they do
        what they always do.
        """
        before = {}
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGTERM, signal.SIGINT):
                before[number] = signal.getsignal(number)

            def note(number, frame):
                self.signal = number
                for each, handler in before.items():
                    signal.signal(each, handler)

            for number in before:
                signal.signal(number, note)
        try:
            yield self
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def leave(self):
        """Ends the program as the signal would: exit status 143 or 130."""
        if self.signal == signal.SIGINT:
            raise KeyboardInterrupt
        raise SystemExit(128 + self.signal)
