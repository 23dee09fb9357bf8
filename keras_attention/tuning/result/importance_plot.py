"""How much each hyperparameter explains, as a figure."""

from keras_attention.visualization import canvas


def plot_importance(result):
    """The figure of `SearchResult.plot_importance`."""
    found = result.importance
    if not found.rows:
        return canvas.message(f"Importance cannot be told: {found.note}.")
    rows = found.rows[::-1]
    figure = canvas.Canvas(6.4, 1.3 + 0.34 * len(rows))
    axes = figure.add_subplot()
    title = (
        "Error added by shuffling one, as a share of the score's variance\n"
        f"{len(result.finished)} trials; all together explain "
        f"{max(found.explained, 0):.0%} of unseen trials"
    )
    canvas.plain(axes, title)
    axes.axvline(0, color=canvas.INK, linewidth=0.8)
    for y, row in enumerate(rows):
        colour = canvas.BLUE if row["low"] > 0 else canvas.PALE
        axes.plot([row["low"], row["high"]], [y, y], color=colour, linewidth=2)
        filled = colour if row["low"] > 0 else "white"
        axes.plot(row["mean"], y, "o", ms=6, mfc=filled, color=colour)
    names = [canvas.shortened(row["name"], 30) for row in rows]
    axes.set_yticks(range(len(rows)), names)
    axes.set_ylim(-0.6, len(rows) - 0.4)
    axes.xaxis.set_major_formatter(lambda x, _: f"{x:.0%}")
    note = "lines hold 90 % of a bootstrap over trials; white: no effect seen"
    if found.note:
        note = f"Not to be trusted: {found.note}."
    colour = canvas.VERMILION if found.note else canvas.PALE
    axes.set_xlabel(note, fontsize=canvas.SMALL, color=colour)
    return figure
