"""A decoder without recurrence, in a model and word by word."""

import keras
import numpy as np
import pytest
from gradients import at_once
from gradients import not_on_jax

from keras_attention import AttentionExtractor
from keras_attention.tasks import captioning

WORDS = captioning.Vocabulary(["a", "dog", "cat"])
IMAGES = np.random.default_rng(0).normal(size=(2, 2, 3, 6)).astype("float32")
TOKENS = np.array([[1, 4, 6, 2], [1, 5, 2, 0]], "int32")


@pytest.fixture(scope="module")
def model():
    decoder = captioning.TransformerDecoder(
        len(WORDS), 4, num_heads=2, token_dim=8, hidden_dim=10, name="decoder"
    )
    return captioning.CaptioningModel((2, 3, 6), WORDS, 4, decoder=decoder)


def logits(model, tokens):
    found = at_once(model.decoder)(IMAGES, tokens)
    return keras.ops.convert_to_numpy(found)


@not_on_jax
def test_a_word_knows_those_before_it_and_no_others(model):
    whole = logits(model, TOKENS)
    extractor = AttentionExtractor(model)
    _, maps = extractor({"images": IMAGES, "tokens": TOKENS})
    seen = keras.ops.convert_to_numpy(maps["decoder/block2_cross"])
    memory, states = model.decoder.begin(IMAGES)
    for t in range(4):
        step, states, weights = at_once(model.decoder.step)(
            memory, states, TOKENS[:, t]
        )
        step = keras.ops.convert_to_numpy(step)
        np.testing.assert_allclose(step, whole[:, t], rtol=1e-4, atol=1e-5)
        weights = keras.ops.convert_to_numpy(weights)
        np.testing.assert_allclose(weights, seen[:, :, t], rtol=1e-4)
    other = logits(model, np.array([[1, 4, 5, 5], [1, 5, 6, 6]]))
    np.testing.assert_allclose(other[:, :2], whole[:, :2], rtol=1e-4, atol=1e-5)
    assert np.abs(other[:, 2] - whole[:, 2]).max() > 1e-3


def test_is_saved_looked_into_and_says_captions(model, tmp_path, eagerly):
    inputs = {"images": IMAGES, "tokens": TOKENS}
    _, maps = AttentionExtractor(model)(inputs)
    crosses = [name for name in maps if name.endswith("_cross")]
    assert crosses == ["decoder/block1_cross", "decoder/block2_cross"]
    assert maps[crosses[0]].shape == (2, 2, 4, 2, 3)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(logits(again, TOKENS), logits(model, TOKENS))
    said = captioning.generate(model, IMAGES, beam_size=2)
    assert said.attention.shape == (2, 2, 4, 2, 3)
    first = said.attention[:, :, 0].sum((2, 3))
    np.testing.assert_allclose(first, 1, rtol=1e-5)


def test_what_is_refused(model):
    with pytest.raises(ValueError, match="4 positions"):
        logits(model, np.ones((2, 5), "int32"))
    with pytest.raises(ValueError, match="divisor of token_dim=8"):
        captioning.TransformerDecoder(9, 4, num_heads=3, token_dim=8)
