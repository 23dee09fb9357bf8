"""Maps of the image's pixels: what the answer is where they are hidden.

Only `predict` is asked, as often as there are windows, masks or channels.
"""

import itertools

import numpy as np

from keras_attention.explanation.answers import Answers
from keras_attention.explanation.class_activation import layer_values
from keras_attention.explanation.pixels import enlarged
from keras_attention.explanation.whole_sets import way_back
from keras_attention.internals import arguments


def occlusion(
    model,
    images,
    target=None,
    *,
    size=None,
    stride=None,
    baseline=0.0,
    batch_size=32,
    originals=None,
):
    """How much the answer falls when a window of the image is hidden.

    `y(x) - y(x with the window at baseline)`, at each pixel the mean over the
    windows that cover it.

    Args:
        model: `keras.Model`, of one input.
        images: array `(batch, height, width, channels)`, or volumes.
        target: any, what is explained, see `grad_cam`, of the answers as they
            are, probabilities, say. Defaults to `None`.
        size: int or `None`, the window's side, in pixels; `None` is an eighth
            of the image's shorter side. Defaults to `None`.
        stride: int or `None`, pixels between windows; `None` is half a window.
            Defaults to `None`.
        baseline: float, what hides. Defaults to `0.0`.
        batch_size: int, images at a time. Defaults to `32`.
        originals: any, the photographs; see `grad_cam`. Defaults to `None`.

    Returns:
        `(batch, height, width)`, float32, of both signs, in the image's pixels.

    Raises:
        ValueError: For a window larger than the image, and as `grad_cam`.

    Reference:
        Zeiler, Fergus: Visualizing and Understanding Convolutional Networks.
        ECCV 2014.

    Differs from the paper:
        It gives a window's value to one pixel; here to all that it covers.

    Cost:
        One `predict` a window: about `4 (8 - 1)^2 = 196` an image by default.
    """
    back = way_back(images, originals)
    answers = Answers(model, images, target, batch_size, as_probabilities=False)
    size = arguments.positive_int("size", size, optional=True)
    size = size or max(min(answers.size) // 8, 1)
    if size > min(answers.size):
        expected = f"at most the image's {min(answers.size)} pixels"
        raise ValueError(arguments.invalid("size", size, expected))
    stride = arguments.positive_int("stride", stride, optional=True)
    starts = [
        [*range(0, side - size, stride or max(size // 2, 1)), side - size]
        for side in answers.size
    ]
    windows = np.zeros(
        (int(np.prod([len(s) for s in starts])), *answers.size), "bool"
    )
    for window, corner in zip(windows, itertools.product(*starts), strict=True):
        window[tuple(slice(start, start + size) for start in corner)] = True
    covered = windows.sum(0)
    hidden = answers(*(_showing(~window, baseline) for window in windows))
    falls = answers.original[:, None] - hidden
    falls = np.tensordot(falls.astype("float32"), windows.astype("float32"), 1)
    return back((falls / covered).astype("float32"))


def rise(
    model,
    images,
    target=None,
    *,
    samples=1000,
    cells=7,
    shown=0.5,
    baseline=0.0,
    seed=0,
    batch_size=32,
    originals=None,
):
    """RISE: the mean of random masks, weighted by the answer behind each.

    `sum_i y(x m_i) m_i / (n p)` over `n` masks `m_i`: grids of cells, each
    shown with probability `p`, smoothly enlarged and shifted.

    Args:
        model: `keras.Model`, of one input.
        images: array `(batch, height, width, channels)`, or volumes.
        target: any, what is explained, see `grad_cam`, of the answers as they
            are, probabilities, say. Defaults to `None`.
        samples: int, masks; the same for all images. Defaults to `1000`.
        cells: int, of the grid, along each side. Defaults to `7`.
        shown: float, the probability that a cell is shown. Defaults to `0.5`.
        baseline: float, what hides. Defaults to `0.0`.
        seed: int, of the masks. Defaults to `0`.
        batch_size: int, images at a time. Defaults to `32`.
        originals: any, the photographs; see `grad_cam`. Defaults to `None`.

    Returns:
        `(batch, height, width)`, float32, in the image's pixels.

    Raises:
        ValueError: As `occlusion`.

    Reference:
        Petsiuk, Das, Saenko: RISE: Randomized Input Sampling for Explanation
        of Black-box Models. BMVC 2018.

    Cost:
        One `predict` a mask.
    """
    back = way_back(images, originals)
    answers = Answers(model, images, target, batch_size, as_probabilities=False)
    arguments.positive_int("samples", samples)
    arguments.positive_int("cells", cells)
    arguments.positive_float("shown", arguments.fraction("shown", shown))
    masks = _random_masks(
        answers.size, samples, cells, shown, np.random.default_rng(seed)
    )
    scores = answers(*(_showing(mask, baseline) for mask in masks))
    maps = np.tensordot(scores.astype("float32"), masks, 1) / (samples * shown)
    return back(maps.astype("float32"))


def score_cam(
    model,
    images,
    target=None,
    *,
    layer=None,
    weighting="softmax",
    baseline=0.0,
    batch_size=32,
    originals=None,
):
    """Score-CAM: channels weighted by the answer to what they let through.

    `relu(sum_k a_k A_k)` of a layer's maps `A_k`, with `a = softmax(s)`,
    `s_k = y(x h_k) - y(0)`, and `h_k` the map, enlarged, from 0 to 1. A map
    without differences has no part.

    Args:
        model: `keras.Model`, of one input.
        images: array `(batch, height, width, channels)`, or volumes.
        target: any, what is explained, see `grad_cam`, of the answers as they
            are. Defaults to `None`.
        layer: any, the layer to explain; see `grad_cam`. Defaults to `None`.
        weighting: str, `"softmax"` over the channels, as the paper says, or
            `"score"`, the plain `y(x h_k)`, as the authors' code does.
            Defaults to `"softmax"`.
        baseline: float, what hides. Defaults to `0.0`.
        batch_size: int, images at a time. Defaults to `32`.
        originals: any, the photographs; see `grad_cam`. Defaults to `None`.

    Returns:
        `(batch, height, width)`, float32, in the layer's own grid.

    Raises:
        ValueError: As `grad_cam`.

    Reference:
        Wang et al.: Score-CAM: Score-Weighted Visual Explanations for
        Convolutional Neural Networks. CVPR Workshops 2020.

    Cost:
        One `predict` a channel.
    """
    arguments.one_of("weighting", weighting, ("softmax", "score"))
    back = way_back(images, originals)
    answers = Answers(model, images, target, batch_size, as_probabilities=False)
    layer_maps = np.concatenate(
        [
            np.moveaxis(values, -1, 1)
            for values, _ in layer_values(
                model, images, layer, batch_size, answers.target
            )
        ]
    )
    nothing = answers(_showing(np.zeros(answers.size), baseline))
    maps = []
    for index, channels in enumerate(layer_maps):  # (channels, height, width)
        places = tuple(range(1, channels.ndim))
        low = channels.min(places, keepdims=True)
        span = channels.max(places, keepdims=True) - low
        used = span.ravel() > 0
        shares = enlarged((channels - low)[used] / span[used], answers.size)
        [scores] = answers.of_part(
            slice(index, index + 1),
            [_showing(share, baseline) for share in shares],
        )
        if weighting == "softmax":
            exponents = scores - nothing[index]
            scores = np.exp(exponents - exponents.max(initial=-np.inf))
            scores /= scores.sum()
        maps.append(np.tensordot(scores, channels[used], 1))
    return back(np.maximum(np.stack(maps), 0).astype("float32"))


def _showing(mask, baseline):
    """A change of images that shows what a mask does, and else the baseline.

    Args:
        mask: array of the images' size, in `[0, 1]`.
        baseline: float.
    """
    mask = mask[..., None].astype("float32")
    return lambda images, _: images * mask + baseline * (1 - mask)


def _random_masks(size, samples, cells, shown, rng):
    """`(samples, *size)` in [0, 1]."""
    # One cell more than is seen: the grid is shifted by up to a cell.
    grids = rng.random((samples, *[cells + 1] * len(size))) < shown
    steps = [-(-side // cells) for side in size]
    full = [(cells + 1) * step for step in steps]
    masks = np.empty((samples, *size), "float32")
    for mask, grid in zip(masks, grids, strict=True):
        smooth = enlarged(grid[None].astype("float32"), full)[0]
        corner = [rng.integers(step) for step in steps]
        mask[...] = smooth[
            tuple(slice(c, c + s) for c, s in zip(corner, size, strict=True))
        ]
    return masks
