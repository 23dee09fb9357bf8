"""What a frozen network makes of a data set, computed once."""

import math
import pathlib

import filelock
import keras
import numpy as np

from keras_attention.datasets.examples import Examples
from keras_attention.inspection.whole_batches import WholeBatches
from keras_attention.internals import arguments
from keras_attention.internals.files import home
from keras_attention.internals.files import written_whole
from keras_attention.internals.npy import npy_header
from keras_attention.surgery.graph import is_functional
from keras_attention.training.fingerprint import fingerprint

_DTYPES = ("float32", "float16")


def cached_features(
    model, data, folder=None, *, batch_size=32, dtype="float32"
):
    """What `model.predict(data)` gives, computed once and kept on disk.

    Where a pretrained network stays as it is and only a head on top is
    trained, its maps need not be computed in every epoch of every training:

        maps = cached_features(keras.Model(network.input, place.output), train)
        head.fit(maps, train.labels)

    They are kept by what they are: the configuration and weights of the
    model, and every number of the data. The same call later, or in another
    process, reads them; a model with other weights, or other images, has
    others. Names of layers, `trainable` and `compile` make no difference.

    Args:
        model: `keras.Model`, functional or sequential, with one output or
            several, such as maps at several depths in a dictionary. Its
            answer to an image must not depend on the others of its batch.
        data: `Examples`, array, or list or dict of arrays, what the model
            takes, one entry an example. Images of `Examples` become float32
            in [0, 1], as `datasets.batches` has them; preprocessing is a part
            of the model, for instance a `keras.layers.Rescaling` in front.
        folder: str or path, where they are kept, made if need be; `None` is
            `features/keras_attention` in `$KERAS_HOME` or `~/.keras`. Defaults
            to `None`.
        batch_size: int, how many examples are computed together. Defaults to
            `32`.
        dtype: str, `"float32"`, or `"float16"`, half as large and rounded to
            three digits. Defaults to `"float32"`.

    Returns:
        What the model returns, an array for each of its outputs: read-only
        `np.memmap` `(count, ...)`. As `x` they go into `fit`, `evaluate`,
        `predict` and, beside labels, `tuning.search`. An array reads from disk
        what is asked of it; `np.array(maps)` reads all.

    Raises:
        ValueError: For a model that is not functional, data that it does not
            take, no examples, a bad argument, and answers that are not finite
            or too large for float16.
        OSError: For a folder that cannot be written.

    Example:

    >>> import tempfile
    >>> folder = tempfile.mkdtemp()
    >>> images = np.random.default_rng(0).random((5, 8, 8, 3), "float32")
    >>> inputs = keras.Input((8, 8, 3))
    >>> low = keras.layers.Conv2D(4, 3)(inputs)
    >>> high = keras.layers.Conv2D(6, 3)(low)
    >>> network = keras.Model(inputs, {"low": low, "high": high})
    >>> maps = cached_features(network, images, folder)
    Computing features of 5 examples to ...
    >>> maps["low"].shape, maps["high"].shape
    ((5, 6, 6, 4), (5, 4, 4, 6))
    >>> again = cached_features(network, images, folder)

    Cost:
        The first time that of `predict`. Later one pass over the data and the
        weights for their fingerprint, which decodes `Pixels`. On disk 2 or 4
        bytes a number; nothing is ever deleted there.
    """
    if not is_functional(model):
        expected = "a functional or built sequential keras.Model"
        raise ValueError(
            arguments.invalid("model", type(model).__name__, expected)
        )
    arguments.positive_int("batch_size", batch_size)
    arguments.one_of("dtype", dtype, _DTYPES)
    data, scale = _arrays(data)
    specs = _outputs(model, data)
    count = len(keras.tree.flatten(data)[0])
    shapes = [(count, *s.shape[1:]) for s in keras.tree.flatten(specs)]

    folder = pathlib.Path(folder or home("features", "keras_attention"))
    folder.mkdir(parents=True, exist_ok=True)
    structure = repr(keras.tree.map_structure(lambda _: 0, data))
    key = fingerprint(
        model, keras.tree.flatten(data), structure, str(scale), dtype
    )
    path = folder / key
    files = [path / f"{index}.npy" for index in range(len(shapes))]
    with filelock.FileLock(folder / f"{key}.lock"):
        whole = map(_is_whole, files, shapes, [dtype] * len(files))
        if not all(whole):
            _compute(model, data, scale, path, shapes, batch_size, dtype)
    arrays = [np.load(file, mmap_mode="r") for file in files]
    return keras.tree.pack_sequence_as(specs, arrays)


def _arrays(data):
    """The arrays of what the model takes, and what they are divided by."""
    if isinstance(data, Examples):
        return data.images, np.float32(255)
    data = keras.tree.map_structure(
        lambda array: arguments.real_array("data", array), data
    )
    lengths = [array.shape[:1] for array in keras.tree.flatten(data)]
    if len({*lengths}) != 1 or lengths[0] in ((), (0,)):
        expected = "Examples, or arrays of one length, at least 1"
        raise ValueError(arguments.invalid("data", lengths, expected))
    return data, None


def _outputs(model, data):
    """The model's outputs for one example, as tensors without values."""
    inputs = keras.tree.map_structure(
        lambda array: keras.KerasTensor((1, *array.shape[1:])), data
    )
    specs = model.compute_output_spec(inputs)
    for spec in keras.tree.flatten(specs):
        if not spec.shape or None in spec.shape[1:]:
            expected = "what has outputs (batch, ...) of known sizes"
            raise ValueError(arguments.invalid("model", spec.shape, expected))
    return specs


def _is_whole(file, shape, dtype):
    """Whether a file is there and holds what it should, to its end."""
    try:
        with file.open("rb") as stream:
            header = npy_header(stream, file.stat().st_size)
    except (OSError, ValueError):
        return False
    return header.shape == shape and header.dtype == dtype


def _compute(model, data, scale, path, shapes, batch_size, dtype):
    count = shapes[0][0]
    size = sum(map(math.prod, shapes)) * np.dtype(dtype).itemsize / 1e9
    again = " again, for what is there is damaged" if path.exists() else ""
    print(
        f"Computing features of {count:,} examples{again} to {path}, "
        f"{size:.1f} GB",
        flush=True,
    )
    answer = WholeBatches(model)
    bar = keras.utils.Progbar(count)
    with written_whole(path) as new:
        new.mkdir()
        outputs = [
            np.lib.format.open_memmap(new / f"{i}.npy", "w+", dtype, shape)
            for i, shape in enumerate(shapes)
        ]
        for start in range(0, count, batch_size):
            part = slice(start, min(start + batch_size, count))
            answers = keras.tree.flatten(answer(_batch(data, part, scale)))
            for output, values in zip(outputs, answers, strict=True):
                output[part] = _kept(values, dtype, part)
            bar.update(part.stop)
        for output in outputs:
            output.flush()


def _batch(data, part, scale):
    batch = keras.tree.map_structure(lambda array: array[part], data)
    return batch if scale is None else batch.astype("float32") / scale


def _kept(values, dtype, part):
    """A model's answers in the dtype of the file."""
    with np.errstate(over="ignore"):  # said below
        kept = np.asarray(values).astype(dtype)
    if not np.isfinite(kept).all():
        raise ValueError(
            f"The features of examples {part.start} to {part.stop - 1} are "
            f"not finite in {dtype}, and so none are kept. float16 ends at "
            "65504: with dtype='float32' larger ones are."
        )
    return kept
