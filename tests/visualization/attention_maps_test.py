import ast
import pathlib

import keras
import numpy as np
import pytest
from gradients import not_on_jax

import keras_attention
from keras_attention.datasets import Originals
from keras_attention.layers import AttentionPooling2D
from keras_attention.layers import SqueezeAndExcite2D
from keras_attention.visualization import AttentionMap
from keras_attention.visualization import collect_attention


@not_on_jax
def test_every_attention_layer_is_collected():
    inputs = keras.Input((6, 6, 4))
    x = SqueezeAndExcite2D(name="se", identity_init=True)(inputs)
    pool = AttentionPooling2D(num_heads=2, num_queries=3, name="pool")
    tokens = keras.layers.Reshape((36, 4))(x)
    mixed = keras.layers.MultiHeadAttention(2, 4, name="mix")(tokens, tokens)
    model = keras.Model(inputs, [pool(x), mixed])
    images = np.random.default_rng(0).random((5, 6, 6, 4), "float32")
    photographs = Originals([(5, 9)] * 5, (6, 6), "crop")
    maps = collect_attention(model, images, batch_size=2, originals=photographs)
    assert [x.shape for x in maps["pool"].to_originals()] == [(5, 9)] * 5
    received = maps["mix"].received().to_originals()[4]
    assert (
        np.isnan(received[:, :2]).all() and np.isfinite(received[:, 2:7]).all()
    )
    found = {name: (m.kind, m.values.shape) for name, m in maps.items()}
    assert found == {
        "se": ("channel", (5, 1, 1, 4)),
        "pool": ("spatial", (5, 2, 3, 6, 6)),
        "mix": ("pairwise", (5, 2, 36, 36)),
    }
    assert [m.layer for m in maps.values()] == list(maps)
    assert [m.gain for m in maps.values()] == [0.0, None, None]
    # Not the alphabet's order, which JAX would give.
    assert next(iter(maps)) == "se"
    assert maps["pool"].values.dtype == "float32"
    np.testing.assert_allclose(
        maps["pool"].spatial(), maps["pool"].values.mean((1, 2)), rtol=1e-6
    )
    np.testing.assert_allclose(maps["pool"].spatial().sum((1, 2)), 1, rtol=1e-5)
    with pytest.raises(ValueError, match="channel weights of layer 'se'"):
        maps["se"].spatial()


def test_a_model_without_attention_is_refused():
    inputs = keras.Input((6, 6, 4))
    model = keras.Model(inputs, keras.layers.Flatten()(inputs), name="flat")
    with pytest.raises(ValueError, match="'flat' has no attention layer"):
        collect_attention(model, np.ones((1, 6, 6, 4)))


def test_a_map_describes_itself():
    attention = AttentionMap(np.array([[[[0.25, np.nan]]]]), "<a>")
    assert repr(attention) == (
        "AttentionMap('<a>', spatial, shape (1, 1, 1, 2), 0.25 to 0.25)"
    )
    assert "&lt;a&gt;" in attention._repr_html_()
    assert "nan" in repr(AttentionMap(np.full((1, 1, 1, 1), np.nan), "a"))
    with pytest.raises(ValueError, match="argument kind"):
        AttentionMap(np.ones((1, 1, 1, 1)), "a", "other")


def test_one_image_and_swapped_arguments_are_told():
    inputs = keras.Input((6, 6, 4))
    model = keras.Model(inputs, SqueezeAndExcite2D()(inputs))
    images = np.ones((1, 6, 6, 4))
    with pytest.raises(ValueError, match=r"Pass images\[None\]"):
        collect_attention(model, images[0])
    with pytest.raises(ValueError, match=r"keras.Model.*<.*ndarray'>$"):
        collect_attention(images, model)


def test_a_map_is_an_array():
    values = np.arange(8, dtype="float32").reshape(1, 2, 2, 2)
    attention = AttentionMap(values, "a")
    assert attention.shape == (1, 2, 2, 2)
    assert np.asarray(attention) is values
    assert np.array(attention) is not values
    assert np.asarray(attention, "float64").dtype == "float64"
    np.testing.assert_array_equal(np.sum(attention[:1], 1), values.sum(1))


def test_only_figures_import_matplotlib_and_nobody_pyplot():
    # Keras imports matplotlib itself, so that sys.modules says nothing.
    package = pathlib.Path(keras_attention.__file__).parent
    for path in package.rglob("*.py"):
        for name in imported(path):
            assert "pyplot" not in name, path
            area = path.relative_to(package).parts[0]
            if area not in ("visualization", "tuning"):
                assert not name.startswith("matplotlib"), path


def imported(path):
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
