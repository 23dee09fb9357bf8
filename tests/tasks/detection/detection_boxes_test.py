"""Boxes, by hand."""

import keras
import numpy as np
import pytest

from keras_attention.tasks import detection

LEFT, RIGHT = [0.0, 0.0, 1.0, 0.5], [0.0, 0.5, 1.0, 1.0]
# Two by two cells of a grid of four, one of them shared.
LOW, HIGH = [0.0, 0.0, 0.5, 0.5], [0.25, 0.25, 0.75, 0.75]


def numbers(tensor):
    return keras.ops.convert_to_numpy(tensor)


@pytest.mark.computing
@pytest.mark.parametrize(
    ("box", "other", "iou", "giou"),
    [
        (LEFT, LEFT, 1.0, 1.0),
        (LEFT, RIGHT, 0.0, 0.0),  # the hull is the union
        (LOW, HIGH, 1 / 7, 1 / 7 - 2 / 9),
        (LOW, [0.75, 0.75, 1.0, 1.0], 0.0, -11 / 16),
        (LOW, [0.5, 0.5, 0.25, 0.25], 0.0, 0.0),  # of no area
        ([0.0] * 4, [0.0] * 4, 0.0, 0.0),
    ],
)
def test_overlap_by_hand(box, other, iou, giou):
    box, other = np.array(box, "float16"), np.array(other, "float16")
    for first, second in ((box, other), (other, box)):
        np.testing.assert_allclose(
            [
                float(detection.iou(first, second)),
                float(detection.generalized_iou(first, second)),
            ],
            [iou, giou],
            atol=1e-6,
        )


@pytest.mark.computing
def test_small_boxes_of_half_precision_have_an_area():
    tiny = np.array([0.0, 0.0, 1e-4, 1e-4], "float16")
    assert float(detection.areas(tiny)) > 0
    assert float(detection.iou(tiny, tiny)) == 1


def test_there_and_back():
    boxes = np.random.default_rng(0).random((5, 4)).astype("float32")
    centres = detection.to_centres([LOW])
    assert numbers(centres).tolist() == [[0.25, 0.25, 0.5, 0.5]]
    back = detection.to_centres(detection.to_corners(boxes))
    np.testing.assert_allclose(numbers(back), boxes, atol=1e-6)


def test_suppression_by_hand():
    boxes = [LOW, [0.0, 0.0, 0.5, 0.4], LOW, HIGH, RIGHT]
    scores, labels = [0.6, 0.9, 0.8, 0.7, 0.1], [0, 0, 1, 0, 0]

    def kept(**options):
        arrays = boxes, scores, labels
        return detection.non_max_suppression(*arrays, **options).tolist()

    # The first is the second's double; the third is of another class.
    assert kept() == [1, 2, 3, 4]
    assert kept(iou_threshold=0.1) == [1, 2, 3]  # the last overlaps by 0.2
    assert kept(iou_threshold=1.0) == [1, 2, 3, 0, 4]
    assert kept(max_detections=2) == [1, 2]
    none = detection.non_max_suppression(np.zeros((0, 4)), [], [])
    assert none.tolist() == []


def test_objects_are_padded_and_refused():
    objects = detection.pad_objects([[LOW, HIGH], []], [[1, 0], []], 3)
    assert objects["labels"].tolist() == [[1, 0, -1], [-1, -1, -1]]
    assert objects["boxes"][0, 1].tolist() == HIGH
    assert detection.pad_objects([[]], [[]])["boxes"].shape == (1, 1, 4)
    with pytest.raises(ValueError, match="as many labels as boxes"):
        detection.pad_objects([[LOW]], [[]])
    with pytest.raises(ValueError, match="at least the 2 objects of image 0"):
        detection.pad_objects([[LOW, HIGH]], [[0, 1]], 1)
    for box in (HIGH[2:] + HIGH[:2], [0, 0, 0, 1], [np.nan] * 4):
        with pytest.raises(ValueError, match="A box of image 0"):
            detection.pad_objects([[box]], [[0]])
    for box in ([2, 3, 20, 30], [-0.2, 0, 0.5, 0.5]):
        with pytest.raises(ValueError, match="image 0 lies outside of it"):
            detection.pad_objects([[box]], [[0]])


def test_found_objects_are_clipped_sorted_and_finite():
    outputs = {
        "logits": np.array([[[-9.0, 2.0], [1.0, -9.0]], [[-9.0, -9.0]] * 2]),
        "boxes": np.array([[[-1.0, 0, 0.5, 2], LOW], [LOW, LOW]]),
    }
    found = detection.find_objects(outputs)
    assert found["labels"].tolist() == [[1, 0], [-1, -1]]
    np.testing.assert_allclose(found["boxes"][0], [[0, 0, 0.5, 1], LOW])
    np.testing.assert_allclose(found["scores"][0], [0.880797, 0.731059], 1e-5)
    outputs["boxes"][1, 0, 0] = np.nan
    with pytest.raises(ValueError, match="boxes of image 1 are not finite"):
        detection.find_objects(outputs)
