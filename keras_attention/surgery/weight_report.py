"""Which weights two models have in common, by their addresses."""

import collections
import dataclasses
import math
import re

import keras

from keras_attention.internals import keras_private
from keras_attention.surgery.graph import is_functional


@dataclasses.dataclass
class WeightReport:
    """The weights of a model beside those of an earlier one.

    Args:
        kept: list, paths of the weights that both have, bit for bit.
        changed: list, paths of those that both have, with other values.
        new: list, paths of those that only the later model has.
        missing: list, paths of those that only the earlier one had.
        sizes: dict `{path: number of parameters}`.
    """

    kept: list[str]
    changed: list[str]
    new: list[str]
    missing: list[str]
    sizes: dict[str, int] = dataclasses.field(repr=False)

    def count(self, paths):
        """The number of parameters of some weights."""
        return sum(self.sizes[path] for path in paths)

    def __str__(self):
        lines = []
        for field in ("kept", "changed", "new", "missing"):
            paths = getattr(self, field)
            lines.append(
                f"{field:8}{len(paths):5} weights {self.count(paths):12,} "
                "parameters"
            )
            if field != "kept":
                lines += [f"  {path} ({self.sizes[path]:,})" for path in paths]
        return "\n".join(lines)


def compare_weights(before, after):
    """Compares the weights of two models, address by address.

    An address is the path of a layer in nested functional models and the
    position of a part in any other layer. Names that Keras numbers anew for
    every object thus do not matter, and neither does the order of layers.

    Args:
        before: `keras.Model`, the earlier one.
        after: `keras.Model`, the later one, usually what `attach`, `detach`,
            `fit` or `keras.saving.load_model` made of it.

    Returns:
        A `WeightReport`; printed, it lists all but the kept weights, with
        their numbers of parameters.

    Raises:
        ValueError: If one of the two is no Keras model.

    Example:

    >>> import keras
    >>> from keras_attention import attach
    >>> inputs = keras.Input((8, 8, 3))
    >>> maps = keras.layers.Conv2D(4, 3, name="conv")(inputs)
    >>> model = keras.Model(inputs, maps)
    >>> print(compare_weights(model, attach(model, {"conv": "eca"})))
    kept        2 weights          112 parameters
    changed     0 weights            0 parameters
    new         2 weights            4 parameters
      conv_eca/gain (1)
      conv_eca/conv/kernel (3)
    missing     0 weights            0 parameters

    Cost:
        Reads every weight once.

    See also:
        `attach`, which uses it to make sure that no weight is lost.
    """
    for name, model in (("before", before), ("after", after)):
        if not isinstance(model, keras.Model):
            raise ValueError(
                f"compare_weights compares two Keras models. Received: "
                f"{name}={model!r}"
            )
    old, new = (_weights(model) for model in (before, after))
    report = WeightReport([], [], [], [], {})
    for key, (path, weight) in {**old, **new}.items():
        if key not in old:
            report.new.append(path)
        elif key not in new:
            report.missing.append(path)
        elif _equal(old[key][1], weight):
            report.kept.append(path)
        else:
            report.changed.append(path)
        report.sizes[path] = math.prod(weight.shape)
    return report


def variables_by_address(layer):
    """`{address: (path, variable)}` of all state, seeds of dropout included.

    The address is a tuple that a copy of the layer shares; the path is for
    people.
    """
    found = {}
    seen = set()

    def visit(layer, address, path, is_named):
        children = keras_private.children(layer)
        inner = {id(v) for child in children for v in child.variables}
        used = collections.Counter()
        for variable in layer.variables:
            if id(variable) in inner or id(variable) in seen:
                continue
            seen.add(id(variable))
            # Keras numbers the variables that have no name of their own.
            name = re.sub(r"_\d+$", "", variable.name)
            used[name] += 1
            key = (*address, name, used[name])
            found[key] = ("/".join((*path, variable.name)), variable)
        is_named = is_named and is_functional(layer)
        used = collections.Counter()
        for position, child in enumerate(children):
            used[child.name] += 1
            part = (child.name, used[child.name]) if is_named else (position,)
            visit(child, (*address, *part), (*path, child.name), is_named)

    visit(layer, (), (), True)
    return found


def _weights(model):
    weights = {id(weight) for weight in model.weights}
    return {
        address: (path, variable)
        for address, (path, variable) in variables_by_address(model).items()
        if id(variable) in weights
    }


def _equal(first, second):
    first, second = map(keras.ops.convert_to_numpy, (first, second))
    # As bytes: NaN equals itself, in every dtype.
    return (first.shape, first.dtype, first.tobytes()) == (
        second.shape,
        second.dtype,
        second.tobytes(),
    )
