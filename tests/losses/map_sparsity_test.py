import keras
import numpy as np
import pytest

from keras_attention.losses import AttentionSparsity

ANY = np.zeros(3)


def numbers(*args, **kwargs):
    loss = AttentionSparsity(*args, reduction=None)
    return keras.ops.convert_to_numpy(loss(ANY, kwargs["maps"]))


@pytest.mark.computing
def test_entropy_goes_from_one_position_to_all():
    maps = np.zeros((3, 1, 4, 5))
    maps[0, 0, 2, 3] = 0.7
    maps[1] = 0.3
    maps[2, 0, :2] = 5.0
    expected = [0, 1, np.log(10) / np.log(20)]
    np.testing.assert_allclose(numbers(maps=maps), expected, atol=1e-6)


@pytest.mark.computing
@pytest.mark.parametrize("shape", [(4, 5), (2, 4, 5), (2, 3, 4, 5)])
def test_every_map_counts_by_itself(shape):
    maps = np.random.default_rng(0).random((3, *shape))
    p = maps / maps.sum((-2, -1), keepdims=True)
    each = -(p * np.log(p)).sum((-2, -1)) / np.log(20)
    expected = each.reshape(3, -1).mean(-1)
    np.testing.assert_allclose(numbers(maps=maps), expected, rtol=1e-5)
    expected = maps.reshape(3, -1).mean(-1)
    np.testing.assert_allclose(numbers("l1", maps=maps), expected, rtol=1e-5)


@pytest.mark.computing
def test_zeros_and_single_positions_are_finite(gradient_of):
    maps = np.zeros((3, 2, 4, 5))
    maps[0, 0, 1, 1] = 1.0
    for given in (maps, np.ones((3, 1, 1, 1))):
        value, gradient = gradient_of(AttentionSparsity(), ANY, given)
        assert value == pytest.approx(0, abs=1e-6)
        assert np.isfinite(gradient).all()


@pytest.mark.computing
def test_gradients_are_the_slopes(gradient_of):
    maps = np.random.default_rng(0).random((3, 2, 2, 3))
    maps = maps.astype("float32").astype("float64")

    def function(x):
        p = x / x.sum((2, 3), keepdims=True)
        return -np.mean((p * np.log(p)).sum((2, 3))) / np.log(6)

    _, gradient = gradient_of(AttentionSparsity(), ANY, maps)
    for index in np.ndindex(*maps.shape):
        shift = np.zeros_like(maps)
        shift[index] = 1e-6
        slope = (function(maps + shift) - function(maps - shift)) / 2e-6
        assert gradient[index] == pytest.approx(slope, rel=1e-3, abs=1e-6)


def test_configs_round_trip(restored):
    loss = AttentionSparsity("l1", reduction="sum", name="small")
    assert restored(loss).get_config() == loss.get_config()
    assert loss.get_config()["kind"] == "l1"


def test_errors_name_the_argument():
    with pytest.raises(ValueError, match=r"kind.*'entropy', 'l1'.*'l2'"):
        AttentionSparsity("l2")
    with pytest.raises(ValueError, match=r"y_pred.*\(3, 4\)"):
        AttentionSparsity()(ANY, np.ones((3, 4)))
