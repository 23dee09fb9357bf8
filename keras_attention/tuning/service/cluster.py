"""Which part this process plays in a search: read from its environment."""

import dataclasses
import os
import re
import subprocess

from keras_attention.internals.arguments import invalid
from keras_attention.internals.arguments import positive_int

LOOPBACK = "127.0.0.1"
KERAS_TUNER = ("KERASTUNER_ORACLE_IP", "KERASTUNER_ORACLE_PORT")


@dataclasses.dataclass(frozen=True)
class Role:
    """What one process of a search does.

    Attributes:
        name: What the process is called, unique in the search.
        chief: Whether it decides which trial comes next.
        workers: How many worker processes it starts on its own machine.
        host: Machine of the chief, as others reach it; `None` if there are
            no others.
        port: Port of the chief, 0 for any that is free.
        others: How many processes play another part, as far as is known.
    """

    name: str
    chief: bool
    workers: int
    host: str | None = None
    port: int = 0
    others: int = 0

    @property
    def alone(self):
        """Whether all trials run in this very process."""
        return self.chief and self.workers == 1 and self.host is None


def find_role(workers, environment=None):
    """The role of this process.

    KerasTuner's own variables come first: `KERASTUNER_TUNER_ID` with `chief`
    in it decides only, any other runs one worker. With `workers="auto"` the
    tasks of a SLURM job share the search: the task of rank 0 decides, and
    every task, that one too, runs one worker a GPU it sees. Otherwise
    `"auto"` is one worker a GPU of this machine, or one.

    Args:
        workers: int or `"auto"`.
        environment: mapping, `os.environ` by default.

    Returns:
        A `Role`.

    Raises:
        ValueError: `workers` is invalid, or a variable is missing.

    Example:

    >>> find_role(3, {})
    Role(name='tuner', chief=True, workers=3, host=None, port=0, others=0)
    >>> job = {"SLURM_PROCID": "1", "SLURM_NTASKS": "4", "SLURM_JOB_ID": "7",
    ...        "SLURM_JOB_NODELIST": "gpu[03-06]", "CUDA_VISIBLE_DEVICES": "0"}
    >>> role = find_role("auto", job)
    >>> role.name, role.chief, role.workers, role.host, role.port
    ('rank1', False, 1, 'gpu03', 20007)
    """
    environment = os.environ if environment is None else environment
    if workers != "auto":
        try:
            positive_int("workers", workers)
        except ValueError:
            expected = "a positive integer or 'auto'"
            raise ValueError(invalid("workers", workers, expected)) from None
    if any(name in environment for name in KERAS_TUNER):
        return _keras_tuner_role(environment)
    if workers != "auto":
        return Role("tuner", True, int(workers))
    count = max(1, len(visible_gpus(environment)))
    if int(environment.get("SLURM_NTASKS", 1)) > 1:
        return _slurm_role(environment, count)
    return Role("tuner", True, count)


def visible_gpus(environment=None):
    """Numbers or names of the GPUs that this process may use.

    Asks the driver, not the backend: a backend that looks for GPUs takes
    their memory.
    """
    environment = os.environ if environment is None else environment
    chosen = environment.get("CUDA_VISIBLE_DEVICES")
    if chosen is not None:
        names = [name.strip() for name in chosen.split(",")]
        return [name for name in names if name and name != "-1"]
    try:
        listed = subprocess.run(
            ["nvidia-smi", "-L"], capture_output=True, text=True, timeout=60
        )
    except FileNotFoundError:
        return []
    lines = [line for line in listed.stdout.splitlines() if "UUID" in line]
    return [str(number) for number, _ in enumerate(lines)]


def first_host(nodes):
    """The first name of a SLURM list of nodes.

    >>> first_host("node[07-09,12],big1"), first_host("login,node2")
    ('node07', 'login')
    """
    match = re.match(r"([^\[,]+)(?:\[([^\],-]+)[^\]]*\]([^,\[]*))?", nodes)
    if not match:
        raise ValueError(invalid("SLURM_JOB_NODELIST", nodes, "node names"))
    return "".join(part or "" for part in match.groups())


def _slurm_role(environment, count):
    names = ("SLURM_PROCID", "SLURM_JOB_ID")
    missing = [name for name in names if name not in environment]
    nodes = environment.get("SLURM_JOB_NODELIST")
    nodes = nodes or environment.get("SLURM_NODELIST")
    if missing or not nodes:
        missing += [] if nodes else ["SLURM_JOB_NODELIST"]
        raise ValueError(
            f"SLURM_NTASKS is set, but not {', '.join(missing)}. Start the "
            "script with srun, or pass workers as a number."
        )
    rank = int(environment["SLURM_PROCID"])
    # Below the ports that systems give to outgoing connections; the step
    # keeps two searches of one job apart.
    step = environment.get("SLURM_STEP_ID", "0")
    step = int(step) if step.isdigit() else 0
    port = 20000 + (int(environment["SLURM_JOB_ID"]) + 97 * step) % 12000
    host = first_host(nodes)
    others = int(environment["SLURM_NTASKS"]) - 1
    return Role(f"rank{rank}", rank == 0, count, host, port, others)


def _keras_tuner_role(environment):
    names = (*KERAS_TUNER, "KERASTUNER_TUNER_ID")
    missing = [name for name in names if name not in environment]
    if missing:
        raise ValueError(
            f"{', '.join(missing)} not set, but others of "
            f"{', '.join(names)} are. Set all three or none."
        )
    host, port, name = (environment[key] for key in names)
    chief = "chief" in name
    return Role(name, chief, 0 if chief else 1, host, int(port))
