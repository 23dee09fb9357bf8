"""The figure of detect.py: what is found, and what each query looks at."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from keras_attention import AttentionExtractor
from keras_attention.tasks.detection import find_objects
from keras_attention.visualization.pictures import drawable
from keras_attention.visualization.pictures import grey
from keras_attention.visualization.styles import COLOURS
from keras_attention.visualization.styles import drawing_style

SHOWN = 6  # images, and queries of one image
THRESHOLD = 0.5


def draw(models, images, objects, names):
    """A line of images a detector, and of queries a DETR.

    Args:
        models: dict from names to detectors.
        images: uint8 array `(count, height, width, channels)`.
        objects: dict of arrays, what is there.
        names: list of str, of the classes.

    Returns:
        A `matplotlib.figure.Figure`.
    """
    detrs = [n for n, m in models.items() if m.assignment == "matching"]
    lines = len(models) + len(detrs)
    pictures = drawable(images[:SHOWN])
    with drawing_style("notebook"):
        figure = Figure(figsize=(1.6 * SHOWN, 1.85 * lines), dpi=100)
        grid = figure.subplots(lines, SHOWN, squeeze=False)
        for axes in grid.flat:
            axes.set(xticks=[], yticks=[])
            axes.spines[:].set_visible(False)
        for line, (name, model) in zip(grid, models.items(), strict=False):
            found = model.detect(images[:SHOWN].astype("float32"), THRESHOLD)
            for index, axes in enumerate(line):
                axes.imshow(pictures[index])
                size = pictures.shape[1:3]
                for box, _ in _objects(objects, index):
                    _outline(axes, box, size, "white", width=0.6)
                for (box, label), score in zip(
                    _objects(found, index), found["scores"][index], strict=False
                ):
                    colour = COLOURS[label % len(COLOURS)]
                    _outline(axes, box, size, colour)
                    axes.text(
                        box[1] * size[1],
                        max(box[0] * size[0] - 1.5, 4.0),
                        f"{names[label]} {score:.2f}",
                        color=colour,
                        fontsize=6,
                        fontweight="bold",
                    )
            line[0].set_title(f"{name}: found above {THRESHOLD}", loc="left")
        for line, name in zip(grid[len(models) :], detrs, strict=True):
            _queries(line, name, models[name], images[:1], pictures, names)
        figure.subplots_adjust(
            left=0.01, right=0.99, bottom=0.02, top=0.97, wspace=0.03
        )
    return figure


def _objects(objects, index):
    """`(box, label)` of an image."""
    there = objects["labels"][index] >= 0
    values = objects["boxes"][index][there], objects["labels"][index][there]
    return zip(*values, strict=True)


def _outline(axes, box, size, colour, width=1.3):
    top, left, bottom, right = box * np.tile(size, 2) - 0.5
    axes.add_patch(
        Rectangle(
            (left, top),
            right - left,
            bottom - top,
            fill=False,
            edgecolor=colour,
            linewidth=width,
        )
    )


def _queries(line, name, model, images, pictures, names):
    """What the surest queries of the first image attend to."""
    outputs, maps = AttentionExtractor(model).predict(
        images.astype("float32"), verbose=0
    )
    layer = max(key for key in maps if key.endswith("_cross"))
    weights = np.asarray(maps[layer])[0].mean(axis=0)  # (queries, h, w)
    scores = np.asarray(outputs["logits"])[0].max(-1)
    height, width = pictures.shape[1:3]
    for axes, query in zip(line, np.argsort(-scores), strict=False):
        axes.imshow(0.6 * grey(pictures)[0], cmap="gray", vmin=0, vmax=1)
        values = weights[query] / weights[query].max()
        axes.imshow(
            values,
            cmap="magma",
            alpha=np.sqrt(values) * 0.9,
            interpolation="bicubic",
            extent=(-0.5, width - 0.5, height - 0.5, -0.5),
        )
        own = {
            key: outputs[key][:1, query : query + 1]
            for key in ("logits", "boxes")
        }
        best = find_objects(own, 0.0, max_detections=1)
        box, label = best["boxes"][0, 0], best["labels"][0, 0]
        _outline(axes, box, (height, width), "#00c080")
        axes.set_xlabel(
            f"{names[label]} {best['scores'][0, 0]:.2f}", fontsize=7, labelpad=1
        )
    line[0].set_title(
        f"{name}: what its surest queries look at, {layer}", loc="left"
    )
