"""Detectors under `fit`, and their loss by hand."""

import functools

import keras
import numpy as np
import pytest

from keras_attention.tasks import detection

BOX, OTHER = [0.0, 0.0, 0.5, 0.5], [0.3, 0.3, 1.0, 1.0]
OBJECTS = detection.pad_objects([[BOX, OTHER], []], [[1, 0], []])
IMAGES = np.random.default_rng(0).random((2, 20, 28, 2)).astype("float32")


def backbone(channels=8):
    inputs = x = keras.Input((None, None, 2))
    for number in (1, 2, 3):
        x = keras.layers.Conv2D(
            channels,
            3,
            2,
            padding="same",
            activation="relu",
            data_format="channels_last",
            name=f"stage{number}",
        )(x)
    return keras.Model(inputs, x)


def one_stage(**options):
    options = {"channels": 8, "head_convs": 1, **options}
    levels = "stage2", "stage3"
    return detection.OneStageDetector(backbone(), 3, levels, **options)


def detr(**options):
    options = {"token_dim": 8, "num_heads": 2, "num_encoders": 1, **options}
    return detection.DETR(backbone(), 3, "stage3", num_queries=4, **options)


def passed_on(shapes, **options):
    """A model whose outputs are its inputs."""
    inputs = {k: keras.Input(shape, name=k) for k, shape in shapes.items()}
    outputs = {k: keras.layers.Identity()(x) for k, x in inputs.items()}
    return detection.DetectionModel(inputs, outputs, **options)


@pytest.mark.computing
@pytest.mark.parametrize("assignment", ["cells", "matching"])
def test_loss_by_hand(assignment):
    generator = np.random.default_rng(1)
    boxes = np.array([[BOX, [0.5, 0.5, 1, 0.75], OTHER, BOX]] * 2, "float32")
    logits = generator.normal(size=(2, 4, 3)).astype("float32")
    # The centre of OTHER lies in the last cell, of BOX in the first.
    centres = np.array(
        [[y, x, 0.5, 0.5] for y in (0.25, 0.75) for x in (0.25, 0.75)]
    )
    outputs = {"logits": logits, "boxes": boxes}
    answers = {0: 0, 2: 1}  # in the first image: query to object
    if assignment == "cells":
        outputs["cells"] = np.stack([centres.astype("float32")] * 2)
        answers = {0: 0, 3: 1}
    else:
        # Nobody doubts who answers.
        outputs["logits"][0, 0, 1] = outputs["logits"][0, 2, 0] = 5.0
        outputs["boxes"][0, 3] = [0.9, 0.9, 1.0, 1.0]
    weights = {"class_weight": 0.5, "giou_weight": 2.0, "l1_weight": 3.0}
    shapes = {key: value.shape[1:] for key, value in outputs.items()}
    model = passed_on(shapes, assignment=assignment, **weights)
    tensors = {k: keras.ops.convert_to_tensor(v) for k, v in outputs.items()}
    loss = float(model.compute_loss(y=OBJECTS, y_pred=tensors))

    p = 1 / (1 + np.exp(-outputs["logits"].astype("float64")))
    targets = np.zeros_like(p)
    apart = distance = 0.0
    for query, index in answers.items():
        targets[0, query, OBJECTS["labels"][0, index]] = 1
        pair = outputs["boxes"][0, query], OBJECTS["boxes"][0, index]
        apart += 1 - float(detection.generalized_iou(*pair))
        (y, x, h, w), (y2, x2, h2, w2) = (
            keras.ops.convert_to_numpy(detection.to_centres(b)) for b in pair
        )
        distance += abs(y - y2) + abs(x - x2) + abs(h - h2) + abs(w - w2)
    right = np.where(targets, p, 1 - p)
    alpha = np.where(targets, 0.25, 0.75)
    focal = -(alpha * (1 - right) ** 2 * np.log(right)).sum()
    expected = (0.5 * focal + 2 * apart + 3 * distance) / 2
    np.testing.assert_allclose(loss, expected, rtol=1e-5)


@pytest.mark.computing
def test_matching_inside_a_compiled_step():
    logits = keras.Input((4, 3))
    boxes = keras.layers.Dense(4, "sigmoid")(logits)
    model = detection.DetectionModel(
        logits,
        {"logits": logits + 0.0, "boxes": detection.to_corners(boxes)},
        assignment="matching",
    )
    model.compile("sgd")
    logits = np.zeros((2, 4, 3), "float32")
    first, second = (
        model.train_on_batch(logits, OBJECTS, return_dict=True)["loss"]
        for _ in range(2)
    )
    assert second < first
    with pytest.raises(Exception, match="5 objects, and num_queries=4"):
        many = detection.pad_objects([[BOX] * 5, []], [[0] * 5, []])
        model.train_on_batch(logits, many)


@pytest.mark.parametrize(
    "make", [one_stage, functools.partial(detr, num_encoders=0)]
)
def test_fit_follows_the_loss_and_saves(make, tmp_path, eagerly):
    keras.utils.set_random_seed(0)
    model = make()
    model.compile(keras.optimizers.Adam(0.01))
    history = model.fit(IMAGES, OBJECTS, epochs=3, verbose=0).history
    assert history["loss"][-1] < 0.9 * history["loss"][0]
    model.save(tmp_path / "detector.keras")
    loaded = keras.saving.load_model(tmp_path / "detector.keras")
    outputs = model.predict(IMAGES, verbose=0)
    for key, value in loaded.predict(IMAGES, verbose=0).items():
        np.testing.assert_allclose(value, outputs[key], atol=1e-6)
    assert loaded.assignment == model.assignment


@pytest.mark.parametrize(
    "make",
    [
        functools.partial(one_stage, attention="se"),
        functools.partial(detr, num_encoders=0),
    ],
)
def test_other_classes_keep_all_other_weights(make, eagerly):
    model = make()
    model.get_layer("stage1").trainable = False
    for weight in model.weights:
        weight.assign(weight + 0.1)
    other = detection.with_classes(model, 5)
    assert (other.classes, model.classes) == (5, 3)
    before, after = (
        keras.tree.map_structure(keras.ops.convert_to_numpy, x(IMAGES))
        for x in (model, other)
    )
    np.testing.assert_array_equal(after["boxes"], before["boxes"])
    assert after["logits"].shape == (*before["logits"].shape[:-1], 5)
    assert not other.get_layer("stage1").trainable
    assert [other.class_weight, other.l1_weight, other.assignment] == [
        model.class_weight,
        model.l1_weight,
        model.assignment,
    ]
    kept, found = (
        {w.path: w.numpy() for w in x.weights if "logits" not in w.path}
        for x in (model, other)
    )
    assert kept.keys() == found.keys()
    for path, weight in kept.items():
        np.testing.assert_array_equal(found[path], weight)
    # A class that there was not is learned.
    other.compile(keras.optimizers.Adam(0.01))
    objects = {**OBJECTS, "labels": np.where(OBJECTS["labels"] == 1, 4, -1)}
    first, second = (
        other.train_on_batch(IMAGES, objects, return_dict=True)["loss"]
        for _ in range(2)
    )
    assert second < first


def test_mixed_precision_any_attention_and_sizes(eagerly):
    keras.config.set_dtype_policy("mixed_float16")
    try:
        model = one_stage(attention={"level1": "nonlocal", "level2": "se"})
        model.compile("sgd")
        for sizes in (slice(None), slice(3, 20)):
            history = model.fit(IMAGES[:, sizes], OBJECTS, verbose=0).history
            assert np.isfinite(history["loss"]).all()
    finally:
        keras.config.set_dtype_policy("float32")
    assert {"level1_nonlocal", "level2_se"} <= {x.name for x in model.layers}
    outputs = model(IMAGES)
    assert {
        x.dtype for x in map(keras.ops.convert_to_numpy, outputs.values())
    } == {np.dtype("float32")}
    none = {key: np.full_like(x, -1) for key, x in OBJECTS.items()}
    losses = model.evaluate(IMAGES, none, verbose=0, return_dict=True)
    assert losses["giou_loss"] == 0 and losses["class_loss"] > 0


def test_alignments_of_a_decoder_and_both_norms(eagerly):
    for alignment, norm_first in (("grid_crf", False), ("chain_crf", True)):
        model = detr(alignment=alignment, norm_first=norm_first)
        model.compile("sgd")
        loss = model.train_on_batch(IMAGES, OBJECTS, return_dict=True)["loss"]
        none = {key: np.full_like(x, -1) for key, x in OBJECTS.items()}
        alone = model.train_on_batch(IMAGES, none, return_dict=True)["loss"]
        assert np.isfinite(loss) and 0 < alone < loss
        table = model.get_layer("decoder2_cross").alignment.weights
        assert table, alignment


def test_what_is_found_is_in_the_image(eagerly):
    found = one_stage().detect(IMAGES, score_threshold=0.0, max_detections=3)
    assert found["boxes"].shape == (2, 3, 4)
    assert ((found["boxes"] >= 0) & (found["boxes"] <= 1)).all()
    assert (np.diff(found["scores"], axis=1) <= 0).all()


def test_what_is_refused(eagerly):
    with pytest.raises(ValueError, match="needs a dict of outputs with boxes"):
        inputs = keras.Input((4,))
        detection.DetectionModel(inputs, keras.layers.Dense(2)(inputs))
    with pytest.raises(ValueError, match="one of 'stage1', 'stage2'|stage9"):
        detection.DETR(backbone(), 3, "stage9")
    with pytest.raises(ValueError, match="logits_head.*Received: .*logits"):
        detection.with_classes(
            passed_on(
                {"logits": (4, 3), "boxes": (4, 4)}, assignment="matching"
            ),
            5,
        )
    with pytest.raises(ValueError, match="channels.*a multiple of 8"):
        one_stage(channels=12)
    shapes = {"logits": (4, 3), "boxes": (4, 4)}
    model = passed_on(shapes, assignment="matching")
    with pytest.raises(ValueError, match="as pad_objects makes them"):
        model.compute_loss(y=np.zeros(2), y_pred={})
    with pytest.raises(ValueError, match="Objects have no weights"):
        model.compute_loss(y=OBJECTS, y_pred={}, sample_weight=np.ones(2))
    outputs = {"logits": np.zeros((2, 4, 3)), "boxes": np.ones((2, 4, 4))}
    outputs = {
        k: keras.ops.convert_to_tensor(x, "float32") for k, x in outputs.items()
    }
    labels = np.where(OBJECTS["labels"] == 1, 3, OBJECTS["labels"])
    # A class that there is not is seen in the loss.
    loss = model.compute_loss(y={**OBJECTS, "labels": labels}, y_pred=outputs)
    assert np.isnan(float(loss))


def test_the_transformer_has_the_parameters_of_the_paper():
    model = detection.DETR(
        backbone(),
        91,
        "stage3",
        token_dim=256,
        num_heads=8,
        num_encoders=1,
        num_decoders=1,
        hidden_dim=2048,
        norm_first=False,
    )
    blocks = [x for x in model.layers if x.name[:7] in ("encoder", "decoder")]
    # Six such pairs and the last norm have 17,363,456; the keys of their three
    # attentions have a bias there, which a softmax does not see.
    published = (17_363_456 - 2 * 256) // 6
    own = sum(layer.count_params() for layer in blocks) - 2 * 256
    assert own == published - 3 * 256
