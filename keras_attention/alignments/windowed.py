"""What alignments that look at a window only have in common."""

from keras import ops

from keras_attention.alignments.tempered import TemperedAlignment
from keras_attention.internals import arguments


class WindowedAlignment(TemperedAlignment):
    """An alignment of the positions around a centre.

    Args:
        radius: int, how far the window reaches from its centre, in positions,
            in every dimension. Defaults to `3`.
        dimensions: int, 2 for a window of rows and columns of the map, 1 for
            one over the positions as a sequence, row by row. Defaults to `2`.
        temperature: float, `t` > 0 of the softmax. Defaults to `1.0`.
        **kwargs: `learnable_temperature`, and Keras' layer arguments.
    """

    def __init__(self, radius=3, dimensions=2, temperature=1.0, **kwargs):
        super().__init__(temperature, **kwargs)
        self.radius = arguments.size("radius", radius)
        self.dimensions = arguments.one_of("dimensions", dimensions, (1, 2))

    @property
    def needs_grid(self):
        """Whether `grid_shape` must be passed: for windows of rows."""
        return self.dimensions == 2

    def sizes(self, scores, grid_shape):
        """The sizes that the window runs over, integers or tensors."""
        if self.dimensions == 1:
            return [ops.shape(scores)[-1]]
        if grid_shape is None:
            raise ValueError(
                f"{type(self).__name__} with dimensions=2 needs the height "
                "and width of the map. Received: grid_shape=None"
            )
        return list(grid_shape)

    def get_config(self):
        """The constructor's arguments."""
        return {
            **super().get_config(),
            "radius": self.radius,
            "dimensions": self.dimensions,
        }
