"""Soft Dice between attention maps and masks: look at the object."""

import keras
from keras import ops

from keras_attention.internals import arguments
from keras_attention.internals.renamed import Renamed
from keras_attention.internals.renamed import with_current_names
from keras_attention.internals.shapes import expect_channels_not_last
from keras_attention.internals.shapes import expect_no_channels
from keras_attention.ops import precise_dtype


@keras.saving.register_keras_serializable(package="keras_attention")
class AttentionDice(keras.losses.Loss):
    """Soft Dice loss of attention maps against the masks of objects.

    `1 - 2 sum(a * z) / (sum(a) + sum(z))`

    over the positions of the map, where `a` is the attention, averaged over
    heads and queries, and `z` the mask, averaged over the area of each
    position, as in `metrics.attention_energy`. 0 where the map is the mask,
    1 where they have nothing in common.

    Args:
        divide_by_max: bool, whether each map is divided by its maximum. As it
            is, a gate (`sigmoid`) is taken well; weights that sum to 1
            (`softmax`) are small next to a mask, and without it Dice stays near
            1 whatever they do. Defaults to `False`.
        over: str, `"image"`, one Dice an image, or `"batch"`, one Dice over the
            sums of the whole batch, as in the paper. Defaults to `"image"`.
        region: str, what the map should cover: the `"object"` of the mask, or
            the `"background"` around it, the paper's control, with `1 - z` in
            place of `z`. Defaults to `"object"`.
        reduction: str or `None`, as in every Keras loss. Defaults to
            `"sum_over_batch_size"`.
        name: str, of the loss. Defaults to `"attention_dice"`.
        dtype: str or `None`, `"float32"` or `"float64"`; `None` takes
            `keras.config.floatx()`, and lower precisions are raised to float32.
            Defaults to `None`.

    Call arguments:
        y_true: Masks `(batch, rows, columns)` or `(batch, rows, columns, 1)`
            in `[0, 1]`, 1 on the object; usually of the image's size.
        y_pred: Spatial weights `(batch, heads, height, width)`,
            `(batch, heads, queries, height, width)` or
            `(batch, height, width)`; sizes may be unknown. Those of pairs of
            positions are no maps and look the same.
        sample_weight: Optional `(batch,)`.

    Returns:
        A scalar in `[0, 1]`; `(batch,)` with `reduction=None`. An image whose
        mask is empty, because it has no object or no known mask, costs 0 and
        gives no gradient, whatever the region; over the batch its attention is
        left out of the sums. So is one without background, if that is asked
        for.

    Raises:
        ValueError: For unknown strings and for other shapes.

    Example:

    >>> import numpy as np
    >>> from keras_attention import losses
    >>> mask = np.zeros((1, 4, 4))
    >>> mask[:, :2] = 1
    >>> gate = np.array([[[[1.0, 0.5], [0.5, 0.0]]]])
    >>> float(losses.AttentionDice()(mask, gate))  # 1 - 2 * 1.5 / (2 + 2)
    0.25

    Reference:
        Yan, Kawahara, Hamarneh: Melanoma Recognition via Visual Attention.
        IPMI 2019; weighted by 0.001 for the third block and 0.01 for the
        fourth. The loss is that of Milletari, Navab, Ahmadi: V-Net. 3DV 2016.

    Differs from the paper:
        One Dice an image unless `over="batch"`: sums over the batch let large
        objects outweigh small ones and change with the size of the batch.
        An empty mask counts nothing; there its attention stays in the sum.
        It pools masks adaptively, which is the same wherever the sizes
        divide. V-Net squares `a` and `z` in the denominator.

    Cost:
        Two small matrix products an image for the mask.

    See also:
        `melanoma_losses`, which puts the paper's together.
        `keras.losses.Dice`, for predictions of the mask's own size.
    """

    #: Former names of arguments, as files that were saved then have them.
    renamed_arguments = {  # noqa: RUF012
        "scale": Renamed("divide_by_max", {None: False, "max": True}),
    }

    def __init__(
        self,
        divide_by_max=False,
        over="image",
        region="object",
        reduction="sum_over_batch_size",
        name="attention_dice",
        dtype=None,
    ):
        policy = keras.dtype_policies.get(dtype or keras.config.floatx())
        super().__init__(name, reduction, precise_dtype(policy.compute_dtype))
        self.divide_by_max = arguments.boolean("divide_by_max", divide_by_max)
        self.over = arguments.one_of("over", over, ("image", "batch"))
        self.region = arguments.one_of(
            "region", region, ("object", "background")
        )

    def call(self, y_true, y_pred):
        """One number an image."""
        # Keras hands lists over as lists of scalars.
        y_true, y_pred = map(ops.convert_to_tensor, (y_true, y_pred))
        maps = _checked_maps(y_pred)
        masks = _checked_masks(y_true)
        expect_channels_not_last("y_pred", y_pred.shape, masks.shape[1:])
        expect_no_channels("y_pred", y_pred.shape, masks.shape[1:])
        known = ops.any(masks > 0, axis=(1, 2))
        if self.region == "background":
            masks = 1.0 - masks
        masks = _area_average(masks, ops.shape(maps)[1:])
        if self.divide_by_max:
            highest = ops.max(maps, axis=(1, 2), keepdims=True)
            # A map that is masked everywhere is 0 and stays so.
            maps = maps / ops.maximum(highest, keras.config.epsilon())
        overlap = ops.sum(maps * masks, axis=(1, 2))
        covered = ops.sum(masks, axis=(1, 2))
        total = ops.sum(maps, axis=(1, 2)) + covered
        known = ops.logical_and(known, covered > 0)
        if self.over == "batch":
            overlap, total = (
                ops.sum(ops.where(known, part, 0.0), keepdims=True)
                for part in (overlap, total)
            )
            known = ops.logical_and(total > 0, ops.ones_like(known))
        dice = 2.0 * overlap / ops.where(known, total, 1.0)
        return ops.where(known, 1.0 - dice, 0.0)

    @classmethod
    def from_config(cls, config):
        """From the arguments, also under names that they had before."""
        return super().from_config(with_current_names(cls, config))

    def get_config(self):
        """The constructor's arguments."""
        return {
            **super().get_config(),
            "divide_by_max": self.divide_by_max,
            "over": self.over,
            "region": self.region,
            "dtype": self.dtype,
        }


def _area_average(masks, grid):
    """`(b, rows, columns)` to `(b, *grid)`, each the mean over its area."""
    rows, columns = ops.shape(masks)[1:]
    rows = _overlap(rows, grid[0], masks.dtype)  # (height, rows)
    columns = _overlap(columns, grid[1], masks.dtype)  # (width, columns)
    masks = ops.einsum("ir,brc->bic", rows, masks)
    return ops.einsum("jc,bic->bij", columns, masks)


def _overlap(size, new_size, dtype):
    """`(new_size, size)`: how much of a new cell each old cell makes up."""
    # In units of 1 / (size * new_size) every edge is an integer.
    old = ops.expand_dims(ops.arange(size, dtype="int32") * new_size, 0)
    new = ops.expand_dims(ops.arange(new_size, dtype="int32") * size, 1)
    start = ops.maximum(new, old)
    stop = ops.minimum(new + size, old + new_size)
    return ops.cast(ops.maximum(stop - start, 0), dtype) / ops.cast(size, dtype)


def _checked_maps(maps):
    rank = len(maps.shape)
    if rank not in (3, 4, 5):
        raise ValueError(
            "Invalid value for argument y_pred: expected (batch, height, "
            "width), (batch, heads, height, width) or (batch, heads, queries, "
            f"height, width). Received: y_pred of shape {tuple(maps.shape)}"
        )
    axes = tuple(range(1, rank - 2))
    return ops.mean(maps, axis=axes) if axes else maps


def _checked_masks(masks):
    if len(masks.shape) == 4 and masks.shape[-1] == 1:
        masks = ops.squeeze(masks, -1)
    if len(masks.shape) != 3:
        raise ValueError(
            "Invalid value for argument y_true: expected masks (batch, rows, "
            "columns) or (batch, rows, columns, 1). Received: y_true of shape "
            f"{tuple(masks.shape)}"
        )
    return masks
