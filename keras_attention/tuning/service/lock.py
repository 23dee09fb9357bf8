"""One search a folder at a time."""

import contextlib
import fcntl
import json
import os
import pathlib
import socket
import time

NAME = "search.lock"


@contextlib.contextmanager
def locked(directory):
    """Holds the lock of a search's folder while the block runs.

    The lock is a file that names its holder. The lock of a process that no
    longer runs on this machine is taken over; of a process on another machine
    nobody here can tell, so that one stays until its file is deleted.

    Raises:
        RuntimeError: Another process searches in `directory`.

    Example:

    >>> import tempfile
    >>> folder = tempfile.mkdtemp()
    >>> with locked(folder):
    ...     with locked(folder):
    ...         pass
    Traceback (most recent call last):
    ...
    RuntimeError: ... is in use by process ... on ...
    """
    path = pathlib.Path(directory) / NAME
    path.parent.mkdir(parents=True, exist_ok=True)
    mine = {
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "started": _start_of(os.getpid()),
        "since": time.strftime("%Y-%m-%d %H:%M:%S"),
    }
    with _exclusive(path) as file:
        holder = _holder(file)
        if holder and _is_alive(holder):
            raise RuntimeError(
                f"{path.parent} is in use by process {holder['pid']} on "
                f"{holder['host']} since {holder['since']}. Wait for it, "
                "choose another directory, or, if that process is gone, "
                f"delete {path}."
            )
        file.seek(0)
        file.truncate()
        file.write(json.dumps(mine))
    try:
        yield
    finally:
        with _exclusive(path) as file:
            if _holder(file) == mine:
                os.unlink(path)


@contextlib.contextmanager
def _exclusive(path):
    """The open file while no other process looks at it or changes it."""
    while True:
        with open(path, "a+", encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            # Another process may have deleted the file between the two
            # calls, and would not see what is written to this one.
            if _is_at(path, file):
                yield file
                return


def _is_at(path, file):
    try:
        return os.stat(path).st_ino == os.fstat(file.fileno()).st_ino
    except FileNotFoundError:
        return False


def _holder(file):
    """Who wrote the file; `None` if a killed process wrote half of it."""
    file.seek(0)
    try:
        holder = json.loads(file.read())
    except ValueError:
        return None
    return holder if {"pid", "host", "since"} <= set(holder) else None


def _is_alive(holder):
    if holder["host"] != socket.gethostname():
        return True
    try:
        os.kill(holder["pid"], 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    # The number may have been given to another process since.
    return holder.get("started") == _start_of(holder["pid"])


def _start_of(pid):
    """When a process started, in the kernel's ticks; `None` off Linux."""
    try:
        status = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    # The second field, the name, may hold spaces and brackets.
    return status.rpartition(")")[2].split()[19]
