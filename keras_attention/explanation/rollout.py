"""Attention from layer to layer: what the answer can have seen through all."""

import numpy as np

from keras_attention.explanation.gradients import Gradients
from keras_attention.explanation.map_layers import MapLayers
from keras_attention.explanation.map_layers import tokens_to_grid
from keras_attention.explanation.targets import Target
from keras_attention.explanation.whole_sets import batches
from keras_attention.explanation.whole_sets import checked_images
from keras_attention.explanation.whole_sets import way_back
from keras_attention.internals import arguments

_FUSED = {"mean": np.mean, "max": np.max, "min": np.min}


def attention_rollout(
    weights,
    size,
    *,
    residual=0.5,
    head_fusion="mean",
    discard=0.0,
    originals=None,
):
    """Attention of several layers of pairs, multiplied along the way.

    `R_l = N(r I + (1 - r) A_l) R_(l-1)` from `R_0 = I`, where `A_l` is the
    mean over the heads of layer `l`, `r I` stands for the residual way, and `N`
    makes rows sum to 1. The map is the class token's row, or the mean over all
    rows where there is none.

    Args:
        weights: list of arrays `(batch, heads, tokens, tokens)`, or a dict of
            them, as `collect_attention` returns, from the first layer to the
            last; of a dict, weights that are not pairwise are left out.
        size: tuple `(height, width)` of the image, whose proportions the grid
            has.
        residual: float, the share of the residual way, in `[0, 1)`. Defaults to
            `0.5`.
        head_fusion: str, how heads become one: `"mean"`, `"max"` or `"min"`.
            Defaults to `"mean"`.
        discard: float, the share of the smallest entries of each row of `A`
            that counts as 0. Defaults to `0.0`.
        originals: any, the photographs; see `grad_cam`. Defaults to `None`.

    Returns:
        `(batch, height, width)`, float32, in the grid of the tokens.

    Raises:
        ValueError: If there are no pairs, or layers of different sizes.

    Example: two layers that attend evenly see everything alike.

    >>> even = np.full((1, 2, 4, 4), 1 / 4)
    >>> print(attention_rollout([even, even], size=(32, 32)))
    [[[0.25 0.25]
      [0.25 0.25]]]

    Reference:
        Abnar, Zuidema: Quantifying Attention Flow in Transformers. ACL 2020.

    Differs from the paper:
        `head_fusion` and `discard` are from later implementations.
    """
    arguments.one_of("head_fusion", head_fusion, (*_FUSED,))
    arguments.fraction("residual", residual)
    arguments.fraction("discard", discard)
    fused = []
    pairs = _pairs(weights)
    back = way_back(pairs[0], originals)
    for layer in pairs:
        layer = _FUSED[head_fusion](layer, axis=1)
        kept = np.quantile(layer, discard, axis=-1, keepdims=True)
        fused.append(np.where(layer >= kept, layer, 0))
    whole = np.eye(fused[0].shape[-1])
    for layer in fused:
        mixed = residual * np.eye(layer.shape[-1]) + (1 - residual) * layer
        total = mixed.sum(-1, keepdims=True)
        mixed = np.divide(mixed, total, where=total > 0, out=mixed)
        whole = mixed @ whole
    return back(_seen(whole, size))


def attention_relevance(
    model, images, target=None, *, batch_size=32, originals=None
):
    """Attention of pairs, layer by layer, weighted by its gradient.

    `R <- R + mean_h relu(dy / dA_h * A_h) R` from `R = I`, through all layers
    of self-attention over tokens: what of each token's attention the target's
    score rests on. The map is the class token's row, or the mean over all rows
    where there is none, without `I`.

    Args:
        model: `keras.Model` with layers whose weights are pairs, this package's
            or Keras' `MultiHeadAttention`, all over the same tokens.
        images: array; see `grad_cam`.
        target: any, what is explained; see `grad_cam`. Defaults to `None`.
        batch_size: int, images at a time. Defaults to `32`.
        originals: any, the photographs; see `grad_cam`. Defaults to `None`.

    Returns:
        `(batch, height, width)`, float32, non-negative, in the grid of the
        tokens.

    Raises:
        ValueError: If no layer has such weights, and as `grad_cam`.

    Reference:
        Chefer, Gur, Wolf: Generic Attention-model Explainability for
        Interpreting Bi-Modal and Encoder-Decoder Transformers. ICCV 2021,
        equations 5 and 6, for self-attention.
    """
    back = way_back(images, originals)
    target = Target(target, checked_images(images))
    last = MapLayers(model, images).last
    gradients = Gradients(model, target, by_weights=True, last=last)
    maps = []
    for batch, part in batches(images, batch_size):
        _, found = gradients(batch, part)
        by_layer = {
            name: np.maximum(weights * gradient, 0)
            for name, (weights, gradient) in found.items()
            if gradient is not None
        }
        pairs = [layer.mean(1) for layer in _pairs(by_layer)]
        whole = np.eye(pairs[0].shape[-1])
        for layer in pairs:
            whole = whole + layer @ whole
        maps.append(_seen(whole - np.eye(whole.shape[-1]), images.shape[1:3]))
    return back(np.concatenate(maps))


def _pairs(weights):
    """Those of the weights that are pairs of one set of tokens."""
    if isinstance(weights, dict):
        weights = [
            one
            for one in weights.values()
            if getattr(one, "kind", "pairwise") == "pairwise"
            and len(one.shape) == 4
            and one.shape[-1] == one.shape[-2]
        ]
    pairs = [np.asarray(one, "float64") for one in weights]
    shapes = [one.shape for one in pairs]
    square = all(len(s) == 4 and s[2] == s[3] for s in shapes)
    if not pairs or not square or len({(s[0], s[2]) for s in shapes}) > 1:
        raise ValueError(
            "Attention is followed through layers of weights (batch, heads, "
            "tokens, tokens), all over the same tokens. Received: "
            f"{shapes or 'no such layer'}"
        )
    return pairs


def _seen(whole, size):
    """What the class token, or all tokens on average, have seen: a map."""
    grid, prefix = tokens_to_grid(whole.shape[-1], size)
    row = whole[:, 0] if prefix else whole.mean(1)
    return row[:, prefix:].reshape(len(row), *grid).astype("float32")
