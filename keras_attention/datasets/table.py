"""Examples from a table with one row an image, such as ISIC's CSV files."""

import os
import re

from keras_attention.datasets.array_labels import measurements
from keras_attention.datasets.assemble import ReadImage
from keras_attention.datasets.assemble import assemble
from keras_attention.datasets.columns import check_columns
from keras_attention.datasets.columns import groups_of
from keras_attention.datasets.columns import labels_of
from keras_attention.datasets.columns import name_in
from keras_attention.datasets.columns import read_rows
from keras_attention.datasets.files import Folder
from keras_attention.datasets.files import find_all
from keras_attention.datasets.files import without_suffix
from keras_attention.internals.arguments import boolean
from keras_attention.internals.arguments import invalid


def from_table(
    table,
    *,
    images=None,
    image,
    label,
    mask=None,
    masks=None,
    group=None,
    weight=None,
    regression=False,
    separator=None,
    one_hot=False,
    class_names=None,
    size=None,
    layout="stretch",
    channels=3,
    white=None,
    extension=None,
    delimiter=",",
    cache="auto",
):
    """Reads images that a table names, with their labels, masks and groups.

    The table is checked before anything is returned, and nothing is left out: a
    row that cannot be used is an error, an image file that no row names is not.
    The images are decoded and checked with it if they fit into memory, and
    otherwise when they are asked for.

    Args:
        table: str or path of a CSV file with a header, in UTF-8 (a byte order
            mark, CRLF and quoted commas are fine), or an iterable of dicts,
            such as `frame.to_dict("records")`.
        images: str or path, folder of the images, out of which no name and no
            link may lead. `None` takes paths as they are, absolute or from the
            folder of the CSV file, or from the current one for dicts. Defaults
            to `None`.
        image: str, column with their file names, with or without extension, or
            paths.
        label: str or tuple, column with one class a row, in words or numbers;
            lists of several (`["cat", "dog"]`, in a CSV file the same as text);
            with `separator`, several in a cell (`"cat;dog"`); or columns of 0
            and 1, one a class. An empty cell is an error. That an image shows
            no class at all can be said in columns or by an empty list.
        mask: str, column with the masks' file names, where an empty cell means
            that the mask is not known; or a pattern with `{id}` for the image's
            name without extension, such as `"{id}_segmentation.png"`, which
            then has to be there for every row. A mask of zeros is known: the
            object is not there. Defaults to `None`.
        masks: str or path, folder of the masks; `images` if `None`. Defaults to
            `None`.
        group: str, column of what must stay together, such as the patient.
            Defaults to `None`.
        weight: str, column of how much each image counts in a loss, numbers of
            at least 0. Defaults to `None`.
        regression: bool, whether `label` is a column, or several, of numbers to
            predict and not of classes. Defaults to `False`.
        separator: str, between the classes of a cell. Defaults to `None`.
        one_hot: bool, whether the columns of `label` hold one 1 a row and mean
            one class an image. Never guessed: several columns are multi-label
            otherwise, even if every row has a single 1. Defaults to `False`.
        class_names: sequence of str; the order of the classes, which are sorted
            if `None`. With names such as `("benign", "malignant")` cells may
            also be indices, 0 and 1. With columns, other names for them.
            Defaults to `None`.
        size: int or tuple `(height, width)` the images are brought to; `None`
            if they have one size already. Defaults to `None`.
        layout: str, `"stretch"`, `"pad"` or `"crop"`; see `lay_out`.
            Defaults to `"stretch"`.
        channels: int, 3 for RGB or 1 for grey; as many as they have of `.npy`
            files. Defaults to `3`.
        white: float or tuple, as for `read_image`. Defaults to `None`.
        extension: str, appended to every name in `image`, such as `".jpg"`;
            with `None` a name without image extension means the one image of
            that name. Defaults to `None`.
        delimiter: str, between the cells of a CSV file. Defaults to `","`.
        cache: str or `None`, what becomes of the decoded images: `"memory"`
            holds them; `"disk"` holds them in a file under `~/.keras`, made
            once and shared by all runs, until `clear_cache`; `None` decodes
            them whenever they are asked for. `"auto"` takes memory up to 1 GiB,
            says so and takes `None` beyond. Defaults to `"auto"`.

    Returns:
        An `Examples`; its `names` are the image files. Of a regression its
        `labels` are float32 `(count,)` or `(count, columns)`, and it has no
        `class_names`.

    Raises:
        ValueError: for a table that is empty or lacks a column; and, a
            `DataError`, for all rows that are wrong, in one message that names
            the first five and counts the rest: images and masks that are
            missing, unreadable or differ in size, images named twice, labels
            missing or unknown.

    Example:

    ```python
    examples = datasets.from_table(
        "ISIC-2017_Training_Part3_GroundTruth.csv",
        images="ISIC-2017_Training_Data",
        image="image_id",
        label="melanoma",
        class_names=("benign", "malignant"),
        mask="{id}_segmentation.png",
        masks="ISIC-2017_Training_Part1_GroundTruth",
        size=224,
    )
    ```
    """
    reader = ReadImage(size, layout, channels, white=white)
    boolean("regression", regression)
    is_file = isinstance(table, (str, os.PathLike))
    folder = os.path.dirname(table) if is_file and images is None else images
    image_folder = Folder("images", folder or "", open=images is None)
    mask_folder = image_folder if masks is None else Folder("masks", masks)
    problems, rows = read_rows(table, delimiter)
    by_pattern = _is_pattern(mask, masks, rows[0])
    several = [label] if isinstance(label, str) else list(label)
    others = (group, weight, None if by_pattern else mask)
    others = [name for name in others if name is not None]
    check_columns([image, *several, *others], rows, problems.source)

    names = [name_in(row, image) for row in rows]
    paths = find_all(image_folder, names, problems, extension)
    _check_named_once(names, paths, problems)
    cells = [[row.get(name) for name in several] for row in rows]
    labels, class_names = labels_of(
        cells, label, problems, regression, separator, one_hot, class_names
    )
    groups = weights = mask_paths = None
    if group is not None:
        groups = groups_of([row.get(group) for row in rows], problems, group)
    if weight is not None:
        column = [row.get(weight) for row in rows]
        what = f"weight {weight!r}"
        weights = measurements(column, problems, what, least=0)
    if by_pattern:
        wanted = [
            _mask_name(mask, name, path, image_folder, masks)
            for name, path in zip(names, paths, strict=True)
        ]
        before = len(problems)
        mask_paths = find_all(mask_folder, wanted, problems)
        if len(problems) > before:
            problems.hint(
                "Where some masks are not known, name them in a column, "
                "mask='column': an empty cell of it is no error."
            )
    elif mask is not None:
        wanted = [
            # Of an image that is not there no mask is missed.
            "" if path is None else name_in(row, mask)
            for path, row in zip(paths, rows, strict=True)
        ]
        mask_paths = find_all(mask_folder, wanted, problems)
    # What has no file has been noted; the others are still read, so that
    # one message says everything.
    known = dict(
        labels=labels,
        class_names=class_names,
        names=tuple(path and image_folder.shown(path) for path in paths),
        groups=groups,
        weights=weights,
    )
    return assemble(paths, mask_paths, None, reader, cache, problems, **known)


def _is_pattern(mask, masks, row):
    """Whether `mask` is a pattern of names, and no column."""
    if mask is None:
        if masks is not None:
            raise ValueError(invalid("mask", mask, "a column or a pattern"))
        return False
    by_pattern = "{id}" in mask
    if not by_pattern and re.search("{.*}", mask) and mask not in row:
        expected = "a column, or a pattern with {id} for the image's name"
        raise ValueError(invalid("mask", mask, expected))
    return by_pattern


def _check_named_once(names, paths, problems):
    first = {}
    for row, (name, path) in enumerate(zip(names, paths, strict=True)):
        if not name:
            problems.at(row, "the image's name is missing")
        elif path in first:
            place = problems.places[first[path]]
            problems.at(row, f"{name!r} is in {place} already")
        elif path is not None:
            first[path] = row


def _mask_name(pattern, name, path, folder, masks):
    """What a pattern makes of an image's name; nothing of one of no file."""
    if path is None:
        return ""
    if os.path.isabs(name):
        name = folder.shown(path)
        # The same in another folder.
        name = path.name if os.path.isabs(name) and masks else name
    return pattern.replace("{id}", without_suffix(name))
