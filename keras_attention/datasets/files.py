"""Which file of a folder a name in a table means."""

import os
import pathlib

SUFFIXES = (
    ".png .jpg .jpeg .jpe .jfif .webp .tif .tiff .gif .bmp".split()  # noqa: SIM905
)


class Folder:
    """Image files by name, with or without their extension.

    Each folder is listed once, however many files are asked for.

    Args:
        name: str, the argument the folder was given as, for messages.
        path: str or path, the folder.

    Raises:
        ValueError: if there is no such folder.
    """

    def __init__(self, name, path):
        self.root = pathlib.Path(path)
        if not self.root.is_dir():
            raise ValueError(
                f"Invalid value for argument {name}: expected a folder. "
                f"There is none at {str(path)!r}."
            )
        self._listings = {}

    def find(self, name, extension=None):
        """The file of a name.

        Args:
            name: str, a path in the folder. Without `extension`, the file of
                exactly that name, or the one image that is called so plus an
                image extension, in capitals or not.
            extension: str to append instead, such as `".jpg"`. Defaults to
                `None`.

        Returns:
            A `pathlib.Path`.

        Raises:
            ValueError: if there is none or more than one, or if the name
                leads out of the folder.
        """
        wanted = pathlib.PurePath(name + (extension or ""))
        if wanted.is_absolute() or ".." in wanted.parts or "\0" in name:
            raise ValueError(f"{name!r} leads out of the folder {self.root}")
        exact, stems = self._listing(wanted.parent)
        if wanted.name in exact:
            return self.root / wanted
        found = [] if extension else stems.get(wanted.name, [])
        if len(found) == 1:
            return self.root / wanted.parent / found[0]
        if found:
            listed = ", ".join(map(repr, sorted(found)))
            raise ValueError(f"{name!r} may be any of {listed}")
        what = str(wanted) if extension else name
        if not extension and not has_image_suffix(name):
            what = f"{name}.jpg"
        raise ValueError(f"there is no file {what!r} in {self.root}")

    def _listing(self, parent):
        if parent not in self._listings:
            folder = self.root / parent
            names = os.listdir(folder) if folder.is_dir() else []
            stems = {}
            for name in names:
                if has_image_suffix(name):
                    stems.setdefault(os.path.splitext(name)[0], []).append(name)
            self._listings[parent] = set(names), stems
        return self._listings[parent]


def find_all(folder, names, where, problems):
    """The files of many names; what is wrong is noted.

    Args:
        folder: `Folder`.
        names: sequence of str, empty where nothing is known.
        where: sequence of str, what messages call each.
        problems: `Problems`.

    Returns:
        A list of paths, `None` where there is none.
    """
    paths = []
    for name, place in zip(names, where, strict=True):
        path = None
        try:
            path = folder.find(name) if name else None
        except ValueError as error:
            problems.add(f"{place}: {error}")
        paths.append(path)
    return paths


def has_image_suffix(name):
    """Whether a file is called like an image.

    >>> has_image_suffix("a/b.JPG"), has_image_suffix("ISIC_0000000")
    (True, False)
    """
    return os.path.splitext(name)[1].lower() in SUFFIXES


def without_suffix(name):
    """A name without its image extension, if it has one.

    >>> without_suffix("a/b.jpg"), without_suffix("v1.5")
    ('a/b', 'v1.5')
    """
    return os.path.splitext(name)[0] if has_image_suffix(name) else name
