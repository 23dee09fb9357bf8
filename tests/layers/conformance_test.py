from functools import partial

import pytest

from keras_attention import layers
from keras_attention.testing import attention_layer_checks
from keras_attention.testing import check_attention_layer

SHAPE = (2, 6, 5, 8)
SUMS_TO_ONE = {"normalized_axes": (-2, -1)}
OVER_KEYS = {"normalized_axes": (-1,)}
# Products divided by the number of positions have no bound.
UNBOUNDED = {"skip": ["weights", "extreme_inputs"]}
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
            hidden_dim=3,
            use_bias=False,
            activation="tanh",
        ),
        {},
    ),
    "eca": (layers.EfficientChannelAttention2D, {}),
    "eca_circular": (
        partial(
            layers.EfficientChannelAttention2D,
            kernel_size=5,
            padding="circular",
        ),
        {},
    ),
    "cbam_channel": (partial(layers.ChannelAttention2D, reduction_ratio=4), {}),
    "cbam_channel_without_bias": (
        partial(
            layers.ChannelAttention2D,
            hidden_dim=3,
            use_bias=False,
            activation="tanh",
        ),
        {},
    ),
    "cbam_spatial": (layers.SpatialAttention2D, {}),
    "cbam_spatial_plain": (
        partial(layers.SpatialAttention2D, kernel_size=3, normalization=None),
        {},
    ),
    "cbam": (
        partial(layers.ConvolutionalBlockAttention2D, reduction_ratio=4),
        {},
    ),
    "cbam_residual": (
        partial(
            layers.ConvolutionalBlockAttention2D,
            hidden_dim=3,
            use_bias=False,
            kernel_size=3,
            normalization=None,
            order="spatial_first",
            residual=True,
        ),
        {},
    ),
    "gate": (gate(key_dim=6), {"query_shape": (2, 3, 2, 12)}),
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
        gate(key_dim=6, aggregation="gated_mean"),
        {"query_shape": (2, 6, 5, 4)},
    ),
    "gate_sum": (
        gate(key_dim=6, alignment="softmax", aggregation="weighted_sum"),
        {
            "query_shape": (2, 3, 2, 12),
            "zero_gradient": ["score/bias"],
            **SUMS_TO_ONE,
        },
    ),
    "nonlocal": (
        partial(layers.NonLocal2D),
        # Rows sum to 1, so this bias is one for all, which BN subtracts.
        {"zero_gradient": ["value/bias"], **OVER_KEYS},
    ),
    "nonlocal_gaussian": (
        partial(
            layers.NonLocal2D,
            mode="gaussian",
            key_dim=3,
            scaled_by="key_dim",
            sub_sample=True,
            normalization=None,
        ),
        OVER_KEYS,
    ),
    "nonlocal_dot": (
        partial(layers.NonLocal2D, mode="dot_product", scaled_by="channels"),
        UNBOUNDED,
    ),
    "nonlocal_concatenation": (
        partial(
            layers.NonLocal2D,
            mode="concatenation",
            sub_sample=True,
            residual=False,
            use_bias=False,
        ),
        UNBOUNDED,
    ),
    "mhsa": (
        partial(layers.MultiHeadSelfAttention2D, num_heads=2, dropout=0.1),
        OVER_KEYS,
    ),
    "mhsa_dims": (
        partial(
            layers.MultiHeadSelfAttention2D,
            num_heads=3,
            key_dim=2,
            value_dim=5,
            use_bias=False,
        ),
        OVER_KEYS,
    ),
    "mhsa_positions": (
        partial(
            layers.MultiHeadSelfAttention2D,
            num_heads=2,
            relative_positions=True,
            output_projection=False,
        ),
        {"fixed_size": True, **OVER_KEYS},
    ),
    "mhsa_additive_sigmoid": (
        partial(
            layers.MultiHeadSelfAttention2D,
            num_heads=2,
            score="additive",
            alignment="sigmoid",
            relative_positions=True,
        ),
        {"fixed_size": True},
    ),
    "cross_general_entmax15": (
        partial(
            layers.CrossAttention2D,
            num_heads=2,
            score="general",
            alignment="entmax15",
        ),
        {"query_shape": (2, 3, 8), **SUMS_TO_ONE},
    ),
    "cross": (
        partial(layers.CrossAttention2D, num_heads=2, key_dim=3, dropout=0.1),
        {"query_shape": (2, 7), **SUMS_TO_ONE},
    ),
    "cross_queries": (
        partial(
            layers.CrossAttention2D, num_heads=2, output_dim=5, value_dim=4
        ),
        {"query_shape": (2, 3, 8), **SUMS_TO_ONE},
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
    "pool_general_sparsemax": (
        pool(score="general", alignment="sparsemax", num_heads=2),
        {"query_shape": (2, 7), **SUMS_TO_ONE},
    ),
    "pool_general_hard": (
        pool(score="general", alignment="hard", key_dim=3, num_queries=2),
        SUMS_TO_ONE,
    ),
    "pool_cosine_entmax15": (
        pool(score="cosine", alignment="entmax15", key_dim=4),
        {"query_shape": (2, 3, 7), **SUMS_TO_ONE},
    ),
    "pool_location": (
        pool(score="location", num_heads=2, num_queries=2),
        {"fixed_size": True, **SUMS_TO_ONE},
    ),
    "pool_location_sigmoid": (
        pool(
            score="location",
            alignment="sigmoid",
            aggregation="gated_mean",
            key_dim=3,
        ),
        {"query_shape": (2, 7), "fixed_size": True},
    ),
    "pool_parametrized_sigmoid": (
        pool(
            score="parametrized",
            alignment="sigmoid",
            aggregation="gated_mean",
            key_dim=3,
        ),
        {"query_shape": (2, 7)},
    ),
    "pool_parametrized_softmax": (
        pool(score="parametrized", num_heads=2),
        # Competing positions do not see what is added to all their scores.
        {"zero_gradient": ["query"], **SUMS_TO_ONE},
    ),
    "pool_multi_map": (
        pool(score="dot", aggregation="multi_map", num_heads=2, num_queries=3),
        SUMS_TO_ONE,
    ),
    "pool_merge_heads": (
        pool(score="general", aggregation="merge_heads", num_heads=2),
        {"query_shape": (2, 3, 7), **SUMS_TO_ONE},
    ),
    "pool_concat_query": (
        pool(aggregation="concat_query", key_dim=3),
        {"query_shape": (2, 7), **SUMS_TO_ONE},
    ),
    "pool_concat_learned": (
        pool(score="dot", aggregation="concat_query", num_queries=2),
        SUMS_TO_ONE,
    ),
    "gate_entmax15": (
        gate(key_dim=6, alignment="entmax15", aggregation="weighted_sum"),
        {
            "query_shape": (2, 3, 2, 12),
            "zero_gradient": ["score/bias"],
            **SUMS_TO_ONE,
        },
    ),
    "gate_sparsemax": (
        gate(key_dim=6, alignment="sparsemax"),
        {
            "query_shape": (2, 3, 2, 12),
            "zero_gradient": ["score/bias"],
            **SUMS_TO_ONE,
        },
    ),
    "gate_hard": (
        gate(key_dim=6, alignment="hard"),
        {
            "query_shape": (2, 3, 2, 12),
            "zero_gradient": ["score/bias"],
            **SUMS_TO_ONE,
        },
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
    if check in arguments.get("skip", ()):
        pytest.skip("the layer does not promise it, and says so")
    results = check_attention_layer(factory, SHAPE, checks=[check], **arguments)
    assert list(results) == [check]


def test_every_layer_is_checked():
    checked = {type(factory()) for factory, _ in SUBJECTS.values()}
    assert checked == {type(layers.get(key)) for key in layers.available()}
