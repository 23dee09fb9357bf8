"""Many images and where a model looks on them, as a page to go through."""

import dataclasses
import io
import pathlib

import numpy as np
from PIL import Image

from keras_attention.internals import arguments
from keras_attention.internals.files import write_text
from keras_attention.internals.files import written_whole
from keras_attention.internals.words import shortened
from keras_attention.visualization.attention_map import AttentionMap
from keras_attention.visualization.captions import named_classes
from keras_attention.visualization.drawing import flat_word
from keras_attention.visualization.entropy import normalized_entropy
from keras_attention.visualization.gallery_page import card
from keras_attention.visualization.gallery_page import page
from keras_attention.visualization.gallery_page import plain_name
from keras_attention.visualization.influence import described_influence
from keras_attention.visualization.layer_maps import spatial_maps
from keras_attention.visualization.objects import each_mask
from keras_attention.visualization.objects import energy_and_lift
from keras_attention.visualization.overlays import as_bytes
from keras_attention.visualization.overlays import outlined
from keras_attention.visualization.overlays import overlaid
from keras_attention.visualization.overlays import resized
from keras_attention.visualization.pictures import mask_lines
from keras_attention.visualization.pictures import pictures_of
from keras_attention.visualization.scaling import scaled

_SIDE = 256  # pixels of a picture's longer side
_FILES = "gallery_files"  # beside index.html
_QUALITY = 88
_LONGEST = 40  # letters of a layer's name beside its gain
_NOBODY = ("", "")  # key and name of a class that is not known


@dataclasses.dataclass
class Entry:
    """What the gallery keeps of one image.

    Args:
        picture: bytes, a JPEG file.
        lines: list of array, the outline, in pixels of the picture.
        maps: list of `LayerMaps`, one a layer, of this image alone.
        marks: list of str, what is to be said of a map, such as "uniform".
        truth: tuple, key and name of the true class, both empty if unknown.
        answer: tuple, the same of the predicted one.
        outcome: str, `"right"`, `"wrong"` or nothing.
        sureness: float or `None`, the probability of the predicted class.
        values: dict of name to list of float: one, or one a layer.
    """

    picture: bytes
    lines: list
    maps: list
    marks: list
    truth: tuple
    answer: tuple
    outcome: str
    sureness: float | None
    values: dict


class AttentionGallery:
    """A folder with a page: images, where each layer looks, and how well.

    `index.html` opens in any browser, without a network and without a server.
    It filters by right and wrong answers and by class, and sorts by every
    number; with masks it begins with the worst agreement of map and object.
    Arrow keys go from image to image, Enter enlarges one.

    Args:
        folder: str or path, made if need be. `index.html` and `gallery_files`
            in it are replaced.
        title: str, above the page. Defaults to `"Attention"`.

    Raises:
        ValueError: In `add`, naming the argument that does not fit the images,
            and in `write` if there are none.

    Example:

    >>> import tempfile
    >>> gallery = AttentionGallery(tempfile.mkdtemp(), title="Two images")
    >>> images, maps = np.zeros((2, 16, 16)), np.full((2, 4, 4), 1 / 16)
    >>> gallery = gallery.add(
    ...     images, {"gate": maps}, labels=[0, 1], predictions=[0, 0],
    ...     masks=np.eye(16)[None].repeat(2, 0),
    ... )
    >>> gallery.write().name
    'index.html'

    See also:
        `plot_attention`, for a few images in a figure.
    """

    def __init__(self, folder, title="Attention"):
        self.folder = pathlib.Path(folder)
        self.title = title
        self._entries = []
        self._layer_names = []  # their names
        self._shown = []  # the same with their gains
        self._are_attention = []
        self._left_out = {}

    def __len__(self):
        return len(self._entries)

    def add(
        self,
        images,
        maps,
        *,
        labels=None,
        predictions=None,
        class_names=None,
        masks=None,
        metrics=None,
    ):
        """Adds images behind those that are there.

        What is kept of an image is a small picture and its maps: a data set may
        come batch by batch.

        Args:
            images: array `(batch, height, width)` or `(batch, height, width,
                channels)`, uint8, or floats in `[0, 1]`, or a list of
                photographs of any sizes.
            maps: dict, what `collect_attention` returns, or name to array, as
                in `plot_attention`; or the maps of one layer alone. The same
                layers in every call.
            labels: int array `(batch,)` or `None`, the true classes. Defaults
                to `None`.
            predictions: array or `None`, the predicted classes, integers
                `(batch,)`, or scores `(batch, classes)`, which are told too if
                they are between 0 and 1, as logits are not. Defaults to `None`.
            class_names: list of str or `None`, names by class. Defaults to
                `None`.
            masks: array or `None`, where the objects are, `(batch, rows,
                columns)` or `(batch, rows, columns, 1)` in `[0, 1]`. Each layer
                then has its energy and lift, see
                `keras_attention.metrics.attention_energy`. Defaults to `None`.
            metrics: dict of str to array `(batch,)`, or `None`: numbers of your
                own to sort by. Defaults to `None`.

        Returns:
            The gallery.
        """
        if not isinstance(maps, dict):
            name = maps.layer if isinstance(maps, AttentionMap) else "attention"
            maps = {name: maps}
        pictures = pictures_of(images)
        count = len(pictures)
        sizes = [picture.shape[:2] for picture in pictures]
        layers, left_out = spatial_maps(maps, sizes)
        self._expect_same_layers(layers)
        small = [resized(picture[None], _SIDE)[0][0] for picture in pictures]
        masks = each_mask(masks, count)
        lines = [
            [] if mask is None else mask_lines(mask, picture.shape[:2])[0]
            for mask, picture in zip(masks, small, strict=True)
        ]
        values = _values(layers, masks, metrics, count)
        truth = _classes("labels", labels, count, class_names)
        sureness = [None] * count
        if predictions is not None:
            predictions = np.asarray(predictions)
            if predictions.ndim == 2 and predictions.shape[1] > 1:
                if np.all((predictions >= 0) & (predictions <= 1)):
                    sureness = [float(row.max()) for row in predictions]
                predictions = predictions.argmax(-1)
        answers = _classes("predictions", predictions, count, class_names)
        for index in range(count):
            self._entries.append(
                Entry(
                    picture=_jpeg(small[index]),
                    lines=lines[index],
                    maps=[
                        layer[index : index + 1] for layer in layers.values()
                    ],
                    marks=[
                        flat_word(layer.values[index])
                        for layer in layers.values()
                    ],
                    truth=truth[index],
                    answer=answers[index],
                    outcome=_outcome(truth[index], answers[index]),
                    sureness=sureness[index],
                    values={n: list(v[index]) for n, v in values.items()},
                )
            )
        self._layer_names = list(layers)
        self._shown = [
            shortened(name, _LONGEST) + described_influence(maps[name], ", ")
            for name in layers
        ]
        self._are_attention = [
            isinstance(maps[name], AttentionMap) for name in layers
        ]
        self._left_out |= dict.fromkeys(left_out)
        return self

    def write(self):
        """Writes the page and its pictures.

        Returns:
            The path of `index.html`.
        """
        if not self._entries:
            raise ValueError(
                "An AttentionGallery needs images, given to add before write. "
                "Received: none"
            )
        self.folder.mkdir(parents=True, exist_ok=True)
        scales = [self._scale(n) for n in range(len(self._layer_names))]
        cards = []
        with written_whole(self.folder / _FILES, sync=False) as files:
            files.mkdir()
            for index, entry in enumerate(self._entries):
                maps = [
                    (entry.maps[n].over_images([maps[index]]), high)
                    for n, (maps, high, _) in enumerate(scales)
                ]
                names = _write_pictures(files, index, entry, maps)
                names = [f"{_FILES}/{name}" for name in names]
                cards.append(card(index, entry, self._layer_names, names))
        legend = [(high, label) for _, high, label in scales]
        left_out = ", ".join(self._left_out)
        note = f"No maps, not shown: {left_out}" if left_out else ""
        path = self.folder / "index.html"
        write_text(path, page(self.title, cards, self._selects(), legend, note))
        return path

    def _expect_same_layers(self, layers):
        if self._entries and list(layers) != self._layer_names:
            raise ValueError(
                "Invalid value for argument maps: expected the layers of the "
                f"images before, {', '.join(self._layer_names)}. Received: "
                f"{', '.join(layers)}"
            )

    def _scale(self, layer):
        """The maps of a layer on one scale: a list of maps, high, label."""
        by_size = {}
        for index, entry in enumerate(self._entries):
            [values] = entry.maps[layer].values
            by_size.setdefault(values.shape, []).append((index, values))
        # Other maps than weights, such as of gradients, have any size.
        normalize = "relative" if self._are_attention[layer] else "ratio"
        shown, highest, label = {}, 0.0, ""
        for group in by_size.values():
            indices, values = zip(*group, strict=True)
            scale = scaled(np.stack(values), normalize)
            shown |= dict(zip(indices, scale.values, strict=True))
            highest, label = max(highest, scale.high), scale.label
        maps = [shown[index] for index in range(len(self._entries))]
        return maps, highest, label.replace("\n", ", ")

    def _selects(self):
        """The controls that there is something to choose from."""
        selects = []
        outcomes = {entry.outcome for entry in self._entries} - {""}
        if outcomes:
            shown = [("right", "right answers"), ("wrong", "wrong answers")]
            selects.append(("outcome", "outcome", [("", "all"), *shown]))
        for name, label in (("truth", "true class"), ("answer", "answer")):
            classes = {getattr(entry, name) for entry in self._entries}
            classes = sorted(classes - {_NOBODY}, key=lambda c: int(c[0]))
            if classes:
                selects.append((name, label, [("", "all"), *classes]))
        if len(self._layer_names) > 1:
            layers = [(str(n), name) for n, name in enumerate(self._shown)]
            selects.append(("layer", "layer", layers))
        return [*selects, ("sort", "order", self._orders())]

    def _orders(self):
        names = {name: None for e in self._entries for name in e.values}
        orders = [("|", "as given")]
        if "lift" in names:
            orders = [
                ("lift|low", "worst agreement first"),
                ("lift|high", "best agreement first"),
                *orders,
            ]
        for name in names:
            if name != "lift":
                key = plain_name(name)
                orders.append((f"{key}|low", f"{key}, lowest first"))
                orders.append((f"{key}|high", f"{key}, highest first"))
        return orders


def _values(layers, masks, metrics, count):
    """Name to `(batch, 1)` or `(batch, layers)`: numbers to sort by."""
    values = {}
    if masks[0] is not None:
        found = [energy_and_lift(one, masks) for one in layers.values()]
        energy, lift = (np.stack(one, -1) for one in zip(*found, strict=True))
        values |= {"energy": energy, "lift": lift}
    entropy = [normalized_entropy(one.values) for one in layers.values()]
    values["entropy"] = np.stack(entropy, -1)
    for name, numbers in (metrics or {}).items():
        numbers = arguments.real_array("metrics", numbers).astype("float64")
        if numbers.shape != (count,) or name in values:
            raise ValueError(
                f"Invalid value for argument metrics: expected {count} numbers "
                "under each name, and not the names "
                f"{', '.join(values)}. Received: {name!r} of shape "
                f"{numbers.shape}"
            )
        values[str(name)] = np.where(np.isfinite(numbers), numbers, np.nan)[
            :, None
        ]
    return values


def _classes(argument, classes, count, class_names):
    """Key and name of the class of every image."""
    found = named_classes(argument, classes, count, class_names)
    return [
        _NOBODY if one is None else (str(one[0]), plain_name(one[1]))
        for one in found
    ]


def _outcome(truth, answer):
    if _NOBODY in (truth, answer):
        return ""
    return "right" if truth[0] == answer[0] else "wrong"


def _write_pictures(folder, index, entry, maps):
    """Writes the picture and the maps over it; returns their names."""
    image = Image.open(io.BytesIO(entry.picture))
    picture = np.asarray(image, "float32")[None] / 255
    names = [f"{index:05d}.jpg"]
    drawn = [outlined(picture, [entry.lines])[0]]
    for number, (values, high) in enumerate(maps):
        seen = overlaid(picture, values, high)
        drawn.append(outlined(seen, [entry.lines])[0])
        names.append(f"{index:05d}-{number}.jpg")
    for name, pixels in zip(names, drawn, strict=True):
        (folder / name).write_bytes(_jpeg(pixels))
    return names


def _jpeg(picture):
    buffer = io.BytesIO()
    Image.fromarray(as_bytes(picture)).save(buffer, "JPEG", quality=_QUALITY)
    return buffer.getvalue()
