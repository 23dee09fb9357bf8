"""Tensors that no score, alignment or aggregation is made for."""

import keras
import numpy as np
import pytest

from keras_attention import aggregations
from keras_attention import alignments
from keras_attention import scores

SCORES = (2, 2, 1, 9)


def refuses(call, *shapes, received, **extra):
    """By its shape, what is refused is named: symbolic like eager."""
    with pytest.raises(ValueError) as caught:
        call(*map(keras.KerasTensor, shapes), **extra)
    assert received in str(caught.value)


@pytest.mark.parametrize("key", scores.available())
@pytest.mark.parametrize(
    ("query", "features", "received"),
    [
        ((2, 8), (2, 5, 8), "(2, 8)"),
        ((2, 1, 8), (2, 2, 5, 8), "(2, 2, 5, 8)"),
        ((2, 0, 8), (2, 5, 8), "(2, 0, 8)"),
        ((2, 1, 8), (2, 0, 8), "(2, 0, 8)"),
        ((2, 1, 8), (2, 5, 0), "(2, 5, 0)"),
        ((2, 1, None), (2, 5, 8), "(2, 1, None)"),
        ((2, 1, 8), (2, 5, None), "(2, 5, None)"),
        ((2, 1, 8), (3, 5, 8), "2 in query, 3 in features"),
    ],
    ids=str,
)
def test_scores(key, query, features, received):
    refuses(scores.get(key), query, features, received=received)


def alignment(key):
    layer = alignments.get(key, **{"channels": 2} if "dim" in key else {})
    extra = {"grid_shape": (1, 9)} if layer.needs_grid else {}
    if layer.needs_query:
        extra["query"] = np.ones((2, 1, 4), "float32")
    return layer, extra


@pytest.mark.parametrize("key", alignments.available())
@pytest.mark.parametrize("shape", [(2, 9), (2, 2, 9), (2, 2, 0, 9)], ids=str)
def test_alignments(key, shape):
    layer, extra = alignment(key)
    refuses(layer, shape, received=str(shape), **extra)


@pytest.mark.parametrize("key", alignments.available())
def test_masks_of_alignments(key):
    layer, extra = alignment(key)
    values = np.arange(36.0).reshape(SCORES)
    for shape in [(2, 9, 1, 1), (3, 1, 1, 9), (2, 1, 1, 8), (1, *SCORES), (5,)]:
        with pytest.raises(ValueError, match="broadcasts to") as caught:
            layer(values, mask=np.ones(shape, bool), **extra)
        assert str(shape) in str(caught.value)
    mask = np.arange(9) % 3 > 0
    expected = layer(values, mask=mask, **extra)
    for dtype in ("int32", "uint8", "float32"):
        np.testing.assert_array_equal(
            layer(values, mask=mask.astype(dtype), **extra), expected
        )


@pytest.mark.parametrize("key", aggregations.available())
@pytest.mark.parametrize(
    ("weights", "features", "received"),
    [
        ((2, 1, 9), (2, 9, 8), "(2, 1, 9)"),
        ((2, 1, 1, 9), (2, 3, 3, 8), "(2, 3, 3, 8)"),
        ((2, 1, 1, 9), (2, 9, None), "(2, 9, None)"),
        ((2, 1, 1, 9), (2, 9, 0), "(2, 9, 0)"),
        ((2, 1, 1, 9), (2, 5, 8), "9 in weights, 5 in features"),
        ((2, 1, 1, 9), (3, 9, 8), "2 in weights, 3 in features"),
    ],
    ids=str,
)
def test_aggregations(key, weights, features, received):
    query = np.ones((2, 1, 8), "float32")
    layer = aggregations.get(key)
    refuses(layer, weights, features, received=received, query=query)
