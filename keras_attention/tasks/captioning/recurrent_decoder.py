"""The decoder of Show, Attend and Tell: an LSTM that looks at every word."""

import keras
from keras import ops

from keras_attention.alignments import recorded_draws
from keras_attention.alignments.sampled import report_draw
from keras_attention.internals import arguments
from keras_attention.internals.recording import record_attention
from keras_attention.losses import DoublyStochasticAttention
from keras_attention.ops import at_least_float32
from keras_attention.ops import precise_dtype
from keras_attention.tasks.captioning.attention_cell import AttentionCell
from keras_attention.tasks.captioning.attention_cell import looking_at
from keras_attention.tasks.captioning.caption_decoder import CaptionDecoder
from keras_attention.tasks.captioning.vocabulary import END
from keras_attention.tasks.captioning.vocabulary import PAD


@keras.saving.register_keras_serializable(package="keras_attention")
class RecurrentDecoder(CaptionDecoder):
    """An LSTM that says a caption and looks somewhere for every word.

    For the features `f_i` of an image, with `f` their mean, `E` the embedding
    of words `w_t` and `m` the `initial_activation`:

    - `h_0 = m(W_0 f)`, `c_0 = m(W_1 f)`;
    - `a_t = alignment(score(h_(t-1), f_i))`, `z_t = sum_i a_ti f_i`;
    - `z_t = sigmoid(W_b h_(t-1)) z_t`, the gate, a number or one a channel;
    - `h_t, c_t = LSTM([E w_(t-1); z_t], h_(t-1), c_(t-1))`;
    - logits `W_o tanh(E w_(t-1) + W_h h_t + W_z z_t)`, the deep output, or
      `W_o h_t`, the plain one.

    The loss gets `attention_weight` times `DoublyStochasticAttention`.

    Args:
        vocabulary_size: int, number of tokens.
        embedding_dim: int, of a word's vector. Defaults to `512`.
        units: int, of the LSTM. Defaults to `1800`.
        score: str, class, dict or `Score`, as in `AttentionPooling2D`. Defaults
            to `"additive"`.
        alignment: str, class, dict or `Alignment`, the same. One that draws has
            its loop unrolled; `"sampled"` trains inside a `ReinforceModel`.
            Defaults to `"softmax"`.
        aggregation: str, class, dict or `Aggregation`, the same. Defaults to
            `"weighted_sum"`.
        num_heads: int, heads of the attention. Defaults to `1`.
        key_dim: int or `None`, of the score. Defaults to `None`.
        gate: str or `None`, on the context: `"scalar"`, `"vector"` or none.
            Defaults to `"scalar"`.
        output: str, `"deep"` or `"plain"`. Defaults to `"deep"`.
        initial_activation: str, callable or `None`, `m`. Defaults to `"tanh"`.
        dropout: float, rate on `h_t` and in front of the logits. Defaults to
            `0.5`.
        attention_weight: float, of the doubly stochastic penalty, at least 0.
            Defaults to `1.0`.
        attention_over: str, `"sum"` or `"mean"`, see the penalty. Defaults to
            `"sum"`.
        unroll: bool, whether the loop over words is written out: faster for a
            few words, and slower to compile. Defaults to `False`.
        **kwargs: Keras' layer arguments (`name`, `dtype`, `trainable`).

    Call arguments:
        features: `(batch, height, width, channels)`, of known size.
        tokens: int `(batch, words)`, the words so far, the start first.
        training: Whether dropout is active, and draws are made.

    Returns:
        Logits `(batch, words, vocabulary_size)`, float32, of the next words.
        `AttentionExtractor` and `collect_attention` give the weights
        `(batch, heads, words, height, width)`, float32, in which the weights
        at a word are those that it was said with.

    Raises:
        ValueError: For arguments out of range, parts that cannot work
            together, and maps of unknown size.

    Example:

    >>> import numpy as np
    >>> decoder = RecurrentDecoder(9, embedding_dim=4, units=6, key_dim=5)
    >>> features = np.ones((2, 3, 3, 8), "float32")
    >>> decoder(features, np.array([[1, 4, 5], [1, 7, 2]])).shape == (2, 3, 9)
    True

    Reference:
        Xu et al.: Show, Attend and Tell: Neural Image Caption Generation with
        Visual Attention. ICML 2015. The sizes are those for COCO.

    Differs from the paper:
        Its code begins with a word of zeros, here a start is learned; it adds
        tanh layers to the score and the initial state, and counts the weights
        of padding in the penalty. Glorot-uniform and orthogonal initialisation,
        and a forget bias of 1. The PyTorch tutorial of S. Vinodababu has
        `score=scores.get("additive", activation="relu", key_dim=512)`,
        `gate="vector"`, `output="plain"`, `initial_activation=None`,
        `units=512` and `attention_over="mean"`; its 20,483,859 parameters for
        9,490 words and 2,048 channels are 2,561 more, biases that are added to
        others or that a softmax does not see.

    Cost:
        A word costs the score, `N * C` multiplications for the context,
        `4 * units * (embedding_dim + C + units)` for the LSTM and the logits.
        The projected features are computed once an image.

    See also:
        `CaptioningModel`, which puts it behind a network.
    """

    weights_kind = "spatial"

    def __init__(
        self,
        vocabulary_size,
        embedding_dim=512,
        units=1800,
        score="additive",
        alignment="softmax",
        aggregation="weighted_sum",
        num_heads=1,
        key_dim=None,
        gate="scalar",
        output="deep",
        initial_activation="tanh",
        dropout=0.5,
        attention_weight=1.0,
        attention_over="sum",
        unroll=False,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.vocabulary_size = arguments.size(
            "vocabulary_size", vocabulary_size
        )
        self.embedding_dim = arguments.size("embedding_dim", embedding_dim)
        self.units = arguments.size("units", units)
        self.gate = arguments.one_of("gate", gate, ("scalar", "vector", None))
        self.output_kind = arguments.one_of("output", output, ("deep", "plain"))
        self.initial_activation = arguments.activation(
            "initial_activation", initial_activation
        )
        self.dropout = arguments.fraction("dropout", dropout)
        self.attention_weight = arguments.non_negative_float(
            "attention_weight", attention_weight
        )
        self.penalty = DoublyStochasticAttention(attention_over)
        self.unroll = arguments.boolean("unroll", unroll)
        attention = {
            "score": score,
            "alignment": alignment,
            "aggregation": aggregation,
            "num_heads": num_heads,
            "key_dim": key_dim,
        }
        self.cell = AttentionCell(
            units, attention, gate, name="cell", dtype=self.dtype_policy
        )
        self.rnn = keras.layers.RNN(
            self.cell,
            return_sequences=True,
            # What is drawn inside a loop could not be told outside of it.
            unroll=unroll or _draws(self.attention.alignment),
            name="loop",
            # The cell puts weights out, which are never below float32.
            dtype=precise_dtype(self.compute_dtype),
        )
        self.embedding = keras.layers.Embedding(
            vocabulary_size,
            embedding_dim,
            name="words",
            dtype=self.dtype_policy,
        )
        self.dropout_layer = keras.layers.Dropout(
            dropout, name="dropout", dtype=self.dtype_policy
        )

    @property
    def attention(self):
        """The `AttentionPooling2D` whose parts the loop runs."""
        return self.cell.attention

    def build(self, features_shape, tokens_shape):
        """Creates what the loop, the first state and the words need."""
        if len(features_shape) != 4 or None in features_shape[1:]:
            raise ValueError(
                "RecurrentDecoder takes features of known size (batch, height, "
                f"width, channels). Received: features of {features_shape}"
            )
        self.embedding.build(tokens_shape)
        self.cell.build_inside(self.embedding_dim, features_shape)
        self.rnn.build((*tokens_shape, self.embedding_dim))
        vector = (features_shape[0], features_shape[-1])
        activation = self.initial_activation
        self.first_h = self._dense(self.units, "first_h", vector, activation)
        self.first_c = self._dense(self.units, "first_c", vector, activation)
        said = (*tokens_shape, self.units)
        if self.output_kind == "deep":
            seen = (*tokens_shape, self.cell.context_dim)
            self.read_h = self._dense(self.embedding_dim, "read_h", said)
            self.read_z = self._dense(self.embedding_dim, "read_z", seen)
            said = (*tokens_shape, self.embedding_dim)
        self.logits = self._dense(self.vocabulary_size, "logits", said)

    def call(self, features, tokens, training=None):
        """All words at once, each knowing those before it."""
        memory, states = self.begin(features)
        words = self.embedding(tokens)
        # Those behind which a word is to be said: not the end, nor padding.
        is_word = ops.logical_and(tokens != PAD, tokens != END)
        with looking_at(memory), recorded_draws() as draws:
            outputs = self.rnn(words, initial_state=states, training=training)
        self._report(draws, is_word)
        hidden, context, weights = self.cell.parts(outputs)
        shape = (-1, tokens.shape[1], self.cell.maps, *features.shape[1:3])
        weights = ops.transpose(ops.reshape(weights, shape), (0, 2, 1, 3, 4))
        if record_attention(self, weights) is not weights:
            raise ValueError(
                "The weights of RecurrentDecoder are made inside a loop, where "
                "nothing can replace them."
            )
        if self.attention_weight:
            penalty = self.penalty(ops.cast(is_word, weights.dtype), weights)
            self.add_loss(self.attention_weight * penalty)
        return self._say(words, hidden, context, training)

    def begin(self, features):
        """What a caption begins with: a memory, and the first states."""
        features = ops.cast(features, self.compute_dtype)
        memory = self.cell.remember(features)
        mean = ops.mean(at_least_float32(features), axis=(1, 2))
        return memory, [self.first_h(mean), self.first_c(mean)]

    def step(self, memory, states, tokens):
        """One word more, `(batch,)`: its logits, new states and weights."""
        words = self.embedding(tokens)
        with looking_at(memory):
            outputs, states = self.cell(words, states)
        hidden, context, weights = self.cell.parts(outputs)
        shape = (-1, self.cell.maps, *memory.features.shape[1:3])
        logits = self._say(words, hidden, context, training=False)
        return logits, states, ops.reshape(weights, shape)

    def get_config(self):
        """The constructor's arguments."""
        attention = self.attention.get_config()
        parts = ("score", "alignment", "aggregation", "num_heads", "key_dim")
        return {
            **super().get_config(),
            "vocabulary_size": self.vocabulary_size,
            "embedding_dim": self.embedding_dim,
            "units": self.units,
            **{name: attention[name] for name in parts},
            "gate": self.gate,
            "output": self.output_kind,
            "initial_activation": keras.activations.serialize(
                self.initial_activation
            ),
            "dropout": self.dropout,
            "attention_weight": self.attention_weight,
            "attention_over": self.penalty.over,
            "unroll": self.unroll,
        }

    def _report(self, draws, is_word):
        """Tells of what was drawn, a draw a word; padding's would be noise."""
        for t, draw in enumerate(draws):
            counts = ops.cast(is_word[:, t], draw.log_prob.dtype)
            counts = ops.reshape(counts, (-1, 1, 1))
            report_draw(
                self.attention.alignment,
                counts * draw.log_prob,
                counts * draw.entropy,
            )

    def _say(self, words, hidden, context, training):
        hidden = self.dropout_layer(hidden, training=training)
        if self.output_kind == "deep":
            read = self.read_h(hidden) + self.read_z(context)
            hidden = ops.tanh(ops.cast(words, read.dtype) + read)
            hidden = self.dropout_layer(hidden, training=training)
        return at_least_float32(self.logits(hidden))

    def _dense(self, units, name, shape, activation=None):
        dense = keras.layers.Dense(
            units, activation=activation, name=name, dtype=self.dtype_policy
        )
        dense.build(shape)
        return dense


def _draws(alignment):
    kinds = keras.random.SeedGenerator
    return any(isinstance(x, kinds) for x in vars(alignment).values())
