"""One step of both published dialects, in NumPy, and any score or alignment."""

import keras
import numpy as np
import pytest

from keras_attention import aggregations
from keras_attention import alignments
from keras_attention import scores
from keras_attention.internals.recording import recording
from keras_attention.tasks.captioning import RecurrentDecoder

WORDS, EMBEDDING, UNITS, KEY = 9, 4, 5, 6
FEATURES = np.random.default_rng(0).normal(size=(2, 2, 3, 8)).astype("float32")
TOKENS = np.array([[1, 4, 8], [1, 6, 2]])
PAPER = {}
TUTORIAL = {
    "score": {
        "class_name": "keras_attention>AdditiveScore",
        "config": {"activation": "relu", "key_dim": KEY, "name": "score"},
    },
    "gate": "vector",
    "output": "plain",
    "initial_activation": None,
    "attention_over": "mean",
}


class Recorder:
    def record(self, layer, weights):
        self.weights = keras.ops.convert_to_numpy(weights)
        return weights


def decoder(**options):
    sizes = {"embedding_dim": EMBEDDING, "units": UNITS, "key_dim": KEY}
    return RecurrentDecoder(WORDS, **{**sizes, **options})


def call(layer):
    recorder = Recorder()
    with recording(recorder):
        logits = layer(FEATURES, TOKENS)
    return keras.ops.convert_to_numpy(logits), recorder.weights


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def oracle(layer, paper):
    """Logits, weights and penalty, written from the papers' equations."""
    w = {
        weight.path.split("/", 1)[1]: keras.ops.convert_to_numpy(weight)
        for weight in layer.weights
    }

    def dense(name, x):
        return x @ w[f"{name}/kernel"] + w[f"{name}/bias"]

    annotations = FEATURES.reshape(2, 6, 8)
    mean = annotations.mean(1)
    h, c = dense("first_h", mean), dense("first_c", mean)
    if paper:
        h, c = np.tanh(h), np.tanh(c)
    logits, maps = [], []
    for t in range(TOKENS.shape[1]):
        asked = dense("attention/score/query", h)[:, None]
        hidden = asked + annotations @ w["attention/score/key/kernel"]
        hidden = np.tanh(hidden) if paper else np.maximum(hidden, 0)
        e = np.exp(hidden @ w["attention/score/vector"][0])
        alpha = e / e.sum(1, keepdims=True)
        z = np.einsum("bn,bnc->bc", alpha, annotations)
        z = sigmoid(dense("gate", h)) * z
        word = w["words/embeddings"][TOKENS[:, t]]
        gates = np.concatenate([word, z], 1) @ w["lstm/kernel"]
        gates += h @ w["lstm/recurrent_kernel"] + w["lstm/bias"]
        i, f, g, o = np.split(gates, 4, axis=1)  # Keras' order
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        said = h
        if paper:
            said = np.tanh(word + dense("read_h", h) + dense("read_z", z))
        logits.append(dense("logits", said))
        maps.append(alpha.reshape(2, 2, 3))
    counts = ((TOKENS != 0) & (TOKENS != 2)).T[..., None, None]
    missing = (1 - (counts * maps).sum(0)) ** 2
    penalty = missing.sum((1, 2)) if paper else missing.mean((1, 2))
    return np.stack(logits, 1), np.stack(maps, 1)[:, None], penalty.mean()


@pytest.mark.computing
@pytest.mark.parametrize("options", [PAPER, TUTORIAL], ids=["paper", "ported"])
def test_equals_the_equations(options):
    layer = decoder(**options)
    layer.build(FEATURES.shape, TOKENS.shape)
    random = np.random.default_rng(1)
    for weight in layer.weights:  # biases too
        if "seed" not in weight.path:
            weight.assign(random.normal(size=weight.shape))
    logits, maps = call(layer)
    expected = oracle(layer, options is PAPER)
    seen = (logits, maps, keras.ops.convert_to_numpy(layer.losses[0]))
    for one, other in zip(seen, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4)


@pytest.mark.computing
def test_word_by_word_it_is_the_same():
    layer = decoder(num_heads=2, aggregation="multi_map")
    logits, maps = call(layer)
    memory, states = layer.begin(FEATURES)
    for t in range(TOKENS.shape[1]):
        step, states, weights = layer.step(memory, states, TOKENS[:, t])
        for one, other in ((step, logits[:, t]), (weights, maps[:, :, t])):
            one = keras.ops.convert_to_numpy(one)
            np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


# Each part with the default of the others; whose needs differ, with their own.
PARTS = [
    *({"score": key, "key_dim": KEY} for key in scores.available()),
    *(
        {"alignment": key, "score": "kernel"}
        for key in alignments.available()
        if key != "sampled"
    ),
    *(
        {"aggregation": key}
        for key in aggregations.available()
        if not aggregations.get(key).keeps_positions
    ),
]


def attends(options):
    layer = decoder(**options)
    logits, maps = call(layer)
    assert logits.shape == (*TOKENS.shape, WORDS)
    assert maps.shape[0::2] == (2, 3, 3) and (maps >= 0).all()
    assert np.isfinite(logits).all()
    if layer.attention.alignment.normalized:
        np.testing.assert_allclose(maps.sum((3, 4)), 1, rtol=1e-5)
    config = keras.saving.serialize_keras_object(layer)
    again = keras.saving.deserialize_keras_object(config)
    assert again.get_config() == layer.get_config()


@pytest.mark.long
@pytest.mark.parametrize(
    "options", PARTS, ids=lambda o: "-".join(map(str, o.values()))
)
def test_any_part_can_be_in_it(options):
    attends(options)


def test_parts_of_every_kind_can_be_in_it():
    attends({"score": "location", "alignment": "sparsemax", "gate": None})
    attends({"score": "kernel", "alignment": "local_predictive"})
    attends({"alignment": "gumbel_softmax", "aggregation": "gated_mean"})


def test_what_draws_is_written_out():
    """Inside a compiled loop no draw could be told, nor a seed move on."""
    for alignment in ("sampled", "gumbel_softmax"):
        assert decoder(alignment=alignment).rnn.unroll
    assert not decoder().rnn.unroll and decoder(unroll=True).rnn.unroll


def test_what_it_refuses():
    for options, message in [
        ({"gate": "both"}, "gate"),
        ({"output": "deeper"}, "output"),
        ({"attention_over": "max"}, "over"),
        ({"attention_weight": -1.0}, "attention_weight"),
        ({"aggregation": "gate"}, "nothing is to pool|keeps the map"),
        ({"alignment": "softmx"}, "softmax"),
    ]:
        with pytest.raises(ValueError, match=message):
            decoder(**options)
    with pytest.raises(ValueError, match="features of known size"):
        decoder().build((None, None, 3, 8), (None, 3))
    layer = decoder()

    class Other:
        def record(self, layer, weights):
            return weights + 1

    with recording(Other()), pytest.raises(ValueError, match="nothing can"):
        layer(FEATURES, TOKENS)


def test_the_tutorial_has_as_many_parameters():
    score = scores.get("additive", activation="relu", key_dim=512)
    layer = RecurrentDecoder(
        9490,
        embedding_dim=512,
        units=512,
        score=score,
        gate="vector",
        output="plain",
        initial_activation=None,
    )
    layer.build((None, 14, 14, 2048), (None, 5))
    # A second bias of PyTorch's LSTM and of the query, and that of the scores,
    # which a softmax does not see.
    assert layer.count_params() == 20_483_859 - 4 * 512 - 512 - 1
