"""Who answers for which object."""

import itertools

import keras
import numpy as np
import pytest
from gradients import at_once

from keras_attention.tasks.detection import assignment
from keras_attention.tasks.detection import boxes as box_module
from keras_attention.tasks.detection import pad_objects


def cells(*sizes):
    """Levels of square maps, centres and sides."""
    levels = []
    for size in sizes:
        centres = (np.arange(size) + 0.5) / size
        y, x = np.meshgrid(centres, centres, indexing="ij")
        sides = np.full_like(y, 1 / size)
        level = np.stack([y, x, sides, sides], -1).reshape(-1, 4)
        levels.append(level)
    return np.concatenate(levels)[None].astype("float32")


# JAX compiles them once for all objects.
every_cell = at_once(assignment.by_cells)
match = at_once(lambda *pair: assignment.by_matching(*pair, WEIGHTS))


def by_cells(boxes, labels, *sizes, **options):
    objects = pad_objects([boxes], [labels])
    found = every_cell(objects, cells(*sizes), **options)
    return keras.ops.convert_to_numpy(found)[0]


@pytest.mark.computing
def test_cells_by_hand():
    # On 4 x 4 cells; its centre is the corner that four cells share.
    box = [0.25, 0.25, 0.75, 0.75]
    found = by_cells([box], [0], 4).reshape(4, 4)
    middle = [(y, x) for y in (1, 2) for x in (1, 2)]
    assert sorted(map(tuple, np.argwhere(found == 0))) == middle
    # Where two are near, the smaller one has the cell.
    small = [0.3, 0.3, 0.45, 0.45]
    found = by_cells([box, small], [0, 0], 4).reshape(4, 4)
    assert found[1, 1] == 1 and found[2, 2] == 0
    assert (found == 1).sum() == 1


@pytest.mark.computing
def test_every_object_has_a_cell_on_one_level():
    generator = np.random.default_rng(0)
    for _ in range(20):
        centre = generator.uniform(0.05, 0.95, 2)
        sides = np.exp(generator.uniform(-6, -0.5, 2)) / 2
        box = np.clip([*(centre - sides), *(centre + sides)], 0, 1)
        found = by_cells([box.tolist()], [0], 9, 4, 2)
        levels = np.repeat([0, 1, 2], [81, 16, 4])[found == 0]
        assert len(levels) and len({*levels.tolist()}) == 1
    # Four cells an object: large on the last level, tiny on the first.
    assert (by_cells([[0, 0, 1, 1]], [0], 8, 4)[64:] == 0).any()
    assert (by_cells([[0, 0, 0.1, 0.1]], [0], 8, 4)[:64] == 0).any()


def test_padding_and_boxes_that_left_answer_to_nobody():
    objects = pad_objects([[[0, 0, 1, 1]], []], [[0], []])
    objects["boxes"][0] = 0.0  # as augmentation leaves it
    every = np.repeat(cells(2), 2, axis=0)
    found = assignment.by_cells(objects, every)
    assert (keras.ops.convert_to_numpy(found) == -1).all()


WEIGHTS = 2.0, 3.0, 5.0


def random_case(objects=3, queries=5, classes=4, seed=0):
    generator = np.random.default_rng(seed)
    shapes = (2, objects), (2, queries)
    truth, found = (
        np.concatenate(
            [low, low + generator.uniform(0.05, 0.5, (*shape, 2))], -1
        )
        for shape in shapes
        for low in [generator.uniform(0, 0.5, (*shape, 2))]
    )
    labels = generator.integers(0, classes, shapes[0]).astype("int32")
    logits = generator.normal(size=(*shapes[1], classes)).astype("float32")
    return (
        {"boxes": truth.astype("float32"), "labels": labels},
        {"boxes": found.astype("float32"), "logits": logits},
    )


def pair_costs(objects, outputs, image):
    """`(queries, objects)`, with NumPy."""
    box = objects["boxes"][image][None]  # (1, m, 4)
    other = outputs["boxes"][image][:, None]  # (n, 1, 4)
    labels = objects["labels"][image]
    p = 1 / (1 + np.exp(-outputs["logits"][image][:, labels]))
    l1 = sum(
        np.abs(f(box) - f(other)).sum(-1)
        for f in (
            lambda b: (b[..., 2:] + b[..., :2]) / 2,
            lambda b: b[..., 2:] - b[..., :2],
        )
    )
    giou = box_module.generalized_iou(box, other)
    giou = keras.ops.convert_to_numpy(giou)
    return -WEIGHTS[0] * p - WEIGHTS[1] * giou + WEIGHTS[2] * l1


@pytest.mark.computing
def test_matching_equals_brute_force():
    for seed in range(3):
        objects, outputs = random_case(seed=seed)
        objects["labels"][1, 1] = -1  # padding, between two objects
        matches = keras.ops.convert_to_numpy(match(objects, outputs))
        for image, there in enumerate(([0, 1, 2], [0, 2])):
            pairs = pair_costs(objects, outputs, image)
            costs = {
                order: sum(pairs[list(order), there])
                for order in itertools.permutations(range(5), len(there))
            }
            best = min(costs, key=costs.get)
            expected = np.full(5, -1)
            expected[list(best)] = there
            assert matches[image].tolist() == expected.tolist()


def test_matching_survives_what_is_not_finite():
    objects, outputs = random_case()
    outputs["logits"][0, 0] = np.nan
    outputs["boxes"][0, 1] = np.inf
    matches = assignment.by_matching(objects, outputs, WEIGHTS)
    matches = keras.ops.convert_to_numpy(matches)
    assert sorted(matches[0].tolist()) == [-1, -1, 0, 1, 2]
    assert matches[0, :2].tolist() == [-1, -1]


def test_more_objects_than_queries_are_refused():
    objects, outputs = random_case(objects=3, queries=2)
    with pytest.raises(Exception, match="3 objects, and num_queries=2"):
        assignment.by_matching(objects, outputs, WEIGHTS)
