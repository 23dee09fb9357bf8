"""What is written under an image: the answer, and whether it is right."""

import dataclasses

import numpy as np

# Okabe and Ito's blue and vermilion: apart for every kind of colour vision.
_RIGHT, _WRONG, _NEUTRAL = "#0072b2", "#d55e00", "#333333"
_SIZE = 9
_LETTER = 0.0085 * _SIZE  # the width of one in inches, on average


@dataclasses.dataclass(frozen=True)
class Caption:
    """A text under an image, and how sure to make it that it is seen.

    Args:
        text: str, one or two lines. Defaults to `""`.
        colour: str, of the text and the frame. Defaults to `"#333333"`.
        frame: float, the frame's width in points. Defaults to `0.0`.
    """

    text: str = ""
    colour: str = _NEUTRAL
    frame: float = 0.0

    @property
    def lines(self):
        """How many lines the text has."""
        return len(self.text.splitlines())

    def draw(self, axes):
        """Writes below the axes, as much as is as wide, and frames them."""
        width = axes.get_position().width * axes.figure.get_figwidth()
        letters = round(width / _LETTER)
        axes.set_xlabel(
            "\n".join(_line(t, letters) for t in self.text.split("\n")),
            color=self.colour,
            fontsize=_SIZE,
            labelpad=4,
            # Comes with matplotlib and has the tick and the cross.
            family="DejaVu Sans",
        )
        for spine in axes.spines.values():
            spine.set(
                visible=self.frame > 0,
                edgecolor=self.colour,
                linewidth=self.frame,
            )


def captions(count, labels, predictions, class_names, details=None):
    """A caption for every image.

    Args:
        count: int, the number of images.
        labels: int array `(batch,)` or `None`.
        predictions: integer array `(batch,)`, scores `(batch, classes)` or
            `None`.
        class_names: list of str, names by class, or `None`.
        details: list of str or `None`, another line an image. Defaults to
            `None`.

    Returns:
        A list of `Caption`.

    Raises:
        ValueError: Naming the argument that is no list of `count` classes.

    Example:

    >>> [c.text for c in captions(2, [3, 5], [3, 8], None)]
    ['✓ 3', '✗ 8\\ntrue: 5']
    """
    if predictions is not None:
        predictions = np.asarray(predictions)
        if predictions.ndim == 2 and predictions.shape[1] > 1:
            predictions = predictions.argmax(-1)
    predicted = named_classes("predictions", predictions, count, class_names)
    true = named_classes("labels", labels, count, class_names)
    found = [_caption(*pair) for pair in zip(predicted, true, strict=True)]
    if details is None:
        return found
    return [
        dataclasses.replace(caption, text=f"{caption.text}\n{detail}")
        for caption, detail in zip(found, details, strict=True)
    ]


def _caption(predicted, true):
    if None in (predicted, true):
        shown = predicted or true
        return Caption() if shown is None else Caption(shown[1])
    if predicted == true:
        return Caption(f"✓ {true[1]}", _RIGHT, 1.2)
    text = f"✗ {predicted[1]}\ntrue: {true[1]}"
    return Caption(text, _WRONG, 2.6)


def named_classes(argument, classes, count, class_names):
    """`(class, name)` for every image, or `None` where nothing is known."""
    if classes is None:
        return [None] * count
    classes = np.asarray(classes)
    if classes.ndim == 2 and classes.shape[1] == 1:
        classes = classes[:, 0]
    is_integer = np.issubdtype(classes.dtype, np.integer)
    if classes.shape != (count,) or not is_integer:
        raise ValueError(
            f"Invalid value for argument {argument}: expected {count} "
            f"integers, one an image. Received: {classes.dtype} of shape "
            f"{classes.shape}"
        )
    if class_names is None:
        return [(int(k), str(k)) for k in classes]
    if classes.min() < 0 or classes.max() >= len(class_names):
        raise ValueError(
            "Invalid value for argument class_names: expected a name for "
            f"every class of {argument}, {classes.min()} to {classes.max()}. "
            f"Received: {len(class_names)} names"
        )
    return [(int(k), str(class_names[k])) for k in classes]


def _line(text, letters):
    return text if len(text) <= letters else text[: letters - 1] + "…"
