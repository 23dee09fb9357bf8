"""Words whose place is drawn, trained by REINFORCE."""

import keras
import numpy as np
import pytest
from gradients import at_once

from keras_attention import AttentionExtractor
from keras_attention import alignments
from keras_attention import losses
from keras_attention import models
from keras_attention.tasks import captioning

WORDS = captioning.Vocabulary(["a", "dog"])
IMAGES = np.random.default_rng(0).normal(size=(2, 2, 3, 6)).astype("float32")


def captioner(**options):
    return captioning.CaptioningModel(
        (2, 3, 6),
        WORDS,
        4,
        embedding_dim=4,
        units=5,
        dropout=0.0,
        attention_weight=0.0,
        alignment=alignments.get("sampled", seed=0, **options),
    )


@pytest.mark.computing
def test_scores_of_drawn_words_learn_and_one_position_is_seen(eagerly):
    network = captioner()
    model = models.ReinforceModel(network.input, network.output)
    batches = captioning.CaptionBatches(IMAGES, ["a dog", "dog"], network)
    inputs, targets = batches[0]
    model.compile("sgd", losses.CaptionCrossentropy())
    score = network.decoder.attention.score
    before = keras.ops.convert_to_numpy(score.vector)
    assert np.isfinite(model.train_on_batch(inputs, targets))
    assert np.abs(keras.ops.convert_to_numpy(score.vector) - before).max() > 0

    # So cold that the highest score is always drawn: the loss is known.
    network.decoder.attention.alignment.temperature = 1e-5
    logits, maps = at_once(AttentionExtractor(network))(inputs)
    (maps,) = (keras.ops.convert_to_numpy(found) for found in maps.values())
    assert maps.shape == (2, 1, 4, 2, 3) and {*maps.ravel()} == {0.0, 1.0}
    logits = keras.ops.convert_to_numpy(logits).astype("float64")
    log_p = logits - np.logaddexp.reduce(logits, axis=-1, keepdims=True)
    log_p = np.take_along_axis(log_p, targets[..., None], 2)[..., 0]
    expected = -(log_p * (targets > 0)).sum(1).mean()
    model.baseline.assign(3.0)
    with alignments.recorded_draws():
        drawn = model(inputs, training=True)
        loss = model.compute_loss(inputs, targets, drawn)
    loss, baseline = map(keras.ops.convert_to_numpy, (loss, model.baseline))
    assert float(loss) == pytest.approx(expected, rel=1e-5)
    assert float(baseline) == pytest.approx(2.7 + 0.1 * expected, rel=1e-5)
    said = captioning.generate(network, IMAGES)
    assert {*said.attention.ravel()} == {0.0, 1.0}


def test_what_is_drawn_for_padding_does_not_count():
    decoder = captioner().decoder
    tokens = np.array([[1, 4, 5, 2], [1, 2, 0, 0]])
    with alignments.recorded_draws() as draws:
        decoder(IMAGES, tokens, training=True)
    for name in ("log_prob", "entropy"):
        found = np.stack(
            [keras.ops.convert_to_numpy(getattr(d, name)) for d in draws], 1
        )
        assert found.shape == (2, 4, 1, 1)
        counts = (found[..., 0, 0] != 0).tolist()
        assert counts == [[True] * 3 + [False], [True] + [False] * 3]
    with pytest.raises(RuntimeError, match="learns by REINFORCE"):
        decoder(IMAGES, tokens, training=True)
