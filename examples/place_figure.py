"""The figure of place.py: scores against depth, and what the best head sees."""

import numpy as np
from matplotlib.figure import Figure

from keras_attention.visualization.pictures import drawable
from keras_attention.visualization.pictures import grey
from keras_attention.visualization.pictures import outline_paths
from keras_attention.visualization.styles import COLOURS
from keras_attention.visualization.styles import drawing_style

# The two controls are black and grey.
LOOKS = {
    "uniform": ("#888888", "-", "o"),
    "1x1, uniform": ("#000000", "-", "s"),
    "softmax": (COLOURS[0], "-", "^"),
    "softmax, 4 maps": (COLOURS[5], "-", "D"),
    "sparsemax": (COLOURS[1], "--", "v"),
    "sigmoid": (COLOURS[2], "--", "P"),
}
SHOWN = 6  # photographs, of which two are answered wrong if there are such
_WIDTH, _HEIGHT, _LEGEND = 13.0, 3.3, 0.35  # inches; of a data set
_INK, _WRONG = "#222222", "#b00020"


def draw(results, shown):
    """One line of panels a data set.

    Args:
        results: list of dict, what `place.py` writes of each data set.
        shown: list of `(examples, (place, condition), logits, weights)` of the
            test images, by the best head with attention.

    Returns:
        A `matplotlib.figure.Figure`.
    """
    with drawing_style("notebook"):
        lines = len(results)
        height = _HEIGHT * lines + _LEGEND
        figure = Figure(figsize=(_WIDTH, height), dpi=150)
        for line, (result, picture) in enumerate(
            zip(results, shown, strict=True)
        ):
            grid = figure.add_gridspec(
                2,
                SHOWN + 5,
                left=0.05,
                right=0.995,
                top=1 - (_HEIGHT * line + 0.3) / height,
                bottom=1 - (_HEIGHT * (line + 1) - 0.6) / height,
                hspace=0.3,
                wspace=0.06,
            )
            axes = figure.add_subplot(grid[:, :4])
            _curves(axes, result)
            panels = [
                [figure.add_subplot(grid[row, 5 + c]) for c in range(SHOWN)]
                for row in range(2)
            ]
            _photographs(panels, *picture)
        figure.legend(
            *axes.get_legend_handles_labels(),
            loc="lower left",
            bbox_to_anchor=(0.03, 0),
            ncols=len(LOOKS),
            frameon=False,
            fontsize=8.5,
            columnspacing=1.2,
        )
    return figure


def _curves(axes, result):
    places = list(result["maps"])
    aside = np.linspace(-0.12, 0.12, len(LOOKS))
    for shift, (condition, look) in zip(aside, LOOKS.items(), strict=True):
        found = np.array(
            [
                [
                    row["score"]
                    for row in result["rows"]
                    if (row["place"], row["condition"]) == (place, condition)
                ]
                for place in places
            ]
        )
        mean = found.mean(axis=1)
        colour, style, marker = look
        axes.errorbar(
            np.arange(len(places)) + shift,
            mean,
            # From the lowest to the highest seed.
            yerr=(mean - found.min(axis=1), found.max(axis=1) - mean),
            fmt=style,
            marker=marker,
            color=colour,
            markersize=4.5,
            linewidth=1.2,
            elinewidth=0.8,
            label=condition,
        )
    names = [
        f"{place.split('_')[0]}\n{height}x{width}\nx{channels}"
        for place, (height, width, channels) in result["maps"].items()
    ]
    axes.set_xticks(range(len(places)), names)
    seeds = len({row["seed"] for row in result["rows"]})
    axes.set_title(
        f"{result['data']}: test {result['measure']}, {seeds} seeds", loc="left"
    )
    axes.grid(axis="y", color="#dddddd", linewidth=0.6)


def _photographs(panels, test, best, logits, weights):
    answers = logits.argmax(-1)
    chosen = _chosen(answers == test.labels)
    pictures = drawable(np.stack([test.images[index] for index in chosen]))
    maps = weights[chosen]
    maps = maps.mean(axis=tuple(range(1, maps.ndim - 2)))  # (count, h, w)
    outlines = _outlines(test, chosen, pictures.shape[:3])
    height, width = pictures.shape[1:3]
    for column, index in enumerate(chosen):
        top, below = (panels[row][column] for row in range(2))
        top.imshow(pictures[column])
        below.imshow(0.6 * grey(pictures)[column], cmap="gray",
                     vmin=0, vmax=1)  # fmt: skip
        values = maps[column] / maps[column].max()
        below.imshow(
            values,
            cmap="magma",
            alpha=np.sqrt(values) * 0.9,
            interpolation="bicubic",
            extent=(-0.5, width - 0.5, height - 0.5, -0.5),
        )
        for axes in (top, below):
            for path in outlines[column]:
                axes.plot(*path.T, color="white", linewidth=2.2)
                axes.plot(*path.T, color="#00a060", linewidth=1.1)
            axes.set(
                xticks=[],
                yticks=[],
                xlim=(-0.5, width - 0.5),
                ylim=(height - 0.5, -0.5),
            )
            axes.spines[:].set_visible(False)
        right = answers[index] == test.labels[index]
        top.set_title(
            _word(test, answers[index]) if right
            else f"not {_word(test, answers[index])}",
            fontsize=6.5,
            color=_INK if right else _WRONG,
            pad=3,
        )  # fmt: skip
    place, condition = best
    panels[1][0].set_title(
        f"{condition}, at {place.split('_')[0]}, seed 0", loc="left",
        fontsize=7.5, pad=2.5, color=_INK,
    )  # fmt: skip


def _chosen(right):
    """Spread over the right and the wrong answers, by nothing else."""
    wrong = np.flatnonzero(~right)
    wrong = _spread(wrong, min(2, len(wrong)))
    return np.concatenate(
        [_spread(np.flatnonzero(right), SHOWN - len(wrong)), wrong]
    )


def _spread(indices, count):
    places = np.linspace(0, len(indices) - 1, num=count + 2, dtype=int)[1:-1]
    return indices[places]


def _outlines(test, chosen, shape):
    if test.masks is None:
        return [[]] * len(chosen)
    masks = np.stack([test.masks[index] for index in chosen])
    if test.has_mask is not None:
        masks = masks * test.has_mask[chosen][:, None, None, None]
    return outline_paths(masks, shape)


def _word(test, label):
    name = str(test.class_names[label]).replace("-", " ")
    return name if len(name) <= 15 else f"{name[:14]}…"
