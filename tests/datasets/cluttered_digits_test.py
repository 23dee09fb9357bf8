import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow_datasets as tfds

from keras_attention import datasets
from keras_attention.datasets import ClutteredDigits
from keras_attention.datasets import ClutteredDigitsConfig
from keras_attention.datasets import generate

SMALL = dict(train=12, validation=5, test=6)


def test_importing_registers_the_builder(tmp_path):
    builder = tfds.builder("cluttered_digits", data_dir=tmp_path)
    assert isinstance(builder, ClutteredDigits)
    assert builder.builder_config.name == ClutteredDigitsConfig().name
    assert builder.info.features["image"].shape == (48, 48, 1)


def test_config_or_settings(tmp_path):
    config = ClutteredDigitsConfig(digits=2, colour=True)
    ours = ClutteredDigits(config=config, data_dir=tmp_path)
    theirs = tfds.builder(
        "cluttered_digits", digits=2, colour=True, data_dir=tmp_path
    )
    assert ours.data_dir == theirs.data_dir
    assert config.name in str(ours.data_dir)
    assert ours.info.features["boxes"].shape == (2, 4)
    with pytest.raises(ValueError, match="either `config` or"):
        ClutteredDigits(config=config, digits=2, data_dir=tmp_path)
    with pytest.raises(ValueError, match="argument digits"):
        ClutteredDigits(digits=100, data_dir=tmp_path)


@pytest.mark.parametrize("colour", [False, True])
def test_loaded_examples_are_the_generated_ones(tmp_path, capfd, colour):
    settings = dict(digits=2, colour=colour, canvas=(48, 64), **SMALL)
    splits = datasets.load(
        "cluttered_digits",
        supervised=False,
        batch_size=5,
        data_dir=tmp_path,
        **settings,
    )
    captured = capfd.readouterr()
    assert not captured.out and "examples" not in captured.err
    assert splits.info.sizes == SMALL
    assert splits.info.image_shape == (48, 64, 3 if colour else 1)
    expected = list(generate(ClutteredDigitsConfig(**settings), "test"))
    index = 0
    for batch in splits.test:
        batch = {key: np.asarray(value) for key, value in batch.items()}
        for row in range(len(batch["label"])):
            example = expected[index]
            np.testing.assert_array_equal(
                np.rint(batch["image"][row] * 255), example["image"]
            )
            for key in ("label", "labels", "mask"):
                np.testing.assert_array_equal(batch[key][row], example[key])
            np.testing.assert_allclose(batch["boxes"][row], example["boxes"])
            caption = batch["caption"][row]
            if isinstance(caption, bytes):
                caption = caption.decode()
            assert caption == example["caption"]
            index += 1
    assert index == len(expected)


def test_both_formats_live_in_one_folder(tmp_path):
    builders = [
        datasets.builders.prepare(
            "cluttered_digits", file_format, tmp_path, **SMALL
        )
        for file_format in ("array_record", "tfrecord", "array_record")
    ]
    assert builders[0].data_dir == builders[2].data_dir
    assert len(builders[0].as_data_source("train")) == 12
    assert len(list(builders[1].as_dataset("train"))) == 12


def test_a_model_trains_on_it(tmp_path):
    train, validation, test = datasets.load(
        "cluttered_digits", batch_size=4, data_dir=tmp_path, **SMALL
    )
    model = keras.Sequential(
        [
            keras.Input((48, 48, 1)),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(10),
        ]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("sgd", loss)
    history = model.fit(train, validation_data=validation, verbose=0)
    assert np.isfinite(history.history["val_loss"][0])
    assert np.isfinite(model.evaluate(test, verbose=0))


@pytest.mark.computing
@pytest.mark.skipif(
    keras.backend.backend() != "jax",
    reason="TensorFlow imports itself, and PyTorch has JAX's path",
)
def test_other_backends_import_no_tensorflow(tmp_path):
    script = (
        "import sys\n"
        "from keras_attention import datasets\n"
        "train, validation, test = datasets.load(\n"
        "    'cluttered_digits', data_dir=sys.argv[1], size=20,\n"
        "    supervised=False, train=12, validation=5, test=6)\n"
        "assert train[0]['image'].shape == (12, 20, 20, 1)\n"
        "assert 'tensorflow' not in sys.modules\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path)]
    subprocess.run(command, check=True)
