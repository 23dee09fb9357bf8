"""SAGAN's block: what a generator draws here agrees with all it draws."""

from keras_attention import alignments
from keras_attention.internals import arguments
from keras_attention.internals.spectral_normalization import (
    SpectralNormalization,
)
from keras_attention.layers.attention_layer import registry
from keras_attention.layers.non_local import NonLocal2D

# What an alignment can ask for that the block does not tell it.
_UNMET = "needs_grid", "needs_query", "positive_scores", "per_channel"


@registry.register(
    "sagan",
    family="self",
    search_space={"variant": ["paper", "official"]},
)
class GenerativeAttention2D(NonLocal2D):
    """Self-attention of SAGAN, for generators and discriminators.

    `y_j = x_j + gain * W_v sum_i b_ji h(x_i)` with
    `b_ji = softmax_i(f(x_i) . g(x_j))`, where `f`, `g` and `h` are linear maps
    to `channels / 8`, unscaled and without biases, `W_v` maps back, and `gain`
    starts at 0: the block begins as the identity and learns how far to look.

    Args:
        variant: str, `"paper"`, or `"official"`: the authors' code, where
            `h(x)` has `channels / 2` channels and `f(x)` and `h(x)` are
            max-pooled 2x2. Defaults to `"paper"`.
        reduction_ratio: int; `f` and `g` have `channels / reduction_ratio`
            channels, rounded down, at least 1. Defaults to `8`.
        spectral_normalization: bool, whether each map is divided by its largest
            singular value, which is followed by one power iteration a step of
            training. Defaults to `True`.
        alignment: str, class, dict or `Alignment`, what makes weights `b_j` of
            the scores, of `keras_attention.alignments`, unless it needs more
            than scores of any sign, or has a map for every channel. Defaults to
            `"softmax"`.
        kernel_initializer: str, dict or `Initializer`, of all kernels. Defaults
            to `"glorot_uniform"`.
        max_positions: int or `None`, the largest `height * width` to accept,
            against running out of memory; `None` sets no limit. Defaults to
            `16384`.
        identity_init: bool, whether there is a `gain`, which starts at 0; else
            it is 1. Defaults to `True`.
        data_format: str or `None`: `"channels_last"`, `"channels_first"`, or
            `None` for Keras' default. Defaults to `None`.
        **kwargs: Keras' layer arguments (`name`, `dtype`, `trainable`).

    Call arguments:
        features: `(batch, height, width, channels)`.
        mask: Optional `(batch, height, width)`, true where a position may be
            gathered from; elsewhere the features stay as they are, or become 0
            without `identity_init`.
        training: Whether the spectral norms are followed.
        return_attention_scores: Whether to return the weights too.

    Returns:
        A map in the shape of `features`; with `return_attention_scores=True`
        also the weights `b`, `(batch, 1, positions, gathered)`, float32.

    Raises:
        ValueError: For an unknown variant, for an alignment that does not fit,
            and for a map with more than `max_positions`.

    Example:

    >>> import keras, numpy as np
    >>> from keras_attention import layers
    >>> block = layers.get("sagan", variant="official")
    >>> features = np.ones((2, 8, 8, 16), "float32")
    >>> outputs, weights = block(features, return_attention_scores=True)
    >>> bool((keras.ops.convert_to_numpy(outputs) == features).all())
    True
    >>> tuple(weights.shape)
    (2, 1, 64, 16)

    Reference:
        Zhang, Goodfellow, Metaxas, Odena: Self-Attention Generative
        Adversarial Networks. ICML 2019.

    Differs from the paper:
        In `variant="paper"`, not from its last version; the first had all
        channels in `h` and no `W_v`. Weights of a block whose gain is near 0
        show nothing that the network uses. The paper has the softmax alone.

    Cost:
        `4 N C D + 2 N^2 D` multiplications for `D = C / 8`, half of the square
        and a quarter of the memory with `"official"`, whose values are four
        times as wide; `4 C D` parameters, or `2 C D + C^2`.

    See also:
        `NonLocal2D`, of which it is a case; `keras_attention.tasks.generation`.
    """

    def __init__(
        self,
        variant="paper",
        reduction_ratio=8,
        spectral_normalization=True,
        alignment="softmax",
        kernel_initializer="glorot_uniform",
        max_positions=16384,
        identity_init=True,
        **kwargs,
    ):
        self.variant = arguments.one_of(
            "variant", variant, ("paper", "official")
        )
        self.spectral_normalization = arguments.boolean(
            "spectral_normalization", spectral_normalization
        )
        super().__init__(
            mode="embedded_gaussian",
            key_dim=None,
            scaled_by=None,
            residual=True,
            reduction_ratio=reduction_ratio,
            sub_sample=variant == "official",
            normalization=None,
            use_bias=False,
            kernel_initializer=kernel_initializer,
            max_positions=max_positions,
            identity_init=identity_init,
            **kwargs,
        )
        self.alignment = self.get_part(alignments, alignment, "alignment")
        for need in _UNMET:
            if getattr(self.alignment, need):
                raise ValueError(
                    "Invalid value for argument alignment: expected one of "
                    f"scores alone, without {need}. Received: "
                    f"{type(self.alignment).__name__}"
                )

    def build_attention(self, features_shape, query_shape):
        """Creates the linear maps, and what the alignment has of its own."""
        super().build_attention(features_shape, query_shape)
        batch, *_, channels = features_shape
        _, scores_shape = self.attention_shapes(features_shape, query_shape)
        tokens_shape = (batch, scores_shape[2], channels)
        self.alignment.build_inside(scores_shape, tokens_shape, tokens_shape)

    def value_dim(self, channels, key_dim):
        """Half of the channels in the authors' code."""
        return max(1, channels // 2) if self.variant == "official" else key_dim

    def aligned(self, f, mask):
        """The weights of scores, by the alignment."""
        return self.alignment(f, mask=mask)

    def get_config(self):
        """The constructor's arguments."""
        config = super().get_config()
        for name in (
            *("mode", "key_dim", "sub_sample", "scaled_by"),
            *("normalization", "use_bias", "residual"),
        ):
            del config[name]
        return {
            **config,
            "variant": self.variant,
            "alignment": alignments.serialize(self.alignment),
            "spectral_normalization": self.spectral_normalization,
        }

    def linear(self, name, units, shape, use_bias=True):
        """Divided by its largest singular value, if that is wanted."""
        layer = super().linear(name, units, shape, use_bias)
        if not self.spectral_normalization:
            return layer
        layer = SpectralNormalization(layer, name=name, dtype=self.dtype_policy)
        layer.build(shape)
        return layer
