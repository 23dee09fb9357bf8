"""Titles that stay above their own panel, and are whole."""

import itertools

_GAP = 0.12  # inches between two titles


def fit_titles(figure):
    """Makes the letters of all titles so small that each has its room.

    A title's room goes from the left of its panel to that of the next one in
    the row, or to the figure's edge. The titles of a figure keep one size.

    Args:
        figure: `matplotlib.figure.Figure` of subplots with titles at their
            left, in the style that is set.
    """
    figure.draw_without_rendering()  # now panels have a place
    rows = {}
    for axes in figure.axes:
        title = axes.set_title(axes.get_title(loc="left"), loc="left")
        row = rows.setdefault(axes.get_subplotspec().rowspan.start, [])
        row.append((axes.get_window_extent().x0, title))
    shares = [1.0]
    for row in rows.values():  # from left to right
        edges = [*(left for left, _ in row[1:]), figure.bbox.x1]
        for (left, title), edge in zip(row, edges, strict=True):
            room = edge - left - _GAP * figure.dpi
            shares.append(room / title.get_window_extent().width)
    for _, title in itertools.chain(*rows.values()):
        title.set_fontsize(min(shares) * title.get_fontsize())
