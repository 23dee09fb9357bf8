import keras
import numpy as np
import pytest

from keras_attention.metrics import ExpectedCalibrationError
from keras_attention.metrics import expected_calibration_error
from keras_attention.metrics.calibration import log_probabilities

CLASSES = 4


def draw(count=200):
    generator = np.random.default_rng(0)
    logits = 2 * generator.normal(size=(count, CLASSES)).astype("float32")
    labels = generator.integers(CLASSES, size=count)
    p = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    return labels, logits, p


def by_hand(labels, p, bins):
    error, confidence = 0.0, p.max(-1)
    for b in range(bins):
        inside = (confidence > b / bins) & (confidence <= (b + 1) / bins)
        if inside.any():
            right = (p.argmax(-1) == labels)[inside].mean()
            error += inside.mean() * abs(right - confidence[inside].mean())
    return error


@pytest.mark.parametrize("bins", [1, 2, 10, 15, 100])
def test_it_is_the_gap_of_every_bin(bins):
    labels, _, p = draw()
    received = expected_calibration_error(labels, p, bins)
    assert received == pytest.approx(by_hand(labels, p, bins))


def test_small_cases():
    sure = np.eye(2)[[0, 0, 1, 1]]
    assert expected_calibration_error([0, 0, 1, 1], sure) == 0
    assert expected_calibration_error([1, 1, 0, 0], sure) == 1
    # Errors of opposite sign in one bin cancel, in two they add up.
    p = np.array([[0.8, 0.2], [0.6, 0.4]])
    assert expected_calibration_error([1, 0], p, 1) == pytest.approx(0.2)
    assert expected_calibration_error([1, 0], p, 10) == pytest.approx(0.6)


@pytest.mark.computing
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("bins", "edge"), [(15, 0.6), (10, 0.7)])
def test_an_edge_belongs_to_the_bin_below(bins, edge, dtype):
    # In one bin, errors of opposite sign cancel. In float32 0.7 is less.
    p = np.array([[edge, 1 - edge], [edge - 0.02, 1.02 - edge]], dtype)
    expected = abs(1 - edge - (edge - 0.02)) / 2
    received = expected_calibration_error([0, 1], p, bins)
    assert received == pytest.approx(expected, rel=1e-5)
    metric = ExpectedCalibrationError(bins)
    metric.update_state([0, 1], p)
    assert float(metric.result()) == pytest.approx(expected, rel=1e-5)


@pytest.mark.computing
@pytest.mark.parametrize("form", ["integers", "column", "one-hot"])
def test_the_streaming_metric_is_exact(form):
    labels, logits, p = draw()
    given = {
        "integers": labels,
        "column": labels[:, None],
        "one-hot": np.eye(CLASSES)[labels],
    }[form]
    expected = expected_calibration_error(labels, p)
    for outputs, from_logits in ((p, False), (logits, True)):
        metric = ExpectedCalibrationError(from_logits=from_logits)
        assert float(metric.result()) == 0
        for start, stop in ((0, 7), (7, 8), (8, 150), (150, 200)):
            metric.update_state(given[start:stop], outputs[start:stop])
        assert float(metric.result()) == pytest.approx(expected, rel=1e-5)
        metric.reset_state()
        metric.update_state(given[:50], outputs[:50])
        first = expected_calibration_error(labels[:50], p[:50])
        assert float(metric.result()) == pytest.approx(first, rel=1e-5)


@pytest.mark.computing
def test_an_image_counts_as_often_as_it_weighs():
    labels, _, p = draw(50)
    weights = np.random.default_rng(1).integers(3, size=50)
    metric = ExpectedCalibrationError(10)
    metric.update_state(labels, p, sample_weight=weights)
    expected = expected_calibration_error(
        labels.repeat(weights), p.repeat(weights, 0), 10
    )
    assert float(metric.result()) == pytest.approx(expected, rel=1e-5)


@pytest.mark.computing
def test_evaluate_reports_it_over_all_batches(tmp_path):
    labels, logits, p = draw()
    model = keras.Sequential([keras.Input((CLASSES,)), keras.layers.Identity()])
    metric = ExpectedCalibrationError(10, from_logits=True, name="ece")
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(loss=loss, metrics=[metric])
    expected = expected_calibration_error(labels, p, 10)
    logs = model.evaluate(
        logits, labels, batch_size=32, verbose=0, return_dict=True
    )
    assert logs["ece"] == pytest.approx(expected, rel=1e-5)
    config = keras.saving.serialize_keras_object(metric)
    again = keras.saving.deserialize_keras_object(config)
    assert again.get_config() == metric.get_config()
    assert (again.bins, again.from_logits, again.name) == (10, True, "ece")
    model.save(tmp_path / "model.keras")
    model = keras.saving.load_model(tmp_path / "model.keras")
    logs = model.evaluate(logits, labels, verbose=0, return_dict=True)
    assert logs["ece"] == pytest.approx(expected, rel=1e-5)


def test_logits_and_probabilities_are_told_apart():
    _, logits, p = draw()
    for outputs in (p, logits, logits + 100, p.astype("float16")):
        received = np.exp(log_probabilities(outputs))
        np.testing.assert_allclose(received, p, rtol=2e-3, atol=1e-6)
    extreme = log_probabilities(np.array([[1e4, -1e4], [0.0, 0.0]]))
    assert np.isfinite(extreme).all()
    assert np.isfinite(log_probabilities(np.eye(2))).all()


@pytest.mark.parametrize(
    ("labels", "probabilities", "match"),
    [
        ([0, 1], [0.1, 0.2], "probabilities of shape"),
        ([0], [[0.5, 0.5]] * 2, "labels of shape"),
        ([], np.ones((0, 2)), "empty"),
        ([2], [[0.5, 0.5]], "argument labels"),
        ([0], [[1.5, -0.5]], "argument probabilities"),
        ([0], [[2.0, 3.0]], "argument probabilities"),
        ([0], [[np.nan, 0.5]], "argument probabilities"),
    ],
)
def test_what_does_not_fit_is_named(labels, probabilities, match):
    with pytest.raises(ValueError, match=match):
        expected_calibration_error(labels, probabilities)


def test_bins_and_shapes_of_the_metric_are_named():
    for call in (
        lambda: expected_calibration_error([0], [[0.5, 0.5]], 0),
        lambda: ExpectedCalibrationError(0),
    ):
        with pytest.raises(ValueError, match="bins=0"):
            call()
    metric = ExpectedCalibrationError()
    for y_true, y_pred in (
        (np.zeros(3), np.ones((3, 1))),
        (np.zeros((3, 4)), np.ones((3, 2))),
        (np.zeros(3), np.ones(3)),
    ):
        with pytest.raises(ValueError, match="ExpectedCalibrationError needs"):
            metric.update_state(y_true, y_pred)
