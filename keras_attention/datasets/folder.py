"""Examples from a folder of class folders."""

import pathlib

import numpy as np

from keras_attention.datasets.assemble import ReadImage
from keras_attention.datasets.assemble import assemble
from keras_attention.datasets.duplicates import warn_of_copies
from keras_attention.datasets.files import SPLIT_FOLDERS
from keras_attention.datasets.files import Folder
from keras_attention.datasets.files import find_all
from keras_attention.datasets.files import walk
from keras_attention.datasets.files import without_suffix
from keras_attention.datasets.info import splits_of
from keras_attention.datasets.labels import check_class_names
from keras_attention.datasets.labels import spelled_alike
from keras_attention.datasets.labels import unknown
from keras_attention.datasets.problems import Problems
from keras_attention.internals.arguments import invalid


def from_folder(
    path,
    size=None,
    layout="stretch",
    masks=None,
    mask="{id}",
    class_names=None,
    channels=3,
    white=None,
    cache="auto",
):
    """Reads `path/<class>/<image>`: the name of the folder is the class.

    Every file has to be an image that can be read, whatever it is called;
    only what file managers and notebooks leave behind (`.DS_Store`,
    `Thumbs.db`, `._*`, `.ipynb_checkpoints` ...) is passed over. Symbolic
    links are followed within `path`; one that leads out of it is an error.

    Args:
        path: str or path, the folder. If it holds `train`, `validation` and
            `test`, see `from_split_folders`.
        size: int or tuple `(height, width)` the images are brought to; `None`
            if they have one size already. Defaults to `None`.
        layout: str, `"stretch"`, `"pad"` or `"crop"`; see `lay_out`.
            Defaults to `"stretch"`.
        masks: str or path, folder of the masks, `masks/<class>/<mask>`, one for
            every image; `None` for no masks. Defaults to `None`.
        mask: str, a mask's name, with `{id}` for the image's name without
            extension; by default that name with any image extension. Defaults
            to `"{id}"`.
        class_names: sequence of str, the order of the classes; `None` sorts
            them, as text: "10" stands before "2". A class without a folder has
            no images. Defaults to `None`.
        channels: int, 3 for RGB or 1 for grey; as many as they have of `.npy`
            files. Defaults to `3`.
        white: float or tuple, as for `read_image`. Defaults to `None`.
        cache: str or `None`, as for `from_table`. Defaults to `"auto"`.

    Returns:
        An `Examples`; its `names` are `<class>/<image>`.

    Raises:
        ValueError: in one message that names the first five faults and counts
            the rest: a class folder without images, folders in class folders,
            files beside them, files that are no images or cannot be read,
            links out of the folder, masks that are missing or of another size
            than their image; and if there is no such folder, or less than two
            classes.

    Example:

    ```python
    examples = datasets.from_folder("flowers", size=128, layout="crop")
    ```
    """
    reader = ReadImage(size, layout, channels, white=white)
    if masks is None and mask != "{id}":
        raise ValueError(invalid("masks", masks, "a folder, beside mask"))
    root = _folder(path)
    problems = Problems(str(path))
    files = walk(root, problems)
    if not files:
        problems.add("there is no image in a class folder")
        problems.raise_any()
    names = [f"{folder}/{file.name}" for folder, file in files]
    # A name may hold a line break.
    problems.places = list(map(repr, names))
    folders = [folder for folder, _ in files]
    labels, class_names = _labels(folders, class_names, problems)
    mask_paths = None
    if masks is not None:
        wanted = [
            f"{folder}/{mask.replace('{id}', without_suffix(file.name))}"
            for folder, file in files
        ]
        mask_paths = find_all(Folder("masks", masks), wanted, problems)
    paths = [file for _, file in files]
    known = dict(labels=labels, class_names=class_names, names=tuple(names))
    return assemble(paths, mask_paths, None, reader, cache, problems, **known)


def from_split_folders(
    path, size=None, *, masks=None, class_names=None, **options
):
    """Reads `path/train`, `path/validation` and `path/test`.

    Each holds class folders, as `from_folder` reads them; `val` and `valid`
    are other names of `validation`. The classes are those of `train`: the
    other two may lack some, but have no others. With one of the three missing,
    read the others with `from_folder` and divide them with `split`.

    Args:
        path: str or path, the folder.
        size: int or tuple `(height, width)`; if `None` that of the training
            images, to which the others are brought. Defaults to `None`.
        masks: str or path, folder of the masks, `masks/train/<class>/<mask>`
            and so on. Defaults to `None`.
        class_names: sequence of str, as for `from_folder`. Defaults to `None`.
        **options: `layout`, `mask`, `channels`, `white` and `cache`, as for
            `from_folder`.

    Returns:
        A `Splits` of `Examples`, with `info`.

    Raises:
        ValueError: as `from_folder`, and if one of the three is missing.

    Example:

    ```python
    train, validation, test = datasets.from_split_folders("pets", size=128)
    ```
    """
    root = _folder(path)
    there = {p.name for p in root.iterdir() if p.is_dir()}
    names = []
    for aliases in SPLIT_FOLDERS:
        found = [alias for alias in aliases if alias in there]
        if len(found) != 1:
            raise ValueError(
                f"{path} has to hold one folder {' or '.join(aliases)}. "
                f"It holds {', '.join(sorted(there)) or 'no folders'}."
            )
        names += found
    parts = []
    for name in names:
        options["masks"] = masks and pathlib.Path(masks, name)
        options["class_names"] = class_names
        parts.append(from_folder(root / name, size, **options))
        class_names = parts[0].class_names
        size = parts[0].image_shape[:2]
    warn_of_copies(*parts)
    return splits_of(root.name, parts, [str(root / name) for name in names])


def _folder(path):
    root = pathlib.Path(path)
    if not root.is_dir():
        raise ValueError(invalid("path", str(path), "a folder that is there"))
    return root


def _labels(folders, class_names, problems):
    """The index of each image's class; names are taken as they are."""
    found = sorted(set(folders))
    if class_names is None:
        class_names = tuple(found)
        for pair in spelled_alike(found):
            problems.add(
                f"the class folders {pair[0]!r} and {pair[1]!r} look like one "
                "class; pass class_names if they are two"
            )
        if len(found) < 2:
            problems.add(f"{found[0]!r} is the only class; 2 are needed")
    else:
        class_names = check_class_names(class_names, least=2)
    index = {name: number for number, name in enumerate(class_names)}
    for name in found:
        if name not in index:
            problems.add(f"the folder {unknown(name, class_names)}")
    return np.array([index.get(name, 0) for name in folders]), class_names
