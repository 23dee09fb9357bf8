"""What became of an export, to print, to show and to save."""

import dataclasses
import json

from keras_attention.internals.table import html_table
from keras_attention.internals.table import text_table


@dataclasses.dataclass(frozen=True, eq=False)
class ExportReport:
    """An exported file beside the Keras model that it comes from.

    Attributes:
        format: str, `"saved_model"`, `"onnx"` or `"litert"`.
        path: str, where it is.
        bytes: int, how large it is.
        images: dict of what it takes: `name`, `dtype` and `shape`, with `None`
            for sizes that are free.
        preprocessing: str, in words, what it does to the images first.
        quantization: str, in words, what is stored and computed in fewer bits.
        compared: str, in words, which images and which Keras model it was
            compared on.
        paths: dict of output name to the path in the model that it comes from:
            an output of the model, or an attention layer by the key that
            `AttentionExtractor` uses.
        differences: dict of output name to the largest absolute difference from
            Keras.
        milliseconds: float, median time of one image in the format's runtime,
            on this machine's CPU.
        keras_milliseconds: float, the same with `predict_on_batch` of Keras,
            for the same images, preprocessing and outputs.
        accuracy: float, share of right answers of the exported file, or `None`
            without labels.
        keras_accuracy: float or `None`, the same of the Keras model as it was
            given.
    """

    format: str
    path: str
    bytes: int
    images: dict
    preprocessing: str
    quantization: str
    compared: str
    paths: dict
    differences: dict
    milliseconds: float
    keras_milliseconds: float
    accuracy: float | None = None
    keras_accuracy: float | None = None

    @property
    def difference(self):
        """The largest absolute difference of all outputs."""
        return max(self.differences.values())

    def to_json(self):
        """All attributes and `difference`, as JSON."""
        values = {**dataclasses.asdict(self), "difference": self.difference}
        return json.dumps(values, indent=2, allow_nan=False)

    def __str__(self):
        tables = [text_table(*table) for table in self._tables()]
        return "\n\n".join([*tables, "\n".join(self._notes())])

    def _repr_html_(self):
        tables = [html_table(*table) for table in self._tables()]
        notes = html_table(["note"], [[note] for note in self._notes()])
        return "".join([*tables, notes])

    def _tables(self):
        exported = [
            self.format,
            f"{self.bytes / 1e6:,.2f}",
            f"{self.milliseconds:,.2f}",
            f"{self.difference:.1e}",
        ]
        reference = ["keras", "-", f"{self.keras_milliseconds:,.2f}", "-"]
        header = ["", "MB", "ms/image", "largest difference"]
        if self.accuracy is not None:
            header.append("accuracy")
            exported.append(f"{self.accuracy:.1%}")
            reference.append(f"{self.keras_accuracy:.1%}")
        outputs = [
            [name, path, f"{self.differences[name]:.1e}"]
            for name, path in self.paths.items()
        ]
        return [
            (header, [exported, reference]),
            (["output", "layer", "largest difference"], outputs),
        ]

    def _notes(self):
        sizes = ", ".join(
            "any" if size is None else str(size)
            for size in self.images["shape"]
        )
        images = self.images
        return [
            f"path: {self.path}",
            f"input: {images['name']}, {images['dtype']} ({sizes})",
            f"preprocessing: {self.preprocessing}",
            f"quantization: {self.quantization}",
            f"compared: {self.compared}",
        ]


def quantization_words(format, quantize, calibration):
    """What was quantized, for a person."""
    if quantize is None:
        return "none: float32"
    if quantize == "float16":
        return "weights stored in float16, computed in float32"
    if calibration is None:
        return "weights of products in 8 bits, their inputs while it runs"
    layers = (
        "everything that has an 8-bit kernel"
        if format.name == "litert"
        else "convolutions and matrix products"
    )
    return f"{layers} in int8, at scales from {len(calibration)} images"
