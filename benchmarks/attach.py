"""Attention put into networks of keras.applications: does it keep its word?

    python benchmarks/attach.py
    python benchmarks/attach.py --networks VGG16 ResNet50 --keys se cbam

Every layer that keeps the shape of its map goes into every network, behind
two of its stage ends, with random weights everywhere. A row holds the largest
difference of the logits that it makes

- `at_start`: to the network without attention,
- `trained`: to the same, after three training steps,
- `saved`: of the trained model, when it is saved and loaded,
- `detached`: of the trained model, when its attention is taken out, to the
  network without attention (which was frozen meanwhile),

the parameters that it adds, the new weights that three training steps do not
move, and the difference of the trained model's exports from Keras, which need
the packages of the test extra. Every row has a process of its own, because
what TensorFlow traces and converts stays in memory; rows that are there
already, exports included, are not measured again. Writes
benchmarks/results/attach.json and .md.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

import keras
import numpy as np
import timing
from keras import ops

from keras_attention import attach
from keras_attention import detach
from keras_attention.exporting import export
from keras_attention.surgery import insertion
from keras_attention.surgery import places
from keras_attention.surgery.graph import read_graph

RESULTS = pathlib.Path(__file__).parent / "results" / "attach.json"
# The size of the images: small, and allowed by the network.
NETWORKS = {
    "VGG16": 64,
    "VGG19": 64,
    "ResNet50": 64,
    "ResNet50V2": 64,
    "MobileNetV2": 64,
    "MobileNetV3Small": 64,
    "EfficientNetB0": 64,
    "EfficientNetV2B0": 64,
    "DenseNet121": 64,
    "Xception": 96,
    "InceptionV3": 128,
    "NASNetMobile": 64,
    "ConvNeXtTiny": 64,
}
CLASSES, BATCH, STEPS = 5, 4, 3
# Their first steps take pixels from 0 to 255.
RESCALING = {
    "ConvNeXtTiny",
    "EfficientNetB0",
    "EfficientNetV2B0",
    "MobileNetV3Small",
}
FORMATS = {"saved_model": "", "onnx": ".onnx", "litert": ".tflite"}


def network(name):
    """One of keras.applications, its last activation left out."""
    size = NETWORKS[name]
    model = getattr(keras.applications, name)(
        weights=None,
        input_shape=(size, size, 3),
        classes=CLASSES,
        classifier_activation=None,
    )
    rng = np.random.default_rng(0)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            for weight in layer.weights:
                weight.assign(rng.uniform(0.5, 1.5, weight.shape))
    return model


def data(name):
    size = NETWORKS[name]
    rng = np.random.default_rng(1)
    images = rng.normal(size=(BATCH, size, size, 3)).astype("float32")
    return images, rng.integers(0, CLASSES, BATCH)


def measure(name, model, key):
    """The row of one layer in one network."""
    images, labels = data(name)
    before = logits(model, images)
    # The last map of all may be a single position, where attention over
    # positions has nothing to choose and no gradient.
    ends = places.find(read_graph(model), "stage_ends", "attention")
    ends = [p.path for p in ends if p.outputs[0][0].shape[1] > 2][-2:]
    model.trainable = False
    attached = attach(model, dict.fromkeys(ends, key))
    row = {
        "network": name,
        "layer": key,
        "behind": ", ".join(ends),
        "at_start": difference(logits(attached, images), before),
        "parameters": attached.count_params() - model.count_params(),
        "unmoved": ", ".join(unmoved(attached, images, labels)),
    }
    trained = logits(attached, images)
    row["trained"] = float(f"{difference(trained, before):.1e}")
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/attached.keras"
        attached.save(path)
        loaded = keras.saving.load_model(path)
        row["saved"] = difference(logits(loaded, images), trained)
    row["detached"] = difference(logits(detach(loaded), images), before)
    return {**row, **exports(attached, name in RESCALING or (0, 1))}


def exports(model, preprocessing):
    """The difference of every format from Keras, or that it is refused."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, suffix in FORMATS.items():
            try:
                report = export(
                    model,
                    f"{folder}/model{suffix}",
                    format=name,
                    preprocessing=preprocessing,
                )
            except ValueError as error:  # names the layer and the operation
                print(error, flush=True)
                found[name] = "refused"
            else:
                found[name] = f"{report.difference:.1e}"
    return found


def unmoved(model, images, labels):
    """The paths of the trainable weights that a few steps leave alone."""
    model.compile(
        # Behind untrained layers gradients are small: no epsilon hides them.
        keras.optimizers.Adam(1e-3, epsilon=1e-15),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        jit_compile=False,  # takes longer to compile than the steps take
    )
    start = [array(weight) for weight in model.trainable_weights]
    for _ in range(STEPS):
        model.train_on_batch(images, labels)
    return [
        weight.path
        for before, weight in zip(start, model.trainable_weights, strict=True)
        if np.array_equal(before, array(weight))
    ]


def logits(model, images):
    return array(model(images, training=False))


def array(tensor):
    return np.array(ops.convert_to_numpy(tensor))


def difference(first, second):
    return float(np.abs(first - second).max())


def rows():
    return json.loads(RESULTS.read_text())["rows"] if RESULTS.exists() else []


def add(row):
    """Writes the table with one row more."""
    order = list(NETWORKS)
    key = row["network"], row["layer"]
    others = [r for r in rows() if (r["network"], r["layer"]) != key]
    found = sorted(
        [*others, row],
        key=lambda r: (order.index(r["network"]), r["layer"]),
    )
    timing.write(
        RESULTS,
        found,
        timing.environment(
            keras.backend.backend(), keras=keras.__version__, images=NETWORKS
        ),
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    keys = insertion.insertable_keys()
    parser.add_argument("--networks", nargs="+", choices=NETWORKS)
    parser.add_argument("--keys", nargs="+", choices=keys)
    arguments = parser.parse_args()
    networks = arguments.networks or list(NETWORKS)
    keys = arguments.keys or keys
    done = {
        (row["network"], row["layer"]) for row in rows() if row["saved_model"]
    }
    missing = [(n, k) for n in networks for k in keys if (n, k) not in done]
    if len(missing) > 1:
        for name, key in missing:
            command = [sys.executable, __file__, "--networks", name]
            subprocess.run([*command, "--keys", key], check=True)
        return
    for name, key in missing:
        keras.utils.set_random_seed(0)
        add(measure(name, network(name), key))


if __name__ == "__main__":
    main()
