"""What attention may cost beside the plain network."""

import dataclasses
import operator

import keras
import keras_tuner

from keras_attention.inspection.costs import Costs
from keras_attention.inspection.costs import count_costs
from keras_attention.internals import arguments
from keras_attention.tuning.space.mechanisms import layer_of

COSTS = [field.name for field in dataclasses.fields(Costs)]


class TooCostlyError(keras_tuner.errors.FailedTrialError):
    """A network was drawn that costs more than `max_overhead` allows."""


class Budget:
    """Bounds of the costs, relative to the network without attention.

    What may be added is a share of the plain network's FLOPs, or a dictionary
    of `"flops"`, `"parameters"` and `"activation_bytes"`.
    """

    def __init__(self, base, bounds):
        if not isinstance(bounds, dict):
            bounds = {"flops": bounds}
        for name, bound in bounds.items():
            arguments.one_of("max_overhead", name, COSTS)
            arguments.positive_float("max_overhead", bound)
        self.base = base
        self.bounds = dict(bounds)
        self._plain_costs = {}

    def plain(self, network):
        """`Costs` of the network without attention, counted once a width."""
        key = network.get("width_multiplier")
        if key not in self._plain_costs:
            model = self.base.build({}, {**network, "dropout": 0.0})
            self._plain_costs[key] = count_costs(model).total
        return self._plain_costs[key]

    def allows(self, place, description):
        """Whether attention at one place, by itself, is within the bounds."""
        site, networks = self.base.sites[place], self.base.networks
        # A site has one map a network, or all of its maps in the only one.
        several = len(networks) > 1
        maps = [[shape] for shape in site.maps] if several else [site.maps]
        for number, (network, shapes) in enumerate(
            zip(networks, maps, strict=True)
        ):
            plain = self.plain(network)
            query = site.queries[number] if site.queries else None
            added = [_layer_costs(description, s, query) for s in shapes]
            if self._excess(_sum_of(plain, *added), plain):
                return False
        return True

    def check(self, model, plain):
        """Raises a `TooCostlyError` for a model that is above its bounds."""
        excess = self._excess(count_costs(model).total, plain)
        if excess:
            raise TooCostlyError(f"too costly: {'; '.join(excess)}")

    def _excess(self, costs, plain):
        """What is above its bound, in words."""
        words = []
        for name, bound in self.bounds.items():
            own, of_plain = getattr(costs, name), getattr(plain, name)
            if own > (1 + bound) * of_plain:
                words.append(
                    f"{100 * (own / of_plain - 1):.1f} % more {name} than the "
                    f"plain network ({own:.3g} against {of_plain:.3g}), "
                    f"max_overhead allows {100 * bound:g} %"
                )
        return words


def _layer_costs(description, shape, query):
    """`Costs` of a layer by itself, on one image."""
    layer = layer_of(description)
    if isinstance(layer, keras.layers.GlobalAveragePooling2D):
        return Costs()
    inputs = {"features": _in_format(shape)}
    if query is None:
        pass  # None is needed, or one is learned.
    elif layer.query_kind == "vector":
        inputs["query"] = query[2:]
    elif layer.query_kind == "map":
        inputs["query"] = _in_format(query)
    return count_costs(layer, inputs).total


def _in_format(shape):
    if keras.config.image_data_format() == "channels_first":
        return (shape[2], *shape[:2])
    return tuple(shape)


def _sum_of(*costs):
    return Costs(*(sum(map(operator.attrgetter(n), costs)) for n in COSTS))
