"""Small heads on the maps of a frozen network, trained side by side."""

import keras

from keras_attention import AttentionExtractor
from keras_attention.layers import AttentionPooling2D

BATCH_SIZE = 64


def _attention(alignment="softmax", aggregation="weighted_sum", maps=None):
    def pool(x, size, name):
        layer = AttentionPooling2D(
            "additive",
            alignment,
            aggregation,
            num_queries=maps,
            key_dim=size,
            name=name,
        )
        x = layer(x)
        return x if maps is None else keras.layers.Flatten()(x)

    return pool


def _uniform(x, size, name):
    return keras.layers.GlobalAveragePooling2D(name=name)(x)


def _convolution(x, size, name):
    # About as many channels as the map has, which attention keeps.
    x = keras.layers.Conv2D(4 * size, 1, activation="relu", name=name)(x)
    return keras.layers.GlobalAveragePooling2D()(x)


# From a map to a vector; `size` is the `key_dim` of attention. A
# sigmoid under a plain sum hardly trains, so its sum is a mean.
CONDITIONS = {
    "uniform": _uniform,
    "1x1, uniform": _convolution,
    "softmax": _attention(),
    "softmax, 4 maps": _attention(maps=4),
    "sparsemax": _attention("sparsemax"),
    "sigmoid": _attention("sigmoid", "gated_mean"),
}


class Heads:
    """Heads on the maps of one place, in one model; their losses do not meet.

    All see the same maps in the same order, so that those maps are read once.

    Args:
        heads: dict of name to `(condition, size)`.
        maps: array `(count, height, width, channels)` to train on, which also
            sets the scale: each channel is standardised.
        classes: int.
        weight_decay: float, of AdamW.
    """

    def __init__(self, heads, maps, classes, weight_decay):
        self.heads = heads
        self.maps = maps
        self.classes = classes
        self.shape = maps.shape[1:]
        self.mean = maps.mean((0, 1, 2))
        self.variance = maps.var((0, 1, 2))
        self.model = self._build()
        self.model.compile(
            keras.optimizers.AdamW(weight_decay=weight_decay),
            [
                keras.losses.SparseCategoricalCrossentropy(from_logits=True)
                for _ in heads
            ],
        )
        self.answer = AttentionExtractor(self.model)

    def _build(self):
        inputs = keras.Input(self.shape)
        x = keras.layers.Normalization(
            mean=self.mean, variance=self.variance + 1e-6
        )(inputs)
        outputs = []
        for place, (condition, size) in enumerate(self.heads.values()):
            pooled = CONDITIONS[condition](x, size, f"pool{place}")
            outputs.append(keras.layers.Dense(self.classes)(pooled))
        return keras.Model(inputs, outputs)

    def fit(self, labels, seed, learning_rate, epochs, watch):
        """Trains all heads from new weights, and looks at some epochs.

        Args:
            labels: int array `(count,)`.
            seed: int, of the weights and of the order.
            learning_rate: float.
            epochs: list of int, after which to look; the last is the end.
            watch: array, the maps to answer.

        Returns:
            dict of epoch to dict of head to `(logits, weights)`, of which the
            second is `None` for a head without attention.
        """
        # A model is compiled once; its weights and moments start anew.
        keras.utils.set_random_seed(seed)
        self.model.set_weights(self._build().get_weights())
        optimizer = self.model.optimizer
        for variable in optimizer.variables:
            variable.assign(keras.ops.zeros_like(variable))
        optimizer.learning_rate = learning_rate
        found = {}

        def look(epoch, logs):
            if epoch + 1 in epochs:
                found[epoch + 1] = self._answers(watch)

        self.model.fit(
            self.maps,
            [labels] * len(self.heads),
            batch_size=BATCH_SIZE,
            epochs=max(epochs),
            verbose=0,
            callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=look)],
        )
        return found

    def _answers(self, maps):
        outputs, weights = self.answer.predict(maps, batch_size=256, verbose=0)
        if len(self.heads) == 1:
            outputs = [outputs]
        return {
            name: (logits, weights.get(f"pool{place}"))
            for place, (name, logits) in enumerate(
                zip(self.heads, outputs, strict=True)
            )
        }
