"""Image files: which one a name means, and those of class folders."""

import contextlib
import functools
import os
import pathlib
import re

SUFFIXES = (
    ".png .jpg .jpeg .jpe .jfif .webp .tif .tiff .gif .bmp .npy".split()  # noqa: SIM905
)
# What file managers, archives and notebooks leave behind; lower case.
JUNK = {
    ".ds_store",
    "thumbs.db",
    "desktop.ini",
    "__macosx",
    ".ipynb_checkpoints",
    ".gitkeep",
}
SPLIT_FOLDERS = (("train",), ("validation", "val", "valid"), ("test",))


class Folder:
    """Image files by name, with or without their extension.

    Each folder is listed once, however many files are asked for.
    """

    def __init__(self, name, path, open=False):
        self.root = pathlib.Path(path)
        self.open = open
        if not self.root.is_dir():
            raise ValueError(
                f"Invalid value for argument {name}: expected a folder. "
                f"There is none at {str(path)!r}."
            )
        self._resolved = self.root.resolve()
        # Each is made once, when it is asked for: a folder may hold a million
        # files. Kept here, so that it ends with the folder.
        for name in ("_names", "_stems", "_alike", "_fault"):
            setattr(self, name, functools.cache(getattr(self, name)))

    def find(self, name, extension=None):
        """The one file of a name, which may go without image extension.

        With `extension` that is appended, and the name has to be exact.
        """
        relative = self._relative(name + (extension or ""))
        inside = not relative.is_absolute() and ".." not in relative.parts
        wanted = self.root / relative
        if "\0" in name or not (inside or self.open):
            raise ValueError(f"{name!r} leads out of the folder {self.root}")
        found = [wanted.name]
        exact = wanted.name in self._names(wanted.parent)
        if exact and not extension and not has_image_suffix(name):
            # A folder beside the image of its name is not meant.
            exact = not wanted.is_dir()
        if not exact:
            stems = {} if extension else self._stems(wanted.parent)
            found = stems.get(wanted.name, [])
        if len(found) > 1:
            listed = ", ".join(map(repr, sorted(found)))
            raise ValueError(
                f"{name!r} may be any of {listed}; say its extension"
            )
        if not found:
            raise ValueError(self._missing(name, extension, wanted))
        path = wanted.parent / found[0]
        # What is no link is where its folder is, which is asked once.
        linked = path if path.is_symlink() else wanted.parent
        fault = self._fault(linked)
        if fault:
            raise ValueError(f"{name!r} is {fault}")
        return path

    def shown(self, path):
        """A path as it is named: in the folder, or as it is elsewhere."""
        with contextlib.suppress(ValueError):
            path = path.relative_to(self.root)
        return path.as_posix()

    def _relative(self, name):
        """A name as a path, an absolute one into the folder as one in it."""
        path = pathlib.Path(name)
        if path.is_absolute():
            for root in (os.path.abspath(self.root), self._resolved):
                if path.is_relative_to(root):
                    return path.relative_to(root)
        return path

    def _missing(self, name, extension, wanted):
        what = name + (extension or "")
        if not extension and not has_image_suffix(name):
            what = f"{name}.jpg"
        hint = ""
        alike = self._alike(wanted.parent).get(wanted.name.casefold())
        if alike:
            hint = f"; there is {alike!r}, and capitals count"
        elif "\\" in name and os.sep != "\\":
            hint = "; folders are divided by '/' here, not by '\\'"
        where = "" if os.path.isabs(name) else f" in {self.root}"
        return f"there is no file {what!r}{where}{hint}"

    def _names(self, folder):
        # Not there, a file, or a name that is too long.
        with contextlib.suppress(OSError):
            return set(os.listdir(folder))
        return set()

    def _stems(self, folder):
        stems = {}
        for name in self._names(folder):
            if has_image_suffix(name):
                stems.setdefault(os.path.splitext(name)[0], []).append(name)
        return stems

    def _alike(self, folder):
        alike = {}
        for name in self._names(folder):
            stem = os.path.splitext(name)[0]
            alike[name.casefold()] = alike[stem.casefold()] = name
        return alike

    def _fault(self, path):
        return link_fault(path, None if self.open else self._resolved)


def link_fault(path, root):
    """What is wrong with where a path leads, or nothing."""
    try:
        target = path.resolve(strict=True)
    except (OSError, RuntimeError):
        return "a link to nowhere"
    if root is not None and not target.is_relative_to(root):
        return "a link out of the folder"
    return ""


def find_all(folder, names, problems, extension=None):
    """The files of many names, `None` of none; what is wrong is noted."""
    paths = []
    for row, name in enumerate(names):
        path = None
        try:
            path = folder.find(name, extension) if name else None
        except ValueError as error:
            problems.at(row, error)
        paths.append(path)
    return paths


def has_image_suffix(name):
    """Whether a file is called like an image."""
    return os.path.splitext(name)[1].lower() in SUFFIXES


def without_suffix(name):
    """A name without its image extension, if it has one.

    >>> without_suffix("a/b.jpg"), without_suffix("v1.5")
    ('a/b', 'v1.5')
    """
    return os.path.splitext(name)[0] if has_image_suffix(name) else name


def walk(root, problems):
    """The files of every class: pairs of class and path, in sorted order."""
    files = []
    known = {name for names in SPLIT_FOLDERS for name in names}
    for entry in _entries(root, root, problems):
        if not entry.is_dir():
            problems.add(f"{entry.name!r} is in no class folder")
            continue
        found = _entries(entry, root, problems)
        folders = [item for item in found if item.is_dir()]
        for folder in folders:
            name = f"{entry.name}/{folder.name}"
            hint = "; see from_split_folders" if entry.name in known else ""
            problems.add(f"{name!r} is a folder in a class folder{hint}")
        images = [item for item in found if not item.is_dir()]
        if not images and not folders:
            problems.add(f"the class folder {entry.name!r} is empty")
        files += [(entry.name, image) for image in images]
    return files


def _entries(folder, root, problems):
    """What is in a folder but for junk and links out of the root."""
    try:
        found = sorted(os.listdir(folder))
    except OSError as error:
        problems.add(f"{folder.name!r} cannot be listed: {error.strerror}")
        return []
    entries, resolved = [], root.resolve()
    outside = link_fault(folder, resolved)
    for name in found:
        if name.lower() in JUNK or name.startswith("._"):
            continue
        path = folder / name
        shown = path.relative_to(root).as_posix()
        # What is no link is where its folder is.
        linked = path.is_symlink()
        fault = link_fault(path, resolved) if linked else outside
        if re.search("[\ud800-\udfff]", name):
            problems.add(f"the name {shown!r} is not in UTF-8")
        elif fault:
            problems.add(f"{shown!r} is {fault}")
        else:
            entries.append(path)
    return entries
