"""Average precision, by hand and beside pycocotools."""

import pathlib

import numpy as np
import pytest

from keras_attention.tasks import detection

pytest.importorskip("faster_coco_eval")
SQUARE, BELOW = [0.0, 0.0, 0.5, 0.5], [0.5, 0.0, 1.0, 0.5]
NOWHERE = [0.5, 0.5, 1.0, 1.0]
ORACLES = pathlib.Path(__file__).parents[2] / "oracles"


def found(boxes, labels, scores):
    padded = detection.pad_objects(boxes, labels)
    values = np.full(padded["labels"].shape, -1.0)
    for row, of_image in zip(values, scores, strict=True):
        row[: len(of_image)] = of_image
    return {**padded, "scores": values}


def test_a_curve_by_hand():
    # Right, wrong, right: precisions 1 up to half of the objects, 2/3 beyond.
    objects = detection.pad_objects([[SQUARE, BELOW], []], [[0, 0], []])
    detections = found(
        [[SQUARE, NOWHERE, BELOW], []], [[0, 0, 0], []], [[0.9, 0.8, 0.7], []]
    )
    result = detection.mean_average_precision(objects, detections, ["cell"])
    assert result["voc"] == pytest.approx(1 / 2 + 1 / 2 * 2 / 3)
    # The shares 0 to .5, and .6 to 1; and of hundredths, 0 to .50.
    assert result["voc11"] == pytest.approx((6 + 5 * 2 / 3) / 11)
    coco = (51 + 50 * 2 / 3) / 101
    assert [result["map"], result["map50"]] == pytest.approx([coco, coco])
    assert result["per_class"]["cell"]["ap50"] == pytest.approx(coco)
    # In a crowd nothing is wrong, however much of it is found.
    objects["crowd"] = np.zeros((2, 2))
    crowd = {
        key: np.concatenate([value, np.zeros_like(value[:, :1])], 1)
        for key, value in objects.items()
    }
    crowd["boxes"][0, 2], crowd["labels"][1, 2] = [0, 0, 1, 1], -1
    crowd["crowd"][0, 2] = 1
    assert detection.mean_average_precision(crowd, detections)["voc"] == 1


def test_precision_of_pycocotools():
    parts = {"objects": {}, "detections": {}}
    with np.load(ORACLES / "average_precision.npz") as oracle:
        for name in oracle.files:
            part, _, key = name.partition("/")
            if key:
                parts[part][key] = oracle[name]
        stats, per_class = oracle["stats"], oracle["per_class"]
    result = detection.mean_average_precision(**parts, image_size=(480, 640))
    sizes = "map_small", "map_medium", "map_large"
    seen = [result[key] for key in ("map", "map50", "map75", *sizes)]
    np.testing.assert_allclose(seen, stats, rtol=1e-12)
    seen = [result["per_class"][key]["ap"] for key in "0123"]
    np.testing.assert_allclose(seen[:3], per_class[:3], rtol=1e-12)
    assert np.isnan(seen[3]) and per_class[3] == -1


def test_sizes_classes_and_thresholds():
    # The second box overlaps by 0.8: right up to .75 and at .8, not above.
    objects = detection.pad_objects([[SQUARE], [BELOW]], [[0], [1]])
    detections = found(
        [[SQUARE], [[0.5, 0.0, 1.0, 0.4]]], [[0], [1]], [[0.5], [0.5]]
    )
    sizes = np.array([[50, 50], [100, 100]])  # 25 and 50 pixels
    result = detection.mean_average_precision(
        objects, detections, image_size=sizes
    )
    low = result["per_class"]["1"]["ap"]
    assert low in (pytest.approx(0.6), pytest.approx(0.7))
    assert result["map_small"] == 1 and result["map_medium"] == low
    assert np.isnan(result["map_large"])
    assert result["map50"] == 1 and result["map"] == pytest.approx(
        (1 + low) / 2
    )


def test_nothing_to_find_nothing_found_and_nan():
    objects = detection.pad_objects([[SQUARE], []], [[1], []])
    nothing = found([[], []], [[], []], [[], []])
    result = detection.mean_average_precision(objects, nothing, ["a", "b"])
    assert result["map"] == 0 and np.isnan(result["per_class"]["a"]["ap"])
    empty = detection.pad_objects([[], []], [[], []])
    assert np.isnan(detection.mean_average_precision(empty, nothing)["map"])
    bad = found([[], [SQUARE]], [[], [1]], [[], [np.nan]])
    with pytest.raises(ValueError, match="scores of image 1 are not finite"):
        detection.mean_average_precision(objects, bad)
    with pytest.raises(ValueError, match="a name of class 1"):
        detection.mean_average_precision(objects, nothing, ["a"])
    with pytest.raises(ValueError, match="of 2 images. Received: .* of 1"):
        detection.mean_average_precision(objects, found([[]], [[]], [[]]))


def test_after_every_second_epoch():
    class Finder:
        def detect(self, images, batch_size):
            assert batch_size == 16
            return found([[SQUARE]] * len(images), [[0]], [[0.9]])

    objects = detection.pad_objects([[SQUARE]], [[0]])
    watch = detection.MeanAveragePrecision(
        np.zeros(1), objects, every=2, batch_size=16
    )
    watch.set_model(Finder())
    logs = {}
    watch.on_epoch_end(0, logs)
    assert not logs
    watch.on_epoch_end(1, logs)
    assert logs["val_map"] == logs["val_voc11"] == 1


def test_any_draw_of_images_has_the_same_precision():
    generator = np.random.default_rng(1)
    shape = 6, 5
    low = generator.uniform(0, 0.5, (*shape, 2))
    boxes = np.concatenate(
        [low, low + generator.uniform(0.2, 0.5, low.shape)], -1
    )
    objects = {"boxes": boxes, "labels": generator.integers(0, 3, shape)}
    objects["labels"][2] = -1  # an image without an object
    # Found twice each, shifted, with some classes that are wrong.
    near = np.concatenate([boxes, boxes], 1)
    near = near + generator.normal(0, 0.04, near.shape)
    labels = np.concatenate(
        [generator.integers(0, 3, shape), objects["labels"]], 1
    )
    scores = np.where(labels < 0, -1.0, generator.uniform(0.1, 1, labels.shape))
    detections = {"boxes": near, "labels": labels, "scores": scores}
    map50 = detection.map50_of_images(objects, detections)
    for images in (np.arange(6), np.array([0, 2, 3, 3, 3, 5]), np.array([2])):
        drawn, found = (
            {key: value[images] for key, value in arrays.items()}
            for arrays in (objects, detections)
        )
        expected = detection.mean_average_precision(drawn, found)["map50"]
        np.testing.assert_allclose(map50(images), expected, atol=1e-6)
    assert 0.1 < map50(np.arange(6)) < 0.9
    with pytest.raises(ValueError, match="no crowds"):
        detection.map50_of_images({**objects, "crowd": scores}, detections)
