"""Search spaces: functions of `hp` that return what was drawn.

Each takes a `keras_tuner.HyperParameters` and returns a plain dictionary,
which JSON can hold and from which a hypermodel builds: spaces are tested
without training, and outlive the tuner. All names are declared at every call,
in their conditional scopes, whatever is active.
"""

from keras_attention.tuning.space.choices import NETWORK_CHOICES
from keras_attention.tuning.space.choices import TRAINING_CHOICES
from keras_attention.tuning.space.drawing import draw
from keras_attention.tuning.space.drawing import draw_if
from keras_attention.tuning.space.drawing import draw_mechanism
from keras_attention.tuning.space.mechanisms import NONE


def attention_space(hp, options, several=True):
    """Draws which attention stands where.

    Args:
        hp: `keras_tuner.HyperParameters`.
        options: dict, what `attention_options` returned.
        several: bool, whether several places can have attention at once. Then
            every place has a hyperparameter `<place>_attention`, first of all
            `"none"`; otherwise `place` chooses one of them. Defaults to `True`.

    Returns:
        `{place: description}` of the places that have attention; `layer_of`
        makes a layer of a description. Arguments are hyperparameters named
        `<place>_<mechanism>_<argument>`.

    Example:

    >>> import keras_tuner
    >>> from keras_attention.tuning.space.options import attention_options
    >>> options = attention_options({"block3": (28, 28, 64)}, ["se"])
    >>> hp = keras_tuner.HyperParameters()
    >>> attention_space(hp, options)
    {}
    >>> hp = keras_tuner.HyperParameters()
    >>> hp.values["block3_attention"] = "se"
    >>> attention_space(hp, options)
    {'block3': {'mechanism': 'se', 'reduction_ratio': 16,
     'identity_init': False}}
    >>> [parameter.name for parameter in hp.space]
    ['block3_attention', 'block3_se_reduction_ratio', 'block3_se_identity_init']
    """
    attention = {}
    if several:
        for place, mechanisms in options.items():
            name = f"{place}_attention"
            chosen = hp.Choice(name, [NONE, *mechanisms])
            drawn = draw_mechanism(hp, name, place, mechanisms, chosen)
            if chosen != NONE:
                attention[place] = drawn
        return attention
    place = hp.Choice("place", [NONE, *options])
    for candidate, mechanisms in options.items():
        with hp.conditional_scope("place", [candidate]):
            name = f"{candidate}_attention"
            chosen = hp.Choice(name, list(mechanisms))
            drawn = draw_mechanism(hp, name, candidate, mechanisms, chosen)
            if candidate == place:
                attention[place] = drawn
    return attention


def exchanged(values, options, mechanism, several=True):
    """Hyperparameters with another mechanism wherever there is one.

    Args:
        values: dict of name to value, of what `attention_space` drew.
        options: dict, as for `attention_space`.
        mechanism: str, its key, or `"none"`.
        several: bool, as for `attention_space`. Defaults to `True`.

    Returns:
        Another dictionary; the arguments of mechanisms are left out. `None`
        where a place does not take that mechanism.

    Example:

    >>> values = {"block3_attention": "se", "block3_se_reduction_ratio": 8}
    >>> exchanged(values, {"block3": {"se": []}}, "none")
    {'block3_attention': 'none'}
    """
    changed = dict(values)
    for place, mechanisms in options.items():
        name = f"{place}_attention"
        if changed.get(name, NONE) == NONE:
            continue
        own = tuple(f"{place}_{key}_" for key in mechanisms)
        changed = {n: v for n, v in changed.items() if not n.startswith(own)}
        if mechanism == NONE and not several:
            del changed[name]
            changed["place"] = NONE
        elif mechanism == NONE or mechanism in mechanisms:
            changed[name] = mechanism
        else:
            return None
    return changed


def network_space(hp, choices=None):
    """Draws the width of the network and the dropout before its classifier.

    Args:
        hp: `keras_tuner.HyperParameters`.
        choices: dict, other values than those of `NETWORK_CHOICES`. Defaults to
            `None`.

    Returns:
        `{"width_multiplier": ..., "dropout": ...}`.

    Example:

    >>> import keras_tuner
    >>> network_space(keras_tuner.HyperParameters(), {"dropout": [0.1]})
    {'width_multiplier': 1.0, 'dropout': 0.1}
    """
    choices = {**NETWORK_CHOICES, **(choices or {})}
    return {name: draw(hp, name, choices[name]) for name in NETWORK_CHOICES}


def training_space(hp, choices=None):
    """Draws the optimizer and the schedule of its learning rate.

    Args:
        hp: `keras_tuner.HyperParameters`.
        choices: dict, other values than those of `TRAINING_CHOICES`; a learning
            rate for all optimizers, or a dictionary of one each. Defaults to
            `None`.

    Returns:
        `{"optimizer": ..., "learning_rate": ..., "weight_decay": ...,
        "schedule": ..., "warm_up": ...}`. Optimizers have ranges of their
        own, so their learning rates are hyperparameters of their own, such
        as `adamw_learning_rate`.

    Example:

    >>> import keras_tuner
    >>> from keras_attention.tuning.space.choices import check_choices
    >>> fixed = {"optimizer": "adamw", "schedule": "cosine", "warm_up": 0.1}
    >>> hp = keras_tuner.HyperParameters()
    >>> training_space(hp, check_choices(fixed))["optimizer"]
    'adamw'
    >>> [parameter.name for parameter in hp.space]
    ['adamw_learning_rate', 'weight_decay']
    """
    choices = {**TRAINING_CHOICES, **(choices or {})}
    optimizers, rates = choices["optimizer"], choices["learning_rate"]
    optimizer = draw(hp, "optimizer", optimizers)
    drawn = {"optimizer": optimizer, "learning_rate": None}
    for name in optimizers:
        values = rates[name] if isinstance(rates, dict) else rates
        parent = "optimizer" if len(optimizers) > 1 else None
        rate = draw_if(hp, parent, [name], f"{name}_learning_rate", values)
        if name == optimizer:
            drawn["learning_rate"] = rate
    for name in ("weight_decay", "schedule", "warm_up"):
        drawn[name] = draw(hp, name, choices[name])
    return drawn
