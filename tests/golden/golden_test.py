"""Files saved before names were changed load, and answer what they did."""

import json
import pathlib

import keras
import numpy as np
import pytest
from gradients import at_once

from keras_attention import losses

FOLDER = pathlib.Path(__file__).parent
ANSWERS = np.load(FOLDER / "answers.npz")
NAMES = sorted(path.stem for path in FOLDER.glob("*.keras"))


def arrays(name, kind):
    return [ANSWERS[key] for key in ANSWERS if key.startswith(f"{name}/{kind}")]


# Of the loading, which all backends share; the numbers of layers are compared
# where they live.
@pytest.mark.parametrize("name", NAMES)
def test_saved_models_answer_as_they_did(name):
    model = keras.saving.load_model(FOLDER / f"{name}.keras", compile=False)
    inputs = arrays(name, "in")
    outputs = at_once(lambda *inputs: model(list(inputs)))(*inputs)
    outputs = outputs if isinstance(outputs, list) else [outputs]
    expected = arrays(name, "out")
    assert len(outputs) == len(expected)
    for output, value in zip(outputs, expected, strict=True):
        seen = keras.ops.convert_to_numpy(output)
        np.testing.assert_allclose(seen, value, rtol=1e-4, atol=1e-5)


def test_saved_losses_load():
    for config in json.loads((FOLDER / "losses.json").read_text()):
        loss = keras.saving.deserialize_keras_object(config)
        assert type(loss) is getattr(losses, config["class_name"])
