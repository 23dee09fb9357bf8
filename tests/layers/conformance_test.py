from functools import partial

import pytest

from keras_attention import layers
from keras_attention.testing import attention_layer_checks
from keras_attention.testing import check_attention_layer

SHAPE = (2, 6, 5, 8)
SUMS_TO_ONE = {"normalized_axes": (-2, -1)}
pool = partial(partial, layers.AttentionPooling2D)
gate = partial(partial, layers.AttentionGate2D)

SUBJECTS = {
    "se": (
        partial(layers.SqueezeAndExcite2D, reduction_ratio=4),
        {},
    ),
    "se_without_bias": (
        partial(
            layers.SqueezeAndExcite2D,
            bottleneck_filters=3,
            use_bias=False,
            activation="tanh",
        ),
        {},
    ),
    "gate": (gate(filters=6), {"query_shape": (2, 3, 2, 12)}),
    "gate_softmax": (
        gate(alignment="softmax", use_bias=True),
        {
            "query_shape": (2, 3, 2, 12),
            # A softmax does not change with a bias of all its scores.
            "zero_gradient": ["score/bias"],
            **SUMS_TO_ONE,
        },
    ),
    "gate_mean": (
        gate(filters=6, aggregation="gated_mean"),
        {"query_shape": (2, 6, 5, 4)},
    ),
    "gate_sum": (
        gate(filters=6, alignment="softmax", aggregation="weighted_sum"),
        {
            "query_shape": (2, 3, 2, 12),
            "zero_gradient": ["score/bias"],
            **SUMS_TO_ONE,
        },
    ),
    "pool_dot_softmax": (pool(score="dot"), SUMS_TO_ONE),
    "pool_scaled_dot_heads": (
        pool(score="scaled_dot", num_heads=2, key_dim=3),
        SUMS_TO_ONE,
    ),
    "pool_additive_query": (
        pool(score="additive", key_dim=4, dropout=0.1),
        {"query_shape": (2, 7), **SUMS_TO_ONE},
    ),
    "pool_dot_queries": (
        pool(score="dot", key_dim=4, num_heads=2),
        {"query_shape": (2, 3, 7), **SUMS_TO_ONE},
    ),
    "pool_additive_classes": (
        pool(num_queries=3, num_heads=2),
        SUMS_TO_ONE,
    ),
    "pool_dot_sigmoid": (
        pool(score="dot", alignment="sigmoid", aggregation="gated_mean"),
        {},
    ),
    "pool_scaled_dot_sigmoid": (
        pool(score="scaled_dot", alignment="sigmoid", num_queries=2),
        {},
    ),
    "pool_additive_sigmoid": (
        pool(alignment="sigmoid", aggregation="gated_mean"),
        {},
    ),
}
CHECKS = [
    pytest.param(check, marks=[pytest.mark.jit] if check == "jit" else [])
    for check in attention_layer_checks()
]


@pytest.mark.computing
@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("subject", SUBJECTS)
def test_layer_keeps_its_promises(subject, check):
    factory, arguments = SUBJECTS[subject]
    results = check_attention_layer(factory, SHAPE, checks=[check], **arguments)
    assert list(results) == [check]


def test_every_layer_is_checked():
    keys = {name.split("_")[0] for name in SUBJECTS}
    assert keys == {key.removeprefix("attn_") for key in layers.available()}
