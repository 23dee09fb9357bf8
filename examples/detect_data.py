"""What detect.py learns from: images, and what is where in each.

Every source gives a training, a validation and a test set of `(images, objects,
names)`: uint8 `(count, height, width, channels)`, the dict that `pad_objects`
makes, and the names of the classes.
"""

import io

import keras
import numpy as np
from PIL import Image

from keras_attention import datasets
from keras_attention.tasks import detection


def digits(canvas, train, validation, test):
    """Four handwritten digits a canvas, among fragments of others."""
    settings = datasets.DigitsSettings(
        canvas=canvas,
        digits=4,
        scale=(2.0, 2.25),
        fragments=2,
        train=train,
        validation=validation,
        test=test,
    )
    names = [str(digit) for digit in range(10)]
    parts = []
    for split in ("train", "validation", "test"):
        examples = list(datasets.generate(settings, split))
        images, boxes, labels = (
            [example[key] for example in examples]
            for key in ("image", "boxes", "labels")
        )
        objects = detection.pad_objects(boxes, labels)
        parts.append((np.stack(images), objects, names))
    return parts


def npz(path):
    """A file such as bccd_320x240.npz; see the README.md beside it."""
    with np.load(path) as file:
        data = dict(file)
    raw, ends = data["jpeg"].tobytes(), data["offsets"]
    parts = []
    for number in range(3):
        indices = np.flatnonzero(data["split"] == number)
        files = [io.BytesIO(raw[ends[i] : ends[i + 1]]) for i in indices]
        of_image = [data["box_image"] == i for i in indices]
        # x comes first in these files.
        boxes = [data["boxes"][own][:, [1, 0, 3, 2]] for own in of_image]
        labels = [data["box_label"][own] for own in of_image]
        parts.append(
            (
                np.stack([np.asarray(Image.open(file)) for file in files]),
                detection.pad_objects(boxes, labels),
                data["class_names"].tolist(),
            )
        )
    return parts


def tfds(name, size):
    """Any set of TensorFlow Datasets that has `objects`, squared to a size."""
    import tensorflow_datasets

    builder = tensorflow_datasets.builder(name)
    builder.download_and_prepare(file_format="array_record")
    names = builder.info.features["objects"]["label"].names
    splits = builder.info.splits
    taken = ["train", "validation", "test"]
    if "test" not in splits or name == "coco/2017":  # without its objects
        taken = ["train[5%:]", "train[:5%]", "validation"]
    parts = []
    for split in taken:
        images, boxes, labels = [], [], []
        for example in builder.as_data_source(split):
            image = Image.fromarray(example["image"]).convert("RGB")
            images.append(np.asarray(image.resize((size, size))))
            # (ymin, xmin, ymax, xmax) as shares, as here.
            found = example["objects"]
            boxes.append(found["bbox"])
            labels.append(found["label"])
        objects = detection.pad_objects(boxes, labels)
        parts.append((np.stack(images), objects, names))
    return parts


class Batches(keras.utils.PyDataset):
    """Shuffled batches, whose boxes follow what is done to the images.

    Args:
        images: uint8 array `(count, height, width, channels)`.
        objects: dict of arrays, as `pad_objects` makes it.
        augment: `Augmentation` or `None`.
        seed: int, of the order.
        batch_size: int.
        workers: int, threads that make batches. Defaults to `1`.
    """

    def __init__(self, images, objects, augment, seed, batch_size, workers=1):
        super().__init__(workers=workers)
        self.images, self.objects = images, objects
        self.augment, self.batch_size = augment, batch_size
        self.epoch, self.generator = 0, np.random.default_rng(seed)
        self.order = self.generator.permutation(len(images))

    def __len__(self):
        return len(self.images) // self.batch_size

    def __getitem__(self, batch):
        first = batch * self.batch_size
        places = self.order[first : first + self.batch_size]
        elements = {"image": self.images[places]}
        elements["boxes"] = self.objects["boxes"][places]
        if self.augment is not None:
            elements = self.augment(elements, self.epoch, places)
        objects = {
            "boxes": elements["boxes"],
            "labels": self.objects["labels"][places],
        }
        return elements["image"].astype("float32"), objects

    def on_epoch_end(self):
        self.epoch += 1
        self.order = self.generator.permutation(len(self.images))
