"""Grids: exact on trees, by the definition elsewhere."""

import keras
import numpy as np
import pytest
from choice import first
from crf_oracle import differences
from crf_oracle import enumerate_grid
from crf_oracle import gradient_of

from keras_attention import ops

pytestmark = pytest.mark.computing
METHODS = ["mean_field", "belief_propagation"]
each_method = pytest.mark.parametrize("method", METHODS)


def tensor(x, dtype="float32"):
    return None if x is None else keras.ops.convert_to_tensor(x, dtype)


def marginals(unary, tables, method, iterations, mask=None, dtype="float32"):
    log_odds = ops.grid_log_odds(
        tensor(unary, dtype),
        tensor(tables[0], dtype),
        tensor(tables[1], dtype),
        method,
        iterations,
        tensor(mask, "bool"),
    )
    return keras.ops.convert_to_numpy(keras.ops.sigmoid(log_odds))


def potentials(height, width, scale=1.0):
    """Log-odds and two tables that are not symmetric."""
    rng = np.random.default_rng(height * 10 + width)
    return (
        rng.normal(size=(height, width)),
        rng.normal(size=(2, 2, 2)) * scale,
    )


def defined_mean_field(unary, tables, iterations, mask):
    """Position by position, state by state."""
    height, width = unary.shape
    table = {
        (0, 1): tables[0].T,  # own state first, neighbour to the right
        (0, -1): tables[0],
        (1, 0): tables[1].T,
        (-1, 0): tables[1],
    }
    prior = np.stack([np.zeros_like(unary), unary], -1)
    beliefs = np.exp(prior) / np.exp(prior).sum(-1, keepdims=True)
    for _ in range(iterations):
        logs = prior.copy()
        for y, x in np.ndindex(height, width):
            for (down, right), pair in table.items():
                i, j = y + down, x + right
                inside = 0 <= i < height and 0 <= j < width
                if inside and mask[i, j]:
                    # E[neighbour, own] summed over the neighbour's states.
                    logs[y, x] += beliefs[i, j] @ pair
        beliefs = np.exp(logs) / np.exp(logs).sum(-1, keepdims=True)
    return beliefs[..., 1]


@pytest.mark.parametrize("iterations", [0, 1, 4])
@pytest.mark.parametrize("masked", [False, True])
def test_mean_field_is_its_definition(iterations, masked):
    unary, tables = potentials(3, 5)
    mask = np.ones((3, 5), bool)
    if masked:
        mask = np.random.default_rng(1).random((3, 5)) < 0.6
    seen = marginals(
        unary, tables, "mean_field", iterations, mask if masked else None
    )
    expected = defined_mean_field(unary, tables, iterations, mask)
    np.testing.assert_allclose(seen[mask], expected[mask], atol=1e-6)


# A comb and a cross have no loops either.
COMB = np.array([[1, 1, 1, 1], [1, 0, 1, 0], [1, 0, 1, 0]], bool)
CROSS = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], bool)


@pytest.mark.parametrize(
    "mask",
    [np.ones((1, 7), bool), np.ones((6, 1), bool), COMB, CROSS],
    ids=["row", "column", "comb", "cross"],
)
def test_belief_propagation_is_exact_without_loops(mask):
    unary, tables = potentials(*mask.shape, scale=2)
    unary = np.where(mask, unary, np.nan)
    seen = marginals(unary, tables, "belief_propagation", 8, mask)
    exact = enumerate_grid(unary, *tables, mask)
    np.testing.assert_allclose(seen[mask], exact[mask], atol=1e-6)


def test_belief_propagation_on_a_row_is_the_chain():
    unary, tables = potentials(1, 30)
    seen = marginals(unary, tables, "belief_propagation", 29)
    states = np.stack([np.zeros(30), unary[0]], -1)
    chain = ops.chain_marginals(tensor(states), tensor(tables[0]))
    chain = keras.ops.convert_to_numpy(chain)[:, 1]
    np.testing.assert_allclose(seen[0], chain, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("shape", first(1, [((2, 2),), ((3, 3),)]))
@pytest.mark.parametrize(
    "method, worst", [("mean_field", 0.16), ("belief_propagation", 0.025)]
)
def test_error_on_grids_with_loops(shape, method, worst):
    # Pairs weigh half as much as positions, in ten fields.
    rng = np.random.default_rng(0)
    errors = []
    for _ in range(10):
        unary = rng.normal(size=shape)
        tables = rng.normal(size=(2, 2, 2)) * 0.5
        exact = enumerate_grid(unary, *tables, np.ones(shape, bool))
        seen = marginals(unary, tables, method, 20)
        errors.append(np.abs(seen - exact).max())
    assert max(errors) < worst, max(errors)


@each_method
def test_without_neighbours_it_is_the_sigmoid(method):
    unary, tables = potentials(3, 4)
    expected = 1 / (1 + np.exp(-unary))
    for pairs, iterations in ((tables, 0), (np.zeros((2, 2, 2)), 5)):
        seen = marginals(unary, pairs, method, iterations)
        np.testing.assert_allclose(seen, expected, atol=1e-6)
    # A table that does not look at the neighbour's state only shifts.
    constant = np.ones((2, 2, 2)) * 3
    seen = marginals(unary, constant, method, 5)
    np.testing.assert_allclose(seen, expected, atol=1e-6)


@each_method
def test_a_turned_map_has_turned_marginals(method):
    unary, tables = potentials(3, 4)
    seen = marginals(unary, tables, method, 3)
    turned = marginals(unary.T, tables[::-1], method, 3)
    np.testing.assert_allclose(turned, seen.T, atol=1e-6)
    # Seen from the other end, a pair's table is transposed.
    tables = (tables[0].T, tables[1])
    mirrored = marginals(unary[:, ::-1], tables, method, 3)
    np.testing.assert_allclose(mirrored, seen[:, ::-1], atol=1e-6)


@each_method
@pytest.mark.parametrize("hidden", [np.nan, np.inf, 1e30])
def test_what_is_masked_has_no_influence(method, hidden):
    unary, tables = potentials(4, 4)
    mask = np.ones((4, 4), bool)
    mask[1, 1:3] = mask[3] = False
    zeros = marginals(np.where(mask, unary, 0), tables, method, 3, mask)
    seen = marginals(np.where(mask, unary, hidden), tables, method, 3, mask)
    np.testing.assert_array_equal(seen[mask], zeros[mask])
    # A masked border is no border at all.
    cut = marginals(unary[:3], tables, method, 3, mask[:3])
    np.testing.assert_allclose(seen[:3][mask[:3]], cut[mask[:3]], atol=1e-6)


@pytest.mark.slow
@each_method
@pytest.mark.parametrize("size", [1e4, 3e38])
def test_huge_potentials(method, size):
    unary = np.random.default_rng(0).choice([-1, 0, 1], (2, 5, 6)) * size

    def loss(x, tables):
        odds = ops.grid_log_odds(x, tables, tables, method, 4)
        return keras.ops.sum(keras.ops.sigmoid(odds) ** 2)

    for table in (np.eye(2), -np.eye(2)):
        huge = tensor(table * size)
        assert np.isfinite(marginals(unary, (huge, huge), method, 4)).all()
        # Gradients are products of tables, one a sweep.
        large = tensor(table * 1e4)
        for gradient in (
            gradient_of(lambda x, table=large: loss(x, table))(tensor(unary)),
            gradient_of(lambda t: loss(tensor(unary), t))(large),
        ):
            gradient = keras.ops.convert_to_numpy(gradient)
            assert np.isfinite(gradient).all()


@each_method
def test_gradient_is_that_of_finite_differences(method):
    if keras.backend.backend() == "jax":
        pytest.skip("float64 is off in JAX by default")
    unary, tables = potentials(3, 3)
    direction = tensor(np.random.default_rng(0).normal(size=(3, 3)), "float64")
    mask = np.ones((3, 3), bool)
    mask[0, 1] = False

    def loss(x, pairs):
        odds = ops.grid_log_odds(x, pairs[0], pairs[1], method, 3, mask)
        return keras.ops.sum(keras.ops.sigmoid(odds) * direction)

    for function, x in (
        (lambda x: loss(x, tensor(tables, "float64")), unary),
        (lambda pairs: loss(tensor(unary, "float64"), pairs), tables),
    ):
        seen = gradient_of(function)(tensor(x, "float64"))
        expected = differences(
            lambda x, f=function: float(f(tensor(x, "float64"))), x
        )
        np.testing.assert_allclose(
            keras.ops.convert_to_numpy(seen), expected, atol=1e-8
        )
