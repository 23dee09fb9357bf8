"""The process that decides: one oracle, asked by every worker."""

import threading
import time
from concurrent import futures

import grpc
import keras_tuner
from keras_tuner.src import protos
from keras_tuner.src.distribute.oracle_chief import OracleServicer

from keras_attention.tuning.service.link import START_SECONDS
from keras_attention.tuning.service.link import handler

# A worker that is silent for so long lost its machine; a worker that died
# on a machine that lives is noticed at once by the process that started it.
SILENCE = 120
# Tasks of a job do not start at once, and the search may be over before.
FAREWELL_SECONDS = 30


class Chief:
    """Serves an oracle to workers, and knows which of them live.

    KerasTuner's own chief ends when every worker has said goodbye, so it
    waits for ever for one that was killed. This one gives that worker's trial
    to another, and ends when no trial is left.

    Args:
        oracle: the search's `SearchOracle`.
        open_search: function of `(space, failures)`: what the first worker
            found out about the space. Starts or resumes the search, and may
            refuse by raising.
        expected: how many processes on other machines will say hello.
    """

    def __init__(self, oracle, open_search, expected=0):
        self.oracle = oracle
        self._open_search = open_search
        self._lock = threading.RLock()
        self._explorer = None
        self._open = False
        self._seen = {}
        self._others = set()
        self._expected = expected
        self._heard = time.monotonic()

    def start(self, host, port):
        """Begins to serve; returns the port.

        Raises:
            RuntimeError: The port is taken.
        """
        self._server = grpc.server(futures.ThreadPoolExecutor(max_workers=16))
        add = protos.get_service_grpc().add_OracleServicer_to_server
        add(OracleServicer(self.oracle), self._server)
        self._server.add_generic_rpc_handlers((handler(self.answer),))
        port = self._server.add_insecure_port(f"{host}:{port}")
        self._server.start()
        return port

    def stop(self):
        """Ends the service, once the other machines know that it is over."""
        end = time.monotonic() + FAREWELL_SECONDS
        while time.monotonic() < end:
            if not self._others and self._expected <= 0:
                break
            time.sleep(0.1)
        self._server.stop(grace=1).wait()

    def finished(self):
        """Whether nothing runs and nothing more will."""
        if self.oracle.error:
            return True
        return self._open and self.oracle.finished()

    def check_silence(self):
        """Gives up workers that were not heard for long.

        Raises:
            RuntimeError: Nobody has been heard for `START_SECONDS`.
        """
        now = time.monotonic()
        with self._lock:
            silent = [n for n, t in self._seen.items() if now - t > SILENCE]
            self._heard = max([self._heard, *self._seen.values()])
        for name in silent:
            self._lost(name, f"not heard for {SILENCE} s")
        if now - self._heard > START_SECONDS:
            raise RuntimeError(
                f"No worker was heard for {START_SECONDS} s. Finished trials "
                "are kept: the same call resumes the search."
            )

    def answer(self, message):
        """Answers one message of a worker, or of a process that has some."""
        name, event = message["name"], message["event"]
        with self._lock:
            self._seen[name] = time.monotonic()
        if event == "hello":
            self._others.add(name)
            self._expected -= 1
        elif event == "bye":
            self._others.discard(name)
            self._seen.pop(name, None)
        elif event == "lost":
            self._lost(message["worker"], message["reason"])
        elif event == "reason":
            self.oracle.add_reason(message["trial"], message["reason"])
        elif event == "space":
            self._receive(message)
        elif event == "fatal":
            self.fail(message["kind"], message["reason"])
        task = self._task(name) if event == "ask" else self._state()
        error = self.oracle.error
        return {"task": task, "error": str(error) if error else None}

    def fail(self, kind, reason):
        """Ends the search with an error that a worker saw."""
        errors = keras_tuner.errors
        kind = getattr(errors, kind, errors.FatalRuntimeError)
        self.oracle.error = self.oracle.error or kind(reason)

    def _state(self):
        return "stop" if self.finished() else "work"

    def _task(self, name):
        """`"explore"` for the first worker; the others wait for it."""
        if self.finished():
            return "stop"
        with self._lock:
            if self._open:
                return "work"
            if self._explorer in (None, name):
                self._explorer = name
                return "explore"
            return "wait"

    def _receive(self, message):
        with self._lock:
            if self._open:
                return
            try:
                self._open_search(message["space"], message["failures"])
            except Exception as error:
                # Raised again where the search was started.
                self.oracle.error = error
            self._open = True

    def _lost(self, name, reason):
        with self._lock:
            self._seen.pop(name, None)
            self._others.discard(name)
            if self._explorer == name:
                self._explorer = None
        self.oracle.lose(name, reason)
