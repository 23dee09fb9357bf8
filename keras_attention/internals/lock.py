"""One process at a time in a folder."""

import contextlib
import os
import pathlib
import socket
import time

from keras_attention.internals.requirements import explained


@contextlib.contextmanager
def locked(folder, name, needed_by):
    """Holds a folder while the block runs; the lock goes with its process.

    Args:
        folder: str or path; it is made if need be.
        name: str, of the two files, `<name>.lock` and `<name>.holder`, which
            says who holds it.
        needed_by: str, the package that cannot do without `filelock`.

    Raises:
        RuntimeError: Another process holds it.

    Example:

    >>> import tempfile
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> with locked(folder, "training", "keras_attention.training"):
    ...     print((folder / "training.holder").read_text().split()[0])
    process
    """
    with explained(needed_by):
        import filelock
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(folder / f"{name}.lock")
    holder = folder / f"{name}.holder"
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        raise RuntimeError(
            f"{folder} is in use by {_named(holder)}. Wait for it, or choose "
            "another directory."
        ) from None
    try:
        now = time.strftime("%Y-%m-%d %H:%M:%S")
        host = socket.gethostname()
        holder.write_text(f"process {os.getpid()} on {host} since {now}")
        yield
    finally:
        holder.unlink(missing_ok=True)
        lock.release()


def _named(holder):
    """Who; between its two files a process is not named yet."""
    try:
        text = holder.read_text(errors="replace")[:200]
        return text or "another process"
    except OSError:
        return "another process"
