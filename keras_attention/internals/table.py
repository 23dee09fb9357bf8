"""Tables for a terminal, for a notebook and for other programs."""

import csv
import html
import io

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


def html_table(header, rows, left=1):
    """The same as HTML; every cell is escaped.

    Args:
        header: list of str, one a column.
        rows: list of lists of str, one a column; newlines become line breaks.
        left: int, how many columns are aligned to the left. Defaults to `1`.

    Returns:
        A `<table>` element.

    Example:

    >>> html_table(["model"], [["a<b"]])
    '<table><thead><tr><th style="text-align: left">model</th></tr></thead><tbody><tr><td style="text-align: left; vertical-align: top">a&lt;b</td></tr></tbody></table>'
    """  # noqa: E501
    head = _html_row("th", "", header, left)
    body = "".join(
        _html_row("td", "; vertical-align: top", row, left) for row in rows
    )
    return f"<table><thead>{head}</thead><tbody>{body}</tbody></table>"


def csv_text(records, names=()):
    r"""Comma-separated, with empty cells for what is not there.

    Args:
        records: list of dicts.
        names: sequence of str, the columns; those of the first record if
            empty. Defaults to `()`.

    Returns:
        str.

    Example:

    >>> csv_text([{"file": "a,b", "size": None}])
    'file,size\n"a,b",\n'
    """
    stream = io.StringIO()
    names = list(names or (records[0] if records else ()))
    # Which Python leaves bare, though it ends a row for all who read it.
    ends = any("\r" in str(x) for record in records for x in record.values())
    quoting = csv.QUOTE_ALL if ends else csv.QUOTE_MINIMAL
    writer = csv.DictWriter(stream, names, lineterminator="\n", quoting=quoting)
    writer.writeheader()
    writer.writerows(records)
    return stream.getvalue()


def _aligned(line, widths):
    first, *others = zip(line, widths, strict=True)
    yield first[0].ljust(first[1])
    for cell, width in others:
        yield cell.rjust(width)


def _lines(cell):
    return [shortened(line, _LONGEST) for line in cell.split("\n")]


def _html_row(tag, style, row, left):
    cells = []
    for index, cell in enumerate(row):
        side = "left" if index < left else "right"
        text = "<br>".join(map(html.escape, _lines(cell)))
        cells.append(f'<{tag} style="text-align: {side}{style}">{text}</{tag}>')
    return f"<tr>{''.join(cells)}</tr>"
