import functools
import hashlib
import http.server
import sys
import threading

import keras
import numpy as np
import pytest

from keras_attention.features import VGG16
from keras_attention.features import VGG16BN
from keras_attention.features import vgg_weights

TINY = 1 / 64


def tiny(weights):
    return VGG16BN(include_top=False, width_multiplier=TINY, weights=weights)


def first_bias(model):
    return np.array(model.get_layer("block1_conv1").bias)


@pytest.fixture
def state(make_state):
    return make_state(TINY)


@pytest.fixture
def save_pth():
    torch = pytest.importorskip("torch")

    def save(state, path):
        tensors = {key: torch.tensor(value) for key, value in state.items()}
        torch.save(tensors, path)
        return path

    return save


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

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield folder, f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()
        thread.join()


@pytest.fixture
def published(server, tmp_path, monkeypatch, save_pth, state):
    """A tiny network in the place of torchvision's; returns its address."""
    folder, address, asked = server
    path = save_pth(state, folder / "new.pth")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    name = f"vgg16_bn-{digest[:8]}.pth"
    path.rename(folder / name)
    urls = {"vgg16_bn": f"{address}/{name}"}
    monkeypatch.setattr(vgg_weights, "_IMAGENET_URLS", urls)
    monkeypatch.setattr(vgg_weights, "_check_imagenet", lambda *_: None)
    get_file = functools.partial(
        keras.utils.get_file, cache_dir=str(tmp_path / "cache")
    )
    (tmp_path / "cache").mkdir()
    monkeypatch.setattr(keras.utils, "get_file", get_file)
    return folder / name, tmp_path / "cache/models" / name, asked


def test_keras_file(tmp_path):
    source = tiny(None)
    path = tmp_path / "tiny.weights.h5"
    source.save_weights(path)
    for old, new in zip(
        source.get_weights(), tiny(path).get_weights(), strict=True
    ):
        np.testing.assert_array_equal(old, new)


def test_npz_file(tmp_path, state):
    np.savez(tmp_path / "tiny.npz", **state)
    model = tiny(str(tmp_path / "tiny.npz"))
    np.testing.assert_array_equal(first_bias(model), state["features.0.bias"])


def test_npz_with_pickles_is_refused(tmp_path):
    np.savez(tmp_path / "bad.npz", a=np.array([{}], dtype=object))
    with pytest.raises(ValueError, match="allow_pickle"):
        tiny(tmp_path / "bad.npz")


def test_pth_file(tmp_path, state, save_pth):
    model = tiny(save_pth(state, tmp_path / "tiny.pth"))
    np.testing.assert_array_equal(first_bias(model), state["features.0.bias"])


def test_pth_of_something_else(tmp_path):
    torch = pytest.importorskip("torch")
    torch.save(torch.zeros(3), tmp_path / "tensor.pth")
    with pytest.raises(ValueError, match="Received: a Tensor"):
        tiny(tmp_path / "tensor.pth")
    # A whole module is code, which weights_only refuses.
    torch.save(torch.nn.Linear(1, 1), tmp_path / "module.pth")
    with pytest.raises(Exception, match="Weights only"):
        tiny(tmp_path / "module.pth")


def test_imagenet_is_fetched_once(published, state):
    _, cached, asked = published
    for _ in range(2):
        model = tiny("imagenet")
        bias = state["features.0.bias"]
        np.testing.assert_array_equal(first_bias(model), bias)
    assert cached.exists()
    assert len(asked) == 1


def test_imagenet_with_another_hash_is_deleted(published):
    source, cached, _ = published
    source.write_bytes(source.read_bytes() + b"!")
    with pytest.raises(ValueError, match="SHA-256"):
        tiny("imagenet")
    assert not cached.exists()


def test_imagenet_without_torch_fetches_nothing(server, monkeypatch):
    _, address, asked = server
    urls = {"vgg16_bn": f"{address}/vgg16_bn-00000000.pth"}
    monkeypatch.setattr(vgg_weights, "_IMAGENET_URLS", urls)
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ImportError, match="pip install torch"):
        vgg_weights.read_published_state(urls["vgg16_bn"])
    assert asked == []


@pytest.mark.parametrize("gone", ["file", "server"])
def test_what_to_do_without_a_network_is_said(server, monkeypatch, gone):
    _, address, _ = server
    address = address if gone == "file" else "http://127.0.0.1:9"
    monkeypatch.setattr(vgg_weights, "_import_torch", lambda: None)
    url = f"{address}/vgg16_bn-12345678.pth"
    with pytest.raises(ConnectionError, match="weights='/a/folder/vgg16_bn-"):
        vgg_weights.read_published_state(url)


def test_published_addresses():
    urls = vgg_weights.published("vgg16")
    assert urls["imagenet"].endswith("/models/vgg16-397923af.pth")
    assert urls["imagenet_features"].endswith("-amdegroot-88682ab5.pth")
    names = {f"vgg{n}{bn}" for n in (11, 13, 16, 19) for bn in ("", "_bn")}
    for name in names:
        url = vgg_weights.published(name)["imagenet"]
        assert url.startswith(f"https://download.pytorch.org/models/{name}-")


def test_weights_of_the_features_need_no_top():
    with pytest.raises(ValueError, match="include_top=False"):
        VGG16(weights="imagenet_features")
    with pytest.raises(ValueError, match="None, 'imagenet', a dictionary"):
        VGG16BN(include_top=False, weights="imagenet_features")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"width_multiplier": 0.5}, "width_multiplier = 1"),
        ({"input_shape": (224, 224, 1)}, "channels = 3"),
        ({"classes": 10}, r"classes = 1000 \(or include_top=False\)"),
        ({"input_shape": (256, 224, 3)}, "224 to 255"),
        (
            {"include_top": False, "input_shape": (None, None, 4)},
            "channels = 3. Received: 4",
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
