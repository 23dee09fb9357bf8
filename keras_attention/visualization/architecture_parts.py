"""A model as a row of parts: blocks, attention, and vectors at the end."""

import collections
import dataclasses
from typing import NamedTuple

import keras

from keras_attention.visualization.architecture_units import channels_last
from keras_attention.visualization.architecture_units import shown_units

# A padded or unpadded convolution changes a map less than a stride does.
_NEW_MAP = 1.5
# More attention layers in a row than this belong to their blocks.
_MOST_INLINE = 6
_MOST_VECTORS = 4


class Place(NamedTuple):
    """Where a map stands in the row of parts.

    Args:
        part: int, number of the part.
        is_pooled: bool, whether it is what is behind the part's pooling.
    """

    part: int
    is_pooled: bool


@dataclasses.dataclass
class Part:
    """A box of the figure.

    Args:
        kind: str, `"image"`, `"block"`, `"attention"` or `"vector"`.
        name: str, in bold.
        shape: tuple, of the result, without the batch, channels last.
        details: list of str, further lines. Defaults to `[]`.
        pooled: tuple or `None`, the shape behind the pooling layer at its end,
            if any. Defaults to `None`.
        attention: dict, of a block: the number of attention layers inside it,
            by class. Defaults to `{}`.
        units: set of int, numbers of the calls in it. Defaults to `set()`.
        query: `Place` or `None`, of attention: what asks it. Defaults to
            `None`.
    """

    kind: str
    name: str
    shape: tuple
    details: list = dataclasses.field(default_factory=list)
    pooled: tuple | None = None
    attention: dict = dataclasses.field(default_factory=dict)
    units: set = dataclasses.field(default_factory=set)
    query: Place | None = None

    @property
    def inside(self):
        """Lines about the attention inside a block."""
        return [f"{count} {name}" for name, count in self.attention.items()]


@dataclasses.dataclass
class Tap:
    """What leads from a part straight to the vectors at the end.

    Args:
        source: `Place`, what it reads.
        name: str, of the layer.
        details: list of str, further lines.
        is_attention: bool, or else plain pooling.
        query: `Place` or `None`, what asks it.
    """

    source: Place
    name: str
    details: list
    is_attention: bool
    query: Place | None


def parts_and_taps(model, inputs, calls, rows):
    """What a figure of a model shows.

    Args:
        model: `keras.Model`.
        inputs: tensor or structure of tensors, what it was traced with.
        calls: list, what `keras_attention.inspection.trace.trace` returned.
        rows: list of dict, of its `AttentionSummary`.

    Returns:
        A list of `Part`, from left to right, and a list of `Tap`.
    """
    first = any(
        getattr(call.operation, "data_format", None) == "channels_first"
        and len(call.outputs[0].shape) > 3
        for call in calls
        if call.is_layer
    )
    units = shown_units(model, calls, rows, first)
    consumers = {unit.number: [] for unit in units}
    for unit in units:
        for source in unit.sources:
            consumers[source].append(unit)
    tapped = [
        u for u in units if u.is_attention and _leaves(u, units, consumers)
    ]
    image = max(keras.tree.flatten(inputs), key=lambda x: len(x.shape))
    parts = [Part("image", "image", channels_last(image.shape[1:], first))]
    vectors = [u for u in units if not u.is_map and not u.is_attention]
    beside = {*tapped, *vectors}
    _add_blocks(parts, [u for u in units if u not in beside], units)
    end = len(parts) - 1
    for part in parts:
        if part.kind == "attention":
            (number,) = part.units
            part.query = _query(parts, units[number], units)
    taps = [_tap(parts, unit, True, units) for unit in tapped]
    taps += [
        _tap(parts, unit, False, units)
        for unit in vectors
        if any(
            units[n].is_map and not units[n].is_attention for n in unit.sources
        )
        and _leaves(unit, units, consumers)
    ]
    _add_vectors(parts, vectors, units)
    return parts, [
        tap for tap in taps if tap.source is not None and tap.source.part != end
    ]


def _leaves(unit, units, consumers):
    """Whether attention reads a map on the side, for the end alone."""
    if not unit.sources:
        return False
    source, *_ = unit.sources
    beside = [c for c in consumers[source] if c is not unit]
    reached = {unit.number}
    for later in units[unit.number + 1 :]:
        if reached.intersection(later.sources):
            if later.is_map and not later.is_attention:
                return False
            reached.add(later.number)
    return bool(beside)


def _add_blocks(parts, maps, units):
    inline = sum(unit.is_attention for unit in maps) <= _MOST_INLINE
    block, members, reference = None, [], None

    def close():
        nonlocal block
        if block is not None and (
            any(unit.has_weights for unit in members) or block.pooled
        ):
            _describe(block, members, 1 + _count(parts, "block"))
            parts.append(block)
        block = None
        members.clear()

    for unit in maps:
        if unit.is_attention and inline:
            close()
            parts.append(_attention(unit))
            continue
        if unit.is_attention and block is not None:
            name = unit.rows[0]["layer"]
            if unit.path != unit.rows[0]["path"]:
                name = type(unit.operation).__name__
            block.attention[name] = block.attention.get(name, 0) + 1
        if block is not None and _differs(unit.shape, reference):
            if unit.is_pooling:
                block.pooled = unit.shape
                block.units.add(unit.number)
                close()
                continue
            close()
        if block is None:
            source = units[unit.sources[0]].shape if unit.sources else ()
            is_pool = unit.is_pooling and _differs(unit.shape, source)
            shape = source if is_pool else unit.shape
            block, reference = Part("block", unit.name, shape), shape
            if is_pool:
                block.pooled = unit.shape
                block.units.add(unit.number)
                close()
                continue
        if unit.has_weights and unit.is_map:
            block.shape = unit.shape
        block.units.add(unit.number)
        members.append(unit)
    close()
    names = collections.Counter(part.name for part in parts)
    blocks = [part for part in parts if part.kind == "block"]
    for number, part in enumerate(blocks, start=1):
        if names[part.name] > 1:
            part.name = f"stage {number}"


def _count(parts, kind):
    return sum(part.kind == kind for part in parts)


def _describe(block, members, number):
    """Names a block after what most of its layers' names begin with."""
    weighted = [u for u in members if u.has_weights and not u.is_attention]
    if not members:
        return  # pooling alone keeps its own name
    names = [unit.name.split("_") for unit in weighted or members]
    first, count = collections.Counter(n[0] for n in names).most_common(1)[0]
    common = []
    for tokens in zip(*(n for n in names if n[0] == first), strict=False):
        if len(set(tokens)) > 1:
            break
        common.append(tokens[0])
    classes = {type(unit.operation).__name__.lower() for unit in weighted}
    is_automatic = len(names) > 1 and "".join(common) in classes
    if is_automatic or 2 * count <= len(names):
        common = [f"stage {number}"]
    block.name = "_".join(common)
    convolutions = sum(unit.is_convolution for unit in weighted)
    if convolutions:
        block.details.append(f"{convolutions} conv")
    block.details += block.inside


def _attention(unit):
    part = Part("attention", unit.name, unit.rows[0]["map"])
    part.details = attention_lines(unit)
    part.units.add(unit.number)
    return part


def attention_lines(unit):
    """The class of an attention layer and the shapes of its weights."""
    shapes = [shape for row in unit.rows for shape in row["weights"]]
    return [type(unit.operation).__name__, *(times(s) for s in shapes)]


def times(shape):
    """Sizes with the sign of multiplication, and thin spaces around it."""
    return "\u2009\u00d7\u2009".join(map(str, shape))


def _tap(parts, unit, is_attention, units):
    details = attention_lines(unit) if is_attention else ["mean of the map"]
    source = _place(parts, unit.sources[0])
    query = _query(parts, unit, units)
    return Tap(source, unit.name, details, is_attention, query)


def _place(parts, source):
    """Where the result of a call stands, or `None`."""
    for number, part in enumerate(parts):
        if source in part.units:
            is_last = source == max(part.units)
            return Place(number, part.pooled is not None and is_last)
    return None


def _query(parts, unit, units):
    """The place of a query, or of the map that it was made of.

    `None` where none is shown, and for what attention reads anyway.
    """
    number = unit.query
    while number is not None:
        place = _place(parts, number)
        if place is not None:
            is_other = place != _place(parts, unit.sources[0])
            return place if is_other else None
        number = next(iter(units[number].sources), None)
    return None


def _add_vectors(parts, vectors, units):
    """The vector that the first dense layer reads, and dense layers."""
    dense = [u for u in vectors if u.has_weights and len(u.shape) == 1]
    shown = []
    if dense and dense[0].sources:
        shown.append(units[dense[0].sources[0]])
    elif vectors and not dense:
        shown.append(vectors[-1])
    shown += dense
    if len(shown) > _MOST_VECTORS:
        shown = [*shown[: _MOST_VECTORS - 1], shown[-1]]
    for unit in shown:
        if not unit.is_map and not unit.is_attention:
            name = unit.name or type(unit.operation).__name__.lower()
            parts.append(Part("vector", name, unit.shape, units={unit.number}))


def _differs(shape, other):
    grid, other = shape[:-1], other[:-1]
    if len(grid) != len(other):
        return True
    ratios = [a / b for a, b in zip(grid, other, strict=True)]
    return any(max(r, 1 / r) >= _NEW_MAP for r in ratios)
