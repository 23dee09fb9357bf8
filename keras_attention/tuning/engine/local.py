"""Worker processes on this machine, by a `distributed.LocalCluster`."""

import contextlib
import logging
import os
import re
import subprocess

import keras

from keras_attention.internals.requirements import explained


@contextlib.contextmanager
def local_cluster(count):
    """A `distributed.Client` of so many worker processes, one thread each.

    They listen on loopback alone. Where there are GPUs each has one; several
    may share one.
    """
    with explained("keras_attention.tuning, for more than one worker,"):
        import dask
        import distributed
    environment = _environment(count)
    of_gpu = [{"CUDA_VISIBLE_DEVICES": gpu} for gpu in visible_gpus()] or [{}]
    spec = {
        number: {
            "cls": distributed.Nanny,
            "options": {
                # Of the worker too, which runs whatever it is sent.
                "host": "127.0.0.1",
                "dashboard_address": "127.0.0.1:0",
                "nthreads": 1,
                # What a trial needs is its own business: none is killed for
                # a share of the memory that it did not know of.
                "memory_limit": 0,
                "silence_logs": logging.ERROR,
                "env": {**environment, **of_gpu[number % len(of_gpu)]},
            },
        }
        for number in range(count)
    }
    scheduler = {
        "cls": distributed.Scheduler,
        "options": {
            "host": "127.0.0.1",
            "dashboard": False,
            "dashboard_address": "127.0.0.1:0",
        },
    }
    with contextlib.ExitStack() as stack:
        # A process imports the script, and with it the backend, before it
        # gets its `env`. Dask has it inherit what it sets here, and leaves it.
        name = "distributed.nanny.pre-spawn-environ"
        inherited = {**dask.config.get(name), **environment}
        stack.callback(_restore, dict(os.environ))
        stack.enter_context(
            dask.config.set(
                {
                    "distributed.worker.multiprocessing-method": "spawn",
                    name: inherited,
                }
            )
        )
        # A search says in its own lines what happened to a worker.
        logger = logging.getLogger("distributed")
        stack.callback(logger.setLevel, logger.level)
        logger.setLevel(logging.ERROR)
        try:
            cluster = distributed.SpecCluster(
                workers=spec, scheduler=scheduler, silence_logs=False
            )
        except Exception as error:
            raise RuntimeError(
                "The worker processes did not start. A script must call what "
                'uses them under `if __name__ == "__main__":`, for they '
                f"import it. {error}"
            ) from error
        stack.enter_context(cluster)
        yield stack.enter_context(distributed.Client(cluster))


def visible_gpus():
    """Numbers or names of the GPUs that this process may use.

    Asks the driver, not the backend: a backend that looks for GPUs takes
    their memory.
    """
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
    if chosen is not None:
        names = [name.strip() for name in chosen.split(",")]
        return [name for name in names if name and name != "-1"]
    try:
        listed = subprocess.run(
            ["nvidia-smi", "-L"], capture_output=True, text=True, timeout=60
        )
    except FileNotFoundError:
        return []
    # A line each, and indented ones of the parts into which some are divided.
    gpus = re.findall(r"^GPU \d+:.*UUID", listed.stdout, re.MULTILINE)
    return [str(number) for number, _ in enumerate(gpus)]


def _restore(environment):
    for name in os.environ.keys() - environment.keys():
        del os.environ[name]
    os.environ.update(environment)


def _environment(count):
    """Of a worker: this backend, and its share of the machine."""
    cores = os.cpu_count()
    if hasattr(os, "sched_getaffinity"):
        # Fewer than the machine has, in a container or a cluster's job.
        cores = len(os.sched_getaffinity(0))
    share = str(max(1, cores // count))
    threads = (
        "OMP_NUM_THREADS",
        "TF_NUM_INTRAOP_THREADS",
        "TF_NUM_INTEROP_THREADS",
        "NPROC",  # JAX
    )
    return {
        # Unless the user said otherwise.
        **{name: os.environ.get(name, share) for name in threads},
        "KERAS_BACKEND": keras.config.backend(),
        # Several processes may share a GPU, and none needs all of it.
        "TF_FORCE_GPU_ALLOW_GROWTH": "true",
        "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
    }
