import keras
import numpy as np
import pytest

from keras_attention.losses import FocalLoss

COUNT, CLASSES = 6, 4


def draw(seed=0):
    generator = np.random.default_rng(seed)
    logits = 2 * generator.normal(size=(COUNT, CLASSES))
    labels = generator.integers(CLASSES, size=COUNT)
    several = generator.integers(2, size=(COUNT, CLASSES))
    return logits, labels, several


def single(logits, labels, gamma, alpha=None):
    """One number an image, in float64."""
    logits = np.asarray(logits, "float64")
    p = np.exp(logits - logits.max(-1, keepdims=True))
    p = (p / p.sum(-1, keepdims=True))[np.arange(len(labels)), labels]
    weight = 1.0 if alpha is None else np.asarray(alpha)[labels]
    return -weight * (1 - p) ** gamma * np.log(p)


def multi(logits, labels, gamma, alpha=None):
    p = 1 / (1 + np.exp(-np.asarray(logits, "float64")))
    p_t = np.where(labels, p, 1 - p)
    weight = 1.0 if alpha is None else np.where(labels, alpha, 1 - alpha)
    return np.mean(-weight * (1 - p_t) ** gamma * np.log(p_t), -1)


def numbers(loss, *args):
    return keras.ops.convert_to_numpy(loss(*args))


def slope(function, x, step=1e-6):
    """Central differences of the mean of a function of `x`."""
    gradient = np.zeros_like(x)
    for index in np.ndindex(*x.shape):
        shift = np.zeros_like(x)
        shift[index] = step
        change = np.mean(function(x + shift)) - np.mean(function(x - shift))
        gradient[index] = change / (2 * step)
    return gradient


@pytest.mark.computing
@pytest.mark.parametrize("gamma", [0, 0.5, 2.0, 5])
@pytest.mark.parametrize("alpha", [None, [0.5, 1, 3, 0.0]])
def test_a_single_label_follows_the_formula(gamma, alpha):
    logits, labels, _ = draw()
    loss = FocalLoss(gamma, alpha, reduction=None)
    expected = single(logits, labels, gamma, alpha)
    one_hot = np.eye(CLASSES)[labels]
    for given in (labels, labels[:, None], one_hot):
        np.testing.assert_allclose(
            numbers(loss, given, logits), expected, rtol=2e-5
        )
    p = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    loss = FocalLoss(gamma, alpha, from_logits=False, reduction=None)
    np.testing.assert_allclose(numbers(loss, labels, p), expected, rtol=2e-5)
    np.testing.assert_allclose(
        numbers(loss, labels, 3 * p), expected, rtol=2e-5
    )


@pytest.mark.computing
@pytest.mark.parametrize("gamma", [0, 0.5, 2.0, 5])
@pytest.mark.parametrize("alpha", [None, 0.25, [0.5, 1, 0.3, 0.0]])
def test_several_labels_follow_the_formula(gamma, alpha):
    logits, _, labels = draw()
    loss = FocalLoss(gamma, alpha, multi_label=True, reduction=None)
    alpha = alpha if alpha is None else np.asarray(alpha)
    expected = multi(logits, labels, gamma, alpha)
    np.testing.assert_allclose(
        numbers(loss, labels, logits), expected, rtol=2e-5
    )
    config = {**loss.get_config(), "from_logits": False}
    p = 1 / (1 + np.exp(-logits))
    np.testing.assert_allclose(
        numbers(FocalLoss(**config), labels, p), expected, rtol=2e-5
    )


@pytest.mark.computing
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("from_logits", [True, False])
def test_without_gamma_and_alpha_it_is_kerass_cross_entropy(
    smoothing, from_logits
):
    logits, labels, several = draw()
    settings = {"label_smoothing": smoothing, "from_logits": from_logits}
    one_hot = np.eye(CLASSES)[labels]
    p, q = logits, logits
    if not from_logits:
        p = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
        q = 1 / (1 + np.exp(-logits))
    expected = keras.losses.CategoricalCrossentropy(**settings)(one_hot, p)
    received = FocalLoss(0, **settings)
    for given in (labels, one_hot):
        assert float(received(given, p)) == pytest.approx(
            float(expected), rel=1e-6
        )
    expected = keras.losses.BinaryCrossentropy(**settings)(several, q)
    received = FocalLoss(0, multi_label=True, **settings)(several, q)
    assert float(received) == pytest.approx(float(expected), rel=1e-6)


@pytest.mark.computing
def test_where_keras_has_the_same_it_agrees():
    logits, labels, several = draw()
    one_hot, alpha = np.eye(CLASSES)[labels], [0.5, 1.0, 3.0, 0.2]
    expected = keras.losses.CategoricalFocalCrossentropy(
        alpha, 1.5, from_logits=True
    )(one_hot, logits)
    received = FocalLoss(1.5, alpha)(labels, logits)
    assert float(received) == pytest.approx(float(expected), rel=1e-5)
    expected = keras.losses.BinaryFocalCrossentropy(
        True, 0.3, 1.5, from_logits=True
    )(several, logits)
    received = FocalLoss(1.5, 0.3, multi_label=True)(several, logits)
    assert float(received) == pytest.approx(float(expected), rel=1e-5)


def test_one_alpha_for_two_classes_weighs_the_positive_one():
    logits, labels = draw()[0][:, :2], draw()[1] % 2
    one = FocalLoss(alpha=0.25)(labels, logits)
    two = FocalLoss(alpha=[0.75, 0.25])(labels, logits)
    assert float(one) == pytest.approx(float(two))


@pytest.mark.computing
@pytest.mark.parametrize("gamma", [0.5, 2.0])
def test_gradients_are_the_slopes(gradient_of, gamma):
    logits, labels, several = draw()
    logits = logits.astype("float32").astype("float64")
    alpha = np.array([0.5, 1, 0.3, 0.1])
    cases = [
        (FocalLoss(gamma, alpha), labels, single),
        (FocalLoss(gamma, alpha, multi_label=True), several, multi),
    ]
    for loss, given, formula in cases:

        def function(x, formula=formula, given=given):
            return formula(x, given, gamma, alpha)

        value, gradient = gradient_of(loss, given, logits)
        assert value == pytest.approx(np.mean(function(logits)), rel=1e-5)
        np.testing.assert_allclose(
            gradient, slope(function, logits), rtol=1e-3, atol=2e-6
        )


@pytest.mark.computing
@pytest.mark.parametrize("gamma", [0, 0.5, 1, 2])
@pytest.mark.parametrize("size", [1e2, 1e4])
def test_extreme_logits_give_finite_numbers(gradient_of, gamma, size):
    logits = size * np.array([[1.0, -1, 0], [-1, 1, 1], [1, 1, 1]])
    labels, several = np.array([0, 0, 2]), np.eye(3)[[0, 0, 2]]
    value, gradient = gradient_of(FocalLoss(gamma), labels, logits)
    # Right, wrong by 2 * size beside two others, and one of three equals.
    third = (2 / 3) ** gamma * np.log(3)
    wrong = 2 * size + np.log(2)
    assert value == pytest.approx((0 + wrong + third) / 3, rel=1e-5)
    assert np.isfinite(gradient).all()
    if size == 1e2:  # Keras' own has no gradient here
        assert gradient[1, 0] == pytest.approx(-1 / 3, rel=1e-3)
    for from_logits in (True, False):
        loss = FocalLoss(gamma, multi_label=True, from_logits=from_logits)
        given = logits if from_logits else np.clip(logits, 0, 1)
        value, gradient = gradient_of(loss, several, given)
        assert np.isfinite(value) and np.isfinite(gradient).all()
    loss = FocalLoss(gamma, from_logits=False)
    value, gradient = gradient_of(loss, labels, np.eye(3))
    assert np.isfinite(value) and np.isfinite(gradient).all()


@pytest.mark.computing
def test_half_precision_is_raised():
    logits, labels, _ = draw()
    half = keras.ops.convert_to_tensor(logits, "bfloat16")
    expected = single(
        keras.ops.convert_to_numpy(keras.ops.cast(half, "float32")), labels, 2
    )
    for dtype in (None, "bfloat16", "mixed_float16"):
        loss = FocalLoss(reduction=None, dtype=dtype)
        assert loss.dtype == "float32"
        received = numbers(loss, labels, half)
        np.testing.assert_allclose(received, expected, rtol=2e-5)


@pytest.mark.computing
def test_training_under_mixed_precision_lowers_it():
    policy = "bfloat16" if keras.backend.backend() == "torch" else "float16"
    generator = np.random.default_rng(0)
    x = generator.normal(size=(32, 5)).astype("float32")
    labels = x[:, :3].argmax(-1)
    model = keras.Sequential([keras.layers.Dense(3, dtype=f"mixed_{policy}")])
    model.compile(keras.optimizers.SGD(1.0), FocalLoss(alpha=[1, 2, 3]))
    losses = model.fit(x, labels, epochs=8, verbose=0).history["loss"]
    assert losses[-1] < 0.5 * losses[0]


@pytest.mark.computing
def test_labels_that_are_no_classes_do_not_pass_unseen():
    loss = FocalLoss(reduction=None)
    received = numbers(loss, [0, 3, -1, np.nan], np.zeros((4, 3)))
    np.testing.assert_array_equal(np.isnan(received), [False, True, True, True])


@pytest.mark.computing
def test_axes_in_front_of_the_classes_are_kept():
    logits = np.random.default_rng(0).normal(size=(2, 3, 5))
    labels = np.random.default_rng(1).integers(5, size=(2, 3))
    loss = FocalLoss(reduction=None)
    expected = single(logits.reshape(6, 5), labels.ravel(), 2).reshape(2, 3)
    np.testing.assert_allclose(
        numbers(loss, labels, logits), expected, rtol=2e-5
    )
    # A logit alone, labels without an axis for it.
    loss = FocalLoss(multi_label=True, reduction=None)
    np.testing.assert_allclose(
        numbers(loss, [0, 1], logits[:, 0, :1]),
        multi(logits[:, 0, :1], np.array([[0], [1]]), 2),
        rtol=2e-5,
    )


def test_configs_round_trip(restored, tmp_path):
    loss = FocalLoss(
        1.5,
        np.array([1, 2, 3]),
        from_logits=False,
        label_smoothing=0.1,
        reduction="sum",
        name="hard",
        dtype="float64",
    )
    assert restored(loss).get_config() == loss.get_config()
    assert loss.get_config()["alpha"] == [1.0, 2.0, 3.0]
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    model.compile("sgd", loss)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert again.loss.get_config() == loss.get_config()


@pytest.mark.parametrize(
    "given",
    [
        {"gamma": -1},
        {"gamma": float("nan")},
        {"gamma": "2"},
        {"alpha": 1.5},
        {"alpha": -0.5},
        {"alpha": [1, -1]},
        {"alpha": [1, float("inf")]},
        {"alpha": [0, 0]},
        {"alpha": []},
        {"alpha": "balanced"},
        {"alpha": [[1, 2]]},
        {"alpha": [0.5, 2], "multi_label": True},
        {"multi_label": 1},
        {"from_logits": None},
        {"label_smoothing": 1.0},
    ],
)
def test_arguments_out_of_range_are_named(given):
    with pytest.raises(ValueError, match=f"argument {next(iter(given))}"):
        FocalLoss(**given)


def test_shapes_that_do_not_fit_are_named():
    logits = np.zeros((2, 3))
    with pytest.raises(ValueError, match=r"alpha.*3 classes.*\[1.0, 2.0\]"):
        FocalLoss(alpha=[1, 2])([0, 1], logits)
    with pytest.raises(ValueError, match=r"alpha.*3 classes.*0.25"):
        FocalLoss(alpha=0.25)([0, 1], logits)
    with pytest.raises(ValueError, match=r"y_true.*\(2, 4\)"):
        FocalLoss()(np.zeros((2, 4)), logits)
    with pytest.raises(ValueError, match=r"y_true.*\(2,\)"):
        FocalLoss(multi_label=True)([0, 1], logits)
    with pytest.raises(ValueError, match=r"y_true.*\(2, 1\)"):
        FocalLoss(multi_label=True)([[0], [1]], logits)
    with pytest.raises(ValueError, match="two classes"):
        FocalLoss()([0, 1], logits[:, :1])


@pytest.mark.parametrize(
    "labels, shape, options",
    [
        (np.zeros((2, 16, 16, 1), int), (2, 1, 8, 8), {}),
        (np.zeros((2, 1, 4, 8)), (2, 1, 8, 8), {}),
        ([0, 1], (2, 1, 8, 8), {}),
        (np.zeros((2, 4, 8, 8)), (2, 1, 8, 8), {"multi_label": True}),
    ],
)
def test_maps_need_a_loss_of_their_own(labels, shape, options):
    with pytest.raises(ValueError, match="y_true.*several outputs"):
        FocalLoss(**options)(labels, np.zeros(shape))
    with pytest.raises(ValueError, match=r"y_true: expected labels \(2,\)"):
        FocalLoss()([0, 1, 1], np.zeros((2, 3)))


@pytest.mark.computing
def test_unknown_pixels_cost_nothing():
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(2, 3, 4, 2)).astype("float32")
    labels = rng.integers(0, 2, (2, 3, 4))
    unknown = labels.copy()
    unknown[0, 1] = 255
    for loss, z in (
        (FocalLoss(gamma=1.5, ignore_class=255, reduction=None), logits),
        (
            FocalLoss(multi_label=True, ignore_class=255, reduction=None),
            logits[..., :1],
        ),
    ):
        expected = np.array(keras.ops.convert_to_numpy(loss(labels, z)))
        expected[0, 1] = 0
        for given in (unknown, unknown[..., None]):
            seen = keras.ops.convert_to_numpy(loss(given, z))
            np.testing.assert_allclose(seen, expected, atol=1e-6)
    with pytest.raises(ValueError, match="needs integer labels"):
        FocalLoss(ignore_class=1)(np.eye(2), np.eye(2))
    with pytest.raises(ValueError, match="ignore_class=-1"):
        FocalLoss(ignore_class=-1)
