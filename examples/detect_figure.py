"""The figures of detect.py: what is found, from where, and the curves."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from keras_attention import AttentionExtractor
from keras_attention.explanation import grad_cam
from keras_attention.tasks.detection import non_max_suppression
from keras_attention.visualization.pictures import drawable
from keras_attention.visualization.pictures import grey
from keras_attention.visualization.styles import COLOURS
from keras_attention.visualization.styles import drawing_style

LARGE, FEW = 128, 3  # pixels, from which on so few images are shown, and larger
THRESHOLD = 0.5


def draw(models, images, objects, names):
    """What the first detector and those with maps find, and then their maps.

    Args:
        models: dict from names to detectors.
        images: uint8 array `(count, height, width, channels)`.
        objects: dict of arrays, what is there.
        names: list of str, of the classes.

    Returns:
        A `matplotlib.figure.Figure`.
    """
    attentive = [n for n, m in models.items() if _attention_layer(m)]
    models = {n: models[n] for n in dict.fromkeys([*models][:1] + attentive)}
    shown = _shown(images)
    found = {
        name: model.detect(images[:shown].astype("float32"), THRESHOLD)
        for name, model in models.items()
    }
    figure, grid = _lines(len(models) + len(attentive), images)
    with drawing_style("notebook"):
        _draw_found(grid, found, images, objects, names)
        for line, name in zip(grid[len(models) :], attentive, strict=True):
            pictures = drawable(images[:1])
            _explained(line, name, models[name], images[:1], pictures)
    return figure


def draw_found(found, images, objects, names):
    """A line of images a detector, with what it found in them.

    Args:
        found: dict from names to what `detect` found in all images.
        images: uint8 array `(count, height, width, channels)`.
        objects: dict of arrays, what is there.
        names: list of str, of the classes.

    Returns:
        A `matplotlib.figure.Figure`.
    """
    sure = {}
    for name, arrays in found.items():
        labels = np.where(arrays["scores"] > THRESHOLD, arrays["labels"], -1)
        sure[name] = {**arrays, "labels": labels}
    figure, grid = _lines(len(found), images)
    with drawing_style("notebook"):
        _draw_found(grid, sure, images, objects, names)
    return figure


def _shown(images):
    """How many images stand in a line."""
    return 6 if images.shape[2] < LARGE else FEW


def _lines(count, images):
    """A figure of so many lines of images, and its axes."""
    height, width = images.shape[1:3]
    shown = _shown(images)
    size = 9.6, (9.6 / shown * height / width + 0.3) * count
    with drawing_style("notebook"):
        figure = Figure(figsize=size, dpi=100)
        grid = figure.subplots(count, shown, squeeze=False)
        for axes in grid.flat:
            axes.set(xticks=[], yticks=[])
            axes.spines[:].set_visible(False)
        figure.subplots_adjust(
            left=0.01,
            right=0.99,
            bottom=0.2 / size[1],
            top=1 - 0.3 / size[1],
            wspace=0.03,
        )
    return figure, grid


def _draw_found(grid, found, images, objects, names):
    """The first lines of a grid, one a detector."""
    shown = grid.shape[1]
    pictures = drawable(images[:shown])
    for line, (name, of_it) in zip(grid, found.items(), strict=False):
        for index, axes in enumerate(line):
            _found(axes, pictures[index], objects, of_it, index)
            if shown > FEW:  # there would be words on words
                _write_scores(axes, pictures[index], of_it, index, names)
        _title(line, f"{name}: found above {THRESHOLD}; white: what is there")
        if shown == FEW:
            _name_colours(line[-1], names)


def curves(rows):
    """Losses and average precision on validation images, by epochs."""
    figure = Figure(figsize=(9, 3.2), dpi=100, layout="constrained")
    left, right = figure.subplots(1, 2)
    for index, name in enumerate(dict.fromkeys(r["detector"] for r in rows)):
        for row in (row for row in rows if row["detector"] == name):
            style = {
                "color": COLOURS[index % len(COLOURS)],
                "linestyle": "--" if index >= len(COLOURS) else "-",
                "label": None if row["seed"] else name,
                "linewidth": 1.2,
            }
            losses, seen, values = _course(row)
            left.semilogy(range(1, len(losses) + 1), losses, **style)
            right.plot(seen, values, marker=".", **style)
    left.set(xlabel="epoch", title="loss in training")
    right.set(xlabel="epoch", title="mAP@.5, validation", ylim=(0, 1))
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    right.legend(frameon=False, fontsize=8)
    return figure


def _course(row):
    """Losses, and when what was seen on validation images, in two parts."""
    losses, seen, values = [], [], []
    for part in (row.get("start"), row):
        if part is not None:
            epochs, count = len(part["loss"]), len(part["validation"])
            every = epochs // count
            seen += [len(losses) + every * n for n in range(1, count + 1)]
            losses += part["loss"]
            values += part["validation"]
    return losses, seen, values


def _title(line, text):
    line[0].set_title(text, loc="left")


def _found(axes, picture, objects, found, index):
    """What is there, thin and white, and what was found."""
    axes.imshow(picture)
    size = picture.shape[:2]
    for box, _ in _objects(objects, index):
        _outline(axes, box, size, "white", width=0.6)
    for box, label in _objects(found, index):
        _outline(axes, box, size, COLOURS[label % len(COLOURS)], width=1.0)


def _write_scores(axes, picture, found, index, names):
    """The class and the score of each, above its box."""
    height, width = picture.shape[:2]
    pairs = zip(_objects(found, index), found["scores"][index], strict=False)
    for (box, label), score in pairs:
        axes.text(
            box[1] * width,
            max(box[0] * height - 1.5, 4.0),
            f"{names[label][:3]} {score:.2f}",
            color=COLOURS[label % len(COLOURS)],
            fontsize=6,
            fontweight="bold",
        )


def _name_colours(axes, names):
    """Above the last image, the classes in their colours."""
    colours = (COLOURS[index % len(COLOURS)] for index in range(len(names)))
    axes.legend(
        [Rectangle((0, 0), 1, 1, color=colour) for colour in colours],
        names,
        loc="lower right",
        bbox_to_anchor=(1, 1),
        ncols=min(len(names), 5),
        frameon=False,
        fontsize=7,
    )


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


def _attention_layer(model):
    """The layer whose weights say where an answer comes from, or none."""
    names = [layer.name for layer in model.layers]
    fitting = [n for n in names if n.endswith("_cross") or n == "level1_mhsa"]
    return fitting[-1] if fitting else None


def _explained(line, name, model, images, pictures):
    """The surest boxes of an image: the attention, and Grad-CAM of the box."""
    layer = _attention_layer(model)
    outputs, maps = AttentionExtractor(model).predict(
        images.astype("float32"), verbose=0
    )
    outputs = {key: np.asarray(value)[0] for key, value in outputs.items()}
    weights = np.asarray(maps[layer])[0].mean(axis=0)
    labels = outputs["logits"].argmax(-1)
    kept = non_max_suppression(
        outputs["boxes"], outputs["logits"].max(-1), labels
    )
    # Grad-CAM looks at the map that the attention takes.
    looked_at = "tokens" if layer.endswith("_cross") else "level1"
    picture = 0.6 * grey(pictures)[0]
    if "cells" in outputs:
        # Of a box of a smaller map nothing passes through this layer.
        largest = outputs["cells"][:, 2].min()
        kept = kept[outputs["cells"][kept, 2] <= largest]
    for number, index in enumerate(kept[: len(line) // 2]):
        cam = grad_cam(
            model,
            images.astype("float32"),
            target=lambda answers, i=index: answers["logits"][:, i, labels[i]],
            layer=looked_at,
        )[0]
        attention = _of_answer(weights, outputs, index, cam.shape)
        for axes, values in zip(
            line[2 * number : 2 * number + 2], (attention, cam), strict=True
        ):
            _lay(axes, picture, values)
            box = outputs["boxes"][index]
            _outline(axes, box, picture.shape[:2], "#00c080")
        line[2 * number].set_xlabel("attention", fontsize=7, labelpad=1)
        line[2 * number + 1].set_xlabel("Grad-CAM", fontsize=7, labelpad=1)
    _title(line, f"{name}: {layer} of its surest boxes, and Grad-CAM of each")


def _of_answer(weights, outputs, index, grid):
    """What a query attends to, or the position that a cell's centre is in."""
    if weights.ndim == 3:  # (queries, height, width)
        return weights[index]
    row, column = (outputs["cells"][index, :2] * grid).astype(int)
    return weights[row * grid[1] + column].reshape(grid)


def _lay(axes, picture, values):
    """A map over a photograph in grey."""
    height, width = picture.shape[:2]
    axes.imshow(picture, cmap="gray", vmin=0, vmax=1)
    values = values / max(values.max(), 1e-12)
    axes.imshow(
        values,
        cmap="magma",
        vmin=0,
        vmax=1,
        alpha=np.sqrt(values) * 0.9,
        interpolation="bilinear",
        extent=(-0.5, width - 0.5, height - 0.5, -0.5),
    )
