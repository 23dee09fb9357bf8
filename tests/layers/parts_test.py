"""Every part in the gate and in multi-head attention; pairs that cannot be."""

import itertools

import keras
import numpy as np
import pytest
from gradients import not_on_jax

from keras_attention import aggregations
from keras_attention import alignments
from keras_attention import scores
from keras_attention.alignments import Alignment
from keras_attention.layers import AttentionGate2D
from keras_attention.layers import AttentionPooling2D
from keras_attention.layers import CrossAttention2D
from keras_attention.layers import MultiHeadSelfAttention2D

GRID = (3, 4)
POSITIVE_SCORES = [
    key for key in scores.available() if scores.get(key).positive_scores
]
computing = pytest.mark.computing
MULTI_HEAD_LAYERS = [MultiHeadSelfAttention2D, CrossAttention2D]
each_multi_head = pytest.mark.parametrize("cls", MULTI_HEAD_LAYERS)


def score_for(alignment):
    """A score that the alignment takes."""
    positive = alignments.get(alignment).positive_scores
    return POSITIVE_SCORES[0] if positive else "scaled_dot"


#: A multi-head layer with each score and with each alignment.
MULTI_HEAD = sorted(
    {(score, "sigmoid") for score in scores.available()}
    | {
        (score_for(alignment), alignment)
        for alignment in alignments.available()
        if not alignments.get(alignment).per_channel
    }
)


def every_multi_head():
    """All that are legal; `make test` has those above, JAX half of them."""
    for score, alignment, cls in itertools.product(
        scores.available(), alignments.available(), MULTI_HEAD_LAYERS
    ):
        part = alignments.get(alignment)
        if part.per_channel:
            continue
        if part.positive_scores and score not in POSITIVE_SCORES:
            continue
        # The scores in one of the two layers, the alignments in the other.
        first = (alignment == "sigmoid") == (cls is MultiHeadSelfAttention2D)
        marks = [] if first else [not_on_jax]
        if (score, alignment) not in MULTI_HEAD:
            marks.append(pytest.mark.long)
        name = f"{score}-{alignment}-{cls.__name__}"
        yield pytest.param(cls, (score, alignment), marks=marks, id=name)


#: A gate with each alignment and with each aggregation.
GATED = sorted(
    {
        (alignment, aggregation)
        for alignment, aggregation in itertools.product(
            alignments.available(), aggregations.available()
        )
        if aggregation == "gate" or alignment == "sigmoid"
        if not alignments.get(alignment).per_channel
        if not alignments.get(alignment).positive_scores
        if not alignments.get(alignment).needs_query
        if not aggregations.get(aggregation).needs_query
    }
)
each_gate = pytest.mark.parametrize("parts", GATED, ids="-".join)


def numpy(tensor):
    return keras.ops.convert_to_numpy(tensor)


@pytest.fixture(scope="module")
def arrays():
    """Features with NaN where the mask is false, the mask, and queries."""
    rng = np.random.default_rng(0)
    mask = rng.random((3, *GRID)) < 0.6
    mask[-1] = False
    features = rng.normal(size=(3, *GRID, 4)).astype("float32")
    features[~mask] = np.nan
    return features, mask, rng.normal(size=(3, 2, 4)).astype("float32")


def composed(layer, queries, tokens, mask):
    """Context and weights of the parts of a layer, called one by one."""
    # A score that does not look at the features has no map of keys.
    keys = tokens if layer.key_dense is None else layer.key_dense(tokens)
    e = layer.score(layer.query_dense(queries), keys)
    w = layer.alignment(
        e, mask=mask.reshape(3, 1, 1, 12), grid_shape=GRID, query=queries
    )
    w = numpy(w)
    values = numpy(layer.value_dense(tokens)).reshape(3, 12, 2, 2)
    context = np.einsum("bhqn,bnhd->bqhd", w, values).reshape(3, -1, 4)
    return numpy(layer.output_dense(context)), w


@computing
@pytest.mark.parametrize("cls, pair", every_multi_head())
def test_multi_head_attention_is_the_walk(arrays, cls, pair):
    features, mask, queries = arrays
    tokens = np.where(mask[..., None], features, 0).reshape(3, 12, 4)
    layer = cls(num_heads=2, score=pair[0], alignment=pair[1])
    pairwise = cls is MultiHeadSelfAttention2D
    inputs = [features] if pairwise else [features, queries]
    context, weights = map(
        numpy, layer(*inputs, mask=mask, return_attention_scores=True)
    )
    expected, w = composed(layer, tokens if pairwise else queries, tokens, mask)
    if pairwise:
        expected = np.where(mask[..., None], expected.reshape(3, *GRID, 4), 0)
    np.testing.assert_allclose(context, expected, atol=1e-5)
    np.testing.assert_allclose(weights.reshape(w.shape), w, atol=1e-6)
    assert np.isfinite(context).all() and (w >= 0).all()
    hidden = np.broadcast_to(~mask.reshape(3, 1, 1, 12), w.shape)
    assert (w[hidden] == 0).all() and (w <= 1 + 1e-6).all()
    if layer.alignment.normalized:
        np.testing.assert_allclose(w.sum(-1)[:2], 1, atol=1e-6)
    config = layer.get_config()
    again = cls.from_config(config)
    assert again.get_config() == config
    again.build(*(x.shape for x in inputs))
    again.set_weights(layer.get_weights())
    np.testing.assert_array_equal(numpy(again(*inputs, mask=mask)), context)


def changes_in_one_step(layers, inputs, arrays):
    """`[{path: change}]`, a dictionary a layer, in one big model."""
    outputs = [keras.layers.Flatten()(layer(*inputs)) for layer in layers]
    model = keras.Model(inputs, keras.layers.Concatenate()(outputs))
    model.compile(
        keras.optimizers.SGD(1.0),
        lambda direction, y: keras.ops.sum(direction * y),
        # Op by op is quicker for one step, but JAX compiles each op.
        run_eagerly=keras.backend.backend() != "jax",
    )
    before = [
        [numpy(w).copy() for w in layer.trainable_weights] for layer in layers
    ]
    rng = np.random.default_rng(1)
    shape = (len(arrays[0]), model.output_shape[-1])
    with alignments.recorded_draws():
        model.train_on_batch(arrays, rng.normal(size=shape))
    return [
        {
            weight.path.split("/", 1)[1]: numpy(weight) - value
            for weight, value in zip(
                layer.trainable_weights, values, strict=True
            )
        }
        for layer, values in zip(layers, before, strict=True)
    ]


def passes_gradients(alignment):
    """Whether the scores learn from the loss alone, without REINFORCE."""
    return not alignments.get(alignment).needs_reinforce


def sees_features(key):
    """Whether a score depends on the features, or on the query alone."""
    score = scores.get(key)
    rng = np.random.default_rng(0)
    query, features, others = rng.normal(size=(3, 1, 5, 4))
    return np.ptp(numpy(score(query, features) - score(query, others))) > 0


def sees_a_shift(key):
    """Whether weights change with a number added to all scores."""
    e = np.random.default_rng(0).normal(size=(1, 1, 1, 12)).astype("float32")
    alignment = alignments.get(key)
    alignment.build_inside(e.shape, None, (1, 12, 4))
    extra = {"grid_shape": GRID} if alignment.needs_grid else {}
    change = alignment(e + 1, **extra) - alignment(e, **extra)
    return np.abs(numpy(change)).max() > 1e-5


@pytest.fixture(scope="module")
def trained_heads(arrays):
    features, _, queries = arrays
    changes = {}
    for cls, given in (
        (MultiHeadSelfAttention2D, [np.nan_to_num(features)]),
        (CrossAttention2D, [np.nan_to_num(features), queries]),
    ):
        layers = [
            cls(num_heads=2, score=score, alignment=alignment)
            for score, alignment in MULTI_HEAD
        ]
        inputs = [keras.Input(x.shape[1:]) for x in given]
        for pair, change in zip(
            MULTI_HEAD, changes_in_one_step(layers, inputs, given), strict=True
        ):
            changes[cls, pair] = change
    return changes


@not_on_jax
@each_multi_head
@pytest.mark.parametrize("pair", MULTI_HEAD, ids="-".join)
def test_every_weight_of_a_head_has_a_gradient(trained_heads, cls, pair):
    score, alignment = pair
    for path, change in trained_heads[cls, pair].items():
        assert np.isfinite(change).all(), path
        if path.startswith("key/") and not sees_features(score):
            continue
        behind = path.split("/")[0] in ("value", "output", "alignment")
        if behind or passes_gradients(alignment):
            assert np.abs(change).max() > 1e-7, path


@not_on_jax
@each_gate
def test_the_gate_is_the_walk(arrays, parts):
    features, mask, _ = arrays
    deep = np.random.default_rng(2).normal(size=(3, *GRID, 6))
    deep = deep.astype("float32")
    alignment, aggregation = parts
    layer = AttentionGate2D(
        key_dim=4, alignment=alignment, aggregation=aggregation
    )
    context, weights = map(
        numpy, layer(features, deep, mask=mask, return_attention_scores=True)
    )
    shown = np.where(mask[..., None], features, 0)
    # The deeper map is as large: nothing is resized.
    sum_ = numpy(layer.features_dense(shown) + layer.query_dense(deep))
    e = numpy(layer.score_dense(np.maximum(sum_, 0)))
    extra = {"grid_shape": GRID} if layer.alignment.needs_grid else {}
    w = layer.alignment(
        e.reshape(3, 1, 1, 12), mask=mask.reshape(3, 1, 1, 12), **extra
    )
    np.testing.assert_allclose(
        weights, numpy(w).reshape(3, 1, *GRID), atol=1e-6
    )
    expected = numpy(layer.aggregation(w, shown.reshape(3, 12, 4)))
    np.testing.assert_allclose(
        context.reshape(expected.shape[0], -1),
        expected.reshape(expected.shape[0], -1),
        atol=1e-5,
    )
    assert (weights[:, 0][~mask] == 0).all()
    shapes = layer.compute_output_shape(features.shape, deep.shape)
    assert tuple(shapes) == context.shape
    config = layer.get_config()
    assert AttentionGate2D.from_config(config).get_config() == config


@pytest.fixture(scope="module")
def trained_gates(arrays):
    features = np.nan_to_num(arrays[0])
    deep = np.random.default_rng(2).normal(size=(3, 2, 2, 6))
    layers = [
        AttentionGate2D(key_dim=4, alignment=alignment, aggregation=aggregation)
        for alignment, aggregation in GATED
    ]
    inputs = [keras.Input((*GRID, 4)), keras.Input((2, 2, 6))]
    changes = changes_in_one_step(layers, inputs, [features, deep])
    return dict(zip(GATED, changes, strict=True))


@not_on_jax
@each_gate
def test_every_weight_of_a_gate_has_a_gradient(trained_gates, parts):
    alignment, _ = parts
    for path, change in trained_gates[parts].items():
        assert np.isfinite(change).all(), path
        if path == "score/bias" and not sees_a_shift(alignment):
            continue
        behind = path.split("/")[0] in ("aggregation", "alignment")
        if behind or passes_gradients(alignment):
            assert np.abs(change).max() > 1e-7, path


class ForPositiveScores(Alignment):
    positive_scores = True


class PerChannel(Alignment):
    per_channel = True


class NeedsQuery(Alignment):
    needs_query = True


@pytest.mark.parametrize(
    ("cls", "arguments", "message"),
    [
        (
            AttentionPooling2D,
            {"score": "dot", "alignment": ForPositiveScores},
            "ForPositiveScores needs non-negative.*DotScore does not",
        ),
        (
            MultiHeadSelfAttention2D,
            {"alignment": ForPositiveScores},
            "ForPositiveScores needs non-neg.*ScaledDotScore does not",
        ),
        (
            CrossAttention2D,
            {"score": "general", "alignment": ForPositiveScores},
            "ForPositiveScores needs non-neg.*GeneralScore does not",
        ),
        (
            AttentionGate2D,
            {"alignment": ForPositiveScores},
            "ForPositiveScores needs non-neg.*have both signs",
        ),
        (
            AttentionPooling2D,
            {"alignment": PerChannel, "aggregation": "multi_map"},
            "MultiMap weighs all channels by every map, and PerChannel",
        ),
        (AttentionPooling2D, {"aggregation": "gate"}, "nothing to pool"),
        (
            MultiHeadSelfAttention2D,
            {"alignment": PerChannel},
            "PerChannel has a map.*every channel.*AttentionPooling2D takes",
        ),
        (CrossAttention2D, {"alignment": PerChannel}, "PerChannel has a map"),
        (AttentionGate2D, {"alignment": PerChannel}, "PerChannel has a map"),
        (
            AttentionGate2D,
            {"alignment": NeedsQuery},
            "NeedsQuery needs a query vector.*query of .*Gate2D is a map",
        ),
        (
            AttentionGate2D,
            {"aggregation": "concat_query"},
            "ConcatQuery needs a query vector.*query of .*Gate2D is a map",
        ),
        (
            MultiHeadSelfAttention2D,
            {"score": scores.get("dot", num_heads=2)},
            "brings its own num_heads.*num_heads=4 beside.*num_heads=2",
        ),
        (CrossAttention2D, {"score": "sclaed_dot"}, "Did you mean 'scaled_dot"),
        (CrossAttention2D, {"alignment": "dot"}, "Unknown alignment 'dot'"),
    ],
)
def test_illegal_parts_are_refused_with_the_reason(cls, arguments, message):
    with pytest.raises(ValueError, match=message):
        cls(**arguments)


def illegal_parts():
    """Every combination of keys, by host, that the flags rule out."""
    multi_head = [MultiHeadSelfAttention2D, CrossAttention2D]
    for key in alignments.available():
        alignment = alignments.get(key)
        for score in scores.available():
            signed = not scores.get(score).positive_scores
            unfit = alignment.positive_scores and signed
            hosts = [AttentionPooling2D] if unfit else []
            hosts += multi_head if unfit or alignment.per_channel else []
            for cls in hosts:
                yield cls, {"score": score, "alignment": key}
        if (
            alignment.positive_scores
            or alignment.per_channel
            or alignment.needs_query
        ):
            yield AttentionGate2D, {"alignment": key}
        for aggregation in aggregations.available():
            repeats = aggregations.get(aggregation).repeats_channels
            if alignment.per_channel and repeats:
                parts = {"alignment": key, "aggregation": aggregation}
                yield AttentionPooling2D, parts
    for key in aggregations.available():
        if aggregations.get(key).needs_query:
            yield AttentionGate2D, {"aggregation": key}
        if aggregations.get(key).keeps_positions:
            yield AttentionPooling2D, {"aggregation": key}


def test_no_illegal_pair_of_keys_can_be_made():
    for cls, arguments in illegal_parts():
        with pytest.raises(ValueError) as caught:
            cls(**arguments)
        *_, axis = arguments
        module = {"alignment": alignments, "aggregation": aggregations}[axis]
        name = type(module.get(arguments[axis])).__name__
        assert name in str(caught.value), arguments


def test_relative_positions_are_of_both_signs():
    for score in POSITIVE_SCORES:
        with pytest.raises(ValueError, match="relative_positions=True adds"):
            MultiHeadSelfAttention2D(
                score=score,
                alignment=ForPositiveScores,
                relative_positions=True,
            )


@computing
@each_multi_head
def test_a_score_made_for_one_size_of_map(cls):
    query = [np.ones((2, 4))] if cls is CrossAttention2D else []
    layer = cls(num_heads=2, score="location")
    with pytest.raises(ValueError, match="LocationScore.*height=None and wid"):
        layer.build((None, None, 4, 4), *(x.shape for x in query))
    layer(np.ones((2, *GRID, 4)), *query)
    with pytest.raises(ValueError, match="built for 12 positions"):
        layer(np.ones((2, 3, 5, 4)), *query)


@computing
@each_multi_head
def test_parts_as_layers_are_copied_with_their_arguments(arrays, cls):
    features, mask, queries = arrays
    inputs = (
        [features] if cls is MultiHeadSelfAttention2D else [features, queries]
    )
    score = scores.get("additive", num_heads=2, key_dim=3)
    alignment = alignments.get("softmax", temperature=0.5)
    layer = cls(num_heads=2, score=score, alignment=alignment)
    layer(*inputs, mask=mask)
    assert layer.score.key_dim == 3 and layer.score is not score
    assert layer.alignment.temperature == 0.5 and not score.built


@each_multi_head
def test_a_config_from_before_there_were_parts(cls):
    config = cls(num_heads=2).get_config()
    del config["score"], config["alignment"]
    assert (
        cls.from_config(config).get_config()
        == cls(num_heads=2, name=config["name"]).get_config()
    )
    layer = cls(num_heads=2)
    layer.build(
        *[(None, 3, 4, 4), (None, 2, 4)][: 1 + (cls is CrossAttention2D)]
    )
    assert [w.path.split("/", 1)[1] for w in layer.weights] == [
        f"{name}/{kind}"
        for name in ("query", "key", "value", "output")
        for kind in ("kernel", "bias")
        if (name, kind) != ("key", "bias")
    ]
