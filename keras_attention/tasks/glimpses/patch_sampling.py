"""Patches drawn from an attention map, with weights that know the odds."""

import keras
from keras import ops

from keras_attention.internals import arguments
from keras_attention.internals.configured import ConfiguredLayer
from keras_attention.internals.recording import record_attention
from keras_attention.ops import at_least_float32
from keras_attention.ops import bounded
from keras_attention.ops import gumbel
from keras_attention.ops import precise_dtype
from keras_attention.tasks.glimpses.patches import crop_patches
from keras_attention.tasks.glimpses.patches import pair


@keras.saving.register_keras_serializable(package="keras_attention")
class PatchSampling2D(ConfiguredLayer):
    """Draws `K` patches of an image from an attention map, each place once.

    The map `a = softmax(e)` of the scores of all places is a distribution.
    Places `q_1, ..., q_K` are drawn from it one after the other, never one
    twice, and with the weights

    `w_k = ((K - k) a(q_k) + 1 - a(q_1) - ... - a(q_{k-1})) / K`

    the sum `w_1 f(q_1) + ... + w_K f(q_K)` is an unbiased estimate of the
    dense sum of `a_i f_i` over all places, whatever the features `f` of a patch
    are: the mean of `K` estimates, of which the `k`-th takes the first `k - 1`
    draws as they are, and the last one for all that is left. The weights are
    returned as `w_k a(q_k) / stop(a(q_k))`, so that the gradient of the sum, by
    the scores and by whatever is behind `f`, is an unbiased estimate of that of
    the dense sum too. A loss that is not linear in the sum has the bias that
    every function of an estimate has.

    Args:
        num_patches: int, `K`, at most the number of places of the map.
        patch_size: int or tuple `(height, width)`, of a patch in pixels, at
            most that of the image.
        inference: str, what happens outside training: `"top"` takes the `K`
            most probable places with weights `a_i` divided by their sum, which
            is no estimate but the same every time; `"sample"` draws as in
            training. Defaults to `"top"`.
        entropy_weight: float, `c`, at least 0: the layer adds `-c H(a)` to the
            model's loss, in nats and averaged over images, against settling
            too early. Defaults to `0.0`.
        seed: int or `None`, for the draws. Defaults to `None`.
        **kwargs: Keras' layer arguments (`name`, `dtype`, `trainable`).

    Call arguments:
        images: `(batch, height, width, channels)`, also of integers. Sizes must
            be known.
        scores: `(batch, rows, columns, 1)`, `e`; a place stands for the middle
            of its share of the image.
        training: Whether to draw.

    Returns:
        Patches `(batch, K, *patch_size, channels)` in the compute dtype, 0
        where a patch leaves the image, and weights `(batch, K)` in float32,
        which sum to 1. The map `(batch, 1, rows, columns)` is what
        `keras_attention.AttentionExtractor` sees.

    Raises:
        ValueError: For patches larger than the image, for more of them than
            places, and for arguments out of their range.

    Example:

    >>> from keras_attention.tasks import glimpses
    >>> layer = glimpses.PatchSampling2D(num_patches=5, patch_size=16)
    >>> images, scores = ops.ones((2, 64, 96, 3)), ops.zeros((2, 8, 12, 1))
    >>> patches, weights = layer(images, scores, training=True)
    >>> tuple(patches.shape), tuple(weights.shape)
    ((2, 5, 16, 16, 3), (2, 5))

    Reference:
        Katharopoulos, Fleuret: Processing Megapixel Images with Deep
        Attention-Sampling Models. ICML 2019. The weights: Des Raj: Some
        Estimators in Sampling with Varying Probabilities without Replacement.
        1956. The draws: Kool, van Hoof, Welling: Stochastic Beams and Where to
        Find Them. ICML 2019.

    Differs from the paper:
        The estimate of the sum is that of its code. The gradient by the map
        applies the same weights to `f_i` times the gradient of `a_i`, which is
        unbiased term by term. Its code draws at inference
        (`inference="sample"`).

    Cost:
        `rows * columns` random numbers, the `K` highest of as many, and one
        gather of `K` patches: nothing grows with the image but the map.

    See also:
        `AttentionSampling`, a whole network; `SampledAlignment`, which draws
        one position of a map of features.
    """

    weights_kind = "spatial"

    def __init__(
        self,
        num_patches,
        patch_size,
        inference="top",
        entropy_weight=0.0,
        seed=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.num_patches = arguments.size("num_patches", num_patches)
        self.patch_size = pair("patch_size", patch_size)
        self.inference = arguments.one_of(
            "inference", inference, ("top", "sample")
        )
        self.entropy_weight = arguments.non_negative_float(
            "entropy_weight", entropy_weight
        )
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(arguments.seed(seed))

    def build(self, images_shape, scores_shape):
        """Compares the sizes."""
        sizes = (*images_shape[1:], *scores_shape[1:])
        if len(sizes) != 6 or None in sizes or scores_shape[-1] != 1:
            raise ValueError(
                "PatchSampling2D takes images (batch, height, width, channels) "
                "and scores (batch, rows, columns, 1), of known sizes. "
                f"Received: images of shape {tuple(images_shape)} and scores "
                f"of shape {tuple(scores_shape)}"
            )
        places = scores_shape[1] * scores_shape[2]
        if self.num_patches > places:
            expected = (
                f"at most {places}, the places of a map of "
                f"{scores_shape[1]} x {scores_shape[2]}"
            )
            raise ValueError(
                arguments.invalid("num_patches", self.num_patches, expected)
            )
        fit_in(self.patch_size, images_shape[1:3])

    def call(self, images, scores, training=None):
        """Draws; see the class."""
        grid = scores.shape[1:3]
        places = grid[0] * grid[1]
        scores = ops.reshape(scores, (-1, places))
        scores = bounded(at_least_float32(scores))
        log_map = ops.log_softmax(scores, axis=-1)
        maps = ops.exp(log_map)  # (b, places)
        if self.entropy_weight:
            entropy = -ops.sum(maps * log_map, axis=-1)
            self.add_loss(-self.entropy_weight * ops.mean(entropy))
        shown = ops.reshape(maps, (-1, 1, *grid))
        used = record_attention(self, shown)
        if used is not shown:  # replaced, to see whether it matters
            used = ops.reshape(used, (-1, places))
            scores = log_map = ops.log(ops.maximum(used, 1e-30))
        draws = training or self.inference == "sample"
        chosen = self._choice(ops.stop_gradient(scores), draws)  # (b, K)
        log_taken = ops.take_along_axis(log_map, chosen, axis=-1)
        taken = ops.exp(ops.stop_gradient(log_taken))
        weights = self._weights(taken, draws)
        # 1, with the gradient of the logarithm.
        weights *= ops.exp(log_taken - ops.stop_gradient(log_taken))
        corners = self._corners(chosen, grid, images.shape[1:3])
        patches = crop_patches(images, corners, self.patch_size)
        return ops.cast(patches, self.compute_dtype), weights

    def _choice(self, scores, draws):
        """The highest, or with Gumbel noise a draw, in the order drawn."""
        if draws:
            dtype = keras.backend.standardize_dtype(scores.dtype)
            shape = ops.shape(scores)
            scores = scores + gumbel(shape, self.seed_generator, dtype)
        return ops.top_k(scores, self.num_patches)[1]

    def _weights(self, taken, draws):
        if not draws:
            return taken / ops.sum(taken, axis=-1, keepdims=True)
        left = 1.0 - (ops.cumsum(taken, axis=-1) - taken)
        later = ops.arange(self.num_patches - 1, -1, -1, dtype=taken.dtype)
        # Below 0 by rounding alone, where the map is one place.
        return (ops.maximum(left, 0.0) + later * taken) / self.num_patches

    def _corners(self, chosen, grid, image):
        """`(batch, K, 2)`, the first pixels of patches around places."""
        corners = []
        for axis, place in enumerate((chosen // grid[1], chosen % grid[1])):
            stride = image[axis] / grid[axis]
            middle = (ops.cast(place, "float32") + 0.5) * stride
            corners.append(ops.floor(middle - self.patch_size[axis] / 2 + 0.5))
        return ops.cast(ops.stack(corners, axis=-1), "int32")

    def compute_output_spec(self, images, scores, training=None):
        """Patches in the compute dtype and weights in float32."""
        batch, *_, channels = images.shape
        patches = (batch, self.num_patches, *self.patch_size, channels)
        return (
            keras.KerasTensor(patches, self.compute_dtype),
            keras.KerasTensor(patches[:2], precise_dtype(self.compute_dtype)),
        )

    def get_config(self):
        """The constructor's arguments."""
        return {
            **super().get_config(),
            "num_patches": self.num_patches,
            "patch_size": self.patch_size,
            "inference": self.inference,
            "entropy_weight": self.entropy_weight,
            "seed": self.seed,
        }


def fit_in(patch_size, image):
    """Raises `ValueError` for patches larger than the image."""
    if any(p > s for p, s in zip(patch_size, image, strict=True)):
        height, width = image
        expected = f"patches that fit in an image of {height} x {width} pixels"
        raise ValueError(arguments.invalid("patch_size", patch_size, expected))
