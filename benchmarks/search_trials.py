"""Every configuration of a small search space, trained with several seeds.

    python benchmarks/search_trials.py

What `benchmarks/search.py` replays. A network of three convolutions, without
attention or with one of six mechanisms at one of two places, at three learning
rates, on digits among clutter (24x24 pixels, digits of 8x8): each is trained
from several seeds, with the validation accuracy after every epoch and the test
accuracy at the end. The space is made of the parts that `AttentionHyperModel`
is made of, for a network of one's own.

Writes benchmarks/results/search_trials.json after every training; called
again, it goes on where it was.
"""

import json
import pathlib
import time

import keras
import keras_tuner
import numpy as np
import timing

from keras_attention import datasets
from keras_attention import tuning

RESULTS = pathlib.Path(__file__).parent / "results"
SEEDS, EPOCHS, BATCH_SIZE = 3, 6, 32
DIGITS = {
    "canvas": 24,
    "scale": (1.0, 1.0),
    "fragments": 4,
    "fragment_size": 4,
    "train": 2000,
    "validation": 500,
    "test": 2000,
}
MECHANISMS = ["uniform", "attn_pool", "gate", "se", "cbam_spatial", "cbam"]
# (height, width, channels) of the maps of each stage.
STAGES = {"stage2": (12, 12, 32), "stage3": (6, 6, 48)}
LEARNING_RATES = [2e-3, 5e-3, 1.2e-2]
# One value each: the space is small enough to be trained as a whole.
ARGUMENTS = {
    "score": ["additive"],
    "alignment": ["softmax"],
    "aggregation": ["weighted_sum"],
    "temperature": [1.0],
    "key_dim": [16],
    "num_heads": [1],
    "reduction_ratio": [4],
    "kernel_size": [5],
    "identity_init": [False],
}


def make_space():
    """The space, a function of `keras_tuner.HyperParameters`."""
    query = STAGES["stage3"]
    options = tuning.attention_options(
        {name: tuning.Site([shape], [query]) for name, shape in STAGES.items()},
        MECHANISMS,
        ARGUMENTS,
    )

    def space(hp):
        return {
            "attention": tuning.attention_space(hp, options, several=False),
            "learning_rate": hp.Choice("learning_rate", LEARNING_RATES),
        }

    return space


def build(attention):
    """Three convolutions; attention stands behind one or pools its map."""
    chosen = {name: tuning.layer_of(what) for name, what in attention.items()}
    inputs = x = keras.Input((DIGITS["canvas"], DIGITS["canvas"], 1))
    maps = {}
    for stage, filters in (("stage1", 16), ("stage2", 32), ("stage3", 48)):
        if stage != "stage1":
            x = keras.layers.MaxPooling2D()(x)
        x = keras.layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
        # With Keras' 0.99 the statistics lag behind a training this short.
        x = keras.layers.BatchNormalization(momentum=0.9)(x)
        x = keras.layers.ReLU()(x)
        layer = chosen.get(stage)
        if layer is not None and is_inserted(layer):
            x = layer(x)
        maps[stage] = x
    vectors = [keras.layers.GlobalAveragePooling2D()(x)]
    for stage, layer in chosen.items():
        if is_inserted(layer):
            continue
        kind = getattr(layer, "query_kind", None)
        query = {"vector": [vectors[0]], "map": [x], None: []}[kind]
        vectors.append(layer(maps[stage], *query))
    if len(vectors) > 1:
        vectors = [keras.layers.Concatenate()(vectors)]
    return keras.Model(inputs, keras.layers.Dense(10)(*vectors))


def is_inserted(layer):
    """Whether a layer keeps the map as it is for the next one."""
    return getattr(layer, "shape_preserving", False) and not layer.query_kind


def load():
    """Images and labels of the three splits, as arrays."""
    splits = datasets.load("cluttered_digits", batch_size=500, **DIGITS)
    pairs = []
    for split in splits:
        # Once: the training images come in another order every time.
        parts = zip(*split, strict=True)
        pairs.append(
            tuple(np.concatenate([np.asarray(a) for a in p]) for p in parts)
        )
    return pairs


class Trainer:
    """Trains configurations; those that differ by their rate share a graph."""

    def __init__(self):
        self.train, self.validation, self.test = load()
        self.space = make_space()
        self._model = self._attention = None

    def run(self, values, seed):
        """One training; the row of the table."""
        start = time.perf_counter()
        hp = keras_tuner.HyperParameters()
        hp.values = dict(values)
        drawn = self.space(hp)
        model = self._network(drawn["attention"], seed)
        model.optimizer.learning_rate = drawn["learning_rate"]
        history = model.fit(
            *self.train,
            validation_data=self.validation,
            epochs=EPOCHS,
            batch_size=BATCH_SIZE,
            verbose=0,
        ).history
        _, accuracy = model.evaluate(*self.test, batch_size=500, verbose=0)
        return {
            "values": values,
            "seed": seed,
            "val_accuracy": [round(v, 4) for v in history["val_accuracy"]],
            "test_accuracy": round(accuracy, 4),
            "seconds": round(time.perf_counter() - start, 1),
        }

    def _network(self, attention, seed):
        """A network with fresh weights, in the last one's graph if it fits."""
        if attention != self._attention:
            self._model, self._attention = None, attention
            keras.utils.clear_session()
        keras.utils.set_random_seed(seed)
        fresh = build(attention)
        if self._model is None:
            self._model = fresh
            # A constant rate: what six epochs are after two is what two are,
            # which Hyperband's replay needs.
            fresh.compile(
                keras.optimizers.AdamW(weight_decay=1e-4),
                keras.losses.SparseCategoricalCrossentropy(from_logits=True),
                metrics=["accuracy"],
            )
        else:
            self._model.set_weights(fresh.get_weights())
            for variable in self._model.optimizer.variables:
                variable.assign(keras.ops.zeros_like(variable))
        return self._model


def main():
    path = RESULTS / "search_trials.json"
    table = {"trials": []}
    if path.exists():
        table = json.loads(path.read_text())
    table["settings"] = {
        "digits": DIGITS,
        "stages": STAGES,
        "seeds": SEEDS,
        "epochs": EPOCHS,
        "batch_size": BATCH_SIZE,
        "arguments": ARGUMENTS,
    }
    table["environment"] = timing.environment(
        keras.backend.backend(), keras=keras.__version__
    )
    trainer = Trainer()
    todo = [
        (values, seed)
        for values in tuning.enumerate_space(trainer.space)
        for seed in range(SEEDS)
    ]
    done = [(trial["values"], trial["seed"]) for trial in table["trials"]]
    for values, seed in todo:
        if (values, seed) in done:
            continue
        trial = trainer.run(values, seed)
        table["trials"].append(trial)
        write(path, table)
        print(json.dumps(trial), flush=True)


def write(path, table):
    """A line a trial, so that a change of one shows as one."""
    trials = ",\n".join(json.dumps(trial) for trial in table["trials"])
    rest = {key: value for key, value in table.items() if key != "trials"}
    head = json.dumps(rest, indent=1).removesuffix("\n}")
    path.write_text(f'{head},\n "trials": [\n{trials}\n]}}\n')


if __name__ == "__main__":
    main()
