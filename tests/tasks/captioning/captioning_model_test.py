"""A captioning model under fit, in files, and with its attention seen."""

import keras
import numpy as np
import pytest

from keras_attention import AttentionExtractor
from keras_attention import losses
from keras_attention.tasks import captioning

CAPTIONS = [["a cat", "a dog"], "a dog runs", "dog"]
WORDS = captioning.Vocabulary(["a", "dog", "cat", "runs"])
SIZES = {"embedding_dim": 4, "units": 5, "key_dim": 3, "dropout": 0.2}
IMAGES = np.random.default_rng(0).normal(size=(3, 8, 8, 3)).astype("float32")


def encoder():
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(6, 3, strides=4, name="map")(inputs)
    x = keras.layers.BatchNormalization()(x)
    return keras.Model(inputs, keras.layers.Flatten()(x))


def model(words=WORDS, **options):
    return captioning.CaptioningModel(
        encoder(), words, 4, encoder_layer="map", **SIZES, **options
    )


def test_trains_is_looked_into_and_saved(tmp_path, eagerly):
    network = model(dtype="mixed_bfloat16")
    batches = captioning.CaptionBatches(IMAGES, CAPTIONS, network, 3, seed=0)
    network.compile("adam", losses.CaptionCrossentropy())
    before = [keras.ops.convert_to_numpy(w) for w in network.trainable_weights]
    history = network.fit(batches, epochs=1, verbose=0).history
    after = [keras.ops.convert_to_numpy(w) for w in network.trainable_weights]
    paths = [weight.path for weight in network.trainable_weights]
    moved = [np.any(a != b) for a, b in zip(before, after, strict=True)]
    still = [p for p, m in zip(paths, moved, strict=True) if not m]
    assert not still and np.isfinite(history["loss"][0])

    inputs, _ = batches[0]
    logits, maps = AttentionExtractor(network).predict(inputs, verbose=0)
    assert maps["decoder"].shape == (3, 1, 4, 1, 2)[:3] + (2, 2)
    assert maps["decoder"].dtype == logits.dtype == "float32"
    np.testing.assert_allclose(maps["decoder"].sum((3, 4)), 1, rtol=1e-5)

    path = tmp_path / "model.keras"
    network.save(path)
    again = keras.saving.load_model(path)
    assert again.vocabulary == WORDS
    assert again.decoder.attention_weight == 1.0
    np.testing.assert_array_equal(again.predict(inputs, verbose=0), logits)


def test_weights_of_another_vocabulary_are_refused(tmp_path):
    path = tmp_path / "model.weights.h5"
    model().save_weights(path)
    model().load_weights(path)
    other = captioning.Vocabulary(["a", "cat", "dog", "runs"])
    with pytest.raises(ValueError, match="not that of the saved weights"):
        model(other).load_weights(path)
    with pytest.raises(ValueError, match="not that of model 'captioning'"):
        model().expect_vocabulary(other)


def test_every_caption_is_an_example():
    network = captioning.CaptioningModel((2, 2, 6), WORDS, 4, **SIZES)
    maps = np.arange(3.0).reshape(3, 1, 1, 1) * np.ones((2, 2, 6))
    batches = captioning.CaptionBatches(maps, CAPTIONS, network, 3, seed=0)
    seen = []
    for _ in range(2):
        batches.on_epoch_begin()
        found = [batches[i] for i in range(len(batches))]
        assert [len(targets) for _, targets in found] == [3, 1]
        examples = sorted(
            (inputs["images"][i].mean(), *inputs["tokens"][i], *targets[i])
            for inputs, targets in found
            for i in range(len(targets))
        )
        seen.append([inputs["tokens"].tolist() for inputs, _ in found])
        assert [example[0] for example in examples] == [0, 0, 1, 2]
        assert examples[3] == (2, 1, 5, 2, 0, 5, 2, 0, 0)
    assert seen[0] != seen[1]  # a new order


def test_what_is_refused():
    batches = captioning.CaptionBatches
    network = captioning.CaptioningModel((2, 2, 6), WORDS, 3, **SIZES)
    maps = np.zeros((3, 2, 2, 6))
    for captions, message in [
        (CAPTIONS[:2], "3 images and 2 captions"),
        ([*CAPTIONS[:2], []], "none for 1 images, the first of them number 2"),
        (CAPTIONS, "at most 2 words.*3 words, 'a dog runs'"),
    ]:
        with pytest.raises(ValueError, match=message):
            batches(maps, captions, network)
    assert len(batches(maps, CAPTIONS, network, truncate=True)) == 1
    decoder = captioning.RecurrentDecoder(9)
    build = captioning.CaptioningModel
    for arguments, options, message in [
        ((encoder(), WORDS), {}, "one map.*encoder_layer"),
        ((encoder(), WORDS), {"encoder_layer": "nothing"}, "nothing"),
        (((2, 2, 6), ["a"]), {}, "Vocabulary"),
        (((2, 2, 6), WORDS), {"decoder": decoder}, "one of 8 tokens"),
        (((2, 2, 6), WORDS), {"decoder": decoder, "units": 3}, "or the arg"),
        ((None, WORDS), {}, "functional keras.Model or the shape"),
    ]:
        with pytest.raises(ValueError, match=message):
            build(*arguments, **options)
