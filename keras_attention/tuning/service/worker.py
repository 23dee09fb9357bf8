"""A process that runs trials, started by `workers.py` and never by hand.

    python -m keras_attention.tuning.service.worker JOB PARENT

It takes trials of the chief that the environment names until none is left.
"""

import os
import sys
import time
import traceback

import keras_tuner

from keras_attention.tuning.service.exploration import explore
from keras_attention.tuning.service.job import read_job
from keras_attention.tuning.service.link import Link
from keras_attention.tuning.service.link import die_with
from keras_attention.tuning.service.runner import space_oracle
from keras_attention.tuning.service.settings import space_config
from keras_attention.tuning.service.workers import DONE
from keras_attention.tuning.service.workers import FATAL

WAIT_SECONDS = 0.2


def main(path, parent):
    """Works until the chief has no more trials.

    Returns:
        The process's exit status.
    """
    die_with(int(parent))
    host = os.environ["KERASTUNER_ORACLE_IP"]
    port = os.environ["KERASTUNER_ORACLE_PORT"]
    link = Link(f"{host}:{port}", os.environ["KERASTUNER_TUNER_ID"])
    link.beat()
    try:
        job = read_job(path)
        tuner = job.make_tuner()
        args, kwargs = job.fit_arguments()
    except Exception as error:
        # Nor would another attempt come further.
        return _fatal(link, error)
    tuner.add_reason = lambda trial, reason: link.tell(
        "reason", trial=trial, reason=reason
    )
    try:
        while (task := link.tell("ask")["task"]) == "wait":
            time.sleep(WAIT_SECONDS)
        if task == "explore":
            oracle = space_oracle(tuner)
            failures = explore(tuner.hypermodel, oracle)
            space = space_config(oracle.get_space())
            link.tell("space", space=space, failures=failures)
        if task != "stop":
            tuner.search(*args, **kwargs)
    except keras_tuner.errors.FatalError as error:
        return _fatal(link, error)
    except SystemExit as error:
        # Of the hypermodel, in mid-trial: nobody here will finish it.
        traceback.print_exc()
        reason = f"the trial called sys.exit({error.code!r})"
        link.tell("lost", worker=link.name, reason=reason)
        return 1
    link.tell("bye")
    return DONE


def _fatal(link, error):
    traceback.print_exc()
    kind = type(error).__name__
    shown = str(error) if hasattr(keras_tuner.errors, kind) else repr(error)
    link.tell("fatal", kind=kind, reason=shown)
    return FATAL


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
