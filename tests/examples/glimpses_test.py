"""The canvases, trainings that go on, and the figure of what is known."""

import functools
import json
import pathlib
import sys

import keras
import numpy as np
import pytest

from keras_attention.tasks.glimpses import AttentionSampling

FOLDER = pathlib.Path(__file__).parents[2] / "examples"


@pytest.fixture
def script(monkeypatch, eagerly):
    monkeypatch.syspath_prepend(str(FOLDER))
    import glimpses
    import glimpses_recipe as recipe

    def network(inputs):
        x = keras.layers.Conv2D(3, 3, name="conv")(inputs)
        return keras.layers.GlobalMaxPooling2D()(x)

    def dense(canvas):
        inputs = keras.Input((canvas, canvas, 1))
        outputs = keras.layers.Dense(10, name="predictions")(network(inputs))
        return keras.Model(inputs, outputs)

    def sampling(canvas, num_patches=1, **options):
        patch = keras.Input((8, 8, 1))
        return AttentionSampling(
            (canvas, canvas, 1),
            10,
            feature_network=keras.Model(patch, network(patch)),
            num_patches=num_patches,
            patch_size=8,
            unit_features=False,
            classifier_activation=None,
            **options,
        )

    apart = recipe.Stage(8, 1, 0.1, 8, learns="search")
    replaced = {
        "NETWORKS": {
            "dense": dense,
            "dense, more images": dense,
            "sampling": sampling,
            "sampling, finer": sampling,
            "sampling, weighed again": functools.partial(
                sampling, num_patches=2, weigh_again=True
            ),
        },
        "CONTROLS": {
            "centre": lambda canvas: sampling(
                canvas, attention_network="centre"
            )
        },
        "TESTED": 8,
    }
    for name, value in replaced.items():
        monkeypatch.setattr(glimpses, name, value)
    stages = {
        "dense": {64: [apart._replace(learns="all")]},
        "sampling": {
            128: [apart],
            256: [apart._replace(images=4), recipe.Stage(8, 1, 0.1, 8)],
        },
        "sampling, weighed again": {
            canvas: [apart._replace(learns="weights")] for canvas in (128, 256)
        },
    }
    monkeypatch.setattr(recipe, "STAGES", stages)
    return glimpses


def test_every_network_goes_on_from_canvas_to_canvas(
    script, monkeypatch, tmp_path
):
    argv = ["glimpses.py", "--output", str(tmp_path)]
    argv += ["--networks", "dense", "sampling"]
    argv += ["--splits", "validation", "test"]
    monkeypatch.setattr(sys, "argv", argv)
    assert script.main() == 0
    rows = json.loads((tmp_path / "results.json").read_text())["rows"]
    assert [(row["model"], row["canvas"]) for row in rows] == [
        ("dense", 64),
        *(
            (name, size)
            for size in (128, 256)
            for name in ("sampling", "centre")
        ),
    ]
    for row in rows:
        assert 0 <= min(row["accuracy"], row["validation"]) <= 1
    assert [row["seen"] for row in rows] == [8, 8, 8, 12, 12]

    # On the smaller canvas only the search is learned; then both are.
    from glimpses_networks import SEES

    made = []
    for name, canvas in (("dense", 64), ("sampling", 128), ("sampling", 256)):
        made.append(script.NETWORKS[name](canvas))
        file = script.weights_name(name, canvas, 0)
        made[-1].load_weights(tmp_path / "weights" / file)
    start, apart, together = made
    seen = [*start.get_weights()]
    for model, same in ((apart, True), (together, False)):
        own = [w for n in SEES for w in model.get_layer(n).get_weights()]
        for a, b in zip(own, seen, strict=True):
            assert (a == b).all() == same
    first, second = (
        model.get_layer("attention_scores").get_weights()[0]
        for model in (apart, together)
    )
    assert (first != second).any()
    # What is there is not trained again.
    found = {"rows": rows}
    assert not list(script.accuracy(script.parse_arguments(), found))


def test_what_weighs_patches_again_learns_alone(script, monkeypatch, tmp_path):
    name = "sampling, weighed again"
    search, patches = ("sampling, finer", 128), ("dense, more images", 64)
    before = {}
    for kind, canvas in (search, patches):
        before[kind] = script.NETWORKS[kind](canvas)
        path = tmp_path / script.weights_name(kind, canvas, 0)
        before[kind].save_weights(path)
    monkeypatch.setattr(sys, "argv", ["glimpses.py"])
    arguments = script.parse_arguments()
    after = script.learned(name, 128, 0, arguments, tmp_path)
    looks, sees = before.values()
    known = {layer.name: layer.get_weights() for layer in looks.layers}
    known["patch_features"] = sees.get_weights()[:-2]
    known["predictions"] = sees.get_weights()[-2:]
    known["patch_scores"] = [0.0]
    changed = {
        layer.name
        for layer in after.layers
        for own, old in zip(layer.get_weights(), known[layer.name], strict=True)
        if (own != old).any()
    }
    assert changed == {"patch_scores", "predictions"}
    assert script.recipe.before(name, 128) == (search, patches)
    assert script.recipe.before(name, 256) == (
        ("sampling, finer", 256),
        (name, 128),
    )


def test_a_network_may_keep_where_it_looks(script):
    source, target = (script.NETWORKS["sampling"](128) for _ in range(2))
    own = target.get_layer("attention_scores").get_weights()[0]
    script.hand_on(source, target, "attention")
    for name, same in (("attention_scores", False), ("predictions", True)):
        first, second = (
            network.get_layer(name).get_weights()[0]
            for network in (source, target)
        )
        assert (first == second).all() == same
    assert (target.get_layer("attention_scores").get_weights()[0] == own).all()


def test_where_a_network_looks_may_wait_until_it_sees(script):
    from glimpses_networks import let_learn
    from glimpses_networks import looking

    model = looking(64, 1 / 64)
    every = len(model.trainable_variables)
    paths = {v.path for v in let_learn(model, "sight").trainable_variables}
    assert len(paths) == every - 4  # two kernels, two biases
    assert not [path for path in paths if "locator" in path]
    assert len(let_learn(model, "all").trainable_variables) == every


def test_what_a_network_goes_on_from_is_trained_before(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    import glimpses_recipe

    stages, before = glimpses_recipe.STAGES, glimpses_recipe.before
    begins = set()
    for name, own in stages.items():
        for canvas in own:
            sources = before(name, canvas)
            assert all(size in stages[source] for source, size in sources)
            begins |= set() if sources else {(name, canvas)}
    assert begins == {
        ("dense", 64),
        ("dense, more images", 64),
        ("dense, quarter size", 128),
        ("glimpses", 64),
    }
    assert before("glimpses, by gradient", 128) == (("glimpses", 64),)


def test_a_rival_sees_a_quarter_of_the_size(script):
    from glimpses_networks import NETWORKS

    rival = NETWORKS["dense, quarter size"](128, 1 / 64)
    last = rival.layers[-3]  # before the mean and the logits
    assert last.output.shape[1:3] == (1, 1)
    images = np.arange(128 * 128).reshape(1, 128, 128, 1) % 251
    seen = keras.Model(rival.input, rival.layers[2].output)(images)
    means = images.reshape(32, 4, 32, 4).mean((1, 3)) / 255
    np.testing.assert_allclose(seen[0, :, :, 0], means, atol=1e-6)


def test_canvases_are_shuffled_and_as_dense_as_each_other(script):
    canvases = script.Canvases(64, "train", 33, 0)
    first, second = canvases[0], canvases[1]
    assert first[0].shape == (32, 64, 64, 1) and len(second[1]) == 1
    assert 250 < first[0].max() <= 255 and first[0].dtype == "uint8"
    order = canvases.order.copy()
    canvases.on_epoch_end()
    assert (np.sort(order) == np.arange(33)).all()
    assert (canvases.order != order).any()


def test_the_figure_has_panels_for_what_was_measured(
    script, monkeypatch, tmp_path
):
    row = {"model": "dense", "canvas": 256}
    rows = [
        row | {"seed": 0, "accuracy": 0.5},
        row | {"seed": 1, "accuracy": 0.7},
        row | {"seed": 0, "accuracy": 0.6, "canvas": 64},
    ]
    found = {"rows": rows}
    draw = script.glimpses_figure.draw
    (axes,) = draw(found, ["dense"]).axes
    means, *seeds = [line.get_xydata().tolist() for line in axes.lines]
    assert means == [[64, 0.6], [256, 0.6]]
    assert seeds == [[[64, 0.6]], [[256, 0.5], [256, 0.7]]]

    step = row | {"what": "training", "batch": 16, "seconds": 0.8, "mb": 32}
    found["compiled"] = [step, step | {"what": "inference", "mb": 1}]
    panels = draw(found, ["dense"]).axes
    first = [axes.lines[0].get_xydata().tolist() for axes in panels]
    assert first[1:] == [
        [[256, 50.0]],
        [[256, 2.0]],
        [[50.0, 0.6]],
        [[2.0, 0.6]],
    ]

    (tmp_path / "results.json").write_text(json.dumps(found))
    argv = ["glimpses.py", "--figure", "--output", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", argv)
    assert script.main() == 0 and (tmp_path / "glimpses.png").exists()


def test_a_step_is_compared_with_the_one_beside_it(script, monkeypatch):
    import glimpses_costs

    # A clock that every step moves; every other step is not timed.
    now, lengths = [0.0], iter([50.0, 2.0, 60.0, 1.0, 9.0, 4.0, 9.0, 1.0])
    monkeypatch.setattr(glimpses_costs.time, "perf_counter", lambda: now[0])

    def step():
        now[0] += next(lengths)

    steps = {"dense": step, "sampling": step}
    row = {"canvas": 256, "what": "training"}
    rows = list(glimpses_costs.in_turns(steps, 2, row))
    dense, sampling = rows
    assert (dense["ratio"], dense["seconds"]) == (1.0, 3.0)
    found = [sampling[key] for key in ("ratio", "low", "high")]
    assert found == [0.375, 0.25, 0.5]

    other = dense | {"canvas": 512}
    everything = {"timing": [other, dense | {"seconds": 9.0}]}
    glimpses_costs.replace(everything, "timing", rows)
    assert everything["timing"] == [other, *rows]


def test_weights_go_on_by_the_names_of_layers(script):
    from glimpses_networks import CONTROLS
    from glimpses_networks import NETWORKS
    from glimpses_networks import hand_on

    width = 1 / 64
    dense = NETWORKS["dense"](64, width)
    source = hand_on(dense, NETWORKS["sampling"](128, width))
    patches = source.get_layer("patch_features").get_weights()
    learned = dense.get_weights()
    assert len(patches) == len(learned) - 2
    for target in (
        CONTROLS["centre"](128, width),
        NETWORKS["dense attention"](128, width),
    ):
        hand_on(source if target.name == source.name else dense, target)
        own = {w.tobytes() for w in target.get_weights()}
        assert {w.tobytes() for w in learned} <= own
