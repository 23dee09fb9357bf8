"""One HTML page, with everything inside the file."""

import html

_STYLE = """
body { font: 15px/1.5 sans-serif; color: #222; max-width: 62em;
       margin: 2em auto; padding: 0 1em }
table { border-collapse: collapse; font-size: 13px }
th, td { padding: .3em .8em; border-bottom: 1px solid #ddd }
div.wide { overflow-x: auto }
img { max-width: 100%; height: auto }
h1, h2 { font-weight: 600 } p { white-space: pre-line }
"""


def page(title, body):
    """A page without scripts that needs no network.

    Args:
        title: str, escaped here.
        body: str, HTML.

    Returns:
        str.

    Example:

    >>> page("a<b", "<p>text</p>").partition("<body>")[2]
    '<h1>a&lt;b</h1><p>text</p></body></html>\\n'
    """
    title = html.escape(title)
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        f"<title>{title}</title><style>{_STYLE}</style></head>"
        f"<body><h1>{title}</h1>{body}</body></html>\n"
    )


def section(title, body):
    """A heading, escaped here, and below it HTML that may be wide."""
    return f'<h2>{html.escape(title)}</h2><div class="wide">{body}</div>'
