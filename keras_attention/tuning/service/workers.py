"""Worker processes on this machine: started, watched, started again."""

import os
import pathlib
import signal
import subprocess
import sys
import time

import keras

from keras_attention.tuning.service.cluster import visible_gpus

RESTARTS = 3  # of one worker; more point at a fault that will not go away
# Exit statuses: of a worker that has told the chief what is wrong, and of one
# that was told that no trial is left. Not 0, which a trial that ends the
# process may give too.
FATAL, DONE = 3, 10
GRACE_SECONDS = 3


class Workers:
    """The worker processes of one machine.

    Args:
        count: how many.
        name: prefix of their names, such as `"rank2-"`.
        address: `host:port` of the chief.
        job: file that `write_job` wrote.
        lost: function of `(name, reason)`, called when a worker died.
    """

    def __init__(self, count, name, address, job, lost):
        self.address = address
        self.job = pathlib.Path(job)
        self.lost = lost
        self.names = [f"{name}tuner{number}" for number in range(count)]
        self.processes = {}
        self.deaths = dict.fromkeys(self.names, 0)
        gpus = visible_gpus()
        for number, worker in enumerate(self.names):
            gpu = gpus[number % len(gpus)] if gpus else None
            self.processes[worker] = self._start(worker, gpu, count)

    def poll(self):
        """Starts workers again that died.

        Raises:
            RuntimeError: Every worker died too often.
        """
        for name, (process, gpu) in list(self.processes.items()):
            status = process.poll()
            if status is None:
                continue
            del self.processes[name]
            if status in (DONE, FATAL):
                continue
            self.deaths[name] += 1
            self.lost(name, _in_words(status))
            if self.deaths[name] <= RESTARTS:
                count = len(self.names)
                self.processes[name] = self._start(name, gpu, count)
        if self.names and min(self.deaths.values()) > RESTARTS:
            raise RuntimeError(
                f"Every worker died {RESTARTS + 1} times. Finished trials are "
                "kept: the same call resumes the search. The end of "
                f"{self._log(self.names[0])}:\n{self._tail()}"
            )

    def stop(self):
        """Ends all workers, first by asking, and deletes their data."""
        running = [process for process, _ in self.processes.values()]
        for process in running:
            _signal(process, signal.SIGTERM)
        end = time.monotonic() + GRACE_SECONDS
        for process in running:
            try:
                process.wait(max(0, end - time.monotonic()))
            except subprocess.TimeoutExpired:
                _signal(process, signal.SIGKILL)
                process.wait()
        self.processes = {}
        self.job.unlink(missing_ok=True)

    def _start(self, name, gpu, count):
        host, _, port = self.address.rpartition(":")
        environment = {
            **_threads(count),
            **os.environ,
            "KERAS_BACKEND": keras.config.backend(),
            "KERASTUNER_TUNER_ID": name,
            "KERASTUNER_ORACLE_IP": host,
            "KERASTUNER_ORACLE_PORT": port,
            "no_grpc_proxy": host,
            # Several processes may share a GPU, and none needs all of it.
            "TF_FORCE_GPU_ALLOW_GROWTH": "true",
            "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        }
        if gpu is not None:
            environment["CUDA_VISIBLE_DEVICES"] = gpu
        module = "keras_attention.tuning.service.worker"
        with open(self._log(name), "ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", module, str(self.job), str(os.getpid())],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # Ctrl-C reaches the parent alone, which ends the workers.
                start_new_session=True,
            )
        return process, gpu

    def _log(self, name):
        return self.job.with_name(f"{name}.log")

    def _tail(self):
        text = self._log(self.names[0]).read_text(errors="replace")
        return "\n".join(text.splitlines()[-15:])


def _threads(count):
    """Shares the machine's cores, where the user did not say otherwise."""
    cores = os.cpu_count()
    if hasattr(os, "sched_getaffinity"):
        # Fewer than the machine has, in a container or a cluster's job.
        cores = len(os.sched_getaffinity(0))
    names = (
        "OMP_NUM_THREADS",
        "TF_NUM_INTRAOP_THREADS",
        "TF_NUM_INTEROP_THREADS",
        "NPROC",  # JAX
    )
    return dict.fromkeys(names, str(max(1, cores // count)))


def _signal(process, number):
    """Signals a worker and what it has started."""
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        return


def _in_words(status):
    if status < 0:
        return f"killed by {signal.Signals(-status).name}"
    return f"exit status {status}"
