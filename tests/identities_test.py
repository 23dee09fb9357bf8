"""What one mechanism of the surveys is of another, for any numbers.

Each test is one line of the taxonomy: the left side equals the right side
whatever the scores, features and masks are.
"""

import hypothesis
import hypothesis.extra.numpy
import hypothesis.strategies as st
import keras
import numpy as np
import pytest
from drawn import examples
from gradients import not_on_jax

from keras_attention import alignments
from keras_attention import ops
from keras_attention import scores as score_layers

# Each side is compared with its formula on every backend by its own tests.
pytestmark = not_on_jax
GRID = (3, 4)
SCORES, QUERY, FEATURES = (2, 2, 1, 12), (2, 1, 6), (2, 12, 6)


def arrays(shape, limit):
    return hypothesis.extra.numpy.arrays(
        "float32", shape, elements=st.floats(-limit, limit, width=32)
    )


masks = hypothesis.extra.numpy.arrays("bool", (2, 1, 1, 12))
# Not so large that a score's rounding shows: it grows with its terms.
vectors = {"query": arrays(QUERY, 3), "features": arrays(FEATURES, 3)}
often = examples(10)


def numpy(tensor):
    return keras.ops.convert_to_numpy(tensor)


def align(layer, scores, mask, query=None):
    extra = {"grid_shape": GRID} if layer.needs_grid else {}
    if layer.needs_query:
        extra["query"] = query
    return numpy(layer(scores, mask=mask, **extra))


def same_weights(layer, other, scores, mask, query=None, atol=1e-5):
    np.testing.assert_allclose(
        align(layer, scores, mask, query),
        align(other, scores, mask, query),
        atol=atol,
    )


def same_scores(layer, other, query, features):
    np.testing.assert_allclose(
        numpy(layer(query, features)),
        numpy(other(query, features)),
        atol=5e-4,
    )


def score(key, **config):
    layer = score_layers.get(key, **config)
    layer.build(QUERY, FEATURES)
    return layer


# ---------------------------------------------------------------- alignments


@pytest.mark.parametrize(
    "alpha, key", [(1.0001, "softmax"), (1.5, "entmax15"), (2, "sparsemax")]
)
@hypothesis.given(scores=arrays(SCORES, 20), mask=masks)
@often
def test_entmax_is(alpha, key, scores, mask):
    # At 1.0001 the difference from softmax is (z / 2)^2 / 10,000 of a weight.
    atol = 5e-3 if key == "softmax" else 1e-5
    entmax = alignments.get("entmax", alpha=alpha)
    same_weights(entmax, alignments.get(key), scores, mask, atol=atol)


@hypothesis.given(scores=arrays(SCORES, 100), mask=masks)
@often
def test_sigmoid_is_a_softmax_of_two_states(scores, mask):
    states = np.stack([scores, np.zeros_like(scores)], axis=-1)
    on = numpy(ops.masked_softmax(states))[..., 0]
    expected = np.where(mask, on, 0)
    seen = align(alignments.get("sigmoid"), scores, mask)
    np.testing.assert_allclose(seen, expected, atol=1e-6)


@pytest.mark.parametrize(
    "key, config",
    [
        ("chain_crf", {"order": "rows"}),
        ("chain_crf", {"order": "columns"}),
        ("chain_crf", {"order": "snake"}),
        ("grid_crf", {"method": "mean_field"}),
        ("grid_crf", {"method": "belief_propagation"}),
    ],
)
@hypothesis.given(scores=arrays(SCORES, 100), mask=masks)
@often
def test_a_field_without_neighbours_is_the_sigmoid(key, config, scores, mask):
    # A new table is 0: nobody has an opinion about his neighbours.
    field = alignments.get(key, **config)
    same_weights(field, alignments.get("sigmoid"), scores, mask)


@pytest.mark.parametrize("key", ["local_monotonic", "local_predictive"])
@pytest.mark.parametrize("dimensions", [1, 2])
@hypothesis.given(
    scores=arrays(SCORES, 100), mask=masks, query=vectors["query"]
)
@often
def test_an_endless_window_is_global(key, dimensions, scores, mask, query):
    local = alignments.get(key, radius=10**6, dimensions=dimensions)
    same_weights(local, alignments.get("softmax"), scores, mask, query)


@hypothesis.given(
    scores=arrays(SCORES, 20), mask=masks, column=arrays((2, 1), 3)
)
@often
def test_tied_columns_are_one_softmax(scores, mask, column):
    tied = alignments.get("multi_dim_softmax", channels=4)
    tied.build(SCORES)
    tied.set_weights([np.repeat(column, 4, axis=1)])
    single = np.einsum("bhqn,hc->bcqn", scores, column)
    expected = align(alignments.get("softmax"), single, mask)
    np.testing.assert_allclose(
        align(tied, scores, mask), np.repeat(expected, 4, axis=1), atol=1e-5
    )


@pytest.mark.parametrize(
    "key, config",
    [("top_k", {"k": 12}), ("gumbel_softmax", {}), ("sampled", {})],
)
@hypothesis.given(scores=arrays(SCORES, 100), mask=masks)
@often
def test_of_all_positions_and_on_average_it_is_the_softmax(
    key, config, scores, mask
):
    if key == "sampled":
        config = {"inference": "mean"}
    layer = alignments.get(key, **config)
    same_weights(layer, alignments.get("softmax"), scores, mask)


@hypothesis.given(
    scores=hypothesis.extra.numpy.arrays(
        "float32", SCORES, elements=st.integers(-500, 500), unique=True
    ),
    mask=masks,
)
@often
def test_hard_is_the_best_of_one(scores, mask):
    # Of equals, the first is taken by one and all by the other.
    one = alignments.get("top_k", k=1)
    same_weights(alignments.get("hard"), one, scores, mask)


# -------------------------------------------------------------------- scores


@pytest.mark.parametrize("num_heads", [1, 2])
@hypothesis.given(**vectors)
@often
def test_general_with_the_identity_is_the_dot_product(
    num_heads, query, features
):
    general = score("general", num_heads=num_heads)
    general.set_weights([np.eye(6, dtype="float32")])
    dot = score("dot", num_heads=num_heads)
    same_scores(general, dot, query, features)


@pytest.mark.parametrize("num_heads", [1, 2])
@hypothesis.given(**vectors, matrix=arrays((6, 6), 2))
@often
def test_biased_general_without_a_bias_is_general(
    num_heads, query, features, matrix
):
    biased = score("biased_general", num_heads=num_heads)
    biased.set_weights([matrix, np.zeros(6, "float32")])
    general = score("general", num_heads=num_heads)
    general.set_weights([matrix])
    same_scores(biased, general, query, features)


@pytest.mark.parametrize("num_heads", [1, 2])
@hypothesis.given(
    **vectors,
    query_part=arrays((6, 4), 2),
    feature_part=arrays((6, 4), 2),
    bias=arrays((4,), 2),
)
@often
def test_concat_is_additive_with_one_matrix(
    num_heads, query, features, query_part, feature_part, bias
):
    config = {"num_heads": num_heads, "key_dim": 4 // num_heads}
    additive = score("additive", **config)
    concat = score("concat", **config, use_bias=True)
    additive.query_dense.set_weights([query_part, bias])
    additive.key_dense.set_weights([feature_part])
    concat.matrix.assign(np.concatenate([query_part, feature_part]))
    concat.bias.assign(bias)
    concat.vector.assign(additive.vector)
    same_scores(concat, additive, query, features)


@hypothesis.given(**vectors)
@often
def test_scaled_dot_is_the_dot_product_over_the_root(query, features):
    scaled, dot = score("scaled_dot"), score("dot")
    np.testing.assert_allclose(
        numpy(scaled(query, features)) * 6**0.5,
        numpy(dot(query, features)),
        atol=5e-5,
    )


@hypothesis.given(**vectors)
@often
def test_cosine_is_the_dot_product_of_unit_vectors(query, features):
    def unit(x):
        length = np.linalg.norm(x, axis=-1, keepdims=True)
        return x / np.maximum(length, 1e-6)

    # Below that length a vector counts as none.
    for x in (query, features):
        hypothesis.assume((np.linalg.norm(x, axis=-1) > 1e-3).all())
    dot = score("dot")
    np.testing.assert_allclose(
        numpy(score("cosine")(query, features)),
        numpy(dot(unit(query), unit(features))),
        atol=1e-5,
    )
