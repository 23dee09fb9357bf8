"""Files of a search: written whole, and set aside when they are damaged."""

import json
import os
import pathlib
import warnings


def write_json(path, value, keep_previous=False):
    """Writes `value` so that a reader sees the old file or the new one.

    A file written in place is empty or cut short when its process is killed
    at the wrong moment, and a search that cannot read its own state is lost.

    Args:
        path: file to write; its folder is made.
        value: what `json` can write, and NumPy's numbers.
        keep_previous: bool, whether the file that was there stays beside the
            new one, as `previous(path)`.

    Example:

    >>> import tempfile, pathlib
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> write_json(folder / "state.json", {"trials": 3})
    >>> read_json(folder / "state.json", keys=["trials"])
    {'trials': 3}
    """
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(value, default=_plain)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    with open(partial, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    if keep_previous and path.exists():
        os.replace(path, previous(path))
    os.replace(partial, path)
    _sync_folder(path.parent)


def read_json(path, keys=()):
    """The dictionary in `path`; `None` if it is missing or damaged.

    A damaged file (empty, cut short, or without one of `keys`) is renamed to
    `<name>.damaged` and named in a warning, so that it can be looked at and
    is not read again.
    """
    path = pathlib.Path(path)
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValueError as error:
        set_aside(path, str(error))
        return None
    missing = [key for key in keys if key not in value]
    if missing:
        set_aside(path, f"no {', '.join(map(repr, missing))} in it")
        return None
    return value


def set_aside(path, reason):
    """Renames a damaged file to `<name>.damaged`, with a warning."""
    path = pathlib.Path(path)
    aside = path.with_name(f"{path.name}.damaged")
    count = 1
    while aside.exists():
        count += 1
        aside = path.with_name(f"{path.name}.damaged{count}")
    os.replace(path, aside)
    warnings.warn(
        f"{path} is damaged ({reason}). It was renamed to {aside.name}."
    )


def previous(path):
    """Where `write_json(path, keep_previous=True)` keeps the file before."""
    path = pathlib.Path(path)
    return path.with_name(f"{path.stem}.previous{path.suffix}")


def _plain(value):
    """NumPy's numbers as Python's; metrics are often the former."""
    if hasattr(value, "item"):
        return value.item()
    raise TypeError(f"{value!r} of type {type(value)} cannot be written.")


def _sync_folder(folder):
    """Makes the renaming itself durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
