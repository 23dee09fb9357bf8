"""A look at all examples before a training."""

import concurrent.futures
import contextlib
import dataclasses
import os
import sys

import keras
import numpy as np

from keras_attention.datasets.checks import FAULTS
from keras_attention.datasets.checks import FILE_FAULTS
from keras_attention.datasets.checks import check
from keras_attention.datasets.checks import file_of
from keras_attention.datasets.checks import shown
from keras_attention.datasets.duplicates import digest
from keras_attention.datasets.examples import Examples
from keras_attention.datasets.pixels import THREADS
from keras_attention.datasets.pixels import Pixels
from keras_attention.datasets.problems import Problems
from keras_attention.datasets.quarantine import quarantine
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
    are copies if their files are byte for byte the same; those in memory, if
    their pixels are (see `find_duplicates`).

    `report.examples` are the parts without faults. Their files are compared
    with what was scanned: one that changes later is named when it is decoded.

    Args:
        *examples: `Examples`, such as the train, validation and test split.
        decode: bool, whether every file is decoded, which finds what is damaged
            behind its header, and empty and full masks; `False` reads headers
            only. Defaults to `False`.
        on_error: str, what becomes of faults. `"error"` raises, with all of
            them in the error's attribute `report`; `"skip"` leaves their
            examples out; `"quarantine"` also moves their image files, if they
            or their masks are at fault, from `photos/` to
            `photos_quarantine/`, a new folder beside it. Masks and tables
            stay. Defaults to `"error"`.
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
    _check_arguments(examples, decode, on_error, few, verbose)
    places = [
        (part, index)
        for part, these in enumerate(examples)
        for index in range(len(these))
    ]
    checked = dict(
        zip(
            places,
            _in_threads(
                lambda place: check(examples[place[0]], place[1], decode),
                places,
                verbose,
            ),
            strict=True,
        )
    )
    rows = [
        _row(place, *fault)
        for place in places
        for fault in checked[place].found
    ]
    bad = {row["place"] for row in rows if row["kind"] in FAULTS}
    good = [place for place in places if place not in bad]
    left = _left(examples, checked, good)
    rows += _copies(examples, checked, good, verbose)
    rows += _classes(left, few)
    moved = {}
    if on_error == "quarantine":
        moved = _quarantined(examples, rows)
    for row in rows:
        place = row.pop("place")
        row["action"] = moved.get(place, "left out" if place in bad else "")
    headers = [[] for _ in examples]
    for (part, _), one in checked.items():
        headers[part] += [one.header] if one.header else []
    report = ScanReport(rows, left, tables(examples, left, headers))
    if on_error == "error":
        _raise(report, len(places))
    return report


def _check_arguments(examples, decode, on_error, few, verbose):
    if not examples:
        raise ValueError(arguments.invalid("examples", examples, "Examples"))
    for these in examples:
        if not isinstance(these, Examples):
            received = type(these).__name__
            expected = "Examples, one or more"
            raise ValueError(arguments.invalid("examples", received, expected))
    arguments.boolean("decode", decode)
    arguments.one_of("on_error", on_error, MODES)
    arguments.non_negative_int("few", few)
    arguments.one_of("verbose", verbose, (0, 1, 2))


def _in_threads(work, items, verbose):
    """What `work` makes of each item, with a bar on stderr."""
    results = []
    if not items:
        return results
    # Keras' bar knows stdout only, which may be somebody's output.
    with contextlib.redirect_stdout(sys.stderr):
        bar = keras.utils.Progbar(len(items), verbose=verbose, unit_name="file")
    shares = [items[i : i + _SHARE] for i in range(0, len(items), _SHARE)]
    with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
        try:
            for share in pool.map(lambda share: [*map(work, share)], shares):
                results += share
                with contextlib.redirect_stdout(sys.stderr):
                    bar.update(len(results))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return results


def _row(place, file, kind, reason):
    row = {"part": place[0], "file": file, "kind": kind, "reason": reason}
    return {**row, "place": place}


def _left(examples, checked, good):
    """The parts without faults, which notice when a file changes."""
    left = []
    for part, these in enumerate(examples):
        watched = {}
        for number, field in enumerate(("images", "masks")):
            pixels = getattr(these, field)
            # What was decoded before, to disk, does not change.
            if isinstance(pixels, Pixels) and pixels.sources is pixels.files:
                watched[field] = pixels.unchanged(
                    checked[part, index].seen[number]
                    for index in range(len(these))
                )
        chosen = [index for place, index in good if place == part]
        left.append(
            dataclasses.replace(these, **watched)[np.array(chosen, int)]
        )
    return tuple(left)


def _copies(examples, checked, places, verbose):
    """A row for every image but the first of those that are the same."""

    def content(place):
        these = examples[place[0]]
        if isinstance(these.images, Pixels):
            return file_of(these, place[1])
        return these.images[place[1]]

    def key(place):
        # What vanishes now is said when it is decoded.
        with contextlib.suppress(OSError):
            return digest(content(place))
        return place

    by_size = {}
    for place in places:
        what, seen = content(place), checked[place].seen[0]
        if isinstance(what, (str, os.PathLike)):
            by_size.setdefault(seen[0], []).append(place)
        elif what is not None:
            by_size.setdefault(len(what), []).append(place)
    suspects = sorted(
        place for same in by_size.values() for place in same if len(same) > 1
    )
    rows, first = [], {}
    keys = _in_threads(key, suspects, verbose)
    for place, found in zip(suspects, keys, strict=True):
        original = first.setdefault(found, place)
        if original != place:
            across = " across parts" * (original[0] != place[0])
            names = [
                shown(content(p), examples[p[0]].names[p[1]])
                for p in (original, place)
            ]
            reason = f"the same as {names[0]!r} of part {original[0]}"
            rows.append(_row(place, names[1], f"duplicate{across}", reason))
    return rows


def _classes(left, few):
    rows = []
    for part, these in enumerate(left):
        for name, count in zip(
            these.class_names, class_counts(these), strict=True
        ):
            if not count:
                fault = "class without examples", f"none of {name!r}"
            elif count < few:
                fault = "class with few examples", f"{count} of {name!r}"
            else:
                continue
            rows.append(_row((part, None), "", *fault))
    return rows


def _quarantined(examples, rows):
    """Moves files; place to what became of its file."""
    files = {}
    for row in rows:
        part, index = place = row["place"]
        if row["kind"] in FILE_FAULTS:
            file = file_of(examples[part], index)
            if isinstance(file, (str, os.PathLike)):
                files[place] = file
    names = {
        file: examples[part].names[index]
        for (part, index), file in files.items()
    }
    outcomes = quarantine(names)
    return {place: outcomes[file] for place, file in files.items()}


def _raise(report, count):
    problems = Problems(f"Scan of {count:,} examples")
    for row in report.rows:
        if row["kind"] in FAULTS:
            problems.add(words(row))
    try:
        problems.raise_any()
    except ValueError as error:
        error.report = report
        error.add_note(
            "The error's attribute report has all of it; on_error='skip' "
            "leaves these examples out."
        )
        raise
