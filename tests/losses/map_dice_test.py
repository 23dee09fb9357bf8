import keras
import numpy as np
import pytest
from gradients import not_on_jax

from keras_attention.losses import AttentionDice
from keras_attention.losses import AttentionSparsity
from keras_attention.losses import FocalLoss
from keras_attention.models import MelanomaAttentionVGG16BN
from keras_attention.models import VGG16BNAttention


def draw(size, count=3, heads=2):
    generator = np.random.default_rng(0)
    masks = (generator.random((count, 12, 10)) < 0.4).astype("uint8")
    return masks, generator.random((count, heads, *size))


def pooled(masks, size):
    """Area averages on a grid so fine that every edge is one of its lines."""
    height, width = np.lcm(masks.shape[1:], size)
    rows, columns = height // masks.shape[1], width // masks.shape[2]
    fine = masks.repeat(rows, 1).repeat(columns, 2)
    fine = fine.reshape(len(masks), size[0], -1, size[1], width // size[1])
    return fine.mean((2, 4))


def parts(masks, maps):
    maps, masks = maps.mean(1), pooled(masks, maps.shape[2:])
    overlap = (maps * masks).sum((1, 2))
    return overlap, maps.sum((1, 2)) + masks.sum((1, 2))


def numbers(loss, *args):
    return keras.ops.convert_to_numpy(loss(*args))


@pytest.mark.computing
@pytest.mark.parametrize(
    "size",
    [
        (3, 5),
        (13, 20),
        *(
            pytest.param(s, marks=not_on_jax)
            for s in ((1, 1), (7, 4), (12, 10))
        ),
    ],
)
def test_it_is_the_dice_with_the_mask_averaged_over_areas(size):
    masks, maps = draw(size)
    overlap, total = parts(masks, maps)
    loss = AttentionDice(reduction=None)
    expected = 1 - 2 * overlap / total
    np.testing.assert_allclose(numbers(loss, masks, maps), expected, rtol=1e-5)
    queries = maps[:, :, None].repeat(3, 2)
    received = numbers(loss, masks[..., None], queries)
    np.testing.assert_allclose(received, expected, rtol=1e-5)
    received = numbers(loss, masks, maps.mean(1))
    np.testing.assert_allclose(received, expected, rtol=1e-5)
    received = AttentionDice(over="batch")(masks, maps)
    expected = 1 - 2 * overlap.sum() / total.sum()
    assert float(received) == pytest.approx(expected, rel=1e-5)


def test_weights_of_channels_are_no_map():
    masks, _ = draw((3, 5))
    with pytest.raises(ValueError, match="y_pred.*Weights of channels"):
        AttentionDice()(masks, np.full((3, 1, 1, 8), 0.5))
    AttentionDice()(masks, np.full((3, 1, 1, 3, 5), 0.5))


@pytest.mark.computing
@pytest.mark.parametrize("over", ["image", "batch"])
def test_the_background_is_the_rest_of_known_images(gradient_of, over):
    masks, maps = draw((4, 5))
    masks[1] = 0
    loss = AttentionDice(over=over, region="background")
    value, gradient = gradient_of(loss, masks, maps)
    assert not gradient[1].any()
    assert gradient[0].any() and gradient[2].any()
    overlap, total = parts(1 - masks[[0, 2]], maps[[0, 2]])
    if over == "image":
        expected = (1 - 2 * overlap / total).sum() / 3
    else:
        expected = 1 - 2 * overlap.sum() / total.sum()
    assert value == pytest.approx(expected, rel=1e-5)
    # There is no background, and perhaps no attention either.
    for nothing in (np.zeros_like(maps), maps):
        value, gradient = gradient_of(loss, 0 * masks + 1, nothing)
        assert value == 0
        assert not gradient.any()


@pytest.mark.computing
def test_keras_agrees_on_maps_of_the_masks_size():
    masks, maps = draw((12, 10), heads=1)
    expected = keras.losses.Dice(axis=(1, 2), reduction=None)(masks, maps[:, 0])
    received = AttentionDice(reduction=None)(masks, maps)
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(received),
        keras.ops.convert_to_numpy(expected),
        rtol=1e-5,
    )


@pytest.mark.computing
def test_scaled_by_the_maximum_a_sum_of_one_can_cover_the_object():
    masks = np.zeros((2, 8, 8))
    masks[:, 2:6, 2:4] = 1
    weights = pooled(masks, (4, 4))
    weights /= weights.sum((1, 2), keepdims=True)
    loss = AttentionDice(divide_by_max=True, reduction=None)
    received = numbers(loss, masks, weights[:, None])
    np.testing.assert_allclose(received, 0, atol=1e-6)
    np.testing.assert_allclose(
        numbers(loss, masks, 7 * weights[:, None]), 0, atol=1e-6
    )
    # 2 positions of the object; the weights cover half each.
    received = numbers(AttentionDice(reduction=None), masks, weights[:, None])
    np.testing.assert_allclose(received, 1 - 2 * 1 / (1 + 2), rtol=1e-6)


@pytest.mark.computing
@pytest.mark.parametrize("over", ["image", "batch"])
def test_an_empty_mask_costs_nothing_and_moves_nothing(gradient_of, over):
    masks, maps = draw((4, 5))
    masks[1] = 0
    loss = AttentionDice(over=over)
    value, gradient = gradient_of(loss, masks, maps)
    assert not gradient[1].any()
    assert gradient[0].any() and gradient[2].any()
    overlap, total = parts(masks[[0, 2]], maps[[0, 2]])
    if over == "image":
        expected = (1 - 2 * overlap / total).sum() / 3
    else:
        expected = 1 - 2 * overlap.sum() / total.sum()
    assert value == pytest.approx(expected, rel=1e-5)
    # Nothing at all: no object and no attention.
    for nothing in (np.zeros_like(maps), maps):
        value, gradient = gradient_of(loss, 0 * masks, nothing)
        assert value == 0
        assert not gradient.any()


@pytest.mark.computing
@pytest.mark.parametrize("divide_by_max", [False, True])
def test_gradients_are_the_slopes(gradient_of, divide_by_max):
    masks, maps = draw((3, 2), count=2)
    maps = maps.astype("float32").astype("float64")

    def function(x):
        if divide_by_max:
            x = x / x.mean(1, keepdims=True).max((1, 2, 3), keepdims=True)
        overlap, total = parts(masks, x)
        return np.mean(1 - 2 * overlap / total)

    value, gradient = gradient_of(AttentionDice(divide_by_max), masks, maps)
    assert value == pytest.approx(function(maps), rel=1e-5)
    for index in np.ndindex(*maps.shape):
        shift = np.zeros_like(maps)
        shift[index] = 1e-6
        slope = (function(maps + shift) - function(maps - shift)) / 2e-6
        assert gradient[index] == pytest.approx(slope, rel=1e-3, abs=1e-6)


def test_a_map_without_attention_is_finite(gradient_of):
    masks, maps = draw((4, 5))
    value, gradient = gradient_of(AttentionDice(True), masks, 0 * maps)
    assert value == 1
    assert np.isfinite(gradient).all()


@pytest.mark.computing
def test_sample_weights_count(gradient_of):
    masks, maps = draw((4, 5))
    each = numbers(AttentionDice(reduction=None), masks, maps)
    weights = np.array([1.0, 0.0, 3.0])
    value, gradient = gradient_of(AttentionDice(), masks, maps, weights)
    assert value == pytest.approx((each * weights).sum() / 3, rel=1e-5)
    assert not gradient[1].any()


@pytest.mark.computing
def test_maps_and_masks_of_unknown_size_train():
    inputs = keras.Input((None, None, 1))
    gate = keras.layers.Conv2D(1, 1, strides=2, activation="sigmoid")(inputs)
    gate = keras.ops.transpose(gate, (0, 3, 1, 2))
    model = keras.Model(inputs, gate)
    model.compile(keras.optimizers.SGD(1.0), AttentionDice())
    for size in ((8, 6), (5, 9)):
        x = np.random.default_rng(0).random((2, *size, 1)).astype("float32")
        masks = (x > 0.5).astype("uint8")
        maps = model.predict(x, verbose=0)
        overlap, total = parts(masks[..., 0], maps)
        history = model.fit(x, masks, verbose=0).history
        expected = np.mean(1 - 2 * overlap / total)
        assert history["loss"][0] == pytest.approx(expected, rel=1e-4)


def test_a_dataset_of_unknown_size_trains():
    tf = pytest.importorskip("tensorflow")
    if keras.backend.backend() != "tensorflow":
        pytest.skip("shapes are static on the other backends")
    x = np.random.default_rng(0).random((4, 8, 6, 1)).astype("float32")
    dataset = tf.data.Dataset.from_generator(
        lambda: iter([(x, x[..., 0] > 0.5)]),
        output_signature=(
            tf.TensorSpec((None, None, None, 1), tf.float32),
            tf.TensorSpec((None, None, None), tf.bool),
        ),
    )
    inputs = keras.Input((None, None, 1))
    gate = keras.layers.Conv2D(1, 1, strides=3, activation="sigmoid")(inputs)
    gate = keras.ops.transpose(gate, (0, 3, 1, 2))
    model = keras.Model(inputs, gate)
    model.compile("sgd", AttentionDice(True))
    maps = model.predict(x, verbose=0)
    expected = float(AttentionDice(True)(x > 0.5, maps))
    history = model.fit(dataset, verbose=0).history
    assert history["loss"][0] == pytest.approx(expected, rel=1e-5)


NETWORKS = {
    "melanoma": lambda: MelanomaAttentionVGG16BN(
        (32, 32, 3), width_multiplier=0.0625, return_attention_scores=True
    ),
    "pooling": lambda: VGG16BNAttention(
        {"block3": "attn_pool", "block4": "gate"},
        input_shape=(32, 32, 3),
        classes=2,
        classifier_activation=None,
        width_multiplier=0.0625,
        return_attention_scores=True,
    ),
}


@pytest.mark.usefixtures("eagerly")
@not_on_jax
@pytest.mark.parametrize(
    "network", [pytest.param("melanoma", marks=pytest.mark.long), "pooling"]
)
def test_networks_train_on_predictions_and_maps(network):
    generator = np.random.default_rng(0)
    x = generator.random((4, 32, 32, 3), "float32")
    labels = np.arange(4) % 2
    masks = np.zeros((4, 32, 32, 1), "uint8")
    masks[:3, 8:20, 4:16] = 1  # one is not known
    model = NETWORKS[network]()
    losses = [FocalLoss(alpha=[1, 3]), AttentionDice(True), AttentionDice()]
    model.compile(
        keras.optimizers.SGD(0.01),
        losses,
        loss_weights=[1.0, 0.001, 0.01],
        metrics=[["accuracy"], [], []],
    )
    before = model.get_weights()
    targets = [labels, masks, masks]
    logs = model.fit(x, targets, batch_size=4, verbose=0).history
    assert np.isfinite([value[0] for value in logs.values()]).all()
    moved = zip(before, model.get_weights(), strict=True)
    assert any((old != new).any() for old, new in moved)
    logs = model.evaluate(x, targets, batch_size=8, verbose=0)
    outputs = model.predict(x, batch_size=8, verbose=0)
    parts = [
        float(loss(*pair))
        for loss, *pair in zip(losses, targets, outputs, strict=True)
    ]
    total = np.dot(parts, [1.0, 0.001, 0.01])
    assert logs[0] == pytest.approx(total, rel=1e-4)


@pytest.mark.usefixtures("eagerly")
@pytest.mark.computing
def test_a_few_steps_make_the_losses_smaller():
    generator = np.random.default_rng(0)
    x = generator.random((4, 16, 16, 1)).astype("float32")
    x[:, 4:10, 6:12] += 2.0
    masks = (x[..., 0] >= 2.0).astype("uint8")
    inputs = keras.Input((16, 16, 1))
    gate = keras.layers.Conv2D(1, 2, strides=2, activation="sigmoid")(inputs)
    maps = keras.ops.transpose(gate, (0, 3, 1, 2))
    losses = [AttentionDice(), AttentionSparsity("l1"), AttentionSparsity()]
    for loss in losses:
        gates = keras.models.clone_model(keras.Model(inputs, maps))
        before = float(loss(masks, gates.predict_on_batch(x)))
        gates.compile(keras.optimizers.Adam(0.1), loss)
        gates.fit(x, masks, epochs=3, verbose=0)
        assert float(loss(masks, gates.predict_on_batch(x))) < before


@pytest.mark.long
@pytest.mark.computing
def test_dice_and_sparsity_move_the_map_where_they_should():
    generator = np.random.default_rng(0)
    x = generator.random((16, 16, 16, 1)).astype("float32")
    x[:, 4:10, 6:12] += 2.0
    masks = (x[..., 0] >= 2.0).astype("uint8")

    def final(loss):
        keras.utils.set_random_seed(0)
        inputs = keras.Input((16, 16, 1))
        gate = keras.layers.Conv2D(1, 2, strides=2, activation="sigmoid")
        maps = keras.ops.transpose(gate(inputs), (0, 3, 1, 2))
        model = keras.Model(inputs, maps)
        model.compile(keras.optimizers.Adam(0.3), loss)
        model.fit(x, masks, epochs=40, verbose=0)
        return model.predict(x, verbose=0)

    # The object is 3 x 3 of the 8 x 8 positions.
    assert float(AttentionDice()(masks, final(AttentionDice()))) < 0.1
    assert final(AttentionSparsity("l1")).mean() < 0.1
    entropy = AttentionSparsity()
    assert float(entropy(masks, final(entropy))) < 0.6


def test_configs_round_trip(restored):
    loss = AttentionDice(
        True, "batch", "background", reduction="sum", name="on_object"
    )
    assert restored(loss).get_config() == loss.get_config()
    assert loss.get_config()["region"] == "background"
    assert loss.get_config()["divide_by_max"] is True


def test_errors_name_the_argument():
    with pytest.raises(
        ValueError, match=r"divide_by_max.*True or False.*'sum'"
    ):
        AttentionDice("sum")
    with pytest.raises(ValueError, match=r"over.*'image', 'batch'.*'all'"):
        AttentionDice(over="all")
    with pytest.raises(ValueError, match=r"region.*'background'.*'border'"):
        AttentionDice(region="border")
    masks, maps = draw((4, 5))
    with pytest.raises(ValueError, match=r"y_pred.*\(3, 4\)"):
        AttentionDice()(masks, maps[:, 0, :, 0])
    with pytest.raises(ValueError, match=r"y_pred.*Channels last"):
        AttentionDice()(masks, maps[:, 0, ..., None])
    with pytest.raises(ValueError, match=r"y_true.*\(3, 12, 10, 2\)"):
        AttentionDice()(np.stack([masks, masks], -1), maps)
