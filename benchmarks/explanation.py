"""What it costs to look: maps beside passes, and beside other packages' maps.

    KERAS_BACKEND=tensorflow python benchmarks/explanation.py

On VGG16_bn, a quarter of its width, 112 x 112 pixels, batches of 8, in turns in
one process. Maps beside what they are made of: of gradients one forward and one
backward pass, of perturbations `predict` of as many images. Weights of
attention: `AttentionExtractor.predict` beside the model's `predict`. Maps
beside tf-keras-vis, on the same network, and pytorch-grad-cam, on the same
network with the same weights in PyTorch, where these are installed (pip install
--no-deps tf-keras-vis deprecated grad-cam ttach opencv-python-headless):
`difference` is how far the maps are apart, times their largest value. Writes
benchmarks/results/explanation.json and .md.
"""

import argparse
import contextlib
import functools
import importlib
import importlib.metadata
import importlib.util
import io
import pathlib

import keras
import numpy as np
import tensorflow as tf
import timing

from keras_attention import AttentionExtractor
from keras_attention import VGG16BNAttention
from keras_attention import explanation

SIZE, BATCH, WIDTH, CLASS = 112, 8, 0.25, 1
PAIRS, SLOW_PAIRS = 15, 7
LAYER = "block5_relu3"  # what is explained: in front of the last pooling
GATED = {
    "block2": "cbam",
    "block3": "se",
    "block4": "gate",
    "block5": "attn_pool",
}
PAIRED = {"block4": "mhsa"}
SAMPLES = 4  # of SmoothGrad
# Ours, what tf-keras-vis and pytorch-grad-cam call it, and what is slow.
PEERS = {
    "grad_cam": ("gradcam.Gradcam", "GradCAM"),
    "grad_cam_plus_plus": (
        "gradcam_plus_plus.GradcamPlusPlus",
        "GradCAMPlusPlus",
    ),
    "layer_cam": ("layercam.Layercam", "LayerCAM"),
    "hires_cam": (None, "HiResCAM"),
    "score_cam": ("scorecam.Scorecam", "ScoreCAM"),
    "saliency": ("saliency.Saliency", None),
    "smooth_grad": ("saliency.Saliency", None),
}
OPTIONS = {
    "smooth_grad": {"samples": SAMPLES},
    "integrated_gradients": {"steps": 8},
    "rise": {"samples": 200},
}
SLOW = ("score_cam", "smooth_grad", "integrated_gradients", "occlusion", "rise")


def network(attention=None):
    return VGG16BNAttention(
        attention,
        input_shape=(SIZE, SIZE, 3),
        classes=10,
        width_multiplier=WIDTH,
    )


def ours(name, model, images):
    options = OPTIONS.get(name, {})
    method = getattr(explanation, name)
    return functools.partial(method, model, images, CLASS, **options)


def passes(model, images):
    """One forward and one backward pass, to the image."""
    images = tf.constant(images)

    def run():
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(images)
            score = tf.reduce_max(model(images, training=False), -1)
        return tape.gradient(score, images).numpy()

    return run


def of_keras_vis(model, images, name, smooth):
    """The same map by tf-keras-vis, in the layer's own grid."""
    from tf_keras_vis.utils.model_modifiers import ReplaceToLinear
    from tf_keras_vis.utils.scores import CategoricalScore

    module, name = name.split(".")
    module = importlib.import_module(f"tf_keras_vis.{module}")
    ask = getattr(module, name)(model, ReplaceToLinear(), clone=True)
    score = CategoricalScore([CLASS] * len(images))
    options = {
        "normalize_cam": False,
        "expand_cam": False,
        "penultimate_layer": LAYER,
        "seek_penultimate_conv_layer": False,
    }
    if name == "Saliency":
        options = {"normalize_map": False}
        options |= {"smooth_samples": SAMPLES} if smooth else {}
    return functools.partial(ask, score, images, **options)


def of_grad_cam(model, images, name):
    """The same map by pytorch-grad-cam, enlarged and from 0 to 1, as it is."""
    import peers
    import torch

    peers.stand_in_for_torchvision()
    package = importlib.import_module("pytorch_grad_cam")
    twin = peers.vgg16_bn(width=WIDTH)
    twin = peers.with_weights_of(model, twin)
    # LAYER, here.
    place = [m for m in twin if isinstance(m, torch.nn.ReLU)][-1]
    ask = getattr(package, name)(model=twin, target_layers=[place])
    target = importlib.import_module("pytorch_grad_cam.utils.model_targets")
    targets = [target.ClassifierOutputTarget(CLASS)] * len(images)
    images = torch.tensor(np.moveaxis(images, -1, 1))
    return functools.partial(ask, input_tensor=images, targets=targets)


@contextlib.contextmanager
def quietly():
    """Without the progress bars of the others."""
    nowhere = io.StringIO()
    with (
        contextlib.redirect_stdout(nowhere),
        contextlib.redirect_stderr(nowhere),
    ):
        yield


def difference(one, other):
    """The largest, both maps stretched from 0 to 1 in the larger's pixels."""
    one, other = (np.asarray(x, "float64") for x in (one, other))
    if one.shape != other.shape:
        one = explanation.pixels.enlarged(one, other.shape[1:])
    stretched = []
    for maps in (one, other):
        low = maps.min((1, 2), keepdims=True)
        stretched.append((maps - low) / np.ptp(maps, (1, 2), keepdims=True))
    return float(np.abs(stretched[0] - stretched[1]).max())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=PAIRS)
    parser.add_argument("--output", help="JSON file; default: see above")
    arguments = parser.parse_args()
    images = np.random.default_rng(0).random((BATCH, SIZE, SIZE, 3), "float32")
    rows, versions = [], {}

    def compare(what, beside, one, other, slow=False, **more):
        pairs = min(SLOW_PAIRS if slow else PAIRS, arguments.pairs)
        with quietly():
            found = timing.compare(one, other, pairs, 1 if slow else 2)
        rows.append({"what": what, "beside": beside, **found, **more})
        print(rows[-1], flush=True)

    model = network(GATED)
    both = passes(model, images)
    for name in ("grad_cam", "saliency", "integrated_gradients"):
        one = ours(name, model, images)
        beside = "a forward and a backward pass"
        compare(name, beside, one, both, name in SLOW)
    for name, count in (("occlusion", 225), ("rise", 200)):
        many = np.repeat(images[:1], count, 0)
        beside = f"predict of {count} images"
        compare(
            f"{name} of one image",
            beside,
            ours(name, model, images[:1]),
            functools.partial(model.predict, many, BATCH * 4, verbose=0),
            slow=True,
        )
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

    model = network()
    for name, (of_vis, of_torch) in PEERS.items():
        slow = name in SLOW
        given = images[:2] if name == "score_cam" else images
        one = ours(name, model, given)
        for beside, module, wanted, make in (
            (
                "tf-keras-vis",
                "tf_keras_vis",
                of_vis,
                functools.partial(of_keras_vis, smooth=name == "smooth_grad"),
            ),
            ("pytorch-grad-cam", "pytorch_grad_cam", of_torch, of_grad_cam),
        ):
            if wanted is None or importlib.util.find_spec(module) is None:
                continue
            package = {"pytorch_grad_cam": "grad-cam"}.get(module, beside)
            versions[beside] = importlib.metadata.version(package)
            other = make(model, given, wanted)
            more = {}
            if name != "smooth_grad":  # whose noise is drawn
                with quietly():
                    more["difference"] = difference(one(), other())
            compare(name, beside, one, other, slow, **more)
    if "pytorch-grad-cam" in versions:
        versions["torch"] = importlib.metadata.version("torch")
    timing.write(
        arguments.output
        or pathlib.Path(__file__).parent / "results" / "explanation.json",
        rows,
        timing.environment(
            keras.backend.backend(),
            keras=keras.__version__,
            tensorflow=tf.__version__,
            **versions,
        ),
    )


if __name__ == "__main__":
    main()
