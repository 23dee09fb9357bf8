"""What every alignment is: a layer that turns scores into weights."""

import keras

from keras_attention.alignments.distributions import CategoricalDistribution
from keras_attention.internals.configured import ConfiguredLayer
from keras_attention.internals.registry import Registry
from keras_attention.internals.shapes import expect_axes
from keras_attention.internals.shapes import expect_broadcast
from keras_attention.internals.shapes import shape_of
from keras_attention.ops import precise_dtype

registry = Registry("alignment")


class Alignment(ConfiguredLayer):
    """Turns scores into non-negative weights, row by row.

    `alignment(scores, mask=None, grid_shape=None, query=None, training=None)`
    keeps the shape `(batch, heads, queries, positions)` and computes in
    float32. `mask` broadcasts to the scores and is true where a position may
    be attended to; a fully masked row gives zeros. Every alignment takes the
    map's height and width as `grid_shape`, and the vectors that ask as
    `query`, `(batch, queries, query_channels)`, whether it looks at them or
    not; its flags say what it cannot do without.

    A subclass implements `call`, and `build(scores_shape, query_shape=None)`
    if it has weights. A layer that holds an alignment builds it by
    `build_inside`.

    Args:
        **kwargs: Keras' layer arguments (`name`, `dtype`, `trainable`).
    """

    #: Whether the weights of a row sum to 1.
    normalized = True
    #: Whether `grid_shape`, the map's height and width, must be passed.
    needs_grid = False
    #: Whether `query` must be passed.
    needs_query = False
    #: Whether the scores must be non-negative.
    positive_scores = False
    #: Whether the weights carry the channels of the features in place of the
    #: heads.
    per_channel = False
    #: Whether it trains only inside a `ReinforceModel`.
    needs_reinforce = False

    def __init__(self, **kwargs):
        # Autocasting would take the scores down to half precision.
        super().__init__(autocast=False, **kwargs)

    def __call__(self, scores, *args, **kwargs):
        """Checks the axes of scores and mask, and aligns."""
        axes = ("batch", "heads", "queries", "positions")
        expect_axes(self, "scores", shape_of(scores), axes)
        mask = args[0] if args else kwargs.get("mask")
        if mask is not None:
            expect_broadcast(self, "a mask", shape_of(mask), shape_of(scores))
        return super().__call__(scores, *args, **kwargs)

    def build(self, scores_shape, query_shape=None):
        """Nothing to create; a subclass with weights has its own."""

    def build_inside(self, scores_shape, query_shape, features_shape):
        """Builds it as a part of a layer, which knows the features too.

        Args:
            scores_shape: tuple `(batch, heads, queries, positions)`.
            query_shape: tuple `(batch, queries, query_channels)`, or `None`.
            features_shape: tuple `(batch, positions, channels)`.
        """
        # Keras takes no shape for `build` that is not an argument of `call`.
        self.build(scores_shape, query_shape)

    def distribution(self, scores, mask=None, grid_shape=None, query=None):
        """The weights as probabilities: best guess, entropy, samples.

        Args:
            scores: tensor, as for a call, like the other arguments.
            mask: tensor or `None`, see the class. Defaults to `None`.
            grid_shape: tuple or `None`, see the class. Defaults to `None`.
            query: tensor or `None`, see the class. Defaults to `None`.

        Returns:
            A `CategoricalDistribution`: of all positions, one. An alignment
            that means something else by its weights returns that.

        Raises:
            ValueError: If the weights are no probabilities.
        """
        if not self.normalized:
            raise ValueError(
                f"The weights of {registry.key_of(self)} are no probabilities: "
                "they do not sum to 1, nor is each one of its own."
            )
        weights = self(scores, mask=mask, grid_shape=grid_shape, query=query)
        return CategoricalDistribution(weights)

    def compute_mask(self, scores, previous_mask=None):
        """None: weights need no mask any more."""
        return None

    def get_config(self):
        """Keras' own arguments; a subclass adds its own."""
        # Left to Keras, a layer made with a policy object would be refused.
        return super().get_config()

    def compute_output_shape(self, scores_shape):
        """The shape of the scores."""
        return scores_shape

    def compute_output_spec(
        self, scores, mask=None, grid_shape=None, query=None, training=None
    ):
        """The shape of the scores, in float32."""
        return keras.KerasTensor(
            scores.shape, precise_dtype(self.compute_dtype)
        )


registry.base = Alignment
