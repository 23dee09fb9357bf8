"""Beam search is exhaustive search where the beam is wide enough."""

import itertools

import keras
import numpy as np
import pytest
from gradients import at_once

from keras_attention.internals.recording import recording
from keras_attention.tasks import captioning
from keras_attention.tasks.captioning import decoding
from keras_attention.tasks.captioning.word_step import word_step

LENGTH, WORDS = 3, captioning.Vocabulary(["a", "b"])
SAYABLE, END = (3, 4, 5), 2
IMAGES = np.random.default_rng(0).normal(size=(7, 2, 3, 4)).astype("float32")


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    model = captioning.CaptioningModel(
        IMAGES.shape[1:], WORDS, LENGTH, embedding_dim=4, units=5
    )
    random = np.random.default_rng(3)
    for weight in model.weights:  # so that images differ in what is said
        if "seed" not in weight.path:
            weight.assign(2 * random.normal(size=weight.shape))
    return model


CAPTIONS = [
    (*words, END)
    for count in range(LENGTH)
    for words in itertools.product(SAYABLE, repeat=count)
]


def log_probabilities(model, images):
    """`(images, captions)`, of whole captions, all of them at once."""
    tokens = np.zeros((len(images), len(CAPTIONS), LENGTH + 1), "int32")
    for row, words in enumerate(CAPTIONS):
        tokens[:, row, : len(words) + 1] = [1, *words]
    tokens = tokens.reshape(-1, LENGTH + 1)
    images = np.repeat(images, len(CAPTIONS), axis=0)
    logits = at_once(model)({"images": images, "tokens": tokens[:, :-1]})
    logits = keras.ops.convert_to_numpy(logits).astype("float64")
    logits[..., :2] = -np.inf
    log_p = logits - np.logaddexp.reduce(logits, -1, keepdims=True)
    said = np.take_along_axis(log_p, tokens[:, 1:, None], -1)[..., 0]
    said[tokens[:, 1:] == 0] = 0
    return said.sum(1).reshape(-1, len(CAPTIONS))


class Recorder:
    def record(self, layer, weights):
        self.weights = keras.ops.convert_to_numpy(weights)
        return weights


@pytest.mark.computing
def test_equals_exhaustive_search(model):
    images = IMAGES
    log_p = log_probabilities(model, images)
    best = []
    for penalty in (0.0, 1.0):
        said = captioning.generate(model, images, 30, penalty, batch_size=4)
        scores = log_p / np.array([len(c) for c in CAPTIONS]) ** penalty
        best.append(scores.argmax(1))
        assert said.ended.all() and (said.tokens > 0).all(1).any()
        np.testing.assert_allclose(said.scores, scores.max(1), rtol=1e-4)
        for tokens, caption in zip(said.tokens, best[-1], strict=True):
            assert tuple(tokens[tokens > 0]) == CAPTIONS[caption]
        # The weights are those of the beam that won, not of its neighbours.
        tokens = np.pad(said.tokens, ((0, 0), (1, 0)), constant_values=1)
        seen = Recorder()
        with recording(seen):
            model.decoder(images, tokens[:, :-1])
        counts = (said.tokens > 0)[:, None, :, None, None]
        np.testing.assert_allclose(
            said.attention, counts * seen.weights, rtol=1e-4, atol=1e-6
        )
    assert (best[0] != best[1]).any()  # the penalty is no decoration


def test_a_beam_of_one_is_greedy_and_a_batch_its_images(model):
    said = captioning.generate(model, IMAGES)
    assert len({*said.texts}) > 1 and not said.ended.all()
    for i, image in enumerate(IMAGES):
        memory, states = model.decoder.begin(image[None])
        last, words = np.array([1]), []
        for position in range(LENGTH):
            logits, states, weights = model.decoder.step(memory, states, last)
            logits = keras.ops.convert_to_numpy(logits)[0]
            last = np.array([2 + logits[2:].argmax()])
            words.append(int(last[0]))
            np.testing.assert_allclose(
                said.attention[i, :, position],
                keras.ops.convert_to_numpy(weights)[0],
                rtol=1e-4,
                atol=1e-6,
            )
            if last[0] == END:
                break
        assert said.tokens[i, : len(words)].tolist() == words
        assert (said.tokens[i, len(words) :] == 0).all()
        assert (said.attention[i, :, len(words) :] == 0).all()
        assert said.ended[i] == (words[-1] == END)
    alone = captioning.generate(model, IMAGES[4:5], beam_size=2)
    together = captioning.generate(model, IMAGES, beam_size=2)
    assert alone.texts == together.texts[4:5]
    np.testing.assert_allclose(alone.scores, together.scores[4:5], rtol=1e-5)


def test_where_no_beam_ends_the_best_is_said(model):
    bias = model.decoder.logits.bias
    before = keras.ops.convert_to_numpy(bias)
    bias.assign(before - 1e4 * np.eye(len(WORDS))[END])
    said = captioning.generate(model, IMAGES[:2], beam_size=2)
    bias.assign(before)
    assert not said.ended.any() and np.isfinite(said.scores).all()
    assert all(len(text.split()) == LENGTH for text in said.texts)


def test_what_is_refused(model):
    for arguments, message in [
        ((IMAGES, 0), "beam_size"),
        ((IMAGES, 1, -1.0), "length_penalty"),
        ((IMAGES[:0],), "at least one image"),
    ]:
        with pytest.raises(ValueError, match=message):
            captioning.generate(model, *arguments)


def test_weights_stay_with_the_beam_that_they_are_of():
    beams = decoding._Beams(batch=1, k=2, length=2)
    for position, (weights, parents) in enumerate(
        [([10, 20], [[0, 1]]), ([3, 4], [[1, 0]])]  # the beams change places
    ):
        weights = np.reshape(weights, (1, 2, 1, 1, 1))
        beams.see(position, weights, np.zeros((1, 1), int), np.array(parents))
    assert beams.attention[0, :, 0, :, 0, 0].tolist() == [[20, 4], [10, 3]]


def test_a_step_is_compiled_once_and_anew_where_variables_are_others():
    model = captioning.CaptioningModel(
        IMAGES.shape[1:], WORDS, LENGTH, embedding_dim=4, units=5
    )
    step = word_step(model)
    assert word_step(model) == step
    model.decoder.logits.quantize("int8")
    assert word_step(model) != step
