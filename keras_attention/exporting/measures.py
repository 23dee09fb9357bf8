"""An exported file beside Keras: differences, times, right answers."""

import statistics
import time

import numpy as np
from keras import ops

_BATCH_SIZE = 32
_TIMED_RUNS = 10
_SIZES_IF_UNKNOWN = (64, 96)
_COMPARED_IMAGES = 4


def random_images(shape, dtype):
    """Seeded noise to compare on.

    Args:
        shape: tuple `(height, width, channels)`. Unknown sizes become 64 and
            96, so that a converter which mixes them up is found out.
        dtype: str, `"uint8"`, or `"float32"` for images from 0 to 1.

    Returns:
        `(4, height, width, channels)`.
    """
    sizes = [
        size or default
        for size, default in zip(shape, _SIZES_IF_UNKNOWN, strict=False)
    ]
    rng = np.random.default_rng(0)
    images = rng.random((_COMPARED_IMAGES, *sizes, shape[-1]), "float32")
    return images if dtype == "float32" else (images * 256).astype(dtype)


def answer(run, images):
    """Runs images through a function in batches.

    Args:
        run: callable from images to a dictionary of arrays.
        images: array.

    Returns:
        A dictionary of arrays, as long as `images`.
    """
    parts = [
        run(images[start : start + _BATCH_SIZE])
        for start in range(0, len(images), _BATCH_SIZE)
    ]
    return {
        name: np.concatenate([part[name] for part in parts])
        for name in parts[0]
    }


def in_keras(model):
    """A function from images to arrays, as `predict` would answer."""

    def run(images):
        outputs = model.predict_on_batch(images)
        return {name: np.asarray(array) for name, array in outputs.items()}

    return run


def differences(seen, expected):
    """The largest absolute difference of every output; NaN counts as one."""
    return {
        name: float(np.abs(seen[name] - expected[name]).max(initial=0.0))
        for name in expected
    }


def milliseconds(run, images):
    """The median time of one image, after one that is not counted."""
    image = images[:1]
    run(image)
    seconds = []
    for _ in range(_TIMED_RUNS):
        start = time.perf_counter()
        run(image)
        seconds.append(time.perf_counter() - start)
    return 1000 * statistics.median(seconds)


def accuracy(scores, labels, threshold):
    """The share of right answers.

    Args:
        scores: array `(batch, classes)`; with one column, of class 1.
        labels: integer array `(batch,)`.
        threshold: float, where class 1 begins, for one column.
    """
    if scores.shape[1] == 1:
        answers = (scores[:, 0] > threshold).astype(int)
    else:
        answers = np.argmax(scores, -1)
    return float((answers == labels).mean())


def answers_of(model, pixels, images):
    """What the model as it was given answers to images, in batches."""

    def run(batch):
        prepared = pixels.prepare(ops.convert_to_tensor(batch))
        outputs = model.predict_on_batch(ops.convert_to_numpy(prepared))
        (array,) = (
            outputs.values()
            if isinstance(outputs, dict)
            else outputs
            if isinstance(outputs, list | tuple)
            else [outputs]
        )
        return {"answers": np.asarray(array, "float32")}

    return answer(run, images)["answers"]
