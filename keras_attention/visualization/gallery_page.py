"""The page of a gallery: names and numbers -> HTML, every text escaped.

Style and script stand in `gallery.css` and `gallery.js`, and go into the page:
it needs no network, and a browser runs nothing in it but this one script.
"""

import base64
import hashlib
import html
import json
import math
import pathlib

import matplotlib

from keras_attention.internals.words import printable
from keras_attention.internals.words import shortened
from keras_attention.visualization.overlays import COLORMAP

_HERE = pathlib.Path(__file__).parent
_LONGEST = 60  # letters of a name
_LONGER = 300  # where there is room
_SIGNS = {"right": "✓ ", "wrong": "✗ ", "": ""}


def text(value, most=_LONGEST):
    """A name as HTML: on one line, not too long, running its own way.

    >>> text("<b>\\nbold")
    '<bdi>&lt;b&gt; bold</bdi>'
    """
    return f"<bdi>{plain(value, most)}</bdi>"


def plain(value, most=_LONGEST):
    """A name for an attribute or an option, where no element can be."""
    line = " ".join(printable(str(value)).split())
    return html.escape(shortened(line, most))


def card(index, entry, layers, files):
    """One image, as an item of the list.

    Args:
        index: int, its place in the order given.
        entry: `gallery.Entry`.
        layers: list of str, the layers' names.
        files: list of str, addresses of the picture and of every layer's map.
    """
    pictures = [_picture(files[0], f"image {index + 1}")]
    for number, (name, file) in enumerate(zip(layers, files[1:], strict=True)):
        pictures.append(_picture(file, name, number))
    parts = [f'<span class="pictures">{"".join(pictures)}</span>']
    names = [name for _, name in (entry.answer, entry.truth) if name]
    if names:
        sure = f" {entry.sureness:.0%}" if entry.sureness is not None else ""
        shown = text(names[0]) + sure
        parts.append(
            f'<span class="answer" title="{plain(names[0], _LONGER)}">'
            f'<span class="sign">{_SIGNS[entry.outcome]}</span>{shown}</span>'
        )
    if entry.outcome == "wrong":
        parts.append(
            f'<span class="answer" title="{plain(entry.truth[1], _LONGER)}">'
            f"true: {text(entry.truth[1])}</span>"
        )
    parts += [
        f'<span class="numbers" data-layer="{number}">{_numbers(entry, number)}'
        "</span>"
        for number in range(len(layers))
    ]
    return (
        f'<li class="{entry.outcome}" data-index="{index}" '
        f'data-outcome="{entry.outcome}" data-truth="{entry.truth[0]}" '
        f'data-answer="{entry.answer[0]}" '
        f'data-values="{html.escape(_json(entry.values))}">'
        f'<button type="button" class="card">{"".join(parts)}</button></li>'
    )


def page(title, cards, selects, scales, note):
    """The whole page.

    Args:
        title: str.
        cards: list of str, of `card`.
        selects: list of `(name, label, options)`, the options `(value, text)`.
        scales: list of `(high, label)`, what the colours of each layer mean.
        note: str, a line above the cards, or nothing.
    """
    stops = [matplotlib.colormaps[COLORMAP](x / 8) for x in range(9)]
    gradient = ", ".join(matplotlib.colors.to_hex(stop) for stop in stops)
    style = (_HERE / "gallery.css").read_text("utf-8")
    style += f".bar {{ background: linear-gradient(90deg, {gradient}) }}"
    script = (_HERE / "gallery.js").read_text("utf-8")
    policy = (
        "default-src 'none'; img-src 'self' file:; "
        f"style-src {_hash(style)}; script-src {_hash(script)}"
    )
    bars = "".join(
        f'<span class="scale" data-layer="{number}">0 '
        f'<span class="bar"></span> {high:.3g} {plain(label)}</span>'
        for number, (high, label) in enumerate(scales)
    )
    controls = "".join(_select(*select) for select in selects)
    notes = f'<p class="note">{plain(note, _LONGER)}</p>' if note else ""
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{plain(title)}</title><style>{style}</style></head><body>\n"
        f'<header><h1>{text(title, _LONGER)}</h1><span id="count" class="pale" '
        f'role="status">{len(cards)} images</span>'
        f'<form id="controls" hidden>{controls}{bars}</form></header>{notes}\n'
        f'<ul id="cards">\n{chr(10).join(cards)}\n</ul>\n'
        '<dialog id="view" aria-label="one image, enlarged"></dialog>\n'
        f"<script>{script}</script></body></html>\n"
    )


def _picture(file, alt, layer=None):
    data = "" if layer is None else f' data-layer="{layer}"'
    hidden = " hidden" if layer else ""
    return (
        f'<img src="{plain(file, _LONGER)}" alt="{plain(alt)}" loading="lazy"'
        f"{data}{hidden}>"
    )


def _numbers(entry, layer):
    """What is said of an image and one layer."""
    told = []
    for name, values in entry.values.items():
        value = values[layer] if len(values) > 1 else values[0]
        shown = "none" if math.isnan(value) else f"{value:.3g}"
        told.append(f'<span class="number">{text(name, 20)} {shown}</span>')
    if entry.marks[layer]:
        told.append(plain(entry.marks[layer]))
    return " · ".join(told)


def _select(name, label, options):
    rows = "".join(
        f'<option value="{plain(value)}">{plain(shown, 70)}</option>'
        for value, shown in options
    )
    return f'<label>{label}<select id="{name}">{rows}</select></label>'


def _json(values):
    """JSON has no NaN."""
    clean = {
        plain_name(name): [None if math.isnan(x) else x for x in numbers]
        for name, numbers in values.items()
    }
    return json.dumps(clean)


def plain_name(name):
    """A metric's name as the script knows it: printable, on one line."""
    return shortened(" ".join(printable(str(name)).split()), _LONGEST)


def _hash(source):
    digest = base64.b64encode(hashlib.sha256(source.encode()).digest())
    return f"'sha256-{digest.decode()}'"
