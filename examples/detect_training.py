"""How detect.py trains a detector, and what it measures of it."""

import time

import detect_data
import detect_networks
import keras
import numpy as np

from keras_attention import datasets
from keras_attention.tasks import detection


def row_of(name, seed, parts, arguments, folder):
    """Trains a detector, and measures it.

    With `whole_epochs` it is trained twice: as it was built, and then with
    all of its backbone. What it was between the two is `start` of the row.
    """
    keras.utils.set_random_seed(seed)
    (images, objects, names), *_ = parts
    model = detect_networks.build(
        name,
        images.shape[1:],
        len(names),
        objects["labels"].shape[1],
        arguments["frozen"],
        arguments["enlarge"],
    )
    key = "detr_epochs" if name.startswith("DETR") else "epochs"
    rate = arguments["rate"] * (0.25 if name.startswith("DETR") else 1.0)
    row = {"detector": name, "seed": seed, "parameters": model.count_params()}
    found = trained(model, parts, arguments, seed, arguments[key], rate)
    if arguments["whole_epochs"]:
        row["start"], detections = found
        save_found(folder, f"{name}, start", seed, detections)
        detect_networks.unfreeze(model)
        found = trained(
            model,
            parts,
            arguments,
            seed + 1000,  # other changes of the images
            arguments["whole_epochs"],
            arguments["whole_rate"],
        )
    measured, detections = found
    save_found(folder, name, seed, detections)
    if seed == 0:
        copy = detect_networks.without_optimizer(model)
        copy.save(path_of(folder, name))
    return {**row, **measured}


def trained(model, parts, arguments, seed, epochs, rate):
    """Trains a model; what was measured, and what it finds in test images."""
    (images, objects, _), (watched, watched_objects, _), test = parts
    augment = datasets.Augmentation(
        flip=arguments["flip"],
        crop=arguments["crop"],
        zoom=arguments["zoom"],
        seed=seed,
    )
    batches = detect_data.Batches(
        images,
        objects,
        augment,
        seed,
        arguments["batch_size"],
        arguments["workers"],
    )
    steps = len(batches) * epochs
    rates = keras.optimizers.schedules.CosineDecay(
        0.0,
        steps - steps // 10,
        warmup_target=rate,
        warmup_steps=max(1, steps // 10),
    )
    model.compile(
        keras.optimizers.AdamW(rates, weight_decay=1e-4, clipnorm=10.0)
    )
    watch = detection.MeanAveragePrecision(
        watched.astype("float32"),
        watched_objects,
        every=max(1, epochs // 10),
        batch_size=even_batches(len(watched)),
    )
    start = time.perf_counter()
    history = model.fit(
        batches, epochs=epochs, callbacks=[watch], verbose=0
    ).history
    seconds = time.perf_counter() - start
    detections = model.detect(
        test[0].astype("float32"), batch_size=even_batches(len(test[0]))
    )
    measured = {
        "seconds": seconds,
        "loss": history["loss"],
        "validation": history["val_map50"],
        **measures(test, detections),
    }
    return measured, detections


def measures(test, detections):
    """How good what was found in test images is, as JSON takes it."""
    images, objects, names = test
    result = detection.mean_average_precision(
        objects, detections, names, image_size=images.shape[1:3]
    )
    # JSON has no NaN: no class without an object, no size without one.
    return {key: value for key, value in result.items() if value == value}


def even_batches(count):
    """A size of which none is left over: JAX compiles for every size."""
    return next((n for n in range(50, 15, -1) if count % n == 0), 32)


def save_found(folder, name, seed, detections):
    """What a seed's detector finds in the test images."""
    np.savez_compressed(path_of(folder, name, f"{seed}.npz"), **detections)


def path_of(folder, name, kind="keras"):
    """Where the network of the first seed is, or what a seed's has found."""
    return folder / f"{name.replace(', ', '_').replace(' ', '_')}.{kind}"
