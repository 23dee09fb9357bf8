"""What is kept of the epochs: figures in a folder, events for TensorBoard."""

import pathlib
import re

import numpy as np

from keras_attention.internals.files import written_whole
from keras_attention.internals.requirements import explained
from keras_attention.visualization.animation import Animation
from keras_attention.visualization.animation import picture_of
from keras_attention.visualization.overlays import as_bytes
from keras_attention.visualization.scaling import scaled
from keras_attention.visualization.timeline import strip
from keras_attention.visualization.timeline import timeline

_MOST = 16  # epochs in a figure; of more every second one, and so on


class Timelines:
    """A PNG a layer, a row of images an epoch; and a GIF, a frame an epoch.

    Args:
        directory: str or path, made if need be.
        pictures: array `(batch, height, width, 3)` in `[0, 1]`.
        paths: list, lines around the objects of every picture.
        animation: str, the name of the GIF. Defaults to `"attention.gif"`.
        label: str or `None`, what maps of numbers from 0 to 1 are; `None` are
            weights, drawn relative to their mean if they sum to 1. Defaults to
            `None`.
    """

    def __init__(
        self,
        directory,
        pictures,
        paths,
        animation="attention.gif",
        label=None,
    ):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.pictures = pictures
        self.paths = paths
        self.animation = animation
        self.label = label
        self.epochs = {}  # of every `step`th: (maps, numbers)
        self.step = 1
        self.seen = 0
        self.last = None

    def add(self, epoch, maps, numbers):
        """Takes in an epoch, and writes the figures anew.

        Args:
            epoch: int.
            maps: dict of name to array `(batch, rows, columns)`.
            numbers: dict of name to dict of metric to float.
        """
        self.last = epoch, (maps, numbers)
        if self.seen % self.step == 0:
            self.epochs[epoch] = maps, numbers
        self.seen += 1
        if len(self.epochs) > _MOST:
            self.step *= 2
            self.epochs = dict(list(self.epochs.items())[::2])
        self._write(self._shown())

    def _write(self, epochs):
        for name, file in self._files(self.last[1][0]).items():
            figure = timeline(
                name,
                self.pictures,
                [f"epoch {e + 1}\n{_told(n[name])}" for e, n in epochs],
                self._scales(name),
                self.paths,
            )
            figure.savefig(self.directory / file)

    def animate(self):
        """Writes the GIF: all layers, a frame an epoch."""
        if self.last is None:
            return
        names = list(self.last[1][0])
        scales = {name: self._scales(name) for name in names}
        frames = [
            timeline(
                f"epoch {epoch + 1}",
                self.pictures,
                [f"{name}\n{_told(numbers[name])}" for name in names],
                [scales[name][index] for name in names],
                self.paths,
            )
            for index, (epoch, numbers) in enumerate(self._shown())
        ]
        animation = Animation([*map(picture_of, frames)], milliseconds=500)
        with written_whole(self.directory / self.animation) as new:
            animation.save(new)

    def _kept(self):
        return self.epochs | dict([self.last])

    def _shown(self):
        return [(epoch, seen[1]) for epoch, seen in self._kept().items()]

    def _scales(self, name):
        """One scale for all epochs of a layer."""
        maps = [maps[name] for maps, _ in self._kept().values()]
        scale = scaled(
            np.concatenate(maps), "none" if self.label else "relative"
        )
        scale = scale._replace(label=self.label or scale.label)
        parts = np.split(scale.values, len(maps))
        return [scale._replace(values=part) for part in parts]

    def _files(self, names):
        files = {}
        for name in names:
            stem = re.sub(r"[^\w.-]+", "_", name)[:100]
            same = sum(file.startswith(stem) for file in files.values())
            files[name] = f"{stem}{f'-{same + 1}' * bool(same)}.png"
        return files


class Events:
    """Scalars and pictures for TensorBoard.

    Args:
        log_dir: str or path, made if need be.

    Raises:
        ModuleNotFoundError: Without TensorFlow, which writes them.
    """

    def __init__(self, log_dir):
        self.tensorflow = tensorflow_for_events()
        self.writer = self.tensorflow.summary.create_file_writer(str(log_dir))

    def add(self, epoch, maps, numbers, pictures, paths):
        """Writes an epoch, under `<layer>/<metric>` and `<layer>/attention`."""
        summary = self.tensorflow.summary
        with self.writer.as_default(step=epoch):
            for name, of_layer in numbers.items():
                for metric, value in of_layer.items():
                    summary.scalar(f"{name}/{metric}", value)
                row = scaled(maps[name], "relative")
                seen = as_bytes(strip(pictures, row, paths))
                summary.image(f"{name}/attention", seen, max_outputs=len(seen))
        self.writer.flush()

    def close(self):
        """Lets go of the file."""
        self.writer.close()


def tensorflow_for_events():
    """TensorFlow, which alone writes events with pictures."""
    with explained("AttentionMonitor(log_dir=...)"):
        import tensorflow
    return tensorflow


def _told(numbers):
    """`energy 0.41, lift 1.6` and so on, two a line."""
    parts = [f"{name} {value:.3g}" for name, value in numbers.items()]
    pairs = [", ".join(parts[i : i + 2]) for i in range(0, len(parts), 2)]
    return "\n".join(pairs)
