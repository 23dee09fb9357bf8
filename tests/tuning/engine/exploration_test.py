import types

import keras_tuner
import pytest

from keras_attention.tuning.engine.exploration import explore


class Nested(keras_tuner.HyperModel):
    """Only a build with the right values shows what is inside a scope."""

    def __init__(self, fault=None):
        super().__init__()
        self.fault = fault
        self.builds = 0

    def build(self, hp):
        self.builds += 1
        kind = hp.Choice("kind", ["none", "se", "cbam"])
        for name in ("se", "cbam"):
            with hp.conditional_scope("kind", [name]):
                if kind == name:
                    if self.fault == name:
                        raise MemoryError("too large")
                    deep = hp.Boolean(f"{name}_deep")
                    with hp.conditional_scope(f"{name}_deep", [True]):
                        if deep:
                            hp.Int(f"{name}_layers", 1, 3)
        hp.Float("rate", 0, 1)


def names(hypermodel):
    job = types.SimpleNamespace(hypermodel=hypermodel)
    empty = keras_tuner.HyperParameters().get_config()
    config, failures = explore(job, empty, True, True)
    return {entry["config"]["name"] for entry in config["space"]}, failures


def test_every_scope_is_entered():
    found, failures = names(Nested())
    assert found == {
        *("kind", "rate", "se_deep", "se_layers"),
        *("cbam_deep", "cbam_layers"),
    }
    assert failures == []


def test_a_failing_build_hides_only_what_it_would_have_shown():
    found, failures = names(Nested("se"))
    assert found == {"kind", "rate", "cbam_deep", "cbam_layers"}
    assert [text.splitlines()[0] for text in failures] == [
        "MemoryError: too large"
    ]


def test_the_very_first_build_may_fail():
    def build(hp):
        hp.Choice("units", [1, 2])
        raise MemoryError("too large")

    hypermodel = Nested()
    hypermodel.build = build
    found, failures = names(hypermodel)
    assert found == {"units"} and len(failures) == 1


def test_declared_spaces_cost_one_model():
    class Declared(Nested):
        def declare_hyperparameters(self, hp):
            builds = self.builds
            Nested.build(self, hp)
            self.builds = builds

    hypermodel = Declared()
    assert len(names(hypermodel)[0]) == 6
    assert hypermodel.builds == 1


def test_fatal_errors_are_raised():
    class Fatal(Nested):
        def build(self, hp):
            raise keras_tuner.errors.FatalValueError("no data")

    with pytest.raises(ValueError, match="no data"):
        names(Fatal())
