"""What words cost, and what passing over a position costs."""

import numpy as np
import pytest

from keras_attention.losses import CaptionCrossentropy
from keras_attention.losses import DoublyStochasticAttention

pytestmark = pytest.mark.computing
WORDS = np.array([[5, 2, 0, 0], [3, 4, 1, 2]])
LOGITS = np.random.default_rng(0).normal(size=(2, 4, 6))


@pytest.mark.parametrize("per", ["caption", "word"])
def test_padding_costs_nothing(per, gradient_of, restored):
    value, gradient = gradient_of(
        restored(CaptionCrossentropy(per)), WORDS, LOGITS
    )
    p = np.exp(LOGITS) / np.exp(LOGITS).sum(-1, keepdims=True)
    each = -np.log(np.take_along_axis(p, WORDS[..., None], -1))[..., 0]
    counts = WORDS > 0
    total = 2 if per == "caption" else counts.sum()
    assert value == pytest.approx((each * counts).sum() / total, rel=1e-5)
    slopes = (p - np.eye(6)[WORDS]) * counts[..., None] / total
    np.testing.assert_allclose(gradient, slopes, atol=1e-5)


@pytest.mark.parametrize("over", ["sum", "mean"])
def test_both_reductions_of_the_penalty(over, gradient_of, restored):
    maps = np.random.default_rng(1).random((2, 3, 4, 2, 5))
    loss = restored(DoublyStochasticAttention(over))
    value, gradient = gradient_of(loss, WORDS > 0, maps)
    counts = (WORDS > 0)[:, :, None, None]
    missing = 1 - (counts * maps.mean(1)).sum(1)  # (b, h, w)
    factor = 1 if over == "sum" else 1 / 10
    expected = factor * (missing**2).sum((1, 2)).mean()
    assert value == pytest.approx(expected, rel=1e-5)
    slopes = -2 * factor / 2 / 3 * missing[:, None, None] * counts[:, None]
    np.testing.assert_allclose(
        gradient, np.broadcast_to(slopes, maps.shape), atol=1e-5
    )
    with pytest.raises(ValueError, match="heads, words"):
        loss(WORDS > 0, maps[:, 0])
