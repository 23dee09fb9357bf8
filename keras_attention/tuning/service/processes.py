"""A search of several processes, from the side of each.

They speak protobuf and JSON, never pickles: whoever else reaches the chief's
port can spoil a search, but not run code. On one machine it listens on
loopback only; a cluster's own network is trusted, as by KerasTuner.
"""

import pathlib
import time

import grpc

from keras_attention.tuning.service.chief import Chief
from keras_attention.tuning.service.cluster import LOOPBACK
from keras_attention.tuning.service.job import write_job
from keras_attention.tuning.service.link import START_SECONDS
from keras_attention.tuning.service.link import Link
from keras_attention.tuning.service.workers import Workers

POLL_SECONDS = 0.2


def lead(job, role, oracle, open_search):
    """The search of several processes, from the one that decides."""
    chief = Chief(oracle, open_search, role.others)
    # Workers of this machine reach it by loopback alone; others, by any
    # address of it.
    host = LOOPBACK if role.host is None else "[::]"
    port = chief.start(host, role.port)

    def lost(name, reason):
        chief.answer(
            {
                "name": role.name,
                "event": "lost",
                "worker": name,
                "reason": reason,
            }
        )

    workers = None
    try:
        workers = _start_workers(job, role, f"{LOOPBACK}:{port}", lost)
        while not chief.finished():
            workers.poll()
            chief.check_silence()
            time.sleep(POLL_SECONDS)
    except Exception as error:
        # Tells the other machines why it is over.
        oracle.error = oracle.error or error
        raise
    finally:
        if workers is not None:
            workers.stop()
        chief.stop()


def follow(job, role):
    """Runs workers for a chief on another machine, until it has no trials."""
    link = Link(f"{role.host}:{role.port}", role.name)
    workers = None
    try:
        answer = link.tell("hello", timeout=START_SECONDS)

        def lost(name, reason):
            link.tell("lost", worker=name, reason=reason)

        address = f"{role.host}:{role.port}"
        workers = _start_workers(job, role, address, lost)
        while answer["task"] != "stop":
            workers.poll()
            time.sleep(POLL_SECONDS)
            answer = link.tell("beat")
        workers.stop()
        link.tell("bye")
    except grpc.RpcError as error:
        raise RuntimeError(
            f"The chief of the search at {role.host}:{role.port} does not "
            f"answer: {error.details()}"
        ) from error
    finally:
        if workers is not None:
            workers.stop()
    if answer["error"]:
        raise RuntimeError(f"The search failed: {answer['error']}")


def _start_workers(job, role, address, lost):
    path = pathlib.Path(job.directory) / "workers" / f"{role.name}.job"
    if role.workers:
        write_job(job, path)
    prefix = "" if role.host is None else f"{role.name}-"
    return Workers(role.workers, prefix, address, path, lost)
