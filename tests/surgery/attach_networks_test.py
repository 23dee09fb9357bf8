"""Attention in networks that others have made."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_attention import attach
from keras_attention import compare_weights
from keras_attention import detach
from keras_attention.surgery import insertion
from keras_attention.surgery import places
from keras_attention.surgery.graph import read_graph

# The smallest images that leave maps of several positions.
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


def logits(model, x):
    return np.array(ops.convert_to_numpy(model(x, training=False)))


# Its small sibling is attach_test.py.
@pytest.mark.long
@pytest.mark.parametrize("name", NETWORKS)
def test_starts_as_the_network_and_can_be_taken_out(name, tmp_path):
    size = NETWORKS[name]
    model = getattr(keras.applications, name)(
        weights=None,
        input_shape=(size, size, 3),
        classes=3,
        classifier_activation=None,
    )
    rng = np.random.default_rng(0)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            for weight in layer.weights:
                weight.assign(rng.uniform(0.5, 1.5, weight.shape))
    x = rng.normal(size=(4, size, size, 3))
    before = logits(model, x)
    assert np.ptp(before) > 0
    ends = places.find(read_graph(model), "stage_ends", "attention")
    where = [p.path for p in ends if p.outputs[0][0].shape[1] > 2][-2:]
    assert len(where) == 2
    model.trainable = False
    for key in insertion.insertable_keys():
        attached = attach(model, dict.fromkeys(where, key))
        np.testing.assert_array_equal(logits(attached, x), before)
    assert compare_weights(model, attached).missing == []

    attached = attach(model, dict.fromkeys(where, "se"))
    start = [ops.convert_to_numpy(w) + 0 for w in attached.trainable_weights]
    attached.compile(
        # Behind untrained layers gradients are small: no epsilon hides them.
        keras.optimizers.Adam(1e-3, epsilon=1e-15),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    for _ in range(3):
        attached.train_on_batch(x, np.array([0, 1, 2, 0]))
    for old, weight in zip(start, attached.trainable_weights, strict=True):
        assert np.any(old != ops.convert_to_numpy(weight)), weight.path
    trained = logits(attached, x)
    attached.save(tmp_path / "attached.keras")
    loaded = keras.saving.load_model(tmp_path / "attached.keras")
    np.testing.assert_array_equal(logits(loaded, x), trained)
    np.testing.assert_array_equal(logits(detach(loaded), x), before)
