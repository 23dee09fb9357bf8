"""What it costs to look: maps beside the passes that they are made of.

    KERAS_BACKEND=tensorflow python benchmarks/explanation.py

On VGG16_bn with attention, a quarter of its width, 112 x 112 pixels, batches
of 8, in turns in one process. Maps of gradients: beside one forward and one
backward pass of the same model (TensorFlow), and beside tf-keras-vis, a peer of
the same network, where it is installed (pip install --no-deps tf-keras-vis
deprecated). Weights of attention: `AttentionExtractor.predict` beside the
model's `predict`. Writes benchmarks/results/explanation.json and .md.
"""

import argparse
import functools
import importlib.util
import pathlib

import keras
import numpy as np
import tensorflow as tf
import timing

from keras_attention import AttentionExtractor
from keras_attention import VGG16BNAttention
from keras_attention import explanation

SIZE, BATCH = 112, 8
GATED = {
    "block2": "cbam",
    "block3": "se",
    "block4": "gate",
    "block5": "attn_pool",
}
PAIRED = {"block4": "mhsa"}
CAMS = {
    "grad_cam": ("gradcam", "Gradcam"),
    "grad_cam_plus_plus": ("gradcam_plus_plus", "GradcamPlusPlus"),
    "layer_cam": ("layercam", "Layercam"),
    "saliency": ("saliency", "Saliency"),
}


def network(attention):
    return VGG16BNAttention(
        attention,
        input_shape=(SIZE, SIZE, 3),
        classes=10,
        width_multiplier=0.25,
    )


def passes(model, images):
    """One forward and one backward pass, to the image."""
    images = tf.constant(images)

    def run():
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(images)
            score = tf.reduce_max(model(images, training=False), -1)
        return tape.gradient(score, images).numpy()

    return run


def peer(model, images, module, name):
    """The same map by tf-keras-vis, in the layer's own grid."""
    from tf_keras_vis.utils.model_modifiers import ReplaceToLinear
    from tf_keras_vis.utils.scores import CategoricalScore

    module = importlib.import_module(f"tf_keras_vis.{module}")
    ask = getattr(module, name)(model, ReplaceToLinear(), clone=True)
    score = CategoricalScore([1] * len(images))
    options = {"normalize_map": False}
    if name != "Saliency":
        options = {"normalize_cam": False, "expand_cam": False}
    return functools.partial(ask, score, images, **options)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=timing.PAIRS)
    parser.add_argument("--output", help="JSON file; default: see above")
    arguments = parser.parse_args()
    images = np.random.default_rng(0).random((BATCH, SIZE, SIZE, 3), "float32")
    model = network(GATED)
    both = passes(model, images)
    rows = []

    def compare(what, beside, ours, other):
        found = timing.compare(ours, other, arguments.pairs)
        rows.append({"what": what, "beside": beside, **found})
        print(rows[-1], flush=True)

    for name in (*CAMS, "hires_cam", "integrated_gradients"):
        method = getattr(explanation, name)
        options = {"steps": 8} if name == "integrated_gradients" else {}
        ours = functools.partial(method, model, images, 1, **options)
        compare(name, "a forward and a backward pass", ours, both)
        if name in CAMS and importlib.util.find_spec("tf_keras_vis"):
            theirs = peer(model, images, *CAMS[name])
            compare(name, "tf-keras-vis", ours, theirs)
    for what, attention in (("gates", GATED), ("pairs", PAIRED)):
        model = network(attention)
        extractor = AttentionExtractor(model)
        many = np.tile(images, (8, 1, 1, 1))
        compare(
            f"weights of {what}",
            "predict",
            functools.partial(extractor.predict, many, BATCH, verbose=0),
            functools.partial(model.predict, many, BATCH, verbose=0),
        )
    timing.write(
        arguments.output
        or pathlib.Path(__file__).parent / "results" / "explanation.json",
        rows,
        timing.environment(
            keras.backend.backend(),
            keras=keras.__version__,
            tensorflow=tf.__version__,
        ),
    )


if __name__ == "__main__":
    main()
