"""Writes the golden files: models saved before names were changed.

Run once, in the tree of commit ec52d7c, whose classes have the former names
of arguments: `PYTHONPATH=. python tests/golden/make.py FOLDER`. The tests load
what it wrote with the classes of today. Each file holds a class twice, as it
comes and with every argument set; the outputs beside them are what that
commit computed on TensorFlow.
"""

import json
import pathlib
import sys

import keras
import numpy as np

from keras_attention import aggregations
from keras_attention import alignments
from keras_attention import layers
from keras_attention import losses
from keras_attention import models
from keras_attention import scores

GRID = (4, 6)
POSITIONS = 24
CHANNELS = 8
CONSTANT = keras.initializers.Constant(0.3)

SCORES = {
    "activated_general": {"activation": "sigmoid"},
    "additive": {"activation": "relu", "use_bias": False, "chunk_size": 2},
    "concat": {
        "activation": "relu",
        "use_bias": True,
        "output_activation": "softplus",
        "chunk_size": 2,
    },
    "cosine": {"scale": 3.0},
    "deep": {
        "num_layers": 2,
        "activation": "tanh",
        "use_bias": False,
        "chunk_size": 2,
    },
    "euclidean": {"squared": True},
    "gated_additive": {
        "activation": "tanh",
        "use_bias": False,
        "score_bias_initializer": "ones",
        "chunk_size": 2,
    },
    "gaussian": {"form": "product", "bandwidth": 2.0},
    "kernel": {"phi": "relu"},
    "scaled_dot": {"scale": 0.25},
}
TEMPERED = {"temperature": 0.5, "learnable_temperature": True}
ALIGNMENTS = {
    "chain_crf": {
        "order": "columns",
        "states": 3,
        "normalization": "sum",
        "scale": 2.0,
        "boundary": "mean",
        "transition_initializer": CONSTANT,
    },
    "entmax": {"alpha": 1.3, "learnable": True, **TEMPERED},
    "entmax15": TEMPERED,
    "grid_crf": {
        "method": "belief_propagation",
        "iterations": 2,
        "normalization": "sum",
        "table_initializer": CONSTANT,
    },
    "gumbel_softmax": {"hard": True, "seed": 3, **TEMPERED},
    "hard": {"straight_through": False, "temperature": 0.5},
    "local_monotonic": {"radius": 1, "dimensions": 1, **TEMPERED},
    "local_predictive": {"radius": 2, "dimensions": 1, "units": 5, **TEMPERED},
    "multi_dim_softmax": {"channels": CHANNELS, "initializer": CONSTANT},
    "sampled": {
        "inference": "mean",
        "sampling_probability": 0.5,
        "seed": 4,
        **TEMPERED,
    },
    "sigmoid": TEMPERED,
    "softmax": TEMPERED,
    "sparsemax": TEMPERED,
    "top_k": {"k": 2, **TEMPERED},
}
AGGREGATIONS = {
    "concat_query": {
        "output_dim": 5,
        "activation": "relu",
        "use_bias": True,
    },
    "merge_heads": {"value_dim": 3, "output_dim": 5, "use_bias": False},
}
BOTTLENECK = {
    "reduction_ratio": 2,
    "bottleneck_filters": 3,
    "activation": "tanh",
    "use_bias": False,
    "kernel_initializer": CONSTANT,
}
SHAPED = {"identity_init": True}
PAIRED = {
    "num_heads": 2,
    "key_dim": 3,
    "value_dim": 5,
    "dropout": 0.1,
    "use_bias": False,
    "kernel_initializer": CONSTANT,
    "seed": 5,
    "score": scores.get("additive", num_heads=2, activation="relu"),
    "alignment": alignments.get("entmax", learnable=True),
}
LAYERS = {
    "attn_pool": {
        "score": scores.get("cosine", num_heads=2, key_dim=4, scale=2.0),
        "alignment": alignments.get("chain_crf", normalization="sum"),
        "aggregation": "merge_heads",
        "num_heads": 2,
        "num_queries": None,
        "key_dim": 4,
        "dropout": 0.1,
        "query_initializer": "ones",
        "seed": 6,
    },
    "cbam": {
        **BOTTLENECK,
        "kernel_size": 3,
        "normalization": None,
        "order": "spatial_first",
        "residual": True,
        **SHAPED,
    },
    "cbam_channel": {**BOTTLENECK, **SHAPED},
    "cbam_spatial": {
        "kernel_size": 3,
        "normalization": None,
        "kernel_initializer": CONSTANT,
        **SHAPED,
    },
    "cross": {**PAIRED, "output_dim": 7},
    "eca": {
        "gamma": 1,
        "beta": 2,
        "kernel_size": 5,
        "padding": "circular",
        "kernel_initializer": CONSTANT,
        **SHAPED,
    },
    "gate": {
        "filters": 5,
        "activation": "tanh",
        "alignment": alignments.get("grid_crf", normalization="sum"),
        "aggregation": "weighted_sum",
        "use_bias": True,
        "kernel_initializer": CONSTANT,
    },
    "mhsa": {
        **PAIRED,
        "relative_positions": True,
        "scale_positions": False,
        "output_projection": True,
        "max_positions": 100,
        **SHAPED,
    },
    "nonlocal": {
        "mode": "dot_product",
        "reduction_ratio": 4,
        "filters": 3,
        "sub_sample": True,
        "scale": "filters",
        "normalization": None,
        "use_bias": False,
        "residual": False,
        "kernel_initializer": CONSTANT,
        "max_positions": 100,
        **SHAPED,
    },
    "se": {**BOTTLENECK, **SHAPED},
}


def score_model(key, config):
    """Two layers of one class on the same inputs."""
    inputs = [keras.Input((3, CHANNELS)), keras.Input((POSITIONS, CHANNELS))]
    both = (
        scores.get(key, name="plain"),
        scores.get(key, name="all", num_heads=2, key_dim=4, **config),
    )
    return keras.Model(inputs, [layer(*inputs) for layer in both])


def alignment_model(key, config):
    """Two layers of one class on the same inputs."""
    inputs = [keras.Input((2, 3, POSITIONS)), keras.Input((3, CHANNELS))]
    needed = {"channels": CHANNELS} if key == "multi_dim_softmax" else {}
    outputs = []
    for name, arguments in (("plain", needed), ("all", config)):
        layer = alignments.get(key, name=name, **arguments)
        extra = {}
        if layer.needs_grid:
            extra["grid_shape"] = GRID
        if layer.needs_query:
            extra["query"] = inputs[1]
        outputs.append(layer(inputs[0], **extra))
    return keras.Model(inputs, outputs)


def aggregation_model(key, config):
    """Two layers of one class on the same inputs."""
    queries = 1 if aggregations.get(key).keeps_positions else 3
    inputs = [
        keras.Input((2, queries, POSITIONS)),
        keras.Input((POSITIONS, CHANNELS)),
        keras.Input((queries, CHANNELS)),
    ]
    outputs = []
    for name, arguments in (("plain", {}), ("all", config)):
        layer = aggregations.get(key, name=name, **arguments)
        extra = {"query": inputs[2]} if layer.needs_query else {}
        outputs.append(layer(inputs[0], inputs[1], **extra))
    return keras.Model(inputs, outputs)


def layer_model(key, config):
    """Two layers of one class on the same inputs."""
    inputs = [keras.Input((*GRID, CHANNELS))]
    kind = layers.get(key).query_kind
    if kind == "map":
        inputs.append(keras.Input((2, 3, CHANNELS)))
    elif kind == "vector":
        inputs.append(keras.Input((3, CHANNELS)))
    both = (
        layers.get(key, name="plain"),
        layers.get(key, name="all", **config),
    )
    outputs = [
        result
        for layer in both
        for result in layer(*inputs, return_attention_scores=True)
    ]
    return keras.Model(inputs, outputs)


def whole_models():
    """Networks, as users save them."""
    return {
        "vgg16_bn_attention": models.VGG16BNAttention(
            {"block2": "cbam", "block3_relu2": "attn_pool", "block4": "gate"},
            input_shape=(32, 32, 3),
            classes=3,
            width_multiplier=1 / 64,
            return_attention_scores=True,
        ),
        "melanoma": models.MelanomaAttentionVGG16BN(
            (32, 32, 3), width_multiplier=1 / 64
        ),
        "attached": models.attach(
            models.VGG16BNAttention(
                input_shape=(32, 32, 3), classes=3, width_multiplier=1 / 64
            ),
            {"block3_pool": "se", "block4_pool": "nonlocal"},
        ),
    }


def randomize(model, generator):
    """Weights that no initializer would give."""
    for variable in model.weights:
        if "seed" in variable.path:
            continue
        values = 0.3 * generator.normal(size=variable.shape)
        positive = "variance" in variable.path
        variable.assign(np.abs(values) + 0.5 if positive else values)


def main(folder):
    """Writes a file a class, and what they answer."""
    folder.mkdir(parents=True, exist_ok=True)
    generator = np.random.default_rng(0)
    rooms = {
        "score": (scores, SCORES, score_model),
        "alignment": (alignments, ALIGNMENTS, alignment_model),
        "aggregation": (aggregations, AGGREGATIONS, aggregation_model),
        "layer": (layers, LAYERS, layer_model),
    }
    found = {
        f"{room}_{key}": make(key, configs.get(key, {}))
        for room, (axis, configs, make) in rooms.items()
        for key in axis.available()
    }
    arrays = {}
    for name, model in {**found, **whole_models()}.items():
        randomize(model, generator)
        inputs = [
            generator.normal(size=(2, *tensor.shape[1:])).astype("float32")
            for tensor in model.inputs
        ]
        if name.startswith("aggregation"):
            inputs[0] = np.abs(inputs[0])
        if name.endswith("_l1"):
            inputs[0] = np.abs(inputs[0])
        outputs = model(inputs if len(inputs) > 1 else inputs[0])
        outputs = outputs if isinstance(outputs, list) else [outputs]
        model.save(folder / f"{name}.keras")
        for kind, values in (("in", inputs), ("out", outputs)):
            for number, value in enumerate(values):
                value = keras.ops.convert_to_numpy(value)
                arrays[f"{name}/{kind}{number}"] = value.astype("float32")
    np.savez_compressed(folder / "answers.npz", **arrays)
    configs = [
        losses.FocalLoss(gamma=1.0, alpha=[0.2, 0.8], label_smoothing=0.1),
        losses.AttentionDice(scale="max", over="batch"),
        losses.AttentionDice(),
        losses.AttentionSparsity(kind="entropy"),
    ]
    text = json.dumps(
        [keras.saving.serialize_keras_object(loss) for loss in configs],
        indent=1,
    )
    (folder / "losses.json").write_text(text + "\n")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
