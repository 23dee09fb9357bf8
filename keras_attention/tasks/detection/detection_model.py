"""Training and use of networks that find objects."""

import keras
from keras import ops

from keras_attention.internals import arguments
from keras_attention.losses import FocalLoss
from keras_attention.tasks.detection.assignment import by_cells
from keras_attention.tasks.detection.assignment import by_matching
from keras_attention.tasks.detection.assignment import l1_distance
from keras_attention.tasks.detection.assignment import one_hot_labels
from keras_attention.tasks.detection.boxes import generalized_iou
from keras_attention.tasks.detection.objects import find_objects

_TERMS = ("class", "giou", "l1")


@keras.saving.register_keras_serializable(package="keras_attention")
class DetectionModel(keras.Model):
    """A functional model that finds objects: the loss, and what it has found.

    Of the predictions of an image some answer for an object each, as
    `assignment` says, and the others for none. With `P` the number of those
    that do in the batch, or 1 if there are none,

    `loss = (w_class sum FL(logits) + w_giou sum (1 - GIoU) + w_l1 sum L1) / P`

    where the focal loss is summed over all predictions and classes, and the
    other two, in float32, over those that answer for an object. Auxiliary
    outputs add the same, matched for themselves.

    `fit` takes `(images, {"boxes": ..., "labels": ...})`, as `pad_objects`
    makes them; images may have no objects, and batches may differ in size.

    Args:
        *args: symbolic tensors, `inputs` and `outputs` of the functional
            model. Outputs are a dict of `logits`
            `(batch, predictions, classes)`, `boxes` `(batch, predictions, 4)`,
            `(ymin, xmin, ymax, xmax)` as shares of the image, both float32,
            and either `cells` `(batch, predictions, 4)` or optionally
            `auxiliary_logits` and `auxiliary_boxes`, `(batch, layers, ...)`.
        assignment: str, `"cells"`: the cells around an object's centre answer
            for it; or `"matching"`: one prediction does, the one that makes
            the sum of costs least. Defaults to `"cells"`.
        class_weight: float, `w_class`. Defaults to `1.0`.
        giou_weight: float, `w_giou`. Defaults to `2.0`.
        l1_weight: float, `w_l1`, of the centres and sides. Defaults to `0.0`.
        **kwargs: `inputs` and `outputs`, if not by position, and Keras' model
            arguments (`name`, `trainable`).

    Call arguments:
        inputs: Images `(batch, height, width, channels)`.
        training: Whether the model is being trained.

    Returns:
        The dict of outputs.

    Raises:
        ValueError: For a model without these outputs, numbers out of range,
            sample weights in `fit`, and labels that are not in the classes.

    Example:

    >>> import keras, numpy as np
    >>> from keras_attention.tasks import detection
    >>> pixels = keras.Input((None, None, 1))
    >>> x = keras.layers.Conv2D(4, 3, 4, padding="same", name="maps")(pixels)
    >>> model = detection.OneStageDetector(
    ...     keras.Model(pixels, x), classes=2, levels=["maps"], channels=8
    ... )
    >>> model.compile("adam", run_eagerly=True)
    >>> images = np.zeros((2, 16, 24, 1), "float32")
    >>> objects = detection.pad_objects([[[0, 0, 0.5, 0.5]], []], [[1], []])
    >>> history = model.fit(images, objects, verbose=0)
    >>> sorted(history.history)
    ['class_loss', 'giou_loss', 'l1_loss', 'loss']
    >>> sorted(model.detect(images))
    ['boxes', 'labels', 'scores']

    Reference:
        Tian, Shen, Chen, He: FCOS. ICCV 2019. Carion et al.: End-to-End
        Object Detection with Transformers. ECCV 2020. Focal loss in place of
        "no object" with matching: Zhu et al.: Deformable DETR. ICLR 2021.

    Differs from the paper:
        FCOS has a centre-ness beside the classes; here cells near the centre
        alone answer. DETR has a softmax with a class of no object.

    Cost:
        That of the network. The matching takes a copy of the costs to the
        CPU in every step, and under TensorFlow no XLA.

    See also:
        `OneStageDetector` and `DETR`, which make one.
    """

    def __init__(
        self,
        *args,
        assignment="cells",
        class_weight=1.0,
        giou_weight=2.0,
        l1_weight=0.0,
        **kwargs,
    ):
        super().__init__(*args, **kwargs)
        self.assignment = arguments.one_of(
            "assignment", assignment, ("cells", "matching")
        )
        self.class_weight, self.giou_weight, self.l1_weight = (
            arguments.non_negative_float(name, value)
            for name, value in (
                ("class_weight", class_weight),
                ("giou_weight", giou_weight),
                ("l1_weight", l1_weight),
            )
        )
        needed = {"logits", "boxes"}
        needed |= {"cells"} if assignment == "cells" else set()
        outputs = getattr(self, "output", None)
        if not isinstance(outputs, dict) or needed - outputs.keys():
            raise ValueError(
                f"DetectionModel with assignment={assignment!r} needs a dict "
                f"of outputs with {', '.join(sorted(needed))}. Received: "
                f"outputs={outputs}"
            )
        self.class_loss, self.giou_loss, self.l1_loss = (
            keras.metrics.Mean(f"{term}_loss") for term in _TERMS
        )
        self.focal = FocalLoss(
            alpha=0.25, multi_label=True, reduction=None, dtype="float32"
        )
        if assignment == "matching" and keras.backend.backend() != "jax":
            self.supports_jit = False  # XLA knows no NumPy

    @property
    def classes(self):
        """Number of classes."""
        return self.output["logits"].shape[-1]

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        """The loss of assigned predictions; see the class."""
        if sample_weight is not None:
            raise ValueError(
                "Objects have no weights: DetectionModel trains on (images, "
                "objects). Received: sample_weight"
            )
        objects = _read(y)
        weights = self.class_weight, self.giou_weight, self.l1_weight
        loss = sum(ops.sum(extra) for extra in self.losses)
        for outputs in _all_layers(y_pred):
            if self.assignment == "cells":
                matches = by_cells(objects, outputs["cells"])
            else:
                matches = by_matching(objects, outputs, weights)
            terms = self._terms(objects, outputs, matches)
            loss = loss + sum(
                w * t for w, t in zip(weights, terms, strict=True)
            )
        trackers = self.class_loss, self.giou_loss, self.l1_loss
        for tracker, term in zip(trackers, terms, strict=True):
            tracker.update_state(term)  # the last layer's, which is asked
        return loss

    def _terms(self, objects, outputs, matches):
        """Focal loss, `1 - GIoU` and L1, each over the answers' number."""
        answers = matches >= 0
        weights = ops.cast(answers, "float32")
        index = ops.maximum(matches, 0)
        boxes = ops.take_along_axis(
            objects["boxes"], ops.expand_dims(index, -1), axis=1
        )
        labels = ops.take_along_axis(objects["labels"], index, axis=1)
        logits = outputs["logits"]
        # A label that is no class is NaN in the loss, where it can be seen.
        known = ops.logical_or(labels < self.classes, matches < 0)
        targets = one_hot_labels(labels, self.classes)
        targets = targets * ops.expand_dims(weights, -1)
        focal = self.classes * self.focal(targets, logits)
        focal = ops.where(known, focal, float("nan"))
        apart = 1.0 - generalized_iou(outputs["boxes"], boxes)
        distance = l1_distance(outputs["boxes"], boxes)
        count = ops.maximum(ops.sum(weights), 1.0)
        return [
            ops.sum(focal) / count,
            ops.sum(ops.where(answers, apart, 0.0)) / count,
            ops.sum(ops.where(answers, distance, 0.0)) / count,
        ]

    def detect(
        self,
        images,
        score_threshold=0.05,
        iou_threshold=None,
        max_detections=100,
        batch_size=32,
    ):
        """What is found in images, as objects are given to `fit`.

        Args:
            images: array `(images, height, width, channels)`, or what else
                `predict` takes.
            score_threshold: float, as in `find_objects`. Defaults to `0.05`.
            iou_threshold: float or `None`, as in `find_objects`; `None` is
                0.5 for cells, of which several answer for an object, and 1.0
                for matching, where nothing is found twice. Defaults to
                `None`.
            max_detections: int, as in `find_objects`. Defaults to `100`.
            batch_size: int, images at a time. Defaults to `32`.

        Returns:
            A dict of `boxes` `(images, found, 4)`, `labels` and `scores`
            `(images, found)`, padded with -1.
        """
        if iou_threshold is None:
            iou_threshold = 0.5 if self.assignment == "cells" else 1.0
        outputs = self.predict(images, batch_size=batch_size, verbose=0)
        return find_objects(
            outputs, score_threshold, iou_threshold, max_detections
        )

    def get_config(self):
        """The functional model's, and the constructor's arguments."""
        return {
            **super().get_config(),
            "assignment": self.assignment,
            "class_weight": self.class_weight,
            "giou_weight": self.giou_weight,
            "l1_weight": self.l1_weight,
        }


def _read(y):
    if not isinstance(y, dict) or {"boxes", "labels"} - y.keys():
        raise ValueError(
            'DetectionModel trains on {"boxes": (batch, objects, 4), "labels": '
            f"(batch, objects)}}, as pad_objects makes them. Received: y={y}"
        )
    return {
        "boxes": ops.cast(y["boxes"], "float32"),
        "labels": ops.cast(y["labels"], "int32"),
    }


def _all_layers(outputs):
    """The auxiliary outputs, layer by layer, and the outputs."""
    auxiliary = outputs.get("auxiliary_logits")
    for layer in range(0 if auxiliary is None else auxiliary.shape[1]):
        yield {
            key: outputs[f"auxiliary_{key}"][:, layer]
            for key in ("logits", "boxes")
        }
    yield outputs
