"""VGG16_bn as the network that a search puts attention into."""

from keras_attention.features import VGG16BN
from keras_attention.models import VGG16BNAttention
from keras_attention.surgery.graph import read_graph
from keras_attention.tuning.space.mechanisms import layer_of
from keras_attention.tuning.space.site import Site
from keras_attention.tuning.space.site import map_shapes

_BLOCKS = ("block3", "block4", "block5")


class VGGBase:
    """VGG16_bn with random weights; attention is inserted or taps it.

    It has the attributes of a `FunctionalBase`: `sites` have one map for each
    of the `widths` that are drawn from, and `networks` tell them in that order.
    Places are what `VGG16BNAttention` takes as `where`.
    """

    def __init__(self, input_shape, classes, activation, places, widths):
        self.input_shape = tuple(input_shape)
        self.classes = classes
        self.activation = activation
        self.outputs = {"predictions": (classes,)}
        self.output_names = {*self.outputs}
        self.has_width = True
        # Random weights have nothing to lose.
        self.choices = {}
        self.networks = [{"width_multiplier": width} for width in widths]
        self.sites = self._find_sites(places or _BLOCKS, widths)

    def build(self, attention, network):
        """The network with what `attention_space` and `network_space` drew."""
        return VGG16BNAttention(
            {where: layer_of(what) for where, what in attention.items()},
            input_shape=self.input_shape,
            classes=self.classes,
            classifier_activation=self.activation,
            width_multiplier=network["width_multiplier"],
            dropout=network["dropout"],
        )

    def _find_sites(self, places, widths):
        maps, queries = {place: [] for place in places}, []
        for width in widths:
            try:
                graph = read_graph(
                    VGG16BN(
                        include_top=False,
                        input_shape=self.input_shape,
                        width_multiplier=width,
                    )
                )
                for place in places:
                    maps[place] += map_shapes(graph, place)
            except ValueError as error:
                raise ValueError(
                    "The network cannot be built for these input_shape="
                    f"{self.input_shape}, places={list(places)} and "
                    f"width_multiplier={width}: {error}"
                ) from error
            queries += map_shapes(graph, "block5_pool")
        return {place: Site(shapes, queries) for place, shapes in maps.items()}
