import importlib.util

import keras
import numpy as np
import pytest

import keras_attention

BACKEND = keras.backend.backend()
FORMAT, NAME = {"torch": ("onnx", "m.onnx")}.get(BACKEND, ("saved_model", "m"))
OTHER = {"torch": "saved_model", "jax": "onnx"}.get(BACKEND)


@pytest.fixture
def refused(small_network):
    def check(match, model=None, path=None, format=FORMAT, **options):
        model = small_network() if model is None else model
        options.setdefault("preprocessing", (0, 1))
        with pytest.raises(ValueError, match=match):
            keras_attention.export(model, path, format, **options)

    return check


def test_formats(tmp_path, refused):
    refused("one of 'saved_model', 'onnx', 'litert'", format="keras")
    refused("one of None, 'float16', 'int8'", quantize="int4")
    if BACKEND != "torch":
        refused("'onnx' and 'litert' can be quantized", quantize="float16")
    refused("calibration", calibration=np.zeros((1, 16, 16, 3), "uint8"))
    refused("path.*suffix|path.*'.onnx'", path=tmp_path / "m.tflite")
    refused("folder that exists", path=tmp_path / "none" / NAME)


@pytest.mark.computing
@pytest.mark.skipif(OTHER is None, reason="TensorFlow writes every format")
def test_backends_that_cannot(tmp_path, small_network, refused):
    refused("KERAS_BACKEND=tensorflow", path=tmp_path / "m", format=OTHER)
    refused("KERAS_BACKEND=tensorflow", path=tmp_path / "m", format="litert")
    model = small_network((None, None, 3))
    refused("give input_shape", model, tmp_path / NAME)


def test_missing_packages(tmp_path, monkeypatch, small_network):
    found = importlib.util.find_spec
    needed = {"torch": "onnxruntime"}.get(BACKEND, "tensorflow")
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name: None if name == needed else found(name),
    )
    with pytest.raises(ImportError, match=f"pip install {needed}"):
        keras_attention.export(small_network(), tmp_path / NAME, FORMAT)


def test_only_the_same_format_is_overwritten(tmp_path, refused):
    path = tmp_path / NAME
    path.mkdir()
    (path / "photo.jpg").touch()
    refused("overwrite, and nothing else", path=path, overwrite=True)
    assert (path / "photo.jpg").exists()


def test_models(tmp_path, small_network, refused):
    path = tmp_path / NAME
    two = [keras.Input((8, 8, 3)), keras.Input((8, 8, 3))]
    refused("one input", keras.Model(two, keras.layers.Add()(two)), path)
    vector = keras.Input((8,))
    dense = keras.Model(vector, keras.layers.Dense(2)(vector))
    refused("one input, a batch of images", dense, path)
    refused("built", keras.Sequential([keras.layers.Dense(2)]), path)
    refused("built", keras.layers.Dense(2), path)
    refused("that fit", path=path, input_shape=(32, 32, 3))
    refused("that fit", path=path, input_shape=(16, 16))
    refused("preprocessing", path=path, preprocessing="caffe")
    quantized = small_network()
    quantized.quantize("int8")
    refused("before model.quantize", quantized, path)


def test_test_images(tmp_path, images, small_network, refused):
    path = tmp_path / NAME
    labels = np.zeros(5, int)
    refused(r"\(images, labels\)", path=path, test=images)
    refused("dtype uint8", path=path, test=(images / 255, labels))
    refused(r"16, 16, 3", path=path, test=(images[:, :8], labels))
    refused("integer label", path=path, test=(images, labels[:3]))
    refused("integer label", path=path, test=(images, labels + 0.5))
    model = small_network()
    maps = keras.Model(model.inputs, model.get_layer("places").output)
    refused("one output", maps, path, test=(images, labels))
    assert list(tmp_path.iterdir()) == []


def test_formats_by_their_other_names(tmp_path, small_network):
    for name, called in (("tflite", "litert"), ("savedmodel", "saved_model")):
        with pytest.raises(ValueError, match=f"is called '{called}'"):
            keras_attention.export(small_network(), tmp_path / "x", name)


@pytest.mark.skipif(BACKEND == "torch", reason="it writes no saved_model")
def test_names_of_other_formats_and_swapped_arguments(tmp_path, refused):
    for name, other in (("m.onnx", "onnx"), ("m.tflite", "litert")):
        match = f"format='{other}' for this name"
        refused(match, path=tmp_path / name, format="saved_model")
    refused(r"path: export\(model, path\)", tmp_path / NAME, keras.Model())
