"""Jetley's network against its published facts and plain arrays."""

import keras
import numpy as np
import pytest
from choice import first
from gradients import not_on_jax
from numpy_network import Steps
from numpy_network import pool
from numpy_network import randomized
from numpy_network import sigmoid
from numpy_network import softmax

from keras_attention import AttentionExtractor
from keras_attention import attach
from keras_attention import count_costs
from keras_attention.models import LearnToPayAttentionVGG

pytestmark = pytest.mark.usefixtures("eagerly")
SMALL = {"classes": 3, "width_multiplier": 0.125, "input_shape": (32, 32, 3)}
TINY = {**SMALL, "width_multiplier": 1 / 64}


def count(variables):
    return sum(int(np.prod(variable.shape)) for variable in variables)


@pytest.mark.parametrize(
    ("arguments", "parameters"),
    first(
        3,
        [
            ({}, 19_993_764),
            ({"num_maps": 0}, 19_758_756),
            # Without three vectors u of 512.
            ({"score": "dot"}, 19_993_764 - 3 * 512),
            # Three classifiers have three biases.
            ({"combination": "indep"}, 19_993_764 + 2 * 100),
            # Without the first map, its projection, u and part of the answer.
            ({"num_maps": 2}, 19_993_764 - 256 * 512 - 512 - 512 * 100),
            ({"tap": "after", "alignment": "sigmoid"}, 19_993_764),
        ],
    ),
)
def test_published_parameter_counts(arguments, parameters):
    model = LearnToPayAttentionVGG(**arguments)
    assert count(model.trainable_variables) == parameters
    # Two moving statistics for every filter.
    assert count(model.non_trainable_variables) == 10_496


def test_documented_numbers():
    model = LearnToPayAttentionVGG()
    names = "block6_", "block7_", "global_vector"
    behind = [w for w in model.trainable_variables if w.path.startswith(names)]
    assert count(behind) == 4_984_320
    assert "4,984,320" in LearnToPayAttentionVGG.__doc__
    # Two floating-point operations a multiply-add.
    assert round(count_costs(model).total.flops / 2e9, 1) == 3.9
    assert "3.9 G multiply-adds" in LearnToPayAttentionVGG.__doc__


@pytest.mark.parametrize(
    ("tap", "sizes"), [("before", (32, 16, 8)), ("after", (16, 8, 4))]
)
def test_published_shapes(tap, sizes):
    model = LearnToPayAttentionVGG(
        **TINY, tap=tap, return_attention_scores=True
    )
    shapes = [output.shape for output in model.outputs]
    assert shapes == [(None, 3)] + [(None, 1, size, size) for size in sizes]
    assert model.get_layer("block7_pool").output.shape == (None, 1, 1, 8)


def attended(net, place, local, g, score, alignment):
    """The paper's attention: a vector of the map, and the weights."""
    batch, height, width, channels = local.shape
    local = local.reshape(batch, -1, channels)
    if score == "dot":
        c = np.einsum("bnc,bc->bn", local, g)
    else:
        (u,) = net.weights(f"{place}_attn_pool")
        c = (local + g[:, None]) @ u[0]
    a = softmax(c) if alignment == "softmax" else sigmoid(c)
    vector = np.einsum("bn,bnc->bc", a, local)
    if alignment == "sigmoid":
        vector /= height * width
    return vector, a.reshape(batch, 1, height, width)


def expected(model, x, num_maps, score, combination, tap, alignment):
    """The paper's equations: the answer and the maps."""
    net, maps = Steps(model), []
    for number, convolutions in enumerate((2, 2, 3, 3, 3, 1, 1), start=1):
        x = net.block(x, f"block{number}", convolutions)
        before, place = x, f"block{number}_relu{convolutions}"
        if number > 2:
            x = pool(x)
        if tap == "after":
            before, place = x, f"block{number}_pool"
        if 6 - num_maps <= number <= 5:
            maps.append((before, place))
    g = net.dense(x.reshape(len(x), -1), "global_vector")
    vectors, weights = [], []
    for local, place in maps:
        if local.shape[-1] != g.shape[-1]:
            local = net.convolution(local, f"{place}_projection")
        vector, a = attended(net, place, local, g, score, alignment)
        vectors.append(vector)
        weights.append(a)
    if combination == "indep":
        names = [f"{place}_predictions" for _, place in maps]
    else:
        vectors, names = [np.concatenate(vectors, -1)], ["predictions"]
    answers = [
        softmax(net.dense(vector, name))
        for vector, name in zip(vectors, names, strict=True)
    ]
    return [np.mean(answers, 0), *weights]


@pytest.mark.computing
@pytest.mark.parametrize("score", ["parametrized", "dot"])
@pytest.mark.parametrize("alignment", ["softmax", "sigmoid"])
def test_attention_equals_numpy(score, alignment):
    model = randomized(
        LearnToPayAttentionVGG(**TINY, score=score, alignment=alignment)
    )
    rng = np.random.default_rng(1)
    local, g = rng.normal(size=(2, 8, 8, 8)), rng.normal(size=(2, 8))
    layer = model.get_layer("block5_relu3_attn_pool")
    seen = layer(local, g, return_attention_scores=True)
    net = Steps(model)
    wanted = attended(net, "block5_relu3", local, g, score, alignment)
    for x, y in zip(seen, wanted, strict=True):
        x = keras.ops.convert_to_numpy(x)
        np.testing.assert_allclose(x, y, rtol=1e-5, atol=1e-5)


@not_on_jax
@pytest.mark.parametrize(
    ("num_maps", "score", "combination", "tap", "alignment"),
    [
        (3, "parametrized", "concat", "before", "softmax"),
        (3, "dot", "indep", "after", "softmax"),
        (2, "dot", "concat", "before", "sigmoid"),
        (2, "parametrized", "indep", "after", "sigmoid"),
    ],
)
def test_equals_numpy(num_maps, score, combination, tap, alignment):
    variant = {
        "num_maps": num_maps,
        "score": score,
        "combination": combination,
        "tap": tap,
        "alignment": alignment,
    }
    model = randomized(
        LearnToPayAttentionVGG(**SMALL, **variant, return_attention_scores=True)
    )
    # Products of 64 channels would leave nothing of a map but its peak.
    kernel = model.get_layer("global_vector").kernel
    kernel.assign(0.1 * kernel)
    x = np.random.default_rng(1).normal(size=(2, 32, 32, 3))
    outputs = model.predict(x, verbose=0)
    for output, wanted in zip(
        outputs, expected(model, x, **variant), strict=True
    ):
        highest = wanted.max()
        assert np.ptp(wanted) > 0.1 * highest
        np.testing.assert_allclose(
            output, wanted, rtol=1e-4, atol=1e-5 * highest
        )


@not_on_jax
@pytest.mark.parametrize(
    ("score", "alignment", "is_asked"),
    [
        ("parametrized", "softmax", False),
        ("parametrized", "sigmoid", True),
        ("dot", "softmax", True),
    ],
)
def test_who_hears_the_global_vector(score, alignment, is_asked):
    """A softmax does not see what `u . g` adds to all of its scores."""
    model = randomized(
        LearnToPayAttentionVGG(**TINY, score=score, alignment=alignment)
    )
    x = np.random.default_rng(1).normal(size=(2, 32, 32, 3))
    before = model.predict(x, verbose=0)
    kernel = model.get_layer("global_vector").kernel
    kernel.assign(-2.0 * kernel)
    moved = np.abs(model.predict(x, verbose=0) - before).max()
    assert moved > 1e-3 if is_asked else moved < 1e-5


@not_on_jax
def test_trains_saves_and_takes_more_attention(tmp_path):
    model = LearnToPayAttentionVGG(**TINY, dropout=0.1, combination="indep")
    model.compile("sgd", "sparse_categorical_crossentropy")
    x = np.random.default_rng(0).normal(size=(4, 32, 32, 3))
    before = [np.array(w) for w in model.get_weights()]
    model.fit(x, np.array([0, 1, 2, 0]), verbose=0)
    after = model.get_weights()
    assert any((a != b).any() for a, b in zip(before, after, strict=True))
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    answers = model.predict(x, verbose=0)
    np.testing.assert_array_equal(loaded.predict(x, verbose=0), answers)
    attached = attach(loaded, {"block2_relu2": "eca"})
    np.testing.assert_array_equal(attached.predict(x, verbose=0), answers)
    _, maps = AttentionExtractor(attached).predict(x, verbose=0)
    assert {name: a.shape[1:] for name, a in maps.items()} == {
        "block2_relu2_eca": (1, 1, 2),
        "block3_relu3_attn_pool": (1, 32, 32),
        "block4_relu3_attn_pool": (1, 16, 16),
        "block5_relu3_attn_pool": (1, 8, 8),
    }
    for name in maps:
        if "pool" in name:
            np.testing.assert_allclose(maps[name].sum((2, 3)), 1, rtol=1e-5)


def test_larger_images_have_a_wider_global_vector():
    model = LearnToPayAttentionVGG(**{**TINY, "input_shape": (70, 100, 1)})
    # 70 x 100 pixels leave 2 x 3 positions of 8 channels.
    assert model.get_layer("global_vector").kernel.shape == (48, 8)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"classes": 0}, "classes=0"),
        ({"num_maps": 4}, "num_maps.*one of 0, 1, 2, 3.*num_maps=4"),
        ({"num_maps": True}, "num_maps=True"),
        ({"score": "pc"}, "Unknown score 'pc'"),
        ({"score": "location", "alignment": "l1"}, "non-negative scores"),
        ({"alignment": "soft"}, "Unknown alignment 'soft'"),
        ({"combination": "sum"}, "'concat', 'indep'.*combination='sum'"),
        ({"tap": "pool"}, "'before', 'after'.*tap='pool'"),
        ({"classifier_activation": "sofmax"}, "Did you mean 'softmax'"),
        ({"width_multiplier": 0.3}, "multiple of 1/64.*multiplier=0.3"),
        ({"dropout": 1.0}, "dropout=1.0"),
        ({"return_attention_scores": 1}, "return_attention_scores=1"),
        (
            {"num_maps": 0, "return_attention_scores": True},
            "at least one map.*num_maps=0",
        ),
        ({"input_shape": (31, 32, 3)}, r"at least 32.*\(31, 32, 3\)"),
        ({"input_shape": (None, None, 3)}, r"\(None, None, 3\)"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        LearnToPayAttentionVGG(**{**TINY, **arguments})
