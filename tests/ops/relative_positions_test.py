"""Scores of relative positions against loops."""

import itertools

import keras
import numpy as np
import pytest

from keras_attention.ops.relative_positions import relative_position_scores

pytestmark = pytest.mark.computing


@pytest.mark.parametrize("height, width", [(2, 3), (4, 1), (1, 1), (3, 3)])
def test_equals_loops(height, width):
    rng = np.random.default_rng(0)
    queries = rng.normal(size=(2, 3, height * width, 5)).astype("float32")
    rows = rng.normal(size=(2 * height - 1, 5)).astype("float32")
    columns = rng.normal(size=(2 * width - 1, 5)).astype("float32")
    expected = np.zeros((2, 3, height * width, height * width))
    grid = list(itertools.product(range(height), range(width)))
    for (i, (y_i, x_i)), (j, (y_j, x_j)) in itertools.product(
        enumerate(grid), repeat=2
    ):
        vector = rows[y_j - y_i + height - 1] + columns[x_j - x_i + width - 1]
        expected[:, :, i, j] = queries[:, :, i] @ vector
    scores = relative_position_scores(
        *(keras.ops.convert_to_tensor(x) for x in (queries, rows, columns))
    )
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(scores), expected, atol=1e-5
    )
