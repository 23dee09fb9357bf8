"""What a generator draws, epoch by epoch."""

import pathlib

import keras
import numpy as np
from PIL import Image

from keras_attention.internals import arguments
from keras_attention.internals.files import written_whole
from keras_attention.visualization.animation import Animation
from keras_attention.visualization.overlays import as_bytes
from keras_attention.visualization.pictures import drawable


class SampleGrid(keras.callbacks.Callback):
    """Draws the same images after every epoch, to see them come about.

    From the same noise, and of classes in turn: with as many columns as there
    are classes, a column a class. It writes `samples-001.png` and so on, and at
    the end `samples.gif` of all that are in the folder, also of those from
    before a training went on.

    It looks and changes nothing: a training with it is, bit for bit, the one
    without it. In `training.averaged([SampleGrid(...)])` it sees what the
    averaged weights draw.

    Args:
        directory: str or path of the figures, made if need be; of this training
            alone.
        count: int, images. Defaults to `100`.
        columns: int, images in a row. Defaults to `10`.
        every: int, epochs from one grid to the next; the first and the last are
            always drawn. Defaults to `1`.
        seed: int, of the noise. Defaults to `0`.

    Raises:
        ValueError: For sizes that are no positive integers, and, in `fit`, for
            a model that generates nothing.

    Example:

    >>> import os, tempfile
    >>> from keras_attention.tasks import generation
    >>> model = generation.AdversarialModel(
    ...     generation.generator((8, 8, 1), width=2),
    ...     generation.discriminator((8, 8, 1), width=2),
    ... )
    >>> model.compile(generation.two_rates(model), run_eagerly=True)
    >>> folder = tempfile.mkdtemp()
    >>> grid = SampleGrid(folder, count=4, columns=2)
    >>> images = np.zeros((2, 8, 8, 1), "float32")
    >>> history = model.fit(images, verbose=0, callbacks=[grid])
    >>> sorted(os.listdir(folder))
    ['samples-001.png', 'samples.gif']

    Cost:
        The images go through the generator.
    """

    def __init__(self, directory, count=100, columns=10, every=1, seed=0):
        super().__init__()
        self.directory = pathlib.Path(directory)
        self.count = arguments.positive_int("count", count)
        self.columns = arguments.positive_int("columns", columns)
        self.every = arguments.positive_int("every", every)
        self.seed = arguments.non_negative_int("seed", seed)

    def on_train_begin(self, logs=None):
        """Is there anything to draw?"""
        if not hasattr(self.model, "generate"):
            raise ValueError(
                "SampleGrid needs a model with generate(count, seed=...), such "
                "as tasks.generation.AdversarialModel. Received: "
                f"{type(self.model).__name__}"
            )
        self.directory.mkdir(parents=True, exist_ok=True)

    def on_epoch_end(self, epoch, logs=None):
        """Writes the grid of this epoch."""
        last = epoch + 1 == self.params["epochs"]
        if epoch % self.every == 0 or last:
            images = self.model.generate(self.count, seed=self.seed)
            path = self.directory / f"samples-{epoch + 1:03d}.png"
            with written_whole(path) as new:
                image_grid((images + 1) / 2, self.columns).save(new, "PNG")

    def on_train_end(self, logs=None):
        """Writes all grids, one after the other."""
        frames = []
        for path in sorted(self.directory.glob("samples-*.png")):
            with Image.open(path) as frame:
                frames.append(frame.convert("P"))
        if frames:
            with written_whole(self.directory / "samples.gif") as new:
                Animation(frames, milliseconds=300).save(new)


def image_grid(images, columns):
    """Images side by side, a pixel apart, small ones enlarged.

    Args:
        images: array `(count, height, width)` or `(count, height, width,
            channels)`, floats in `[0, 1]`.
        columns: int, images in a row; what is left of the last stays dark.

    Returns:
        A `PIL.Image`.

    Example:

    >>> image_grid(np.ones((3, 40, 60)), 2).size
    (123, 83)
    """
    pictures = as_bytes(drawable(images))  # (count, height, width, 3)
    count, height, width, _ = pictures.shape
    rows = -(-count // columns)
    sheet = np.zeros(
        (rows * (height + 1) + 1, columns * (width + 1) + 1, 3), "uint8"
    )
    for index, picture in enumerate(pictures):
        row, column = divmod(index, columns)
        top, left = 1 + row * (height + 1), 1 + column * (width + 1)
        sheet[top : top + height, left : left + width] = picture
    times = max(1, 40 // max(height, width))
    sheet = sheet.repeat(times, 0).repeat(times, 1)
    return Image.fromarray(sheet)
