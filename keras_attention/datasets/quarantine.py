"""Files that are put aside."""

import contextlib
import itertools
import os
import pathlib
import shutil


def quarantine(files):
    """Moves files out of their folder into a new one beside it.

    What is in `photos/cats/1.jpg` goes to `photos_quarantine/cats/1.jpg`, or
    to `photos_quarantine_2` if that is there: nothing is written over. A link
    is moved as a link.
    """
    roots = {file: _root(file, name) for file, name in files.items()}
    folders = {root: _new_folder(root) for root in set(roots.values())}
    outcomes = {}
    for file, root in roots.items():
        path = pathlib.Path(os.path.abspath(file))
        new = folders[root] / path.relative_to(root)
        try:
            inside = path.parent.resolve().is_relative_to(root.resolve())
            if root.is_symlink() or not inside:
                raise OSError("it is reached by a link out of the folder")
            new.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(path, new)
            outcomes[file] = f"moved to {str(new)!r}"
        except OSError as error:
            outcomes[file] = f"not moved: {error.strerror or error}"
    return outcomes


def _root(file, name):
    """The folder that a name is relative to."""
    path = pathlib.Path(os.path.abspath(file))
    parts = pathlib.PurePath(name).parts
    inside = path.parts[-len(parts) :] == parts and not os.path.isabs(name)
    return path.parents[len(parts) - 1] if inside else path.parent


def _new_folder(root):
    for number in itertools.count(1):
        ending = f"_{number}" if number > 1 else ""
        folder = root.with_name(f"{root.name}_quarantine{ending}")
        with contextlib.suppress(FileExistsError):
            folder.mkdir()
            return folder
