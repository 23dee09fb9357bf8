"""The files that stand in class folders."""

import os
import re

from keras_attention.datasets.files import link_fault

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
