"""How good a detector is, as COCO and as Pascal VOC count it."""

import keras
import numpy as np

from keras_attention.internals import arguments
from keras_attention.internals.requirements import explained
from keras_attention.tasks.detection.objects import exist
from keras_attention.tasks.detection.objects import expect_finite

_SIZES = ("all", "small", "medium", "large")


def mean_average_precision(
    objects, detections, class_names=None, image_size=None
):
    """The average precision of what was found, a mean over classes.

    A detection is right if its IoU with an object of its class is above a
    threshold, and no better detection has taken the object. The average
    precision of a class is the mean, over shares of objects that are found,
    of the best precision at which as many or more are: over 101 shares and
    the thresholds .5, .55 to .95 (COCO), over 11 shares at .5 (VOC 2007), or
    over those that occur (VOC since 2010). Of an image the best 100 count. A
    class without an object has none, and counts in no mean.

    Args:
        objects: dict of arrays, `boxes` `(images, objects, 4)`,
            `(ymin, xmin, ymax, xmax)` as shares of the image, and `labels`
            `(images, objects)`, padded with -1; optionally `crowd`, 0 or 1
            `(images, objects)`: what is found there counts neither as right
            nor as wrong.
        detections: dict of arrays, `boxes` `(images, found, 4)`, `labels` and
            `scores` `(images, found)`, padded with -1, as
            `DetectionModel.detect` gives them.
        class_names: list of str or `None`; `None` takes the numbers up to the
            highest label. Defaults to `None`.
        image_size: tuple or array or `None`, height and width in pixels, or
            `(images, 2)` of each: objects are told apart by size, below 32^2
            pixels, below 96^2 and above. Defaults to `None`.

    Returns:
        A dict of `map` (COCO), `map50`, `map75`, `voc11` and `voc` (both at
        IoU .5), with `image_size` also `map_small`, `map_medium` and
        `map_large`, and of `per_class`, `{name: {"ap": ..., "ap50": ...}}`.
        NaN where there is no object to find.

    Raises:
        ValueError: If images differ in number, if a label has no name, and
            for predictions that are not finite, naming their image.

    Example:

    ```python
    found = model.detect(images)
    detection.mean_average_precision(objects, found)["map50"]
    ```

    Reference:
        Lin et al.: Microsoft COCO. ECCV 2014. Everingham et al.: The Pascal
        Visual Object Classes Challenge. IJCV 2010 and 2015.

    Differs from the paper:
        VOC compares a detection with the object that it overlaps most, and
        calls it wrong if that is taken; COCO, and `voc` here too, gives it
        the best of those that are free. VOC has no limit of 100.

    Cost:
        That of `faster-coco-eval`, some milliseconds a hundred images.

    See also:
        `MeanAveragePrecision`, after every epoch.
    """
    with explained(__name__):
        from faster_coco_eval import COCO

    count = len(objects["labels"])
    if len(detections["labels"]) != count:
        raise ValueError(
            f"mean_average_precision takes detections of {count} images. "
            f"Received: detections of {len(detections['labels'])}"
        )
    expect_finite(boxes=detections["boxes"], scores=detections["scores"])
    labels = np.asarray(objects["labels"]), np.asarray(detections["labels"])
    highest = max([-1, *(int(x.max()) for x in labels if x.size)])
    names = list(class_names or range(highest + 1))
    if highest >= len(names):
        expected = f"a name of class {highest}"
        raise ValueError(
            arguments.invalid("class_names", class_names, expected)
        )
    shown = (1000, 1000) if image_size is None else image_size
    sizes = np.broadcast_to(np.asarray(shown, "float64"), (count, 2))
    truth = COCO(
        {
            "images": [{"id": image} for image in range(count)],
            "categories": [{"id": number} for number in range(len(names))],
            "annotations": _annotations(
                objects, keras.ops.convert_to_numpy(exist(objects)), sizes
            ),
        }
    )
    found = truth.loadRes(_annotations(detections, labels[1] >= 0, sizes))
    precision = _precision(truth, found)  # thresholds, shares, classes, sizes
    ap = _mean(precision, (0, 1))  # classes, sizes
    at_50 = precision[0, :, :, 0]  # shares, classes
    all_points = [_all_points(truth, found, n) for n in range(len(names))]
    means = {
        "map": _mean(ap[:, 0]),
        "map50": _mean(at_50),
        "map75": _mean(precision[5, :, :, 0]),
        "voc11": _mean(at_50[::10]),
        "voc": _mean(np.array(all_points)),
    }
    if image_size is not None:
        for index, size in enumerate(_SIZES[1:], 1):
            means[f"map_{size}"] = _mean(ap[:, index])
    per_class = {
        str(name): {"ap": float(ap[n, 0]), "ap50": float(_mean(at_50[:, n]))}
        for n, name in enumerate(names)
    }
    return {**{k: float(v) for k, v in means.items()}, "per_class": per_class}


class MeanAveragePrecision(keras.callbacks.Callback):
    """`mean_average_precision` in the logs, after epochs.

    The model's `history` has it then, and callbacks that stand behind this
    one, such as `keras.callbacks.ModelCheckpoint`, can go by it.

    Args:
        images: array, what `DetectionModel.detect` takes.
        objects: dict of arrays, as for `mean_average_precision`.
        every: int, after how many epochs each. Defaults to `1`.
        prefix: str, in front of the names. Defaults to `"val_"`.
        batch_size: int, images at a time. Defaults to `32`.
        **kwargs: As for `mean_average_precision`.

    Example:

    ```python
    watch = detection.MeanAveragePrecision(images, objects, every=5)
    history = model.fit(train, epochs=50, callbacks=[watch]).history
    history["val_map50"]
    ```
    """

    def __init__(
        self,
        images,
        objects,
        every=1,
        prefix="val_",
        batch_size=32,
        **kwargs,
    ):
        super().__init__()
        self.images, self.objects = images, objects
        self.batch_size = arguments.positive_int("batch_size", batch_size)
        self.every = arguments.positive_int("every", every)
        self.prefix, self.options = prefix, kwargs

    def on_epoch_end(self, epoch, logs=None):
        """Looks at the images; see the class."""
        if (epoch + 1) % self.every or logs is None:
            return
        detections = self.model.detect(self.images, batch_size=self.batch_size)
        found = mean_average_precision(self.objects, detections, **self.options)
        del found["per_class"]
        logs.update({f"{self.prefix}{k}": v for k, v in found.items()})


def _annotations(objects, there, sizes):
    """COCO's dicts, `x, y, width, height` in pixels, ids from 1 on."""
    annotations = []
    for image, index in np.argwhere(there):
        height, width = sizes[image]
        box = np.asarray(objects["boxes"][image][index], "float64")
        top, left, bottom, right = box * (height, width, height, width)
        sides = right - left, bottom - top
        annotation = {
            "id": len(annotations) + 1,
            "image_id": int(image),
            "category_id": int(objects["labels"][image][index]),
            "bbox": [left, top, *sides],
            "area": sides[0] * sides[1],
            "iscrowd": 0,
        }
        if "scores" in objects:
            annotation["score"] = float(objects["scores"][image][index])
        if "crowd" in objects:
            annotation["iscrowd"] = int(objects["crowd"][image][index])
        annotations.append(annotation)
    return annotations


def _precision(truth, found, **params):
    """`(thresholds, shares, classes, sizes)`, NaN where nothing is to find."""
    from faster_coco_eval import COCOeval_faster

    evaluation = COCOeval_faster(truth, found, "bbox")
    for name, value in params.items():
        setattr(evaluation.params, name, value)
    evaluation.evaluate()
    evaluation.accumulate()
    precision = np.array(evaluation.eval["precision"])[..., -1]
    return np.where(precision < 0, np.nan, precision)


def _all_points(truth, found, label):
    """The area under a class's curve, exactly: every object is a share."""
    ids = truth.getAnnIds(catIds=[label], iscrowd=False)
    if not ids:
        return np.nan
    shares = np.arange(1, len(ids) + 1) / len(ids)
    one = {"catIds": [label], "iouThrs": np.array([0.5]), "recThrs": shares}
    return _precision(truth, found, **one)[0, :, 0, 0].mean()


def _mean(values, axis=None):
    """The mean of what there is, without a warning where nothing is."""
    there = np.isfinite(values)
    total, count = np.where(there, values, 0).sum(axis), there.sum(axis)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)
