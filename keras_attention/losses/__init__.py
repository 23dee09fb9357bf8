"""What to train for: hard images, and maps that fall where they should.

| loss | of | asks |
|---|---|---|
| `FocalLoss` | predictions | which images are still wrong |
| `DiceLoss` | a class for every pixel | does it cover each class |
| `CombinedLoss` | predictions | what several losses ask together |
| `AttentionDice` | a map and a mask | does the attention cover the object |
| `AttentionSparsity` | a map | is the attention concentrated |
| `CaptionCrossentropy` | words | which words of a caption surprise |
| `DoublyStochasticAttention` | maps of words | is every position looked at |

`FocalLoss(0, balanced_alpha(counts))` is the cross-entropy in which all classes
together count as much, whatever their number of images. `FocalLoss` takes a
class for every pixel too.

A model with `return_attention_scores=True` returns its predictions and one
map a layer, and takes one loss for each of them:
`model.compile(loss=[focal, dice, dice], loss_weights=[1, 0.001, 0.01])`, which
is what `melanoma_losses` is.
"""

from keras_attention.losses.balance import balanced_alpha
from keras_attention.losses.caption_crossentropy import CaptionCrossentropy
from keras_attention.losses.combined import CombinedLoss
from keras_attention.losses.dice import DiceLoss
from keras_attention.losses.doubly_stochastic import DoublyStochasticAttention
from keras_attention.losses.focal import FocalLoss
from keras_attention.losses.map_dice import AttentionDice
from keras_attention.losses.map_sparsity import AttentionSparsity
from keras_attention.losses.melanoma import melanoma_losses

__all__ = [
    "AttentionDice",
    "AttentionSparsity",
    "CaptionCrossentropy",
    "CombinedLoss",
    "DiceLoss",
    "DoublyStochasticAttention",
    "FocalLoss",
    "balanced_alpha",
    "melanoma_losses",
]
