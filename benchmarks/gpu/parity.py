"""Is what the card computes what the processor computes?

    bash benchmarks/gpu.sh --parts parity    # at most 90 s, one CUDA card

Every layer, every alignment and both networks, on random inputs and weights:
the outputs and, but for networks, the gradients by the input and all weights.
The reference is the same backend on the processor in float32. In float32 the
card computes without TF32. A part with a float32 difference over its limit
fails, with the names.
"""

import concurrent.futures
import dataclasses
import functools
from collections.abc import Callable

import keras
import numpy as np

from keras_attention import MelanomaAttentionVGG16BN
from keras_attention import VGG16BNAttention
from keras_attention import alignments
from keras_attention import layers

BATCH, SIDE, CHANNELS = 4, 14, 32
# XLA compiles three functions a case, each on one core.
THREADS = {"jax": 8, "torch": 1}
# Of the largest number of the reference; float32 sums in another order.
LIMITS = {"layer": 1e-4, "alignment": 1e-4, "network": 1e-3}


@dataclasses.dataclass(frozen=True)
class Case:
    """Something to compare.

    Attributes:
        kind: `"layer"`, `"alignment"` or `"network"`.
        name: Its key.
        make: Function that makes it, unbuilt or built.
        build: Function that builds it.
        inputs: Arrays of the call.
        keywords: Keyword arguments of the call.
    """

    kind: str
    name: str
    make: Callable
    build: Callable
    inputs: list
    keywords: dict


def run(settings, add):
    """A row a case and dtype."""
    full_precision(settings["backend"])
    found = [*layer_cases(), *alignment_cases(), *network_cases(settings)]
    if settings["dry"]:
        found = found[::14]  # a layer, an alignment, a network
    over = []
    references = {}
    threads = concurrent.futures.ThreadPoolExecutor(
        THREADS[settings["backend"]]
    )
    for dtype in ("float32", "bfloat16"):
        one = functools.partial(
            compare, dtype=dtype, settings=settings, references=references
        )
        for row in threads.map(one, found):
            if dtype == "float32" and is_over(row):
                over.append(row["name"])
            add(**row)
    if over:
        raise SystemExit(f"differ by more than allowed: {', '.join(over)}")


def is_over(row):
    """Whether a float32 row differs more than the order of sums explains."""
    limit = LIMITS[row["kind"]]
    # Not `>`: NaN is over too.
    return not (
        row["forward"] <= limit and (row["gradient"] or 0) <= 10 * limit
    )


def full_precision(backend):
    """Products of float32 in float32."""
    if backend == "jax":
        import jax

        jax.config.update("jax_default_matmul_precision", "highest")
    else:
        import torch

        torch.backends.cuda.matmul.allow_tf32 = False
        torch.backends.cudnn.allow_tf32 = False


def layer_cases():
    rng = np.random.default_rng(0)
    features = normal(rng, BATCH, SIDE, SIDE, CHANNELS)
    queries = {
        "vector": [normal(rng, BATCH, 24)],
        "map": [normal(rng, BATCH, SIDE // 2, SIDE // 2, 48)],
        None: [],
    }
    for key in layers.available():
        make = functools.partial(layers.get, key)
        inputs = [features, *queries[make().query_kind]]
        yield Case("layer", key, make, build_by_call, inputs, {})


def alignment_cases():
    rng = np.random.default_rng(1)
    scores = normal(rng, BATCH, 2, 1, SIDE * SIDE)
    query = normal(rng, BATCH, 1, CHANNELS)
    features = (BATCH, SIDE * SIDE, CHANNELS)
    for key in alignments.available():
        make = functools.partial(alignments.get, key)
        layer = make()
        keywords = {}
        if layer.needs_grid:
            keywords["grid_shape"] = (SIDE, SIDE)
        if layer.needs_query:
            keywords["query"] = query
        e = np.abs(scores) if layer.positive_scores else scores

        def build(layer, _, e=e):
            layer.build_inside(e.shape, query.shape, features)

        yield Case("alignment", key, make, build, [e], keywords)


def network_cases(settings):
    width, side = (1 / 16, 32) if settings["dry"] else (1, 64)
    options = {
        "input_shape": (side, side, 3),
        "classes": 10,
        "width_multiplier": width,
    }
    makers = {
        "VGG16BNAttention": functools.partial(
            VGG16BNAttention,
            {"block3": "attn_pool", "block4": "attn_pool"},
            classifier_activation=None,
            **options,
        ),
        "MelanomaAttentionVGG16BN": functools.partial(
            MelanomaAttentionVGG16BN, **options
        ),
    }
    images = [normal(np.random.default_rng(2), BATCH, side, side, 3)]
    for name, make in makers.items():
        yield Case("network", name, make, lambda *_: None, images, {})


def normal(rng, *shape):
    return rng.normal(size=shape).astype("float32")


def build_by_call(layer, inputs):
    layer(*map(keras.ops.convert_to_tensor, inputs))


def compare(case, dtype, settings, references):
    """The largest differences, as shares of the largest number."""
    if case.name not in references:
        with keras.device("cpu"):
            layer = made(case, "float32")
            values = weights(layer)
            layer.set_weights(values)
            references[case.name] = values, *results(case, layer, settings)
    values, outputs, gradients = references[case.name]
    policy = {"bfloat16": "mixed_bfloat16"}.get(dtype, dtype)
    with keras.device("gpu" if settings["on_card"] else "cpu"):
        layer = made(case, policy)
        layer.set_weights(values)
        mine, my_gradients = results(case, layer, settings)
    return {
        "kind": case.kind,
        "name": case.name,
        "dtype": dtype,
        "forward": difference([mine], [outputs]),
        "gradient": difference(my_gradients, gradients) if gradients else None,
    }


def made(case, policy):
    keras.config.set_dtype_policy(policy)
    layer = case.make()
    case.build(layer, case.inputs)
    return layer


def weights(layer):
    """Random, so that no gain or bias is 0; variances stay positive."""
    rng = np.random.default_rng(3)
    return [w + 0.1 * rng.random(w.shape) for w in layer.get_weights()]


def difference(found, expected):
    # One scale for all gradients: some are zero by mathematics, as that of
    # a key's bias under softmax, and only noise is left of them.
    scale = max(np.abs(b).max() for b in expected) or 1.0
    worst = max(
        np.abs(a - b).max() for a, b in zip(found, expected, strict=True)
    )
    return float(f"{worst / scale:.2e}")


def results(case, layer, settings):
    """The outputs, and the gradients by the input and all weights."""
    function = {"jax": _on_jax, "torch": _on_torch}[settings["backend"]]
    outputs, gradients = function(case, layer)
    as_float = [keras.ops.cast(x, "float32") for x in (outputs, *gradients)]
    outputs, *gradients = map(keras.ops.convert_to_numpy, as_float)
    return outputs, gradients


def cotangent(outputs):
    array = normal(np.random.default_rng(4), *outputs.shape)
    dtype = keras.backend.standardize_dtype(outputs.dtype)
    return keras.ops.convert_to_tensor(array, dtype)


def _on_jax(case, layer):
    import jax

    trainable = [weight.value for weight in layer.trainable_variables]
    others = [weight.value for weight in layer.non_trainable_variables]
    first, *rest = map(keras.ops.convert_to_tensor, case.inputs)

    def call(weights, x):
        outputs, _ = layer.stateless_call(
            weights, others, x, *rest, training=False, **case.keywords
        )
        return outputs

    if case.kind == "network":
        return jax.jit(call)(trainable, first), []

    def loss(weights, x):
        outputs = call(weights, x)
        return (outputs * cotangent(outputs)).sum(), outputs

    step = jax.jit(jax.grad(loss, argnums=(1, 0), has_aux=True))
    (by_input, by_weights), outputs = step(trainable, first)
    return outputs, [by_input, *by_weights]


def _on_torch(case, layer):
    import torch

    first, *rest = map(keras.ops.convert_to_tensor, case.inputs)
    network = case.kind == "network"
    first = first.detach().requires_grad_(not network)
    with torch.set_grad_enabled(not network):
        outputs = layer(first, *rest, training=False, **case.keywords)
    if not outputs.requires_grad:
        return outputs, []
    wanted = [first, *(w.value for w in layer.trainable_weights)]
    gradients = torch.autograd.grad(
        outputs, wanted, cotangent(outputs), allow_unused=True
    )
    pairs = zip(gradients, wanted, strict=True)
    return outputs, [torch.zeros_like(w) if g is None else g for g, w in pairs]
