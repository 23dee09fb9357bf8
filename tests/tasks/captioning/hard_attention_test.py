"""Words whose place is drawn, trained by REINFORCE."""

import keras
import numpy as np

from keras_attention import AttentionExtractor
from keras_attention import losses
from keras_attention import models
from keras_attention.tasks import captioning

WORDS = captioning.Vocabulary(["a", "dog"])
IMAGES = np.random.default_rng(0).normal(size=(2, 2, 3, 6)).astype("float32")


def test_scores_of_drawn_words_learn_and_one_position_is_seen(eagerly):
    network = captioning.CaptioningModel(
        (2, 3, 6),
        WORDS,
        4,
        embedding_dim=4,
        units=5,
        alignment={
            "class_name": "keras_attention>SampledAlignment",
            "config": {"seed": 0},
        },
    )
    model = models.ReinforceModel(
        network.input, network.output, entropy_weight=0.01
    )
    batches = captioning.CaptionBatches(IMAGES, ["a dog", "dog"], network)
    model.compile("sgd", losses.CaptionCrossentropy())
    score = network.decoder.attention.score
    before = keras.ops.convert_to_numpy(score.vector)
    history = model.fit(batches, verbose=0).history
    assert np.isfinite(history["loss"][0])
    assert np.abs(keras.ops.convert_to_numpy(score.vector) - before).max() > 0
    assert float(keras.ops.convert_to_numpy(model.baseline)) > 0

    _, maps = AttentionExtractor(network)(batches[0][0])
    (maps,) = (keras.ops.convert_to_numpy(found) for found in maps.values())
    assert maps.shape == (2, 1, 4, 2, 3) and {*maps.ravel()} == {0.0, 1.0}
    said = captioning.generate(network, IMAGES)
    assert {*said.attention.ravel()} == {0.0, 1.0}
