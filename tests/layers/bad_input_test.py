"""What no map is, and what does not fit what a layer was built for."""

import keras
import numpy as np
import pytest
from gradients import not_on_jax

from keras_attention import VGG16BNAttention
from keras_attention import alignments
from keras_attention import layers

SHAPE = (2, 6, 5, 8)
WITH_QUERY = {"attn_pool": (2, 8), "cross": (2, 8), "gate": (2, 3, 2, 8)}


def inputs(key, batch=2):
    shapes = [SHAPE, WITH_QUERY[key]] if key in WITH_QUERY else [SHAPE]
    return [np.ones((batch, *shape[1:]), "float32") for shape in shapes]


@not_on_jax
@pytest.mark.parametrize("key", layers.available())
def test_a_batch_without_images(key):
    layer = layers.get(key)
    symbols = [keras.KerasTensor(array.shape) for array in inputs(key)]
    expected, maps = layer(*symbols, return_attention_scores=True)
    outputs, weights = layer(*inputs(key, 0), return_attention_scores=True)
    assert tuple(outputs.shape) == (0, *expected.shape[1:])
    assert tuple(weights.shape) == (0, *maps.shape[1:])


@not_on_jax
@pytest.mark.parametrize("key", layers.available())
def test_masks_of_any_type_but_of_one_shape(key):
    arrays, layer = inputs(key), layers.get(key)
    mask = np.random.default_rng(0).random(SHAPE[:3]) < 0.6
    expected = keras.ops.convert_to_numpy(layer(*arrays, mask=mask))
    given = [mask.astype(dtype) for dtype in ("int32", "uint8", "float32")]
    for same in (*given, mask.tolist()):
        seen = keras.ops.convert_to_numpy(layer(*arrays, mask=same))
        np.testing.assert_array_equal(seen, expected)
    symbols = [keras.KerasTensor(array.shape) for array in arrays]
    for shape in [(2, 6), (2, 5, 6), (3, 6, 5), (2, 6, 5, 1), (2, 30)]:
        for bad, tensors in (
            (np.ones(shape), arrays),
            (keras.KerasTensor(shape), symbols),
        ):
            with pytest.raises(ValueError, match="takes a mask") as caught:
                layer(*tensors, mask=bad)
            assert str(shape) in str(caught.value)


@not_on_jax
@pytest.mark.parametrize("key", layers.available())
def test_an_image_without_a_valid_position(key):
    # A layer with a gain leaves the features there as they are.
    options = {"identity_init": False} if key == "sagan" else {}
    arrays, layer = inputs(key), layers.get(key, **options)
    mask = np.ones(SHAPE[:3], bool)
    mask[1] = False
    plain = keras.ops.convert_to_numpy(layer(*arrays, mask=mask))
    outputs, weights = layer(*arrays, mask=mask, return_attention_scores=True)
    assert (keras.ops.convert_to_numpy(weights)[1] == 0).all()
    assert (plain[1] == 0).all()
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(outputs), plain)


@pytest.mark.parametrize("key", sorted(WITH_QUERY))
@pytest.mark.parametrize(
    "change, message",
    [
        (lambda q: q[..., :0], "(no|known) number of channels|not empty"),
        (lambda q: q[:, :0], "at least one query|not empty"),
        (lambda q: q[..., :3], "built for query of 8 channels.*3 channels"),
        (lambda q: np.concatenate([q, q]), "4 queries for 2 images"),
    ],
)
def test_queries_that_do_not_fit(key, change, message):
    features, query = inputs(key)
    layer = layers.get(key)
    if 0 not in change(query).shape:
        layer(features, query)
    with pytest.raises(ValueError, match=message):
        layer(features, change(query))


def test_one_query_for_all_images():
    features, query = inputs("attn_pool")
    features = np.random.default_rng(0).normal(size=SHAPE)
    layer = layers.get("attn_pool")
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(layer(features, query[:1])),
        keras.ops.convert_to_numpy(layer(features, query)),
        rtol=1e-6,
    )


@pytest.mark.parametrize("key", layers.available())
def test_other_channels_than_at_build(key):
    features, *query = inputs(key)
    layer = layers.get(key)
    layer(features, *query)
    with pytest.raises(ValueError, match="channels"):
        layer(features[..., :4], *query)


def test_numbers_that_are_not_real():
    layer = layers.get("se")
    with pytest.raises(ValueError, match="real numbers.*complex64"):
        layer(np.ones(SHAPE, "complex64"))
    if keras.backend.backend() == "tensorflow":
        with pytest.raises(ValueError, match="real numbers.*string"):
            layer(np.full(SHAPE, "a"))


@pytest.mark.computing
@pytest.mark.parametrize("key", ["cross", "mhsa"])
def test_every_weight_has_a_use_with_a_score_of_places(key):
    features, *query = inputs(key)
    layer = layers.get(key, num_heads=2, score="location")
    layer(features, *query)
    names = {weight.path.split("/")[-2] for weight in layer.weights}
    assert "key" not in names and "value" in names


@pytest.mark.parametrize(
    "make, message",
    [
        (
            lambda: alignments.get("local_monotonic", dimensions=True),
            "dimensions: expected one of 1, 2.*True",
        ),
        (
            lambda: layers.get("cbam", order=np.array(["a", "b"])),
            "order: expected one of",
        ),
        (
            lambda: VGG16BNAttention(
                input_shape=(32, 32, 3), width_multiplier=None
            ),
            "width_multiplier",
        ),
        (
            lambda: VGG16BNAttention(
                input_shape=(32, 32, 3), width_multiplier="1"
            ),
            "width_multiplier",
        ),
    ],
)
def test_arguments_of_the_wrong_kind(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize("batch", [2, 3])
def test_a_mechanism_that_returns_its_outputs_alone(batch):
    class Halved2D(layers.AttentionLayer2D):
        def build_attention(self, features_shape, query_shape):
            pass

        def attend(self, features, query, mask, training):
            return features / 2

    # Two images would be taken for outputs and weights.
    message = r"Halved2D.attend must return \(outputs, weights\)"
    with pytest.raises(ValueError, match=message):
        Halved2D()(np.ones((batch, *SHAPE[1:]), "float32"))
