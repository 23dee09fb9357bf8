"""Attention put into a network that already exists."""

from keras_attention.internals import arguments
from keras_attention.surgery import insertion
from keras_attention.surgery import places
from keras_attention.surgery.graph import read_graph
from keras_attention.surgery.rebuild import rebuild
from keras_attention.surgery.weight_report import compare_weights


def attach(model, attention, identity_init=True, share_layers=False):
    """A model with attention behind the layers that are named.

    `y = x + gain * (F(x) - x)` behind every named layer, with its output `x`
    and the mechanism `F`. The scalar `gain` starts at 0: at first the new
    model computes what the old one does, bit for bit, and training decides
    how much attention it wants. The old model is left as it is.

    Args:
        model: `keras.Model`, functional or sequential: of
            `keras.applications`, of this package, loaded from a file, or your
            own; with nested models, several inputs and outputs and shared
            layers.
        attention: dict `{where: what}`.

            `where` is one of

            - the name of a layer, `"block3_pool"`; inside a nested model its
              path, `"vgg16/block3_pool"`;
            - a block, `"block3"`: the last layer whose name goes on from it,
              here `"block3_pool"`;
            - a glob, `"block*_pool"` or `"vgg16/block*_pool"`;
            - a layer class, `keras.layers.MaxPooling2D`;
            - a function `layer -> bool`;
            - `"residual_adds"`: every sum of two or more maps of one shape,
              where the branches of a residual network meet;
            - `"stage_ends"`: the last layer at each map size before the size
              shrinks, and the last of all maps.

            Classes, functions and the last two look into nested models too.
            What a shared layer is called on is always attended to: one
            attention layer, shared alike. Blocks, globs, classes and
            functions leave out attention that is already there.

            `what` is a key of `keras_attention.layers`, a configuration, a
            class or a layer, and may be any layer that keeps the shape of
            its map. It is copied once a place, from its configuration: the
            copies have weights of their own.
        identity_init: bool or `None`, of every attention layer that is
            inserted, whatever the given one says; `None` leaves it to each.
            Other Keras layers are inserted as they are. Defaults to `True`.
        share_layers: bool, whether the new model uses the old model's layers
            instead of copies: training one then trains the other. A layer
            knows the outputs of all its calls and shows the first, so
            `attached.get_layer("block3_pool").output` is still the *old*
            model's tensor, without attention, and a feature extractor made
            of it fails; with copies it is the new model's. Defaults to
            `False`.

    Returns:
        A functional `keras.Model` of the same name, not compiled, with the
        weights, the trainable flags, dtype policies, quantization, LoRA and
        random seeds of the old one. Sequential models with attention inside
        become functional, and so do subclasses of the functional model that
        cannot be made from inputs and outputs.

        The attention behind `block3_pool` is called `block3_pool_cbam`, or
        `block3_pool_cbam_2` if that is taken: the key, or the class in snake
        case. A key or a class gets the dtype policy of the layer that it
        follows, without its quantization; a layer and a configuration keep
        their own. The data format is that of the layer it follows, or, if
        that has none, of the nearest before it. Frozen layers stay frozen
        and the inserted ones train, even inside a frozen model.

    Raises:
        ValueError: If a place is unknown, an input, named twice, no map of
            rank 4, or followed by attention; if a layer is unknown or does
            not keep the shape of its map; if the model is subclassed, or a
            layer in it cannot be copied.

    Example:

    >>> import keras
    >>> inputs = keras.Input((16, 16, 3))
    >>> x = keras.layers.Conv2D(8, 3, name="conv")(inputs)
    >>> x = keras.layers.MaxPooling2D(name="pool")(x)
    >>> x = keras.layers.GlobalAveragePooling2D(name="mean")(x)
    >>> model = keras.Model(inputs, keras.layers.Dense(2)(x))
    >>> attached = attach(model, {"pool": "se"})
    >>> [layer.name for layer in attached.layers][2:5]
    ['pool', 'pool_se', 'mean']

    Reference:
        A branch that starts at zero: Bachlechner, Majumder, Mao, Cottrell,
        McAuley: ReZero is All You Need. UAI 2021.

    Differs from the paper:
        Attention papers train their networks from scratch, with attention
        that starts at random (`identity_init=False`); in a trained network
        that costs accuracy at first. They insert it inside residual blocks,
        before the sum; `where` names any such place.

    Cost:
        A copy of the model; a multiplication and two sums a place for the
        start as the identity.

    See also:
        `detach`, the way back; `compare_weights`; `VGG16BNAttention`.
    """
    graph = read_graph(model)
    if identity_init is not None:
        arguments.boolean("identity_init", identity_init)
    arguments.boolean("share_layers", share_layers)
    places.check_dictionary(attention)
    names = {operation.name for operation in graph.operations}
    edits = {}
    for where, place in places.find_all(graph, attention):
        features = places.the_map(place, where, "attention")
        layer = insertion.insertable_layer(
            attention[where], place, features, graph, names, identity_init
        )
        edits[id(place.operation)] = _followed_by(layer)
    attached = rebuild(graph, edits, share_layers=share_layers)
    _expect_nothing_lost(model, attached)
    return attached


def _followed_by(layer):
    def call(copy, *args, **kwargs):
        return layer(copy(*args, **kwargs))

    return call


def _expect_nothing_lost(model, attached):
    report = compare_weights(model, attached)
    if report.missing or report.changed:
        raise ValueError(
            "attach cannot keep all weights of the model: those outside of "
            "its graph have no place in the new one. Lost: "
            f"{', '.join(report.missing + report.changed)}"
        )
