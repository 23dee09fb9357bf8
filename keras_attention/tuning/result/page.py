"""One HTML page of a search, with everything inside the file."""

import base64
import html
import io

import matplotlib

from keras_attention.internals import page as pages
from keras_attention.tuning.result import leaderboard
from keras_attention.tuning.result.effects_plot import plot_effects
from keras_attention.tuning.result.effects_plot import plot_importance
from keras_attention.tuning.result.parallel_plot import plot_parallel
from keras_attention.tuning.result.scores_plot import plot_pareto
from keras_attention.tuning.result.scores_plot import plot_progress


def page(result):
    """The page of `SearchResult.to_html`: summary, figures, the whole table.

    Figures are SVG inside, so that it can be sent by mail.
    """
    title = f"Search: {result.directory.name}"
    if result.objective:
        title += f", {result.objective}"
    paragraphs = "".join(
        f"<p>{html.escape(text)}</p>" for text in result.summary().split("\n\n")
    )
    pictures = "".join(
        f"<h2>{html.escape(name)}</h2>{_image(figure, name)}"
        for name, figure in _figures(result)
    )
    table = leaderboard.html(result, most=None)
    table = pages.section("All trials", table)
    return pages.page(title, paragraphs + pictures + table)


def _figures(result):
    if not result.finished:
        return
    yield "Progress", plot_progress(result)
    known = {metric for trial in result.finished for metric in trial.metrics}
    for cost in ("flops", "parameters", "seconds"):
        if cost in known:
            yield f"Score and {cost}", plot_pareto(result, cost)
    yield "Trials", plot_parallel(result)
    yield "What mattered", plot_importance(result)
    yield "Effects", plot_effects(result)


def _image(figure, name):
    # SVG text as outlines: the same everywhere, whatever fonts there are.
    stream = io.StringIO()
    # The same search gives the same page.
    with matplotlib.rc_context({"svg.hashsalt": name}):
        figure.savefig(stream, format="svg", metadata={"Date": None})
    data = base64.b64encode(stream.getvalue().encode()).decode()
    return (
        f'<img alt="{html.escape(name)}" '
        f'src="data:image/svg+xml;base64,{data}">'
    )
