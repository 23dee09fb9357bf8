"""What does a network look at, and is what its maps show true?

    python examples/explain.py EfficientNetLite0 photos/
    python examples/explain.py runs/train/attention.keras cluttered_digits
    python examples/explain.py MobileNetV2 photos/ --weights weights.h5

Any `.keras` file, `EfficientNetLite0`, or a network of keras.applications, as
it is: nothing is attached or changed. Images are a folder (of class folders,
or of photographs, which are padded, and the maps brought back to them), an
`.npz` file, or `cluttered_digits`. Networks of a file
take pixels in [0, 1], as train.py's do; the others are given what they were
trained with.

Learned attention, if there is any, stands beside Grad-CAM and its kin, and
each map beside maps that know nothing of the network: random, the centre, the
image's edges. Writes to the output folder: maps.jpg; compared.jpg, how alike
the maps of an image are; report.txt and results.json, whether they are true;
gallery/index.html, all images, the worst agreement first.
"""

import argparse
import dataclasses
import importlib
import json
import pathlib
import sys

import keras
import numpy as np
import place_attention
import sources
from PIL import Image

from keras_attention import EfficientNetLite0
from keras_attention import datasets
from keras_attention import explanation
from keras_attention import visualization
from keras_attention.features import preprocess_input
from keras_attention.internals.arguments import positive_int
from keras_attention.internals.files import write_text

METHODS = (
    *("grad_cam", "grad_cam_plus_plus", "hires_cam", "layer_cam"),
    *("score_cam", "saliency", "smooth_grad", "integrated_gradients"),
    *("occlusion", "rise"),
)
SHOWN = 5  # images of a figure


def parse_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("model", help=".keras file, EfficientNetLite0 or keras.applications'")
    add("images", help="folder, .npz file or cluttered_digits")
    add("--weights", default="imagenet", help="of a name: imagenet, file, none")
    add("--size", type=int, help="height and width; default: the network's")
    add("--count", type=int, default=32, help="how many images, the first")
    add("--methods", nargs="+", default=["grad_cam"], choices=METHODS)
    add("--layer", help="to explain; default: the last map")
    add("--target", type=int, help="class; default: the predicted one")
    add("--steps", type=int, default=10, help="of deletion and insertion")
    add("--output", default="runs/explain", help="for what is written")
    arguments = vars(parser.parse_args())
    for name in ("count", "steps"):
        positive_int(f"--{name}", arguments[name])
    return arguments


def network(arguments):
    """The model, and what makes of pixels in [0, 1] what it takes."""
    name, weights = arguments["model"], arguments["weights"]
    if pathlib.Path(name).suffix == ".keras":
        return keras.models.load_model(name, compile=False), np.asarray
    weights = None if weights == "none" else weights
    size = arguments["size"] or 224
    shape = (size, size, 3)
    if name == "EfficientNetLite0":
        model = EfficientNetLite0(weights=weights, input_shape=shape)
        return model, lambda pixels: preprocess_input(
            255 * pixels, weights="efficientnet_lite0"
        )
    make = getattr(keras.applications, name, None)
    if not callable(make):
        raise ValueError(
            "expected a .keras file, EfficientNetLite0 or a network of "
            f"keras.applications. Received: {name}"
        )
    module = importlib.import_module(make.__module__)
    module = getattr(keras.applications, module.__name__.split(".")[-1])
    return make(
        weights=weights, input_shape=shape
    ), lambda pixels: module.preprocess_input(255 * pixels)


def data(arguments, size):
    """`(pixels in [0, 1], labels, masks, class_names, photographs)`.

    What is not known is `None`; photographs are those that were padded.
    """
    name, count = arguments["images"], arguments["count"]
    if name == "cluttered_digits":
        test = datasets.load(
            name, canvas=size, train=1, test=count, supervised=False
        ).test
        columns = zip(*(batch.items() for batch in test), strict=True)
        found = {
            column[0][0]: np.concatenate([np.asarray(x) for _, x in column])
            for column in columns
        }
        return found["image"], found["label"], found["mask"], None, None
    path = pathlib.Path(name)
    if path.name.startswith("coco"):
        images, masks = place_attention.coco(path.parent)
        masks = [
            np.asarray(Image.fromarray(mask[..., 0]).resize((size, size)))
            for mask in masks[:count]
        ]
        masks = np.stack(masks).astype("float32")
        return images[:count], None, masks, None, None
    files = [] if path.suffix else sorted(path.iterdir())
    if any(file.is_file() for file in files):
        photographs = [datasets.read_image(file) for file in files[:count]]
        pixels = np.stack(
            [
                datasets.lay_out(photograph, (size, size), "pad")
                for photograph in photographs
            ]
        )
        return pixels.astype("float32") / 255, None, None, None, photographs
    test = sources.examples(name, size).test[:count]
    masks = None if test.masks is None else np.asarray(test.masks)
    if masks is not None and test.has_mask is not None:
        masks = masks * test.has_mask[:, None, None, None]
    pixels = np.asarray(test.images, "float32") / 255
    return pixels, np.asarray(test.labels), masks, test.class_names, None


def learned(model, images):
    """The spatial maps of the model's attention, `{name: AttentionMap}`."""
    try:
        maps = visualization.collect_attention(model, images)
    except ValueError as error:
        if "no attention layer" not in str(error):
            raise
        return {}
    return {name: one for name, one in maps.items() if one.kind == "spatial"}


def explained(model, images, arguments):
    """The maps of the methods, `{name: (batch, height, width)}`."""
    target = arguments["target"]
    maps = {}
    for name in arguments["methods"]:
        method = getattr(explanation, name)
        takes_layer = name.endswith("cam") or "grad_cam" in name
        options = {"layer": arguments["layer"]} if takes_layer else {}
        maps[name] = method(model, images, target, **options)
        print(f"{name}: {maps[name].shape}", flush=True)
    return maps


def drawable(maps, originals):
    """The maps as figures take them: not negative, over the photographs."""
    found = {}
    for name, one in maps.items():
        if isinstance(one, visualization.AttentionMap):
            found[name] = dataclasses.replace(one, originals=originals)
        else:
            one = np.maximum(one, 0)
            found[name] = (
                one if originals is None else originals.bring_back(one)
            )
    return found


def main():
    arguments = parse_arguments()
    output = pathlib.Path(arguments["output"])
    try:
        model, preprocess = network(arguments)
        size = arguments["size"] or model.input_shape[1] or 224
        pixels, labels, masks, class_names, shown = data(arguments, size)
        output.mkdir(parents=True, exist_ok=True)
    except (ValueError, OSError) as error:
        print(f"explain.py: error: {error}", file=sys.stderr)
        return 2
    images = np.asarray(preprocess(pixels), "float32")
    answers = model.predict(images, verbose=0)
    if class_names is not None and len(class_names) != answers.shape[-1]:
        print("The images' classes are not the network's: left out")
        labels = class_names = None
    maps = {**learned(model, images), **explained(model, images, arguments)}
    originals = None
    if shown is None:
        shown = pixels
    else:
        sizes = [photograph.shape[:2] for photograph in shown]
        originals = datasets.Originals(sizes, pixels.shape[1:3], "pad")
    over = drawable(maps, originals)
    drawn = {name: over[name][:SHOWN] for name in over}
    outlines = None if masks is None else masks[:SHOWN]

    figure = visualization.plot_attention(
        shown[:SHOWN],
        drawn,
        outlines=outlines,
        predictions=answers[:SHOWN],
        labels=None if labels is None else labels[:SHOWN],
        class_names=class_names,
        normalize="per_image",
    )
    figure.savefig(output / "maps.jpg")
    figure = visualization.compare_maps(shown[:SHOWN], drawn, outlines)
    figure.savefig(output / "compared.jpg")
    gallery = visualization.AttentionGallery(
        output / "gallery", title=f"{model.name} on {arguments['images']}"
    )
    gallery.add(
        shown,
        over,
        labels=labels,
        predictions=answers,
        class_names=class_names,
        masks=masks,
    )
    gallery.write()

    report = explanation.faithfulness_report(
        model,
        images,
        {name: np.asarray(values) for name, values in maps.items()},
        arguments["target"],
        masks,
        measures=("deletion", "insertion"),
        steps=arguments["steps"],
    )
    found = {"faithfulness": json.loads(report.to_json())}
    texts = [str(report)]
    check = explanation.randomisation_check(
        model, images[:8], explanation.grad_cam, steps=5
    )
    found["grad_cam of a forgetful network"] = json.loads(check.to_json())
    texts.append(str(check))
    if labels is not None and learned(model, images[:1]):
        used = explanation.attention_is_used(model, images, labels)
        found["is attention used"] = json.loads(used.to_json())
        texts.append(str(used))
    text = "\n\n".join(texts)
    write_text(output / "report.txt", f"{text}\n")
    given = {
        name: pathlib.Path(value).name if name in ("model", "images") else value
        for name, value in arguments.items()
        if name != "output"
    }
    found = {"arguments": given, **found}
    write_text(output / "results.json", json.dumps(found, indent=1) + "\n")
    print(f"\n{text}\n\nWritten to {output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
