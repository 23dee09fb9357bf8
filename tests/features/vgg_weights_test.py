import hashlib
import http.server
import os
import threading

import numpy as np
import pytest
import torch_bytes
from choice import first

from keras_attention.features import VGG16
from keras_attention.features import VGG16BN
from keras_attention.features import VGG19BN
from keras_attention.features import read_weights
from keras_attention.features import vgg
from keras_attention.features import weights_info
from keras_attention.features.pretrained import download
from keras_attention.features.pretrained import published as catalogue
from keras_attention.models import VGG16BNAttention

TINY = 1 / 64


def tiny(weights, **arguments):
    return VGG16BN(
        include_top=False,
        width_multiplier=TINY,
        weights=weights,
        **arguments,
    )


def first_bias(model):
    return np.array(model.get_layer("block1_conv1").bias)


@pytest.fixture
def state(make_state):
    return make_state(TINY)


@pytest.fixture
def server(tmp_path):
    """A folder, its address, and the paths that were asked for."""
    folder, asked = tmp_path / "served", []
    folder.mkdir()

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args):
            super().__init__(*args, directory=folder)

        def log_request(self, *_):
            asked.append(self.path)

        def send_header(self, keyword, value):
            if keyword == "Content-Length" and "half" in self.path:
                # The line is cut when half of it is sent.
                value = str(2 * int(value))
            super().send_header(keyword, value)

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield folder, f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()
        thread.join()


@pytest.fixture
def home(tmp_path, monkeypatch):
    """What Keras' folder of models holds, but for locks."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))
    return lambda: sorted(
        name
        for name in os.listdir(tmp_path / "home/models")
        if not name.endswith(".lock")
    )


@pytest.fixture
def published(server, home, monkeypatch, state):
    """A tiny network in the place of torchvision's."""
    folder, address, asked = server
    data = torch_bytes.saved(state, torch_bytes.old)
    digest = hashlib.sha256(data).hexdigest()
    name = f"vgg16_bn-{digest[:8]}.pth"
    (folder / name).write_bytes(data)
    (entry,) = [x for x in catalogue._PUBLISHED if x.network == "VGG16BN"]
    tiny_one = entry._replace(source=f"{address}/{name}", sha256=digest[:8])
    monkeypatch.setattr(catalogue, "_PUBLISHED", [tiny_one])
    return folder / name, asked


def test_npz_file(tmp_path, state):
    np.savez(tmp_path / "tiny.npz", **state)
    model = tiny(str(tmp_path / "tiny.npz"))
    np.testing.assert_array_equal(first_bias(model), state["features.0.bias"])


@pytest.mark.parametrize("layout", ["zipped", "old"])
def test_pth_file(tmp_path, state, layout):
    data = torch_bytes.saved(state, getattr(torch_bytes, layout))
    (tmp_path / "tiny.pth").write_bytes(data)
    model = tiny(tmp_path / "tiny.pth")
    np.testing.assert_array_equal(first_bias(model), state["features.0.bias"])


@pytest.mark.parametrize("end", [".weights.h5", ".keras"])
def test_keras_files(tmp_path, end):
    source, path = tiny(None), tmp_path / f"tiny{end}"
    (source.save if end == ".keras" else source.save_weights)(path)
    for old, new in zip(
        source.get_weights(), tiny(path).get_weights(), strict=True
    ):
        np.testing.assert_array_equal(old, new)
    with pytest.raises(ValueError, match="Missing: block3_conv4/0, block3_co"):
        VGG19BN(include_top=False, width_multiplier=TINY, weights=path)


def test_a_top_is_left_out_where_there_is_none(tmp_path):
    path = tmp_path / "top.weights.h5"
    source = VGG16BN(input_shape=(32, 32, 3), classes=3, width_multiplier=TINY)
    source.save_weights(path)
    np.testing.assert_array_equal(first_bias(tiny(path)), first_bias(source))
    with pytest.raises(ValueError, match=r"predictions/0 \(64, 3\) for \(64,"):
        VGG16BN(
            input_shape=(32, 32, 3),
            classes=4,
            width_multiplier=TINY,
            weights=path,
        )


@pytest.mark.parametrize("end", [".weights.h5", ".keras"])
def test_a_file_of_more_than_the_blocks_is_no_part_of_it(tmp_path, end):
    """It used to fill the blocks, and leave attention and head random."""
    arguments = {
        "attention": {"block3": "se"},
        "classes": 3,
        "width_multiplier": TINY,
    }
    source, path = VGG16BNAttention(**arguments), tmp_path / f"own{end}"
    (source.save if end == ".keras" else source.save_weights)(path)
    message = "Unexpected: predictions/0, predictions/1, block3_pool_se/excite"
    with pytest.raises(ValueError, match=message):
        VGG16BNAttention(**arguments, weights=path)
    blocks = {
        name: array
        for name, array in read_weights(path).items()
        if name.startswith("block") and "pool" not in name
    }
    model = VGG16BNAttention(**arguments, weights=blocks)
    np.testing.assert_array_equal(first_bias(model), first_bias(source))


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("features.3.bias", np.nan, "NaN or infinite: features.3.bias."),
        ("features.3.weight", np.inf, "NaN or infinite: features.3.weight."),
        ("features.4.bias", 1e300, "NaN or infinite: features.4.bias."),
        ("features.4.running_var", -1e-3, "Negative variance: features.4.run"),
        ("features.4.weight", 1 + 2j, "No real numbers: features.4.weight."),
        ("features.4.weight", "1", "No real numbers: features.4.weight."),
    ],
)
def test_numbers_that_are_none(state, name, value, problem):
    state[name] = np.full(np.shape(state[name]), value)
    with pytest.raises(ValueError, match=problem):
        tiny(state)


@pytest.mark.usefixtures("eagerly")
@pytest.mark.parametrize("channels", first(2, [1, 4, 2]))
def test_images_of_other_channels(make_state, tmp_path, channels):
    """Equal in all channels, they give what an RGB image does."""
    state = make_state(TINY, top=False)
    rgb = tiny(state)
    rgb.save_weights(tmp_path / "rgb.weights.h5")
    grey = np.random.default_rng(0).normal(size=(2, 32, 32, 1))
    expected = rgb.predict(np.repeat(grey, 3, -1), verbose=0)
    for weights in (state, tmp_path / "rgb.weights.h5"):
        shape = (32, 32, channels)
        with pytest.raises(ValueError, match="Wrong shape: .*0"):
            tiny(weights, input_shape=shape)
        model = tiny(weights, input_shape=shape, adapt_channels=True)
        seen = model.predict(np.repeat(grey, channels, -1), verbose=0)
        np.testing.assert_allclose(seen, expected, rtol=1e-4, atol=1e-5)


def test_adapt_channels_is_no_silent_argument():
    with pytest.raises(ValueError, match="adapt_channels: expected False with"):
        tiny(None, adapt_channels=True)
    with pytest.raises(ValueError, match="adapt_channels: expected True or"):
        tiny(None, adapt_channels="mean")


def test_imagenet_is_fetched_once(published, home, state, monkeypatch, capsys):
    source, asked = published
    monkeypatch.setattr(vgg, "_published", lambda *_: {})
    for _ in range(2):
        model = tiny("imagenet")
        bias = state["features.0.bias"]
        np.testing.assert_array_equal(first_bias(model), bias)
    assert home() == [source.name]
    assert len(asked) == 1
    # Keras' progress bar.
    assert f"{source.stat().st_size}/{source.stat().st_size}" in (
        capsys.readouterr().out
    )


def test_another_file_leaves_nothing(published, home):
    source, asked = published
    (entry,) = catalogue._PUBLISHED
    data = source.read_bytes()
    source.write_bytes(data + b"!")
    for _ in range(2):
        with pytest.raises(ValueError, match="SHA-256 .* is deleted; try"):
            catalogue.state_of("VGG16BN", "imagenet")
        assert home() == []
    source.write_bytes(data)
    path = download.fetched(entry.source, entry.sha256)
    assert len(asked) == 3
    # What somebody else has left there.
    path.write_bytes(data[:100])
    with pytest.raises(ValueError, match="SHA-256"):
        download.fetched(entry.source, entry.sha256)
    assert home() == []


def test_half_a_download_leaves_nothing(server, home):
    folder, address, _ = server
    (folder / "half-12345678.pth").write_bytes(bytes(1000))
    with pytest.raises(ConnectionError):
        download.fetched(f"{address}/half-12345678.pth", "")
    assert home() == []


@pytest.mark.parametrize("gone", ["file", "server"])
def test_what_to_do_without_a_network_is_said(server, home, gone):
    _, address, _ = server
    address = address if gone == "file" else "http://127.0.0.1:9"
    url = f"{address}/vgg16_bn-12345678.pth"
    with pytest.raises(ConnectionError, match="weights='/a/folder/vgg16_bn-"):
        download.fetched(url, "12345678")
    assert home() == []


def test_what_is_published():
    infos = {(x["network"], x["weights"]): x for x in weights_info()}
    names = {f"VGG{n}{bn}" for n in (11, 13, 16, 19) for bn in ("", "BN")}
    assert names <= {network for network, _ in infos}
    for info in infos.values():
        if info["source"].startswith("https"):
            assert info["source"].startswith("https://download.pytorch.org/m")
            assert info["source"].endswith(f"-{info['sha256']}.pth")
    features = infos["VGG16", "imagenet_features"]
    assert features["source"].endswith("-amdegroot-88682ab5.pth")
    assert features["preprocessing"].endswith('weights="imagenet_features")')
    assert infos["VGG16", "imagenet"]["top_5"] == 90.382
    with pytest.raises(ValueError, match="one of 'VGG11', "):
        weights_info("vgg16")


def test_weights_of_the_features_need_no_top():
    with pytest.raises(ValueError, match="include_top=False"):
        VGG16(weights="imagenet_features")
    with pytest.raises(ValueError, match="None, 'imagenet', a dictionary"):
        VGG16BN(include_top=False, weights="imagenet_features")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"width_multiplier": 0.5}, "width_multiplier = 1"),
        ({"input_shape": (224, 224, 1)}, r"channels = 3 \(or adapt_channels"),
        ({"classes": 10}, r"classes = 1000 \(or include_top=False\)"),
        ({"input_shape": (256, 224, 3)}, "224 to 255"),
        (
            {"include_top": False, "input_shape": (None, None, 4)},
            "adapt_channels=True\\). Received: 4",
        ),
    ],
)
def test_imagenet_needs_the_published_network(arguments, message):
    with pytest.raises(ValueError, match=message):
        VGG16BN(weights="imagenet", **arguments)


@pytest.mark.parametrize(
    "weights", ["image-net", "missing.npz", "setup.cfg", b"x", 3, [1], True]
)
def test_unknown_weights(weights):
    with pytest.raises(ValueError, match="weights: expected None, 'imagenet'"):
        tiny(weights)
