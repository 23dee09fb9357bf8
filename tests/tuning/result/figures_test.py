import json
import warnings

import matplotlib
import numpy as np
import pytest
from choice import first
from example_search import example_search
from matplotlib import pyplot as plt
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

from keras_attention.tuning import SearchResult

PLOTS = ["progress", "pareto", "parallel", "importance", "effects"]


@pytest.fixture(autouse=True)
def no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


@pytest.fixture(scope="module")
def results():
    return {
        count: SearchResult(example_search(trials=count))
        for count in (30, 3, 1)
    }


def draw(result, name, *arguments, **options):
    figure = getattr(result, f"plot_{name}")(*arguments, **options)
    figure.draw_without_rendering()
    return figure


def texts(figure):
    found = [text for text in figure.findobj(Text) if text.get_text().strip()]
    return [text for text in found if text.get_visible()]


@pytest.mark.parametrize("name", PLOTS)
@pytest.mark.parametrize("count", first(1, [30, 3, 1]))
def test_every_text_is_legible_and_inside_the_figure(results, name, count):
    figure = draw(results[count], name)
    assert isinstance(figure, matplotlib.figure.Figure)
    assert figure._repr_png_().startswith(b"\x89PNG")
    assert plt.get_fignums() == []
    assert all(text.get_fontsize() >= 8 for text in texts(figure))
    # White all around: nothing is cut off at the edges.
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    pixels = np.asarray(canvas.buffer_rgba())
    edges = (pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1])
    assert all((edge == 255).all() for edge in edges)


@pytest.mark.parametrize("name", PLOTS)
def test_without_a_finished_trial_the_figure_says_so(tmp_path, name):
    (tmp_path / "oracle.json").write_text("{}")
    figure = draw(SearchResult(tmp_path), name)
    (text,) = texts(figure)
    said = text.get_text().replace("\n", " ")
    assert "No trial has finished" in said or "cannot be told" in said


def lines(axes, label):
    return [line for line in axes.get_lines() if line.get_label() == label]


@pytest.mark.parametrize(
    "objective, direction, best",
    [("val_accuracy", "max", np.maximum), ("val_loss", "min", np.minimum)],
)
def test_progress_shows_the_best_so_far(results, objective, direction, best):
    result = SearchResult(results[30].directory, objective, direction)
    (axes,) = draw(result, "progress").axes
    (line,) = lines(axes, "best so far")
    scores = [trial.score for trial in result.trials if trial.score]
    expected = best.accumulate(scores)
    drawn = line.get_ydata()
    np.testing.assert_allclose(np.unique(drawn), np.unique(expected))
    assert drawn[-1] == result.best["score"]
    (failed,) = lines(axes, "without a score")
    np.testing.assert_array_equal(failed.get_xdata(), [10, 20, 30])


@pytest.mark.parametrize(
    "objective, direction", [("val_accuracy", "max"), ("val_loss", "min")]
)
@pytest.mark.parametrize("cost", ["flops", "parameters", "seconds"])
def test_nothing_beats_the_front(results, objective, direction, cost):
    result = SearchResult(results[30].directory, objective, direction)
    (axes,) = draw(result, "pareto", cost).axes
    (line,) = lines(axes, "the front")
    sign = 1 if direction == "max" else -1
    front = set(zip(*line.get_data(), strict=True))
    (behind,) = lines(axes, "a trial")
    others = set(zip(*behind.get_data(), strict=True))
    assert len(front) + len(others) == 27
    points = front | others

    def beats(a, b):
        return a != b and a[0] <= b[0] and sign * a[1] >= sign * b[1]

    assert front == {b for b in points if not any(beats(a, b) for a in points)}


def test_an_unknown_cost(results):
    with pytest.raises(ValueError, match="argument cost: expected one of"):
        results[3].plot_pareto("euros")
    with pytest.raises(ValueError, match="argument cost: expected one of"):
        results[3].plot_pareto("val_accuracy")


def test_one_line_a_trial_and_the_best_is_thickest(results):
    result = results[30]
    (axes,) = draw(result, "parallel").axes
    drawn = [line for line in axes.get_lines() if len(line.get_xdata()) == 6]
    assert len(drawn) == 27
    (thick,) = [line for line in drawn if line.get_linewidth() == 3]
    assert thick.get_ydata()[-1] == 1
    assert all(line.get_ydata()[-1] <= 1 for line in drawn)
    labels = {text.get_text() for text in axes.texts}
    assert {"mechanism", "cbam", "off", "val_accuracy", "0.001"} <= labels


def test_a_loss_is_best_at_the_top(results):
    result = SearchResult(results[30].directory, "val_loss", "min")
    (axes,) = draw(result, "parallel").axes
    (thick,) = [x for x in axes.get_lines() if x.get_linewidth() == 3]
    assert thick.get_ydata()[-1] == 1
    bottom = f"{max(trial.score for trial in result.finished):.4g}"
    (text,) = [text for text in axes.texts if text.get_text() == bottom]
    assert text.get_position()[1] == 0


def test_chosen_hyperparameters(results):
    figure = draw(results[30], "parallel", ["dropout", "mechanism"])
    names = [t.get_text() for t in figure.axes[0].texts if t.get_fontsize() > 9]
    assert names == ["dropout", "mechanism", "val_accuracy"]
    figure = draw(results[30], "effects", ["learning_rate"])
    labels = [t.get_text() for t in figure.axes[0].get_xticklabels()]
    assert len(labels) == 3
    assert sum(int(label.split("n=")[1]) for label in labels) == 27
    for name in ("parallel", "effects"):
        with pytest.raises(ValueError, match="argument names: expected one of"):
            draw(results[30], name, ["width"])


def test_many_hyperparameters_are_left_out_by_name(tmp_path):
    folder = example_search(tmp_path, trials=6)
    for number, path in enumerate(folder.glob("trial_*/trial.json")):
        state = json.loads(path.read_text())
        extra = {f"extra_{i}": number for i in range(5)}
        state["hyperparameters"]["values"] |= extra
        path.write_text(json.dumps(state))
    figure = draw(SearchResult(folder), "parallel")
    assert figure.get_supxlabel().endswith("not shown: extra_3, extra_4")


def test_a_few_are_all_drawn(tmp_path):
    folder = example_search(tmp_path, trials=6)
    for number, path in enumerate(sorted(folder.glob("trial_*/trial.json"))):
        state = json.loads(path.read_text())
        state["hyperparameters"]["values"] = {"place": f"block{number}"}
        if number < 2:
            state["hyperparameters"]["values"]["rare"] = number
        path.write_text(json.dumps(state))
    figure = draw(SearchResult(folder), "parallel")
    assert "rare" in {text.get_text() for text in figure.axes[0].texts}
    assert "not shown" not in figure.get_supxlabel()


def test_what_is_off_in_most_trials_is_left_out_unless_asked_for(tmp_path):
    folder = example_search(tmp_path, trials=6)
    for number, path in enumerate(sorted(folder.glob("trial_*/trial.json"))):
        state = json.loads(path.read_text())
        values = state["hyperparameters"]["values"]
        values["often"] = number
        if number < 3:
            values["half"] = number
        if number < 2:
            values |= {"rare": number, "seldom": number}
        path.write_text(json.dumps(state))
    result = SearchResult(folder)
    figure = draw(result, "parallel")
    labels = {text.get_text() for text in figure.axes[0].texts}
    assert {"often", "half"} <= labels
    assert not {"rare", "seldom"} & labels
    off = {p.name for p in result.hyperparameters} - labels - {"learning_rate"}
    note = f"; not shown: {len(off)} off in most trials"
    assert figure.get_supxlabel().endswith(note)
    figure = draw(result, "parallel", ["rare", "often"])
    assert "rare" in {text.get_text() for text in figure.axes[0].texts}
    assert "not shown" not in figure.get_supxlabel()


def test_importance_marks_what_mattered(results):
    result = results[30]
    (axes,) = draw(result, "importance").axes
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert names == [row["name"] for row in result.importance.rows][::-1]
    filled = [
        line.get_markerfacecolor() != "white"
        for line in axes.get_lines()
        if line.get_marker() == "o"
    ]
    mattered = result.importance.mattered
    assert filled == [name in mattered for name in names]


def test_effects_show_means_with_intervals_that_stay_in_the_figure(results):
    figure = draw(results[30], "effects")
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert titles == ["mechanism", "place", "reduction_ratio"]
    for axes in figure.axes:
        bottom, top = axes.get_ylim()
        for line in axes.get_lines():
            values = np.asarray(line.get_ydata())
            assert (values >= bottom).all()
            assert (values <= top).all()
