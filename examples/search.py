"""Which attention, where, for these images? A search that answers with doubt.

    python examples/search.py                  # digits among clutter
    python examples/search.py --dataset cifar10 --size 32 --width 0.5 \\
        --mechanisms all --tuner hyperband --trials 60 --epochs 30
    sbatch examples/slurm/search.sbatch        # several machines: see there,
    python examples/slurm/jobqueue.py          # and there

Every trial is a VGG16_bn whose attention (which mechanism, at which block) and
learning rate KerasTuner draws. The best of many trials is partly the luckiest:
so the winner is trained again from fresh seeds, beside the same network
without attention and with its maps pooled evenly, and all are tested on images
that the search has not seen.

The same command goes on where it was stopped. Writes to the output
folder: leaderboard.csv and .json, summary.txt, search.html (one page with
everything), the figures, retrained.json and config.json.
"""

import argparse
import contextlib
import functools
import json
import pathlib
import statistics
import sys
import time

import sources
import train

from keras_attention import datasets
from keras_attention import tuning
from keras_attention.internals.arguments import positive_int
from keras_attention.internals.files import write_text

# Of the embedded data: smaller than train.py's, as a search trains so often.
DIGITS = {
    "fragments": 3,
    "test": 2000,
}
# Two of the network's places, five ways to use them and the learning rate: what
# a dozen trials can say something about. `--mechanisms all` draws from all.
PLACES = ["block3", "block4"]
MECHANISMS = ["uniform", "attn_pool", "gate", "se", "cbam"]
CHOICES = {
    "learning_rate": (5e-4, 1e-2),
    "optimizer": "adamw",
    "weight_decay": 1e-4,
    "schedule": "cosine",
    "warm_up": 0.125,
    "dropout": 0.0,
}
FEW = {  # with the mechanisms above; otherwise they are drawn as well
    "score": "additive",
    "alignment": "softmax",
    "aggregation": "weighted_sum",
    "temperature": 1.0,
    "key_dim": 32,
    "num_heads": 1,
    "reduction_ratio": 4,
    "kernel_size": 3,
    "identity_init": False,
}
SEEDS = [1, 2, 3]  # fresh ones: the search has 0
FIGURES = ("progress", "effects", "parallel", "importance", "pareto")


def parse_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--dataset", default="cluttered_digits", help="as in train.py")
    add("--size", type=int, default=40, help="height and width of images")
    add("--images", type=int, help="images to train on: 2400 digits, or all")
    add("--width", type=float, default=0.125, help="share of VGG16's channels")
    add(
        "--mechanisms",
        nargs="+",
        default=MECHANISMS,
        help="keys of attention layers, uniform; or all",
    )
    add("--tuner", default="random", help="grid, hyperband or bayesian")
    add("--trials", type=int, default=12, help="of all calls together")
    add("--epochs", type=int, default=5, help="passes over the images")
    add(
        "--workers",
        default="2",
        help="processes; auto, one a GPU; or a Dask scheduler's file",
    )
    add("--output", default="runs/search", help="folder for what is written")
    arguments = vars(parser.parse_args())
    for name in ("size", "trials", "epochs"):
        positive_int(name, arguments[name])
    positive_int("images", arguments["images"], optional=True)
    workers = arguments["workers"]
    if workers.isdigit():
        arguments["workers"] = int(workers)
    elif workers != "auto" and not pathlib.Path(workers).is_file():
        raise ValueError(
            "--workers: expected a number, auto or the file of a Dask "
            f"scheduler. Received: {workers}"
        )
    return {**arguments, "batch_size": 16}


def data(arguments, role, seed=0):
    """One split. Validation images come with masks, if there are any."""
    return getattr(load(arguments, seed, role != "validation"), role)


def load(arguments, seed=0, supervised=True):
    """The three splits, as `sources.load` gives them."""
    if arguments["dataset"] != "cluttered_digits":
        return sources.load(arguments, train.RECIPE, seed, supervised)
    return datasets.load(
        "cluttered_digits",
        batch_size=arguments["batch_size"],
        seed=seed,
        supervised=supervised,
        canvas=arguments["size"],
        train=arguments["images"] or 2400,
        **DIGITS,
    )


def make_hypermodel(arguments, info):
    """The space of the search."""
    every = arguments["mechanisms"] == ["all"]
    choices = {**CHOICES, "width_multiplier": arguments["width"]}
    return tuning.AttentionHyperModel(
        info.image_shape,
        info.classes,
        mechanisms=arguments["mechanisms"],
        places=None if every else PLACES,
        # With a handful of trials one place at a time can be understood.
        several=every,
        choices={**choices, **(dict.fromkeys(FEW) if every else FEW)},
        epochs=arguments["epochs"],
        batch_size=arguments["batch_size"],
    )


def retrain(result, hypermodel, arguments, path):
    """The winner and what it has to be better than, on fresh seeds.

    Writes every network when it is done, and does not train it again.
    """
    winner = result.winner().values
    rows = json.loads(path.read_text()) if path.exists() else []
    networks = {"winner": winner, **hypermodel.baselines(winner)}
    rows = [
        row for row in rows if networks.get(row["network"]) == row["values"]
    ]
    for name, values in networks.items():
        if any(row["network"] == name for row in rows):
            continue
        fresh = result.retrain(
            hypermodel=hypermodel,
            train=functools.partial(data, arguments, "train"),
            validation=functools.partial(data, arguments, "validation"),
            test=functools.partial(data, arguments, "test"),
            values=None if name == "winner" else values,
            seeds=SEEDS,
        )
        print(f"\n{name}\n{fresh}", flush=True)
        rows.append(
            {
                "network": name,
                "values": values,
                "seeds": SEEDS,
                "test_accuracy": fresh.values,
                "val_accuracy": [row["val_accuracy"] for row in fresh.rows],
                "seconds": [row["seconds"] for row in fresh.rows],
            }
        )
        write_text(path, json.dumps(rows, indent=1) + "\n")
    return rows


def comparison(rows, result):
    """Paragraphs: the networks on fresh seeds, and how lucky the winner was."""
    score = result.winner().score
    fresh = statistics.mean(rows[0]["val_accuracy"])
    lines = [
        f"On {len(SEEDS)} fresh seeds and test images that the search has not "
        "seen, with the winner's learning rate:"
    ]
    lines += [
        f"- {row['network']}: {statistics.mean(row['test_accuracy']):.1%} "
        f"({min(row['test_accuracy']):.1%} to {max(row['test_accuracy']):.1%})"
        for row in rows
    ]
    for row in rows[1:]:
        pairs = zip(rows[0]["test_accuracy"], row["test_accuracy"], strict=True)
        gains = [100 * (own - other) for own, other in pairs]
        verdict = (
            ""
            if min(gains) > 0 or max(gains) < 0
            else ("; the seeds do not agree, so no gain is shown")
        )
        lines.append(
            f"- winner minus {row['network']}: {statistics.mean(gains):+.1f} "
            f"points ({min(gains):+.1f} to {max(gains):+.1f}){verdict}"
        )
    lines += [
        "",
        f"In the search the winner had {score:.1%} on the validation images; "
        f"fresh seeds have {fresh:.1%} on the same images. The difference is "
        "luck that the choice of the best picked out.",
    ]
    return "\n".join(lines)


def write(result, rows, arguments, output):
    """All files but those of the search itself."""
    write_text(output / "leaderboard.csv", result.table("csv"))
    write_text(output / "leaderboard.json", result.table("json") + "\n")
    result.to_html(output / "search.html")
    for name in FIGURES:
        figure = getattr(result, f"plot_{name}")()
        figure.savefig(output / f"{name}.png")
    text = f"{result.summary()}\n\n{comparison(rows, result)}\n"
    write_text(output / "summary.txt", text)
    # Of all calls together, however many ran at a time.
    seconds = {
        "trials": sum(t.metrics["seconds"] for t in result.finished),
        "retraining": sum(sum(row["seconds"]) for row in rows),
    }
    seconds = {name: round(value) for name, value in seconds.items()}
    config = {"arguments": arguments, "seconds of training": seconds}
    write_text(output / "config.json", json.dumps(config, indent=1) + "\n")
    print(f"\n{result}\n\n{text}")


@contextlib.contextmanager
def connected(workers):
    """The client of a scheduler's file; `None` for workers of this machine."""
    if isinstance(workers, int) or workers == "auto":
        yield None
        return
    import distributed

    with distributed.Client(scheduler_file=workers) as client:
        yield client


def main(client=None, at_a_time=None):
    """The example; `client` is of a Dask cluster that runs the trials."""
    start = time.perf_counter()
    # All that can be wrong with the settings shows before any training.
    try:
        arguments = parse_arguments()
        output = pathlib.Path(arguments["output"])
        info = load(arguments).info
        hypermodel = make_hypermodel(arguments, info)
        output.mkdir(parents=True, exist_ok=True)
        workers = arguments["workers"]
        with contextlib.ExitStack() as stack:
            if client is None:
                client = stack.enter_context(connected(workers))
            result = tuning.search(
                hypermodel,
                functools.partial(data, arguments, "train"),
                functools.partial(data, arguments, "validation"),
                tuner=arguments["tuner"],
                max_trials=arguments["trials"],
                epochs=arguments["epochs"],
                workers=workers if client is None else at_a_time,
                client=client,
                directory=output / "trials",
            )
    except (ValueError, OSError) as error:
        print(f"search.py: error: {error}", file=sys.stderr)
        return 2
    rows = retrain(result, hypermodel, arguments, output / "retrained.json")
    write(result, rows, arguments, output)
    print(f"Written to {output} in {time.perf_counter() - start:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
