"""Attention-augmented convolution, with NumPy."""

from functools import partial

import keras
import numpy as np
import pytest
from gradients import at_once

from keras_attention.layers import AttentionAugmentedConv2D

pytestmark = pytest.mark.computing


def expected(features, weights, heads):
    """Position by position, head by head; and the weights of the pairs."""
    batch, height, width, _ = features.shape
    spots = [(y, x) for y in range(height) for x in range(width)]
    kernel, bias = weights["convolution/kernel"], weights["convolution/bias"]
    reach = kernel.shape[0] // 2
    padded = np.pad(features, [(0, 0), (reach, reach), (reach, reach), (0, 0)])
    rows, columns = weights["rows"], weights["columns"]
    dim = rows.shape[1]
    outputs = np.zeros((batch, height, width, kernel.shape[-1]))
    context = np.zeros((batch, height, width, len(weights["output/kernel"])))
    alpha = np.zeros((batch, heads, len(spots), len(spots)))
    for b in range(batch):
        for i, (y, x) in enumerate(spots):
            size = kernel.shape[0]
            patch = padded[b, y : y + size, x : x + size]
            outputs[b, y, x] = np.einsum("yxc,yxcf->f", patch, kernel) + bias
            query = features[b, y, x] @ weights["query/kernel"]
            query = query + weights["query/bias"]
            for head in range(heads):
                own = query[head * dim : (head + 1) * dim]
                scores = []
                for y2, x2 in spots:
                    key = features[b, y2, x2] @ weights["key/kernel"]
                    key = key[head * dim : (head + 1) * dim]
                    key = key + rows[y2 - y + height - 1]
                    key = key + columns[x2 - x + width - 1]
                    scores.append(own @ key / np.sqrt(dim))
                e = np.exp(np.array(scores) - max(scores))
                alpha[b, head, i] = e / e.sum()
                values = features[b].reshape(len(spots), -1)
                values = values @ weights["value/kernel"]
                values = values + weights["value/bias"]
                share = values.shape[1] // heads
                chosen = slice(head * share, (head + 1) * share)
                context[b, y, x, chosen] = alpha[b, head, i] @ values[:, chosen]
    attended = context @ weights["output/kernel"] + weights["output/bias"]
    return np.concatenate([outputs, attended], -1), alpha


@pytest.mark.parametrize(
    ("options", "shares"),
    [
        ({"key_dim": 2, "value_dim": 2, "kernel_size": 1}, (1, 1, 1, 4)),
        ({"filters": 60}, (2, 20, 54, 6)),  # a tenth, and at least 20
    ],
)
def test_equals_numpy(options, shares):
    rng = np.random.default_rng(0)
    features = rng.normal(size=(2, 2, 3, 5)).astype("float32")
    layer = AttentionAugmentedConv2D(num_heads=2, **options)
    layer.build(features.shape)
    weights = {w.path.split("/", 1)[1]: w for w in layer.weights}
    for weight in weights.values():
        weight.assign(rng.normal(size=weight.shape) / 2)
    arrays = {k: keras.ops.convert_to_numpy(w) for k, w in weights.items()}
    attend = at_once(partial(layer, return_attention_scores=True))
    outputs, alpha = map(keras.ops.convert_to_numpy, attend(features))
    found, pairs = expected(features.astype("float64"), arrays, heads=2)
    np.testing.assert_allclose(outputs, found, atol=2e-5)
    np.testing.assert_allclose(alpha, pairs, atol=1e-5)
    if "filters" in options:
        (_, dim, convolved, attended) = shares
        assert arrays["rows"].shape[1] == dim
        assert arrays["convolution/bias"].shape == (convolved,)
        assert arrays["output/bias"].shape == (attended,)


def test_what_is_refused():
    with pytest.raises(ValueError, match="kernel_size.*odd"):
        AttentionAugmentedConv2D(kernel_size=2)
    with pytest.raises(ValueError, match="channels for the convolution"):
        AttentionAugmentedConv2D(num_heads=4).build((None, 4, 4, 4))
    with pytest.raises(ValueError, match="a map of known size"):
        AttentionAugmentedConv2D().build((None, None, 4, 8))
    with pytest.raises(ValueError, match="identity_init=True needs"):
        AttentionAugmentedConv2D(filters=4, identity_init=True)
