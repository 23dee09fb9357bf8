"""Keras' files of weights, and what pretends to be one."""

import zipfile

import h5py
import keras
import numpy as np
import pytest

from keras_attention.features import read_weights


@pytest.fixture(scope="module")
def model():
    inner = keras.Sequential([keras.Input((4, 4, 3)), keras.layers.Dense(2)])
    inputs = keras.Input((4, 4, 3))
    x = keras.layers.Conv2D(3, 1, name="first")(inputs)
    outputs = keras.layers.BatchNormalization(name="second")(inner(x))
    model = keras.Model(inputs, outputs)
    model.compile("adam", "mse")
    model.train_on_batch(np.ones((1, 4, 4, 3)), np.ones((1, 4, 4, 2)))
    return model


@pytest.mark.parametrize("end", [".weights.h5", ".keras"])
def test_arrays_by_the_names_of_layers(tmp_path, model, end):
    path = tmp_path / f"model{end}"
    (model.save if end == ".keras" else model.save_weights)(path)
    state = read_weights(path)
    inner = model.layers[2].name
    dense = f"{inner}/{model.layers[2].layers[0].name}"
    numbers = [(layer, range(count)) for layer, count in [
        ("first", 2), (dense, 2), ("second", 4),
    ]]  # fmt: skip
    names = [f"{layer}/{n}" for layer, count in numbers for n in count]
    assert sorted(state) == sorted(names)
    for name, value in zip(names, model.get_weights(), strict=True):
        np.testing.assert_array_equal(state[name], value)


def test_a_configuration_is_not_read(tmp_path, model, heard):
    model.save(tmp_path / "good.keras")
    marker = tmp_path / "marker"
    config = (
        '{"module": "os", "class_name": "system", "config": "touch '
        f'{marker}", "registered_name": "os>system"}}'
    )
    with (
        zipfile.ZipFile(tmp_path / "good.keras") as good,
        zipfile.ZipFile(tmp_path / "bad.keras", "w") as bad,
    ):
        bad.writestr("config.json", config)
        bad.writestr("../../outside.txt", "text")
        bad.writestr("model.weights.h5", good.read("model.weights.h5"))
    with heard() as events:
        state = read_weights(tmp_path / "bad.keras")
    assert "first/0" in state and not marker.exists()
    assert {str(x[0]) for event, x in events if event == "open"} == {
        str(tmp_path / "bad.keras")
    }


def layer(file, name="first"):
    group = file.create_group(f"layers/{name}/vars")
    group.attrs["name"] = name
    return group


def external_link(file, tmp_path):
    with h5py.File(tmp_path / "secret.h5", "w") as other:
        other["0"] = np.ones(3)
    layer(file)["0"] = h5py.ExternalLink(str(tmp_path / "secret.h5"), "0")


def linked_group(file, tmp_path):
    file["layers"] = h5py.SoftLink("/elsewhere")


def soft_link(file, tmp_path):
    layer(file)["0"] = h5py.SoftLink("/elsewhere")


def external_storage(file, tmp_path):
    (tmp_path / "secret.bin").write_bytes(bytes(8))
    layer(file).create_dataset(
        "0", (1,), "f8", external=[(str(tmp_path / "secret.bin"), 0, 8)]
    )


def virtual(file, tmp_path):
    source = h5py.VirtualSource(str(tmp_path / "secret.h5"), "0", (3,))
    layout = h5py.VirtualLayout((3,), "f8")
    layout[:] = source
    layer(file).create_virtual_dataset("0", layout)


def promises(file, tmp_path):
    layer(file).create_dataset("0", (10**6, 10**6), "f4", chunks=(1, 10**4))


def compressed(file, tmp_path):
    layer(file).create_dataset("0", data=np.zeros(10**6), compression="gzip")


def in_pieces(file, tmp_path):
    layer(file).create_dataset("0", data=np.zeros(4), chunks=(2,))


def inside_itself(file, tmp_path):
    layer(file)
    file["layers/again"] = file["layers"]


def nameless(file, tmp_path):
    file["layers/first/vars/0"] = np.ones(3)


def a_group_for_an_array(file, tmp_path):
    layer(file).create_group("0")


def two_of_a_name(file, tmp_path):
    for group in ("layers/one", "layers/two"):
        weights = file.create_group(f"{group}/vars")
        weights.attrs["name"] = "conv"
        weights["0"] = np.ones(3)


def empty(file, tmp_path):
    file.create_group("layers")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (external_link, "vars/0 is a link"),
        (soft_link, "vars/0 is a link"),
        (linked_group, "layers is a link"),
        (external_storage, "no array in the file"),
        (virtual, "no array in the file"),
        (promises, "no array in the file"),
        (in_pieces, "no array in the file"),
        (compressed, "no array in the file"),
        (a_group_for_an_array, "no array in the file"),
        (inside_itself, "is inside itself"),
        (nameless, "no names of layers"),
        (empty, "no weights"),
        (two_of_a_name, "two arrays 'conv/0'"),
    ],
)
def test_what_is_refused(tmp_path, make, message):
    path = tmp_path / "bad.weights.h5"
    with h5py.File(path, "w") as file:
        make(file, tmp_path)
    with pytest.raises(ValueError, match=message):
        read_weights(path)


def test_damaged_files(tmp_path, model):
    model.save_weights(tmp_path / "good.weights.h5")
    data = (tmp_path / "good.weights.h5").read_bytes()
    path = tmp_path / "bad.weights.h5"
    for cut in (0, 100, len(data) // 2, len(data) - 1):
        path.write_bytes(data[:cut])
        with pytest.raises(ValueError, match="cannot be read"):
            read_weights(path)
    path = tmp_path / "bad.keras"
    path.write_bytes(data)
    with pytest.raises(ValueError, match="cannot be read"):
        read_weights(path)
    for name, method, message in (
        ("model.weights.h5", zipfile.ZIP_DEFLATED, "compressed"),
        ("config.json", zipfile.ZIP_STORED, "has no model.weights.h5"),
    ):
        with zipfile.ZipFile(path, "w", method) as archive:
            archive.writestr(name, data)
        with pytest.raises(ValueError, match=message):
            read_weights(path)
