"""What the melanoma network of IPMI 2019 is trained for."""

from keras_attention.losses.focal import FocalLoss
from keras_attention.losses.map_dice import AttentionDice


def melanoma_losses(region="object", gamma=2.0):
    """The losses of AttnMel-CNN-Lesion, -Dermo and -Bkg, for `compile`.

    `L = focal + 0.001 Dice(a3, z) + 0.01 Dice(a4, z)`

    with the maps `a3` and `a4` of the third and the fourth block, and one Dice
    over the whole batch. Lesion and Dermo differ in the masks `z` that they
    are given: the lesion, or all dermoscopic features together.

    Args:
        region: str, what the maps should cover, `"object"`, or `"background"`
            for Bkg, the control. Defaults to `"object"`.
        gamma: float, of the focal loss, at least 0; with 0 it is the
            cross-entropy. Defaults to `2.0`.

    Returns:
        `{"loss": [focal, dice, dice], "loss_weights": [1.0, 0.001, 0.01]}`,
        for a model of logits and two maps.

    Raises:
        ValueError: For an unknown region and a gamma below 0.

    Example:

    >>> from keras_attention import MelanomaAttentionVGG16BN
    >>> model = MelanomaAttentionVGG16BN(
    ...     (32, 32, 3), width_multiplier=1 / 64, return_attention_scores=True
    ... )
    >>> model.compile("sgd", **melanoma_losses())

    Reference:
        Yan, Kawahara, Hamarneh: Melanoma Recognition via Visual Attention.
        IPMI 2019.

    Differs from the paper:
        An image whose mask is empty has no part in the Dice of its batch; see
        `AttentionDice`.

    See also:
        `keras_attention.models.MelanomaAttentionVGG16BN`, with the family.
    """
    return {
        "loss": [
            FocalLoss(gamma=gamma),
            AttentionDice(over="batch", region=region),
            AttentionDice(over="batch", region=region),
        ],
        "loss_weights": [1.0, 0.001, 0.01],
    }
