"""The figures of generate.py: what is drawn, and where a block looks."""

import numpy as np
from matplotlib.figure import Figure

from keras_attention import visualization
from keras_attention.callbacks.sample_grid import image_grid
from keras_attention.visualization.styles import drawing_style

ROWS = 5  # of images
COLUMNS = 3  # of networks


def samples(test, models, classes):
    """Real images and those of each network, a column a class.

    Args:
        test: `(images in [-1, 1], labels)`.
        models: dict of name to `AdversarialModel`.
        classes: int.

    Returns:
        A `matplotlib.figure.Figure`.
    """
    images, labels = test
    # Few images may have fewer of a class, which are shown again.
    places = [
        np.resize(np.flatnonzero(labels == c), ROWS) for c in range(classes)
    ]
    shown = {"real": images[np.stack(places, 1).ravel()]}
    for name, model in models.items():
        shown[name] = model.generate(ROWS * classes, seed=0)
    with drawing_style("notebook"):
        columns = min(len(shown), COLUMNS)
        rows = -(-len(shown) // columns)
        size = 2.9 * columns, (0.29 * ROWS + 0.3) * rows
        figure = Figure(figsize=size, dpi=150)
        panels = figure.subplots(rows, columns, squeeze=False).ravel()
        for axes in panels:
            axes.set_axis_off()
        for axes, (name, drawn) in zip(panels, shown.items(), strict=False):
            grid = image_grid((drawn + 1) / 2, classes)
            axes.imshow(np.asarray(grid), interpolation="nearest")
            axes.set_title(name, loc="left")
        figure.subplots_adjust(
            left=0.005, right=0.995, bottom=0.01, top=0.88, wspace=0.03
        )
    return figure


def attention(model, judge):
    """What some positions of one generated image look at.

    The first image whose class the classifier finds is taken; positions: the
    brightest of four parts of the image, and its corner.

    Args:
        model: `AdversarialModel` with attention.
        judge: `Judge`.

    Returns:
        A `matplotlib.figure.Figure`.
    """
    generator = model.generator
    noise = np.random.default_rng(0).standard_normal(
        (model.classes, generator.inputs[0].shape[1]), "float32"
    )
    labels = np.arange(model.classes, dtype="int32")
    images = generator.predict_on_batch([noise, labels])
    index = 0
    if judge.names_classes:
        _, answers = judge.by.network.model.predict_on_batch(images)
        index = int((answers.argmax(-1) == labels).argmax())  # 0, if none is
    (seen,) = visualization.collect_attention(
        generator, [noise, labels]
    ).values()
    grid = max(layer.output.shape[1:3] for layer in _blocks(generator))
    pictures = np.clip((images + 1) / 2, 0, 1)
    return visualization.plot_seen_from(
        pictures[index], seen, positions(pictures[index], grid), index
    )


def _blocks(generator):
    return [layer for layer in generator.layers if hasattr(layer, "gain")]


def positions(picture, grid):
    """A position a quarter of the picture, where it is brightest; a corner.

    >>> positions(np.eye(8)[..., None], (4, 4))
    [(0, 0), (0, 2), (2, 0), (2, 2), (0, 3)]
    """
    rows, columns = grid
    height, width = picture.shape[:2]
    small = picture.mean(-1).reshape(
        rows, height // rows, columns, width // columns
    )
    small = small.mean((1, 3))
    found = []
    for top in (0, rows // 2):
        for left in (0, columns // 2):
            part = small[top : top + rows // 2, left : left + columns // 2]
            row, column = np.unravel_index(part.argmax(), part.shape)
            found.append((int(row) + top, int(column) + left))
    return [*found, (0, columns - 1)]
