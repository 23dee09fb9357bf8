"""Files that are written whole or not at all.

A file written in place is empty or cut short when its process is killed or the
disk is full at the wrong moment, and what stood there before is lost too.
"""

import contextlib
import glob
import os
import pathlib
import shutil
import tempfile


@contextlib.contextmanager
def written_whole(path, sync=True):
    """Gives a path beside `path` to write to, and moves it there at the end.

    What was written is on the disk before it gets its name. Nothing remains
    if the block raises, and what stood there before stays.

    Args:
        path: str or path, of a file or a folder, in a folder that exists.
        sync: bool, whether it must outlive a loss of power too, which takes
            milliseconds. Defaults to `True`.

    Yields:
        A path of the same name inside a hidden folder beside `path`.

    Example:

    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "notes.txt"
    >>> with written_whole(path) as new:
    ...     _ = new.write_text("whole")
    >>> path.read_text()
    'whole'
    """
    # Through a link, to what it names.
    path = pathlib.Path(os.path.realpath(path))
    if not path.parent.is_dir():
        raise FileNotFoundError(
            f"There is no folder {str(path.parent)!r}, to write "
            f"{path.name!r} in."
        )
    folder = pathlib.Path(
        tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent)
    )
    try:
        new, old = folder / path.name, folder / f"{path.name}.before"
        yield new
        if sync:
            _sync(new)
        if new.is_dir() and path.exists():
            # A folder cannot take the place of another.
            os.replace(path, old)
        try:
            os.replace(new, path)
        except BaseException:
            if old.exists():
                os.replace(old, path)
            raise
        if sync:
            _sync_folder(path.parent)
    finally:
        shutil.rmtree(folder)


def remove_half_written(path):
    """Deletes what killed processes have left of `path`, half written.

    Not while another process writes it.
    """
    path = pathlib.Path(os.path.realpath(path))
    for folder in path.parent.glob(f".{glob.escape(path.name)}.*"):
        if folder.is_dir():
            shutil.rmtree(folder)


def home(*folders):
    """A folder below `$KERAS_HOME` or `~/.keras`, which is made if need be."""
    root = os.environ.get("KERAS_HOME") or pathlib.Path.home() / ".keras"
    folder = pathlib.Path(root, *folders)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def write_text(path, text, sync=True):
    """Writes a text file whole, in UTF-8."""
    with written_whole(path, sync) as new:
        new.write_text(text, encoding="utf-8")


def save_model(model, path):
    """`model.save(path)`, whole."""
    with written_whole(path) as new:
        model.save(new)


def _sync(path):
    files = [path] if path.is_file() else path.rglob("*")
    for file in files:
        if file.is_file():
            with open(file, "rb+") as opened:
                os.fsync(opened.fileno())


def _sync_folder(folder):
    """Makes the renaming itself durable, where folders can be opened."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
