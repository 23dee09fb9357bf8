"""Where a network looks while it is trained."""

from keras_attention.callbacks.maps_in_training import MapsInTraining
from keras_attention.callbacks.measures import chosen_measures
from keras_attention.callbacks.measures import measured
from keras_attention.callbacks.monitor import DRAWN
from keras_attention.callbacks.monitor import Monitor
from keras_attention.callbacks.monitor import count_of
from keras_attention.callbacks.monitor import pictures_of
from keras_attention.callbacks.monitor_files import Events
from keras_attention.callbacks.monitor_files import Timelines
from keras_attention.callbacks.monitor_files import tensorflow_for_events
from keras_attention.internals import arguments
from keras_attention.internals.recording import sublayers
from keras_attention.internals.words import did_you_mean
from keras_attention.metrics.localisation import checked_masks
from keras_attention.visualization.pictures import mask_lines


class AttentionMonitor(Monitor):
    """Follows, epoch by epoch, where a model looks on some images.

    After an epoch the images go through the model, and every layer with
    attention over positions gets its numbers into `logs`, under names such as
    `block3_pool_cbam_energy`: `History`, `CSVLogger`, `EarlyStopping` and
    KerasTuner's objectives see them, if they stand behind this callback. The
    numbers are means over the images:

    - `energy`: the share of the attention on the object,
      `keras_attention.metrics.attention_energy`;
    - `lift`: how many times that is the share of the image which the object
      covers; 1 is what a map without preference has;
    - `entropy`: `-sum(p log p) / log N`, 1 for a map without preference;
    - `gain`: of layers with `identity_init=True`, what their change of the
      map is multiplied by. At 0 attention has no influence.

    It looks and changes nothing: weights, optimizer, random numbers and outputs
    are those of a training without it, bit for bit.

    Args:
        images: array, a few images as the model takes them, or a list or dict
            of arrays for several inputs.
        masks: array or `None`, where the objects are, `(batch, rows, columns)`
            or `(batch, rows, columns, 1)` in `[0, 1]`. An image with an empty
            mask has neither energy nor lift. Defaults to `None`.
        layers: list of str or `None`, paths of the layers to follow; `None`
            follows all that attend to positions. Defaults to `None`.
        every: int, epochs from one look to the next; the first is always
            looked at. In the others the names are not in `logs`. Defaults to
            `1`.
        metrics: list or `None`: names of those above, and functions
            `(maps, masks) -> (batch,)`, such as
            `keras_attention.metrics.map_jaccard`, under their own names. `None`
            takes all those above; energy and lift need masks. Defaults to
            `None`.
        log_dir: str, path or `None`, for TensorBoard: the numbers, and the
            maps over the images. TensorFlow writes them, on every backend.
            Defaults to `None`.
        directory: str, path or `None`, for figures: a PNG a layer, with a row
            of images an epoch, written after each, and at the end
            `attention.gif`, a frame an epoch. Of many epochs every second,
            fourth ... is kept. Defaults to `None`.
        on_error: str, what an error while looking does: `"warn"` is reported
            once and the training goes on, `"raise"` ends it. Defaults to
            `"warn"`.
        pictures: array or `None`, the images as they are drawn, uint8 or floats
            in `[0, 1]`, if the model takes them preprocessed; `None` draws
            `images`. The first eight are drawn. Defaults to `None`.
        batch_size: int, how many images go through the model at once. Defaults
            to `32`.

    Raises:
        ValueError: For masks or pictures that do not fit the images, an unknown
            metric or layer, and other arguments that cannot be.
        ModuleNotFoundError: For `log_dir` without TensorFlow.

    Example:

    >>> import keras
    >>> from keras_attention import layers
    >>> inputs = keras.Input((8, 8, 3))
    >>> x = layers.get("cbam", name="cbam", identity_init=True)(inputs)
    >>> x = keras.layers.GlobalAveragePooling2D()(x)
    >>> model = keras.Model(inputs, keras.layers.Dense(2)(x))
    >>> model.compile("sgd", "mse", run_eagerly=True)
    >>> import numpy as np
    >>> images, masks = np.ones((4, 8, 8, 3)), np.ones((4, 8, 8))
    >>> history = model.fit(
    ...     images, np.ones((4, 2)), epochs=2, verbose=0,
    ...     callbacks=[AttentionMonitor(images, masks)],
    ... )
    >>> [name for name in history.history if name != "loss"]
    ['cbam_energy', 'cbam_lift', 'cbam_entropy', 'cbam_gain']
    >>> history.history["cbam_energy"]
    [1.0, 1.0]

    Cost:
        The images go through the model, and what it does not train but may
        change is copied: its random state and batch statistics.

    See also:
        `keras_attention.losses.AttentionDice`, which trains maps to lie on
        masks.
    """

    def __init__(
        self,
        images,
        masks=None,
        layers=None,
        every=1,
        metrics=None,
        log_dir=None,
        directory=None,
        on_error="warn",
        *,
        pictures=None,
        batch_size=32,
    ):
        super().__init__(every, on_error)
        self.images = images
        self.masks = None if masks is None else checked_masks(masks)
        self.layers = None if layers is None else _paths(layers)
        self.measures = chosen_measures(metrics, masks)
        self.log_dir = log_dir
        self.directory = directory
        self.batch_size = arguments.positive_int("batch_size", batch_size)
        self._expect_one_an_image()
        self._pictures, self._outlines = None, None
        if log_dir is not None:
            tensorflow_for_events()
        if log_dir is not None or directory is not None:
            self._prepare_drawing(pictures)
        self.forget()

    def begin(self):
        """Opens what is written to."""
        if self.directory is not None:
            self._timelines = Timelines(self.directory, *self._drawn())
        if self.log_dir is not None:
            self._events = Events(self.log_dir)

    def on_train_begin(self, logs=None):
        """Starts anew."""
        self._expect_layers()
        super().on_train_begin(logs)

    def look(self, epoch, logs):
        """Looks, and adds the numbers to `logs`."""
        if self._maps is None:
            self._maps = MapsInTraining(
                self.model, self.images, self.layers, self.batch_size
            )
        maps = self._maps()
        numbers = {
            name: measured(attention, self.masks, self.measures)
            for name, attention in maps.items()
        }
        if logs is not None:
            for name, of_layer in numbers.items():
                for metric, value in of_layer.items():
                    logs[f"{name}_{metric}"] = value
        self._keep(epoch, maps, numbers)

    def end(self):
        """Writes the animation."""
        with self.guarded():
            if self._timelines is not None:
                self._timelines.animate()
        with self.guarded():
            if self._events is not None:
                self._events.close()

    def forget(self):
        """Lets go of the model and of the files."""
        super().forget()
        self._maps = None
        self._timelines = None
        self._events = None

    def _keep(self, epoch, maps, numbers):
        if self._timelines is None and self._events is None:
            return
        drawn = {n: m.spatial()[:DRAWN] for n, m in maps.items()}
        if self._events is not None:
            self._events.add(epoch, drawn, numbers, *self._drawn())
        if self._timelines is not None:
            self._timelines.add(epoch, drawn, numbers)

    def _drawn(self):
        return self._pictures, self._outlines

    def _prepare_drawing(self, pictures):
        pictures = pictures_of(self.images, pictures)
        self._pictures = pictures[:DRAWN]
        self._outlines = [[]] * len(self._pictures)
        if self.masks is not None:
            masks = self.masks[:DRAWN]
            self._outlines = mask_lines(masks, pictures.shape[1:3])

    def _expect_one_an_image(self):
        count = count_of(self.images)
        if self.masks is not None and len(self.masks) != count:
            raise ValueError(
                "Arguments images and masks must have one entry an image. "
                f"Received: {count} images and {len(self.masks)} masks"
            )

    def _expect_layers(self):
        """A name that no layer has is told before the first step."""
        known = [path for path, _ in sublayers(self.model)]
        for layer in self.layers or ():
            if known and layer not in known:
                hint = did_you_mean(layer, known)
                expected = "paths of layers of the model"
                raise ValueError(
                    f"{arguments.invalid('layers', layer, expected)}. {hint}"
                )


def _paths(layers):
    if isinstance(layers, str) or not all(isinstance(x, str) for x in layers):
        expected = "a list of layers' names, or None"
        raise ValueError(arguments.invalid("layers", layers, expected))
    return [layer.partition("#")[0] for layer in layers]
