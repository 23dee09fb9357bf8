"""From a network's numbers to boxes, and from places to waves, by hand."""

import keras
import numpy as np
import pytest

from keras_attention.tasks.detection.group_normalization import (
    MapGroupNormalization,
)
from keras_attention.tasks.detection.one_stage import CellBoxes
from keras_attention.tasks.detection.queries import QueryBoxes
from keras_attention.tasks.detection.queries import SinePositions2D


@pytest.mark.computing
def test_boxes_of_cells_and_of_queries():
    numbers = np.zeros((1, 2, 4, 4), "float32")
    # The last cell of the first row: half a cell down, one to the left,
    # twice as high as a cell.
    numbers[0, 0, 3] = [0.5, -1.0, np.log(2), 0.0]
    boxes, cells = map(keras.ops.convert_to_numpy, CellBoxes()(numbers))
    np.testing.assert_allclose(cells[0, 3], [0.25, 0.875, 0.5, 0.25])
    np.testing.assert_allclose(cells[0, 4], [0.75, 0.125, 0.5, 0.25])
    np.testing.assert_allclose(boxes[0, 4], [0.5, 0.0, 1.0, 0.25], atol=1e-6)
    np.testing.assert_allclose(boxes[0, 3], [0, 0.5, 1.0, 0.75], atol=1e-6)
    points = np.log([[[[3.0, 1.0]]]])  # (0.75, 0.5)
    box = QueryBoxes()([np.zeros((1, 1, 1, 4)), points])
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(box), [[[0.5, 0.25, 1.0, 0.75]]], atol=1e-6
    )


@pytest.mark.computing
def test_waves_of_places():
    layer = SinePositions2D(8, temperature=16.0)
    waves = keras.ops.convert_to_numpy(layer(np.zeros((1, 2, 4, 3))))
    y, x = 2 * np.pi * 0.75, 2 * np.pi * 0.375  # of row 1, column 1
    angles = np.array([[y, y / 4], [x, x / 4]])
    expected = np.stack([np.sin(angles), np.cos(angles)], axis=1).ravel()
    np.testing.assert_allclose(waves[0, 1, 1], expected, atol=1e-5)
    # A point there has the same.
    of_point = layer(np.array([[[[0.75, 0.375]]]]))
    np.testing.assert_allclose(of_point[0, 0, 0], expected, atol=1e-5)


@pytest.mark.computing
def test_groups_are_normalised_as_keras_does_it():
    generator = np.random.default_rng(0)
    maps = generator.normal(5.0, 2.0, (2, 3, 5, 12)).astype("float32")
    ours, theirs = MapGroupNormalization(4), keras.layers.GroupNormalization(4)
    for layer in (ours, theirs):
        layer.build(maps.shape)
    for own, other in zip(ours.weights, theirs.weights, strict=True):
        own.assign(generator.normal(size=own.shape))
        other.assign(own)
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(ours(maps)),
        keras.ops.convert_to_numpy(theirs(maps)),
        atol=1e-5,
    )
    again = MapGroupNormalization.from_config(ours.get_config())
    assert again.groups == 4
