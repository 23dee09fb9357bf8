"""What is possible at a place follows from flags and from shapes."""

import importlib
import random

import keras
import keras_tuner
import pytest
import toy

from keras_attention import aggregations
from keras_attention import alignments
from keras_attention import layers
from keras_attention import scores
from keras_attention.tuning.space.choices import LAYER_CHOICES
from keras_attention.tuning.space.combinations import enumerate_space
from keras_attention.tuning.space.drawing import describe
from keras_attention.tuning.space.mechanisms import layer_of
from keras_attention.tuning.space.mechanisms import mechanism_keys
from keras_attention.tuning.space.options import attention_names
from keras_attention.tuning.space.options import attention_options
from keras_attention.tuning.space.site import Site
from keras_attention.tuning.space.spaces import attention_space

EVERYTHING = dict.fromkeys(LAYER_CHOICES)
DEEP = {"block4": Site([(14, 14, 48)], [(7, 7, 64)])}


def arguments_of(mechanism, sites=DEEP, **kwargs):
    """With everything asked for, as far as nothing else is."""
    choices = {**EVERYTHING, **kwargs.pop("choices", {})}
    (mechanisms,) = attention_options(
        sites, [mechanism], choices, **kwargs
    ).values()
    return {argument.name: argument for argument in mechanisms[mechanism]}


def test_every_mechanism_fits_somewhere():
    (mechanisms,) = attention_options(DEEP, "all").values()
    assert sorted(mechanisms) == sorted([*layers.available(), "uniform"])


def test_what_has_to_stay_a_map_takes_what_keeps_it():
    (mechanisms,) = attention_options({"pool": (14, 14, 48)}, "all").values()
    for key in mechanisms:
        layer = layers.get(key)
        assert layer.shape_preserving and layer.query_kind is None
    assert "uniform" not in mechanisms and "se" in mechanisms


def test_heads_divide_channels_of_map_and_query_at_every_width():
    assert arguments_of("attn_pool")["num_heads"].values == [1, 2, 4, 8]
    site = Site([(14, 14, 12), (14, 14, 24)], [(7, 7, 32), (7, 7, 64)])
    heads = arguments_of("attn_pool", {"p": site})["num_heads"]
    assert heads.values == [1, 2, 4]


def test_kernels_fit_the_map_and_ratios_the_channels():
    assert arguments_of("cbam", {"p": (6, 9, 8)})["kernel_size"].values == [
        3,
        5,
    ]
    ratios = arguments_of("cbam", {"p": (6, 9, 8)})["reduction_ratio"]
    assert ratios.values == [8, 4]
    # The kernel of efficient channel attention runs along the channels.
    assert arguments_of("eca", {"p": (2, 2, 8)})["kernel_size"].values == [
        3,
        5,
        7,
    ]
    with pytest.raises(ValueError, match=r"fits the place 'p'.*2, 2, 8"):
        attention_options({"p": (2, 2, 8)}, ["cbam"])


def test_pairs_only_on_small_maps_of_known_size():
    def keys(shape, **kwargs):
        options = attention_options({"p": shape}, "all", **kwargs)
        (mechanisms,) = options.values()
        return set(mechanisms)

    pairwise = {"mhsa", "nonlocal"}
    assert pairwise <= keys((32, 32, 8))
    assert not pairwise & keys((33, 32, 8))
    assert not pairwise & keys((None, 32, 8))
    assert pairwise <= keys((33, 32, 8), max_positions=1056)


def test_location_needs_a_map_of_known_size():
    assert "location" in arguments_of("attn_pool")["score"].values
    sites = {"p": Site([(None, None, 48)], [(None, None, 64)])}
    assert "location" not in arguments_of("attn_pool", sites)["score"].values


def test_a_tap_has_no_aggregation_that_keeps_the_map():
    for key in ("attn_pool", "gate"):
        assert "gate" not in arguments_of(key)["aggregation"].values


@pytest.fixture
def positive_keys():
    @scores.register("some_positive")
    class SomePositive(scores.DotScore):
        positive_scores = True

    @alignments.register("some_picky")
    class SomePicky(alignments.SoftmaxAlignment):
        positive_scores = True

    @alignments.register("some_curious")
    class SomeCurious(alignments.SoftmaxAlignment):
        needs_query = True

    yield
    del scores.registry._entries["some_positive"]
    for key in ("some_picky", "some_curious"):
        del alignments.registry._entries[key]


def beside(arguments, part, alignment):
    """Keys of scores or aggregations that are drawn beside an alignment."""
    (found,) = (
        argument.values
        for argument in arguments.values()
        if argument.path == (part, "key")
        and alignment in argument.parent_values
    )
    return found


def test_what_is_registered_is_searched_with_what_it_goes_with(positive_keys):
    pool = arguments_of("attn_pool")
    assert "some_positive" in beside(pool, "score", "softmax")
    assert "dot" in beside(pool, "score", "softmax")
    picky = beside(pool, "score", "some_picky")
    assert "some_positive" in picky
    assert all(scores.get(score).positive_scores for score in picky)
    # A gate has signed scores and no query vector.
    assert not {"some_picky", "some_curious"} & set(
        arguments_of("gate")["alignment"].values
    )
    assert "some_curious" in pool["alignment"].values


def test_alignment_that_no_score_suits_is_left_out(positive_keys):
    pool = arguments_of("attn_pool", choices={"score": ["dot", "additive"]})
    assert "some_picky" not in pool["alignment"].values
    assert "softmax" in pool["alignment"].values


def test_what_only_a_model_of_its_own_trains_is_left_out(monkeypatch):
    monkeypatch.setattr(
        alignments.SigmoidAlignment, "needs_reinforce", True, raising=False
    )
    pool = arguments_of("attn_pool")
    assert "sigmoid" not in pool["alignment"].values


def pairs():
    for part, axis in (
        ("alignment", alignments),
        ("score", scores),
        ("aggregation", aggregations),
    ):
        for key in axis.available():
            yield part, key


@pytest.fixture(scope="module")
def drawable():
    return {key: arguments_of(key) for key in ("attn_pool", "gate")}


@pytest.mark.parametrize("part, key", pairs())
def test_every_registered_part_that_is_drawn_builds(drawable, part, key):
    """In each mechanism that takes it, with the first of all others."""
    for mechanism, arguments in drawable.items():
        for argument in arguments.values():
            if argument.path != (part, "key") or key not in argument.values:
                continue
            drawn = {argument.name: key}
            if argument.parent:
                drawn[argument.parent] = argument.parent_values[0]
            layer = layer_of(describe(mechanism, arguments.values(), drawn))
            (features,), (query,) = DEEP["block4"][:2]
            if layer.query_kind == "vector":
                query = query[2:]
            context = layer(
                keras.KerasTensor((2, *features)),
                keras.KerasTensor((2, *query)),
            )
            assert context.shape[0] == 2 and None not in context.shape


def test_every_part_is_drawn_unless_its_flags_forbid_it(drawable):
    pool = drawable["attn_pool"]
    drawn = set(pool["alignment"].values)
    for key in alignments.available():
        flags = alignments.get(key)
        assert (key in drawn) != getattr(flags, "needs_reinforce", False), key
    seen = {value for argument in pool.values() for value in argument.values}
    assert set(scores.available()) <= seen


def test_what_a_layer_refuses_is_not_drawn(drawable):
    pool = drawable["attn_pool"]
    for alignment in pool["alignment"].values:
        for score in beside(pool, "score", alignment)[:2]:
            for aggregation in beside(pool, "aggregation", alignment):
                layers.get(
                    "attn_pool",
                    score=score,
                    alignment=alignment,
                    aggregation=aggregation,
                )


def test_temperature_where_there_is_one():
    pool = arguments_of("attn_pool")
    temperature = pool["temperature"]
    assert temperature.parent == "alignment"
    for key in pool["alignment"].values:
        has = "temperature" in alignments.get(key).get_config()
        assert (key in temperature.parent_values) == has


def test_what_costs_too_much_is_left_out():
    asked = []

    def affordable(place, description):
        asked.append(place)
        return (
            description["mechanism"] != "nonlocal"
            and description.get("reduction_ratio", 99) > 4
        )

    (mechanisms,) = attention_options(
        DEEP, ["se", "nonlocal"], EVERYTHING, affordable=affordable
    ).values()
    assert set(mechanisms) == {"se"}
    assert mechanisms["se"][0].values == [16, 8]
    assert set(asked) == {"block4"}
    with pytest.raises(ValueError, match="raise max_overhead"):
        attention_options(DEEP, affordable=lambda *_: False)


def test_describes_and_makes_a_layer():
    choices = {"alignment": None, "temperature": [1.0, 0.3]}
    (mechanisms,) = attention_options(DEEP, ["attn_pool"], choices).values()
    drawn = {"alignment": "softmax", "temperature": 0.3, "num_heads": 2}
    description = describe("attn_pool", mechanisms["attn_pool"], drawn)
    layer = layer_of(description)
    assert layer.alignment.temperature == 0.3
    assert layer.num_heads == layer.score.num_heads == 2
    assert layer.score.key_dim == 16
    drawn["alignment"] = toy.UNTEMPERED
    description = describe("attn_pool", mechanisms["attn_pool"], drawn)
    assert description["alignment"] == {"key": toy.UNTEMPERED}


@pytest.mark.parametrize(
    "mechanisms, choices, message",
    [
        (["sse"], None, "mechanisms: expected keys or families.*'sse'"),
        (["cbamm"], None, "Did you mean 'cbam'"),
        ([], None, "mechanisms: expected at least one"),
        (["cbam_spatial"], {"kernel_size": [4]}, "an odd number.*4"),
        (["mhsa"], {"num_heads": [5]}, "fits the place 'block4'"),
        (["mhsa"], {"key_dim": [0]}, "key_dim: expected a positive integer"),
        (["attn_pool"], {"score": ["dott"]}, "Unknown score 'dott'"),
        (["gate"], {"temperature": [0.0]}, "temperature: expected a finite"),
    ],
)
def test_messages(mechanisms, choices, message):
    with pytest.raises(ValueError, match=message):
        attention_options(DEEP, mechanisms, choices)


def test_a_search_by_default_has_one_mechanism_of_each_kind(declared_keys):
    """What another release brings is searched when somebody asks for it."""
    few = ["uniform", "attn_pool", "gate", "se", "cbam"]
    # Somebody else's, who has registered it.
    assert mechanism_keys() == [*few, "powerful"]
    assert [*attention_options(DEEP)["block4"]] == [*few, "powerful"]
    assert sorted(mechanism_keys("all")) == sorted(
        [*layers.available(), "uniform"]
    )


def test_families():
    assert mechanism_keys("channel") == layers.available("channel")
    assert mechanism_keys(["uniform", "gate", "gate"]) == ["uniform", "gate"]


@pytest.fixture
def declared_keys():
    before = dict(layers.registry._entries), dict(alignments.registry._entries)

    @layers.register("powerful", search_space={"power": [1, 2]})
    class Powerful(layers.SqueezeAndExcite2D):
        def __init__(self, power=1, **kwargs):
            super().__init__(**kwargs)
            self.power = power

        def get_config(self):
            return {**super().get_config(), "power": self.power}

    @alignments.register("two_best", search_space={"k": [2, 3]})
    class TwoBest(alignments.TopKAlignment):
        pass

    yield
    for axis, entries in zip((layers, alignments), before, strict=True):
        axis.registry._entries.clear()
        axis.registry._entries.update(entries)


def test_a_class_says_what_may_be_drawn(declared_keys):
    assert arguments_of("powerful")["power"].values == [1, 2]
    # And nothing else of its own, though others are varied in a ratio.
    assert "reduction_ratio" not in arguments_of("powerful")
    assert arguments_of("gate")["key_dim"].values == [32, 64, 128, 256]
    assert arguments_of("mhsa")["key_dim"].values == [16, 32, 64]
    drawn = arguments_of("attn_pool")["alignment_two_best_k"]
    assert drawn.path == ("alignment", "k") and drawn.values == [2, 3]
    assert drawn.parent == "alignment" and drawn.parent_values == ("two_best",)
    # What the user chooses comes first.
    options = attention_options(DEEP, ["gate"], {"key_dim": [7]})
    for found in options.values():
        for argument in found.get("gate", ()):
            assert argument.name != "key_dim" or argument.values == [7]


def test_what_a_class_declares_is_drawn_and_built(declared_keys):
    options = attention_options(
        DEEP,
        ["attn_pool"],
        {"alignment": ["softmax", "two_best"], "score": ["dot"]},
    )
    found = set()
    for seed in range(30):
        hp = keras_tuner.HyperParameters()
        rng = random.Random(seed)
        attention_space(hp, options)
        for _ in range(3):  # Parents first.
            for parameter in list(hp.space):
                hp.values[parameter.name] = rng.choice(parameter.values)
            drawn = attention_space(hp, options)
        what = drawn.get("block4")
        if what and what["alignment"]["key"] == "two_best":
            found.add(layer_of(what).alignment.k)
    assert found == {2, 3}


def test_why_no_mechanism_fits():
    keys, choices = ["mhsa", "se", "uniform"], {"reduction_ratio": [8]}
    with pytest.raises(ValueError, match="No mechanism fits") as caught:
        attention_options({"conv": (64, 64, 4)}, keys, choices)
    message = str(caught.value)
    assert "mhsa: 4096 positions are more than max_positions=1024;" in message
    assert "se: no reduction_ratio fits the map; uniform: makes a" in message
    with pytest.raises(ValueError, match="se: costs more than max_overhead"):
        attention_options({"conv": (8, 8, 64)}, "se", None, 9, lambda *_: False)


def drawn_at(options, place, mechanism):
    return {a.name: a.values for a in options[place][mechanism]}


def test_what_nobody_asked_for_is_not_drawn():
    (mechanisms,) = attention_options(DEEP, "all").values()
    for what in mechanisms.values():
        assert all(len(argument.values) == 1 for argument in what)
    # The first that fits: 16 channels in a group are too many.
    (mechanisms,) = attention_options({"p": (6, 9, 8)}).values()
    assert mechanisms["se"][0].values == [8]


def test_the_most_specific_choice_counts():
    choices = {
        "reduction_ratio": [2],
        "se_reduction_ratio": [4],
        "p_se_reduction_ratio": [4, 8],
        "cbam_kernel_size": None,
        "q_attention": ["none", "se", "spatial"],
        "q_cbam_spatial_kernel_size": [5],
        "dropout": [0.5],
        "mhsa_dropout": [0.1],
    }
    sites = {"p": (14, 14, 16), "q": (14, 14, 16)}
    options = attention_options(sites, ["se", "cbam", "mhsa"], choices)
    assert drawn_at(options, "p", "se")["reduction_ratio"] == [4, 8]
    assert drawn_at(options, "q", "se")["reduction_ratio"] == [4]
    cbam = drawn_at(options, "p", "cbam")
    assert cbam["reduction_ratio"] == [2] and cbam["kernel_size"] == [3, 5, 7]
    assert [*options["q"]] == ["se", "cbam_spatial"]
    assert drawn_at(options, "q", "cbam_spatial")["kernel_size"] == [5]
    # What the network has too is the layer's only behind its mechanism.
    assert drawn_at(options, "p", "mhsa")["dropout"] == [0.1]
    names = attention_names(options)
    assert {*choices} - {"dropout"} <= names
    for name in ("q_cbam_kernel_size", "gate_key_dim", "p_se_kernel_size"):
        assert name not in names
    with pytest.raises(ValueError, match="no usual values of eca's gamma"):
        attention_options(sites, ["eca"], {"eca_gamma": None})


FOREIGN = """
from keras_attention import layers

@layers.register("foreign", search_space={"reduction_ratio": [2, 4]})
class Foreign(layers.SqueezeAndExcite2D):
    pass
"""


def test_layers_of_others_are_searched_as_they_say(tmp_path, monkeypatch):
    (tmp_path / "their_layers.py").write_text(FOREIGN)
    monkeypatch.syspath_prepend(tmp_path)
    before = dict(layers.registry._entries)
    importlib.import_module("their_layers")
    try:
        options = attention_options(DEEP, ["foreign", "se"])
        found = list(enumerate_space(lambda hp: attention_space(hp, options)))
        ratio = "block4_foreign_reduction_ratio"
        assert {values.get(ratio) for values in found} == {None, 2, 4}
        # A layer of ours is as it is until somebody asks for more.
        assert len(found) == 1 + 2 + 1
        options = attention_options(DEEP, "foreign", {"reduction_ratio": [8]})
        assert drawn_at(options, "block4", "foreign")["reduction_ratio"] == [8]
    finally:
        layers.registry._entries.clear()
        layers.registry._entries.update(before)
