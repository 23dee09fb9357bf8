"""A look at all examples before a training."""

import collections
import contextlib
import dataclasses
import itertools
import os
import pathlib
import shutil
import sys

import keras
import numpy as np

from keras_attention.datasets.checks import FAULTS
from keras_attention.datasets.checks import check
from keras_attention.datasets.duplicates import digest
from keras_attention.datasets.examples import Examples
from keras_attention.datasets.pixels import Pixels
from keras_attention.datasets.pixels import in_threads
from keras_attention.datasets.problems import Problems
from keras_attention.datasets.scan_report import ScanReport
from keras_attention.datasets.scan_report import class_counts
from keras_attention.datasets.scan_report import tables
from keras_attention.datasets.scan_report import words
from keras_attention.internals import arguments

MODES = ("error", "skip", "quarantine")
# So many are handed to a thread at once.
_SHARE = 64


def scan(*examples, decode=False, on_error="error", few=5, verbose=1):
    """Looks through all files, masks, labels and boxes before a training.

    What cannot be used is a fault: images and masks that are unreadable or of
    another size than they have to be, labels of no class, boxes that are none.
    What may be meant is only told: masks that are empty or full, classes with
    few examples or none, and copies, within a part or across parts. Images
    are copies if their files are byte for byte the same; those in memory, whose
    files were decoded before, if their pixels are (see `find_duplicates`).

    `report.examples` are the parts without faults. Their files are compared
    with what was scanned: one that changes later is named when it is decoded.

    Args:
        *examples: `Examples`, such as the train, validation and test split.
        decode: bool, whether every file is decoded, which finds what is damaged
            behind its header, and empty and full masks; `False` reads headers
            only. Defaults to `False`.
        on_error: str, what becomes of faults. `"error"` raises, with all of
            them in the error's attribute `report`; `"skip"` leaves their
            examples out; `"quarantine"` also moves their image files, from
            `photos/` to `photos_quarantine/`, a new folder beside it; masks
            and tables stay. Defaults to `"error"`.
        few: int; a class with fewer examples in a part is told. Defaults to
            `5`.
        verbose: int, 1 for a progress bar on stderr, 2 for its last line, 0 for
            none. Defaults to `1`.

    Returns:
        A `ScanReport`.

    Raises:
        ValueError: with `on_error="error"`, for faults.
        OSError: if there is no place for a quarantine; nothing is moved then.

    Example:

    >>> from keras_attention.datasets.arrays import from_arrays
    >>> images = np.zeros((3, 8, 8), "uint8")
    >>> photos = from_arrays(images, [0, 1, 1], names=["a", "b", "c"])
    >>> for row in scan(photos[[0]], photos[[1, 2]], few=1, verbose=0).rows:
    ...     print(row["kind"], "|", row["file"], "|", row["reason"])
    duplicate across parts | b | the same as 'a' of part 0
    duplicate across parts | c | the same as 'a' of part 0
    class without examples |  | none of '1'
    class without examples |  | none of '0'

    Cost:
        One read of each file's header, or one decoding of JPEG at an eighth of
        its resolution; and one read of files that have the size of another.
    """
    received = [type(these).__name__ for these in examples]
    if not examples or not all(isinstance(e, Examples) for e in examples):
        expected = "Examples, one or more; of several in a tuple, scan(*splits)"
        raise ValueError(arguments.invalid("examples", received, expected))
    arguments.boolean("decode", decode)
    arguments.one_of("on_error", on_error, MODES)
    arguments.non_negative_int("few", few)
    arguments.one_of("verbose", verbose, (0, 1, 2))
    places = [
        (part, these, index)
        for part, these in enumerate(examples)
        for index in range(len(these))
    ]
    checked = _all(lambda place: check(*place, decode), places, verbose)
    faulty = {
        one.file: these.names[index]
        for one, (_, these, index) in zip(checked, places, strict=True)
        if one.file and not one.usable
    }
    moved = quarantine(faulty) if on_error == "quarantine" else {}
    rows, parts = [], [[] for _ in examples]
    for one in checked:
        parts[one.part].append(one)
        action = "" if one.usable else moved.get(one.file, "left out")
        rows += [_row(one.part, *fault, action) for fault in one.found]
    left = tuple(map(_left, examples, parts))
    rows += _copies([one for one in checked if one.usable], verbose)
    rows += [row for part in enumerate(left) for row in _rare(*part, few)]
    report = ScanReport(rows, left, tables(examples, left, parts))
    if on_error == "error":
        _raise(report)
    return report


def _all(work, items, verbose):
    """What `work` makes of each item, with a bar on stderr."""
    results = []
    # Keras' bar knows stdout only, which may be somebody's output.
    with contextlib.redirect_stdout(sys.stderr):
        bar = keras.utils.Progbar(len(items), verbose=verbose, unit_name="file")
    shares = [items[i : i + _SHARE] for i in range(0, len(items), _SHARE)]
    for share in in_threads(lambda share: [*map(work, share)], shares):
        results += share
        with contextlib.redirect_stdout(sys.stderr):
            bar.update(len(results))
    return results


def _row(part, file, kind, reason, action=""):
    return dict(file=file, part=part, kind=kind, reason=reason, action=action)


def _left(these, checked):
    """A part without faults, which notices when a file changes."""
    watched = {}
    for number, field in enumerate(("images", "masks")):
        pixels = getattr(these, field)
        if isinstance(pixels, Pixels):
            seen = [one.seen[number] for one in checked]
            watched[field] = pixels.unchanged(seen)
    usable = np.array([one.usable for one in checked], bool)
    return dataclasses.replace(these, **watched)[usable]


def _copies(checked, verbose):
    """A row for every image but the first of those that are the same."""

    def key(one):
        # What vanishes now is said when it is decoded.
        with contextlib.suppress(OSError):
            return digest(one.content)
        return id(one)

    sizes = collections.Counter(one.size for one in checked)
    suspects = [one for one in checked if one.size and sizes[one.size] > 1]
    rows, first = [], {}
    keys = _all(key, suspects, verbose)
    for one, found in zip(suspects, keys, strict=True):
        original = first.setdefault(found, one)
        if original is not one:
            across = " across parts" * (original.part != one.part)
            reason = f"the same as {original.name!r} of part {original.part}"
            rows.append(_row(one.part, one.name, f"duplicate{across}", reason))
    return rows


def _rare(part, these, few):
    for name, count in zip(these.class_names, class_counts(these), strict=True):
        if not count:
            yield _row(part, "", "class without examples", f"none of {name!r}")
        elif count < few:
            reason = f"{count} of {name!r}"
            yield _row(part, "", "class with few examples", reason)


def _raise(report):
    problems = Problems("Scan")
    for row in report.rows:
        if row["kind"] in FAULTS:
            problems.add(words(row))
    try:
        problems.raise_any()
    except ValueError as error:
        error.report = report
        raise


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
