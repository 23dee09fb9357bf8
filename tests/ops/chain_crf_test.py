"""Chains against enumeration, in values, gradients and samples."""

import pathlib
from functools import partial

import keras
import numpy as np
import pytest
from choice import first
from crf_oracle import differences
from crf_oracle import enumerate_chain
from crf_oracle import gradient_of
from gradients import at_once
from gradients import not_on_jax

from keras_attention import ops

pytestmark = pytest.mark.computing
FIXTURE = np.load(
    pathlib.Path(__file__).parents[1] / "oracles" / "chain_crf.npz"
)
JAX = keras.backend.backend() == "jax"
needs_float64 = pytest.mark.skipif(
    JAX, reason="float64 is off in JAX by default"
)
ALL = [
    ops.chain_marginals,
    ops.chain_log_marginals,
    ops.chain_log_partition,
    ops.chain_entropy,
    ops.chain_argmax,
    ops.chain_sample,
]


def tensor(x, dtype="float32"):
    return None if x is None else keras.ops.convert_to_tensor(x, dtype)


def infer(function, *arguments, **rest):
    (result,) = infer_all([partial(function, **rest)], *arguments)
    return result


def infer_all(functions, unary, transition, mask=None, start=None, end=None):
    """What each function says of one chain; JAX compiles them together."""
    results = at_once(lambda *chain: [f(*chain) for f in functions])(
        tensor(unary),
        tensor(transition),
        tensor(mask, "bool"),
        tensor(start),
        tensor(end),
    )
    return [keras.ops.convert_to_numpy(result) for result in results]


def potentials(positions, states, *leading, edges=False):
    """Unary potentials, a table (or one for each edge), start and end."""
    rng = np.random.default_rng(positions * 10 + states)
    each = (*leading, positions - 1) if edges else ()
    return (
        rng.normal(size=(*leading, positions, states)) * 2,
        rng.normal(size=(*each, states, states)) * 2,
        rng.normal(size=states),
        rng.normal(size=states),
    )


@pytest.mark.parametrize(
    "positions, states, masked, edges",
    [
        (1, 2, False, True),
        (3, 4, True, False),
        (5, 3, True, True),
        (7, 3, True, False),
        (8, 3, False, False),
    ],
)
def test_enumeration(positions, states, masked, edges):
    unary, table, start, end = potentials(positions, states, 3, edges=edges)
    mask = np.ones((3, positions), bool)
    if masked:
        mask = np.random.default_rng(positions).random((3, positions)) < 0.6
        mask[0, :2] = [False, True]
    arguments = (unary, table, mask if masked else None, start, end)
    expected = [
        enumerate_chain(
            unary[i], table[i] if edges else table, mask[i], start, end
        )
        for i in range(3)
    ]
    names = ("marginals", "log_partition", "entropy", "argmax", "log_marginals")
    functions = [getattr(ops, f"chain_{name}") for name in names]
    *found, logs = infer_all(functions, *arguments)
    for name, seen in zip(names, found, strict=False):
        exact = np.stack([row[name] for row in expected])
        np.testing.assert_allclose(seen, exact, atol=2e-6, rtol=2e-6)
    marginals = np.exp(logs) * mask[..., None]
    exact = np.stack([row["marginals"] for row in expected])
    np.testing.assert_allclose(marginals, exact, atol=2e-6)


@pytest.mark.parametrize(
    "case", [pytest.param("two", marks=not_on_jax), "three", "sharp"]
)
def test_equals_torch_struct(case, equals):
    unary, table = (FIXTURE[f"{case}/{x}"] for x in ("unary", "transition"))
    names = ("marginals", "log_partition", "entropy", "argmax")
    functions = [getattr(ops, f"chain_{name}") for name in names]
    *found, states = infer_all(functions, unary, table)
    for name, seen in zip(names, found, strict=False):
        expected = FIXTURE[f"{case}/{name}"]
        equals(f"chain CRF, {name}", "torch-struct, float64", seen, expected)
    np.testing.assert_array_equal(states, FIXTURE[f"{case}/argmax"])
    direction = tensor(FIXTURE[f"{case}/direction"])

    def loss(x):
        marginals = ops.chain_marginals(x, tensor(table))
        return keras.ops.sum(marginals * direction)

    seen = gradient_of(loss)(tensor(unary))
    expected = FIXTURE[f"{case}/gradient"]
    equals("chain CRF, gradient", "torch-struct, float64", seen, expected)


@pytest.mark.slow
def test_leading_axes_are_chains_of_their_own():
    unary, table, start, end = potentials(5, 3, 2, 3, 4)
    for function in ALL[:-1]:
        seen = infer(function, unary, table, None, start, end)
        one = infer(function, unary[1, 2, 3], table, None, start, end)
        assert seen.shape[:3] == (2, 3, 4)
        np.testing.assert_allclose(seen[1, 2, 3], one, atol=1e-5)


def test_without_a_table_positions_are_independent():
    unary = potentials(6, 3)[0]
    seen = infer(ops.chain_marginals, unary, np.zeros((3, 3)))
    exact = np.exp(unary) / np.exp(unary).sum(-1, keepdims=True)
    np.testing.assert_allclose(seen, exact, atol=1e-6)


def test_padded_is_shorter():
    unary, table, start, end = potentials(5, 3)
    # Each chain hides another number.
    padded = np.repeat([0.0, np.nan, np.inf, -1e30], 11 * 3).reshape(4, 11, 3)
    mask = np.zeros(11, bool)
    mask[[0, 3, 4, 7, 9]] = True
    padded[:, mask] = unary
    found = infer_all(ALL[:4], padded, table, mask, start, end)
    expected = infer_all(ALL[:4], unary, table, None, start, end)
    for seen, short in zip(found, expected, strict=True):
        if seen.ndim > 1:
            assert (seen[:, ~mask] == 0).all()
            seen = seen[:, mask]
        for one in seen:
            np.testing.assert_allclose(one, short, atol=1e-5)

    def loss(x):
        marginals = ops.chain_marginals(x, tensor(table), mask)
        return keras.ops.sum(marginals[..., 0] ** 2)

    gradient = keras.ops.convert_to_numpy(gradient_of(loss)(tensor(padded)))
    assert (gradient[:, ~mask] == 0).all() and (gradient[:, mask] != 0).all()


@pytest.mark.slow
@pytest.mark.parametrize("function", ALL)
def test_nothing_is_left(function):
    unary, table, start, end = potentials(4, 2, 3)
    mask = np.array([[False], [True], [False]])
    seen = infer(function, unary * np.nan, table, mask, start, end)
    assert (seen[[0, 2]] == 0).all()


@pytest.mark.slow
def test_long_chains_keep_their_digits():
    rng = np.random.default_rng(0)
    unary = rng.normal(size=(2, 4096, 3)) * 2
    table = rng.normal(size=(3, 3)) + 2 * np.eye(3)
    expected, log_partition = filtered(unary, table)
    seen = infer(ops.chain_marginals, unary, table)
    np.testing.assert_allclose(seen, expected, atol=5e-6)
    np.testing.assert_allclose(seen.sum(-1), 1, atol=1e-6)
    seen = infer(ops.chain_log_partition, unary, table)
    np.testing.assert_allclose(seen, log_partition, rtol=1e-6)


def filtered(unary, table):
    """Marginals and log Z by scaled recursions, in float64."""
    count = unary.shape[1]
    steps, highest = np.exp(table), unary.max(-1, keepdims=True)
    evidence = np.exp(unary - highest)
    forward, backward = np.zeros_like(unary), np.ones_like(unary)
    log_partition = highest.sum((1, 2))
    for i in range(count):
        before = forward[:, i - 1] @ steps if i else np.ones((1, 1))
        joint = before * evidence[:, i]
        total = joint.sum(-1, keepdims=True)
        log_partition += np.log(total[:, 0])
        forward[:, i] = joint / total
    for i in reversed(range(count - 1)):
        after = (backward[:, i + 1] * evidence[:, i + 1]) @ steps.T
        backward[:, i] = after / after.sum(-1, keepdims=True)
    marginals = forward * backward
    return marginals / marginals.sum(-1, keepdims=True), log_partition


@pytest.mark.slow
@pytest.mark.parametrize("size", first(1, [3e38, 1e4]))
def test_huge_potentials(size):
    rng = np.random.default_rng(0)
    unary = rng.choice([-1, 0, 1], size=(4, 37, 2)) * size
    for table in (np.array([[0, 1], [1, 0]]), -np.eye(2), np.zeros((2, 2))):
        for function in ALL:
            seen = infer(function, unary, table * size)
            assert np.isfinite(seen).all()
        seen = infer(ops.chain_marginals, unary, table * size)
        np.testing.assert_allclose(seen.sum(-1), 1, atol=1e-6)

        def loss(x, table=table):
            kernel = tensor(table * size)
            marginals = ops.chain_marginals(x, kernel)
            logs = ops.chain_log_partition(x, kernel)
            entropy = ops.chain_entropy(x, kernel)
            parts = (marginals[..., 0] ** 2, logs / size, entropy)
            return sum(keras.ops.sum(part) for part in parts)

        gradient = gradient_of(loss)(tensor(unary))
        assert np.isfinite(keras.ops.convert_to_numpy(gradient)).all()


@pytest.mark.parametrize("name", ["marginals", "log_partition", "entropy"])
@pytest.mark.parametrize("argument", range(4))
@needs_float64
def test_gradient_is_that_of_finite_differences(name, argument):
    unary, table, start, end = potentials(5, 3)
    mask = np.array([True, True, False, True, True])
    arrays = [unary, table, start, end]
    function = getattr(ops, f"chain_{name}")
    shape = {"marginals": (5, 3)}.get(name, ())
    direction = tensor(np.random.default_rng(0).normal(size=shape), "float64")

    def loss(x):
        values = [tensor(array, "float64") for array in arrays]
        values[argument] = x
        unary, table, start, end = values
        result = function(unary, table, mask, start, end)
        return keras.ops.sum(result * direction)

    x = arrays[argument]
    seen = gradient_of(loss)(tensor(x, "float64"))
    expected = differences(lambda x: float(loss(tensor(x, "float64"))), x)
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(seen), expected, atol=1e-8
    )


@pytest.mark.slow
def test_gradient_of_log_partition_is_the_marginals():
    unary, table, start, end = potentials(6, 3, 2)
    mask = np.ones((2, 6), bool)
    mask[1, 2:4] = False
    start, end = tensor(start), tensor(end)

    def total(x):
        return keras.ops.sum(
            ops.chain_log_partition(x, tensor(table), mask, start, end)
        )

    seen = keras.ops.convert_to_numpy(gradient_of(total)(tensor(unary)))
    marginals = infer(ops.chain_marginals, unary, table, mask, start, end)
    np.testing.assert_allclose(seen, marginals, atol=2e-6)


@needs_float64
def test_second_derivatives():
    unary, table, _, _ = potentials(4, 2)
    rng = np.random.default_rng(0)
    direction, other = tensor(rng.normal(size=(2, 4, 2)), "float64")

    def loss(x):
        marginals = ops.chain_marginals(x, tensor(table, "float64"))
        return keras.ops.sum(marginals * direction)

    def slope(x):
        return keras.ops.sum(gradient_of(loss)(x) * other)

    seen = gradient_of(slope)(tensor(unary, "float64"))
    expected = differences(lambda x: float(slope(tensor(x, "float64"))), unary)
    assert np.abs(expected).max() > 1e-2
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(seen), expected, atol=1e-8
    )


def test_of_equals_the_lowest_state():
    seen = infer(ops.chain_argmax, np.zeros((5, 3)), np.zeros((3, 3)))
    np.testing.assert_array_equal(seen, 0)
    # 0101... and 1010... are equally likely.
    seen = infer(ops.chain_argmax, np.zeros((5, 2)), -np.eye(2))
    np.testing.assert_array_equal(seen, [0, 1, 0, 1, 0])


def test_samples_have_the_frequencies_of_enumeration():
    unary, table, start, end = potentials(4, 3)
    mask = np.array([True, False, True, True])
    unary, draws = unary / 2, 4000
    many = np.broadcast_to(unary, (draws, 4, 3))
    seen = infer(ops.chain_sample, many, table, mask, start, end, seed=1)
    assert (seen[:, 1] == 0).all()
    exact = enumerate_chain(unary, table, mask, start, end)
    same = (seen[:, None, mask] == exact["sequences"]).all(-1)
    expected = np.exp(exact["log_probabilities"])
    error = np.sqrt(expected * (1 - expected) / draws)
    assert (np.abs(same.mean(0) - expected) < 4.5 * error + 1e-3).all()
    again = infer(ops.chain_sample, many, table, mask, start, end, seed=1)
    other = infer(ops.chain_sample, many, table, mask, start, end, seed=2)
    np.testing.assert_array_equal(seen, again)
    assert (seen != other).any()


@pytest.mark.long
@pytest.mark.parametrize("function", [ops.chain_entropy, ops.chain_sample])
def test_sizes_known_at_run_time(function):
    if keras.backend.backend() != "tensorflow":
        pytest.skip("other backends know all sizes")
    import tensorflow as tf

    rest = {"seed": 3} if function is ops.chain_sample else {}
    signature = [
        tf.TensorSpec((None, 2, None, 3)),
        tf.TensorSpec((3, 3)),
        tf.TensorSpec((None, 1, None), "bool"),
    ]
    compiled = tf.function(lambda *inputs: function(*inputs, **rest), signature)
    for positions in (1, 2, 5, 13):
        unary, table, _, _ = potentials(positions, 3, 2, 2)
        mask = np.random.default_rng(0).random((2, 1, positions)) < 0.7
        seen = compiled(tensor(unary), tensor(table), mask)
        eager = infer(function, unary, table, mask, **rest)
        np.testing.assert_allclose(seen.numpy(), eager, atol=1e-5)


def test_table_of_another_size():
    with pytest.raises(ValueError, match="3 states"):
        infer(ops.chain_marginals, np.zeros((4, 3)), np.zeros((2, 2)))
