"""What attention costs in a model: one row a layer."""

import dataclasses

import keras

from keras_attention.inspection.costs import ancestry
from keras_attention.inspection.costs import sum_costs
from keras_attention.inspection.costs import tensor_bytes
from keras_attention.inspection.device_memory import device_memory
from keras_attention.inspection.extractor import AttentionExtractor
from keras_attention.inspection.symbolic_inputs import symbolic_inputs
from keras_attention.inspection.trace import trace
from keras_attention.inspection.weights_kind import weights_kinds
from keras_attention.internals import arguments
from keras_attention.internals.recording import sublayers
from keras_attention.internals.table import html_table
from keras_attention.internals.table import text_table
from keras_attention.internals.words import few


@dataclasses.dataclass(frozen=True, eq=False)
class AttentionSummary:
    """What `attention_summary` found, to print and to show.

    Attributes:
        rows: list of one dict an attention layer: `path` (where it is in the
            model), `layer` (its class), `kind` (`"spatial"`, `"channel"` or
            `"pairwise"`), `map` (the shape of what it attends to, without the
            batch), `weights` (list of shapes without the batch; several for a
            shared layer whose calls differ), `parameters`, `flops`,
            `activation_bytes` (see `inspection.Costs`), and `flops_share` and
            `memory_share`, of the model's.
        total: dict, the same numbers of all of them together. A layer inside
            another attention layer counts once.
        model: `Costs` of the model.
        title: str, what was counted.
        notes: list of str, lines below the table, such as warnings.
    """

    rows: list
    total: dict
    model: object
    title: str
    notes: list

    def __str__(self):
        if not self.rows:
            return "\n".join([self.title, *self.notes])
        table = text_table(*self._table())
        return "\n".join([self.title, "", table, *self.notes])

    def _repr_html_(self):
        parts = [html_table([self.title], [[note] for note in self.notes])]
        return "".join([html_table(*self._table())] * bool(self.rows) + parts)

    def _table(self):
        header = [
            "attention",
            "class",
            "kind",
            "map",
            "weights",
            "parameters",
            "FLOPs",
            "of model",
            "memory",
            "of model",
        ]
        cells = [
            [
                row["path"],
                row["layer"],
                row["kind"],
                by(row["map"]),
                "\n".join(map(by, row["weights"])),
                *_costs(row),
            ]
            for row in self.rows
        ]
        blank = [""] * 4
        cells.append(["all attention", *blank, *_costs(self.total)])
        whole = {
            **dataclasses.asdict(self.model),
            "flops_share": 1.0,
            "memory_share": 1.0,
        }
        cells.append(["model", *blank, *_costs(whole)])
        return header, cells


def attention_summary(
    model, input_shape=None, batch_size=1, *, memory_limit=None
):
    """What the attention of a model costs: parameters, operations, memory.

    Every layer that attends has a row: those of this package, wherever they
    are in the model, Keras' own, and every other layer that reports its
    weights with `record_attention`. Nothing is computed; see
    `keras_attention.inspection.costs.count_costs` for what the numbers are.

    Pairwise weights grow with the square of the positions. If, for
    `batch_size` images, all of them and their gradients would not fit in
    memory together, a warning says so; other memory comes on top.

    Args:
        model: `keras.Model`.
        input_shape: tuple, list, dict or `None`, sizes of the image without the
            batch, needed unless the model knows all of them; a list or
            dictionary for several inputs. Defaults to `None`.
        batch_size: int, how many images. Defaults to `1`.
        memory_limit: int or `None`, bytes to compare with; `None` is the memory
            of the device that Keras computes on, where it can be told. Defaults
            to `None`.

    Returns:
        An `AttentionSummary`: print it, show it in a notebook, or read its
        `rows`. A model without attention has none.

    Raises:
        ValueError: If `model` is not a Keras model, if sizes are missing or
            do not fit, and for models that `count_costs` cannot count.

    Example:

    >>> from keras_attention import VGG16BNAttention
    >>> model = VGG16BNAttention(
    ...     {"block3": "se", "block4": "gate"}, classes=2,
    ...     input_shape=(None, None, 3), width_multiplier=0.25,
    ... )
    >>> summary = attention_summary(model, input_shape=(64, 64, 3))
    >>> [(row["path"], row["kind"], row["map"]) for row in summary.rows]
    [('block3_pool_se', 'channel', (8, 8, 64)),
     ('block4_pool_gate', 'spatial', (4, 4, 128))]
    >>> summary.rows[0]["flops"] == 2 * (64 * 4 + 4 * 64)
    True
    >>> print(f"{summary.total['flops_share']:.1%}")
    0.4%

    See also:
        `keras_attention.visualization.plot_architecture`, the same as a
        picture; `keras_attention.compare` for what it brings.
    """
    if not isinstance(model, keras.Model):
        raise ValueError(arguments.invalid("model", model, "a keras.Model"))
    arguments.positive_int("memory_limit", memory_limit, optional=True)
    inputs = symbolic_inputs(model, input_shape, batch_size)
    _, calls = trace(model, inputs)
    costs = sum_costs(model, calls)
    (_, weights), _ = trace(model, inputs, AttentionExtractor(model).call)
    layers = dict(sublayers(model))
    rows = {}
    for name, kind in weights_kinds(model, weights).items():
        path = name if name in layers else name.rpartition("#")[0]
        call = next((c for c in calls if c.operation is layers.get(path)), None)
        if call is None:
            raise ValueError(
                f"The costs of {name!r} cannot be told apart: a layer reports "
                "attention that no layer of the model has as an attribute, or "
                "that is not called itself, but its method `call`."
            )
        if path not in rows:
            rows[path] = _row(path, call, kind, costs)
        shape = tuple(weights[name].shape[1:])
        if shape not in rows[path]["weights"]:
            rows[path]["weights"].append(shape)
    pairwise = {
        name: tensor_bytes(weights[name])
        for name, kind in weights_kinds(model, weights).items()
        if kind == "pairwise"
    }
    return AttentionSummary(
        list(rows.values()),
        _total(_outermost(rows, layers), costs),
        costs.total,
        _title(model, inputs, costs.total, rows),
        _notes(pairwise, batch_size, memory_limit) + _not_counted(costs),
    )


def by(shape):
    """`(14, 14, 512)` as `14 x 14 x 512`."""
    return " x ".join(map(str, shape))


def _row(path, call, kind, costs):
    own = costs.layers[path]
    return {
        "path": path,
        "layer": type(call.operation).__name__,
        "kind": kind,
        "map": tuple(call.inputs[0].shape[1:]),
        "weights": [],
        **dataclasses.asdict(own),
        **_shares(own.flops, own.activation_bytes, costs.total),
    }


def _outermost(rows, layers):
    """The paths of attention that is inside no other attention."""
    return {
        next(
            outer
            for outer in ancestry(path)[1:]
            if outer in rows or hasattr(layers[outer], "attention_shapes")
        )
        for path in rows
    }


def _total(paths, costs):
    total = {
        name: sum(getattr(costs.layers[path], name) for path in paths)
        for name in ("parameters", "flops", "activation_bytes")
    }
    shares = _shares(total["flops"], total["activation_bytes"], costs.total)
    return {**total, **shares}


def _shares(flops, memory, model):
    # A model of pooling alone has no operations to share.
    return {
        "flops_share": flops / max(1, model.flops),
        "memory_share": memory / max(1, model.activation_bytes),
    }


def _title(model, inputs, costs, rows):
    images = keras.tree.flatten(inputs)
    count = images[0].shape[0]
    shapes = ", ".join(by(x.shape[1:]) for x in images)
    counted = (
        f"{type(model).__name__} {model.name!r}, {count} x ({shapes}), one "
        f"forward pass: {short(costs.flops)}FLOPs, "
        f"{short(costs.activation_bytes)}B of activations"
    )
    return counted if rows else f"No attention layer in {counted}"


def _notes(pairwise, batch_size, memory_limit):
    if not pairwise:
        return []
    limit = memory_limit or device_memory()
    if limit is None:
        return [
            "The memory of this device is not known; with memory_limit=, "
            "pairwise attention that does not fit is warned of."
        ]
    # Weights are kept for the gradient, and their own is as large.
    needed = {name: 2 * size for name, size in pairwise.items()}
    if sum(needed.values()) <= limit:
        return []
    parts = ", ".join(f"{n}: {short(size)}B" for n, size in needed.items())
    return [
        f"Warning: in training, pairwise weights of {batch_size} images and "
        f"their gradients take {short(sum(needed.values()))}B, more than the "
        f"{short(limit)}B of memory ({parts})."
    ]


def _not_counted(costs):
    if not costs.unknown:
        return []
    return [
        "FLOPs without those of operations that are not known: "
        f"{few(costs.unknown)}."
    ]


def _costs(row):
    return [
        f"{row['parameters']:,}",
        short(row["flops"]).rstrip(),
        percent(row["flops_share"]),
        short(row["activation_bytes"]) + "B",
        percent(row["memory_share"]),
    ]


def percent(share):
    """One digit behind the point, but nothing that is there is 0."""
    return "<0.1%" if 0 < share < 0.0005 else f"{share:.1%}"


def short(number):
    """Three digits and a prefix: `1.23 M`, ready for a unit."""
    for prefix in ("", "k", "M", "G", "T"):
        if number < 999.5 or prefix == "T":
            break
        number /= 1000
    digits = f"{number:.3g}" if number < 1000 else f"{number:,.0f}"
    return f"{digits} {prefix}"
