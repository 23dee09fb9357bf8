"""What a network for pixels answers while it is trained, drawn."""

import numpy as np

from keras_attention.callbacks.maps_in_training import in_batches
from keras_attention.callbacks.maps_in_training import unchanged
from keras_attention.callbacks.monitor import DRAWN
from keras_attention.callbacks.monitor import Monitor
from keras_attention.callbacks.monitor import pictures_of
from keras_attention.callbacks.monitor_files import Timelines
from keras_attention.inspection.whole_batches import WholeBatches
from keras_attention.internals import arguments
from keras_attention.metrics import dice_per_class
from keras_attention.visualization.pictures import mask_lines


class PredictionMonitor(Monitor):
    """Draws, epoch by epoch, which pixels a model takes for the object.

    After an epoch the images go through the model. `predictions.png` has a row
    of images an epoch, the pixels of the class bright on them, the true ones
    outlined, with the Dice of all of these pixels; `predictions.gif`, at the
    end, a frame an epoch. Of many epochs every second, fourth ... is kept.

    It looks and changes nothing, as `AttentionMonitor` does.

    Args:
        images: array, a few images as the model takes them, of which the first
            eight are drawn.
        labels: array of integers `(batch, height, width)`, the true classes of
            the pixels, or `(batch, height, width, 1)`.
        directory: str or path, for the figures.
        class_id: int, the class that is drawn. Defaults to `1`.
        every: int, epochs from one look to the next; the first is always
            looked at. Defaults to `1`.
        on_error: str, what an error while looking does: `"warn"` is reported
            once and the training goes on, `"raise"` ends it. Defaults to
            `"warn"`.
        threshold: float, above which a single output is class 1; `0` for
            logits. Defaults to `0.5`.
        ignore_class: int or `None`, a label of pixels of which nothing is
            known, which count nowhere. Defaults to `None`.
        pictures: array or `None`, the images as they are drawn, uint8 or floats
            in `[0, 1]`, if the model takes them preprocessed; `None` draws
            `images`. Defaults to `None`.
        batch_size: int, how many images go through the model at once. Defaults
            to `32`.

    Raises:
        ValueError: For labels or pictures that do not fit the images, and
            other arguments that cannot be.

    Example:

    ```python
    monitor = callbacks.PredictionMonitor(images, labels, "runs/pictures")
    unet.fit(train, epochs=20, callbacks=[monitor])
    ```

    Cost:
        The images go through the model, and a figure is written, about a second
        for a few epochs.

    See also:
        `AttentionMonitor`, for what the gates let through;
        `keras_attention.metrics.MeanDice`, for the number alone.
    """

    def __init__(
        self,
        images,
        labels,
        directory,
        class_id=1,
        every=1,
        on_error="warn",
        *,
        threshold=0.5,
        ignore_class=None,
        pictures=None,
        batch_size=32,
    ):
        super().__init__(every, on_error)
        self.images = images
        self.pictures = pictures_of(images, pictures)[:DRAWN]
        labels = np.asarray(labels)
        if labels.ndim == 4 and labels.shape[-1] == 1:
            labels = labels[..., 0]
        if labels.ndim != 3 or len(labels) != len(images):
            raise ValueError(
                "Argument labels must be (batch, height, width) integers, one "
                f"map an image. Received: labels of shape {labels.shape} for "
                f"{len(images)} images"
            )
        self.labels = labels
        self.directory = directory
        self.class_id = class_id
        self.threshold = threshold
        self.ignore_class = ignore_class
        self.batch_size = arguments.positive_int("batch_size", batch_size)
        self.forget()

    def begin(self):
        """Makes the folder."""
        objects = self.labels[:DRAWN] == self.class_id
        self._timelines = Timelines(
            self.directory,
            self.pictures,
            mask_lines(objects.astype(float), self.pictures.shape[1:3]),
            animation="predictions.gif",
            label=f"class {self.class_id}",
        )

    def look(self, epoch, logs):
        """Draws what the model answers now."""
        if self._answer is None:
            self._answer = WholeBatches(self.model)
        predictions, classes = self._predictions()
        dice = dice_per_class(
            self.labels, predictions, classes, "set", self.ignore_class
        )[self.class_id]
        drawn = (predictions[:DRAWN] == self.class_id).astype(float)
        self._timelines.add(
            epoch, {"predictions": drawn}, {"predictions": {"Dice": dice}}
        )

    def end(self):
        """Writes the animation."""
        with self.guarded():
            if self._timelines is not None:
                self._timelines.animate()

    def forget(self):
        """Lets go of the model and of the figures."""
        super().forget()
        self._answer = None
        self._timelines = None

    def _predictions(self):
        """The class of every pixel, and how many classes there are."""
        with unchanged(self.model):
            # Of several outputs, such as a gate's maps, they are the first.
            answers = [
                np.asarray(answer[0] if isinstance(answer, list) else answer)
                for answer in map(
                    self._answer, in_batches(self.images, self.batch_size)
                )
            ]
        answers = np.concatenate(answers)
        if answers.shape[-1] == 1:
            return (answers[..., 0] > self.threshold).astype(int), 2
        return answers.argmax(-1), answers.shape[-1]
