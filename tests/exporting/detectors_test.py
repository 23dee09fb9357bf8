"""Detectors as files, by their outputs' names."""

import keras
import numpy as np
import pytest

import keras_attention
from keras_attention.exporting.runtimes import LOADERS
from keras_attention.tasks import detection
from keras_attention.tasks.detection.one_stage import Enlarged

BACKEND = keras.backend.backend()
SUFFIX = {"onnx": ".onnx", "litert": ".tflite"}
pytestmark = pytest.mark.skipif(
    BACKEND != "tensorflow", reason="what differs is TensorFlow's converter"
)


def detector(kind):
    """Of maps of 5 x 7 and 3 x 4 positions, which no whole number parts."""
    pixels = x = keras.Input((20, 28, 2))
    for number, stride in ((1, 4), (2, 2)):
        x = keras.layers.Conv2D(
            8, 3, stride, padding="same", activation="relu", name=f"map{number}"
        )(x)
    backbone = keras.Model(pixels, x)
    if kind == "DETR":
        return detection.DETR(
            backbone, 3, "map2", num_queries=4, token_dim=8, num_heads=2
        )
    return detection.OneStageDetector(
        backbone, 3, ("map1", "map2"), channels=8, attention={"level1": "mhsa"}
    )


def test_what_is_added_to_a_resized_map_fits(tmp_path):
    smaller = keras.Input((3, 4, 1))
    larger = keras.ops.pad(smaller, [(0, 0), (1, 1), (2, 1), (0, 0)])
    outputs = {"sum": Enlarged(name="sum")([larger, smaller])}
    model, path = keras.Model(smaller, outputs), tmp_path / "model.onnx"
    keras_attention.export(model, path, "onnx", preprocessing=False)
    images = np.random.default_rng(0).random((2, 3, 4, 1)).astype("float32")
    seen = LOADERS["onnx"](path)([images])["sum"]
    expected = model.predict(images, verbose=0)["sum"]
    np.testing.assert_allclose(seen, expected, atol=1e-5)


@pytest.mark.long
@pytest.mark.parametrize("kind", ["one-stage", "DETR"])
@pytest.mark.parametrize("format", ["onnx", "litert"])
def test_detectors_as_files(kind, format, tmp_path):
    model = detector(kind)
    path = tmp_path / f"detector{SUFFIX[format]}"
    report = keras_attention.export(model, path, format, preprocessing=False)
    images = np.random.default_rng(0).random((2, 20, 28, 2)).astype("float32")
    seen = LOADERS[format](path)([images])
    outputs = model.predict(images, verbose=0)
    maps = "decoder2_cross" if kind == "DETR" else "level1_mhsa"
    assert {*outputs, maps} <= {*report.paths} == {*seen}
    for name, output in outputs.items():
        np.testing.assert_allclose(seen[name], output, atol=1e-4)
    expected = detection.find_objects(outputs, 0.0)
    found = detection.find_objects(seen, 0.0)
    np.testing.assert_array_equal(found["labels"], expected["labels"])
