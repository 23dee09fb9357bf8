"""Everything that can be drawn can be built; nothing is trained here."""

import json
import random

import keras
import keras_tuner
import pytest
import toy

from keras_attention.tuning.space.choices import LAYER_CHOICES
from keras_attention.tuning.space.choices import NETWORK_CHOICES
from keras_attention.tuning.space.choices import TRAINING_CHOICES
from keras_attention.tuning.space.choices import check_choices
from keras_attention.tuning.space.choices import check_names
from keras_attention.tuning.space.combinations import enumerate_space
from keras_attention.tuning.space.combinations import size_of
from keras_attention.tuning.space.mechanisms import layer_of
from keras_attention.tuning.space.optimizers import learning_rates
from keras_attention.tuning.space.options import attention_options
from keras_attention.tuning.space.site import Site
from keras_attention.tuning.space.spaces import attention_space
from keras_attention.tuning.space.spaces import network_space
from keras_attention.tuning.space.spaces import training_space

SITES = {
    "block3": Site([(28, 28, 32)], [(7, 7, 64)]),
    "block4_relu3": Site([(14, 14, 64)], [(7, 7, 64)]),
    "block5": Site([(7, 7, 64)], [(7, 7, 64)]),
    "add": Site([(5, 3, 12)]),
}


def draw(function, seed):
    """Values as an oracle draws them, and what the space makes of them."""
    rng = random.Random(seed)
    declared = keras_tuner.HyperParameters()
    function(declared)
    hp = keras_tuner.HyperParameters()
    for parameter in declared.space:
        hp.merge([parameter])
        if hp.is_active(parameter):
            value = parameter.random_sample(rng.randrange(10**9))
            hp.values[parameter.name] = value
    return hp, function(hp)


@pytest.fixture(scope="module")
def options():
    return attention_options(SITES, "all", choices=dict.fromkeys(LAYER_CHOICES))


@pytest.mark.parametrize(
    ("several", "draws", "share"),
    [
        (True, 10, 0.4),
        (False, 20, 0.15),
        pytest.param(True, 80, 0.9, marks=pytest.mark.long),
        pytest.param(False, 40, 0.3, marks=pytest.mark.long),
    ],
)
def test_what_is_drawn_can_be_built(options, several, draws, share):
    def whole(hp):
        return attention_space(hp, options, several)

    seen = set()
    for seed in range(draws):
        hp, attention = draw(whole, seed)
        assert attention == json.loads(json.dumps(attention))
        assert several or len(attention) <= 1
        for place, description in attention.items():
            seen.add((place, description["mechanism"]))
            site = SITES[place]
            features = keras.KerasTensor((None, *site.maps[0]))
            layer = layer_of(description)
            kind = getattr(layer, "query_kind", None)
            if kind is None:
                outputs = layer(features)
            else:
                query = keras.KerasTensor((None, *site.queries[0]))
                if kind == "vector":
                    query = keras.ops.mean(query, axis=(1, 2))
                outputs = layer(features, query)
            if not site.queries:
                assert outputs.shape == features.shape
        # What was used is what is active, and the other way round.
        assert set(hp.values) == {p.name for p in hp.space if hp.is_active(p)}
    possible = {(place, key) for place in options for key in options[place]}
    assert len(seen) > share * len(possible)


def test_names_say_where_and_of_what_and_are_unique(options):
    hp = keras_tuner.HyperParameters()
    attention_space(hp, options)
    names = [parameter.name for parameter in hp.space]
    assert len(names) == len(set(names))
    assert {
        "block3_attention",
        "block3_se_reduction_ratio",
        "block4_relu3_attn_pool_alignment",
        "add_mhsa_identity_init",
    } <= set(names)
    for parameter in hp.space:
        for condition in parameter.conditions:
            assert parameter.name.startswith(
                condition.name.removesuffix("_attention").removesuffix(
                    "_alignment"
                )
            )


def test_nothing_is_the_default(options):
    for several in (True, False):
        hp = keras_tuner.HyperParameters()
        assert attention_space(hp, options, several) == {}


def test_finite_space_is_counted():
    options = attention_options(
        {"block3": SITES["block3"]},
        ["se", "attn_pool"],
        {
            "score": ["dot"],
            "alignment": ["softmax", toy.UNTEMPERED],
            **dict.fromkeys(["temperature", "reduction_ratio"]),
            "identity_init": [False, True],
        },
    )

    def finite(hp):
        return attention_space(hp, options)

    # none; se: 3 ratios, 2 starts; pooling: 3 temperatures or none
    assert size_of(finite) == len(list(enumerate_space(finite))) == 1 + 6 + 4


def test_a_single_alignment_is_no_hyperparameter():
    for alignment, names in (
        ("softmax", ["block3_attention", "block3_gate_temperature"]),
        (toy.UNTEMPERED, ["block3_attention"]),
    ):
        choices = {"temperature": [1.0, 0.3]}
        options = attention_options(
            {"block3": SITES["block3"]},
            ["gate"],
            {**choices, "alignment": [alignment]},
        )
        hp = keras_tuner.HyperParameters()
        hp.values["block3_attention"] = "gate"
        drawn = attention_space(hp, options)
        assert [parameter.name for parameter in hp.space] == names
        assert drawn["block3"]["alignment"]["key"] == alignment


def test_network_and_training():
    choices = {**NETWORK_CHOICES, **TRAINING_CHOICES}

    def whole(hp):
        return network_space(hp, choices) | training_space(hp, choices)

    optimizers = set()
    for seed in range(30):
        hp, drawn = draw(whole, seed)
        assert drawn == json.loads(json.dumps(drawn))
        optimizers.add(drawn["optimizer"])
        low, high = learning_rates(drawn["optimizer"])
        assert low <= drawn["learning_rate"] <= high
        other = {"adamw": "sgd", "sgd": "adamw"}[drawn["optimizer"]]
        assert f"{other}_learning_rate" not in hp.values
    assert optimizers == {"adamw", "sgd"}


def test_fixed_values_are_no_hyperparameters():
    choices = check_choices(
        {
            "optimizer": "sgd",
            "learning_rate": 0.1,
            "weight_decay": 0.0,
            "schedule": "constant",
            "warm_up": 0,
            "dropout": (0, 0.5),
        }
    )
    hp = keras_tuner.HyperParameters()
    assert training_space(hp, choices) == {
        "optimizer": "sgd",
        "learning_rate": 0.1,
        "weight_decay": 0.0,
        "schedule": "constant",
        "warm_up": 0,
    }
    assert network_space(hp, choices)["dropout"] == 0.0
    assert [parameter.name for parameter in hp.space] == ["dropout"]


SHARED = keras.optimizers.SGD()


@pytest.mark.parametrize(
    "choices, message",
    [
        ({"num_heads": (1, 8)}, r"a tuple \(low, high\).*'num_heads'"),
        ({"dropout": (0.5, 0.1)}, "0 <= low < high"),
        ({"dropout": []}, "not empty.*dropout"),
        ({"dropout": [0.1, "a"]}, "a list of numbers, of keys"),
        ({"dropout": [0.1, 0.1]}, "different values"),
        ({"schedule": "cosin"}, "some of cosine, constant.*'cosin'"),
        ({"optimizer": ["AdamW"]}, "adadelta, .*Did you mean 'adamw'"),
        ({"optimizer": "ninja"}, "a function of hp.*'ninja'"),
        ({"optimizer": lambda hp: "sgd"}, "an optimizer, not 'sgd'"),
        ({"optimizer": lambda hp: SHARED}, "a new optimizer for every"),
        ({"optimizer": keras.optimizers.SGD()}, "a list of numbers, of keys"),
        ({"optimizer": keras.optimizers.SGD}, "a list of numbers, of keys"),
        ({"sgd_learning_rate": 0}, "sgd_learning_rate: expected a finite"),
        ({"warm_up": [0.0, 1.5]}, r"warm_up: expected a number in \[0, 1\)"),
    ],
)
def test_messages(choices, message):
    with pytest.raises(ValueError, match=message):
        check_choices(choices)


def test_optimizers_by_key_have_rates_of_their_own():
    choices = check_choices(
        {
            "optimizer": ["lion", "nadam", "rmsprop"],
            "learning_rate": [0.1, 0.2],
            "nadam_learning_rate": 1,
            "rmsprop_learning_rate": None,
        }
    )
    hp = keras_tuner.HyperParameters()
    training_space(hp, choices)
    declared = {parameter.name: parameter for parameter in hp.space}
    assert declared["lion_learning_rate"].values == [0.1, 0.2]
    assert "nadam_learning_rate" not in declared
    hp.values["optimizer"] = "nadam"
    rate = training_space(hp, choices)["learning_rate"]
    # An optimizer of Keras takes no integer.
    assert rate == 1.0 and isinstance(rate, float)
    assert learning_rates("adam") == pytest.approx((0.001 / 3, 0.01))


NAMES = ["reduction_ratio", "gate_key_dim", "b3_attention", "b3_se_power"]


@pytest.mark.parametrize(
    "name, hint",
    [
        ("reduction_ration", "Did you mean 'reduction_ratio'"),
        ("b3_gate_key_dim", "Did you mean 'gate_key_dim'"),
        ("b4_attention", "Did you mean 'b3_attention'"),
    ],
)
def test_names_of_nothing_are_refused(name, hint):
    with pytest.raises(ValueError, match=f"{name}.*{hint}"):
        check_names({"b3_se_power": [1], name: [1]}, NAMES)
