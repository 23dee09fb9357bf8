"""Search spaces: functions of `hp` that return what was drawn.

Each takes a `keras_tuner.HyperParameters` and returns a plain dictionary,
which JSON can hold and from which a hypermodel builds: spaces are tested
without training, and outlive the tuner. All names are declared at every call,
in their conditional scopes, whatever is active.
"""

from keras_attention.tuning.space.choices import NETWORK_CHOICES
from keras_attention.tuning.space.choices import TRAINING_CHOICES
from keras_attention.tuning.space.choices import first_of
from keras_attention.tuning.space.drawing import choose
from keras_attention.tuning.space.drawing import draw
from keras_attention.tuning.space.drawing import draw_if
from keras_attention.tuning.space.drawing import draw_mechanism
from keras_attention.tuning.space.mechanisms import NONE
from keras_attention.tuning.space.optimizers import learning_rates


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
    >>> sites, choices = {"block3": (28, 28, 64)}, {"reduction_ratio": [16, 8]}
    >>> options = attention_options(sites, ["se"], choices)
    >>> hp = keras_tuner.HyperParameters()
    >>> attention_space(hp, options)
    {}
    >>> hp = keras_tuner.HyperParameters()
    >>> hp.values["block3_attention"] = "se"
    >>> attention_space(hp, options)
    {'block3': {'mechanism': 'se', 'reduction_ratio': 16,
     'identity_init': False}}
    >>> [parameter.name for parameter in hp.space]
    ['block3_attention', 'block3_se_reduction_ratio']
    """
    attention = {}
    if several:
        for place, mechanisms in options.items():
            name = f"{place}_attention"
            chosen = choose(hp, name, [NONE, *mechanisms])
            drawn = draw_mechanism(hp, name, place, mechanisms, chosen)
            if chosen != NONE:
                attention[place] = drawn
        return attention
    place = choose(hp, "place", [NONE, *options])
    for candidate, mechanisms in options.items():
        with hp.conditional_scope("place", [candidate]):
            name = f"{candidate}_attention"
            chosen = choose(hp, name, list(mechanisms))
            drawn = draw_mechanism(hp, name, candidate, mechanisms, chosen)
            if candidate == place:
                attention[place] = drawn
    return attention


def exchanged(values, options, mechanism, several=True):
    """Hyperparameters with another mechanism wherever there is one.

    With `"none"` for it too; without the arguments of mechanisms; `None` where
    a place does not take it. Options are those of `attention_space`.

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
        choices: dict, the values that are drawn from, as `check_choices`
            returns them; of other names the first of `NETWORK_CHOICES` is
            taken. Defaults to `None`.

    Returns:
        `{"width_multiplier": ..., "dropout": ...}`.

    Example:

    >>> import keras_tuner
    >>> network_space(keras_tuner.HyperParameters(), {"dropout": [0.1]})
    {'width_multiplier': 1.0, 'dropout': 0.1}
    """
    choices = {**first_of(NETWORK_CHOICES), **(choices or {})}
    return {name: draw(hp, name, choices[name]) for name in NETWORK_CHOICES}


def training_space(hp, choices=None):
    """Draws the optimizer and the schedule of its learning rate.

    Args:
        hp: `keras_tuner.HyperParameters`.
        choices: dict, the values that are drawn from, as `check_choices`
            returns them; of other names the first of `TRAINING_CHOICES` is
            taken, and a learning rate is drawn around what is usual. Defaults
            to `None`.

    Returns:
        `{"optimizer": ..., "learning_rate": ..., "weight_decay": ...,
        "schedule": ..., "warm_up": ...}`. Optimizers have learning rates of
        their own, such as `adamw_learning_rate`. An empty dictionary where
        the choice of an optimizer is a function, which draws for itself.

    Example:

    >>> import keras_tuner
    >>> hp = keras_tuner.HyperParameters()
    >>> training_space(hp)["schedule"]
    'cosine'
    >>> [parameter.name for parameter in hp.space]
    ['adamw_learning_rate']
    """
    choices = {**first_of(TRAINING_CHOICES), **(choices or {})}
    optimizers = choices["optimizer"]
    if callable(optimizers):
        return {}
    optimizer = draw(hp, "optimizer", optimizers)
    drawn = {"optimizer": optimizer, "learning_rate": None}
    for key in optimizers:
        name = f"{key}_learning_rate"
        usual = choices.get("learning_rate") or learning_rates(key)
        parent = "optimizer" if len(optimizers) > 1 else None
        rate = draw_if(hp, parent, [key], name, choices.get(name) or usual)
        if key == optimizer:
            drawn["learning_rate"] = rate
    for name in ("weight_decay", "schedule", "warm_up"):
        drawn[name] = draw(hp, name, choices[name])
    return drawn


def other_names(choices):
    """The names that choices of network and training can have.

    A function that makes the optimizer leaves nothing of it to choose.
    """
    optimizers = choices.get("optimizer", TRAINING_CHOICES["optimizer"][:1])
    if callable(optimizers):
        return [*NETWORK_CHOICES, "optimizer"]
    rates = [f"{key}_learning_rate" for key in optimizers]
    return [*NETWORK_CHOICES, *TRAINING_CHOICES, "learning_rate", *rates]
