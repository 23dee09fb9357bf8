"""A network that looks here and there, and remembers what it has seen."""

import math

import keras
from keras import ops

from keras_attention.alignments.sampled import report_draw
from keras_attention.internals import arguments
from keras_attention.internals.configured import ConfiguredLayer
from keras_attention.tasks.glimpses.patch_sampling import fit_in
from keras_attention.tasks.glimpses.patches import crop_patches
from keras_attention.tasks.glimpses.patches import pair


@keras.saving.register_keras_serializable(package="keras_attention")
class RecurrentGlimpses(ConfiguredLayer):
    """Recurrent attention: a few glimpses, each where the last one leads to.

    A glimpse is a small patch of the image around `l_t`, with its surroundings
    in lower resolution: the same patch of the image at `1 / s` of its size, for
    every `s` of `scales`. A recurrent network takes it in, together with where
    it was, and says where to look next:

    `g_t = relu(A glimpse(x, l_t) + B relu(C l_t))`,
    `h_t = relu(D g_t + E h_{t-1})`,
    `m_{t+1} = tanh(F relu(G h_t))`.

    Locations are `(row, column)` in [-1, 1], and the first is the middle. With
    `learn_by="reinforce"` the next one is drawn in training,
    `l ~ Normal(m, std)`, and has no gradient: the layer belongs into a
    `keras_attention.models.ReinforceModel`, and what is behind the locator's
    `h_t` is trained by the glimpses alone. With `"gradient"` it is `m` itself,
    and patches are interpolated between pixels, which gives `m` a gradient, as
    far as an edge of the patch sees. Outside training `l = m` in both: one look
    at each place, and no mean over draws that would hide a poor choice.

    The locator `F` is 0 at first, and all glimpses are of the middle. A few
    large steps of an optimizer lead it to a corner, where tanh has no gradient
    any more. Learn to see first, with `locator` and `locator_hidden` at rest
    (`trainable = False`), then to look, at a lower rate.

    Args:
        num_glimpses: int, `T`. Defaults to `6`.
        patch_size: int or tuple `(height, width)`, of every patch. Defaults to
            `8`.
        scales: tuple of int, the `s`. Defaults to `(1, 2, 4)`.
        glimpse_network: layer, model or `None`, from the patches of a glimpse,
            `(batch, *patch_size, scales * channels)`, to a vector; `None` is a
            dense layer of `hidden_dim` units on all pixels. Defaults to `None`.
        hidden_dim: int, units of `C`, of `G`, and of the glimpse's dense layer.
            Defaults to `128`.
        units: int, of `g_t` and `h_t`. Defaults to `256`.
        learn_by: str, `"reinforce"` or `"gradient"`. Defaults to `"reinforce"`.
        std: float, of the locations drawn. Defaults to `0.05`.
        seed: int or `None`, for the draws. Defaults to `None`.
        **kwargs: Keras' layer arguments (`name`, `dtype`, `trainable`).

    Call arguments:
        images: `(batch, height, width, channels)`, of known sizes.
        training: Whether to draw.
        return_locations: Whether to return the locations too.

    Returns:
        The last state `h_T`, `(batch, units)`, from which a dense layer
        classifies. With `return_locations=True` also those of all glimpses,
        `(batch, T, 2)`, in float32.

    Raises:
        ValueError: For patches larger than the image, scales that leave nothing
            of it, and arguments out of their range.
        RuntimeError: With `"reinforce"` in training where nobody takes notice
            of the draws.

    Example:

    >>> from keras_attention.models import ReinforceModel
    >>> image = keras.Input((64, 64, 1))
    >>> state = RecurrentGlimpses(num_glimpses=4, patch_size=12)(image)
    >>> model = ReinforceModel(image, keras.layers.Dense(10)(state))
    >>> model.output_shape
    (None, 10)

    Reference:
        Mnih, Heess, Graves, Kavukcuoglu: Recurrent Models of Visual Attention.
        NeurIPS 2014.

    Differs from the paper:
        There the reward is 1 for a right answer, the baseline is learned for
        every step, and the first location is random; `ReinforceModel` takes
        what the loss saves, and the moving average of the loss. The locator has
        a hidden layer.

    Cost:
        `T` times the glimpse network, and the image once for every scale above
        1, whose average it is.

    See also:
        `AttentionSampling`, which sees all of the image first.
    """

    def __init__(
        self,
        num_glimpses=6,
        patch_size=8,
        scales=(1, 2, 4),
        glimpse_network=None,
        hidden_dim=128,
        units=256,
        learn_by="reinforce",
        std=0.05,
        seed=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.num_glimpses = arguments.size("num_glimpses", num_glimpses)
        self.patch_size = pair("patch_size", patch_size)
        self.scales = tuple(arguments.size("scales", s) for s in scales)
        if isinstance(glimpse_network, dict):
            glimpse_network = keras.saving.deserialize_keras_object(
                glimpse_network
            )
        self.glimpse_network = glimpse_network
        self.hidden_dim = arguments.size("hidden_dim", hidden_dim)
        self.units = arguments.size("units", units)
        self.learn_by = arguments.one_of(
            "learn_by", learn_by, ("reinforce", "gradient")
        )
        self.std = arguments.positive_float("std", std)
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(arguments.seed(seed))

    @property
    def needs_reinforce(self):
        """Whether only a `ReinforceModel` can train it."""
        return self.learn_by == "reinforce"

    def build(self, images_shape):
        """Creates the sub-layers."""
        if len(images_shape) != 4 or None in images_shape[1:]:
            raise ValueError(
                "RecurrentGlimpses takes images (batch, height, width, "
                "channels), of known sizes. Received: images of shape "
                f"{tuple(images_shape)}"
            )
        image, channels = images_shape[1:3], images_shape[3]
        fit_in(self.patch_size, image)
        for scale in self.scales:
            if scale > min(image):
                expected = f"at most {min(image)}, the image's shorter side"
                raise ValueError(
                    arguments.invalid("scales", self.scales, expected)
                )

        def dense(units, name, activation="relu", **kwargs):
            return keras.layers.Dense(
                units, activation, name=name, dtype=self.dtype_policy, **kwargs
            )

        glimpse = (None, *self.patch_size, len(self.scales) * channels)
        if self.glimpse_network is None:
            pixels = math.prod(glimpse[1:])
            self.pixels = dense(self.hidden_dim, "pixels")
            self.pixels.build((None, pixels))
            seen = self.hidden_dim
        else:
            if not self.glimpse_network.built:
                self.glimpse_network.build(glimpse)
            seen = self.glimpse_network.compute_output_shape(glimpse)[-1]
        self.what = dense(self.units, "what", None)
        self.what.build((None, seen))
        self.place = dense(self.hidden_dim, "place")
        self.place.build((None, 2))
        self.where = dense(self.units, "where", None, use_bias=False)
        self.where.build((None, self.hidden_dim))
        self.core = keras.layers.SimpleRNNCell(
            self.units, "relu", name="core", dtype=self.dtype_policy
        )
        self.core.build((None, self.units))
        self.locator_hidden = dense(self.hidden_dim, "locator_hidden")
        self.locator_hidden.build((None, self.units))
        # The middle at first: where tanh is steep, and edges are far.
        self.locator = dense(2, "locator", "tanh", kernel_initializer="zeros")
        self.locator.build((None, self.hidden_dim))

    def call(self, images, training=None, return_locations=False):
        """Looks, and looks again; see the class."""
        images = ops.cast(images, self.compute_dtype)
        levels = [_smaller(images, scale) for scale in self.scales]
        location = ops.zeros((ops.shape(images)[0], 2), "float32")
        state = ops.zeros(
            (ops.shape(images)[0], self.units), self.compute_dtype
        )
        locations, log_prob = [location], 0.0
        for step in range(self.num_glimpses):
            if step:
                mean = self._next(state)
                location = self._drawn(mean, training)
                squares = (ops.stop_gradient(location) - mean) ** 2
                log_prob -= ops.sum(squares, axis=-1) / (2 * self.std**2)
                locations.append(location)
            seen = self._glimpse(levels, location)
            where = self.where(self.place(location))
            state, _ = self.core(ops.relu(self.what(seen) + where), [state])
        if training and self.needs_reinforce and len(locations) > 1:
            # That of a normal distribution, both parts but for a constant.
            log_prob = ops.reshape(log_prob, (-1, 1, 1))
            report_draw(self, log_prob, ops.zeros_like(log_prob))
        if return_locations:
            return state, ops.stack(locations, axis=1)
        return state

    def _next(self, state):
        # Without this a state would be trained to be led, not to know.
        state = ops.stop_gradient(state) if self.needs_reinforce else state
        return ops.cast(self.locator(self.locator_hidden(state)), "float32")

    def _drawn(self, mean, training):
        if not self.needs_reinforce:
            return mean
        if not training:
            return ops.stop_gradient(mean)
        noise = keras.random.normal(ops.shape(mean), seed=self.seed_generator)
        return ops.stop_gradient(mean + self.std * noise)

    def _glimpse(self, levels, location):
        """What the glimpse network makes of one place of every image."""
        patches = []
        for level in levels:
            sides = ops.convert_to_tensor(tuple(level.shape[1:3]), "float32")
            size = ops.convert_to_tensor(self.patch_size, "float32")
            corner = (location + 1.0) / 2.0 * sides - size / 2.0
            if self.needs_reinforce:
                corner = ops.cast(ops.floor(corner + 0.5), "int32")
            corner = ops.expand_dims(corner, 1)  # (b, 1 patch, 2)
            patches.append(crop_patches(level, corner, self.patch_size)[:, 0])
        x = ops.concatenate(patches, axis=-1)
        if self.glimpse_network is not None:
            return self.glimpse_network(x)
        return self.pixels(ops.reshape(x, (-1, math.prod(x.shape[1:]))))

    def compute_output_spec(
        self, images, training=None, return_locations=False
    ):
        """The state in the compute dtype, and locations in float32."""
        batch = images.shape[0]
        state = keras.KerasTensor((batch, self.units), self.compute_dtype)
        if return_locations:
            shape = (batch, self.num_glimpses, 2)
            return state, keras.KerasTensor(shape, "float32")
        return state

    def get_config(self):
        """The constructor's arguments."""
        network = self.glimpse_network
        return {
            **super().get_config(),
            "num_glimpses": self.num_glimpses,
            "patch_size": self.patch_size,
            "scales": self.scales,
            "glimpse_network": network
            and keras.saving.serialize_keras_object(network),
            "hidden_dim": self.hidden_dim,
            "units": self.units,
            "learn_by": self.learn_by,
            "std": self.std,
            "seed": self.seed,
        }


def _smaller(images, scale):
    """The average of every `scale` x `scale` pixels; borders are cut off."""
    if scale == 1:
        return images
    return ops.average_pool(
        images, scale, strides=scale, data_format="channels_last"
    )
