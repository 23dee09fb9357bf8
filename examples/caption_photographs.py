"""Show, Attend and Tell on photographs: Flickr8k, COCO, or 53 of them.

    pip install 'keras-visual-attention[captioning,pretrained]'
    python examples/caption_photographs.py \\
        --captions dataset_flickr8k.json --images Flicker8k_Dataset
    python examples/caption_photographs.py \\
        --captions dataset_coco.json --images coco --units 1024
    python examples/caption_photographs.py --tfds coco_captions --units 1024
    python examples/caption_photographs.py --npz coco_clean_288.npz \\
        --units 128 --learning-rate 2e-3 --epochs 45

The first two take Karpathy's JSON and the folder that its paths are in, the
third any set with captions that TFDS has prepared for random access; the
captions are those of the split `test` after training on `train` (and
`restval`), as long as the loss on `val` falls. They need the data sets, and
Flickr8k hours on two cores; they were not run here.

The fourth is a check and no result: it is asked about the 53 photographs that
it was trained on, with 5 captions of each. Its maps are those of a model that
has nothing to generalize from.

A frozen EfficientNet-Lite0 with ImageNet's weights reads every image once, at
224 pixels; its maps of 7 x 7 positions are what is trained on. The paper has
VGG-19 at 14 x 14 positions.

Writes results.json, config.json, vocabulary.json, model.keras and captions.png
to the output folder.
"""

import argparse
import io
import json
import pathlib
import sys

import keras
import numpy as np
from PIL import Image

from keras_attention import EfficientNetLite0
from keras_attention import losses
from keras_attention import metrics
from keras_attention import visualization
from keras_attention.features import preprocess_input
from keras_attention.internals.files import write_text
from keras_attention.tasks import captioning

SIZE, CHUNK, SHOWN = 224, 64, 3
BEAM = 3
SPLITS = {"restval": "train", "validation": "val"}


def parse_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--captions", help="Karpathy's JSON file")
    add("--images", help="the folder of its images")
    add("--tfds", help="name of a TFDS set with captions")
    add("--npz", help="a file of encoded images with captions")
    add("--min-count", type=int, help="of a word; 5, or 1 with --npz")
    add("--length", type=int, default=25, help="words of a caption at most")
    add("--units", type=int, default=512, help="of the LSTM")
    add("--epochs", type=int, default=60, help="passes over the captions")
    add("--learning-rate", type=float, default=4e-4, help="of Adam")
    add("--output", default="runs/caption_photographs", help="folder")
    arguments = vars(parser.parse_args())
    ways = [arguments[name] for name in ("npz", "captions", "tfds")]
    if sum(map(bool, ways)) != 1:
        parser.error("give --captions and --images, or --tfds, or --npz")
    if arguments["min_count"] is None:
        arguments["min_count"] = 1 if arguments["npz"] else 5
    return arguments


def listed(arguments):
    """`{split: [(what opens the image, its captions)]}`."""
    if arguments["npz"]:
        with np.load(arguments["npz"]) as file:
            data = {name: file[name] for name in file}
        found = {}
        for text, image in zip(
            data["captions"], data["caption_image"], strict=True
        ):
            found.setdefault(int(image), []).append(str(text))
        starts = data["offsets"]
        images = [
            (data["jpeg"][starts[i] : starts[i + 1]].tobytes(), texts)
            for i, texts in found.items()
        ]
        return {"train": images, "test": images}
    if arguments["tfds"]:
        return of_tfds(arguments["tfds"])
    folder, found = pathlib.Path(arguments["images"]), {}
    for image in captioning.read_captions(arguments["captions"]):
        split = SPLITS.get(image.split, image.split)
        entry = (folder / image.file, image.captions)
        found.setdefault(split, []).append(entry)
    return found


def of_tfds(name):
    """The same, of a set that TFDS has prepared; images stay where they are."""
    import tensorflow_datasets as tfds

    encoded, found = {"image": tfds.decode.SkipDecoding()}, {}
    builder = tfds.builder(name)
    for split in builder.info.splits:
        source = builder.as_data_source(split, decoders=encoded)
        entries = found.setdefault(SPLITS.get(split, split), [])
        for index, example in enumerate(source):
            texts = captioning.captions_of(example)
            entries.append(((source, index), texts))
    return found


def opened(source):
    """`(224, 224, 3)`, uint8: the shorter side resized, the centre cropped."""
    if isinstance(source, tuple):
        examples, index = source
        source = examples[index]["image"]
    if isinstance(source, bytes):
        source = io.BytesIO(source)
    with Image.open(source) as image:
        image = image.convert("RGB")
        scale = SIZE / min(image.size)
        width, height = (max(SIZE, round(scale * x)) for x in image.size)
        image = image.resize((width, height), Image.Resampling.BILINEAR)
        left, top = (width - SIZE) // 2, (height - SIZE) // 2
        return np.asarray(image.crop((left, top, left + SIZE, top + SIZE)))


def maps_of(network, images, path):
    """What the network makes of images, on the disk, in float16."""
    shape = (len(images), *network.output_shape[1:])
    maps = np.lib.format.open_memmap(path, "w+", "float16", shape)
    for start in range(0, len(images), CHUNK):
        part = images[start : start + CHUNK]
        pixels = np.stack([opened(source) for source, _ in part])
        pixels = preprocess_input(pixels, weights="efficientnet_lite0")
        maps[start : start + CHUNK] = network.predict(pixels, verbose=0)
    return maps


def main():
    arguments = parse_arguments()
    output = pathlib.Path(arguments.pop("output"))
    output.mkdir(parents=True, exist_ok=True)
    keras.utils.set_random_seed(0)
    parts = listed(arguments)
    network = EfficientNetLite0(
        include_top=False, weights="imagenet", input_shape=(SIZE, SIZE, 3)
    )
    maps = {
        split: maps_of(network, images, output / f"{split}.npy")
        for split, images in parts.items()
    }
    captions = {
        split: [texts for _, texts in images] for split, images in parts.items()
    }
    vocabulary = captioning.Vocabulary.from_captions(
        captions["train"], arguments["min_count"]
    )
    model = captioning.CaptioningModel(
        network.output_shape[1:],
        vocabulary,
        arguments["length"],
        embedding_dim=256,
        units=arguments["units"],
        key_dim=256,
    )
    batches = {
        split: captioning.CaptionBatches(
            maps[split],
            captions[split],
            model,
            seed=0 if split == "train" else None,
            truncate=True,
        )
        for split in maps
    }
    model.compile(
        keras.optimizers.Adam(arguments["learning_rate"], global_clipnorm=5.0),
        losses.CaptionCrossentropy(),
    )
    waits = [keras.callbacks.EarlyStopping("val_loss", patience=3)]
    history = model.fit(
        batches["train"],
        validation_data=batches.get("val"),
        epochs=arguments["epochs"],
        callbacks=waits if "val" in batches else [],
        verbose=2,
    ).history

    said = captioning.generate(model, maps["test"], BEAM)
    scores = metrics.caption_scores(said.texts, captions["test"])
    print(json.dumps(scores, indent=1))
    row = {
        "images": {split: len(images) for split, images in parts.items()},
        "tokens": len(vocabulary),
        "loss": history["loss"][-1],
        "beam_size": BEAM,
        "texts": said.texts[:SHOWN],
        **scores,
    }
    for name in ("npz", "captions", "images"):
        path = arguments[name]
        arguments[name] = path and pathlib.Path(path).name
    for name, content in (("results", {"rows": [row]}), ("config", arguments)):
        text = json.dumps(content, indent=2)
        write_text(output / f"{name}.json", f"{text}\n")
    vocabulary.save(output / "vocabulary.json")
    model.save(output / "model.keras")
    shown = np.stack([opened(source) for source, _ in parts["test"][:SHOWN]])
    few = captioning.Captions(
        said.texts[:SHOWN],
        said.tokens[:SHOWN],
        said.scores[:SHOWN],
        said.ended[:SHOWN],
        said.attention[:SHOWN],
    )
    figure = visualization.plot_caption_attention(shown, few)
    figure.savefig(output / "captions.png", dpi=60)
    print(f"Written to {output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
