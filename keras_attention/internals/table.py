"""Tables for a terminal and for a notebook."""

import html

from keras_attention.internals.words import shortened

_LONGEST = 500  # letters of a line in a cell


def text_table(header, rows):
    """Columns aligned with spaces: the first to the left, others to the right.

    Args:
        header: list of str, one a column.
        rows: list of lists of str, one a column. A cell of several lines takes
            as many lines of the table.

    Returns:
        The table, without a newline at its end.

    Example:

    >>> print(text_table(["model", "accuracy"], [["a", "9"], ["long", "10"]]))
    model  accuracy
    ---------------
    a             9
    long         10
    """
    lines = [list(header)]
    for row in rows:
        cells = [_lines(cell) for cell in row]
        height = max(map(len, cells))
        padded = [cell + [""] * (height - len(cell)) for cell in cells]
        lines.extend(map(list, zip(*padded, strict=True)))
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    lines = ["  ".join(_aligned(line, widths)).rstrip() for line in lines]
    rule = "-" * max(map(len, lines))
    return "\n".join([lines[0], rule, *lines[1:]])


def html_table(header, rows):
    """The same as HTML; every cell is escaped.

    Args:
        header: list of str, one a column.
        rows: list of lists of str, one a column; newlines become line breaks.

    Returns:
        A `<table>` element.

    Example:

    >>> html_table(["model"], [["a<b"]])
    '<table><thead><tr><th style="text-align: left">model</th></tr></thead><tbody><tr><td style="text-align: left; vertical-align: top">a&lt;b</td></tr></tbody></table>'
    """  # noqa: E501
    head = _html_row("th", "", header)
    body = "".join(
        _html_row("td", "; vertical-align: top", row) for row in rows
    )
    return f"<table><thead>{head}</thead><tbody>{body}</tbody></table>"


def _aligned(line, widths):
    first, *others = zip(line, widths, strict=True)
    yield first[0].ljust(first[1])
    for cell, width in others:
        yield cell.rjust(width)


def _lines(cell):
    return [shortened(line, _LONGEST) for line in cell.split("\n")]


def _html_row(tag, style, row):
    cells = []
    for index, cell in enumerate(row):
        side = "right" if index else "left"
        text = "<br>".join(map(html.escape, _lines(cell)))
        cells.append(f'<{tag} style="text-align: {side}{style}">{text}</{tag}>')
    return f"<tr>{''.join(cells)}</tr>"
