"""Schlemper's network against its published facts and plain arrays."""

import re

import keras
import numpy as np
import pytest
from gradients import not_on_jax
from numpy_network import Steps
from numpy_network import enlarged
from numpy_network import expect_answers
from numpy_network import pool
from numpy_network import randomized
from numpy_network import sigmoid
from numpy_network import softmax

from keras_attention import AttentionExtractor
from keras_attention import attach
from keras_attention.models import SononetGridAttention

COMBINATIONS = ["concat", "mean", "deep_supervision", "fine_tuned"]
SMALL = {"input_shape": (48, 80, 1), "classes": 3}
TINY = {**SMALL, "width_multiplier": 1 / 64}
PLACES = ["block3_relu3", "block4_relu2"]


def count(variables):
    return sum(int(np.prod(variable.shape)) for variable in variables)


# Of the official network with `feature_scale=8`, one channel and 14 classes.
@pytest.mark.parametrize(
    ("combination", "parameters"),
    [
        ("concat", 177_040),
        ("mean", 177_068),
        ("deep_supervision", 179_322),
        ("fine_tuned", 177_670),
    ],
)
def test_published_parameter_counts(combination, parameters):
    model = SononetGridAttention(combination=combination)
    assert count(model.trainable_variables) == parameters
    gates = [model.get_layer(f"{place}_gate") for place in PLACES]
    assert [gate.count_params() for gate in gates] == [6_209, 8_257]


def test_parameters_at_full_width():
    filters, inputs, expected = (64, 128, 256, 512, 512), 3, 0
    for width, convolutions in zip(filters, (3, 3, 3, 2, 2), strict=True):
        for _ in range(convolutions):
            expected += (9 * inputs + 3) * width
            inputs = width
    for gated in (256, 512):
        expected += 512 * (gated + 512 + 1) + 1
    expected += (256 + 512 + 512 + 1) * 5
    model = SononetGridAttention((64, 64, 3), 5, width_multiplier=1.0)
    assert count(model.trainable_variables) == expected


def test_published_shapes():
    model = SononetGridAttention(return_attention_scores=True)
    shapes = [output.shape for output in model.outputs]
    assert shapes == [(None, 14), (None, 1, 52, 68), (None, 1, 26, 34)]
    assert model.get_layer("block5_relu2").output.shape == (None, 13, 17, 64)


def test_sigmoid_gates_start_open():
    for alignment, bias in (("sigmoid", 3.0), ("softmax", 0.0)):
        model = SononetGridAttention(**TINY, alignment=alignment)
        for place in PLACES:
            *_, seen = model.get_layer(f"{place}_gate").get_weights()
            np.testing.assert_array_equal(seen, [bias])


def aligned(c, alignment):
    """What the papers' modes make of scores `(batch, positions)`."""
    if alignment == "mean_flow":
        c = c - c.min(-1, keepdims=True)
        return c / c.sum(-1, keepdims=True)
    return {"softmax": softmax, "sigmoid": sigmoid}[alignment](c)


def gate(net, name, local, deep, alignment):
    """The published gate: a vector of the map, and the weights."""
    w_f, w_q, w, b = net.weights(name)
    up = enlarged(deep @ w_q, local.shape[1:3])
    c = np.maximum(local @ w_f + up, 0) @ w + b
    a = aligned(c.reshape(len(c), -1), alignment)
    a = a.reshape(len(a), 1, *local.shape[1:3])
    return np.einsum("bqhw,bhwc->bc", a, local), a


def expected(model, x, combination, alignment):
    """The answers, and the maps of both gates."""
    net, blocks = Steps(model), []
    for number, convolutions in enumerate((3, 3, 3, 2, 2), start=1):
        x = pool(x) if number > 1 else x
        x = net.block(x, f"block{number}", convolutions)
        blocks.append(x)
    vectors, maps = [], []
    for place, local in zip(PLACES, blocks[2:4], strict=True):
        vector, a = gate(net, f"{place}_gate", local, x, alignment)
        vectors.append(vector)
        maps.append(a)
    vectors.append(x.mean((1, 2)))
    context, separate = np.concatenate(vectors, -1), []
    if combination != "concat":
        separate = [
            net.dense(vector, f"{place}_predictions")
            for vector, place in zip(vectors, [*PLACES, "global"], strict=True)
        ]
    if combination == "mean":
        return [np.mean([softmax(z) for z in separate], 0), *maps]
    if combination == "fine_tuned":
        context, separate = np.concatenate(separate, -1), []
    logits = [net.dense(context, "predictions"), *separate]
    return [*map(softmax, logits), *maps]


@not_on_jax
@pytest.mark.parametrize(
    ("combination", "alignment", "size"),
    [
        ("concat", "mean_flow", (48, 80)),
        ("mean", "softmax", (None, None)),
        ("deep_supervision", "mean_flow", (None, None)),
        ("fine_tuned", "sigmoid", (48, 80)),
    ],
)
def test_equals_numpy(combination, alignment, size):
    model = randomized(
        SononetGridAttention(
            (*size, 1),
            3,
            combination=combination,
            alignment=alignment,
            return_attention_scores=True,
        )
    )
    for weight in model.weights:
        if "score/kernel" in weight.path:
            # Else a softmax has one position, and a gate is open everywhere.
            weight.assign(0.2 * (weight - keras.ops.mean(weight)))
        elif alignment == "sigmoid" and "predictions/kernel" in weight.path:
            # The sum over all positions is large.
            weight.assign(0.01 * weight)
    x = np.random.default_rng(1).normal(size=(2, 48, 80, 1))
    expect_answers(model, x, expected(model, x, combination, alignment))


@pytest.mark.usefixtures("eagerly")
@pytest.mark.computing
@pytest.mark.parametrize("alignment", ["mean_flow", "softmax", "sigmoid"])
def test_a_gate_equals_numpy(alignment):
    model = randomized(SononetGridAttention(**TINY, alignment=alignment))
    rng = np.random.default_rng(1)
    local, deep = rng.normal(size=(2, 6, 10, 8)), rng.normal(size=(2, 3, 5, 8))
    name = "block4_relu2_gate"
    seen = model.get_layer(name)(local, deep, return_attention_scores=True)
    wanted = gate(Steps(model), name, local, deep, alignment)
    for x, y in zip(seen, wanted, strict=True):
        x = keras.ops.convert_to_numpy(x)
        np.testing.assert_allclose(x, y, rtol=1e-5, atol=1e-5)


@not_on_jax
@pytest.mark.usefixtures("eagerly")
@pytest.mark.parametrize(
    "combination",
    ["deep_supervision", pytest.param("fine_tuned", marks=pytest.mark.long)],
)
def test_trains_saves_and_takes_more_attention(combination, tmp_path):
    model = SononetGridAttention(
        **{**TINY, "input_shape": (None, None, 1)}, combination=combination
    )
    answers = len(model.outputs)
    assert answers == (4 if combination == "deep_supervision" else 1)
    loss = "sparse_categorical_crossentropy"
    model.compile(
        keras.optimizers.SGD(1.0),
        [loss] * answers,
        loss_weights=[1.0, 0.1, 0.1, 0.1][:answers],
    )
    x = np.random.default_rng(0).normal(size=(4, 48, 80, 1))
    before = [np.array(w) for w in model.get_weights()]
    model.fit(x, [np.array([0, 1, 2, 0])] * answers, verbose=0)
    # Normalization and mean-flow do not see what is added to all they take,
    # nor the next normalization what multiplies a block's only channel.
    unseen = re.compile(r".*(_conv\d/bias|_bn\d/gamma|score/bias)")
    for weight, a, b in zip(
        model.weights, before, model.get_weights(), strict=True
    ):
        assert (a != b).any() or unseen.fullmatch(weight.path), weight.path
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")

    def first(network):
        outputs = network.predict(x, verbose=0)
        return outputs[0] if answers > 1 else outputs

    np.testing.assert_array_equal(first(loaded), first(model))
    attached = attach(loaded, {"block2_pool": "eca"})
    np.testing.assert_array_equal(first(attached), first(model))
    _, maps = AttentionExtractor(attached).predict(x, verbose=0)
    assert {name: a.shape[1:] for name, a in maps.items()} == {
        "block2_pool_eca": (1, 1, 2),
        "block3_relu3_gate": (1, 12, 20),
        "block4_relu2_gate": (1, 6, 10),
    }
    for place in PLACES:
        sums = maps[f"{place}_gate"].sum((2, 3))
        np.testing.assert_allclose(sums, 1, rtol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"classes": -1}, "classes=-1"),
        ({"alignment": "meanflow"}, "'meanflow'.*'mean_flow'"),
        ({"alignment": "l1"}, "non-negative scores"),
        ({"combination": "ft"}, "'fine_tuned'.*combination='ft'"),
        ({"classifier_activation": "sofmax"}, "Did you mean 'softmax'"),
        ({"width_multiplier": 0.3}, "multiple of 1/64.*multiplier=0.3"),
        ({"return_attention_scores": 1}, "return_attention_scores=1"),
        ({"input_shape": (31, 32, 3)}, r"at least 32.*\(31, 32, 3\)"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        SononetGridAttention(**{**TINY, **arguments})
