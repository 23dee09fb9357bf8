import numpy as np
import pytest

from keras_attention.metrics import at_temperature
from keras_attention.metrics import fit_temperature
from keras_attention.metrics import map_jaccard


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_the_temperature_is_found_again(temperature):
    rng = np.random.default_rng(0)
    true = rng.dirichlet(np.ones(3), size=4000)
    labels = (true.cumsum(1) > rng.random((4000, 1))).argmax(1)
    told = at_temperature(true, temperature)
    np.testing.assert_allclose(told.sum(1), 1)
    found = fit_temperature(labels, told)
    assert found == pytest.approx(1 / temperature, rel=0.05)
    np.testing.assert_allclose(at_temperature(told, 1 / temperature), true)


def test_certain_answers_stay_finite():
    certain = np.array([[1.0, 0.0], [0.0, 1.0]])
    assert np.isfinite(fit_temperature([0, 0], certain))
    with pytest.raises(ValueError, match="temperature"):
        at_temperature(certain, 0.0)
    with pytest.raises(ValueError, match="probabilities"):
        fit_temperature([0, 1], [[0.5, 0.6], [0.5, 0.5]])


def test_jaccard_against_brute_force():
    rng = np.random.default_rng(0)
    maps = rng.random((3, 2, 4, 4))
    masks = np.zeros((3, 8, 8))
    masks[:2, 2:7, 1:6] = 1
    mean = maps.mean(1)
    expected = []
    for a, m in zip(mean, masks, strict=True):
        a = (a - a.min()) / (a.max() - a.min()) > 0.5
        m = m.reshape(4, 2, 4, 2).mean((1, 3)) > 0.5
        inside = {*zip(*np.nonzero(a), strict=True)}
        object_ = {*zip(*np.nonzero(m), strict=True)}
        share = len(inside & object_) / len(inside | object_) if object_ else 0
        expected.append(share or np.nan)
    np.testing.assert_allclose(map_jaccard(maps, masks), expected)
    flat = map_jaccard(np.ones((1, 4, 4)), masks[:1])
    assert np.isnan(flat).all()
    with pytest.raises(ValueError, match="threshold"):
        map_jaccard(maps, masks, 1.0)
