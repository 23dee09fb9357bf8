import numpy as np

from keras_attention.evaluation import report
from keras_attention.visualization import plot_calibration
from keras_attention.visualization import plot_roc

LABELS = np.repeat([0, 1], 20)


def found(*names):
    rng = np.random.default_rng(0)
    scores = {n: rng.uniform(0, 0.6, 40) + 0.4 * LABELS for n in names}
    return report(LABELS, scores, repeats=20)


def test_dots_stand_on_their_curves():
    figure = plot_roc(found("plain", "with $ and _"))
    lines = figure.axes[0].lines[1:]
    for curve, dot in zip(lines[::2], lines[1::2], strict=True):
        on = np.isclose(curve.get_xdata(), dot.get_xdata()[0])
        heights = curve.get_ydata()[on]
        (height,) = dot.get_ydata()
        assert heights.min() <= height <= heights.max()
    (legend,) = figure.legends
    texts = [text.get_text() for text in legend.get_texts()]
    assert texts[1].startswith("with $ and _, 0.")


def test_bins_hold_what_is_told():
    numbers = found("one", "two", "three", "four", "five")
    figure = plot_calibration(numbers, bins=5)
    assert len(figure.axes) == 10
    scores = numbers.scores["one"]
    inside = (scores > 0.4) & (scores <= 0.6)
    told = figure.axes[0].lines[1].get_xdata()
    true = figure.axes[0].lines[1].get_ydata()
    place = np.flatnonzero((told > 0.4) & (told <= 0.6))
    np.testing.assert_allclose(told[place], scores[inside].mean())
    np.testing.assert_allclose(true[place], LABELS[inside].mean())
    (steps, _) = figure.axes[1].patches
    assert steps.get_data().values.sum() == 40
